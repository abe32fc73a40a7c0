package delivery_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/audit"
	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// accept writes a version of the key ring to the ledger.
func (h *house) accept(v *signing.Version) int64 {
	h.t.Helper()
	if _, err := h.ledger.PutBlob(h.t.Context(), v.Bundle()); err != nil {
		h.t.Fatal(err)
	}
	c := v.Claim()
	return h.append(ledger.Record{Type: ledger.KeyRing, Number: c.Version, Meta: c.Meta, Ring: c.Ring, Folder: c.Folder})
}

// TestVersionInForceJudges changes the key ring between signatures, and before and
// after releases: each is judged by the version in force at its place. A node that
// runs, one that reads the ledger anew, and the auditor come to the same result.
func TestVersionInForceJudges(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	late := signingtest.NewPerson(t, "giulia.verdi@police.example", signing.Police)
	first := signingtest.Version(t, alert.RealmExercise, nil, nil, h.officer, h.police)
	second := signingtest.Version(t, alert.RealmExercise, first, []*signingtest.Person{h.police}, h.officer, h.police, late)
	history := func() *signing.History {
		rings, err := signing.NewHistory(first, alert.RealmExercise)
		if err != nil {
			t.Fatal(err)
		}
		return rings
	}
	h.accept(first)
	p := newPlatform("x-a")
	live := history()
	h.runWith("one/a", delivery.Config{Rings: live, Channels: []delivery.Channel{quick(p)}})

	before := newAlert(t, "x-a").Next(t, alert.MsgAlert) // released by version 1
	h.release(before)
	h.await(before, "x-a", ledger.StateVerified)
	half := newAlert(t, "x-a").Next(t, alert.MsgAlert) // signed by one who is then revoked
	h.hand(half)
	h.sign(half, h.police)
	early := newAlert(t, "x-a").Next(t, alert.MsgAlert) // signed by one who is enrolled only then
	h.hand(early)
	tooEarly := h.signature(early, late, signing.Police)
	forged, err := signing.Seal(signing.Meta{Version: 2, Threshold: 1, Expires: second.Meta.Expires, Prev: first.SHA256()}, second.Contents())
	if err != nil {
		t.Fatal(err)
	}
	unsigned := h.accept(forged)
	claim := second.Claim()
	absent := h.append(ledger.Record{Type: ledger.KeyRing, Number: 2, Meta: claim.Meta, Ring: claim.Ring, Folder: strings.Repeat("0", 64)})

	h.accept(second)
	h.sign(half, h.officer)  // completes nothing: the first signature does not stand any more
	h.sign(early, h.officer) // completes nothing: the first one was none
	after := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.hand(after)
	h.sign(after, h.officer, late)
	h.await(after, "x-a", ledger.StateVerified)
	back := h.accept(first) // there is no way back

	want := map[int64]string{tooEarly: ledger.ClassSignature, unsigned: ledger.ClassKeyRing, absent: ledger.ClassKeyRing, back: ledger.ClassKeyRing}
	got := map[int64]string{}
	for _, r := range h.refusals(len(want)) {
		got[r.Refers] = r.Class
	}
	for seq, class := range want {
		if got[seq] != class {
			t.Errorf("record %d is refused as %q, want %q (all: %v)", seq, got[seq], class, got)
		}
	}
	if n := p.published(); n != 2 {
		t.Errorf("%d posts are public, want those of the two bulletins that were released", n)
	}
	for _, b := range []*bulletin.Bulletin{before, half, early, after} {
		verdicts, err := delivery.Judge(t.Context(), h.ledger, history(), string(b.Alert))
		if released := b == before || b == after; err != nil || verdicts[b.SHA256()].Released != released {
			t.Errorf("read anew, %s is released: %v (%v), want %v", b.Code, verdicts[b.SHA256()].Released, err, released)
		}
	}
	if v, _ := live.Version(); v.Meta.Version != 2 {
		t.Errorf("version %d is in force at the node, want 2", v.Meta.Version)
	}

	verifier := audit.NewVerifier(history(), nil)
	l, err := ledger.Open(t.Context(), ledger.Options{Server: h.server, Realm: "exercise", Name: "auditor", Observe: verifier.Observe})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	var size int64
	l.View(func(s *ledger.State) { size = s.Seq })
	l.Close()
	report, err := verifier.Finish(t.Context(), size, h.ledger.Blob)
	if err != nil || !report.OK || report.Rings != 2 || report.Posts != 2 || report.Refused != len(want) {
		t.Errorf("the auditor says %+v, %v", report, err)
	}
}

