package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/review"
	"tocsin/broker/signing"
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
	// Lacks says why the post is public without the card that was signed with it.
	Lacks string `json:"lacks,omitempty"`
	// Misses counts the attempts in a row that left nothing public, from the number on
	// from which a person should look at the reason while they go on.
	Misses int `json:"misses,omitempty"`
	// Waits is for what the post is kept back, and until when: its reason says why.
	Waits *waitStatus `json:"waits,omitempty"`
	// Watch is what was found since the post was read back, where the public does not see what was
	// signed.
	Watch *watchStatus `json:"watch,omitempty"`
	// Circuit is how the latest attempts on the channel ended, of all alerts, where it is broken.
	Circuit *circuitStatus `json:"circuit,omitempty"`
	// Marks are what becomes of earlier posts on the channel, and of its own when it expires.
	Marks []markStatus `json:"marks,omitempty"`

	final bool
}

// waitStatus is for what something is kept back: reserve, throttle or circuit.
type waitStatus struct {
	For   string    `json:"for"`
	Until time.Time `json:"until"` // it is tried again from then on
}

// watchStatus is a public post that is not as it was signed.
type watchStatus struct {
	Found  string    `json:"found"` // altered, hidden or deleted
	At     time.Time `json:"at"`
	Part   int       `json:"part"`
	Reason string    `json:"reason"`
}

// foreignStatus is a post on an account that no bulletin covers.
type foreignStatus struct {
	Channel string    `json:"channel"`
	PostID  string    `json:"post_id"`
	URL     string    `json:"url,omitempty"`
	Found   time.Time `json:"found"`
	Posted  time.Time `json:"posted,omitzero"`
	Reason  string    `json:"reason"`
}

// foreignOf lists the posts that the accounts show and no bulletin covers.
func foreignOf(s *ledger.State) []foreignStatus {
	var all []foreignStatus
	for _, channel := range s.WatchedChannels() {
		for _, p := range s.ForeignPosts(channel) {
			if p.Gone.IsZero() {
				all = append(all, foreignStatus{channel, p.PostID, p.URL, p.At, p.PostedAt, p.Reason})
			}
		}
	}
	return all
}

// circuitStatus is a channel that is broken.
type circuitStatus struct {
	State    string    `json:"state"` // open or half_open
	Failures int       `json:"failures"`
	Since    time.Time `json:"since"`
	Reason   string    `json:"reason"`
}

// circuitOf returns how a channel stands, nil where it works.
func circuitOf(s *ledger.State, channel string, now time.Time) *circuitStatus {
	c := s.Circuit(channel)
	state := c.State(now)
	if state == ledger.CircuitClosed {
		return nil
	}
	return &circuitStatus{string(state), c.Failures, c.Since, c.Reason}
}

// bulletinStatus is one bulletin of an alert.
type bulletinStatus struct {
	Number     int               `json:"number"`
	SHA256     string            `json:"sha256"`
	Words      []string          `json:"words"` // read-back words
	MsgType    string            `json:"msgType"`
	Expires    time.Time         `json:"expires"`
	HandedIn   time.Time         `json:"handed_in"`
	Standing   standing          `json:"standing,omitempty"`
	Missing    []signing.Role    `json:"missing,omitempty"` // roles that still have to sign, of one that waits
	Signatures []signatureStatus `json:"signatures"`
	Channels   []channelStatus   `json:"channels"`
	// RefusedSignatures are records of signatures that do not count.
	RefusedSignatures []refusedSignature `json:"refused_signatures,omitempty"`
	// Refused says why the bulletin will never be released; nobody posts it.
	Refused *refusalStatus `json:"refused,omitempty"`
	// Lost says why the bulletin can't be read though it was sent: what it says is not known.
	Lost string `json:"lost,omitempty"`
	// Halt is the refusal or withdrawal by a person by which it will never be released;
	// LateHalts came after the release or after that one, and RefusedHalts do not hold.
	Halt         *haltStatus  `json:"halt,omitempty"`
	LateHalts    []haltStatus `json:"late_halts,omitempty"`
	RefusedHalts []haltStatus `json:"refused_halts,omitempty"`
	// Breakglass is what a bulletin says that one organisation issues alone.
	Breakglass *breakglassStatus `json:"breakglass,omitempty"`
	// Contacts are the attempts to reach who is to co-sign it.
	Contacts []contactStatus `json:"contacts,omitempty"`
	// Told are those who were told at once of its release.
	Told []toldStatus `json:"told,omitempty"`
	// NotAddressed lists configured channels that the bulletin says nothing to: they
	// get nothing of it.
	NotAddressed []string `json:"not_addressed,omitempty"`
	// NotConfigured lists channels that the bulletin addresses and no node has.
	NotConfigured []string `json:"not_configured,omitempty"`
}

