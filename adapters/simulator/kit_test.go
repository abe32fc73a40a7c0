package simulator_test

// This file holds what the tests of the simulator share.

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/facebook"
	"tocsin/adapters/instagram"
	"tocsin/adapters/simulator"
	"tocsin/adapters/telegram"
	"tocsin/adapters/x"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a simulator that ends with the test.
func start(t testing.TB, c simulator.Config) *simulator.Simulator {
	t.Helper()
	sim, err := simulator.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	return sim
}

// open returns the real channel of this kind, with the account that the simulator
// hands out.
func open(t testing.TB, a simulator.Accounts, kind string) adapters.Finder {
	t.Helper()
	var ch adapters.Finder
	var err error
	switch kind {
	case simulator.Telegram:
		ch, err = telegram.New(a.Telegram)
	case simulator.X:
		ch, err = x.New(a.X)
	case simulator.Facebook:
		ch, err = facebook.New(a.Facebook)
	case simulator.Instagram:
		a.Instagram.PollInterval = time.Millisecond
		ch, err = instagram.New(a.Instagram)
	default:
		t.Fatalf("no channel of kind %q", kind)
	}
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := ch.(interface{ Close() }); ok {
		t.Cleanup(c.Close)
	}
	return ch
}

// post returns a post that the platform of this kind takes, with an image that is
// public on a server of its own where the platform wants one.
func post(t testing.TB, kind string) adapters.Post {
	t.Helper()
	p := adapterstest.Sample()
	if kind == simulator.Instagram {
		p.Image = adapterstest.Picture(t, 400, 400)
		p.Image.Alt = "Allerta rossa \"alluvione\": <salite> ai piani alti"
	}
	return p
}

// publish publishes p and fails the test if that does not succeed.
func publish(t testing.TB, ch adapters.Channel, p adapters.Post) adapters.Receipt {
	t.Helper()
	r, err := ch.Publish(t.Context(), p, adapters.Attempt{N: 1, Since: time.Now()})
	if err != nil {
		t.Fatalf("publish on %s: %v", ch.Kind(), err)
	}
	return r
}

// An answer is what the simulator answered.
type answer struct {
	status int
	header http.Header
	body   string
}

// do makes one call, on a connection of its own.
func do(t testing.TB, method, address, body string, headers ...string) answer {
	t.Helper()
	a, err := tryDo(t.Context(), method, address, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func tryDo(ctx context.Context, method, address, body string, headers ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(data)}, err
}

// fail sets a fault over HTTP.
func fail(t testing.TB, sim *simulator.Simulator, kind string, f adapterstest.FaultKind, wait time.Duration) {
	t.Helper()
	body := fmt.Sprintf(`{"channel":%q,"fault":%q,"wait_ms":%d}`, kind, f, wait.Milliseconds())
	if a := do(t, http.MethodPost, sim.URL()+"/api/faults", body, "Content-Type", "application/json"); a.status != http.StatusOK {
		t.Fatalf("fault %s on %s: status %d: %s", f, kind, a.status, a.body)
	}
}

// clearAll ends every fault over HTTP.
func clearAll(t testing.TB, sim *simulator.Simulator) {
	t.Helper()
	if a := do(t, http.MethodDelete, sim.URL()+"/api/faults", ""); a.status != http.StatusNoContent {
		t.Fatalf("clear: status %d: %s", a.status, a.body)
	}
}

// live returns what is public on the platform of this kind, over HTTP.
func live(t testing.TB, sim *simulator.Simulator, kind string) []livePost {
	t.Helper()
	var all map[string][]livePost
	decode(t, do(t, http.MethodGet, sim.URL()+"/api/live", ""), &all)
	if len(all) != len(simulator.Kinds()) || all[kind] == nil {
		t.Fatalf("/api/live has %d platforms, want %v with a list for each", len(all), simulator.Kinds())
	}
	return all[kind]
}

// A livePost is one post of GET /api/live.
type livePost struct {
	ID, Text, Image, Alt, URL string
	At                        time.Time
	ReplyTo                   string `json:"reply_to"`
}

// requests returns the record, over HTTP.
func requests(t testing.TB, sim *simulator.Simulator) []simulator.Request {
	t.Helper()
	var all []simulator.Request
	decode(t, do(t, http.MethodGet, sim.URL()+"/api/requests", ""), &all)
	return all
}

func decode(t testing.TB, a answer, into any) {
	t.Helper()
	if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Fatalf("status %d with %s, want 200 with JSON: %s", a.status, a.header.Get("Content-Type"), a.body)
	}
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until ready, at most ten seconds.
func eventually(t testing.TB, what string, ready func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s did not happen", what)
		case <-tick.C:
		}
	}
}

// secrets are the credentials of the accounts: what must appear nowhere.
func secrets(a simulator.Accounts) []string {
	_, bare, _ := strings.Cut(a.Telegram.Token, ":")
	return []string{
		a.Telegram.Token, bare, a.X.ConsumerKey, a.X.ConsumerSecret, a.X.AccessToken, a.X.AccessSecret,
		a.Facebook.Token, a.Facebook.AppSecret, a.Instagram.Token, a.Instagram.AppSecret,
	}
}
