package delivery

import (
	"testing"
	"time"
)

// TestAReleaseWaitsForItsAlertToBeRead has it be time to tell somebody of a release once more
// while its alert can't be read: nothing is to be done before that is tried again.
func TestAReleaseWaitsForItsAlertToBeRead(t *testing.T) {
	t.Parallel()
	h := newHerald(nil, nil)
	h.later("digest", "alert")
	h.pauses["digest"].next = time.Now().Add(-time.Second)
	if got := h.take(); len(got) != 1 {
		t.Fatalf("%q are looked at, want the alert", got)
	}
	h.later("alert", "alert")
	again := h.pauses["alert"].next
	if got := h.take(); len(got) != 0 && time.Now().Before(again) {
		t.Errorf("%q are looked at while the alert can't be read", got)
	}
	if got := h.due(h.pauses["digest"]); !got.Equal(again) {
		t.Errorf("it is due at %v, want when the alert is read again, at %v", got, again)
	}
}