// breakglassStatus is why one organisation issues a bulletin alone.
type breakglassStatus struct {
	InsteadOf string  `json:"instead_of"` // SHA-256 of the bulletin that the other one has not signed
	Cause     string  `json:"cause"`
	Why       string  `json:"why"`
	Contacts  []int64 `json:"contacts"` // records on which it relies
	// NotTold lists whom the policy has told at once, and nobody told yet; nil before the release.
	NotTold []string `json:"not_told,omitempty"`
}

// toldStatus is somebody who was told of a release.
type toldStatus struct {
	Record   int64     `json:"record"`
	At       time.Time `json:"at"`
	Whom     string    `json:"whom"`
	Occasion string    `json:"occasion"`
}

// contactStatus is an attempt to reach somebody.
type contactStatus struct {
	Record int64     `json:"record"`
	At     time.Time `json:"at"`
	Whom   string    `json:"whom"`
	Way    string    `json:"way"`
	Result string    `json:"result"`
}

// refusalStatus is something that was refused.
type refusalStatus struct {
	Record int64  `json:"record,omitempty"` // sequence of the refusal; 0 where there is none yet
	Refers int64  `json:"refers,omitempty"` // sequence of what is refused
	Class  string `json:"class,omitempty"`
	Reason string `json:"reason"`
}

// signatureStatus is a signature that held when it came.
type signatureStatus struct {
	Principal string `json:"principal"`
	Role      string `json:"role"`
	Namespace string `json:"namespace"`
	Key       string `json:"key"`
}

// refusedSignature is a record of a signature that does not hold, with what it says of
// itself. Whoever may hand in can write one.
type refusedSignature struct {
	signatureStatus

	Reason string `json:"reason"`
}

// alertStatus is one alert.
type alertStatus struct {
	Untrusted string `json:"untrusted,omitempty"` // why the ledger is not to be trusted
	// RingExpired says that the key ring in force has expired: whoever has a valid line
	// signs on.
	RingExpired bool             `json:"key_ring_expired,omitempty"`
	Alert       string           `json:"alert"`
	Code        string           `json:"code"`
	Bulletins   []bulletinStatus `json:"bulletins"`
	Refusals    []refusalStatus  `json:"refusals,omitempty"` // what the ledger says was refused of this alert
	// Foreign are the posts on the accounts that no bulletin covers, of no alert.
	Foreign []foreignStatus `json:"foreign_posts,omitempty"`
}

