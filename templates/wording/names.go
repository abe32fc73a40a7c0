package wording

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// List joins names as a sentence does: "Savona, Vado Ligure e Quiliano".
func (w Words) List(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	and, last := map[string]string{"it": "e", "de": "und", "fr": "et"}[w.Lang], names[len(names)-1]
	if and == "" {
		and = "and"
	}
	if first, _ := utf8.DecodeRuneInString(strings.ToLower(last)); w.Lang == "it" && strings.ContainsRune("eèé", first) {
		and = "ed"
	}
	return strings.Join(names[:len(names)-1], ", ") + " " + and + " " + last
}

// OtherMunicipalities says that there are n municipalities besides those that were
// named: "e altri 5 comuni". It returns "" for none.
func (w Words) OtherMunicipalities(n int) string {
	one, more := "and one other municipality", "and %d other municipalities"
	switch w.Lang {
	case "it":
		one, more = "e un altro comune", "e altri %d comuni"
	case "de":
		one, more = "und eine weitere Gemeinde", "und %d weitere Gemeinden"
	case "fr":
		one, more = "et une autre commune", "et %d autres communes"
	}
	switch {
	case n <= 0:
		return ""
	case n == 1:
		return one
	}
	return fmt.Sprintf(more, n)
}

// Colour returns the name of an alert colour alone, as it stands after "allerta" in
// Italian and by itself in other languages: "gialla", "yellow", "Gelb", "jaune". It is
// "" for what is no colour.
func (w Words) Colour(l Level) string {
	names := [levels]string{"", "green", "yellow", "orange", "red"}
	switch w.Lang {
	case "it":
		names = [levels]string{"", "verde", "gialla", "arancione", "rossa"}
	case "de":
		names = [levels]string{"", "Grün", "Gelb", "Orange", "Rot"}
	case "fr":
		names = [levels]string{"", "vert", "jaune", "orange", "rouge"}
	}
	if l >= levels {
		return ""
	}
	return names[l]
}

// Phases are the operational phases of civil protection, in Italian as the parameter
// fase_operativa has them, from the lightest.
func Phases() []string { return []string{"attenzione", "preallarme", "allarme"} }

// Phase returns the name of one of [Phases], or "".
func (w Words) Phase(phase string) string {
	names := [3]string{"attention", "pre-alarm", "alarm"}
	switch w.Lang {
	case "it":
		names = [3]string(Phases())
	case "de":
		names = [3]string{"Aufmerksamkeit", "Voralarm", "Alarm"}
	case "fr":
		names = [3]string{"vigilance", "préalarme", "alarme"}
	}
	for i, p := range Phases() {
		if p == phase {
			return names[i]
		}
	}
	return ""
}

// Number writes digits, with a point for decimals, as the language does: "12.000" and
// "4,5" in Italian.
func (w Words) Number(digits string) string {
	thousands, decimal := ",", "."
	switch w.Lang {
	case "it", "de":
		thousands, decimal = ".", ","
	case "fr":
		thousands, decimal = " ", ","
	}
	whole, fraction, broken := strings.Cut(digits, ".")
	if len(whole) > 4 { // years and house numbers stay whole
		var groups []string
		for ; len(whole) > 3; whole = whole[:len(whole)-3] {
			groups = append([]string{whole[len(whole)-3:]}, groups...)
		}
		whole = strings.Join(append([]string{whole}, groups...), thousands)
	}
	if broken {
		return whole + decimal + fraction
	}
	return whole
}

// DrillProviso returns the sentence that the steps of an instruction stand under in a
// drill, "" for reality. It begins with DrillWord.
func (w Words) DrillProviso(d Drill) string {
	word := w.DrillWord(d)
	if word == "" {
		return ""
	}
	switch w.Lang {
	case "it":
		return word + ": adesso non devi fare nulla. In un’allerta vera fai così:"
	case "de":
		return word + ": Sie müssen jetzt nichts tun. Bei einer echten Warnung gilt:"
	case "fr":
		return word + " : vous n’avez rien à faire maintenant. Lors d’une vraie alerte :"
	}
	return word + ": you need not do anything now. In a real alert:"
}
