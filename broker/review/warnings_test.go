package review_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/review"
	"tocsin/templates/wording"
)

// trouble returns the warnings that are more than notes.
func trouble(r *review.Review) (out []review.Warning) {
	for _, w := range r.Warnings {
		if w.Severity != review.Note {
			out = append(out, w)
		}
	}
	return out
}

// TestTricks writes one trick into one post each, and finds it: by its kind, at its
// channel, with its place and its code points.
func TestTricks(t *testing.T) {
	t.Parallel()
	o := options(t, alert.RealmLive)
	clean := first(t, flood(t, nil), o)
	ro := review.Options{Now: o.Now, Site: siteURL, Lang: "en"}
	if got := trouble(review.New(clean, ro)); len(got) > 0 {
		t.Fatalf("the clean bulletin has %+v", got)
	}
	for name, c := range map[string]struct {
		from, to string // in the text of telegram
		kind     review.Kind
		severity review.Severity
		points   string
		context  string // part of it
		what     string // part of it
	}{
		"mixed_scripts":        {"cantina", "cаntina", review.KindMixed, review.High, "U+0430", "›cаntina‹", "reads “cantina”"},
		"greek_letter":         {"Salire", "Sαlire", review.KindMixed, review.High, "U+03B1", "›Sαlire‹", "Latin + Greek"},
		"whole_cyrillic":       {"cresce", "сосо", review.KindConfusable, review.High, "U+0441", "›сосо‹", "reads “coco”"},
		"whole_greek":          {"cresce", "ΑΒΒΑ", review.KindConfusable, review.High, "U+0391", "›ΑΒΒΑ‹", "reads “ABBA”"},
		"whole_armenian":       {"cresce", "սոօ", review.KindConfusable, review.High, "U+057D", "›սոօ‹", "reads “uno”"},
		"foreign_word":         {"cresce", "опасность", review.KindForeign, review.Caution, "U+043E", "›опасность‹", "Cyrillic"},
		"mathematical_letters": {"cresce", "𝐜resce", review.KindDisguised, review.High, "U+1D41C", "›𝐜‹", "passes for a letter"},
		"full_width":           {"cresce", "ｃresce", review.KindDisguised, review.High, "U+FF43", "›ｃ‹", "passes for a letter"},
		"latin_alpha":          {"cantina", "cɑntina", review.KindDisguised, review.High, "U+0251", "›cɑntina‹", "reads “cantina”"},
		"dotless_i":            {"cantina", "cantına", review.KindDisguised, review.High, "U+0131", "›cantına‹", "reads “cantina”"},
		"nought_in_word":       {"cantina", "cant1na", review.KindDisguised, review.Caution, "U+0031", "›cant1na‹", "reads “cantlna”"},
		"heaped_marks":         {"cresce", "cr\u0335\u0336\u0337esce", review.KindDisguised, review.High, "U+0335", "", "heaped"},
		"blank_braille":        {"metri e", "metri\u2800e", review.KindInvisible, review.High, "U+2800", "", "does not show"},
		"object_replacement":   {"metri e", "metri\uFFFCe", review.KindInvisible, review.High, "U+FFFC", "", "does not show"},
		"odd_blank":            {"metri e", "metri\u2009e", review.KindInvisible, review.Caution, "U+2009", "›<U+2009>‹", "unusual blank"},
		"slash_that_is_none":   {"cresce.", "vedi allerte.example∕savona.", review.KindSign, review.High, "U+2215", "›∕‹", "passes for “/”"},
		"dot_that_is_none":     {"cresce.", "vedi allerte․example oggi.", review.KindSign, review.High, "U+2024", "›․‹", "passes for “.”"},
		"other_site":           {"cresce.", "vedi https://allerte-savona.example/a", review.KindLink, review.High, "", "allerte-savona.example/a", "the issuer's site is allerte.provincia.savona.example"},
		"site_in_a_subdomain":  {"cresce.", "vedi https://allerte.provincia.savona.example.evil.example/a", review.KindLink, review.High, "", "", "leads to allerte.provincia.savona.example.evil.example"},
		"name_before_site":     {"cresce.", "vedi https://allerte.provincia.savona.example@evil.example/a", review.KindLink, review.High, "", "", "leads to evil.example"},
		"punycode":             {"cresce.", "vedi https://xn--llerte-4fg.example/a", review.KindLink, review.High, "", "", "hides them (xn--)"},
		"other_alphabet_site":  {"cresce.", "vedi https://аllerte.example/a", review.KindLink, review.High, "U+0430", "", "not ASCII"},
		"without_scheme":       {"cresce.", "vedi allerte-savona.example/a oggi.", review.KindLink, review.High, "", "", "leads to allerte-savona.example"},
		"www":                  {"cresce.", "vedi www.allerte-savona.example.", review.KindLink, review.High, "", "›www.allerte-savona.example‹", "leads to www.allerte-savona.example"},
		"drill_word":           {"Dove: ", "ESERCITAZIONE. Dove: ", review.KindDrill, review.High, "", "›ESERCITAZIONE‹", "calls it an exercise"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := draftOf(clean)
			for i := range d.Posts {
				if d.Posts[i].Channel == "telegram" {
					text := strings.Replace(d.Posts[i].Text, c.from, c.to, 1)
					if text == d.Posts[i].Text {
						t.Fatalf("%q is not in the text", c.from)
					}
					d.Posts[i].Text = text
				}
			}
			r := review.New(write(t, d), ro)
			i := slices.IndexFunc(r.Warnings, func(w review.Warning) bool { return w.Kind == c.kind && w.Severity != review.Note })
			if i < 0 {
				t.Fatalf("no warning of kind %s: %+v", c.kind, r.Warnings)
			}
			w := r.Warnings[i]
			if w.Severity != c.severity || !slices.Contains(w.Channels, "telegram") || w.Advice == "" || !strings.Contains(w.Context, c.context) || !strings.Contains(w.What, c.what) {
				t.Errorf("the warning is %+v", w)
			}
			if c.points != "" && !slices.Contains(w.Points, c.points) {
				t.Errorf("the code points are %v, want %s", w.Points, c.points)
			}
			text := rendered(t, r)
			grave := strings.Contains(text, "BEFORE YOU SIGN, LOOK AT THIS")
			if grave != (c.severity == review.High) {
				t.Errorf("repeated above the question: %t, and the severity is %s", grave, c.severity)
			}
			fits(t, text)
		})
	}
}

