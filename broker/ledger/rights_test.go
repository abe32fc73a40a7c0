package ledger_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
)

// A broker is one of the two kinds, with a ledger in it and a crew that may connect.
type broker struct {
	url  string
	tls  *tls.Config // for clients; nil for none
	crew *ledgertest.Crew
}

// brokers returns how to start each kind: the embedded one, and a NATS server that reads
// the configuration that is written for one elsewhere.
func brokers() map[string]func(*testing.T) *broker {
	return map[string]func(*testing.T) *broker{"embedded": embeddedBroker, "elsewhere": brokerElsewhere}
}

func embeddedBroker(t *testing.T) *broker {
	t.Helper()
	s, crew := startOpenServer(t)
	open(t, s, "one/a")
	return &broker{url: s.Addr(), crew: crew}
}

func brokerElsewhere(t *testing.T) *broker {
	t.Helper()
	crew := ledgertest.NewCrew(t, "x-a")
	dir := t.TempDir()
	pool := certificate(t, dir)
	raw, err := ledger.ServerConfiguration(crew.Users)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, change := range [][2]string{
		{`listen: "0.0.0.0:4222"`, `listen: "127.0.0.1:-1"`},
		{`"tls/broker.crt"`, fmt.Sprintf("%q", filepath.Join(dir, "broker.crt"))},
		{`"tls/broker.key"`, fmt.Sprintf("%q", filepath.Join(dir, "broker.key"))},
		{`store_dir: "data"`, fmt.Sprintf("store_dir: %q", filepath.Join(dir, "data"))},
		{"max_memory_store: 64MB", "max_memory_store: 9GB"}, // for a stream that somebody made wrong
		{"max_file_store: 16GB", "max_file_store: 9GB"},     // more than a test's disk has
	} {
		if strings.Count(text, change[0]) != 1 {
			t.Fatalf("the configuration has no %s:\n%s", change[0], text)
		}
		text = strings.Replace(text, change[0], change[1], 1)
	}
	path := filepath.Join(dir, "nats-server.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatalf("the server does not read its configuration: %v\n%s", err, text)
	}
	if !opts.SyncAlways || opts.TLSConfig == nil || opts.TLSConfig.MinVersion != tls.VersionTLS13 {
		t.Fatalf("the server is set to sync_always %v, TLS %+v", opts.SyncAlways, opts.TLSConfig)
	}
	opts.NoSigs, opts.NoLog = true, true
	ns, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	if !ns.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not come up")
	}
	b := &broker{url: "tls://" + ns.Addr().String(), tls: &tls.Config{RootCAs: pool}, crew: crew}
	made, err := ledger.Provide(t.Context(), ledger.Options{URL: b.url, TLS: b.tls, Credentials: crew.As("operator"), Realm: "exercise", Name: "tocsin streams"})
	if err != nil || !made {
		t.Fatalf("the operator's streams: made %v, %v", made, err)
	}
	b.open(t, ledger.Options{Create: true, Name: "one/a", Realm: "exercise"}, "node").Close()
	return b
}

// certificate writes a certificate for 127.0.0.1 with its key, and returns who vouches for it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"broker.crt": {Type: "CERTIFICATE", Bytes: der}, "broker.key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

