package alert

import "strings"

// A Way is how somebody was asked to come and sign.
type Way string

// The ways. They are stored: the list only grows.
const (
	WayPhone   Way = "phone"
	WayRadio   Way = "radio"
	WayMessage Way = "message" // SMS, e-mail, chat
	WayPerson  Way = "person"  // somebody went there
)

// Ways returns all ways, in a fixed order.
func Ways() []Way { return []Way{WayPhone, WayRadio, WayMessage, WayPerson} }

// Title names the way for a person, in English for "en" and its regions, else in Italian.
func (w Way) Title(lang string) string {
	pick := func(italian, english string) string {
		if strings.HasPrefix(lang, "en") {
			return english
		}
		return italian
	}
	switch w {
	case WayPhone:
		return pick("telefono", "telephone")
	case WayRadio:
		return pick("radio", "radio")
	case WayMessage:
		return pick("messaggio", "message")
	case WayPerson:
		return pick("di persona", "in person")
	}
	return string(w)
}
