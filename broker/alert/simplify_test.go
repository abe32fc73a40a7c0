package alert_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tocsin/broker/alert"
)

// TestSimplified holds that ends and order stay, that no point that was left out stands off
// the line by more than the tolerance, and that the way round does not matter.
func TestSimplified(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same lines in each run
	for range 200 {
		line := make([]alert.Point, 2+random.IntN(80))
		for i := range line {
			line[i] = alert.Point{Lat: 44 + random.Float64(), Lon: 8 + float64(i)/50}
		}
		if random.IntN(2) == 0 && len(line) > 4 {
			line[len(line)-1] = line[0]
		}
		for _, tolerance := range []float64{0, 0.01, 0.1, 1, math.Inf(1)} {
			got := alert.Simplified(line, tolerance)
			if got[0] != line[0] || got[len(got)-1] != line[len(line)-1] || line[0] == line[len(line)-1] && len(got) < 4 {
				t.Fatalf("of %v and %v it leaves %v", line, tolerance, got)
			}
			if tolerance == 0 && !slices.Equal(got, line) {
				t.Errorf("without a tolerance it leaves %d points of %d", len(got), len(line))
			}
			at := 0
			for _, p := range got {
				next := slices.Index(line[at:], p)
				if next < 0 {
					t.Fatalf("the point %v is none of the line, or out of order", p)
				}
				at += next
			}
			back := slices.Clone(line)
			slices.Reverse(back)
			again := alert.Simplified(back, tolerance)
			slices.Reverse(again)
			if !slices.Equal(again, got) {
				t.Errorf("from the other end it leaves %d points, not %d", len(again), len(got))
			}
		}
	}
	if got := alert.Simplified([]alert.Point{{Lat: 1}, {Lat: 2}}, 9); len(got) != 2 {
		t.Errorf("of two points it leaves %v", got)
	}
}
