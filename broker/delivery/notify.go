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
	s  *Service
	to adapters.Notifier

	mu    sync.Mutex
	woken map[string]bool // alerts of which the recipient may have to be told
	wakes chan struct{}   // says that woken has one more

	pauses map[string]*pause // by release, or by alert where it could not be read; of run alone
}

// A pause is the time until a release is told of once more.
type pause struct {
	alert string
	retry *backoff.ExponentialBackOff
	next  time.Time
}

func newHerald(s *Service, to adapters.Notifier) *herald {
	return &herald{s: s, to: to, woken: map[string]bool{}, wakes: make(chan struct{}, 1), pauses: map[string]*pause{}}
}

// wake has the herald look at an alert.
func (h *herald) wake(id string) {
	h.mu.Lock()
	h.woken[id] = true
	h.mu.Unlock()
	select {
	case h.wakes <- struct{}{}:
	default:
	}
}

// take returns the alerts to look at now: those that were woken, and those for which it is
// time to try again.
func (h *herald) take() (ids []string) {
	h.mu.Lock()
	for id := range h.woken {
		ids = append(ids, id)
	}
	clear(h.woken)
	h.mu.Unlock()
	now := time.Now()
	for _, w := range h.pauses {
		if !now.Before(h.due(w)) {
			ids = append(ids, w.alert)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (h *herald) run(ctx context.Context) {
	for ctx.Err() == nil {
		for _, id := range h.take() {
			h.tell(ctx, id)
		}
		h.rest(ctx)
	}
}

// rest returns when the herald is woken, or when it is time to try again.
func (h *herald) rest(ctx context.Context) {
	var again <-chan time.Time
	var next time.Time
	for _, w := range h.pauses {
		if due := h.due(w); next.IsZero() || due.Before(next) {
			next = due
		}
	}
	if !next.IsZero() {
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-ctx.Done():
	case <-again:
	case <-h.wakes:
	}
}

// due returns when a release is told of once more: not before its alert is read again, where
// that could not be read.
func (h *herald) due(w *pause) time.Time {
	if of := h.pauses[w.alert]; of != nil {
		return later(w.next, of.next)
	}
	return w.next
}

// ready reports whether nothing has to be waited for before a release is told of.
func (h *herald) ready(key string) bool {
	w := h.pauses[key]
	return w == nil || !time.Now().Before(w.next)
}

// later has a release of an alert told of after a wait, longer each time.
func (h *herald) later(key, id string) {
	w := h.pauses[key]
	if w == nil {
		w = &pause{alert: id, retry: backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(notifyFirst), backoff.WithMaxInterval(notifyMost), backoff.WithMultiplier(2),
			backoff.WithRandomizationFactor(0.3), backoff.WithMaxElapsedTime(0))}
		h.pauses[key] = w
	}
	w.next = time.Now().Add(w.retry.NextBackOff())
}

// tell tells the recipient of each release of an alert of which they must know and were
// not told. One that fails holds up no other: who could not be told of a release may still be
// told that it was stopped.
func (h *herald) tell(ctx context.Context, id string) {
	if !h.ready(id) {
		return
	}
	items, err := h.s.library.items(ctx, id, "")
	if h.s.Trusted() != nil {
		h.later(id, id) // whoever runs the node reads why, elsewhere
		return
	}
	if err != nil {
		h.failed(ctx, id, id, err)
		return
	}
	delete(h.pauses, id)
	for i := range items {
		it := &items[i]
		digest := it.b.SHA256()
		if !h.ready(digest) {
			continue
		}
		if err := h.tellOf(ctx, id, it); err != nil {
			h.failed(ctx, digest, id, err)
			continue
		}
		delete(h.pauses, digest)
	}
}

// failed notes that the recipient could not be told of a release.
func (h *herald) failed(ctx context.Context, key, id string, err error) {
	if ctx.Err() != nil {
		return
	}
	h.later(key, id)
	h.s.Log.ErrorContext(ctx, "somebody who must know at once could not be told; it is tried again, and somebody should call them", "recipient", h.to.Name(), "alert", id, "err", err)
}

// tellOf tells the recipient of a release, if they must know and were not told.
func (h *herald) tellOf(ctx context.Context, id string, it *item) error {
	occasion, ok := h.s.occasion(it, h.to.Name())
	if !ok || h.s.Ledger.Time().After(it.release.at.Add(notifyFor)) || h.told(id, it.b.SHA256()) {
		return nil
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
