package simulator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/simulator"
)

// TestPublish takes a post through the real channel of each kind and looks for it on
// every side: the channel's own, the truth and the page.
func TestPublish(t *testing.T) {
	t.Parallel()
	for _, kind := range simulator.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			sim := start(t, simulator.Config{InstagramReadyAfter: 5 * time.Millisecond})
			ch, p := open(t, sim.Accounts(), kind), post(t, kind)
			r := publish(t, ch, p)
			if err := ch.ReadBack(t.Context(), p, r); err != nil {
				t.Errorf("read back: %v", err)
			}
			found, err := ch.Find(t.Context(), p, adapters.Attempt{N: 2})
			if err != nil || found.ID != r.ID {
				t.Errorf("find: post %q, error %v, want post %q", found.ID, err, r.ID)
			}
			got, err := sim.Live(kind)
			if err != nil || len(got) != 1 || got[0].ID != r.ID || got[0].Text != p.Text {
				t.Fatalf("live: %+v, error %v, want the one post %s", got, err, r.ID)
			}
			sum := ""
			if p.Image != nil {
				sum = p.Image.SHA256
			}
			want := livePost{ID: r.ID, Text: p.Text, Image: sum, Alt: got[0].Alt, URL: got[0].URL, At: got[0].At.UTC()}
			if over := live(t, sim, kind); len(over) != 1 || over[0] != want || got[0].Image != sum {
				t.Errorf("/api/live has %+v, want %+v", over, want)
			}
			if got := shownTexts(t, sim.URL()+"/"+kind); len(got) != 1 || got[0] != p.Text {
				t.Errorf("the page shows %q, want %q", got, p.Text)
			}
		})
	}
}

// TestNames hands out the names that the caller wants, and its own otherwise.
func TestNames(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{Names: simulator.Names{X: "x-savona"}, Title: "Provincia di Savona", Handle: "ProvSavona"})
	a := sim.Accounts()
	got := []string{a.Telegram.Name, a.X.Name, a.Facebook.Name, a.Instagram.Name, a.X.Username, a.Instagram.Username}
	want := []string{"telegram-demo", "x-savona", "facebook-demo", "instagram-demo", "ProvSavona", "ProvSavona"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("names %v, want %v", got, want)
	}
	ch := open(t, a, simulator.Telegram)
	if r := publish(t, ch, post(t, simulator.Telegram)); !strings.HasPrefix(r.URL, "https://t.me/ProvSavona/") {
		t.Errorf("the post is at %s, want an address of the configured account", r.URL)
	}
}

// TestCredentialsStay holds the credentials of the default seed to what they are:
// configurations were written with them.
func TestCredentialsStay(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	a := sim.Accounts()
	all := append(secrets(a), a.Telegram.ChatID, a.X.UserID, a.Facebook.PageID, a.Instagram.UserID, fmt.Sprint(a.Telegram.ReaderUserID))
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	if got, want := hex.EncodeToString(sum[:]), "b0c79c400a47221bc1a7c876e63d79e0da59109d7dd3ca9eeee3963c9a6507a9"; got != want {
		t.Errorf("the credentials of the default seed have the hash %s, want %s", got, want)
	}
	unique := map[string]bool{}
	for _, s := range append(secrets(a), secrets(start(t, simulator.Config{Seed: "another"}).Accounts())...) {
		unique[s] = true
	}
	if len(unique) != 2*len(secrets(a)) {
		t.Errorf("%d different credentials under two seeds, want %d", len(unique), 2*len(secrets(a)))
	}
}

// TestComesUpAgain ends a simulator and starts another one on its ports: what was
// configured for the first works with the second.
func TestComesUpAgain(t *testing.T) {
	t.Parallel()
	first := start(t, simulator.Config{})
	ports := portsOf(t, first)
	for _, kind := range simulator.Kinds() {
		publish(t, open(t, first.Accounts(), kind), post(t, kind))
	}
	first.Close()
	second := start(t, simulator.Config{Listen: strings.TrimPrefix(first.URL(), "http://"), Ports: ports})
	if second.URL() != first.URL() {
		t.Errorf("the second is at %s, want %s", second.URL(), first.URL())
	}
	for _, kind := range simulator.Kinds() {
		// Made anew from the old configuration: a channel that still holds a connection
		// of the first would learn of its end by losing a post.
		publish(t, open(t, first.Accounts(), kind), post(t, kind))
		if got := live(t, second, kind); len(got) != 1 {
			t.Errorf("%s has %d posts, want 1: nothing of the first, and the new one", kind, len(got))
		}
	}
}

