package main

// This file writes the preview page: a bulletin as its platforms show it, in a file that
// a browser opens without a network.

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/review"
	"tocsin/templates/preview"
)

// before reads the bulletin that b follows, which --previous names.
func (p *program) before(b *bulletin.Bulletin, path string) (*bulletin.Bulletin, error) {
	last, err := readBulletin(path, p.stdin)
	if err != nil {
		return nil, err
	}
	if last.Alert != b.Alert || b.Follows(last) != nil {
		return nil, refusedError{both("--previous: %s (%s) non è il bollettino che %s segue: nominare il file di quello, o toglierlo",
			"--previous: %s (%s) is not the bulletin that %s follows: name the file of that one, or leave it out", path, last.Mark(), b.Mark())}
	}
	return last, nil
}

// writePage writes the page of a bulletin into a folder, which is made where it is
// missing, and returns its path.
func (p *program) writePage(b *bulletin.Bulletin, bg background, channel, dir string) (string, error) {
	limits := map[string]compose.Channel{}
	for _, kind := range kinds() {
		l, err := limitsOf(kind)
		if err != nil {
			return "", err
		}
		limits[kind] = compose.Channel{Name: kind, Kind: kind, Limits: l}
	}
	page, err := p.review(b, bg, channel, nil).Page(review.Looks{Limits: limits, LeftOut: func(b *bulletin.Bulletin, channel string) string {
		var line strings.Builder
		p.leftOut(&line, b, channel)
		_, what, _ := strings.Cut(strings.TrimSpace(line.String()), ": ")
		return what
	}})
	if err != nil {
		return "", err
	}
	name := b.Mark()
	if b.Kind != "" {
		name += "-" + string(b.Kind)
	}
	path := filepath.Join(dir, name+".html")
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // what it shows is going to be public
		return "", both("anteprima: %v: nominare con --html una cartella in cui si può scrivere", "preview: %w: name a folder with --html in which you may write", err)
	}
	if err := ownPage(path); err != nil {
		return "", err
	}
	err = writeWhole(path, []byte(legibly(string(page))))
	if err == nil {
		err = os.Chmod(path, 0o644) //nolint:gosec // colleagues open it too
	}
	if err != nil {
		return "", both("anteprima: %v: scegliere un'altra cartella, o chiedere di potervi scrivere", "preview: %w: choose another folder, or ask for the right to write there", err)
	}
	return path, nil
}

// ownPage returns why the file at the path may not be replaced: it is no preview of ours.
func ownPage(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	foreign := both("%s esiste già e non è un'anteprima di Tocsin: nominare con --html un'altra cartella", "%s exists already and is no preview of Tocsin's: name another folder with --html", path)
	if err != nil || !info.Mode().IsRegular() {
		return foreign
	}
	f, err := os.Open(path)
	if err != nil {
		return foreign
	}
	defer f.Close()
	begins := make([]byte, len(preview.Mark))
	if _, err := io.ReadFull(f, begins); err != nil || !bytes.Equal(begins, []byte(preview.Mark)) {
		return foreign
	}
	return nil
}
