package ledger_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
)

// elsewhere is a broker that is not ours, with a ledger, and its administrator.
func elsewhere(t *testing.T) (*broker, jetstream.JetStream) {
	t.Helper()
	b := brokerElsewhere(t)
	admin, err := jetstream.New(b.dial(t, "operator", nil))
	if err != nil {
		t.Fatal(err)
	}
	return b, admin
}

// TestANodeNoticesThatItsLedgerIsChanged has the broker's administrator change the
// streams under a node that runs.
func TestANodeNoticesThatItsLedgerIsChanged(t *testing.T) {
	t.Parallel()
	update := func(stream string, change func(*jetstream.StreamConfig)) func(context.Context, jetstream.JetStream) error {
		return func(ctx context.Context, admin jetstream.JetStream) error {
			s, err := admin.Stream(ctx, stream)
			if err != nil {
				return err
			}
			c := s.CachedInfo().Config
			change(&c)
			_, err = admin.UpdateStream(ctx, c)
			return err
		}
	}
	again := func(stream string, weaken func(*jetstream.StreamConfig)) func(context.Context, jetstream.JetStream) error {
		return func(ctx context.Context, admin jetstream.JetStream) error {
			s, err := admin.Stream(ctx, stream)
			if err != nil {
				return err
			}
			c := s.CachedInfo().Config
			weaken(&c)
			if err := admin.DeleteStream(ctx, stream); err != nil {
				return err
			}
			_, err = admin.CreateStream(ctx, c)
			return err
		}
	}
	same := func(*jetstream.StreamConfig) {}
	for name, c := range map[string]struct {
		change func(context.Context, jetstream.JetStream) error
		want   string
	}{
		"deleted":          {func(ctx context.Context, admin jetstream.JetStream) error { return admin.DeleteStream(ctx, "LEDGER") }, "LEDGER: the stream was deleted"},
		"bytes_deleted":    {func(ctx context.Context, admin jetstream.JetStream) error { return admin.DeleteStream(ctx, "BLOBS") }, "BLOBS: the stream was deleted"},
		"made_again":       {again("LEDGER", same), "LEDGER: the stream was deleted"},
		"in_memory":        {again("LEDGER", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }), "LEDGER: the stream was deleted"},
		"bytes_made_again": {again("BLOBS", same), "BLOBS: the stream was deleted"},
		"shortened": {update("LEDGER", func(c *jetstream.StreamConfig) { c.MaxMsgs, c.Discard = 5, jetstream.DiscardOld }),
			"LEDGER: it begins at record"},
		"discards_old":   {update("LEDGER", func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }), "discard is DiscardOld and was DiscardNew"},
		"bounded":        {update("LEDGER", func(c *jetstream.StreamConfig) { c.MaxMsgs = 1000 }), "max_msgs is 1000 and was -1"},
		"ages":           {update("BLOBS", func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }), "BLOBS: max_age is 1h0m0s and was 0s"},
		"smaller":        {update("LEDGER", func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 }), "max_bytes is 1048576 and was"},
		"another_epoch":  {update("LEDGER", func(c *jetstream.StreamConfig) { c.Metadata["epoch"] = "another" }), `its epoch is "another" and was`},
		"other_subjects": {update("LEDGER", func(c *jetstream.StreamConfig) { c.Subjects = []string{"ledger.alert.>"} }), "subjects is"},
		"no_ack":         {update("LEDGER", func(c *jetstream.StreamConfig) { c.NoAck = true }), "no_ack is true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, admin := elsewhere(t)
			l := b.open(t, ledger.Options{Realm: "exercise", Create: true, Name: "one/a", WatchEvery: 20 * time.Millisecond}, "node", "officer")
			for range 10 {
				add(t, l, bulletinRecord(uuid.NewString()))
			}
			if err := l.Broken(); err != nil {
				t.Fatal(err)
			}
			if err := c.change(t.Context(), admin); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := l.WaitApplied(ctx, 1000)
			if e, ok := errors.AsType[*ledger.ChangedError](err); !ok || !strings.Contains(e.What, c.want) || !strings.Contains(e.Error(), "put back a whole copy") {
				t.Errorf("it says %v, want %q and what to do", err, c.want)
			}
		})
	}
}

// TestANodeNoticesWhatWasPutBack replaces the stream by a copy of its first records: it is
// as old as before, has its epoch, and has grown to the same length.
func TestANodeNoticesWhatWasPutBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, dir)
	l, err := ledger.Open(t.Context(), ledger.Options{Server: s, Realm: "exercise", Create: true, Name: "one/a"})
	if err != nil {
		t.Fatal(err)
	}
	add(t, l, bulletinRecord(uuid.NewString()))
	l.Close()
	s.Stop()
	crew := ledgertest.NewCrew(t)
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	listen := strings.TrimPrefix(startServerAt(t, crew, dir, "127.0.0.1:0", func(s *ledger.Server) {
		l = openAs(t, s, ledger.Options{Credentials: crew.As("node", "officer"), Realm: "exercise", Create: true, Name: "one/b", WatchEvery: 20 * time.Millisecond})
		add(t, l, bulletinRecord(uuid.NewString()))
	}), "nats://")
	startServerAt(t, crew, copied, listen, func(s *ledger.Server) {
		other := openAs(t, s, ledger.Options{Credentials: crew.As("node", "officer"), Realm: "exercise", Create: true, Name: "two/a"})
		add(t, other, bulletinRecord(uuid.NewString()))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		err := l.WaitApplied(ctx, 1000)
		if e, ok := errors.AsType[*ledger.ChangedError](err); !ok || !strings.Contains(e.What, "record 3 is another one than it was") && !strings.Contains(e.What, "it ends at record 2") {
			t.Errorf("it says %v, want words on record 3", err)
		}
	})
}

// startServerAt runs a broker while f runs, and returns where it listened.
func startServerAt(t *testing.T, crew *ledgertest.Crew, dir, listen string, f func(*ledger.Server)) string {
	t.Helper()
	s, err := ledger.StartServer(t.Context(), ledger.ServerOptions{Dir: dir, Listen: listen, Users: crew.Users})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	f(s)
	return s.Addr()
}

// TestANodeGoesOnWhenItsLedgerGrows holds that what nodes and commands do does not count
// as a change.
func TestANodeGoesOnWhenItsLedgerGrows(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	l, err := ledger.Open(t.Context(), ledger.Options{Server: s, Realm: "exercise", Create: true, Name: "one/a", WatchEvery: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	other, err := ledger.Open(t.Context(), ledger.Options{Server: s, Realm: "exercise", Create: true, Name: "two/b", MaxBytes: 5 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	for range 50 {
		if _, err := other.PutBlob(t.Context(), []byte(uuid.NewString())); err != nil {
			t.Fatal(err)
		}
		add(t, l, bulletinRecord(uuid.NewString()))
	}
	if err := l.Broken(); err != nil {
		t.Error(err)
	}
}