// portsOf returns where the platforms of sim are.
func portsOf(t *testing.T, sim *simulator.Simulator) simulator.Ports {
	t.Helper()
	ports := simulator.Ports{}
	for kind, port := range map[string]*int{
		simulator.Telegram: &ports.Telegram, simulator.X: &ports.X, simulator.Facebook: &ports.Facebook, simulator.Instagram: &ports.Instagram,
	} {
		_, number, err := net.SplitHostPort(strings.TrimPrefix(baseURL(sim.Accounts(), kind), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if *port, err = net.LookupPort("tcp", number); err != nil {
			t.Fatal(err)
		}
	}
	return ports
}

// TestAccountsAt tells the accounts of a simulator that has not been started.
func TestAccountsAt(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{Names: simulator.Names{X: "x-savona"}})
	ports := portsOf(t, sim)
	got, err := simulator.AccountsAt(simulator.Config{Ports: ports, Names: simulator.Names{X: "x-savona"}})
	if err != nil {
		t.Fatal(err)
	}
	want := sim.Accounts()
	got.X.Now, want.X.Now = nil, nil // functions do not compare
	if !reflect.DeepEqual(got, want) {
		t.Error("the accounts differ from those of the simulator that runs there")
	}
	ports.Facebook = 0
	if _, err := simulator.AccountsAt(simulator.Config{Ports: ports}); err == nil || !strings.Contains(err.Error(), "the port of facebook is not given") {
		t.Errorf("without a port: %v, want which one is missing", err)
	}
	if _, err := simulator.AccountsAt(simulator.Config{Listen: "192.0.2.1:0"}); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("on a remote address: %v, want that it is refused", err)
	}
}

// TestSideBySide runs two simulators: what is said to one does not reach the other.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	here, there := start(t, simulator.Config{}), start(t, simulator.Config{Seed: "there"})
	for _, kind := range simulator.Kinds() {
		fail(t, there, kind, adapterstest.Down, 0)
		publish(t, open(t, here.Accounts(), kind), post(t, kind))
		if a, b := len(live(t, here, kind)), len(live(t, there, kind)); a != 1 || b != 0 {
			t.Errorf("%s has %d posts here and %d there, want 1 and 0", kind, a, b)
		}
	}
	clearAll(t, there)
	stranger := here.Accounts()
	stranger.Telegram.BaseURL = there.Accounts().Telegram.BaseURL
	_, err := open(t, stranger, simulator.Telegram).Publish(t.Context(), post(t, simulator.Telegram), adapters.Attempt{N: 1})
	if err == nil || adapters.KindOf(err) == adapters.Unknown {
		t.Errorf("a credential of here was used there: %v, want a refusal", err)
	}
	if len(requests(t, there)) != 1 {
		t.Errorf("the record of there has %d requests, want the stranger's alone", len(requests(t, there)))
	}
}

// baseURL returns the address of the platform of this kind.
func baseURL(a simulator.Accounts, kind string) string {
	return map[string]string{
		simulator.Telegram: a.Telegram.BaseURL, simulator.X: a.X.BaseURL,
		simulator.Facebook: a.Facebook.BaseURL, simulator.Instagram: a.Instagram.BaseURL,
	}[kind]
}