// TestRingWithoutVersions runs a node whose people configured no version on a ledger
// that holds one: it can't judge it, so nothing is to be trusted; a forged one that does
// not stand on its own is refused, and holds up nothing.
func TestRingWithoutVersions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := newPlatform("x-a")
	rings := signing.Fixed(h.auth)
	h.runWith("one/a", delivery.Config{Rings: rings, Channels: []delivery.Channel{quick(p)}})
	v := signingtest.Version(t, alert.RealmExercise, nil, nil, h.officer, h.police)
	unsigned, err := signing.Seal(v.Meta, v.Contents())
	if err != nil {
		t.Fatal(err)
	}
	h.accept(unsigned)
	if got := h.refusals(1); got[0].Class != ledger.ClassKeyRing {
		t.Errorf("refused as %s", got[0].Class)
	}
	b := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.release(b)
	h.await(b, "x-a", ledger.StateVerified)
	if err := rings.Trusted(); err != nil {
		t.Errorf("a version that nobody signed: %v", err)
	}
	h.accept(v)
	if err := delivery.TakeRings(t.Context(), h.ledger, rings); err != nil || !errors.Is(rings.Trusted(), signing.ErrNoRoot) {
		t.Errorf("a version that may be right: %v, then %v", err, rings.Trusted())
	}
}

// TestALostVersionIsNotPassedOver takes the bytes of a version away by which a node has
// judged: whoever reads the ledger anew trusts nothing, rather than judging by the version
// before it, which knows nothing of who was revoked since. One by which nobody judged is
// passed over, and so is one in whose place the same came once more.
func TestALostVersionIsNotPassedOver(t *testing.T) {
	t.Parallel()
	first := signingtest.Version(t, alert.RealmExercise, nil, nil, signingtest.Officer(t), signingtest.Police(t))
	for name, tt := range map[string]struct {
		write func(h *house, second *signing.Version)
		lost  bool
	}{
		"judged_by": {func(h *house, second *signing.Version) {
			h.claim(second)
			h.append(ledger.Record{Type: ledger.NodeStarted, Node: "one/b", Ring: second.Claim().Ring})
		}, true},
		"damaged": {func(h *house, second *signing.Version) {
			c := second.Claim()
			ledgertest.Write(h.t, h.server.Addr(), h.crew.As("police")[0], "blob."+c.Folder, []byte("others"))
			h.claim(second)
			h.append(ledger.Record{Type: ledger.NodeStarted, Node: "one/b", Ring: c.Ring})
		}, true},
		"judged_before": {func(h *house, second *signing.Version) {
			h.append(ledger.Record{Type: ledger.NodeStarted, Node: "one/b", Ring: second.Claim().Ring})
			h.claim(second)
		}, false},
		"nobody_judged": {func(h *house, second *signing.Version) { h.claim(second) }, false},
		"once_more": {func(h *house, second *signing.Version) {
			c := second.Claim()
			h.append(ledger.Record{Type: ledger.KeyRing, Number: c.Version, Meta: c.Meta, Ring: c.Ring, Folder: strings.Repeat("0", 64)})
			h.accept(second)
			h.append(ledger.Record{Type: ledger.NodeStarted, Node: "one/b", Ring: c.Ring})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.accept(first)
			tt.write(h, signingtest.Version(t, alert.RealmExercise, first, nil, h.officer, h.police))
			rings, err := signing.NewHistory(first, alert.RealmExercise)
			if err != nil {
				t.Fatal(err)
			}
			if err := delivery.TakeRings(t.Context(), h.ledger, rings); err != nil {
				t.Fatal(err)
			}
			if err := rings.Trusted(); errors.Is(err, signing.ErrLostVersion) != tt.lost || (err != nil) != tt.lost {
				t.Errorf("got %v, want it lost: %v", err, tt.lost)
			}
			again, err := signing.NewHistory(first, alert.RealmExercise)
			if err != nil {
				t.Fatal(err)
			}
			report := h.audited(again)
			if found := slices.ContainsFunc(report.Findings, func(f audit.Finding) bool { return f.Rule == "key_ring" && strings.Contains(f.Text, "was in force") }); found != tt.lost {
				t.Errorf("the auditor says %+v, want it lost: %v", report.Findings, tt.lost)
			}
		})
	}
}

