package website

import (
	"net/http"
	"strings"
	"sync"

	"tocsin/adapters"
)

// awaited are the alerts that the site is about to be handed again. The zero value
// holds none.
type awaited struct {
	mu    sync.RWMutex
	codes map[string]bool   // as readers type them: letters and figures alone
	files map[string]string // codes by the paths of their CAP documents
}

// Expect names alerts that the site showed before its process began, and that it is
// still to be handed: until they have [Site.Arrived], whoever asks for one is told
// that the site is starting. To deny a genuine alert would be worse than to be slow.
func (s *Site) Expect(past []adapters.Past) {
	a := &s.awaited
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.codes == nil {
		a.codes, a.files = map[string]bool{}, map[string]string{}
	}
	for _, p := range past {
		a.codes[spoken(p.Code)] = true
		for _, identifier := range p.Identifiers {
			a.files[capFile(identifier)] = spoken(p.Code)
		}
	}
}

// Arrived says that all of an alert is on the site that was expected.
func (s *Site) Arrived(code string) {
	a := &s.awaited
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.codes, spoken(code))
}

// Doubt says that there may be alerts which the site is never handed: from then on it
// neither says that there is none nor denies one that it does not show.
func (s *Site) Doubt() { s.doubted.Store(true) }

// code reports whether the alert is awaited whose code a reader typed, perhaps with
// its bulletin's number.
func (a *awaited) code(typed string) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if len(a.codes) == 0 {
		return false
	}
	cut := strings.LastIndexAny(typed, "-–—‐‑ ")
	return a.codes[spoken(typed)] || cut > 0 && a.codes[spoken(typed[:cut])]
}

// file reports whether what a path names is awaited. Of pictures nobody knows to which
// alert they belong.
func (a *awaited) file(path string) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.codes[a.files[path]] || len(a.codes) > 0 && strings.HasPrefix(path, "/media/")
}

// Starting answers that the site does not show yet all that it will show.
func Starting(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "Il sito si riavvia: riprova fra un momento.\nThe site is starting: try again in a moment.\n"+
		"Die Seite startet neu: Versuchen Sie es gleich noch einmal.\nLe site redémarre : réessayez dans un instant.", http.StatusServiceUnavailable)
}

var _ adapters.Archive = (*Site)(nil)
