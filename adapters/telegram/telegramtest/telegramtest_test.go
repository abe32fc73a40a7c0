package telegramtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/telegram/telegramtest"
)

const audit, reader = 9900, 4404

// bench is a fake on the network, with a clock.
type bench struct {
	t        *testing.T
	platform *telegramtest.Platform
	clock    *adapterstest.Clock
	url      string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, clock: new(adapterstest.Clock)}
	b.platform = telegramtest.New(telegramtest.Config{Username: "pc_savona", ReaderID: reader, AuditID: audit, Now: b.clock.Now})
	b.url = adapterstest.Serve(t, b.platform).URL
	return b
}

// answer is what the fake answered.
type answer struct {
	status int
	header http.Header
	ok     bool
	says   string // description
	raw    json.RawMessage
	body   string
}

// do sends body to path with a content type; an empty body is a GET.
func (b *bench) do(path, kind, body string) answer {
	b.t.Helper()
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	var in struct {
		OK          bool
		Description string
		Code        int `json:"error_code"`
		Result      json.RawMessage
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		b.t.Fatalf("%s: %v", raw, err)
	}
	if !in.OK && in.Code != resp.StatusCode {
		b.t.Errorf("status %d, error_code %d", resp.StatusCode, in.Code)
	}
	return answer{status: resp.StatusCode, header: resp.Header, ok: in.OK, says: in.Description, raw: in.Result, body: string(raw)}
}

// call calls method with form parameters: name, value, name, value …
func (b *bench) call(method string, pairs ...any) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(fmt.Sprint(pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	return b.do("/bot"+telegramtest.DefaultToken+"/"+method, "application/x-www-form-urlencoded", form.Encode()+"&")
}

// send publishes text and returns its number.
func (b *bench) send(text string) int64 {
	b.t.Helper()
	a := b.call("sendMessage", "chat_id", telegramtest.DefaultChatID, "text", text)
	if !a.ok {
		b.t.Fatal(a.body)
	}
	return b.message(a).ID
}

type message struct {
	ID   int64 `json:"message_id"`
	Text string
	Date int64
	Edit int64 `json:"edit_date"`
	Chat struct{ ID int64 }
	From *struct {
		ID int64 `json:"message_id"`
	} `json:"forward_origin"`
}

func (b *bench) message(a answer) message {
	b.t.Helper()
	var m message
	if err := json.Unmarshal(a.raw, &m); err != nil {
		b.t.Fatalf("%s: %v", a.body, err)
	}
	return m
}

// want fails the test if a is not the refusal says with status.
func (b *bench) want(a answer, status int, says string) {
	b.t.Helper()
	if a.ok || a.status != status || a.says != says {
		b.t.Errorf("got %d %q, want %d %q", a.status, a.says, status, says)
	}
}

func TestTakesParametersInEveryForm(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base := "/bot" + telegramtest.DefaultToken
	chat := strconv.FormatInt(telegramtest.DefaultChatID, 10)
	for _, c := range []struct{ path, kind, body string }{
		{base + "/sendMessage?chat_id=" + chat + "&text=a+b", "", ""},
		{base + "/SENDMESSAGE", "application/x-www-form-urlencoded", "chat_id=@PC_Savona&text=a+b"},
		{base + "/sendMessage", "application/json; charset=utf-8", `{"chat_id":` + chat + `,"text":"a b","unknown":[1]}`},
		{base + "/sendMessage?text=x", "application/json", `{"chat_id":"` + chat + `","text":"a\u0020b"}`},
	} {
		if a := b.do(c.path, c.kind, c.body); !a.ok || b.message(a).Text != "a b" || b.message(a).Chat.ID != telegramtest.DefaultChatID {
			t.Errorf("%s %s: got %s", c.kind, c.body, a.body)
		}
	}
	// What cannot be read holds no parameters.
	b.want(b.do(base+"/sendMessage", "application/json", `{"chat_id":`), 400, "Bad Request: chat_id is empty")
	b.want(b.do(base+"/sendMessage", "text/plain", `{"chat_id":`+chat+`,"text":"x"}`), 400, "Bad Request: chat_id is empty")
	if n := len(b.platform.Live()); n != 4 {
		t.Errorf("%d posts are public, want 4", n)
	}
}

func TestChecksTheToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"/":                       {404, "Not Found"},
		"/getMe":                  {404, "Not Found"},
		"/botgetMe":               {404, "Not Found"},
		"/botnocolon/getMe":       {401, "Unauthorized: invalid token specified"},
		"/bot0123:abcdefgh/getMe": {401, "Unauthorized: invalid token specified"},
		"/bot1:" + strings.Repeat("x", 80) + "/getMe":  {401, "Unauthorized: invalid token specified"},
		"/bot70010:another/getMe":                      {404, "Not Found"},
		"/bot" + telegramtest.DefaultToken + "/getMee": {404, "Not Found: method not found"},
	} {
		b.want(b.do(path, "", ""), want.status, want.says)
	}
	if a := b.call("getMe"); !a.ok || !strings.Contains(a.body, `"id":70010`) || !strings.Contains(a.body, `"is_bot":true`) {
		t.Errorf("getMe: %s", a.body)
	}
}

