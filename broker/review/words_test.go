package review_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/broker/review"
)

func wordList(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("parole.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(raw))
}

// TestWordList holds the list to its rules.
func TestWordList(t *testing.T) {
	t.Parallel()
	words := wordList(t)
	if len(words) != 2048 || !slices.IsSorted(words) || len(slices.Compact(slices.Clone(words))) != 2048 {
		t.Fatalf("%d words, sorted: %t; want 2048 different ones in order", len(words), slices.IsSorted(words))
	}
	// The letters of Italian, and its endings: whoever hears the word can write it.
	form := regexp.MustCompile(`^[a-ilm-vz]{3,7}[aeiou]$`)
	begins := map[string]string{}
	// Two words are one letter apart if they are equal with a letter of each masked, or
	// if one without a letter is the other.
	masked, all := map[string]string{}, map[string]bool{}
	for _, w := range words {
		all[w] = true
	}
	for _, w := range words {
		if !form.MatchString(w) {
			t.Errorf("%q is not 4 to 8 letters of the Italian alphabet with a vowel at the end", w)
			continue
		}
		if other := begins[w[:4]]; other != "" {
			t.Errorf("%q and %q begin alike", other, w)
		}
		begins[w[:4]] = w
		for i := range len(w) {
			mask := w[:i] + "?" + w[i+1:]
			if other := masked[mask]; other != "" {
				t.Errorf("%q and %q are one letter apart", other, w)
			}
			masked[mask] = w
			if shorter := w[:i] + w[i+1:]; all[shorter] {
				t.Errorf("%q and %q are one letter apart", shorter, w)
			}
		}
	}
	// What is heard in alerts, or frightens, hurts or counts, is no control word.
	for _, w := range strings.Fields("acqua fuoco fiamma allarme allerta sirena frana fango onda ondata marea livello diga argine alluvione terremoto incendio vento piena tuono " +
		"nebbia neve ghiaccio tempesta tromba uragano valanga vulcano torrente fiume strada ponte chiuso evento sgombero ospedale soccorso sordo vedova " +
		"polizia pompiere medico morte morto sangue bomba guerra arma paura panico uscita verde giallo rosso arancio bianco zero uno due tre quattro cinque sei sette otto nove dieci cento " +
		"prova esercizio firma codice revoca bollettino pericolo emergenza evacuare rifugio pazzo cenere trincea veleno ferita urlo lacrima lutto tomba") {
		if all[w] {
			t.Errorf("%q is no word to read aloud on such a night", w)
		}
	}
}

// TestWordsSoundDifferent says the words over a bad line: one that takes the voice out
// of consonants, and lets nobody tell n from m, or one l from two.
func TestWordsSoundDifferent(t *testing.T) {
	t.Parallel()
	line := strings.NewReplacer("gli", "li", "gn", "n", "sci", "si", "sce", "se", "h", "", "b", "p", "d", "t", "g", "c", "q", "c", "v", "f", "z", "s", "n", "m", "r", "l")
	heard := map[string]string{}
	for _, w := range wordList(t) {
		var sound strings.Builder
		last := rune(0)
		for _, c := range line.Replace(w) {
			if c != last {
				sound.WriteRune(c)
			}
			last = c
		}
		if other := heard[sound.String()]; other != "" {
			t.Errorf("%q and %q are heard alike, as %q", other, w, sound.String())
		}
		heard[sound.String()] = w
	}
}

// TestWordListIsOurOwn compares with the order of the list of BIP39, by the words with
// which its Italian one begins and ends.
func TestWordListIsOurOwn(t *testing.T) {
	t.Parallel()
	words := wordList(t)
	theirs := strings.Fields("abaco abbaglio abbinato abete abisso abolire abrasivo abrogato accadere accenno")
	same := 0
	for i, w := range theirs {
		if words[i] == w {
			same++
		}
	}
	if same > 2 {
		t.Errorf("%d of the first ten words are those of BIP39 at their places", same)
	}
	if slices.Contains(words, "abbaglio") || slices.Contains(words, "abrogato") || slices.Contains(words, "zulu") {
		t.Error("the list holds words that only BIP39 would choose")
	}
}

// TestReadBack holds the words to the digest's bits: they must never change for an old
// bulletin.
func TestReadBack(t *testing.T) {
	t.Parallel()
	words := wordList(t)
	for sum, want := range map[string][]int{
		strings.Repeat("0", 64):                             {0, 0, 0, 0, 0, 0},
		strings.Repeat("f", 64):                             {2047, 2047, 2047, 2047, 2047, 2047},
		"0020040080100200" + "40" + strings.Repeat("0", 46): {1, 1, 1, 1, 1, 1},
		"80000000000000000" + strings.Repeat("0", 47):       {1024, 0, 0, 0, 0, 0},
	} {
		var expected []string
		for _, i := range want {
			expected = append(expected, words[i])
		}
		if got := review.ReadBack(sum); !slices.Equal(got, expected) {
			t.Errorf("%s: %v, want %v", sum, got, expected)
		}
	}
	if got := strings.Join(review.ReadBack("d541f9f00cf7a33a3e1d76fb0e8701a0ec3d6ae763f9a1a74ecb0aae18e54d6b"), " "); got != "solubile arguto loggia barella limpido ovile" {
		t.Errorf("the words of a known digest are now %s", got)
	}
	for _, none := range []string{"", "d541", strings.Repeat("z", 64)} {
		if got := review.ReadBack(none); got != nil {
			t.Errorf("%q has the words %v", none, got)
		}
	}
}

// TestReadBackTellsBulletinsApart changes each byte of a bulletin's texts in turn.
func TestReadBackTellsBulletinsApart(t *testing.T) {
	t.Parallel()
	b := demo(t)
	d := draftOf(b)
	d.Posts[0].Text = strings.Replace(d.Posts[0].Text, "ponti", "porti", 1)
	if got := review.ReadBack(write(t, d).SHA256()); slices.Equal(got, review.ReadBack(b.SHA256())) {
		t.Errorf("two bulletins have the words %v", got)
	}
}
