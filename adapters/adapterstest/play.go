package adapterstest

import (
	"io"
	"net/http"
	"time"
)

// Drop drops the connection without an answer. It does not return: net/http
// recovers what it panics with.
func Drop() { panic(http.ErrAbortHandler) }

// PlayBefore plays the part of f that comes before a write is applied and is the
// same on every platform: Refuse drops the connection, Stall holds it until the
// caller gives up; neither returns. Slow holds it for f.Wait. Stuck and Discard are Refuse where the
// fake has not played them. For every other script it does nothing.
//
// The fake has read the request's body before, or it never learns that the
// caller gave up.
func (f Fault) PlayBefore(r *http.Request) {
	switch f.Kind {
	case Refuse, Stuck, Discard:
		Drop()
	case Slow:
		timer := time.NewTimer(f.Wait)
		defer timer.Stop()
		<-timer.C // also where the caller has given up
	case Stall:
		<-r.Context().Done()
		Drop()
	default:
	}
}

// PlayAfter plays the part of f that comes after a write was applied and is the
// same on every platform, and reports whether it has answered: ApplyHTML and
// Malformed answer, ApplyDrop and ApplyTimeout drop the connection and do not
// return. The other scripts are the platform's own.
func (f Fault) PlayAfter(w http.ResponseWriter, r *http.Request) (answered bool) {
	switch f.Kind {
	case ApplyDrop:
		Drop()
	case ApplyTimeout:
		<-r.Context().Done()
		Drop()
	case ApplyHTML:
		page(w, http.StatusBadGateway, "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n")
		return true
	case Malformed:
		page(w, http.StatusOK, "<!doctype html><title>Welcome</title><p>Please accept the terms of this network.</p>\n")
		return true
	default:
	}
	return false
}

func page(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // a caller that went away is part of the play
}
