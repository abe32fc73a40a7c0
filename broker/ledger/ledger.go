package ledger

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamName  = "LEDGER"
	blobsName   = "BLOBS"
	leaderGet   = "$JS.API.STREAM.MSG.GET." + blobsName
	traceHeader = "traceparent"

	// maxBlob bounds one blob in bytes: a bulletin with its images.
	maxBlob = 4 << 20

	// appendTimeout bounds one append; the disk of a busy machine needs tenths
	// of a second at the worst.
	appendTimeout = 10 * time.Second

	// connectTimeout bounds the way to the broker: connection, certificates, greeting. On a
	// crowded telephone network each of them takes its seconds.
	connectTimeout = 10 * time.Second

	// doubtAfter is how long an append may take before the embedded broker is
	// asked whether it can write at all: it does not answer for a stream that a
	// full disk has frozen.
	doubtAfter = 500 * time.Millisecond
)

var (
	// ErrConflict is returned by Append when another record came first on the
	// subject: read the state again and decide anew.
	ErrConflict = errors.New("another record came first")

	// ErrNoBlob is returned by Blob when the ledger does not hold the bytes.
	ErrNoBlob = errors.New("the ledger does not hold these bytes")

	// ErrDamaged is returned by Blob when the bytes are not those that their name says.
	ErrDamaged = errors.New("the bytes that the ledger holds have another digest: its disk is damaged, or somebody wrote others in their place")

	// ErrNoBlobs is returned by Blob when the whole stream of the bulletins' bytes is not
	// there.
	ErrNoBlobs = errors.New("the ledger has lost the store of its bulletins")

	// ErrFull is returned by Append and PutBlob when the store has no room left.
	ErrFull = errors.New("the ledger's store is full: make room on its disk or raise broker.max_bytes, then start the node again")

	// ErrForbidden is returned by Open, Append and PutBlob when the broker does not let
	// this program do what it tried to do.
	ErrForbidden = errors.New("the broker does not allow this to the credential that was given")

	// ErrGone is returned by Open when there is none though there was one.
	ErrGone = errors.New("the ledger is gone: a checkpoint speaks of its records, and there are none; keep all as it is, and put a copy in its place (docs/operations.md, Backup and restore)")

	// ErrNoLedger is returned by Open when there is none and none may be made.
	ErrNoLedger = errors.New("there is no ledger here")
)

// Unreachable reports whether an error of Open, or of a question to the ledger, is that the
// broker gave no answer, and so may pass by itself: its node ends or begins, or the network
// is away.
func Unreachable(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || slices.ContainsFunc([]error{
		nats.ErrNoServers, nats.ErrConnectionClosed, nats.ErrDisconnected, nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded,
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrStaleConnection, nats.ErrBadSubscription,
		jetstream.ErrNoStreamResponse, jetstream.ErrJetStreamNotEnabled, errSilent, errNoLeader, errNoStore, io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded,
	}, func(known error) bool { return errors.Is(err, known) })
}

// NotAdmitted reports whether an error of Open is that the broker does not take the
// credential. The broker of a node that is being started takes none yet.
func NotAdmitted(err error) bool {
	return errors.Is(err, nats.ErrAuthorization)
}

// A RealmError is returned by Open when the ledger belongs to another realm.
type RealmError struct{ Want, Have string }

// Error says which realm the ledger is of, and what to do.
func (e *RealmError) Error() string {
	return fmt.Sprintf("this ledger is of realm %q, the configuration is of realm %q: use another folder; a ledger never changes its realm", e.Have, e.Want)
}

// Options say how a ledger is opened.
type Options struct {
	// Server is the embedded broker; nil to connect to URL.
	Server *Server
	// URL is the address of a broker, "nats://127.0.0.1:4222".
	URL string
	// Credentials are what this program shows the broker at URL. It reads with the first one;
	// each record goes out with the first one that may write it.
	Credentials []Credential
	// TLS is how the broker at a tls:// address is known; nil for by the system's
	// certificate authorities.
	TLS *tls.Config
	// Realm is the realm that the ledger must be of; "" for whichever it is of.
	Realm string
	// Create is for nodes: where nothing was recorded yet, they begin. In the broker's own
	// process it makes the streams where they do not exist, and the broker hands each record on;
	// over the network an operator makes them ([Provide]), and everybody asks for records.
	Create bool
	// Known says that the ledger had records, such as by a checkpoint: it is not begun anew,
	// but on a Server that knows it too.
	Known bool
	// Replicas is the number of copies of the streams that Create makes; 0 for 1.
	Replicas int
	// MaxBytes bounds the stream of records that Create makes; 0 for 4 GiB.
	MaxBytes int64
	// Name is who writes: the Node field of records, and the connection's name.
	Name string
	// Observe is called with each entry in ledger order, from one goroutine,
	// after it is folded; err is what [State.Apply] said. It must not block.
	Observe func(e *Entry, err error)
	// Gaps says that records which are missing or can't be read, and bulletins that are lost,
	// are passed over: [Ledger.Broken] names them, and whoever writes has to ask it. Without it such a ledger is not opened, and
	// is not read on where a gap shows later.
	Gaps bool
	// WatchEvery is how often a node looks whether the streams are what they were; 0
	// for 2 seconds.
	WatchEvery time.Duration
	// Now is the writer's clock; nil for time.Now.
	Now func() time.Time
	// Log takes what an operator should know; nil for none.
	Log *slog.Logger
}