func TestRefusesBadTexts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	chat := telegramtest.DefaultChatID
	for text, want := range map[string]string{
		"":                         "Bad Request: message text is empty",
		" \n\t ":                   "Bad Request: message text is empty",
		"\u200b\u200d\u00a0\ufeff": "Bad Request: message text is empty",
		strings.Repeat("è", 4097):  "Bad Request: message is too long",
		strings.Repeat("x", 4097):  "Bad Request: message is too long",
		strings.Repeat("x", 32769): "Bad Request: text is too long",
		"\xff":                     "Bad Request: strings must be encoded in UTF-8",
	} {
		b.want(b.call("sendMessage", "chat_id", chat, "text", text), 400, want)
	}
	b.want(b.call("sendMessage", "chat_id", chat, "text", "x", "parse_mode", "Markdown"), 400, "Bad Request: unsupported parse_mode")
	b.want(b.call("sendMessage", "text", "x"), 400, "Bad Request: chat_id is empty")
	b.want(b.call("sendMessage", "chat_id", "@pc_genova", "text", "x"), 400, "Bad Request: chat not found")
	b.want(b.call("sendMessage", "chat_id", -100, "text", "x"), 400, "Bad Request: chat not found")
	if n := len(b.platform.Live()); n != 0 {
		t.Errorf("%d posts are public, want none", n)
	}
	// Code points are counted, not UTF-16 units, and after trimming.
	b.send(strings.Repeat("👍", 4096) + "  ")
}

func TestNumbersGrowWithGaps(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	gap := false
	for i, last := 0, int64(1); i < 12; i++ {
		id := b.send(fmt.Sprint("Avviso ", i))
		if id <= last {
			t.Fatalf("number %d after %d", id, last)
		}
		gap = gap || i > 0 && id > last+1
		last = id
	}
	if !gap {
		t.Error("no gap in twelve numbers")
	}
	for i, l := range b.platform.Live() {
		if want := fmt.Sprint("Avviso ", i); l.Text != want || l.URL != "https://t.me/pc_savona/"+l.ID {
			t.Errorf("post %d is %+v", i, l)
		}
	}
}

func TestReadsThroughTheProfile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 25 {
		b.send(fmt.Sprint("Avviso ", i))
	}
	for limit, want := range map[int]int{0: 1, 3: 3, 20: 20, 99: 20} {
		a := b.call("getUserPersonalChatMessages", "user_id", reader, "limit", limit)
		var all []message
		if err := json.Unmarshal(a.raw, &all); err != nil {
			t.Fatalf("%s: %v", a.body, err)
		}
		if len(all) != want || all[0].Text != "Avviso 24" {
			t.Errorf("limit %d: got %d messages from %q on, want %d from Avviso 24 on", limit, len(all), all[0].Text, want)
		}
	}
	b.want(b.call("getUserPersonalChatMessages", "limit", 3), 400, "Bad Request: invalid user_id specified")
	b.want(b.call("getUserPersonalChatMessages", "user_id", 1, "limit", 3), 400, "Bad Request: user not found")
	if a := b.call("getChat", "chat_id", reader); !strings.Contains(a.body, `"personal_chat"`) {
		t.Errorf("getChat of the reader: %s", a.body)
	}
	b.platform.ShowInProfile(0)
	if a := b.call("getUserPersonalChatMessages", "user_id", reader, "limit", 3); string(a.raw) != "[]" {
		t.Errorf("a profile that shows nothing: %s", a.body)
	}
	if a := b.call("getChat", "chat_id", reader); strings.Contains(a.body, `"personal_chat"`) {
		t.Errorf("getChat of the reader: %s", a.body)
	}
}

