// Package delivery carries released bulletins to channels: for each channel a
// durable consumer that wakes it and a pool of workers of its own, so that no
// channel can hold back another.
//
// What is to be done next on a channel follows from the ledger and nothing else
// ([decide]); each step is in the ledger before the next one begins. The package
// verifies signatures itself before every post, changes no text, and knows no
// platform. docs/delivery.md tells the whole story.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// An Unsearchable policy says what happens to a post whose fate is not known on a
// channel that gives no way to look for it.
type Unsearchable string

// The policies. The zero value is Hold.
const (
	// Hold stops the post until a person has looked.
	Hold Unsearchable = "hold"
	// PostAgain sends it again: for an alert, twice may be better than never.
	PostAgain Unsearchable = "post_again"
)

// A Channel is a channel and how this node works it.
type Channel struct {
	Channel adapters.Channel

	// Workers is how many alerts are carried to the channel at the same time;
	// 0 for 4. Posts of one alert always go one after the other.
	Workers int
	// PublishTimeout bounds one call of the adapter; 0 for 100 seconds. It must
	// be longer than the adapter's own timeout.
	PublishTimeout time.Duration
	// Settle says when a post of unknown fate is looked for, counted from the
	// moment its fate became unknown; only after the last look in vain is it
	// taken to be absent. None for 0, 2, 5, 15 and 30 seconds.
	Settle []time.Duration
	// ReadBack says when a post is read back, counted from its publication;
	// after the last look in vain it counts as gone. None for 0, 1, 3, 10, 30
	// and 60 seconds.
	ReadBack []time.Duration
	// ImageTimeout is how long a post that can go without its image waits for it; 0 for 5 seconds.
	ImageTimeout time.Duration
	// RetryFirst and RetryMost bound the wait between attempts, which doubles
	// with jitter; 0 for 0.5 and 60 seconds. A platform's own word goes first.
	RetryFirst, RetryMost time.Duration
	// Watch says when a post is read again after it was published, and WatchEvery how often
	// after the last of these moments, until its bulletin expires. None for 1, 5, 15 and 60
	// minutes; 0 for an hour.
	Watch      []time.Duration
	WatchEvery time.Duration
	// WatchAgain is when a post that was found changed is read once more; 0 for 30 seconds.
	WatchAgain time.Duration
	// ListEvery is how often the account is looked through for posts that no bulletin covers;
	// 0 for what the channel says.
	ListEvery time.Duration
	// Shared says that others publish on the account too, what no bulletin covers: nobody is
	// told of that.
	Shared bool
	// Unsearchable applies where the channel can't be searched.
	Unsearchable Unsearchable
}

func (c Channel) withDefaults() Channel {
	if c.Workers == 0 {
		c.Workers = 4
	}
	if c.PublishTimeout == 0 {
		c.PublishTimeout = 100 * time.Second
	}
	if c.ImageTimeout == 0 {
		c.ImageTimeout = 5 * time.Second
	}
	if len(c.Settle) == 0 {
		c.Settle = []time.Duration{0, 2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second}
	}
	if len(c.ReadBack) == 0 {
		c.ReadBack = []time.Duration{0, time.Second, 3 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute}
	}
	if len(c.Watch) == 0 {
		c.Watch = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}
	}
	if c.WatchEvery == 0 {
		c.WatchEvery = time.Hour
	}
	if c.WatchAgain == 0 {
		c.WatchAgain = 30 * time.Second
	}
	if c.RetryFirst == 0 {
		c.RetryFirst = 500 * time.Millisecond
	}
	if c.RetryMost == 0 {
		c.RetryMost = time.Minute
	}
	return c
}

// Config is what a [Service] works with.
type Config struct {
	Ledger *ledger.Ledger
	// Rings is by which key ring and policy each record is judged. The service takes the
	// versions of the ledger's records.
	Rings    *signing.History
	Channels []Channel
	// Host makes images public for platforms that fetch them; nil where this
	// node serves no site.
	Host adapters.ImageHost
	// Notifiers tell those who must know at once of a break-glass release, or that an alert
	// was stopped. Nodes that may not write that they did, tell nobody.
	Notifiers []adapters.Notifier
	// Archive is told which alerts are shown again after Restored; nil where nobody
	// would ask for them.
	Archive adapters.Archive
	// Trusted returns why the ledger is not to be trusted, or nil. While it
	// returns an error nothing is sent. Nil for always trusted.
	Trusted func() error
	// Restored is called once, when the channels that forget their posts show
	// again what the ledger says is public on them and is not long over. Nil for
	// nothing.
	Restored func()
	// Now is the clock; nil for time.Now.
	Now func() time.Time
	// Log takes what an operator should know; nil for none.
	Log *slog.Logger
	// Tracers and Meters take traces and metrics; nil for none.
	Tracers trace.TracerProvider
	Meters  metric.MeterProvider
}

