package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/ledger"
	"tocsin/deploy"
)

// TestDeployIsWhatInitWrites holds the examples in deploy/ against what init writes into a
// folder: both come from one source.
func TestDeployIsWhatInitWrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := (fresh{Realm: alert.RealmLive, Node: "savona-1", Site: defaultSite, Broker: defaultBroker}).write(t.Context(), dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	written := func(name string) string {
		raw, err := os.ReadFile(filepath.Join(dir, deployFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	for name, content := range deploy.Files() {
		if len(content) == 0 || written(name) != string(content) {
			t.Errorf("init writes another %s than deploy/ has", name)
		}
	}
	// The same but for the keys.
	example := filepath.Join("..", "..", "deploy", "nats-server.conf")
	fresh := written("nats-server.conf")
	if os.Getenv("TOCSIN_UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(example, []byte(fresh), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`U[A-Z2-7]{55}`)
	if got, want := key.ReplaceAllString(string(raw), "KEY"), key.ReplaceAllString(fresh, "KEY"); got != want {
		t.Errorf("deploy/nats-server.conf is not what init writes (TOCSIN_UPDATE_GOLDEN=1 writes it anew)")
	}
	if n := len(key.FindAllString(fresh, -1)); n < 15 {
		t.Errorf("the configuration has %d keys", n)
	}
}

// TestInitWritesTheCredentials holds what init makes: a seed for each role in a file for the
// owner alone, and public keys everywhere else.
func TestInitWritesTheCredentials(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	entries, err := os.ReadDir(filepath.Join(pg.dir, credentialsFolder))
	if err != nil {
		t.Fatal(err)
	}
	var names, seeds []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is of mode %v (%v)", e.Name(), info.Mode(), err)
		}
		names = append(names, e.Name())
		if strings.HasSuffix(e.Name(), ".nk") {
			raw, err := os.ReadFile(filepath.Join(pg.dir, credentialsFolder, e.Name()))
			if err != nil || !strings.HasPrefix(string(raw), "SU") {
				t.Errorf("%s holds no seed (%v)", e.Name(), err)
			}
			seeds = append(seeds, strings.TrimSpace(string(raw)))
		}
	}
	const want = "adapter-facebook.nk adapter-instagram.nk adapter-sito.nk adapter-telegram.nk adapter-x.nk auditor.nk node.nk officer.nk operator.nk police.nk users"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("the folder holds %s, want %s", got, want)
	}
	for _, name := range []string{"credentials/users", "deploy/nats-server.conf", "tocsin.yaml"} {
		raw, err := os.ReadFile(filepath.Join(pg.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, seed := range seeds {
			if strings.Contains(string(raw), seed) {
				t.Errorf("%s holds a seed", name)
			}
		}
	}
	raw, err := os.ReadFile(filepath.Join(pg.dir, "credentials", "users"))
	if err != nil {
		t.Fatal(err)
	}
	users, err := ledger.ParseUsers("users", raw)
	if err != nil || len(users) != len(seeds)-1 { // the operator is no user of the embedded broker
		t.Errorf("%d users (%v), %d seeds", len(users), err, len(seeds))
	}
}

// TestOneMoreCredential admits a second officers' host, whose credential does what the first one's does.
func TestOneMoreCredential(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	list := filepath.Join(pg.dir, credentialsFolder, usersFile)
	before, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][]string{{"operator", "notte"}, {"mayor", "notte"}, {"adapter", "notte"}, {"officer", "../notte"}} {
		expect(t, 2, "credential", wrong[0], wrong[1], "-c", pg.config)
	}
	expect(t, 1, "credential", "police", "officer", "-c", pg.config) // a name that is taken
	if after, err := os.ReadFile(list); err != nil || string(after) != string(before) {
		t.Errorf("what was refused changed the list (%v):\n%s", err, after)
	}
	expect(t, 0, "credential", "officer", "notte", "-c", pg.config)
	if info, err := os.Stat(pg.seed("notte")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the credential is %v, %v; want mode 0600", info, err)
	}
	if err := os.Rename(pg.seed("notte"), pg.seed("officer")); err != nil {
		t.Fatal(err)
	}
	pg.up()
	pg.published("b") // only officers hand in
}
