package delivery

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// This file tells those who must know at once that a bulletin was released which one
// authority answers for alone: they are to confirm or to stop it. Who was told is in the
// ledger. A recipient may be told twice, by two nodes or after a crash, and never not.

const (
	// notifyFor is for how long after a release somebody is still told of it.
	notifyFor = 24 * time.Hour
	// notifyFirst and notifyMost bound the wait before a recipient is told again who
	// could not be reached.
	notifyFirst = time.Second
	notifyMost  = time.Minute
)

// A herald tells one recipient.
type herald struct {
	s     *Service
	to    adapters.Notifier
	retry *backoff.ExponentialBackOff

	mu    sync.Mutex
	due   map[string]bool // alerts of which the recipient may have to be told
	woken chan struct{}
}

func newHerald(s *Service, to adapters.Notifier) *herald {
	return &herald{s: s, to: to, due: map[string]bool{}, woken: make(chan struct{}, 1), retry: backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(notifyFirst), backoff.WithMaxInterval(notifyMost), backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0.3), backoff.WithMaxElapsedTime(0))}
}

// wake has the herald look at an alert.
func (h *herald) wake(id string) {
	h.mu.Lock()
	h.due[id] = true
	h.mu.Unlock()
	select {
	case h.woken <- struct{}{}:
	default:
	}
}

func (h *herald) take() (ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.due {
		ids = append(ids, id)
	}
	clear(h.due)
	slices.Sort(ids)
	return ids
}

func (h *herald) run(ctx context.Context) {
	for ctx.Err() == nil {
		var again []string
		for _, id := range h.take() {
			if err := h.tell(ctx, id); err != nil && ctx.Err() == nil {
				again = append(again, id)
				h.s.Log.ErrorContext(ctx, "somebody who must know at once could not be told; it is tried again, and somebody should call them", "recipient", h.to.Name(), "alert", id, "err", err)
			}
		}
		h.rest(ctx, len(again) > 0)
		for _, id := range again {
			h.wake(id)
		}
	}
}

// rest returns when the herald is woken, or when it is time to try again.
func (h *herald) rest(ctx context.Context, again bool) {
	var retry <-chan time.Time
	if again {
		timer := time.NewTimer(h.retry.NextBackOff())
		defer timer.Stop()
		retry = timer.C
	} else {
		h.retry.Reset()
	}
	select {
	case <-ctx.Done():
	case <-retry:
	case <-h.woken:
	}
}

// tell tells the recipient of each release of an alert of which they must know and were
// not told.
func (h *herald) tell(ctx context.Context, id string) error {
	if err := h.s.Trusted(); err != nil {
		return err
	}
	items, err := h.s.library.items(ctx, id, "")
	if err != nil {
		return err
	}
	for i := range items {
		it := &items[i]
		occasion, ok := h.s.occasion(it, h.to.Name())
		if !ok || h.s.Ledger.Time().After(it.release.at.Add(notifyFor)) || h.told(id, it.b.SHA256()) {
			continue
		}
		if err := h.to.Notify(ctx, h.s.notification(it, occasion, h.to.Name())); err != nil {
			return err
		}
		seq, err := h.s.Ledger.Append(ctx, ledger.Record{
			Type: ledger.Notified, Alert: id, Number: it.b.Number, SHA256: it.b.SHA256(), Whom: h.to.Name(), Occasion: string(occasion),
		})
		if err == nil {
			err = h.s.Ledger.WaitApplied(ctx, seq) // before it is asked who was told
		}
		if err != nil {
			return fmt.Errorf("they were told, and it could not be recorded: %w", err)
		}
	}
	return nil
}

func (h *herald) told(id, digest string) (told bool) {
	h.s.Ledger.View(func(st *ledger.State) { told = st.Alerts[id].WasTold(h.to.Name(), digest) })
	return told
}

