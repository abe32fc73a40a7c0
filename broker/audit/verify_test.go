package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/audit"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// A scene is a ledger with people, the bytes of its bulletins, and one alert on
// two channels whose first bulletin b was not handed in yet.
type scene struct {
	*book
	officer, police *signingtest.Person
	authority       *signing.Authority
	alert           *bulletintest.Alert
	b               *bulletin.Bulletin
	blobs           map[string][]byte
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{
		book: newBook(t, "epoch-a"), officer: signingtest.Officer(t), police: signingtest.Police(t),
		alert: bulletintest.New(t, "telegram-a", "x-a"), blobs: map[string][]byte{},
	}
	s.authority = signingtest.Authority(t, alert.RealmExercise, s.officer, s.police)
	s.b = s.alert.Next(t, alert.MsgAlert)
	s.add(ledger.Record{Type: ledger.NodeStarted})
	return s
}

// of returns a record on a bulletin.
func of(b *bulletin.Bulletin, r ledger.Record) ledger.Record {
	r.Alert, r.Number, r.SHA256 = string(b.Alert), b.Number, b.SHA256()
	return r
}

func (s *scene) hand(b *bulletin.Bulletin) int64 {
	s.t.Helper()
	s.blobs[b.SHA256()] = b.Bytes()
	return s.add(of(b, ledger.Record{
		Type: ledger.Bulletin, Bytes: len(b.Bytes()), Code: string(b.Code), Identifier: b.Message.Identifier,
		MsgType: string(b.Message.MsgType), Kind: string(b.Kind), Expires: b.Expires.UTC(), Breakglass: b.Breakglass != nil,
	}))
}

func (s *scene) sign(b *bulletin.Bulletin, p *signingtest.Person) int64 {
	s.t.Helper()
	return s.signed(b, p, b.Bytes())
}

// signed adds a signature on b that was made over other bytes.
func (s *scene) signed(b *bulletin.Bulletin, p *signingtest.Person, message []byte) int64 {
	s.t.Helper()
	return s.add(of(b, ledger.Record{
		Type: ledger.Signature, Principal: p.Principal, Namespace: signing.Namespace(p.Role, b.Realm),
		Armor: string(p.Sign(s.t, b.Realm, message)),
	}))
}

// begin adds the first attempts on channels, by a node.
func (s *scene) begin(b *bulletin.Bulletin, node string, channels ...string) int64 {
	s.t.Helper()
	return s.add(of(b, ledger.Record{
		Type: ledger.Attempt, Node: node, Channels: channels, Part: 1, Attempt: 1, Until: s.start.Add(time.Hour),
	}))
}

func (s *scene) post(b *bulletin.Bulletin, channel string, part int) int64 {
	s.t.Helper()
	return s.add(of(b, ledger.Record{
		Type: ledger.Posted, Channel: channel, Part: part, PostID: fmt.Sprintf("%s-%d", channel, part), URL: "https://fake.example/" + channel,
	}))
}

// release hands the bulletin in and has it signed by both.
func (s *scene) release(b *bulletin.Bulletin) {
	s.t.Helper()
	s.hand(b)
	s.sign(b, s.officer)
	s.sign(b, s.police)
}

// deliver is the whole way of a bulletin that was released, to all its channels.
func (s *scene) deliver(b *bulletin.Bulletin) {
	s.t.Helper()
	s.begin(b, "", s.alert.Channels...)
	for _, channel := range s.alert.Channels {
		s.post(b, channel, 1)
		s.add(of(b, ledger.Record{Type: ledger.Verified, Channel: channel, Part: 1}))
	}
}

// verify checks the ledger as it is, against a checkpoint or nil.
func (s *scene) verify(checkpoint *audit.Checkpoint) audit.Report {
	s.t.Helper()
	return s.verifyEntries(checkpoint, s.entries, int64(len(s.entries)))
}