// open opens the ledger with the credentials of these users.
func (b *broker) open(t *testing.T, o ledger.Options, names ...string) *ledger.Ledger {
	t.Helper()
	o.URL, o.TLS, o.Credentials = b.url, b.tls, b.crew.As(names...)
	l, err := ledger.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// dial connects as a user without package ledger.
func (b *broker) dial(t *testing.T, name string, broken chan<- error) *nats.Conn {
	t.Helper()
	var opts []nats.Option
	if b.tls != nil {
		opts = append(opts, nats.Secure(b.tls.Clone()))
	}
	return ledgertest.Dial(t, b.url, b.crew.As(name)[0], broken, opts...)
}

// subjects are all on which something could be written or asked at a broker with a
// ledger, by what that is, and bodies that would harm most. "A" stands for an alert.
func subjects() map[string]map[string]string {
	const (
		stream   = `{"name":"LEDGER","subjects":["ledger.>"],"max_msgs":1,"discard":"old"}`
		consumer = `{"stream_name":"LEDGER","config":{"deliver_subject":"$JS.API.STREAM.UPDATE.LEDGER"}}`
	)
	return map[string]map[string]string{
		"bulletin":             {"ledger.alert.A.decision.bulletin": ""},
		"prepared bulletin":    {"ledger.alert.A.decision.prepared": ""},
		"bytes":                {"blob.ab": ""},
		"officer's signature":  {"ledger.alert.A.decision.signature.officer": "", "ledger.alert.A.decision.signature.breakglass": ""},
		"police's signature":   {"ledger.alert.A.decision.signature.police": ""},
		"shared signature":     {"ledger.alert.A.decision.signature.deputy": "", "ledger.alert.A.decision.signature.correction": ""},
		"refusal of a command": {"ledger.rejected": ""},
		"refusal of a node":    {"ledger.rejected.record": ""},
		"node":                 {"ledger.genesis": "", "ledger.node.one": "", "ledger.keyring": "", "ledger.alert.A.attempt": ""},
		"node of a channel":    {"ledger.node.one.channel.x-a": ""},
		"node of another":      {"ledger.node.one.channel.telegram": ""},
		"channel":              {"ledger.alert.A.channel.x-a": ""},
		"other channel":        {"ledger.alert.A.channel.telegram": ""},
		"read": {
			"$JS.API.DIRECT.GET.LEDGER": `{"seq":1}`, "$JS.API.DIRECT.GET.BLOBS.blob.ab": "", "$JS.API.STREAM.INFO.LEDGER": "", "$JS.API.STREAM.INFO.BLOBS": "",
			"$JS.API.STREAM.MSG.GET.LEDGER": `{"seq":1}`, "$JS.API.STREAM.MSG.GET.BLOBS": `{"seq":1}`,
		},
		"nobody's": {
			"ledger.alert.A.decision": "", "ledger.alert.A.decision.bulletin.more": "", "ledger.alert.A.decision.signature.officer.more": "",
			"ledger.alert.A.decision.signature.mayor": "", "ledger.rejected.more": "", "ledger.more": "", "ledger.node": "", "ledger.node.one.channel": "", "ledger.node.one.more": "", "blob.a.b": "",
			"_INBOX.somebody.else": "", "told.ledger.genesis": "",
			"$JS.API.INFO": "", "$JS.API.STREAM.LIST": "", "$JS.API.STREAM.NAMES": "",
			"$JS.API.STREAM.CREATE.LEDGER": stream, "$JS.API.STREAM.CREATE.BLOBS": stream, "$JS.API.STREAM.CREATE.OTHER": `{"name":"OTHER"}`,
			"$JS.API.STREAM.UPDATE.LEDGER": stream, "$JS.API.STREAM.UPDATE.BLOBS": stream,
			"$JS.API.STREAM.DELETE.LEDGER": "", "$JS.API.STREAM.DELETE.BLOBS": "",
			"$JS.API.STREAM.PURGE.LEDGER": "", "$JS.API.STREAM.PURGE.BLOBS": "", "$JS.API.STREAM.MSG.DELETE.LEDGER": `{"seq":1}`, "$JS.API.STREAM.MSG.DELETE.BLOBS": `{"seq":1}`,
			"$JS.API.STREAM.RESTORE.LEDGER": "{}", "$JS.API.STREAM.SNAPSHOT.LEDGER": "{}", "$JS.API.STREAM.LEADER.STEPDOWN.LEDGER": "",
			"$JS.API.STREAM.PEER.REMOVE.LEDGER": "{}",
			"$JS.API.CONSUMER.CREATE.LEDGER":    consumer, "$JS.API.CONSUMER.CREATE.LEDGER.thief": consumer,
			"$JS.API.CONSUMER.CREATE.LEDGER.deliver-x-a.ledger.>": consumer, "$JS.API.CONSUMER.DURABLE.CREATE.LEDGER.deliver-x-a": consumer,
			"$JS.API.CONSUMER.DELETE.LEDGER.deliver-x-a": "", "$JS.API.CONSUMER.MSG.NEXT.LEDGER.deliver-x-a": "",
			"$JS.API.CONSUMER.PAUSE.LEDGER.deliver-x-a": "{}", "$JS.API.CONSUMER.RESET.LEDGER.deliver-x-a": "{}", "$JS.API.CONSUMER.UNPIN.LEDGER.deliver-x-a": "{}",
			"$JS.API.CONSUMER.INFO.LEDGER.deliver-x-a": "", "$JS.API.CONSUMER.LEADER.STEPDOWN.LEDGER.deliver-x-a": "",
			"$JS.API.CONSUMER.LIST.LEDGER": "", "$JS.API.CONSUMER.NAMES.LEDGER": "",
			"$JS.API.DIRECT.GET.OTHER": `{"seq":1}`, "$JS.ACK.LEDGER.deliver-x-a.1.2.1.1.0": "+ACK", "$JS.FC.LEDGER.x.y": "",
			"$JS.API.META.LEADER.STEPDOWN": "", "$JS.API.SERVER.REMOVE": "{}", "$JS.API.ACCOUNT.PURGE.TOCSIN": "", "$JS.API.ACCOUNT.PURGE.$G": "",
			"$SYS.REQ.SERVER.PING": "", "$SYS.REQ.SERVER.PING.VARZ": "", "$SYS.REQ.ACCOUNT.PING.CONNZ": "", "$SYS.REQ.USER.INFO": "",
		},
	}
}

// rights says what each user of a crew may do, by the names in subjects. All else is to be
// refused.
func rights() map[string][]string {
	return map[string][]string{
		"auditor":     {"read"},
		"officer":     {"read", "bytes", "bulletin", "prepared bulletin", "officer's signature", "shared signature", "refusal of a command"},
		"police":      {"read", "bytes", "prepared bulletin", "police's signature", "shared signature", "refusal of a command"},
		"adapter-x-a": {"read", "channel", "node of a channel"},
		"node":        {"read", "bytes", "node", "refusal of a node", "channel", "other channel"},
	}
}

// TestRolesAtTheBroker tries for each role, at both kinds of broker, everything that could be
// written or asked: the server refuses what is not the role's.
func TestRolesAtTheBroker(t *testing.T) {
	t.Parallel()
	for kind, start := range brokers() {
		for name, may := range rights() {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := start(t)
				reader := b.open(t, ledger.Options{Name: "tocsin audit"}, "auditor")
				before, err := reader.Size(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				broken := make(chan error, 1)
				nc := b.dial(t, name, broken)
				refused := 0
				for what, all := range subjects() {
					for subject, body := range all {
						subject = strings.ReplaceAll(subject, ".A.", "."+uuid.NewString()+".")
						if err := nc.PublishRequest(subject, nc.NewInbox(), []byte(body)); err != nil {
							t.Fatal(err)
						}
						if slices.Contains(may, what) {
							continue
						}
						refused++
						select {
						case err := <-broken:
							if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), fmt.Sprintf("%q", subject)) {
								t.Errorf("%s: %v, want a violation of permissions", subject, err)
							}
						case <-time.After(5 * time.Second):
							t.Errorf("%s (%s) is not refused", subject, what)
						}
					}
				}
				if err := nc.Flush(); err != nil {
					t.Fatal(err)
				}
				for _, subject := range []string{">", "ledger.>", "$JS.>", "$SYS.>", "_R_.>", "*", "_INBOX.>", "_INBOX." + b.crew.As("police", "officer")[map[string]int{"police": 1}[name]].Key + ".>", "told.>"} {
					if _, err := nc.SubscribeSync(subject); err != nil {
						t.Fatal(err)
					}
					select {
					case err := <-broken:
						if !errors.Is(err, nats.ErrPermissionViolation) {
							t.Errorf("listening on %s: %v, want a violation of permissions", subject, err)
						}
					case <-time.After(5 * time.Second):
						t.Errorf("listening on %s is not refused", subject)
					}
				}
				select {
				case err := <-broken:
					t.Errorf("what the role may do is refused: %v", err)
				default:
				}
				if refused < 50 {
					t.Errorf("%d subjects were tried: this test no longer finds them", refused)
				}
				// Nothing was lost, and only the role's own was written.
				size, err := reader.Size(t.Context())
				if err != nil || size < before {
					t.Errorf("the ledger holds %d records (%v), and had %d", size, err, before)
				}
				if name == "auditor" && size != before {
					t.Errorf("an auditor has written %d records", size-before)
				}
				if err := reader.WaitApplied(t.Context(), size); err != nil {
					t.Errorf("the ledger can't be read: %v", err)
				}
			})
		}
	}
}

