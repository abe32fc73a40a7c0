package telegram

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/wire"
)

// maxWait bounds what a platform may ask to wait: more is a mistake of its, or ours.
const maxWait = 24 * time.Hour

// throttled is the failure for a 429: the wait stands in the body, and in the header
// as well, which is all that a front end sends.
func (ch *Channel) throttled(a wire.Answer, p parameters) *adapters.Failure {
	f := adapters.Fail(adapters.NotSent, "Telegram asks to wait (%d): %q", a.Status, ch.wire.Excerpt(a.Body))
	f.Code, f.Wide = strconv.Itoa(a.Status), true
	f.After = time.Duration(min(max(p.RetryAfter, 0), int64(maxWait/time.Second))) * time.Second
	if f.After == 0 {
		f.After = wire.RetryAfter(a.Header, time.Now())
	}
	return f
}

// refused is the failure for an answer with ok false, whose status is the error's code.
func (ch *Channel) refused(a wire.Answer, description string, p parameters) *adapters.Failure {
	kind, advice := classify(a.Status, description)
	if p.MigrateTo != 0 {
		kind, advice = adapters.Auth, "the chat has moved: configure chat "+strconv.FormatInt(p.MigrateTo, 10)
	}
	f := adapters.Fail(kind, "%w", &refusal{a.Status, ch.wire.Excerpt([]byte(description))})
	if advice != "" {
		f.Err = adviceError{f.Err, advice}
	}
	f.Code = strconv.Itoa(a.Status)
	if kind == adapters.Unknown {
		f.After = wire.RetryAfter(a.Header, time.Now())
	}
	return f
}

// A refusal is what Telegram said when it did not do what it was asked.
type refusal struct {
	status int
	words  string
}

// Error returns status and words.
func (r *refusal) Error() string { return fmt.Sprintf("Telegram refused (%d): %s", r.status, r.words) }

// An adviceError says what a person must do about an error.
type adviceError struct {
	error
	advice string
}

// Error returns the error and the advice.
func (e adviceError) Error() string { return e.error.Error() + ": " + e.advice }

// Unwrap returns the error without the advice.
func (e adviceError) Unwrap() error { return e.error }

// classify returns the outcome class of a refusal, and what a person must do about
// it. The description is the only thing that tells one 400 from another (reference:
// tdlib/telegram-bot-api, Client.cpp), and its wording may grow: it is searched, not
// compared.
func classify(code int, description string) (kind adapters.Kind, advice string) {
	switch code {
	case http.StatusUnauthorized:
		return adapters.Auth, "the bot's token is not valid any more: get a new one from @BotFather and configure it"
	case http.StatusNotFound:
		return adapters.Auth, "the token is unknown, or the base address is not a Bot API server's: correct the configuration"
	case http.StatusForbidden:
		return adapters.Auth, "the bot was put out of the channel: add it again as an administrator with the right to post messages"
	case http.StatusRequestEntityTooLarge:
		return adapters.Permanent, ""
	case http.StatusBadRequest:
	default:
		// 500 and whatever is not known to be a refusal.
		return adapters.Unknown, ""
	}
	said := strings.ToLower(description)
	for _, row := range []struct{ words, advice string }{
		{"chat not found", "correct the configured chat, and see that the bot is in the channel"},
		{"chat_id is empty", "configure the chat"},
		{"need administrator rights", "make the bot an administrator with the right to post messages"},
		{"not enough rights to manage pinned", "give the bot the right to edit messages, which pinning asks for"},
		{"not enough rights", "give the bot the right to post messages"},
		{"have no write access", "give the bot the right to post messages"},
		{"upgraded to a supergroup", "configure the chat's new number"},
		{"user not found", "the reader's account must once send a message to the bot"},
		{"invalid user_id", "correct the configured reader"},
	} {
		if strings.Contains(said, row.words) {
			return adapters.Auth, row.advice
		}
	}
	return adapters.Permanent, ""
}
