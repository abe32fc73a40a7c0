package broker_test

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// module is the path under which the parts of the house import each other.
const module = "tocsin"

// everything, as the only entry of a part, lets it import all other parts.
const everything = "*"

// house says what each part may import of the others; itself it may always.
//
// A part is the longest key that is the folder or lies above it. A folder that
// has no part, or lies in one that the plan divides further (broker, adapters),
// wants a line here before its first file. Tests may import what they like:
// what they prove often takes the other side of a wall.
func house() map[string][]string {
	return map[string][]string{
		"adapters":              {},
		"adapters/internal":     {"adapters"},
		"adapters/adapterstest": {"adapters"},
		"adapters/download":     {"adapters", "adapters/internal"},
		"adapters/facebook":     {"adapters", "adapters/internal", "adapters/adapterstest"},
		"adapters/instagram":    {"adapters", "adapters/internal", "adapters/adapterstest"},
		"adapters/telegram":     {"adapters", "adapters/internal", "adapters/adapterstest"},
		"adapters/website":      {"adapters", "adapters/internal", "adapters/adapterstest", "templates"},
		"adapters/wordpress":    {"adapters", "adapters/internal", "adapters/adapterstest"},
		"adapters/x":            {"adapters", "adapters/internal", "adapters/adapterstest"},
		"adapters/webhook":      {"adapters", "adapters/internal"},
		"adapters/simulator": {
			"adapters", "adapters/adapterstest", "adapters/facebook", "adapters/instagram",
			"adapters/telegram", "adapters/website", "adapters/x",
		},
		"templates":        {},
		"broker":           {},
		"broker/alert":     {},
		"broker/bulletin":  {"broker/alert", "adapters"},
		"broker/compose":   {"broker/alert", "broker/bulletin", "templates", "adapters"},
		"broker/scenario":  {"broker/alert", "templates"},
		"broker/review":    {"broker/alert", "broker/bulletin", "broker/compose", "templates"},
		"broker/signing":   {"broker/alert", "broker/bulletin"},
		"broker/ledger":    {"broker/alert"},
		"broker/delivery":  {"broker/alert", "broker/bulletin", "broker/signing", "broker/ledger", "adapters"},
		"broker/readiness": {"broker/ledger", "adapters"},
		"broker/audit":     {"broker/alert", "broker/bulletin", "broker/signing", "broker/ledger"},
		"broker/report":    {"broker/alert", "broker/bulletin", "broker/signing", "broker/ledger", "broker/audit"},
		"broker/telemetry": {},
		"broker/console": {
			"broker/alert", "broker/bulletin", "broker/compose", "broker/review", "broker/signing",
			"broker/ledger", "broker/report", "templates",
		},
		"cmd":    {everything},
		"deploy": {},
	}
}

// outside says which parts alone may import modules from outside whose path
// starts with the key. An empty list means tests only.
func outside() map[string][]string {
	return map[string][]string{
		"github.com/nats-io/":                 {"broker/ledger"},
		"github.com/minio/":                   {"broker/ledger"},
		"github.com/cenkalti/backoff/":        {"broker/delivery"},
		"github.com/boombuler/barcode":        {"templates"},
		"github.com/dghubble/oauth1":          {"adapters/x"},
		"github.com/spf13/":                   {"cmd"},
		"go.opentelemetry.io/otel/exporters/": {"broker/telemetry"},
		"go.opentelemetry.io/otel/sdk":        {"broker/telemetry"},
		"golang.org/x/mod/":                   {"broker/audit"},
		"github.com/chromedp/":                {},
		"github.com/rogpeppe/go-internal/":    {},
		"go.uber.org/goleak":                  {},
		"pgregory.net/rapid":                  {},
	}
}

