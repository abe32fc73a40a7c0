package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"tocsin/broker/ledger"
)

// writeCertificate writes a certificate for 127.0.0.1 and the name, which vouches for itself, and its key.
func writeCertificate(t *testing.T, dir, name string) (certificate, key string) {
	t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, pair.Public(), pair)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// deployed starts the broker whose configuration init has written into the folder, and has the folder's
// configuration name it.
func (pg *playground) deployed() {
	pg.t.Helper()
	dir := pg.t.TempDir()
	certificate, key := writeCertificate(pg.t, dir, "broker.example")
	raw, err := os.ReadFile(filepath.Join(pg.dir, deployFolder, "nats-server.conf"))
	if err != nil {
		pg.t.Fatal(err)
	}
	text := strings.NewReplacer(
		`listen: "0.0.0.0:4222"`, fmt.Sprintf("listen: %q", pg.broker), `"tls/broker.crt"`, fmt.Sprintf("%q", certificate), `"tls/broker.key"`, fmt.Sprintf("%q", key),
		`store_dir: "data"`, fmt.Sprintf("store_dir: %q", filepath.Join(dir, "data")), "max_file_store: 16GB", "max_file_store: 9GB",
	).Replace(string(raw))
	path := filepath.Join(dir, "nats-server.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		pg.t.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(path)
	if err != nil {
		pg.t.Fatal(err)
	}
	opts.NoSigs, opts.NoLog = true, true
	ns, err := server.NewServer(opts)
	if err != nil {
		pg.t.Fatal(err)
	}
	ns.Start()
	pg.t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	if !ns.ReadyForConnections(20 * time.Second) {
		pg.t.Fatal("the broker does not come up")
	}
	pg.edit("  listen: "+pg.broker+"\n", "  url: tls://"+pg.broker+"\n  ca: "+certificate+"\n  sync_always: confirmed\n")
}

// host makes the folder of a host that has the same files, but of the broker credentials these alone, and no
// state; it returns the configuration there.
func (pg *playground) host(credentials ...string) string {
	pg.t.Helper()
	dir := filepath.Join(pg.t.TempDir(), "host")
	if err := os.CopyFS(dir, os.DirFS(pg.dir)); err != nil {
		pg.t.Fatal(err)
	}
	for _, gone := range []string{"state", credentialsFolder, deployFolder} {
		if err := os.RemoveAll(filepath.Join(dir, gone)); err != nil {
			pg.t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, credentialsFolder), 0o700); err != nil {
		pg.t.Fatal(err)
	}
	for _, name := range credentials {
		raw, err := os.ReadFile(pg.seed(name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, credentialsFolder, name+".nk"), raw, 0o600)
		}
		if err != nil {
			pg.t.Fatal(err)
		}
	}
	return filepath.Join(dir, "tocsin.yaml")
}

