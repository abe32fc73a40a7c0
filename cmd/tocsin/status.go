package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/broker/ledger"
)

// channelStatus is one channel's delivery of one bulletin, for people and scripts.
type channelStatus struct {
	Name               string `json:"name"`
	Kind               string `json:"kind"`
	State              string `json:"state"`
	PostID             string `json:"post_id"`
	URL                string `json:"url"`
	Attempts           int    `json:"attempts"`
	Reconciled         bool   `json:"reconciled"`
	ReleasedToPosted   *int64 `json:"released_to_posted_ms"`
	ReleasedToVerified *int64 `json:"released_to_verified_ms"`
	Reason             string `json:"reason,omitempty"`

	final bool
}

// bulletinStatus is one bulletin of an alert.
type bulletinStatus struct {
	Number     int               `json:"number"`
	SHA256     string            `json:"sha256"`
	MsgType    string            `json:"msgType"`
	Expires    time.Time         `json:"expires"`
	Signatures []signatureStatus `json:"signatures"`
	Channels   []channelStatus   `json:"channels"`
}

type signatureStatus struct {
	Principal string `json:"principal"`
	Role      string `json:"role"`
	Namespace string `json:"namespace"`
	Key       string `json:"key"`
}

// alertStatus is one alert.
type alertStatus struct {
	Alert     string           `json:"alert"`
	Code      string           `json:"code"`
	Bulletins []bulletinStatus `json:"bulletins"`
}