// statusOf reads an alert's status from the folded ledger. addressed gives each bulletin
// that can be read, by its digest: channels of it that have no record yet are pending. The signatures are for weigh to add.
func statusOf(s *ledger.State, id string, addressed map[string]*bulletin.Bulletin) alertStatus {
	a := s.Alerts[id]
	out := alertStatus{Alert: id, Code: a.Bulletins[0].Code}
	for _, b := range a.Bulletins {
		bs := bulletinStatus{Number: b.Number, SHA256: b.SHA256, Words: review.ReadBack(b.SHA256), MsgType: b.MsgType, Expires: b.Expires, HandedIn: b.At, Signatures: []signatureStatus{}, Channels: []channelStatus{}}
		known := map[string]bool{}
		for _, c := range channelsOf(addressed[b.SHA256]) {
			known[c.Name] = true
			status := channelOf(b, c)
			status.Marks = marksOf(a, b, addressed[b.SHA256], c.Name)
			if !status.final {
				status.Circuit = circuitOf(s, c.Name, time.Now())
			}
			bs.Channels = append(bs.Channels, status)
		}
		for _, name := range slices.Sorted(maps.Keys(b.Deliveries)) {
			if !known[name] {
				bs.Channels = append(bs.Channels, channelOf(b, bulletin.Channel{Name: name}))
			}
		}
		out.Bulletins = append(out.Bulletins, bs)
	}
	for _, c := range a.Contacts {
		for i := range out.Bulletins {
			if b := &out.Bulletins[i]; b.SHA256 == c.SHA256 {
				b.Contacts = append(b.Contacts, contactStatus{c.Seq, c.At, c.Whom, string(c.Way), c.Result})
			}
		}
	}
	for _, n := range a.Notified {
		for i := range out.Bulletins {
			if b := &out.Bulletins[i]; b.SHA256 == n.SHA256 {
				b.Told = append(b.Told, toldStatus{n.Seq, n.At, n.Whom, n.Occasion})
			}
		}
	}
	for _, r := range a.Refusals {
		out.Refusals = append(out.Refusals, refusalStatus{r.Seq, r.Refers, r.Class, r.Reason})
	}
	return out
}

// weigh adds the signatures: those that hold, and apart from them the others. While a bulletin
// waits, one whose key was revoked since holds no more: it is of no use for the release.
func (s *alertStatus) weigh(state *ledger.State, a *signing.Authority, verdicts map[string]delivery.Verdict) {
	for i := range s.Bulletins {
		b := &s.Bulletins[i]
		v := verdicts[b.SHA256]
		if v.Lost != nil {
			b.Lost = v.Lost.Error()
			continue // its signatures can't be checked, and nobody refused them
		}
		b.halt(state.Alerts[s.Alert].Bulletin(b.SHA256), a, v)
		for _, st := range state.Alerts[s.Alert].Bulletin(b.SHA256).Statements {
			role, _, _ := strings.Cut(st.Namespace, "@")
			shown := signatureStatus{Principal: st.Principal, Role: role, Namespace: st.Namespace, Key: st.Key}
			why := errNotChecked
			if v.Bulletin != nil {
				_, why = a.CheckOne(signing.RequestOf(v.Bulletin), delivery.StatementOf(&st), st.At)
			}
			waits := !v.Released && v.Refused == nil && v.Halt == nil
			if slices.ContainsFunc(v.Sound, func(sound ledger.Statement) bool { return sound.Seq == st.Seq }) && (why == nil || !waits) {
				b.Signatures = append(b.Signatures, shown)
				continue
			}
			if why != nil && len(b.RefusedSignatures) < maxRefusedSignatures { // it came after the verdict, and the next look has it
				b.RefusedSignatures = append(b.RefusedSignatures, refusedSignature{shown, why.Error()})
			}
		}
	}
}

// maxRefusedSignatures bounds those of one bulletin: whoever may hand in can write many.
const maxRefusedSignatures = 256

// errNotChecked is why a signature does not count where its bulletin is not at hand.
var errNotChecked = errors.New("the bulletin that it is on can't be read here, so that it can't be checked")

// refuse marks the bulletins that will never be released, by a node's verdict or a person's
// word. Of their channels those are
// shown of which the ledger holds records.
func (s *alertStatus) refuse(state *ledger.State, verdicts map[string]delivery.Verdict) {
	for i := range s.Bulletins {
		b := &s.Bulletins[i]
		v := verdicts[b.SHA256]
		why := v.Refused
		record := state.Alerts[s.Alert].Bulletin(b.SHA256)
		if why != nil || v.Halt != nil {
			b.Channels = slices.DeleteFunc(b.Channels, func(c channelStatus) bool { return !record.Deliveries[c.Name].Attempted() })
		}
		if v.Halt != nil {
			shown := haltStatusOf(&v.Halt.Halt)
			b.Halt = &shown
		}
		if why == nil {
			continue
		}
		b.Refused = &refusalStatus{Reason: why.Error()}
		b.Refused.Refers = record.Seq
		if r := record.Refusal; r != nil {
			b.Refused.Record, b.Refused.Class = r.Seq, r.Class
		}
	}
}

