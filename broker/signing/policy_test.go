package signing_test

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/signing"
)

func TestDefaultPolicy(t *testing.T) {
	t.Parallel()
	text := signing.DefaultPolicy()
	p, err := signing.ParsePolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	both := []signing.Role{signing.Officer, signing.Police}
	for _, kind := range []alert.MsgType{alert.MsgAlert, alert.MsgUpdate, alert.MsgCancel} {
		r, ok := p.Rule(kind, "")
		if !ok || r.Signatures() != 2 || !slices.Equal(r.Roles(), both) {
			t.Errorf("for %s the default policy says %+v", kind, r)
		}
	}
	for kind, msgType := range map[bulletin.Kind]alert.MsgType{bulletin.Correction: alert.MsgUpdate, bulletin.Revocation: alert.MsgCancel} {
		r, ok := p.Rule(msgType, kind)
		if !ok || r.Signatures() != 1 || !slices.Equal(r.Roles(), []signing.Role{signing.Officer, signing.Police, signing.Correction}) {
			t.Errorf("for a prepared %s the default policy says %+v", kind, r)
		}
	}
	for _, kind := range []bulletin.Kind{"", bulletin.Correction} {
		if _, ok := p.Rule(alert.MsgAck, kind); ok {
			t.Errorf("the policy has a rule for Ack (%q)", kind)
		}
	}
	if h := p.Hardware(); h.WithoutVerification || h.SyncedPasskeys || len(h.Origins) != 0 {
		t.Errorf("for hardware keys the default policy says %+v", h)
	}
	if r, ok := p.Rule(alert.MsgUpdate, bulletin.Ratification); !ok || r.Signatures() != 1 || !slices.Equal(r.Roles(), []signing.Role{signing.Police}) {
		t.Errorf("for a ratification the default policy says %+v", r)
	}
	if _, ok := p.Breakglass(); ok {
		t.Error("the default policy lets one organisation release")
	}
	if p.SHA256() != sha256.Sum256(text) {
		t.Error("the digest is not that of the text")
	}
	text[0] = 'x'
	if signing.DefaultPolicy()[0] == 'x' {
		t.Error("a caller can change the default policy")
	}
}