// TestDown takes each platform off the network and puts it back.
func TestDown(t *testing.T) {
	t.Parallel()
	for _, kind := range simulator.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			sim := start(t, simulator.Config{})
			address := strings.TrimPrefix(baseURL(sim.Accounts(), kind), "http://")
			first := post(t, kind)
			r := publish(t, open(t, sim.Accounts(), kind), first)
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()

			fail(t, sim, kind, adapterstest.Down, 0)
			fail(t, sim, kind, adapterstest.Down, 0) // off is off
			if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a connection that was open reads on with %v, want its end", err)
			}
			if other, err := new(net.Dialer).DialContext(t.Context(), "tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("connecting gives %v, %v, want a refused connection", other, err)
			}
			// A channel without a connection from before: the loss of one is Unknown.
			ch, p := open(t, sim.Accounts(), kind), markedPost(t, kind, "SV-AFTER-1")
			if _, err := ch.Publish(t.Context(), p, adapters.Attempt{N: 1}); adapters.KindOf(err) != adapters.NotSent {
				t.Errorf("publish while it is down: %v, want not sent", err)
			}
			if page := do(t, http.MethodGet, sim.URL()+"/"+kind, ""); !strings.Contains(page.body, "fuori rete") {
				t.Error("the page does not say that the platform is off the network")
			}

			clearAll(t, sim)
			if got := "http://" + address; baseURL(sim.Accounts(), kind) != got {
				t.Errorf("it came back at %s, want %s", baseURL(sim.Accounts(), kind), got)
			}
			if err := ch.ReadBack(t.Context(), first, r); err != nil {
				t.Errorf("read back what was posted before: %v", err)
			}
			publish(t, ch, p)
			if got := live(t, sim, kind); len(got) != 2 {
				t.Errorf("%d posts, want 2", len(got))
			}
		})
	}
}

// TestDownKeepsThePort shows that nobody else gets the port of a platform that is
// off the network, not even by chance.
func TestDownKeepsThePort(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	if err := sim.Fail(simulator.X, adapterstest.Fault{Kind: adapterstest.Down}); err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(sim.Accounts().X.BaseURL, "http://")
	local, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	dialer := net.Dialer{LocalAddr: local}
	if conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(sim.URL(), "http://")); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a connection from %s: %v, %v, want that the address is in use", address, conn, err)
	}
	if err := sim.Clear(simulator.X); err != nil {
		t.Error(err)
	}
}

// TestDownMeansAtOnce takes a platform away while a call is being held.
func TestDownMeansAtOnce(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	fail(t, sim, simulator.Facebook, adapterstest.Stall, 0)
	ch := open(t, sim.Accounts(), simulator.Facebook)
	done := make(chan error, 1)
	go func() {
		_, err := ch.Publish(t.Context(), post(t, simulator.Facebook), adapters.Attempt{N: 1})
		done <- err
	}()
	eventually(t, "the arrival of the call", func() bool {
		all := requests(t, sim)
		return len(all) == 1 && all[0].State == simulator.Open && all[0].Status == 0
	})
	fail(t, sim, simulator.Facebook, adapterstest.Down, 0)
	if err := adapterstest.Failed(<-done, adapters.Unknown); err != nil {
		t.Errorf("publish, when the request was out: %v", err)
	}
	if all := requests(t, sim); len(all) != 1 || all[0].State != simulator.Dropped || all[0].Took <= 0 {
		t.Errorf("the record has %+v, want the one call as dropped", all)
	}
}

// TestHangUp ends a call that is held, and no more: the fault that waits behind it is
// played, and then the platform takes posts.
func TestHangUp(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	fail(t, sim, simulator.Facebook, adapterstest.Stall, 0)
	fail(t, sim, simulator.Facebook, adapterstest.Throttle, 0)
	ch, p := open(t, sim.Accounts(), simulator.Facebook), post(t, simulator.Facebook)
	done := make(chan error, 1)
	go func() {
		_, err := ch.Publish(t.Context(), p, adapters.Attempt{N: 1})
		done <- err
	}()
	eventually(t, "the arrival of the call", func() bool { return isHeld(sim.Requests()) })
	if err := sim.HangUp(simulator.Facebook); err != nil {
		t.Fatal(err)
	}
	if all := sim.Requests(); len(all) != 1 || all[0].State != simulator.Dropped {
		t.Errorf("the record has %+v, want the one call as dropped", all)
	}
	if err := adapterstest.Failed(<-done, adapters.Unknown); err != nil {
		t.Errorf("publish, when the request was out: %v", err)
	}
	_, err := ch.Publish(t.Context(), p, adapters.Attempt{N: 2})
	if err := adapterstest.Failed(err, adapters.NotSent); err != nil {
		t.Errorf("the fault that was set before: %v", err)
	}
	publish(t, ch, p)
	if err := sim.HangUp("fax"); err == nil {
		t.Error("a platform that there is not hangs up")
	}
}

