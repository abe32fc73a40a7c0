package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/broker/signing"
)

// The sections of phrases.txt that are not a folder of the code.
const (
	sectionLibraries = "the machine and libraries"
	sectionGathered  = "gathered from both and from signing's refusals"
)

// notShown holds what looks like a text for people in the code and is none: names in
// protocols, what platforms say and the code listens for, and texts for the public,
// which are in the public's language.
func notShown() []string {
	return []string{
		// protocols and files
		"PUT /posts/{key...}", "GET /posts", "PUT /media/{sha256}", "GET /metrics", "application/atom+xml; charset=utf-8", "application/json; charset=utf-8",
		"tocsin-export: 1\nalert: %s\ncode: %s\nrealm: %s\nledger: %s\n%s", "c2sp.org/tlog-proof@v1\nindex %d\n",
		"tocsin-bulletin: 1", "tocsin-bulletin:", "image-alt:",
		"tocsin-halt: 1", "%s\nkind: %s\nalert: %s\ncode: %s\nnumber: %d\nbulletin: %s\nrealm: %s\nprincipal: %s\ntime: %s\n",
		"[trace %v]", "Bearer %v", "HTTP %v", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<alert xmlns=\"%v\">\n", "bytes: %d\n\n%s\n",
		"other node", "OPENSSH PRIVATE KEY", "signers %x\nrevoked %x\n", "version %d\nthreshold %d\nexpires %s\n", "prev %x\nroot %x\nsigners %x\nrevoked %x\npolicy %x\n", "bulletin of the matrix\n", "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----", "Very Likely",
		// what platforms say
		"chat not found", "chat_id is empty", "need administrator rights", "not enough rights", "have no write access", "upgraded to a supergroup",
		"user not found", "invalid user_id", "duplicate content", "reply to this conversation is not allowed", "you attempted to reply to a",
		"message is not modified", "message to edit not found", "message to pin not found", "message to unpin not found", "not enough rights to manage pinned",
		// descriptions of streams, spans and metrics
		"all that happened, in order", "the bytes of bulletins, by their SHA-256", "wakes the worker of a channel", "reminds a channel of decisions", "read back", "write to the site",
		// texts for the public
		"Esercitazione: contenuto del messaggio %s di %s.", "Messaggio senza testo", "Zona non indicata", "senza geometria",
		"Emesso da una sola autorità", "Von nur einer Behörde herausgegeben", "Émis par une seule autorité", "Issued by one authority only",
		// names of places, keys and values in scenarios
		"comune di %v", "tutta la provincia", "whole province", "ora legale", "summer time", "it en", "de fr", "de fr cap", "least most", "type label", "optional default %v",
		"1; green; Minor", "2; yellow; Moderate", "3; orange; Severe", "4; red; Extreme", "scenario version title source cap fields texts example longest",
		"category event_code risk urgency severity certainty response", "category event_code risk urgency severity certainty response awareness_type",
		"event headline description instruction", "headline description instruction",
		"Met, Geo, Fire, Safety, Health, Transport, Infra, Security, Rescue, Env, CBRNE, Other", "Shelter, Evacuate, Prepare, Execute, Avoid, Monitor, AllClear, None",
		"Immediate, Expected, Future, Past, Unknown", "Extreme, Severe, Moderate, Minor, Unknown", "Observed, Likely, Possible, Unlikely, Unknown",
		// the simulator's own
		"tocsin simulator\n%v", "x consumer key", "x consumer secret", "x access secret", "facebook token", "facebook app secret", "instagram token",
		"instagram app secret", "Protezione civile (simulata)",
	}
}

// notRead says which files have no text for the screen: fakes and pages, whose texts
// are the platforms' and the public's.
func notRead(path string) bool {
	dir, name := filepath.ToSlash(filepath.Dir(path)), filepath.Base(path)
	switch {
	case !strings.HasSuffix(name, ".go"), strings.HasSuffix(name, "_test.go"), strings.HasSuffix(dir, "test"):
		return true
	case dir == "adapters/simulator":
		return !slices.Contains([]string{"simulator.go", "accounts.go", "network.go"}, name)
	case dir == "adapters/website":
		return slices.Contains([]string{"document.go", "public.go", "feed.go"}, name)
	case dir == "adapters/x":
		return name == "emoji.go"
	case dir == "broker/delivery", dir == "broker/readiness":
		return name == "meters.go"
	case dir == "cmd/tocsin":
		return name == "phrases.go"
	}
	return !strings.HasPrefix(dir, "broker/") && !strings.HasPrefix(dir, "adapters") && !strings.HasPrefix(dir, "templates/")
}

