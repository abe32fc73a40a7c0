package website

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/templates/wording"
)

const (
	// maxPosts bounds how many posts the site keeps.
	maxPosts = 50_000
	// maxMediaBytes bounds the images that the site keeps, together.
	maxMediaBytes = 512 << 20
	// maxCAPBytes bounds the CAP documents that the site keeps, together.
	maxCAPBytes = 512 << 20
)

// A snapshot is all that the site shows at one moment. Once it is stored, nothing
// in it changes but that its documents are rendered when they are first asked
// for.
type snapshot struct {
	from    time.Time // when it was made: right from here on
	until   time.Time // the clock alone makes it wrong at this moment; zero for never
	changed time.Time // when the last write changed what is shown

	posts  *shards[*stored]   // by their key
	order  []*stored          // as taken
	alerts *shards[*record]   // by their code
	spoken *shards[string]    // codes by what a reader may type of them: letters and figures alone
	files  *shards[*document] // images and CAP documents by their path
	guests *shards[time.Time] // of images that no post shows: until when, by their path

	mediaBytes, capBytes int

	index   map[string]*document // by the frame's language
	feed    *document
	current *document
}

// A stored is a post as the site keeps it.
type stored struct {
	adapters.Post
	digest [32]byte     // of the post as it came: the same key with another digest is refused
	facts  func() facts // of its CAP document, which is read when they are first asked for
	at     time.Time
	image  *media // nil for none
}

// A record is one alert: everything that is known under one code. A stored record
// never changes; a write makes another one.
type record struct {
	code      string
	owner     string      // what its posts' keys begin with: one code belongs to one alert
	bulletins []*bulletin // newest first
	expired   bool        // the newest bulletin has expired
	pages     map[string]*document
}

// A bulletin is one message of an alert with its posts in the order of their parts.
type bulletin struct {
	number int
	posts  []*stored
}

// head is the post that the facts of the bulletin are taken from.
func (b *bulletin) head() *stored { return b.posts[0] }

func (r *record) newest() *bulletin { return r.bulletins[0] }

// first returns the snapshot of a site that shows nothing.
func (s *Site) first() *snapshot {
	now := s.c.Now()
	return s.settled(&snapshot{
		changed: now,
		posts:   newShards[*stored](),
		alerts:  newShards[*record](),
		spoken:  newShards[string](),
		files:   newShards[*document](),
		guests:  newShards[time.Time](),
	}, now)
}

// rightAt reports whether the snapshot says what is true at now. A clock that was
// set back makes it wrong too.
func (v *snapshot) rightAt(now time.Time) bool {
	return !now.Before(v.from) && (v.until.IsZero() || now.Before(v.until))
}

// conflict returns a refusal if p cannot be shown beside what is shown.
func (v *snapshot) conflict(p *stored) error {
	if was := v.posts.get(string(p.Key)); was != nil {
		if was.digest != p.digest {
			return refuse(http.StatusConflict, "another text was published under the key %q: a published post never changes, so a correction needs a new bulletin", p.Key)
		}
		return nil
	}
	r := v.alerts.get(p.Notice.Code)
	if r != nil && r.owner != owner(p.Key) {
		return refuse(http.StatusConflict, "the alert code %s belongs to another alert", p.Notice.Code)
	}
	if r != nil {
		for _, b := range r.bulletins {
			if b.number == p.Notice.Bulletin && b.head().Notice.SHA256 != p.Notice.SHA256 {
				return refuse(http.StatusConflict, "bulletin %d of %s is published with another SHA-256", b.number, r.code)
			}
		}
	}
	if d := v.files.get(capFile(p.Notice.Identifier)); d != nil && len(p.Notice.CAP) > 0 && !d.holds(p.Notice.CAP) {
		return refuse(http.StatusConflict, "another CAP document was published under the identifier %q", p.Notice.Identifier)
	}
	if v.posts.size >= maxPosts || v.capBytes+len(p.Notice.CAP) > maxCAPBytes {
		return refuse(http.StatusInsufficientStorage, "the site is full: it keeps %d posts", v.posts.size)
	}
	if p.image != nil && v.files.get(p.image.path) == nil {
		return v.room(len(p.image.data))
	}
	return nil
}

