package wordpress_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/wordpress"
	"tocsin/adapters/wordpress/wordpresstest"
)

// rig returns a channel on a site, which change may set up in another way.
func rig(t *testing.T, change func(*wordpresstest.Config, *wordpress.Config)) (adapterstest.Rig, *wordpresstest.Platform) {
	t.Helper()
	clock := new(adapterstest.Clock)
	fake := wordpresstest.Config{Now: clock.Now}
	c := wordpress.Config{Name: "sito-comune", User: "tocsin", Password: wordpresstest.DefaultPassword, AllowPrivate: true}
	if change != nil {
		change(&fake, &c)
	}
	platform := wordpresstest.New(fake)
	server := adapterstest.Serve(t, platform)
	c.BaseURL = server.URL
	open := func() (adapters.Channel, error) { return wordpress.New(c) }
	channel, err := wordpress.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(channel.Close)
	return adapterstest.Rig{
		Channel: channel, Open: open, Platform: platform, Server: server, Clock: clock,
		Secrets: []string{strings.ReplaceAll(wordpresstest.DefaultPassword, " ", ""), wordpresstest.DefaultPassword},
	}, platform
}

func TestConformance(t *testing.T) {
	t.Parallel()
	adapterstest.Run(t, func(t *testing.T) adapterstest.Rig { r, _ := rig(t, nil); return r })
}

// TestNew refuses what can't be a site's address or a credential, and says no secret.
func TestNew(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*wordpress.Config)
		want   string // in the error; "" for none
	}{
		"good":           {func(*wordpress.Config) {}, ""},
		"own_type":       {func(c *wordpress.Config) { c.Type = "notizia" }, ""},
		"no_name":        {func(c *wordpress.Config) { c.Name = "" }, "name"},
		"http":           {func(c *wordpress.Config) { c.BaseURL = "http://www.comune.example.it" }, "use https"},
		"no_address":     {func(c *wordpress.Config) { c.BaseURL = "www.comune.example.it" }, "base_url"},
		"no_user":        {func(c *wordpress.Config) { c.User = "" }, "user"},
		"login_password": {func(c *wordpress.Config) { c.Password = "s3cret-of-a-person!" }, "application password"},
		"type":           {func(c *wordpress.Config) { c.Type = "../users" }, "type"},
		"category":       {func(c *wordpress.Config) { c.Categories = []int{0} }, "categories"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := wordpress.Config{Name: "sito", BaseURL: "https://www.comune.example.it", User: "tocsin", Password: wordpresstest.DefaultPassword}
			tt.change(&c)
			_, err := wordpress.New(c)
			if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("got %v, want %q and no secret", err, tt.want)
			}
		})
	}
}

// TestASecondPostOfOneSlugIsTakenAway publishes one post twice, as two nodes that do not see each
// other would: WordPress takes both, under two slugs.
func TestASecondPostOfOneSlugIsTakenAway(t *testing.T) {
	t.Parallel()
	r, _ := rig(t, nil)
	p := adapterstest.Sample()
	first, err := r.Channel.Publish(t.Context(), p, adapters.Attempt{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Channel.Publish(t.Context(), p, adapters.Attempt{N: 2})
	if err := adapterstest.Failed(err, adapters.Duplicate); err != nil {
		t.Error(err)
	}
	if live := r.Platform.Live(); len(live) != 1 || live[0].ID != first.ID {
		t.Errorf("public: %+v, want the first post alone", live)
	}
}

// TestReadBack holds what counts as the same against what does not.
func TestReadBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text   string
		closed bool
		harm   func(p *wordpresstest.Platform, id string)
		want   error // what the read-back wraps, nil for nothing
		alters bool
	}{
		"texturized": {text: "L'acqua sale -- 2x3 m... \"alta\" - subito & <qui>\n\nFine.", harm: func(*wordpresstest.Platform, string) {}},
		"closed":     {closed: true, harm: func(*wordpresstest.Platform, string) {}},
		"draft":      {harm: func(p *wordpresstest.Platform, id string) { p.SetStatus(id, "draft") }, want: adapters.ErrNotPublished},
		"edited":     {harm: func(p *wordpresstest.Platform, id string) { p.Edit(id, "<p>Tutto bene.</p>") }, alters: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, platform := rig(t, func(c *wordpresstest.Config, _ *wordpress.Config) { c.ClosedToStrangers = tt.closed })
			p := adapterstest.Sample()
			p.Text += "\n\n" + tt.text
			p.Text = strings.TrimSpace(p.Text)
			receipt, err := r.Channel.Publish(t.Context(), p, adapters.Attempt{N: 1})
			if err != nil {
				t.Fatal(err)
			}
			tt.harm(platform, receipt.ID)
			err = r.Channel.ReadBack(t.Context(), p, receipt)
			_, altered := errors.AsType[*adapters.AlteredError](err)
			if tt.alters != altered || !altered && !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// TestErrors draws what WordPress and what stands in front of it answer.
func TestErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		want   adapters.Kind
	}{
		"cannot_create":    {403, `{"code":"rest_cannot_create"}`, adapters.Auth},
		"not_logged_in":    {401, `{"code":"rest_not_logged_in"}`, adapters.Auth},
		"wrong_password":   {401, `{"code":"incorrect_password"}`, adapters.Auth},
		"switched_off":     {401, `{"code":"application_passwords_disabled"}`, adapters.Auth},
		"closed":           {404, `{"code":"rest_no_route"}`, adapters.Auth},
		"exists":           {400, `{"code":"rest_post_exists"}`, adapters.Duplicate},
		"parameter":        {400, `{"code":"rest_invalid_param"}`, adapters.Permanent},
		"kept_and_failed":  {500, `{"code":"db_insert_error"}`, adapters.Unknown},
		"crashed":          {500, `{"code":"internal_server_error"}`, adapters.Unknown},
		"maintenance":      {503, `<html>Briefly unavailable for scheduled maintenance.`, adapters.Unknown},
		"page":             {200, `<html>`, adapters.Unknown},
		"firewall":         {403, `<html>`, adapters.Auth},
		"basic_auth":       {401, `<html>`, adapters.Auth},
		"large":            {413, `<html>`, adapters.Permanent},
		"slower":           {429, `<html>`, adapters.NotSent},
		"not_of_wordpress": {400, `<html>`, adapters.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := rig(t, nil)
			r.Server.Between(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			})
			_, err := r.Channel.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
			if err := adapterstest.Failed(err, tt.want); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBanner asks the plug-in to show the alert, and to stop when the post is marked.
func TestBanner(t *testing.T) {
	t.Parallel()
	r, _ := rig(t, func(_ *wordpresstest.Config, c *wordpress.Config) { c.Banner = true })
	receipt, err := r.Channel.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
	if err != nil || !r.Platform.Live()[0].Pinned {
		t.Fatalf("%v: the site shows no banner", err)
	}
	m, _ := r.Channel.(adapters.Marker)
	if err := m.Mark(t.Context(), receipt, adapters.Mark{Text: "REVOCATA. SV-7F3K2-1"}); err != nil || r.Platform.Live()[0].Pinned {
		t.Errorf("%v: the banner stands after the mark", err)
	}
}
