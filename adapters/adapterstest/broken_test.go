package adapterstest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/internal/wire"
)

func TestKitPassesAGoodChannel(t *testing.T) {
	t.Parallel()
	adapterstest.Run(t, func(t *testing.T) adapterstest.Rig { r, _, _ := rig(t); return r })
}

// TestKitPassesABlindChannel runs the kit on an account that cannot look.
func TestKitPassesABlindChannel(t *testing.T) {
	t.Parallel()
	adapterstest.Run(t, func(t *testing.T) adapterstest.Rig {
		r, ch, _ := rig(t)
		ch.look = false
		return r
	})
}

// broken is a good channel with one habit changed; a nil habit is the good one.
type broken struct {
	*channel
	publish  func(context.Context, adapters.Post, adapters.Attempt) (adapters.Receipt, error)
	prepare  func(context.Context, adapters.Post) (string, error)
	find     func(context.Context, adapters.Post, adapters.Attempt) (adapters.Receipt, error)
	readBack func(context.Context, adapters.Post, adapters.Receipt) error
	locate   func(context.Context, adapters.Post, adapters.Receipt) (string, error)
	restore  func(context.Context, adapters.Post, adapters.Receipt) error
	offset   func() (time.Duration, bool)
	limits   func() adapters.Limits
	mark     func(context.Context, adapters.Receipt, adapters.Mark) error
	pin      func(context.Context, adapters.Receipt) error
	unpin    func(context.Context, adapters.Receipt) error
	check    func(context.Context) []adapters.Finding
	list     func(context.Context, time.Time) ([]adapters.Listed, error)
}

func (b *broken) List(ctx context.Context, since time.Time) ([]adapters.Listed, error) {
	if b.list == nil {
		return b.channel.List(ctx, since)
	}
	return b.list(ctx, since)
}

func (b *broken) Limits() adapters.Limits {
	if b.limits == nil {
		return b.channel.Limits()
	}
	return b.limits()
}

func (b *broken) Mark(ctx context.Context, on adapters.Receipt, m adapters.Mark) error {
	if b.mark == nil {
		return b.channel.Mark(ctx, on, m)
	}
	return b.mark(ctx, on, m)
}

func (b *broken) Pin(ctx context.Context, on adapters.Receipt) error {
	if b.pin == nil {
		return b.channel.Pin(ctx, on)
	}
	return b.pin(ctx, on)
}

func (b *broken) Unpin(ctx context.Context, on adapters.Receipt) error {
	if b.unpin == nil {
		return b.channel.Unpin(ctx, on)
	}
	return b.unpin(ctx, on)
}

func (b *broken) Check(ctx context.Context) []adapters.Finding {
	if b.check == nil {
		return b.channel.Check(ctx)
	}
	return b.check(ctx)
}

func (b *broken) ClockOffset() (time.Duration, bool) {
	if b.offset == nil {
		return b.channel.ClockOffset()
	}
	return b.offset()
}

func (b *broken) Publish(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	if b.publish == nil {
		return b.channel.Publish(ctx, p, a)
	}
	return b.publish(ctx, p, a)
}

func (b *broken) Prepare(ctx context.Context, p adapters.Post) (string, error) {
	if b.prepare == nil {
		return b.channel.Prepare(ctx, p)
	}
	return b.prepare(ctx, p)
}

func (b *broken) Find(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	if b.find == nil {
		return b.channel.Find(ctx, p, a)
	}
	return b.find(ctx, p, a)
}

func (b *broken) ReadBack(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
	if b.readBack == nil {
		return b.channel.ReadBack(ctx, p, r)
	}
	return b.readBack(ctx, p, r)
}

func (b *broken) Locate(ctx context.Context, p adapters.Post, r adapters.Receipt) (string, error) {
	if b.locate == nil {
		return b.channel.Locate(ctx, p, r)
	}
	return b.locate(ctx, p, r)
}

