package alert_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/broker/alert"
)

// seeds adds our own documents, and those of others where they are present.
func seeds(f *testing.F) {
	f.Helper()
	patterns := []string{"testdata/*.xml"}
	dir := os.Getenv("TOCSIN_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	patterns = append(patterns, filepath.Join(dir, "cap", "valid", "*"), filepath.Join(dir, "cap", "invalid", "*"))
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			if len(data) < 16<<10 {
				f.Add(data)
			}
		}
	}
	f.Add([]byte(short10))
	f.Add([]byte(short11))
	f.Add([]byte(short12))
}

// FuzzRead holds that whatever Read accepts can be written, and that what was
// written reads and writes the same again.
func FuzzRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := alert.Read(raw)
		if err != nil {
			if found, ok := errors.AsType[alert.Findings](err); !ok || len(found) == 0 || m != nil {
				t.Fatalf("error: got %v with message %v, want findings and none", err, m)
			}
			return
		}
		first, err := m.Marshal()
		if err != nil {
			found, _ := errors.AsType[alert.Findings](err)
			if len(found) == 1 && found[0].Rule == alert.RuleSize {
				return // escapes and indents make a large document larger
			}
			t.Fatalf("what was read can't be written: %v", err)
		}
		again, err := alert.Read(first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := again.Marshal()
		if err != nil || string(second) != string(first) {
			t.Fatalf("written twice: got %v\n%s\nand\n%s", err, first, second)
		}
	})
}

// FuzzImport holds that a document of others never passes for ours, and that
// one of ours passes for others'.
func FuzzImport(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, warnings, err := alert.Import(raw)
		if len(warnings) > 120 || len(alert.Findings(warnings).Errors()) > 0 {
			t.Fatalf("warnings: got %d, %v", len(warnings), warnings)
		}
		if _, strict := alert.Read(raw); strict == nil && err != nil {
			t.Fatalf("Read accepts what Import refuses: %v", err)
		}
		if err != nil {
			if found, ok := errors.AsType[alert.Findings](err); !ok || len(found) == 0 || m != nil {
				t.Fatalf("error: got %v with message %v, want findings and none", err, m)
			}
			return
		}
		if out, err := m.Marshal(); err == nil || string(m.Raw) != string(raw) {
			t.Fatalf("an imported message was written: %s", out)
		}
		// Adopted, it is written or refused, but never panics.
		if out, err := m.Adopt("a@b.example", "x", m.Sent).Marshal(); err == nil {
			if _, err := alert.Read(out); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzParseNames holds that whatever a parser of names accepts has one
// spelling, and that the lenient one yields only what the strict one accepts.
func FuzzParseNames(f *testing.F) {
	for _, s := range []string{"SV-7F3K2", "sv 7f3k2 1", "SV-7F3K2-1", "live", "0198b5a2-7c3e-4f10-8a3b-2f1e0d9c8b7a", "#sv–0oil2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if code, err := alert.ParseTypedCode(s); err == nil {
			if again, err := alert.ParseCode(string(code)); err != nil || again != code {
				t.Fatalf("typed %q: got %q, which is no code: %v", s, code, err)
			}
		}
		if code, err := alert.ParseCode(s); err == nil {
			if typed, err := alert.ParseTypedCode(strings.ToLower(s)); err != nil || typed != code {
				t.Fatalf("code %q in lower case: got %q, %v", s, typed, err)
			}
		}
		if code, n, err := alert.ParseMark(s); err == nil && code.Mark(n) != s {
			t.Fatalf("mark %q: got %q", s, code.Mark(n))
		}
		if id, err := alert.ParseID(s); err == nil && (id.String() != s || len(s) != 36) {
			t.Fatalf("identifier %q: got %q", s, id)
		}
		if realm, err := alert.ParseRealm(s); err == nil && realm.Suffix() == "" {
			t.Fatalf("realm %q has no suffix", s)
		}
	})
}

// FuzzParseShapes holds that whatever is read as a shape or a reference is
// written as what reads the same.
func FuzzParseShapes(f *testing.F) {
	for _, s := range []string{"1,1 1,2 2,2 1,1", "44.3,8.5 2.5", "-0,0 0,-0.000000000000000000000001 1,1 0,0", "a,b,2026-01-02T03:04:05Z c,d,2026-01-02T03:04:05+14:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := alert.ParsePolygon(s); err == nil {
			again, err := alert.ParsePolygon(p.String())
			if err != nil || again.String() != p.String() {
				t.Fatalf("polygon %q: got %v, then %v, %v", s, p, again, err)
			}
		}
		if c, err := alert.ParseCircle(s); err == nil {
			if again, err := alert.ParseCircle(c.String()); err != nil || again != c {
				t.Fatalf("circle %q: got %v, then %v, %v", s, c, again, err)
			}
		}
		if refs, err := alert.ParseReferences(s); err == nil {
			if got := strings.Join(strings.Fields(s), " "); refs.String() != got {
				t.Fatalf("references %q: got %q, want %q", s, refs, got)
			}
		}
	})
}
