package signing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

func reasons() []signing.Reason {
	return []signing.Reason{
		signing.ReasonMissingRole, signing.ReasonSamePerson, signing.ReasonSameKey, signing.ReasonSameOrganisation, signing.ReasonOtherOrganisation,
		signing.ReasonGlassWait, signing.ReasonGlassNotAllowed, signing.ReasonGlassEvent, signing.ReasonGlassChannel, signing.ReasonGlassLife, signing.ReasonGlassContacts, signing.ReasonGlassLimit,
		signing.ReasonWrongRealm, signing.ReasonExpiredAlert, signing.ReasonReleaseTooLate, signing.ReasonBadRequest, signing.ReasonNotConfigured,
		signing.ReasonWrongRole, signing.ReasonRoleNotAsked, signing.ReasonWrongPerson, signing.ReasonNotInRing, signing.ReasonRevoked,
		signing.ReasonNotYetValid, signing.ReasonClockBehind, signing.ReasonKeyExpired, signing.ReasonCertExpired, signing.ReasonGlassHalted, signing.ReasonBadCert, signing.ReasonMalformed, signing.ReasonUnsupported,
		signing.ReasonBadSignature, signing.ReasonNotTouched, signing.ReasonNotVerified, signing.ReasonSyncedKey, signing.ReasonWrongOrigin,
		signing.ReasonClockDiffers, signing.ReasonNoTime, signing.ReasonBadName, signing.ReasonKeyConflict,
		signing.ReasonUnreadable, signing.ReasonOtherBulletin, signing.ReasonPrepared, signing.ReasonMayNotRefuse, signing.ReasonMayNotWithdraw,
	}
}

// TestEveryReasonHasWords holds that each refusal says why and what to do, in both
// languages, and that no two say the same.
func TestEveryReasonHasWords(t *testing.T) {
	t.Parallel()
	seen := map[string]signing.Reason{}
	for _, reason := range reasons() {
		e := &signing.RefusedError{
			Reason: reason, Principal: "mario@pc.example", Role: signing.Officer, Missing: []signing.Role{signing.Police},
			When: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC),
		}
		en, it := e.Message("en"), e.Message("it-IT")
		for _, text := range []string{en, it} {
			if other, ok := seen[text]; ok {
				t.Errorf("%s and %s say the same: %q", reason, other, text)
			}
			seen[text] = reason
			if strings.Count(text, ": ") < 1 || strings.Count(text, ". ") < 1 || !strings.HasSuffix(text, ".") || strings.Contains(text, "%!") {
				t.Errorf("%s does not say what, why, and what to do: %q", reason, text)
			}
		}
		if !strings.HasPrefix(en, "Not released: ") || !strings.HasPrefix(it, "Non diffuso: ") {
			t.Errorf("%s starts with neither language's words: %q, %q", reason, en, it)
		}
		if line := e.Error(); strings.Contains(line, "\n") || !strings.Contains(line, "; ") || strings.HasSuffix(line, ".") {
			t.Errorf("%s is not one line: %q", reason, line)
		}
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	refusal := func(people ...*signingtest.Person) *signing.RefusedError {
		_, err := tn.authority.Authorize(request(alert.MsgAlert), live(t, people...), now)
		var refused *signing.RefusedError
		if !errors.As(err, &refused) {
			t.Fatalf("not refused: %v", err)
		}
		return refused
	}
	tests := map[string]struct{ got, want string }{
		"missing_en":      {refusal(tn.officer).Message("en"), "Not released: the signature is missing of: police liaison. Ask them to sign, or withdraw the bulletin."},
		"missing_it":      {refusal(tn.officer).Message("it"), "Non diffuso: manca la firma di: referente di polizia. Chiedere la firma o ritirare il bollettino."},
		"other_language":  {refusal(tn.officer).Message("de"), refusal(tn.officer).Message("en")},
		"organisation_it": {refusal(tn.officer, tn.traffic).Message("it"), "Non diffuso: le firme richieste vengono dalla stessa organizzazione. Chiedere la firma all'altra organizzazione o ritirare il bollettino."},
		"expired_en": {
			refusal(tn.officer, tn.gone).Message("en"),
			`Not released: the key of "gone@police.example" expired on 2026-06-15 09:05:00 UTC. Renew it in the key ring, or let another enrolled person sign.`,
		},
		"error": {refusal(tn.officer).Error(), "not released: the signature is missing of: police liaison; ask them to sign, or withdraw the bulletin"},
	}
	for name, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got  %q\nwant %q", name, tt.got, tt.want)
		}
	}
	_, err := tn.authority.CheckOne(request(alert.MsgAlert), tn.stranger.Statement(t, alert.RealmLive, document(), signedAt), now)
	var refused *signing.RefusedError
	if !errors.As(err, &refused) || !strings.HasPrefix(refused.Message("it"), "Firma non accettata: ") || !strings.HasPrefix(refused.Message("en"), "Signature not accepted: ") {
		t.Errorf("of one signature: %v", err)
	}
	if !strings.Contains(err.Error(), "SHA256:") {
		t.Errorf("operators do not hear which key: %v", err)
	}
}

// TestHostileNames puts text into a record that a screen would obey.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	st := tn.police.Statement(t, alert.RealmLive, document(), signedAt)
	st.Principal = "\x1b[2J\nRELEASED\u202e" + strings.Repeat("x", 5000)
	_, err := tn.authority.CheckOne(request(alert.MsgAlert), st, now)
	var refused *signing.RefusedError
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	for _, text := range []string{err.Error(), refused.Message("it"), refused.Message("en")} {
		if strings.ContainsAny(text, "\x1b\n\u202e") || len(text) > 1000 {
			t.Errorf("the message repeats the name as it is: %q", text)
		}
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, role := range append(signing.Roles(), "unknown") {
		for _, lang := range []string{"it", "en"} {
			title := role.Title(lang)
			if title == "" || seen[lang+title] {
				t.Errorf("the title of %s in %s is %q", role, lang, title)
			}
			seen[lang+title] = true
		}
	}
}