// TestRefusedByTheParser holds that a bulletin can't even be read that hides the worst.
func TestRefusedByTheParser(t *testing.T) {
	t.Parallel()
	for _, hidden := range []string{"\u202e", "\u2066", "\u200b", "\u00ad", "\ufeff", "\u2060", "\u3164", "\U000e0041"} {
		d := draftOf(demo(t))
		d.Posts[0].Text = strings.Replace(d.Posts[0].Text, "ponti", "po"+hidden+"nti", 1)
		if _, err := bulletin.Write(d); err == nil {
			t.Errorf("%U is taken", []rune(hidden))
		}
	}
}

// TestFloodOfTricks fills a text with tricks, each another one: the review ends in no
// time, and says that there are more.
func TestFloodOfTricks(t *testing.T) {
	t.Parallel()
	d := draftOf(demo(t))
	var flood strings.Builder
	for i := range 3000 {
		flood.WriteString("жила" + strings.Repeat("с", i/400) + string(rune('б'+i%20)) + string(rune('б'+i/20%20)) + " ")
	}
	d.Posts[0].Text = strings.Replace(d.Posts[0].Text, "Che cosa fare", flood.String()+"Che cosa fare", 1)
	got := review.New(write(t, d), review.Options{Now: sunday(t), Site: siteURL}).Grave()
	if len(got) != 1 || got[0].Kind != review.KindFlood {
		t.Errorf("the serious warnings are %+v", got)
	}
}

// TestAllowedInvisibles lists what does not show and may stand where it does.
func TestAllowedInvisibles(t *testing.T) {
	t.Parallel()
	d := draftOf(demo(t))
	d.Posts[0].Text = strings.Replace(d.Posts[0].Text, "Che cosa fare", "⚠️ 👩‍🚒 10\u00a0000 Che cosa fare", 1)
	r := review.New(write(t, d), review.Options{Now: sunday(t), Lang: "en", Site: siteURL})
	var points []string
	for _, w := range r.Warnings {
		if w.Kind == review.KindInvisible {
			points = append(points, w.Points...)
		}
	}
	slices.Sort(points)
	if got := strings.Join(slices.Compact(points), " "); got != "U+00A0 U+200D U+FE0F" {
		t.Errorf("listed are %s", got)
	}
	if got := trouble(r); len(got) > 0 {
		t.Errorf("they are no trouble: %+v", got)
	}
}

