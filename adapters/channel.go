// Package adapters is the port between the broker and the places where an alert
// is published: what the broker may ask of a channel, and what it may answer.
//
// Each folder below is one kind of channel. A channel knows its platform and
// nothing else: it sees a [Post], never an alert, a signature or a ledger.
package adapters

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// A Channel publishes posts on one account of one platform.
//
// A Channel is safe for concurrent use. It holds no queue and never retries:
// one call of Publish is at most one attempt, so that every attempt is seen,
// paced and recorded in one place.
type Channel interface {
	// Name is the channel's name in configuration, records and reports, for
	// example "telegram-savona".
	Name() string

	// Kind is the kind of platform: "website", "telegram", "x", "facebook",
	// "instagram".
	Kind() string

	// Limits says what a post must respect to be taken here.
	Limits() Limits

	// Publish puts p before the public and returns where it stands. It returns as
	// soon as the platform has answered: what else is to be asked, others ask.
	//
	// Every error wraps a [Failure], whose Kind says whether p may be public
	// all the same. A post over the Limits is Permanent without a call.
	//
	// Where [Limits.Illustrated], an image never stops the text: a post whose image was not
	// prepared, or that the platform refuses for it, is published without, in the same call
	// of Publish, and Receipt.Lacks says so.
	Publish(ctx context.Context, p Post, a Attempt) (Receipt, error)

	// ReadBack fetches the post that r names as the platform shows it and
	// compares it, after the platform's own normalisation, with p. It returns
	// nil where the platform shows exactly p; [ErrNotPublished] where the
	// platform shows no such post (it may be late: the caller asks again);
	// an [AlteredError] where it shows something else; [ErrWithoutImage] where it shows p's
	// text without p's image, unless r.Lacks says that already; [ErrCannotLook] where this
	// account gives no way to look; otherwise a [Failure].
	ReadBack(ctx context.Context, p Post, r Receipt) error
}

// A Finder is a [Channel] that can be asked whether a post is public when
// nobody knows its identifier: after a lost answer, or after a crash.
type Finder interface {
	Channel

	// Find looks on the platform for p by its Mark, at most [ClockSkew] further
	// back than a.Since, and returns its receipt. What p.Beside says is another post. It returns [ErrNotPublished] where the
	// platform shows no such post now (platforms may show it late: the caller
	// settles for how long it asks again), [ErrCannotLook] where this account
	// gives no way to look, otherwise a [Failure].
	Find(ctx context.Context, p Post, a Attempt) (Receipt, error)
}

// A Locator is a [Channel] whose platform names a post when it takes it, and says
// only afterwards at which address the public sees it.
type Locator interface {
	Channel

	// Locate is ReadBack that also returns the post's own address, where the
	// platform shows exactly p; "" where it does not say. Publish does not ask
	// for the address: a receipt waits for nothing, since what is lost between
	// the platform's answer and its record costs a look.
	Locate(ctx context.Context, p Post, r Receipt) (address string, err error)
}

// A Clocked channel knows how far this machine's clock is from its platform's.
type Clocked interface {
	Channel

	// ClockOffset returns by how much this machine's clock is ahead of the
	// platform's (negative: behind), to about a second, as the latest answer
	// showed it; false before the first one.
	ClockOffset() (offset time.Duration, known bool)
}

// A Preparer is a [Channel] whose posts are made in two steps, of which only the
// second one is public: an upload or container, then its publication.
type Preparer interface {
	Channel

	// Prepare does the first step and returns the platform's name for what it
	// made. It is harmless to repeat: nothing of it is public. The caller
	// keeps the name on disk and hands it to Publish as Attempt.Prepared.
	//
	// Others can write where the caller keeps it, so the name bears a proof that who
	// holds this account's credential made it of p, and nobody without that credential can
	// forge one. Publish fails with [ErrPreparedDead], without a call, where a name does
	// not prove that; Find looks as if there were none. A process that is started again
	// with the same credential takes what an earlier one prepared; with another one it
	// prepares anew, and the first is never published.
	//
	// A post that has nothing to prepare, such as one without an image where only images are
	// uploaded, has the name "", without a call.
	//
	// Every error wraps a [Failure]; its Kind is never Unknown, since nothing
	// can be public.
	Prepare(ctx context.Context, p Post) (prepared string, err error)
}

// An ImageHost keeps images at public addresses, for platforms that fetch an
// image instead of taking it.
type ImageHost interface {
	// Host makes image public at image.URL, at least until the moment given and
	// not much longer. It is harmless to repeat; the latest moment counts.
	//
	// Every error wraps a [Failure]; one that wraps [ErrOtherHost] says that the
	// address is another host's, whose business the image is.
	Host(ctx context.Context, image Image, until time.Time) error
}

