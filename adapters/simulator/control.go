package simulator

// This file holds what programs read and say over HTTP: the truth, the faults and
// the record. The pages for people are in pages.go.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"tocsin/adapters/adapterstest"
)

const maxOrder = 4 << 10 // bytes of a request that sets a fault

// A livePost is one post as GET /api/live tells it.
type livePost struct {
	ID    string    `json:"id"`
	Text  string    `json:"text"`  // what it says now
	First string    `json:"first"` // what it said when it was published
	Image string    `json:"image"` // SHA-256 in lower-case hexadecimal; "" for none
	Alt   string    `json:"alt"`
	At    time.Time `json:"at"`
	URL   string    `json:"url"`

	ReplyTo  string   `json:"reply_to"` // id of the post that it answers; "" for none
	Comments []string `json:"comments"` // of the account below the post, in order
}

// A faultOrder is the body of POST /api/faults.
type faultOrder struct {
	Channel string `json:"channel"` // the kind of platform
	Fault   string `json:"fault"`   // FAULT or FAULT:N, as on the command line
	WaitMS  int64  `json:"wait_ms"` // of throttle and lag; 0 for one second
}

// A conditionOrder is the body of POST /api/conditions.
type conditionOrder struct {
	Channel   string `json:"channel"`   // the kind of platform
	Condition string `json:"condition"` // one of adapterstest.Conditions
}

// A troubleOrder is the body of POST /api/troubles.
type troubleOrder struct {
	Channel string `json:"channel"`        // the kind of platform
	Trouble string `json:"trouble"`        // edit, hide, delete or foreign
	Post    string `json:"post,omitempty"` // "" for the newest one
	Text    string `json:"text,omitempty"` // of edit and foreign; "" for one that is plainly not ours
}

// handler returns everything that is served on Config.Listen.
func (st *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "ok\n") // a caller that went away needs no answer
	})
	mux.HandleFunc("GET /api/live", st.live)
	mux.HandleFunc("GET /api/requests", st.requests)
	mux.HandleFunc("POST /api/faults", st.fail)
	mux.HandleFunc("DELETE /api/faults", st.clear)
	mux.HandleFunc("POST /api/conditions", st.condition)
	mux.HandleFunc("POST /api/troubles", st.trouble)
	mux.HandleFunc("GET /{$}", st.overview)
	mux.HandleFunc("GET /style.css", st.style)
	mux.HandleFunc("GET /{kind}", st.timeline)
	mux.HandleFunc("GET /{kind}/{id}", st.post)
	mux.HandleFunc("GET /instagram/p/{code}/{$}", st.post)
	mux.HandleFunc("GET /{kind}/images/{sha256}", st.image)
	// A page that somebody has open in a browser must not be able to set faults.
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		guarded.ServeHTTP(w, r)
	})
}

// live answers what is public on every platform.
func (st *site) live(w http.ResponseWriter, _ *http.Request) {
	all := map[string][]livePost{}
	for _, kind := range Kinds() {
		all[kind] = []livePost{}
		for _, p := range st.sim.outlets[kind].platform.Live() {
			all[kind] = append(all[kind], livePost{ID: p.ID, Text: p.Text, First: p.First, Image: p.Image, Alt: p.Alt, At: p.At.UTC(), URL: p.URL, ReplyTo: p.ReplyTo, Comments: append([]string{}, p.Comments...)})
		}
	}
	respond(w, http.StatusOK, all)
}

// requests answers the record, from after the number that the parameter "after"
// gives.
func (st *site) requests(w http.ResponseWriter, r *http.Request) {
	after := int64(0)
	if v := r.URL.Query().Get("after"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			refuse(w, http.StatusBadRequest, fmt.Errorf("after=%.30q: use the number of a request", v))
			return
		}
		after = n
	}
	respond(w, http.StatusOK, st.sim.record.after(after))
}