// room returns a refusal if n more bytes of images do not fit.
func (v *snapshot) room(n int) error {
	if v.mediaBytes+n > maxMediaBytes {
		return refuse(http.StatusInsufficientStorage, "the site is full: it keeps %d bytes of images", v.mediaBytes)
	}
	return nil
}

// with returns a snapshot that shows p as well. Nothing of what it shares with v
// changes: order grows behind what v sees of it, and only the newest snapshot
// grows.
func (s *Site) with(v *snapshot, p *stored, now time.Time) *snapshot {
	next := *v
	next.from, next.changed = now, now
	next.posts = v.posts.with(string(p.Key), p)
	next.order = append(v.order, p)
	r := v.alerts.get(p.Notice.Code).with(p).at(now)
	r.pages = s.alertPages(r)
	next.alerts = v.alerts.with(r.code, r)
	next.turns(r, now)
	next.spoken = v.spoken.with(spoken(r.code), r.code)
	if path := capFile(p.Notice.Identifier); len(p.Notice.CAP) > 0 && v.files.get(path) == nil {
		next.files = v.files.with(path, fixed("application/cap+xml", p.Notice.CAP, p.at))
		next.capBytes += len(p.Notice.CAP)
	}
	if p.image != nil {
		next.addMedia(p.image)
	}
	s.render(&next)
	return &next
}

func (v *snapshot) addMedia(m *media) {
	v.guests = v.guests.without(m.path) // what a post shows stays
	if v.files.get(m.path) != nil {
		return
	}
	d := fixed(m.kind, m.data, time.Time{})
	d.forever = true // its name is its digest
	v.files = v.files.with(m.path, d)
	v.mediaBytes += len(m.data)
}

// addGuest shows an image until the moment given, for whoever fetches it. It changes
// no page.
func (v *snapshot) addGuest(m *media, until time.Time) {
	was := v.guests.get(m.path)
	if was.IsZero() && v.files.get(m.path) != nil {
		return // a post shows it
	}
	v.addMedia(m)
	if was.After(until) {
		until = was
	}
	v.guests = v.guests.with(m.path, until)
	v.turnsAt(until)
}

// dismiss takes the images off whose time is over at now.
func (v *snapshot) dismiss(now time.Time) {
	for path, until := range v.guests.all() {
		if until.After(now) {
			v.turnsAt(until)
			continue
		}
		v.mediaBytes -= len(v.files.get(path).plain)
		v.files, v.guests = v.files.without(path), v.guests.without(path)
	}
}

// turnsAt moves until to the moment, if that comes first.
func (v *snapshot) turnsAt(at time.Time) {
	if v.until.IsZero() || at.Before(v.until) {
		v.until = at
	}
}

// with returns a record that holds p as well; r may be nil.
func (r *record) with(p *stored) *record {
	next := &record{code: p.Notice.Code, owner: owner(p.Key)}
	if r != nil {
		next.bulletins = slices.Clone(r.bulletins)
	}
	at := slices.IndexFunc(next.bulletins, func(b *bulletin) bool { return b.number == p.Notice.Bulletin })
	if at < 0 {
		next.bulletins = append(next.bulletins, &bulletin{number: p.Notice.Bulletin, posts: []*stored{p}})
		slices.SortFunc(next.bulletins, func(a, b *bulletin) int { return cmp.Compare(b.number, a.number) })
		return next
	}
	posts := append(slices.Clone(next.bulletins[at].posts), p)
	slices.SortStableFunc(posts, func(a, b *stored) int { return comparePart(a.Key, b.Key) })
	next.bulletins[at] = &bulletin{number: p.Notice.Bulletin, posts: posts}
	return next
}