// A Past is an alert that a site showed before its process began, and is handed
// again.
type Past struct {
	Code        string
	Identifiers []string // of its CAP messages
}

// An Archive is a site that serves what is in force while it is still handed what is
// over: it must not deny what it is about to show.
type Archive interface {
	// Expect names alerts that are on their way. Whoever asks for one is told that
	// the site is starting, not that there is no such alert.
	Expect(past []Past)
	// Arrived ends that for one of them: all of it is there.
	Arrived(code string)
	// Doubt says that there may be alerts which are never handed over: from then on it
	// neither says that there is none nor denies one that it does not show.
	Doubt()
}

// A Volatile channel forgets its posts when its process ends: the delivery hands
// it again, at start, every post that the ledger says is public on it.
type Volatile interface {
	Channel

	// Restore shows again a post that was published before, under the receipt r.
	Restore(ctx context.Context, p Post, r Receipt) error
}

var (
	// ErrNotPublished is returned by Find and ReadBack when the platform
	// shows no such post.
	ErrNotPublished = errors.New("not published")

	// ErrWithoutImage is returned by ReadBack when the platform shows a post's text
	// exactly, and not its image.
	ErrWithoutImage = errors.New("the platform shows the text without its image")

	// ErrCannotLook is returned by Find and ReadBack when this account gives
	// no way to look for a post.
	ErrCannotLook = errors.New("this account gives no way to look for a post")

	// ErrOtherHost is wrapped in the Failure of an [ImageHost] that is asked to
	// show an image at an address which is not one of its own.
	ErrOtherHost = errors.New("the image's address is another host's")

	// ErrPreparedDead is wrapped in the Failure of a [Preparer]'s Prepare or
	// Publish when what was prepared can never be published: it expired,
	// the platform could not make it, or its name does not prove that it was made of the
	// post. The Failure is NotSent: the caller drops the name,
	// calls Prepare, and tries again with what that returns.
	ErrPreparedDead = errors.New("what was prepared can no longer be published")
)

// A Key names one post on one channel for ever: alert, bulletin number and part.
// It is the same however often the post is sent.
type Key string

// A Post is what was signed for one channel, ready to be published.
type Post struct {
	Key  Key
	Mark string // the alert code with the bulletin's number, as it stands in Text: "SV-7F3K2-1"
	Lang string // BCP 47
	// Text is byte for byte what was signed: a channel never edits it.
	Text   string
	Title  string // shown apart from Text by channels that have titles; "" otherwise
	Link   string // the alert's public page; stands in Text as well
	Image  *Image // nil for none
	Notice Notice // facts of the message, for channels that publish them as data
	// Beside are the texts of the other posts of the same bulletin on the channel, which
	// bear the same mark and may differ in a word alone: [Finder.Find] takes none of them for
	// this one.
	Beside []string
}

// An Image is a picture that was signed as part of a post.
type Image struct {
	MediaType string // "image/jpeg"
	Data      []byte
	SHA256    string // lower-case hexadecimal, of Data
	Alt       string // the same in words
	URL       string // where an [ImageHost] makes it public
}

// genuine reports whether the image's bytes are those of its digest, which is what was signed.
func (i *Image) genuine() bool {
	sum := sha256.Sum256(i.Data)
	return hex.EncodeToString(sum[:]) == i.SHA256
}

// A Notice holds the facts of a CAP message that a channel may publish as data.
// Channels that publish text alone ignore it.
type Notice struct {
	CAP        []byte // the CAP 1.2 XML document as it was signed
	Identifier string // CAP alert.identifier
	Sender     string // CAP alert.sender
	Sent       time.Time
	Expires    time.Time // when the information ends; never zero
	Status     string    // CAP status: Actual, Exercise, Test
	MsgType    string    // CAP msgType: Alert, Update, Cancel
	Event      string
	Headline   string
	Urgency    string
	Severity   string
	Certainty  string
	Areas      []string // areaDesc of each area
	Code       string   // the alert code, without the bulletin's number: "SV-7F3K2"
	Bulletin   int      // the bulletin's number within its alert, from 1
	Issuer     string   // the office that issues the alert
	SHA256     string   // of the signed bulletin
}