// stand says of each bulletin where it stands on the way to its release.
func (s *alertStatus) stand(state *ledger.State, a *signing.Authority, verdicts map[string]delivery.Verdict) {
	newest := newestOf(verdicts)
	for i := range s.Bulletins {
		b := &s.Bulletins[i]
		var why error
		b.Standing, why = standingOf(a, verdicts[b.SHA256], state.Alerts[s.Alert].Bulletin(b.SHA256), newest, time.Now())
		if b.Standing == standingWaiting {
			b.Missing = missingRoles(why)
		}
		if v := verdicts[b.SHA256]; v.Bulletin != nil && v.Bulletin.Breakglass != nil {
			g := v.Bulletin.Breakglass
			b.Breakglass = &breakglassStatus{InsteadOf: g.InsteadOf, Cause: string(g.Cause), Why: g.Why}
			for _, c := range g.Contacts {
				b.Breakglass.Contacts = append(b.Breakglass.Contacts, c.Record)
			}
			for _, name := range v.ToBeTold {
				if !state.Alerts[s.Alert].WasTold(name, b.SHA256) {
					b.Breakglass.NotTold = append(b.Breakglass.NotTold, name)
				}
			}
		}
	}
}

// compare says of each bulletin which of the configured channels it does not address,
// and which of those that it addresses no node carries.
func (s *alertStatus) compare(configured, carried []string) {
	if len(carried) == 0 {
		return
	}
	for i := range s.Bulletins {
		b := &s.Bulletins[i]
		if b.Refused != nil || b.Halt != nil || b.Lost != "" {
			continue
		}
		var addressed []string
		for n := range b.Channels {
			c := &b.Channels[n]
			addressed = append(addressed, c.Name)
			if !slices.Contains(carried, c.Name) && !c.final && c.State == string(ledger.StatePending) {
				b.NotConfigured = append(b.NotConfigured, c.Name)
				c.final = true // nobody is there to move it on
			}
		}
		for _, name := range configured {
			if !slices.Contains(addressed, name) {
				b.NotAddressed = append(b.NotAddressed, name)
			}
		}
	}
}

// channelsOf returns the channels of a bulletin, none of nil.
func channelsOf(b *bulletin.Bulletin) []bulletin.Channel {
	if b == nil {
		return nil
	}
	return b.Channels()
}

// channelOf sums up the parts of a delivery: it is where its least advanced part
// is, and took as long as its last one. A part without a record is pending.
func channelOf(b *ledger.BulletinState, addressee bulletin.Channel) channelStatus {
	c := channelStatus{Name: addressee.Name, Kind: addressee.Kind, final: true}
	parts := max(addressee.Parts, 1)
	if d := b.Deliveries[addressee.Name]; d != nil {
		parts = max(parts, len(d.Parts))
	}
	worst, held := -1, false
	var released, posted, verified time.Time
	whole := true // every part was posted
	for n := range parts {
		p := b.Part(addressee.Name, n+1)
		held = held || p.State == ledger.StateHeld // until a person or a budget comes; what follows waits with it
		if rank := slices.Index(progress(), p.State); worst < 0 || rank < worst {
			worst = rank
			c.State, c.Reason, c.Misses = string(p.State), p.Reason, 0
			if p.Misses >= delivery.Patience {
				c.Misses = p.Misses
			}
			c.Waits = waitOf(&p)
		}
		if p.Shown.Amiss() && c.Watch == nil {
			c.Watch = &watchStatus{p.Shown.State, p.Shown.At, n + 1, p.Shown.Reason}
		}
		c.Attempts = max(c.Attempts, p.Attempts)
		c.Reconciled = c.Reconciled || p.Reconciled
		c.Lacks = cmp.Or(c.Lacks, p.Lacks)
		c.final = c.final && (p.Final() || held)
		if c.PostID == "" {
			c.PostID, c.URL = p.PostID, p.URL
		}
		if released.IsZero() {
			released = p.ReleasedAt
		}
		whole = whole && !p.PostedAt.IsZero()
		posted, verified = later(posted, p.PostedAt), later(verified, p.VerifiedAt)
	}
	if whole {
		c.ReleasedToPosted = since(released, posted)
	}
	if c.State == string(ledger.StateVerified) {
		c.ReleasedToVerified = since(released, verified)
	}
	return c
}