func (b *broken) Restore(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
	if b.restore == nil {
		return b.channel.Restore(ctx, p, r)
	}
	return b.restore(ctx, p, r)
}

// A habit breaks one thing in a good channel.
type habit func(b *broken, r *adapterstest.Rig)

// says reports every failure of Publish as kind k, and forgets how long to wait.
func says(k adapters.Kind) habit {
	return func(b *broken, _ *adapterstest.Rig) {
		b.publish = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
			r, err := b.channel.Publish(ctx, p, a)
			if err != nil {
				err = adapters.Fail(k, "%w", errors.Unwrap(err))
			}
			return r, err
		}
	}
}

// edits changes the text that both steps send.
func edits(f func(string) string) habit {
	return func(b *broken, _ *adapterstest.Rig) {
		b.prepare = func(ctx context.Context, p adapters.Post) (string, error) {
			p.Text = f(p.Text)
			return b.channel.Prepare(ctx, p)
		}
		b.publish = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
			p.Text = f(p.Text)
			return b.channel.Publish(ctx, p, a)
		}
	}
}

// receipts changes what Publish and Find return.
func receipts(f func(*adapters.Receipt)) habit {
	return func(b *broken, _ *adapterstest.Rig) {
		b.publish = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
			r, err := b.channel.Publish(ctx, p, a)
			f(&r)
			return r, err
		}
		b.find = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
			r, err := b.channel.Find(ctx, p, a)
			f(&r)
			return r, err
		}
	}
}

// finds replaces what Find looks for.
func finds(match func(shown string, p adapters.Post) bool) habit {
	return func(b *broken, _ *adapterstest.Rig) {
		b.find = func(ctx context.Context, p adapters.Post, _ adapters.Attempt) (adapters.Receipt, error) {
			return b.findBy(ctx, func(n notice) bool { return match(n.Text, p) })
		}
	}
}

// retries sends once more, as a new draft, whatever fails.
func retries(b *broken, _ *adapterstest.Rig) {
	b.publish = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		r, err := b.channel.Publish(ctx, p, a)
		if err == nil || ctx.Err() != nil {
			return r, err
		}
		p.Key += "-again"
		if a.Prepared, err = b.channel.Prepare(ctx, p); err != nil {
			return r, err
		}
		return b.channel.Publish(ctx, p, a)
	}
}

// background goes on without the caller's deadline, for a while.
func background(b *broken, _ *adapterstest.Rig) {
	b.publish = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		return b.channel.Publish(context.WithoutCancel(ctx), p, a)
	}
}

// blind takes every failed look for an absent post.
func blind(b *broken, _ *adapterstest.Rig) {
	b.find = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		r, err := b.channel.Find(ctx, p, a)
		if err != nil {
			err = adapters.ErrNotPublished
		}
		return r, err
	}
}

// remembers answers Find from memory.
func remembers(b *broken, r *adapterstest.Rig) {
	r.Open = func() (adapters.Channel, error) {
		again := &broken{channel: b.channel}
		again.find = func(context.Context, adapters.Post, adapters.Attempt) (adapters.Receipt, error) {
			return adapters.Receipt{}, adapters.ErrNotPublished
		}
		return again, nil
	}
}

// reads replaces what ReadBack answers.
func reads(f func(err error) error) habit {
	return func(b *broken, _ *adapterstest.Rig) {
		b.readBack = func(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
			return f(b.channel.ReadBack(ctx, p, r))
		}
	}
}

// quotes puts the credential into errors.
func quotes(b *broken, _ *adapterstest.Rig) {
	b.find = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		r, err := b.channel.Find(ctx, p, a)
		if err != nil {
			err = fmt.Errorf("calling with %s: %w", credential, err)
		}
		return r, err
	}
}

// parrots quotes the platform's answers as they came: its client knows no secret.
func parrots(b *broken, r *adapterstest.Rig) {
	b.channel = &channel{base: r.Server.URL, look: true, wire: wire.New(wire.Options{AllowPrivate: true})}
}

