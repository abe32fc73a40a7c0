package bulletin_test

import (
	"slices"
	"strings"
	"testing"

	"tocsin/broker/bulletin"
)

// formed returns the example of the manual with what a scenario's section says before its message.
func formed(t *testing.T, section string) []byte {
	t.Helper()
	example := readFile(t, "testdata/example.bulletin")
	return []byte(strings.Replace(example, "--- cap\n", section+"--- cap\n", 1))
}

const formSum = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// formSection is a section as it is written.
const formSection = "--- scenario\nname: idrogeologico\nversion: 2\nsha256: " + formSum + "\nbytes: 62\n\n" +
	"area=Savona, Vado Ligure\nlevel=gialla\nroad=SP 29 «del=Colle»\n"

func TestForm(t *testing.T) {
	t.Parallel()
	b, err := bulletin.Parse(formed(t, formSection))
	if err != nil {
		t.Fatal(err)
	}
	want := []bulletin.FormValue{{Field: "area", Text: "Savona, Vado Ligure"}, {Field: "level", Text: "gialla"}, {Field: "road", Text: "SP 29 «del=Colle»"}}
	if f := b.Form; f == nil || f.Scenario != "idrogeologico" || f.Version != 2 || f.SHA256 != formSum || !slices.Equal(f.Values, want) {
		t.Fatalf("the scenario is read as %+v", b.Form)
	}
	// What is written is what is read, and it is part of what is prepared for.
	d := bulletin.Draft{
		Alert: b.Alert, Code: b.Code, Number: b.Number, Realm: b.Realm, Issuer: b.Issuer, Composed: b.Composed, Expires: b.Expires,
		Form: b.Form, CAP: b.CAP, Posts: b.Posts,
	}
	again, err := bulletin.Write(d)
	if err != nil || string(again.Bytes()) != string(b.Bytes()) {
		t.Fatalf("it is written in another way (%v)", err)
	}
	d.Form = nil
	bare, err := bulletin.Write(d)
	if err != nil || bare.Form != nil || bare.Core() == b.Core() {
		t.Errorf("the section is no part of the core (%v)", err)
	}
}

func TestFormIsStrict(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][3]string{
		"name":       {"name: idrogeologico", "name: Idro geologico", "no name of a scenario"},
		"version":    {"version: 2", "version: 02", "version is"},
		"digest":     {formSum, strings.ToUpper(formSum), "sha256 is not"},
		"order":      {"name: idrogeologico\nversion: 2", "version: 2\nname: idrogeologico", "stands where"},
		"count":      {"bytes: 62", "bytes: 61", "does not end after"},
		"twice":      {"level=gialla\n", "area==gialla\n", "stands twice"},
		"no_value":   {"level=gialla", "abcdefghijk=", "is not FIELD=VALUE"},
		"no_field":   {"level=gialla", "Level=gialla", "is not FIELD=VALUE"},
		"blank":      {"level=gialla", "level= ialla", "is not FIELD=VALUE"},
		"two":        {formSection, formSection + formSection, "must be cap"},
		"is_nothing": {formSection, "--- scenario\n", "FAILS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(formSection, c[0], c[1], 1)
			if changed == formSection {
				t.Fatal("nothing is changed")
			}
			_, err := bulletin.Parse(formed(t, changed))
			if err == nil || c[2] != "FAILS" && !strings.Contains(err.Error(), c[2]) {
				t.Errorf("got %v, want %q", err, c[2])
			}
		})
	}
}