// waitOf returns for what a post is kept back, nil where it is not.
func waitOf(p *ledger.PartState) *waitStatus {
	switch p.Class {
	case ledger.ClassReserve, ledger.ClassThrottle, ledger.ClassCircuit:
		if p.State == ledger.StatePending {
			return &waitStatus{p.Class, p.RetryAt}
		}
	}
	return nil
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
		Long: p.say(`ALLERTA è il codice allerta (SV-7F3K2) o l'identificativo; senza, dice di tutte le allerte del registro (con --watch della più recente).
Con --watch racconta ogni passo di ogni canale, nell'ordine e con gli orari del registro.

Con --json e ALLERTA (o --watch) un oggetto: {"alert", "code", "bulletins": [{"number", "sha256", "words", "msgType", "expires", "handed_in", "standing", "signatures", "channels"}]}
Con --json senza ALLERTA: {"alerts": [un oggetto così per ogni allerta, la più vecchia per prima], "refusals": quanti respinti}
I campi che compaiono solo quando servono, come "missing", "refused", "refused_signatures", "refusals" e "untrusted", sono in docs/operations.md.`,
			`ALERT is the alert code (SV-7F3K2) or the identifier; without it, all alerts of the ledger are told (with --watch the newest one).
With --watch each step of each channel is told, in the ledger's order and with its times.

With --json and ALERT (or --watch) one object: {"alert", "code", "bulletins": [{"number", "sha256", "words", "msgType", "expires", "handed_in", "standing", "signatures", "channels"}]}
With --json without ALERT: {"alerts": [one such object for each alert, the oldest first], "refusals": how many were refused}
Fields that are there only where they are needed, such as "missing", "refused", "refused_signatures", "refusals" and "untrusted", are in docs/operations.md.`),
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			ctx := cmd.Context()
			var name string
			if len(a) > 0 {
				name = a[0]
			}
			if watch {
				return p.watch(ctx, &w, name, asJSON)
			}
			d, err := w.open(ctx, "tocsin status", nil, false)
			if err != nil {
				return err
			}
			defer d.Close()
			p.warn(ctx, d, asJSON)
			if name == "" {
				return p.listAlerts(ctx, d, asJSON)
			}
			id, err := d.alert(name)
			if err != nil {
				return err
			}
			status := d.status(ctx, id)
			if asJSON {
				return p.printJSON(status)
			}
			p.writeStatus(p.out, status)
			p.writeForeign(p.out, status.Foreign)
			for _, r := range status.Refusals {
				writeLine(p.out, "  ", p.refusalWords(r.Record, r.Refers, r.Class, r.Reason))
			}
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
	addressed, verdicts := d.judged(ctx, id)
	var out alertStatus
	d.ledger.View(func(s *ledger.State) {
		out = statusOf(s, id, addressed)
		out.weigh(s, d.authority, verdicts)
		out.stand(s, d.authority, verdicts)
		out.refuse(s, verdicts)
		out.compare(d.carried(s))
		out.Foreign = foreignOf(s)
	})
	out.Untrusted = d.distrust()
	if v, _ := d.rings.Version(); v != nil {
		out.RingExpired = !time.Now().Before(v.Meta.Expires)
	}
	return out
}

