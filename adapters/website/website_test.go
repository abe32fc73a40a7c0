package website_test

import (
	"testing"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/website"
	"tocsin/adapters/website/websitetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("text", func(t *testing.T) {
		t.Parallel()
		adapterstest.Run(t, func(t *testing.T) adapterstest.Rig { return rig(t, adapterstest.Sample()) })
	})
	t.Run("image", func(t *testing.T) {
		t.Parallel()
		p := adapterstest.Sample()
		p.Image = card(t)
		adapterstest.Run(t, func(t *testing.T) adapterstest.Rig { return rig(t, p) })
	})
}

func rig(t *testing.T, p adapters.Post) adapterstest.Rig {
	t.Helper()
	clock := new(adapterstest.Clock)
	platform, err := websitetest.New(websitetest.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	server := adapterstest.Serve(t, platform)
	open := func() (adapters.Channel, error) {
		return website.New(website.Config{
			Name: "site-savona", IngestURL: server.URL, PublicURL: server.URL,
			Token: websitetest.Token, AllowPrivate: true,
		})
	}
	ch, err := open()
	if err != nil {
		t.Fatal(err)
	}
	return adapterstest.Rig{
		Channel: ch, Open: open, Platform: platform, Server: server, Clock: clock,
		Post: p, Secrets: []string{websitetest.Token},
	}
}
