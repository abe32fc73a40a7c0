package review

import (
	"strings"
	"unicode"
)

// This file knows which letters look like a Latin one. The table is our own choice of
// letters whose shapes are the same or nearly so in the fonts of telephones, by the
// code charts of Unicode 15; the idea of comparing by such a skeleton is that of UTS
// #39. It holds the scripts in which whole words can be built that read as Latin ones.

// lookAlikes lists pairs: a letter, and the Latin letter or digit that it looks like.
const lookAlikes = "" +
	// Cyrillic
	"аaеeоoрpсcуyхxіiјjѕsԁdһhԛqԝwӏlкkґrгrѵvьbүyҽeԍgпnзz" +
	"АAВBЕEКKМMНHОOРPСCТTУYХXІIЈJЅSҮYԌGԚQԜWӀIѴVЬbЗ3" +
	// Greek
	"οoνvρpαaιiκkυuγyχxϲcϳjηnωwσo" +
	"ΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXϹC" +
	// Armenian
	"օoոnսuհhցgզqյjՍUՕOԼLՏS" +
	// Cherokee
	"ᎪAᏴBᏟCᎠDᎬEᏀGᎻHᎥiᎫJᏦKᏞLᎷMᏢPᎡRᏚSᎢTᏙVᎳWᏃZ" +
	// Coptic
	"ⲟoⲣpⲥcⲁaⲓiⲞOⲢPⲤCⲎHⲒIⲔKⲘMⲚNⲦT" +
	// Lisu
	"ꓮAꓐBꓚCꓓDꓰEꓝFꓖGꓧHꓲIꓙJꓗKꓡLꓟMꓠNꓳOꓑPꓣRꓢSꓔTꓴUꓦVꓪWꓫXꓬYꓜZ" +
	// Hebrew
	"סoוlןl"

// disguised lists letters of the Latin script itself that pass for a plain one, and
// that no language of the channels writes.
const disguised = "ɑaɡgɩiǀlƿpꞷwʋvɾrꝛrꞅsꜱsᴄcᴏoᴠvᴡwᴢzɴnʀrʏyʟlʜhɢgᴀaᴅdᴇeᴊjᴋkᴍmᴘpᴛtᴜuⅼl"

// dotless is the Turkish i without its dot, which passes for one with it.
const dotless = 'ı'

// latinOf returns the Latin letter that r looks like, from a list of pairs.
func latinOf(pairs string, r rune) (rune, bool) {
	if r < 0x80 {
		return 0, false
	}
	_, after, found := strings.Cut(pairs, string(r))
	if !found {
		return 0, false
	}
	return []rune(after[:1])[0], true
}

// skeleton returns word with every letter of another script in the Latin letter that
// it looks like, and whether there was one for each.
func skeleton(word string) (string, bool) {
	whole := true
	out := strings.Map(func(r rune) rune {
		if r < 0x80 || unicode.Is(unicode.Latin, r) || !unicode.IsLetter(r) {
			return r
		}
		if l, ok := latinOf(lookAlikes, r); ok {
			return l
		}
		whole = false
		return r
	}, word)
	return out, whole
}

// styled reports whether r is a letter or digit in a dress: mathematical, full width,
// circled, or a Roman number as one character. Screen readers spell them out or skip
// them, and filters do not find them. The full width is at home in texts that are wide.
func styled(r rune, wide bool) bool {
	switch {
	case r >= 0x1D400 && r <= 0x1D7FF, r >= 0xFF10 && r <= 0xFF5A && !wide, r >= 0x249C && r <= 0x24E9,
		r >= 0x2160 && r <= 0x2188, r >= 0x1F110 && r <= 0x1F16F:
		return true
	}
	return strings.ContainsRune("ℂℊℋℌℍℎℐℑℒℓℕℙℚℛℜℝℤℨℬℭℯℰℱℳℴ", r)
}

// signs lists characters that pass for one of those of an address, in pairs.
const signs = "∕/⁄/⧸/․.‧.۰.。.｡.。.：:꞉:։:∶:ː:＠@﹫@﹣-－-？?＃#"

// The scripts in which the languages of the channels are written; Latin passes
// everywhere, and is the one of every language that is not here.
func scriptsOf(lang string) []string {
	base, _, _ := strings.Cut(strings.ToLower(lang), "-")
	switch base {
	case "ru", "uk", "be", "bg", "mk", "sr", "kk", "ky", "mn", "tg":
		return []string{"Latin", "Cyrillic"}
	case "el":
		return []string{"Latin", "Greek"}
	case "hy":
		return []string{"Latin", "Armenian"}
	case "ka":
		return []string{"Latin", "Georgian"}
	case "he", "yi":
		return []string{"Latin", "Hebrew"}
	case "ar", "fa", "ur", "ps", "ckb":
		return []string{"Latin", "Arabic"}
	case "zh":
		return []string{"Latin", "Han", "Bopomofo"}
	case "ja":
		return []string{"Latin", "Han", "Hiragana", "Katakana"}
	case "ko":
		return []string{"Latin", "Hangul", "Han"}
	case "hi", "mr", "ne", "sa":
		return []string{"Latin", "Devanagari"}
	case "bn":
		return []string{"Latin", "Bengali"}
	case "pa":
		return []string{"Latin", "Gurmukhi", "Arabic"}
	case "ta":
		return []string{"Latin", "Tamil"}
	case "te":
		return []string{"Latin", "Telugu"}
	case "si":
		return []string{"Latin", "Sinhala"}
	case "th":
		return []string{"Latin", "Thai"}
	case "my":
		return []string{"Latin", "Myanmar"}
	case "am", "ti":
		return []string{"Latin", "Ethiopic"}
	}
	return []string{"Latin"}
}

// scriptOf names the script of a letter; "" for letters that all scripts share.
func scriptOf(r rune) string {
	if r < 0x80 || unicode.Is(unicode.Latin, r) {
		return "Latin"
	}
	for _, name := range []string{"Cyrillic", "Greek", "Arabic", "Han"} {
		if unicode.Is(unicode.Scripts[name], r) {
			return name
		}
	}
	found := ""
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			found = name
			break
		}
	}
	if found == "Common" || found == "Inherited" {
		return ""
	}
	return found
}

// stacked reports whether letters of a script stand beside those of others without a
// blank, and can't be taken for them.
func stacked(script string) bool {
	switch script {
	case "Han", "Hiragana", "Katakana", "Hangul", "Bopomofo", "Thai", "Lao", "Khmer", "Myanmar":
		return true
	}
	return false
}
