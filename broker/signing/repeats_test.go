package signing_test

import (
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// TestRepeats holds which signature counts as one that was recorded again: the same bytes by the same name for
// the same use, judged by the same version of the key ring.
func TestRepeats(t *testing.T) {
	t.Parallel()
	one := signingtest.Authority(t, alert.RealmLive, signingtest.Officer(t))
	two := signingtest.Authority(t, alert.RealmLive, signingtest.Officer(t))
	st := func(principal, namespace, text string) *signing.Statement {
		return &signing.Statement{Principal: principal, Namespace: namespace, Signature: []byte(text)}
	}
	var r signing.Repeats
	for i, c := range []struct {
		in   *signing.Authority
		st   *signing.Statement
		want bool
	}{
		{one, st("a@b", "officer@tocsin", "x"), false},
		{one, st("a@b", "officer@tocsin", "x"), true},
		{one, st("a@b", "officer@tocsin", "y"), false},
		{one, st("a@c", "officer@tocsin", "x"), false},
		{one, st("a@b", "deputy@tocsin", "x"), false},
		{two, st("a@b", "officer@tocsin", "x"), false}, // what was signed before holds by this one, or not
		{two, st("a@b", "officer@tocsin", "x"), true},
		{one, st("a@b", "officer@tocsin", "x"), false},
	} {
		if got := r.Again(c.in, c.st); got != c.want {
			t.Errorf("signature %d: again is %t", i, got)
		}
	}
}
