package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tocsin/broker/audit"
	"tocsin/broker/ledger"
)

// alertRecords has one record of each type that can concern an alert.
func alertRecords(id string) map[ledger.Type]ledger.Record {
	const channel = "telegram-a"
	now := time.Now().UTC()
	records := map[ledger.Type]ledger.Record{
		ledger.Bulletin:      {Bytes: 10, Code: "SV-7F3K2"},
		ledger.Signature:     {Principal: "mario.rossi@pc.example", Namespace: "officer@exercise.tocsin", Armor: "x", Key: "SHA256:x"},
		ledger.Rejected:      {Reason: "bad_signature"},
		ledger.Attempt:       {Channels: []string{channel}, Part: 1, Attempt: 1, Until: now},
		ledger.Prepared:      {Channel: channel, Part: 1, Prepared: "container-1"},
		ledger.NotSent:       {Channel: channel, Part: 1, Reason: "429", RetryAt: now},
		ledger.Unknown:       {Channel: channel, Part: 1, Reason: "timeout"},
		ledger.Absent:        {Channel: channel, Part: 1, Reason: "looked three times"},
		ledger.Posted:        {Channel: channel, Part: 1, PostID: "17", URL: "https://fake.example/17"},
		ledger.Verified:      {Channel: channel, Part: 1},
		ledger.NotVerifiable: {Channel: channel, Part: 1, Reason: "no access"},
		ledger.Failed:        {Channel: channel, Part: 1, Reason: "refused"},
		ledger.Held:          {Channel: channel, Part: 1, Reason: "credential"},
		ledger.Expired:       {Channel: channel, Part: 1},
		ledger.Superseded:    {Channel: channel, Part: 1, Reason: "bulletin 2"},
		ledger.Watched:       {Channel: channel, Part: 1, State: ledger.ShownAltered, Reason: "another text"},
		ledger.Deferred:      {Channel: channel, Part: 1, Class: ledger.ClassReserve, Reason: "kept", RetryAt: now},
	}
	for kind, r := range records {
		r.Type, r.Alert, r.Number, r.SHA256 = kind, id, 1, strings.Repeat("ab", 32)
		records[kind] = r
	}
	return records
}

// telling returns the timeline of one record in a language.
func telling(t *testing.T, lang string, r ledger.Record) string {
	t.Helper()
	b := &book{t: t, start: time.Now().UTC()}
	b.add(r)
	line := &audit.Timeline{Alert: r.Alert, Lang: lang}
	line.Observe(b.entries[0], nil)
	if len(line.Lines) != 1 {
		t.Fatalf("it tells %+v, want one line", line.Lines)
	}
	return line.Lines[0].Text
}

func TestTimelineTellsEveryRecordInBothLanguages(t *testing.T) {
	t.Parallel()
	told := map[string]ledger.Type{}
	for kind, r := range alertRecords(uuid.NewString()) {
		italian, english := telling(t, "it", r), telling(t, "en", r)
		if italian == "" || english == "" || italian == english {
			t.Errorf("%s: it is told as %q and %q, want two languages", kind, italian, english)
		}
		if italian == string(kind) || english == string(kind) {
			t.Errorf("%s is told by the name of its type", kind)
		}
		for _, text := range []string{italian, english} {
			if strings.Contains(text, "%!") {
				t.Errorf("%s: its words lack or repeat something: %q", kind, text)
			}
			if other, twice := told[text]; twice {
				t.Errorf("%s and %s are told in the same words: %q", kind, other, text)
			}
			told[text] = kind
		}
	}
}