// judged returns each bulletin of an alert that can be read, and what the ledger makes of
// every one, by its digest.
func (d *desk) judged(ctx context.Context, id string) (map[string]*bulletin.Bulletin, map[string]delivery.Verdict) {
	addressed := map[string]*bulletin.Bulletin{}
	verdicts, err := delivery.Judge(ctx, d.ledger, d.rings, id)
	if err != nil {
		return addressed, nil
	}
	for digest, v := range verdicts {
		if v.Bulletin != nil {
			addressed[digest] = v.Bulletin
		}
	}
	return addressed, verdicts
}

// carried lists the channels that are configured, and those that any node carries.
// Each node names its own when it starts; where no configuration is known, what the
// nodes carry is what is configured.
func (d *desk) carried(s *ledger.State) (configured, carried []string) {
	for _, of := range s.Carried {
		carried = append(carried, of...)
	}
	if d.c != nil {
		configured = d.c.channelNames()
		carried = append(carried, configured...)
	}
	slices.Sort(carried)
	carried = slices.Compact(carried)
	if d.c == nil {
		configured = carried
	}
	return configured, carried
}

func (p *program) listAlerts(ctx context.Context, d *desk, asJSON bool) error {
	var ids []string
	var refusals int
	d.ledger.View(func(s *ledger.State) {
		ids = append(ids, s.Order...)
		refusals = s.Rejected
	})
	all := []alertStatus{}
	for _, id := range ids {
		all = append(all, d.status(ctx, id))
	}
	if asJSON {
		return p.printJSON(struct {
			Untrusted string        `json:"untrusted,omitempty"`
			Alerts    []alertStatus `json:"alerts"`
			Refusals  int           `json:"refusals"` // records of the ledger that say that something was refused
		}{d.distrust(), all, refusals})
	}
	switch {
	case len(all) == 0 && d.distrust() != "":
		p.print("Del registro non si legge nessuna allerta: se ce n'erano non si sa.", "No alert of the ledger can be read: whether there were any is not known.")
	case len(all) == 0:
		p.print("Nel registro non c'è nessuna allerta.", "The ledger holds no alert.")
	}
	var strangers []foreignStatus
	d.ledger.View(func(s *ledger.State) { strangers = foreignOf(s) })
	for _, s := range all {
		p.writeStatus(p.out, s)
	}
	p.writeForeign(p.out, strangers)
	if refusals > 0 {
		p.print("Respinti nel registro: %d. Quali e perché: tocsin audit verify", "Refused in the ledger: %d. Which, and why: tocsin audit verify", refusals)
	}
	return nil
}

// stateWords is what the screen calls a state.
func (p *program) stateWords(state string) string {
	italian := map[string]string{
		"pending": "in attesa", "prepared": "preparato", "attempting": "invio in corso", "unknown": "esito ignoto, si cerca", "posted": "pubblicato", "verified": "verificato",
		"failed": "serve una persona", "expired": "scaduto", "superseded": "superato", "held": "sospeso",
		ledger.ShownAltered: "MODIFICATO DA ALTRI", ledger.ShownHidden: "NASCOSTO DA ALTRI", ledger.ShownDeleted: "CANCELLATO DA ALTRI", ledger.ShownRestored: "di nuovo a posto",
	}
	if p.lang == "en" || italian[state] == "" {
		return state
	}
	return italian[state]
}

// writeForeign lists the posts that no bulletin covers.
func (p *program) writeForeign(w io.Writer, all []foreignStatus) {
	for _, f := range all {
		writeLine(w, "", p.say("ALLARME: su %s c'è un post di altri (%s %s), visto il %s: %s", "ALARM: %s shows a post of somebody else (%s %s), found on %s: %s",
			f.Channel, f.PostID, f.URL, f.Found.In(rome()).Format(clock), p.read(f.Reason)))
		writeLine(w, "  ", p.say("guardare il post e chi può scrivere sull'account; se non è vostro toglierlo e cambiare le credenziali",
			"look at it and at who may write on the account; if it is none of yours take it down and change the credentials"))
	}
}

