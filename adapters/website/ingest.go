package website

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"tocsin/adapters"
)

const (
	// MaxBody is the largest request that the site's writers' side reads, in bytes:
	// an image in base64, a CAP document, the texts.
	MaxBody = 6 << 20
	// maxCAP bounds one CAP document, in bytes: the largest one known has 882 KB.
	maxCAP = 1 << 20
	// maxImage bounds one image, in bytes.
	maxImage = 2 << 20
	// maxSide bounds an image's width and height, in pixels.
	maxSide = 10_000
	// maxWord bounds a name, an event or an identifier, in bytes.
	maxWord = 1000
	// maxAlt bounds an image's description, in bytes.
	maxAlt = 8000
	// maxAreas bounds the areas of a message.
	maxAreas = 500
	// maxBulletin bounds a bulletin's number.
	maxBulletin = 9999
)

// A refusal is why the site does not take a request: the writer reads it.
type refusal struct {
	status int
	why    string
}

// Error returns the reason.
func (e *refusal) Error() string { return e.why }

func refuse(status int, format string, args ...any) error {
	return &refusal{status: status, why: fmt.Sprintf(format, args...)}
}

// bad refuses what can never be taken.
func bad(format string, args ...any) error {
	return refuse(http.StatusUnprocessableEntity, format, args...)
}

// A taken is the site's answer to PUT /posts/{key}.
type taken struct {
	Key adapters.Key `json:"key"`
	URL string       `json:"url"` // of the alert's page
	At  time.Time    `json:"at"`  // when the site took the post first
}

// Ingest returns the writers' side of the site. It belongs on a listener of its
// own, which the public does not reach. Every request shows the token as
// "Authorization: Bearer TOKEN"; every answer is JSON, an error as {"error": WHY}.
//
//	PUT /posts/{key}     the JSON of an adapters.Post whose Key is key, escaped in
//	                     the path. 201 shown from now on, 200 shown already, with
//	                     {"key", "url", "at"}; 409 where something else is shown
//	                     under this key, code or identifier; 422 where the post
//	                     cannot be shown; 507 where the site is full.
//	                     ?at=TIME (RFC 3339) says when it was published before;
//	                     ?dry_run=1 changes nothing and says what would be answered.
//	GET /posts?mark=M    {"posts": [{"key", "url", "at"}]}: those with the mark M,
//	                     or every one where M is empty.
//	PUT /media/{sha256}  a JPEG or PNG image with this digest, for whoever fetches it
//	                     until the moment ?until=TIME (RFC 3339); an image that a
//	                     post shows stays with its post. 201 or 200 with
//	                     {"url", "sha256"}.
func (s *Site) Ingest() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /posts/{key...}", s.answering(s.putPost))
	mux.HandleFunc("GET /posts", s.answering(s.getPosts))
	mux.HandleFunc("PUT /media/{sha256}", s.answering(s.putMedia))
	mux.HandleFunc("/", s.answering(func(*http.Request) (int, any, error) {
		return 0, nil, refuse(http.StatusNotFound, "there is nothing at this address of the site's writers' side")
	}))
	return mux
}

// answering makes a handler of f, for those who show the token.
func (s *Site) answering(f func(r *http.Request) (status int, answer any, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		status, answer, err := 0, any(nil), s.admit(r)
		if err == nil {
			status, answer, err = f(r)
		}
		if refused, ok := errors.AsType[*refusal](err); ok {
			status, answer = refused.status, map[string]string{"error": refused.why}
		} else if err != nil {
			s.c.Log.Error("write to the site", "error", err)
			status, answer = http.StatusInternalServerError, map[string]string{"error": "the site could not do this: see its log"}
		}
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer) // a writer that hung up looks on the page
	}
}

// admit refuses whoever does not show the token. Digests are compared, so that
// the time taken says nothing of the token, its length included.
func (s *Site) admit(r *http.Request) error {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	shown := tokenDigest(token)
	if !ok || subtle.ConstantTimeCompare(shown[:], s.digest[:]) != 1 {
		return refuse(http.StatusUnauthorized, "the credential is not the site's")
	}
	return nil
}

func tokenDigest(token string) [32]byte { return sha256.Sum256([]byte(token)) }

// read reads a whole request.
func read(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, refuse(http.StatusRequestEntityTooLarge, "the request is over %d bytes", MaxBody)
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the request was cut short")
	}
	return body, nil
}

func (s *Site) putPost(r *http.Request) (int, any, error) {
	body, err := read(r)
	if err != nil {
		return 0, nil, err
	}
	p, err := s.readPost(adapters.Key(r.PathValue("key")), body)
	if err != nil {
		return 0, nil, err
	}
	var at time.Time
	if v := r.URL.Query().Get("at"); v != "" {
		if at, err = time.Parse(time.RFC3339Nano, v); err != nil {
			return 0, nil, bad("at is not a time in the form of RFC 3339")
		}
	}
	if r.URL.Query().Get("dry_run") != "" {
		shown, err := s.wouldTake(p, at)
		return http.StatusOK, shown, err
	}
	shown, fresh, err := s.take(p, at)
	if err != nil {
		return 0, nil, err
	}
	status := http.StatusOK
	if fresh {
		status = http.StatusCreated
	}
	return status, s.answer(shown), nil
}

