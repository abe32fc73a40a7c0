package ledger_test

import (
	"testing"

	"github.com/google/uuid"

	"tocsin/broker/ledger"
)

// TestRefusalsFromBeforeABulletin has an alert named by refusals before any bulletin of it is in
// the ledger: whoever asks for the alert later is told of them too, up to a bound.
func TestRefusalsFromBeforeABulletin(t *testing.T) {
	t.Parallel()
	p, id := newPlay(t), uuid.NewString()
	p.must(t, ledger.Record{Type: ledger.Rejected, Alert: id, Number: 1, SHA256: digest, Class: ledger.ClassSignature, Reason: "first"})
	p.must(t, ledger.Record{Type: ledger.Rejected, Alert: p.alert, Number: 1, SHA256: digest, Class: ledger.ClassSignature, Reason: "of another alert"})
	p.must(t, ledger.Record{Type: ledger.Rejected, Class: ledger.ClassDraft, Reason: "of none"})
	p.must(t, bulletinRecord(id))
	p.must(t, ledger.Record{Type: ledger.Rejected, Alert: id, Number: 1, SHA256: digest, Class: ledger.ClassSignature, Reason: "second"})
	all := p.state.Alerts[id].Refusals
	if len(all) != 2 || all[0].Reason != "first" || all[1].Reason != "second" {
		t.Errorf("the refusals are %+v, want the one from before the bulletin and the one after it", all)
	}

	late, flooded := uuid.NewString(), uuid.NewString()
	p.must(t, ledger.Record{Type: ledger.Rejected, Alert: late, Number: 1, SHA256: digest, Class: ledger.ClassSignature, Reason: "pushed out"})
	for range 2000 {
		p.must(t, ledger.Record{Type: ledger.Rejected, Alert: flooded, Number: 1, SHA256: digest, Class: ledger.ClassSignature, Reason: "again"})
	}
	p.must(t, bulletinRecord(late))
	p.must(t, bulletinRecord(flooded))
	if n := len(p.state.Alerts[late].Refusals); n != 0 {
		t.Errorf("%d refusals are kept from before 2000 others, want none: what is kept has a bound", n)
	}
	if n := len(p.state.Alerts[flooded].Refusals); n != 256 {
		t.Errorf("%d refusals of one alert are kept, want 256", n)
	}
}
