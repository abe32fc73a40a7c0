package alert

import (
	"fmt"
	"slices"
)

// A slot is one place in the sequence of an element's children, as the XML
// schemas of CAP have it (xs:sequence: order counts).
type slot struct {
	name     string
	required bool
	many     bool
	// kids are the places inside; nil for an element that holds text.
	kids []slot
}

func need(name string) slot               { return slot{name: name, required: true} }
func may(name string) slot                { return slot{name: name} }
func any0(name string, kids ...slot) slot { return slot{name: name, many: true, kids: kids} }

// schema returns the sequence inside of alert for a version of CAP.
func schema(v Version) []slot {
	slots := []slot{need("identifier"), need("sender"), need("sent"), need("status"), need("msgType")}
	if v == CAP10 {
		// The password of CAP 1.0 is passed over unread.
		slots = append(slots, may("password"))
	}
	slots = append(slots, may("source"), slot{name: "scope", required: v != CAP10}, may("restriction"), may("addresses"),
		any0("code"), may("note"), may("references"), may("incidents"), any0("info", infoSchema(v)...))
	if v == CAP12 {
		slots = append(slots, any0(signatureName))
	}
	return slots
}

func infoSchema(v Version) []slot {
	slots := []slot{may("language"), {name: "category", required: v != CAP10, many: true}, need("event")}
	if v != CAP10 {
		slots = append(slots, any0("responseType"))
	}
	return append(slots, need("urgency"), need("severity"), need("certainty"), may("audience"),
		any0("eventCode", pairSchema(v)...), may("effective"), may("onset"), may("expires"), may("senderName"),
		may("headline"), may("description"), may("instruction"), may("web"), may("contact"),
		any0("parameter", pairSchema(v)...), any0("resource", resourceSchema(v)...), any0("area", areaSchema(v)...))
}

// pairSchema is nil for CAP 1.0, which writes name=value as text.
func pairSchema(v Version) []slot {
	if v == CAP10 {
		return nil
	}
	return []slot{need("valueName"), need("value")}
}

func resourceSchema(v Version) []slot {
	slots := []slot{need("resourceDesc"), {name: "mimeType", required: v == CAP12}, may("size"), may("uri")}
	if v != CAP10 {
		slots = append(slots, may("derefUri"))
	}
	return append(slots, may("digest"))
}

func areaSchema(v Version) []slot {
	return []slot{
		need("areaDesc"), any0("polygon"), any0("circle"), any0("geocode", pairSchema(v)...), may("altitude"), may("ceiling"),
	}
}

// A walk holds a tree against a schema, gives each node its path, and takes
// out of the tree what has no place.
type walk struct {
	strict bool
	rep    *report
}

func (w walk) element(n *node, slots []slot, path string) {
	n.path = path
	w.rep.at[path] = n.at
	if slots == nil {
		w.leaf(n)
		return
	}
	if !isBlank(n.text) {
		w.rep.fail(RuleMixed, path, n.at, "there is text between its elements", "move the text into an element")
	}
	counts := make([]int, len(slots))
	reached := 0
	n.kids = slices.DeleteFunc(n.kids, func(kid *node) bool {
		i := slices.IndexFunc(slots, func(s slot) bool { return s.name == kid.name })
		if i < 0 {
			if kid.name == signatureName && !w.strict {
				kid.path = path + "/" + kid.name
				w.rep.signature(kid)
			}
			w.rep.fail(RuleUnknown, path+"/"+kid.name, kid.at, "CAP has no such element here", "delete it, or correct its name")
			return true
		}
		counts[i]++
		kidPath := path + "/" + kid.name
		if slots[i].many {
			kidPath = fmt.Sprintf("%s[%d]", kidPath, counts[i])
		}
		if !w.fits(kid, slots, i, reached, counts[i], kidPath) {
			return true
		}
		reached = i
		w.element(kid, slots[i].kids, kidPath)
		return false
	})
	for i, s := range slots {
		if s.required && counts[i] == 0 {
			w.rep.fail(RuleMissing, path+"/"+s.name, n.at, "is missing", "add it"+after(slots, counts, i))
		}
	}
}

// fits reports whether kid, of slot i, can follow the slot that was reached,
// as the count'th of its name.
func (w walk) fits(kid *node, slots []slot, i, reached, count int, path string) bool {
	switch {
	case count > 1 && !slots[i].many:
		w.rep.fail(RuleRepeated, path, kid.at, "occurs more than once", "keep one")
	case i < reached:
		w.rep.fail(RuleOrder, path, kid.at, "stands after "+slots[reached].name, "move it before "+slots[reached].name)
	default:
		return true
	}
	return false
}

// after says behind which element of those that are there slot i belongs.
func after(slots []slot, counts []int, i int) string {
	for j := i - 1; j >= 0; j-- {
		if counts[j] > 0 {
			return " after " + slots[j].name
		}
	}
	return " as the first"
}

func (w walk) leaf(n *node) {
	if len(n.kids) > 0 {
		w.rep.fail(RuleMixed, n.path, n.at, "holds elements, and can hold only text", "take them out")
	}
	if !n.comment {
		return
	}
	const message = "a comment stands in its text, which reads as if it were not there"
	if w.strict {
		w.rep.fail(RuleComment, n.path, n.at, message, "move the comment between elements")
		return
	}
	w.rep.warn(RuleComment, n.path, n.at, message, "")
}
