package main

import (
	"fmt"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/webhook"
)

// This file opens those who are told at once of what one authority answers for alone.

// notifyConfig is one recipient.
type notifyConfig struct {
	// Name is the recipient's, as the policy has it under breakglass.notify.
	Name string `yaml:"name"`
	// URL takes a POST of JSON. It may hold a key: then it is best named by URLFrom.
	URL string `yaml:"url"`
	// URLFrom is where the address is, if it is itself a secret. It excludes URL.
	URLFrom secret `yaml:"url_from"`
	// Token is sent as "Authorization: Bearer"; none where it is left out.
	Token secret `yaml:"token"`
	// Timeout bounds one call; 0 for 15 seconds.
	Timeout time.Duration `yaml:"timeout"`
	// AllowPrivate lets it call loopback and private addresses, and plain HTTP.
	AllowPrivate bool `yaml:"allow_private"`
}

// open makes the recipient that the configuration describes.
func (n *notifyConfig) open(c *config, getenv func(string) string) (adapters.Notifier, error) {
	w := webhook.Config{Name: n.Name, URL: n.URL, Timeout: n.Timeout, AllowPrivate: n.AllowPrivate}
	var err error
	if n.URLFrom.given() {
		if w.URL, err = n.URLFrom.read(c, getenv); err != nil {
			return nil, fmt.Errorf("notify %s: url_from: %w", n.Name, err)
		}
	}
	if n.Token.given() {
		if w.Token, err = n.Token.read(c, getenv); err != nil {
			return nil, fmt.Errorf("notify %s: token: %w", n.Name, err)
		}
	}
	made, err := webhook.New(w)
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (n *node) openNotifiers(o nodeOptions) (all []adapters.Notifier, err error) {
	for i := range n.c.Notify {
		made, err := n.c.Notify[i].open(n.c, o.getenv)
		if err != nil {
			return nil, err
		}
		all = append(all, made)
	}
	return all, nil
}
