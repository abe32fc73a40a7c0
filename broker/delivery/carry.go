package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"tocsin/adapters"
	"tocsin/broker/ledger"
)

const (
	// recordRetry is the wait after the ledger did not take a record.
	recordRetry = 500 * time.Millisecond
	// distrustRetry is the wait while the ledger is not to be trusted.
	distrustRetry = time.Second
	// Patience is how many attempts in a row may leave nothing public before a person is
	// told; they go on all the same.
	Patience = 5
	// lookRetry bounds the wait between looks and read-backs that failed.
	lookRetry = 30 * time.Second
	// alteredAgain is when a post that does not match is read once more: some
	// platforms show a post before it is whole.
	alteredAgain = 2 * time.Second
	// longWait is the wait that a platform asks for from which on a person should
	// post by hand meanwhile.
	longWait = 10 * time.Minute
	// lastWords is how long a node that is being stopped tries to record what the
	// platforms did.
	lastWords = 5 * time.Second
	// maxReason bounds the words of a failure in a record.
	maxReason = 500
)

// carry does what is to be done for an alert on the lane, step by step, until
// there is nothing more to do now; it returns when there will be, or zero.
func (l *lane) carry(ctx context.Context, id string) time.Time {
	for ctx.Err() == nil {
		l.deciding(id, true)
		items, err := l.s.library.items(ctx, id, l.name)
		if err != nil && l.s.Trusted() != nil {
			return l.s.Now().Add(distrustRetry) // the node has said it
		}
		if err != nil {
			l.s.Log.ErrorContext(ctx, "an alert could not be read from the ledger", "alert", id, "channel", l.name, "err", err)
			return l.s.Now().Add(recordRetry)
		}
		step := l.decide(items, view{me: l.s.me, started: l.s.started, now: l.s.Now(), clock: l.s.Ledger.Time(), claimed: l.claimed})
		switch step.do {
		case nothing:
			return time.Time{}
		case wait:
			return step.when
		default:
		}
		if err := l.trusted(); err != nil {
			// What the ledger says of other posts is not relied on either: neither their
			// end nor their loss follows from it. The node says it once, for all that waits.
			l.s.Log.DebugContext(ctx, "nothing is sent or concluded while the ledger is not to be trusted", "alert", id, "channel", l.name, "err", err)
			return l.s.Now().Add(distrustRetry)
		}
		it := &items[step.item]
		if step.do != attempt {
			l.deciding(id, false)
		}
		l.ranked(id, rankOf(&items[len(items)-1]))
		next, err := l.perform(ledger.WithTrace(ctx, it.release.trace), id, it, step)
		switch {
		case errors.Is(err, errStale):
		case errors.Is(err, ledger.ErrConflict):
			// Another node was first: its record is on its way to us.
			l.s.awaitChange(ctx, l.s.Ledger.Changed())
		case err != nil && ctx.Err() == nil:
			l.s.Log.ErrorContext(ctx, "a step could not be recorded; it is taken up again", "alert", id, "channel", l.name, "err", err)
			return l.s.Now().Add(recordRetry)
		case !next.IsZero():
			return next
		}
	}
	return time.Time{}
}

// errLeft is why a lane sends nothing though the node is up.
var errLeft = errors.New("the ledger says that this node has stopped on this channel")

// trusted returns why nothing is to be sent here, or nil: the node says so, or the ledger says
// that it is gone from this channel, by the credential of the channel's adapter.
func (l *lane) trusted() error {
	if err := l.s.Trusted(); err != nil {
		return fmt.Errorf("the ledger is not to be trusted: %w", err)
	}
	if l.s.together {
		return nil // of a node for all channels its owner knows, who has said it above
	}
	gone := false
	l.s.Ledger.View(func(st *ledger.State) { gone = st.Gone(l.s.me, l.name) })
	if gone {
		return errLeft
	}
	return nil
}

