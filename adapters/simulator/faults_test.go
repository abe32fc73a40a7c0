package simulator_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/simulator"
)

// TestFaults switches every fault of every platform over HTTP, and holds what the
// platform then shows against what the fault says.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, kind := range simulator.Kinds() {
		for _, fault := range adapterstest.FaultKinds() {
			t.Run(kind+"_"+string(fault), func(t *testing.T) {
				t.Parallel()
				sim := start(t, simulator.Config{})
				ch, p := open(t, sim.Accounts(), kind), post(t, kind)
				wait := time.Minute
				if fault == adapterstest.Slow {
					wait = 20 * time.Millisecond
				}
				fail(t, sim, kind, fault, wait)
				err := meet(t, sim, ch, p, fault)
				checkFault(t, sim, ch, p, fault, err)

				// Cleared, it works as if nothing had been.
				clearAll(t, sim)
				other := markedPost(t, kind, "SV-AFTER-1")
				r := publish(t, ch, other)
				if err := ch.ReadBack(t.Context(), other, r); err != nil {
					t.Errorf("after the fault: read back: %v", err)
				}
			})
		}
	}
}

// meet publishes p under fault. Where the platform holds the call, the caller gives
// up once it is there.
func meet(t *testing.T, sim *simulator.Simulator, ch adapters.Channel, p adapters.Post, fault adapterstest.FaultKind) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := ch.Publish(ctx, p, adapters.Attempt{N: 1, Since: time.Now()})
		done <- err
	}()
	if fault == adapterstest.Stall || fault == adapterstest.ApplyTimeout {
		eventually(t, "the call that is held", func() bool {
			posts, err := sim.Live(ch.Kind())
			if err != nil {
				t.Error(err)
			}
			return isHeld(sim.Requests()) && (len(posts) == 1 || fault == adapterstest.Stall)
		})
		cancel()
	}
	return <-done
}

// isHeld reports whether the newest request is a publication without an answer.
func isHeld(all []simulator.Request) bool {
	if len(all) == 0 {
		return false
	}
	last := all[len(all)-1]
	public := strings.HasSuffix(last.Path, "/sendMessage") || strings.HasSuffix(last.Path, "/tweets") ||
		strings.HasSuffix(last.Path, "/feed") || strings.HasSuffix(last.Path, "/media_publish")
	return public && last.State == simulator.Open
}

// checkFault compares what became of p with what the fault says.
func checkFault(t *testing.T, sim *simulator.Simulator, ch adapters.Finder, p adapters.Post, fault adapterstest.FaultKind, err error) {
	t.Helper()
	posts := live(t, sim, ch.Kind())
	want := 0
	if fault.Applies() && fault != adapterstest.Delete {
		want = 1
	}
	if len(posts) != want {
		t.Errorf("%d posts are public, want %d", len(posts), want)
	}
	answered := fault == adapterstest.Lag || fault == adapterstest.Alter || fault == adapterstest.Delete || fault == adapterstest.Slow
	if (err == nil) != answered {
		t.Errorf("publish: %v, want an error: %v", err, !answered)
	}
	if len(posts) == 1 && (posts[0].Text == p.Text) == (fault == adapterstest.Alter) {
		t.Errorf("the public sees %q under %s", posts[0].Text, fault)
	}
	open := []adapterstest.FaultKind{adapterstest.Stall, adapterstest.Refuse}
	if ch.Kind() != simulator.Instagram { // which alone has a first step of its own
		open = append(open, adapterstest.Stuck, adapterstest.Discard)
	}
	if kind := adapters.KindOf(err); err != nil && !fault.Applies() && !slices.Contains(open, fault) && kind == adapters.Unknown {
		t.Errorf("publish: %v, want a failure that is certain", err)
	}
	if fault == adapterstest.Lag {
		if _, err := ch.Find(t.Context(), p, adapters.Attempt{N: 2}); err == nil {
			t.Error("reads show the post at once, want a minute later")
		}
	}
}

// TestFaultTimes spoils as many posts as were asked for, and not one more.
func TestFaultTimes(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	ch := open(t, sim.Accounts(), simulator.Telegram)
	a := do(t, http.MethodPost, sim.URL()+"/api/faults", `{"channel":"telegram","fault":"auth:2"}`, "Content-Type", "application/json; charset=utf-8")
	var got struct {
		Channel, Fault string
		Times          int
	}
	decode(t, a, &got)
	if got.Channel != "telegram" || got.Fault != "auth" || got.Times != 2 {
		t.Errorf("the answer says %+v, want what was set", got)
	}
	for n := range 3 {
		_, err := ch.Publish(t.Context(), post(t, simulator.Telegram), adapters.Attempt{N: 1})
		if (err != nil) != (n < 2) {
			t.Errorf("post %d: %v", n+1, err)
		}
	}
}

