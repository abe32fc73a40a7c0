package website

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"tocsin/templates/pages"
	"tocsin/templates/wording"
)

// Public returns the readers' side of the site. It needs neither JavaScript nor
// cookies, and answers GET and HEAD:
//
//	/                     what is in force now, or that nothing is
//	/a/{code}             an alert: its newest bulletin, then the earlier ones
//	/verifica?codice=C    whether the alert code in C is genuine: a code, a line, an address
//	/cap/{identifier}.xml the signed CAP document
//	/feed.atom            one entry for each message
//	/alerts/current.json  see [Current]
//	/media/{sha256}.jpg   (and .png) an image
//
// Pages take ?lang=it, en, de or fr for the language of what stands around the
// signed texts. What the site does not know in a query it does not look at.
func (s *Site) Public() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		v := s.view()
		if s.doubted.Load() && !v.inForce() {
			doubtful(w)
			return
		}
		s.show(w, r, v.index[s.language(r)], http.StatusOK)
	})
	mux.HandleFunc("GET /a/{code}", s.showAlert)
	mux.HandleFunc("GET /verifica", s.showCheck)
	mux.HandleFunc("GET /cap/{file}", s.showFile)
	mux.HandleFunc("GET /media/{file}", s.showFile)
	mux.HandleFunc("GET /feed.atom", func(w http.ResponseWriter, r *http.Request) {
		v := s.view()
		if s.doubted.Load() && !v.inForce() { // an empty feed takes the alert off its readers' screens
			doubtful(w)
			return
		}
		s.show(w, r, v.feed, http.StatusOK)
	})
	mux.HandleFunc("GET /alerts/current.json", func(w http.ResponseWriter, r *http.Request) {
		v := s.view()
		if s.doubted.Load() && !v.inForce() {
			doubtful(w)
			return
		}
		s.show(w, r, v.current, http.StatusOK)
	})
	icon := fixed("image/svg+xml", s.pages.Icon(), time.Time{})
	icon.open = false
	mux.HandleFunc("GET /icon.svg", func(w http.ResponseWriter, r *http.Request) { s.show(w, r, icon, http.StatusOK) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "The site can only be read.", http.StatusMethodNotAllowed)
			return
		}
		s.showMissing(w, r)
	})
	return s.guarded(mux)
}

// guarded sets on every answer what keeps a browser from doing more than showing
// the page.
func (s *Site) guarded(next http.Handler) http.Handler {
	policy := "default-src 'none'; style-src " + s.pages.StyleSource() +
		"; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if s.base.Scheme == "https" {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// show answers r with d.
func (s *Site) show(w http.ResponseWriter, r *http.Request, d *document, status int) {
	if err := d.serve(w, r, status, &s.packer); err != nil {
		s.c.Log.Error("show a page", "path", r.URL.Path, "error", err)
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "This page cannot be shown at the moment.", http.StatusInternalServerError)
	}
}

// language returns the frame's language that r asks for.
func (s *Site) language(r *http.Request) string {
	if lang := r.URL.Query().Get("lang"); wording.Speaks(lang) {
		return lang
	}
	return s.pages.Language()
}

func (s *Site) showAlert(w http.ResponseWriter, r *http.Request) {
	code := r.PathValue("code")
	if s.awaited.code(clip(code)) {
		s.notYet(w) // the first of its bulletins may be there, and be no longer the newest
		return
	}
	v := s.view() // of after the question: what arrives in between is in it
	if found := v.alerts.get(code); found != nil {
		s.show(w, r, found.pages[s.language(r)], http.StatusOK)
		return
	}
	// A code that was typed by hand, or with its bulletin's number as in a post.
	if found, _ := v.asked(clip(code)); found != nil {
		target := alertPath(found.code)
		if r.URL.RawQuery != "" {
			target += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, target, http.StatusFound)
		return
	}
	s.showUnknown(w, r)
}

func (s *Site) showCheck(w http.ResponseWriter, r *http.Request) {
	code := clip(r.URL.Query().Get("codice"))
	if s.awaited.code(code) {
		s.notYet(w)
		return
	}
	view := s.checkView(s.view(), s.language(r), code)
	if s.doubted.Load() && code != "" && view.Found == nil {
		doubtful(w)
		return
	}
	s.show(w, r, rendered(htmlType, func() ([]byte, error) { return s.pages.Check(view) }), http.StatusOK)
}

func (s *Site) showFile(w http.ResponseWriter, r *http.Request) {
	waiting := s.awaited.file(r.URL.Path) // before the view: what arrives in between is in it
	if d := s.view().files.get(r.URL.Path); d != nil {
		s.show(w, r, d, http.StatusOK)
		return
	}
	if waiting {
		s.notYet(w)
		return
	}
	s.showUnknown(w, r)
}

// notYet answers for an alert that the site knows to be genuine and can't show.
func (s *Site) notYet(w http.ResponseWriter) {
	if s.doubted.Load() {
		doubtful(w)
		return
	}
	Starting(w)
}

// showUnknown answers for an alert, or a file of one, that the site does not show.
func (s *Site) showUnknown(w http.ResponseWriter, r *http.Request) {
	if s.doubted.Load() {
		doubtful(w)
		return
	}
	s.showMissing(w, r)
}

// inForce reports whether the site shows an alert in force. One that was revoked or
// ended before its time is none: of it alone a page says that nothing is.
func (v *snapshot) inForce() bool {
	current, _ := v.standing()
	return slices.ContainsFunc(current, func(r *record) bool { return r.state() == pages.InForce })
}

// doubtful answers that what the site shows may not be all.
func doubtful(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "60")
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "Questo sito ha un guasto: adesso non può dire se ci sono allerte in corso che qui non si vedono, né se un codice è autentico. "+
		"Segui gli altri canali ufficiali; se sei in pericolo chiama il 112.\n"+
		"This site has a fault: at the moment it can't say whether alerts are in force that are not shown here, nor whether a code is genuine. "+
		"Follow the other official channels; if you are in danger call 112.\n"+
		"Diese Seite ist gestört: Sie kann zurzeit nicht sagen, ob Warnungen gelten, die hier nicht zu sehen sind, und ob ein Code echt ist. "+
		"Folgen Sie den anderen amtlichen Kanälen; bei Gefahr wählen Sie 112.\n"+
		"Ce site est en panne : il ne peut pas dire pour le moment si des alertes sont en cours qui ne figurent pas ici, ni si un code est authentique. "+
		"Suivez les autres canaux officiels ; en cas de danger, appelez le 112.", http.StatusServiceUnavailable)
}

func (s *Site) showMissing(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, s.missing[s.language(r)], http.StatusNotFound)
}

// missingPages returns the page for addresses that lead nowhere in each language
// of the frame: whoever tries addresses costs no rendering.
func (s *Site) missingPages() map[string]*document {
	all := map[string]*document{}
	for _, lang := range wording.Languages() {
		view := pages.Missing{Frame: s.frame(lang, "/", wording.Real)}
		all[lang] = rendered(htmlType, func() ([]byte, error) { return s.pages.Missing(view) })
	}
	return all
}

// clip returns what a reader typed, on one line, without what no page can show,
// and not longer than is read of it.
func clip(typed string) string {
	var b strings.Builder
	n := 0
	for _, c := range strings.TrimSpace(typed) {
		if n++; n > maxAsked {
			break
		}
		if c == '\n' || c == '\t' {
			c = ' '
		}
		if c >= ' ' && plain(string(c)) {
			b.WriteRune(c)
		}
	}
	return b.String()
}
