package compose

import (
	"bytes"
	"regexp"
)

// A Blank is a field of a draft that nobody filled in.
type Blank struct {
	Line    int    // in the file, from 1
	Element string // the CAP element: "headline"
	Text    string // what stands there: "[inserire il titolo]"
}

var (
	// remark finds the comments of a CAP file, which may hold examples.
	remark = regexp.MustCompile(`(?s)<!--.*?-->`)

	// element finds elements that hold text.
	element = regexp.MustCompile(`<([A-Za-z]+)>([^<]*)</`)
)

// Unfilled returns the elements of a draft that nobody filled in, in its order. It
// reads text and knows little of XML, so that a draft can be judged that is no
// message yet.
func Unfilled(raw []byte) []Blank {
	text := remark.ReplaceAllFunc(raw, func(c []byte) []byte {
		return bytes.Repeat([]byte("\n"), bytes.Count(c, []byte("\n")))
	})
	var out []Blank
	for _, at := range element.FindAllSubmatchIndex(text, -1) {
		name, content := text[at[2]:at[3]], text[at[4]:at[5]]
		if p := placeholder.FindIndex(content); p != nil {
			line := 1 + bytes.Count(text[:at[4]+p[0]], []byte("\n"))
			out = append(out, Blank{line, string(name), string(content[p[0]:p[1]])})
		}
	}
	return out
}