// insists takes a preparation that was refused as published for a reason to make
// another one.
func insists(b *broken, _ *adapterstest.Rig) {
	b.publish = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		if a.N > 1 {
			p.Key += "-again"
			prepared, err := b.channel.Prepare(ctx, p)
			if err != nil {
				return adapters.Receipt{}, err
			}
			a.Prepared = prepared
		}
		return b.channel.Publish(ctx, p, a)
	}
}

// hasty makes the first step public.
func hasty(b *broken, r *adapterstest.Rig) {
	b.prepare = func(ctx context.Context, p adapters.Post) (string, error) {
		prepared, err := b.channel.Prepare(ctx, p)
		if err == nil {
			_, err = b.channel.Publish(ctx, p, adapters.Attempt{Prepared: prepared})
		}
		return prepared, err
	}
}

// doubts calls a failed first step unknown.
func doubts(b *broken, _ *adapterstest.Rig) {
	b.prepare = func(ctx context.Context, p adapters.Post) (string, error) {
		prepared, err := b.channel.Prepare(ctx, p)
		if err != nil {
			err = adapters.Fail(adapters.Unknown, "%w", err)
		}
		return prepared, err
	}
}

// believes publishes whatever it is told was prepared.
func believes(b *broken, _ *adapterstest.Rig) {
	b.publish = func(ctx context.Context, _ adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		return b.channel.release(ctx, a.Prepared, "")
	}
}

// follows goes where a redirect leads.
func follows(b *broken, r *adapterstest.Rig) {
	base := r.Server.URL
	b.publish = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/elsewhere", nil)
		if err != nil {
			return adapters.Receipt{}, err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
		}
		return b.channel.Publish(ctx, p, a)
	}
}

// trusts takes a failure for a success when the post shows.
func trusts(b *broken, _ *adapterstest.Rig) {
	b.publish = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		if r, err := b.channel.Publish(ctx, p, a); err == nil {
			return r, nil
		}
		return b.channel.Find(ctx, p, a)
	}
}

// curt gives a platform no time.
func curt(b *broken, _ *adapterstest.Rig) {
	b.publish = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		return b.channel.Publish(ctx, p, a)
	}
}

// mixes hands the last receipt to whoever asks at the same time.
func mixes(b *broken, _ *adapterstest.Rig) {
	var last atomic.Pointer[adapters.Receipt]
	b.publish = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		r, err := b.channel.Publish(ctx, p, a)
		last.CompareAndSwap(nil, &r)
		return *last.Load(), err
	}
}

// A trap is a channel that must fail a case, and words of the reason for which it
// must: failing for another one shows nothing.
type trap struct {
	set  habit
	says string
}

