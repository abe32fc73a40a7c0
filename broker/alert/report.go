package alert

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
)

// A report collects findings while one document is read.
type report struct {
	as       mode
	findings Findings
	// paths holds what has a finding already: one problem of an element is
	// enough to send a person there.
	paths map[string]bool
	// at holds where each element stands.
	at map[string]position
	// counts holds the number of findings of each level.
	counts map[Level]int
}

func newReport() *report {
	return &report{paths: map[string]bool{}, at: map[string]position{}, counts: map[Level]int{}}
}

// add keeps f unless there are too many of its level already. Each level has
// its own bound, so that no flood of warnings hides an error.
func (r *report) add(f Finding) {
	const most = 100
	if r.as == modeInspect && f.Severity == LevelWarning {
		f.Severity = f.Rule.Info().Severity
	}
	r.counts[f.Severity]++
	switch n := r.counts[f.Severity]; {
	case n > most+1:
		return
	case n == most+1:
		f = Finding{Severity: f.Severity, Rule: RuleLimit, Message: "there are more findings than are listed", Advice: "correct these first"}
	}
	r.findings = append(r.findings, f)
	if f.Path != "" {
		r.paths[f.Path] = true
	}
}

func (r *report) fail(rule Rule, path string, at position, message, advice string) {
	r.add(Finding{Severity: LevelError, Rule: rule, Path: path, Line: at.line, Column: at.column, Message: message, Advice: advice})
}

func (r *report) warn(rule Rule, path string, at position, message, advice string) {
	r.add(Finding{Severity: LevelWarning, Rule: rule, Path: path, Line: at.line, Column: at.column, Message: message, Advice: advice})
}

// signature tells of an XML signature in a document of others: it is neither verified
// nor trusted, and the document is not refused for it.
func (r *report) signature(n *node) {
	method := n.signature.algorithm()
	r.warn(RuleSignature, n.path, n.at, "there is an XML signature ("+method+"), which was not verified: it proves nothing here",
		"verify the file as it came, with the certificate of the sender: xmlsec1 --verify --trusted-pem CERTIFICATE FILE")
	if refs := n.signature.references; len(refs) != 1 || refs[0] != "" || !n.signature.enveloped {
		r.warn(RuleSignatureForm, n.path, n.at, "is not one enveloped signature of the whole document, the only kind that CAP knows", "look which part of the message is signed")
	}
	if strings.Contains(method, "sha1") || strings.Contains(method, "md5") || strings.HasPrefix(method, "hmac") {
		r.warn(RuleSignatureWeak, n.path, n.at, "the XML signature is made with "+method+", which others can imitate", "ask the sender for one with SHA-256")
	}
}

// merge adds what [Check] found, with places, except on elements that have a
// finding already. For a document of others all of it is a warning; [Inspect] lets
// each rule be what it is, and an error stand beside a warning.
func (r *report) merge(found Findings) {
	doubtful, known := maps.Clone(r.paths), make(map[string]bool, len(r.paths))
	for _, f := range r.findings {
		known[f.Path] = known[f.Path] || r.as != modeInspect || f.Severity == LevelError
	}
	for _, f := range found {
		if f.Path != "" && known[f.Path] || r.as == modeInspect && doubtful[f.Path] && f.Rule.Info().Severity != LevelError {
			continue
		}
		switch r.as {
		case modeOwn:
		case modeInspect:
			f.Severity = f.Rule.Info().Severity
		default:
			f.Severity = LevelWarning
		}
		at := r.nearest(f.Path)
		f.Line, f.Column = at.line, at.column
		r.add(f)
	}
}

// nearest returns where the element of path stands, or the nearest around it.
func (r *report) nearest(path string) position {
	for path != "" {
		if at, ok := r.at[path]; ok {
			return at
		}
		path = path[:max(0, strings.LastIndexByte(path, '/'))]
	}
	return position{}
}

// sorted returns the findings in the order of the document, those without a
// place at the end.
func (r *report) sorted() Findings {
	line := func(f Finding) int {
		if f.Line == 0 {
			return math.MaxInt
		}
		return f.Line
	}
	slices.SortStableFunc(r.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(line(a), line(b)), cmp.Compare(a.Column, b.Column))
	})
	return r.findings
}