// TestRolesDoTheirWork has each role do, at both kinds of broker, what it is for.
func TestRolesDoTheirWork(t *testing.T) {
	t.Parallel()
	for kind, start := range brokers() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b, id := start(t), uuid.NewString()
			officer, police := b.open(t, ledger.Options{Name: "tocsin publish"}, "officer"), b.open(t, ledger.Options{Name: "tocsin cosign"}, "police")
			node := b.open(t, ledger.Options{Name: "two/a", Create: true, Realm: "exercise"}, "node")
			adapter := b.open(t, ledger.Options{Name: "three/a", Create: true, Realm: "exercise"}, "adapter-x-a")
			auditor := b.open(t, ledger.Options{Name: "tocsin audit"}, "auditor")
			sum, err := officer.PutBlob(t.Context(), []byte("a bulletin"))
			if err != nil {
				t.Fatal(err)
			}
			add(t, officer, bulletinRecord(id))
			add(t, officer, signature(id))
			liaison := signature(id)
			liaison.Namespace = "police@exercise.tocsin"
			seq := add(t, police, liaison)
			stops := bulletinRecord(id)
			stops.Number, stops.SHA256, stops.Kind = 2, strings.Repeat("cd", 32), "revocation"
			add(t, police, stops)
			add(t, node, ledger.Record{Type: ledger.NodeStarted})
			if err := adapter.WaitApplied(t.Context(), seq); err != nil {
				t.Fatal(err)
			}
			first := attempt(id, "x-a")
			if adapter.May(&first) {
				t.Error("an adapter may write an attempt of several channels")
			}
			first.Channel, first.Channels = "x-a", nil
			if !adapter.May(&first) {
				t.Error("an adapter may not write an attempt of its own")
			}
			for _, of := range []string{"", "telegram"} {
				if adapter.May(&ledger.Record{Type: ledger.NodeStarted, Node: "three/a", Channel: of}) {
					t.Errorf("an adapter may write that a node of channel %q started", of)
				}
			}
			add(t, adapter, ledger.Record{Type: ledger.NodeStarted, Channel: "x-a"})
			add(t, adapter, first)
			seq = add(t, adapter, ledger.Record{Type: ledger.Posted, Alert: id, Number: 1, SHA256: digest, Channel: "x-a", Part: 1, Attempt: 1, PostID: "1"})
			add(t, node, attempt(id, "telegram"))
			if err := auditor.WaitApplied(t.Context(), seq); err != nil {
				t.Fatal(err)
			}
			if got := part(auditor, id, "x-a"); got.State != ledger.StatePosted {
				t.Errorf("the auditor sees the post %s, want posted", got.State)
			}
			if raw, err := auditor.Blob(t.Context(), sum); err != nil || string(raw) != "a bulletin" {
				t.Errorf("the auditor reads %q, %v", raw, err)
			}
			// Who has the credentials of both needs no second program.
			both := b.open(t, ledger.Options{Name: "tocsin publish"}, "officer", "police")
			other := uuid.NewString()
			add(t, both, bulletinRecord(other))
			liaison.Alert = other
			add(t, both, liaison)
		})
	}
}

