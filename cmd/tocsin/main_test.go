package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
	"tocsin/broker/signing"
)

// TestMain lets scripts and tests run the program as a process of its own: the test
// binary is on the path as "tocsin".
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tocsin": main})
}

// requireAll says that a test may not be skipped for want of a tool or of data.
func requireAll() bool { return os.Getenv("TOCSIN_REQUIRE_ALL") == "1" }

// skipOrFail ends the test: it lacks something that is not ours.
func skipOrFail(t *testing.T, format string, args ...any) {
	t.Helper()
	if requireAll() {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// vectors returns the folder of the test data that others wrote.
func vectors(t *testing.T, sub ...string) string {
	t.Helper()
	root := os.Getenv("TOCSIN_VECTORS")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	dir, err := filepath.Abs(filepath.Join(append([]string{root}, sub...)...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		skipOrFail(t, "the test data is not here: set TOCSIN_VECTORS to its folder (%v)", err)
	}
	return dir
}

// english is the environment of a program that runs in this process.
func english(name string) string {
	if name == "TOCSIN_LANG" {
		return "en"
	}
	return ""
}

// call runs the program in this process and returns what it wrote.
func call(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs strings.Builder
	err = run(t.Context(), args, strings.NewReader(""), &out, &errs, english)
	return out.String(), errs.String(), err
}

// expect runs the program in this process and checks its exit status.
func expect(t *testing.T, status int, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, err := call(t, args...)
	if got := exitCode(err); got != status {
		t.Fatalf("tocsin %s: exit status is %d (%v), want %d\n%s", strings.Join(args, " "), got, err, status, stderr)
	}
	if err != nil {
		stderr += "tocsin: " + (&program{lang: "en"}).words(err) + "\n"
	}
	return stdout, stderr
}

// claimPorts returns the first of seven ports on loopback on which nobody listens, for
// processes that are started and ended again. They lie below those that the system gives
// to outgoing connections and to port 0. The port before them stays bound until release:
// whoever else looks for ports this way, in another run too, passes the seven over.
func claimPorts(ctx context.Context) (first int, release func(), err error) {
	const lowest, blocks, size = 16_000, 2_000, 8
	begin := rand.IntN(blocks)
	for n := range blocks {
		base := lowest + (begin+n)%blocks*size
		claim, err := new(net.ListenConfig).Listen(ctx, "tcp", loopback(base))
		if err != nil {
			continue
		}
		if free(ctx, base+1, size-1) {
			return base + 1, func() { _ = claim.Close() }, nil
		}
		_ = claim.Close()
	}
	return 0, nil, errors.New("there are no free ports between 16000 and 32000")
}

func free(ctx context.Context, first, n int) bool {
	for port := first; port < first+n; port++ {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", loopback(port))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// addresses returns what a node and its simulator listen on, until the end of the test:
// the site, the broker, and the first of the simulator's five.
func addresses(t *testing.T) (site, broker, platforms string) {
	t.Helper()
	first, release, err := claimPorts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return loopback(first), loopback(first + 1), loopback(first + 2)
}

// replace changes a text in a file, which must be there.
func replace(path, from, to string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !strings.Contains(string(raw), from) {
		return fmt.Errorf("%s does not hold %q", path, from)
	}
	return os.WriteFile(path, []byte(strings.Replace(string(raw), from, to, 1)), 0o600)
}

// A playground is a node with its simulator, in processes of their own.
type playground struct {
	t         *testing.T
	dir       string
	config    string
	site      string
	broker    string
	platforms string
}

// newPlayground makes the folder of a node, as tocsin init does.
func newPlayground(t *testing.T, args ...string) *playground {
	t.Helper()
	site, broker, platforms := addresses(t)
	pg := &playground{t: t, dir: filepath.Join(t.TempDir(), "node"), site: site, broker: broker, platforms: platforms}
	pg.config = filepath.Join(pg.dir, "tocsin.yaml")
	expect(t, 0, append([]string{"init", pg.dir, "--site", site, "--broker", broker, "--simulator", platforms}, args...)...)
	return pg
}

// credential returns the folder's broker credential of a role.
func (pg *playground) credential(role ledger.Role) ledger.Credential {
	pg.t.Helper()
	seed, err := os.ReadFile(pg.seed(string(role)))
	if err != nil {
		pg.t.Fatal(err)
	}
	who, err := ledger.ParseCredential(role, "", bytes.TrimSpace(seed))
	if err != nil {
		pg.t.Fatal(err)
	}
	return who
}

// seed returns the file of a broker credential, "officer" or "adapter-x".
func (pg *playground) seed(name string) string {
	return filepath.Join(pg.dir, credentialsFolder, name+".nk")
}

// hasCredentials puts the broker credentials of a crew in the place of the folder's own.
func (pg *playground) hasCredentials(crew *ledgertest.Crew) {
	pg.t.Helper()
	for _, role := range ledger.Roles() {
		if role == ledger.RoleAdapter {
			continue
		}
		seed, err := crew.As(string(role))[0].Seed()
		if err == nil {
			err = os.WriteFile(pg.seed(string(role)), seed, 0o600)
		}
		if err != nil {
			pg.t.Fatal(err)
		}
	}
}

func (pg *playground) edit(from, to string) {
	pg.t.Helper()
	if err := replace(pg.config, from, to); err != nil {
		pg.t.Fatal(err)
	}
}

// key returns the file of a trial key.
func (pg *playground) key(name string) string { return filepath.Join(pg.dir, "keys", name) }

// compose writes a bulletin of the example and returns its file.
func (pg *playground) compose(name string) string {
	pg.t.Helper()
	path := filepath.Join(pg.dir, name)
	expect(pg.t, 0, "compose", "-c", pg.config, "--cap", filepath.Join(pg.dir, "scenarios", "savona-esercitazione.cap.xml"), "-o", path)
	return path
}

// signed writes a bulletin of the example with the officer's signature.
func (pg *playground) signed(name string) string {
	pg.t.Helper()
	path := pg.compose(name)
	expect(pg.t, 0, "sign", path, "-k", pg.key("officer"), "--yes")
	return path
}

// published hands in a bulletin of the example with the officer's signature, and returns
// its file and the bulletin.
func (pg *playground) published(name string) (path string, b *bulletin.Bulletin) {
	pg.t.Helper()
	path = pg.signed(name)
	expect(pg.t, 0, "publish", path, "-c", pg.config)
	b, err := readBulletin(path, nil)
	if err != nil {
		pg.t.Fatal(err)
	}
	return path, b
}

// A process is the program as a process of its own.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *lines
	temp string // where it puts temporary files
	done chan error
}

// start runs the program; it is killed at the end of the test if it still runs.
func start(t *testing.T, args ...string) *process { return startAs(t, "tocsin", args...) }

func startAs(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return startWith(t, nil, nil, name, args...)
}

// startWith starts it with a standard input, as the system is asked to.
func startWith(t *testing.T, stdin *os.File, attr *syscall.SysProcAttr, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.CommandContext(t.Context(), name, args...), log: &lines{changed: make(chan struct{})}, temp: t.TempDir(), done: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), "TOCSIN_LANG=en", "TMPDIR="+p.temp)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = attr
	if stdin != nil {
		p.cmd.Stdin = stdin
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has ended already, unless the test failed
		if t.Failed() {
			t.Logf("tocsin %s said:\n%s", strings.Join(args, " "), p.log.String())
		}
	})
	return p
}

// says waits until the program has said something.
func (p *process) says(text string) {
	p.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		said, changed := p.log.now()
		if strings.Contains(said, text) {
			return
		}
		select {
		case <-changed:
		case err := <-p.done:
			p.t.Fatalf("%s ended (%v) before it said %q:\n%s", p.cmd.Args, err, text, p.log.String())
		case <-limit:
			p.t.Fatalf("%s did not say %q:\n%s", p.cmd.Args, text, p.log.String())
		}
	}
}