// TestAgainstThePrevious compares telephone numbers, areas and times with the bulletin
// before.
func TestAgainstThePrevious(t *testing.T) {
	t.Parallel()
	o := options(t, alert.RealmLive)
	one := first(t, flood(t, nil), o)
	larger := alert.Polygon{{Lat: 44.0, Lon: 8.0}, {Lat: 44.0, Lon: 8.6}, {Lat: 44.5, Lon: 8.6}, {Lat: 44.5, Lon: 8.0}, {Lat: 44.0, Lon: 8.0}}
	for name, c := range map[string]struct {
		change   func(*alert.Info)
		kind     review.Kind
		severity review.Severity // "" for none of the kind
		what     string
	}{
		"same": {func(*alert.Info) {}, review.KindTelephone, "", ""},
		"other_spelling": {func(in *alert.Info) {
			in.Instruction = strings.Replace(in.Instruction, "019 83131", "+39 019-83131", 1)
		}, review.KindTelephone, "", ""},
		"other_number": {func(in *alert.Info) { in.Instruction = strings.Replace(in.Instruction, "83131", "83132", 1) }, review.KindTelephone, review.High, "did not have"},
		"number_gone":  {func(in *alert.Info) { in.Instruction = "- Salire." }, review.KindTelephone, review.Caution, "missing now"},
		"larger_area":  {func(in *alert.Info) { in.Areas[0].Polygons[0] = larger }, review.KindArea, review.High, "much larger"},
		"no_boundary":  {func(in *alert.Info) { in.Areas[0].Polygons = nil }, review.KindArea, review.High, "boundaries of bulletin 1 are gone"},
		"same_area":    {func(in *alert.Info) { in.Areas[0].Desc = "Savona e Vado" }, review.KindArea, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			later := o
			later.Now = o.Now.Add(time.Hour)
			two := followed(t, one, later, func(m *alert.Message) { c.change(&m.Infos[0]) })
			r := review.New(two, review.Options{Now: later.Now, Site: siteURL, Previous: one, Lang: "en"})
			got := slices.DeleteFunc(trouble(r), func(w review.Warning) bool { return w.Kind != c.kind })
			if c.severity == "" {
				if len(got) > 0 {
					t.Errorf("a false alarm: %+v", got)
				}
				return
			}
			if len(got) == 0 || got[0].Severity != c.severity || !strings.Contains(got[0].What, c.what) {
				t.Errorf("the warnings are %+v", r.Warnings)
			}
		})
	}
}

// TestTimes moves the clock of the signer.
func TestTimes(t *testing.T) {
	t.Parallel()
	o := options(t, alert.RealmLive)
	b := first(t, flood(t, nil), o)
	for after, want := range map[time.Duration]review.Severity{
		time.Minute: "", -2 * time.Minute: "", -time.Hour: review.Caution, 5*time.Hour + 50*time.Minute: review.Caution, 6 * time.Hour: review.High, 14 * time.Hour: review.High,
	} {
		got := slices.DeleteFunc(trouble(review.New(b, review.Options{Now: o.Now.Add(after), Site: siteURL})), func(w review.Warning) bool { return w.Kind != review.KindTime })
		if (want == "") != (len(got) == 0) || want != "" && got[0].Severity != want {
			t.Errorf("%v after it was composed: %+v, want %q", after, got, want)
		}
	}
}

// TestExerciseWithoutItsWords takes the word off an exercise.
func TestExerciseWithoutItsWords(t *testing.T) {
	t.Parallel()
	d := draftOf(demo(t))
	d.Posts[0].Text = strings.Replace(d.Posts[0].Text, "ESERCITAZIONE – Non c’è alcun pericolo reale.\n\n", "", 1)
	got := trouble(review.New(write(t, d), review.Options{Now: sunday(t), Site: siteURL, Lang: "en"}))
	if len(got) != 1 || got[0].Kind != review.KindDrill || got[0].Severity != review.High || got[0].Channels[0] != "sito" {
		t.Errorf("the warnings are %+v", got)
	}
}

