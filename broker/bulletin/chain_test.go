package bulletin_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
)

// TestChain hands in bulletins of one alert at the places that each case says, and
// looks at which of them take effect.
func TestChain(t *testing.T) {
	t.Parallel()
	a := bulletintest.New(t, "x-a")
	first := a.Next(t, alert.MsgAlert)
	update := a.Next(t, alert.MsgUpdate)
	cancel := a.Next(t, alert.MsgCancel)
	after := a.Next(t, alert.MsgUpdate)

	// Another line of the same alert, of which the people know nothing.
	b := bulletintest.New(t, "x-a")
	b.ID, b.Code, b.Composed = a.ID, a.Code, a.Composed.Add(-time.Minute)
	rival := b.Next(t, alert.MsgAlert)
	rivalUpdate := b.Next(t, alert.MsgUpdate)
	c := *a
	c.Newest, c.Code = first, "SV-22222"
	otherCode := c.Next(t, alert.MsgUpdate)
	d := *a
	d.Newest, d.Sender = first, "somebody@else.example"
	otherSender := d.Next(t, alert.MsgUpdate)

	now := a.Composed
	at := func(b *bulletin.Bulletin, handed, released int64) bulletin.Place {
		return bulletin.Place{Bulletin: b, Seq: handed, At: now, Released: released}
	}
	late := at(first, 1, 0)
	late.At = first.Expires
	taken := func(p bulletin.Place, by int64) bulletin.Place {
		p.Taken = by
		return p
	}
	for name, tt := range map[string]struct {
		all    []bulletin.Place
		chain  []int
		broken map[int]bulletin.Break
	}{
		"one_after_the_other":          {[]bulletin.Place{at(first, 1, 2), at(update, 3, 4), at(cancel, 5, 6)}, []int{0, 1, 2}, nil},
		"not_signed_yet":               {[]bulletin.Place{at(first, 1, 2), at(update, 3, 0)}, []int{0}, nil},
		"nothing_to_follow":            {[]bulletin.Place{at(update, 1, 2)}, nil, map[int]bulletin.Break{0: bulletin.BreakFirst}},
		"handed_in_before_its_turn":    {[]bulletin.Place{at(first, 1, 3), at(update, 2, 4)}, []int{0}, map[int]bulletin.Break{1: bulletin.BreakFirst}},
		"released_before_its_turn":     {[]bulletin.Place{at(first, 1, 4), at(update, 2, 3)}, []int{0}, map[int]bulletin.Break{1: bulletin.BreakFirst}},
		"the_other_was_released_first": {[]bulletin.Place{at(first, 1, 4), at(rival, 2, 3)}, []int{1}, map[int]bulletin.Break{0: bulletin.BreakPassed}},
		"both_are_signed":              {[]bulletin.Place{at(first, 1, 3), at(rival, 2, 4)}, []int{0}, map[int]bulletin.Break{1: bulletin.BreakPassed}},
		"first_again":                  {[]bulletin.Place{at(first, 1, 2), at(rival, 3, 0)}, []int{0}, map[int]bulletin.Break{1: bulletin.BreakPassed}},
		"another_line":                 {[]bulletin.Place{at(first, 1, 2), at(rivalUpdate, 3, 4)}, []int{0}, map[int]bulletin.Break{1: bulletin.BreakPrevious}},
		"another_code":                 {[]bulletin.Place{at(first, 1, 2), at(otherCode, 3, 4)}, []int{0}, map[int]bulletin.Break{1: bulletin.BreakCode}},
		"another_sender":               {[]bulletin.Place{at(first, 1, 2), at(otherSender, 3, 4)}, []int{0}, map[int]bulletin.Break{1: bulletin.BreakSender}},
		"after_the_revocation":         {[]bulletin.Place{at(first, 1, 2), at(update, 3, 4), at(cancel, 5, 6), at(after, 7, 8)}, []int{0, 1, 2}, map[int]bulletin.Break{3: bulletin.BreakRevoked}},
		"handed_in_too_late":           {[]bulletin.Place{late}, nil, map[int]bulletin.Break{0: bulletin.BreakExpired}},
		"code_is_taken":                {[]bulletin.Place{taken(at(first, 3, 4), 2)}, nil, map[int]bulletin.Break{0: bulletin.BreakTaken}},
		"code_was_ours_first":          {[]bulletin.Place{taken(at(first, 1, 2), 9)}, []int{0}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain, broken := bulletin.Chain(tt.all)
			if !slices.Equal(chain, tt.chain) {
				t.Errorf("the chain is %v, want %v", chain, tt.chain)
			}
			for i := range tt.all {
				got := bulletin.Break("")
				if broken[i] != nil {
					got = broken[i].Break
				}
				if got != tt.broken[i] {
					t.Errorf("bulletin %d: the break is %q, want %q", i, got, tt.broken[i])
				}
			}
		})
	}
}

func TestABreakIsSaidInTwoLanguages(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, b := range []bulletin.Break{
		bulletin.BreakFirst, bulletin.BreakPassed, bulletin.BreakGlass, bulletin.BreakRevoked, bulletin.BreakPrevious, bulletin.BreakCode, bulletin.BreakSender,
		bulletin.BreakExpired, bulletin.BreakTaken,
	} {
		e := &bulletin.ChainError{Break: b, Number: 3, Newest: 2, Code: "SV-7F3K2"}
		for _, text := range []string{e.Error(), e.Message("it-IT")} {
			if strings.Contains(text, "%!") || !strings.Contains(text, ":") || said[text] {
				t.Errorf("%s: it says %q: want what is wrong and what to do, in words of its own", b, text)
			}
			said[text] = true
		}
	}
}

func TestFollows(t *testing.T) {
	t.Parallel()
	a := bulletintest.New(t, "x-a")
	first := a.Next(t, alert.MsgAlert)
	update := a.Next(t, alert.MsgUpdate)
	if err := first.Follows(nil); err != nil {
		t.Errorf("the first of an alert: %v, want nil", err)
	}
	if err := update.Follows(first); err != nil {
		t.Errorf("an update of the first: %v, want nil", err)
	}
	if e, ok := errors.AsType[*bulletin.ChainError](update.Follows(nil)); !ok || e.Break != bulletin.BreakFirst {
		t.Errorf("an update of nothing: %v, want BreakFirst", e)
	}
}
