package scenario

import (
	"slices"
	"strings"
)

// A template is a text with placeholders.
type template struct {
	parts        []part
	source       string
	line, column int
}

// A part of a template is a text, or the name of a field with what is asked of it.
type part struct {
	text         string
	field, facet string // "area", "first"
}

// fields returns the fields that t names.
func (t template) fields() []string {
	var out []string
	for _, p := range t.parts {
		if p.field != "" && !slices.Contains(out, p.field) {
			out = append(out, p.field)
		}
	}
	return out
}

// template reads a text with placeholders. "{{" is a brace; so is "}}".
func (r *reader) template(n *node) template {
	t := template{source: n.text, line: n.line, column: n.column}
	var text strings.Builder
	for rest := n.text; rest != ""; {
		at := strings.IndexAny(rest, "{}")
		if at < 0 {
			text.WriteString(rest)
			break
		}
		text.WriteString(rest[:at])
		rest = rest[at:]
		if strings.HasPrefix(rest, "{{") || strings.HasPrefix(rest, "}}") {
			text.WriteByte(rest[0])
			rest = rest[2:]
			continue
		}
		name, after, closed := strings.Cut(rest[1:], "}")
		if rest[0] == '}' || !closed || strings.ContainsAny(name, "{ ") || name == "" {
			r.at(n, RulePlaceholder, "a brace stands alone", "write a placeholder as {NAME}, and a brace itself as {{")
			return t
		}
		field, facet, _ := strings.Cut(name, ".")
		t.parts = append(t.parts, part{text: text.String()}, part{field: field, facet: facet})
		text.Reset()
		rest = after
	}
	t.parts = append(t.parts, part{text: text.String()})
	return t
}
