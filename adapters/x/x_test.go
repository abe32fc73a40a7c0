package x_test

import (
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
	return adapterstest.Rig{
		Channel: channel, Open: open, Platform: platform, Server: server, Clock: clock,
		Secrets: []string{account.ConsumerSecret, account.AccessToken, account.AccessSecret},
	}
}