// A Ledger is an open ledger: appends go to disk before they return, and the
// state follows every record of everyone. It is safe for concurrent use.
type Ledger struct {
	o       Options
	conn    *nats.Conn // writes, and asks
	js      jetstream.JetStream
	reader  *nats.Conn // follows: what comes in must not wait for what goes out
	stream  jetstream.Stream
	reading sync.WaitGroup
	stop    context.CancelFunc
	// appended has a reader that asks look at once for what was appended here.
	appended chan struct{}
	pending  pending
	// asking are the questions for records that wait for an answer.
	asking pending
	// hinted has a reader that asks look soon: a record is being written.
	hinted  chan struct{}
	writers writers
	// reconnected has a node look at once whether the ledger is what it was.
	reconnected chan struct{}

	// mu guards state, gaps, lost, newest, came, unfound, broken, awaited, and applied, which is replaced
	// and closed whenever an entry was folded.
	mu      sync.RWMutex
	state   *State
	gaps    []Gap     // ascending
	lost    error     // that the bytes of bulletins which were sent are not there, or nil
	newest  *Entry    // the last one that was folded; nil for none
	came    time.Time // when newest was folded, by our clock
	unfound []*Entry  // see seek
	broken  error
	applied chan struct{}
	awaited map[chan struct{}]int64 // closed when the record with the sequence is folded, or none will be
}

// Open connects, folds the whole ledger, and keeps following it until Close.
func Open(ctx context.Context, o Options) (*Ledger, error) {
	l := newLedger(o)
	if err := l.connect(); err != nil {
		return nil, err
	}
	// The broker does not answer what is forbidden: without this nobody would know why.
	limited, giveUp := context.WithCancelCause(ctx)
	done := l.pending.add(giveUp)
	err := l.open(limited)
	done()
	if cause := context.Cause(limited); err != nil && errors.Is(cause, ErrForbidden) {
		err = fmt.Errorf("open the ledger: %w", cause)
	}
	giveUp(nil)
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func newLedger(o Options) *Ledger {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Ledger{o: o, state: NewState(), applied: make(chan struct{}), awaited: map[chan struct{}]int64{}, appended: make(chan struct{}, 1), hinted: make(chan struct{}, 1), reconnected: make(chan struct{}, 1)}
}

func (l *Ledger) connect() (err error) {
	if l.o.Server == nil && len(l.o.Credentials) == 0 {
		return errNoCredential
	}
	if l.o.Create && l.o.Server == nil && !slices.ContainsFunc(l.o.Credentials, func(c Credential) bool { return slices.Contains(nodeRoles(), c.Role) }) {
		name, _, _ := strings.Cut(l.o.Name, "/")
		return fmt.Errorf("connect to the broker: %w", rightsError("ledger.node."+name, l.o.Credentials))
	}
	if l.conn, err = l.dial(l.o.Name, l.primary()); err != nil {
		return err
	}
	if l.reader, err = l.dial(l.o.Name+" (reader)", l.primary()); err != nil {
		l.conn.Close()
		return err
	}
	if l.js, err = jetstream.New(l.conn, jetstream.WithDefaultTimeout(appendTimeout)); err != nil {
		l.conn.Close()
		l.reader.Close()
		return fmt.Errorf("connect to the broker: %w", err)
	}
	return nil
}

// errNoCredential is returned by Open where none was given.
var errNoCredential = errors.New("connect to the broker: it lets nobody in without a credential: name the file of yours under broker.credentials")

// nodeRoles are the roles of which a node has credentials, or who makes its streams.
func nodeRoles() []Role { return []Role{RoleNode, RoleAdapter, RoleOperator} }

// primary is the credential with which the ledger is read; none in the broker's own process.
func (l *Ledger) primary() *Credential {
	if l.o.Server != nil {
		return nil
	}
	return &l.o.Credentials[0]
}

func (l *Ledger) dial(name string, who *Credential) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.Name(name), nats.Timeout(connectTimeout), nats.MaxReconnects(-1), nats.ReconnectWait(100 * time.Millisecond),
		nats.ReconnectBufSize(-1), nats.PingInterval(10 * time.Second), nats.MaxPingsOutstanding(2),
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(*nats.Conn, error) {
			l.asking.fail(nats.ErrDisconnected) // the answer went down with the connection
			l.mu.Lock()
			defer l.mu.Unlock()
			l.seek(l.newest)
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			select {
			case l.reconnected <- struct{}{}:
			default:
			}
			l.hint()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			l.o.Log.Warn("the broker reports an error", "err", err) //nolint:sloglint // a callback has no context
			if errors.Is(err, nats.ErrPermissionViolation) {
				l.pending.fail(fmt.Errorf("%w: %w", ErrForbidden, err))
			}
		}),
	}
	if l.o.Server != nil {
		opts = append(opts, nats.InProcessServer(l.o.Server.ns), nats.Token(l.o.Server.gate.node))
	} else {
		opts = append(opts, nats.Nkey(who.Key, who.pair.Sign), nats.CustomInboxPrefix(who.inbox()))
		if secure(l.o.URL) {
			config := l.o.TLS
			if config == nil {
				config = &tls.Config{}
			}
			config = config.Clone()
			config.MinVersion = tls.VersionTLS13
			opts = append(opts, nats.Secure(config))
		}
	}
	conn, err := nats.Connect(l.o.URL, opts...)
	if errors.Is(err, nats.ErrAuthorization) && who != nil {
		return nil, fmt.Errorf("connect to the broker: it does not take the credential of %s with the public key %s: give that key to whoever runs the broker, or name another credential: %w", who.Name(), who.Key, err)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	return conn, nil
}

