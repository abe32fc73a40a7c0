package ledger_test

import (
	"reflect"
	"strings"
	"testing"

	"tocsin/broker/ledger"
)

// FuzzDecode holds the quick way to read a record against the strict one: they agree on
// what is a record, and on what it says.
func FuzzDecode(f *testing.F) {
	for _, e := range written(f, 16) {
		f.Add(e.Payload)
	}
	good := string(written(f, 1)[0].Payload)
	for _, bad := range []string{
		"", " ", "null", "[]", `"genesis"`, good + good, good + " x", " " + good, good[:len(good)-1],
		strings.Replace(good, `"type"`, `"Type"`, 1),
		strings.Replace(good, `"type"`, `"\u0074ype"`, 1),
		strings.Replace(good, `"type"`, `"kind"`, 1),
		strings.Replace(good, `{`, `{"realm":"live",`, 1),
		strings.Replace(good, `{`, `{"realm":{"realm":"live"},`, 1),
		strings.Replace(good, `{`, `{"reason":"\",\"type\":\"x",`, 1),
		strings.Replace(good, `{`, `{"channels":["a","b"],`, 1),
		strings.Replace(good, `{`, `{"refers":"1",`, 1),
	} {
		f.Add([]byte(bad))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ledger.Decode(b)
		want, strict := ledger.DecodeStrictly(b)
		if (err == nil) != (strict == nil) || err != nil && err.Error() != strict.Error() {
			t.Fatalf("it is read with error %v, strictly with %v", err, strict)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("it is read as %+v, strictly as %+v", got, want)
		}
	})
}