// at returns the record as it is at now.
func (r *record) at(now time.Time) *record {
	next := *r
	next.expired = !now.Before(r.newest().head().Notice.Expires)
	return &next
}

// turns moves until to where the clock alone changes something of r after now.
func (v *snapshot) turns(r *record, now time.Time) {
	for _, b := range r.bulletins {
		expires := b.head().Notice.Expires
		for _, at := range []time.Time{expires, expires.Add(feedKeeps)} {
			if at.After(now) {
				v.turnsAt(at)
			}
		}
	}
}

// settled returns v as it is at now: what has expired is marked, and what depends
// on all alerts is to be rendered anew. Of the alerts' pages, only those are that
// the clock has changed.
func (s *Site) settled(v *snapshot, now time.Time) *snapshot {
	next := *v
	next.from, next.until = now, time.Time{}
	for code, r := range v.alerts.all() {
		next.turns(r, now)
		if is := r.at(now); is.expired != r.expired {
			is.pages = s.alertPages(is)
			next.alerts = next.alerts.with(code, is)
		}
	}
	next.dismiss(now)
	s.render(&next)
	return &next
}

// render gives v the documents that depend on all alerts.
func (s *Site) render(v *snapshot) {
	v.index = map[string]*document{}
	for _, lang := range wording.Languages() {
		v.index[lang] = rendered(htmlType, func() ([]byte, error) { return s.pages.Index(s.indexView(v, lang)) })
	}
	v.feed = rendered("application/atom+xml; charset=utf-8", func() ([]byte, error) { return s.atom(v) })
	v.feed.open = true
	v.current = rendered("application/json; charset=utf-8", func() ([]byte, error) { return s.currentJSON(v) })
	v.current.open = true
}

// alertPages returns the pages of r in each language of the frame.
func (s *Site) alertPages(r *record) map[string]*document {
	all := map[string]*document{}
	for _, lang := range wording.Languages() {
		all[lang] = rendered(htmlType, func() ([]byte, error) { return s.pages.Alert(s.alertView(r, lang)) })
	}
	return all
}

// owner returns what all keys of one alert begin with.
func owner(k adapters.Key) string {
	id, _, _ := strings.Cut(string(k), "/")
	return id
}

// comparePart orders keys by the number of their part, then by their text.
func comparePart(a, b adapters.Key) int {
	return cmp.Or(cmp.Compare(partNumber(a), partNumber(b)), cmp.Compare(a, b))
}

// partNumber reads the figures after the last slash of a key, at most nine.
func partNumber(k adapters.Key) int {
	n := 0
	for i, c := range []byte(k[strings.LastIndexByte(string(k), '/')+1:]) {
		if c < '0' || c > '9' || i == 9 {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// spoken returns the letters and figures of an alert code, in upper case: what
// survives when a reader types it.
func spoken(code string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			return c
		}
		return -1
	}, code)
}

// asked returns the record of the alert code that a reader typed, and the number of
// the bulletin where one stood after the code, else 0. The record is nil for a
// code, or a bulletin of it, that is not on the site.
func (v *snapshot) asked(typed string) (r *record, number int) {
	if r := v.alerts.get(strings.ToUpper(typed)); r != nil {
		return r, 0
	}
	if r := v.alerts.get(v.spoken.get(spoken(typed))); r != nil {
		return r, 0
	}
	typed = strings.TrimRight(typed, "])}.,;:! ")
	short := strings.TrimRight(typed, "0123456789")
	code := strings.TrimRight(short, "-–—‐‑ ")
	number, err := strconv.Atoi(typed[len(short):])
	if err != nil || code == short {
		return nil, 0 // no number, or no dash before it
	}
	if r = v.alerts.get(v.spoken.get(spoken(code))); r == nil || !r.has(number) {
		return nil, 0
	}
	return r, number
}

// has reports whether the record has a bulletin with this number.
func (r *record) has(number int) bool {
	return slices.ContainsFunc(r.bulletins, func(b *bulletin) bool { return b.number == number })
}
