package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// This file looks whether the bytes of the bulletins are there. No checkpoint speaks for
// them: without this, one that was sent and whose bytes were lost would be as one that was
// never released, and the one before it, which it revoked, would be in force again.

// A LostError says that the bytes of bulletins which were sent are not there. It is what
// [Ledger.Broken] returns of a ledger that was opened in spite of it.
type LostError struct {
	Records []int64 // of the bulletins
}

// Error names the records, and what to do.
func (e *LostError) Error() string {
	all := make([]string, 0, len(e.Records))
	for _, seq := range e.Records {
		all = append(all, fmt.Sprint(seq))
	}
	return fmt.Sprintf("bulletins that were sent are lost (records %s): what they say, and whether they revoke or end an alert, is not known; restore the ledger from a copy", listed(all))
}

// holdBytes looks whether the bytes of each bulletin that was sent are there. That nobody
// keeps those of one that was never sent proves nothing: whoever may hand in can write a
// record without them. What stands prepared inside another one of its alert need not be kept
// apart: here it is enough that one is there which may hold it, and whoever reads the alert
// finds out whether it does. Where one credential of people could have written all of its
// signatures, its sending may be forged by who stole that and an adapter's: that is for whoever
// knows the policy, and about its alert alone.
func (l *Ledger) holdBytes(ctx context.Context) error {
	want := map[string]int64{}
	around := map[string][]string{} // what may hold a prepared bulletin, by its digest
	l.View(func(s *State) {
		for _, a := range s.Alerts {
			for _, b := range a.Bulletins {
				if !b.Attempted() || b.Unread() || b.Kind == "" && !b.bySeveral() {
					continue
				}
				want[b.SHA256] = b.Seq
				for _, other := range a.Bulletins {
					if b.Kind != "" && other.Kind == "" && other.Number < b.Number {
						around[b.SHA256] = append(around[b.SHA256], other.SHA256)
					}
				}
			}
		}
	})
	if len(want) == 0 {
		return nil
	}
	blobs, err := l.js.Stream(ctx, blobsName)
	if err == nil {
		var info *jetstream.StreamInfo
		if info, err = blobs.Info(ctx, jetstream.WithSubjectFilter("blob.*")); err == nil {
			for subject := range info.State.Subjects {
				delete(want, strings.TrimPrefix(subject, "blob."))
			}
			for digest, holders := range around {
				if slices.ContainsFunc(holders, func(h string) bool { _, there := info.State.Subjects["blob."+h]; return there }) {
					delete(want, digest)
				}
			}
		}
	}
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("look for the bytes of the bulletins: %w", err)
	}
	if len(want) == 0 {
		return nil
	}
	lost := &LostError{}
	for _, seq := range want {
		lost.Records = append(lost.Records, seq)
	}
	slices.Sort(lost.Records)
	if !l.o.Gaps {
		return fmt.Errorf("open the ledger: %w", lost)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = lost
	return nil
}

// bySeveral reports whether no single credential of people could have written the signatures
// that the ledger holds of the bulletin, whether they hold or not.
func (b *BulletinState) bySeveral() bool {
	one := []Role{RoleOfficer, RolePolice}
	for i := range b.Statements {
		role, _, _ := strings.Cut(b.Statements[i].Namespace, "@")
		one = slices.DeleteFunc(one, func(r Role) bool {
			return !slices.ContainsFunc(writings(), func(w writing) bool {
				return w.of == Signature && strings.HasSuffix(w.subject, ".signature."+role) && slices.Contains(w.roles, r)
			})
		})
	}
	return len(one) == 0
}