// occasion returns why a recipient is to be told of a release; false where they are not.
func (s *Service) occasion(it *item, recipient string) (adapters.Occasion, bool) {
	switch {
	case it.b.Breakglass != nil:
		return adapters.OccasionBreakglass, slices.Contains(toBeTold(s.Rings, it.release), recipient)
	case it.b.Kind == bulletin.Ratification:
		return adapters.OccasionRatified, true
	case it.b.Kind == bulletin.Correction, it.b.Message.MsgType == alert.MsgCancel:
		return adapters.OccasionStop, true
	}
	return "", false
}

// toBeTold returns the recipients that the policy names which released a break-glass
// bulletin: whom a later one names did not have to know then.
func toBeTold(rings *signing.History, r release) []string {
	rules, _ := rings.At(r.seq).Policy.Breakglass()
	return rules.Notify
}

func (s *Service) notification(it *item, occasion adapters.Occasion, recipient string) adapters.Notification {
	b := it.b
	n := adapters.Notification{
		ID: strings.Join([]string{b.SHA256(), string(occasion), recipient}, "/"), Occasion: occasion, Realm: string(b.Realm),
		Code: string(b.Code), Number: b.Number, SHA256: b.SHA256(), Identifier: b.Message.Identifier, MsgType: string(b.Message.MsgType),
		Released: it.release.at.UTC(), Expires: b.Expires, Signers: s.signers(it),
	}
	for _, c := range b.Channels() {
		n.Channels = append(n.Channels, c.Name)
		if posts := b.For(c.Name); n.URL == "" && len(posts) > 0 {
			n.URL = posts[0].Link
		}
	}
	if infos := b.Message.Infos; len(infos) > 0 {
		n.Issuer, n.Headline = infos[0].SenderName, infos[0].Headline
	}
	if b.Breakglass != nil {
		n.Why = b.Breakglass.Why
	}
	n.Text = map[string]string{"it": inWords(&n, "it"), "en": inWords(&n, "en")}
	return n
}

// signers returns who signed a bulletin up to its release, with their roles.
func (s *Service) signers(it *item) (all []string) {
	s.library.mu.Lock()
	defer s.library.mu.Unlock()
	for i := range it.held.sound {
		st := &it.held.sound[i]
		role, _, _ := strings.Cut(st.Namespace, "@")
		if who := fmt.Sprintf("%s (%s)", st.Principal, signing.Role(role)); st.Seq <= it.release.seq && !slices.Contains(all, who) {
			all = append(all, who)
		}
	}
	return all
}

// inWords says a notification in a language, Italian or English.
func inWords(n *adapters.Notification, lang string) string {
	say := func(italian, english string) string {
		if lang == "it" {
			return italian
		}
		return english
	}
	var text string
	switch n.Occasion {
	case adapters.OccasionBreakglass:
		text = say("Emissione d'emergenza %s-%d: una sola autorità ha diffuso l'allerta «%s». Hanno firmato: %s. Va ratificata o fermata (tocsin ratify, correct, cancel).",
			"Break-glass %s-%d: one authority alone released the alert \"%s\". Signed by: %s. It is to be ratified or stopped (tocsin ratify, correct, cancel).")
	case adapters.OccasionStop:
		text = say("%s-%d: l'allerta è stata messa in dubbio o revocata: «%s». Ha firmato: %s. Controllare che sia voluto.",
			"%s-%d: the alert was put in doubt or revoked: \"%s\". Signed by: %s. Check that it is meant.")
	case adapters.OccasionRatified:
		text = say("%s-%d: l'emissione d'emergenza è stata ratificata: «%s». Ha firmato: %s.", "%s-%d: the break-glass release was ratified: \"%s\". Signed by: %s.")
	}
	text = fmt.Sprintf(text, n.Code, n.Number, n.Headline, strings.Join(n.Signers, ", "))
	if n.Why != "" {
		text += say(" Motivo: ", " Reason: ") + n.Why
	}
	if n.Realm != string(alert.RealmLive) {
		text = say("ESERCITAZIONE. ", "EXERCISE. ") + text
	}
	return text
}
