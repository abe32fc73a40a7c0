package delivery

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"

	"tocsin/adapters"
	"tocsin/broker/ledger"
)

// claimMargin is how long after its last possible moment an attempt still counts
// as under way: a call may be that late to notice that its time is over.
const claimMargin = 5 * time.Second

// A lane is one channel's queue and workers. Alerts on one lane are independent;
// of one alert, one thing is done at a time.
type lane struct {
	s    *Service
	ch   Channel
	name string
	ctx  context.Context // of Run; set before the first wake
	// decide says what comes next for an alert: [decide], or [decideMarks] for a lane that
	// carries marks, with workers of its own, so that no mark holds up a post.
	decide func([]item, view) step
	// marks is the lane for marks on the same channel, nil where it can't mark: what becomes
	// of a post there may have to be said of it.
	marks *lane
	// reminder is set by Run before it reminds.
	reminder *ledger.Reminder
	// pacer is what the channel's two lanes know of what the platform bears.
	pacer *pacer
	// clockOff says that the log has been told of the platform's other time.
	clockOff atomic.Bool

	// mu guards what follows.
	mu      sync.Mutex
	shown   map[int64]bool         // attempts whose posts a forgetting channel has been handed
	free    int                    // workers that are not busy
	spare   bool                   // the worker that is kept for what is urgent is not busy
	urgent  map[string]bool        // alerts that wait for nobody else's: revocations
	ranks   map[string]rank        // of alerts, as they were last seen; kept while something is left to do
	busy    map[string]*job        // alerts that a worker has
	queue   []string               // alerts that wait for a worker
	timers  map[string]*time.Timer // alerts that wait for a moment
	stopped bool
	memory  map[memoryKey]*memory
	ahead   map[string]chan struct{} // bulletins that are being prepared ahead of their release, by digest
}

// A job is what a worker does for one alert.
type job struct {
	again    bool // something came in between: look once more afterwards
	deciding bool // the worker has not begun to do anything yet
	spare    bool // the worker is the one that is kept for what is urgent
}

// memoryKey names what of a bulletin a lane carries.
type memoryKey struct {
	digest string
	at     slot
}

// memory is what a lane knows of a post beyond the ledger: how it paces itself.
// After a restart it begins anew.
type memory struct {
	retry *backoff.ExponentialBackOff
	// receipt is the platform's word that the post is public, from when it came: what
	// is known here is not asked again, and never sent again, whatever became of the
	// record. Nil where there is none.
	receipt *adapters.Receipt
	looks   int       // looks in vain since the fate became unknown
	reads   int       // read-backs in vain
	next    time.Time // not before this moment
}

func newLane(s *Service, ch Channel) *lane {
	return &lane{
		s: s, ch: ch, name: ch.Channel.Name(), decide: decide, pacer: &pacer{}, free: ch.Workers, spare: true, urgent: map[string]bool{}, ranks: map[string]rank{}, shown: map[int64]bool{},
		busy: map[string]*job{}, timers: map[string]*time.Timer{}, memory: map[memoryKey]*memory{}, ahead: map[string]chan struct{}{},
	}
}

// newMarkLane returns the lane for marks on the same channel.
func newMarkLane(s *Service, ch Channel, p *pacer) *lane {
	ch.Workers = 1
	l := newLane(s, ch)
	l.decide, l.pacer = decideMarks, p
	return l
}

// shows reports whether the lane's channel, which forgets, has been handed the post of
// the attempt.
func (l *lane) shows(claim int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shown[claim]
}

// showed notes that it has.
func (l *lane) showed(claim int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shown[claim] = true
}

// hurry is wake for an alert that must not wait behind others: should all workers be
// busy, the spare one takes it.
func (l *lane) hurry(id string) {
	l.mu.Lock()
	l.urgent[id] = true
	if i := slices.Index(l.queue, id); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
	l.mu.Unlock()
	l.wake(id)
}

// wake has a worker look at the alert as soon as one is free.
func (l *lane) wake(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return
	}
	if j := l.busy[id]; j != nil {
		j.again = true
		return
	}
	if !l.available(id) {
		l.enqueue(id)
		return
	}
	l.take(id)
	l.spawn(id)
}