// A Service carries released bulletins to the channels of one node. It begins
// with Run and ends with Run's context.
type Service struct {
	Config
	me      string // node and incarnation, as in the ledger
	started int64  // newest record when Run began
	lanes   []*lane
	marks   []*lane // of the channels that can mark posts
	heralds []*herald
	claims  claims
	// together says that the first attempts of several channels may begin with one record:
	// not where the ledger is open with the credentials of single channels.
	together bool
	hosting  hosting
	// remarked holds what was said of bulletins and channels that they do not address;
	// owned by tend.
	remarked map[string]bool
	voids    int // records without effect that need no refusal any more; owned by tend
	library  *library
	meters   meters
	tracer   trace.Tracer
	work     sync.WaitGroup
}

// New returns a service that has not begun.
func New(c Config) (*Service, error) {
	if c.Ledger == nil || c.Rings == nil {
		return nil, errors.New("delivery: it needs a ledger and a key ring")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Tracers == nil {
		c.Tracers = tracenoop.NewTracerProvider()
	}
	if c.Meters == nil {
		c.Meters = metricnoop.NewMeterProvider()
	}
	if c.Trusted == nil {
		c.Trusted = func() error { return nil }
	}
	s := &Service{Config: c, me: c.Ledger.Name(), tracer: c.Tracers.Tracer("tocsin/broker/delivery"), remarked: map[string]bool{}}
	s.together = c.Ledger.May(&ledger.Record{Type: ledger.Attempt})
	s.library = newLibrary(c.Ledger, c.Rings)
	s.library.now, s.library.since = c.Ledger.Time, c.Ledger.Time()
	var err error
	if s.meters, err = newMeters(c.Meters); err != nil {
		return nil, fmt.Errorf("delivery: %w", err)
	}
	for _, ch := range c.Channels {
		if !ledger.ValidChannel(ch.Channel.Name()) {
			return nil, fmt.Errorf("delivery: channel name %q: use lower-case letters, digits and hyphens", ch.Channel.Name())
		}
		for _, other := range s.lanes {
			if other.name == ch.Channel.Name() {
				return nil, fmt.Errorf("delivery: two channels are called %q", other.name)
			}
		}
		l := newLane(s, ch.withDefaults())
		s.lanes = append(s.lanes, l)
		if _, ok := ch.Channel.(adapters.Marker); ok {
			l.marks = newMarkLane(s, ch.withDefaults(), l.pacer)
			s.marks = append(s.marks, l.marks)
		}
	}
	if c.Ledger.May(&ledger.Record{Type: ledger.Notified}) {
		for _, to := range c.Notifiers {
			s.heralds = append(s.heralds, newHerald(s, to))
		}
	}
	return s, nil
}

// Run delivers until ctx is done, and returns when everything it began has
// ended. An error says why it could not begin.
func (s *Service) Run(ctx context.Context) error {
	s.Ledger.View(func(st *ledger.State) { s.started = st.Seq })
	archive, err := s.restore(ctx)
	if err != nil {
		return err
	}
	if s.Restored != nil {
		s.Restored()
	}
	// All lanes first: the one that is woken first starts workers of the others.
	for _, l := range slices.Concat(s.lanes, s.marks) {
		l.ctx = ctx
	}
	for _, l := range s.lanes {
		var err error
		l.reminder, err = s.Ledger.Reminder(ctx, "deliver-"+l.name)
		if err != nil && ctx.Err() != nil {
			return nil //nolint:nilerr // it was stopped before it had begun
		}
		if err != nil {
			return fmt.Errorf("delivery: %w", err)
		}
	}
	var begun int64 // what came before is among the open alerts below
	s.Ledger.View(func(st *ledger.State) { begun = st.Seq })
	open := s.wakeOpen(ctx)
	s.work.Go(func() { s.watch(ctx, begun) })
	s.work.Go(func() { s.tend(ctx, begun, open) })
	s.work.Go(func() { s.remind(ctx) })
	for _, h := range s.heralds {
		for _, id := range open {
			h.wake(id)
		}
		s.work.Go(func() { h.run(ctx) })
	}
	for _, l := range s.lanes {
		s.work.Go(func() { l.watchPosts(ctx) })
	}
	s.work.Go(func() { s.restoreArchive(ctx, archive) })
	<-ctx.Done()
	for _, l := range slices.Concat(s.lanes, s.marks) {
		l.stop()
	}
	s.work.Wait()
	return nil
}

// wakeOpen wakes every lane for every alert on which something may be left to do.
func (s *Service) wakeOpen(ctx context.Context) []string {
	open := s.open()
	for _, id := range open {
		if items, err := s.library.items(ctx, id, ""); err == nil { // with an error the lanes try again
			s.ranked(id, items)
		}
	}
	for _, id := range open {
		s.wake(id)
	}
	return open
}

// open lists the alerts on which something may be left to do, oldest first.
func (s *Service) open() (ids []string) {
	recent := s.Now().Add(-7 * 24 * time.Hour)
	s.Ledger.View(func(st *ledger.State) {
		for _, id := range st.Order {
			for _, b := range st.Alerts[id].Bulletins {
				if b.Expires.After(recent) || b.At.After(recent) || unfinished(b) {
					ids = append(ids, id)
					break
				}
			}
		}
	})
	return ids
}

func unfinished(b *ledger.BulletinState) bool {
	for _, d := range b.Deliveries {
		for _, p := range d.Parts {
			if !p.Final() {
				return true
			}
		}
	}
	return false
}

// ranked tells all lanes how urgent an alert is, by its newest bulletin.
func (s *Service) ranked(id string, items []item) {
	if n := len(items); n > 0 {
		for _, l := range s.lanes {
			l.ranked(id, rankOf(&items[n-1]))
		}
	}
}

// wake has all lanes look at an alert.
func (s *Service) wake(id string) {
	for _, l := range s.lanes {
		l.wake(id)
	}
}

// watch follows the ledger and wakes the lanes at each release. It begins after the
// record seen. All that is less urgent is tend's.
func (s *Service) watch(ctx context.Context, seen int64) {
	for ctx.Err() == nil {
		changed := s.Ledger.Changed()
		var decided []string
		left := false
		s.Ledger.View(func(st *ledger.State) {
			decided = st.Decided(seen)
			left = st.NodesAt > seen
			if n := len(st.Rings); n > 0 && st.Rings[n-1].Seq > seen {
				left = true // whoever it keeps from signing may hold up what is under way
			}
			seen = st.Seq
		})
		for _, id := range decided {
			s.decided(ctx, id)
		}
		if left {
			// Another node has ended, or was started again: what it leaves is not
			// waited for any more. Or the key ring is another one.
			s.wakeOpen(ctx)
		}
		s.awaitRecords(ctx, changed)
	}
}

// awaitRecords waits for the next record, or for the time to ask again for bytes that were
// not there: then it has their alerts looked at, since no record may come of it.
func (s *Service) awaitRecords(ctx context.Context, changed <-chan struct{}) {
	due, next := s.library.due()
	for _, id := range due {
		s.decided(ctx, id)
	}
	var again <-chan time.Time
	if next != nil {
		timer := time.NewTimer(*next)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-ctx.Done():
	case <-changed:
	case <-again:
	case <-s.library.missing:
	}
}

// decided wakes the lanes where an alert has a released bulletin.
func (s *Service) decided(ctx context.Context, id string) {
	items, err := s.library.items(ctx, id, "")
	if len(items) > 0 || err != nil {
		for _, h := range s.heralds {
			h.wake(id)
		}
	}
	s.ranked(id, items)
	switch n := len(items); {
	case n > 0 && (items[n-1].b.Kind != "" || items[n-1].b.Message.MsgType == alert.MsgCancel):
		for _, l := range s.lanes {
			l.hurry(id)
		}
	case n > 0 || err != nil: // with an error the lanes try again
		s.wake(id)
	}
}

// tendAfter is how long tend lets the lanes go first.
const tendAfter = 10 * time.Millisecond

// tend does what follows from the records after seen and is not urgent: it shows
// images, has prepared what can be, refuses what has to be refused, says which channels
// get nothing, and shows what another node published on a channel that forgets.
//
// It begins with the alerts in open, whose decisions may have come while no node was up.
func (s *Service) tend(ctx context.Context, seen int64, open []string) {
	decided, published := slices.Clone(open), slices.Clone(open)
	var judged []string // alerts whose refusals are still to be written
	for ctx.Err() == nil {
		changed := s.Ledger.Changed()
		s.Ledger.View(func(st *ledger.State) {
			decided = append(decided, st.Decided(seen)...)
			published = append(published, st.Published(seen)...)
			seen = st.Seq
		})
		if err := s.TakeRings(ctx); err != nil {
			s.Log.WarnContext(ctx, "a version of the key ring could not be judged; what comes after it waits", "err", err)
			s.awaitTending(ctx, changed, true)
			continue
		}
		s.hosting.host(ctx, s, decided) // first: a platform may ask for an image before long
		for _, id := range decided {
			s.prepareAhead(ctx, id)
			if !slices.Contains(judged, id) {
				judged = append(judged, id)
			}
		}
		again := s.refuse(ctx, judged)
		for _, id := range decided {
			s.remark(ctx, id)
		}
		for _, id := range published {
			for _, l := range s.lanes {
				if err := s.restoreForeign(ctx, l, id); err != nil {
					s.Log.WarnContext(ctx, "a post of another node could not be shown", "alert", id, "err", err)
				}
			}
		}
		decided, published = nil, nil
		if !again {
			judged = nil
		}
		s.awaitTending(ctx, changed, again)
	}
}

// awaitTending returns a moment after the ledger has changed, or when something is to
// be done again.
func (s *Service) awaitTending(ctx context.Context, changed <-chan struct{}, again bool) {
	var retry <-chan time.Time
	if again {
		timer := time.NewTimer(refuseAgain)
		defer timer.Stop()
		retry = timer.C
	}
	select {
	case <-ctx.Done():
		return
	case <-retry:
		return
	case <-changed:
	}
	timer := time.NewTimer(tendAfter)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// remark says once of a bulletin in force which channels of this node it does not
// address: they were configured after it was composed, or elsewhere.
func (s *Service) remark(ctx context.Context, id string) {
	items, err := s.library.items(ctx, id, "")
	if err != nil || len(items) == 0 {
		return // what can't be read is said elsewhere
	}
	for i := range items {
		s.remarkAuthority(ctx, &items[i])
	}
	b := items[len(items)-1].b
	if !s.Now().Before(b.Expires) {
		return
	}
	for _, l := range s.lanes {
		key := b.SHA256() + " " + l.name
		if len(b.For(l.name)) > 0 || s.remarked[key] {
			continue
		}
		s.remarked[key] = true
		s.Log.WarnContext(ctx, "a channel gets nothing of an alert in force: the bulletin that people signed does not address it; the next bulletin will, composed with this configuration",
			"channel", l.name, "alert", id, "code", string(b.Code), "bulletin", b.Number)
	}
}

// remarkAuthority says once, loudly, that a bulletin in force was released by one
// organisation.
func (s *Service) remarkAuthority(ctx context.Context, it *item) {
	b := it.b
	if b.Breakglass == nil || !s.Now().Before(b.Expires) || s.remarked[b.SHA256()] {
		return
	}
	s.remarked[b.SHA256()] = true
	s.meters.broken(ctx)
	s.Log.WarnContext(ctx, "BREAK-GLASS: a bulletin was released by one organisation alone; the other one is to ratify or to stop it",
		"alert", string(b.Alert), "code", string(b.Code), "bulletin", b.Number, "cause", string(b.Breakglass.Cause), "expires", b.Expires)
	for _, name := range toBeTold(s.Rings, it.release) {
		if !slices.ContainsFunc(s.Notifiers, func(n adapters.Notifier) bool { return n.Name() == name }) {
			s.Log.ErrorContext(ctx, "the policy says that somebody is told of break-glass, and this node has no address for them: somebody must call them", "recipient", name, "alert", string(b.Alert))
		}
	}
}

const (
	// remindQuiet is how long the ledger must have been quiet before the durable
	// consumers are asked, and remindBusy when they are asked though it is not.
	remindQuiet = time.Second
	remindBusy  = 10 * time.Second
)

// remind wakes each lane a second time for each decision, by its durable consumer: for
// what the fold did not bring here, and for what another node took before it died.
// It waits until the ledger is quiet: the broker writes down where a consumer stands,
// with syncs of its own, which would hold up those of posts under way.
func (s *Service) remind(ctx context.Context) {
	for ctx.Err() == nil {
		changed := s.Ledger.Changed()
		for _, l := range s.lanes {
			if err := l.reminder.Take(ctx, l.wake); err != nil && ctx.Err() == nil {
				s.Log.DebugContext(ctx, "a channel's consumer could not be read; it is asked again", "channel", l.name, "err", err)
			}
		}
		s.awaitQuiet(ctx, changed)
	}
}

// awaitQuiet returns when the ledger has changed and is quiet again, and after
// remindBusy at the latest.
func (s *Service) awaitQuiet(ctx context.Context, changed <-chan struct{}) {
	latest := time.NewTimer(remindBusy)
	defer latest.Stop()
	select {
	case <-ctx.Done():
		return
	case <-latest.C:
		return
	case <-changed:
	}
	quiet := time.NewTimer(remindQuiet)
	defer quiet.Stop()
	for {
		changed = s.Ledger.Changed()
		select {
		case <-ctx.Done():
			return
		case <-latest.C:
			return
		case <-quiet.C:
			return
		case <-changed:
			quiet.Reset(remindQuiet)
		}
	}
}
