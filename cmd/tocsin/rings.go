package main

// This file gives a node its key ring: the first version, or a ring without versions,
// from the configuration; those after it from the ledger, while the node runs.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tocsin/broker/audit"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

const (
	// ringFirst and ringMeta are in the copy of the keys: the archive of the first
	// version, and the meta of the newest one that this node has seen.
	ringFirst = "first.tar"
	ringMeta  = "meta"

	// ringWarning is how long before its end people are told that a version of the key
	// ring has to be made anew: managers of two organisations have to meet.
	ringWarning = 28 * 24 * time.Hour
	// keyWarning is the same for the line of one person.
	keyWarning = 30 * 24 * time.Hour
)

// loadRings reads what the configuration says of the key ring. It reads no ledger.
func loadRings(c *config) (*signing.History, error) {
	if c.Keys.Folder != "" {
		dir := c.abs(c.Keys.Folder)
		if draft, err := isDraft(dir); err != nil {
			return nil, err
		} else if draft {
			return nil, both("portachiavi %s: la prima versione è ancora una bozza, che nessuno ha firmato: metterci le persone con tocsin keys add, farla firmare ai responsabili con tocsin keys sign, poi riprovare",
				"key ring %s: the first version is still a draft that nobody has signed: put the people into it with tocsin keys add, let its managers sign it with tocsin keys sign, then try again", c.Keys.Folder)
		}
		v, err := signing.ReadVersion(os.DirFS(dir))
		if err != nil {
			return nil, fmt.Errorf("key ring %s: %w", c.Keys.Folder, err)
		}
		h, err := signing.NewHistory(v, c.Realm)
		if err != nil {
			return nil, fmt.Errorf("key ring %s: %w", c.Keys.Folder, err)
		}
		return h, nil
	}
	k, err := readKeys(c)
	if err != nil {
		return nil, err
	}
	r, err := signing.ParseRing(c.Keys.Ring, k.Signers, k.Revoked)
	if err != nil {
		return nil, err
	}
	p, err := signing.ParsePolicy(k.Policy)
	if err != nil {
		return nil, err
	}
	return signing.Fixed(&signing.Authority{Ring: r, Policy: p, Realm: c.Realm}), nil
}

// readKeys reads the files of a ring without versions.
func readKeys(c *config) (k audit.Keys, err error) {
	if k.Signers, err = os.ReadFile(c.abs(c.Keys.Ring)); err != nil {
		return k, fmt.Errorf("key ring: %w: name its file under keys.ring", err)
	}
	if c.Keys.Revoked != "" {
		if k.Revoked, err = os.ReadFile(c.abs(c.Keys.Revoked)); err != nil {
			return k, fmt.Errorf("list of revoked keys: %w: name its file under keys.revoked, or leave that out", err)
		}
	}
	if k.Policy, err = os.ReadFile(c.abs(c.Keys.Policy)); err != nil {
		return k, fmt.Errorf("policy: %w: name its file under keys.policy", err)
	}
	return k, nil
}

// takeRings takes the versions that the ledger holds before anything is judged, and
// notes where they end before one that this node has seen.
func (n *node) takeRings(ctx context.Context) error {
	if err := delivery.TakeRings(ctx, n.ledger, n.rings); err != nil {
		return err
	}
	v, _ := n.rings.Version()
	if v == nil {
		return n.copied(ctx, copyPlainKeys(n.c))
	}
	text, err := os.ReadFile(filepath.Join(n.c.abs(n.c.State), keysCopy, ringMeta))
	if err == nil {
		if seen, err := signing.ParseMeta(text); err == nil && seen.Version > v.Meta.Version && !errors.Is(n.rings.Trusted(), signing.ErrNotUnderstood) {
			n.staleRing = fmt.Errorf("the ledger's key ring is version %d, and this node has seen version %d: put back a newer copy of the ledger", v.Meta.Version, seen.Version)
			return nil
		}
	}
	return n.copied(ctx, n.copyRing())
}

// copied passes over a copy of the keys for which there was no room: the node itself does
// not judge by it.
func (n *node) copied(ctx context.Context, err error) error {
	if full(err) {
		n.log.WarnContext(ctx, "the copy of the key ring beside the ledger could not be renewed", "err", err)
		return nil
	}
	return err
}

// recordFirstRing puts the version that was configured by hand into a ledger that
// holds none, so that every reader sees from where on it judges.
func (n *node) recordFirstRing(ctx context.Context) error {
	v, recorded := n.rings.Version()
	held := 0
	n.ledger.View(func(st *ledger.State) { held = len(st.Rings) })
	if v == nil || recorded || held > 0 || !n.whole() {
		return nil
	}
	if _, err := putRing(ctx, n.ledger, v); err != nil {
		return err
	}
	return delivery.TakeRings(ctx, n.ledger, n.rings)
}

// putRing writes a version and the record of it, and returns when both are in the
// ledger. The bytes go first: a record whose bytes are missing is of no effect.
func putRing(ctx context.Context, l *ledger.Ledger, v *signing.Version) (int64, error) {
	if _, err := l.PutBlob(ctx, v.Bundle()); err != nil {
		return 0, err
	}
	c := v.Claim()
	seq, err := l.Append(ctx, ledger.Record{Type: ledger.KeyRing, Number: c.Version, Meta: c.Meta, Ring: c.Ring, Folder: c.Folder})
	if err != nil {
		return 0, err
	}
	return seq, l.WaitApplied(ctx, seq)
}

