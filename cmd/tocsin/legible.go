package main

// This file keeps what others wrote from acting on a person's screen: a record, a file or
// a platform's answer may hold what moves the cursor, hides what stands before it or turns
// the direction of writing.

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"tocsin/broker/alert"
)

// A legible writes text with the name of each character that has no place in a public text,
// such as \u202e, in that character's stead. Within JSON that is the same character. Text
// that people sign has none of them, and passes as it is.
type legible struct {
	io.Writer

	mu sync.Mutex
}

// Write implements [io.Writer]. A character is to be within one call: cut in two, it shows
// as bytes.
func (l *legible) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := io.WriteString(l.Writer, legibly(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// legibly returns a text as a legible writes it.
func legibly(s string) string {
	var out strings.Builder
	plain := 0 // what stands before it is written
	for i, r := range s {
		if alert.Hidden(s, i) == "" {
			continue
		}
		out.WriteString(s[plain:i])
		_, size := utf8.DecodeRuneInString(s[i:])
		plain = i + size
		switch high, low := utf16.EncodeRune(r); {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, s[i])
		case r > 0xFFFF:
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	if plain == 0 {
		return s
	}
	return out.String() + s[plain:]
}

// oneLine returns a text that others wrote so that no part of it passes for a line of ours.
func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " / ") }

// writeLine writes what is one line, whatever its parts hold.
func writeLine(w io.Writer, indent, line string) { fmt.Fprintln(w, indent+oneLine(line)) }
