package signing_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// TestLint gives each weakness once, and sees the line named; a ring without any is
// silent.
func TestLint(t *testing.T) {
	t.Parallel()
	at := day(6, 1)
	person := func(name string, role signing.Role, until time.Time) *signingtest.Person {
		p := signingtest.NewPerson(t, name+"@pc.example", role)
		p.After, p.Before = at.AddDate(0, -1, 0), until
		return p
	}
	spare := func(p *signingtest.Person) *signingtest.Person {
		s := signingtest.NewPerson(t, "spare."+p.Principal, p.Role)
		s.Principal, s.After, s.Before = p.Principal, p.After, p.Before
		return s
	}
	next := at.AddDate(0, 6, 0)
	anna, bruno := person("anna", signing.Officer, next), person("bruno", signing.Officer, next)
	whole := []*signingtest.Person{anna, spare(anna), bruno, spare(bruno)}
	tests := map[string]struct {
		text, revoked string
		want          string // "line severity part of the text"; "" for nothing
	}{
		"good":         {text: string(signingtest.RingText(t, whole...))},
		"empty":        {text: "# nobody\n", want: "0 error there is no signer"},
		"no_namespace": {text: strings.Replace(anna.Line(t), "namespaces", "namespace", 1), want: "1 error unknown option"},
		"no_z":         {text: strings.Replace(anna.Line(t), `Z",valid-before`, `",valid-before`, 1), want: "1 error"},
		"wildcard":     {text: strings.Replace(anna.Line(t), "anna@", "*@", 1), want: "1 error stands for many"},
		"two_roles":    {text: anna.Line(t) + "\n" + strings.ReplaceAll(anna.Line(t), "officer@", "police@"), want: "2 error already has the role"},
		"goes_on":      {text: "rubbish\n" + strings.Replace(anna.Line(t), "anna@", "*@", 1), want: "2 error stands for many"},
		"ends_soon":    {text: person("anna", signing.Officer, at.AddDate(0, 0, 20)).Line(t), want: "1 warning no other line renews it"},
		"ended":        {text: person("anna", signing.Officer, at.Add(-time.Hour)).Line(t), want: "1 note it ended"},
		"long":         {text: person("anna", signing.Officer, at.AddDate(3, 0, 0)).Line(t), want: "1 warning more than two years"},
		"one_key":      {text: string(signingtest.RingText(t, anna, bruno, spare(bruno))), want: "1 warning one key only"},
		"one_person":   {text: string(signingtest.RingText(t, anna, spare(anna))), want: "1 warning one person only"},
		"revoked":      {text: string(signingtest.RingText(t, append(whole, person("carla", signing.Officer, next))...)), revoked: publicLine(person("carla", signing.Officer, next).PublicKey()), want: "5 note revoked"},
		"bad_revoked":  {text: string(signingtest.RingText(t, whole...)), revoked: "rubbish", want: "0 error"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said []string
			found := false
			for _, f := range signing.Lint([]byte(tt.text), []byte(tt.revoked), nil, at) {
				text := f.English
				if f.Err != nil {
					text = f.Err.Error()
				} else if f.Italian == "" || strings.Contains(f.Italian, "come officer") {
					t.Errorf("line %d says in Italian %q", f.Line, f.Italian)
				}
				said = append(said, fmt.Sprintf("%d %s %s", f.Line, f.Severity, text))
				head, part, _ := strings.Cut(tt.want, " ")
				severity, part, _ := strings.Cut(part, " ")
				found = found || fmt.Sprint(f.Line) == head && string(f.Severity) == severity && strings.Contains(text, part)
			}
			if tt.want == "" && len(said) > 0 || tt.want != "" && !found {
				t.Errorf("it says %q, want %q", said, tt.want)
			}
		})
	}
	policy := signingtest.Policy(t)
	found := signing.Lint(signingtest.RingText(t, whole...), nil, policy, at)
	if len(found) != 1 || found[0].Line != 0 || found[0].Italian != "le regole chiedono la firma di: referente di polizia; nessuno può darla" ||
		found[0].English != "the policy asks for the signature of: police liaison; nobody can give it" {
		t.Errorf("a ring without police is found %+v", found)
	}
}