// TestClearForgets drops the faults that have not been met.
func TestClearForgets(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	for _, kind := range simulator.Kinds() {
		if err := sim.Fail(kind, adapterstest.Fault{Kind: adapterstest.AuthGone, Times: 5}); err != nil {
			t.Fatal(err)
		}
		clearAll(t, sim)
		publish(t, open(t, sim.Accounts(), kind), post(t, kind))
	}
}

// TestBudgets fills the budgets that can be set, and waits in vain for a container
// that takes too long.
func TestBudgets(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{XPostsPerWindow: 1, InstagramQuota: 1})
	for _, kind := range []string{simulator.X, simulator.Instagram} {
		ch := open(t, sim.Accounts(), kind)
		publish(t, ch, post(t, kind))
		_, err := ch.Publish(t.Context(), markedPost(t, kind, "SV-SECOND-1"), adapters.Attempt{N: 1})
		if k := adapters.KindOf(err); err == nil || k != adapters.NotSent && k != adapters.Quota {
			t.Errorf("the second post on %s: %v, want that the budget is used up", kind, err)
		}
	}
	slow := start(t, simulator.Config{InstagramReadyAfter: time.Hour}).Accounts()
	slow.Instagram.PollFor = 5 * time.Millisecond
	if _, err := open(t, slow, simulator.Instagram).Publish(t.Context(), post(t, simulator.Instagram), adapters.Attempt{N: 1}); adapters.KindOf(err) != adapters.NotSent || err == nil {
		t.Errorf("publish: %v, want that the container is not ready", err)
	}
}