// TestHouse holds every file of the project against the plan of the house.
//
// It reads the files itself: what a test learns from a command that it runs, go
// test doesn't see, and so the verdict would come from its cache.
func TestHouse(t *testing.T) {
	t.Parallel()
	root := os.DirFS("..")
	gomod, err := fs.ReadFile(root, "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(gomod), "module "+module+"\n") {
		t.Fatalf("go.mod does not start with %q: the plan would check nothing", "module "+module)
	}
	breaches, err := inspect(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, breach := range breaches {
		t.Error(breach)
	}
}

// TestPlan holds the plan itself together: a name that is misspelt in it would
// allow what nobody meant.
func TestPlan(t *testing.T) {
	t.Parallel()
	parts := house()
	for part, may := range parts {
		for _, to := range may {
			if _, ok := parts[to]; !ok && to != everything {
				t.Errorf("%q may import %q, which is no part of the house", part, to)
			}
			if strings.HasPrefix(part, "adapters") && strings.HasPrefix(to, "broker") {
				t.Errorf("%q may import %q: a channel sees a Post, never an alert", part, to)
			}
			if strings.HasPrefix(part, "broker") && strings.HasPrefix(to, "adapters/") {
				t.Errorf("%q may import %q: the broker knows the port, not the plugs", part, to)
			}
		}
	}
	for prefix, only := range outside() {
		for _, part := range only {
			if _, ok := parts[part]; !ok {
				t.Errorf("%s is kept for %q, which is no part of the house", prefix, part)
			}
		}
	}
}

// TestInspectFinds breaks each rule once, so that a rule that has gone blind is
// noticed.
func TestInspectFinds(t *testing.T) {
	t.Parallel()
	const doc = "// Package p is here for the test.\n"
	tests := map[string]struct{ file, text, want string }{
		"wall":             {"broker/alert/a.go", doc + `package p; import _ "tocsin/broker/ledger"`, `"broker/alert" may not import "broker/ledger"`},
		"platform":         {"broker/delivery/a.go", doc + `package p; import _ "tocsin/adapters/x"`, `may not import "adapters/x"`},
		"outside":          {"broker/audit/a.go", doc + `package p; import _ "github.com/nats-io/nats.go"`, "only [broker/ledger] may"},
		"tests_only":       {"broker/audit/a.go", doc + `package p; import _ "pgregory.net/rapid"`, "only tests may"},
		"fake":             {"adapters/x/a.go", doc + `package p; import _ "tocsin/adapters/x/xtest"`, "what runs may not lean on a fake"},
		"unplanned":        {"broker/misc/a.go", doc + "package p", "not in the plan"},
		"undocumented":     {"broker/alert/a.go", "package p", "says nothing of what it is for"},
		"wrong_document":   {"broker/alert/a.go", "// Hello.\npackage p", "says nothing of what it is for"},
		"init":             {"cmd/tocsin/a.go", doc + "package p; func init() {}", "has a func init"},
		"print":            {"broker/alert/a.go", doc + `package p; import "fmt"; func f() { fmt.Println() }`, "calls fmt.Println"},
		"print_renamed":    {"broker/alert/a.go", doc + `package p; import q "fmt"; func f() { q.Printf("") }`, "calls fmt.Printf"},
		"exit_in_library":  {"broker/alert/a.go", doc + `package p; import "os"; func main() { os.Exit(1) }`, "calls os.Exit"},
		"exit_beside_main": {"cmd/tocsin/a.go", doc + `package main; import "os"; func f() { os.Exit(1) }`, "calls os.Exit"},
		"environment":      {"cmd/tocsin/a.go", doc + `package main; import "os"; func f() { os.Getenv("A") }`, "calls os.Getenv"},
		"fatal":            {"cmd/tocsin/a.go", doc + `package main; import "log"; func main() { log.Fatal() }`, "calls log.Fatal"},
		"sleep":            {"broker/alert/a.go", doc + `package p; import "time"; func f() { time.Sleep(1) }`, "calls time.Sleep"},
		"machine_zone":     {"cmd/tocsin/a.go", doc + `package p; import "time"; func f(t time.Time) { t.In(time.Local) }`, "names time.Local"},
		"dot_import":       {"broker/alert/a.go", doc + `package p; import . "fmt"`, "imports fmt with a dot"},
		"serial_test":      {"broker/alert/a_test.go", `package p; import "testing"; func TestA(t *testing.T) { t.Log() }`, "TestA does not call t.Parallel() first"},
		"empty_test":       {"broker/alert/a_test.go", `package p; import "testing"; func TestA(t *testing.T) {}`, "TestA does not call t.Parallel() first"},
		"sleeping_test":    {"broker/alert/a_test.go", `package p; import "time"; func f() { time.Sleep(1) }`, "sleeps outside testing/synctest"},
		"waiting_test":     {"broker/alert/a_test.go", `package p; import "time"; func f() { <-time.After(1) }`, "sleeps outside testing/synctest"},
		"waiting_case":     {"broker/alert/a_test.go", `package p; import "time"; func f() { switch { case true: <-time.After(1) } }`, "sleeps outside testing/synctest"},
		"select_of_one":    {"broker/alert/a_test.go", `package p; import "time"; func f() { select { case <-time.After(1): } }`, "sleeps outside testing/synctest"},
		"not_go":           {"broker/alert/a.go", "package", "expected 'IDENT'"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := inspect(fstest.MapFS{tt.file: {Data: []byte(tt.text)}})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, tt.want) }) {
				t.Errorf("inspect found %q, want a breach that says %q", got, tt.want)
			}
		})
	}
}

// TestInspectAllows shows inspect what the house permits; it must stay silent.
func TestInspectAllows(t *testing.T) {
	t.Parallel()
	const doc = "// Package p is here for the test.\n"
	tests := map[string]struct{ file, text string }{
		"planned_import": {"broker/ledger/a.go", doc + `package p; import (_ "tocsin/broker/alert"; _ "github.com/nats-io/nats.go")`},
		"folder_below":   {"adapters/x/xtest/a.go", doc + `package p; import (_ "tocsin/adapters/x"; _ "tocsin/adapters/adapterstest")`},
		"command":        {"cmd/tocsin/a.go", "// Command tocsin is here for the test.\n" + `package main; import ("fmt"; "os"; _ "tocsin/adapters/simulator"); func main() { fmt.Print(); os.Exit(1) }`},
		"method_init":    {"broker/alert/a.go", doc + "package p; type T struct{}; func (T) init() {}"},
		"parallel_test":  {"broker/alert/a_test.go", `package p; import "testing"; func TestA(t *testing.T) { t.Parallel() }`},
		"environment":    {"broker/alert/a_test.go", `package p; import "testing"; func TestA(t *testing.T) { t.Setenv("A", "1") }`},
		"bubble":         {"broker/alert/a_test.go", `package p; import ("time"; _ "testing/synctest"); func f() { time.Sleep(1) }`},
		"limit":          {"broker/alert/a_test.go", `package p; import "time"; func f(c chan int) { select { case <-c: case <-time.After(1): } }`},
		"test_imports":   {"broker/alert/a_test.go", `package p; import _ "tocsin/adapters/x/xtest"`},
		"test_main":      {"broker/alert/a_test.go", `package p; import ("os"; "testing"); func TestMain(m *testing.M) { os.Exit(m.Run()) }`},
		"testdata":       {"broker/alert/testdata/a.go", "no go at all"},
		"hidden":         {".ci/a.go", "no go at all"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := inspect(fstest.MapFS{tt.file: {Data: []byte(tt.text)}})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) > 0 {
				t.Errorf("inspect found %q, want nothing", got)
			}
		})
	}
}