func (s *scene) verifyEntries(checkpoint *audit.Checkpoint, entries []*ledger.Entry, size int64) audit.Report {
	s.t.Helper()
	v := audit.NewVerifier(signing.Fixed(s.authority), checkpoint)
	show(v.Observe, entries)
	report, err := v.Finish(s.t.Context(), size, func(_ context.Context, digest string) ([]byte, error) {
		if raw, ok := s.blobs[digest]; ok {
			return raw, nil
		}
		return nil, ledger.ErrNoBlob
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return report
}

// TestWhatCanNotBeAskedIsNoFinding has the bytes of a bulletin fetched in every way in
// which they may not come.
func TestWhatCanNotBeAskedIsNoFinding(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.release(s.b)
	for name, c := range map[string]struct {
		err     error
		finding bool
	}{
		"no_bytes":      {fmt.Errorf("bulletin: %w", ledger.ErrNoBlob), true},
		"other_bytes":   {fmt.Errorf("bulletin: %w", ledger.ErrDamaged), true},
		"no_store":      {fmt.Errorf("bulletin: %w", ledger.ErrNoBlobs), true},
		"no_answer":     {context.DeadlineExceeded, false},
		"no_connection": {errors.New("fetch bytes: nats: connection closed"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := audit.NewVerifier(signing.Fixed(s.authority), nil)
			show(v.Observe, s.entries)
			r, err := v.Finish(t.Context(), int64(len(s.entries)), func(context.Context, string) ([]byte, error) { return nil, c.err })
			switch {
			case c.finding && (err != nil || r.OK):
				t.Errorf("got %v and %v, want a finding", r.Findings, err)
			case !c.finding && (!errors.Is(err, c.err) || !strings.Contains(err.Error(), "could not be read to the end; run it again") || len(r.Findings) > 0):
				t.Errorf("got %v and %v, want an error alone", r.Findings, err)
			}
		})
	}
}

// wantFinding checks that the report has this finding and no other.
func wantFinding(t *testing.T, r audit.Report, record int64, rule, words string) {
	t.Helper()
	if r.OK {
		t.Errorf("the ledger is found good, want a finding of rule %s", rule)
	}
	if len(r.Findings) != 1 {
		t.Fatalf("the findings are %+v, want one of rule %s", r.Findings, rule)
	}
	f := r.Findings[0]
	if f.Record != record || f.Rule != rule || !strings.Contains(f.Text, words) {
		t.Errorf("the finding is %+v, want rule %s on record %d with words on %q", f, rule, record, words)
	}
}

func wantGood(t *testing.T, r audit.Report) {
	t.Helper()
	if !r.OK || r.Findings == nil || len(r.Findings) != 0 {
		t.Errorf("the findings are %+v, want none", r.Findings)
	}
}

func TestVerifierFindsAGoodLedgerGood(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.release(s.b)
	s.deliver(s.b)
	update := s.alert.Next(t, alert.MsgUpdate)
	s.release(update)
	s.deliver(update)
	n := len(s.entries)
	r := s.verify(s.checkpoint(n - 3))
	wantGood(t, r)
	whole, part := s.checkpoint(n), s.checkpoint(n-3)
	r.Findings = nil
	want := audit.Report{
		OK: true, Realm: "exercise", Epoch: "epoch-a", Entries: int64(n), Root: whole.Root.String(),
		Alerts: 1, Bulletins: 2, Signatures: 4, Posts: 4,
	}
	if r.Checkpoint == nil || *r.Checkpoint != (audit.CheckpointUse{Size: part.Size, Root: part.Root.String()}) {
		t.Errorf("the checkpoint is %+v, want %+v", r.Checkpoint, part)
	}
	r.Checkpoint = nil
	if got, want := fmt.Sprintf("%+v", r), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("the report is\n%s, want\n%s", got, want)
	}
	if r := s.verify(nil); !r.OK || r.Checkpoint != nil {
		t.Errorf("without a checkpoint the report is %+v", r)
	}
}

// TestVerifierFinds has one thing wrong in each ledger.
func TestVerifierFinds(t *testing.T) {
	t.Parallel()
	// Each case builds its ledger and returns the record that the finding is about.
	tests := map[string]struct {
		build       func(*scene) int64
		rule, words string
	}{
		"payload_that_is_no_record": {func(s *scene) int64 {
			seq := s.raw("ledger.rejected", []byte(`{"schema":1,"type":"rejected"}`))
			s.release(s.b)
			s.deliver(s.b)
			return seq
		}, "record", "reason is missing"},
		"record_on_another_subject": {func(s *scene) int64 {
			payload, err := (&s.entries[1].Record).Encode()
			if err != nil {
				s.t.Fatal(err)
			}
			return s.raw("ledger.node.node-b", payload)
		}, "transition", "ledger.node.node-b"},
		"post_without_attempt": {func(s *scene) int64 {
			s.release(s.b)
			return s.post(s.b, "x-a", 1)
		}, "transition", "posted can't follow in state pending"},
		"proof_without_post": {func(s *scene) int64 {
			s.release(s.b)
			s.begin(s.b, "", "x-a")
			return s.add(of(s.b, ledger.Record{Type: ledger.Verified, Channel: "x-a", Part: 1}))
		}, "transition", "verified can't follow"},
		"signature_on_no_bulletin": {func(s *scene) int64 { return s.sign(s.b, s.officer) }, "transition", "no such bulletin"},
		"attempt_before_second_signature": {func(s *scene) int64 {
			s.hand(s.b)
			s.sign(s.b, s.officer)
			seq := s.begin(s.b, "", "x-a")
			s.sign(s.b, s.police)
			s.post(s.b, "x-a", 1)
			return seq
		}, "release", "an attempt"},
		"attempt_without_signatures": {func(s *scene) int64 {
			s.hand(s.b)
			return s.begin(s.b, "", "x-a")
		}, "release", "an attempt"},
		"attempt_on_another_channel": {func(s *scene) int64 {
			s.release(s.b)
			return s.begin(s.b, "", "x-a", "facebook-a")
		}, "coverage", "facebook-a"},
		"bulletin_that_is_missing": {func(s *scene) int64 {
			seq := s.hand(s.b)
			delete(s.blobs, s.b.SHA256())
			return seq
		}, "bulletin", ledger.ErrNoBlob.Error()},
		"bulletin_that_is_altered": {func(s *scene) int64 {
			seq := s.hand(s.b)
			s.blobs[s.b.SHA256()] = bytes.Replace(s.b.Bytes(), []byte("Piogge forti"), []byte("Piogge Forti"), 1)
			return seq
		}, "bulletin", ""},
		"bulletin_that_is_another": {func(s *scene) int64 {
			seq := s.hand(s.b)
			s.blobs[s.b.SHA256()] = s.alert.Next(s.t, alert.MsgUpdate).Bytes()
			return seq
		}, "bulletin", "the bytes have SHA-256"},
		"bulletin_under_another_number": {func(s *scene) int64 {
			s.blobs[s.b.SHA256()] = s.b.Bytes()
			r := of(s.b, ledger.Record{Type: ledger.Bulletin, Bytes: len(s.b.Bytes()), Code: string(s.b.Code)})
			r.Number = 2
			return s.add(r)
		}, "bulletin", `the record says number "2"`},
		"signature_over_other_bytes": {func(s *scene) int64 {
			s.release(s.b)
			return s.signed(s.b, s.officer, []byte("something else"))
		}, "signature", "the ledger holds no refusal of it"},
		"signature_of_a_stranger": {func(s *scene) int64 {
			s.release(s.b)
			return s.sign(s.b, signingtest.NewPerson(s.t, "eva@pc.example", signing.Officer))
		}, "signature", "the ledger holds no refusal of it"},
		"bulletin_that_follows_another": {func(s *scene) int64 {
			stranger := *s.alert
			s.release(s.b)
			s.deliver(s.b)
			stranger.Composed = stranger.Composed.Add(time.Second) // other bytes of the same number
			stranger.Newest = nil
			stranger.Next(s.t, alert.MsgAlert)
			return s.hand(stranger.Next(s.t, alert.MsgUpdate))
		}, "bulletin", "does not follow the newest released one"},
		"refusal_of_another_signature": {func(s *scene) int64 {
			s.release(s.b)
			seq := s.signed(s.b, s.officer, []byte("something else"))
			s.add(ledger.Record{Type: ledger.Rejected, Reason: "bad_signature", Refers: seq - 1})
			return seq
		}, "signature", "the ledger holds no refusal of it"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			seq := tt.build(s)
			r := s.verify(s.checkpoint(len(s.entries)))
			wantFinding(t, r, seq, tt.rule, tt.words)
		})
	}
}