// ringAgain is the wait before a version that could not be judged is looked at once more.
const ringAgain = time.Second

// watchRings takes up new versions and tells of them, also where nothing is sent, and of
// what is about to expire, once a day, until ctx is done.
func (n *node) watchRings(ctx context.Context) {
	tick := time.NewTicker(24 * time.Hour)
	defer tick.Stop()
	in, _ := n.rings.Version()
	n.warnOfExpiry(ctx)
	for {
		changed := n.ledger.Changed()
		var again <-chan time.Time
		if err := n.service.TakeRings(ctx); err != nil { // who judges by it says why
			again = time.After(ringAgain)
		}
		if v, _ := n.rings.Version(); v != in {
			in = v
			n.log.InfoContext(ctx, "a new version of the key ring is in force", "version", v.Meta.Version, "meta", hexSum(v.SHA256()))
			if err := n.copyRing(); err != nil {
				n.log.WarnContext(ctx, "the copy of the key ring beside the ledger could not be renewed", "err", err)
			}
			n.warnOfExpiry(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n.warnOfExpiry(ctx)
		case <-again:
		case <-changed:
		}
	}
}

// warnOfExpiry says what of the key ring expires soon, or has expired.
func (n *node) warnOfExpiry(ctx context.Context) {
	now := time.Now()
	if v, _ := n.rings.Version(); v != nil {
		switch left := v.Meta.Expires.Sub(now); {
		case left <= 0:
			n.log.ErrorContext(ctx, "the key ring has expired: signers whose own line is valid are still accepted; make and sign its next version now",
				"version", v.Meta.Version, "expired", v.Meta.Expires)
		case left < ringWarning:
			n.log.WarnContext(ctx, "the key ring expires soon: make and sign its next version", "version", v.Meta.Version, "expires", v.Meta.Expires)
		}
	}
	for _, s := range n.rings.Newest().Ring.Expiring(now, keyWarning) {
		n.log.WarnContext(ctx, "a key of the ring expires soon: renew it before", "principal", s.Principal, "role", string(s.Role), "expires", s.ValidBefore)
	}
}

// ringNotice says that the version in force expires soon or has expired, "" for
// neither.
func (p *program) ringNotice(v *signing.Version, now time.Time) string {
	if v == nil {
		return ""
	}
	expires := v.Meta.Expires.In(rome()).Format("2006-01-02 15:04")
	switch left := v.Meta.Expires.Sub(now); {
	case left <= 0:
		return p.say("ATTENZIONE: il portachiavi (versione %d) è scaduto il %s. Chi ha una chiave valida può ancora firmare; preparare e firmare subito la prossima versione (tocsin keys draft)",
			"ATTENTION: the key ring (version %d) expired on %s. Whoever has a valid key can still sign; make and sign its next version now (tocsin keys draft)", v.Meta.Version, expires)
	case left < ringWarning:
		return p.say("Attenzione: il portachiavi (versione %d) scade il %s: preparare e firmare la prossima versione (tocsin keys draft)",
			"Attention: the key ring (version %d) expires on %s: make and sign its next version (tocsin keys draft)", v.Meta.Version, expires)
	}
	return ""
}

// copyRing keeps beside the ledger what it is judged by, so that the folder alone is
// enough for an audit: the first version, from which the others are derived, and the
// files of the one in force for people.
func (n *node) copyRing() error {
	v, _ := n.rings.Version()
	c := v.Contents()
	return writeKeys(n.c, map[string][]byte{
		ringFirst: n.rings.First().Bundle(), "allowed_signers": c.Signers, "revoked": c.Revoked, "policy.yaml": c.Policy, ringMeta: v.Meta.Text(),
	})
}

// copyPlainKeys is copyRing for a ring without versions.
func copyPlainKeys(c *config) error {
	files := map[string][]byte{}
	for name, path := range map[string]string{"allowed_signers": c.Keys.Ring, "revoked": c.Keys.Revoked, "policy.yaml": c.Keys.Policy} {
		files[name] = nil
		if path != "" {
			var err error
			if files[name], err = os.ReadFile(c.abs(path)); err != nil {
				return fmt.Errorf("copy of the key ring: %w", err)
			}
		}
	}
	return writeKeys(c, files)
}

func writeKeys(c *config, files map[string][]byte) error {
	dir := filepath.Join(c.abs(c.State), keysCopy)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("copy of the key ring: %w", err)
	}
	files["realm"] = []byte(c.Realm + "\n")
	for name, b := range files {
		path := filepath.Join(dir, name)
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, b) {
			continue // a full disk takes not even the same again
		}
		if err := writeWhole(path, b); err != nil {
			return fmt.Errorf("copy of the key ring: %w", err)
		}
	}
	return nil
}

// copiedRings reads the copy that a node left beside its ledger.
func copiedRings(dir string, c *config) (*signing.History, error) {
	bundle, err := os.ReadFile(filepath.Join(dir, ringFirst))
	if errors.Is(err, fs.ErrNotExist) {
		return loadRings(c)
	}
	if err != nil {
		return nil, fmt.Errorf("key ring: %w", err)
	}
	v, err := signing.ParseVersion(bundle)
	if err != nil {
		return nil, err
	}
	return signing.NewHistory(v, c.Realm)
}
