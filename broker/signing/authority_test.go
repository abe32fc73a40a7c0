package signing_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
	"tocsin/broker/signing/sshsig"
)

// The times of the tests: written at nine, signed at five and ten past, now is a
// quarter past, and the alert lasts until noon.
var (
	signedAt   = time.Date(2026, 6, 15, 9, 5, 0, 0, time.UTC)
	cosignedAt = signedAt.Add(5 * time.Minute)
	now        = signedAt.Add(10 * time.Minute)
	noon       = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)
)

func document() []byte { return []byte("bollettino 1 di SV-7F3K2\n") }

func request(kind alert.MsgType) signing.Request {
	return signing.Request{Bytes: document(), Realm: alert.RealmLive, MsgType: kind, Expires: noon}
}

// town has people of three organisations, with one of each thing that can be
// wrong with a key.
type town struct {
	officer, police, deputy, second, traffic, gone, early, leaving, robbed, practice *signingtest.Person
	stranger                                                                         *signingtest.Person
	both                                                                             *signingtest.Person // the officer, enrolled as police too
	authority                                                                        *signing.Authority
}

func newTown(t testing.TB) *town {
	t.Helper()
	tn := &town{
		officer:  signingtest.Officer(t),
		police:   signingtest.Police(t),
		deputy:   signingtest.NewPerson(t, "deputy@pc.example", signing.Deputy),
		second:   signingtest.NewPerson(t, "second@pc.example", signing.Officer),
		traffic:  signingtest.NewPerson(t, "traffic@pc.example", signing.Police), // police of the officer's organisation
		gone:     signingtest.NewPerson(t, "gone@police.example", signing.Police),
		early:    signingtest.NewPerson(t, "early@police.example", signing.Police),
		leaving:  signingtest.NewPerson(t, "leaving@police.example", signing.Police),
		robbed:   signingtest.NewPerson(t, "robbed@police.example", signing.Police),
		practice: signingtest.NewPerson(t, "practice@police.example", signing.Police),
		stranger: signingtest.NewPerson(t, "stranger@police.example", signing.Police),
	}
	tn.both = signingtest.NewPerson(t, tn.officer.Principal, signing.Police)
	tn.gone.Before = signedAt
	tn.leaving.Before = cosignedAt.Add(time.Minute) // after the signature and before now
	tn.early.After = noon
	tn.practice.Realms = []alert.Realm{alert.RealmExercise}
	text := signingtest.RingText(t, tn.officer, tn.police, tn.deputy, tn.second, tn.traffic, tn.gone, tn.early, tn.leaving, tn.robbed, tn.practice, tn.both)
	tn.authority = &signing.Authority{
		Ring: mustParseRing(t, string(text), publicLine(tn.robbed.PublicKey())), Policy: signingtest.Policy(t), Realm: alert.RealmLive,
	}
	return tn
}

// statements signs for each person, five minutes apart.
func statements(t testing.TB, realm alert.Realm, people ...*signingtest.Person) []signing.Statement {
	t.Helper()
	var out []signing.Statement
	for i, p := range people {
		out = append(out, p.Statement(t, realm, document(), signedAt.Add(time.Duration(i)*5*time.Minute)))
	}
	return out
}

func live(t testing.TB, people ...*signingtest.Person) []signing.Statement {
	return statements(t, alert.RealmLive, people...)
}