// traps gives each case its trap.
func traps() map[string]trap {
	return map[string]trap{
		"publishes_the_text_unchanged":       {edits(func(s string) string { return strings.ReplaceAll(s, "&", "&amp;") }), "&amp;"},
		"gives_a_full_receipt":               {receipts(func(r *adapters.Receipt) { r.Evidence = nil }), "evidence has 0 bytes"},
		"gives_its_receipt_at_once":          {dawdles, "before the receipt"},
		"locates_a_post":                     {misleads, "the platform has it at"},
		"takes_a_text_at_the_limit":          {edits(func(s string) string { return s + " " }), "limit is 500"},
		"refuses_a_long_text_without_a_call": {edits(func(s string) string { return s[:min(len(s), 280)] }), "no error"},
		"refuses_a_bad_text_without_a_call":  {edits(func(s string) string { return "text: " + strings.ToValidUTF8(s, "") }), "no error"},
		"a_cancelled_call_is_not_made":       {background, "no error"},
		"publishes_at_the_same_time":         {mixes, "the platform's is"},
		"restores_a_post_once":               {restoresTwice, "public 2 times"},
		"answers_the_post_that_it_follows":   {mute, "the post answers"},

		"publishes_where_what_it_follows_is_gone": {clings, "nobody to answer"},

		"fault_refuse":            {says(adapters.Permanent), "the failure is permanent"},
		"fault_apply_drop":        {says(adapters.NotSent), "the failure is not_sent"},
		"fault_apply_500":         {says(adapters.NotSent), "the failure is not_sent"},
		"fault_apply_html":        {says(adapters.Permanent), "the failure is permanent"},
		"fault_apply_timeout":     {says(adapters.NotSent), "the failure is not_sent"},
		"fault_malformed":         {trusts, "no error"},
		"fault_duplicate":         {says(adapters.Permanent), "the failure is permanent"},
		"fault_throttle":          {says(adapters.NotSent), "says to wait 0s"},
		"fault_auth":              {says(adapters.NotSent), "the failure is not_sent"},
		"fault_credits":           {says(adapters.Auth), "the failure is auth"},
		"fault_stall":             {says(adapters.NotSent), "the failure is not_sent"},
		"fault_slow":              {curt, "context deadline exceeded"},
		"fault_stuck":             {says(adapters.Permanent), "the failure is permanent"},
		"fault_discard":           {says(adapters.Permanent), "the failure is permanent"},
		"fault_apply_refuse":      {says(adapters.NotSent), "the failure is not_sent"},
		"fault_down":              {says(adapters.Duplicate), "the failure is duplicate"},
		"one_call_is_one_attempt": {retries, "public:"},

		"reads_back":                                    {reads(func(error) error { return nil }), "want an AlteredError"},
		"reports_a_deleted_post":                        {reads(func(error) error { return nil }), "want not published"},
		"reports_an_altered_post":                       {reads(func(error) error { return nil }), "want an AlteredError"},
		"looks_always_or_never":                         {reads(forgets), "always or never"},
		"finds_nothing_before_publishing":               {invents, "got no error"},
		"finds_after_a_restart":                         {remembers, "not published"},
		"finds_with_a_clock_that_is_off":                {punctual, "moved by"},
		"tells_how_far_its_clock_is_off":                {timeless, "the offset is 0s"},
		"tells_marks_apart":                             {finds(func(s string, p adapters.Post) bool { return strings.Contains(s, p.Mark) }), "find among others"},
		"tells_alerts_apart":                            {finds(func(s string, _ adapters.Post) bool { return mark().MatchString(s) }), "find among others"},
		"tells_parts_apart":                             {finds(func(s string, p adapters.Post) bool { return strings.Contains(s, "["+p.Mark+"]") }), "find among others"},
		"tells_like_parts_apart":                        {finds(func(s string, p adapters.Post) bool { return strings.HasSuffix(s, p.Text[len(p.Text)/2:]) }), "find among others"},
		"nonsense_is_not_an_absent_post":                {blind, "wraps no Failure"},
		"looking_returns_by_the_deadline":               {slow, "the deadline was"},
		"a_late_post_is_not_there_until_it_shows":       {reads(impatient), "want not published"},
		"an_unreachable_platform_is_not_an_absent_post": {blind, "wraps no Failure"},

		"an_unreachable_platform_is_not_sent": {says(adapters.Unknown), "the failure is unknown"},
		"a_kept_connection_is_not_used_twice": {retries, "public:"},
		"a_huge_answer_is_unknown":            {trusts, "no error"},
		"follows_no_redirect":                 {follows, "nobody configured"},
		"honours_a_front_ends_wait":           {says(adapters.Unknown), "says to wait 0s"},
		"leaks_no_secret":                     {quotes, "a secret of"},
		"leaks_no_echoed_secret":              {parrots, "a secret of"},

		"prepares_in_private":          {hasty, "after Prepare"},
		"prepares_without_doubt":       {doubts, "the failure is unknown"},
		"publishes_a_preparation_once": {insists, "public:"},

		"publishes_no_other_posts_preparation": {believes, "no error"},

		"refuses_an_image_that_was_not_signed":     {signsAnew, "no error"},
		"an_image_that_is_not_taken_stops_no_text": {illustratedOnly, "the text was stopped"},
		"an_image_that_was_lost_stops_no_text":     {illustratedOnly, "the text was stopped"},
		"says_when_the_image_is_gone":              {imageless, "read back without the image"},

		"says_how_it_marks":   {boasts, "its limits say"},
		"marks_a_post":        {marking(func(m adapters.Mark) adapters.Mark { m.Text = strings.ToUpper(m.Text); return m }), "the post says"},
		"marks_no_other_post": {marksAll, "the text is public 0 times"},
		"a_long_mark_makes_no_call": {marking(func(m adapters.Mark) adapters.Mark {
			m.Text = strings.ToValidUTF8(m.Text, "") + "."
			m.Text = m.Text[:min(len(m.Text), 400)]
			return m
		}), "no error"},
		"tells_when_what_it_marks_is_gone":       {marksWith(adapters.Permanent), "want not published"},
		"a_mark_whose_answer_is_lost_is_unknown": {marksWith(adapters.NotSent), "the failure is not_sent"},
		"a_mark_that_was_not_made_is_not_sent":   {marksWith(adapters.Unknown), "the failure is unknown"},
		"pins_and_unpins":                        {unpinsNothing, "pinned are"},
		"tells_when_what_it_pins_is_gone":        {pinsAnything, "want not published"},

		"is_ready_on_a_good_account":        {checks(adapters.Finding{Aspect: adapters.AspectReach, Reason: "x", Advice: "y"}), "on a good account it is down"},
		"a_check_publishes_nothing":         {tries, "posts are public after the check"},
		"is_not_ready_when_revoked":         {sanguine, "it is ready"},
		"is_not_ready_when_rightless":       {sanguine, "it is ready"},
		"is_not_ready_when_stranger":        {sanguine, "it is ready"},
		"is_not_ready_when_spent":           {sanguine, "it is ready"},
		"is_not_ready_without_an_answer":    {sanguine, "it is ready"},
		"is_not_ready_when_unreachable":     {sanguine, "it is ready"},
		"sees_that_somebody_edited_a_post":  {reads(func(error) error { return nil }), "want an AlteredError"},
		"sees_that_somebody_hid_a_post":     {reads(vague), "want hidden"},
		"sees_that_somebody_deleted_a_post": {reads(func(error) error { return nil }), "want not published"},
		"lists_what_stands_on_the_account":  {ownPostsAlone, "Le scuole sono aperte"},
		"a_check_leaks_no_secret":           {checks(adapters.Finding{Aspect: adapters.AspectReach, Reason: credential, Advice: "y"}), "a secret of"},
	}
}

