package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/simulator"
	"tocsin/broker/alert"
)

// TestHostileConfiguration hands files to the reader that would hold the YAML parser
// for minutes, or for ever.
func TestHostileConfiguration(t *testing.T) {
	t.Parallel()
	// fill repeats s up to the size of the largest file.
	fill := func(s string) string { return strings.Repeat(s, maxConfig/len(s)) }
	const nested, many = "nest more than 16 deep", "more than 12000 keys and values"
	for name, tt := range map[string]struct{ text, want string }{
		"brackets":        {fill("["), "line 1: brackets " + nested},
		"braces":          {fill("{a: "), "line 1: brackets " + nested},
		"hidden_brackets": {strings.Repeat("[ # ]\n", maxLines), "line 17: brackets " + nested},
		"closed_brackets": {"node: " + strings.Repeat("[", maxConfig/3) + strings.Repeat("]", maxConfig/3), "line 1: brackets " + nested},
		"lists":           {fill("- "), "line 1: lists " + nested},
		"tagged_lists":    {fill("- !a "), "line 1: lists " + nested},
		"keys_of_lists":   {fill("- a: "), "line 1: lists " + nested},
		"question_marks":  {fill("? "), "line 1: lists " + nested},
		"keys":            {"{" + fill("a: 1, ")[2:], "line 1: there are " + many},
		"values":          {"{" + fill("a,")[1:], "line 1: there are " + many},
		"lines":           {"node: |\n" + fill("\n")[8:], "lines, the limit is 8000"},
		"other_lines":     {"node: |\r" + fill("\r")[8:], "lines, the limit is 8000"},
		"length":          {fill("#") + "#", "more than 262144 bytes"},
		"blank_lines":     {"node: |\n" + strings.Repeat("\n", maxLines-1), "use lower-case letters"}, // within the bounds
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "tocsin.yaml")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			answer := make(chan error, 1)
			go func() {
				_, err := loadConfig(path)
				answer <- err
			}()
			select {
			case err := <-answer:
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "configuration "+path) {
					t.Errorf("got %.300v, want words on %q", err, tt.want)
				}
			case <-time.After(20 * time.Second): // a hundred times what it takes
				t.Error("the file holds the program")
			}
		})
	}
}

// TestLargeConfiguration holds that the bounds leave room for more channels than
// anybody has.
func TestLargeConfiguration(t *testing.T) {
	t.Parallel()
	f := fresh{Realm: alert.RealmExercise, Node: "large", Site: "127.0.0.1:1", Broker: "127.0.0.1:2", Control: "127.0.0.1:3", Accounts: simulator.Accounts{}}
	dir := t.TempDir()
	if err := f.write(t.Context(), dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "tocsin.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var more strings.Builder
	for i := range 400 {
		fmt.Fprintf(&more, `
  - name: x-%d
    kind: x
    profile: https://x.example/%[1]d
    user_id: "1"
    username: a
    consumer_key: {file: secrets/x.consumer-key}
    consumer_secret: {file: secrets/x.consumer-secret}
    access_token: {file: secrets/x.access-token}
    access_secret: {file: secrets/x.access-secret}
    settle: [0s, 500ms, 1500ms, 3s]
    read_back: [0s, 200ms, 600ms, 1500ms, 3s, 6s]
`, i)
	}
	large := bytes.Replace(text, []byte("\ntelemetry:"), []byte(more.String()+"\ntelemetry:"), 1)
	if err := os.WriteFile(path, large, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Channels) < 400 {
		t.Errorf("%d channels were read, want more than 400", len(c.Channels))
	}
}

// TestErrorsShowNoCredential writes credentials where the names of their files or
// variables belong, and faults around them.
func TestErrorsShowNoCredential(t *testing.T) {
	t.Parallel()
	const token = "7001000001:AAFverysecretverysecretverysecret12"
	for name, change := range map[string][2]string{
		"in_place":            {"token: {file: secrets/telegram.token}", "token: " + token},
		"in_place_quoted":     {"token: {file: secrets/telegram.token}", `token: "` + token + `"`},
		"under_a_strange_key": {"token: {file: secrets/telegram.token}", "token: { value: " + token + " }"},
		"as_file":             {"token: {file: secrets/telegram.token}", "token: { file: AAFverysecretverysecretverysecret12 }"},
		"as_variable":         {"token: {file: secrets/telegram.token}", "token: { env: " + `"` + token + `" }`},
		"a_line_beside":       {"token: {file: secrets/telegram.token}", "token: " + token + "\n    strange: 1"},
		"on_its_own_line":     {"token: {file: secrets/telegram.token}", "token:\n      value:\n        " + token},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg := newPlayground(t)
			pg.edit(change[0], change[1])
			stdout, stderr, err := call(t, "serve", "-c", pg.config)
			if err == nil {
				t.Fatal("the node starts")
			}
			if said := stdout + stderr + err.Error(); strings.Contains(said, "secretverysecret") {
				t.Errorf("it says %s", said)
			} else if !strings.Contains(said, "token") && !strings.Contains(said, "telegram") {
				t.Errorf("it does not name the place: %s", said)
			}
		})
	}
}