// TestPolicyMatrix draws who signed against the kind of message. "released" stands
// for no refusal.
func TestPolicyMatrix(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	const released = signing.Reason("")
	people := func(p ...*signingtest.Person) []*signingtest.Person { return p }
	for _, row := range []struct {
		name   string
		signed []*signingtest.Person
		start  signing.Reason // of words of one's own: Alert, Update and Cancel
		stop   signing.Reason // of what both have signed before, prepared: correction and revocation
	}{
		{"nobody", people(), signing.ReasonMissingRole, signing.ReasonMissingRole},
		{"officer", people(tn.officer), signing.ReasonMissingRole, released},
		{"police", people(tn.police), signing.ReasonMissingRole, released},
		{"both", people(tn.officer, tn.police), released, released},
		{"police_first", people(tn.police, tn.officer), released, released},
		{"officer_twice", people(tn.officer, tn.officer), signing.ReasonMissingRole, released},
		{"two_officers", people(tn.officer, tn.second), signing.ReasonMissingRole, released},
		{"deputy", people(tn.deputy), signing.ReasonMissingRole, signing.ReasonMissingRole},
		{"officer_and_deputy", people(tn.officer, tn.deputy), signing.ReasonMissingRole, released},
		{"same_organisation", people(tn.officer, tn.traffic), signing.ReasonSameOrganisation, released},
		{"same_person", people(tn.officer, tn.both), signing.ReasonSamePerson, released},
		{"same_person_and_other_officer", people(tn.officer, tn.second, tn.both), signing.ReasonSameOrganisation, released},
		{"expired", people(tn.officer, tn.gone), signing.ReasonKeyExpired, released},
		{"not_yet_valid", people(tn.officer, tn.early), signing.ReasonNotYetValid, released},
		{"revoked", people(tn.officer, tn.robbed), signing.ReasonRevoked, released},
		{"revoked_then_expired", people(tn.officer, tn.robbed, tn.gone), signing.ReasonKeyExpired, released},
		{"stranger", people(tn.officer, tn.stranger), signing.ReasonNotInRing, released},
		{"practice_key", people(tn.officer, tn.practice), signing.ReasonWrongRealm, released},
		{"only_revoked", people(tn.robbed), signing.ReasonRevoked, signing.ReasonRevoked},
		{"only_stranger", people(tn.stranger), signing.ReasonNotInRing, signing.ReasonNotInRing},
		{"only_expired_later", people(tn.officer, tn.gone, tn.police), released, released},
		{"all", people(tn.deputy, tn.second, tn.traffic, tn.gone, tn.early, tn.robbed, tn.practice, tn.both, tn.stranger, tn.officer, tn.police), released, released},
	} {
		for _, c := range []struct {
			kind     alert.MsgType
			prepared bulletin.Kind
			want     signing.Reason
		}{
			{alert.MsgAlert, "", row.start},
			{alert.MsgUpdate, "", row.start},
			{alert.MsgCancel, "", row.start},
			{alert.MsgUpdate, bulletin.Correction, row.stop},
			{alert.MsgCancel, bulletin.Revocation, row.stop},
		} {
			kind, want := c.kind, c.want
			t.Run(row.name+"/"+string(kind)+string(c.prepared), func(t *testing.T) {
				t.Parallel()
				req := request(kind)
				req.Prepared = c.prepared
				a, err := tn.authority.Authorize(req, live(t, row.signed...), now.Add(time.Hour))
				if got := reasonOf(t, err); got != want {
					t.Fatalf("refused for %q (%v), want %q", got, err, want)
				}
				var refused *signing.RefusedError
				if errors.As(err, &refused) && !refused.Curable {
					t.Errorf("%v: another signature could cure it, and the error says no", err)
				}
				if err == nil && (string(a.Bytes()) != string(document()) || a.MsgType() != kind) {
					t.Errorf("released %q as %s", a.Bytes(), a.MsgType())
				}
			})
		}
	}
}

// TestRealmMatrix draws the realm of the node, of the bulletin and of the
// signatures against each other: only where all three agree is it released.
func TestRealmMatrix(t *testing.T) {
	t.Parallel()
	officer, police := signingtest.Officer(t), signingtest.Police(t)
	realms := []alert.Realm{alert.RealmLive, alert.RealmExercise}
	for _, node := range realms {
		authority := signingtest.Authority(t, node, officer, police)
		for _, of := range realms {
			for _, first := range realms {
				for _, second := range realms {
					t.Run(fmt.Sprintf("%s/%s/%s/%s", node, of, first, second), func(t *testing.T) {
						t.Parallel()
						req := request(alert.MsgAlert)
						req.Realm = of
						sts := []signing.Statement{officer.Statement(t, first, document(), signedAt), police.Statement(t, second, document(), cosignedAt)}
						a, err := authority.Authorize(req, sts, now)
						want := signing.ReasonWrongRealm
						if node == of && node == first && node == second {
							want = ""
						}
						if got := reasonOf(t, err); got != want {
							t.Fatalf("refused for %q (%v), want %q", got, err, want)
						}
						if err == nil && a.Realm() != node {
							t.Errorf("released in %s", a.Realm())
						}
					})
				}
			}
		}
	}
}

// TestRelabelledRealm says of an exercise's signatures that they are for real.
func TestRelabelledRealm(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	sts := statements(t, alert.RealmExercise, tn.officer, tn.police)
	for i := range sts {
		sts[i].Namespace = strings.Replace(sts[i].Namespace, "exercise.", "", 1)
	}
	_, err := tn.authority.Authorize(request(alert.MsgAlert), sts, now)
	if got := reasonOf(t, err); got != signing.ReasonWrongRealm {
		t.Errorf("refused for %q (%v), want %q", got, err, signing.ReasonWrongRealm)
	}
}