// vague tells no hidden post from a deleted one.
func vague(err error) error {
	if errors.Is(err, adapters.ErrHidden) {
		return adapters.ErrNotPublished
	}
	return err
}

// ownPostsAlone lists what bears a mark: what others publish does not.
func ownPostsAlone(b *broken, r *adapterstest.Rig) {
	b.list = func(ctx context.Context, since time.Time) ([]adapters.Listed, error) {
		all, err := b.channel.List(ctx, since)
		return slices.DeleteFunc(all, func(l adapters.Listed) bool { return !mark().MatchString(l.Text) }), err
	}
}

// signsAnew takes whatever bytes an image has.
func signsAnew(b *broken, _ *adapterstest.Rig) {
	b.prepare = func(ctx context.Context, p adapters.Post) (string, error) {
		sum := sha256.Sum256(p.Image.Data)
		image := *p.Image
		image.SHA256 = hex.EncodeToString(sum[:])
		p.Image = &image
		return b.channel.Prepare(ctx, p)
	}
}

// illustratedOnly publishes with the image or not at all.
func illustratedOnly(b *broken, _ *adapterstest.Rig) {
	b.publish = func(ctx context.Context, _ adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		return b.channel.release(ctx, a.Prepared, "")
	}
}

// imageless looks at the text alone.
func imageless(b *broken, _ *adapterstest.Rig) {
	b.readBack = func(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
		p.Image = nil
		return b.channel.ReadBack(ctx, p, r)
	}
}

