package scenario

// This file reads YAML into a small tree that keeps the place of each value. It takes
// the part of YAML that people write: maps, lists and texts. What would make a file
// mean something else than it shows is refused: anchors, tags, merged maps, other
// documents.

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"golang.org/x/text/unicode/norm"

	"tocsin/broker/alert"
)

// Bounds on a scenario file. The parser takes time that grows with the third power of the
// nesting, and with the square of the number of keys and of blank lines.
const (
	MaxBytes   = 128 << 10
	maxLines   = 3_000
	maxNesting = 8
	maxEntries = 4_000
)

type kind uint8

const (
	scalar kind = iota
	list
	mapping
)

// A node is a value in the file, with its place.
type node struct {
	kind         kind
	text         string // of a scalar
	empty        bool   // a scalar that is not there
	line, column int
	entries      []entry // of a mapping
	items        []*node // of a list
}

type entry struct {
	key   *node
	value *node
}

// get returns the value of a key of a mapping, or nil.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key.text == key {
			return e.value
		}
	}
	return nil
}

// read returns the tree of a file, or nil after a finding.
func (r *reader) read(src []byte) *node {
	if len(src) > MaxBytes {
		r.add(RuleSize, 0, 0, fmt.Sprintf("it has more than %d bytes", MaxBytes), "divide it into two scenarios")
		return nil
	}
	if !r.characters(string(src)) || !r.tokens(string(src)) {
		return nil
	}
	file, err := parser.ParseBytes(src, 0)
	if err != nil {
		line, column, message := 0, 0, err.Error()
		if e, ok := err.(interface { //nolint:errorlint // the parser's own errors come bare
			GetToken() *token.Token
			GetMessage() string
		}); ok {
			message = e.GetMessage()
			if t := e.GetToken(); t != nil && t.Position != nil {
				line, column = t.Position.Line, t.Position.Column
			}
		}
		r.add(RuleSyntax, line, column, "the line can't be read: "+message, "look at indentation, colons, brackets and quotes")
		return nil
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		r.add(RuleSyntax, 0, 0, "it is empty", "begin with the line scenario: NAME")
		return nil
	}
	before := len(r.found)
	n := r.tree(file.Docs[0].Body)
	if len(r.found) > before {
		return nil
	}
	return n
}

// characters refuses what a person who looks at the file does not see.
func (r *reader) characters(text string) bool {
	line, column := 1, 1
	for i, c := range text {
		switch name := alert.Hidden(text, i); {
		case c == '\r' && strings.HasPrefix(text[i:], "\r\n"):
		case name != "":
			r.add(RuleCharacter, line, column, fmt.Sprintf("there is %s (U+%04X)", name, c), "delete it, and save the file as UTF-8")
			return false
		}
		if column++; c == '\n' {
			line, column = line+1, 1
		}
	}
	if !norm.NFC.IsNormalString(text) {
		for i, l := range strings.Split(text, "\n") {
			if !norm.NFC.IsNormalString(l) {
				r.add(RuleCharacter, i+1, 1, "letters and their accents are apart (not in the Unicode form NFC)", "type the letters with accents again")
				return false
			}
		}
	}
	return true
}

// tokens refuses what would hold the parser up, and what the format does not take.
func (r *reader) tokens(text string) bool {
	if lines := strings.Count(text, "\n"); lines > maxLines {
		r.add(RuleSize, 0, 0, fmt.Sprintf("it has %d lines, the limit is %d", lines, maxLines), "divide it into two scenarios")
		return false
	}
	var entries, brackets, dashes, line int
	for _, t := range lexer.Tokenize(text) {
		if t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		strange := ""
		switch t.Type { //nolint:exhaustive // the other tokens are what people write
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.MappingValueType, token.CollectEntryType:
			entries++
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		case token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType, token.DirectiveType, token.DocumentHeaderType, token.DocumentEndType:
			strange = t.Value
		}
		switch {
		case strange != "":
			r.add(RuleSyntax, line, t.Position.Column, fmt.Sprintf("%q is YAML that a scenario does not take", strange), "write the value itself, a text in double quotes")
			return false
		case brackets > maxNesting || dashes > maxNesting || entries > maxEntries:
			r.add(RuleSize, line, t.Position.Column, "there are too many values, or brackets in brackets", "write fewer")
			return false
		}
	}
	return true
}

// tree returns n as a tree; what the format does not take is a finding.
func (r *reader) tree(n ast.Node) *node {
	out := &node{}
	if t := n.GetToken(); t != nil && t.Position != nil {
		out.line, out.column = t.Position.Line, t.Position.Column
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		out.kind = mapping
		if len(n.Values) > 0 {
			out.line, out.column = place(n.Values[0].Key)
		}
		for _, v := range n.Values {
			r.entry(out, v)
		}
	case *ast.MappingValueNode:
		out.kind = mapping
		out.line, out.column = place(n.Key)
		r.entry(out, n)
	case *ast.SequenceNode:
		out.kind = list
		for _, v := range n.Values {
			out.items = append(out.items, r.tree(v))
		}
	case *ast.NullNode:
		out.empty = true
	case *ast.StringNode:
		out.text = n.Value
	case *ast.LiteralNode:
		out.text = strings.TrimRight(n.Value.Value, "\n")
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		out.text = n.GetToken().Value
	default:
		r.add(RuleSyntax, out.line, out.column, fmt.Sprintf("%q is YAML that a scenario does not take", shortened(n.String())), "write the value itself, a text in double quotes")
	}
	return out
}

func (r *reader) entry(to *node, v *ast.MappingValueNode) {
	key := &node{}
	key.line, key.column = place(v.Key)
	switch k := v.Key.(type) {
	case *ast.StringNode:
		key.text = k.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		key.text = v.Key.GetToken().Value
	default:
		r.add(RuleSyntax, key.line, key.column, fmt.Sprintf("%q is YAML that a scenario does not take", shortened(v.Key.String())), "write the value itself, a text in double quotes")
		return
	}
	if to.get(key.text) != nil {
		r.add(RuleKey, key.line, key.column, fmt.Sprintf("the key %q stands twice", key.text), "keep one of them")
		return
	}
	to.entries = append(to.entries, entry{key, r.tree(v.Value)})
}

func place(n ast.Node) (line, column int) {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 0, 0
}

// shortened returns a text as it stands in a message: its beginning, whole characters.
func shortened(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