// secure reports whether an address asks for TLS.
func secure(url string) bool {
	return strings.Contains(url, "tls://") || strings.Contains(url, "wss://")
}

// hint has a reader that asks look soon.
func (l *Ledger) hint() {
	select {
	case l.hinted <- struct{}{}:
	default:
	}
}

// writers are the connections with other credentials than the one that reads, each made
// when it is first needed.
type writers struct {
	mu    sync.Mutex
	conns []*nats.Conn
	by    map[string]jetstream.JetStream // by public key
}

// May reports whether this program has a credential that may write the record.
func (l *Ledger) May(r *Record) bool { return l.mayWrite(r.Subject()) }

// Allowed returns a [*RightsError] where this program has no credential that may write the
// record, so that it can be told before something else is written.
func (l *Ledger) Allowed(r *Record) error {
	if l.May(r) {
		return nil
	}
	return rightsError(r.Subject(), l.o.Credentials)
}

func (l *Ledger) mayWrite(subject string) bool {
	return l.o.Server != nil || slices.ContainsFunc(l.o.Credentials, func(c Credential) bool { return c.may(subject) })
}

// writer returns the way to the broker on which a subject may be written.
func (l *Ledger) writer(subject string) (jetstream.JetStream, error) {
	if l.o.Server != nil {
		return l.js, nil
	}
	i := slices.IndexFunc(l.o.Credentials, func(c Credential) bool { return c.may(subject) })
	switch i {
	case -1:
		return nil, rightsError(subject, l.o.Credentials)
	case 0:
		return l.js, nil
	}
	c := &l.o.Credentials[i]
	l.writers.mu.Lock()
	defer l.writers.mu.Unlock()
	if js := l.writers.by[c.Key]; js != nil {
		return js, nil
	}
	conn, err := l.dial(l.o.Name+" ("+c.Name()+")", c)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(appendTimeout))
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	if l.writers.by == nil {
		l.writers.by = map[string]jetstream.JetStream{}
	}
	l.writers.conns, l.writers.by[c.Key] = append(l.writers.conns, conn), js
	return js, nil
}

