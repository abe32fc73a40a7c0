package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// atTerminal runs a program at a terminal until it ends, and returns what it showed.
// answer sees what was shown since it was typed last, and returns what the person types
// then; "" for nothing yet, a line feed for the key alone.
func atTerminal(ctx context.Context, program func(tty *os.File) error, answer func(screen string) string) (string, error) {
	person, tty, err := openTerminal()
	if err != nil {
		return "", err
	}
	defer person.Close()
	var screen bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		typed := 0 // how much of the screen was there when something was typed last
		block := make([]byte, 4096)
		for {
			n, err := person.Read(block)
			screen.Write(block[:n])
			if err != nil {
				return // the program has let go of its side
			}
			if line := answer(strings.ReplaceAll(screen.String()[typed:], "\r\n", "\n")); line != "" {
				typed = screen.Len()
				_, _ = person.WriteString(strings.TrimSuffix(line, "\n") + "\n")
			}
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = person.Close() })
	err = program(tty)
	_ = tty.Close()
	<-read
	stop()
	return strings.ReplaceAll(screen.String(), "\r\n", "\n"), err
}

// firstWord returns the first of the read-back words on a screen.
func firstWord(screen string) string {
	found := regexp.MustCompile(`(?m)^(?:READ-BACK WORDS|PAROLE DI CONTROLLO)\n  (\pL+) `).FindStringSubmatch(screen)
	if found == nil {
		return "none"
	}
	return found[1]
}

// terminal STATUS ANSWER PROGRAM ARGS… runs a program at a terminal, which must end
// with this status, and writes what it showed to the file "screen". ANSWER is typed
// when the program asks for a read-back word: "first" for that word, "second" for the one
// after it, "enter" for the key alone.
func scriptTerminal(ctx context.Context, ts *testscript.TestScript, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: terminal STATUS ANSWER PROGRAM ARGS…")
	}
	atScriptTerminal(ctx, ts, args[0], args[2:], func(screen string) string {
		if !strings.Contains(screen, "nothing else signs): ") && !strings.Contains(screen, "altro non firma): ") {
			return ""
		}
		switch args[1] {
		case "first":
			return firstWord(screen)
		case "second":
			return regexp.MustCompile(`(?m)^  ` + firstWord(screen) + ` (\pL+) `).FindStringSubmatch(screen)[1]
		case "enter":
			return "\n"
		}
		return args[1]
	})
}

// answers STATUS PROMPT=ANSWER… tocsin ARGS… runs the program at a terminal, which must
// end with this status, and writes what it showed to the file "screen". Each ANSWER is
// typed when the screen ends with what its PROMPT, a regular expression, matches; "^D"
// ends the input.
func scriptAnswers(ctx context.Context, ts *testscript.TestScript, args []string) {
	at := slices.Index(args, "tocsin")
	if at < 2 {
		ts.Fatalf("usage: answers STATUS PROMPT=ANSWER… tocsin ARGS…")
	}
	left := args[1:at]
	atScriptTerminal(ctx, ts, args[0], args[at:], func(screen string) string {
		if len(left) == 0 {
			return ""
		}
		cut := strings.LastIndex(left[0], "=")
		if !regexp.MustCompile(left[0][:cut] + "$").MatchString(screen) {
			return ""
		}
		answer := left[0][cut+1:]
		left = left[1:]
		if answer == "^D" {
			answer = "\x04"
		}
		return answer + "\n"
	})
	if len(left) > 0 {
		ts.Fatalf("the program never asked %q:\n%s", left[0], ts.ReadFile("screen"))
	}
}

// atScriptTerminal runs a program at a terminal with the environment of a script.
func atScriptTerminal(ctx context.Context, ts *testscript.TestScript, status string, args []string, answer func(screen string) string) {
	want, err := strconv.Atoi(status)
	ts.Check(err)
	var path string
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, args[0])); err == nil {
			path = filepath.Join(dir, args[0])
			break
		}
	}
	cmd := exec.CommandContext(ctx, path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "WORK", "TOCSIN_LANG", "SSH_AUTH_SOCK"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	screen, err := atTerminal(ctx, func(tty *os.File) error {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
		return cmd.Run()
	}, answer)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("screen"), []byte(screen), 0o600))
	if got != want {
		ts.Fatalf("exit status is %d, want %d:\n%s", got, want, screen)
	}
}
