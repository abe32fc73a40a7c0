package adapterstest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tocsin/adapters/adapterstest"
)

func TestParseFault(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]adapterstest.Fault{
		"refuse":            {Kind: adapterstest.Refuse, Times: 1},
		"apply-drop:3":      {Kind: adapterstest.ApplyDrop, Times: 3},
		"throttle:1000":     {Kind: adapterstest.Throttle, Times: 1000},
		"":                  {},
		"Refuse":            {},
		"refuse:":           {},
		"refuse:0":          {},
		"refuse:-1":         {},
		"refuse:1001":       {},
		"refuse:1:1":        {},
		"apply_drop":        {},
		"refuse:1000000000": {},
	} {
		got, err := adapterstest.ParseFault(s)
		if got != want || (err == nil) != (want != adapterstest.Fault{}) {
			t.Errorf("%q: got %+v, %v, want %+v", s, got, err, want)
		}
	}
}

func FuzzParseFault(f *testing.F) {
	f.Add("apply-500:2")
	f.Add("down")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := adapterstest.ParseFault(s)
		if err != nil {
			return
		}
		if !slices.Contains(adapterstest.FaultKinds(), got.Kind) || got.Times < 1 || got.Times > 1000 {
			t.Errorf("%q: got %+v", s, got)
		}
		again, err := adapterstest.ParseFault(fmt.Sprintf("%s:%d", got.Kind, got.Times))
		if err != nil || again != got {
			t.Errorf("%q: got %+v, then %+v (%v)", s, got, again, err)
		}
	})
}

// TestFaultsPlayInOrder: each script lets pass and meets as many writes as it says, then the next.
func TestFaultsPlayInOrder(t *testing.T) {
	t.Parallel()
	var fs adapterstest.Faults
	fs.Fail(adapterstest.Fault{Kind: adapterstest.Throttle, Times: 2, Wait: time.Minute})
	fs.Fail(adapterstest.Fault{Kind: adapterstest.Delete, After: 1})
	var got []adapterstest.FaultKind
	for range 6 {
		got = append(got, fs.Take().Kind)
	}
	want := []adapterstest.FaultKind{adapterstest.Throttle, adapterstest.Throttle, "", adapterstest.Delete, "", ""}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	fs.Fail(adapterstest.Fault{Kind: adapterstest.Refuse})
	fs.Fail(adapterstest.Fault{Kind: adapterstest.Down})
	if !fs.IsDown() {
		t.Error("not down")
	}
	fs.Clear()
	if fs.IsDown() || fs.Take().Kind != "" {
		t.Error("Clear left a script")
	}
}

// TestEveryScriptHasACase: a script that no case plays is not kept.
func TestEveryScriptHasACase(t *testing.T) {
	t.Parallel()
	elsewhere := []adapterstest.FaultKind{adapterstest.Lag, adapterstest.Alter, adapterstest.Delete}
	for _, k := range adapterstest.FaultKinds() {
		found := slices.Contains(elsewhere, k)
		for _, c := range adapterstest.Cases() {
			name := []byte("fault_" + k)
			for i, b := range name {
				if b == '-' {
					name[i] = '_'
				}
			}
			found = found || c.Name == string(name)
		}
		if !found {
			t.Errorf("no case plays %s", k)
		}
	}
}