// TestClose shows that nothing answers after Close, that a second Close is harmless,
// and that a call that is held does not hold it.
func TestClose(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(sim *simulator.Simulator, cancel func()){
		"closed":    func(sim *simulator.Simulator, _ func()) { sim.Close() },
		"cancelled": func(_ *simulator.Simulator, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			sim, err := simulator.Start(ctx, simulator.Config{})
			if err != nil {
				t.Fatal(err)
			}
			fail(t, sim, simulator.Telegram, adapterstest.Stall, 0)
			fail(t, sim, simulator.X, adapterstest.Down, 0)
			held := make(chan struct{})
			go func() {
				defer close(held)
				_, _ = open(t, sim.Accounts(), simulator.Telegram).Publish(t.Context(), post(t, simulator.Telegram), adapters.Attempt{N: 1})
			}()
			eventually(t, "the arrival of the call", func() bool { return len(sim.Requests()) == 1 })
			end(sim, cancel)
			<-held
			sim.Close()
			for _, address := range []string{sim.URL(), sim.Accounts().Telegram.BaseURL, sim.Accounts().X.BaseURL, sim.Accounts().Facebook.BaseURL, sim.Accounts().Instagram.BaseURL} {
				if _, err := tryDo(t.Context(), http.MethodGet, address, ""); !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("%s answers after the end: %v", address, err)
				}
			}
			if err := sim.Clear(simulator.X); err == nil {
				t.Error("a platform came up after the end")
			}
		})
	}
}

// TestStartRefuses names in each case what must be changed.
func TestStartRefuses(t *testing.T) {
	t.Parallel()
	taken := start(t, simulator.Config{})
	tests := map[string]struct {
		change func(*simulator.Config)
		want   string
	}{
		"all_addresses":  {func(c *simulator.Config) { c.Listen = ":0" }, "loopback"},
		"remote":         {func(c *simulator.Config) { c.Listen = "192.0.2.1:0" }, "loopback"},
		"name":           {func(c *simulator.Config) { c.Listen = "example.org:0" }, "loopback"},
		"no_port":        {func(c *simulator.Config) { c.Listen = "127.0.0.1" }, "HOST:PORT"},
		"taken":          {func(c *simulator.Config) { c.Listen = strings.TrimPrefix(taken.URL(), "http://") }, "in use"},
		"port":           {func(c *simulator.Config) { c.Ports.Instagram = 65536 }, "port 65536 of instagram"},
		"negative_port":  {func(c *simulator.Config) { c.Ports.Telegram = -1 }, "port -1 of telegram"},
		"handle_at":      {func(c *simulator.Config) { c.Handle = "@savona" }, "handle"},
		"handle_long":    {func(c *simulator.Config) { c.Handle = "protezionecivile" }, "handle"},
		"title":          {func(c *simulator.Config) { c.Title = strings.Repeat("à", 61) }, "title"},
		"seed":           {func(c *simulator.Config) { c.Seed = strings.Repeat("s", 257) }, "seed"},
		"ready_after":    {func(c *simulator.Config) { c.InstagramReadyAfter = -1 }, "ready after"},
		"negative_quota": {func(c *simulator.Config) { c.InstagramQuota = -1 }, "quota"},
		"containers":     {func(c *simulator.Config) { c.InstagramContainers = -1 }, "containers"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c simulator.Config
			tt.change(&c)
			sim, err := simulator.Start(t.Context(), c)
			if err == nil {
				sim.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "simulator: ") {
				t.Errorf("error %q, want one that names %q", err, tt.want)
			}
		})
	}
}

