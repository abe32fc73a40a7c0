package delivery_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// encoded returns the bytes of a record, as somebody writes them without our programs.
func encoded(t *testing.T, r ledger.Record) (subject, payload string) {
	t.Helper()
	r.Schema, r.ID, r.At, r.Node = ledger.Schema, uuid.NewString(), time.Now().UTC(), "somebody"
	raw, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return r.Subject(), string(raw)
}

func bulletinRecord(b *bulletin.Bulletin) ledger.Record {
	return ledger.Record{
		Type: ledger.Bulletin, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Bytes: len(b.Bytes()), Code: string(b.Code),
		Identifier: b.Message.Identifier, MsgType: string(b.Message.MsgType), Kind: string(b.Kind), Expires: b.Expires.UTC(),
	}
}

func signatureRecord(t *testing.T, b *bulletin.Bulletin, by *signingtest.Person, as string, role signing.Role) ledger.Record {
	t.Helper()
	return ledger.Record{
		Type: ledger.Signature, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Principal: as,
		Namespace: signing.Namespace(role, b.Realm), Armor: string(by.Sign(t, b.Realm, b.Bytes())),
	}
}

// adapterNode runs a node over the network that has the credential of one channel's adapter,
// and returns how to stop it.
func (h *house) adapterNode(node string, ch delivery.Channel) (stop func()) {
	h.t.Helper()
	l, err := ledger.Open(h.t.Context(), ledger.Options{
		URL: h.server.Addr(), Credentials: h.crew.As("adapter-" + ch.Channel.Name()), Realm: "exercise", Create: true, Name: node,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	s, err := delivery.New(delivery.Config{Ledger: l, Rings: signing.Fixed(h.auth), Channels: []delivery.Channel{ch}, Log: h.log})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
		l.Close()
	}
	h.t.Cleanup(stop)
	return stop
}

// TestABulletinForgedByTheAdministratorIsRefused has the broker's administrator, who may
// write everything, write a bulletin with signatures in the names of those who may sign, and the
// word of a node that it was sent: no adapter posts it, and the ledger says why.
func TestABulletinForgedByTheAdministratorIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x, telegram := newPlatform("x-a"), newPlatform("telegram-a")
	h.run("one/a", quick(telegram))
	h.adapterNode("two/b", quick(x))

	forged := newAlert(t, "x-a", "telegram-a").Next(t, alert.MsgAlert)
	as := func(r ledger.Record) int64 {
		subject, payload := encoded(t, r)
		return h.write("operator", subject, payload)
	}
	h.writeBlob("operator", forged)
	as(bulletinRecord(forged))
	officer, police := signingtest.NewPerson(t, "eva@pc.example", signing.Officer), signingtest.NewPerson(t, "eve@police.example", signing.Police)
	bad := map[int64]bool{
		as(signatureRecord(t, forged, officer, h.officer.Principal, signing.Officer)): true,
		as(signatureRecord(t, forged, police, h.police.Principal, signing.Police)):    true,
	}
	// A genuine signature of another bulletin, under this one.
	other := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	copied := signatureRecord(t, other, h.police, h.police.Principal, signing.Police)
	copied.Alert, copied.Number, copied.SHA256 = string(forged.Alert), forged.Number, forged.SHA256()
	bad[as(copied)] = true

	// What is signed is carried by both, so that all before it was seen.
	good := h.release(newAlert(t, "x-a", "telegram-a").Next(t, alert.MsgAlert))
	h.await(good, "x-a", ledger.StateVerified)
	h.await(good, "telegram-a", ledger.StateVerified)
	want(t, x, "1/1")
	want(t, telegram, "1/1")
	for _, r := range h.refusals(len(bad)) {
		if !bad[r.Refers] || r.Class != ledger.ClassSignature || strings.TrimSpace(r.Reason) == "" {
			t.Errorf("refused was record %d (%s): %s", r.Refers, r.Class, r.Reason)
		}
		delete(bad, r.Refers)
	}
	if len(bad) > 0 {
		t.Errorf("records %v were not refused", bad)
	}
	for _, channel := range []string{"x-a", "telegram-a"} {
		if p := h.part(forged, channel); p.State != ledger.StatePending || p.Attempts != 0 {
			t.Errorf("the forged bulletin is %+v on %s", p, channel)
		}
	}
}

// TestSignaturesOnAnotherRolesSubjectCountForNothing has whoever stole the officers' broker
// credential write a co-signature on the one subject for signatures that it may write.
func TestSignaturesOnAnotherRolesSubjectCountForNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	b := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.hand(b)
	h.sign(b, h.officer)
	// The liaison did sign: what counts is that the record stands where the officer's belong.
	r := signatureRecord(t, b, h.police, h.police.Principal, signing.Police)
	subject, payload := encoded(t, r)
	wrong := h.write("officer", strings.Replace(subject, ".signature.police", ".signature.officer", 1), payload)
	if got := h.refusals(1)[0]; got.Refers != wrong || got.Class != ledger.ClassRecord {
		t.Errorf("refused was record %d (%s), want %d", got.Refers, got.Class, wrong)
	}
	if p := h.part(b, "x-a"); p.State != ledger.StatePending || p.Attempts != 0 {
		t.Errorf("the bulletin is %+v", p)
	}
	h.sign(b, h.police)
	h.await(b, "x-a", ledger.StateVerified)
	want(t, x, "1/1")
}

