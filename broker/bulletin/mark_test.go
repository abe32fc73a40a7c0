package bulletin_test

import (
	"strings"
	"testing"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
)

// marked returns the second bulletin of an alert whose posts are marked, with what is prepared
// inside it.
func marked(t *testing.T) *bulletin.Bulletin {
	t.Helper()
	a := bulletintest.New(t, "telegram-a", "instagram-a", "x-a")
	a.Marks = map[string]adapters.MarkForm{"telegram-a": adapters.MarkEdit, "instagram-a": adapters.MarkComment}
	a.Prepared = true
	a.Next(t, alert.MsgAlert)
	return a.Next(t, alert.MsgUpdate)
}

func TestMarksAreRead(t *testing.T) {
	t.Parallel()
	b := marked(t)
	got := b.MarksFor("telegram-a")
	if len(b.Marks) != 4 || len(got) != 2 || len(b.MarksFor("x-a")) != 0 {
		t.Fatalf("%d marks, %d of telegram-a, %d of x-a; want 4, 2 and 0", len(b.Marks), len(got), len(b.MarksFor("x-a")))
	}
	before, own := b.Code.Mark(1), b.Code.Mark(2)
	want := bulletin.Mark{
		Channel: "telegram-a", Kind: "telegram", On: 1, Part: 1, When: bulletin.AtRelease, Form: adapters.MarkEdit, Lang: "it-IT",
		Text: "ESERCITAZIONE\nAl posto di " + before + ", testo 1: " + own + "\nESERCITAZIONE",
	}
	if got[0] != want {
		t.Errorf("the first is %+v, want %+v", got[0], want)
	}
	if got[1].When != bulletin.AtExpiry || got[1].On != 2 {
		t.Errorf("the second is %+v, want one on bulletin 2 when it expires", got[1])
	}
	if a, b := b.Carried(got[0]), b.Carried(got[1]); a.Key == b.Key || a.Text != want.Text || a.Lang != "it-IT" {
		t.Errorf("carried are %+v and %+v, want two keys, and the text unchanged", a, b)
	}
	// What is prepared to stop it marks its posts, and those alone.
	for _, kind := range []bulletin.Kind{bulletin.Correction, bulletin.Revocation} {
		for _, m := range b.Prepared(kind).Marks {
			if m.When == bulletin.AtRelease && m.On != 2 {
				t.Errorf("the prepared %s marks bulletin %d, want 2", kind, m.On)
			}
		}
	}
}

// TestMarksAreReadStrictly changes one thing in the file at a time.
func TestMarksAreReadStrictly(t *testing.T) {
	t.Parallel()
	b := marked(t)
	whole := string(bulletintest.Alone(b.Bytes()))
	if _, err := bulletin.Parse([]byte(whole)); err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(whole, "--- mark\n")
	section, behind, _ := strings.Cut(rest, "--- mark\n")
	for name, c := range map[string]struct{ old, new, says string }{
		"another_channel":          {"channel: telegram-a", "channel: telegram-b", "there is no post for channel telegram-b"},
		"another_kind":             {"kind: telegram", "kind: facebook", "there is no post for channel telegram-a of kind facebook"},
		"on_itself":                {"on: 1", "on: 2", "is a bulletin before it"},
		"on_nothing":               {"on: 1", "on: 0", "it must be from 1"},
		"on_with_a_zero":           {"on: 1", "on: 01", "it must be from 1"},
		"part_of_nothing":          {"part: 1", "part: 17", "it must be from 1 to 16"},
		"at_another_moment":        {"when: released", "when: later", "it must be released or expired"},
		"when_it_expires_on_other": {"when: released", "when: expired", "a post of its own"},
		"another_form":             {"form: edit", "form: delete", "it must be edit or comment"},
		"no_language":              {"language: it-IT", "language: i", "language tag"},
		"without_the_new_code":     {b.Code.Mark(2), "SV-AAAAA-2", "the text does not contain the alert code " + b.Code.Mark(2)},
		"without_the_old_code":     {b.Code.Mark(1), "SV-AAAAA-1", "and does not contain it"},
		"a_blank_at_the_end":       {b.Code.Mark(2) + "\nESERCITAZIONE", b.Code.Mark(2) + "\nESERCITAZION ", "blanks"},
		"an_unknown_field":         {"form: edit", "form: edit\nlink: https://a.example", "stands where"},
		"a_field_less":             {"form: edit\n", "", "must"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(section, c.old) {
				t.Fatalf("%q is not in the section", c.old)
			}
			_, err := bulletin.Parse([]byte(first + "--- mark\n" + strings.Replace(section, c.old, c.new, 1) + "--- mark\n" + behind))
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "mark 1") {
				t.Errorf("got %v, want an error of mark 1 that says %q", err, c.says)
			}
		})
	}
	post := "--- post\n" + strings.SplitN(strings.SplitN(first, "--- post\n", 2)[1], "--- post\n", 2)[0]
	for name, c := range map[string]struct{ text, says string }{
		"twice":           {first + "--- mark\n" + section + "--- mark\n" + section + "--- mark\n" + behind, "marked twice"},
		"before_the_post": {first + "--- mark\n" + section + post + "--- end\n", "posts stand before marks"},
	} {
		if _, err := bulletin.Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want an error that says %q", name, err, c.says)
		}
	}
}
