package x

// This file tells how many code points make one emoji, for the weighted length.
// It follows twitter-text 3.1, which knows the emoji of Unicode 11; X may know more
// of them by now. An emoji of one code point weighs 2 like any code point of its
// planes, so only the ways to join several into one are told here. What is not known
// to join is counted piece by piece: a text is then refused before it is signed,
// rather than by X afterwards.

import (
	"strings"
	"unicode/utf8"
)

const (
	textStyle  = 0xfe0e // asks for the plain form of the character before it
	emojiStyle = 0xfe0f // asks for the coloured form
	keycap     = 0x20e3
	joiner     = 0x200d // ZERO WIDTH JOINER
	blackFlag  = 0x1f3f4
	tagEnd     = 0xe007f
)

const (
	// styled are the emoji that take U+FE0F after them.
	styled = "©®‼⁉™ℹ↔↕↖↗↘↙↩↪⌚⌛⌨⏏⏭⏮⏯⏱⏲⏸⏹⏺Ⓜ▪▫▶◀◻◼◽◾☀☁☂☃☄☎☑☔☕☘☝☠☢☣☦☪☮☯☸☹☺♀♂♈♉♊♋♌♍♎♏♐♑♒♓♟♠♣♥♦♨♻♿⚒⚓⚔⚕⚖⚗⚙⚛⚜⚠⚡⚪" +
		"⚫⚰⚱⚽⚾⛄⛅⛈⛏⛑⛓⛔⛩⛪⛰⛱⛲⛳⛴⛵⛷⛸⛹⛺⛽✂✈✉✌✍✏✒✔✖✝✡✳✴❄❇❗❣❤➡⤴⤵⬅⬆⬇⬛⬜⭐⭕〰〽㊗㊙🅰🅱🅾🅿🈂🈷🌡🌤🌥🌦🌧🌨🌩🌪🌫🌬🌶🍽🎖🎗🎙🎚🎛🎞🎟🏋🏌🏍🏎🏔🏕🏖🏗" +
		"🏘🏙🏚🏛🏜🏝🏞🏟🏳🏵🏷🐿👁📽🕉🕊🕯🕰🕳🕴🕵🕶🕷🕸🕹🖇🖊🖋🖌🖍🖐🖥🖨🖱🖲🖼🗂🗃🗄🗑🗒🗓🗜🗝🗞🗡🗣🗨🗯🗳🗺🛋🛍🛎🛏🛠🛡🛢🛣🛤🛥🛩🛰🛳🀄🈚🈯"
	// tinted are the emoji that take a skin tone after them.
	tinted = "☝⛹✊✋✌✍🎅🏂🏃🏄🏇🏊🏋🏌👂👃👆👇👈👉👊👋👌👍👎👏👐👦👧👨👩👮👰👱👲👳👴👵👶👷👸👼💁💂💃💅💆💇💪🕴🕵🕺🖐🖕🖖🙅🙆🙇🙋🙌🙍🙎🙏🚣🚴🚵🚶🛀🛌🤘🤙🤚🤛🤜🤞🤟🤦🤰🤱🤲🤳🤴🤵🤶🤷🤸🤹🤽🤾🦵" +
		"🦶🦸🦹🧑🧒🧓🧔🧕🧖🧗🧘🧙🧚🧛🧜🧝⛷"
	// flags are the regions that have a flag: ISO 3166-1, and nine that Unicode adds.
	flags = "AC AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY " +
		"BZ CA CC CD CF CG CH CI CK CL CM CN CO CP CR CU CV CW CX CY CZ DE DG DJ DK DM DO DZ EA EC EE EG EH ER ES ET " +
		"EU FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU IC ID IE IL IM " +
		"IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF " +
		"MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK " +
		"PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC " +
		"TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM UN US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW"
	// actors are the emoji of somebody doing something, which take a sign for woman
	// or man: "🏃‍♀️". The styledActors do so only with a skin tone or U+FE0F.
	actors       = "🏃🏄🏊👮👯👱👳👷💁💂💆💇🙅🙆🙇🙋🙍🙎🚣🚴🚵🚶🤦🤵🤷🤸🤹🤼🤽🤾🦸🦹🧖🧗🧘🧙🧚🧛🧜🧝🧞🧟"
	styledActors = "⛹🏋🏌🕴🕵"
	// trades join a man or a woman as they are, styledTrades with U+FE0F: "👩‍🚒", "👨‍⚕️".
	trades       = "🌾🍳🎓🎤🎨🏫🏭💻💼🔧🔬🚀🚒🦰🦱🦲🦳"
	styledTrades = "⚕⚖✈"
)

// emojiLen returns how many code points at the beginning of text make one emoji
// that weighs 2 as a whole, or 0 where the code points count one by one.
func emojiLen(text []rune) int {
	switch r := text[0]; {
	case strings.ContainsRune("#*0123456789", r):
		return keycapLen(text)
	case regional(r):
		return flagLen(text)
	case r == blackFlag && at(text, 1) >= 0xe0020 && at(text, 1) <= tagEnd:
		return tagLen(text)
	}
	n := elementLen(text)
	if n > 0 && at(text, n) == joiner {
		n = max(n, sequenceLen(text))
	}
	return n
}