// warm makes the connections that appends will need, so that no release waits for one.
func (l *Ledger) warm() error {
	for i := range l.o.Credentials {
		c := &l.o.Credentials[i]
		for _, subject := range Writes(c.Role, c.Channel) {
			if _, err := l.writer(strings.ReplaceAll(subject, "*", "-")); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Ledger) open(ctx context.Context) error {
	stream, err := l.js.Stream(ctx, streamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if l.o.Server != nil && l.o.Server.held {
			return ErrUnreadable // what the broker would make in their place is another ledger
		}
		if !l.o.Create {
			return ErrNoLedger
		}
		switch {
		case l.o.Server == nil && l.o.Known:
			return ErrGone
		case l.o.Server == nil:
			return errNotProvided
		}
		stream, err = l.create(ctx)
	}
	if err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	info := stream.CachedInfo()
	if realm := info.Config.Metadata["realm"]; l.o.Realm != "" && realm != l.o.Realm {
		return &RealmError{Want: l.o.Realm, Have: realm}
	}
	if l.o.Create {
		if stream, err = l.grow(ctx, stream); err != nil {
			return fmt.Errorf("open the ledger: %w", err)
		}
	}
	l.stream = stream
	if !l.o.Gaps && (info.State.FirstSeq > 1 || info.State.NumDeleted > 0) {
		return fmt.Errorf("open the ledger: it begins at record %d and %d records are missing inside: restore it from a copy", info.State.FirstSeq, info.State.NumDeleted)
	}
	read := l.ask
	if l.o.Create && l.o.Server != nil {
		read = l.follow
	}
	if err := read(ctx); err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	if info.State.LastSeq == 0 && l.o.Create && (!l.o.Known || l.o.Server != nil) {
		if !l.mayWrite("ledger.genesis") {
			return errNotBegun
		}
		return l.begin(ctx, info)
	}
	if info.State.LastSeq > 0 {
		if err := l.readUpTo(ctx, int64(info.State.LastSeq)); err != nil { //nolint:gosec // a stream's sequence stays far below 2^63
			return fmt.Errorf("read the ledger: %w", err)
		}
	}
	if err := l.sameEpoch(info); err != nil {
		return err
	}
	return l.holdBytes(ctx)
}

// errNotProvided is returned by Open where a node finds no streams at a broker elsewhere.
var errNotProvided = errors.New("the broker holds no ledger yet: its operator makes it, with tocsin streams")

// errNotBegun is returned by Open where an adapter's node is the first one.
var errNotBegun = errors.New("the ledger is empty: start a node that carries all channels first, which begins it")

// Provide makes the streams of a ledger at a broker elsewhere, or raises the bounds of those
// that exist, with the operator's credential. It reports whether it made them.
func Provide(ctx context.Context, o Options) (made bool, err error) {
	o.Create = true
	l := newLedger(o)
	if err := l.connect(); err != nil {
		return false, err
	}
	defer l.Close()
	limited, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	defer l.pending.add(giveUp)()
	made, err = l.provide(limited)
	if cause := context.Cause(limited); err != nil && errors.Is(cause, ErrForbidden) {
		err = cause
	}
	if err != nil {
		return made, fmt.Errorf("make the streams: %w", err)
	}
	return made, nil
}

func (l *Ledger) provide(ctx context.Context) (made bool, err error) {
	if _, err := l.js.AccountInfo(ctx); err != nil { // nobody else may ask that
		return false, err
	}
	_, err = l.js.Stream(ctx, streamName)
	if made = errors.Is(err, jetstream.ErrStreamNotFound); made {
		_, err = l.create(ctx)
	}
	if err != nil {
		return false, err
	}
	stream, err := l.js.Stream(ctx, streamName)
	if err != nil {
		return made, err
	}
	if realm := stream.CachedInfo().Config.Metadata["realm"]; l.o.Realm != "" && realm != l.o.Realm {
		return made, &RealmError{Want: l.o.Realm, Have: realm}
	}
	_, err = l.grow(ctx, stream)
	return made, err
}

func (l *Ledger) create(ctx context.Context) (jetstream.Stream, error) {
	config, blobs := l.recordsConfig(), l.blobsConfig()
	if _, err := l.js.CreateStream(ctx, blobs); err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil, storeError(err)
	}
	stream, err := l.js.CreateStream(ctx, config)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return l.js.Stream(ctx, streamName)
	}
	return stream, storeError(err)
}

// maxBytes is the bound of each of the two streams.
func (l *Ledger) maxBytes() int64 {
	if l.o.MaxBytes == 0 {
		return 4 << 30
	}
	return l.o.MaxBytes
}

// grow holds the settings of the streams against ours, and raises their bounds to what is asked for, where they are lower:
// a ledger that ran full goes on with more room. It never lowers them.
func (l *Ledger) grow(ctx context.Context, records jetstream.Stream) (jetstream.Stream, error) {
	blobs, err := l.js.Stream(ctx, blobsName)
	if errors.Is(err, jetstream.ErrStreamNotFound) { // it is made before the records
		return records, fmt.Errorf("%w (stream %s): restore it at the broker from a copy (docs/operations.md, Backup and restore)", ErrNoBlobs, blobsName)
	}
	if err != nil {
		return records, err
	}
	wantRecords, wantBlobs := l.recordsConfig(), l.blobsConfig()
	if err := errors.Join(holdAgainst(&records.CachedInfo().Config, &wantRecords), holdAgainst(&blobs.CachedInfo().Config, &wantBlobs)); err != nil {
		return records, err
	}
	for _, s := range []jetstream.Stream{blobs, records} {
		config := s.CachedInfo().Config
		if config.MaxBytes <= 0 || config.MaxBytes >= l.maxBytes() {
			continue
		}
		if l.o.Server == nil && l.o.Credentials[0].Role != RoleOperator {
			l.o.Log.WarnContext(ctx, "the stream at the broker has a lower bound than broker.max_bytes: its operator raises it with tocsin streams", "stream", config.Name, "bound", config.MaxBytes)
			continue
		}
		config.MaxBytes = l.maxBytes()
		if _, err := l.js.UpdateStream(ctx, config); err != nil {
			return records, storeError(err)
		}
	}
	return l.js.Stream(ctx, streamName)
}

