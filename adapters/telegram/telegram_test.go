package telegram_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/telegram"
	"tocsin/adapters/telegram/telegramtest"
)

const (
	reader  = 4404
	private = "" // the public name of a channel that has none
)

// secrets are what must appear nowhere: the token, and its secret part alone.
func secrets() []string {
	_, secret, _ := strings.Cut(telegramtest.DefaultToken, ":")
	return []string{telegramtest.DefaultToken, secret}
}

// rig returns a channel with the public name username, read by the user readerID
// (0 for nobody).
func rig(t *testing.T, username string, readerID int64) (adapterstest.Rig, *telegramtest.Platform) {
	t.Helper()
	clock := new(adapterstest.Clock)
	platform := telegramtest.New(telegramtest.Config{Username: username, ReaderID: readerID, Now: clock.Now})
	server := adapterstest.Serve(t, platform)
	open := func() (adapters.Channel, error) {
		return telegram.New(telegram.Config{
			Name: "telegram-savona", BaseURL: server.URL, Token: telegramtest.DefaultToken,
			ChatID:       strconv.FormatInt(telegramtest.DefaultChatID, 10),
			ReaderUserID: readerID, AllowPrivate: true,
		})
	}
	channel, err := open()
	if err != nil {
		t.Fatal(err)
	}
	post := adapterstest.Sample()
	if readerID != 0 {
		post.Image = adapterstest.Picture(t, 40, 50)
	}
	return adapterstest.Rig{
		Post: post, NoAlt: true,
		Channel: channel, Open: open, Platform: platform, Server: server, Clock: clock,
		Secrets: secrets(),
		Lacks:   []adapterstest.FaultKind{adapterstest.Credits},
	}, platform
}

func TestConformance(t *testing.T) {
	t.Parallel()
	adapterstest.Run(t, func(t *testing.T) adapterstest.Rig { r, _ := rig(t, "pc_savona", reader); return r })
}

// TestConformanceWithoutReader runs the kit on the weakest account: a private channel
// that nobody shows in a profile.
func TestConformanceWithoutReader(t *testing.T) {
	t.Parallel()
	adapterstest.Run(t, func(t *testing.T) adapterstest.Rig { r, _ := rig(t, private, 0); return r })
}

// answering returns a channel whose every call is answered by h.
func answering(t *testing.T, c telegram.Config, h http.HandlerFunc) *telegram.Channel {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c.Name, c.Token, c.AllowPrivate = "telegram-savona", telegramtest.DefaultToken, true
	c.BaseURL = server.URL
	if c.ChatID == "" {
		c.ChatID = strconv.FormatInt(telegramtest.DefaultChatID, 10)
	}
	ch, err := telegram.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// says answers every call with status and body.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// TestSendsPlainText looks at the request itself: what is not in it can't be shown.
func TestSendsPlainText(t *testing.T) {
	t.Parallel()
	for name, chatID := range map[string]string{"by_number": "-1001234567890", "by_name": "@pc_savona"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var path, kind string
			var sent map[string]any
			ch := answering(t, telegram.Config{ChatID: chatID}, func(w http.ResponseWriter, r *http.Request) {
				path, kind = r.Method+" "+r.URL.Path, r.Header.Get("Content-Type")
				if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
					t.Error(err)
				}
				_, _ = io.WriteString(w, `{"ok":true,"result":{"message_id":42,"date":1790000000,"text":"x","chat":{"id":-1001234567890,"username":"PC_Savona","type":"channel"}}}`)
			})
			p := adapterstest.Sample()
			got, err := ch.Publish(t.Context(), p, adapters.Attempt{N: 1})
			if err != nil {
				t.Fatal(err)
			}
			if want := "POST /bot" + telegramtest.DefaultToken + "/sendMessage"; path != want || kind != "application/json" {
				t.Errorf("called %s with %s, want %s with application/json", path, kind, want)
			}
			want := map[string]any{"chat_id": chatID, "text": p.Text, "link_preview_options": map[string]any{"is_disabled": true}}
			if chatID[0] == '-' {
				want["chat_id"] = -1001234567890.0
			}
			if fmt.Sprint(sent) != fmt.Sprint(want) {
				t.Errorf("sent %v, want %v", sent, want)
			}
			if got.ID != "42" || got.URL != "https://t.me/PC_Savona/42" || !got.At.Equal(time.Unix(1790000000, 0)) {
				t.Errorf("the receipt is %+v", got)
			}
		})
	}
}