// perform does one step. It returns a moment where nothing is to be done before
// it, and an error where the ledger did not take a record.
func (l *lane) perform(ctx context.Context, id string, it *item, s step) (time.Time, error) {
	if r, ok := l.misfit(ctx, id, it, s.do); ok {
		return time.Time{}, l.conclude(ctx, id, it, s.at, r)
	}
	p := it.state(s.at)
	switch s.do {
	case attempt:
		if h := l.hold(it, s.at); !h.until.IsZero() {
			l.deciding(id, false)
			return l.keepBack(ctx, id, it, s.at, h)
		}
		l.pacer.tries(l.s.Now())
		return l.attempt(ctx, id, it, s.at)
	case send:
		return time.Time{}, l.send(ctx, id, it, s.at)
	case forget:
		return time.Time{}, l.conclude(ctx, id, it, s.at, ledger.Record{
			Type: ledger.Unknown, Class: adapters.Unknown.String(),
			Reason: fmt.Sprintf("%s stopped in the middle of attempt %d", p.Claimant, p.Attempts),
		})
	case look:
		return l.look(ctx, id, it, s.at)
	case readBack:
		return l.readBack(ctx, id, it, s.at)
	case expire:
		return time.Time{}, l.conclude(ctx, id, it, s.at, ledger.Record{
			Type: ledger.Expired, Reason: "the alert expired before it was published here",
		})
	case supersede:
		return time.Time{}, l.conclude(ctx, id, it, s.at, ledger.Record{
			Type: ledger.Superseded, Reason: s.why,
		})
	case giveUp:
		class := adapters.Permanent.String()
		if p.Doubtful {
			class = adapters.Unknown.String()
		}
		return time.Time{}, l.failed(ctx, id, it, s.at, class, s.why)
	case nothing, wait:
	}
	return time.Time{}, nil
}

// record writes what came of an attempt that is ours, and waits until it is folded.
// Whether it took effect shows in the next decision. While the ledger takes nothing it
// tries on: nobody else knows what the platform said.
func (l *lane) record(ctx context.Context, id string, it *item, at slot, r ledger.Record) error {
	ctx, cancel := outlive(ctx, lastWords)
	defer cancel()
	r.ID, r.At = uuid.NewString(), l.s.Now() // the same record, however often it is sent
	for said := false; ; said = true {
		err := l.write(ctx, id, it, at, r, l.s.Ledger.Append)
		if err == nil || errors.Is(err, ledger.ErrConflict) || ctx.Err() != nil {
			return err
		}
		if !said {
			l.s.Log.ErrorContext(ctx, "what a platform did can't be recorded: it is kept in memory and tried again until the ledger takes it",
				"alert", id, "channel", l.name, "record", string(r.Type), "err", err)
		}
		timer := time.NewTimer(recordRetry)
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
	}
}

// outlive returns a context that ends a while after its parent.
func outlive(parent context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		timer := time.AfterFunc(by, cancel)
		context.AfterFunc(ctx, func() { timer.Stop() })
	})
	return ctx, func() {
		stop()
		cancel()
	}
}

// conclude writes what follows from the state that was decided on. Any node may
// come to the same conclusion: the first one's stands, the other ones get
// [ledger.ErrConflict].
func (l *lane) conclude(ctx context.Context, id string, it *item, at slot, r ledger.Record) error {
	return l.write(ctx, id, it, at, r, func(ctx context.Context, r ledger.Record) (int64, error) {
		return l.s.Ledger.AppendAfter(ctx, r, it.last)
	})
}

func (l *lane) write(ctx context.Context, id string, it *item, at slot, r ledger.Record,
	appendTo func(context.Context, ledger.Record) (int64, error),
) error {
	r.Alert, r.Number, r.SHA256 = id, it.b.Number, it.b.SHA256()
	r.Channel = l.name
	at.name(&r)
	if len(r.Reason) > maxReason {
		r.Reason = truncateWords(r.Reason, maxReason)
	}
	seq, err := appendTo(ctx, r)
	if err != nil {
		return err
	}
	l.s.meters.recorded(ctx, l.ch.Channel, &r)
	defer l.measureCircuit(ctx)
	l.watchClock(ctx)
	switch r.Type { //nolint:exhaustive // the others end nothing
	case ledger.Verified, ledger.NotVerifiable, ledger.Failed, ledger.Expired, ledger.Superseded:
		l.forgetMemory(r.SHA256, at)
	}
	if err := l.s.Ledger.WaitApplied(ctx, seq); err != nil {
		return err
	}
	if p := l.current(id, it, at); !at.mark && p.Changed >= seq {
		l.s.meters.took(ctx, l.ch.Channel, r.Type, it.release.at, &p)
	}
	return nil
}

