package download_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin/adapters/download"
)

// TestGet takes documents from a server on loopback that behaves, or does not.
func TestGet(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 10)
	stalled := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" || r.Header.Get("Authorization") != "" {
			t.Error("the request holds a credential")
		}
		_, _ = w.Write([]byte("<alert/>"))
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/inner", http.StatusFound) })
	mux.HandleFunc("/inner", func(http.ResponseWriter, *http.Request) { reached <- "inner" })
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) {
		for range 100 {
			_, _ = w.Write(bytes.Repeat([]byte(" "), 1000))
		}
	})
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 1000 {
			_, _ = z.Write(make([]byte, 10_000))
		}
		_ = z.Close()
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("<al"))
		w.(http.Flusher).Flush() //nolint:forcetypeassert // the test server's writer is one
		select {
		case <-stalled:
		case <-r.Context().Done():
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(stalled) })
	private := download.Options{AllowPrivate: true, MaxBytes: 10_000, Timeout: 10 * time.Second}
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for name, c := range map[string]struct {
		address string
		options download.Options
		says    string
		refused bool
	}{
		"good":           {server.URL + "/good", private, "", false},
		"not_there":      {server.URL + "/nothing", private, "answered 404", false},
		"redirect":       {server.URL + "/away", private, "wants to send us elsewhere", false},
		"huge":           {server.URL + "/huge", private, "over 10000 bytes", false},
		"bomb":           {server.URL + "/bomb", private, "over 10000 bytes", false},
		"slow":           {server.URL + "/slow", download.Options{AllowPrivate: true, Timeout: 50 * time.Millisecond}, "cut short", false},
		"private":        {server.URL + "/inner", download.Options{}, "leads into a private network", true},
		"private_name":   {"http://localhost" + port + "/inner", download.Options{}, "leads into a private network", true},
		"metadata":       {"http://169.254.169.254/latest/meta-data/", download.Options{}, "leads into a private network", true},
		"unspecified":    {"http://0.0.0.0" + port + "/inner", download.Options{}, "leads into a private network", true},
		"mapped":         {"http://[::ffff:127.0.0.1]" + port + "/inner", download.Options{}, "leads into a private network", true},
		"decimal":        {"http://2130706433" + port + "/inner", download.Options{Timeout: time.Second}, "", true},
		"nat64":          {"http://[64:ff9b::7f00:1]" + port + "/inner", download.Options{}, "leads into a private network", true},
		"six_to_four":    {"http://[2002:7f00:1::1]" + port + "/inner", download.Options{}, "leads into a private network", true},
		"file":           {"file:///etc/hostname", private, "no http or https address", true},
		"other_protocol": {"gopher://127.0.0.1/", private, "no http or https address", true},
		"no_host":        {"http:///inner", private, "no http or https address", true},
		"credentials":    {"http://a:secret-word@127.0.0.1" + port + "/inner", private, "user name or a password", true},
		"line_feed":      {server.URL + "/inner\r\nHost: x", private, "no http or https address", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := download.Get(t.Context(), c.address, c.options)
			if name == "good" {
				if err != nil || string(raw) != "<alert/>" {
					t.Fatalf("got %q, %v", raw, err)
				}
				return
			}
			failed, ok := errors.AsType[*download.Error](err)
			if !ok || raw != nil || !strings.Contains(err.Error(), c.says) || name != "decimal" && failed.Refused != c.refused {
				t.Fatalf("got %q, %+v; want %q, refused %v", raw, err, c.says, c.refused)
			}
			if strings.Contains(err.Error(), "secret-word") || strings.Contains(err.Error(), "/inner") {
				t.Errorf("the error quotes the address: %v", err)
			}
			if name == "redirect" && (failed.Location != "/inner" || failed.Status != http.StatusFound) {
				t.Errorf("got %+v, want where it leads", failed)
			}
		})
	}
	t.Cleanup(func() {
		select {
		case path := <-reached:
			t.Errorf("somebody reached %s", path)
		default:
		}
	})
}

// TestGetEnds cancels a call.
func TestGetEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := download.Get(ctx, "http://127.0.0.1:9/", download.Options{AllowPrivate: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}
