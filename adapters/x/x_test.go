package x_test

import (
	"strings"
	"testing"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/x"
	"tocsin/adapters/x/xtest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	adapterstest.Run(t, func(t *testing.T) adapterstest.Rig { return newRig(t, xtest.Config{}) })
}

// TestARefusedReplyIsPostedForItself has X refuse every answer, as it may in self-serve tiers.
func TestARefusedReplyIsPostedForItself(t *testing.T) {
	t.Parallel()
	r := newRig(t, xtest.Config{RefusesReplies: true})
	before, err := r.Channel.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := adapterstest.Sample()
	p.Text, p.Mark = strings.ReplaceAll(p.Text, p.Mark, "SV-7F3K2-2"), "SV-7F3K2-2"
	receipt, err := r.Channel.Publish(t.Context(), p, adapters.Attempt{N: 1, ReplyTo: before.ID})
	if err != nil {
		t.Fatal(err)
	}
	live := r.Platform.Live()
	if len(live) != 2 || live[1].ID != receipt.ID || live[1].Text != p.Text || live[1].ReplyTo != "" {
		t.Errorf("live: %+v, want the text as post %s, for itself", live, receipt.ID)
	}
}

// newRig returns a channel on a fake of its own.
func newRig(t *testing.T, c xtest.Config) adapterstest.Rig {
	t.Helper()
	clock := &adapterstest.Clock{}
	c.Now = clock.Now
	platform := xtest.New(c)
	server := adapterstest.Serve(t, platform)
	account := platform.Account("x-prova", server.URL)
	open := func() (adapters.Channel, error) { return x.New(account) }
	channel, err := open()
	if err != nil {
		t.Fatal(err)
	}
	post := adapterstest.Sample()
	post.Image = adapterstest.Picture(t, 40, 50)
	return adapterstest.Rig{
		Post: post, Channel: channel, Open: open, Platform: platform, Server: server, Clock: clock,
		Secrets: []string{account.ConsumerSecret, account.AccessToken, account.AccessSecret},
	}
}