// TestAVersionThatIsNotUnderstoodIsNotPassedOver has managers put in force a version with a policy
// of a newer program: whoever reads it trusts nothing that comes after, refuses nothing, and goes
// on when managers put another one of its number in its place. One that they have not signed
// holds up nothing.
func TestAVersionThatIsNotUnderstoodIsNotPassedOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := signingtest.Version(t, alert.RealmExercise, nil, nil, h.officer, h.police)
	history := func() *signing.History {
		rings, err := signing.NewHistory(first, alert.RealmExercise)
		if err != nil {
			t.Fatal(err)
		}
		return rings
	}
	put := func(signed bool, change func(*signing.Claim)) {
		t.Helper()
		bundle, c := signingtest.Later(t, alert.RealmExercise, first, signed, h.officer, h.police)
		if _, err := h.ledger.PutBlob(t.Context(), bundle); err != nil {
			t.Fatal(err)
		}
		change(&c)
		h.append(ledger.Record{Type: ledger.KeyRing, Number: c.Version, Meta: c.Meta, Ring: c.Ring, Folder: c.Folder})
	}
	h.accept(first)
	p, rings := newPlatform("x-a"), history()
	h.runWith("one/a", delivery.Config{Rings: rings, Trusted: rings.Trusted, Channels: []delivery.Channel{quick(p)}})
	put(false, func(*signing.Claim) {})
	put(true, func(c *signing.Claim) { c.Ring = strings.Repeat("ab", 32) }) // the record of another one
	for _, r := range h.refusals(2) {
		if r.Class != ledger.ClassKeyRing {
			t.Errorf("refused as %s", r.Class)
		}
	}
	before := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(before, "x-a", ledger.StateVerified)

	put(true, func(*signing.Claim) {})
	after := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	again := history()
	if err := delivery.TakeRings(t.Context(), h.ledger, again); err != nil || !errors.Is(again.Trusted(), signing.ErrNotUnderstood) || !strings.Contains(again.Trusted().Error(), "weather") {
		t.Errorf("%v, then %v; want it not understood, and why", err, again.Trusted())
	}
	if report := h.audited(history()); !slices.ContainsFunc(report.Findings, func(f audit.Finding) bool {
		return f.Rule == "key_ring" && strings.Contains(f.Text, "does not understand")
	}) {
		t.Errorf("the auditor says %+v", report.Findings)
	}
	if n := p.published(); n != 1 {
		t.Errorf("%d posts are public, want the one from before", n)
	}
	h.accept(signingtest.Version(t, alert.RealmExercise, first, nil, h.officer, h.police))
	h.await(after, "x-a", ledger.StateVerified)
	if err := rings.Trusted(); err != nil {
		t.Errorf("with another version in its place: %v", err)
	}
	if all := h.refusals(2); len(all) != 2 {
		t.Errorf("refused was %+v, want the two that nobody signed", all)
	}
}

// TestAVersionWhoseBytesComeLateIsNotLost has another node judge by a version while its bytes
// have not come to this one: it waits, and takes it up.
func TestAVersionWhoseBytesComeLateIsNotLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := signingtest.Version(t, alert.RealmExercise, nil, nil, h.officer, h.police)
	rings, err := signing.NewHistory(first, alert.RealmExercise)
	if err != nil {
		t.Fatal(err)
	}
	h.accept(first)
	h.runWith("one/a", delivery.Config{Rings: rings, Channels: []delivery.Channel{quick(newPlatform("x-a"))}})
	second := signingtest.Version(t, alert.RealmExercise, first, nil, h.officer, h.police)
	h.claim(second)
	h.append(ledger.Record{Type: ledger.NodeStarted, Node: "two/a", Ring: second.Claim().Ring})
	if _, err := h.ledger.PutBlob(t.Context(), second.Bundle()); err != nil {
		t.Fatal(err)
	}
	h.versionInForce(rings, 2)
	if err := rings.Trusted(); err != nil {
		t.Error(err)
	}
}

// TestARefusedVersionIsNotLost has a record name the key ring that is in force, with bytes that
// never come: it is refused, and a node that is started again knows of no loss.
func TestARefusedVersionIsNotLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := signingtest.Version(t, alert.RealmExercise, nil, nil, h.officer, h.police)
	history := func() *signing.History {
		rings, err := signing.NewHistory(first, alert.RealmExercise)
		if err != nil {
			t.Fatal(err)
		}
		return rings
	}
	h.accept(first)
	h.runWith("one/a", delivery.Config{Rings: history(), Channels: []delivery.Channel{quick(newPlatform("x-a"))}})
	c := first.Claim()
	h.append(ledger.Record{Type: ledger.KeyRing, Number: 2, Meta: c.Folder, Ring: c.Ring, Folder: strings.Repeat("0", 64)})
	h.refusals(1)
	h.append(ledger.Record{Type: ledger.NodeStarted, Node: "one/b", Ring: c.Ring})
	again := history()
	if err := delivery.TakeRings(t.Context(), h.ledger, again); err != nil || again.Trusted() != nil {
		t.Errorf("%v, %v", err, again.Trusted())
	}
}

// claim writes the record of a version, without its bytes.
func (h *house) claim(v *signing.Version) {
	h.t.Helper()
	c := v.Claim()
	h.append(ledger.Record{Type: ledger.KeyRing, Number: c.Version, Meta: c.Meta, Ring: c.Ring, Folder: c.Folder})
}
