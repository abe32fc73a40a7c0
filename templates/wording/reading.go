package wording

import "strings"

// LevelOf returns the level of a CAP info, and whether its issuer declared it as
// an alert colour: by the parameter livello_allerta ("gialla") or that of
// MeteoAlarm, awareness_level ("3; orange; Severe"). Where neither says a colour,
// the level is that of the severity, which is never turned into a colour: those
// are the institutions' own.
func LevelOf(livello, awareness, severity string) (l Level, colour bool) {
	switch strings.ToLower(strings.TrimSpace(livello)) {
	case "verde":
		return Green, true
	case "gialla":
		return Yellow, true
	case "arancione":
		return Orange, true
	case "rossa":
		return Red, true
	}
	// Capitals vary in what others write, the number does not.
	number, _, _ := strings.Cut(awareness, ";")
	if n := strings.TrimSpace(number); len(n) == 1 && n >= "1" && n <= "4" {
		return Level(n[0] - '0'), true
	}
	switch severity {
	case "Minor":
		return Green, false
	case "Moderate":
		return Yellow, false
	case "Severe":
		return Orange, false
	case "Extreme":
		return Red, false
	}
	return Unrated, false
}

// ActOf returns what a CAP message does. The end of a danger is an Update whose
// responseType is AllClear or whose urgency is Past, and no Cancel: that revokes. What
// an Update changes is declared by the parameter atto: "proroga", "innalzamento",
// "declassamento"; any other word is an update like others.
func ActOf(msgType, urgency string, allClear bool, declared string) Act {
	switch {
	case msgType == "Cancel":
		return Cancel
	case allClear, msgType == "Update" && urgency == "Past":
		return AllClear
	case msgType != "Update":
		return Issue
	}
	switch declared {
	case "proroga":
		return Extend
	case "innalzamento":
		return Raise
	case "declassamento":
		return Lower
	}
	return Update
}

// Declared returns what the parameter atto says of an act, "" for one that needs none.
func (a Act) Declared() string {
	switch a {
	case Update:
		return "aggiornamento"
	case Extend:
		return "proroga"
	case Raise:
		return "innalzamento"
	case Lower:
		return "declassamento"
	case Issue, AllClear, Cancel:
	}
	return ""
}