// TestClassifies has every row of the table of errors that sendMessage can meet.
func TestClassifies(t *testing.T) {
	t.Parallel()
	refusal := func(code int, description string) string {
		return fmt.Sprintf(`{"ok":false,"error_code":%d,"description":%q}`, code, description)
	}
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   adapters.Kind
		after  time.Duration
		says   string // part of the error
	}{
		{"throttled", 429, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 17","parameters":{"retry_after":17}}`, adapters.NotSent, 17 * time.Second, "wait"},
		{"throttled_for_weeks", 429, `{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":9999999}}`, adapters.NotSent, 24 * time.Hour, ""},
		{"throttled_backwards", 429, `{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":-1}}`, adapters.NotSent, 0, ""},
		{"throttled_by_a_front_end", 429, `<html>`, adapters.NotSent, 0, ""},
		{"server_error", 500, refusal(500, "Internal Server Error"), adapters.Unknown, 0, ""},
		{"server_restart", 500, refusal(500, "Internal Server Error: restart"), adapters.Unknown, 0, ""},
		{"bad_gateway", 502, "<html>", adapters.Unknown, 0, ""},
		{"unavailable", 503, "<html>", adapters.Unknown, 0, ""},
		{"gateway_timeout", 504, "", adapters.Unknown, 0, ""},
		{"revoked", 401, refusal(401, "Unauthorized"), adapters.Auth, 0, "@BotFather"},
		{"invalid_token", 401, refusal(401, "Unauthorized: invalid token specified"), adapters.Auth, 0, "@BotFather"},
		{"unknown_token", 404, refusal(404, "Not Found"), adapters.Auth, 0, "token"},
		{"unknown_method", 404, refusal(404, "Not Found: method not found"), adapters.Auth, 0, "base address"},
		{"conflict", 409, refusal(409, "Conflict: terminated by other getUpdates request"), adapters.Unknown, 0, ""},
		{"not_a_member", 403, refusal(403, "Forbidden: bot is not a member of the channel chat"), adapters.Auth, 0, "add it again"},
		{"kicked", 403, refusal(403, "Forbidden: bot was kicked from the channel chat"), adapters.Auth, 0, ""},
		{"deactivated", 403, refusal(403, "Forbidden: user is deactivated"), adapters.Auth, 0, ""},
		{"no_chat", 400, refusal(400, "Bad Request: chat not found"), adapters.Auth, 0, "configured chat"},
		{"no_administrator", 400, refusal(400, "Bad Request: need administrator rights in the channel chat"), adapters.Auth, 0, "administrator"},
		{"no_right_to_send", 400, refusal(400, "Bad Request: not enough rights to send text messages to the chat"), adapters.Auth, 0, "right"},
		{"no_write_access", 400, refusal(400, "Bad Request: have no write access to the chat"), adapters.Auth, 0, "right"},
		{"moved", 400, `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234567890}}`, adapters.Auth, 0, "-1001234567890"},
		{"bad_entities", 400, refusal(400, "Bad Request: can't parse entities: Unclosed start tag at byte offset 3"), adapters.Permanent, 0, ""},
		{"too_long", 400, refusal(400, "Bad Request: message is too long"), adapters.Permanent, 0, "too long"},
		{"too_long_raw", 400, refusal(400, "Bad Request: text is too long"), adapters.Permanent, 0, ""},
		{"empty", 400, refusal(400, "Bad Request: message text is empty"), adapters.Permanent, 0, ""},
		{"not_utf8", 400, refusal(400, "Bad Request: strings must be encoded in UTF-8"), adapters.Permanent, 0, ""},
		{"new_words", 400, refusal(400, "Bad Request: SOMETHING_NEW"), adapters.Permanent, 0, ""},
		{"too_large", 413, refusal(413, "Request Entity Too Large: too much parameters"), adapters.Permanent, 0, ""},
		{"teapot", 418, refusal(418, "I'm a teapot"), adapters.Unknown, 0, ""},
		{"error_with_a_good_status", 200, refusal(400, "Bad Request: chat not found"), adapters.Unknown, 0, ""},
		{"good_with_a_bad_status", 403, `{"ok":true,"result":{"message_id":1}}`, adapters.Unknown, 0, ""},
		{"another_code_than_the_status", 400, refusal(403, "Bad Request: chat not found"), adapters.Unknown, 0, ""},
		{"no_description", 400, `{"ok":false,"error_code":400}`, adapters.Unknown, 0, ""},
		{"no_result", 200, `{"ok":true}`, adapters.Unknown, 0, ""},
		{"no_message", 200, `{"ok":true,"result":true}`, adapters.Unknown, 0, ""},
		{"no_message_number", 200, `{"ok":true,"result":{"text":"x"}}`, adapters.Unknown, 0, ""},
		{"another_chat", 200, `{"ok":true,"result":{"message_id":7,"chat":{"id":-100999,"type":"channel"}}}`, adapters.Unknown, 0, "-100999"},
		{"nonsense", 200, "<html>", adapters.Unknown, 0, ""},
		{"nothing", 200, "", adapters.Unknown, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ch := answering(t, telegram.Config{}, says(c.status, c.body))
			_, err := ch.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
			f, ok := errors.AsType[*adapters.Failure](err)
			if !ok {
				t.Fatalf("got %v, want a Failure", err)
			}
			if f.Kind != c.want || f.After != c.after {
				t.Errorf("got %v after %v, want %v after %v: %v", f.Kind, f.After, c.want, c.after, err)
			}
			code := strconv.Itoa(c.status)
			if c.name == "another_chat" { // no refusal: Telegram gave no code
				code = ""
			}
			if f.Code != code {
				t.Errorf("the code is %q, want %q", f.Code, code)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
		})
	}
}