// ClockSkew is how far this machine's clock and a platform's may be apart without
// harm. A post bears the platform's time: it is looked for from so long before
// Attempt.Since on, since a post that the look misses is posted twice. That costs
// nothing but a longer list, as a mark belongs to one bulletin alone.
const ClockSkew = 10 * time.Minute

// An Attempt says which try at a post this is, and what earlier ones left.
type Attempt struct {
	N        int       // counts from 1
	Since    time.Time // no try at this post left before this moment, by this machine's clock
	Prepared string    // what [Preparer.Prepare] returned; "" if it was never called

	// ReplyTo is the platform's name for the post that this one follows: the part before it, and
	// of a first part the first one of the alert's latest bulletin that is public here; "" for none. Where [Limits.Replies] the post answers it,
	// so that who reads one sees the other; where the platform does not let it, since the other
	// is gone or its rules forbid the answer, the post is published for itself. A reply is worth no
	// alert: the text says all of itself.
	ReplyTo string
}

// A Receipt is a platform's word that a post is public.
type Receipt struct {
	ID       string    // the platform's own name for the post
	URL      string    // where the public sees it; of a [Locator], what leads there until it has located it; "" where posts have no address
	At       time.Time // when the platform took it, by the platform's clock if it says, else ours
	Evidence []byte    // the platform's answer as it came, without secrets, at most 4 KiB
	// Lacks says why the post is public without its image, in words for a person; "" where it
	// has it, or has none. Only a channel that is [Limits.Illustrated] sets it.
	Lacks string
}

// What several channels say in [Receipt.Lacks].
const (
	NotUploaded = "its image was not uploaded"
	NotShown    = "it was found without its image"
)

// Limits are a platform's bounds on a post.
type Limits struct {
	MaxLen        int                   // in the platform's own units
	Len           func(text string) int // counts those units; nil counts code points
	MaxTitle      int                   // code points; 0 where posts have no title
	ImageRequired bool                  // posts without an image are not taken
	ImageMaxBytes int                   // 0 where images are not taken
	// Illustrated posts are composed with the alert's card, and are worth publishing without:
	// no failure of the image stops the text.
	Illustrated  bool
	ImageFetched bool     // the platform fetches images from [Image.URL]
	MaxHashtags  int      // 0 for no limit
	MaxMentions  int      // words that begin with "@"; 0 for no limit
	LinksInText  bool     // a link in the text can be followed by the reader
	Replies      bool     // a post can answer an earlier one ([Attempt.ReplyTo])
	Marks        MarkForm // how a post that is public can be marked ([Marker])
	MaxMark      int      // of a mark's text, in the same units as MaxLen; 0 where there are no marks
}

// Length returns the length of text in the platform's units.
func (l Limits) Length(text string) int {
	if l.Len != nil {
		return l.Len(text)
	}
	return utf8.RuneCountInString(text)
}

// Check returns a Permanent [Failure] that names what is over the limits in p,
// or nil.
func (l Limits) Check(p Post) error {
	switch n := l.Length(p.Text); {
	case p.Text == "" || !utf8.ValidString(p.Text):
		return Fail(Permanent, "the text is empty or not UTF-8")
	case n > l.MaxLen:
		return Fail(Permanent, "the text has %d units, the limit is %d", n, l.MaxLen)
	case l.MaxTitle > 0 && utf8.RuneCountInString(p.Title) > l.MaxTitle:
		return Fail(Permanent, "the title has %d characters, the limit is %d", utf8.RuneCountInString(p.Title), l.MaxTitle)
	case l.ImageRequired && p.Image == nil:
		return Fail(Permanent, "the post has no image, and this platform takes none without")
	case l.ImageMaxBytes == 0 && p.Image != nil:
		return Fail(Permanent, "the post has an image, and this channel takes none")
	case l.ImageMaxBytes > 0 && p.Image != nil && len(p.Image.Data) > l.ImageMaxBytes:
		return Fail(Permanent, "the image has %d bytes, the limit is %d", len(p.Image.Data), l.ImageMaxBytes)
	case p.Image != nil && !p.Image.genuine():
		return Fail(Permanent, "the image's bytes are not those that were signed")
	case l.MaxHashtags > 0 && strings.Count(p.Text, "#") > l.MaxHashtags:
		return Fail(Permanent, "the text has %d hashtags, the limit is %d", strings.Count(p.Text, "#"), l.MaxHashtags)
	case l.MaxMentions > 0 && strings.Count(p.Text, "@") > l.MaxMentions:
		return Fail(Permanent, "the text has %d mentions, the limit is %d", strings.Count(p.Text, "@"), l.MaxMentions)
	}
	return nil
}