// TestABrokerElsewhereFromTheDeployFolder runs the whole way at a NATS server that is set as init has
// written it, each party on a host of its own with its own credential: the operator makes the streams, an officer
// publishes, the police co-sign, an auditor reads, and one channel is carried by an adapter's node.
func TestABrokerElsewhereFromTheDeployFolder(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.deployed()
	// The whole node carries all but x, whose adapter has a node of its own.
	raw, err := os.ReadFile(pg.config)
	if err != nil {
		t.Fatal(err)
	}
	head, channels, _ := strings.Cut(string(raw), "\nchannels:\n")
	channels, tail, _ := strings.Cut(channels, "\n# Tracce e metriche")
	var one, others string
	for entry := range strings.SplitSeq(channels, "\n\n") {
		if strings.Contains(entry, "- name: x\n") {
			one = strings.Replace(entry, "kind: x\n", "kind: x\n    adapter: {file: credentials/adapter-x.nk}\n", 1)
		} else {
			others += entry + "\n\n"
		}
	}
	rewrite := func(path, node, channels string) {
		text := strings.Replace(head, "\nnode: savona-1\n", "\nnode: "+node+"\n", 1) + "\nchannels:\n" + channels + "\n# Tracce e metriche" + tail
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	officer, police, auditor := pg.host("officer"), pg.host("police"), pg.host("auditor")
	adapter, whole := pg.host("adapter-x"), pg.host("node")
	rewrite(whole, "savona-1", others)
	rewrite(adapter, "savona-x", strings.Replace(one, "listen: ", "listen: ", 1))
	if err := replace(adapter, "  listen: "+pg.site+"\n", ""); err != nil {
		t.Fatal(err)
	}

	simulator := start(t, "simulate", "--listen", pg.platforms)
	simulator.says("Simulator up")
	node := start(t, "serve", "-c", whole)
	if err := <-node.done; err == nil || !strings.Contains(node.log.String(), "the broker holds no ledger yet: its operator makes it, with tocsin streams") {
		t.Fatalf("a node without streams says %v:\n%s", err, node.log.String())
	}
	node.done <- nil
	expect(t, 0, "streams", "-c", whole, "--operator", pg.seed("operator"))
	stdout, _ := expect(t, 0, "streams", "-c", whole, "--operator", pg.seed("operator"), "--json")
	if !strings.Contains(stdout, `"made": false`) {
		t.Errorf("made again: %s", stdout)
	}
	expect(t, 1, "streams", "-c", whole, "--operator", pg.seed("node"))
	node = start(t, "serve", "-c", whole)
	node.says("Node savona-1 is up")
	carrier := start(t, "serve", "-c", adapter)
	carrier.says("Node savona-x is up")

	path := pg.signed("b")
	code := codeOf(t, path)
	// What is not a host's to write is refused at once, with the word of whose it is.
	begun := time.Now()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"police":  {[]string{"publish", path, "-c", police}, `the broker takes "bulletin" with the credential of officer only, and this program has that of police`},
		"auditor": {[]string{"publish", path, "-c", auditor}, `the broker takes "bulletin" with the credential of officer only, and this program has that of auditor`},
		"nobody":  {[]string{"status", "-c", pg.host()}, "none of the files under broker.credentials is there: put yours in its place"},
		"adapter": {[]string{"status", "-c", adapter}, "none of the files under broker.credentials is there"},
	} {
		_, stderr := expect(t, 1, c.args...)
		if !strings.Contains(stderr, c.want) {
			t.Errorf("%s: it says %s, want %q", name, stderr, c.want)
		}
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v to refuse", took)
	}
	expect(t, 0, "publish", path, "-c", officer)
	expect(t, 1, "cosign", code, "-c", officer, "-k", pg.key("police"), "--yes")
	expect(t, 0, "cosign", code, "-c", police, "-k", pg.key("police"), "--yes")
	watch := start(t, "status", code, "-c", auditor, "--watch")
	if err := <-watch.done; err != nil {
		t.Fatalf("the watch ends with %v:\n%s\n%s\n%s", err, watch.log.String(), node.log.String(), carrier.log.String())
	}
	watch.done <- nil
	stdout, _ = expect(t, 0, "status", code, "-c", auditor, "--json")
	if n := strings.Count(stdout, `"state": "verified"`); n != 5 {
		t.Errorf("%d channels are verified, want 5:\n%s", n, stdout)
	}
	// Police alone stop it, with what is prepared inside the bulletin.
	expect(t, 0, "cancel", code, "-c", police, "-k", pg.key("police"), "--yes")
	stdout, _ = expect(t, 0, "audit", "verify", "-c", auditor)
	if !strings.Contains(stdout, "refused 0") {
		t.Errorf("the audit says %s", stdout)
	}
	// A name that was a whole node's is not one for an adapter's node.
	carrier.stop()
	twin := pg.host("adapter-x")
	rewrite(twin, "savona-1", one)
	if err := replace(twin, "  listen: "+pg.site+"\n", ""); err != nil {
		t.Fatal(err)
	}
	if _, stderr := expect(t, 1, "serve", "-c", twin); !strings.Contains(stderr, "the name of this node is that of one that has worked on this ledger with the credential of nodes") {
		t.Errorf("it says %s", stderr)
	}
	// The others have it in the ledger that it came and went, and does not wait for what it left.
	var told []string
	w := &where{config: auditor, getenv: english}
	d, err := w.open(t.Context(), "tocsin audit", func(e *ledger.Entry, err error) {
		if r := &e.Record; r.Channel == "x" && (r.Type == ledger.NodeStarted || r.Type == ledger.NodeStopped) {
			told = append(told, fmt.Sprint(r.Type, " ", e.Subject, " ", err))
		}
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	if want := []string{"node_started ledger.node.savona-x.channel.x <nil>", "node_stopped ledger.node.savona-x.channel.x <nil>"}; !slices.Equal(told, want) {
		t.Errorf("the ledger says of the adapter's node %v, want %v", told, want)
	}
	node.stop()
	simulator.stop()
}

// TestListenersWithTLS has the site, the metrics and the embedded broker listen with certificates: each
// speaks TLS and nothing else, a renewed certificate is taken up while the node runs, and commands reach the broker.
func TestListenersWithTLS(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	metrics, _, _ := addresses(t)
	certificate, key := writeCertificate(t, pg.dir, "nodo.example")
	block := func(indent string) string {
		return indent + "tls: {certificate: nodo.example.crt, key: nodo.example.key}\n"
	}
	pg.edit("  listen: "+pg.broker+"\n", "  listen: "+pg.broker+"\n"+block("  "))
	pg.edit("  listen: "+pg.site+"\n", "  listen: "+pg.site+"\n"+block("  "))
	pg.edit("  prometheus: \"\"\n", "  prometheus: "+metrics+"\n"+block("  "))
	n := pg.up()
	client := func() *http.Client {
		raw, err := os.ReadFile(certificate)
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(raw)
		return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
	}
	get := func(c *http.Client, url string) (string, error) {
		resp, err := c.Get(url) //nolint:noctx // it has a timeout
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return fmt.Sprint(resp.StatusCode, string(body)), err
	}
	old := client()
	for address, want := range map[string]string{pg.site + "/": "200", metrics + "/metrics": "tocsin"} {
		if got, err := get(old, "https://"+address); err != nil || !strings.Contains(got, want) {
			t.Errorf("https://%s answers %.80s (%v)", address, got, err)
		}
		if got, err := get(old, "http://"+address); err == nil && strings.HasPrefix(got, "200") {
			t.Errorf("http://%s is served in the clear", address)
		}
	}
	if !strings.HasPrefix(n.server.Addr(), "tls://") {
		t.Errorf("the broker is at %s", n.server.Addr())
	}
	expect(t, 0, "publish", pg.signed("b"), "-c", pg.config)
	expect(t, 0, "status", "--state", filepath.Join(pg.dir, "state"))

	// The certificate is renewed: first one half, then the other.
	renewed := t.TempDir()
	fresh, freshKey := writeCertificate(t, renewed, "nodo.example")
	later := time.Now().Add(time.Minute)
	for from, to := range map[string]string{fresh: certificate, freshKey: key} {
		raw, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, raw, 0o600)
		}
		if err == nil {
			err = os.Chtimes(to, later, later)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, err := get(client(), "https://"+pg.site+"/"); err != nil || !strings.HasPrefix(got, "200") {
		t.Errorf("with the renewed certificate it answers %.80s (%v)", got, err)
	}
	if _, err := get(old, "https://"+pg.site+"/"); err == nil {
		t.Error("the old certificate is still shown")
	}
	expect(t, 0, "cosign", codeOf(t, filepath.Join(pg.dir, "b")), "-c", pg.config, "-k", pg.key("police"), "--yes")
}

// TestAddressesInTheClearAreRefused writes addresses that other machines reach.
func TestAddressesInTheClearAreRefused(t *testing.T) {
	t.Parallel()
	const broker, site, prometheus = "  listen: " + defaultBroker + "\n", "  listen: " + defaultSite + "\n", "  prometheus: \"\"\n"
	const pair = "\n  tls: {certificate: a, key: b}\n"
	for name, c := range map[string]struct{ from, to, want string }{
		"broker":             {broker, "  listen: 0.0.0.0:4250\n", "broker.listen: other machines reach 0.0.0.0:4250"},
		"broker_everywhere":  {broker, "  listen: :4250\n", "broker.listen: other machines reach :4250"},
		"broker_ipv6":        {broker, "  listen: \"[::]:4250\"\n", "broker.listen: other machines reach [::]:4250"},
		"broker_tls":         {broker, "  listen: 0.0.0.0:4250" + pair, ""},
		"broker_half":        {broker, "  listen: 127.0.0.1:4250\n  tls: {certificate: a}\n", "broker.tls: certificate and key go together"},
		"broker_no_users":    {"  users: credentials/users\n", "", "broker.users: name the list of those who may connect"},
		"broker_loopback":    {broker, "  listen: localhost:4250\n", ""},
		"site":               {site, "  listen: 192.0.2.1:8180\n", "site.listen: other machines reach 192.0.2.1:8180"},
		"site_proxy":         {site, "  listen: 192.0.2.1:8180\n  behind_proxy: true\n", ""},
		"site_tls":           {site, "  listen: 192.0.2.1:8180" + pair, ""},
		"metrics":            {prometheus, "  prometheus: 0.0.0.0:9464\n", "telemetry.prometheus: other machines reach 0.0.0.0:9464"},
		"metrics_tls":        {prometheus, "  prometheus: 0.0.0.0:9464" + pair, ""},
		"elsewhere":          {broker, "  url: nats://192.0.2.1:4222\n", "broker.url: the broker is on another machine, and the connection is not encrypted"},
		"elsewhere_of_two":   {broker, "  url: tls://192.0.2.1:4222,nats://192.0.2.2:4222\n", "broker.url: the broker is on another machine"},
		"elsewhere_ws":       {broker, "  url: ws://broker.example:4222\n", "broker.url: the broker is on another machine"},
		"elsewhere_tls":      {broker, "  url: tls://192.0.2.1:4222,tls://192.0.2.2:4222\n  ca: ca.crt\n", ""},
		"elsewhere_loopback": {broker, "  url: nats://127.0.0.1:4222,nats://[::1]:4222\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fresh{Realm: "exercise", Node: "small", Site: defaultSite, Broker: defaultBroker, Control: defaultSimulator}
			dir := t.TempDir()
			if err := f.write(t.Context(), dir, time.Now()); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "tocsin.yaml")
			if err := replace(path, c.from, c.to); err != nil {
				t.Fatal(err)
			}
			if _, err := loadConfig(path); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want words on %q", err, c.want)
			}
		})
	}
}

// TestManualReadsTheLedger runs the program in docs/ledger.md that reads the ledger without ours, with the
// auditor's credential.
func TestManualReadsTheLedger(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			skipOrFail(t, "there is no %s", tool)
		}
	}
	_, program, _ := strings.Cut(readManual(t, "docs/ledger.md"), "```python\n")
	program, _, found := strings.Cut(program, "```\n")
	if !found {
		t.Fatal("docs/ledger.md has no program")
	}
	pg := newPlayground(t)
	n := pg.up()
	pg.published("b")
	size, err := n.ledger.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(pg.broker)
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(pg.dir, "read_ledger.py")
	if err := os.WriteFile(script, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "python3", script, host, port, pg.seed("auditor"), pg.credential(ledger.RoleAuditor).Key, fmt.Sprint(size)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := n.keeper.Write(); err != nil {
		t.Fatal(err)
	}
	checkpoint, err := os.ReadFile(filepath.Join(pg.dir, "state", "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(checkpoint), "\n")
	if lines[1] == fmt.Sprint(size) && !strings.Contains(string(out), "root "+lines[2]+"\n") || strings.Count(string(out), "\n") != int(size)+1 {
		t.Errorf("the checkpoint says %s, the program\n%s", lines[2], out)
	}
}
