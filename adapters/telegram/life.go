package telegram

import (
	"context"
	"errors"
	"strings"

	"tocsin/adapters"
)

// Mark replaces the text of the post by the mark's, with one call of editMessageText. A bot may
// edit its own posts in a channel for as long as it may post there. The picture goes with the text
// that is replaced: it shows what may not hold any more.
func (ch *Channel) Mark(ctx context.Context, on adapters.Receipt, m adapters.Mark) error {
	id, err := named(on)
	if err == nil {
		err = ch.Limits().CheckMark(m)
	}
	if err != nil {
		return err
	}
	_, err = ch.call(ctx, "editMessageText", map[string]any{
		"chat_id":              ch.chat.param(),
		"message_id":           id,
		"text":                 m.Text,
		"link_preview_options": map[string]bool{"is_disabled": true},
	})
	return settled(err, "message is not modified", "message to edit not found")
}

// ReadMark compares the post's text, as the reader's profile shows it, with the mark's. Without
// a reader nobody can look: that a second edit changes nothing would be a proof, and a second edit.
func (ch *Channel) ReadMark(ctx context.Context, on adapters.Receipt, m adapters.Mark) error {
	if ch.reader == 0 {
		return adapters.ErrCannotLook
	}
	_, err := ch.shows(ctx, on, m.Text)
	return err
}

// Pin holds the post above the others. Nobody is notified: the post itself was the notice.
func (ch *Channel) Pin(ctx context.Context, on adapters.Receipt) error {
	id, err := named(on)
	if err != nil {
		return err
	}
	_, err = ch.call(ctx, "pinChatMessage", map[string]any{"chat_id": ch.chat.param(), "message_id": id, "disable_notification": true})
	return settled(err, "CHAT_NOT_MODIFIED", "message to pin not found")
}

// Unpin ends Pin.
func (ch *Channel) Unpin(ctx context.Context, on adapters.Receipt) error {
	id, err := named(on)
	if err != nil {
		return err
	}
	_, err = ch.call(ctx, "unpinChatMessage", map[string]any{"chat_id": ch.chat.param(), "message_id": id})
	if err = settled(err, "CHAT_NOT_MODIFIED", "message to unpin not found"); errors.Is(err, adapters.ErrNotPublished) {
		return nil
	}
	return err
}

// settled returns what a change of a post comes to: nil where Telegram says that it is so
// already, and [adapters.ErrNotPublished] where it says that the post is gone.
func settled(err error, already, gone string) error {
	said, ok := errors.AsType[*refusal](err)
	if !ok {
		return err
	}
	switch words := strings.ToLower(said.words); {
	case strings.Contains(words, strings.ToLower(already)):
		return nil
	case strings.Contains(words, gone):
		return adapters.ErrNotPublished
	}
	return err
}
