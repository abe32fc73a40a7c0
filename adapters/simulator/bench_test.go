package simulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/simulator"
)

// roomy returns the configuration of a simulator without quotas that matter here, on
// a clock that each post moves on, so that the platforms' windows never fill.
func roomy() (simulator.Config, *adapterstest.Clock) {
	clock := &adapterstest.Clock{}
	return simulator.Config{Now: clock.Now, InstagramQuota: 1 << 30, InstagramContainers: 1 << 30, XPostsPerWindow: 1 << 30}, clock
}

// BenchmarkPublish is one post through the real channel: for Instagram the image, the
// container, its state, the publication and the question where it stands.
func BenchmarkPublish(b *testing.B) {
	for _, kind := range simulator.Kinds() {
		b.Run(kind, func(b *testing.B) {
			c, clock := roomy()
			sim := start(b, c)
			ch, p := open(b, sim.Accounts(), kind), post(b, kind)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				clock.Advance(time.Minute)
				q := p
				q.Mark = fmt.Sprintf("SV-%d-1", n)
				q.Text = strings.ReplaceAll(p.Text, p.Mark, q.Mark)
				publish(b, ch, q)
			}
		})
	}
}

// BenchmarkReadBack is one look at a post among a hundred.
func BenchmarkReadBack(b *testing.B) {
	for _, kind := range simulator.Kinds() {
		b.Run(kind, func(b *testing.B) {
			c, clock := roomy()
			sim := start(b, c)
			ch := open(b, sim.Accounts(), kind)
			p, r := adapters.Post{}, adapters.Receipt{}
			for n := range 100 {
				clock.Advance(time.Minute)
				p = markedPost(b, kind, fmt.Sprintf("SV-%d-1", n))
				r = publish(b, ch, p)
			}
			b.ReportAllocs()
			for b.Loop() {
				clock.Advance(time.Minute)
				if err := ch.ReadBack(b.Context(), p, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkTimeline is one page with its hundred posts, as a browser asks for it
// every two seconds.
func BenchmarkTimeline(b *testing.B) {
	sim := start(b, simulator.Config{})
	ch := open(b, sim.Accounts(), simulator.Telegram)
	for n := range 100 {
		publish(b, ch, markedPost(b, simulator.Telegram, fmt.Sprintf("SV-%d-1", n)))
	}
	b.ReportAllocs()
	for b.Loop() {
		do(b, http.MethodGet, sim.URL()+"/telegram", "")
	}
}