func TestEdits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	chat := telegramtest.DefaultChatID
	id := b.send("Allerta")
	edit := func(id any, text string) answer {
		return b.call("editMessageText", "chat_id", chat, "message_id", id, "text", text)
	}
	b.want(edit(id, " Allerta\r\n"), 400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message")
	b.want(edit(id+100, "x"), 400, "Bad Request: message to edit not found")
	b.want(edit("", "x"), 400, "Bad Request: message identifier is not specified")
	b.want(edit(id, ""), 400, "Bad Request: message text is empty")
	b.want(edit(id, strings.Repeat("x", 4097)), 400, "Bad Request: MESSAGE_TOO_LONG")
	b.clock.Advance(72 * time.Hour) // own posts have no time limit
	if m := b.message(edit(id, "AGGIORNATO")); m.Text != "AGGIORNATO" || m.Edit-m.Date < 72*3600-1 {
		t.Errorf("got %+v", m)
	}
	if live := b.platform.Live(); live[0].Text != "AGGIORNATO" {
		t.Errorf("public: %+v", live)
	}
	b.platform.SetRights(telegramtest.Rights{Member: true})
	b.want(edit(id, "x"), 400, "Bad Request: message can't be edited")
}

func TestDeletes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	chat := telegramtest.DefaultChatID
	old, fresh := b.send("vecchio"), int64(0)
	del := func(id any) answer { return b.call("deleteMessage", "chat_id", chat, "message_id", id) }
	b.clock.Advance(48*time.Hour + 2*time.Second)
	fresh = b.send("nuovo")
	b.want(del(old), 400, "Bad Request: message can't be deleted for everyone")
	b.want(del(""), 400, "Bad Request: message identifier is not specified")
	b.platform.SetRights(telegramtest.Rights{Member: true, Post: true})
	b.want(del(fresh), 400, "Bad Request: message can't be deleted")
	b.platform.SetRights(telegramtest.Rights{Member: true, Post: true, Delete: true})
	b.clock.Advance(47 * time.Hour)
	if a := del(fresh); string(a.raw) != "true" {
		t.Errorf("delete: %s", a.body)
	}
	b.want(del(fresh), 400, "Bad Request: message to delete not found")
	if live := b.platform.Live(); len(live) != 1 || live[0].Text != "vecchio" {
		t.Errorf("public: %+v", live)
	}
}

func TestForwards(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	chat := telegramtest.DefaultChatID
	id := b.send("Allerta")
	forward := func(to, from, id any) answer {
		return b.call("forwardMessage", "chat_id", to, "from_chat_id", from, "message_id", id)
	}
	if m := b.message(forward(audit, chat, id)); m.Text != "Allerta" || m.From == nil || m.From.ID != id || m.Chat.ID != audit {
		t.Errorf("got %+v", m)
	}
	b.want(forward("", chat, id), 400, "Bad Request: chat_id is empty")
	b.want(forward(1, chat, id), 400, "Bad Request: chat not found")
	b.want(forward(audit, -1, id), 400, "Bad Request: chat not found")
	b.want(forward(audit, chat, id+1), 400, "Bad Request: message to forward not found")
	b.platform.Fail(adapterstest.Fault{Kind: adapterstest.Lag, Wait: time.Minute})
	late := b.send("in ritardo")
	b.want(forward(audit, chat, late), 400, "Bad Request: message to forward not found")
	b.clock.Advance(time.Minute)
	if m := b.message(forward(audit, chat, late)); m.Text != "in ritardo" {
		t.Errorf("got %+v", m)
	}
	if n := len(b.platform.Live()); n != 2 {
		t.Errorf("%d posts are public, want 2: a forward to another chat is none", n)
	}
}

func TestRights(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	chat := telegramtest.DefaultChatID
	send := func() answer { return b.call("sendMessage", "chat_id", chat, "text", "x") }
	member := func(id int) answer { return b.call("getChatMember", "chat_id", chat, "user_id", id) }
	if a := member(70010); !strings.Contains(a.body, `"can_post_messages":true`) || !strings.Contains(a.body, `"administrator"`) {
		t.Errorf("member: %s", a.body)
	}
	b.want(member(0), 400, "Bad Request: invalid user_id specified")
	b.want(member(5), 400, "Bad Request: member not found")
	b.platform.SetRights(telegramtest.Rights{Member: true})
	b.want(send(), 400, "Bad Request: need administrator rights in the channel chat")
	b.platform.SetRights(telegramtest.Rights{})
	b.want(send(), 403, "Forbidden: bot is not a member of the channel chat")
	if a := member(70010); !strings.Contains(a.body, `"left"`) {
		t.Errorf("member: %s", a.body)
	}
	b.want(b.call("getChatMember", "chat_id", -100, "user_id", 70010), 400, "Bad Request: chat not found")
}