func TestVerifierCountsOnlyPostsThatAreCovered(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		build func(*scene)
		rules []string
		posts int
	}{
		"channel_that_is_not_addressed": {func(s *scene) {
			s.release(s.b)
			s.begin(s.b, "", "x-a", "facebook-a")
			s.post(s.b, "x-a", 1)
			s.post(s.b, "facebook-a", 1)
		}, []string{"coverage", "coverage"}, 1},
		"part_that_is_not_signed": {func(s *scene) {
			s.release(s.b)
			s.begin(s.b, "", "x-a")
			s.post(s.b, "x-a", 1)
			s.add(of(s.b, ledger.Record{
				Type: ledger.Attempt, Channel: "x-a", Part: 2, Attempt: 1, Until: s.start.Add(time.Hour),
			}))
			s.post(s.b, "x-a", 2)
		}, []string{"coverage", "coverage"}, 1},
		"before_its_signatures": {func(s *scene) {
			s.hand(s.b)
			s.begin(s.b, "", "x-a")
			s.post(s.b, "x-a", 1)
			s.sign(s.b, s.officer)
			s.sign(s.b, s.police)
		}, []string{"release", "release"}, 0},
		"both_signatures_of_one_person": {func(s *scene) {
			s.hand(s.b)
			s.sign(s.b, s.officer)
			s.sign(s.b, s.officer)
			s.begin(s.b, "", "x-a")
			s.post(s.b, "x-a", 1)
		}, []string{"release", "release"}, 0},
		"bulletin_that_is_missing": {func(s *scene) {
			s.release(s.b)
			s.begin(s.b, "", "x-a")
			s.post(s.b, "x-a", 1)
			delete(s.blobs, s.b.SHA256())
		}, []string{"bulletin", "coverage", "coverage"}, 0},
		"bulletin_that_does_not_follow": {func(s *scene) {
			update := s.alert.Next(s.t, alert.MsgUpdate)
			s.release(update) // nothing was released that it could follow
			s.begin(update, "", "x-a")
			s.post(update, "x-a", 1)
		}, []string{"bulletin", "release", "release"}, 0},
		"signatures_after_the_refusal": {func(s *scene) {
			seq := s.hand(s.b)
			s.add(ledger.Record{Type: ledger.Rejected, Class: ledger.ClassBulletin, Reason: "not there", Refers: seq})
			s.sign(s.b, s.officer)
			s.sign(s.b, s.police)
			s.begin(s.b, "", "x-a")
			s.post(s.b, "x-a", 1)
		}, []string{"release", "release"}, 0},
		"code_of_another_alert": {func(s *scene) {
			s.release(s.b)
			other := bulletintest.New(s.t, "x-a")
			other.Code = s.alert.Code
			b := other.Next(s.t, alert.MsgAlert)
			s.release(b)
			s.begin(b, "", "x-a")
			s.post(b, "x-a", 1)
		}, []string{"bulletin", "release", "release"}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			tt.build(s)
			r := s.verify(nil)
			var rules []string
			for _, f := range r.Findings {
				rules = append(rules, f.Rule)
			}
			if !slices.Equal(rules, tt.rules) || r.OK {
				t.Errorf("the findings are %+v, want the rules %v", r.Findings, tt.rules)
			}
			if r.Posts != tt.posts {
				t.Errorf("it counts %d posts, want %d", r.Posts, tt.posts)
			}
		})
	}
}