// TestTimes draws expiry and time of release.
func TestTimes(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	tests := map[string]struct {
		change  func(*signing.Request)
		signed  []*signingtest.Person
		now     time.Time
		want    signing.Reason
		curable bool
	}{
		"in_time":                 {func(*signing.Request) {}, []*signingtest.Person{tn.officer, tn.police}, now, "", false},
		"last_moment":             {func(*signing.Request) {}, []*signingtest.Person{tn.officer, tn.police}, noon.Add(-1), "", false},
		"at_expiry":               {func(*signing.Request) {}, []*signingtest.Person{tn.officer, tn.police}, noon, signing.ReasonExpiredAlert, false},
		"hours_later":             {func(*signing.Request) {}, []*signingtest.Person{tn.officer, tn.police}, noon.Add(9 * time.Hour), signing.ReasonExpiredAlert, false},
		"expired_and_unsigned":    {func(*signing.Request) {}, nil, noon, signing.ReasonExpiredAlert, false},
		"key_expired_meanwhile":   {func(*signing.Request) {}, []*signingtest.Person{tn.officer, tn.leaving}, now, "", false},
		"released_just_in_time":   {func(r *signing.Request) { r.NotAfter = cosignedAt }, []*signingtest.Person{tn.officer, tn.police}, now, "", false},
		"carried_after_not_after": {func(r *signing.Request) { r.NotAfter = cosignedAt }, []*signingtest.Person{tn.officer, tn.police}, noon.Add(-1), "", false},
		"released_too_late":       {func(r *signing.Request) { r.NotAfter = cosignedAt.Add(-1) }, []*signingtest.Person{tn.officer, tn.police}, now, signing.ReasonReleaseTooLate, false},
		"too_late_for_police":     {func(r *signing.Request) { r.NotAfter = cosignedAt }, []*signingtest.Person{tn.officer}, now, signing.ReasonReleaseTooLate, false},
		"still_time_for_police":   {func(r *signing.Request) { r.NotAfter = noon }, []*signingtest.Person{tn.officer}, now, signing.ReasonMissingRole, true},
		"late_extra":              {func(r *signing.Request) { r.NotAfter = cosignedAt }, []*signingtest.Person{tn.officer, tn.police, tn.second}, noon.Add(-1), "", false},
		"no_expiry":               {func(r *signing.Request) { r.Expires = time.Time{} }, []*signingtest.Person{tn.officer, tn.police}, now, signing.ReasonBadRequest, false},
		"cancel_without_expiry": {func(r *signing.Request) {
			r.Expires, r.MsgType, r.Prepared = time.Time{}, alert.MsgCancel, bulletin.Revocation
		}, []*signingtest.Person{tn.officer}, now, "", false},
		"cancel_expired":        {func(r *signing.Request) { r.MsgType = alert.MsgCancel }, []*signingtest.Person{tn.officer}, noon, signing.ReasonExpiredAlert, false},
		"unknown_time_of_day":   {func(*signing.Request) {}, []*signingtest.Person{tn.officer, tn.police}, time.Time{}, signing.ReasonBadRequest, false},
		"clock_a_little_behind": {func(*signing.Request) {}, []*signingtest.Person{tn.officer, tn.police}, cosignedAt.Add(-time.Minute), "", false},
		"clock_far_behind":      {func(*signing.Request) {}, []*signingtest.Person{tn.officer, tn.police}, cosignedAt.Add(-time.Hour), signing.ReasonClockDiffers, true},
		"no_bytes":              {func(r *signing.Request) { r.Bytes = nil }, nil, now, signing.ReasonBadRequest, false},
		"too_many_bytes":        {func(r *signing.Request) { r.Bytes = make([]byte, signing.MaxBytes+1) }, nil, now, signing.ReasonBadRequest, false},
		"kind_not_signed":       {func(r *signing.Request) { r.MsgType = alert.MsgAck }, nil, now, signing.ReasonBadRequest, false},
		"no_kind":               {func(r *signing.Request) { r.MsgType = "" }, nil, now, signing.ReasonBadRequest, false},
		"no_realm":              {func(r *signing.Request) { r.Realm = "" }, nil, now, signing.ReasonWrongRealm, false},
		"other_bytes":           {func(r *signing.Request) { r.Bytes = append(document(), '!') }, []*signingtest.Person{tn.officer, tn.police}, now, signing.ReasonBadSignature, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := request(alert.MsgAlert)
			tt.change(&req)
			_, err := tn.authority.Authorize(req, live(t, tt.signed...), tt.now)
			if got := reasonOf(t, err); got != tt.want {
				t.Fatalf("refused for %q (%v), want %q", got, err, tt.want)
			}
			var refused *signing.RefusedError
			if errors.As(err, &refused) && refused.Curable != tt.curable {
				t.Errorf("%v: curable is %v, want %v", err, refused.Curable, tt.curable)
			}
		})
	}
}

