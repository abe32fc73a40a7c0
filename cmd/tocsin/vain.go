package main

// This file finds out, before a command shows a bulletin and asks, that the signature which a
// person is about to make can't count: nobody is to read and decide for nothing.

import (
	"context"
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// vain returns why a signature that the key is about to make in the role can't count, by the
// key ring and the policy in force and beside what the ledger holds: one on the bulletin, or on
// its refusal or withdrawal where halt names one.
func (d *desk) vain(b *bulletin.Bulletin, key signing.Key, role signing.Role, halt bulletin.HaltKind) error {
	if halt != "" {
		return d.authority.WouldHalt(b, halt, key.PublicKey(), role, time.Now())
	}
	var statements []signing.Statement
	if held := d.held(b); held != nil {
		statements = delivery.Statements(held)
	}
	return d.authority.WouldCount(signing.RequestOf(b), statements, key.PublicKey(), role, time.Now())
}

// refuseVain refuses with a record what vain names, and then what the broker would not take with
// the credentials that this program has.
func (d *desk) refuseVain(ctx context.Context, b *bulletin.Bulletin, key signing.Key, role signing.Role, halt bulletin.HaltKind) error {
	class := ledger.ClassSignature
	if halt != "" {
		class = ledger.ClassHalt
	}
	if err := d.vain(b, key, role, halt); err != nil {
		return d.reject(ctx, b, class, err)
	}
	namespace := signing.Namespace(role, b.Realm)
	switch halt {
	case bulletin.Refusal:
		return d.ledger.Allowed(&ledger.Record{Type: ledger.Refused, Alert: string(b.Alert), Namespace: namespace})
	case bulletin.Withdrawal:
		return d.ledger.Allowed(&ledger.Record{Type: ledger.Withdrawn, Alert: string(b.Alert), Namespace: namespace})
	}
	return d.mayHandIn(b, d.held(b) == nil, []signing.Statement{{Namespace: namespace}})
}

// held returns what the ledger holds of a bulletin, or nil.
func (d *desk) held(b *bulletin.Bulletin) (held *ledger.BulletinState) {
	d.ledger.View(func(s *ledger.State) {
		if a := s.Alerts[string(b.Alert)]; a != nil {
			if state := a.Bulletin(b.SHA256()); state != nil {
				copied := *state
				held = &copied
			}
		}
	})
	return held
}

// refuseVain is that of the desk for a signature that goes into a file and not yet into the
// ledger: nothing is recorded, and that the ledger can't be read stops nobody.
func (w *where) refuseVain(ctx context.Context, b *bulletin.Bulletin, key signing.Key, role signing.Role) error {
	if w.config == "" && w.state == "" {
		return nil
	}
	d, err := w.open(ctx, "tocsin sign", nil, false)
	if err != nil {
		return nil //nolint:nilerr // the review says so where it matters
	}
	defer d.Close()
	known := false
	d.ledger.View(func(s *ledger.State) { known = s.Alerts[string(b.Alert)] != nil })
	if known {
		if why := d.haltedBy(ctx, b); why != nil {
			return why
		}
	}
	if d.authority == nil || d.authority.Ring == nil {
		return nil
	}
	return d.vain(b, key, role, "")
}