func TestVerifierAcceptsWhatTheLedgerRefused(t *testing.T) {
	t.Parallel()
	t.Run("signature", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.hand(s.b)
		bad := s.signed(s.b, s.officer, []byte("something else"))
		s.add(ledger.Record{Type: ledger.Rejected, Reason: "bad_signature", Refers: bad})
		s.sign(s.b, s.officer)
		s.sign(s.b, s.police)
		s.deliver(s.b)
		r := s.verify(nil)
		wantGood(t, r)
		if r.Refused != 1 || r.Signatures != 2 || r.Posts != 2 {
			t.Errorf("it counts %d refused, %d good signatures, %d posts; want 1, 2 and 2", r.Refused, r.Signatures, r.Posts)
		}
	})
	t.Run("rubbish", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.release(s.b)
		seq := s.raw("ledger.nonsense", []byte("good morning"))
		s.add(ledger.Record{Type: ledger.Rejected, Reason: "no record", Class: ledger.ClassRecord, Refers: seq})
		r := s.verify(nil)
		wantGood(t, r)
		if r.Refused != 1 || len(r.Refusals) != 1 || r.Refusals[0].Refers != seq || r.Refusals[0].Class != "record" {
			t.Errorf("it tells %d refused, %+v; want one, of record %d", r.Refused, r.Refusals, seq)
		}
	})
	t.Run("flood", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		for range 3 {
			s.raw("ledger.nonsense", []byte("good morning"))
		}
		s.add(ledger.Record{Type: ledger.Rejected, Reason: "too many", Class: ledger.ClassFlood, Refers: 3})
		s.raw("ledger.nonsense", []byte("good evening"))
		r := s.verify(nil)
		wantGood(t, r)
		if r.Refused != 4 {
			t.Errorf("it counts %d refused, want the 3 before the record of the flood and the one after it", r.Refused)
		}
	})
	t.Run("bulletin", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		seq := s.hand(s.b)
		s.blobs[s.b.SHA256()] = []byte("no bulletin")
		s.add(ledger.Record{Type: ledger.Rejected, Reason: "bad_request", Refers: seq})
		wantGood(t, s.verify(nil))
	})
}

