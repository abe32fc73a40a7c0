package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// A site is a platform that forgets, keeps images for others, and is told what is
// still to come. It notes in which order things happen.
type site struct {
	*platform

	mu      sync.Mutex
	events  []string // "host ADDRESS", "restore KEY", "expect CODE", "arrived CODE", "restored"
	until   map[string]time.Time
	changed chan struct{}
	gate    chan struct{} // Restore waits for it; nil for not
}

func newSite() *site {
	return &site{platform: newPlatform("website-a"), until: map[string]time.Time{}, changed: make(chan struct{})}
}

func (s *site) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, fmt.Sprintf(format, args...))
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *site) Host(_ context.Context, image adapters.Image, until time.Time) error {
	s.mu.Lock()
	s.until[image.URL] = until
	s.mu.Unlock()
	s.note("host %s", image.URL)
	return nil
}

func (s *site) Restore(ctx context.Context, p adapters.Post, _ adapters.Receipt) error {
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.note("restore %s", p.Key)
	return nil
}

func (s *site) Expect(past []adapters.Past) {
	for _, p := range past {
		s.note("expect %s %v", p.Code, p.Identifiers)
	}
}

func (s *site) Arrived(code string) { s.note("arrived %s", code) }
func (s *site) Doubt()              { s.note("doubt") }

// await waits for an event and returns those up to it.
func (s *site) await(t *testing.T, event string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		s.mu.Lock()
		events, changed := slices.Clone(s.events), s.changed
		s.mu.Unlock()
		if i := slices.Index(events, event); i >= 0 {
			return events[:i+1]
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("%q did not come; there were %q", event, events)
		}
	}
}

// picture returns the first bytes of a JPEG that no other test has.
func picture(n int) []byte { return fmt.Appendf([]byte("\xff\xd8\xff"), "picture %d", n) }

// drawn returns an alert with a picture.
func drawn(t *testing.T, n int) (*bulletin.Bulletin, string) {
	t.Helper()
	a := newAlert(t, "instagram-a")
	a.Image = picture(n)
	b := a.Next(t, alert.MsgAlert)
	return b, "host " + b.Posts[0].ImageURL
}

// TestImagesAreThereFromTheFirstSignature has a node that serves the site and carries
// nothing to Instagram: another node may, and the platform asks this one.
func TestImagesAreThereFromTheFirstSignature(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := newSite()
	stop := h.runWith("one/a", delivery.Config{Host: s})

	unsigned, _ := drawn(t, 1)
	h.hand(unsigned)
	other, _ := drawn(t, 2)
	forged, _ := drawn(t, 3)
	h.hand(forged)
	h.append(ledger.Record{
		Type: ledger.Signature, Alert: string(forged.Alert), Number: 1, SHA256: forged.SHA256(), Principal: h.officer.Principal,
		Namespace: signing.Namespace(h.officer.Role, alert.RealmExercise), Armor: string(h.officer.Sign(t, alert.RealmExercise, other.Bytes())),
	})
	over := newAlert(t, "instagram-a")
	over.Image, over.Composed = picture(4), over.Composed.Add(-2*time.Hour)
	over.Expires = over.Composed.Add(time.Hour)
	late := over.Next(t, alert.MsgAlert)
	h.hand(late)
	h.sign(late, h.officer)
	elsewhere := newAlert(t, "instagram-a").Next(t, alert.MsgAlert) // has no picture
	h.hand(elsewhere)
	h.sign(elsewhere, h.officer)

	good, event := drawn(t, 5)
	h.hand(good)
	h.sign(good, h.officer)
	if got := s.await(t, event); len(got) != 1 {
		t.Errorf("%q, want the signed picture alone", got)
	}
	if until := s.until[good.Posts[0].ImageURL]; !until.Equal(good.Expires) {
		t.Errorf("it is there until %v, the alert ends at %v", until, good.Expires)
	}
	stop()

	// A node that starts has it before it says that it is up.
	again := newSite()
	h.runWith("two/a", delivery.Config{Host: again, Restored: func() { again.note("restored") }})
	if got := again.await(t, "restored"); !slices.Equal(got, []string{event, "restored"}) {
		t.Errorf("%q, want the picture first", got)
	}
}