// begin writes the first record. Where two nodes begin one ledger, the first
// record stands and the second is refused by its place.
func (l *Ledger) begin(ctx context.Context, info *jetstream.StreamInfo) error {
	_, err := l.Append(ctx, Record{Type: Genesis, Realm: info.Config.Metadata["realm"], Epoch: info.Config.Metadata["epoch"]})
	if err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("begin the ledger: %w", err)
	}
	return l.WaitApplied(ctx, 1)
}

func (l *Ledger) sameEpoch(info *jetstream.StreamInfo) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state
	if len(l.gaps) > 0 && l.gaps[0].From == 1 { // the record that says it is missing
		s.Realm, s.Epoch = info.Config.Metadata["realm"], info.Config.Metadata["epoch"]
	}
	if s.Seq > 0 && (s.Epoch != info.Config.Metadata["epoch"] || s.Realm != info.Config.Metadata["realm"]) {
		return errors.New("open the ledger: its first record and its stream are of different epochs or realms: restore it from a copy")
	}
	return nil
}

// follow folds every record from the first on, in its own goroutine, until Close.
func (l *Ledger) follow(ctx context.Context) error {
	js, err := jetstream.New(l.reader, jetstream.WithDefaultTimeout(appendTimeout))
	if err != nil {
		return err
	}
	consumer, err := js.OrderedConsumer(ctx, streamName, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullExpiry(5*time.Second), jetstream.PullHeartbeat(time.Second), jetstream.PullMaxMessages(2048))
	if err != nil {
		return err
	}
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	l.reading.Go(func() {
		<-ctx.Done()
		messages.Stop()
	})
	if err := l.watch(ctx); err != nil {
		return err
	}
	l.reading.Go(func() {
		for {
			m, err := messages.Next()
			switch {
			case errors.Is(err, jetstream.ErrMsgIteratorClosed):
				return
			case err != nil:
				// The consumer makes itself anew; a gap would show in the fold.
				l.o.Log.WarnContext(ctx, "reading the ledger was interrupted", "err", err)
				if ctx.Err() != nil || l.reader.IsClosed() {
					return
				}
			default:
				meta, err := m.Metadata()
				if err != nil {
					l.breakOff(fmt.Errorf("a message of the ledger has no place in it: %w", err))
					return
				}
				l.fold(&Entry{
					Seq: int64(meta.Sequence.Stream), Subject: m.Subject(), Payload: m.Data(), Time: meta.Timestamp.UTC(), Header: m.Headers(), //nolint:gosec // far below 2^63
				})
			}
		}
	})
	return nil
}

// fold reads the record of the next message and folds it.
func (l *Ledger) fold(e *Entry) {
	e.Record, e.Bad = Decode(e.Payload)

	l.mu.Lock()
	if l.broken != nil {
		l.mu.Unlock()
		return
	}
	if l.o.Gaps && e.Seq > l.state.Seq+1 {
		l.pass(e.Seq - 1)
	}
	err := l.state.Apply(e)
	l.newest, l.came = e, l.o.Now()
	if _, void := errors.AsType[*VoidError](err); err != nil && !void {
		l.broken = err
	}
	if l.o.Observe != nil {
		l.o.Observe(e, err)
	}
	l.tell()
	l.mu.Unlock()
}

// tell wakes those who wait: last whoever waits for its own record, since the
// scheduler lets the one who was woken last go first. The caller holds mu.
func (l *Ledger) tell() {
	close(l.applied)
	l.applied = make(chan struct{})
	for done, seq := range l.awaited {
		if l.broken != nil || l.state.Seq >= seq {
			close(done)
			delete(l.awaited, done)
		}
	}
}

func (l *Ledger) breakOff(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.broken = err
		l.tell()
	}
}