// TestWhoMayNotIsTold has programs append what their credential may not write, also where it is given
// as that of another role: they hear at once whose it takes, and do not wait for an answer.
func TestWhoMayNotIsTold(t *testing.T) {
	t.Parallel()
	for kind, start := range brokers() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			begun := time.Now()
			police := b.open(t, ledger.Options{Name: "tocsin publish"}, "police")
			_, err := police.Append(t.Context(), bulletinRecord(uuid.NewString()))
			e, ok := errors.AsType[*ledger.RightsError](err)
			if !ok || !errors.Is(err, ledger.ErrForbidden) || !slices.Equal(e.Need, []ledger.Role{ledger.RoleOfficer}) {
				t.Errorf("got %v, want it to name the officer's credential", err)
			}
			seed, err := b.crew.As("police")[0].Seed()
			if err != nil {
				t.Fatal(err)
			}
			wrong, err := ledger.ParseCredential(ledger.RoleOfficer, "", seed)
			if err != nil {
				t.Fatal(err)
			}
			l, err := ledger.Open(t.Context(), ledger.Options{URL: b.url, TLS: b.tls, Name: "tocsin publish", Credentials: []ledger.Credential{wrong}})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if _, err := l.Append(t.Context(), bulletinRecord(uuid.NewString())); !errors.Is(err, ledger.ErrForbidden) {
				t.Errorf("got %v, want ErrForbidden", err)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("it took %v to say so", took)
			}
		})
	}
}