// TestScripts has the answers that are Telegram's own; the kit plays the others.
func TestScripts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	chat := telegramtest.DefaultChatID
	send := func(f adapterstest.Fault) answer {
		b.platform.Fail(f)
		return b.call("sendMessage", "chat_id", chat, "text", "Allerta in corso")
	}
	a := send(adapterstest.Fault{Kind: adapterstest.Throttle, Wait: 16*time.Second + 1})
	b.want(a, 429, "Too Many Requests: retry after 17")
	if a.header.Get("Retry-After") != "17" || !strings.Contains(a.body, `"parameters":{"retry_after":17}`) {
		t.Errorf("got %v %s, want 17 in the header and in the body", a.header, a.body)
	}
	b.want(send(adapterstest.Fault{Kind: adapterstest.Credits}), 429, "Too Many Requests: retry after 86400")
	b.want(send(adapterstest.Fault{Kind: adapterstest.AuthGone}), 401, "Unauthorized")
	if n := len(b.platform.Live()); n != 0 {
		t.Fatalf("%d posts are public, want none", n)
	}
	b.want(send(adapterstest.Fault{Kind: adapterstest.Apply500}), 500, "Internal Server Error: restart")
	if m := b.message(send(adapterstest.Fault{Kind: adapterstest.Alter})); m.Text != "Allerta …" {
		t.Errorf("altered: %+v", m)
	}
	if m := b.message(send(adapterstest.Fault{Kind: adapterstest.Delete})); m.ID == 0 {
		t.Errorf("deleted: %+v", m)
	}
	if n := len(b.platform.Live()); n != 2 {
		t.Errorf("%d posts are public, want 2", n)
	}
	// A request that is refused meets no script.
	b.platform.Fail(adapterstest.Fault{Kind: adapterstest.AuthGone})
	b.want(b.call("sendMessage", "chat_id", chat), 400, "Bad Request: message text is empty")
	b.want(b.call("sendMessage", "chat_id", chat, "text", "x"), 401, "Unauthorized")
}

func TestNamesTheChannel(t *testing.T) {
	t.Parallel()
	p := telegramtest.New(telegramtest.Config{Title: "Protezione civile", Username: "pc_savona"})
	if p.Title() != "Protezione civile" || p.Username() != "pc_savona" {
		t.Errorf("got %q, %q", p.Title(), p.Username())
	}
	if p := telegramtest.New(telegramtest.Config{}); p.Title() == "" || p.Username() != "" {
		t.Errorf("defaults: got %q, %q", p.Title(), p.Username())
	}
}

func TestRefusesAHugeRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.want(b.call("sendMessage", "text", strings.Repeat("x", 1<<20)), 413, "Request Entity Too Large: too much parameters")
}

func TestStored(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a\tb\x00c\x1fd":            "a b c d",
		"a\r\nb\r":                  "a\nb",
		"\u2028a\u202eb\u2029":      "ab",
		"\u202fa\u2027":             "\u202fa\u2027",
		"Bora\u030a \u0333x\u033f":  "Bora x",
		"e\u0301":                   "e\u0301",
		" \n\t a \n":                "a",
		"\u00a0a\u00a0":             "\u00a0a\u00a0",
		"\u200e\u200f\u200ex\u200f": "\u200c\u200c\u200ex\u200f",
		"\u200f\u202a\u200f":        "\u200c\u200f",
		"👨‍👩‍👧‍👦 è":                 "👨‍👩‍👧‍👦 è",
	} {
		if got := telegramtest.Stored(in); got != want {
			t.Errorf("%q is stored as %q, want %q", in, got, want)
		}
	}
	if got := telegramtest.Stored(strings.Repeat("è", 20000)); len(got) > 35000 {
		t.Errorf("a text of %d bytes is stored", len(got))
	}
}

// FuzzCall sends parameters in every form: the fake answers each call with Telegram's
// envelope and stores nothing that it would refuse.
func FuzzCall(f *testing.F) {
	f.Add("application/json", `{"chat_id":-1001000070010,"text":"x"}`)
	f.Add("application/x-www-form-urlencoded", "chat_id=-1001000070010&text=%ff")
	f.Add("multipart/form-data", "--x")
	f.Fuzz(func(t *testing.T, kind, body string) {
		if strings.ContainsAny(kind, "\x00\r\n") || len(body) > 1<<16 {
			t.Skip("not a header")
		}
		p := telegramtest.New(telegramtest.Config{})
		for _, method := range []string{"sendMessage", "getChat", "getChatMember", "editMessageText", "deleteMessage", "forwardMessage", "getUserPersonalChatMessages"} {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/bot"+telegramtest.DefaultToken+"/"+method, strings.NewReader(body))
			req.Header.Set("Content-Type", kind)
			w := httptest.NewRecorder()
			p.ServeHTTP(w, req)
			var in struct{ OK *bool }
			if err := json.Unmarshal(w.Body.Bytes(), &in); err != nil || in.OK == nil {
				t.Errorf("%s: %s (%v)", method, w.Body, err)
			}
		}
		for _, l := range p.Live() {
			if l.Text == "" || l.Text != telegramtest.Stored(l.Text) {
				t.Errorf("%q is public", l.Text)
			}
		}
	})
}
