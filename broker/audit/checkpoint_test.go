package audit_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"tocsin/broker/audit"
)

// newKey returns a key that signs and its public half.
func newKey(tb testing.TB) (note.Signer, string) {
	tb.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "tocsin-ledger")
	if err != nil {
		tb.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		tb.Fatal(err)
	}
	return signer, public
}

func sign(tb testing.TB, signer note.Signer, text string) []byte {
	tb.Helper()
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		tb.Fatal(err)
	}
	return signed
}

func checkpointText(c audit.Checkpoint) string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

func TestCheckpointIsReadAsItWasSigned(t *testing.T) {
	t.Parallel()
	signer, public := newKey(t)
	want := *newBook(t, "epoch-a").fill(7).checkpoint(7)
	for name, signed := range map[string][]byte{
		"plain":          sign(t, signer, checkpointText(want)),
		"with_extension": sign(t, signer, checkpointText(want)+"a line that later versions may add\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := audit.ParseCheckpoint(signed, public+"\n")
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("read %+v, want %+v", got, want)
			}
		})
	}
}

func TestCheckpointThatIsNotTheKeysIsRefused(t *testing.T) {
	t.Parallel()
	signer, public := newKey(t)
	otherSigner, otherPublic := newKey(t)
	c := *newBook(t, "epoch-a").fill(7).checkpoint(7)
	text := checkpointText(c)
	good := string(sign(t, signer, text))
	otherRoot := audit.Hash{1}
	tests := map[string]struct{ signed, key, want string }{
		"wrong_key":      {good, otherPublic, "signature"},
		"no_key":         {good, "", "public key"},
		"other_signer":   {string(sign(t, otherSigner, text)), public, "signature"},
		"altered_origin": {strings.Replace(good, "epoch-a", "epoch-b", 1), public, "signature"},
		"altered_size":   {strings.Replace(good, "\n7\n", "\n8\n", 1), public, "signature"},
		"altered_root":   {strings.Replace(good, c.Root.String(), otherRoot.String(), 1), public, "signature"},
		"altered_signature": {
			good[:len(good)-10] + string(flip(good[len(good)-10])) + good[len(good)-9:], public, "signature",
		},
		"unsigned":         {text, public, "signature"},
		"empty":            {"", public, "signature"},
		"two_lines":        {string(sign(t, signer, c.Origin+"\n7\n")), public, "fewer than three lines"},
		"negative_size":    {string(sign(t, signer, strings.Replace(text, "\n7\n", "\n-7\n", 1))), public, "size or root"},
		"size_with_zero":   {string(sign(t, signer, strings.Replace(text, "\n7\n", "\n07\n", 1))), public, "size or root"},
		"size_with_plus":   {string(sign(t, signer, strings.Replace(text, "\n7\n", "\n+7\n", 1))), public, "size or root"},
		"size_beyond_64":   {string(sign(t, signer, strings.Replace(text, "\n7\n", "\n9223372036854775808\n", 1))), public, "size or root"},
		"short_root":       {string(sign(t, signer, c.Origin+"\n7\nAAAA\n")), public, "size or root"},
		"root_of_no_bytes": {string(sign(t, signer, c.Origin+"\n7\nÄÖÜ\n")), public, "size or root"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := audit.ParseCheckpoint([]byte(tt.signed), tt.key)
			if err == nil {
				t.Fatalf("it was read as %+v, want a refusal", got)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("it is refused with %q, want words on %q", err, tt.want)
			}
		})
	}
}

// flip returns another character of the base64 alphabet.
func flip(c byte) byte {
	if c == 'A' {
		return 'B'
	}
	return 'A'
}

// FuzzParseCheckpoint holds that no input makes the parser panic, that nothing is
// read but what the key has signed, and that what is read is what was written.
func FuzzParseCheckpoint(f *testing.F) {
	signer, public := newKey(f)
	root := audit.Hash{9}.String()
	f.Add("tocsin/exercise/a\n7\n"+root+"\n", true)
	f.Add("tocsin/exercise/a\n0\n"+root+"\nmore\n", true)
	f.Add("tocsin/exercise/a\n07\n"+root+"\n", true)
	f.Add("\n\n\n\n", true)
	f.Add("tocsin/exercise/a\n7\n"+root+"\n\n— tocsin-ledger AAAAAAAA\n", false)
	f.Fuzz(func(t *testing.T, text string, ours bool) {
		signed := []byte(text)
		if ours {
			var err error
			if signed, err = note.Sign(&note.Note{Text: text}, signer); err != nil {
				t.Skip("a note can't have this text")
			}
		}
		c, err := audit.ParseCheckpoint(signed, public)
		if err != nil {
			if c != (audit.Checkpoint{}) {
				t.Errorf("refused, and yet it gives %+v", c)
			}
			return
		}
		if !ours {
			t.Fatalf("read %q, which the key has not signed", text)
		}
		if want := strings.Split(text, "\n")[:3]; !slices.Equal(strings.Split(checkpointText(c), "\n")[:3], want) {
			t.Errorf("read %+v, want the lines %q", c, want)
		}
	})
}