// TestWouldCount asks before each signature what CheckOne says after it.
func TestWouldCount(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	late := request(alert.MsgAlert)
	late.NotAfter = signedAt.Add(-time.Second)
	for name, c := range map[string]struct {
		p    *signingtest.Person
		req  signing.Request
		want signing.Reason
	}{
		"officer":       {tn.officer, request(alert.MsgAlert), ""},
		"stranger":      {tn.stranger, request(alert.MsgAlert), signing.ReasonNotInRing},
		"revoked":       {tn.robbed, request(alert.MsgAlert), signing.ReasonRevoked},
		"expired":       {tn.gone, request(alert.MsgAlert), signing.ReasonKeyExpired},
		"not_yet_valid": {tn.early, request(alert.MsgAlert), signing.ReasonNotYetValid},
		"other_realm":   {tn.practice, request(alert.MsgAlert), signing.ReasonWrongRealm},
		"not_asked":     {tn.deputy, request(alert.MsgAlert), signing.ReasonRoleNotAsked},
		"too_late":      {tn.officer, late, signing.ReasonReleaseTooLate},
		"other_message": {tn.officer, request("Ack"), signing.ReasonBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := signedAt.Add(time.Minute) // a minute after the end of who is gone
			if got := reasonOf(t, tn.authority.WouldCount(c.req, nil, c.p.PublicKey(), c.p.Role, at)); got != c.want {
				t.Errorf("before the signature it is refused for %q, want %q", got, c.want)
			}
			_, err := tn.authority.CheckOne(c.req, c.p.Statement(t, alert.RealmLive, document(), at), at)
			if got := reasonOf(t, err); got != c.want {
				t.Errorf("after the signature it is refused for %q, want %q", got, c.want)
			}
		})
	}
}

// TestWouldCountBesideOthers asks of a signature what it would be worth beside those that
// the ledger holds.
func TestWouldCountBesideOthers(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	for name, c := range map[string]struct {
		signed []*signingtest.Person
		p      *signingtest.Person
		want   signing.Reason
	}{
		"first":             {nil, tn.police, ""},
		"other_half":        {[]*signingtest.Person{tn.officer}, tn.police, ""},
		"once_more":         {[]*signingtest.Person{tn.officer}, tn.officer, signing.ReasonMissingRole},
		"another_officer":   {[]*signingtest.Person{tn.traffic}, tn.second, signing.ReasonSameOrganisation},
		"same_person":       {[]*signingtest.Person{tn.officer}, tn.both, signing.ReasonSamePerson},
		"same_organisation": {[]*signingtest.Person{tn.officer}, tn.traffic, signing.ReasonSameOrganisation},
		"third_mends_it":    {[]*signingtest.Person{tn.officer, tn.traffic}, tn.police, ""},
		"enough_already":    {[]*signingtest.Person{tn.officer, tn.police}, tn.second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := reasonOf(t, tn.authority.WouldCount(request(alert.MsgAlert), live(t, c.signed...), c.p.PublicKey(), c.p.Role, now)); got != c.want {
				t.Errorf("before the signature it is refused for %q, want %q", got, c.want)
			}
		})
	}
}