// truncateWords shortens a message about a failure of ours; it is never used on a
// public text.
func truncateWords(s string, most int) string {
	for i := range s {
		if i > most-len("…") {
			return s[:i] + "…"
		}
	}
	return s
}

// span begins a span of the delivery's trace.
func (l *lane) span(ctx context.Context, name, id string, it *item, at slot) (context.Context, trace.Span) {
	return l.s.tracer.Start(ctx, name, trace.WithAttributes(
		attribute.String("tocsin.channel", l.name), attribute.String("tocsin.kind", l.ch.Channel.Kind()),
		attribute.String("tocsin.alert", id), attribute.Int("tocsin.bulletin", it.b.Number), attribute.Int("tocsin."+at.kind(), at.n)))
}

// attempt verifies the bulletin, puts the intent on disk and sends. What a
// platform lets us make ready in private is made ready while the disk works.
func (l *lane) attempt(ctx context.Context, id string, it *item, at slot) (time.Time, error) {
	ctx, span := l.span(ctx, "deliver", id, it, at)
	defer span.End()
	authorized, err := l.s.authorize(it, at)
	if err == nil && hexDigest(authorized.SHA256()) != it.b.SHA256() {
		err = errors.New("other bytes were verified than those of the bulletin")
	}
	if err != nil {
		return time.Time{}, l.conclude(ctx, id, it, at, ledger.Record{
			Type: ledger.Held, Class: adapters.Auth.String(), Reason: fmt.Sprintf("the signatures are no longer accepted: %v", err),
		})
	}
	prepared := make(chan preparation, 1)
	go func() { prepared <- l.makeReady(ctx, id, it, at) }()

	p := *it.state(at)
	var record string
	if at == post(1) && p.Attempts == 0 && l.s.together {
		record, err = l.s.first(ctx, l, id, it)
	} else {
		l.deciding(id, false)
		now := l.s.Now().UTC()
		r := ledger.Record{
			Alert: id, Number: it.b.Number, SHA256: it.b.SHA256(), Channel: l.name, Attempt: p.Attempts + 1,
			At: now, Until: now.Add(l.ch.PublishTimeout + claimMargin), Released: it.release.seq,
		}
		at.name(&r)
		record, err = l.s.attemptRecord(ctx, r, it.last)
	}
	ready := <-prepared
	if err != nil {
		return time.Time{}, err
	}
	// Also where the node is being stopped: no call is made then, and the record that
	// says so spares the next one a look.
	now := l.current(id, it, at)
	if now.State != ledger.StateAttempting || now.ClaimID != record || !l.claimed(record) {
		l.disclaim(record)
		if now.State == p.State && now.Attempts == p.Attempts {
			// Nobody else's either: the ledger does not take attempts of ours.
			return l.s.Now().Add(recordRetry), nil
		}
		return time.Time{}, nil
	}
	return time.Time{}, l.publish(ctx, id, it, at, now, ready)
}

// send goes on with an attempt whose intent is on disk already.
func (l *lane) send(ctx context.Context, id string, it *item, at slot) error {
	ctx, span := l.span(ctx, "deliver", id, it, at)
	defer span.End()
	ready := l.makeReady(ctx, id, it, at)
	// What was being prepared ahead has its name in the ledger by now, and no other may be
	// published: it is what the platform is asked about after a lost answer.
	now, then := l.current(id, it, at), it.state(at)
	if now.State != ledger.StateAttempting || now.ClaimID != then.ClaimID {
		l.disclaim(then.ClaimID)
		return nil
	}
	return l.publish(ctx, id, it, at, now, ready)
}

// current returns the state of a post as it is folded now.
func (l *lane) current(id string, it *item, at slot) (p ledger.PartState) {
	l.s.Ledger.View(func(st *ledger.State) { p = at.of(st.Alerts[id].Bulletin(it.b.SHA256()), l.name) })
	return p
}

