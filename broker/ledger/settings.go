package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// This file says how the two streams are set, and holds streams that exist already
// against that: somebody may have made them by hand, or changed them since.

// recordsConfig is how the stream of records is made.
func (l *Ledger) recordsConfig() jetstream.StreamConfig {
	var epoch [16]byte
	_, _ = rand.Read(epoch[:]) // crypto/rand does not fail
	return jetstream.StreamConfig{
		Name: streamName, Description: "all that happened, in order", Subjects: []string{"ledger.>"},
		Storage: jetstream.FileStorage, Replicas: max(l.o.Replicas, 1), Retention: jetstream.LimitsPolicy,
		Discard: jetstream.DiscardNew, MaxBytes: l.maxBytes(), MaxMsgSize: MaxRecord + 4<<10,
		Duplicates: 10 * time.Minute, DenyDelete: true, DenyPurge: true, AllowDirect: true,
		Metadata: map[string]string{"schema": strconv.Itoa(Schema), "realm": l.o.Realm, "epoch": hex.EncodeToString(epoch[:])},
	}
}

// blobsConfig is how the stream of bulletins is made.
func (l *Ledger) blobsConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: blobsName, Description: "the bytes of bulletins, by their SHA-256", Subjects: []string{"blob.*"},
		Storage: jetstream.FileStorage, Replicas: max(l.o.Replicas, 1), Retention: jetstream.LimitsPolicy,
		Discard: jetstream.DiscardNew, MaxBytes: l.maxBytes(), MaxMsgSize: maxBlob + 4<<10,
		DenyDelete: true, DenyPurge: true, AllowDirect: true,
	}
}

// A SettingsError is returned by Open when a stream is set so that records could be
// lost, or not be taken.
type SettingsError struct {
	Stream string
	Weak   []string // "deny_delete is false and must be true"
}

// Error names the settings and what to do.
func (e *SettingsError) Error() string {
	return fmt.Sprintf("the stream %s at the broker is not set as a ledger must be: %s; have whoever runs the broker set it so (docs/ledger.md, The streams), "+
		"or let the node make its streams on a broker that has none", e.Stream, strings.Join(e.Weak, "; "))
}

// holdAgainst returns a [*SettingsError] where the settings of a stream are weaker
// than those with which we would make it. More than we ask for is fine.
func holdAgainst(have, want *jetstream.StreamConfig) error {
	e := &SettingsError{Stream: want.Name}
	must := func(ok bool, format string, args ...any) {
		if !ok {
			e.Weak = append(e.Weak, fmt.Sprintf(format, args...))
		}
	}
	must(have.Storage == want.Storage, "storage is %v and must be %v", have.Storage, want.Storage)
	must(have.Retention == want.Retention, "retention is %v and must be %v", have.Retention, want.Retention)
	must(have.Discard == want.Discard, "discard is %v and must be %v", have.Discard, want.Discard)
	must(have.DenyDelete, "deny_delete is false and must be true")
	must(have.DenyPurge, "deny_purge is false and must be true")
	must(have.Replicas >= want.Replicas, "replicas is %d and must be at least %d, as in broker.replicas", have.Replicas, want.Replicas)
	must(have.Duplicates >= want.Duplicates, "the duplicate window is %v and must be at least %v", have.Duplicates, want.Duplicates)
	must(have.MaxAge == 0, "max_age is %v and must be 0", have.MaxAge)
	must(have.MaxMsgs <= 0, "max_msgs is %d and must be unlimited", have.MaxMsgs)
	must(have.MaxMsgsPerSubject <= 0, "max_msgs_per_subject is %d and must be unlimited", have.MaxMsgsPerSubject)
	must(have.MaxMsgSize <= 0 || have.MaxMsgSize >= want.MaxMsgSize, "max_msg_size is %d and must be at least %d", have.MaxMsgSize, want.MaxMsgSize)
	must(slices.Equal(have.Subjects, want.Subjects), "its subjects are %v and must be %v", have.Subjects, want.Subjects)
	must(have.Mirror == nil && len(have.Sources) == 0, "it is a copy of other streams and must be one of its own")
	must(!have.Sealed, "it is sealed")
	must(!have.NoAck, "no_ack is true and must be false")
	must(!have.AllowRollup, "allow_rollup_hdrs is true and must be false")
	must(!have.AllowMsgTTL, "allow_msg_ttl is true and must be false")
	must(have.PersistMode == jetstream.DefaultPersistMode, "persist_mode is async and must be the default")
	if len(e.Weak) == 0 {
		return nil
	}
	return e
}
