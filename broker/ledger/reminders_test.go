package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
)

// TestADamagedReminderStopsNothing damages each file that the broker keeps of a
// consumer, at many places: the ledger opens, and each channel is reminded.
func TestADamagedReminderStopsNothing(t *testing.T) {
	t.Parallel()
	whole := abandoned(t)
	reminded := func(dir string, want int) error {
		s, err := ledger.StartServer(t.Context(), ledger.ServerOptions{Dir: dir})
		if err != nil {
			return err
		}
		defer s.Stop()
		l, err := ledger.Open(t.Context(), ledger.Options{Server: s, Name: "one/b"})
		if err != nil {
			return err
		}
		defer l.Close()
		r, err := l.Reminder(t.Context(), "deliver-x")
		if err != nil {
			return err
		}
		id := fmt.Sprintf("0192a1b2-0000-7000-8000-%012d", want)
		if _, err := l.Append(t.Context(), bulletinRecord(id)); err != nil {
			return err
		}
		// The broker hands a record on a moment after it has it. To be reminded of others
		// again does no harm.
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for done := false; !done; {
			if err := r.Take(ctx, func(alert string) { done = done || alert == id }); err != nil {
				return err
			}
		}
		if size, err := l.Size(t.Context()); err != nil || size != int64(want) {
			return fmt.Errorf("%d records (%w), want %d", size, err, want)
		}
		return nil
	}
	if err := reminded(whole, 3); err != nil {
		t.Fatal(err)
	}
	kept := ledgertest.Snapshot(t, filepath.Join(whole, "jetstream", "$G", "streams", "LEDGER", "obs"))
	s, err := ledger.StartServer(t.Context(), ledger.ServerOptions{Dir: whole})
	if err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if ledgertest.Snapshot(t, filepath.Join(whole, "jetstream", "$G", "streams", "LEDGER", "obs")) != kept {
		t.Fatal("a start has changed a reminder that was sound")
	}
	obs := filepath.Join("jetstream", "$G", "streams", "LEDGER", "obs", "deliver-x")
	tried := 0
	for _, name := range []string{"meta.inf", "meta.sum", "o.dat"} {
		raw, err := os.ReadFile(filepath.Join(whole, obs, name))
		if err != nil {
			t.Fatal(err)
		}
		damages := map[string][]byte{"empty": {}, "gone": nil, "rubbish": []byte("\x00{]"), "cut": raw[:len(raw)/2]}
		for at := 0; at < len(raw); at += 1 + len(raw)/20 {
			damages[fmt.Sprintf("byte %d", at)] = flipped(raw, at)
		}
		for how, damaged := range damages {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, obs, name)
			if damaged == nil {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, damaged, 0o600)
			}
			if err == nil {
				err = reminded(dir, 4)
			}
			if err != nil {
				t.Errorf("%s, %s: %v", name, how, err)
			}
			tried++
		}
	}
	if tried < 50 {
		t.Errorf("only %d damages were tried", tried)
	}
}

func flipped(raw []byte, at int) []byte {
	raw = bytes.Clone(raw)
	raw[at] ^= 0x20
	return raw
}
