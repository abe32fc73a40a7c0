package signing_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// glassHouse is a bulletin of two people of one organisation that the policy allows, to
// the second: signed exactly when the wait is over, composed for exactly its longest life.
type glassHouse struct {
	t                                        *testing.T
	officer, director, foreign, twin, police *signingtest.Person
	authority                                *signing.Authority
	req                                      signing.Request
	policy                                   string
	signed                                   []signing.Statement
	now                                      time.Time
}

func newGlassHouse(t *testing.T) *glassHouse {
	t.Helper()
	h := &glassHouse{
		t: t, officer: signingtest.Officer(t), director: signingtest.Director(t), police: signingtest.Police(t),
		foreign: signingtest.NewPerson(t, "carla@police.example", signing.Breakglass),
		twin:    signingtest.NewPerson(t, signingtest.Officer(t).Principal, signing.Breakglass),
	}
	first := signedAt.Add(-5 * time.Minute)
	h.req = signing.Request{
		Bytes: document(), Realm: alert.RealmLive, MsgType: alert.MsgAlert, Number: 1, Composed: signedAt.Add(-time.Minute),
		Expires: signedAt.Add(29 * time.Minute), NotAfter: signedAt.Add(29 * time.Minute),
		Channels: []string{"sito", "x-a"}, Events: [][]string{{"RISCHIO/IDROGEO"}, {"ALTRO/1", "RISCHIO/IDROGEO"}},
		Breakglass: &bulletin.Breakglass{InsteadOf: strings.Repeat("ab", 32), Cause: bulletin.CauseUnreachable, Why: "x", Contacts: []bulletin.Contact{
			{Record: 7, At: first, Way: alert.WayPhone, Whom: "police"}, {Record: 9, At: first.Add(time.Minute), Way: alert.WayRadio, Whom: "police"},
		}},
		Circumstances: &signing.Circumstances{
			Contacts: []signing.Contact{
				{Record: 7, At: first.Add(999 * time.Microsecond), Bulletin: strings.Repeat("ab", 32), Number: 1, Way: alert.WayPhone, Whom: signing.Police},
				{Record: 9, At: first.Add(time.Minute), Bulletin: strings.Repeat("ab", 32), Number: 1, Way: alert.WayRadio, Whom: signing.Police},
			},
			Earlier: []time.Time{signedAt.Add(-24 * time.Hour), signedAt.Add(-time.Hour)}, // the first one is a day old
		},
	}
	h.policy = "breakglass:\n  attempts: 2\n  wait_minutes: 5\n  at_once: [RISCHIO/SISMICO]\n  events: [RISCHIO/IDROGEO, RISCHIO/SISMICO]\n  channels: [sito, x-a]\n  life_minutes: 30\n  per_day: 2\n  notify: [questura]\n"
	h.now = signedAt.Add(time.Minute)
	h.sign(h.officer, h.director)
	return h
}

// sign has people sign when the wait is over, to the millisecond.
func (h *glassHouse) sign(people ...*signingtest.Person) {
	h.signed = nil
	for i, p := range people {
		at := signedAt.Add(-time.Duration(len(people)-1-i) * time.Second).Add(time.Millisecond)
		h.signed = append(h.signed, p.Statement(h.t, h.req.Realm, h.req.Bytes, at))
	}
}

func (h *glassHouse) authorize() (*signing.Authorized, error) {
	h.t.Helper()
	policy := signingtest.PolicyWith(h.t, h.policy)
	if h.policy == "" {
		policy = signingtest.Policy(h.t)
	}
	h.authority = &signing.Authority{Ring: signingtest.Ring(h.t, h.officer, h.director, h.foreign, h.twin, h.police), Policy: policy, Realm: alert.RealmLive}
	return h.authority.Authorize(h.req, h.signed, h.now)
}

