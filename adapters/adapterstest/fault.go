package adapterstest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A FaultKind is one way in which a platform fails. The names are those of the
// command line (`tocsin demo --fault CHANNEL=FAULT`).
type FaultKind string

// The fault scripts. "Applied" means that the post becomes public.
const (
	Refuse       FaultKind = "refuse"        // drop the connection before the request is read; not applied
	ApplyDrop    FaultKind = "apply-drop"    // apply, then drop the connection
	Apply500     FaultKind = "apply-500"     // apply, then answer the platform's own server error
	ApplyHTML    FaultKind = "apply-html"    // apply, then answer a front end's 502 HTML page
	ApplyTimeout FaultKind = "apply-timeout" // apply, then hold the answer until the caller gives up
	Throttle     FaultKind = "throttle"      // the platform's own "too many requests", with Wait; not applied
	Lag          FaultKind = "lag"           // apply and answer well, but reads do not show the post for Wait
	DuplicateOf  FaultKind = "duplicate"     // apply, then answer that the same content exists (platforms without such an answer: apply-drop)
	AuthGone     FaultKind = "auth"          // the platform's own "token invalid"; not applied
	Credits      FaultKind = "credits"       // the platform's own "budget used up"; not applied
	Alter        FaultKind = "alter"         // apply a changed text, answer well
	Delete       FaultKind = "delete"        // apply, answer well, then somebody deletes the post
	Malformed    FaultKind = "malformed"     // apply, then answer 200 with a body that is not the platform's
	Stall        FaultKind = "stall"         // hold the call until the caller gives up; not applied
	Slow         FaultKind = "slow"          // hold the call for Wait, then apply and answer well; applied also where the caller has given up
	Stuck        FaultKind = "stuck"         // what was prepared never gets ready (platforms without a first step of their own: refuse)
	Discard      FaultKind = "discard"       // what was prepared was thrown away (platforms without a first step of their own: refuse)
	ApplyRefuse  FaultKind = "apply-refuse"  // apply, then answer the platform's own refusal that is known to lie (platforms without one: apply-500)
	Down         FaultKind = "down"          // the platform is off the network until Faults.Clear
)

// FaultKinds lists every script, in the order of the manual.
func FaultKinds() []FaultKind {
	return []FaultKind{Refuse, ApplyDrop, Apply500, ApplyHTML, ApplyTimeout, Throttle, Lag, DuplicateOf, AuthGone, Credits, Alter, Delete, Malformed, Stall, Slow, Stuck, Discard, ApplyRefuse, Down}
}

// FaultNames lists every script for a person who is to choose one.
func FaultNames() string {
	var names []string
	for _, k := range FaultKinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// Applies reports whether the post becomes public under the script.
func (k FaultKind) Applies() bool {
	switch k {
	case ApplyDrop, Apply500, ApplyHTML, ApplyTimeout, Lag, DuplicateOf, Alter, Delete, Malformed, Slow, ApplyRefuse:
		return true
	case Refuse, Throttle, AuthGone, Credits, Stall, Stuck, Discard, Down:
		return false
	}
	return false
}

// A Fault is what a fake platform does to its next writes.
type Fault struct {
	Kind  FaultKind
	After int           // how many writes go well before
	Times int           // how many writes meet it; 0 counts as 1
	Wait  time.Duration // Throttle: what the platform asks for; Lag: how late reads are; Slow: how late the write is; 0 for one second
}

// ParseFault reads FAULT or FAULT:N, as on the command line.
func ParseFault(s string) (Fault, error) {
	name, times, has := strings.Cut(s, ":")
	f := Fault{Kind: FaultKind(name), Times: 1}
	if !slices.Contains(FaultKinds(), f.Kind) {
		return Fault{}, fmt.Errorf("fault %q: use one of %s", name, FaultNames())
	}
	if has {
		n, err := strconv.Atoi(times)
		if err != nil || n < 1 || n > 1000 {
			return Fault{}, fmt.Errorf("fault %q: what follows the colon must be a number from 1 to 1000", s)
		}
		f.Times = n
	}
	return f, nil
}

// Faults holds the scripts that wait for a fake platform's coming writes. The
// zero value holds none. It is safe for concurrent use.
type Faults struct {
	mu   sync.Mutex
	next []Fault
	down bool
}

// Fail queues f for the coming writes; Down takes effect at once.
func (fs *Faults) Fail(f Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f.Kind == Down {
		fs.down = true
		return
	}
	f.Times = max(f.Times, 1)
	if f.Wait == 0 {
		f.Wait = time.Second
	}
	fs.next = append(fs.next, f)
}

// Clear forgets every script that has not been played, and ends Down.
func (fs *Faults) Clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.next, fs.down = nil, false
}

// IsDown reports whether the platform is off the network. A fake then drops
// every connection, reads included, without reading the request.
func (fs *Faults) IsDown() bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.down
}

// Take returns the script for this write, or the zero Fault for none. A fake
// calls it once for each public write, after it has checked the request as the
// platform would (a refused request meets no fault).
func (fs *Faults) Take() Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if len(fs.next) == 0 {
		return Fault{}
	}
	if fs.next[0].After > 0 {
		fs.next[0].After--
		return Fault{}
	}
	f := fs.next[0]
	if fs.next[0].Times--; fs.next[0].Times == 0 {
		fs.next = fs.next[1:]
	}
	f.Times = 1
	return f
}