func TestVerifierHoldsTheLedgerAgainstItsCheckpoint(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change      func(*audit.Checkpoint)
		rule, words string
	}{
		"another_root":   {func(c *audit.Checkpoint) { c.Root[0] ^= 1 }, "root", "the ledger was altered"},
		"another_size":   {func(c *audit.Checkpoint) { c.Size-- }, "root", "the ledger was altered"},
		"ahead":          {func(c *audit.Checkpoint) { c.Size = 1000 }, "complete", "the checkpoint says 1000 records"},
		"another_ledger": {func(c *audit.Checkpoint) { c.Origin = audit.Origin("exercise", "epoch-b") }, "root", "epoch-b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.release(s.b)
			s.deliver(s.b)
			c := s.checkpoint(4)
			tt.change(c)
			wantFinding(t, s.verify(c), 0, tt.rule, tt.words)
		})
	}
}

func TestVerifierFindsThatRecordsAreMissing(t *testing.T) {
	t.Parallel()
	t.Run("all_of_them", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		wantFinding(t, s.verifyEntries(s.checkpoint(2), nil, 0), 0, "complete", "the checkpoint says 2 records, the ledger holds 0")
	})
	t.Run("the_first_and_the_last", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.fill(6)
		r := s.verifyEntries(s.checkpoint(6), s.entries[1:5], 5)
		if len(r.Findings) != 2 || !strings.Contains(r.Findings[0].Text, "the last ones were lost") || r.Findings[1].Record != 1 {
			t.Errorf("the findings are %+v, want what is missing at either end", r.Findings)
		}
	})
	t.Run("broker_holds_more", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		n := int64(len(s.entries))
		wantFinding(t, s.verifyEntries(nil, s.entries, n+3), n+1, "complete", fmt.Sprintf("not to be read: %d-%d", n+1, n+3))
	})
}

// TestVerifierCountsRaces has two nodes that begin the same post and hand in the
// same bulletin: the second one is without effect, as it should be.
func TestVerifierCountsRaces(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add(ledger.Record{Type: ledger.NodeStarted, Node: "node-b/1"})
	s.release(s.b)
	s.hand(s.b)
	s.begin(s.b, "node-a/1", "x-a")
	s.begin(s.b, "node-b/1", "x-a")
	s.post(s.b, "x-a", 1)
	r := s.verify(nil)
	wantGood(t, r)
	if r.Races != 2 || r.Posts != 1 || r.Bulletins != 1 {
		t.Errorf("it counts %d races, %d posts and %d bulletins, want 2, 1 and 1", r.Races, r.Posts, r.Bulletins)
	}
}