// TestBreakglassRules breaks every rule on a release by one organisation, one at a time.
func TestBreakglassRules(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*glassHouse)
		want   signing.Reason
	}{
		"lawful":             {func(*glassHouse) {}, ""},
		"lawful_other_order": {func(h *glassHouse) { h.sign(h.director, h.officer) }, ""},
		"lawful_police_too":  {func(h *glassHouse) { h.sign(h.police, h.officer, h.director) }, ""},
		"not_in_the_policy":  {func(h *glassHouse) { h.policy = "" }, signing.ReasonGlassNotAllowed},
		"officer_alone":      {func(h *glassHouse) { h.sign(h.officer) }, signing.ReasonMissingRole},
		"director_alone":     {func(h *glassHouse) { h.sign(h.director) }, signing.ReasonMissingRole},
		"officer_and_police": {func(h *glassHouse) { h.sign(h.officer, h.police) }, signing.ReasonMissingRole},
		"two_organisations":  {func(h *glassHouse) { h.sign(h.officer, h.foreign) }, signing.ReasonOtherOrganisation},
		"one_person":         {func(h *glassHouse) { h.sign(h.officer, h.twin) }, signing.ReasonSamePerson},
		"other_realm": {func(h *glassHouse) {
			h.signed[1] = h.director.Statement(h.t, alert.RealmExercise, h.req.Bytes, signedAt)
		}, signing.ReasonWrongRealm},
		"other_bytes":            {func(h *glassHouse) { h.signed[1] = h.director.Statement(h.t, alert.RealmLive, []byte("x"), signedAt) }, signing.ReasonBadSignature},
		"prepared":               {func(h *glassHouse) { h.req.Prepared = bulletin.Correction }, signing.ReasonGlassNotAllowed},
		"no_event":               {func(h *glassHouse) { h.req.Events = nil }, signing.ReasonGlassEvent},
		"other_event":            {func(h *glassHouse) { h.req.Events[0] = []string{"RISCHIO/ALTRO"} }, signing.ReasonGlassEvent},
		"info_without_event":     {func(h *glassHouse) { h.req.Events[1] = nil }, signing.ReasonGlassEvent},
		"other_channel":          {func(h *glassHouse) { h.req.Channels = append(h.req.Channels, "facebook-a") }, signing.ReasonGlassChannel},
		"a_second_too_long":      {func(h *glassHouse) { h.req.Expires = h.req.Expires.Add(time.Second) }, signing.ReasonGlassLife},
		"no_end":                 {func(h *glassHouse) { h.req.Expires = time.Time{} }, signing.ReasonGlassLife},
		"no_time_to_sign_by":     {func(h *glassHouse) { h.req.NotAfter = time.Time{} }, signing.ReasonGlassLife},
		"time_to_sign_too_late":  {func(h *glassHouse) { h.req.NotAfter = h.req.NotAfter.Add(time.Second) }, signing.ReasonGlassLife},
		"signed_too_late":        {func(h *glassHouse) { h.req.NotAfter = signedAt }, signing.ReasonReleaseTooLate},
		"composed_in_the_future": {func(h *glassHouse) { h.req.Composed = signedAt.Add(6 * time.Minute) }, signing.ReasonGlassLife},
		"expired":                {func(h *glassHouse) { h.now = h.req.Expires }, signing.ReasonExpiredAlert},
		"one_attempt":            {func(h *glassHouse) { h.req.Breakglass.Contacts = h.req.Breakglass.Contacts[:1] }, signing.ReasonGlassContacts},
		"ledger_not_asked":       {func(h *glassHouse) { h.req.Circumstances = nil }, signing.ReasonGlassContacts},
		"ordinary_refused":       {func(h *glassHouse) { h.req.Circumstances.Halted = true }, signing.ReasonGlassHalted},
		"attempt_not_recorded":   {func(h *glassHouse) { h.req.Circumstances.Contacts = h.req.Circumstances.Contacts[:1] }, signing.ReasonGlassContacts},
		"attempt_at_other_time": {func(h *glassHouse) {
			h.req.Circumstances.Contacts[0].At = h.req.Breakglass.Contacts[0].At.Add(time.Second)
		}, signing.ReasonGlassContacts},
		"attempt_other_way":      {func(h *glassHouse) { h.req.Circumstances.Contacts[0].Way = alert.WayRadio }, signing.ReasonGlassContacts},
		"attempt_other_bulletin": {func(h *glassHouse) { h.req.Circumstances.Contacts[0].Bulletin = strings.Repeat("cd", 32) }, signing.ReasonGlassContacts},
		"attempt_other_number":   {func(h *glassHouse) { h.req.Circumstances.Contacts[0].Number = 2 }, signing.ReasonGlassContacts},
		"attempt_other_whom":     {func(h *glassHouse) { h.req.Circumstances.Contacts[0].Whom = signing.Deputy }, signing.ReasonGlassContacts},
		"attempt_to_colleague": {func(h *glassHouse) {
			h.req.Breakglass.Contacts[0].Whom, h.req.Circumstances.Contacts[0].Whom = "officer", signing.Officer
		}, signing.ReasonGlassContacts},
		"attempt_to_no_signer": {func(h *glassHouse) {
			h.req.Breakglass.Contacts[0].Whom, h.req.Circumstances.Contacts[0].Whom = "deputy", signing.Deputy
		}, signing.ReasonGlassContacts},
		"a_moment_too_early": {func(h *glassHouse) {
			h.req.Circumstances.Contacts[0].At = h.req.Circumstances.Contacts[0].At.Add(time.Microsecond * 998)
			h.req.Breakglass.Contacts[0].At = h.req.Circumstances.Contacts[0].At.Truncate(time.Second)
			h.sign(h.officer, h.director)
			h.signed[1].At = signedAt.Add(time.Millisecond)
			h.req.Circumstances.Contacts[0].At = h.req.Circumstances.Contacts[0].At.Add(time.Millisecond)
		}, signing.ReasonGlassWait},
		"sudden_waits_for_nobody": {func(h *glassHouse) {
			h.req.Events = [][]string{{"RISCHIO/SISMICO"}}
			h.req.Circumstances.Contacts[0].At, h.req.Breakglass.Contacts[0].At = signedAt.Add(-time.Second), signedAt.Add(-time.Second)
			h.req.Circumstances.Contacts[1].At, h.req.Breakglass.Contacts[1].At = signedAt.Add(-time.Second), signedAt.Add(-time.Second)
		}, ""},
		"one_too_many": {func(h *glassHouse) { h.req.Circumstances.Earlier[0] = signedAt.Add(time.Second - 24*time.Hour) }, signing.ReasonGlassLimit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newGlassHouse(t)
			tt.change(h)
			a, err := h.authorize()
			var refusal *signing.RefusedError
			switch errors.As(err, &refusal); {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want == "" && (len(a.ReleasedBy()) != 2 || a.ReleasedBy()[0].Organisation != a.ReleasedBy()[1].Organisation):
				t.Errorf("it is released by %+v", a.ReleasedBy())
			case tt.want != "" && (refusal == nil || refusal.Reason != tt.want):
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if _, done := h.authority.Completed(h.req, h.signed, h.now); done != (err == nil || tt.want == signing.ReasonGlassLimit) {
				t.Errorf("it counts for those after it: %v", done)
			}
			for _, lang := range []string{"it", "en"} {
				if refusal != nil && (refusal.Message(lang) == "" || strings.Contains(refusal.Message(lang), "%!")) {
					t.Errorf("%s: %q", lang, refusal.Message(lang))
				}
			}
		})
	}
}