// end sends the signal and returns how long the program took to end, and how.
func (p *process) end(sig os.Signal) (time.Duration, error) {
	p.t.Helper()
	begun := time.Now()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.done:
		p.done <- err
		return time.Since(begun), err
	case <-time.After(20 * time.Second):
		p.t.Fatalf("%s does not end after %v", p.cmd.Args, sig)
		return 0, nil
	}
}

// stop ends the program with an interrupt and checks that it was content.
func (p *process) stop() {
	p.t.Helper()
	if _, err := p.end(os.Interrupt); err != nil {
		p.t.Fatalf("%s: %v\n%s", p.cmd.Args, err, p.log.String())
	}
}

// lines are what a process has written.
type lines struct {
	mu      sync.Mutex
	text    []byte
	changed chan struct{} // closed and replaced at each write
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	close(l.changed)
	l.changed = make(chan struct{})
	return len(b), nil
}

func (l *lines) now() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text), l.changed
}

func (l *lines) String() string {
	text, _ := l.now()
	return text
}

// refusals reads from a ledger what was refused.
func refusals(ctx context.Context, config string) ([]ledger.Record, error) {
	late := &lateObserver{}
	d, err := (&where{config: config}).open(ctx, "test", late.observe, false)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var size int64
	d.ledger.View(func(s *ledger.State) { size = s.Seq })
	var out []ledger.Record
	for _, e := range late.upTo(size) {
		if e.Record.Type == ledger.Rejected {
			out = append(out, e.Record)
		}
	}
	return out, nil
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("the disk is gone"), 1},
		{errQuiet, 1},
		{usage("no such flag"), 2},
		{fmt.Errorf("sign: %w", usage("no key")), 2},
		{refused("not one of ours"), 3},
		{fmt.Errorf("demo: %w", &signing.RefusedError{Reason: signing.ReasonSameKey}), 3},
		{both("rotto", "broken: %w", &bulletin.SyntaxError{}), 3},
		{&ledger.RealmError{Want: "live", Have: "exercise"}, 3},
		{both("già consegnato", "handed in before"), 1},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("exit status of %v is %d, want %d", c.err, got, c.want)
		}
	}
}