func TestParsePolicy(t *testing.T) {
	t.Parallel()
	const good = "version: 1\nalert:\n  all: [officer, police]\nupdate:\n  all: [officer, police]\ncancel:\n  any: [officer, police]\n"
	const glass = "breakglass:\n  attempts: 2\n  wait_minutes: 5\n  at_once: [RISCHIO/SISMICO]\n  events: [RISCHIO/IDROGEO, RISCHIO/SISMICO]\n  channels: [sito, x-savona]\n  life_minutes: 30\n  per_day: 2\n  notify: [questura]\n"
	broken := func(old, text string) string {
		if !strings.Contains(glass, old) {
			t.Fatalf("%q is not in the good section", old)
		}
		return good + strings.Replace(glass, old, text, 1)
	}
	replace := func(old, text string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the good policy", old)
		}
		return strings.Replace(good, old, text, 1)
	}
	tests := map[string]struct{ text, want string }{
		"good":              {good, ""},
		"block_lists":       {replace("all: [officer, police]", "all:\n  - officer\n  - police"), ""},
		"flow":              {"{version: 1, alert: {all: [officer]}, update: {any: [officer]}, cancel: {any: [police]}}", ""},
		"crlf":              {strings.ReplaceAll(good, "\n", "\r\n"), ""},
		"three_roles":       {replace("all: [officer, police]", "all: [officer, police, deputy]"), ""},
		"hardware":          {good + "hardware_keys:\n  user_verification: false\n  synced_passkeys: true\n  origins: [\"https://firma.pc.example\", 'https://console.police.example:8443']\n", ""},
		"empty":             {"", "empty"},
		"comment":           {"# nothing\n", "empty"},
		"two_documents":     {good + "---\n" + good, "several documents"},
		"not_yaml":          {"alert: [officer", "signing policy"},
		"tabs":              {strings.ReplaceAll(good, "  ", "\t"), "signing policy"},
		"list":              {"- officer\n", "line 1: a list of keys"},
		"text":              {"officer", "a list of keys"},
		"no_version":        {replace("version: 1\n", ""), "key version is missing"},
		"version_2":         {replace("version: 1", "version: 2"), "line 1: the version is not 1"},
		"version_text":      {replace("version: 1", `version: "1"`), "the version is not 1"},
		"version_hex":       {replace("version: 1", `version: 0x1`), "the version is not 1"},
		"no_cancel":         {replace("cancel:\n  any: [officer, police]\n", ""), "key cancel is missing"},
		"unknown_kind":      {good + "ack:\n  any: [officer]\n", `line 8: unknown key "ack"`},
		"capital_kind":      {replace("alert:", "Alert:"), `line 2: unknown key "Alert"`},
		"kind_twice":        {good + "alert:\n  any: [officer]\n", "line 8: "},
		"null_rule":         {replace("alert:\n  all: [officer, police]\n", "alert:\n"), "a list of keys and values is wanted"},
		"both":              {replace("  any: [officer, police]", "  any: [officer]\n  all: [police]"), "either all: or any:"},
		"neither":           {replace("alert:\n  all: [officer, police]\n", "alert: {}\n"), "either all: or any:"},
		"none_of":           {replace("  any: [", "  none: ["), `line 7: unknown key "none"`},
		"no_roles":          {replace("any: [officer, police]", "any: []"), "empty"},
		"one_word":          {replace("any: [officer, police]", "any: officer"), "square brackets"},
		"unknown_role":      {replace("any: [officer, police]", "any: [officer, polizia]"), `line 7: unknown role "polizia"; the roles are officer, police, deputy, breakglass, correction`},
		"keyring_role":      {replace("any: [officer, police]", "any: [keyring]"), `unknown role "keyring"`},
		"role_twice":        {replace("any: [officer, police]", "any: [officer, officer]"), "twice"},
		"role_number":       {replace("any: [officer, police]", "any: [1]"), "something else than text"},
		"role_nested":       {replace("any: [officer, police]", "any: [[officer]]"), "something else than text"},
		"role_anchor":       {replace("all: [officer, police]", "all: &x [officer, police]"), "square brackets"},
		"role_alias":        {replace("all: [officer, police]", "all: *x"), "signing policy"},
		"merge":             {replace("  any: [officer, police]", "  <<: {any: [officer]}"), "unknown key"},
		"tag":               {replace("any: [officer, police]", "any: !!seq [officer]"), "square brackets"},
		"many_roles":        {replace("any: [officer, police]", "any: [officer, police, deputy, breakglass, correction, keyring, x]"), "more than"},
		"hardware_unknown":  {good + "hardware_keys:\n  pin: true\n", `line 9: unknown key "pin"`},
		"hardware_text":     {good + "hardware_keys:\n  user_verification: yes\n", "true or false"},
		"hardware_number":   {good + "hardware_keys:\n  synced_passkeys: 1\n", "true or false"},
		"origin_path":       {good + "hardware_keys:\n  origins: [\"https://a.example/x\"]\n", "line 9: "},
		"origin_slash":      {good + "hardware_keys:\n  origins: [\"https://a.example/\"]\n", "without a path"},
		"origin_host_only":  {good + "hardware_keys:\n  origins: [a.example]\n", "not a page's origin"},
		"origin_star":       {good + "hardware_keys:\n  origins: [\"*\"]\n", "not a page's origin"},
		"prepared":          {good + "prepared:\n  correction:\n    any: [correction]\n", ""},
		"ratification":      {good + "prepared:\n  ratification:\n    any: [police, deputy]\n", ""},
		"ratified_by_self":  {good + "prepared:\n  ratification:\n    any: [police, officer]\n", "officer alone may not ratify"},
		"ratified_by_two":   {good + "prepared:\n  ratification:\n    all: [police, officer]\n", ""},
		"prepared_unknown":  {good + "prepared:\n  cancel:\n    any: [correction]\n", `line 9: unknown key "cancel"`},
		"prepared_nobody":   {good + "prepared:\n  correction: {}\n", "either all: or any:"},
		"large":             {good + strings.Repeat("# comment\n", 900), "longer than"},
		"deep":              {strings.Repeat("{a: ", 101), "brackets"},
		"dashes":            {strings.Repeat("- ", 4000), "a list of keys"},
		"glass":             {good + glass, ""},
		"glass_no_wait":     {broken("wait_minutes: 5", "wait_minutes: 0"), ""},
		"glass_none_sudden": {broken("[RISCHIO/SISMICO]", "[]"), ""},
		"glass_no_life":     {broken("  life_minutes: 30\n", ""), "key life_minutes is missing"},
		"glass_unknown":     {broken("per_day:", "per_week:"), `unknown key "per_week"`},
		"glass_long":        {broken("life_minutes: 30", "life_minutes: 31"), "line 14: a whole number from 1 to 30"},
		"glass_no_attempts": {broken("attempts: 2", "attempts: 0"), "a whole number from 1 to 9"},
		"glass_negative":    {broken("per_day: 2", "per_day: -1"), "a whole number from 1 to 24"},
		"glass_octal":       {broken("per_day: 2", "per_day: 02"), "a whole number from 1 to 24"},
		"glass_text":        {broken("wait_minutes: 5", "wait_minutes: 5m"), "a whole number from 0 to 60"},
		"glass_no_event":    {broken("[RISCHIO/IDROGEO, RISCHIO/SISMICO]", "[]"), "stands under at_once and not under events"},
		"glass_event":       {broken("RISCHIO/IDROGEO", "IDROGEO"), "is not an event code"},
		"glass_event_star":  {broken("RISCHIO/IDROGEO", "'RISCHIO/*'"), "is not an event code"},
		"glass_twice":       {broken("sito, x-savona", "sito, sito"), "given twice"},
		"glass_no_channel":  {broken("[sito, x-savona]", "[]"), "must not be empty"},
		"glass_channel":     {broken("x-savona", "X"), "is not a channel's name"},
		"glass_is_empty":    {good + "breakglass:\n", "a list of keys"},
		"hardware_is_empty": {good + "hardware_keys: []\n", "a list of keys"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signing.ParsePolicy([]byte(tt.text))
			checkText(t, err, tt.want)
			var pe *signing.PolicyError
			if err != nil && !errors.As(err, &pe) {
				t.Errorf("the error is a %T, want a PolicyError", err)
			}
		})
	}
}

