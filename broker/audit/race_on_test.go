//go:build race

package audit_test

import (
	"maps"
	"slices"
)

// some returns the cases that are tried. Few are enough here: what a shell and ssh-keygen
// do is not watched for races, and takes minutes.
func some[C any](cases map[string]C) map[string]C {
	out := map[string]C{}
	for _, name := range slices.Sorted(maps.Keys(cases))[:min(4, len(cases))] {
		out[name] = cases[name]
	}
	return out
}
