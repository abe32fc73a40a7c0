package bulletin_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/jpeg"
	"slices"
	"strings"
	"testing"
	"unicode"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
)

func picture(t *testing.T) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := jpeg.Encode(&w, image.NewRGBA(image.Rect(0, 0, 40, 50)), nil); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// withImage returns a bulletin for two channels of which one has an image.
func withImage(t *testing.T) *bulletin.Bulletin {
	t.Helper()
	a := bulletintest.New(t, "instagram-a", "x-a")
	b := a.Next(t, alert.MsgAlert)
	data := picture(t)
	d := bulletin.Draft{
		Alert: b.Alert, Code: b.Code, Number: 1, Realm: b.Realm, Issuer: b.Issuer, Composed: b.Composed, Expires: b.Expires,
		NotAfter: b.Expires, CAP: b.CAP, Posts: b.Posts, Images: [][]byte{data},
	}
	d.Posts[0].Image = digestOf(data)
	d.Posts[0].Alt = "Allerta arancione a Savona"
	d.Posts[0].ImageURL = "https://site.example/media/" + d.Posts[0].Image + ".jpg"
	b, err := bulletin.Write(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	want := withImage(t)
	got, err := bulletin.Parse(want.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got.SHA256() != want.SHA256() || got.Mark() != string(got.Code)+"-1" || !got.Expires.Equal(want.Expires) {
		t.Errorf("got %s %s, want %s %s", got.SHA256(), got.Mark(), want.SHA256(), want.Mark())
	}
	posts := got.For("instagram-a")
	if len(posts) != 1 || posts[0].Image == nil || posts[0].Image.MediaType != "image/jpeg" || !bytes.Equal(posts[0].Image.Data, picture(t)) {
		t.Fatalf("the post for Instagram came back as %+v", posts)
	}
	if posts[0].Text != want.Posts[0].Text || !strings.HasPrefix(string(posts[0].Key), string(want.Alert)+"/1/1") {
		t.Errorf("got text %q under key %s", posts[0].Text, posts[0].Key)
	}
	n := posts[0].Notice
	if n.Headline != "Allerta arancione a Savona" || n.Severity != "Severe" || n.SHA256 != want.SHA256() || !bytes.Equal(n.CAP, want.CAP) {
		t.Errorf("the facts came back as %+v", n)
	}
	if got.For("nobody") != nil {
		t.Error("a channel that is not addressed got a post")
	}
}

func TestTheTextStandsInTheFileAsItIsShown(t *testing.T) {
	t.Parallel()
	b := withImage(t)
	for _, p := range b.Posts {
		if !bytes.Contains(b.Bytes(), []byte("\n\n"+p.Text+"\n")) {
			t.Errorf("the text for %s does not stand verbatim in the file", p.Channel)
		}
	}
	if !bytes.Contains(b.Bytes(), b.CAP) {
		t.Error("the CAP message does not stand verbatim in the file")
	}
}

func TestEveryFlippedByteChangesTheDigestOrIsRefused(t *testing.T) {
	t.Parallel()
	b := withImage(t)
	for i := range b.Bytes() {
		raw := bytes.Clone(b.Bytes())
		raw[i] ^= 0x01
		got, err := bulletin.Parse(raw)
		if err != nil {
			if _, ok := errors.AsType[*bulletin.SyntaxError](err); !ok {
				t.Fatalf("byte %d: %T %v, want a SyntaxError", i, err, err)
			}
			continue
		}
		if got.SHA256() == b.SHA256() {
			t.Fatalf("byte %d was flipped and the bulletin is the same", i)
		}
	}
}

func TestWhatIsNoBulletinIsRefused(t *testing.T) {
	t.Parallel()
	good := string(withImage(t).Bytes())
	first := func(old, with string) string { return strings.Replace(good, old, with, 1) }
	line := func(prefix string) string {
		i := strings.Index(good, "\n"+prefix) + 1
		return good[i : i+strings.Index(good[i:], "\n")+1]
	}
	for name, c := range map[string]struct{ raw, want string }{
		"empty":              {"", "the file ends in the middle"},
		"another_file":       {"<?xml version=\"1.0\"?>\n", "this is not a bulletin"},
		"another_version":    {first("tocsin-bulletin: 1", "tocsin-bulletin: 2"), `version "2"`},
		"cut_off":            {good[:len(good)-10], "end"},
		"trailing_text":      {good + "x", "text after the end"},
		"trailing_line_feed": {good + "\n", "text after the end"},
		"unknown_field":      {first("realm: ", "colour: red\nrealm: "), `field "colour" stands where "realm" must`},
		"repeated_field":     {first("realm: ", line("code: ")+"realm: "), `field "code" stands twice`},
		"missing_field":      {first(line("issuer: "), ""), `field "composed" stands where "issuer" must`},
		"unknown_section":    {first("--- post\n", "--- poem\n"), `section "poem" is not known`},
		"miscounted_bytes":   {first("bytes: 1", "bytes: 2"), "does not end after its"},
		"not_utf8":           {first("ESERCITAZIONE", "ESERCITAZION\xff"), "not UTF-8"},
		"carriage_return":    {first("ESERCITAZIONE\n", "ESERCITAZIONE\r\n"), "carriage return"},
		"control_character":  {first("ESERCITAZIONE", "ESERCITA\x07IONE"), "control character U+0007"},
		"bidi_override":      {first("testo", "te\u202eto"), "changes the direction"},
		"byte_order_mark":    {"\ufeff" + good, "U+FEFF: an invisible"},
		"replacement":        {first("testo", "te\ufffdto"), "U+FFFD: a replacement"},
		"private":            {first("testo", "te\ue000to"), "U+E000: a private"},
		"zero_width_space":   {first("testo", "te\u200bsto"), `U+200B: an invisible character (after "lert per instagram-a, te")`},
		"soft_hyphen":        {first("Allerta", "Al\u00adlerta"), "U+00AD: an invisible"},
		"in_the_issuer":      {first("issuer: P", "issuer: \u2060P"), `U+2060: an invisible character (after "issuer: ")`},
		"in_the_cap":         {first("<headline>", "<headline>\u180e"), "U+180E"},
		"tag":                {first("testo", "te\U000e0041sto"), "U+E0041"},
		"joiner_in_a_word":   {first("testo", "te\u200dsto"), "U+200D"},
		"style_of_a_letter":  {first("testo", "te\ufe0fsto"), "U+FE0F"},
		"decomposed":         {first("Allerta", "Alle\u0300rta"), "NFC"},
		"number_zero":        {first("number: 1", "number: 0"), "number"},
		"number_two":         {first("number: 1", "number: 2"), "bulletin 1 follows none"},
		"realm_of_another":   {first("realm: exercise", "realm: live"), "status is Exercise, which realm live does not publish"},
		"realm_unknown":      {first("realm: exercise", "realm: fun"), "there are only"},
		"expires_differs":    {first(line("expires: "), "expires: 2039-01-01T00:00:00Z\n"), "they must be the same"},
		"bad_time":           {first(line("expires: "), "expires: tomorrow\n"), "must be a time"},
		"mark_missing":       {strings.ReplaceAll(good, "-1\nESERCITAZIONE", "-9\nESERCITAZIONE"), "does not contain the alert code"},
		"image_missing":      {good[:strings.Index(good, "--- image")] + "--- end\n", "names an image that is not there"},
		"image_digest":       {first("--- image\nsha256: ", "--- image\nsha256: 0"), "another SHA-256"},
		"channel_twice":      {first("channel: x-a\nkind: x", "channel: instagram-a\nkind: x"), "stands twice"},
		"part_missing":       {first("part: 1/1", "part: 1/2"), "1 parts of 2"},
		"link_not_absolute":  {first("link: https://site.example", "link: //site.example"), "not an absolute"},
		"too_large":          {good + strings.Repeat("x", bulletin.MaxBytes), "the limit is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.raw == good {
				t.Fatal("the case changes nothing")
			}
			_, err := bulletin.Parse([]byte(c.raw))
			e, ok := errors.AsType[*bulletin.SyntaxError](err)
			if !ok || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want a SyntaxError with %q", err, c.want)
			}
			if e.Line < 1 || e.Where == "" {
				t.Errorf("the place is line %d, %q", e.Line, e.Where)
			}
		})
	}
}