// TestOneSignatureDoesNotFillTheSite has one person sign more bulletins than people
// can look at.
func TestOneSignatureDoesNotFillTheSite(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := newSite()
	h.runWith("one/a", delivery.Config{Host: s})
	var last *bulletin.Bulletin
	for n := range 40 {
		last, _ = drawn(t, n)
		h.hand(last)
		h.sign(last, h.officer)
	}
	h.sign(last, h.police)
	if got := s.await(t, "host "+last.Posts[0].ImageURL); len(got) != 33 {
		t.Errorf("%d pictures are there, want 32 that wait for their release, and the one that was released", len(got))
	}
}

// TestAnUntrustedLedgerShowsNoImages: what can't be relied on is not put before a
// platform.
func TestAnUntrustedLedgerShowsNoImages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := newSite()
	b, _ := drawn(t, 1)
	h.hand(b)
	h.sign(b, h.officer)
	h.runWith("one/a", delivery.Config{
		Host: s, Trusted: func() error { return adapters.ErrNotPublished }, Restored: func() { s.note("restored") },
	})
	if got := s.await(t, "restored"); len(got) != 1 {
		t.Errorf("%q, want no picture", got)
	}
}

// TestAStartDoesNotWaitForThePast starts a node a month later: what is in force is
// shown before it is up, what is over after that.
func TestAStartDoesNotWaitForThePast(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := newSite()
	stop := h.run("one/a", quick(first))
	var past []*bulletin.Bulletin
	for range 3 {
		b := h.release(newAlert(t, "website-a").Next(t, alert.MsgAlert))
		h.await(b, "website-a", ledger.StateVerified)
		past = append(past, b)
	}
	a := newAlert(t, "website-a")
	a.Expires = a.Expires.Add(60 * 24 * time.Hour)
	current := h.release(a.Next(t, alert.MsgAlert))
	h.await(current, "website-a", ledger.StateVerified)
	stop()

	s := newSite()
	s.live, s.gate = first.live, make(chan struct{}, 4)
	s.gate <- struct{}{} // for what is in force
	h.runWith("one/b", delivery.Config{
		Channels: []delivery.Channel{quick(s)}, Archive: s, Restored: func() { s.note("restored") },
		Now: func() time.Time { return time.Now().Add(30 * 24 * time.Hour) },
	})
	want := []string{fmt.Sprintf("restore %s/1/1", current.Alert)}
	for _, b := range slices.Backward(past) {
		want = append(want, fmt.Sprintf("expect %s [%s]", b.Code, b.Message.Identifier))
	}
	want = append(want, "restored")
	if got := s.await(t, "restored"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// Deliveries go on while the past is on its way.
	b := newAlert(t, "website-a")
	b.Expires = a.Expires
	h.await(h.release(b.Next(t, alert.MsgAlert)), "website-a", ledger.StateVerified)
	for range past {
		s.gate <- struct{}{}
	}
	for _, b := range slices.Backward(past) {
		want = append(want, fmt.Sprintf("restore %s/1/1", b.Alert), "arrived "+string(b.Code))
	}
	if got := s.await(t, "arrived "+string(past[0].Code)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestEachNodesSiteShowsAllPosts has one node's only worker hang, so that the other
// node publishes: both sites show every post of the alert.
func TestEachNodesSiteShowsAllPosts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	stuck := newSite()
	stuck.then(hang)
	alone := quick(stuck)
	alone.Workers, alone.PublishTimeout = 1, time.Minute
	h.run("one/a", alone)
	h.await(h.release(newAlert(t, "website-a").Next(t, alert.MsgAlert)), "website-a", ledger.StateAttempting)

	h.run("two/b", quick(newSite()))
	a := newAlert(t, "website-a")
	a.Parts = 3
	b := h.release(a.Next(t, alert.MsgAlert))
	stuck.await(t, "restore "+string(b.For("website-a")[0].Key))
	stuck.await(t, "restore "+string(b.For("website-a")[2].Key))
}