func TestCheckOne(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	good := tn.police.Statement(t, alert.RealmLive, document(), cosignedAt)
	tests := map[string]struct {
		change func(*signing.Statement)
		want   signing.Reason
	}{
		"good": {func(*signing.Statement) {}, ""},
		"crlf": {func(s *signing.Statement) {
			s.Signature = []byte(strings.ReplaceAll(string(s.Signature), "\n", "\r\n"))
		}, signing.ReasonMalformed},
		"no_signature":    {func(s *signing.Statement) { s.Signature = nil }, signing.ReasonMalformed},
		"garbage":         {func(s *signing.Statement) { s.Signature = []byte("garbage") }, signing.ReasonMalformed},
		"other_message":   {func(s *signing.Statement) { s.Signature = tn.police.Sign(t, alert.RealmLive, []byte("other")) }, signing.ReasonBadSignature},
		"other_namespace": {func(s *signing.Statement) { s.Namespace = "officer@tocsin" }, signing.ReasonWrongRole},
		"unknown_role":    {func(s *signing.Statement) { s.Namespace = "boss@tocsin" }, signing.ReasonWrongRole},
		"exercise":        {func(s *signing.Statement) { s.Namespace = "police@exercise.tocsin" }, signing.ReasonWrongRealm},
		"other_person":    {func(s *signing.Statement) { s.Principal = "x@police.example" }, signing.ReasonWrongPerson},
		"other_ring_name": {func(s *signing.Statement) { s.Principal = tn.officer.Principal }, signing.ReasonWrongPerson},
		"bad_name":        {func(s *signing.Statement) { s.Principal = "Lucia" }, signing.ReasonBadName},
		"no_time":         {func(s *signing.Statement) { s.At = time.Time{} }, signing.ReasonNoTime},
		"tomorrow":        {func(s *signing.Statement) { s.At = now.AddDate(0, 0, 1) }, signing.ReasonClockDiffers},
		"somebody_else":   {func(s *signing.Statement) { *s = tn.stranger.Statement(t, alert.RealmLive, document(), cosignedAt) }, signing.ReasonNotInRing},
		"revoked":         {func(s *signing.Statement) { *s = tn.robbed.Statement(t, alert.RealmLive, document(), cosignedAt) }, signing.ReasonRevoked},
		"expired":         {func(s *signing.Statement) { *s = tn.gone.Statement(t, alert.RealmLive, document(), cosignedAt) }, signing.ReasonKeyExpired},
		"early":           {func(s *signing.Statement) { *s = tn.early.Statement(t, alert.RealmLive, document(), cosignedAt) }, signing.ReasonNotYetValid},
		"role_not_asked":  {func(s *signing.Statement) { *s = tn.deputy.Statement(t, alert.RealmLive, document(), cosignedAt) }, signing.ReasonRoleNotAsked},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := good
			tt.change(&st)
			s, err := tn.authority.CheckOne(request(alert.MsgAlert), st, now)
			if got := reasonOf(t, err); got != tt.want {
				t.Fatalf("refused for %q (%v), want %q", got, err, tt.want)
			}
			if err == nil && (s.Principal != st.Principal || s.Role != signing.Police || !s.At.Equal(st.At) || s.Namespace != st.Namespace) {
				t.Errorf("accepted as %+v", s)
			}
			var refused *signing.RefusedError
			if errors.As(err, &refused) && (refused.Principal != st.Principal || refused.Namespace != st.Namespace) {
				t.Errorf("the refusal is about %q in %q, want %q in %q", refused.Principal, refused.Namespace, st.Principal, st.Namespace)
			}
		})
	}
	req := request(alert.MsgAlert)
	req.NotAfter = cosignedAt.Add(-1)
	if _, err := tn.authority.CheckOne(req, good, now); reasonOf(t, err) != signing.ReasonReleaseTooLate {
		t.Errorf("after the time for the release: %v", err)
	}
	if _, err := tn.authority.CheckOne(request(alert.MsgAlert), good, noon); reasonOf(t, err) != signing.ReasonExpiredAlert {
		t.Errorf("after expiry: %v", err)
	}
}

func TestNotConfigured(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	for name, a := range map[string]*signing.Authority{
		"zero":      {},
		"no_ring":   {Policy: tn.authority.Policy, Realm: alert.RealmLive},
		"no_policy": {Ring: tn.authority.Ring, Realm: alert.RealmLive},
		"no_realm":  {Ring: tn.authority.Ring, Policy: tn.authority.Policy},
	} {
		if _, err := a.Authorize(request(alert.MsgAlert), live(t, tn.officer, tn.police), now); reasonOf(t, err) != signing.ReasonNotConfigured {
			t.Errorf("%s: %v, want not_configured", name, err)
		}
	}
	var none signing.Authorized
	if none.Bytes() != nil || len(none.Signers()) != 0 || !none.ReleasedAt().IsZero() {
		t.Error("the zero Authorized holds something")
	}
}

// TestReleasedBy has a third signature after the release, which must not change
// who released and when.
func TestReleasedBy(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	sts := live(t, tn.second, tn.police, tn.officer, tn.traffic)
	sts = append(sts, sts[1]) // recorded again, later
	sts[4].At = noon.Add(-time.Hour)
	a, err := tn.authority.Authorize(request(alert.MsgAlert), sts, noon.Add(-1))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(a.ReleasedBy()), []string{tn.second.Principal, tn.police.Principal}; !slices.Equal(got, want) {
		t.Errorf("released by %v, want %v", got, want)
	}
	if got, want := names(a.Signers()), []string{tn.second.Principal, tn.police.Principal, tn.officer.Principal, tn.traffic.Principal}; !slices.Equal(got, want) {
		t.Errorf("signed by %v, want %v", got, want)
	}
	if got := a.ReleasedAt(); !got.Equal(cosignedAt) {
		t.Errorf("released at %v, want %v", got, cosignedAt)
	}
	if a.SHA256() != sha256.Sum256(document()) || !a.Expires().Equal(noon) {
		t.Error("the release is of something else")
	}
}

func names(signers []signing.Signer) []string {
	var out []string
	for _, s := range signers {
		out = append(out, s.Principal)
	}
	return out
}

// TestDistinctRepresentatives needs the search to step back from its first choice:
// the first officer blocks the only police of another organisation.
func TestDistinctRepresentatives(t *testing.T) {
	t.Parallel()
	first := signingtest.NewPerson(t, "first@police.example", signing.Officer)
	tn := newTown(t)
	authority := &signing.Authority{Ring: signingtest.Ring(t, first, tn.second, tn.police), Policy: tn.authority.Policy, Realm: alert.RealmLive}
	if _, err := authority.Authorize(request(alert.MsgAlert), live(t, first, tn.police), now); reasonOf(t, err) != signing.ReasonSameOrganisation {
		t.Errorf("two of the police: %v", err)
	}
	if _, err := authority.Authorize(request(alert.MsgAlert), live(t, first, tn.police, tn.second), now); err != nil {
		t.Errorf("with an officer of civil protection: %v", err)
	}
}

