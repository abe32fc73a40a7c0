package signing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// TestPolicyChanges edits the default policy, and sees each change named as looser or not;
// back again it is the other way round.
func TestPolicyChanges(t *testing.T) {
	t.Parallel()
	const glass = "breakglass:\n  attempts: 2\n  wait_minutes: 5\n  at_once: []\n  events: [A/B, C/D]\n  channels: [sito]\n  life_minutes: 20\n  per_day: 2\n  notify: [questura, prefettura]\n"
	var base string // without the comments, in which a part is written too
	for line := range strings.Lines(string(signing.DefaultPolicy()) + "\n" + glass) {
		if !strings.HasPrefix(line, "#") {
			base += line
		}
	}
	parse := func(t *testing.T, text string) *signing.Policy {
		p, err := signing.ParsePolicy([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	tests := map[string]struct {
		old, new string
		want     []string // "part: was > is", with "!" before what is looser
		back     []string
	}{
		"nothing":     {"version: 1", "version: 1 # one", nil, nil},
		"alone":       {"alert:\n  all: [officer, police]", "alert:\n  any: [officer]", []string{"!alert: all: [officer, police] > any: [officer]"}, []string{"alert: any: [officer] > all: [officer, police]"}},
		"one_of_two":  {"alert:\n  all: [officer, police]", "alert:\n  any: [officer, police]", []string{"!alert: all: [officer, police] > any: [officer, police]"}, []string{"alert: any: [officer, police] > all: [officer, police]"}},
		"another":     {"alert:\n  all: [officer, police]", "alert:\n  all: [officer, deputy]", []string{"!alert: all: [officer, police] > all: [officer, deputy]"}, []string{"!alert: all: [officer, deputy] > all: [officer, police]"}},
		"three":       {"alert:\n  all: [officer, police]", "alert:\n  all: [officer, police, deputy]", []string{"alert: all: [officer, police] > all: [officer, police, deputy]"}, []string{"!alert: all: [officer, police, deputy] > all: [officer, police]"}},
		"no_refusal":  {"refusal:\n    any: [police, deputy]", "refusal:\n    any: [deputy]", []string{"!halts.refusal: any: [police, deputy] > any: [deputy]"}, []string{"halts.refusal: any: [deputy] > any: [police, deputy]"}},
		"no_glass":    {glass, "", []string{"breakglass: attempts: 2, wait_minutes: 5, at_once: [], events: [A/B, C/D], channels: [sito], life_minutes: 20, per_day: 2, notify: [questura, prefettura] > "}, []string{"!breakglass:  > attempts: 2, wait_minutes: 5, at_once: [], events: [A/B, C/D], channels: [sito], life_minutes: 20, per_day: 2, notify: [questura, prefettura]"}},
		"attempts":    {"attempts: 2", "attempts: 1", []string{"!breakglass.attempts: 2 > 1"}, []string{"breakglass.attempts: 1 > 2"}},
		"wait":        {"wait_minutes: 5", "wait_minutes: 0", []string{"!breakglass.wait_minutes: 5 > 0"}, []string{"breakglass.wait_minutes: 0 > 5"}},
		"at_once":     {"at_once: []", "at_once: [A/B]", []string{"!breakglass.at_once: [] > [A/B]"}, []string{"breakglass.at_once: [A/B] > []"}},
		"events":      {"events: [A/B, C/D]", "events: [A/B, E/F]", []string{"!breakglass.events: [A/B, C/D] > [A/B, E/F]"}, []string{"!breakglass.events: [A/B, E/F] > [A/B, C/D]"}},
		"channels":    {"channels: [sito]", "channels: [sito, x]", []string{"!breakglass.channels: [sito] > [sito, x]"}, []string{"breakglass.channels: [sito, x] > [sito]"}},
		"life":        {"life_minutes: 20", "life_minutes: 21", []string{"!breakglass.life_minutes: 20 > 21"}, []string{"breakglass.life_minutes: 21 > 20"}},
		"per_day":     {"per_day: 2", "per_day: 3", []string{"!breakglass.per_day: 2 > 3"}, []string{"breakglass.per_day: 3 > 2"}},
		"notify":      {"notify: [questura, prefettura]", "notify: [questura]", []string{"!breakglass.notify: [questura, prefettura] > [questura]"}, []string{"breakglass.notify: [questura] > [questura, prefettura]"}},
		"unverified":  {"user_verification: true", "user_verification: false", []string{"!hardware_keys.user_verification: true > false"}, []string{"hardware_keys.user_verification: false > true"}},
		"synced":      {"synced_passkeys: false", "synced_passkeys: true", []string{"!hardware_keys.synced_passkeys: false > true"}, []string{"hardware_keys.synced_passkeys: true > false"}},
		"origins":     {"origins: []", "origins: [\"https://a.example\"]", []string{"hardware_keys.origins: [] > [https://a.example]"}, []string{"!hardware_keys.origins: [https://a.example] > []"}},
		"ratify":      {"ratification:\n    any: [police]", "ratification:\n    any: [police, deputy]", []string{"!prepared.ratification: any: [police] > any: [police, deputy]"}, []string{"prepared.ratification: any: [police, deputy] > any: [police]"}},
		"order_alone": {"refusal:\n    any: [police, deputy]", "refusal:\n    any: [deputy, police]", nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(base, tt.old) {
				t.Fatalf("the policy does not hold %q", tt.old)
			}
			old, changed := parse(t, base), parse(t, strings.Replace(base, tt.old, tt.new, 1))
			said := func(p, old *signing.Policy) (out []string) {
				for _, c := range p.Changes(old) {
					mark := ""
					if c.Looser {
						mark = "!"
					}
					out = append(out, fmt.Sprintf("%s%s: %s > %s", mark, c.Part, c.Was, c.Is))
				}
				return out
			}
			if got := said(changed, old); !slices.Equal(got, tt.want) {
				t.Errorf("it says %q, want %q", got, tt.want)
			}
			if got := said(old, changed); !slices.Equal(got, tt.back) {
				t.Errorf("back it says %q, want %q", got, tt.back)
			}
		})
	}
	if got := signingtest.Policy(t).Changes(signingtest.Policy(t)); got != nil {
		t.Errorf("a policy differs from itself: %v", got)
	}
}
