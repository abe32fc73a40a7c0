package alert

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