// TestStartUndone leaves nothing on the network when a platform's port is taken.
func TestStartUndone(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	var log bytes.Buffer
	sim, err := simulator.Start(t.Context(), simulator.Config{Ports: simulator.Ports{Facebook: port}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err == nil {
		sim.Close()
		t.Fatal("it started on a port that is taken")
	}
	if !strings.Contains(err.Error(), "the simulated facebook: listen on 127.0.0.1:") || log.Len() > 0 {
		t.Errorf("error %q and log %q, want the platform and its address, and no log", err, log.String())
	}
}

// TestLoopback lists the addresses that need no permission, and one that has it.
func TestLoopback(t *testing.T) {
	t.Parallel()
	for _, c := range []simulator.Config{
		{Listen: "localhost:0"},
		{Listen: "127.0.0.2:0"},
		{Listen: "0.0.0.0:0", AllowRemote: true},
	} {
		sim := start(t, c)
		publish(t, open(t, sim.Accounts(), simulator.X), post(t, simulator.X))
		fail(t, sim, simulator.X, adapterstest.Down, 0)
		clearAll(t, sim)
		if got := len(live(t, sim, simulator.X)); got != 1 {
			t.Errorf("%s: %d posts, want 1", c.Listen, got)
		}
	}
}

// TestImagesFromHereAlone publishes an image that is at a remote address: the
// simulator does not call it.
func TestImagesFromHereAlone(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	p := post(t, simulator.Instagram)
	p.Image.URL = "http://192.0.2.1/card.jpg"
	_, err := open(t, sim.Accounts(), simulator.Instagram).Publish(t.Context(), p, adapters.Attempt{N: 1})
	if err == nil || !strings.Contains(err.Error(), "loopback addresses alone") {
		t.Errorf("publish: %v, want that the image is not fetched, and why", err)
	}
}

// rewrite sends every call to one address, as a configuration of a demonstration
// does that uses public names.
type rewrite struct {
	to   string
	next *http.Transport
}

func (rw rewrite) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(rw.to, "http://")
	return rw.next.RoundTrip(r)
}

// TestImageTransport fetches an image of a public name from this machine.
func TestImageTransport(t *testing.T) {
	t.Parallel()
	p := post(t, simulator.Instagram)
	next := &http.Transport{DisableKeepAlives: true}
	sim := start(t, simulator.Config{ImageTransport: rewrite{strings.TrimSuffix(p.Image.URL, "/card.jpg"), next}})
	p.Image.URL = "https://allerte.example.it/card.jpg"
	publish(t, open(t, sim.Accounts(), simulator.Instagram), p)
	if got := do(t, http.MethodGet, sim.URL()+"/instagram/images/"+p.Image.SHA256, ""); got.body != string(p.Image.Data) {
		t.Errorf("status %d with %d bytes, want the image with %d", got.status, len(got.body), len(p.Image.Data))
	}
}

// TestConcurrent posts, breaks and looks at the same time, for the race detector.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	var all sync.WaitGroup
	for _, kind := range simulator.Kinds() {
		ch, p := open(t, sim.Accounts(), kind), post(t, kind)
		all.Go(func() {
			for range 5 {
				_, _ = ch.Publish(t.Context(), p, adapters.Attempt{N: 1})
			}
		})
		all.Go(func() {
			for range 5 {
				if err := errors.Join(sim.Fail(kind, adapterstest.Fault{Kind: adapterstest.Down}), sim.Clear(kind)); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 5 {
				if a := do(t, http.MethodGet, sim.URL()+"/"+kind, ""); a.status != http.StatusOK {
					t.Errorf("the page of %s: status %d", kind, a.status)
				}
				_ = sim.Requests()
			}
		})
	}
	all.Wait()
	for _, kind := range simulator.Kinds() {
		publish(t, open(t, sim.Accounts(), kind), markedPost(t, kind, "SV-AFTER-1"))
	}
}

// markedPost returns the post of another alert.
func markedPost(t testing.TB, kind, mark string) adapters.Post {
	t.Helper()
	p := post(t, kind)
	p.Text = strings.ReplaceAll(p.Text, p.Mark, mark)
	p.Mark = mark
	return p
}
