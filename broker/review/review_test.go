package review_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/review"
)

// TestGolden compares reviews with texts that a person has read: of the
// demonstration, of an update with differences and warnings, and of a revocation, in both
// languages. TOCSIN_UPDATE_GOLDEN=1 writes them anew: read them again.
func TestGolden(t *testing.T) {
	t.Parallel()
	o := options(t, alert.RealmLive)
	one := first(t, flood(t, nil), o)
	later := o
	later.Now = o.Now.Add(time.Hour)
	two := followed(t, one, later, func(m *alert.Message) {
		in := &m.Infos[0]
		in.Description = "Il Letimbro è a 2,60 metri e cresce in fretta."
		in.Instruction = "- Salire ai piani alti.\n- Non uscire in auto.\n- Non scendere in cantina.\nPer informazioni: 019 83199."
	})
	for name, c := range map[string]struct {
		b *bulletin.Bulletin
		o review.Options
	}{
		"demo":    {demo(t), review.Options{Now: o.Now, Site: siteURL}},
		"update":  {two, review.Options{Now: later.Now, Site: siteURL, Previous: one}},
		"unknown": {two, review.Options{Now: later.Now, Absent: "…", Channel: "telegram"}},
	} {
		for _, lang := range []string{"it", "en"} {
			c.o.Lang = lang
			got := rendered(t, review.New(c.b, c.o))
			file := filepath.Join("testdata", name+"."+lang+".golden.txt")
			if os.Getenv("TOCSIN_UPDATE_GOLDEN") == "1" {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("it is not as in %s; read it, then run with TOCSIN_UPDATE_GOLDEN=1:\n%s", file, got)
			}
			fits(t, got)
		}
	}
}

// fits holds every line of a review to 80 columns.
func fits(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		n := 0
		for _, r := range strings.TrimRight(line, " \n") {
			if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
				continue
			}
			n++
			if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
				n++
			}
		}
		if n > 80 && !regexp.MustCompile(`https?://\S{60,}`).MatchString(line) {
			t.Errorf("this line has %d columns: %s", n, line)
		}
	}
}
