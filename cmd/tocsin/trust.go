package main

// This file watches whether the node may rely on its ledger, and on being the only one
// of its name: where it may not, it sends nothing, and says so once.

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tocsin/broker/ledger"
)

// errReplaced is why a node ends: somebody started another one of its name.
var errReplaced = both("su questo registro è stato acceso un altro nodo con lo stesso nome, quindi questo non invia più nulla: dare a ogni nodo un nome suo (node nella configurazione), "+
	"e guardare se da qualche parte è acceso un doppione di questo",
	"another node of the same name was started on this ledger, so this one sends nothing any more: give each node a name of its own (node in the configuration), "+
		"and look whether a forgotten copy of this one runs somewhere")

// replaced reports whether the ledger holds a newer start of a node of this name, on all that
// it carries: what one channel's adapter says is of that channel alone.
func (n *node) replaced() bool {
	spoken := n.spoken()
	return len(spoken) > 0 && !slices.ContainsFunc(spoken, func(channel string) bool { return !n.left(channel) })
}

// spoken lists the channels on which the ledger holds the start of this node, "" for all at once.
func (n *node) spoken() []string {
	if n.announced.Load() {
		return n.speaks
	}
	return nil
}

// left reports whether the ledger says that this node has stopped on a channel, "" for all.
func (n *node) left(channel string) (gone bool) {
	n.ledger.View(func(s *ledger.State) { gone = s.Gone(n.name, channel) })
	return gone
}

// distrusted returns why what the ledger says is not to be relied on, or nil.
func (n *node) distrusted() error {
	if err := n.ledger.Broken(); err != nil {
		return err
	}
	if err := n.keeper.Trusted(); err != nil {
		return err
	}
	if n.staleRing != nil {
		return n.staleRing
	}
	return n.rings.Trusted()
}

// trusted returns why the node may release nothing, or nil: what it did could not
// be recorded, what is recorded is not to be relied on, or another node has its name.
func (n *node) trusted() error {
	if err := n.unwritable.Load(); err != nil {
		return *err
	}
	if n.replaced() {
		return errReplaced
	}
	return n.distrusted()
}

// watchTrust looks after the ledger until ctx is done: it says once when that is not to
// be trusted any more, and ends the node when another one has taken its name.
func (n *node) watchTrust(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	said := n.distrusted() != nil // begin has said it
	left := map[string]bool{}     // channels of which it was said
	for {
		changed := n.ledger.Changed()
		if n.replaced() {
			n.log.ErrorContext(ctx, "another node of the same name was started on this ledger: this one ends; give each node a name of its own", "node", n.c.Node)
			n.failed <- errReplaced
			return
		}
		for _, channel := range n.spoken() {
			if !left[channel] && n.left(channel) {
				left[channel] = true
				n.log.ErrorContext(ctx, "somebody with the credential of this channel's adapter has said that this node stopped there: it sends nothing more on the channel; look whether a copy of the node runs somewhere, make a new credential, and start the node again", "channel", channel)
			}
		}
		if err := n.distrusted(); err != nil && !said {
			said = true
			if err := n.writePresence(err); err != nil {
				n.log.WarnContext(ctx, "commands could not be told", "err", err)
			}
			n.log.ErrorContext(ctx, "the ledger is not to be trusted any more: what is public is served, nothing is sent", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-tick.C:
		}
	}
}

// writePresence tells commands how to reach the node, and why the ledger is not to be
// trusted where it is not.
func (n *node) writePresence(distrust error) error {
	p := presence{Config: n.c.path, Site: n.siteURL, PID: os.Getpid(), Broker: n.c.Broker.URL}
	if n.server != nil {
		p.Broker = n.server.Addr()
	}
	if distrust != nil {
		p.Untrusted = distrust.Error()
	}
	if err := n.unwritable.Load(); err != nil {
		p.Stopped = (*err).Error()
	}
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(n.c.abs(n.c.State), nodeFile), append(b, '\n'))
}