// TestPoliceHandInWhatIsPrepared has whoever has the police's broker credential hand in, on the subject
// for what is prepared, a bulletin that is not: it is refused, and what is prepared stops the alert.
func TestPoliceHandInWhatIsPrepared(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	ordinary := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.writeBlob("police", ordinary)
	r := bulletinRecord(ordinary)
	r.Kind = string(bulletin.Correction)
	subject, payload := encoded(t, r)
	wrong := h.write("police", subject, payload)
	if got := h.refusals(1)[0]; got.Refers != wrong || got.Class != ledger.ClassBulletin || !strings.Contains(got.Reason, "kind") {
		t.Errorf("refused was record %d (%s): %s", got.Refers, got.Class, got.Reason)
	}
	h.sign(ordinary, h.officer, h.police)
	if p := h.part(ordinary, "x-a"); p.Attempts != 0 {
		t.Errorf("the bulletin is %+v", p)
	}
}

// TestWhatIsPreparedNeedsNoBytesOfItsOwn stops an alert with records alone, and revokes what was
// prepared inside what was prepared: nodes take the bytes out of the bulletin around them.
func TestWhatIsPreparedNeedsNoBytesOfItsOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	a := newAlert(t, "x-a")
	a.Prepared = true
	b := h.release(a.Next(t, alert.MsgAlert))
	h.await(b, "x-a", ledger.StateVerified)
	correction := b.Prepared(bulletin.Correction)
	for _, stop := range []*bulletin.Bulletin{correction, correction.Prepared(bulletin.Revocation)} {
		h.append(bulletinRecord(stop))
		h.sign(stop, h.officer, h.police)
		h.await(stop, "x-a", ledger.StateVerified)
		kept, err := delivery.Kept(t.Context(), h.ledger, string(stop.Alert), stop.SHA256())
		if err != nil || kept.SHA256() != stop.SHA256() {
			t.Errorf("what was kept is %v, %v", kept, err)
		}
	}
	want(t, x, "1/1", "2/1", "3/1")
}

// TestAnAdaptersNodeCarriesItsChannel runs nodes that have the credentials of single channels, beside
// one that carries another channel: each post goes out once, also after a restart.
func TestAnAdaptersNodeCarriesItsChannel(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x, telegram, site := newPlatform("x-a"), newPlatform("telegram-a"), newPlatform("site-a")
	h.run("one/a", quick(site))
	stop := h.adapterNode("two/b", quick(x))
	h.adapterNode("three/c", quick(telegram))
	channels := []string{"x-a", "telegram-a", "site-a"}
	first := h.release(newAlert(t, channels...).Next(t, alert.MsgAlert))
	for _, channel := range channels {
		p := h.await(first, channel, ledger.StateVerified)
		if p.Attempts != 1 {
			t.Errorf("%s: %d attempts", channel, p.Attempts)
		}
		if took := p.FirstTry.Sub(h.releasedAt(first)); took > 2*time.Second {
			t.Errorf("%s: the first attempt came %v after the release", channel, took)
		}
	}
	stop()
	second := h.release(newAlert(t, channels...).Next(t, alert.MsgAlert))
	h.await(second, "telegram-a", ledger.StateVerified)
	h.adapterNode("two/d", quick(x))
	h.await(second, "x-a", ledger.StateVerified)
	for _, p := range []*platform{x, telegram, site} {
		want(t, p, "1/1", "1/1")
	}
	if got := h.refusals(0); len(got) > 0 {
		t.Errorf("refused was %+v", got)
	}
}

// releasedAt returns when the broker took the last signature of a bulletin.
func (h *house) releasedAt(b *bulletin.Bulletin) (at time.Time) {
	h.ledger.View(func(s *ledger.State) {
		all := s.Alerts[string(b.Alert)].Bulletin(b.SHA256()).Statements
		at = all[len(all)-1].At
	})
	return at
}

// writeBlob keeps the bytes of a bulletin past the package that writes records.
func (h *house) writeBlob(who string, b *bulletin.Bulletin) {
	h.t.Helper()
	l, err := ledger.Open(h.t.Context(), ledger.Options{URL: h.server.Addr(), Credentials: h.crew.As(who), Name: who})
	if err != nil {
		h.t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.PutBlob(h.t.Context(), b.Bytes()); err != nil {
		h.t.Fatal(err)
	}
}