type preparation struct {
	name string // what the platform holds; "" where nothing had to be prepared
	err  error
	// lacks says why the post goes without its image, which it can; nil where it does not.
	lacks error
	// until is when the attempt, this step included, is given up: before the moment
	// from which another node may take it for abandoned.
	until time.Time
}

// makeReady prepares a post for an attempt that is about to be made, where that has
// not been done.
func (l *lane) makeReady(ctx context.Context, id string, it *item, at slot) preparation {
	until := time.Now().Add(l.ch.PublishTimeout)
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if at.mark || it.state(at).Prepared != "" {
		return preparation{until: until}
	}
	// An image is not worth the time of a text that can go without.
	patience, spare := aheadPatience, l.spares(it, at)
	if spare {
		patience = l.ch.ImageTimeout
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	name, under := l.awaitAhead(ctx, id, it, at, patience)
	switch {
	case name != "":
		return preparation{until: until}
	case under && spare:
		return preparation{until: until, lacks: errImageLate}
	}
	ready := l.prepare(ctx, it, at)
	if ready.lacks != nil && ctx.Err() != nil {
		ready.lacks = errImageLate
	}
	ready.until = until
	return ready
}

// errImageLate is why a post goes without an image that is not ready in time.
var errImageLate = errors.New("its image was not uploaded in time")

// spares reports whether a post has an image that it can go without.
func (l *lane) spares(it *item, at slot) bool {
	return !at.mark && l.ch.Channel.Limits().Illustrated && it.b.For(l.name)[at.n-1].Image != nil
}

// prepare makes the image public and does the private first step, where the
// channel has one. Where the post can go without its image, no failure of that is one of the post.
func (l *lane) prepare(ctx context.Context, it *item, at slot) preparation {
	ready := l.makePrivate(ctx, it, at)
	if ready.err == nil || !l.spares(it, at) {
		return ready
	}
	if failure, ok := errors.AsType[*adapters.Failure](ready.err); ok {
		ready.err = failure.Err
	}
	return preparation{lacks: ready.err}
}

func (l *lane) makePrivate(ctx context.Context, it *item, at slot) preparation {
	post := it.b.For(l.name)[at.n-1]
	if post.Image != nil && post.Image.URL != "" && l.s.Host != nil {
		err := l.s.Host.Host(ctx, *post.Image, it.b.Expires)
		if err != nil && !errors.Is(err, adapters.ErrOtherHost) {
			return preparation{err: adapters.Fail(adapters.NotSent, "the image could not be put on the site: %w", err)}
		}
	}
	preparer, ok := l.ch.Channel.(adapters.Preparer)
	if !ok {
		return preparation{}
	}
	name, err := preparer.Prepare(ctx, post)
	return preparation{name: name, err: err}
}

// clear returns nil where nothing stands against sending a post at this moment, else
// why not. It is asked last, after all that takes time: whoever prepares for a minute
// may find the alert expired, superseded, or the attempt another node's.
func (l *lane) clear(ctx context.Context, id string, it *item, at slot, p *ledger.PartState) error {
	if err := l.trusted(); err != nil {
		return err
	}
	if _, err := l.s.authorize(it, at); err != nil {
		return fmt.Errorf("the signatures are no longer accepted: %w", err)
	}
	now := l.s.Now()
	if !now.Before(l.deadline(p.ClaimID)) {
		return errors.New("the time of this attempt was over before anything was sent")
	}
	if at.mark {
		_, err := l.bearer(ctx, id, it, at)
		return err
	}
	switch items, err := l.s.library.items(ctx, id, ""); {
	case err != nil:
		return fmt.Errorf("the alert could not be read from the ledger: %w", err)
	case len(items) == 0 || items[len(items)-1].b != it.b:
		return errors.New("a newer bulletin of this alert was released in the meantime")
	case !now.Before(it.b.Expires):
		return errors.New("the alert expired in the meantime")
	}
	return nil
}

// publish makes the attempt that is recorded as ours, and records what came of it.
func (l *lane) publish(ctx context.Context, id string, it *item, at slot, p ledger.PartState, ready preparation) error {
	defer l.disclaim(p.ClaimID)
	memory := l.remember(it.b.SHA256(), at)
	if memory.receipt != nil {
		return l.record(ctx, id, it, at, l.posted(ctx, id, it, *memory.receipt, false))
	}
	if ready.err == nil && p.Doubted {
		receipt, err := l.again(ctx, id, it, at, &p)
		if receipt != nil {
			return l.record(ctx, id, it, at, l.posted(ctx, id, it, *receipt, true))
		}
		ready.err = err
	}
	if ready.err == nil {
		if err := l.clear(ctx, id, it, at, &p); err != nil {
			ready.err = adapters.Fail(adapters.NotSent, "%w", err)
		}
	}
	if ready.err != nil {
		// Nothing is public: the first step is private, whatever became of it.
		if f, ok := errors.AsType[*adapters.Failure](ready.err); ok && f.Kind == adapters.Unknown {
			ready.err = &adapters.Failure{Kind: adapters.NotSent, After: f.After, Code: f.Code, Err: f.Err}
		}
		return l.refused(ctx, id, it, at, p, ready.err)
	}
	recorded := make(chan error, 1)
	if ready.name != "" {
		// The name goes to disk while the post goes out, not before it: after a
		// crash without it the post is looked for by its mark, as on channels that
		// prepare nothing. What comes of the attempt is written after it.
		p.Prepared = ready.name
		go func(ctx context.Context) {
			recorded <- l.record(ctx, id, it, at, ledger.Record{Type: ledger.Prepared, Prepared: ready.name})
		}(ctx)
	} else {
		recorded <- nil
	}
	ctx, span := l.span(ctx, "publish", id, it, at)
	defer span.End()
	// The record says until when, by the wall clock; ready.until also holds when that
	// one jumps.
	limited, cancel := context.WithDeadline(ctx, ready.until)
	limited, cancelToo := context.WithTimeout(limited, l.deadline(p.ClaimID).Sub(l.s.Now()))
	receipt, err := l.call(limited, id, it, at, &p)
	cancelToo()
	cancel()
	if err == nil {
		if receipt.Lacks != "" && ready.lacks != nil {
			receipt.Lacks = ready.lacks.Error()
		}
		memory.receipt = &receipt
	} else {
		span.SetStatus(codes.Error, err.Error())
	}
	if err := <-recorded; err != nil {
		l.s.Log.WarnContext(ctx, "what was prepared could not be recorded", "alert", id, "channel", l.name, "err", err)
	}
	if err != nil {
		return l.refused(ctx, id, it, at, p, err)
	}
	return l.record(ctx, id, it, at, l.posted(ctx, id, it, receipt, false))
}

// call makes the one call of the channel by which a post or a mark becomes public.
func (l *lane) call(ctx context.Context, id string, it *item, at slot, p *ledger.PartState) (adapters.Receipt, error) {
	if at.mark {
		return l.makeMark(ctx, id, it, at)
	}
	return l.ch.Channel.Publish(ctx, it.b.For(l.name)[at.n-1], adapters.Attempt{
		N: p.Attempts, Since: p.FirstTry, Prepared: p.Prepared, ReplyTo: l.follows(ctx, id, it, at.n),
	})
}

// follows returns the platform's name for the post that a part of it follows: the part before
// it, and of part 1 that of the alert's latest bulletin that is public on the lane, "" for none.
func (l *lane) follows(ctx context.Context, id string, it *item, part int) (postID string) {
	if it.b.Number == 1 && part == 1 {
		return ""
	}
	items, err := l.s.library.items(ctx, id, l.name)
	if err != nil {
		return "" // a post that answers nothing is worth more than none
	}
	for i := range items {
		parts := items[i].parts
		if items[i].b.Number > it.b.Number {
			break
		} else if items[i].b == it.b {
			parts = parts[:part-1]
		} else if len(parts) > 1 {
			parts = parts[:1] // where its thread begins
		}
		for n := range parts {
			if parts[n].PostID != "" && parts[n].State != ledger.StateFailed {
				postID = parts[n].PostID
			}
		}
	}
	return postID
}

// again looks for a post once more before it is sent again: a platform may have shown
// it only after the settling time. It returns the post that is there, or an error where
// nobody may send.
func (l *lane) again(ctx context.Context, id string, it *item, at slot, p *ledger.PartState) (*adapters.Receipt, error) {
	receipt, err := l.find(ctx, id, it, at, p)
	switch {
	case err == nil:
		return &receipt, nil
	case errors.Is(err, adapters.ErrNotPublished), errors.Is(err, adapters.ErrCannotLook):
		return nil, nil //nolint:nilnil // there is none, and nothing is wrong
	}
	return nil, adapters.Fail(adapters.NotSent, "it may be public since an earlier attempt, and could not be looked for before it is sent again: %w", err)
}

// refused records what a failure of an attempt means.
func (l *lane) refused(ctx context.Context, id string, it *item, at slot, p ledger.PartState, err error) error {
	failure, ok := errors.AsType[*adapters.Failure](err)
	if !ok {
		failure = &adapters.Failure{Kind: adapters.Unknown, Err: err}
	}
	r := ledger.Record{Class: failure.Kind.String(), Cause: failure.Code, Reason: failure.Err.Error()}
	memory := l.remember(it.b.SHA256(), at)
	if failure.Wide && failure.After > 0 {
		l.pacer.asks(l.s.Now(), failure.After)
	}
	switch failure.Kind {
	case adapters.NotSent:
		r.Type = ledger.NotSent
		r.RetryAt = l.s.Now().UTC().Add(max(failure.After, memory.retry.NextBackOff()))
		r.Dead = errors.Is(err, adapters.ErrPreparedDead)
		if failure.After > longWait && !r.Dead {
			r.Type = ledger.Held // it goes on by itself then, and a person knows now
		} else {
			l.missed(ctx, id, &p, r.Reason)
		}
	case adapters.Quota:
		// A used-up budget is a person's business at once, also where it is known
		// when it comes back: that may be hours away.
		r.Type = ledger.Held
		if failure.After > 0 {
			r.RetryAt = l.s.Now().UTC().Add(failure.After)
		}
	case adapters.Auth:
		r.Type = ledger.Held
	case adapters.Permanent:
		r.Type = ledger.Failed
	case adapters.Unknown, adapters.Duplicate:
		r.Type = ledger.Unknown
		memory.looks, memory.next = 0, time.Time{}
	default:
		r.Type = ledger.Unknown
	}
	l.s.Log.WarnContext(ctx, "a post was not published", "alert", id, "channel", l.name, "attempt", p.Attempts,
		"class", failure.Kind.String(), "err", failure.Err)
	return l.record(ctx, id, it, at, r)
}

// posted returns the record of a post that is public.
func (l *lane) posted(ctx context.Context, id string, it *item, receipt adapters.Receipt, reconciled bool) ledger.Record {
	at := receipt.At
	if !reconciled || at.IsZero() {
		at = l.s.Now() // ours where the platform answered
	} else if at.Before(it.release.at) {
		// It dates by the second, or by another clock: a post that was found can't be older
		// than its release. That it is not older than its attempt, the fold sees to.
		at = it.release.at
	}
	l.s.Log.InfoContext(ctx, "posted", "alert", id, "channel", l.name, "url", receipt.URL, "reconciled", reconciled)
	return ledger.Record{
		Type: ledger.Posted, PostID: receipt.ID, URL: receipt.URL, PostedAt: at.UTC(), Reconciled: reconciled,
		Evidence: string(receipt.Evidence), Lacks: truncateWords(receipt.Lacks, maxReason),
	}
}

// look asks the platform for a post whose fate is unknown. Platforms show posts
// late: only a look after the settling time can prove that there is none.
func (l *lane) look(ctx context.Context, id string, it *item, at slot) (time.Time, error) {
	p := *it.state(at)
	memory := l.remember(it.b.SHA256(), at)
	if memory.receipt != nil {
		return time.Time{}, l.conclude(ctx, id, it, at, l.posted(ctx, id, it, *memory.receipt, false))
	}
	if now := l.s.Now(); now.Before(memory.next) {
		return memory.next, nil
	}
	ctx, span := l.span(ctx, "look", id, it, at)
	defer span.End()
	clock := l.s.Ledger.Time() // before it looks: what a slow look did not find may have come since
	receipt, err := l.find(ctx, id, it, at, &p)
	now := l.s.Now()
	switch {
	case err == nil:
		return time.Time{}, l.conclude(ctx, id, it, at, l.posted(ctx, id, it, receipt, true))
	case it.repeatable(at) && (errors.Is(err, adapters.ErrCannotLook) || errors.Is(err, adapters.ErrNotPublished)):
		return time.Time{}, l.conclude(ctx, id, it, at, ledger.Record{
			Type: ledger.Absent, Reason: "it is not seen, and it is harmless to do it again",
		})
	case errors.Is(err, adapters.ErrCannotLook):
		return time.Time{}, l.cannotLook(ctx, id, it, at)
	case errors.Is(err, adapters.ErrNotPublished):
		memory.looks++
		settled := p.Since.Add(l.ch.Settle[len(l.ch.Settle)-1])
		if !clock.Before(settled) {
			l.missed(ctx, id, &p, p.Reason)
			return time.Time{}, l.conclude(ctx, id, it, at, ledger.Record{
				Type: ledger.Absent, Reason: fmt.Sprintf("looked for %d times until %v after its fate became unknown: it is not there",
					memory.looks, clock.Sub(p.Since).Round(time.Millisecond)),
			})
		}
		clock = l.s.Ledger.Time()
		memory.next = now.Add(nextMoment(p.Since, l.ch.Settle, clock).Sub(clock))
	case !now.Before(it.ends(at)):
		return time.Time{}, l.failed(ctx, id, it, at, adapters.Unknown.String(),
			"whether it is public could not be found out before the alert expired: look at the channel by hand: "+err.Error())
	default:
		l.s.Log.WarnContext(ctx, "a post could not be looked for", "alert", id, "channel", l.name, "err", err)
		memory.next = now.Add(min(max(retryAfter(err), memory.retry.NextBackOff()), max(lookRetry, retryAfter(err))))
	}
	return memory.next, nil
}

// nextMoment returns the first moment of a schedule, counted from begin, that is
// after now; now itself where all have passed.
func nextMoment(begin time.Time, schedule []time.Duration, now time.Time) time.Time {
	for _, d := range schedule {
		if t := begin.Add(d); t.After(now) {
			return t
		}
	}
	return now
}

func (l *lane) find(ctx context.Context, id string, it *item, at slot, p *ledger.PartState) (adapters.Receipt, error) {
	if at.mark {
		return l.findMark(ctx, id, it, at)
	}
	finder, ok := l.ch.Channel.(adapters.Finder)
	if !ok {
		return adapters.Receipt{}, adapters.ErrCannotLook
	}
	ctx, cancel := context.WithTimeout(ctx, l.ch.PublishTimeout)
	defer cancel()
	return finder.Find(ctx, it.b.For(l.name)[at.n-1], adapters.Attempt{N: p.Attempts, Since: p.FirstTry, Prepared: p.Prepared})
}

// cannotLook applies the channel's policy to a post that nobody can look for.
func (l *lane) cannotLook(ctx context.Context, id string, it *item, at slot) error {
	if l.ch.Unsearchable == PostAgain {
		return l.conclude(ctx, id, it, at, ledger.Record{
			Type: ledger.Absent, Class: string(PostAgain),
			Reason: "this channel gives no way to look for a post; its policy is to send again, at the risk of a double post",
		})
	}
	return l.conclude(ctx, id, it, at, ledger.Record{
		Type: ledger.Held, Class: string(Hold),
		Reason: "this channel gives no way to look for a post, and its policy is to hold: look at the channel, and publish by hand what is missing",
	})
}

func retryAfter(err error) time.Duration {
	if f, ok := errors.AsType[*adapters.Failure](err); ok {
		return f.After
	}
	return 0
}

// receiptOf returns the platform's word for a post, as the ledger holds it.
func receiptOf(p *ledger.PartState) adapters.Receipt {
	return adapters.Receipt{ID: p.PostID, URL: p.URL, At: p.PostedAt, Evidence: []byte(p.Evidence), Lacks: p.Lacks}
}

// readBack fetches a post as its platform shows it and compares it with what was
// signed.
func (l *lane) readBack(ctx context.Context, id string, it *item, at slot) (time.Time, error) {
	p := *it.state(at)
	memory := l.remember(it.b.SHA256(), at)
	if l.s.Now().Before(memory.next) {
		return memory.next, nil
	}
	ctx, span := l.span(ctx, "read back", id, it, at)
	defer span.End()
	limited, cancel := context.WithTimeout(ctx, l.ch.PublishTimeout)
	clock := l.s.Ledger.Time() // before it asks, as for a look
	address, err := l.locate(limited, it, at, receiptOf(&p))
	cancel()
	now := l.s.Now()
	altered, isAltered := errors.AsType[*adapters.AlteredError](err)
	switch {
	case err == nil:
		if address == p.URL {
			address = "" // the posted record says it
		}
		return time.Time{}, l.conclude(ctx, id, it, at, ledger.Record{Type: ledger.Verified, URL: address})
	case errors.Is(err, adapters.ErrWithoutImage) && memory.reads > 0:
		// The text is what counts, and stands as it was signed.
		return time.Time{}, l.conclude(ctx, id, it, at, ledger.Record{Type: ledger.Verified, Lacks: adapters.ErrWithoutImage.Error()})
	case errors.Is(err, adapters.ErrWithoutImage):
		memory.reads, memory.next = memory.reads+1, now.Add(alteredAgain)
	case errors.Is(err, adapters.ErrCannotLook):
		return time.Time{}, l.conclude(ctx, id, it, at, ledger.Record{
			Type: ledger.NotVerifiable, Reason: "this account gives no way to read a post back",
		})
	case isAltered && memory.reads > 0:
		return time.Time{}, l.failed(ctx, id, it, at, ledger.ClassAltered, altered.Error()+": look at the post, and correct the alert")
	case isAltered:
		memory.reads, memory.next = memory.reads+1, now.Add(alteredAgain)
	case errors.Is(err, adapters.ErrNotPublished):
		if last := p.Since.Add(l.ch.ReadBack[len(l.ch.ReadBack)-1]); !clock.Before(last) {
			return time.Time{}, l.failed(ctx, id, it, at, "gone",
				"the platform took the post and does not show it: somebody deleted or hid it; look at the channel, and publish by hand what is missing")
		}
		clock = l.s.Ledger.Time()
		memory.next = now.Add(nextMoment(p.Since, l.ch.ReadBack, clock).Sub(clock))
	case !now.Before(it.ends(at)):
		return time.Time{}, l.conclude(ctx, id, it, at, ledger.Record{
			Type: ledger.NotVerifiable, Reason: truncateWords("it could not be read back before the alert expired: "+err.Error(), maxReason),
		})
	default:
		l.s.Log.WarnContext(ctx, "a post could not be read back", "alert", id, "channel", l.name, "err", err)
		memory.next = now.Add(min(max(retryAfter(err), memory.retry.NextBackOff()), max(lookRetry, retryAfter(err))))
	}
	return memory.next, nil
}

// locate reads a post back and returns its own address, "" where the receipt's is
// all there is.
func (l *lane) locate(ctx context.Context, it *item, at slot, r adapters.Receipt) (address string, err error) {
	if at.mark {
		return "", l.readMark(ctx, it, at, r)
	}
	post := it.b.For(l.name)[at.n-1]
	if locator, ok := l.ch.Channel.(adapters.Locator); ok {
		return locator.Locate(ctx, post, r)
	}
	return "", l.ch.Channel.ReadBack(ctx, post, r)
}

// missed tells the log that a person is needed where one more attempt that left nothing
// public is one too many.
func (l *lane) missed(ctx context.Context, id string, p *ledger.PartState, reason string) {
	if p.Misses+1 == Patience {
		l.s.Log.ErrorContext(ctx, "a post needs a person: attempt after attempt leaves nothing public; they go on", "alert", id, "channel", l.name, "reason", reason)
	}
}

func (l *lane) failed(ctx context.Context, id string, it *item, at slot, class, reason string) error {
	l.s.Log.ErrorContext(ctx, "a post needs a person", "alert", id, "channel", l.name, "reason", reason)
	return l.conclude(ctx, id, it, at, ledger.Record{Type: ledger.Failed, Class: class, Reason: reason})
}