// TestTimelineDatesARetry tells a wait over midnight, and one of the same day.
func TestTimelineDatesARetry(t *testing.T) {
	t.Parallel()
	r := alertRecords(uuid.NewString())[ledger.NotSent]
	at := time.Date(2026, time.November, 22, 23, 50, 0, 0, time.UTC)
	for after, want := range map[time.Duration][2]string{
		5 * time.Minute:  {"nuovo tentativo dopo le 23:55:00", "to be tried again after 23:55:00"},
		20 * time.Minute: {"nuovo tentativo dopo le 00:10:00 del 23-11-2026 (UTC)", "to be tried again after 00:10:00 on 23-11-2026 (UTC)"},
	} {
		r.RetryAt = at.Add(after)
		for i, lang := range []string{"it", "en"} {
			line := &audit.Timeline{Alert: r.Alert, Lang: lang}
			line.Observe(&ledger.Entry{Seq: 1, Time: at, Record: r}, nil)
			if got := line.Lines[0].Text; !strings.HasSuffix(got, want[i]) {
				t.Errorf("after %v it says %q, want %q at its end", after, got, want[i])
			}
		}
	}
}

func TestTimelineSaysWhatAPersonMustKnow(t *testing.T) {
	t.Parallel()
	records := alertRecords(uuid.NewString())
	with := func(kind ledger.Type, change func(*ledger.Record)) ledger.Record {
		r := records[kind]
		change(&r)
		return r
	}
	tests := map[string]struct {
		record ledger.Record
		want   []string
	}{
		"first_attempts": {records[ledger.Attempt], []string{"telegram-a"}},
		"later_attempt": {with(ledger.Attempt, func(r *ledger.Record) {
			r.Channels, r.Channel, r.Attempt = nil, "x-a", 3
		}), []string{"x-a", "attempt 3"}},
		"second_part": {with(ledger.Verified, func(r *ledger.Record) { r.Part = 2 }), []string{"telegram-a (part 2)"}},
		"found_post":  {with(ledger.Posted, func(r *ledger.Record) { r.Reconciled = true }), []string{"alert code", "17", "https://fake.example/17"}},
		"bulletin":    {records[ledger.Bulletin], []string{"SV-7F3K2", "10 bytes", strings.Repeat("ab", 32)}},
		"signature":   {records[ledger.Signature], []string{"officer@exercise.tocsin", "SHA256:x"}},
		"refusal":     {records[ledger.Rejected], []string{"bad_signature"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := telling(t, "en", tt.record)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("it says %q, want it to say %q", got, want)
				}
			}
		})
	}
}

func TestTimelineHasTheRecordsOfItsAlertInOrderAndSaysWhichAreVoid(t *testing.T) {
	t.Parallel()
	id, other := uuid.NewString(), uuid.NewString()
	ours := alertRecords(id)
	b := newBook(t, "epoch-a")
	b.add(ours[ledger.Bulletin])
	b.add(alertRecords(other)[ledger.Bulletin])
	signature := b.add(ours[ledger.Signature])
	rubbish := b.raw("ledger.alert."+id+".attempt", []byte(`{"alert":"`+id+`"}`))
	void := b.add(ours[ledger.Posted])

	line := &audit.Timeline{Alert: id, Lang: "it"}
	show(line.Observe, b.entries)
	if len(line.Lines) != 4 || line.Lines[0].Record != 2 || line.Lines[1].Record != signature || line.Lines[2].Record != rubbish || line.Lines[3].Record != void {
		t.Fatalf("it tells %+v, want records 2, %d, %d and %d", line.Lines, signature, rubbish, void)
	}
	if l := line.Lines[0]; l.Who != "node-a/1" || l.Type != "bulletin" || !l.At.Equal(b.entries[1].Time) || l.Void != "" {
		t.Errorf("the bulletin is told as %+v", l)
	}
	if l := line.Lines[1]; l.Who != "mario.rossi@pc.example" || l.Void != "" {
		t.Errorf("the signature is told as %+v, want the person who signed", l)
	}
	if l := line.Lines[2]; l.Type != "unreadable" || !strings.Contains(l.Void, "no effect") {
		t.Errorf("what is no record is told as %+v, want it unreadable and without effect", l)
	}
	if l := line.Lines[3]; !strings.Contains(l.Void, "no effect") {
		t.Errorf("the post without an attempt is told as %+v, want it void", l)
	}
}
