package pages

import (
	"reflect"
	"testing"

	"tocsin/templates/wording"
)

// TestWordsAreComplete reaches the words themselves, which no page shows all of:
// each is set in each language, and is not that of another one.
func TestWordsAreComplete(t *testing.T) {
	t.Parallel()
	// The same word in several languages.
	shared := map[string]bool{"Colon": true, "BulletinLabel": true}
	base := reflect.ValueOf(wordsFor("it"))
	for _, lang := range wording.Languages() {
		v := reflect.ValueOf(wordsFor(lang))
		for i := range v.NumField() {
			name, field := v.Type().Field(i).Name, v.Field(i)
			if field.IsZero() {
				t.Errorf("%s: %s is not set", lang, name)
			}
			if lang != "it" && field.Kind() == reflect.String && !shared[name] && field.String() == base.Field(i).String() {
				t.Errorf("%s: %s is the Italian %q", lang, name, field.String())
			}
		}
	}
}

// TestUnknownValuesAreCautious holds that a value out of range never reads as if
// all were well.
func TestUnknownValuesAreCautious(t *testing.T) {
	t.Parallel()
	w := wordsFor("it")
	if got := w.StateWord(99); got != w.StateInForce {
		t.Errorf("an unknown state reads %q, want %q", got, w.StateInForce)
	}
	if got := class(99); got != "grey" {
		t.Errorf("an unknown level is %s, want grey", got)
	}
	if got := w.ActWord(99); got != w.FirstIssue {
		t.Errorf("an unknown act reads %q, want %q", got, w.FirstIssue)
	}
}