// TestClearOne ends the faults of one platform and no other.
// TestLenient sends what is public once more: strict platforms show one post all
// the same, lenient ones show two.
func TestLenient(t *testing.T) {
	t.Parallel()
	for _, lenient := range []bool{false, true} {
		sim := start(t, simulator.Config{Lenient: lenient})
		for _, kind := range []string{simulator.X, simulator.Instagram} {
			ch, p, a := open(t, sim.Accounts(), kind), post(t, kind), adapters.Attempt{N: 1, Since: time.Now()}
			if pr, ok := ch.(adapters.Preparer); ok {
				var err error
				if a.Prepared, err = pr.Prepare(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := ch.Publish(t.Context(), p, a); err != nil {
				t.Fatal(err)
			}
			_, err := ch.Publish(t.Context(), p, a)
			if want := map[bool]int{false: 1, true: 2}[lenient]; len(live(t, sim, kind)) != want {
				t.Errorf("lenient %t: %s shows %d posts after a second send (%v), want %d", lenient, kind, len(live(t, sim, kind)), err, want)
			}
		}
	}
}

func TestClearOne(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	fail(t, sim, simulator.Telegram, adapterstest.Down, 0)
	fail(t, sim, simulator.X, adapterstest.Down, 0)
	if a := do(t, http.MethodDelete, sim.URL()+"/api/faults?channel=x", ""); a.status != http.StatusNoContent {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	publish(t, open(t, sim.Accounts(), simulator.X), post(t, simulator.X))
	_, err := open(t, sim.Accounts(), simulator.Telegram).Publish(t.Context(), post(t, simulator.Telegram), adapters.Attempt{N: 1})
	if adapters.KindOf(err) != adapters.NotSent {
		t.Errorf("telegram: %v, want that it is still down", err)
	}
}

// TestFaultRefused names in each case what is wrong, and changes nothing.
func TestFaultRefused(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	const kind = "application/json"
	tests := map[string]struct {
		contentType, body, want string
		status                  int
	}{
		"form":          {"application/x-www-form-urlencoded", `{"channel":"x","fault":"down"}`, "application/json", http.StatusUnsupportedMediaType},
		"no_type":       {"", `{"channel":"x","fault":"down"}`, "application/json", http.StatusUnsupportedMediaType},
		"empty":         {kind, ``, "write it as", http.StatusBadRequest},
		"unknown_field": {kind, `{"channel":"x","fault":"down","times":2}`, "times", http.StatusBadRequest},
		"two_objects":   {kind, `{"channel":"x","fault":"down"}{}`, "more after", http.StatusBadRequest},
		"unknown_kind":  {kind, `{"channel":"website","fault":"down"}`, "telegram, x, facebook, instagram", http.StatusBadRequest},
		"no_kind":       {kind, `{"fault":"down"}`, "there is no platform", http.StatusBadRequest},
		"unknown_fault": {kind, `{"channel":"x","fault":"explode"}`, "apply-drop", http.StatusBadRequest},
		"no_fault":      {kind, `{"channel":"x"}`, "apply-drop", http.StatusBadRequest},
		"times":         {kind, `{"channel":"x","fault":"lag:0"}`, "1 to 1000", http.StatusBadRequest},
		"negative_wait": {kind, `{"channel":"x","fault":"lag","wait_ms":-1}`, "wait_ms", http.StatusBadRequest},
		"long_wait":     {kind, `{"channel":"x","fault":"lag","wait_ms":3600001}`, "wait_ms", http.StatusBadRequest},
		"huge":          {kind, `{"channel":"x","fault":"` + strings.Repeat("a", 5000) + `"}`, "more than 4096 bytes", http.StatusRequestEntityTooLarge},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := do(t, http.MethodPost, sim.URL()+"/api/faults", tt.body, "Content-Type", tt.contentType)
			if a.status != tt.status || !strings.Contains(a.body, tt.want) {
				t.Errorf("status %d: %s, want %d and %q", a.status, a.body, tt.status, tt.want)
			}
			publish(t, open(t, sim.Accounts(), simulator.X), markedPost(t, simulator.X, "SV-"+strings.ToUpper(name)+"-1"))
		})
	}
	for name, f := range map[string]adapterstest.Fault{
		"no_fault": {}, "times": {Kind: adapterstest.Lag, Times: 1001}, "negative": {Kind: adapterstest.Lag, Times: -1}, "wait": {Kind: adapterstest.Lag, Wait: 2 * time.Hour},
	} {
		if err := sim.Fail(simulator.X, f); err == nil {
			t.Errorf("%s: the fault was taken", name)
		}
	}
	if a := do(t, http.MethodDelete, sim.URL()+"/api/faults?channel=website", ""); a.status != http.StatusBadRequest {
		t.Errorf("clearing an unknown platform: status %d, want 400", a.status)
	}
	for _, err := range []error{sim.Fail("website", adapterstest.Fault{Kind: adapterstest.Lag}), sim.Clear("website"), unknownLive(sim)} {
		if err == nil || !strings.Contains(err.Error(), `"website"; there are telegram, x, facebook, instagram`) {
			t.Errorf("error %v, want the kinds that there are", err)
		}
	}
}

func unknownLive(sim *simulator.Simulator) error {
	_, err := sim.Live("website")
	return err
}

// TestOtherSitesMayNot sends what the browser of somebody who reads another site
// would send.
func TestOtherSitesMayNot(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	for name, headers := range map[string][]string{
		"origin":   {"Origin", "https://evil.example", "Content-Type", "application/json"},
		"fetch":    {"Sec-Fetch-Site", "cross-site", "Content-Type", "application/json"},
		"same_net": {"Sec-Fetch-Site", "same-site", "Content-Type", "application/json"},
	} {
		for _, method := range []string{http.MethodPost, http.MethodDelete} {
			if a := do(t, method, sim.URL()+"/api/faults", `{"channel":"x","fault":"down"}`, headers...); a.status != http.StatusForbidden {
				t.Errorf("%s %s: status %d, want 403", name, method, a.status)
			}
		}
	}
	publish(t, open(t, sim.Accounts(), simulator.X), post(t, simulator.X))
}

// FuzzParseFault feeds the only parser of the control: what it takes is within the
// bounds.
func FuzzParseFault(f *testing.F) {
	f.Add([]byte(`{"channel":"telegram","fault":"apply-drop:2","wait_ms":500}`))
	f.Add([]byte(`{"channel":"x","fault":"down"} `))
	f.Add([]byte(`{"fault":"lag:1000","wait_ms":3600000,"channel":"\u0000"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, fault, err := simulator.ParseFault(body)
		if err != nil {
			return
		}
		if fault.Times < 1 || fault.Times > 1000 || fault.Wait < 0 || fault.Wait > time.Hour {
			t.Errorf("%q gives %+v, which is out of bounds", body, fault)
		}
	})
}

// TestConditionsOverHTTP puts each account into each condition that its platform has: its
// channel notices, and nothing is public for it.
func TestConditionsOverHTTP(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	order := func(kind, condition string) int {
		return do(t, http.MethodPost, sim.URL()+"/api/conditions", fmt.Sprintf(`{"channel":%q,"condition":%q}`, kind, condition), "Content-Type", "application/json").status
	}
	for _, kind := range simulator.Kinds() {
		ch := open(t, sim.Accounts(), kind).(adapters.Checker)
		for _, c := range adapterstest.Conditions() {
			switch status := order(kind, string(c)); {
			case status == http.StatusBadRequest && c != adapterstest.Revoked:
				continue // this platform has no such condition
			case status != http.StatusOK:
				t.Errorf("%s %s: the order is answered %d", kind, c, status)
			}
			if got := adapters.Worst(ch.Check(t.Context())); (got.State == adapters.Ready) != (c == adapterstest.Good || c == adapterstest.NoPictures) {
				t.Errorf("%s is %s, and its channel finds %+v", kind, c, got)
			}
		}
		if live, err := sim.Live(kind); err != nil || len(live) != 0 {
			t.Errorf("%d posts are public on %s (%v)", len(live), kind, err)
		}
	}
	for _, c := range []struct{ kind, condition string }{{"telegram", "sad"}, {"fax", "good"}, {"telegram", "spent"}} {
		if status := order(c.kind, c.condition); status != http.StatusBadRequest {
			t.Errorf("%s %s: the order is answered %d, want 400", c.kind, c.condition, status)
		}
	}
}