// TestStrangersAreRefused connects without a credential, with an unknown one, and with a key whose
// signature somebody else made.
func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	for kind, start := range brokers() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			strangers := ledgertest.NewCrew(t).As("officer", "node")
			o := ledger.Options{URL: b.url, TLS: b.tls, Name: "thief", Credentials: strangers}
			if _, err := ledger.Open(t.Context(), o); !ledger.NotAdmitted(err) {
				t.Errorf("an unknown key: %v, want an authorization error", err)
			}
			o.Credentials = nil
			if _, err := ledger.Open(t.Context(), o); err == nil {
				t.Error("no credential: the ledger was opened")
			}
			var opts []nats.Option
			if b.tls != nil {
				opts = append(opts, nats.Secure(b.tls.Clone()))
			}
			if _, err := nats.Connect(b.url, opts...); !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("no credential: %v, want an authorization error", err)
			}
			seed, err := strangers[0].Seed()
			if err != nil {
				t.Fatal(err)
			}
			forged := func(nonce []byte) ([]byte, error) { return signWith(t, seed, nonce), nil }
			if _, err := nats.Connect(b.url, append(opts, nats.Nkey(b.crew.As("officer")[0].Key, forged))...); !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("another's signature: %v, want an authorization error", err)
			}
		})
	}
}

// TestEveryRecordHasItsRoles holds that no type of record is forgotten: who may write it is
// decided where it is made.
func TestEveryRecordHasItsRoles(t *testing.T) {
	t.Parallel()
	for _, kind := range recordTypes(t) {
		for _, refers := range []int64{0, 1} {
			r := ledger.Record{Type: ledger.Type(kind), Alert: uuid.NewString(), Channel: "x-a", Node: "one/a", Namespace: "deputy@tocsin", Refers: refers}
			writes := false
			for _, role := range ledger.Roles() {
				for _, pattern := range ledger.Writes(role, "x-a") {
					writes = writes || matchesSubject(pattern, r.Subject())
				}
			}
			if !writes {
				t.Errorf("nobody may write %s on %s: give it a line in writings", kind, r.Subject())
			}
		}
	}
}

func matchesSubject(pattern, subject string) bool {
	ok, err := filepath.Match(strings.ReplaceAll(pattern, ".", "/"), strings.ReplaceAll(subject, ".", "/"))
	return ok && err == nil
}