func TestErrorsSpeakTheLanguageOfTheScreen(t *testing.T) {
	t.Parallel()
	cause := &bulletin.SyntaxError{Line: 3, Where: "cap", Reason: "the message expires at 2026-11-22T10:30:00Z, the bulletin at 2026-11-22T11:30:00Z: they must be the same"}
	for _, c := range []struct {
		err              error
		italian, english string
	}{
		{
			refusedError{both("rotto: %v: ricomporlo", "broken: %w: compose it again", cause)},
			"rotto: bollettino, riga 3, cap: il messaggio scade il 22-11-2026 11:30:00 (CET), il bollettino il 22-11-2026 12:30:00 (CET): devono scadere insieme: ricomporlo",
			"broken: bulletin, line 3, cap: the message expires at 22-11-2026 11:30:00 (CET), the bulletin at 22-11-2026 12:30:00 (CET): they must be the same: compose it again",
		},
		{
			fmt.Errorf("demo: %w", &signing.RefusedError{Reason: signing.ReasonSamePerson}),
			"demo: non diffuso: tutte le firme richieste sono della stessa persona; chiedere la firma a una seconda persona o ritirare il bollettino",
			"demo: not released: the signatures that are needed are all by the same person; ask a second person to sign, or withdraw the bulletin",
		},
		{
			fmt.Errorf("serve: %w", fmt.Errorf("site: %w: end what listens there (perhaps this node runs already), or choose another address under site.listen",
				&net.OpError{Op: "listen", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8180}, Err: os.NewSyscallError("bind", syscall.EADDRINUSE)})),
			"serve: sito: ascolto su 127.0.0.1:8180: l'indirizzo è già in uso: fermare chi ascolta lì (forse questo nodo è già acceso), o scegliere un altro indirizzo in site.listen",
			"serve: site: listen on 127.0.0.1:8180: the address is already in use: end what listens there (perhaps this node runs already), or choose another address under site.listen",
		},
		{errors.New("flux capacitor misaligned"), "flux capacitor misaligned", "flux capacitor misaligned"},
	} {
		for lang, want := range map[string]string{"it": c.italian, "en": c.english} {
			p := &program{lang: lang}
			if got := p.words(c.err); got != want {
				t.Errorf("in %s it says\n%q, want\n%q", lang, got, want)
			}
		}
	}
}

func TestLanguageOfTheScreen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{nil, "it"},
		{map[string]string{"LANG": "de_DE.UTF-8"}, "it"},
		{map[string]string{"LANG": "en_GB.UTF-8"}, "en"},
		{map[string]string{"LANG": "it_IT.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"},
		{map[string]string{"LANG": "en_GB.UTF-8", "TOCSIN_LANG": "it"}, "it"},
	} {
		if got := language(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("language with %v is %q, want %q", c.env, got, c.want)
		}
	}
}

// A slowReader gives one byte at a time and remembers how many were taken.
type slowReader struct {
	rest  string
	taken int
}

func (r *slowReader) Read(b []byte) (int, error) {
	if r.taken == len(r.rest) {
		return 0, io.EOF
	}
	b[0] = r.rest[r.taken]
	r.taken++
	return 1, nil
}

func TestLineTakesOneLine(t *testing.T) {
	t.Parallel()
	r := &slowReader{rest: "passphrase\r\nFIRMO\n"}
	p := &program{stdin: r}
	for _, want := range []string{"passphrase", "FIRMO"} {
		if got, err := p.line(); err != nil || got != want {
			t.Errorf("line is %q, %v, want %q", got, err, want)
		}
	}
	if _, err := p.line(); !errors.Is(err, io.EOF) {
		t.Errorf("a line after the end: %v, want EOF", err)
	}
	if _, err := (&program{stdin: strings.NewReader(strings.Repeat("x", 5000))}).line(); err == nil {
		t.Error("a line without end was taken")
	}
}
