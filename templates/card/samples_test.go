package card_test

import (
	"testing"

	"tocsin/templates/card"
	"tocsin/templates/places"
	"tocsin/templates/wording"
)

// affected are municipalities of the coast around Savona.
var affected = []string{"009056", "009064", "009052", "009010", "009003", "009004"}

// shape returns the borders of municipalities.
func shape(tb testing.TB, codes ...string) []places.Ring {
	tb.Helper()
	savona, err := places.Savona()
	if err != nil {
		tb.Fatal(err)
	}
	var out []places.Ring
	for _, code := range codes {
		m, ok := savona.Municipality(code)
		if !ok {
			tb.Fatalf("there is no municipality %s", code)
		}
		out = append(out, m.Rings...)
	}
	return out
}

// abroad is a shape in another region.
func abroad() []places.Ring {
	return []places.Ring{{{Lat: 45.40, Lon: 11.85}, {Lat: 45.43, Lon: 11.83}, {Lat: 45.45, Lon: 11.88}, {Lat: 45.42, Lon: 11.95}, {Lat: 45.38, Lon: 11.91}, {Lat: 45.40, Lon: 11.85}}}
}

// sample is a card of an orange alert in each language of the frame.
func sample(tb testing.TB, lang string) card.Card {
	tb.Helper()
	c := card.Card{
		Lang: "it-IT", Level: wording.Orange, Colour: true,
		Headline: "Piogge forti: possibili frane e allagamenti nel Savonese",
		Areas:    []string{"Savona", "Vado Ligure", "Quiliano", "Bergeggi", "Albissola Marina", "Albisola Superiore"},
		Shape:    shape(tb, affected...),
		Validity: "dalle 14:00 di lunedì 23 novembre alle 12:00 di martedì 24 novembre 2026",
		Actions: []string{
			"Stai lontano da argini, ponti e sottopassi.", "Non scendere in cantine e garage.",
			"Spostati solo se è necessario.",
		},
		Issuer: "Provincia di Savona – Protezione civile", Mark: "SV-7F3K2-1",
		Address: "allerte.provincia.savona.example/a/SV-7F3K2",
		Check:   "https://allerte.provincia.savona.example/verifica?codice=SV-7F3K2",
	}
	switch lang {
	case "en":
		c.Lang, c.Headline = "en", "Heavy rain: landslides and floods are possible around Savona"
		c.Validity = "from 14:00 on Monday 23 November to 12:00 on Tuesday 24 November 2026"
		c.Actions = []string{"Keep away from river banks, bridges and underpasses.", "Do not go down to cellars and garages.", "Travel only if you must."}
	case "de":
		c.Lang, c.Headline = "de", "Starkregen: Erdrutsche und Überschwemmungen rund um Savona möglich"
		c.Validity = "von Montag, 23. November, 14:00 Uhr, bis Dienstag, 24. November 2026, 12:00 Uhr"
		c.Actions = []string{"Halten Sie sich von Ufern, Brücken und Unterführungen fern.", "Gehen Sie nicht in Keller und Tiefgaragen.", "Vermeiden Sie Fahrten, die nicht nötig sind."}
	case "fr":
		c.Lang, c.Headline = "fr", "Fortes pluies : glissements de terrain et inondations possibles autour de Savone"
		c.Validity = "du lundi 23 novembre à 14:00 au mardi 24 novembre 2026 à 12:00"
		c.Actions = []string{"Éloignez-vous des berges, des ponts et des passages souterrains.", "Ne descendez ni à la cave ni au garage.", "Ne vous déplacez qu’en cas de nécessité."}
	}
	return c
}

