package main

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/facebook"
	"tocsin/adapters/instagram"
	"tocsin/adapters/telegram"
	"tocsin/adapters/website"
	"tocsin/adapters/wordpress"
	"tocsin/adapters/x"
	"tocsin/broker/compose"
	"tocsin/broker/delivery"
)

// everyKind lists the kinds of channels. A new kind is one word here and one case in
// open, in limitsOf and in platformKeys.
func everyKind() []string { return append(kinds(), "wordpress") }

// kinds lists the kinds that the demonstration and the simulator have.
func kinds() []string { return []string{"website", "telegram", "x", "facebook", "instagram"} }

// official returns the account as the public knows it, for the site's list of the
// authority's own channels; false where the configuration does not say where it is.
func (ch *channelConfig) official() (website.OfficialChannel, bool) {
	var platform, host, handle string
	switch ch.Kind {
	case "website":
		platform = "Web"
	case "telegram":
		platform, host = "Telegram", "https://t.me/"
		handle = strings.TrimPrefix(ch.ChatID, "@")
		if handle == ch.ChatID {
			handle = "" // a number, which the public can't look up
		}
	case "x":
		platform, host, handle = "X", "https://x.com/", ch.Username
	case "facebook":
		platform = "Facebook"
	case "wordpress":
		platform = "Web"
	case "instagram":
		platform, host, handle = "Instagram", "https://www.instagram.com/", ch.Username
	}
	c := website.OfficialChannel{Kind: platform, URL: ch.Profile, Name: ch.PublicName}
	if c.URL == "" && handle != "" && ch.BaseURL == "" { // on another platform than the real one the name is a stranger's
		c.URL = host + handle
	}
	if c.URL == "" && ch.Kind == "wordpress" {
		c.URL = ch.BaseURL
	}
	if c.Name == "" && handle != "" {
		c.Name = "@" + handle
	}
	if u, err := url.Parse(c.URL); err == nil && c.Name == "" {
		c.Name = strings.TrimPrefix(u.Host, "www.") + strings.TrimRight(u.Path, "/")
	}
	return c, c.URL != ""
}

// platformKeys are the keys of a channel that only some kinds have.
func platformKeys(kind string) []string {
	switch kind {
	case "telegram":
		return []string{"base_url", "allow_private", "pictures", "chat_id", "reader_user_id", "token"}
	case "x":
		return []string{"base_url", "allow_private", "pictures", "consumer_key", "consumer_secret", "access_token", "access_secret", "user_id", "username"}
	case "facebook":
		return []string{"base_url", "allow_private", "pictures", "page_id", "token", "app_secret", "app_id", "version"}
	case "instagram":
		return []string{"base_url", "allow_private", "user_id", "username", "token", "app_secret", "app_id", "version"}
	case "wordpress":
		return []string{"base_url", "allow_private", "user", "password", "type", "categories", "banner"}
	}
	return nil
}

// strange returns the keys that are set and mean nothing to the channel's kind: what
// was typed there was meant for another one.
func (ch *channelConfig) strange() []string {
	if !slices.Contains(everyKind(), ch.Kind) {
		return nil // that is said already
	}
	every := []string{"public_name", "name", "kind", "profile", "timeout", "workers", "settle", "read_back", "unsearchable", "shared_account", "adapter", "languages"}
	var out []string
	for field, value := range reflect.ValueOf(*ch).Fields() {
		key := field.Tag.Get("yaml")
		if !value.IsZero() && !slices.Contains(every, key) && !slices.Contains(platformKeys(ch.Kind), key) {
			out = append(out, key)
		}
	}
	return out
}

// siteAccess is how website channels reach the node's own site.
type siteAccess struct {
	ingestURL, publicURL, token string
}

