package review_test

import (
	"slices"
	"strings"
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/review"
)

// TestTextsAreLinted holds that a signer is told what composing finds in the texts, under
// its name and in the language of the screen, and of an alert in force that says the same.
func TestTextsAreLinted(t *testing.T) {
	t.Parallel()
	o := options(t, alert.RealmLive)
	clean := first(t, flood(t, nil), o)
	d := draftOf(clean)
	d.Posts[0].Text = strings.Replace(d.Posts[0].Text, "\n", "\nSegui @comune_savona e scuole.si chiude.\n", 1)
	b := write(t, d)
	other := draftOf(clean)
	other.Alert, other.Code = "7b0e1f62-0c7e-4b59-9a43-0d6c1e5fae22", "SV-22222"
	for i := range other.Posts {
		other.Posts[i].Text = strings.ReplaceAll(other.Posts[i].Text, string(clean.Code), "SV-22222")
	}
	r := review.New(b, review.Options{
		Now: o.Now, Site: siteURL, Others: []*bulletin.Bulletin{write(t, other)}, Read: func(english string) string { return "it: " + english },
	})
	for kind, says := range map[review.Kind]string{"mention": "@comune_savona", "lost-space": "scuole.si", "duplicate": "SV-22222"} {
		i := slices.IndexFunc(r.Warnings, func(w review.Warning) bool { return w.Kind == kind })
		if i < 0 {
			t.Errorf("there is no warning of the kind %s among %v", kind, r.Warnings)
			continue
		}
		if w := r.Warnings[i]; w.Severity != review.Caution || !strings.HasPrefix(w.What, "it: ") || !strings.Contains(w.What, says) || !strings.HasPrefix(w.Advice, "it: ") {
			t.Errorf("%s: the warning is %+v", kind, w)
		}
	}
	var all strings.Builder
	if err := r.WriteWarnings(&all); err != nil || !strings.Contains(all.String(), "(duplicate)") {
		t.Errorf("WriteWarnings wrote (%v):\n%s", err, all.String())
	}
	var none strings.Builder
	if err := review.New(clean, review.Options{Now: o.Now, Site: siteURL}).WriteWarnings(&none); err != nil || none.Len() > 0 {
		t.Errorf("of a clean bulletin WriteWarnings wrote (%v):\n%s", err, none.String())
	}
}