// TestVerifierGoesOnAfterAGap takes records out of ledgers: that is said once for
// each gap, and what can be judged without them is.
func TestVerifierGoesOnAfterAGap(t *testing.T) {
	t.Parallel()
	type counts struct{ alerts, bulletins, signatures, posts, unjudged int }
	whole := counts{1, 1, 2, 2, 0}
	for name, tt := range map[string]struct {
		build func(*scene)
		gone  []int64 // sequences
		want  counts
		finds []string // rule and record of each finding
	}{
		"before_an_alert": {func(s *scene) {
			s.fill(8)
			s.release(s.b)
			s.deliver(s.b)
		}, []int64{4, 5}, whole, []string{"complete 4"}},
		"the_first_record": {func(s *scene) {
			s.release(s.b)
			s.deliver(s.b)
		}, []int64{1}, whole, []string{"complete 1"}},
		"two_gaps": {func(s *scene) {
			s.fill(8)
			s.release(s.b)
			s.deliver(s.b)
		}, []int64{4, 6, 7}, whole, []string{"complete 4", "complete 6"}},
		"after_an_alert": {func(s *scene) {
			s.release(s.b)
			s.deliver(s.b)
			s.fill(16)
		}, []int64{13, 14}, whole, []string{"complete 13"}},
		"the_attempt": {func(s *scene) {
			s.release(s.b)
			s.deliver(s.b)
		}, []int64{6}, counts{1, 1, 2, 2, 4}, []string{"complete 6"}},
		"a_signature": {func(s *scene) {
			s.release(s.b)
			s.deliver(s.b)
		}, []int64{5}, counts{1, 1, 1, 0, 3}, []string{"complete 5"}},
		"the_bulletin": {func(s *scene) {
			s.release(s.b)
			s.deliver(s.b)
		}, []int64{3}, counts{0, 0, 0, 0, 7}, []string{"complete 3"}},
		"the_first_bulletin_of_two": {func(s *scene) {
			s.release(s.b)
			update := s.alert.Next(s.t, alert.MsgUpdate)
			s.release(update)
			s.deliver(update)
			s.deliver(s.b)
		}, []int64{3}, counts{1, 1, 2, 2, 7}, []string{"complete 3"}},
		"a_later_alert_without_signatures": {func(s *scene) {
			s.fill(8)
			s.hand(s.b)
			s.begin(s.b, "", "x-a")
			s.post(s.b, "x-a", 1)
		}, []int64{5}, counts{1, 1, 0, 0, 0}, []string{"complete 5", "release 10", "release 11"}},
		"an_earlier_alert_without_signatures": {func(s *scene) {
			s.hand(s.b)
			s.begin(s.b, "", "x-a")
			s.fill(8)
		}, []int64{6}, counts{1, 1, 0, 0, 0}, []string{"release 4", "complete 6"}},
		"a_later_step_that_is_not_allowed": {func(s *scene) {
			s.fill(8)
			s.release(s.b)
			s.post(s.b, "x-a", 1)
		}, []int64{5}, counts{1, 1, 2, 0, 0}, []string{"complete 5", "transition 12"}},
		"a_later_record_that_is_none": {func(s *scene) {
			s.fill(8)
			s.raw("ledger.rejected", []byte("{}"))
		}, []int64{5}, counts{}, []string{"complete 5", "record 9"}},
		"the_attempt_at_a_post_that_was_not_signed": {func(s *scene) {
			s.release(s.b)
			s.begin(s.b, "", "facebook-a")
			s.post(s.b, "facebook-a", 1)
		}, []int64{6}, counts{1, 1, 2, 0, 1}, []string{"complete 6", "coverage 7"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			tt.build(s)
			left := slices.DeleteFunc(slices.Clone(s.entries), func(e *ledger.Entry) bool { return slices.Contains(tt.gone, e.Seq) })
			r := s.verifyEntries(s.checkpoint(len(s.entries)), left, int64(len(s.entries)))
			var finds []string
			for _, f := range r.Findings {
				finds = append(finds, fmt.Sprintf("%s %d", f.Rule, f.Record))
			}
			if !slices.Equal(finds, tt.finds) || r.OK {
				t.Errorf("the findings are %+v, want %v", r.Findings, tt.finds)
			}
			if got := (counts{r.Alerts, r.Bulletins, r.Signatures, r.Posts, r.Unjudged}); got != tt.want {
				t.Errorf("it counts %+v, want %+v", got, tt.want)
			}
			if r.Root != "" || r.Entries != int64(len(left)) {
				t.Errorf("it says root %q and %d records, want none and %d", r.Root, r.Entries, len(left))
			}
		})
	}
}

// TestVerifierHoldsWhatPrecedesAGapAgainstItsCheckpoint alters a record before one
// that is missing, and after it.
func TestVerifierHoldsWhatPrecedesAGapAgainstItsCheckpoint(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		altered int64
		size    int // of the checkpoint
		finds   int
	}{
		"before":            {4, 6, 2},
		"before_and_larger": {4, 12, 1}, // nothing is left to compare with
		"after":             {10, 6, 1},
		"lost_too":          {4, 13, 2}, // the last record of the checkpoint
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.fill(13)
			c := s.checkpoint(tt.size)
			b := s.altered(tt.altered, func(r *ledger.Record) { r.Reason = "something else" })
			left := append(slices.Clone(b.entries[:7]), b.entries[8:12]...)
			r := s.verifyEntries(c, left, 12)
			if len(r.Findings) != tt.finds || r.Findings[len(r.Findings)-1].Record != 8 {
				t.Errorf("the findings are %+v, want %d, the last one on record 8", r.Findings, tt.finds)
			}
		})
	}
}

func TestVerifierTakesNoRecordTwice(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.fill(6)
	s.release(s.b)
	again := slices.Insert(slices.Clone(s.entries), 6, s.entries[3])
	wantFinding(t, s.verifyEntries(s.checkpoint(8), again, int64(len(s.entries))), 4, "complete", "from record 6 back to 4")
}

// shifted returns the ledger as somebody would write it anew later: the same bytes, other
// times of the broker.
func (b *book) shifted(from int64, by time.Duration) []*ledger.Entry {
	out := slices.Clone(b.entries)
	for i := from - 1; i < int64(len(out)); i++ {
		e := *out[i]
		e.Time = e.Time.Add(by)
		out[i] = &e
	}
	return out
}

