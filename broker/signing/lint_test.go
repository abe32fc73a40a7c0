package signing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
