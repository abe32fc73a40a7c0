package simulator_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"tocsin/adapters/simulator"
)

// A call is what a channel asked of a platform, and the answer.
type call struct {
	method, path string // the path with its query
	header       http.Header
	body         []byte
	answer       answer
}

// A tape stands before a platform: it notes one post's calls, and from then on gives the same
// answers in the same order at once, as a platform would that costs nothing.
type tape struct {
	platform string
	calls    []call
	next     int
	playing  bool
}

// ServeHTTP is called by one channel, which makes one call after the other.
func (tp *tape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && !tp.playing {
		err = tp.note(r, body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	a := tp.calls[tp.next].answer
	tp.next = (tp.next + 1) % len(tp.calls)
	w.Header().Set("Content-Type", a.header.Get("Content-Type"))
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func (tp *tape) note(r *http.Request, body []byte) error {
	path := r.URL.RequestURI()
	req, err := http.NewRequestWithContext(r.Context(), r.Method, tp.platform+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header, req.Host = r.Header.Clone(), r.Host // X is asked where it was signed for
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	tp.calls = append(tp.calls, call{r.Method, path, r.Header.Clone(), body, answer{resp.StatusCode, resp.Header, string(said)}})
	tp.next = len(tp.calls) - 1
	return err
}

// again makes the same calls with nothing of the channel around them.
func (tp *tape) again(b *testing.B, client *http.Client, address string) {
	b.Helper()
	for _, c := range tp.calls {
		req, err := http.NewRequestWithContext(b.Context(), c.method, address+c.path, bytes.NewReader(c.body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header = c.header
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}

// BenchmarkChannelAlone is what a channel itself costs for one post, in time and allocations:
// the same bytes go over the same loopback without it, in turn with it, and that is the
// floor. The platform answers at once, from a tape.
func BenchmarkChannelAlone(b *testing.B) {
	for _, kind := range simulator.Kinds() {
		b.Run(kind, func(b *testing.B) {
			c, _ := roomy()
			sim := start(b, c)
			accounts := sim.Accounts()
			tp := &tape{}
			server := httptest.NewServer(tp)
			b.Cleanup(server.Close)
			through := func(base string) string {
				at, err := url.Parse(base)
				if err != nil {
					b.Fatal(err)
				}
				tp.platform = at.Scheme + "://" + at.Host
				return server.URL + at.Path
			}
			switch kind {
			case simulator.Telegram:
				accounts.Telegram.BaseURL = through(accounts.Telegram.BaseURL)
			case simulator.X:
				accounts.X.BaseURL = through(accounts.X.BaseURL)
			case simulator.Facebook:
				accounts.Facebook.BaseURL = through(accounts.Facebook.BaseURL)
			case simulator.Instagram:
				accounts.Instagram.BaseURL = through(accounts.Instagram.BaseURL)
			}
			ch, p := open(b, accounts, kind), post(b, kind)
			publish(b, ch, p)
			tp.playing, tp.next = true, 0
			client := server.Client()
			with := func() { publish(b, ch, p) }
			without := func() { tp.again(b, client, server.URL) }
			with()
			without()
			var wholes, floors []time.Duration
			for b.Loop() {
				began := time.Now()
				with()
				between := time.Now()
				without()
				wholes, floors = append(wholes, between.Sub(began)), append(floors, time.Since(between))
			}
			// Medians: one call that a busy machine held up says nothing of the channel.
			slices.Sort(wholes)
			slices.Sort(floors)
			whole, floor := wholes[len(wholes)/2], floors[len(floors)/2]
			b.ReportMetric(0, "ns/op") // of both together, which says nothing
			b.ReportMetric(float64((whole - floor).Nanoseconds()), "alone-ns/op")
			b.ReportMetric(float64(floor.Nanoseconds()), "floor-ns/op")
			b.ReportMetric(float64(whole)/float64(floor), "ratio")
			b.ReportMetric(testing.AllocsPerRun(20, with)-testing.AllocsPerRun(20, without), "alone-allocs/op")
			b.ReportMetric(float64(len(tp.calls)), "calls/op")
		})
	}
}