// TestSameKey has two authorities certify one key under two names.
func TestSameKey(t *testing.T) {
	t.Parallel()
	one, two, shared := newEd25519(t), newEd25519(t), newEd25519(t)
	ring := mustParseRing(t, "*@pc.example cert-authority,"+officerOptions+" "+publicLine(one.PublicKey())+"\n"+
		"*@police.example cert-authority,"+policeOptions+" "+publicLine(two.PublicKey())+"\n", "")
	authority := &signing.Authority{Ring: ring, Policy: signingtest.Policy(t), Realm: alert.RealmLive}
	certified := func(key, by ssh.Signer, name, ns string, at time.Time) signing.Statement {
		s, err := ssh.NewCertSigner(newCertificate(t, key, by, name), key)
		if err != nil {
			t.Fatal(err)
		}
		armored, err := sshsig.Sign(s, ns, document())
		if err != nil {
			t.Fatal(err)
		}
		return signing.Statement{Principal: name, Namespace: ns, Signature: armored, At: at}
	}
	officer := certified(shared, one, "a@pc.example", "officer@tocsin", signedAt)
	police := certified(shared, two, "b@police.example", "police@tocsin", cosignedAt)
	if _, err := authority.Authorize(request(alert.MsgAlert), []signing.Statement{officer, police}, now); reasonOf(t, err) != signing.ReasonSameKey {
		t.Errorf("one key under two names: %v", err)
	}
	own := certified(newEd25519(t), two, "b@police.example", "police@tocsin", cosignedAt)
	if _, err := authority.Authorize(request(alert.MsgAlert), []signing.Statement{officer, police, own}, now); err != nil {
		t.Errorf("with a key of their own: %v", err)
	}
}

// TestNoiseChangesNothing throws all that can be wrong at sufficient and at
// insufficient sets, in any order: the verdict stays.
func TestNoiseChangesNothing(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	noise := live(t, tn.deputy, tn.second, tn.traffic, tn.gone, tn.early, tn.robbed, tn.practice, tn.both, tn.stranger)
	for _, st := range live(t, tn.officer, tn.police) {
		for _, spoil := range []func(*signing.Statement){
			func(s *signing.Statement) { s.Signature = []byte("garbage") },
			func(s *signing.Statement) { s.Signature = append(slices.Clone(s.Signature), 'x') },
			func(s *signing.Statement) { s.Namespace = "police@exercise.tocsin" },
			func(s *signing.Statement) { s.Namespace = "\x00" },
			func(s *signing.Statement) { s.Principal = strings.Repeat("x", 1000) },
			func(s *signing.Statement) { s.At = time.Time{} },
			func(s *signing.Statement) { s.At = now.AddDate(50, 0, 0) },
			func(s *signing.Statement) { s.At = now.AddDate(-100, 0, 0) },
		} {
			spoil(&st)
			noise = append(noise, st)
		}
	}
	random := rand.New(rand.NewPCG(3, 5))
	shuffled := func(sts []signing.Statement) []signing.Statement {
		out := append(slices.Clone(sts), noise...)
		out = append(out, noise[random.IntN(len(noise))])
		random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		return out
	}
	late := now.Add(time.Hour)
	for range 50 {
		a, err := tn.authority.Authorize(request(alert.MsgAlert), shuffled(live(t, tn.officer, tn.police)), late)
		if err != nil {
			t.Fatalf("noise stopped a release: %v", err)
		}
		if got := len(a.ReleasedBy()); got != 2 {
			t.Fatalf("released by %d, want 2", got)
		}
		_, err = tn.authority.Authorize(request(alert.MsgAlert), shuffled(live(t, tn.officer)), late)
		if err == nil {
			t.Fatal("noise released a bulletin")
		}
		var refused *signing.RefusedError
		if errors.As(err, &refused) && len(refused.Causes) > 16 {
			t.Fatalf("the refusal has %d causes", len(refused.Causes))
		}
	}
}

