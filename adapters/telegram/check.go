package telegram

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters"
)

var _ adapters.Checker = (*Channel)(nil)

// CheckEvery is every few minutes: the calls have no price and no effect.
func (ch *Channel) CheckEvery() time.Duration { return 5 * time.Minute }

// Fate names Telegram.
func (ch *Channel) Fate() string { return "Telegram" }

// Check asks whose token it is, what the chat is, what the bot may do in it, and, where there
// is a reader, whether the reader's profile shows the channel.
func (ch *Channel) Check(ctx context.Context) []adapters.Finding {
	var me user
	if err := ch.get(ctx, "getMe", nil, &me); err != nil {
		return []adapters.Finding{adapters.FindingOf(adapters.AspectCredential, err)}
	}
	found := []adapters.Finding{{Aspect: adapters.AspectCredential, State: adapters.Ready}}
	if number, _, _ := strings.Cut(ch.token, ":"); number != strconv.FormatInt(me.ID, 10) {
		return append(found, adapters.Finding{
			Aspect: adapters.AspectAccount, Reason: fmt.Sprintf("Telegram says that the token is of bot %d, and it names bot %s", me.ID, number),
			Advice: "get the bot's token from @BotFather and configure it",
		})
	}
	var c chat
	if err := ch.get(ctx, "getChat", map[string]any{"chat_id": ch.chat.param()}, &c); err != nil {
		return append(found, adapters.FindingOf(adapters.AspectAccount, err))
	}
	found = append(found, ch.checkChat(c))
	if found[len(found)-1].State == adapters.Down {
		return found
	}
	var bot member
	err := ch.get(ctx, "getChatMember", map[string]any{"chat_id": ch.chat.param(), "user_id": me.ID}, &bot)
	switch {
	case err != nil:
		found = append(found, adapters.FindingOf(adapters.AspectRights, err))
	case bot.Status != "creator" && (bot.Status != "administrator" || !bot.CanPost):
		found = append(found, adapters.Finding{
			Aspect: adapters.AspectRights, Reason: fmt.Sprintf("the bot is %.20q in the channel and may not post", bot.Status),
			Advice: "make it an administrator of the channel with the right to post messages",
		})
	default:
		found = append(found, adapters.Finding{Aspect: adapters.AspectRights, State: adapters.Ready})
	}
	return append(found, ch.checkReader(ctx))
}

// checkChat says whether c is the channel.
func (ch *Channel) checkChat(c chat) adapters.Finding {
	f := adapters.Finding{Aspect: adapters.AspectAccount, State: adapters.Ready}
	switch {
	case c.Type != "channel" || !ch.chat.is(c):
		f.State, f.Reason, f.Advice = adapters.Down, fmt.Sprintf("chat %s is a %.20q, not the channel", ch.chat, c.Type), "correct chat_id in the configuration"
	case ch.chat.id == 0:
		f.State, f.Reason = adapters.Degraded, "the channel is configured by its name, which somebody else can have one day"
		f.Advice = fmt.Sprintf("write its number in the configuration, chat_id: \"%d\"", c.ID)
	}
	return f
}

// checkReader says whether posts can be read back.
func (ch *Channel) checkReader(ctx context.Context) adapters.Finding {
	f := adapters.Finding{Aspect: adapters.AspectReadBack, State: adapters.Ready}
	if ch.reader == 0 {
		f.Reason = "without a reader account no post can be read back, nor looked for after a lost answer"
		return f
	}
	if _, _, err := ch.latest(ctx); err != nil {
		f = adapters.FindingOf(adapters.AspectReadBack, err)
		f.State = adapters.Degraded // posts go out all the same
	}
	return f
}
