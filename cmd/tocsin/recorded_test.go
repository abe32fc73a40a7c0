package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// A frailLine stands between commands and the broker of a node, and goes down for good when
// the broker has acknowledged a number of records.
type frailLine struct {
	t        *testing.T
	listener net.Listener
	broker   string
	work     sync.WaitGroup

	mu    sync.Mutex
	left  int // acknowledgements until it goes down
	conns []net.Conn
}

// acknowledged is in the broker's answer to a record.
var acknowledged = regexp.MustCompile(`"stream": ?"LEDGER", ?"seq": ?\d`)

// frail puts such a line before the node of the folder.
func (pg *playground) frail(records int) {
	pg.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // the listener is the test's own
	if err != nil {
		pg.t.Fatal(err)
	}
	f := &frailLine{t: pg.t, listener: listener, broker: pg.broker, left: records}
	pg.t.Cleanup(func() {
		f.end(nil)
		f.work.Wait()
	})
	f.work.Go(f.serve)
	raw, err := json.Marshal(presence{Broker: "nats://" + listener.Addr().String(), Config: pg.config})
	if err == nil {
		err = os.WriteFile(filepath.Join(pg.dir, "state", nodeFile), raw, 0o600)
	}
	if err != nil {
		pg.t.Fatal(err)
	}
}

func (f *frailLine) serve() {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return
		}
		broker, err := net.Dial("tcp", f.broker) //nolint:noctx // it ends with the line
		if err != nil {
			_ = client.Close()
			continue
		}
		f.mu.Lock()
		f.conns = append(f.conns, client, broker)
		f.mu.Unlock()
		f.work.Go(func() { f.carry(broker, client, false) })
		f.work.Go(func() { f.carry(client, broker, true) })
	}
}

// carry hands on what comes, and ends the line after the acknowledgement that is its last.
func (f *frailLine) carry(to, from net.Conn, answers bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		last := false
		if answers && acknowledged.Match(buffer[:n]) {
			f.mu.Lock()
			f.left--
			last = f.left == 0
			f.mu.Unlock()
		}
		_, writeErr := to.Write(buffer[:n])
		if last {
			f.end(to)
			return
		}
		if err != nil || writeErr != nil {
			_ = to.Close()
			return
		}
	}
}

// end closes all connections; of the one that bears the last acknowledgement the sending
// side alone, so that it arrives.
func (f *frailLine) end(last net.Conn) {
	_ = f.listener.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		if tcp, ok := c.(*net.TCPConn); ok && c == last {
			_ = tcp.CloseWrite()
			continue
		}
		_ = c.Close()
	}
}

// TestWhatIsRecordedHasNotFailed cuts the line to the broker as soon as a signature is in the
// ledger.
func TestWhatIsRecordedHasNotFailed(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.up()
	b := pg.signed("b")
	code := codeOf(t, b)
	nodeJSON := filepath.Join(pg.dir, "state", nodeFile)
	direct, err := os.ReadFile(nodeJSON)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		records int // that it writes
		args    []string
		then    string // what status says of it later
	}{
		{2, []string{"publish", b}, "waits for the signature of: police liaison"},
		{1, []string{"cosign", code, "-k", pg.key("police"), "--yes"}, ": released"},
		{2, []string{"cancel", code, "-k", pg.key("officer"), "--yes", "--reason", "There is no danger.", "--json"}, "bulletin 2 (Cancel)"},
	} {
		t.Run(c.args[0], func(t *testing.T) { //nolint:paralleltest // one follows from the other
			pg.frail(c.records)
			stdout, stderr := expect(t, 0, append(c.args, "-c", pg.config)...)
			asJSON := c.args[len(c.args)-1] == "--json"
			said := stdout
			if asJSON {
				said = stderr
				var done handedIn
				if err := json.Unmarshal([]byte(stdout), &done); err != nil || done.Unread == "" || done.Code != code {
					t.Errorf("it prints %s (%v)", stdout, err)
				}
			}
			if !strings.Contains(said, "The signature is recorded (alert "+code) || !strings.Contains(said, "could not be read: ") ||
				!strings.Contains(said, "tocsin status "+code+" -c "+pg.config) || strings.Contains(said, "is released") {
				t.Errorf("it says %s", said)
			}
			if err := os.WriteFile(nodeJSON, direct, 0o600); err != nil {
				t.Fatal(err)
			}
			if stdout, _ := expect(t, 0, "status", code, "-c", pg.config); !strings.Contains(stdout, c.then) {
				t.Errorf("status says %s, want %q", stdout, c.then)
			}
		})
	}
}