// open makes the channel that the configuration describes.
func (ch *channelConfig) open(c *config, getenv func(string) string, site siteAccess) (adapters.Channel, error) {
	var err error
	read := func(name string, s secret) string {
		v, e := s.read(c, getenv)
		if e != nil && err == nil {
			err = fmt.Errorf("channel %s: %s: %w", ch.Name, name, e)
		}
		return v
	}
	var made adapters.Channel
	switch ch.Kind {
	case "website":
		made, err = website.New(website.Config{
			Name: ch.Name, IngestURL: site.ingestURL, PublicURL: site.publicURL, Token: site.token, Timeout: ch.Timeout, AllowPrivate: true,
		})
	case "telegram":
		k := telegram.Config{
			Name: ch.Name, BaseURL: ch.BaseURL, ChatID: ch.ChatID, ReaderUserID: ch.ReaderID, Timeout: ch.Timeout, AllowPrivate: ch.AllowPrivate,
			Token: read("token", ch.Token),
		}
		if err == nil {
			made, err = telegram.New(k)
		}
	case "x":
		k := x.Config{
			Name: ch.Name, BaseURL: ch.BaseURL, UserID: ch.UserID, Username: ch.Username, Timeout: ch.Timeout, AllowPrivate: ch.AllowPrivate,
			ConsumerKey: read("consumer_key", ch.ConsumerKey), ConsumerSecret: read("consumer_secret", ch.ConsumerSecret),
			AccessToken: read("access_token", ch.AccessToken), AccessSecret: read("access_secret", ch.AccessSecret),
		}
		if err == nil {
			made, err = x.New(k)
		}
	case "facebook":
		k := facebook.Config{
			Name: ch.Name, BaseURL: ch.BaseURL, Version: ch.Version, AppID: ch.AppID, PageID: ch.PageID, Timeout: ch.Timeout, AllowPrivate: ch.AllowPrivate,
			Token: read("token", ch.Token), AppSecret: read("app_secret", ch.AppSecret),
		}
		if err == nil {
			made, err = facebook.New(k)
		}
	case "instagram":
		k := instagram.Config{
			Name: ch.Name, BaseURL: ch.BaseURL, Version: ch.Version, AppID: ch.AppID, ImageHost: c.Site.PublicURL, UserID: ch.UserID, Username: ch.Username, Timeout: ch.Timeout, AllowPrivate: ch.AllowPrivate,
			Token: read("token", ch.Token), AppSecret: read("app_secret", ch.AppSecret),
		}
		if err == nil {
			made, err = instagram.New(k)
		}
	case "wordpress":
		k := wordpress.Config{
			Name: ch.Name, BaseURL: ch.BaseURL, User: ch.User, Type: ch.Type, Categories: ch.Categories, Banner: ch.Banner,
			Timeout: ch.Timeout, AllowPrivate: ch.AllowPrivate, Password: read("password", ch.Password),
		}
		if err == nil {
			made, err = wordpress.New(k)
		}
	default:
		return nil, fmt.Errorf("channel %s: kind %q is not known", ch.Name, ch.Kind)
	}
	if err != nil {
		return nil, err
	}
	return made, nil
}

// carried returns the channel as the delivery works it.
func (ch *channelConfig) carried(made adapters.Channel) delivery.Channel {
	d := delivery.Channel{
		Channel: made, Workers: ch.Workers, Settle: ch.Settle, ReadBack: ch.ReadBack, Shared: ch.Shared, Unsearchable: delivery.Unsearchable(ch.Unsearchable),
	}
	if ch.Timeout > 0 {
		d.PublishTimeout = ch.Timeout + 10*time.Second
	}
	if ch.Kind == "website" && len(ch.Settle) == 0 {
		// The site is ours: it shows at once what it has taken.
		d.Settle = []time.Duration{0}
	}
	return d
}

// composed returns the channels as a bulletin addresses them. It needs no
// credential: limits belong to the kind.
func (c *config) composed() ([]compose.Channel, error) {
	var out []compose.Channel
	for i := range c.Channels {
		ch := c.Channels[i]
		limits, err := limitsOf(ch.Kind)
		if err != nil {
			return nil, err
		}
		limits.Illustrated = limits.Illustrated && (ch.Pictures == nil || *ch.Pictures)
		out = append(out, compose.Channel{Name: ch.Name, Kind: ch.Kind, Limits: limits, Languages: ch.Languages})
	}
	return out, nil
}

// limitsOf returns the limits of a kind of channel.
func limitsOf(kind string) (adapters.Limits, error) {
	switch kind {
	case "website":
		return new(website.Channel).Limits(), nil
	case "telegram":
		return new(telegram.Channel).Limits(), nil
	case "x":
		return new(x.Channel).Limits(), nil
	case "facebook":
		return new(facebook.Channel).Limits(), nil
	case "instagram":
		return new(instagram.Channel).Limits(), nil
	case "wordpress":
		return new(wordpress.Channel).Limits(), nil
	}
	return adapters.Limits{}, fmt.Errorf("kind %q is not known", kind)
}