// TestExampleOfBreakglass holds that the example in the default policy is one, with
// the number signs taken away as it says.
func TestExampleOfBreakglass(t *testing.T) {
	t.Parallel()
	_, example, ok := strings.Cut(string(signing.DefaultPolicy()), "\n#breakglass:\n")
	if !ok {
		t.Fatal("the default policy has no example")
	}
	example, _, _ = strings.Cut(example, "\n\n")
	text := string(signing.DefaultPolicy()) + "breakglass:\n" + strings.ReplaceAll("\n"+example, "\n#", "\n") + "\n"
	p, err := signing.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	g, ok := p.Breakglass()
	if !ok || g.Attempts != 2 || g.Wait != 5*time.Minute || g.Life != 30*time.Minute || g.PerDay != 2 {
		t.Errorf("the example says %+v", g)
	}
	for _, tt := range []struct {
		codes [][]string
		wait  time.Duration
		ok    bool
	}{
		{[][]string{{"RISCHIO/IDROGEO"}}, 5 * time.Minute, true},
		{[][]string{{"RISCHIO/SISMICO", "X/1"}}, 0, true},
		{[][]string{{"RISCHIO/SISMICO"}, {"RISCHIO/IDROGEO"}}, 5 * time.Minute, true},
		{[][]string{{"RISCHIO/SISMICO"}, {}}, 0, false},
		{[][]string{{"RISCHIO/ALTRO"}}, 0, false},
		{nil, 0, false},
	} {
		if wait, ok := g.WaitFor(tt.codes); wait != tt.wait || ok != tt.ok {
			t.Errorf("for %q one waits %v (%v), want %v (%v)", tt.codes, wait, ok, tt.wait, tt.ok)
		}
	}
}

func TestPolicyCannotBeChanged(t *testing.T) {
	t.Parallel()
	p, err := signing.ParsePolicy(signing.DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	r, _ := p.Rule(alert.MsgAlert, "")
	r.All[1] = signing.Officer
	if again, _ := p.Rule(alert.MsgAlert, ""); again.All[1] != signing.Police {
		t.Error("a caller changed a rule")
	}
}

// FuzzParsePolicy holds that no input makes the parser panic, and that an accepted
// policy asks for at least one signature of each kind.
func FuzzParsePolicy(f *testing.F) {
	f.Add(signing.DefaultPolicy())
	f.Add([]byte("{version: 1, alert: {all: [officer]}, update: {any: [officer]}, cancel: {any: [police]}}"))
	f.Add([]byte("{version: 1, alert: {all: [officer]}, update: {any: [officer]}, cancel: {any: [police]}, halts: {refusal: {any: [police]}}}"))
	f.Add([]byte("version: 1\nalert: &a\n  all: [officer]\nupdate: *a\ncancel: {<<: *a}\n? x\n: y\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := signing.ParsePolicy(text)
		if err != nil {
			var pe *signing.PolicyError
			if !errors.As(err, &pe) {
				t.Fatalf("the error is a %T", err)
			}
			return
		}
		for _, kind := range []alert.MsgType{alert.MsgAlert, alert.MsgUpdate, alert.MsgCancel} {
			for _, prepared := range append(bulletin.Kinds(), "") {
				if r, ok := p.Rule(kind, prepared); !ok || r.Signatures() < 1 || (len(r.All) > 0) == (len(r.Any) > 0) {
					t.Fatalf("for %s (%q) the policy says %+v", kind, prepared, r)
				}
			}
		}
		for _, kind := range bulletin.HaltKinds() {
			if len(p.Halts(kind)) == 0 {
				t.Fatalf("nobody can answer for a %s", kind)
			}
		}
	})
}