// longest is a card with the longest fields that an author of scenarios may expect to
// see whole.
func longest(tb testing.TB, lang string) card.Card {
	tb.Helper()
	c := sample(tb, lang)
	c.Drill = wording.Exercise
	c.Act = wording.Update
	c.Areas = []string{"Albisola Superiore", "Albissola Marina", "Bergeggi", "Castelvecchio di Rocca Barbena", "Celle Ligure", "Quiliano", "Savona", "Spotorno", "Stella", "Vado Ligure", "Varazze"}
	switch lang {
	case "de":
		c.Headline = "Hochwasserrückhaltebeckenüberlastung am Letimbro: Überschwemmungsgefahr in den tiefer gelegenen Stadtteilen von Savona"
		c.Proviso = "ÜBUNG: Sie müssen jetzt nichts tun. Bei einer echten Warnung gilt:"
		c.Actions = []string{"Begeben Sie sich unverzüglich in die oberen Stockwerke und benutzen Sie keinen Aufzug.", "Halten Sie Katastrophenschutzzufahrtsstraßen und Feuerwehrzufahrten frei.", "Rufen Sie den Notruf 112 nur bei unmittelbarer Gefahr."}
	case "en":
		c.Headline = "The Letimbro rises quickly: low-lying districts of Savona, Vado Ligure and Quiliano may be flooded within two hours"
		c.Proviso = "EXERCISE: you need not do anything now. In a real alert:"
		c.Actions = []string{"Go to the upper floors at once, and do not use the lift.", "Keep away from bridges, river banks, underpasses and steep slopes.", "Call 112 only if you are in immediate danger."}
	case "fr":
		c.Headline = "Crue rapide du Letimbro : les quartiers bas de Savone, Vado Ligure et Quiliano peuvent être inondés d’ici deux heures"
		c.Proviso = "EXERCICE : vous n’avez rien à faire maintenant. Dans une vraie alerte :"
		c.Actions = []string{"Montez tout de suite aux étages supérieurs et ne prenez pas l’ascenseur.", "Éloignez-vous des ponts, des berges, des passages souterrains et des pentes raides.", "N’appelez le 112 qu’en cas de danger immédiat."}
	default:
		c.Headline = "Piena rapida del Letimbro: i quartieri bassi di Savona, Vado Ligure e Quiliano possono allagarsi entro due ore"
		c.Proviso = "ESERCITAZIONE: adesso non devi fare nulla. In un’allerta vera fai così."
		c.Actions = []string{"Sali subito ai piani alti e non usare l’ascensore.", "Stai alla larga da ponti, argini, sottopassi e pendii ripidi.", "Chiama il 112 solo se sei in pericolo immediato."}
	}
	return c
}

// gallery returns the cards that a person looks at, by name.
func gallery(tb testing.TB) map[string]card.Card {
	tb.Helper()
	out := map[string]card.Card{}
	for _, lang := range wording.Languages() {
		out["orange_"+lang] = sample(tb, lang)
		out["longest_"+lang] = longest(tb, lang)
	}
	change := func(name, lang string, change func(*card.Card)) {
		c := sample(tb, lang)
		change(&c)
		out[name] = c
	}
	change("exercise", "it", func(c *card.Card) { c.Drill = wording.Exercise })
	change("test", "fr", func(c *card.Card) { c.Drill, c.Level = wording.Test, wording.Green })
	change("red_update", "de", func(c *card.Card) { c.Act, c.Level = wording.Update, wording.Red })
	change("all_clear", "it", func(c *card.Card) {
		c.Act, c.Validity, c.Headline = wording.AllClear, "", "Fine allerta per piogge e temporali nel Savonese"
		c.Actions = []string{"Rientra nei locali allagati solo dopo il via libera dei vigili del fuoco."}
	})
	change("revoked", "it", func(c *card.Card) {
		c.Act, c.Level, c.Validity, c.Headline = wording.Cancel, wording.Unrated, "", "Revocata: Piogge forti nel Savonese"
		c.Actions = []string{"Non è richiesta alcuna azione. Per ogni dubbio consultare il sito ufficiale."}
	})
	change("yellow_alone", "it", func(c *card.Card) {
		c.Level, c.Shape, c.Areas = wording.Yellow, abroad(), []string{"Padova centro"}
	})
	change("unrated_no_map", "en", func(c *card.Card) { c.Level, c.Colour, c.Shape = wording.Unrated, false, nil })
	change("severity", "de", func(c *card.Card) { c.Level, c.Colour = wording.Yellow, false })
	change("one_municipality", "it", func(c *card.Card) {
		c.Level, c.Areas, c.Shape = wording.Red, []string{"Bergeggi"}, shape(tb, "009010")
	})
	change("eleven", "it", func(c *card.Card) {
		all := longest(tb, "it")
		c.Areas, c.Headline = all.Areas, "Rischio di frane: evita i versanti ripidi e le strade sotto i pendii"
		c.Shape = shape(tb, "009003", "009004", "009010", "009021", "009022", "009052", "009056", "009057", "009058", "009064", "009065")
	})
	change("whole_province", "it", func(c *card.Card) {
		savona, err := places.Savona()
		if err != nil {
			tb.Fatal(err)
		}
		c.Areas, c.Shape = nil, nil
		for _, m := range savona.Municipalities {
			c.Areas, c.Shape = append(c.Areas, m.Name), append(c.Shape, m.Rings...)
		}
	})
	change("letters_missing", "it", func(c *card.Card) {
		c.Lang, c.Level, c.Headline, c.Areas, c.Actions = "my", wording.Yellow, "ရေကြီးမှု သတိပေးချက်", []string{"ရန်ကုန်"}, []string{"အမြင့်သို့ သွားပါ။"}
	})
	change("cyrillic", "it", func(c *card.Card) {
		c.Lang, c.Headline, c.Areas, c.Actions = "uk", "Сильні дощі: можливі зсуви та повені", []string{"Савона"}, []string{"Не спускайтеся у підвали.", "Тримайтеся подалі від річок."}
	})
	return out
}