// TestPasskeyRules draws what a passkey attests against what the policy asks for.
func TestPasskeyRules(t *testing.T) {
	t.Parallel()
	officer := signingtest.Officer(t)
	rules := func(text string) *signing.Policy {
		p, err := signing.ParsePolicy([]byte("version: 1\nalert: {all: [officer, police]}\nupdate: {any: [officer]}\ncancel: {any: [officer]}\n" + text))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const open = "hardware_keys: {user_verification: false, synced_passkeys: true}\n"
	const pages = `hardware_keys: {origins: ["https://firma.police.example"]}` + "\n"
	tests := map[string]struct {
		policy string
		change func(*signingtest.Passkey)
		want   signing.Reason
	}{
		"verified":         {"", func(*signingtest.Passkey) {}, ""},
		"present_only":     {"", func(k *signingtest.Passkey) { k.Flags = 0x01 }, signing.ReasonNotVerified},
		"present_allowed":  {open, func(k *signingtest.Passkey) { k.Flags = 0x01 }, ""},
		"synced":           {"", func(k *signingtest.Passkey) { k.Flags = 0x1d }, signing.ReasonSyncedKey},
		"synced_allowed":   {open, func(k *signingtest.Passkey) { k.Flags = 0x1d }, ""},
		"page":             {pages, func(*signingtest.Passkey) {}, ""},
		"other_page":       {pages, func(k *signingtest.Passkey) { k.Origin = "https://x.firma.police.example" }, signing.ReasonWrongOrigin},
		"other_page_as_is": {"", func(k *signingtest.Passkey) { k.Origin = "https://x.firma.police.example" }, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := signingtest.NewPasskey(t, "firma.police.example")
			tt.change(k)
			ring := mustParseRing(t, officer.Line(t)+"\nlucia@police.example "+policeOptions+" "+publicLine(k.PublicKey(t))+"\n", "")
			authority := &signing.Authority{Ring: ring, Policy: rules(tt.policy), Realm: alert.RealmLive}
			sts := append(live(t, officer), signing.Statement{
				Principal: "lucia@police.example", Namespace: "police@tocsin", Signature: k.Sign(t, "police@tocsin", document()), At: cosignedAt,
			})
			a, err := authority.Authorize(request(alert.MsgAlert), sts, now)
			if got := reasonOf(t, err); got != tt.want {
				t.Fatalf("refused for %q (%v), want %q", got, err, tt.want)
			}
			if err == nil && !a.Signers()[1].Assertion.WebAuthn {
				t.Errorf("the release does not say how it was signed: %+v", a.Signers()[1])
			}
		})
	}
}

// TestCacheKeepsVerdicts asks again after everything that is not arithmetic has
// changed.
func TestCacheKeepsVerdicts(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	sts := live(t, tn.officer, tn.police)
	ask := func(change func(*signing.Request, []signing.Statement), at time.Time) signing.Reason {
		req, mine := request(alert.MsgAlert), slices.Clone(sts)
		change(&req, mine)
		_, err := tn.authority.Authorize(req, mine, at)
		return reasonOf(t, err)
	}
	same := func(*signing.Request, []signing.Statement) {}
	for round := range 3 {
		for name, tt := range map[string]struct {
			got, want signing.Reason
		}{
			"again":       {ask(same, now), ""},
			"expired":     {ask(same, noon), signing.ReasonExpiredAlert},
			"other_bytes": {ask(func(r *signing.Request, _ []signing.Statement) { r.Bytes[0] ^= 1 }, now), signing.ReasonBadSignature},
			"other_name":  {ask(func(_ *signing.Request, s []signing.Statement) { s[1].Principal = "x@police.example" }, now), signing.ReasonWrongPerson},
			"other_role":  {ask(func(_ *signing.Request, s []signing.Statement) { s[1].Namespace = "deputy@tocsin" }, now), signing.ReasonMissingRole},
			"before_ring": {ask(func(_ *signing.Request, s []signing.Statement) { s[1].At = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) }, now), signing.ReasonNotYetValid},
			"swapped_bytes": {ask(func(_ *signing.Request, s []signing.Statement) {
				s[0].Signature, s[1].Signature = s[1].Signature, s[0].Signature
			}, now), signing.ReasonWrongRole},
		} {
			if tt.got != tt.want {
				t.Errorf("round %d, %s: refused for %q, want %q", round, name, tt.got, tt.want)
			}
		}
	}
}

// TestCallersBytes changes the request after the release.
func TestCallersBytes(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	req := request(alert.MsgAlert)
	a, err := tn.authority.Authorize(req, live(t, tn.officer, tn.police), now)
	if err != nil {
		t.Fatal(err)
	}
	req.Bytes[0] = 'X'
	a.Bytes()[1] = 'X'
	a.Signers()[0].Principal = "x@y"
	if string(a.Bytes()) != string(document()) || a.Signers()[0].Principal != tn.officer.Principal {
		t.Errorf("a caller changed a release: %q, %v", a.Bytes(), names(a.Signers()))
	}
}

