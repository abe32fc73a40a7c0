package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/broker/ledger"
	"tocsin/templates/scenarios"
)

// TestAnIdentifierIsPublishedOnce composes two alerts of one message of our own: whoever
// receives CAP would drop the second one as a copy of the first.
func TestAnIdentifierIsPublishedOnce(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	n := pg.up()
	now := time.Now()
	own := pg.written("own.cap.xml", []byte(strings.NewReplacer("2026-03-14T15:00:00+01:00", instant(now), "2026-03-14T16:00:00+01:00", instant(now.Add(time.Hour)),
		"2026-03-14T23:59:00+01:00", instant(now.Add(6*time.Hour))).Replace(string(scenarios.Demo()))))
	sign := func(name string) (path, code string) {
		path = filepath.Join(pg.dir, name)
		expect(t, 0, "compose", "-c", pg.config, "--cap", own, "-o", path)
		expect(t, 0, "sign", path, "-k", pg.key("officer"), "--yes")
		b, err := readBulletin(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return path, string(b.Code)
	}
	first, firstCode := sign("first")
	second, secondCode := sign("second")
	third, _ := sign("third")
	for _, path := range []string{first, second} { // neither is public yet
		expect(t, 0, "publish", path, "-c", pg.config)
	}
	expect(t, 0, "cosign", firstCode, "-c", pg.config, "-k", pg.key("police"), "--yes")
	n.ledger.View(func(s *ledger.State) {
		if len(s.Alerts) != 2 {
			t.Errorf("the ledger holds %d alerts, want the two that were handed in", len(s.Alerts))
		}
	})
	const says = "the CAP identifier IT-SV-2026-03-14T150000-ESERCITAZIONE-0001 was published already, with bulletin 1 of alert "
	pg.refuses("bulletin", says, "publish", third)
	pg.refuses("bulletin", says, "cosign", secondCode, "-k", pg.key("police"), "--yes")
}
