package signing

import (
	"fmt"
	"slices"
	"strconv"

	"tocsin/broker/bulletin"
)

// A PolicyChange is one part of a policy in which it differs from another one. Was and Is
// are as a policy's file has them.
type PolicyChange struct {
	Part    string // such as "alert", or "breakglass.channels"
	Was, Is string // "" where the policy has no such part
	// Looser says that something may be released, or can't be stopped, that the other
	// policy kept back.
	Looser bool
}

// Changes returns in what p differs from the policy before it, in the order of the file.
// The same rule in other words is no change.
func (p *Policy) Changes(old *Policy) (out []PolicyChange) {
	add := func(part, was, is string, looser bool) {
		if was != is {
			out = append(out, PolicyChange{part, was, is, looser})
		}
	}
	for _, s := range bulletinSubjects() {
		was, is := old.rule(s), p.rule(s)
		if is.looserThan(was) || was.looserThan(is) {
			add(s.part(), was.text(), is.text(), is.looserThan(was))
		}
	}
	for _, kind := range bulletin.HaltKinds() {
		was, is := old.halts[kind], p.halts[kind]
		if lacks(is, was) || lacks(was, is) {
			add("halts."+string(kind), "any: "+listText(was), "any: "+listText(is), lacks(is, was))
		}
	}
	out = append(out, breakglassChanges(old.breakglass, p.breakglass)...)
	was, is := old.hardware, p.hardware
	add("hardware_keys.user_verification", strconv.FormatBool(!was.WithoutVerification), strconv.FormatBool(!is.WithoutVerification), is.WithoutVerification)
	add("hardware_keys.synced_passkeys", strconv.FormatBool(was.SyncedPasskeys), strconv.FormatBool(is.SyncedPasskeys), is.SyncedPasskeys)
	add("hardware_keys.origins", listText(was.Origins), listText(is.Origins), len(was.Origins) > 0 && (len(is.Origins) == 0 || lacks(was.Origins, is.Origins)))
	return out
}

// looserThan reports whether signatures that satisfy r would not have satisfied old.
func (r Rule) looserThan(old Rule) bool {
	least := [][]Role{r.All} // what is just enough for r
	if len(r.Any) > 0 {
		least = nil
		for _, role := range r.Any {
			least = append(least, []Role{role})
		}
	}
	return slices.ContainsFunc(least, func(signed []Role) bool {
		if len(old.Any) > 0 {
			return !slices.ContainsFunc(old.Any, func(role Role) bool { return slices.Contains(signed, role) })
		}
		return lacks(signed, old.All)
	})
}

// lacks reports whether something of want is not in have.
func lacks[T comparable](have, want []T) bool {
	return slices.ContainsFunc(want, func(w T) bool { return !slices.Contains(have, w) })
}

func breakglassChanges(was, is *BreakglassRules) (out []PolicyChange) {
	switch {
	case was == nil && is == nil:
		return nil
	case is == nil:
		return []PolicyChange{{Part: "breakglass", Was: was.text()}}
	case was == nil:
		return []PolicyChange{{Part: "breakglass", Is: is.text(), Looser: true}}
	}
	looser := map[string]bool{
		"attempts": is.Attempts < was.Attempts, "wait_minutes": is.Wait < was.Wait, "at_once": lacks(was.AtOnce, is.AtOnce), "events": lacks(was.Events, is.Events),
		"channels": lacks(was.Channels, is.Channels), "life_minutes": is.Life > was.Life, "per_day": is.PerDay > was.PerDay, "notify": lacks(is.Notify, was.Notify),
	}
	before, after := was.values(), is.values()
	for _, key := range breakglassKeys() {
		if before[key] != after[key] {
			out = append(out, PolicyChange{"breakglass." + key, before[key], after[key], looser[key]})
		}
	}
	return out
}

// breakglassKeys are the keys of the part in a policy, in the order of the page on it.
func breakglassKeys() []string {
	return []string{"attempts", "wait_minutes", "at_once", "events", "channels", "life_minutes", "per_day", "notify"}
}

// values are the rules as a policy has them, by key.
func (g *BreakglassRules) values() map[string]string {
	return map[string]string{
		"attempts": strconv.Itoa(g.Attempts), "wait_minutes": strconv.Itoa(int(g.Wait.Minutes())), "at_once": listText(g.AtOnce), "events": listText(g.Events),
		"channels": listText(g.Channels), "life_minutes": strconv.Itoa(int(g.Life.Minutes())), "per_day": strconv.Itoa(g.PerDay), "notify": listText(g.Notify),
	}
}

func (g *BreakglassRules) text() string {
	values, text := g.values(), ""
	for _, key := range breakglassKeys() {
		text += fmt.Sprintf(", %s: %s", key, values[key])
	}
	return text[len(", "):]
}