// TestTextsOfEveryLanguageAreRead: what people write is not hidden.
func TestTextsOfEveryLanguageAreRead(t *testing.T) {
	t.Parallel()
	b := bulletintest.New(t, "x-a").Next(t, alert.MsgAlert)
	for name, text := range map[string]string{
		"italian":   "Perché il Letimbro è già a 2,10\u00a0m – «salite» ai piani alti… n’è l’ora",
		"german":    "Überschwemmung: „Höher gehen“, Straße gesperrt",
		"french":    "Inondation\u202f: «\u00a0montez\u00a0» à l’étage, œuvre, cœur",
		"emoji":     "⚠️ 🚨 🌊 ☎️ 1️⃣ #️⃣ ©️ ⛈︎ 👨\u200d👩\u200d👧\u200d👦 👩🏽\u200d🚒 🏳️\u200d🌈 ❤️\u200d🔥 🇮🇹",
		"persian":   "می\u200cخواهم",
		"hindi":     "क्\u200dष, नमस्ते",
		"arabic":    "فيضان: اصعدوا إلى الطوابق العليا",
		"ukrainian": "Повінь: підніміться",
	} {
		if _, err := withText(b, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// withText writes b again with text in its title and its text.
func withText(b *bulletin.Bulletin, text string) (*bulletin.Bulletin, error) {
	d := bulletin.Draft{
		Alert: b.Alert, Code: b.Code, Number: b.Number, Realm: b.Realm, Issuer: b.Issuer, Composed: b.Composed, Expires: b.Expires,
		CAP: b.CAP, Posts: slices.Clone(b.Posts),
	}
	d.Posts[0].Title, d.Posts[0].Text = "Titolo: "+text+".", "Testo: "+text+". "+b.Mark()
	return bulletin.Write(d)
}

// FuzzCharacters holds the parser to one promise: of two texts that look the same it
// reads one. What it lets pass that has no shape of its own stands where it gives
// one to its neighbours: after no letter that people read here, and before none.
func FuzzCharacters(f *testing.F) {
	b := bulletintest.New(f, "x-a").Next(f, alert.MsgAlert)
	for _, s := range []string{
		"\u200b", "\u2060", "\u00ad", "\u034f", "\u180e", "\u3164", "\u115f", "\uffa0", "\U000e0041", "\u2065", "\u17b4", "\ufff0", "\ufe00", "\U000e0100",
		"\u200d", "\u200c", "\ufe0f", "1️⃣", "⚠️", "👨\u200d👩", "ا\u200cا", "a\u200d👩", "👩\u200da", "👩️️", "👩\u200d\u200d👩", "1\ufe0f", "\u0600",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		read, err := withText(b, s)
		if err != nil {
			return
		}
		for _, text := range []string{read.Posts[0].Title, read.Posts[0].Text} {
			runes := []rune(text)
			for i, r := range runes {
				if !unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
					continue
				}
				before, after := runes[i-1], runes[i+1] // words stand on both sides
				boxed := r == '\ufe0f' || r == '\ufe0e'
				if !boxed && r != '\u200c' && r != '\u200d' {
					t.Errorf("%q holds %U", text, r)
				}
				digit := boxed && before < 0x80 && after == 0x20e3
				plain := func(r rune) bool { return r < 0x80 || unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic) }
				if plain(before) && !digit && before != 'ℹ' || !boxed && plain(after) {
					t.Errorf("%q holds %U between %U and %U", text, r, before, after)
				}
				if before == r {
					t.Errorf("%q holds %U twice in a row", text, r)
				}
			}
		}
	})
}

