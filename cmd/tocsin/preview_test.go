package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/broker/bulletin"
	"tocsin/templates/preview"
)

// TestPreviewPage writes the page of a bulletin: into a folder that is not there yet,
// over a page of its own, never over what is not.
func TestPreviewPage(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	path := pg.compose("b")
	b, err := readBulletin(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	correction := filepath.Join(pg.dir, "correction")
	if err := os.WriteFile(correction, b.Prepared(bulletin.Correction).Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(pg.dir, "pages", "today")
	page := filepath.Join(dir, b.Mark()+".html")
	stdout, _ := expect(t, 0, "preview", path, "--html", dir)
	written, err := os.ReadFile(page)
	if err != nil || stdout != page+"\n" || !strings.HasPrefix(string(written), preview.Mark+`<html lang="en">`) {
		t.Fatalf("preview --html says %q and wrote %.80q (%v)", stdout, written, err)
	}
	if !strings.Contains(string(written), "units of X: ") || !strings.Contains(string(written), "left to the page: ") {
		t.Error("the page does not say how much of X's limit is used, or what is left to the page")
	}
	stdout, _ = expect(t, 0, "preview", path, "--html", dir, "--json")
	if !strings.Contains(stdout, `"html": "`+page+`"`) {
		t.Errorf("preview --html --json does not name the page: %.300s", stdout)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("in the folder lie %v (%v), want the page alone", left, err)
	}
	stdout, _ = expect(t, 0, "preview", correction, "--html", dir, "--previous", path)
	written, err = os.ReadFile(strings.TrimSpace(stdout))
	if err != nil || !strings.Contains(string(written), "Before: bulletin 1") || strings.TrimSpace(stdout) == page {
		t.Errorf("the page of the correction in %q does not show what was before (%v)", stdout, err)
	}
	if _, stderr := expect(t, 3, "preview", path, "--previous", correction); !strings.Contains(stderr, "is not the bulletin that "+b.Mark()+" follows") {
		t.Errorf("a bulletin that it does not follow: %s", stderr)
	}
	expect(t, 2, "preview", path, "--prepared", "correction", "--previous", path)
	if err := os.WriteFile(page, []byte("notes of the office"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr := expect(t, 1, "preview", path, "--html", dir); !strings.Contains(stderr, "is no preview of Tocsin's") {
		t.Errorf("over a file of others: %s", stderr)
	}
	if kept, err := os.ReadFile(page); err != nil || string(kept) != "notes of the office" {
		t.Errorf("the file of others is now %.40q (%v)", kept, err)
	}
	if _, stderr := expect(t, 1, "preview", path, "--html", path); !strings.Contains(stderr, "name a folder with --html") {
		t.Errorf("a file for a folder: %s", stderr)
	}
}