func (s *Site) answer(p *stored) taken {
	shown := s.published(p)
	return taken{Key: p.Key, URL: shown.URL, At: shown.At}
}

// wouldTake says what take would answer.
func (s *Site) wouldTake(p *stored, at time.Time) (taken, error) {
	v := s.view()
	if err := v.conflict(p); err != nil {
		return taken{}, err
	}
	if was := v.posts.get(string(p.Key)); was != nil {
		return s.answer(was), nil
	}
	if p.at = at; at.IsZero() {
		p.at = s.c.Now().Round(0)
	}
	return s.answer(p), nil
}

func (s *Site) getPosts(r *http.Request) (int, any, error) {
	mark := r.URL.Query().Get("mark")
	answer := struct {
		Posts []taken `json:"posts"`
	}{Posts: []taken{}}
	for _, p := range s.view().order {
		if mark == "" || p.Mark == mark {
			answer.Posts = append(answer.Posts, s.answer(p))
		}
	}
	return http.StatusOK, answer, nil
}

func (s *Site) putMedia(r *http.Request) (int, any, error) {
	body, err := read(r)
	if err != nil {
		return 0, nil, err
	}
	m, err := readMedia(r.Header.Get("Content-Type"), r.PathValue("sha256"), body)
	if err != nil {
		return 0, nil, err
	}
	until, err := time.Parse(time.RFC3339Nano, r.URL.Query().Get("until"))
	if err != nil {
		return 0, nil, bad("until is not a time in the form of RFC 3339")
	}
	fresh, err := s.host(m, until)
	if err != nil {
		return 0, nil, err
	}
	status := http.StatusOK
	if fresh {
		status = http.StatusCreated
	}
	return status, map[string]string{"url": s.c.PublicURL + m.path, "sha256": m.sha256}, nil
}

// Host makes image public until the moment given, without a call: for the process
// that the site runs in. It is harmless to repeat.
func (s *Site) Host(_ context.Context, image adapters.Image, until time.Time) error {
	if want := s.c.PublicURL + mediaPath(image.MediaType, image.SHA256); image.URL != "" && image.URL != want {
		return otherHost(image.URL, want)
	}
	m, err := readMedia(image.MediaType, image.SHA256, image.Data)
	if err == nil {
		_, err = s.host(m, until)
	}
	if err != nil {
		return adapters.Fail(adapters.Permanent, "website: %w", err)
	}
	return nil
}

func otherHost(announced, want string) error {
	return adapters.Fail(adapters.Permanent, "website: the image is announced at %q, this site would show it at %q: %w",
		announced, want, adapters.ErrOtherHost)
}

// A media is an image that the site hosts.
type media struct {
	kind, sha256, path string
	data               []byte
	width, height      int // pixels
}

// readMedia checks that data is the image that it is said to be.
func readMedia(kind, digest string, data []byte) (*media, error) {
	if len(data) > maxImage {
		return nil, refuse(http.StatusRequestEntityTooLarge, "the image has %d bytes, the limit is %d", len(data), maxImage)
	}
	sum := sha256.Sum256(data)
	if hex.EncodeToString(sum[:]) != digest {
		return nil, bad("the image does not have the SHA-256 that it is sent under")
	}
	c, err := imageConfig(kind, data)
	if err != nil {
		return nil, refuse(http.StatusUnsupportedMediaType, "the image is not what its type says, or neither image/jpeg nor image/png")
	}
	if c.Width > maxSide || c.Height > maxSide {
		return nil, bad("the image has %d by %d pixels, the limit is %d on a side", c.Width, c.Height, maxSide)
	}
	return &media{kind: kind, sha256: digest, path: mediaPath(kind, digest), data: data, width: c.Width, height: c.Height}, nil
}

// imageConfig reads the head of an image of this type.
func imageConfig(kind string, data []byte) (image.Config, error) {
	switch kind {
	case "image/jpeg":
		return jpeg.DecodeConfig(bytes.NewReader(data))
	case "image/png":
		return png.DecodeConfig(bytes.NewReader(data))
	default:
		return image.Config{}, image.ErrFormat
	}
}

// mediaPath returns the public path of an image.
func mediaPath(kind, digest string) string {
	if kind == "image/png" {
		return "/media/" + digest + ".png"
	}
	return "/media/" + digest + ".jpg"
}

// readPost reads and checks the post that is to be shown under key.
func (s *Site) readPost(key adapters.Key, body []byte) (*stored, error) {
	p := &stored{}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&p.Post); err != nil {
		return nil, refuse(http.StatusBadRequest, "the request is not the JSON of a post: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, refuse(http.StatusBadRequest, "something follows the JSON of the post")
	}
	if p.Key != key {
		return nil, bad("the post's key is not that of the address")
	}
	if err := checkPost(p.Post); err != nil {
		return nil, bad("%v", err)
	}
	if s.c.Exercise && p.Notice.Status == "Actual" {
		return nil, bad("this is the site of the exercise realm: it takes no message of status Actual")
	}
	if err := p.setDigest(); err != nil {
		return nil, err
	}
	// Only pages show them, and a page may wait; the publication may not.
	p.facts = sync.OnceValue(func() facts { return readFacts(p.Notice.CAP) })
	if p.Image != nil {
		m, err := readMedia(p.Image.MediaType, p.Image.SHA256, p.Image.Data)
		if err != nil {
			return nil, err
		}
		p.image = m
	}
	return p, nil
}

