package main

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestBenchFanout measures two alerts, and holds what is counted: times are the machine's.
func TestBenchFanout(t *testing.T) {
	t.Parallel()
	stdout, _ := expect(t, 0, "bench", "fanout", "--alerts", "2", "--json", "--dir", t.TempDir())
	var got benchResult
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		t.Errorf("after the object comes more: %s", stdout)
	}
	if got.Alerts != 2 || got.Channels != 5 || got.ExtraCopies != 0 {
		t.Errorf("%d alerts on %d channels with %d extra copies, want 2, 5 and none", got.Alerts, got.Channels, got.ExtraCopies)
	}
	if got.Healthy == nil || got.OneHangs == nil {
		t.Fatalf("the run with a hanging channel is missing: %s", stdout)
	}
	for name, v := range map[string]float64{
		"floor_ms.p50": got.Floor.P50, "floor_ms.p99": got.Floor.P99, "fanout_ms.p50": got.Fanout.P50, "fanout_ms.p99": got.Fanout.P99,
		"ratio_p50": got.RatioP50, "ratio_p99": got.RatioP99, "healthy_ms.p99": got.Healthy.P99, "one_hangs_ms.p99": got.OneHangs.P99,
		"hang_ratio_p99": got.HangRatioP99, "alerts_per_second": got.PerSecond, "cpu_ms_per_delivery": got.CPUDelivery, "cpu_ms_per_floor_post": got.CPUFloor,
	} {
		if v <= 0 {
			t.Errorf("%s is %v, want a measured value", name, v)
		}
	}
}

// TestBenchFailsWhenItCannotSayWhatItMeasured has standard output closed when all is
// measured.
func TestBenchFailsWhenItCannotSayWhatItMeasured(t *testing.T) {
	t.Parallel()
	out, w := io.Pipe()
	_ = out.Close() // never fails
	err := run(t.Context(), []string{"bench", "fanout", "--alerts", "1", "--json", "--dir", t.TempDir()}, strings.NewReader(""), w, io.Discard, english)
	if exitCode(err) != 1 {
		t.Errorf("exit status is %d (%v), want 1", exitCode(err), err)
	}
}
