package review

import "testing"

// TestScanFindsWhatTheParserRefuses holds the second line of defence: texts that no
// bulletin can hold.
func TestScanFindsWhatTheParserRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Kind{
		"po\u202enti": KindDirection, "po\u2066nti": KindDirection, "po\u200bnti": KindInvisible, "po\u00adnti": KindInvisible, "po\u3164nti": KindInvisible,
	} {
		got := scan(text, "it")
		if len(got) == 0 || got[0].kind != want || got[0].severity != High {
			t.Errorf("%q: %+v, want %s", text, got, want)
		}
	}
	if got := around("01234567890\u202e0123456789x", 11, 3); got != "…1234567890›<U+202E>‹0123456789…" {
		t.Errorf("the context is %s", got)
	}
}

// TestScanLeavesLanguagesAlone reads texts in the scripts of their languages.
func TestScanLeavesLanguagesAlone(t *testing.T) {
	t.Parallel()
	for lang, text := range map[string]string{
		"ru": "Опасность: сосо, река Летимбро. Звоните 112.", "uk": "Небезпека! Їдьте.", "el": "Κίνδυνος: μείνετε ψηλά.", "ar": "خطر: ابقوا في الطوابق العليا", "zh-CN": "危险：请上楼，拨打112。SOS电话",
		"ja": "危険：上の階へ。ＴＥＬ１１２、ロープ工場", "ko": "위험: 위층으로", "tr": "Tehlike: yukarı katlara çıkın", "hi": "ख़तरा: ऊपर जाएँ", "he": "סכנה: לעלות למעלה", "am": "አደጋ", "sq": "Rrezik: ngjituni lart",
		"ro": "Pericol: urcați la etaj, nu folosiți liftul", "pl": "Zagrożenie: wejdź na piętro", "vi": "Nguy hiểm: lên tầng trên", "es": "¡Peligro! Suba al 2.º piso", "sr-Latn": "Opasnost: čćžšđ",
	} {
		if got := scan(text, lang); len(got) > 0 {
			t.Errorf("%s: %+v", lang, got)
		}
	}
}