// at returns text[i], or 0 behind its end.
func at(text []rune, i int) rune {
	if i < len(text) {
		return text[i]
	}
	return 0
}

// keycapLen reads a digit, "#" or "*" in a box: "1️⃣", with or without U+FE0F.
func keycapLen(text []rune) int {
	n := 1
	if at(text, n) == emojiStyle {
		n++
	}
	if at(text, n) == keycap {
		return n + 1
	}
	return 0
}

func regional(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }

// flagLen reads the two regional letters of a flag; one alone is an emoji, too.
func flagLen(text []rune) int {
	const letterA = 0x1f1e6
	if second := at(text, 1); regional(second) && strings.Contains(flags, string([]rune{text[0] - letterA + 'A', second - letterA + 'A'})) {
		return 2
	}
	return 1
}

// tagLen reads a flag made of tags; there are three: England, Scotland and Wales.
func tagLen(text []rune) int {
	for _, region := range []string{"gbeng", "gbsct", "gbwls"} {
		n := 1
		for _, r := range region {
			if at(text, n) != 0xe0000+r {
				break
			}
			n++
		}
		if n == 1+len(region) && at(text, n) == tagEnd {
			return n + 1
		}
	}
	return 1
}

// elementLen reads one emoji with its skin tone or U+FE0F; 0 for a code point that
// is none with what follows it.
func elementLen(text []rune) int {
	tone := func(r rune) bool { return r >= 0x1f3fb && r <= 0x1f3ff && strings.ContainsRune(tinted, text[0]) }
	switch next := at(text, 1); {
	case next == emojiStyle && strings.ContainsRune(styled, text[0]):
		if tone(at(text, 2)) {
			return 3
		}
		return 2
	case tone(next):
		return 2
	case next == textStyle || text[0] < 0x2100:
		return 0
	case next == joiner:
		return 1
	}
	return 0
}

// sequenceLen reads several emoji that are joined into one; 0 for none.
func sequenceLen(text []rune) int {
	first, n := text[0], elementLen(text)
	joined := at(text, n+1) // what stands after the joiner
	styled := at(text, n+2) == emojiStyle
	human := first == '👨' || first == '👩'
	switch {
	case strings.ContainsRune(actors, first) || n > 1 && strings.ContainsRune(styledActors, first):
		if (joined == '♀' || joined == '♂') && styled {
			return n + 3
		}
	case human && joined != 0 && strings.ContainsRune(trades, joined):
		return n + 2
	case human && joined != 0 && strings.ContainsRune(styledTrades, joined) && styled:
		return n + 3
	case human && n == 1:
		return max(coupleLen(text), familyLen(text))
	}
	for _, s := range [...]string{"🏳\ufe0f\u200d🌈", "🏴\u200d☠\ufe0f", "👁\u200d🗨"} {
		if hasPrefix(text, s) {
			return utf8.RuneCountInString(s)
		}
	}
	return 0
}

func hasPrefix(text []rune, prefix string) bool {
	i := 0
	for _, r := range prefix {
		if at(text, i) != r {
			return false
		}
		i++
	}
	return true
}

// coupleLen reads two people with a heart between them, who may kiss; 0 for none.
func coupleLen(text []rune) int {
	for _, heart := range [...]string{"\u200d❤\ufe0f\u200d", "\u200d❤\ufe0f\u200d💋\u200d"} {
		for _, couple := range [...][2]string{{"👩", "👨"}, {"👩", "👩"}, {"👨", "👨"}} {
			if s := couple[0] + heart + couple[1]; hasPrefix(text, s) {
				return utf8.RuneCountInString(s)
			}
		}
	}
	return 0
}

// familyLen reads one or two parents with one or two children, none with a skin tone.
func familyLen(text []rune) int {
	var members []rune
	for i := 0; len(members) < 4 && strings.ContainsRune("👨👩👧👦", at(text, i)); i += 2 {
		members = append(members, text[i])
		if at(text, i+1) != joiner {
			break
		}
	}
	for ; len(members) > 1; members = members[:len(members)-1] {
		switch s := string(members); s {
		case "👨👦", "👨👧", "👨👦👦", "👨👧👦", "👨👧👧", "👩👦", "👩👧", "👩👦👦", "👩👧👦", "👩👧👧",
			"👨👩👦", "👨👩👧", "👨👩👦👦", "👨👩👧👦", "👨👩👧👧",
			"👨👨👦", "👨👨👧", "👨👨👦👦", "👨👨👧👦", "👨👨👧👧",
			"👩👩👦", "👩👩👧", "👩👩👦👦", "👩👩👧👦", "👩👩👧👧":
			return 2*len(members) - 1
		}
	}
	return 0
}
