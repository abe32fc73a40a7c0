package ledger

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Shown is what was found of a public post when it was read again, after deliveries were done
// with it. The zero Shown says that nothing else was found than what was signed.
type Shown struct {
	Seq    int64
	At     time.Time // when the broker took the record
	State  string    // ShownAltered, ShownHidden, ShownDeleted, or ShownRestored
	Reason string
}

// Amiss reports whether the public does not see what was signed.
func (s Shown) Amiss() bool { return s.State != "" && s.State != ShownRestored }

// A ForeignPost is one on an account of ours that no bulletin covers.
type ForeignPost struct {
	Seq      int64     // of the record by which it was found
	At       time.Time // when the broker took that
	PostID   string
	URL      string
	PostedAt time.Time
	Reason   string
	Gone     time.Time // when the broker took the record that it is not there any more; zero while it is
}

// maxForeign bounds those that are kept of one channel: an account that others use for
// everything is to be configured as one.
const maxForeign = 256

// ForeignPosts lists the posts of a channel that no bulletin covers, in the order in which they
// were found, those that are gone too.
func (s *State) ForeignPosts(channel string) []ForeignPost { return slices.Clone(s.foreign[channel]) }

// WatchedChannels lists the channels on which posts were found that no bulletin covers.
func (s *State) WatchedChannels() []string { return slices.Sorted(maps.Keys(s.foreign)) }

// PostIDs returns the platform's names of all posts on a channel that the ledger covers.
func (s *State) PostIDs(channel string) map[string]bool {
	ids := map[string]bool{}
	for _, a := range s.Alerts {
		for _, b := range a.Bulletins {
			if d := b.Deliveries[channel]; d != nil {
				for _, p := range d.Parts {
					if p.PostID != "" {
						ids[p.PostID] = true
					}
				}
			}
		}
	}
	return ids
}

func (s *State) applyWatched(e *Entry, foreign func(string, ...any) error) error {
	r := &e.Record
	b := s.bulletin(r.Alert, r.SHA256)
	if b == nil || b.Number != r.Number {
		return foreign("the ledger holds no such bulletin")
	}
	d := b.Deliveries[r.Channel]
	if d == nil || r.Part > len(d.Parts) || d.Parts[r.Part-1].PostID == "" {
		return foreign("the ledger holds no such post")
	}
	p := d.Parts[r.Part-1]
	if p.Shown.State == r.State {
		return &VoidError{Seq: e.Seq, Reason: fmt.Sprintf("the post was found %s before", r.State)} // two nodes look
	}
	p.Shown = Shown{Seq: e.Seq, At: e.Time, State: r.State, Reason: r.Reason}
	return nil
}

func (s *State) applyForeign(e *Entry, foreign func(string, ...any) error) error {
	r := &e.Record
	all := s.foreign[r.Channel]
	i := slices.IndexFunc(all, func(p ForeignPost) bool { return p.PostID == r.PostID })
	switch {
	case r.State == ForeignGone && i < 0:
		return foreign("no such post was found on the account")
	case r.State == ForeignGone && all[i].Gone.IsZero():
		all[i].Gone = e.Time
	case r.State == ForeignPublic && i >= 0 && !all[i].Gone.IsZero():
		all[i].Gone = time.Time{}
	case i >= 0:
		return &VoidError{Seq: e.Seq, Reason: "it was found before"} // two nodes look
	case len(all) >= maxForeign:
		return foreign("%d posts that no bulletin covers are kept of this channel already", maxForeign)
	default:
		s.foreign[r.Channel] = append(all, ForeignPost{Seq: e.Seq, At: e.Time, PostID: r.PostID, URL: r.Link(), PostedAt: r.PostedAt, Reason: r.Reason})
	}
	return nil
}