func TestReadsTheWaitFromTheHeader(t *testing.T) {
	t.Parallel()
	ch := answering(t, telegram.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "33")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, err := ch.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
	if f, ok := errors.AsType[*adapters.Failure](err); !ok || f.After != 33*time.Second || f.Kind != adapters.NotSent {
		t.Errorf("got %v, want not sent with a wait of 33s", err)
	}
}

func TestRefusesAnImage(t *testing.T) {
	t.Parallel()
	r, platform := rig(t, "pc_savona", reader)
	p := adapterstest.Sample()
	p.Image = &adapters.Image{MediaType: "image/jpeg", Data: []byte("x")}
	if _, err := r.Channel.Publish(t.Context(), p, adapters.Attempt{N: 1}); adapters.KindOf(err) != adapters.Permanent {
		t.Errorf("got %v, want permanent", err)
	}
	if n := len(platform.Live()); n != 0 {
		t.Errorf("%d posts are public, want none", n)
	}
}

func TestGivesUpAfterItsOwnTimeout(t *testing.T) {
	t.Parallel()
	ch := answering(t, telegram.Config{Timeout: 50 * time.Millisecond}, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	_, err := ch.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
	if err := adapterstest.Failed(err, adapters.Unknown); err != nil {
		t.Error(err)
	}
}

// publish publishes p and fails the test if that fails.
func publish(t *testing.T, ch adapters.Channel, p adapters.Post) adapters.Receipt {
	t.Helper()
	r, err := ch.Publish(t.Context(), p, adapters.Attempt{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// plain returns a post with text and mark.
func plain(text, mark string) adapters.Post {
	p := adapterstest.Sample()
	p.Text, p.Mark = text, mark
	return p
}

// TestReadsBackWhatTheServerStores publishes what the server does not store as it is.
func TestReadsBackWhatTheServerStores(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"control_characters": "Zona\trossa\v\x01via\r\n subito SV-7F3K2-1",
		"bidi_controls":      "\u202bفيضان\u202c SV-7F3K2-1\u2028",
		"direction_marks":    "\u200f\u200f\u200eفيضان\u200e\u200f SV-7F3K2-1\u200f",
		"decomposed_ring":    "Bora\u030as SV-7F3K2-1 a\u033fb\u0333",
		"white_space":        "\n  Zona rossa SV-7F3K2-1 \n\n",
		"family":             "👨‍👩‍👧‍👦 ⚠️ SV-7F3K2-1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := rig(t, "pc_savona", reader)
			p := plain(text, "SV-7F3K2-1")
			receipt := publish(t, r.Channel, p)
			if err := r.Channel.ReadBack(t.Context(), p, receipt); err != nil {
				t.Errorf("read-back: %v", err)
			}
			found, err := r.Channel.(adapters.Finder).Find(t.Context(), p, adapters.Attempt{N: 1})
			if err != nil || found.ID != receipt.ID {
				t.Errorf("find: got %q, %v, want %q", found.ID, err, receipt.ID)
			}
		})
	}
}

// call calls the fake as somebody else with the bot's token.
func call(t *testing.T, base, method, query string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/bot"+telegramtest.DefaultToken+"/"+method+"?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestFindsAnEditedPost(t *testing.T) {
	t.Parallel()
	r, _ := rig(t, "pc_savona", reader)
	p := adapterstest.Sample()
	receipt := publish(t, r.Channel, p)
	publish(t, r.Channel, plain("Un altro avviso, SV-9QXZ4-1", "SV-9QXZ4-1"))
	edited := strings.Replace(p.Text, "ALTI", "BASSI", 1)
	status, body := call(t, r.Server.URL, "editMessageText", fmt.Sprintf("chat_id=%d&message_id=%s&text=%s",
		telegramtest.DefaultChatID, receipt.ID, url.QueryEscape(edited)))
	if status != http.StatusOK {
		t.Fatal(body)
	}
	found, err := r.Channel.(adapters.Finder).Find(t.Context(), p, adapters.Attempt{N: 1})
	if err != nil || found.ID != receipt.ID {
		t.Errorf("find: got %q, %v, want %q", found.ID, err, receipt.ID)
	}
	if e, ok := errors.AsType[*adapters.AlteredError](r.Channel.ReadBack(t.Context(), p, receipt)); !ok || e.Shown != edited || e.Want != p.Text {
		t.Errorf("read-back: got %v, want the edited and the signed text", e)
	}
}

// TestFindsTheMarkAsAWord: our post was edited, and stands among others that bear
// longer marks and as many of its words.
func TestFindsTheMarkAsAWord(t *testing.T) {
	t.Parallel()
	p := plain("Zona rossa, sgomberare subito la riva. SV-7F3K2-1", "SV-7F3K2-1")
	for shown, want := range map[string]bool{
		"Zona rossa, sgomberare subito la RIVA. SV-7F3K2-1":             true,
		"Zona rossa, sgomberare subito la RIVA. (SV-7F3K2-1).":          true,
		"SV-7F3K2-12 Zona rossa, sgomberare subito la RIVA. SV-7F3K2-1": true,
		"Zona rossa, sgomberare subito la RIVA. SV-7F3K2-12":            false,
		"Zona rossa, sgomberare subito la RIVA. SSV-7F3K2-1":            false,
		"Zona rossa, sgomberare subito la RIVA. SV-7F3K2-1é":            false,
		"Zona rossa, sgomberare subito la RIVA. SV-7F3K2-1_":            false,
		"Zona rossa, sgomberare subito la riva.":                        false,
		"Red zone, leave the river bank at once. SV-7F3K2-1":            false,
	} {
		r, _ := rig(t, "pc_savona", reader)
		publish(t, r.Channel, plain(shown, ""))
		_, err := r.Channel.(adapters.Finder).Find(t.Context(), p, adapters.Attempt{N: 1})
		if (err == nil) != want || err != nil && !errors.Is(err, adapters.ErrNotPublished) {
			t.Errorf("%q: got %v, want found: %t", shown, err, want)
		}
	}
}

// TestBlindAccountSeesWhatWasStored: without a reader the answer to the send is all.
func TestBlindAccountSeesWhatWasStored(t *testing.T) {
	t.Parallel()
	r, _ := rig(t, private, 0)
	p := adapterstest.Sample()
	if err := r.Channel.ReadBack(t.Context(), p, publish(t, r.Channel, p)); !errors.Is(err, adapters.ErrCannotLook) {
		t.Errorf("good post: got %v, want ErrCannotLook", err)
	}
	r.Platform.Fail(adapterstest.Fault{Kind: adapterstest.Alter})
	err := r.Channel.ReadBack(t.Context(), p, publish(t, r.Channel, p))
	if _, ok := errors.AsType[*adapters.AlteredError](err); !ok {
		t.Errorf("altered post: got %v, want an AlteredError", err)
	}
}

// TestReaderWhoShowsAnotherChannel: what the profile doesn't show isn't absent.
// TestAnswersWithoutTheOriginalInTheEvidence answers a post so long that it would fill the
// evidence, in which what was stored of the answer itself is looked up.
func TestAnswersWithoutTheOriginalInTheEvidence(t *testing.T) {
	t.Parallel()
	r, platform := rig(t, private, 0)
	long := adapterstest.Sample()
	long.Text += strings.Repeat(" più", 900)
	before, err := r.Channel.Publish(t.Context(), long, adapters.Attempt{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := adapterstest.Sample()
	p.Text = strings.ReplaceAll(p.Text, p.Mark, "SV-7F3K2-2")
	p.Mark = "SV-7F3K2-2"
	platform.Fail(adapterstest.Fault{Kind: adapterstest.Alter})
	receipt, err := r.Channel.Publish(t.Context(), p, adapters.Attempt{N: 1, ReplyTo: before.ID})
	if err != nil {
		t.Fatal(err)
	}
	if live := platform.Live(); len(live) != 2 || live[1].ReplyTo != before.ID {
		t.Errorf("live: %+v, want the second to answer %s", live, before.ID)
	}
	if _, ok := errors.AsType[*adapters.AlteredError](r.Channel.ReadBack(t.Context(), p, receipt)); !ok {
		t.Errorf("the answer's own text is not in the evidence: %s", receipt.Evidence)
	}
}

func TestReaderWhoShowsAnotherChannel(t *testing.T) {
	t.Parallel()
	for name, shows := range map[string]int64{"no_channel": 0, "another_channel": -1009999} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, platform := rig(t, "pc_savona", reader)
			p := adapterstest.Sample()
			receipt := publish(t, r.Channel, p)
			platform.ShowInProfile(shows)
			_, err := r.Channel.(adapters.Finder).Find(t.Context(), p, adapters.Attempt{N: 1})
			if adapters.KindOf(err) != adapters.Auth || !strings.Contains(err.Error(), "personal channel") {
				t.Errorf("find: got %v, want auth and what to do", err)
			}
			if err := r.Channel.ReadBack(t.Context(), p, receipt); adapters.KindOf(err) != adapters.Auth {
				t.Errorf("read-back: got %v, want auth", err)
			}
			if f := adapters.Worst(r.Channel.(adapters.Checker).Check(t.Context())); f.State != adapters.Degraded || f.Aspect != adapters.AspectReadBack {
				t.Errorf("check: got %+v, want that posts can't be read back", f)
			}
		})
	}
}

// TestOutOfSight: twenty messages are all that can be read.
func TestOutOfSight(t *testing.T) {
	t.Parallel()
	r, _ := rig(t, "pc_savona", reader)
	find := r.Channel.(adapters.Finder).Find
	p := adapterstest.Sample()
	start := r.Clock.Now()
	receipt := publish(t, r.Channel, p)
	for i := range 20 {
		publish(t, r.Channel, plain(fmt.Sprintf("Avviso %d, SV-9Q%03d-1", i, i), fmt.Sprintf("SV-9Q%03d-1", i)))
	}
	_, err := find(t.Context(), p, adapters.Attempt{N: 1, Since: start})
	if err := adapterstest.Failed(err, adapters.Unknown); err != nil {
		t.Errorf("find: %v", err)
	}
	if err := adapterstest.Failed(r.Channel.ReadBack(t.Context(), p, receipt), adapters.Unknown); err != nil {
		t.Errorf("read-back: %v", err)
	}
	// A message that is older than the first attempt shows that none is out of sight.
	r.Clock.Advance(time.Hour)
	if _, err := find(t.Context(), p, adapters.Attempt{N: 1, Since: r.Clock.Now()}); !errors.Is(err, adapters.ErrNotPublished) {
		t.Errorf("find later: got %v, want ErrNotPublished", err)
	}
}

func TestReceiptThatIsNotOurs(t *testing.T) {
	t.Parallel()
	r, _ := rig(t, "pc_savona", reader)
	for _, id := range []string{"", "x", "-4", "0", "99999999999999999999"} {
		if err := r.Channel.ReadBack(t.Context(), adapterstest.Sample(), adapters.Receipt{ID: id}); adapters.KindOf(err) != adapters.Permanent {
			t.Errorf("ID %q: got %v, want permanent", id, err)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	all := telegramtest.Rights{Member: true, Post: true, Delete: true}
	for _, c := range []struct {
		name   string
		rights telegramtest.Rights
		config func(*telegram.Config)
		state  adapters.Readiness
		says   string
	}{
		{"ready", all, func(*telegram.Config) {}, adapters.Ready, ""},
		{"by_name", all, func(c *telegram.Config) { c.ChatID = "@PC_savona" }, adapters.Degraded, strconv.FormatInt(telegramtest.DefaultChatID, 10)},
		{"without_reader", all, func(c *telegram.Config) { c.ReaderUserID = 0 }, adapters.Ready, ""},
		{"dismissed", telegramtest.Rights{}, func(*telegram.Config) {}, adapters.Down, "add it again"},
		{"may_not_post", telegramtest.Rights{Member: true}, func(*telegram.Config) {}, adapters.Down, "may not post"},
		{"wrong_token", all, func(c *telegram.Config) { c.Token = "70010:another-bot-credential" }, adapters.Down, "token is unknown"},
		{"wrong_chat", all, func(c *telegram.Config) { c.ChatID = "-100777" }, adapters.Down, "configured chat"},
		{"wrong_name", all, func(c *telegram.Config) { c.ChatID = "@pc_genova" }, adapters.Down, "configured chat"},
		{"wrong_reader", all, func(c *telegram.Config) { c.ReaderUserID = 5 }, adapters.Degraded, "send a message to the bot"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			platform := telegramtest.New(telegramtest.Config{Username: "pc_savona", ReaderID: reader})
			platform.SetRights(c.rights)
			config := telegram.Config{
				Name: "telegram-savona", BaseURL: adapterstest.Serve(t, platform).URL, Token: telegramtest.DefaultToken,
				ChatID: strconv.FormatInt(telegramtest.DefaultChatID, 10), ReaderUserID: reader, AllowPrivate: true,
			}
			c.config(&config)
			ch, err := telegram.New(config)
			if err != nil {
				t.Fatal(err)
			}
			defer ch.Close()
			if f := adapters.Worst(ch.Check(t.Context())); f.State != c.state || !strings.Contains(f.Reason+f.Advice, c.says) {
				t.Errorf("got %+v, want %s and %q", f, c.state, c.says)
			}
		})
	}
}

func TestCheckOfSomethingElse(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]string{"getMe": "supergroup", "": "names bot 70010"} {
		ch := answering(t, telegram.Config{}, func(w http.ResponseWriter, r *http.Request) {
			id := telegramtest.DefaultChatID
			if method != "" && strings.HasSuffix(r.URL.Path, method) {
				id = 70010
			}
			_, _ = fmt.Fprintf(w, `{"ok":true,"result":{"id":%d,"type":"supergroup"}}`, id)
		})
		if f := adapters.Worst(ch.Check(t.Context())); f.State != adapters.Down || !strings.Contains(f.Reason, want) {
			t.Errorf("got %+v, want %q", f, want)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	good := telegram.Config{Name: "telegram-savona", Token: telegramtest.DefaultToken, ChatID: "-1001234567890"}
	for name, c := range map[string]struct {
		change func(*telegram.Config)
		ok     bool
	}{
		"defaults":               {func(*telegram.Config) {}, true},
		"by_name":                {func(c *telegram.Config) { c.ChatID = "@pc_savona" }, true},
		"own_server":             {func(c *telegram.Config) { c.BaseURL, c.AllowPrivate = "http://10.1.2.3:8081/bots/", true }, true},
		"plain_http":             {func(c *telegram.Config) { c.BaseURL = "http://api.telegram.org" }, false},
		"plain_http_loopback":    {func(c *telegram.Config) { c.BaseURL = "http://127.0.0.1:1" }, false},
		"other_scheme":           {func(c *telegram.Config) { c.BaseURL, c.AllowPrivate = "ftp://10.1.2.3", true }, false},
		"no_host":                {func(c *telegram.Config) { c.BaseURL = "https://" }, false},
		"password_in_address":    {func(c *telegram.Config) { c.BaseURL = "https://u:" + c.Token + "@api.telegram.org" }, false},
		"query_in_address":       {func(c *telegram.Config) { c.BaseURL = "https://api.telegram.org?token=" + c.Token }, false},
		"unreadable_address":     {func(c *telegram.Config) { c.BaseURL = "https://api.telegram.org/%zz" + c.Token }, false},
		"no_name":                {func(c *telegram.Config) { c.Name = "" }, false},
		"no_token":               {func(c *telegram.Config) { c.Token = "" }, false},
		"token_without_number":   {func(c *telegram.Config) { c.Token = "simulated-bot-credential" }, false},
		"token_with_zero":        {func(c *telegram.Config) { c.Token = "0" + c.Token }, false},
		"token_with_a_path":      {func(c *telegram.Config) { c.Token += "/../x" }, false},
		"token_with_a_line":      {func(c *telegram.Config) { c.Token += "\n" }, false},
		"token_that_is_long":     {func(c *telegram.Config) { c.Token += strings.Repeat("x", 80) }, false},
		"no_chat":                {func(c *telegram.Config) { c.ChatID = "" }, false},
		"chat_of_a_user":         {func(c *telegram.Config) { c.ChatID = "12345" }, false},
		"chat_of_a_group":        {func(c *telegram.Config) { c.ChatID = "-12345" }, false},
		"chat_prefix_alone":      {func(c *telegram.Config) { c.ChatID = "-100" }, false},
		"chat_name_without_at":   {func(c *telegram.Config) { c.ChatID = "pc_savona" }, false},
		"chat_name_with_a_slash": {func(c *telegram.Config) { c.ChatID = "@pc/savona" }, false},
		"reader_of_a_channel":    {func(c *telegram.Config) { c.ReaderUserID = -1001234567890 }, false},
		"negative_timeout":       {func(c *telegram.Config) { c.Timeout = -time.Second }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := good
			c.change(&config)
			ch, err := telegram.New(config)
			if (err == nil) != c.ok {
				t.Fatalf("got %v, want good: %t", err, c.ok)
			}
			if err == nil {
				if ch.Name() != config.Name || ch.Kind() != "telegram" || ch.Limits().MaxLen != 4096 {
					t.Errorf("the channel is %q, %q, %d", ch.Name(), ch.Kind(), ch.Limits().MaxLen)
				}
				return
			}
			for _, s := range secrets() {
				if strings.Contains(err.Error(), s) {
					t.Errorf("the error holds a secret")
				}
			}
		})
	}
}

// TestCallsNoPrivateAddress: a name in the configuration must not lead inside.
func TestCallsNoPrivateAddress(t *testing.T) {
	t.Parallel()
	ch, err := telegram.New(telegram.Config{
		Name: "telegram-savona", BaseURL: "https://127.0.0.1:1", Token: telegramtest.DefaultToken, ChatID: "-1001234567890",
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = ch.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
	if adapters.KindOf(err) != adapters.NotSent || !strings.Contains(err.Error(), "allow_private") {
		t.Errorf("got %v, want not sent and allow_private", err)
	}
}

// FuzzAnswer feeds the channel answers: whatever comes, an error is a Failure or one
// of the port's answers, and it holds no secret.
func FuzzAnswer(f *testing.F) {
	f.Add(200, `{"ok":true,"result":{"message_id":42,"date":1790000000,"text":"x","chat":{"id":-1001000070010,"username":"pc"}}}`)
	f.Add(200, `{"ok":true,"result":[{"message_id":42,"date":1,"text":"x","chat":{"id":-1001000070010}}]}`)
	f.Add(200, `{"ok":true,"result":[]}`)
	f.Add(400, `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`)
	f.Add(429, `{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":1e99}}`)
	f.Add(401, telegramtest.DefaultToken)
	f.Add(500, `<html>`)
	var status int
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { says(status, body)(w, r) }))
	f.Cleanup(server.Close)
	ch, err := telegram.New(telegram.Config{
		Name: "telegram-savona", BaseURL: server.URL, Token: telegramtest.DefaultToken,
		ChatID: strconv.FormatInt(telegramtest.DefaultChatID, 10), ReaderUserID: reader, AllowPrivate: true,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s int, b string) {
		if s < 200 || s > 599 || len(b) > 1<<16 {
			t.Skip("not an answer of HTTP")
		}
		status, body = s, b
		p := adapterstest.Sample()
		receipt, err := ch.Publish(t.Context(), p, adapters.Attempt{N: 1})
		judge(t, receipt, err)
		judge(t, adapters.Receipt{ID: "1"}, ch.ReadBack(t.Context(), p, adapters.Receipt{ID: "42", Evidence: []byte(b)}))
		receipt, err = ch.Find(t.Context(), p, adapters.Attempt{N: 1, Since: time.Now()})
		judge(t, receipt, err)
		if found := ch.Check(t.Context()); len(found) == 0 || strings.Contains(fmt.Sprint(found), telegramtest.DefaultToken) {
			t.Errorf("the check found %v", found)
		}
	})
}

func judge(t *testing.T, r adapters.Receipt, err error) {
	t.Helper()
	text := r.ID + r.URL + string(r.Evidence)
	if err != nil {
		text += err.Error()
		_, isFailure := errors.AsType[*adapters.Failure](err)
		_, isAltered := errors.AsType[*adapters.AlteredError](err)
		if !isFailure && !isAltered && !errors.Is(err, adapters.ErrNotPublished) {
			t.Errorf("%v is no answer of the port", err)
		}
	} else if r.ID == "" {
		t.Error("a receipt without an ID")
	}
	for _, s := range secrets() {
		if strings.Contains(text, s) {
			t.Error("a secret stands in an error or a receipt")
		}
	}
}

// FuzzReadBack compares the channel's idea of what the server stores with the fake's,
// which was written apart from it.
func FuzzReadBack(f *testing.F) {
	for _, s := range []string{
		"", "a\tb", "\u200e\u200f\u200e", "a\r\nb", "\u202ex", "a\u030a", " \n x \n ", "\u200e\u202a\u200f", "👨‍👩‍👧‍👦", "x\u0000",
	} {
		f.Add(s)
	}
	platform := telegramtest.New(telegramtest.Config{ReaderID: reader})
	server := httptest.NewServer(platform)
	f.Cleanup(server.Close)
	ch, err := telegram.New(telegram.Config{
		Name: "telegram-savona", BaseURL: server.URL, Token: telegramtest.DefaultToken,
		ChatID: strconv.FormatInt(telegramtest.DefaultChatID, 10), ReaderUserID: reader, AllowPrivate: true,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := plain(text+" SV-7F3K2-1", "SV-7F3K2-1")
		receipt, err := ch.Publish(t.Context(), p, adapters.Attempt{N: 1})
		if err != nil {
			if adapters.KindOf(err) != adapters.Permanent {
				t.Errorf("publish: %v", err)
			}
			return
		}
		if err := ch.ReadBack(t.Context(), p, receipt); err != nil {
			t.Errorf("read-back: %v", err)
		}
		query := fmt.Sprintf("chat_id=%d&message_id=%s", telegramtest.DefaultChatID, receipt.ID)
		if status, body := call(t, server.URL, "deleteMessage", query); status != http.StatusOK {
			t.Fatalf("delete: %s", body)
		}
	})
}