func (p *program) writeStatus(w io.Writer, s alertStatus) {
	for _, b := range s.Bulletins {
		signatures := p.signatureWords(b.Signatures)
		if b.Lost != "" {
			signatures = p.say("non si possono controllare", "can't be checked")
		}
		writeLine(w, "", p.say("Allerta %s, bollettino %d (%s), firme: %s", "Alert %s, bulletin %d (%s), signatures: %s",
			s.Code, b.Number, b.MsgType, signatures))
		writeLine(w, "  ", p.say("SHA-256 %s, consegnato il %s%s", "SHA-256 %s, handed in on %s%s", b.SHA256[:min(shortSum, len(b.SHA256))], b.HandedIn.In(rome()).Format(clock), p.standingWords(&b)))
		writeLine(w, "  ", p.say("parole di controllo: %s", "read-back words: %s", strings.Join(b.Words, " ")))
		if g := b.Breakglass; g != nil {
			writeLine(w, "  ", p.say("EMISSIONE D'EMERGENZA, di una sola autorità (%s): %s", "BREAK-GLASS, by one authority only (%s): %s", g.Cause, g.Why))
			if b.Standing == standingReleased {
				writeLine(w, "  ", p.say("NON RATIFICATA: finisce il %s. La polizia può ratificarla (tocsin ratify) o fermarla (tocsin correct, tocsin cancel).",
					"NOT RATIFIED: it ends on %s. The police can ratify it (tocsin ratify) or stop it (tocsin correct, tocsin cancel).", b.Expires.In(rome()).Format(clock)))
			}
		}
		for _, t := range b.Told {
			writeLine(w, "  ", p.say("avvisato: %s (voce %d, %s)", "told: %s (record %d, %s)", t.Whom, t.Record, t.At.In(rome()).Format(clock)))
		}
		if g := b.Breakglass; g != nil && len(g.NotTold) > 0 {
			writeLine(w, "  ", p.say("NON ANCORA AVVISATO, chiamare: %s", "NOT YET TOLD, call: %s", strings.Join(g.NotTold, ", ")))
		}
		for _, c := range b.Contacts {
			writeLine(w, "  ", p.say("tentativo di contatto (voce %d, %s): %s, %s: %s", "contact attempt (record %d, %s): %s, %s: %s",
				c.Record, c.At.In(rome()).Format(clock), signing.Role(c.Whom).Title(p.lang), c.Way, c.Result))
		}
		p.writeRefusedSignatures(w, b.RefusedSignatures)
		if b.Refused != nil {
			writeLine(w, "  ", p.say("RESPINTO, non si diffonde: %s", "REFUSED, it is not released: %s", p.read(b.Refused.Reason)))
		}
		if b.Lost != "" {
			writeLine(w, "  ", p.say("PERSO: è stato inviato, e che cosa dice non si può più leggere: %s", "LOST: it was sent, and what it says can't be read any more: %s", p.read(b.Lost)))
		}
		for _, line := range p.writeHalts(&b) {
			fmt.Fprintln(w, line)
		}
		for _, c := range b.Channels {
			fmt.Fprintf(w, "  %s\n", p.channelLine(c))
			p.writeMarks(w, c.Marks)
			if slices.Contains(b.NotConfigured, c.Name) {
				writeLine(w, "    ", p.say("nessun nodo ha questo canale: non si invia niente finché uno non lo ha in configurazione", "no node has this channel: nothing is sent until one has it in its configuration"))
			}
		}
		for _, name := range b.NotAddressed {
			fmt.Fprintf(w, "  %-22s %s\n", name, p.say("non è fra i destinatari di questo bollettino", "not addressed by this bulletin"))
		}
	}
}

// standingWords says where a bulletin stands, after a colon.
func (p *program) standingWords(b *bulletinStatus) string {
	switch b.Standing {
	case standingUnknown:
	case standingWaiting:
		if len(b.Missing) > 0 {
			return p.say(": aspetta la firma di: %s", ": waits for the signature of: %s", p.roleWords(b.Missing))
		}
		return p.say(": aspetta", ": waits")
	case standingReleased:
		return p.say(": diffuso", ": released")
	case standingSuperseded:
		return p.say(": superato da uno più recente", ": superseded by a newer one")
	case standingRefused:
		if b.Halt != nil {
			return p.say(": rifiutato", ": refused")
		}
		return p.say(": respinto", ": refused")
	case standingWithdrawn:
		return p.say(": ritirato", ": withdrawn")
	case standingExpired:
		return p.say(": scaduto prima di avere le firme", ": expired before it had its signatures")
	}
	return ""
}