// Close stops following and disconnects. Closing twice is fine.
func (l *Ledger) Close() {
	if l.stop != nil {
		l.stop()
	}
	l.asking.fail(nats.ErrConnectionClosed)
	l.reading.Wait()
	l.reader.Close()
	l.conn.Close()
	l.writers.mu.Lock()
	defer l.writers.mu.Unlock()
	for _, conn := range l.writers.conns {
		conn.Close()
	}
}

// View calls f with the state as it is now. f must neither keep nor change what
// it is given, nor call the ledger.
func (l *Ledger) View(f func(*State)) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	f(l.state)
}

// Broken returns why the ledger can't be read on, or what of it is not there or can't be
// read where gaps are passed over; nil where it is whole.
func (l *Ledger) Broken() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	switch {
	case l.broken != nil:
		return l.broken
	case len(l.gaps) > 0:
		return &GapError{Gaps: slices.Clone(l.gaps)}
	case l.o.Server != nil && l.o.Server.damage != nil:
		return l.o.Server.damage
	}
	return l.lost
}

// Size returns the number of records that the broker holds, which may be ahead of
// the state.
func (l *Ledger) Size(ctx context.Context) (int64, error) {
	info, err := l.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask the ledger for its size: %w", err)
	}
	return int64(info.State.LastSeq), nil //nolint:gosec // far below 2^63
}

// Time returns what the broker's clock shows, as far as it is known here: the time of the
// newest record, and what has passed here since it came. The broker's clock is that far at
// least, and further by as long as the record was under way. It is the clock for all
// that follows from the times of records: this machine's may differ from that of whoever
// wrote them. It is zero while there is no record.
func (l *Ledger) Time() time.Time {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.newest == nil {
		return time.Time{}
	}
	return l.newest.Time.Add(max(l.o.Now().Sub(l.came), 0))
}

// A Room is how much a stream still takes.
type Room struct {
	Free  int64 // bytes
	Bound int64 // bytes that it takes in all; 0 where it has no bound
	// Behind is how many of the copies that a cluster keeps are missing or behind.
	Behind int
}

// Rooms returns the room in the stream of records, and in that of bulletins.
func (l *Ledger) Rooms(ctx context.Context) (records, blobs Room, err error) {
	if records, err = l.room(ctx, streamName); err == nil {
		blobs, err = l.room(ctx, blobsName)
	}
	return records, blobs, err
}

func (l *Ledger) room(ctx context.Context, name string) (Room, error) {
	stream, err := l.js.Stream(ctx, name)
	if err != nil {
		return Room{}, fmt.Errorf("ask the ledger for its room: %w", err)
	}
	info := stream.CachedInfo()
	behind := 0
	if info.Cluster != nil {
		current := 1 // the leader, which has answered
		for _, peer := range info.Cluster.Replicas {
			if peer.Current && !peer.Offline {
				current++
			}
		}
		behind = max(info.Config.Replicas-current, 0)
	}
	if info.Config.MaxBytes <= 0 {
		return Room{Behind: behind}, nil
	}
	return Room{Behind: behind, Bound: info.Config.MaxBytes, Free: max(info.Config.MaxBytes-int64(info.State.Bytes), 0)}, nil //nolint:gosec // far below 2^63
}

// WaitApplied returns when the record with sequence seq is folded.
func (l *Ledger) WaitApplied(ctx context.Context, seq int64) error {
	l.mu.Lock()
	if l.broken != nil || l.state.Seq >= seq {
		defer l.mu.Unlock()
		if l.state.Seq >= seq {
			return nil
		}
		return l.broken
	}
	done := make(chan struct{})
	l.awaited[done] = seq
	l.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.awaited, done)
		return context.Cause(ctx)
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.state.Seq >= seq {
		return nil
	}
	return l.broken
}

// Changed returns a channel that is closed when the next entry is folded.
func (l *Ledger) Changed() <-chan struct{} {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.applied
}

// Name returns who writes through this ledger.
func (l *Ledger) Name() string { return l.o.Name }

// Append writes r and returns its sequence when it is on disk. It fills in
// Schema, ID, At and Node where they are empty. A delivery record, and the refusal of
// a record, goes in only if no record came to its subject since the state that this ledger has folded;
// otherwise [ErrConflict] is returned. The trace of ctx goes along as a header.
//
// Whether the record took effect is seen in the state once it is folded.
func (l *Ledger) Append(ctx context.Context, r Record) (int64, error) {
	return l.append(ctx, r, func(subject string) int64 {
		l.mu.RLock()
		defer l.mu.RUnlock()
		return l.state.Last[subject]
	})
}

// AppendAfter is Append for a delivery record or a refusal that follows from what the
// ledger said when last was the newest record on its subject, 0 for none: [ErrConflict] is
// returned where another one came since.
func (l *Ledger) AppendAfter(ctx context.Context, r Record, last int64) (int64, error) {
	return l.append(ctx, r, func(string) int64 { return last })
}

