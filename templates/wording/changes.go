package wording

import (
	"fmt"
	"time"
)

// Rated says from which level an alert goes to which, as a sentence: "L’allerta passa da
// arancione a rossa." Without a colour at either end it says which way the danger goes.
// It returns "" for an act that changes no level.
func (w Words) Rated(a Act, from, to Level, colour bool) string {
	if a != Raise && a != Lower {
		return ""
	}
	up := a == Raise
	way := func(higher, lower string) string {
		if up {
			return higher
		}
		return lower
	}
	was, is := w.Colour(from), w.Colour(to)
	if colour = colour && was != "" && is != ""; colour {
		form := map[string]string{
			"it": "L’allerta passa da %s a %s.", "de": "Die Warnstufe wechselt von %s auf %s.", "fr": "L’alerte passe du niveau %s au niveau %s.",
		}[w.Lang]
		if form == "" {
			form = "The alert level goes from %s to %s."
		}
		return fmt.Sprintf(form, was, is)
	}
	switch w.Lang {
	case "it":
		return way("Il pericolo è aumentato.", "Il pericolo è diminuito.")
	case "de":
		return way("Die Gefahr ist gestiegen.", "Die Gefahr ist gesunken.")
	case "fr":
		return way("Le danger a augmenté.", "Le danger a diminué.")
	}
	return way("The danger has grown.", "The danger has become less.")
}

// Extended says until when an alert held before it was extended, as a sentence.
func (w Words) Extended(until time.Time) string {
	form := map[string]string{
		"it": "L’avviso è prorogato: prima valeva fino alle %s.", "de": "Die Meldung ist verlängert. Bisher galt sie bis %s.",
		"fr": "L’avis est prolongé. Il valait jusqu’à %s.",
	}[w.Lang]
	if form == "" {
		form = "The notice is extended. It held until %s before."
	}
	return fmt.Sprintf(form, w.Moment(until))
}

// Over returns description and instruction of a message that ends an alert for which
// nobody has written any.
func (w Words) Over() (text, advice string) {
	switch w.Lang {
	case "it":
		return "Il pericolo di cui parlava l’avviso è finito. Possono restare danni, strade chiuse e punti pericolosi.",
			"- Rispetta le strade e le zone ancora chiuse.\n- Se qualcuno è in pericolo, chiama il 112."
	case "de":
		return "Die Gefahr, vor der gewarnt wurde, ist vorbei. Es kann noch Schäden, gesperrte Straßen und gefährliche Stellen geben.",
			"- Beachten Sie gesperrte Straßen und Bereiche.\n- Wenn jemand in Gefahr ist, wählen Sie 112."
	case "fr":
		return "Le danger annoncé est passé. Il peut rester des dégâts, des routes fermées et des endroits dangereux.",
			"- Respectez les routes et les zones encore fermées.\n- Si quelqu’un est en danger, appelez le 112."
	}
	return "The danger that the notice was about is over. Damage, closed roads and dangerous spots may remain.",
		"- Respect roads and areas that are still closed.\n- If someone is in danger, call 112."
}
