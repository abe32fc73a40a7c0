package main

// This file holds the search for credentials in all that the program has written.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tocsin/broker/telemetry/telemetrytest"
)

// An exported keeps the traces that a node exports, byte for byte: strings stand in them as they
// are. Metrics are read from the node.
type exported struct {
	mu      sync.Mutex
	traces  []byte
	metrics string // the node's address
}

// exports has the node export all that it can.
func (w *crashWorld) exports() *exported {
	w.t.Helper()
	e := &exported{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 16<<20)) // a node that is killed breaks off
		e.mu.Lock()
		defer e.mu.Unlock()
		e.traces = append(e.traces, body...)
	}))
	w.t.Cleanup(server.Close)
	_, _, metrics := addresses(w.t)
	e.metrics = "http://" + metrics + "/metrics"
	w.node.edit(`otlp: ""`, "otlp: "+server.URL, `prometheus: ""`, "prometheus: "+metrics)
	return e
}

// exportedTraces returns the traces when they name one of the alerts: they come in batches, every
// five seconds, and a node that is killed takes its latest with it.
func (w *crashWorld) exportedTraces(ctx context.Context, e *exported) []byte {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		e.mu.Lock()
		traces := bytes.Clone(e.traces)
		e.mu.Unlock()
		for _, f := range w.filings {
			if bytes.Contains(traces, []byte(f.b.Alert)) {
				return traces
			}
		}
		select {
		case <-ctx.Done():
			w.t.Error("what is exported as traces names no alert: the search for secrets in it proves nothing")
			return traces
		case <-tick.C:
		}
	}
}

// checkAllThatWasWritten requires that no credential stands in the ledger, in the node's log, in
// what it exported, in what the platforms say that they were asked and answer with, and in what commands
// tell officers and auditors.
func (w *crashWorld) checkAllThatWasWritten(ctx context.Context, e *exported) {
	w.t.Helper()
	w.checkSecrets()
	search := func(what string, data []byte, must string) {
		if !bytes.Contains(data, []byte(must)) {
			w.t.Errorf("%s does not hold %q: the search for secrets in it proves nothing", what, must)
		}
		for _, name := range w.node.leaks(data) {
			w.t.Errorf("%s holds the secret %s", what, name)
		}
	}
	newest := w.filings[len(w.filings)-1].b
	search("what is exported as traces", w.exportedTraces(ctx, e), "")
	_, metrics := telemetrytest.Get(w.t, e.metrics)
	search("what is exported as metrics", []byte(metrics), "telegram")
	requests, err := json.Marshal(w.sim.Requests())
	if err != nil {
		w.t.Fatal(err)
	}
	search("the simulator's record", requests, "media_publish")
	code, folder := string(newest.Code), filepath.Join(w.t.TempDir(), "export")
	for _, args := range [][]string{
		{"status", code}, {"status", code, "--json"}, {"check"}, {"check", "--json"}, {"audit", "timeline", code}, {"audit", "timeline", code, "--json"},
		{"audit", "verify"}, {"audit", "verify", "--json"}, {"audit", "export", code, folder},
	} {
		var out bytes.Buffer
		err := run(ctx, append(args, "-c", w.node.config), strings.NewReader(""), &out, &out, english)
		if err != nil {
			fmt.Fprintln(&out, err) // what main says; also what is not in order is searched
		}
		must := code
		if args[0] == "check" || args[1] == "verify" {
			must = "" // they tell of no alert by name
		}
		search("tocsin "+strings.Join(args, " "), out.Bytes(), must)
	}
	files := 0
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err == nil {
			files++
			search(path, raw, "")
		}
		return err
	})
	if err != nil || files < 3 {
		w.t.Errorf("%d files were exported (%v)", files, err)
	}
}