// available reports whether a worker can take the alert now. The caller holds mu.
//
// The last free worker is kept from what may wait, so that a platform that answers slowly does not have an alert wait
// behind exercises.
func (l *lane) available(id string) bool {
	least := 0
	if r, known := l.ranks[id]; known && r.tier < alerting && l.ch.Workers > 1 {
		least = 1
	}
	return l.free > least || l.spare && l.urgent[id]
}

// ranked notes how urgent an alert is.
func (l *lane) ranked(id string, r rank) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ranks[id] = r
}

// enqueue has the alert wait for a worker, ahead of all that are less urgent. The
// caller holds mu.
func (l *lane) enqueue(id string) {
	if slices.Contains(l.queue, id) {
		return
	}
	i := slices.IndexFunc(l.queue, func(other string) bool { return l.first(id, other) })
	if i < 0 {
		i = len(l.queue)
	}
	l.queue = slices.Insert(l.queue, i, id)
}

// first reports whether one alert goes before another that waits already. Of one that nobody
// has looked at yet nothing is known: it keeps its place. The caller holds mu.
func (l *lane) first(id, other string) bool {
	if l.urgent[id] != l.urgent[other] {
		return l.urgent[id]
	}
	mine, known := l.ranks[id]
	theirs, both := l.ranks[other]
	return known && both && mine.before(theirs)
}

// join makes sure that a worker of the lane takes part in what another lane is
// about to record for both: a free one, which is taken, or the one that has the
// alert and is about to decide on it. It reports false where there is none.
func (l *lane) join(id string) (joined, taken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch j := l.busy[id]; {
	case l.stopped:
		return false, false
	case j != nil:
		j.again = j.again || j.deciding
		return j.deciding, false
	case !l.available(id):
		return false, false
	}
	l.take(id)
	return true, true
}

// start sends off the worker that join took.
func (l *lane) start(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spawn(id)
}

// deciding notes whether the worker that has the alert is about to decide what to
// do, or is doing it.
func (l *lane) deciding(id string, yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy[id].deciding = yes
}

// take marks a worker as busy with the alert. The caller holds mu.
func (l *lane) take(id string) {
	j := &job{deciding: true, spare: l.free == 0}
	if j.spare {
		l.spare = false
	} else {
		l.free--
	}
	l.busy[id] = j
	if t := l.timers[id]; t != nil {
		t.Stop()
		delete(l.timers, id)
	}
}

// spawn runs the worker. The caller holds mu and has taken the worker.
func (l *lane) spawn(id string) {
	l.s.work.Go(func() {
		next := l.carry(l.ctx, id)
		l.release(id, next)
		if l.marks != nil { // the posts of the other channels go first
			time.AfterFunc(tendAfter, func() { l.marks.wake(id) })
		}
	})
}

// release gives the worker back, and to the next alert that waits for one.
func (l *lane) release(id string, next time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := l.busy[id]
	delete(l.busy, id)
	if j.spare {
		l.spare = true
	} else {
		l.free++
	}
	switch {
	case l.stopped:
		return
	case j.again:
		l.enqueue(id)
	case !next.IsZero():
		l.timers[id] = time.AfterFunc(max(next.Sub(l.s.Now()), 0), func() { l.wake(id) })
	default:
		delete(l.urgent, id)
		delete(l.ranks, id)
	}
	if len(l.queue) > 0 && l.available(l.queue[0]) {
		// A name of its own: the timer above keeps id.
		first := l.queue[0]
		l.queue = l.queue[1:]
		l.take(first)
		l.spawn(first)
	}
}

// stop lets no worker begin any more.
func (l *lane) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	l.queue = nil
	for _, t := range l.timers {
		t.Stop()
	}
}

// remember returns what the lane knows of a post. A post is worked by one worker
// at a time, so that the value needs no lock.
func (l *lane) remember(digest string, at slot) *memory {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := memoryKey{digest, at}
	m := l.memory[k]
	if m == nil {
		m = &memory{retry: backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(l.ch.RetryFirst), backoff.WithMaxInterval(l.ch.RetryMost),
			backoff.WithMultiplier(2), backoff.WithRandomizationFactor(0.3), backoff.WithMaxElapsedTime(0))}
		l.memory[k] = m
	}
	return m
}

// forgetMemory drops what is known of a post that has ended.
func (l *lane) forgetMemory(digest string, at slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.memory, memoryKey{digest, at})
}
