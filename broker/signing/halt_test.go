package signing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// TestHalts judges refusals and withdrawals by who signed them, as what, and what they say.
func TestHalts(t *testing.T) {
	t.Parallel()
	at := time.Now().UTC().Truncate(time.Second)
	officer, police := signingtest.Officer(t), signingtest.Police(t)
	deputy := signingtest.NewPerson(t, "vice@police.example", signing.Deputy)
	corrector := signingtest.NewPerson(t, "anna@pc.example", signing.Correction)
	stranger := signingtest.NewPerson(t, "eva@police.example", signing.Police)
	past := signingtest.NewPerson(t, "passato@police.example", signing.Police)
	past.After, past.Before = at.AddDate(-1, 0, 0), at.Add(-time.Minute)
	future := signingtest.NewPerson(t, "futuro@police.example", signing.Police)
	future.After, future.Before = at.Add(time.Hour), at.AddDate(1, 0, 0)
	a := signingtest.Authority(t, alert.RealmExercise, officer, police, deputy, corrector, past, future)
	issue := bulletintest.New(t, "x-a")
	issue.Prepared = true
	b := issue.Next(t, alert.MsgAlert)
	twin := bulletintest.New(t, "x-a").Next(t, alert.MsgAlert)
	real := bulletintest.New(t, "x-a")
	real.Realm = alert.RealmLive
	live := real.Next(t, alert.MsgAlert)

	halt := func(kind bulletin.HaltKind, b *bulletin.Bulletin, p *signingtest.Person) signing.SignedHalt {
		h, err := bulletin.NewHalt(kind, b, p.Principal, "La zona è sbagliata.", at)
		if err != nil {
			t.Fatal(err)
		}
		return signing.SignedHalt{Statement: p.Statement(t, b.Realm, h.Bytes(), at), Kind: kind, Text: h.Bytes()}
	}
	change := func(sh signing.SignedHalt, f func(*signing.SignedHalt)) signing.SignedHalt {
		f(&sh)
		return sh
	}
	refusal := halt(bulletin.Refusal, b, police)
	for name, tt := range map[string]struct {
		of   *bulletin.Bulletin
		halt signing.SignedHalt
		want signing.Reason // "" for one that holds
	}{
		"police_refuses":       {b, refusal, ""},
		"deputy_refuses":       {b, halt(bulletin.Refusal, b, deputy), ""},
		"officer_withdraws":    {b, halt(bulletin.Withdrawal, b, officer), ""},
		"officer_refuses":      {b, halt(bulletin.Refusal, b, officer), signing.ReasonMayNotRefuse},
		"police_withdraws":     {b, halt(bulletin.Withdrawal, b, police), signing.ReasonMayNotWithdraw},
		"corrector_refuses":    {b, halt(bulletin.Refusal, b, corrector), signing.ReasonMayNotRefuse},
		"stranger":             {b, halt(bulletin.Refusal, b, stranger), signing.ReasonNotInRing},
		"expired":              {b, halt(bulletin.Refusal, b, past), signing.ReasonKeyExpired},
		"not_yet_valid":        {b, halt(bulletin.Refusal, b, future), signing.ReasonNotYetValid},
		"other_bulletin":       {twin, refusal, signing.ReasonOtherBulletin},
		"other_realm_bulletin": {live, halt(bulletin.Refusal, live, police), signing.ReasonWrongRealm},
		"signed_for_other_realm": {b, change(refusal, func(h *signing.SignedHalt) {
			h.Signature = police.Sign(t, alert.RealmLive, h.Text)
		}), signing.ReasonWrongRealm},
		"claimed_for_other_realm": {b, change(refusal, func(h *signing.SignedHalt) {
			h.Signature, h.Namespace = police.Sign(t, alert.RealmLive, h.Text), signing.Namespace(signing.Police, alert.RealmLive)
		}), signing.ReasonWrongRealm},
		"other_kind_than_the_record": {b, change(refusal, func(h *signing.SignedHalt) { h.Kind = bulletin.Withdrawal }), signing.ReasonOtherBulletin},
		"other_person_than_the_text": {b, change(refusal, func(h *signing.SignedHalt) { h.Principal = deputy.Principal }), signing.ReasonWrongPerson},
		"other_role_than_signed": {b, change(refusal, func(h *signing.SignedHalt) {
			h.Namespace = signing.Namespace(signing.Deputy, alert.RealmExercise)
		}), signing.ReasonWrongRole},
		"signature_of_the_bulletin": {b, change(refusal, func(h *signing.SignedHalt) {
			h.Signature = police.Sign(t, alert.RealmExercise, b.Bytes())
		}), signing.ReasonBadSignature},
		"text_is_the_bulletin": {b, change(refusal, func(h *signing.SignedHalt) {
			h.Text, h.Signature = b.Bytes(), police.Sign(t, alert.RealmExercise, b.Bytes())
		}), signing.ReasonUnreadable},
		"text_of_another_halt": {b, change(refusal, func(h *signing.SignedHalt) {
			h.Text = halt(bulletin.Refusal, twin, police).Text
		}), signing.ReasonOtherBulletin},
		"no_text":      {b, change(refusal, func(h *signing.SignedHalt) { h.Text = nil }), signing.ReasonUnreadable},
		"no_signature": {b, change(refusal, func(h *signing.SignedHalt) { h.Signature = nil }), signing.ReasonMalformed},
		"no_time":      {b, change(refusal, func(h *signing.SignedHalt) { h.At = time.Time{} }), signing.ReasonNoTime},
		"what_stops_the_alert": {
			b.Prepared(bulletin.Revocation), halt(bulletin.Refusal, b.Prepared(bulletin.Revocation), police), signing.ReasonPrepared,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, s, err := a.CheckHalt(tt.of, tt.halt, at)
			if tt.want == "" {
				if err != nil || s.Principal != tt.halt.Principal || said.Reason != "La zona è sbagliata." {
					t.Fatalf("got %v by %q, %v; want that it holds", said, s.Principal, err)
				}
				return
			}
			if e, ok := errors.AsType[*signing.RefusedError](err); !ok || e.Reason != tt.want || said != nil {
				t.Errorf("got %v, want it refused as %s", err, tt.want)
			}
		})
	}

	// What can be known of the key is known before it signs.
	for name, tt := range map[string]struct {
		of   *bulletin.Bulletin
		kind bulletin.HaltKind
		p    *signingtest.Person
		want signing.Reason
	}{
		"police_refuses":       {b, bulletin.Refusal, police, ""},
		"deputy_withdraws":     {b, bulletin.Withdrawal, deputy, ""},
		"officer_refuses":      {b, bulletin.Refusal, officer, signing.ReasonMayNotRefuse},
		"police_withdraws":     {b, bulletin.Withdrawal, police, signing.ReasonMayNotWithdraw},
		"stranger":             {b, bulletin.Refusal, stranger, signing.ReasonNotInRing},
		"expired":              {b, bulletin.Refusal, past, signing.ReasonKeyExpired},
		"other_realm_bulletin": {live, bulletin.Refusal, police, signing.ReasonWrongRealm},
		"what_stops_the_alert": {b.Prepared(bulletin.Revocation), bulletin.Refusal, police, signing.ReasonPrepared},
	} {
		t.Run("before_"+name, func(t *testing.T) {
			t.Parallel()
			if got := reasonOf(t, a.WouldHalt(tt.of, tt.kind, tt.p.PublicKey(), tt.p.Role, at)); got != tt.want {
				t.Errorf("it is refused for %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("before_unconfigured", func(t *testing.T) {
		t.Parallel()
		if err := new(signing.Authority).WouldHalt(b, bulletin.Refusal, police.PublicKey(), police.Role, at); err == nil {
			t.Error("the zero authority takes a refusal")
		}
	})

	t.Run("revoked", func(t *testing.T) {
		t.Parallel()
		ring, err := signing.ParseRing("r", signingtest.RingText(t, officer, police), ssh.MarshalAuthorizedKey(police.PublicKey()))
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = (&signing.Authority{Ring: ring, Policy: a.Policy, Realm: a.Realm}).CheckHalt(b, refusal, at)
		if e, ok := errors.AsType[*signing.RefusedError](err); !ok || e.Reason != signing.ReasonRevoked {
			t.Errorf("got %v, want it refused as revoked", err)
		}
	})
	t.Run("unconfigured", func(t *testing.T) {
		t.Parallel()
		if _, _, err := new(signing.Authority).CheckHalt(b, refusal, at); err == nil {
			t.Error("the zero authority accepts a refusal")
		}
	})
	t.Run("halt_is_no_signature", func(t *testing.T) {
		t.Parallel()
		if _, err := a.CheckOne(signing.RequestOf(b), refusal.Statement, at); err == nil {
			t.Error("the signature of a refusal counts as one on the bulletin")
		}
	})
}

// TestHaltMutants changes each byte of a refusal in several ways: no one of them holds by the
// signature of the true one.
func TestHaltMutants(t *testing.T) {
	t.Parallel()
	at := time.Now().UTC()
	police := signingtest.Police(t)
	a := signingtest.Authority(t, alert.RealmExercise, police)
	b := bulletintest.New(t, "x-a").Next(t, alert.MsgAlert)
	h, err := bulletin.NewHalt(bulletin.Refusal, b, police.Principal, "La zona è sbagliata.", at)
	if err != nil {
		t.Fatal(err)
	}
	good := signing.SignedHalt{Statement: police.Statement(t, b.Realm, h.Bytes(), at), Kind: bulletin.Refusal, Text: h.Bytes()}
	if _, _, err := a.CheckHalt(b, good, at); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for i := range good.Text {
		for _, flip := range []byte{0x01, 0x20, 0x80} {
			mutant := good
			mutant.Text = []byte(string(good.Text))
			mutant.Text[i] ^= flip
			tried++
			if _, _, err := a.CheckHalt(b, mutant, at); err == nil {
				t.Errorf("with byte %d changed by %#x it holds: %q", i, flip, mutant.Text)
			}
		}
		for _, text := range []string{string(good.Text[:i]), string(good.Text[:i]) + string(good.Text[i+1:]), string(good.Text[:i]) + " " + string(good.Text[i:])} {
			mutant := good
			mutant.Text = []byte(text)
			tried++
			if _, _, err := a.CheckHalt(b, mutant, at); err == nil {
				t.Errorf("%q holds", text)
			}
		}
	}
	if tried < 1500 {
		t.Errorf("%d mutants were tried, want more", tried)
	}
}

// TestPolicyOfHalts reads who may refuse and withdraw, also where a policy does not say.
func TestPolicyOfHalts(t *testing.T) {
	t.Parallel()
	const bare = "version: 1\nalert:\n  all: [officer, police]\nupdate:\n  all: [officer, police]\ncancel:\n  any: [officer, police]\n"
	for name, tt := range map[string]struct{ text, refuse, withdraw, err string }{
		"silent":        {bare, "[police deputy]", "[officer deputy]", ""},
		"default":       {string(signing.DefaultPolicy()), "[police deputy]", "[officer deputy]", ""},
		"own":           {bare + "halts:\n  refusal:\n    any: [police]\n  withdrawal:\n    any: [officer, police, correction]\n", "[police]", "[officer police correction]", ""},
		"one":           {bare + "halts:\n  withdrawal:\n    any: [officer]\n", "[police deputy]", "[officer]", ""},
		"all":           {bare + "halts:\n  refusal:\n    all: [police, deputy]\n", "", "", `unknown key "all"`},
		"nobody":        {bare + "halts:\n  refusal:\n    any: []\n", "", "", "empty"},
		"nothing":       {bare + "halts:\n  refusal: {}\n", "", "", "key any is missing"},
		"unknown":       {bare + "halts:\n  veto:\n    any: [police]\n", "", "", `line 9: unknown key "veto"`},
		"keyring_role":  {bare + "halts:\n  refusal:\n    any: [keyring]\n", "", "", `unknown role "keyring"`},
		"null":          {bare + "halts:\n", "", "", "a list of keys and values"},
		"role_twice":    {bare + "halts:\n  refusal:\n    any: [police, police]\n", "", "", "twice"},
		"section_twice": {bare + "halts:\n  refusal:\n    any: [police]\nhalts:\n  refusal:\n    any: [deputy]\n", "", "", "signing policy, line"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := signing.ParsePolicy([]byte(tt.text))
			checkText(t, err, tt.err)
			if err != nil {
				return
			}
			for kind, want := range map[bulletin.HaltKind]string{bulletin.Refusal: tt.refuse, bulletin.Withdrawal: tt.withdraw} {
				if got := rolesOf(p.Halts(kind)); got != want {
					t.Errorf("%s: %s, want %s", kind, got, want)
				}
			}
		})
	}
}

func rolesOf(roles []signing.Role) string {
	var names []string
	for _, r := range roles {
		names = append(names, string(r))
	}
	return "[" + strings.Join(names, " ") + "]"
}