func (l *Ledger) append(ctx context.Context, r Record, last func(subject string) int64) (int64, error) {
	r.Schema = Schema
	if r.ID == "" {
		r.ID = uuid.NewString()
	}
	if r.At.IsZero() {
		r.At = l.o.Now()
	}
	r.At = r.At.UTC()
	if r.Node == "" {
		r.Node = l.o.Name
	}
	payload, err := r.Encode()
	if err != nil {
		return 0, err
	}
	m := &nats.Msg{Subject: r.Subject(), Data: payload, Header: nats.Header{}}
	inject(ctx, m.Header)
	opts := []jetstream.PublishOpt{jetstream.WithMsgID(r.ID)}
	if r.Delivery() || r.Type == Genesis || r.Type == Watched || r.Type == Foreign || r.Refers > 0 {
		opts = append(opts, jetstream.WithExpectLastSequencePerSubject(uint64(last(m.Subject)))) //nolint:gosec // never negative
	}
	return l.publish(ctx, m, opts)
}

func (l *Ledger) publish(ctx context.Context, m *nats.Msg, opts []jetstream.PublishOpt) (int64, error) {
	ack, err := l.send(ctx, m, opts)
	if err != nil {
		return 0, fmt.Errorf("append to the ledger on %s: %w", m.Subject, err)
	}
	return int64(ack.Sequence), nil //nolint:gosec // far below 2^63
}

// send hands m to the broker and returns when it is on disk.
func (l *Ledger) send(ctx context.Context, m *nats.Msg, opts []jetstream.PublishOpt) (*jetstream.PubAck, error) {
	js, err := l.writer(m.Subject)
	if err != nil {
		return nil, err
	}
	limited, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	limited, cancel := context.WithTimeoutCause(limited, appendTimeout, errSilent)
	defer cancel()
	defer l.pending.add(giveUp)()
	if l.o.Server != nil {
		doubt := time.AfterFunc(doubtAfter, func() {
			if err := l.o.Server.Healthy(); err != nil {
				giveUp(fmt.Errorf("%w (%w)", ErrFull, err))
			}
		})
		defer doubt.Stop()
	}
	ack, err := js.PublishMsg(limited, m, opts...)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, context.Cause(limited)
	}
	if err == nil {
		select {
		case l.appended <- struct{}{}:
		default:
		}
	}
	return ack, storeError(err)
}

// pending are the messages that wait for the broker's word. It does not answer one that
// is forbidden: it says so on the connection.
type pending struct {
	mu      sync.Mutex
	next    int
	waiting map[int]context.CancelCauseFunc
}

// add notes who gives up on a message; what it returns forgets that again.
func (p *pending) add(giveUp context.CancelCauseFunc) (done func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == nil {
		p.waiting = map[int]context.CancelCauseFunc{}
	}
	p.next++
	n := p.next
	p.waiting[n] = giveUp
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.waiting, n)
	}
}

// fail gives up on all: which one was forbidden stands in the error alone. What was
// written all the same is not repeated, since records are known by their identifier.
func (p *pending) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, giveUp := range p.waiting {
		giveUp(err)
	}
}

// errSilent is the end of a wait for a broker elsewhere, which does not say why it
// can't write.
var errSilent = fmt.Errorf("the broker gave no answer within %v: the disk of its ledger may be full, which the node's log says; "+
	"make room, start the node again, and look whether the record is there before it is written once more", appendTimeout)

// errNoLeader is that no server was there to take a record: those of a cluster that lost the one
// which led agree on another one, or too few are left.
var errNoLeader = errors.New("no server of the broker takes records at this moment, and nothing was written: if the broker is a cluster that has just lost a server, try again in half a minute; " +
	"if it lasts, see whether more than half of its servers run")

// storeError gives the broker's words a class that a caller can act on.
func storeError(err error) error {
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		return errNoLeader
	}
	if e, ok := errors.AsType[*jetstream.APIError](err); ok {
		switch {
		case e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
			return ErrConflict
		case e.ErrorCode == codeStoreFailed, e.ErrorCode == codeInsufficientResources, e.ErrorCode == codeStorageExceeded:
			return fmt.Errorf("%w (%s)", ErrFull, e.Description)
		}
	}
	return err
}

// Error codes of the broker (nats-server, server/errors.json) that nats.go has no
// names for.
const (
	codeInsufficientResources jetstream.ErrorCode = 10023
	codeStorageExceeded       jetstream.ErrorCode = 10047
	codeStoreFailed           jetstream.ErrorCode = 10077
)