// TestConcurrentAuthorize has many goroutines fill and turn over one cache.
func TestConcurrentAuthorize(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 150 {
				message := fmt.Appendf(nil, "bulletin %d", (i*75+j)%300) // two signatures each: more than the cache holds young
				req := request(alert.MsgAlert)
				req.Bytes = message
				sts := []signing.Statement{
					tn.officer.Statement(t, alert.RealmLive, message, signedAt), tn.police.Statement(t, alert.RealmLive, message, cosignedAt),
				}
				if _, err := tn.authority.Authorize(req, sts, now); err != nil {
					t.Errorf("%s: %v", message, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkAuthorize is the decision that an adapter makes before it posts, from what the
// ledger holds: a bulletin and two signatures. uncached is the first time, cached any
// time after it, parsed the first time with the reading of the bulletin. Each is held
// against a floor of the same run: one bare Ed25519 verification over the same bytes.
func BenchmarkAuthorize(b *testing.B) {
	tn := newTown(b)
	of := bulletintest.New(b, "sito", "telegram", "x", "facebook", "instagram")
	of.Realm, of.Prepared = alert.RealmLive, true
	doc, today := of.Next(b, alert.MsgAlert), time.Now()
	sign := func(raw []byte, at time.Time) []signing.Statement {
		return []signing.Statement{tn.officer.Statement(b, alert.RealmLive, raw, at), tn.police.Statement(b, alert.RealmLive, raw, at)}
	}
	uncached := func(req signing.Request, sts []signing.Statement, at time.Time) error {
		fresh := &signing.Authority{Ring: tn.authority.Ring, Policy: tn.authority.Policy, Realm: alert.RealmLive}
		_, err := fresh.Authorize(req, sts, at)
		return err
	}
	large := request(alert.MsgAlert)
	large.Bytes = make([]byte, 100<<10)
	largeSigned, docSigned := sign(large.Bytes, signedAt), sign(doc.Bytes(), today)
	for _, bench := range []struct {
		name   string
		bytes  []byte
		decide func() error
	}{
		{"cached", large.Bytes, func() error { _, err := tn.authority.Authorize(large, largeSigned, now); return err }},
		{"uncached", large.Bytes, func() error { return uncached(large, largeSigned, now) }},
		{"parsed", doc.Bytes(), func() error {
			read, err := bulletin.Parse(doc.Bytes())
			if err != nil {
				return err
			}
			return uncached(signing.RequestOf(read), docSigned, today)
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := bench.decide(); err != nil {
					b.Fatal(err)
				}
			}
			signingtest.ReportFloor(b, bench.bytes)
		})
	}
}

// TestPrincipal asks whom a signature is by, before anybody says so.
func TestPrincipal(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	authority, liaison := newEd25519(t), newEd25519(t)
	certified, err := ssh.NewCertSigner(newCertificate(t, liaison, authority, "liaison@police.example"), liaison)
	if err != nil {
		t.Fatal(err)
	}
	armored, err := sshsig.Sign(certified, "police@tocsin", document())
	if err != nil {
		t.Fatal(err)
	}
	shared, err := ssh.NewCertSigner(newCertificate(t, liaison, authority, "a@police.example", "b@police.example"), liaison)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := sshsig.Sign(shared, "police@tocsin", document())
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		armored []byte
		role    signing.Role
		name    string
		want    signing.Reason
	}{
		"two_names":   {twice, signing.Police, "", signing.ReasonBadCert},
		"officer":     {tn.officer.Sign(t, alert.RealmLive, document()), signing.Officer, tn.officer.Principal, ""},
		"certificate": {armored, signing.Police, "liaison@police.example", ""},
		"other_role":  {tn.officer.Sign(t, alert.RealmLive, document()), signing.Police, "", signing.ReasonWrongRole},
		"stranger":    {tn.stranger.Sign(t, alert.RealmLive, document()), signing.Police, "", signing.ReasonNotInRing},
		"garbage":     {[]byte("garbage"), signing.Police, "", signing.ReasonMalformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tn.authority.Principal(tt.armored, tt.role)
			if got != tt.name || reasonOf(t, err) != tt.want {
				t.Errorf("Principal returned %q, %v; want %q, %q", got, err, tt.name, tt.want)
			}
			refusal, ok := errors.AsType[*signing.RefusedError](err)
			if ok && tt.want == signing.ReasonNotInRing {
				s, err2 := sshsig.Parse(tt.armored)
				if err2 != nil {
					t.Fatal(err2)
				}
				if key := ssh.FingerprintSHA256(s.Key()); refusal.Key != key || !strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "?") {
					t.Errorf("Principal says %q of key %q, want it to name %s", err, refusal.Key, key)
				}
			}
		})
	}
	if _, err := (&signing.Authority{}).Principal(tn.officer.Sign(t, alert.RealmLive, document()), signing.Officer); reasonOf(t, err) != signing.ReasonNotConfigured {
		t.Errorf("without a ring: %v", err)
	}
}
