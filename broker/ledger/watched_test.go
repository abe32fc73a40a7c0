package ledger_test

import (
	"testing"

	"tocsin/broker/ledger"
)

// TestWhatTheWatchFound folds what becomes of a post after it was verified.
func TestWhatTheWatchFound(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	found := func(state string) error {
		return p.apply(ledger.Record{Type: ledger.Watched, Alert: p.alert, Number: 1, SHA256: digest, Channel: "x-a", Part: 1, State: state, Reason: "said by the test"})
	}
	if err := found(ledger.ShownDeleted); err == nil {
		t.Error("a post that is not public was found deleted")
	}
	for _, kind := range []string{"attempt", "posted", "verified"} {
		p.must(t, p.delivery(kind))
	}
	for _, state := range []string{ledger.ShownAltered, ledger.ShownHidden, ledger.ShownDeleted, ledger.ShownRestored, ledger.ShownAltered} {
		if err := found(state); err != nil {
			t.Fatal(err)
		}
		if err := found(state); err == nil {
			t.Errorf("that it is %s has an effect twice", state)
		}
		got := p.part()
		if got.State != ledger.StateVerified || got.Shown.State != state || got.Shown.Amiss() != (state != ledger.ShownRestored) || got.Shown.At.IsZero() {
			t.Errorf("after it was found %s: %s, %+v", state, got.State, got.Shown)
		}
	}
}

// TestPostsThatNoBulletinCovers folds what others publish on an account.
func TestPostsThatNoBulletinCovers(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	found := func(id, state string) error {
		return p.apply(ledger.Record{Type: ledger.Foreign, Channel: "x-a", PostID: id, State: state, Reason: "no bulletin covers it", URL: "https://x.example/" + id})
	}
	for _, step := range []struct {
		id, state string
		ok        bool
	}{
		{"7", ledger.ForeignGone, false}, {"7", ledger.ForeignPublic, true}, {"7", ledger.ForeignPublic, false}, {"8", ledger.ForeignPublic, true},
		{"7", ledger.ForeignGone, true}, {"7", ledger.ForeignGone, false}, {"7", ledger.ForeignPublic, true}, {"8", ledger.ForeignGone, true},
	} {
		if err := found(step.id, step.state); (err == nil) != step.ok {
			t.Errorf("post %s %s: got %v, want an effect: %v", step.id, step.state, err, step.ok)
		}
	}
	got := p.state.ForeignPosts("x-a")
	if len(got) != 2 || got[0].PostID != "7" || !got[0].Gone.IsZero() || got[0].URL != "https://x.example/7" || got[1].Gone.IsZero() {
		t.Errorf("got %+v, want 7 shown and 8 gone", got)
	}
	if all := p.state.WatchedChannels(); len(all) != 1 || all[0] != "x-a" {
		t.Errorf("channels with such posts: %v", all)
	}
}
