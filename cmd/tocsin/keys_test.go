package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// TestPolicyTable holds what keys policy prints of the policy that init writes, and of
// one that allows break-glass, in both languages, against golden files: whoever changes
// the rules sees what they change.
func TestPolicyTable(t *testing.T) {
	t.Parallel()
	for name, text := range map[string][]byte{
		"policy":     signing.DefaultPolicy(),
		"breakglass": append(signing.DefaultPolicy(), "\nbreakglass:\n  attempts: 2\n  wait_minutes: 5\n  at_once: [RISCHIO/SISMICO]\n  events: [RISCHIO/IDROGEO, RISCHIO/SISMICO]\n  channels: [sito, x-savona]\n  life_minutes: 30\n  per_day: 2\n  notify: [questura]\n"...),
	} {
		policyTable(t, name, text)
	}
}

func policyTable(t *testing.T, name string, text []byte) {
	t.Helper()
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"it", "en"} {
		t.Run(name+"_"+lang, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			getenv := func(name string) string { return map[string]string{"TOCSIN_LANG": lang}[name] }
			if err := run(t.Context(), []string{"keys", "policy", "--policy", policy}, nil, &out, &out, getenv); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+"."+lang+".txt")
			if os.Getenv("TOCSIN_UPDATE_GOLDEN") == "1" {
				if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), want) {
				t.Errorf("the table is not that of %s; look at the difference:\n%s", golden, out.String())
			}
		})
	}
}

// TestRingNotice holds when people are told that the key ring ends, in both languages.
func TestRingNotice(t *testing.T) {
	t.Parallel()
	v := signingtest.Version(t, alert.RealmLive, nil, nil, signingtest.Officer(t))
	it, en := &program{lang: "it"}, &program{lang: "en"}
	for _, tt := range []struct {
		before      time.Duration
		italian, en string // part of the notice; "" for none
	}{
		{29 * 24 * time.Hour, "", ""},
		{27 * 24 * time.Hour, "scade il 2100-01-01 01:00", "expires on 2100-01-01 01:00"},
		{0, "è scaduto il 2100-01-01 01:00", "Whoever has a valid key can still sign"},
	} {
		at := v.Meta.Expires.Add(-tt.before)
		for p, want := range map[*program]string{it: tt.italian, en: tt.en} {
			if got := p.ringNotice(v, at); (got == "") != (want == "") || !strings.Contains(got, want) {
				t.Errorf("%v before its end it says %q, want %q", tt.before, got, want)
			}
		}
	}
}

// TestDraftEdits holds what the commands write into a draft: a line that ends earlier
// and never later, a key that is replaced with an overlap, one that is renewed.
func TestDraftEdits(t *testing.T) {
	t.Parallel()
	officer := signingtest.Officer(t)
	old := signingtest.Version(t, alert.RealmLive, nil, nil, officer, signingtest.Police(t))
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	fresh := signingtest.NewPerson(t, "spare@pc.example", signing.Officer).PublicKey()
	lines := func(d *draft) (out []string) {
		v, err := signing.Seal(d.meta, d.contents)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range v.Ring().Signers() {
			if s.Principal == officer.Principal {
				out = append(out, fmt.Sprintf("%d %s %s", s.Line, s.ValidAfter.Format(time.DateOnly), s.ValidBefore.Format(time.DateOnly)))
			}
		}
		return out
	}
	own := ssh.FingerprintSHA256(officer.PublicKey())
	for name, tt := range map[string]struct {
		edit func(d *draft) error
		want []string
	}{
		"expire": {func(d *draft) error {
			of, err := d.matching(officer.Principal)
			if err == nil {
				d.expire(of, now)
			}
			if of, err = d.matching(officer.Principal); err == nil {
				d.expire(of, now.AddDate(1, 0, 0)) // never later than the line says
			}
			return err
		}, []string{"1 2000-01-01 2026-06-01"}},
		"replace": {func(d *draft) error { return d.rotate(own, fresh, "", now, now.AddDate(1, 0, 0), 48*time.Hour) }, []string{"1 2000-01-01 2026-06-03", "3 2026-06-01 2027-06-01"}},
		"renew":   {func(d *draft) error { return d.rotate(own, officer.PublicKey(), "", now, now.AddDate(1, 0, 0), 0) }, []string{"1 2000-01-01 2100-01-01", "3 2026-06-01 2027-06-01"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &draft{old: old, meta: signing.Meta{Version: 2, Threshold: 2, Expires: old.Meta.Expires, Prev: old.SHA256()}, contents: old.Contents()}
			if err := tt.edit(d); err != nil {
				t.Fatal(err)
			}
			if got := lines(d); !slices.Equal(got, tt.want) {
				t.Errorf("the officer's lines are %q, want %q", got, tt.want)
			}
		})
	}
}

// TestRotateAuthority replaces the key of an authority: both certify for the overlap, and
// the new line is an authority's too.
func TestRotateAuthority(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	officer := signingtest.Officer(t)
	old := signingtest.Version(t, alert.RealmLive, nil, nil, officer)
	ca, fresh := signingtest.NewPerson(t, "ca@police.example", signing.Police).PublicKey(), signingtest.NewPerson(t, "ca2@police.example", signing.Police).PublicKey()
	line, err := signing.AuthorityLine("*@police.example", signing.Police, []alert.Realm{alert.RealmLive}, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0), ca, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signing.RingLine("*@police.example", signing.Police, []alert.Realm{alert.RealmLive}, now, now.AddDate(1, 0, 0), ca, ""); err == nil {
		t.Error("a person's line may name a whole organisation")
	}
	d := &draft{old: old, meta: signing.Meta{Version: 2, Threshold: 2, Expires: old.Meta.Expires, Prev: old.SHA256()}, contents: old.Contents()}
	d.add(signing.Police, line)
	if err := d.rotate(ssh.FingerprintSHA256(ca), fresh, "", now, now.AddDate(2, 0, 0), 48*time.Hour); err != nil {
		t.Fatal(err)
	}
	v, err := signing.Seal(d.meta, d.contents)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range v.Ring().Signers() {
		if s.Authority {
			got = append(got, fmt.Sprintf("%s %s %s", s.Principal, s.Fingerprint, s.ValidBefore.Format(time.DateOnly)))
		}
	}
	want := []string{"*@police.example " + ssh.FingerprintSHA256(ca) + " 2026-06-03", "*@police.example " + ssh.FingerprintSHA256(fresh) + " 2028-06-01"}
	if !slices.Equal(got, want) {
		t.Errorf("the authorities are %q, want %q", got, want)
	}
}