// setDigest computes the digest of the post as it came, on one form of it, so that
// the order of fields and the space between them do not matter.
func (p *stored) setDigest() error {
	form, err := json.Marshal(p.Post)
	if err != nil {
		return bad("the post holds a time that has no form in JSON")
	}
	p.digest = sha256.Sum256(form)
	return nil
}

// The forms of what becomes a part of an address or of the markup.
var (
	codeForm   = regexp.MustCompile(`^[A-Z0-9]+(-[A-Z0-9]+)*$`)
	langForm   = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	keyForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+:/-]*$`)
	digestForm = regexp.MustCompile(`^([0-9a-f]{64})?$`)
)

// limits are the site's bounds on a post.
func limits() adapters.Limits {
	return adapters.Limits{MaxLen: 20_000, MaxTitle: 160, ImageMaxBytes: maxImage, LinksInText: true}
}

// checkPost returns what keeps p from being shown as it is, or nil. The channel
// asks before it calls the site, the site before it takes anything.
func checkPost(p adapters.Post) error {
	if err := limits().Check(p); err != nil {
		return fmt.Errorf("check the limits: %w", err)
	}
	n := p.Notice
	switch {
	case len(p.Key) > 200 || !keyForm.MatchString(string(p.Key)) || strings.Contains(string(p.Key), "//") || strings.Contains(string(p.Key), "/."):
		return errors.New("the key is not of the form ALERT/BULLETIN/PART")
	case !langForm.MatchString(p.Lang) || len(p.Lang) > 35:
		return errors.New("the language is not a BCP 47 tag")
	case len(n.Code) > 32 || !codeForm.MatchString(n.Code):
		return errors.New("the alert code is not of upper-case letters and figures in groups joined by hyphens")
	case n.Bulletin < 1 || n.Bulletin > maxBulletin:
		return fmt.Errorf("the bulletin's number is not from 1 to %d", maxBulletin)
	case n.Expires.IsZero() || n.Sent.IsZero():
		return errors.New("the message does not say when it was sent or when it expires")
	case n.Status != "Actual" && n.Status != "Exercise" && n.Status != "Test":
		return errors.New("the message's status is none that the public sees: Actual, Exercise or Test")
	case n.MsgType != "Alert" && n.MsgType != "Update" && n.MsgType != "Cancel":
		return errors.New("the message's type is none that the public sees: Alert, Update or Cancel")
	case n.Identifier == "" || strings.ContainsAny(n.Identifier, " ,<&"):
		return errors.New("the message's identifier is empty, or holds a space, a comma, < or &")
	case len(n.CAP) > maxCAP:
		return fmt.Errorf("the CAP document has %d bytes, the limit is %d", len(n.CAP), maxCAP)
	case !digestForm.MatchString(n.SHA256):
		return errors.New("the bulletin's SHA-256 is not 64 hexadecimal digits in lower case")
	case len(n.Areas) > maxAreas:
		return fmt.Errorf("the message has %d areas, the limit is %d", len(n.Areas), maxAreas)
	}
	return checkWords(p)
}

// checkWords returns what keeps a word of p from standing in a page, or nil.
func checkWords(p adapters.Post) error {
	n := p.Notice
	words := append([]string{
		p.Mark, p.Title, p.Link, n.Identifier, n.Sender, n.Event, n.Headline, n.Urgency, n.Severity, n.Certainty, n.Issuer,
	}, n.Areas...)
	for _, w := range words {
		if len(w) > maxWord || !plain(w) {
			return fmt.Errorf("one of the words that go with the text is over %d bytes, or holds a character that no page can show", maxWord)
		}
	}
	if p.Image != nil && (len(p.Image.Alt) > maxAlt || !plain(p.Image.Alt)) {
		return fmt.Errorf("the image's description is over %d bytes, or holds a character that no page can show", maxAlt)
	}
	if !plain(p.Text) {
		return errors.New("the text holds a control character, which no page can show: only line feeds and tabs can stand in it")
	}
	return nil
}

// plain reports whether s comes out of an HTML page and an XML document as it went
// in: both have no form for control characters, and turn carriage returns into
// line feeds.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool {
		switch {
		case c == '\n', c == '\t':
			return false
		case c < ' ', c >= 0x7f && c <= 0x9f, c&0xfffe == 0xfffe, c >= 0xfdd0 && c <= 0xfdef:
			return true
		}
		return false
	})
}

// postPath returns the path of a post on the writers' side.
func postPath(k adapters.Key) string { return "/posts/" + url.PathEscape(string(k)) }