// TestParseUsers reads lists of users as people write them.
func TestParseUsers(t *testing.T) {
	t.Parallel()
	crew := ledgertest.NewCrew(t, "x-a")
	keys := map[string]string{}
	var text strings.Builder
	text.WriteString("# who may connect\n\n")
	for _, u := range crew.Users {
		keys[u.Name()] = u.Key
		if u.Role == ledger.RoleOperator {
			continue // no user of the embedded broker
		}
		fmt.Fprintf(&text, "%s\t%s  a comment\n", u.Name(), u.Key)
	}
	users, err := ledger.ParseUsers("users", []byte(text.String()))
	want := slices.DeleteFunc(slices.Clone(crew.Users), func(u ledger.User) bool { return u.Role == ledger.RoleOperator })
	if err != nil || !slices.Equal(users, want) {
		t.Errorf("got %v, %v, want %v", users, err, want)
	}
	seed, err := crew.As("officer")[0].Seed()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"role":     {"mayor " + keys["officer"], `users:1: "mayor" is no role`},
		"operator": {"operator " + keys["operator"], "users:1: operator is no user of the broker inside a node"},
		"channel":  {"adapter-X " + keys["officer"], `users:1: "X" is not a channel's name`},
		"no_name":  {"adapter " + keys["officer"], "users:1: "},
		"no_key":   {"\nofficer", "users:2: write a role and a public key"},
		"seed":     {"officer " + string(seed), "seeds, which begin with S, belong in no such list"},
		"typo":     {"officer " + strings.Replace(keys["officer"], keys["officer"][9:10], map[bool]string{true: "B", false: "A"}[keys["officer"][9] == 'A'], 1), "public key of a user"},
		"twice":    {"officer " + keys["officer"] + "\npolice " + keys["officer"], "users:2: this key has a line already"},
	} {
		if _, err := ledger.ParseUsers("users", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), string(seed)) {
			t.Errorf("%s: got %v, want words on %q", name, err, c.want)
		}
	}
	if _, err := ledger.ParseCredential(ledger.RoleOfficer, "", []byte(keys["officer"])); err == nil {
		t.Error("a public key was taken for a seed")
	}
}

// TestNothingIsServedInTheClear starts a broker that other machines would reach.
func TestNothingIsServedInTheClear(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "[::1]:0": true, "127.8.9.1:1": true,
		":0": false, "0.0.0.0:0": false, "[::]:0": false, "192.0.2.1:1": false, "broker.example:1": false, "": false,
	} {
		if got := ledger.Loopback(address); got != want {
			t.Errorf("%q is loopback: %v, want %v", address, got, want)
		}
	}
	_, err := ledger.StartServer(t.Context(), ledger.ServerOptions{Dir: t.TempDir(), Listen: "0.0.0.0:0"})
	if err == nil || !strings.Contains(err.Error(), "it has no certificate") {
		t.Errorf("got %v, want it to ask for a certificate", err)
	}
}

// TestTheEmbeddedBrokerWithTLS reaches the embedded broker with TLS, and not in the clear or as another.
func TestTheEmbeddedBrokerWithTLS(t *testing.T) {
	t.Parallel()
	dir, crew := t.TempDir(), ledgertest.NewCrew(t)
	pool := certificate(t, dir)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "broker.crt"), filepath.Join(dir, "broker.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := ledger.StartServer(t.Context(), ledger.ServerOptions{
		Dir: t.TempDir(), Listen: "127.0.0.1:0", Users: crew.Users, TLS: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	open(t, s, "one/a") // in this process without TLS
	if !strings.HasPrefix(s.Addr(), "tls://") {
		t.Errorf("its address is %s", s.Addr())
	}
	o := ledger.Options{URL: s.Addr(), TLS: &tls.Config{RootCAs: pool}, Credentials: crew.As("officer"), Name: "tocsin publish"}
	l, err := ledger.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	add(t, l, bulletinRecord(uuid.NewString()))
	o.TLS = nil
	if _, err := ledger.Open(t.Context(), o); err == nil {
		t.Error("a certificate that nobody vouches for is taken")
	}
	o.URL = strings.Replace(s.Addr(), "tls://", "nats://", 1)
	if _, err := ledger.Open(t.Context(), o); err == nil {
		t.Error("the broker is reached in the clear, or by anybody's certificate")
	}
}

// signWith signs as the owner of a seed.
func signWith(t *testing.T, seed, data []byte) []byte {
	t.Helper()
	pair, err := nkeys.FromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := pair.Sign(data)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}
