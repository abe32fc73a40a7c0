package pages

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestWordsAreComplete reaches the words themselves, which no page shows all of:
// each is set in each language, and is not that of another one.
func TestWordsAreComplete(t *testing.T) {
	t.Parallel()
	// The same word in several languages.
	shared := map[string]bool{"Colon": true, "Test": true, "BulletinLabel": true, "Danger": true, "moment": true}
	base := reflect.ValueOf(wordsFor("it"))
	for _, lang := range Languages() {
		v := reflect.ValueOf(wordsFor(lang))
		for i := range v.NumField() {
			name, field := v.Type().Field(i).Name, v.Field(i)
			if field.IsZero() {
				t.Errorf("%s: %s is not set", lang, name)
			}
			if field.Kind() == reflect.Array {
				for j := range field.Len() {
					if field.Index(j).String() == "" {
						t.Errorf("%s: %s[%d] is not set", lang, name, j)
					}
				}
			}
			if lang != "it" && field.Kind() == reflect.String && !shared[name] && field.String() == base.Field(i).String() {
				t.Errorf("%s: %s is the Italian %q", lang, name, field.String())
			}
		}
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	summer := time.Date(2026, time.August, 1, 22, 5, 0, 0, time.UTC).In(rome)
	for lang, want := range map[string]string{
		"it": "00:05 di domenica 2 agosto 2026", "en": "00:05 on Sunday 2 August 2026",
		"de": "00:05 Uhr, Sonntag, 2. August 2026", "fr": "00:05, dimanche 2 août 2026", "xx": "00:05 di domenica 2 agosto 2026",
	} {
		if got := wordsFor(lang).Moment(summer); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

// TestUnknownValuesAreCautious holds that a value out of range never reads as if
// all were well.
func TestUnknownValuesAreCautious(t *testing.T) {
	t.Parallel()
	w := wordsFor("it")
	if got := w.LevelWord(99, true); got != w.Colours[Unrated] {
		t.Errorf("an unknown level reads %q, want %q", got, w.Colours[Unrated])
	}
	if got := w.StateWord(99); got != w.StateInForce {
		t.Errorf("an unknown state reads %q, want %q", got, w.StateInForce)
	}
	if got := class(99); got != "grey" {
		t.Errorf("an unknown level is %s, want grey", got)
	}
	if got := strings.ToLower(LanguageName("tlh")); got != "tlh" {
		t.Errorf("an unknown language is called %q, want its tag", got)
	}
}