// TestLintVersion gives a version whose rules its people cannot satisfy, or whose next one
// its managers cannot sign, and sees it said; with one more person there is nothing to say.
func TestLintVersion(t *testing.T) {
	t.Parallel()
	at := day(6, 1)
	officer, police := signingtest.Officer(t), signingtest.Police(t)
	deputy := func(organisation string) *signingtest.Person {
		return signingtest.NewPerson(t, "vice@"+organisation, signing.Deputy)
	}
	authority := func(organisation string) string {
		p := signingtest.NewPerson(t, "ca@"+organisation, signing.Deputy)
		return strings.Replace(p.Line(t), "ca@"+organisation+" ", "*@"+organisation+" cert-authority,", 1)
	}
	rules := func(rule string) string {
		return "version: 1\nalert:\n  " + rule + "\nupdate:\n  all: [officer, police]\ncancel:\n  any: [officer]\n"
	}
	house := strings.SplitN(officer.Principal, "@", 2)[1]
	manager := func(name string) string { return signingtest.NewPerson(t, name, signing.Keyring).Line(t) + "\n" }
	three := manager("a@pc.example") + manager("b@questura.example") + manager("c@prefettura.example")
	tests := map[string]struct {
		rule, signers, root string
		threshold           int
		want                string // "file severity part of the text"; "" for nothing
		cannot              bool   // release an alert
	}{
		"good":               {rule: "all: [officer, police]"},
		"missing_role":       {rule: "all: [officer, deputy]", want: "signers warning signature of: deputy; nobody can give it", cannot: true},
		"one_organisation":   {rule: "all: [officer, deputy]", signers: deputy(house).Line(t), want: "signers warning alert: nobody can satisfy the rule all: [officer, deputy]", cannot: true},
		"other_organisation": {rule: "all: [officer, deputy]", signers: deputy("prefettura.example").Line(t)},
		"own_authority":      {rule: "all: [officer, deputy]", signers: authority(house), want: "signers warning alert: nobody can satisfy", cannot: true},
		"other_authority":    {rule: "all: [officer, deputy]", signers: authority("prefettura.example")},
		"three_of_two":       {rule: "all: [officer, police, deputy]", signers: deputy(house).Line(t), want: "signers warning alert: nobody can satisfy", cannot: true},
		"any":                {rule: "any: [deputy, officer]"},
		"threshold_too_high": {rule: "all: [officer, police]", threshold: 4, want: "root error 4 managers must sign each version, and there are 3"},
		"threshold_all":      {rule: "all: [officer, police]", threshold: 3, want: "root warning all managers must sign"},
		"threshold_one":      {rule: "all: [officer, police]", threshold: 1, want: "root warning one manager alone is enough"},
		"one_house":          {rule: "all: [officer, police]", root: manager("a@pc.example") + manager("b@pc.example") + manager("c@pc.example"), want: "root error more than one manager must sign, and all of them are of one organisation"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta := signing.Meta{Version: 1, Threshold: cmp.Or(tt.threshold, 2), Expires: day(12, 1)}
			v, err := signing.Seal(meta, signing.Contents{
				Root: []byte(cmp.Or(tt.root, three)), Signers: []byte(string(signingtest.RingText(t, officer, police)) + "\n" + tt.signers + "\n"), Policy: []byte(rules(tt.rule)),
			})
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, f := range v.Lint(at) {
				text := f.English
				if f.Err != nil {
					text = f.Err.Error()
				}
				if f.Line == 0 {
					said = append(said, fmt.Sprintf("%s %s %s", f.File, f.Severity, text))
				}
			}
			where, part, _ := strings.Cut(tt.want, " ")
			severity, part, _ := strings.Cut(part, " ")
			found := len(said) == 1 && strings.HasPrefix(said[0], where+" "+severity) && strings.Contains(said[0], part)
			if tt.want == "" && len(said) > 0 || tt.want != "" && !found {
				t.Errorf("it says %q, want %q", said, tt.want)
			}
			if v.CanRelease(alert.RealmLive, at) == tt.cannot {
				t.Errorf("an alert can be released: %v", !tt.cannot)
			}
		})
	}
}

// TestLintManagersOfEachRealm has managers of exercises who are fewer and of two organisations: that those of
// alerts are of one is said all the same.
func TestLintManagersOfEachRealm(t *testing.T) {
	t.Parallel()
	now := day(6, 1)
	only := func(name string, realm alert.Realm) string {
		p := signingtest.NewPerson(t, name, signing.Keyring)
		l, err := signing.RingLine(name, signing.Keyring, []alert.Realm{realm}, day(1, 1), day(12, 1), p.PublicKey(), "")
		if err != nil {
			t.Fatal(err)
		}
		return l + "\n"
	}
	live := only("a@pc.example", alert.RealmLive) + only("b@pc.example", alert.RealmLive) + only("c@pc.example", alert.RealmLive)
	exercise := only("d@pc.example", alert.RealmExercise) + only("e@questura.example", alert.RealmExercise)
	house := "error more than one manager must sign, and all of them are of one organisation: add managers of another"
	all := "warning all managers must sign: if one loses the key, the key ring can't be changed any more; add another"
	for name, tt := range map[string]struct {
		root string
		want []string
	}{
		"both":          {live + exercise, []string{house + " (live)", all + " (exercise)"}},
		"live_alone":    {live, []string{house}},
		"exercise_only": {exercise, []string{all}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := signing.Seal(signing.Meta{Version: 1, Threshold: 2, Expires: day(12, 1)}, signing.Contents{
				Root: []byte(tt.root), Signers: signingtest.RingText(t, signingtest.Officer(t), signingtest.Police(t)), Policy: signing.DefaultPolicy(),
			})
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, f := range v.Lint(now) {
				switch {
				case f.File != signing.FileRoot || f.Line > 0:
				case f.Err != nil:
					said = append(said, fmt.Sprintf("%s %v", f.Severity, f.Err))
				default:
					said = append(said, fmt.Sprintf("%s %s", f.Severity, f.English))
				}
			}
			if !slices.Equal(said, tt.want) {
				t.Errorf("it says %q, want %q", said, tt.want)
			}
		})
	}
}
