package ledger_test

import (
	"strconv"
	"strings"
	"testing"

	"tocsin/broker/ledger"
)

func readinessOf(node, channel, state string) ledger.Record {
	r := ledger.Record{Type: ledger.Readiness, Node: node, Channel: channel, State: state}
	if state != ledger.StateReady {
		r.Class, r.Reason = "credential", "said by the test; renew it"
	}
	return r
}

// TestReadinessOfEachNode: each node's own word counts for what it found, and the newest one.
func TestReadinessOfEachNode(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.must(t, readinessOf("one/a", "x-a", ledger.StateDown))
	p.must(t, readinessOf("two/a", "x-a", ledger.StateDegraded))
	p.must(t, readinessOf("one/a", "", ledger.StateDegraded))
	p.must(t, readinessOf("one/b", "x-a", ledger.StateReady)) // after a restart
	var got []string
	for _, r := range p.state.EveryReadiness() {
		got = append(got, r.Node+" "+r.Channel+" "+r.State)
	}
	if all := strings.Join(got, ", "); all != "one  degraded, one x-a ready, two x-a degraded" {
		t.Errorf("the ledger says %q", all)
	}
	if _, ok := p.state.Readiness("three", "x-a"); ok {
		t.Error("a node that wrote nothing has a word")
	}
	if at := p.state.LastVerified("x-a"); !at.IsZero() {
		t.Errorf("nothing was verified, and the ledger says %v", at)
	}
	for _, kind := range []string{"attempt", "posted", "verified"} {
		p.must(t, p.delivery(kind))
	}
	if at := p.state.LastVerified("x-a"); !at.Equal(p.part().VerifiedAt) || at.IsZero() {
		t.Errorf("the last verification is %v", at)
	}
}

// TestReadinessIsBounded: who has the credential of a channel may name any node.
func TestReadinessIsBounded(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	n := 0
	for i := range 1100 {
		if p.apply(readinessOf("n"+strconv.Itoa(i)+"/a", "x-a", ledger.StateDown)) == nil {
			n++
		}
	}
	if n != 1024 || len(p.state.EveryReadiness()) != n {
		t.Errorf("%d of 1100 nodes were kept", n)
	}
	p.must(t, readinessOf("n7/a", "x-a", ledger.StateReady))
}

func TestReadinessRecordIsWhole(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ledger.Record){
		"node":    func(r *ledger.Record) { r.Node = "tocsin check" },
		"channel": func(r *ledger.Record) { r.Channel = "X a" },
		"state":   func(r *ledger.Record) { r.State = "fine" },
		"reason":  func(r *ledger.Record) { r.Reason = "" },
		"class":   func(r *ledger.Record) { r.Class = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := readinessOf("one/a", "x-a", ledger.StateDown)
			change(&r)
			if err := r.Validate(); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v, want words on the %s", err, name)
			}
		})
	}
	if got := (&ledger.Record{Type: ledger.Readiness, Node: "one/a"}).Subject(); got != "ledger.readiness.node.one" {
		t.Errorf("the node's own record stands on %s", got)
	}
	if got := (&ledger.Record{Type: ledger.Readiness, Node: "one/a", Channel: "x-a"}).Subject(); got != "ledger.readiness.channel.x-a" {
		t.Errorf("the channel's record stands on %s", got)
	}
}
