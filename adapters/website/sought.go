package website

// This file finds the alert code in what a reader pastes to have it checked: the
// code, a line of the post, or an address.

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"
)

const (
	// maxAsked bounds what is read of what a reader typed, in characters: any
	// line of a post, any address, and a short post whole.
	maxAsked = 2000
	// maxEcho bounds what is shown of it again where no code was found in it.
	maxEcho = 40
)

// askedForm is what looks like an alert code, with the number of its bulletin or
// without.
var askedForm = regexp.MustCompile(`(?i)^[A-Z0-9]{1,4}[-–—‐‑][A-Z0-9]{5}([-–—‐‑][0-9]{1,4})?$`)

// A sought is what a reader asked for.
type sought struct {
	shown     string  // what the answer is about, as typed
	record    *record // nil where no such alert, or bulletin of it, is on the site
	number    int     // of the bulletin, where one was named; else 0
	elsewhere bool    // the code stood in an address that is not of this site
}

// seek returns what the reader asks for. A mark of a bulletin that was never issued
// makes the whole message doubtful, whatever other codes stand in it.
func (s *Site) seek(v *snapshot, typed string) sought {
	if r, number := v.asked(typed); r != nil || typed == "" {
		return sought{shown: typed, record: r, number: number}
	}
	var found, unknown sought
	words := strings.Fields(typed)
	for i, word := range words {
		for _, piece := range append(pieces(word), spaced(words, i)) {
			r, number := v.asked(piece)
			form := askedForm.FindStringSubmatch(piece)
			switch {
			case r != nil && s.elsewhere(word):
				if !found.elsewhere { // whatever else stands beside it
					found = sought{shown: word, record: r, number: number, elsewhere: true}
				}
			case r != nil && found.record == nil:
				found = sought{shown: piece, record: r, number: number}
			case r == nil && form != nil && form[1] != "":
				return sought{shown: piece}
			case r == nil && form != nil && unknown.shown == "":
				unknown.shown = piece
			}
		}
	}
	switch {
	case found.record != nil:
		return found
	case unknown.shown != "":
		return unknown
	}
	if all := []rune(typed); len(all) > maxEcho {
		typed = string(all[:maxEcho]) + "…"
	}
	return sought{shown: typed}
}

// pieces takes a word apart at what may stand around a code in a line or an address.
func pieces(word string) []string {
	return strings.FieldsFunc(word, func(c rune) bool { return strings.ContainsRune(`/?&=#:,;.!()[]{}<>"'«»“”‘’*_`, c) })
}

// spaced returns a word with the one after it: a code that was typed with a space. It
// is "" where a bulletin's number or nothing comes after.
func spaced(words []string, i int) string {
	if i+1 >= len(words) || len(words[i]) > 4 {
		return ""
	}
	return words[i] + " " + strings.TrimRight(words[i+1], ".,;:!?)]»”")
}

// addressForm is the beginning of an address: a slash, or a host's name before what may
// come after one.
var addressForm = regexp.MustCompile(`^[^/]*/|^[\pL\pN-]+(\.[\pL\pN-]+)+(:[0-9]+)?[?#\\]`)

// elsewhere reports whether word is an address of another site than this one. Plain
// HTTP to our host is ours too: it leads nowhere else. Another port is another's.
func (s *Site) elsewhere(word string) bool {
	word = strings.TrimLeft(word, `([{<"'«“‘`)
	if !addressForm.MatchString(word) {
		return false
	}
	if !strings.Contains(word, "://") {
		word = s.base.Scheme + "://" + word
	}
	u, err := url.Parse(word)
	return err != nil || !strings.EqualFold(u.Hostname(), s.base.Hostname()) || !samePort(u, s.base)
}

// samePort reports whether an address leads to the port of ours: each the one of its
// own scheme where it names none.
func samePort(u, ours *url.URL) bool {
	usual := map[string]string{"http": "80", "https": "443"}
	of := func(u *url.URL) string { return cmp.Or(u.Port(), usual[strings.ToLower(u.Scheme)]) }
	plain := strings.EqualFold(u.Scheme, "http") && ours.Scheme == "https" && of(u) == "80" && of(ours) == "443"
	return plain || of(u) != "" && of(u) == of(ours)
}
