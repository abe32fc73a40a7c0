package ledger_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"tocsin/broker/ledger"
)

// TestStreamsThatWereWeakenedAreRefused changes one setting of a ledger's stream at
// the broker at a time, or makes the stream with it, and opens the ledger as a node.
func TestStreamsThatWereWeakenedAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stream string
		change func(*jetstream.StreamConfig)
		says   string
	}{
		"memory":       {"LEDGER", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "storage is Memory and must be File"},
		"work_queue":   {"LEDGER", func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }, "retention is WorkQueue and must be Limits"},
		"discards_old": {"LEDGER", func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }, "discard is DiscardOld and must be DiscardNew"},
		"delete":       {"BLOBS", func(c *jetstream.StreamConfig) { c.DenyDelete = false }, "deny_delete is false"},
		"purge":        {"LEDGER", func(c *jetstream.StreamConfig) { c.DenyPurge = false }, "deny_purge is false"},
		"window":       {"LEDGER", func(c *jetstream.StreamConfig) { c.Duplicates = time.Minute }, "the duplicate window is 1m0s and must be at least 10m0s"},
		"age":          {"BLOBS", func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "max_age is 1h0m0s"},
		"few":          {"LEDGER", func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 }, "max_msgs is 10"},
		"few_each":     {"BLOBS", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 }, "max_msgs_per_subject is 1"},
		"small":        {"LEDGER", func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 }, "max_msg_size is 1000"},
		"subjects":     {"LEDGER", func(c *jetstream.StreamConfig) { c.Subjects = []string{"ledger.alert.>"} }, "its subjects are [ledger.alert.>]"},
		"rollup":       {"LEDGER", func(c *jetstream.StreamConfig) { c.AllowRollup, c.DenyPurge = true, false }, "allow_rollup_hdrs is true"},
		"async":        {"LEDGER", func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode }, "persist_mode is async"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, js := elsewhere(t)
			openAt(t, b, "one/a").Close()
			stream, err := js.Stream(t.Context(), tt.stream)
			if err != nil {
				t.Fatal(err)
			}
			config := stream.CachedInfo().Config
			tt.change(&config)
			// Not all of it can be changed: somebody made the stream so.
			if err := js.DeleteStream(t.Context(), tt.stream); err != nil {
				t.Fatal(err)
			}
			if _, err := js.CreateStream(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			_, err = ledger.Open(t.Context(), ledger.Options{URL: b.url, TLS: b.tls, Credentials: b.crew.As("node"), Realm: "exercise", Create: true, Name: "two/b"})
			e, ok := errors.AsType[*ledger.SettingsError](err)
			if !ok || e.Stream != tt.stream || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want a SettingsError on %s that says %q", err, tt.stream, tt.says)
			}
		})
	}
}

// TestMoreCopiesThanThereAreIsRefused has a node that asks for what the stream does
// not have.
func TestMoreCopiesThanThereAreIsRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	open(t, s, "one/a").Close()
	_, err := ledger.Open(t.Context(), ledger.Options{Server: s, Realm: "exercise", Create: true, Replicas: 3, Name: "two/b"})
	if err == nil || !strings.Contains(err.Error(), "replicas is 1 and must be at least 3, as in broker.replicas") {
		t.Errorf("got %v, want it refused for its copies", err)
	}
}

// TestMoreThanWeAskForIsFine opens a ledger whose streams an operator made stricter.
func TestMoreThanWeAskForIsFine(t *testing.T) {
	t.Parallel()
	b, js := elsewhere(t)
	openAt(t, b, "one/a").Close()
	stream, err := js.Stream(t.Context(), "LEDGER")
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.Duplicates, config.Description = time.Hour, "ours"
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	openAt(t, b, "two/b")
}

func openAt(t *testing.T, b *broker, name string) *ledger.Ledger {
	t.Helper()
	return b.open(t, ledger.Options{Realm: "exercise", Create: true, Name: name}, "node", "officer")
}

// TestALostStoreOfBulletinsIsNamed takes the bulletins' stream away at a broker
// elsewhere: neither a node nor the operator's command begins another in its place.
func TestALostStoreOfBulletinsIsNamed(t *testing.T) {
	t.Parallel()
	b, js := elsewhere(t)
	openAt(t, b, "one/a").Close()
	if err := js.DeleteStream(t.Context(), "BLOBS"); err != nil {
		t.Fatal(err)
	}
	_, err := ledger.Open(t.Context(), ledger.Options{URL: b.url, TLS: b.tls, Credentials: b.crew.As("node"), Realm: "exercise", Create: true, Gaps: true, Name: "two/b"})
	if !errors.Is(err, ledger.ErrNoBlobs) || !strings.Contains(err.Error(), "from a copy") {
		t.Errorf("a node: got %v, want ErrNoBlobs and what to do", err)
	}
	_, err = ledger.Provide(t.Context(), ledger.Options{URL: b.url, TLS: b.tls, Credentials: b.crew.As("operator"), Realm: "exercise", Name: "operator"})
	if !errors.Is(err, ledger.ErrNoBlobs) {
		t.Errorf("the operator: got %v, want ErrNoBlobs", err)
	}
	if _, err := js.Stream(t.Context(), "BLOBS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("got %v, want no stream made", err)
	}
}

// TestNobodyTakesTheRecord writes where no server answers for the stream, as in a cluster that has lost the one which
// led: that nothing was written is said, and what to do.
func TestNobodyTakesTheRecord(t *testing.T) {
	t.Parallel()
	b, js := elsewhere(t)
	l := openAt(t, b, "one/a")
	if err := js.DeleteStream(t.Context(), "LEDGER"); err != nil {
		t.Fatal(err)
	}
	_, err := l.Append(t.Context(), ledger.Record{Type: ledger.NodeStarted})
	if !ledger.Unreachable(err) || !strings.Contains(err.Error(), "nothing was written") || !strings.Contains(err.Error(), "try again") {
		t.Errorf("it says %v", err)
	}
}
