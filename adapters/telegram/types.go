package telegram

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A chatRef names the configured channel: by number or, if that is 0, by name.
type chatRef struct {
	id   int64
	name string // without @
}

// parseChat reads "-100…" or "@name".
func parseChat(s string) (chatRef, error) {
	if name, ok := strings.CutPrefix(s, "@"); ok {
		if !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{3,31}$`).MatchString(name) {
			return chatRef{}, fmt.Errorf("chat %.40q: a channel's name is @ and 4 to 32 letters, digits and underscores, a letter first", s)
		}
		return chatRef{name: name}, nil
	}
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id >= 0 || !strings.HasPrefix(s, "-100") || len(s) < len("-100")+1 {
		return chatRef{}, errors.New("the chat must be the channel's number, which begins with -100, or its @name")
	}
	return chatRef{id: id}, nil
}

// String returns the reference as it is configured.
func (r chatRef) String() string {
	if r.id != 0 {
		return strconv.FormatInt(r.id, 10)
	}
	return "@" + r.name
}

// param returns the reference as a chat_id parameter.
func (r chatRef) param() any {
	if r.id != 0 {
		return r.id
	}
	return "@" + r.name
}

// is reports whether c is the channel.
func (r chatRef) is(c chat) bool {
	if r.id != 0 {
		return c.ID == r.id
	}
	return strings.EqualFold(c.Username, r.name)
}

// The types of the Bot API, as far as they are read.
type (
	chat struct {
		ID       int64  `json:"id"`
		Type     string `json:"type"`
		Username string `json:"username"`
		// Personal is set by getChat for a user: the channel that the profile shows.
		Personal *chat `json:"personal_chat"`
	}
	user struct {
		ID int64 `json:"id"`
	}
	member struct {
		Status  string `json:"status"`
		CanPost bool   `json:"can_post_messages"`
	}
	message struct {
		ID   int64  `json:"message_id"`
		Chat chat   `json:"chat"`
		Date int64  `json:"date"` // Unix seconds
		Text string `json:"text"`
		// Preview is the page, or here the picture, that the message is to show.
		Preview struct {
			URL string `json:"url"`
		} `json:"link_preview_options"`
	}
	parameters struct {
		RetryAfter int64 `json:"retry_after"` // seconds
		MigrateTo  int64 `json:"migrate_to_chat_id"`
	}
)

// A shownMessage is a message and where it stands in the answer.
type shownMessage struct {
	message
	at int
}

// rawAt returns the JSON of the message that stands at the given place in a list.
func rawAt(list json.RawMessage, at int) json.RawMessage {
	var raws []json.RawMessage
	if json.Unmarshal(list, &raws) != nil || at >= len(raws) {
		return nil
	}
	return raws[at]
}
