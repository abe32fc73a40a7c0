// Package ledgertest writes to the streams of a ledger past package ledger, as
// somebody does who has the broker's credential and not our programs.
package ledgertest

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"tocsin/broker/ledger"
)

// Write publishes a message to the broker at an address and returns its sequence in
// the stream that takes it.
func Write(tb testing.TB, url string, who ledger.Credential, subject string, payload []byte) int64 {
	tb.Helper()
	conn := Dial(tb, url, who, nil)
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		tb.Fatal(err)
	}
	ack, err := js.Publish(tb.Context(), subject, payload)
	if err != nil {
		tb.Fatal(err)
	}
	return int64(ack.Sequence) //nolint:gosec // far below 2^63
}
