package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the program as people and scripts do. What the scripts add to the
// commands of testscript is said at each function below.
func TestScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no scripts (%v)", err)
	}
	if raceDetector {
		files = []string{filepath.Join("testdata", "script", "byhand.txtar")}
	}
	testscript.Run(t, testscript.Params{
		Files: files, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TOCSIN_LANG", "en")
			first, release, err := claimPorts(t.Context())
			if err != nil {
				return err
			}
			e.Defer(release)
			e.Setenv("SITE", loopback(first))
			e.Setenv("BROKER", loopback(first+1))
			e.Setenv("SIMULATOR", loopback(first+2))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			tool, ok := strings.CutPrefix(cond, "tool:")
			if !ok {
				return false, fmt.Errorf("condition %q is not known", cond)
			}
			_, err := exec.LookPath(tool)
			if err != nil && requireAll() {
				return false, fmt.Errorf("%s is not installed: %w", tool, err)
			}
			return err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"terminal":  bind(t.Context(), scriptTerminal),
			"answers":   bind(t.Context(), scriptAnswers),
			"exits":     bind(t.Context(), scriptExits),
			"await":     bind(t.Context(), scriptAwait),
			"up":        bind(t.Context(), scriptUp),
			"get":       bind(t.Context(), scriptGet),
			"swap":      bind(t.Context(), scriptSwap),
			"flip":      bind(t.Context(), scriptFlip),
			"refused":   bind(t.Context(), scriptRefused),
			"live":      bind(t.Context(), scriptLive),
			"trouble":   bind(t.Context(), scriptTrouble),
			"looks":     bind(t.Context(), scriptLooks),
			"plainkeys": bind(t.Context(), scriptPlainKeys),
			"nofiles":   bind(t.Context(), scriptNoFiles),
			"page":      bind(t.Context(), scriptPage),
			"agent":     func(ts *testscript.TestScript, _ bool, args []string) { scriptAgent(t.Context(), ts, args) },
		},
	})
}

// bind makes a command of scripts that has half a minute.
func bind(ctx context.Context, do func(context.Context, *testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command can't be negated")
		}
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		do(ctx, ts, args)
	}
}

// exits STATUS PROGRAM ARGS… runs a program that must end with this status.
func scriptExits(_ context.Context, ts *testscript.TestScript, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status is %d, want %d", got, want)
	}
	plain(ts, ts.ReadFile("stderr"))
}

var (
	// programmersWords mean nothing to a person on duty.
	programmersWords = regexp.MustCompile(`unmarshal|\bEOF\b|deadline exceeded|invalid argument|strconv|nil pointer|\bGo value|%!|!\B`)

	// englishWords are in most sentences, and in no Italian one.
	englishWords = regexp.MustCompile(`(?i)\b(?:the|is|are|was|not|of|and|with|must|has|from|this|that|write|give)\b`)
)

// plain fails if a message is not one for the person who reads the screen. What is
// quoted, and a line of a file that is shown, are others' words.
func plain(ts *testscript.TestScript, stderr string) {
	for line := range strings.Lines(stderr) {
		line = quotedText.ReplaceAllString(line, `""`)
		if strings.HasPrefix(line, "time=") || strings.Contains(line, " | ") {
			continue
		}
		if word := programmersWords.FindString(line); word != "" {
			ts.Fatalf("a person on duty does not know what %q is: %s", word, line)
		}
		if word := englishWords.FindString(line); word != "" && ts.Getenv("TOCSIN_LANG") == "it" {
			ts.Fatalf("the Italian screen says %q: %s", word, line)
		}
	}
}

// await URL waits until the address answers 200.
func scriptAwait(ctx context.Context, ts *testscript.TestScript, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: await URL")
	}
	ts.Check(awaitAnswer(ctx, args[0]))
}

// page URL TEXT checks that a page says a text.
func scriptPage(ctx context.Context, ts *testscript.TestScript, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: page URL TEXT")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, args[0], http.NoBody)
	ts.Check(err)
	a, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	ts.Check(err)
	if !strings.Contains(string(body), args[1]) {
		ts.Fatalf("%s does not say %q:\n%s", args[0], args[1], body)
	}
}

// up STATE waits until a node says that it works on the folder.
func scriptUp(ctx context.Context, ts *testscript.TestScript, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: up STATE")
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if p, err := readPresence(ts.MkAbs(args[0])); err == nil && syscall.Kill(p.PID, 0) == nil {
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("no node came up on %s", args[0])
		case <-tick.C:
		}
	}
}

// awaitAnswer returns when the address answers 200.
func awaitAnswer(ctx context.Context, address string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
		if err != nil {
			return err
		}
		a, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = a.Body.Close()
			if a.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", address, ctx.Err())
		case <-tick.C:
		}
	}
}