// TestVerifyHoldsTheBrokersTimes writes a ledger anew, with the same bytes at other times:
// by them release, keys and expiry are judged.
func TestVerifyHoldsTheBrokersTimes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.b
	s.release(b)
	s.deliver(b)
	n := int64(len(s.entries))
	checkpoint := s.checkpoint(int(n))
	if r := s.verify(checkpoint); !r.OK {
		t.Fatalf("the ledger as it was: %+v", r.Findings)
	}
	rules := func(entries []*ledger.Entry, c *audit.Checkpoint) (all []string) {
		for _, f := range s.verifyEntries(c, entries, n).Findings {
			all = append(all, f.Rule)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	for name, c := range map[string]struct {
		entries    []*ledger.Entry
		checkpoint *audit.Checkpoint
		want       []string
	}{
		"a_second_later":               {s.shifted(1, time.Second), checkpoint, []string{"root"}},
		"a_second_later_no_checkpoint": {s.shifted(1, time.Second), nil, nil},
		// The keys of the scene are not valid any more then.
		"an_hour_later_no_checkpoint":    {s.shifted(1, time.Hour), nil, []string{"bulletin", "release", "signature", "time"}},
		"the_end_earlier_no_checkpoint":  {s.shifted(n, -time.Hour), nil, []string{"time"}},
		"within_the_clocks_difference":   {s.shifted(1, audit.MaxClockDifference), nil, nil},
		"beyond_the_clocks_difference":   {s.shifted(1, audit.MaxClockDifference+time.Minute), nil, []string{"time"}},
		"the_end_a_little_earlier_again": {s.shifted(n, -time.Second), checkpoint, []string{"root"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := rules(c.entries, c.checkpoint); !slices.Equal(got, c.want) {
				t.Errorf("it breaks %q, want %q", got, c.want)
			}
		})
	}
}

// TestVerifyHoldsAPostAgainstItsRelease has a platform take a post before its bulletin was
// released.
func TestVerifyHoldsAPostAgainstItsRelease(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before time.Duration
		ok     bool
	}{"a_clock_that_differs": {audit.MaxClockDifference - time.Minute, true}, "an_hour": {time.Hour, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			b := s.b
			s.release(b)
			released := s.entries[len(s.entries)-1].Time
			s.begin(b, "", s.alert.Channels[0])
			s.add(of(b, ledger.Record{
				Type: ledger.Posted, Channel: s.alert.Channels[0], Part: 1, PostID: "1", PostedAt: released.Add(-c.before),
			}))
			r := s.verify(nil)
			if r.OK != c.ok || !c.ok && r.Findings[0].Rule != "time" {
				t.Errorf("it says %+v, want it to hold: %v", r.Findings, c.ok)
			}
		})
	}
}

// TestVerifyTellsThatALossWasAccepted reads a ledger that a person accepted without its
// checkpoint.
func TestVerifyTellsThatALossWasAccepted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	seq := s.add(ledger.Record{Type: ledger.LossAccepted, Refers: 1, Reason: "said by the test"})
	if r := s.verify(nil); !r.OK || !slices.Equal(r.Accepted, []int64{seq}) {
		t.Errorf("it says %v, %+v, want record %d", r.Accepted, r.Findings, seq)
	}
}

// TestVerifyNamesWhatWasAltered: a post that shows another text than was signed is no fault
// of the ledger, and is named.
func TestVerifyNamesWhatWasAltered(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.release(s.b)
	s.begin(s.b, "", s.alert.Channels...)
	s.post(s.b, "x-a", 1)
	s.post(s.b, "telegram-a", 1)
	ended := s.add(of(s.b, ledger.Record{Type: ledger.Failed, Channel: "x-a", Part: 1, Class: ledger.ClassAltered, Reason: "it shows something else"}))
	s.add(of(s.b, ledger.Record{Type: ledger.Failed, Channel: "telegram-a", Part: 1, Class: "gone", Reason: "it is not there"}))
	r := s.verify(nil)
	wantGood(t, r)
	want := []audit.Altered{{
		Record: ended, Alert: string(s.b.Alert), Code: string(s.b.Code), Number: 1, Channel: "x-a", Part: 1, URL: "https://fake.example/x-a",
	}}
	if !slices.Equal(r.Altered, want) {
		t.Errorf("altered are %+v, want %+v", r.Altered, want)
	}
}

// TestVerifierTakesWhatIsPreparedOutOfWhatIsAroundIt: who stops an alert need not keep bytes
// that are kept already.
func TestVerifierTakesWhatIsPreparedOutOfWhatIsAroundIt(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.alert = bulletintest.New(t, "telegram-a", "x-a")
	s.alert.Prepared = true
	s.b = s.alert.Next(t, alert.MsgAlert)
	s.release(s.b)
	s.deliver(s.b)
	correction := s.b.Prepared(bulletin.Correction)
	for _, stop := range []*bulletin.Bulletin{correction, correction.Prepared(bulletin.Revocation)} {
		s.hand(stop)
		delete(s.blobs, stop.SHA256())
		s.sign(stop, s.officer)
		s.sign(stop, s.police)
		s.deliver(stop)
	}
	wantGood(t, s.verify(nil))
}

