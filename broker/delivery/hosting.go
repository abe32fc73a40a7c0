package delivery

import (
	"context"
	"errors"
	"maps"
	"time"

	"tocsin/adapters"
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// maxEarly bounds the bulletins whose images are public before they are released:
// one signature must not be enough to fill the site.
const maxEarly = 32

// hosting is what the node's site shows for platforms that fetch an image. Whichever
// node asks the platform, the platform asks the public address, and any node may
// stand behind that: so each keeps the images of all bulletins that somebody who
// may has signed, from the first valid signature until the alert expires.
//
// It is owned by Run until it starts watching, then by tend.
type hosting struct {
	shown map[string]hosted // by bulletin digest; those that have not expired
}

type hosted struct {
	until time.Time
	early bool // not released yet
}

// host makes the images of the alerts public that are to be, and are not yet.
func (h *hosting) host(ctx context.Context, s *Service, ids []string) {
	if s.Host == nil || s.Trusted() != nil {
		return
	}
	if h.shown == nil {
		h.shown = map[string]hosted{}
	}
	now := s.Now()
	maps.DeleteFunc(h.shown, func(_ string, is hosted) bool { return !now.Before(is.until) })
	for _, id := range ids {
		var states []ledger.BulletinState
		s.Ledger.View(func(st *ledger.State) {
			for _, b := range st.Alerts[id].Bulletins {
				is, ok := h.shown[b.SHA256]
				if len(b.Statements) > 0 && b.Expires.After(now) && (!ok || is.early) {
					states = append(states, *b)
				}
			}
		})
		for i := range states {
			h.hostBulletin(ctx, s, id, &states[i])
		}
	}
}

func (h *hosting) hostBulletin(ctx context.Context, s *Service, id string, state *ledger.BulletinState) {
	held, stands, err := s.library.stands(ctx, id, state, s.Now())
	if err != nil {
		return // refuse says why
	}
	is, shown := h.shown[state.SHA256]
	early := stands == waiting
	switch {
	case stands == unsigned || shown && is.early == early:
		return
	case early && h.waiting() >= maxEarly:
		s.Log.WarnContext(ctx, "too many bulletins wait for their release: the image of this one is put on the site only then",
			"alert", id, "bulletin", state.SHA256, "limit", maxEarly)
		return
	}
	h.shown[state.SHA256] = hosted{until: held.b.Expires, early: early}
	for _, image := range images(held.b) {
		if err := s.Host.Host(ctx, image, held.b.Expires); err != nil && !errors.Is(err, adapters.ErrOtherHost) {
			delete(h.shown, state.SHA256)
			s.Log.WarnContext(ctx, "an image could not be put on the site: a platform can't fetch it from this node", "alert", id, "err", err)
		}
	}
}

// waiting counts the bulletins that are shown and not released.
func (h *hosting) waiting() (n int) {
	for _, is := range h.shown {
		if is.early {
			n++
		}
	}
	return n
}

// images lists the pictures of a bulletin that have an address of their own.
func images(b *bulletin.Bulletin) (out []adapters.Image) {
	seen := map[string]bool{}
	for i := range b.Posts {
		p := &b.Posts[i]
		image := b.Image(p.Image)
		if p.ImageURL == "" || image == nil || seen[p.ImageURL] {
			continue
		}
		seen[p.ImageURL] = true
		is := *image
		is.Alt, is.URL = p.Alt, p.ImageURL
		out = append(out, is)
	}
	return out
}