// TestTwoOfOneHouseReleaseNothingElse holds that these two signatures release no
// ordinary bulletin, whatever the policy allows.
func TestTwoOfOneHouseReleaseNothingElse(t *testing.T) {
	t.Parallel()
	h := newGlassHouse(t)
	for _, kind := range []alert.MsgType{alert.MsgAlert, alert.MsgUpdate, alert.MsgCancel} {
		h.req.MsgType, h.req.Breakglass = kind, nil
		if _, err := h.authorize(); err == nil {
			t.Errorf("they release an ordinary %s", kind)
		}
	}
	h.req.MsgType, h.req.Prepared = alert.MsgUpdate, bulletin.Ratification
	if _, err := h.authorize(); err == nil {
		t.Error("they ratify their own")
	}
	if h.sign(h.police); true {
		if a, err := h.authorize(); err != nil || len(a.ReleasedBy()) != 1 {
			t.Errorf("the police alone can't ratify: %v", err)
		}
	}
}

// TestALaterColleagueMayStillSign holds that a signature that came too early spoils
// nothing: another person of the house may give theirs when the wait is over.
func TestALaterColleagueMayStillSign(t *testing.T) {
	t.Parallel()
	h := newGlassHouse(t)
	second := signingtest.NewPerson(t, "bruno@pc.example", signing.Breakglass)
	early := h.director.Statement(t, alert.RealmLive, h.req.Bytes, signedAt.Add(-time.Minute))
	late := second.Statement(t, alert.RealmLive, h.req.Bytes, signedAt.Add(time.Minute))
	a := &signing.Authority{Ring: signingtest.Ring(t, h.officer, h.director, second), Policy: signingtest.PolicyWith(t, h.policy), Realm: alert.RealmLive}
	h.now = signedAt.Add(2 * time.Minute)
	sts := []signing.Statement{h.officer.Statement(t, alert.RealmLive, h.req.Bytes, signedAt.Add(-2*time.Minute)), early}
	var refusal *signing.RefusedError
	if _, err := a.Authorize(h.req, sts, h.now); !errors.As(err, &refusal) || refusal.Reason != signing.ReasonGlassWait || !refusal.When.Equal(h.req.Circumstances.Contacts[0].At.Add(5*time.Minute+time.Second-1).Truncate(time.Second)) {
		t.Errorf("too early: %v", err)
	}
	// The same signature recorded once more is no other one.
	if _, err := a.Authorize(h.req, append(slices.Clone(sts), signing.Statement{Principal: early.Principal, Namespace: early.Namespace, Signature: early.Signature, At: late.At}), h.now); err == nil {
		t.Error("a signature that came too early counts when it is recorded again")
	}
	got, err := a.Authorize(h.req, append(sts, late), h.now)
	if err != nil || !got.ReleasedAt().Equal(late.At) {
		t.Errorf("with the later one: %v", err)
	}
}