// TestVerifierNotesWhatCountedForNothing has signatures that somebody did make and that are in
// vain: the ledger is in order, and the auditor hears of each.
func TestVerifierNotesWhatCountedForNothing(t *testing.T) {
	t.Parallel()
	colleague := signingtest.NewPerson(t, "collega@pc.example", signing.Police) // of the officer's organisation
	second := signingtest.NewPerson(t, "altra@police.example", signing.Police)
	robbed := signingtest.NewPerson(t, "derubato@police.example", signing.Police)
	refused := func(s *scene, seq int64) int64 {
		s.add(ledger.Record{Type: ledger.Rejected, Class: ledger.ClassSignature, Reason: "refused", Refers: seq})
		return seq
	}
	for name, c := range map[string]struct {
		build  func(*scene) []int64 // the records that are in vain
		reason string
	}{
		"nothing": {func(s *scene) []int64 { s.release(s.b); return nil }, ""},
		"waits":   {func(s *scene) []int64 { s.hand(s.b); s.sign(s.b, s.officer); return nil }, ""},
		"too_late": {func(s *scene) []int64 {
			s.release(s.b)
			return []int64{s.sign(s.b, second)}
		}, "it came after the release"},
		"same_organisation": {func(s *scene) []int64 {
			s.hand(s.b)
			s.sign(s.b, s.officer)
			return []int64{s.sign(s.b, colleague)}
		}, "come from the same organisation"},
		"same_organisation_and_then_the_other": {func(s *scene) []int64 {
			s.hand(s.b)
			s.sign(s.b, s.officer)
			seq := s.sign(s.b, colleague)
			s.sign(s.b, s.police)
			return []int64{seq}
		}, "by the signatures of others"},
		"revoked": {func(s *scene) []int64 {
			s.hand(s.b)
			s.sign(s.b, s.officer)
			return []int64{refused(s, s.sign(s.b, robbed))}
		}, "revoked"},
		"stranger": {func(s *scene) []int64 {
			s.release(s.b)
			return []int64{refused(s, s.sign(s.b, signingtest.NewPerson(t, "eva@pc.example", signing.Officer)))}
		}, "is not in the key ring"},
		"of_other_bytes": {func(s *scene) []int64 {
			s.release(s.b)
			refused(s, s.signed(s.b, s.police, []byte("something else")))
			return nil
		}, ""},
		"after_a_refusal": {func(s *scene) []int64 {
			s.hand(s.b)
			s.sign(s.b, s.officer)
			s.halt(bulletin.Refusal, s.b, s.police, "no", nil)
			return []int64{s.sign(s.b, s.police)}
		}, "it came after the bulletin was refused or withdrawn, by record 5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			ring, err := signing.ParseRing("r", signingtest.RingText(t, s.officer, s.police, colleague, second, robbed), ssh.MarshalAuthorizedKey(robbed.PublicKey()))
			if err != nil {
				t.Fatal(err)
			}
			s.authority = &signing.Authority{Ring: ring, Policy: s.authority.Policy, Realm: s.authority.Realm}
			want := c.build(s)
			r := s.verify(s.checkpoint(len(s.entries)))
			wantGood(t, r)
			var got []int64
			for _, u := range r.Uncounted {
				got = append(got, u.Record)
				if !strings.Contains(u.Reason, c.reason) || u.Code != string(s.b.Code) || u.Number != 1 || u.Principal == "" {
					t.Errorf("it says %+v, want %q in it", u, c.reason)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("records %v counted for nothing, want %v", got, want)
			}
		})
	}
}

// TestASignatureRecordedManyTimesHoldsUpNobody has one genuine signature copied into thousands of records, as whoever
// has a broker credential can: each is looked at, and what they come to is worked out once. Were it worked
// out for each, this would take minutes.
func TestASignatureRecordedManyTimesHoldsUpNobody(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.hand(s.b)
	again := s.entries[s.sign(s.b, s.officer)-1].Record
	for range 3000 { // a second each, and it holds for an hour
		s.add(of(s.b, again))
	}
	s.sign(s.b, s.police)
	began := time.Now()
	if r := s.verify(nil); !r.OK || r.Signatures != 3002 {
		t.Errorf("it has %d findings, and %d signatures hold", len(r.Findings), r.Signatures)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}