// TestValuesThatStopAChannel hands in lists and numbers that a node could not work with.
func TestValuesThatStopAChannel(t *testing.T) {
	t.Parallel()
	const first = "\n    kind: website\n"
	for name, c := range map[string]struct{ from, to, want string }{
		"no_look":           {first, first + "    settle: []\n", "channels[0].settle: it is an empty list: write times such as [0s, 2s, 5s], or leave it out"},
		"no_read_back":      {first, first + "    read_back: []\n", "channels[0].read_back: it is an empty list: write times such as [0s, 2s, 5s], or leave it out"},
		"look_before":       {first, first + "    settle: [0s, -1s]\n", "channels[0].settle: -1s: write times of 0s or more, such as [0s, 2s, 5s]"},
		"read_back_before":  {first, first + "    read_back: [-1s]\n", "channels[0].read_back: -1s: write times of 0s or more, such as [0s, 2s, 5s]"},
		"negative_workers":  {first, first + "    workers: -1\n", "channels[0].workers: -1: write how many alerts are carried at the same time, or 0 for 4"},
		"negative_timeout":  {first, first + "    timeout: -5s\n", "channels[0].timeout: -5s: write a time such as 30s, or leave it out"},
		"negative_replicas": {"\nbroker:\n", "\nbroker:\n  replicas: -3\n", "broker.replicas: -3: write the number of copies, 1 to 5, or leave it out"},
		"many_replicas":     {"\nbroker:\n", "\nbroker:\n  replicas: 7\n", "broker.replicas: 7: write the number of copies, 1 to 5, or leave it out"},
		"replicas_here":     {"\nbroker:\n", "\nbroker:\n  replicas: 3\n", "broker.replicas: it is for a cluster at broker.url; the embedded broker keeps one copy: leave it out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fresh{Realm: alert.RealmExercise, Node: "small", Site: "127.0.0.1:1", Broker: "127.0.0.1:2", Control: "127.0.0.1:3", Accounts: simulator.Accounts{}}
			dir := t.TempDir()
			if err := f.write(t.Context(), dir, time.Now()); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "tocsin.yaml")
			if err := replace(path, c.from, c.to); err != nil {
				t.Fatal(err)
			}
			if _, err := loadConfig(path); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want words on %q", err, c.want)
			}
		})
	}
}

// TestAWordPressSiteIsAChannel opens one from its keys: its bulletins have a title and marks.
func TestAWordPressSiteIsAChannel(t *testing.T) {
	t.Parallel()
	f := fresh{Realm: alert.RealmExercise, Node: "small", Site: "127.0.0.1:1", Broker: "127.0.0.1:2", Control: "127.0.0.1:3", Accounts: simulator.Accounts{}}
	dir := t.TempDir()
	path := filepath.Join(dir, "tocsin.yaml")
	err := errors.Join(f.write(t.Context(), dir, time.Now()), os.WriteFile(filepath.Join(dir, "comune"), []byte("abcd EFGH 1234 ijkl MNOP 5678\n"), 0o600),
		replace(path, "\nchannels:\n", "\nchannels:\n  - name: comune\n    kind: wordpress\n    base_url: https://www.comune.example.it\n    user: tocsin\n    password: {file: comune}\n    categories: [12]\n    banner: true\n"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	ch, err := c.Channels[0].open(c, func(string) string { return "" }, siteAccess{})
	if err != nil || ch.Kind() != "wordpress" {
		t.Fatalf("%v: want a channel of its kind", err)
	}
	composed, err := c.composed()
	if err != nil || composed[0].Limits.MaxTitle == 0 || composed[0].Limits.Marks != adapters.MarkEdit {
		t.Errorf("%v: bulletins are composed for it with %+v", err, composed[0].Limits)
	}
	if o, ok := c.Channels[0].official(); !ok || o.URL != "https://www.comune.example.it" {
		t.Errorf("the site lists it as %+v", o)
	}
	if err := replace(path, "    banner: true\n", "    banner: true\n    chat_id: \"@comune\"\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := loadConfig(path); err == nil || !strings.Contains(err.Error(), "channels[0].chat_id: a channel of kind wordpress has no such key") {
		t.Errorf("got %v, want words on chat_id", err)
	}
}