// order reads the body of an order; it has answered where it is not ok.
func order(w http.ResponseWriter, r *http.Request, what string) (body []byte, ok bool) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, fmt.Errorf("send the %s as application/json", what))
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Errorf("the %s has more than %d bytes", what, maxOrder))
		return nil, false
	}
	return body, true
}

// condition puts an account into a condition.
func (st *site) condition(w http.ResponseWriter, r *http.Request) {
	body, ok := order(w, r, "condition")
	if !ok {
		return
	}
	var in conditionOrder
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf(`read the condition: %w; write it as {"channel":"telegram","condition":"revoked"}`, err))
		return
	}
	c, err := adapterstest.ParseCondition(in.Condition)
	if err == nil {
		err = st.sim.SetCondition(in.Channel, c)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	respond(w, http.StatusOK, in)
}

// trouble has somebody else meddle with an account.
func (st *site) trouble(w http.ResponseWriter, r *http.Request) {
	body, ok := order(w, r, "trouble")
	if !ok {
		return
	}
	in := troubleOrder{Text: "Le scuole sono aperte"}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf(`read the trouble: %w; write it as {"channel":"facebook","trouble":"edit"}`, err))
		return
	}
	kind, err := adapterstest.ParseTrouble(in.Trouble)
	if err == nil {
		err = st.sim.Trouble(in.Channel, adapterstest.Trouble{Kind: kind, Post: in.Post, Text: in.Text})
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	respond(w, http.StatusOK, in)
}

// fail sets a fault.
func (st *site) fail(w http.ResponseWriter, r *http.Request) {
	body, ok := order(w, r, "fault")
	if !ok {
		return
	}
	kind, f, err := parseFault(body)
	if err == nil {
		err = st.sim.Fail(kind, f)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	respond(w, http.StatusOK, map[string]any{"channel": kind, "fault": f.Kind, "times": f.Times, "wait_ms": f.Wait.Milliseconds()})
}

// parseFault reads the body of POST /api/faults: one JSON object with no field but
// the known ones.
func parseFault(body []byte) (kind string, f adapterstest.Fault, err error) {
	var order faultOrder
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&order); err != nil {
		return "", f, fmt.Errorf(`read the fault: %w; write it as {"channel":"telegram","fault":"apply-drop:2","wait_ms":500}`, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", f, errors.New("read the fault: there is more after the object")
	}
	if f, err = adapterstest.ParseFault(order.Fault); err != nil {
		return "", f, err
	}
	if order.WaitMS < 0 || order.WaitMS > maxWait.Milliseconds() {
		return "", f, fmt.Errorf("wait_ms %d: use 0 to %d", order.WaitMS, maxWait.Milliseconds())
	}
	f.Wait = time.Duration(order.WaitMS) * time.Millisecond
	return order.Channel, f, nil
}

// clear ends the faults of all platforms, or of the one that the parameter
// "channel" names.
func (st *site) clear(w http.ResponseWriter, r *http.Request) {
	kinds := Kinds()
	if kind := r.URL.Query().Get("channel"); kind != "" {
		if _, err := st.sim.outlet(kind); err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		kinds = []string{kind}
	}
	var all []error
	for _, kind := range kinds {
		all = append(all, st.sim.Clear(kind))
	}
	if err := errors.Join(all...); err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// image answers the bytes of an image that is on the timeline.
func (st *site) image(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("sha256")
	o, err := st.sim.outlet(r.PathValue("kind"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	for _, p := range o.platform.Live() {
		data := st.sim.picture(o.kind, p.Image)
		if p.Image == "" || p.Image != name || data == nil {
			continue
		}
		w.Header().Set("Content-Type", "image/jpeg") // cards are
		w.Header().Set("Cache-Control", "public, max-age=3600, immutable")
		_, _ = w.Write(data) // a caller that went away needs no answer
		return
	}
	http.NotFound(w, r)
}

func respond(w http.ResponseWriter, status int, v any) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		http.Error(w, "the answer could not be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a caller that went away needs no answer
}

func refuse(w http.ResponseWriter, status int, err error) {
	respond(w, status, map[string]string{"error": err.Error()})
}