// get NAME PATH sets a variable to a value of the JSON that the last program wrote,
// such as alerts.0.code.
func scriptGet(_ context.Context, ts *testscript.TestScript, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: get NAME PATH")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	for part := range strings.SplitSeq(args[1], ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(at) {
				ts.Fatalf("%s: there is no place %q", args[1], part)
			}
			v = at[i]
		default:
			ts.Fatalf("%s: there is nothing at %q", args[1], part)
		}
	}
	if v == nil {
		ts.Fatalf("%s: it is not there", args[1])
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}

// swap FILE OLD NEW changes the first OLD in a file; \n is a new line.
func scriptSwap(_ context.Context, ts *testscript.TestScript, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: swap FILE OLD NEW")
	}
	lines := strings.NewReplacer(`\n`, "\n")
	ts.Check(replace(ts.MkAbs(args[0]), lines.Replace(args[1]), lines.Replace(args[2])))
}

// flip FILE TEXT NEWFILE writes a copy with the lowest bit of TEXT's first byte
// turned, where TEXT stands for the last time.
func scriptFlip(_ context.Context, ts *testscript.TestScript, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: flip FILE TEXT NEWFILE")
	}
	raw := []byte(ts.ReadFile(args[0]))
	at := strings.LastIndex(string(raw), args[1])
	if at < 0 {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	raw[at] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), raw, 0o600))
}

// refused CONFIG CLASS PATTERN checks that the ledger holds a refusal.
func scriptRefused(ctx context.Context, ts *testscript.TestScript, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: refused CONFIG CLASS PATTERN")
	}
	pattern, err := regexp.Compile(args[2])
	ts.Check(err)
	all, err := refusals(ctx, ts.MkAbs(args[0]))
	ts.Check(err)
	for _, r := range all {
		if r.Class == args[1] && pattern.MatchString(r.Reason) {
			return
		}
	}
	ts.Fatalf("the ledger holds no refusal of class %s like %q: %+v", args[1], args[2], all)
}

// live SIMULATOR KIND N TEXT checks how many public posts bore a text when they were published.
func scriptLive(ctx context.Context, ts *testscript.TestScript, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: live SIMULATOR KIND N TEXT")
	}
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	posts, err := livePosts(ctx, "http://"+args[0], args[1], args[3])
	ts.Check(err)
	if posts != want {
		ts.Fatalf("%d posts of %s bear %q, want %d", posts, args[1], args[3], want)
	}
}

// trouble SIMULATOR KIND CONDITION puts an account of the simulator into a condition.
func scriptTrouble(ctx context.Context, ts *testscript.TestScript, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: trouble SIMULATOR KIND CONDITION")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+args[0]+"/api/conditions", strings.NewReader(fmt.Sprintf(`{"channel":%q,"condition":%q}`, args[1], args[2])))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/json")
	a, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(a.Body)
		ts.Fatalf("%s is not put into %s: %s %s", args[1], args[2], a.Status, said)
	}
}

// looks STATE N waits until the node has looked at N subjects.
func scriptLooks(ctx context.Context, ts *testscript.TestScript, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: looks STATE N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if r, err := readReadiness(ts.MkAbs(args[0])); err == nil && len(r.Subjects) == want {
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("the node has not looked at %d subjects", want)
		case <-tick.C:
		}
	}
}

// livePosts asks a simulator how many public posts of a kind bore a text when they were published: a
// mark repeats the code of what takes their place.
func livePosts(ctx context.Context, simulator, kind, text string) (int, error) {
	var all map[string][]struct{ First string }
	if err := fetchJSON(ctx, simulator+"/api/live", &all); err != nil {
		return 0, err
	}
	n := 0
	for _, p := range all[kind] {
		if strings.Contains(p.First, text) {
			n++
		}
	}
	return n, nil
}

func fetchJSON(ctx context.Context, address string, v any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", address, a.Status)
	}
	return json.NewDecoder(a.Body).Decode(v)
}

// nofiles DIR checks that a folder is empty or not there.
func scriptNoFiles(_ context.Context, ts *testscript.TestScript, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: nofiles DIR")
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		ts.Fatalf("%v", err)
	}
	if len(entries) > 0 {
		ts.Fatalf("%s holds %s", args[0], entries[0].Name())
	}
}

// agent starts an ssh-agent for the rest of the script.
func scriptAgent(ctx context.Context, ts *testscript.TestScript, args []string) {
	if len(args) != 0 {
		ts.Fatalf("usage: agent")
	}
	// The path of a socket must be short.
	dir, err := os.MkdirTemp("", "ag")
	ts.Check(err)
	socket := filepath.Join(dir, "s")
	cmd := exec.CommandContext(ctx, "ssh-agent", "-D", "-a", socket)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill() // ours, and of no more use
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		if _, err := os.Stat(socket); err == nil {
			ts.Setenv("SSH_AUTH_SOCK", socket)
			return
		}
		<-tick.C
	}
	ts.Fatalf("ssh-agent did not come up")
}
