package main

// This file takes a CAP document that somebody names: a file, standard input, an
// address, or an entry of a feed at one of these. The bytes stay as they came.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"tocsin/adapters/download"
	"tocsin/broker/alert"
)

// maxFeedFile bounds a feed that is read, in bytes; package alert reads as much.
const maxFeedFile = 4 << 20

// isWebAddress reports whether a person means an address rather than a file.
func isWebAddress(source string) bool {
	lower := strings.ToLower(source)
	return strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://")
}

// fetched returns what stands at an address.
func (p *program) fetched(ctx context.Context, address string, most int, allowPrivate bool) ([]byte, error) {
	raw, err := download.Get(ctx, address, download.Options{AllowPrivate: allowPrivate, MaxBytes: most})
	if err == nil {
		if strings.HasPrefix(strings.ToLower(address), "http:") {
			fmt.Fprintf(p.err, "tocsin: %s\n", p.say("preso senza cifratura (http): chiunque sul percorso può averlo cambiato; usare https, o confrontarlo con l'originale",
				"taken without encryption (http): anyone on the way may have changed it; use https, or compare it with the original"))
		}
		return raw, nil
	}
	failed, ok := errors.AsType[*download.Error](err)
	switch {
	case !ok:
		return nil, err
	case failed.Refused:
		return nil, refusedError{both("indirizzo rifiutato: %v: nominare un indirizzo pubblico, o aggiungere --allow-private se quella macchina è vostra",
			"address refused: %w: name a public address, or add --allow-private if that machine is yours", err)}
	case failed.Location != "":
		return nil, both("l'indirizzo rimanda a %s, che nessuno ha nominato: se è quello giusto, usarlo al suo posto",
			"the address sends us to %s, which nobody named: if that is the right one, use it instead", shown(failed.Location))
	}
	return nil, both("indirizzo non letto: %v: controllarlo, o salvare il file e nominare quello", "address not read: %w: check it, or save the file and name that", err)
}

// draftBytes returns the CAP document that --cap names, and with --pick the entry of the
// feed that it names.
func (p *program) draftBytes(ctx context.Context, source, pick string, allowPrivate bool) ([]byte, error) {
	if pick != "" {
		feed, err := p.feed(ctx, source, allowPrivate)
		if err != nil {
			return nil, err
		}
		return p.picked(ctx, feed, source, pick, allowPrivate)
	}
	var raw []byte
	var err error
	if isWebAddress(source) {
		raw, err = p.fetched(ctx, source, maxImport, allowPrivate)
	} else {
		raw, err = readMessage(source, p.stdin)
	}
	if err != nil {
		return nil, err
	}
	if alert.IsFeed(raw) {
		return nil, refusedError{both("%s è un elenco (feed), non un messaggio CAP: guardarlo con tocsin cap feed, e scegliere una voce con --pick",
			"%s is a feed, not a CAP message: look at it with tocsin cap feed, and choose an entry with --pick", source)}
	}
	return raw, nil
}

// feed reads a feed from a file, standard input or an address.
func (p *program) feed(ctx context.Context, source string, allowPrivate bool) (*alert.Feed, error) {
	var raw []byte
	var err error
	if isWebAddress(source) {
		raw, err = p.fetched(ctx, source, maxFeedFile, allowPrivate)
	} else if raw, err = readLimited(source, p.stdin, maxFeedFile); err != nil {
		err = both("elenco (feed): %v: nominarne l'indirizzo o il file", "feed: %w: name its address or its file", err)
	}
	if err != nil {
		return nil, err
	}
	feed, err := alert.ReadFeed(raw)
	if err != nil {
		return nil, refusedError{both("elenco (feed) non leggibile: %v", "the feed can't be read: %w", err)}
	}
	return feed, nil
}

// picked returns the CAP document of an entry: by its number in the list, or by its id.
func (p *program) picked(ctx context.Context, feed *alert.Feed, source, pick string, allowPrivate bool) ([]byte, error) {
	entry, err := choose(feed, pick)
	if err != nil {
		return nil, err
	}
	if entry.Message != nil {
		return entry.Message, nil
	}
	address, err := entryAddress(source, entry)
	if err != nil {
		return nil, err
	}
	raw, err := p.fetched(ctx, address, maxImport, allowPrivate)
	if err == nil && alert.IsFeed(raw) {
		err = refusedError{both("la voce %s rimanda a un altro elenco (feed): guardarlo con tocsin cap feed %s", "entry %s leads to another feed: look at it with tocsin cap feed %s", shown(pick), shown(address))}
	}
	return raw, err
}

func choose(feed *alert.Feed, pick string) (*alert.FeedEntry, error) {
	var found []*alert.FeedEntry
	for i := range feed.Entries {
		if e := &feed.Entries[i]; e.ID == pick || e.Identifier == pick {
			found = append(found, e)
		}
	}
	if n, err := strconv.Atoi(pick); err == nil && len(found) == 0 && n >= 1 && n <= len(feed.Entries) {
		found = append(found, &feed.Entries[n-1])
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, both("nell'elenco non c'è la voce %s: ce ne sono %d, da scegliere con il numero o con l'id", "the feed has no entry %s: it has %d, to be chosen by number or id", shown(pick), len(feed.Entries))
	}
	return nil, both("nell'elenco ci sono %d voci con l'id %s: sceglierne una con il numero", "the feed has %d entries with the id %s: choose one by its number", len(found), shown(pick))
}

// entryAddress returns where the CAP document of an entry is.
func entryAddress(source string, entry *alert.FeedEntry) (string, error) {
	if entry.Link == "" {
		return "", refusedError{both("la voce %s non dice dove si trova il suo messaggio CAP: sceglierne un'altra", "entry %s does not say where its CAP message is: choose another one", shown(entry.ID))}
	}
	link, err := url.Parse(entry.Link)
	if err == nil && !link.IsAbs() && isWebAddress(source) {
		if base, bad := url.Parse(source); bad == nil {
			link = base.ResolveReference(link)
		}
	}
	if err != nil || !isWebAddress(link.String()) {
		return "", refusedError{both("la voce %s rimanda a %s, che non è un indirizzo http: prendere l'elenco dal suo indirizzo, non da un file", "entry %s leads to %s, which is no http address: take the feed from its address, not from a file",
			shown(entry.ID), shown(entry.Link))}
	}
	return link.String(), nil
}

// shown makes a text of others fit for a line of the screen: nothing in it moves the
// cursor, hides or turns anything.
func shown(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			b.WriteByte(' ')
		case alert.Hidden(s, i) != "":
			fmt.Fprintf(&b, "<%U>", r)
		default:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// printLine writes a line, without what is empty.
func printLine(w io.Writer, indent string, parts ...string) {
	var there []string
	for _, s := range parts {
		if s = shown(s); s != "" {
			there = append(there, s)
		}
	}
	if len(there) > 0 {
		fmt.Fprintf(w, "%s%s\n", indent, strings.Join(there, " · "))
	}
}