// PutBlob keeps data under its SHA-256 and returns the digest when it is on disk.
// Keeping the same bytes again is fine.
func (l *Ledger) PutBlob(ctx context.Context, data []byte) (string, error) {
	if len(data) > maxBlob {
		return "", fmt.Errorf("keep bytes: %d bytes, the limit is %d", len(data), maxBlob)
	}
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	subject := "blob." + digest
	_, err := l.send(ctx, &nats.Msg{Subject: subject, Data: data}, []jetstream.PublishOpt{jetstream.WithExpectLastSequencePerSubject(0), jetstream.WithExpectStream(blobsName)})
	if errors.Is(err, ErrConflict) {
		// Somebody has written under this name: these bytes, or others to keep them out.
		if _, err = l.Blob(ctx, digest); errors.Is(err, ErrDamaged) {
			_, err = l.send(ctx, &nats.Msg{Subject: subject, Data: data}, []jetstream.PublishOpt{jetstream.WithExpectStream(blobsName)})
		}
	}
	if err != nil {
		return "", fmt.Errorf("keep bytes: %w", err)
	}
	return digest, nil
}

// maxSought bounds among how many messages under one digest its bytes are looked for: who
// looks for them holds up others.
const maxSought = 256

// Blob returns the bytes with the given SHA-256, checked against it, or
// [ErrNoBlob]. Whoever may write bytes may write others under the same name: they are
// passed over. [ErrDamaged] says that there are none but such.
//
// In a cluster whoever is asked first may have a copy that lags. That something is not there
// is the word of the stream's leader alone, which has all that was acknowledged.
func (l *Ledger) Blob(ctx context.Context, digest string) ([]byte, error) {
	if !isDigest(digest) {
		return nil, fmt.Errorf("bytes %q: not a SHA-256 in lower-case hexadecimal", digest)
	}
	blobs, err := l.js.Stream(ctx, blobsName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("bulletin %s: %w", digest, ErrNoBlobs)
	}
	if err != nil {
		return nil, fmt.Errorf("fetch bytes: %w", err)
	}
	subject := "blob." + digest
	data, err := seekBytes(digest, func(from uint64) (*jetstream.RawStreamMsg, error) {
		if from == 0 {
			return blobs.GetLastMsgForSubject(ctx, subject)
		}
		return blobs.GetMsg(ctx, from, jetstream.WithGetMsgSubject(subject))
	})
	if l.o.Server == nil && (errors.Is(err, ErrNoBlob) || errors.Is(err, ErrDamaged)) {
		return seekBytes(digest, func(from uint64) (*jetstream.RawStreamMsg, error) { return l.askLeader(ctx, subject, from) })
	}
	return data, err
}

// seekBytes returns the bytes with the digest out of the messages that stand under it. Get
// returns the last one for 0, and the first one from a sequence on.
func seekBytes(digest string, get func(from uint64) (*jetstream.RawStreamMsg, error)) ([]byte, error) {
	m, err := get(0)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, fmt.Errorf("bulletin %s: %w", digest, ErrNoBlob)
	}
	for from, sought := uint64(1), 0; ; sought++ {
		if err != nil {
			return nil, fmt.Errorf("fetch bytes: %w", err)
		}
		if sum := sha256.Sum256(m.Data); hex.EncodeToString(sum[:]) == digest {
			return m.Data, nil
		}
		if sought == maxSought {
			return nil, fmt.Errorf("bulletin %s: %w", digest, ErrDamaged)
		}
		// They were kept first, as a rule.
		m, err = get(from)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil, fmt.Errorf("bulletin %s: %w", digest, ErrDamaged)
		}
		if err == nil {
			from = m.Sequence + 1
		}
	}
}

// askLeader asks the leader of the stream of bulletins, which alone answers this question, for
// the last message under a subject, or for the first one from a sequence on.
func (l *Ledger) askLeader(ctx context.Context, subject string, from uint64) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askPatience, errSilent)
	defer cancel()
	question := map[string]any{"last_by_subj": subject}
	if from > 0 {
		question = map[string]any{"seq": from, "next_by_subj": subject}
	}
	raw, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	m, err := l.reader.RequestWithContext(ctx, leaderGet, raw)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Sequence uint64 `json:"seq"`
			Data     []byte `json:"data"`
		} `json:"message"`
	}
	err = json.Unmarshal(m.Data, &answer)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the broker's answer can't be read: %w", err)
	case answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return nil, jetstream.ErrMsgNotFound
	case answer.Error != nil:
		return nil, answer.Error
	}
	return &jetstream.RawStreamMsg{Subject: subject, Sequence: answer.Message.Sequence, Data: answer.Message.Data}, nil
}