// shownRefused bounds the lines of signatures that do not count, of each bulletin.
const shownRefused = 5

func (p *program) writeRefusedSignatures(w io.Writer, all []refusedSignature) {
	for _, s := range all[:min(shownRefused, len(all))] {
		writeLine(w, "    ", p.say("firma RESPINTA, non vale: %s (%s): %s", "signature REFUSED, it does not count: %s (%s): %s",
			s.Principal, signing.Role(s.Role).Title(p.lang), p.read(s.Reason)))
	}
	if more := len(all) - shownRefused; more > 0 {
		fmt.Fprintf(w, "    %s\n", p.say("e altre %d firme respinte: tutte in --json", "and %d more refused signatures: all of them are in --json", more))
	}
}

func (p *program) signatureWords(signatures []signatureStatus) string {
	if len(signatures) == 0 {
		return p.say("nessuna", "none")
	}
	var out []string
	for _, s := range signatures {
		out = append(out, fmt.Sprintf("%s (%s)", s.Principal, signing.Role(s.Role).Title(p.lang)))
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
		line += "  " + oneLine(c.URL)
	}
	line = strings.TrimRight(line, " ")
	if c.Lacks != "" {
		line += "\n    " + p.say("senza il cartello: %s", "without the card: %s", oneLine(p.read(c.Lacks)))
	}
	if c.Misses > 0 {
		line += "\n    " + p.say("SERVE UNA PERSONA: %d invii di fila non riusciti; si riprova fino alla scadenza, ma la causa resta:",
			"NEEDS A PERSON: %d attempts in a row came to nothing; they go on by themselves until the alert expires, but the cause remains:", c.Misses)
	}
	if c.Waits != nil {
		line += "\n    " + p.say("rimandato fino alle %s, poi va avanti da sé:", "kept back until %s, then it goes on by itself:", c.Waits.Until.In(rome()).Format(clock))
	}
	if c.Reason != "" && c.State != string(ledger.StateVerified) {
		line += "\n    " + oneLine(p.read(c.Reason))
	}
	if c.Watch != nil {
		found := map[string]string{
			ledger.ShownAltered: p.say("MODIFICATO DA ALTRI", "ALTERED BY SOMEBODY"), ledger.ShownHidden: p.say("NASCOSTO DA ALTRI", "HIDDEN BY SOMEBODY"),
			ledger.ShownDeleted: p.say("CANCELLATO DA ALTRI", "DELETED BY SOMEBODY"),
		}[c.Watch.Found]
		line += "\n    " + p.say("ALLARME: %s, visto il %s: %s", "ALARM: %s, found on %s: %s", found, c.Watch.At.In(rome()).Format(clock), oneLine(p.read(c.Watch.Reason))) +
			"\n    " + p.say("guardare il post e chi può scrivere sull'account; se non è stato uno dei vostri cambiare le credenziali; poi rimetterlo a posto, o diffondere una rettifica",
			"look at the post and at who may write on the account; change the account's credentials if it was none of yours; then put it right, or release a correction")
	}
	if c.Circuit != nil {
		line += "\n    " + p.say("CANALE GUASTO: gli ultimi %d invii, dal %s, non sono riusciti; le allerte si tentano lo stesso, il resto uno alla volta: %s",
			"CHANNEL BROKEN: the latest %d attempts, since %s, came to nothing; alerts are tried all the same, the rest one at a time: %s",
			c.Circuit.Failures, c.Circuit.Since.In(rome()).Format(clock), oneLine(p.read(c.Circuit.Reason)))
	}
	return line
}

func milliseconds(ms int64) string {
	if ms < 10_000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return (time.Duration(ms) * time.Millisecond).Round(100 * time.Millisecond).String()
}
