package main

// This file watches the disk under the ledger: a node whose ledger takes no more
// records stays up and serves what is public, but sends nothing that it could not
// record, and says so.

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

const (
	// storeInterval is the time between two looks at the disk.
	storeInterval = time.Second
	// lowWater is the room, in bytes, below which the operator is warned: some
	// two hundred bulletins with their cards.
	lowWater = 64 << 20
	// reserve is the room, in bytes, that is kept for what stops an alert: a
	// command hands in nothing else when less is free.
	reserve = 3 << 20
	// recordsRoom is the room, in bytes, for the records of one more bulletin.
	recordsRoom = 128 << 10
)

// watchStore looks after the disk until ctx is done.
func (n *node) watchStore(ctx context.Context) {
	tick := time.NewTicker(storeInterval)
	defer tick.Stop()
	warned, told := false, false
	for {
		warned = n.lookAtStore(ctx, warned)
		if n.unwritable.Load() != nil && !told {
			told = n.writePresence(n.distrusted()) == nil // a full disk may not take that either: again, then
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// lookAtStore notes a broker that can't write any more, and warns once whenever the
// room falls below lowWater; warned says whether that was said.
func (n *node) lookAtStore(ctx context.Context, warned bool) bool {
	if n.server != nil && n.unwritable.Load() == nil {
		if err := n.server.Healthy(); err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w (%w)", ledger.ErrFull, err)
			n.unwritable.Store(&err)
			n.log.ErrorContext(ctx, "the ledger takes no more records: what is public is served, nothing is sent; make room on its disk, then start the node again",
				"folder", n.c.abs(n.c.State), "err", err)
		}
	}
	free, err := freeBytes(n.c.abs(n.c.State))
	low := err == nil && free < lowWater
	if low && !warned {
		n.log.WarnContext(ctx, "the disk of the ledger is nearly full: make room before it takes no more records", "folder", n.c.abs(n.c.State), "free_bytes", free)
	}
	return low
}

// stopped returns why the node that runs here sends nothing, "" where it does, as far
// as a command can tell.
func (d *desk) stopped() string {
	if !d.running || d.guard == nil {
		return ""
	}
	if p, err := readPresence(d.state); err == nil && p.Stopped != "" {
		return p.Stopped
	}
	if err := d.roomFor(recordsRoom); err != nil {
		return err.Error()
	}
	return ""
}

// freeBytes returns the room that a program without privileges finds on the disk of
// a folder, in bytes.
func freeBytes(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("room on the disk of %s: %w", dir, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil //nolint:gosec,unconvert // the field's types differ between systems
}

// room returns an error where the disk of a node on this machine is too full to take
// the bulletin: the broker would only fall silent.
func (d *desk) room(b *bulletin.Bulletin) error {
	need := int64(reserve)
	if b.Message.MsgType == alert.MsgCancel {
		need = int64(len(b.Bytes())) + recordsRoom
	}
	if err := d.roomFor(need); err != nil {
		return fmt.Errorf("%w; nothing was handed in", err)
	}
	return nil
}

// roomFor returns an error where the disk of a node on this machine has fewer bytes
// free.
func (d *desk) roomFor(need int64) error {
	if d.presence.Broker == "" {
		return nil // a broker elsewhere
	}
	free, err := freeBytes(d.state)
	if err != nil || free >= need {
		return nil //nolint:nilerr // what can't be measured is tried
	}
	return fmt.Errorf("%w: %d bytes are free on the disk of %s", ledger.ErrFull, free, d.state)
}
