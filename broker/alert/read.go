package alert

import (
	"bytes"
	"maps"
	"math"
)

// ownLimits hold for what we issue: larger than any message that the channels
// could carry, small enough to be read by anyone at any time.
func ownLimits() limits {
	return limits{bytes: 256 << 10, depth: 32, nodes: 10_000, points: 10_000}
}

// foreignLimits hold for what others send. The largest real documents that we
// know of are below 1 MiB.
func foreignLimits() limits {
	return limits{bytes: 1 << 20, depth: 32, nodes: 20_000, points: 50_000}
}

// schemaLimits hold for what is held against the schema and nothing else. The depth
// is libxml2's.
func schemaLimits() limits {
	return limits{bytes: 8 << 20, depth: 256, nodes: 1 << 20, points: math.MaxInt}
}

// A mode says for whom a document is read.
type mode uint8

const (
	modeOwn     mode = iota // a message that we issue
	modeForeign             // one of others, that somebody may adopt
	modeSchema              // any, to say whether it meets its schema
	modeInspect             // any, to say all that there is to say
)

// Read reads a message that Tocsin issues: a CAP 1.2 document in UTF-8 of at
// most 256 KiB, without DOCTYPE, processing instructions, XML signature or
// attributes, in the order of the schema, and sound by every rule of [Check].
// Raw of the result is a copy of raw. The error is [Findings] with all that
// must be corrected; each says where, what and how.
func Read(raw []byte) (*Message, error) {
	m, found := read(raw, ownLimits(), modeOwn)
	if err := found.err(); err != nil {
		return nil, err
	}
	return m, nil
}

// Import reads a message that others wrote: CAP 1.0, 1.1 or 1.2 in UTF-8,
// ISO-8859-1 or windows-1252, of at most 1 MiB and 50,000 points. What the
// schema of its version forbids is an error, as is all that could be an attack
// or leaves in doubt who is warned when; anything else that is not as [Check]
// wants it is a warning. Dates with "Z" or fractions, and white space around a
// value, are read although the schema of CAP 1.2 forbids them. An XML
// signature is passed over and proves nothing.
//
// The findings hold warnings only, also when there is an error, which is
// [Findings] too. The result is what others said: it can be shown, and
// adopted by a person, but [Message.Marshal] refuses it.
func Import(raw []byte) (*Message, []Finding, error) {
	m, found := read(raw, foreignLimits(), modeForeign)
	if err := found.err(); err != nil {
		return nil, found.Warnings(), err
	}
	m.foreign = true
	return m, found.Warnings(), nil
}

// read returns nil for the message when the document can't be read at all.
func read(raw []byte, lim limits, as mode) (*Message, Findings) {
	rep := newReport()
	rep.as = as
	strict := as == modeOwn
	text := decode(raw, lim, as, rep)
	if text == nil {
		return nil, rep.sorted()
	}
	root, version := parse(text, lim, as, rep)
	if root == nil {
		return nil, rep.sorted()
	}
	walk{strict: strict, rep: rep}.element(root, schema(version), "alert")
	b := &builder{version: version, lim: lim, strict: strict, rep: rep}
	m := b.message(root)
	rep.merge(Check(m))
	if as == modeInspect {
		rep.merge(profile(m, maps.Clone(rep.paths)))
	}
	m.Raw = bytes.Clone(raw)
	return m, rep.sorted()
}
