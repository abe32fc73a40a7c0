package main

// This file watches the disk under the ledger, and the bound of its streams: a node whose ledger takes no more
// records stays up and serves what is public, but sends nothing that it could not
// record, and says so.

import (
	"context"
	"errors"
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
	// two hundred bulletins with their cards. Of a stream's bound it is three quarters at most.
	lowWater = 64 << 20
	// reserve is the room, in bytes, that is kept for what stops an alert: a
	// command hands in nothing else when less is free. Of a stream's bound it is half at most.
	reserve = 3 << 20
	// recordsRoom is the room, in bytes, for the records of one more bulletin.
	recordsRoom = 128 << 10
	// roomPatience is how long the broker may take to say how much room there is.
	roomPatience = 2 * time.Second
)

// lowIn is lowWater for a stream.
func lowIn(r ledger.Room) int64 { return min(lowWater, r.Bound/4*3) }

// keptIn is reserve for a stream.
func keptIn(r ledger.Room) int64 { return min(reserve, r.Bound/2) }

// watchStore looks after the disk until ctx is done.
func (n *node) watchStore(ctx context.Context) {
	tick := time.NewTicker(storeInterval)
	defer tick.Stop()
	warned, near, owed := false, false, n.untold
	var told *error
	for {
		warned = n.lookAtStore(ctx, warned)
		near = n.lookAtBound(ctx, near)
		// A full disk may not take that either: again, then.
		if why := n.unwritable.Load(); (owed || why != told) && n.writePresence(n.distrusted()) == nil {
			owed, told = false, why
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
			n.stopSending(ctx, fmt.Errorf("%w (%w)", ledger.ErrFull, err))
		}
	}
	free, err := freeBytes(n.c.abs(n.c.State))
	low := err == nil && free < lowWater
	if low && !warned {
		n.log.WarnContext(ctx, "the disk of the ledger is nearly full: make room before it takes no more records", "folder", n.c.abs(n.c.State), "free_bytes", free)
	}
	return low
}

// stopSending notes that the ledger takes no more records, and says so.
func (n *node) stopSending(ctx context.Context, why error) {
	n.unwritable.Store(&why)
	n.log.ErrorContext(ctx, "the ledger takes no more records: what is public is served, nothing is sent; make room on its disk, then start the node again",
		"folder", n.c.abs(n.c.State), "err", why)
}

// full reports whether what could not be written had no room.
func full(err error) bool {
	return errors.Is(err, ledger.ErrFull) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// lookAtBound warns once whenever the room in a stream falls below its low water; warned says
// whether that was said.
func (n *node) lookAtBound(ctx context.Context, warned bool) bool {
	limited, cancel := context.WithTimeout(ctx, roomPatience)
	defer cancel()
	records, bulletins, err := n.ledger.Rooms(limited)
	if err != nil {
		return warned // that the broker is away is said elsewhere
	}
	scarce := records.Free < lowIn(records) || bulletins.Free < lowIn(bulletins)
	if scarce && !warned {
		n.log.WarnContext(ctx, "the ledger is nearly full: raise broker.max_bytes and start the node again; the last of the room is kept for revocations",
			"free_for_records", records.Free, "free_for_bulletins", bulletins.Free, "max_bytes", max(records.Bound, bulletins.Bound))
	}
	return scarce
}

// scarce says that the bound of the ledger's streams is near, "" where it is not, as far as
// a command can tell.
func (p *program) scarce(ctx context.Context, d *desk) string {
	if !d.running {
		return ""
	}
	records, bulletins, err := d.rooms(ctx)
	if err != nil {
		return "" // what can't be measured is tried
	}
	near := ""
	for _, r := range []ledger.Room{records, bulletins} {
		switch {
		case r.Free < keptIn(r)+recordsRoom && r.Bound > 0:
			return p.say("il registro è pieno, salvo lo spazio per le revoche (liberi %d byte su %d): alzare broker.max_bytes e riaccendere il nodo",
				"the ledger is full but for the room of revocations (%d bytes of %d are free): raise broker.max_bytes and start the node again", r.Free, r.Bound)
		case r.Free < lowIn(r):
			near = p.say("il registro è quasi pieno (liberi %d byte su %d): alzare broker.max_bytes e riaccendere il nodo",
				"the ledger is nearly full (%d bytes of %d are free): raise broker.max_bytes and start the node again", r.Free, r.Bound)
		}
	}
	return near
}

func (d *desk) rooms(ctx context.Context) (records, bulletins ledger.Room, err error) {
	ctx, cancel := context.WithTimeout(ctx, roomPatience)
	defer cancel()
	return d.ledger.Rooms(ctx)
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

// stops reports whether a bulletin may use the room that is kept: it revokes, or is the
// prepared correction.
func stops(b *bulletin.Bulletin) bool {
	return b.Message.MsgType == alert.MsgCancel || b.Kind == bulletin.Correction
}

// room returns an error where the disk of a node on this machine is too full to take
// the bulletin: the broker would only fall silent. So it does where only the room for
// revocations is left in the ledger's streams.
func (d *desk) room(ctx context.Context, b *bulletin.Bulletin) error {
	need := int64(reserve)
	if stops(b) {
		need = recordsRoom
		if b.Kind == "" {
			need += int64(len(b.Bytes()))
		}
	}
	err := d.roomFor(need)
	if err == nil {
		err = d.boundFor(ctx, b, int64(len(b.Bytes())))
	}
	if err != nil {
		return fmt.Errorf("%w; nothing was handed in", err)
	}
	return nil
}

// noteFull returns why a bulletin found no room, and writes it into the ledger: who looks there is
// to know of an alert that could not be handed in. Half of what is kept for revocations is left
// to them, however often somebody tries.
func (d *desk) noteFull(ctx context.Context, b *bulletin.Bulletin, why error) error {
	records, _, err := d.rooms(ctx)
	if err == nil && (records.Bound == 0 || records.Free > keptIn(records)/2) && d.roomFor(reserve/2) == nil {
		_ = d.reject(ctx, b, ledger.ClassBulletin, why) // a help: the hand-in has failed in any case
	}
	return why
}

// roomToSign returns an error where the records that follow from a signature have no room: a
// release whose attempts can't be recorded is none, since nothing would be sent.
func (d *desk) roomToSign(ctx context.Context, b *bulletin.Bulletin) error {
	err := d.roomFor(recordsRoom)
	if err == nil {
		err = d.boundFor(ctx, b, 0)
	}
	if err != nil {
		return fmt.Errorf("%w; the signature was not handed in", err)
	}
	return nil
}

// boundFor returns an error where the bulletin, which has so many bytes that the ledger does not
// hold yet, would take of the streams what is kept for revocations. A revocation is tried in any
// case: the broker takes it or says that it can't.
func (d *desk) boundFor(ctx context.Context, b *bulletin.Bulletin, more int64) error {
	if stops(b) {
		return nil
	}
	records, bulletins, err := d.rooms(ctx)
	if err != nil {
		return nil //nolint:nilerr // what can't be measured is tried
	}
	for _, of := range []struct {
		room ledger.Room
		need int64
	}{{records, recordsRoom}, {bulletins, more}} {
		if room := of.room; of.need > 0 && room.Bound > 0 && room.Free-of.need < keptIn(room) {
			return fmt.Errorf("%w: %d bytes of the %d of broker.max_bytes are free, and the last %d are kept for revocations", ledger.ErrFull, room.Free, room.Bound, keptIn(room))
		}
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