// statusOf reads an alert's status from the folded ledger. kinds gives the kind of
// each channel, where it is known; channels that a bulletin addresses and that
// have no record yet are pending.
func statusOf(s *ledger.State, id string, kinds map[string]string, addressed func(digest string) []string) alertStatus {
	a := s.Alerts[id]
	out := alertStatus{Alert: id, Code: a.Bulletins[0].Code}
	for _, b := range a.Bulletins {
		bs := bulletinStatus{Number: b.Number, SHA256: b.SHA256, MsgType: b.MsgType, Expires: b.Expires, Signatures: []signatureStatus{}, Channels: []channelStatus{}}
		for _, st := range b.Statements {
			role, _, _ := strings.Cut(st.Namespace, "@")
			bs.Signatures = append(bs.Signatures, signatureStatus{Principal: st.Principal, Role: role, Namespace: st.Namespace, Key: st.Key})
		}
		names := addressed(b.SHA256)
		for name := range b.Deliveries {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		for _, name := range names {
			bs.Channels = append(bs.Channels, channelOf(b, name, kinds[name]))
		}
		out.Bulletins = append(out.Bulletins, bs)
	}
	return out
}

// channelOf sums up the parts of a delivery: it is where its least advanced part
// is, and took as long as its last one.
func channelOf(b *ledger.BulletinState, name, kind string) channelStatus {
	c := channelStatus{Name: name, Kind: kind, State: string(ledger.StatePending)}
	d := b.Deliveries[name]
	if d == nil || len(d.Parts) == 0 {
		return c
	}
	c.final = true
	worst := -1
	var released, posted, verified time.Time
	for _, p := range d.Parts {
		if rank := slices.Index(progress(), p.State); worst < 0 || rank < worst {
			worst = rank
			c.State, c.Reason = string(p.State), p.Reason
		}
		c.Attempts = max(c.Attempts, p.Attempts)
		c.Reconciled = c.Reconciled || p.Reconciled
		c.final = c.final && (p.Final() || p.State == ledger.StateHeld) // held until a person or a budget comes
		if c.PostID == "" {
			c.PostID, c.URL = p.PostID, p.URL
		}
		if released.IsZero() {
			released = p.ReleasedAt
		}
		posted, verified = later(posted, p.PostedAt), later(verified, p.VerifiedAt)
	}
	c.ReleasedToPosted = since(released, posted)
	if c.State == string(ledger.StateVerified) {
		c.ReleasedToVerified = since(released, verified)
	}
	return c
}

// progress lists the states from the one that needs a person most to the end.
func progress() []ledger.DeliveryState {
	return []ledger.DeliveryState{
		ledger.StateFailed, ledger.StateHeld, ledger.StateUnknown, ledger.StateAttempting, ledger.StatePending, ledger.StateExpired,
		ledger.StateSuperseded, ledger.StatePosted, ledger.StateVerified,
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func since(from, to time.Time) *int64 {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	ms := max(to.Sub(from).Milliseconds(), 0)
	return &ms
}

func (p *program) statusCommand() *cobra.Command {
	var w where
	var watch, asJSON bool
	cmd := &cobra.Command{
		Use:   "status [ALERT]",
		Short: p.say("dice dove è arrivata un'allerta su ogni canale", "says where an alert stands on each channel"),
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			ctx := cmd.Context()
			d, err := w.open(ctx, "tocsin status", nil, false)
			if err != nil {
				return err
			}
			defer d.Close()
			var name string
			if len(a) > 0 {
				name = a[0]
			}
			if name == "" && !watch {
				return p.listAlerts(ctx, d, asJSON)
			}
			id, err := d.alert(name)
			if err != nil {
				return err
			}
			if watch {
				return p.watch(ctx, d, id, asJSON)
			}
			status := d.status(ctx, id)
			if asJSON {
				return p.printJSON(status)
			}
			p.writeStatus(p.out, status)
			return nil
		},
	}
	w.flags(p, cmd)
	cmd.Flags().BoolVar(&watch, "watch", false, p.say("segue l'allerta finché ogni canale è arrivato", "follows the alert until every channel has ended"))
	p.jsonFlag(cmd, &asJSON)
	return cmd
}

// status reads an alert's status, with the channels that its bulletins address.
func (d *desk) status(ctx context.Context, id string) alertStatus {
	kinds := map[string]string{}
	addressed := map[string][]string{}
	chain, err := d.bulletins(ctx, id)
	if err == nil {
		for _, b := range chain {
			for _, c := range b.Channels() {
				kinds[c.Name] = c.Kind
				addressed[b.SHA256()] = append(addressed[b.SHA256()], c.Name)
			}
		}
	}
	var out alertStatus
	d.ledger.View(func(s *ledger.State) {
		out = statusOf(s, id, kinds, func(digest string) []string { return addressed[digest] })
	})
	return out
}

func (p *program) listAlerts(ctx context.Context, d *desk, asJSON bool) error {
	var ids []string
	d.ledger.View(func(s *ledger.State) { ids = append(ids, s.Order...) })
	all := []alertStatus{}
	for _, id := range ids {
		all = append(all, d.status(ctx, id))
	}
	if asJSON {
		return p.printJSON(struct {
			Alerts []alertStatus `json:"alerts"`
		}{all})
	}
	if len(all) == 0 {
		p.print("Nel registro non c'è nessuna allerta.", "The ledger holds no alert.")
	}
	for _, s := range all {
		p.writeStatus(p.out, s)
	}
	return nil
}

// stateWords is what the screen calls a state.
func (p *program) stateWords(state string) string {
	italian := map[string]string{
		"pending": "in attesa", "attempting": "invio in corso", "unknown": "esito ignoto, si cerca", "posted": "pubblicato", "verified": "verificato",
		"failed": "serve una persona", "expired": "scaduto", "superseded": "superato", "held": "sospeso",
	}
	if p.lang == "en" || italian[state] == "" {
		return state
	}
	return italian[state]
}

func (p *program) writeStatus(w io.Writer, s alertStatus) {
	for _, b := range s.Bulletins {
		fmt.Fprintln(w, p.say("Allerta %s, bollettino %d (%s), firme: %s", "Alert %s, bulletin %d (%s), signatures: %s",
			s.Code, b.Number, b.MsgType, p.signatureWords(b.Signatures)))
		for _, c := range b.Channels {
			fmt.Fprintf(w, "  %s\n", p.channelLine(c))
		}
	}
}

func (p *program) signatureWords(signatures []signatureStatus) string {
	if len(signatures) == 0 {
		return p.say("nessuna", "none")
	}
	var out []string
	for _, s := range signatures {
		out = append(out, fmt.Sprintf("%s (%s)", s.Principal, s.Role))
	}
	return strings.Join(out, ", ")
}

func (p *program) channelLine(c channelStatus) string {
	var facts []string
	if c.ReleasedToPosted != nil {
		facts = append(facts, p.say("pubblicato in %s", "posted in %s", milliseconds(*c.ReleasedToPosted)))
	}
	if c.ReleasedToVerified != nil {
		facts = append(facts, p.say("verificato in %s", "verified in %s", milliseconds(*c.ReleasedToVerified)))
	}
	if c.Attempts > 1 {
		facts = append(facts, p.say("%d tentativi", "%d attempts", c.Attempts))
	}
	if c.Reconciled {
		facts = append(facts, p.say("ritrovato con il codice", "found by its code"))
	}
	line := fmt.Sprintf("%-22s %-22s %s", c.Name, p.stateWords(c.State), strings.Join(facts, ", "))
	if c.URL != "" {
		line += "  " + c.URL
	}
	line = strings.TrimRight(line, " ")
	if c.Reason != "" && c.State != string(ledger.StateVerified) {
		line += "\n    " + c.Reason
	}
	return line
}

func milliseconds(ms int64) string {
	if ms < 10_000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return (time.Duration(ms) * time.Millisecond).Round(100 * time.Millisecond).String()
}

// watch follows an alert until all its channels have ended or the person ends it.
func (p *program) watch(ctx context.Context, d *desk, id string, asJSON bool) error {
	if asJSON {
		if err := p.follow(ctx, io.Discard, d, id); err != nil {
			return err
		}
		return p.printJSON(d.status(ctx, id))
	}
	return p.follow(ctx, p.out, d, id)
}

// errInterrupted is returned by follow when the person ended it.
var errInterrupted = both("interrotto prima che ogni canale fosse arrivato: vedere tocsin status", "interrupted before every channel had ended: see tocsin status")

// follow writes a line whenever a channel moves on, until all have ended. Where the
// alert has several bulletins, each line says of which one it is.
func (p *program) follow(ctx context.Context, w io.Writer, d *desk, id string) error {
	seen := map[string]string{}
	for {
		changed := d.ledger.Changed()
		ended := true
		bulletins := d.status(ctx, id).Bulletins
		for _, b := range bulletins {
			of := ""
			if len(bulletins) > 1 {
				of = p.say("bollettino %d  ", "bulletin %d  ", b.Number)
			}
			for _, c := range b.Channels {
				key := fmt.Sprintf("%d/%s", b.Number, c.Name)
				ended = ended && c.final
				if seen[key] != c.State {
					seen[key] = c.State
					fmt.Fprintf(w, "%s  %s%s\n", time.Now().Format("15:04:05.000"), of, p.channelLine(c))
				}
			}
		}
		if ended && len(seen) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errInterrupted
		case <-changed:
		}
	}
}
