package compose

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// This file puts the author's shorter wordings in the place of what a message says.

// maxRewordings bounds how many ways to say the same are tried for one shape.
const maxRewordings = 64

// rewordings returns the accounts in the author's shorter wordings, as far as a shape
// tells what has such, from the longest to the shortest. The words of the message are
// not among them.
func rewordings(tongues []account, sh shape) [][]account {
	headings, steps := 0, 0 // the most wordings that a headline or a step has
	for _, a := range tongues {
		for i := range a.stories {
			st := &a.stories[i]
			if sh.what == headline {
				headings = max(headings, len(st.shorter[st.headline]))
			}
			for _, step := range st.actions {
				if sh.steps != 0 {
					steps = max(steps, len(st.shorter[step]))
				}
			}
		}
	}
	type way struct {
		accounts []account
		size     int
	}
	var all []way
	for h := 0; h <= headings; h++ {
		for n := 0; n <= steps && len(all) < maxRewordings; n++ {
			if h+n == 0 {
				continue
			}
			w := way{accounts: make([]account, len(tongues))}
			for i, a := range tongues {
				w.accounts[i] = a.reworded(h, n)
				w.size += w.accounts[i].size(sh)
			}
			all = append(all, w)
		}
	}
	slices.SortStableFunc(all, func(a, b way) int { return cmp.Compare(b.size, a.size) })
	out := make([][]account, len(all))
	for i, w := range all {
		out[i] = w.accounts
	}
	return out
}

// reworded returns a with the h-th shorter wording of its headlines, and the n-th of
// its steps, or the shortest where there are fewer; 0 is what the message says.
func (a account) reworded(h, n int) account {
	a.stories = slices.Clone(a.stories)
	for i := range a.stories {
		st := &a.stories[i]
		st.headline = shorterOf(st.shorter, st.headline, h)
		st.actions = slices.Clone(st.actions)
		for j, step := range st.actions {
			st.actions[j] = shorterOf(st.shorter, step, n)
		}
		lines := strings.Split(st.instruction, "\n")
		for j, line := range lines {
			if item, ok := entry(line); ok && n > 0 && len(st.shorter[item]) > 0 {
				lines[j] = "- " + shorterOf(st.shorter, item, n)
			}
		}
		st.instruction = strings.Join(lines, "\n")
	}
	return a
}

func shorterOf(shorter map[string][]string, text string, n int) string {
	all := shorter[text]
	if n == 0 || len(all) == 0 {
		return text
	}
	return all[min(n, len(all))-1]
}

// size returns how much of a a shape tells, in characters, as far as wordings change it.
func (a account) size(sh shape) int {
	n := 0
	for i := range a.stories {
		st := &a.stories[i]
		n += utf8.RuneCountInString(st.headline)
		for j, step := range st.actions {
			if sh.steps == all || j < sh.steps {
				n += utf8.RuneCountInString(step)
			}
		}
	}
	return n
}

// headings returns the lines that may say what happens, from the one that tells most.
func (a account) headings() []string {
	st := &a.stories[0]
	out := []string{a.what(st, headline)}
	for n := range st.shorter[st.headline] {
		b := a.reworded(n+1, 0)
		out = append(out, b.what(&b.stories[0], headline))
	}
	return append(out, a.what(st, event), a.what(st, notice))
}