// boasts of marks that it does not make.
func boasts(b *broken, _ *adapterstest.Rig) {
	b.limits = func() adapters.Limits {
		l := b.channel.Limits()
		l.MaxMark = 0
		return l
	}
}

// marking changes the mark before it is made.
func marking(f func(adapters.Mark) adapters.Mark) habit {
	return func(b *broken, _ *adapterstest.Rig) {
		b.mark = func(ctx context.Context, on adapters.Receipt, m adapters.Mark) error {
			return b.channel.Mark(ctx, on, f(m))
		}
	}
}

// marksAll marks whatever it finds.
func marksAll(b *broken, _ *adapterstest.Rig) {
	b.mark = func(ctx context.Context, _ adapters.Receipt, m adapters.Mark) error {
		posts, _, err := b.channel.list(ctx, "/posts")
		for _, n := range posts {
			err = errors.Join(err, b.channel.Mark(ctx, adapters.Receipt{ID: n.ID}, m))
		}
		return err
	}
}

// marksWith reports every failure of Mark as kind k.
func marksWith(k adapters.Kind) habit {
	return func(b *broken, _ *adapterstest.Rig) {
		b.mark = func(ctx context.Context, on adapters.Receipt, m adapters.Mark) error {
			if err := b.channel.Mark(ctx, on, m); err != nil {
				return adapters.Fail(k, "%s", err.Error())
			}
			return nil
		}
	}
}

// unpinsNothing takes Unpin for done.
func unpinsNothing(b *broken, _ *adapterstest.Rig) {
	b.unpin = func(context.Context, adapters.Receipt) error { return nil }
}

// pinsAnything takes Pin for done.
func pinsAnything(b *broken, _ *adapterstest.Rig) {
	b.pin = func(context.Context, adapters.Receipt) error { return nil }
}

// mute forgets what it is to answer.
func mute(b *broken, _ *adapterstest.Rig) {
	b.publish = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		a.ReplyTo = ""
		return b.channel.Publish(ctx, p, a)
	}
}

// clings publishes an answer or nothing.
func clings(b *broken, _ *adapterstest.Rig) {
	b.publish = func(ctx context.Context, _ adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		return b.channel.release(ctx, a.Prepared, a.ReplyTo)
	}
}

// checks finds always the same.
func checks(f adapters.Finding) habit {
	return func(b *broken, _ *adapterstest.Rig) {
		b.check = func(context.Context) []adapters.Finding { return []adapters.Finding{f} }
	}
}

// sanguine finds all well.
func sanguine(b *broken, r *adapterstest.Rig) {
	checks(adapters.Finding{Aspect: adapters.AspectReach, State: adapters.Ready})(b, r)
}

// tries out with a post whether it can post.
func tries(b *broken, _ *adapterstest.Rig) {
	b.check = func(ctx context.Context) []adapters.Finding {
		p := adapterstest.Sample()
		p.Key += "-tried"
		if prepared, err := b.channel.Prepare(ctx, p); err == nil {
			_, _ = b.channel.Publish(ctx, p, adapters.Attempt{Prepared: prepared})
		}
		return b.channel.Check(ctx)
	}
}

// dawdles looks at what it has published before it says so.
func dawdles(b *broken, _ *adapterstest.Rig) {
	b.publish = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		r, err := b.channel.Publish(ctx, p, a)
		if err == nil {
			_ = b.channel.ReadBack(ctx, p, r)
		}
		return r, err
	}
}

// misleads tells where all posts are, not where this one is.
func misleads(b *broken, _ *adapterstest.Rig) {
	b.locate = func(context.Context, adapters.Post, adapters.Receipt) (string, error) { return "board:", nil }
}