// FuzzParse holds the parser to two promises: it never panics, and what it
// accepts it has understood whole, so that writing the same again gives the same
// bytes.
func FuzzParse(f *testing.F) {
	a := bulletintest.New(f, "telegram-a", "x-a")
	f.Add(a.Next(f, alert.MsgAlert).Bytes())
	f.Add(a.Next(f, alert.MsgUpdate).Bytes())
	f.Add([]byte("tocsin-bulletin: 1\n"))
	f.Add(glass(f, nil).Bytes())
	for _, hidden := range []string{"\u200b", "\u00ad", "\u034f", "\U000e0041", "\u200d", "⚠️"} {
		f.Add(bytes.Replace(a.Newest.Bytes(), []byte("Provincia"), []byte("Pro"+hidden+"vincia"), 1))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := bulletin.Parse(raw)
		if err != nil {
			return
		}
		d := bulletin.Draft{
			Alert: b.Alert, Code: b.Code, Number: b.Number, Realm: b.Realm, Issuer: b.Issuer, Composed: b.Composed, Expires: b.Expires,
			NotAfter: b.NotAfter, Previous: b.Previous, Breakglass: b.Breakglass, CAP: b.CAP, Posts: b.Posts,
		}
		seen := map[string]bool{}
		for _, p := range b.Posts {
			if image := b.Image(p.Image); image != nil && !seen[p.Image] {
				seen[p.Image] = true
				d.Images = append(d.Images, image.Data)
			}
		}
		again, err := bulletin.Write(d)
		if err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		if len(seen) <= 1 && !bytes.Equal(again.Bytes(), raw) {
			t.Errorf("written again it differs:\n%q\n%q", raw, again.Bytes())
		}
	})
}
