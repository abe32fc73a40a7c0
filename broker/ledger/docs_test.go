package ledger_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tocsin/broker/ledger"
)

// manual returns docs/ledger.md.
func manual(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/ledger.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rows returns the rows of the tables under a heading of the second or third
// level, as their cells.
func rows(t *testing.T, text, heading string) (all [][]string) {
	t.Helper()
	_, text, found := strings.Cut(text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("docs/ledger.md has no heading %q", heading)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "## ") || strings.HasPrefix(line, "### ") {
			break
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if strings.HasPrefix(line, "| ") {
			all = append(all, cells)
		}
	}
	return all[min(1, len(all)):] // the first row holds the names of the columns
}

// firstCells returns the first cell of each row, without its backquotes.
func firstCells(all [][]string) (names []string) {
	for _, r := range all {
		names = append(names, strings.Trim(r[0], "`"))
	}
	return names
}

// recordTypes returns the types that record.go declares: nothing exported lists
// them, and a list here could be as old as the manual.
func recordTypes(t *testing.T) (types []string) {
	t.Helper()
	file, err := parser.ParseFile(gotoken.NewFileSet(), "record.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Type" {
			return false
		}
		for _, v := range spec.Values {
			value, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			types = append(types, value)
		}
		return false
	})
	if len(types) < 10 {
		t.Fatalf("record.go declares %v: this test no longer finds the types", types)
	}
	return types
}

func TestManualHasEveryType(t *testing.T) {
	t.Parallel()
	same(t, "record types", firstCells(rows(t, manual(t), "## Record types")), recordTypes(t))
}

func TestManualHasEveryField(t *testing.T) {
	t.Parallel()
	var want []string
	for i := range reflect.TypeFor[ledger.Record]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[ledger.Record]().Field(i).Tag.Get("json"), ",")
		want = append(want, name)
	}
	same(t, "fields", firstCells(rows(t, manual(t), "## Fields")), want)
}

// same compares two sets of names.
func same(t *testing.T, what string, manual, code []string) {
	t.Helper()
	for _, name := range code {
		if !slices.Contains(manual, name) {
			t.Errorf("docs/ledger.md lacks %q among the %s", name, what)
		}
	}
	for _, name := range manual {
		if !slices.Contains(code, name) {
			t.Errorf("docs/ledger.md has %q among the %s, the code has not", name, what)
		}
	}
}

// A play folds records of one delivery without a broker.
type play struct {
	state *ledger.State
	alert string
	seq   int64
}

func newPlay(t *testing.T) *play {
	t.Helper()
	p := &play{state: ledger.NewState(), alert: uuid.NewString()}
	p.must(t, ledger.Record{Type: ledger.Genesis, Realm: "exercise", Epoch: "e"})
	p.must(t, bulletinRecord(p.alert))
	return p
}

// apply folds r as the next record.
func (p *play) apply(r ledger.Record) error {
	p.seq++
	r.Schema, r.ID, r.At = ledger.Schema, uuid.NewString(), time.Now().UTC()
	if r.Node == "" {
		r.Node = "one/a"
	}
	return p.state.Apply(&ledger.Entry{Seq: p.seq, Subject: r.Subject(), Record: r, Time: r.At})
}

func (p *play) must(t *testing.T, r ledger.Record) {
	t.Helper()
	if err := p.apply(r); err != nil {
		t.Fatal(err)
	}
}

// delivery returns a record of the type as it would come next.
func (p *play) delivery(kind string) ledger.Record {
	if kind == string(ledger.Attempt) {
		r := attempt(p.alert, "x-a")
		if n := p.part().Attempts; n > 0 {
			r.Channels, r.Channel, r.Attempt = nil, "x-a", n+1
		}
		return r
	}
	return ledger.Record{
		Type: ledger.Type(kind), Alert: p.alert, Number: 1, SHA256: digest, Channel: "x-a", Part: 1,
		PostID: "1", Prepared: "1", Reason: "said by the test", Class: "said", RetryAt: time.Now().UTC(),
	}
}

func (p *play) part() ledger.PartState {
	return p.state.Alerts[p.alert].Bulletin(digest).Part("x-a", 1)
}

// ways leads to each state that the manual names.
func ways() map[string][]string {
	return map[string][]string{
		"pending": nil, "attempting": {"attempt"}, "unknown": {"attempt", "unknown"}, "posted": {"attempt", "posted"},
		"verified": {"attempt", "posted", "verified"}, "failed": {"failed"}, "held": {"held"}, "expired": {"expired"},
		"superseded": {"superseded"},
	}
}

// TestManualHasTheStateMachine tries every record in every state, and compares
// what the fold says with the manual's table.
func TestManualHasTheStateMachine(t *testing.T) {
	t.Parallel()
	type step struct{ state, record string }
	want := map[step]string{} // where the step leads
	for _, row := range rows(t, manual(t), "## What may follow what") {
		for state := range strings.SplitSeq(row[0], ", ") {
			want[step{state, ""}] = state
			if row[1] == "nothing" {
				continue
			}
			records, ends := strings.Split(row[1], " · "), strings.Split(row[2], " · ")
			if len(records) != len(ends) {
				t.Fatalf("state %s: %d records lead to %d states", state, len(records), len(ends))
			}
			for i, r := range records {
				want[step{state, strings.Trim(r, "`")}] = ends[i]
			}
		}
	}
	for state, way := range ways() {
		if want[step{state, ""}] == "" {
			t.Errorf("docs/ledger.md lacks the state %s", state)
		}
		for _, kind := range recordTypes(t) {
			if r := (&ledger.Record{Type: ledger.Type(kind)}); !r.Delivery() {
				continue
			}
			p := newPlay(t)
			for _, w := range way {
				p.must(t, p.delivery(w))
			}
			if got := string(p.part().State); got != state {
				t.Fatalf("the way to %s leads to %s", state, got)
			}
			got := ""
			if err := p.apply(p.delivery(kind)); err == nil {
				now := p.part()
				got = string(now.State)
				if now.Final() && !now.State.Final() {
					got = fmt.Sprintf("%s, ended", got)
				}
			}
			if want := want[step{state, kind}]; got != want {
				t.Errorf("%s in state %s leads to %q, docs/ledger.md says %q", kind, state, got, want)
			}
		}
	}
}