// slow reads back by a clock of its own.
func slow(b *broken, _ *adapterstest.Rig) {
	b.readBack = func(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		return b.channel.ReadBack(ctx, p, r)
	}
}

// forgets cannot look any more where a post is missing.
func forgets(err error) error {
	if errors.Is(err, adapters.ErrNotPublished) {
		return adapters.ErrCannotLook
	}
	return err
}

// impatient takes a missing post for an altered one.
func impatient(err error) error {
	if errors.Is(err, adapters.ErrNotPublished) {
		return &adapters.AlteredError{Want: "x"}
	}
	return err
}

// punctual takes nothing for p that the platform took before its own clock says that
// the attempt began.
func punctual(b *broken, _ *adapterstest.Rig) {
	b.find = func(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
		return b.findBy(ctx, func(n notice) bool { return n.Text == p.Text && n.At.After(a.Since.Add(-time.Minute)) })
	}
}

// timeless takes its clock for right.
func timeless(b *broken, _ *adapterstest.Rig) {
	b.offset = func() (time.Duration, bool) { _, known := b.channel.ClockOffset(); return 0, known }
}

// invents makes a receipt up.
func invents(b *broken, _ *adapterstest.Rig) {
	b.find = func(context.Context, adapters.Post, adapters.Attempt) (adapters.Receipt, error) {
		return adapters.Receipt{ID: "1"}, nil
	}
}

// restoresTwice publishes again what it was asked to restore.
func restoresTwice(b *broken, _ *adapterstest.Rig) {
	b.restore = func(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
		r.ID += "-again"
		return b.channel.Restore(ctx, p, r)
	}
}

// TestKitCatches shows each case a channel that must fail it: a case that nothing
// fails checks nothing.
func TestKitCatches(t *testing.T) {
	t.Parallel()
	known := traps()
	for _, c := range adapterstest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			trap, ok := known[c.Name]
			if !ok {
				t.Fatal("no channel here is known to fail this case")
			}
			r, good, _ := rig(t)
			b := &broken{channel: good}
			r.Channel = b
			trap.set(b, &r)
			err := c.Check(t.Context(), r)
			if _, exempt := errors.AsType[adapterstest.Exempt](err); err == nil || exempt {
				t.Fatalf("a broken channel passed (%v)", err)
			}
			if !strings.Contains(err.Error(), trap.says) {
				t.Errorf("caught for another reason: %v, want %q", err, trap.says)
			}
		})
	}
}

// TestEveryTrapIsUsed catches a trap whose case was renamed away.
func TestEveryTrapIsUsed(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, c := range adapterstest.Cases() {
		if names[c.Name] {
			t.Errorf("two cases are called %s", c.Name)
		}
		names[c.Name] = true
	}
	for name := range traps() {
		if !names[name] {
			t.Errorf("no case is called %s", name)
		}
	}
}

// TestRefusesAnUnfinishedRig: a rig that lacks something would pass for the wrong reason.
func TestRefusesAnUnfinishedRig(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*adapterstest.Rig){
		"no_channel":  func(r *adapterstest.Rig) { r.Channel = nil },
		"no_platform": func(r *adapterstest.Rig) { r.Platform = nil },
		"no_clock":    func(r *adapterstest.Rig) { r.Clock = nil },
		"no_secret":   func(r *adapterstest.Rig) { r.Secrets = nil },
		"no_mark":     func(r *adapterstest.Rig) { r.Post = adapterstest.Sample(); r.Post.Text = "nothing" },
		"long_post": func(r *adapterstest.Rig) {
			r.Post = adapterstest.Sample()
			r.Post.Text += strings.Repeat("x", 500)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _, _ := rig(t)
			change(&r)
			err := adapterstest.Cases()[0].Check(t.Context(), r)
			if _, exempt := errors.AsType[adapterstest.Exempt](err); err == nil || exempt {
				t.Errorf("got %v, want what the rig lacks", err)
			}
		})
	}
}