// A source is one text in the code.
type source struct {
	text, place, folder string
}

// A pair is an error of the commands in both languages.
type pair struct{ english, italian string }

// sources returns the texts of the code that may reach a screen, and the errors
// that are written in both languages. In the commands these are the formats of
// errors, and in what draws for the public too; in every other package all that is
// prose.
func sources(t *testing.T) (texts []source, pairs []pair) {
	t.Helper()
	files := token.NewFileSet()
	err := fs.WalkDir(os.DirFS("../.."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || notRead(path) {
			return err
		}
		file, err := parser.ParseFile(files, filepath.Join("../..", path), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(path))
		errorsOnly := folder == "cmd/tocsin" || strings.HasPrefix(folder, "templates/")
		keep := func(e ast.Expr) {
			if s, ok := literal(e); ok && strings.ContainsFunc(s, unicode.IsLetter) {
				texts = append(texts, source{s, files.Position(e.Pos()).String(), folder})
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.Field:
				return n.Tag == nil
			case *ast.CallExpr:
				name := called(n)
				switch {
				case (name == "both" || name == "say" && folder == "broker/bulletin") && len(n.Args) >= 2:
					italian, _ := literal(n.Args[0])
					english, _ := literal(n.Args[1])
					pairs = append(pairs, pair{english, italian})
					return false
				case name == "Error" && len(n.Args) == 0: // the text of an error, which may be made here
				case slices.Contains([]string{"DebugContext", "InfoContext", "WarnContext", "ErrorContext", "Error", "Info", "Warn", "Debug", "MustCompile", "panic", "pick", "say"}, name):
					return false // logs and defects are for those who run and write the program
				case errorsOnly && slices.Contains([]string{"Errorf", "New", "usage", "refused"}, name) && len(n.Args) > 0:
					keep(n.Args[0])
				case folder == "cmd/tocsin" && name == "need":
					keep(n.Args[1])
				}
			case ast.Expr:
				if _, ok := literal(n); ok {
					if !errorsOnly {
						keep(n)
					}
					return false
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts, pairs
}

func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

// literal returns the text of an expression as a format: what is added to a text
// is a hole.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, err := strconv.Unquote(e.Value)
			return s, err == nil
		}
	case *ast.ParenExpr:
		return literal(e.X)
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		left, isLeft := literal(e.X)
		right, isRight := literal(e.Y)
		if !isLeft {
			left = "%v"
		}
		if !isRight {
			right = "%v"
		}
		return left + right, isLeft || isRight
	}
	return "", false
}

// isProse reports whether a text has two words or more beside its holes.
func isProse(text string) bool {
	return len(regexp.MustCompile(`\pL{2,}`).FindAllString(verb.ReplaceAllString(text, "%"), -1)) >= 2 && strings.Contains(text, " ")
}

// TestPhrasesHaveEveryText finds in the code every text that may reach a screen, and
// fails on one that phrases.txt lacks, and on one that the code has no more.
func TestPhrasesHaveEveryText(t *testing.T) {
	t.Parallel()
	phrases := map[string]*phrase{}
	for _, ph := range parsePhrases(phrasesText) {
		if phrases[ph.code] != nil {
			t.Errorf("phrases.txt has %q twice", ph.code)
		}
		phrases[ph.code] = ph
	}
	texts, pairs := sources(t)
	if len(texts) < 1000 || len(pairs) < 5 {
		t.Fatalf("the code has %d texts and %d pairs: the search misses most of it", len(texts), len(pairs))
	}
	written := map[string]bool{}
	for _, s := range texts {
		written[s.text] = true
		if isProse(s.text) && phrases[s.text] == nil && !slices.ContainsFunc(notShown(), func(n string) bool { return n == strings.TrimSpace(s.text) || n == s.text }) {
			t.Errorf("%s: phrases.txt lacks this text, so that the Italian screen would show English: add it under # %s\n%s", s.place, s.folder, s.text)
		}
	}
	for _, ph := range phrases {
		if ph.section != sectionLibraries && ph.section != sectionGathered && !written[ph.code] {
			t.Errorf("phrases.txt has a text that the code has no more: delete it, or correct it: %q", ph.code)
		}
	}
}

// TestPhrasesAreWhole holds each phrase against the rules of the file: both
// languages, every argument in both, nothing that a person would not understand.
func TestPhrasesAreWhole(t *testing.T) {
	t.Parallel()
	jargon := regexp.MustCompile(`(?i)unmarshal|\bEOF\b|deadline exceeded|invalid argument|nil pointer|goroutine|strconv|\bGo (?:value|struct)|!`)
	for _, ph := range parsePhrases(phrasesText) {
		if ph.italian == "" {
			t.Errorf("%q has no Italian", ph.code)
			continue
		}
		english := ph.code
		if ph.english != "" {
			english = ph.english
		}
		for lang, words := range map[string]string{"it": ph.italian, "en": english} {
			if jargon.MatchString(words) {
				t.Errorf("%s: %q is not for a duty officer", lang, words)
			}
			holes := make([]string, len(ph.verbs))
			for i := range holes {
				holes[i] = fmt.Sprintf("\x00%d\x00", i)
			}
			got := ph.words(lang, holes)
			for i, h := range holes {
				if n := strings.Count(got, h); n != 1 && (n > 1 || ph.section != sectionLibraries) {
					t.Errorf("%s: %q has argument %d %d times: %q", lang, ph.code, i+1, n, words)
				}
			}
			if strings.Contains(verb.ReplaceAllString(got, ""), "%s") || verb.MatchString(got) {
				t.Errorf("%s: %q has a hole too many: %q", lang, ph.code, words)
			}
		}
		if edges(ph.code) != edges(ph.italian) {
			t.Errorf("%q and %q begin or end with other blanks", ph.code, ph.italian)
		}
	}
	if got := writePhrases(parsePhrases(phrasesText)); got != phrasesText {
		t.Error("phrases.txt is not in its own form: write it with TOCSIN_UPDATE_GOLDEN=1")
	}
}

func edges(s string) string {
	return s[:len(s)-len(strings.TrimLeft(s, " "))] + "|" + s[len(strings.TrimRight(s, " ")):]
}

// writePhrases writes phrases.txt.
func writePhrases(all []*phrase) string {
	var b bytes.Buffer
	section := ""
	for _, ph := range all {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		if ph.section != section {
			section = ph.section
			fmt.Fprintf(&b, "# %s\n\n", section)
		}
		fmt.Fprintf(&b, "%s\n\tit %s\n", quotedTexts(ph.code), quotedTexts(ph.italian))
		if ph.english != "" {
			fmt.Fprintf(&b, "\ten %s\n", quotedTexts(ph.english))
		}
	}
	return b.String()
}

func quotedTexts(s string) string {
	if s != strings.TrimSpace(s) || strings.Contains(s, "\n") || strings.HasPrefix(s, `"`) && strings.HasSuffix(s, `"`) {
		return strconv.Quote(s)
	}
	return s
}

// TestPhrasesAreReadBack fills each phrase, as the code would, and reads it back in
// both languages, alone and wrapped by others: the arguments come through, and the
// phrase is not taken for another one.
func TestPhrasesAreReadBack(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"it", "en"} {
		b := newPhrasebook(lang)
		for _, ph := range b.phrases {
			var holes []string
			text := ""
			for i, v := range ph.verbs {
				sample := map[byte]string{'d': "4711", 'q': `"Qq"`, 'U': "U+202E", 'o': "0644", 'x': "0xff", 'X': "FFFE"}[v]
				if sample == "" {
					sample = fmt.Sprintf("Zz%d", i)
				}
				holes, text = append(holes, sample), text+ph.literals[i]+sample
			}
			text += ph.literals[len(ph.literals)-1]
			want := ph.words(lang, holes)
			if got := b.reading(text); got.words != want {
				t.Errorf("%s: %q is read as\n%q, want\n%q", lang, text, got.words, want)
			}
			if text != strings.TrimSpace(text) || separator.MatchString(text) {
				continue
			}
			if got, want := b.read("0123: "+text+"; 4567"), "0123: "+want+"; 4567"; got != want {
				t.Errorf("%s: wrapped, %q is read as\n%q, want\n%q", lang, text, got, want)
			}
		}
	}
}

// TestPhrasesGathered holds the last section of phrases.txt against the errors that
// are written in both languages, in the commands as in package bulletin, and the
// refusals of package signing: the
// ledger's records hold the English, and the Italian screen reads them back.
// TOCSIN_UPDATE_GOLDEN=1 writes that section.
func TestPhrasesGathered(t *testing.T) {
	t.Parallel()
	_, pairs := sources(t)
	pairs = append(pairs, refusalWords(t)...)
	var all []*phrase
	have := map[string]bool{}
	for _, ph := range parsePhrases(phrasesText) {
		if ph.section != sectionGathered {
			all = append(all, ph)
			have[ph.code] = true
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return strings.Compare(a.english, b.english) })
	for _, p := range pairs {
		if have[p.english] {
			continue
		}
		have[p.english] = true
		ph := newPhrase(p.english)
		ph.section, ph.italian = sectionGathered, p.italian
		all = append(all, ph)
	}
	want := writePhrases(all)
	if want == phrasesText {
		return
	}
	if os.Getenv("TOCSIN_UPDATE_GOLDEN") == "" {
		t.Fatalf("phrases.txt does not have all that is written in both languages: write it with TOCSIN_UPDATE_GOLDEN=1 go test ./cmd/tocsin -run TestPhrasesGathered")
	}
	if err := os.WriteFile("phrases.txt", []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
}

// refusalWords returns why and what to do of every reason of package signing, and the
// titles of the roles.
func refusalWords(t *testing.T) []pair {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../broker/signing/refusal.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var pairs []pair
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		reason, _ := literal(spec.Values[0])
		const someone = "QQQQ"
		at := time.Date(2026, 11, 22, 10, 30, 0, 0, time.UTC)
		e := &signing.RefusedError{Reason: signing.Reason(reason), Principal: someone, When: at, Missing: []signing.Role{"none"}}
		hole := func(s, title string) string {
			s = strings.ReplaceAll(s, strconv.Quote(someone), "%s")
			s = strings.ReplaceAll(s, at.Format("2006-01-02 15:04:05 UTC"), "%s")
			return strings.ReplaceAll(s, title, ": %s; ")
		}
		english := hole(strings.TrimPrefix(e.Error(), "not released: "), ": signer; ")
		italian, _ := strings.CutPrefix(e.Message("it"), "Non diffuso: ")
		italian, todo, _ := strings.Cut(strings.TrimSuffix(italian, "."), ". ")
		first, n1 := utf8.DecodeRuneInString(todo)
		pairs = append(pairs, pair{english, hole(italian+"; "+string(unicode.ToLower(first))+todo[n1:], ": firmatario; ")})
		return true
	})
	if len(pairs) < 25 {
		t.Fatalf("signing has %d reasons: the search misses most of them", len(pairs))
	}
	// Of a signature that nobody's name stands on, the key is named.
	pairs = append(pairs, pair{
		"the key ring does not have the key %s; sign with an enrolled key, or ask the key-ring manager",
		"il portachiavi non ha la chiave %s; firmare con una chiave registrata o chiedere al responsabile delle chiavi",
	})
	pairs = append(pairs, pair{"not released", "non diffuso"}, pair{"signature not accepted", "firma non accettata"})
	for _, r := range signing.Roles() {
		pairs = append(pairs, pair{r.Title("en"), r.Title("it")})
		for _, other := range signing.Roles() {
			if r != other {
				pairs = append(pairs, pair{r.Title("en") + " or " + other.Title("en"), r.Title("it") + " o " + other.Title("it")})
			}
		}
	}
	return pairs
}

// FuzzRead reads whatever a record or a platform may hold.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"", "demo: x: not released", "403: Forbidden: bot was kicked (x)", "a | b; c\nd: e (f)", "open : permission denied", `"x": is missing; "y`,
		"2026-11-22T10:30:00Z", strings.Repeat(": (", 400), strings.Repeat("the file  is not there; ", 200),
	} {
		f.Add(seed)
	}
	b := newPhrasebook("it")
	f.Fuzz(func(t *testing.T, text string) {
		clear(b.known)
		if got := b.read(text); utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("%q became %q, which is not UTF-8", text, got)
		}
	})
}
