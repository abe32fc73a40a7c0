package main

import (
	"strings"
	"testing"
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// TestStatusShowsWhatWaitsAndWhatWasMeddledWith has a post wait for a budget, another one altered
// by somebody, a channel that is broken, and a post of others.
func TestStatusShowsWhatWaitsAndWhatWasMeddledWith(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	part := func(p ledger.PartState) *ledger.BulletinState {
		return &ledger.BulletinState{Deliveries: map[string]*ledger.Delivery{"x": {Parts: []*ledger.PartState{&p}}}}
	}
	addressee := bulletin.Channel{Name: "x", Kind: "x", Parts: 1}
	waits := channelOf(part(ledger.PartState{
		State: ledger.StatePending, Class: ledger.ClassReserve, RetryAt: at, Reason: "3 posts of x-rate-limit are left: they are kept for an alert with its update and its revocation",
	}), addressee)
	altered := channelOf(part(ledger.PartState{
		State: ledger.StateVerified, PostID: "1", Shown: ledger.Shown{Seq: 9, At: at, State: ledger.ShownAltered, Reason: "the platform shows another text than the signed one, from byte 3 on"},
	}), addressee)
	restored := channelOf(part(ledger.PartState{State: ledger.StateVerified, PostID: "1", Shown: ledger.Shown{Seq: 9, At: at, State: ledger.ShownRestored}}), addressee)
	broken := channelStatus{Name: "x", State: "pending", Circuit: &circuitStatus{State: "open", Failures: 6, Since: at, Reason: "not published"}}
	for lang, says := range map[string][4]string{
		"it": {"rimandato fino alle 22-11-2026 04:00:00", "ALLARME: MODIFICATO DA ALTRI", "CANALE GUASTO: gli ultimi 6 invii", "ALLARME: su x c'è un post di altri (7 "},
		"en": {"kept back until 22-11-2026 04:00:00", "ALARM: ALTERED BY SOMEBODY", "CHANNEL BROKEN: the latest 6 attempts", "ALARM: x shows a post of somebody else (7 "},
	} {
		p := &program{lang: lang}
		var out strings.Builder
		p.writeForeign(&out, []foreignStatus{{Channel: "x", PostID: "7", Found: at, Reason: "no bulletin covers it"}})
		for i, got := range []string{p.channelLine(waits), p.channelLine(altered), p.channelLine(broken), out.String()} {
			if !strings.Contains(got, says[i]) {
				t.Errorf("%s: it says %q, want %q in it", lang, got, says[i])
			}
		}
		if lang == "it" && strings.Contains(p.channelLine(waits), "they are kept") {
			t.Errorf("the reason is not in Italian: %q", p.channelLine(waits))
		}
		if line := p.channelLine(restored); strings.Contains(line, "ALARM") || strings.Contains(line, "ALLARME") {
			t.Errorf("of a post that is right again it says %q", line)
		}
	}
	if waits.final || waits.Waits == nil || waits.Waits.For != ledger.ClassReserve {
		t.Errorf("what waits is %+v, want it to go on", waits)
	}
}