// TestNoFalseAlarms reviews bulletins in Italian, German, French and English, with the
// names of Italian municipalities and alert zones, and hears nothing.
func TestNoFalseAlarms(t *testing.T) {
	t.Parallel()
	if got := trouble(review.New(demo(t), review.Options{Now: sunday(t), Site: siteURL})); len(got) > 0 {
		t.Errorf("the demonstration: %+v", got)
	}
	for _, name := range []string{"../bulletin/testdata/example.bulletin"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := bulletin.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := trouble(review.New(b, review.Options{Now: b.Composed, Site: "https://allerte.provincia.savona.example"})); len(got) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	texts := map[string]string{
		"it-IT": "Perché l’acqua è già lì: 2,10 m, +30 cm; il n. 1ª squadra (S.p.A.) è in via Àlbaro 5/A, tel. 010 12345, ore 18:30 del 22/11/2026. PM10, A10, H2O, 3×2 m², 25 °C, µg/m³.",
		"de-DE": "Gehen Sie in höhere Stockwerke – meiden Sie Straßen „am Fluss“. Übergänge gesperrt; Auskunft: +39 0471 555 555. Größe: 5 km².",
		"fr-FR": "Montez à l’étage : l’eau s’élève de 10 000 m³. Œuvres fermées ; n’utilisez pas l’ascenseur. Où ? À Vintimille, « rue Nœud », dès 18 h.",
		"en-GB": "Don’t use the lift. Move to upper floors – the river’s at 2.10 m. Call 112 only in an emergency (naïve façade café). CO₂, I/O, COVID‑19.",
	}
	o := options(t, alert.RealmLive)
	m := flood(t, func(m *alert.Message) {
		in := m.Infos[0]
		m.Infos = nil
		for _, lang := range []string{"it-IT", "de-DE", "fr-FR", "en-GB"} {
			in.Language, in.Description = lang, texts[lang]
			m.Infos = append(m.Infos, in)
		}
	})
	b := first(t, m, o)
	if got := trouble(review.New(b, review.Options{Now: o.Now, Site: siteURL, Lang: "en"})); len(got) > 0 {
		t.Errorf("four languages: %+v", got)
	}
	for _, lang := range wording.Languages() {
		w := wording.For(lang)
		for _, word := range []string{w.FirstLine(wording.Exercise), w.LastLine(wording.Exercise), w.Moment(o.Now)} {
			d := draftOf(b)
			d.Posts[0].Text = word + "\n" + d.Posts[0].Text
			if got := slices.DeleteFunc(trouble(review.New(write(t, d), review.Options{Now: o.Now, Site: siteURL})), func(w review.Warning) bool { return w.Kind == review.KindDrill }); len(got) > 0 {
				t.Errorf("%s: %+v", lang, got)
			}
		}
	}
}

// TestNoFalseAlarmsOnItalianNames puts every name of the vectors of Italy into a post.
func TestNoFalseAlarmsOnItalianNames(t *testing.T) {
	t.Parallel()
	root := os.Getenv("TOCSIN_VECTORS")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	if _, err := os.Stat(root); err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	names := italianNames(t, filepath.Join(root, "italy"))
	if len(names) < 200 {
		t.Fatalf("the vectors have %d names: this test no longer finds them", len(names))
	}
	o := options(t, alert.RealmLive)
	base := first(t, flood(t, nil), o)
	for part := range slices.Chunk(names, 400) {
		d := draftOf(base)
		d.Posts[0].Text = strings.Join(part, "\n") + "\n" + d.Posts[0].Text
		for _, w := range review.New(write(t, d), review.Options{Now: o.Now, Site: siteURL}).Warnings {
			if w.Severity != review.Note || w.Kind == review.KindTelephone && w.Found != "019 83131" {
				t.Errorf("a false alarm: %+v", w)
			}
		}
	}
}

// italianNames returns the words for people in the vectors of Italy.
func italianNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	for _, name := range []string{"dpc-zone.csv", "dpc-bollettino-oggi-zone.csv"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r := csv.NewReader(f)
		r.FieldsPerRecord, r.LazyQuotes = -1, true
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell = strings.TrimSpace(cell); strings.ContainsAny(cell, "aeiou") && len(cell) < 200 && !strings.Contains(cell, "http") {
					names = append(names, cell)
				}
			}
		}
	}
	var provinces any
	for _, name := range []string{"it-provinces.topo.json", "savona-municipalities.geojson"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &provinces); err != nil {
			t.Fatal(err)
		}
		var walk func(any)
		walk = func(v any) {
			switch v := v.(type) {
			case map[string]any:
				for _, sub := range v {
					walk(sub)
				}
			case []any:
				for _, sub := range v {
					walk(sub)
				}
			case string:
				if strings.ContainsAny(v, "aeiou") {
					names = append(names, v)
				}
			}
		}
		walk(provinces)
	}
	return names
}
