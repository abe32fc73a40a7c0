package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tocsin/broker/ledger"
)

// BenchmarkFold reads the records of alerts that went out, as at every start of a
// node: one operation is one record.
func BenchmarkFold(b *testing.B) {
	entries := written(b, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	state := ledger.NewState()
	for _, e := range entries {
		if e.Record, e.Bad = ledger.Decode(e.Payload); e.Bad != nil {
			b.Fatal(e.Bad)
		}
		if err := state.Apply(e); err != nil {
			b.Fatal(err)
		}
	}
}

// written returns the first n records of a ledger of alerts with two signatures on five
// channels, as the broker hands them on.
func written(tb testing.TB, n int) []*ledger.Entry {
	tb.Helper()
	entries := make([]*ledger.Entry, 0, n+32)
	now := time.Now().UTC()
	add := func(r ledger.Record) {
		r.Schema, r.ID, r.At, r.Node = ledger.Schema, uuid.NewString(), now, "savona-1/"+digest[:32]
		payload, err := r.Encode()
		if err != nil {
			tb.Fatal(err)
		}
		entries = append(entries, &ledger.Entry{Seq: int64(len(entries) + 1), Subject: r.Subject(), Payload: payload, Time: now})
	}
	armor := "-----BEGIN SSH SIGNATURE-----\n" + strings.Repeat(strings.Repeat("A", 70)+"\n", 6) + "-----END SSH SIGNATURE-----\n"
	channels := []string{"sito", "telegram-savona", "x-savona", "facebook-savona", "instagram-savona"}
	add(ledger.Record{Type: ledger.Genesis, Realm: "exercise", Epoch: "e"})
	add(ledger.Record{Type: ledger.NodeStarted, Channels: channels})
	for i := 0; len(entries) < n; i++ {
		of := ledger.Record{Alert: uuid.NewString(), Number: 1, SHA256: fmt.Sprintf("%064x", i)}
		about := func(t ledger.Type, change func(*ledger.Record)) {
			r := of
			r.Type = t
			change(&r)
			add(r)
		}
		about(ledger.Bulletin, func(r *ledger.Record) {
			r.Bytes, r.Code, r.Identifier, r.MsgType, r.Expires = 40000, "SV-7F3K2", "urn:oid:2.49.0.1.380.3.2026", "Alert", now.Add(time.Hour)
		})
		for _, role := range []string{"officer", "police"} {
			about(ledger.Signature, func(r *ledger.Record) {
				r.Principal, r.Namespace, r.Key, r.Armor = "ada@pc.example", role+"@exercise.tocsin", "SHA256:"+digest[:43], armor
			})
		}
		about(ledger.Attempt, func(r *ledger.Record) {
			r.Channels, r.Part, r.Attempt, r.Until, r.Released = channels, 1, 1, now.Add(time.Minute), int64(len(entries))
		})
		for _, c := range channels {
			about(ledger.Posted, func(r *ledger.Record) {
				r.Channel, r.Part, r.PostID, r.URL, r.PostedAt = c, 1, "122100000000000001", "https://www.facebook.example/61550000000001", now
				r.Evidence = `{"id":"122100000000000001","text":"` + strings.Repeat("Allerta arancione ", 20) + `"}`
			})
			about(ledger.Verified, func(r *ledger.Record) { r.Channel, r.Part = c, 1 })
		}
	}
	return entries[:n]
}
