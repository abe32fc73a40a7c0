package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/adapters/website"
)

// TestOfficialChannels names accounts as the public knows them.
func TestOfficialChannels(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ch   channelConfig
		want website.OfficialChannel // none where it is zero
	}{
		"telegram_with_a_name":   {channelConfig{Kind: "telegram", ChatID: "@ProvinciaSavona"}, website.OfficialChannel{Name: "@ProvinciaSavona", Kind: "Telegram", URL: "https://t.me/ProvinciaSavona"}},
		"telegram_with_a_number": {channelConfig{Kind: "telegram", ChatID: "-1001"}, website.OfficialChannel{}},
		"telegram_by_hand": {
			channelConfig{Kind: "telegram", ChatID: "-1001", Profile: "https://t.me/ProvinciaSavona", PublicName: "@ProvinciaSavona"},
			website.OfficialChannel{Name: "@ProvinciaSavona", Kind: "Telegram", URL: "https://t.me/ProvinciaSavona"},
		},
		"x":                   {channelConfig{Kind: "x", Username: "ProvSavona"}, website.OfficialChannel{Name: "@ProvSavona", Kind: "X", URL: "https://x.com/ProvSavona"}},
		"instagram":           {channelConfig{Kind: "instagram", Username: "prov.savona"}, website.OfficialChannel{Name: "@prov.savona", Kind: "Instagram", URL: "https://www.instagram.com/prov.savona"}},
		"facebook":            {channelConfig{Kind: "facebook", PageID: "1", Profile: "https://www.facebook.com/provinciasavona/"}, website.OfficialChannel{Name: "facebook.com/provinciasavona", Kind: "Facebook", URL: "https://www.facebook.com/provinciasavona/"}},
		"facebook_number":     {channelConfig{Kind: "facebook", PageID: "1"}, website.OfficialChannel{}},
		"another_platform":    {channelConfig{Kind: "x", Username: "demo", BaseURL: "http://127.0.0.1:1"}, website.OfficialChannel{Name: "@demo", Kind: "X"}},
		"the_site":            {channelConfig{Kind: "website"}, website.OfficialChannel{}},
		"public_name_is_said": {channelConfig{Kind: "x", Username: "demo", PublicName: "Savona avvisa"}, website.OfficialChannel{Name: "Savona avvisa", Kind: "X", URL: "https://x.com/demo"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, listed := c.ch.official()
			if listed != (c.want.URL != "") || listed && got != c.want {
				t.Errorf("got %+v (listed: %t), want %+v", got, listed, c.want)
			}
		})
	}
}

// TestFooterNamesAccounts looks at the footer of a node that tocsin init made.
func TestFooterNamesAccounts(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	node := start(t, "serve", "-c", pg.config)
	node.says(" is up (")
	if err := awaitAnswer(t.Context(), "http://"+pg.site+"/"); err != nil {
		t.Fatal(err)
	}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+pg.site+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	page, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<li>Telegram: <a href="http://` + pg.platforms + `/telegram" rel="me">@protcivile_demo</a></li>`,
		`<li>X: <a href="http://` + pg.platforms + `/x" rel="me">@protcivile_demo</a></li>`,
		`<li>Facebook: <a href="http://` + pg.platforms + `/facebook" rel="me">Protezione civile (simulata)</a></li>`,
		`<li>Instagram: <a href="http://` + pg.platforms + `/instagram" rel="me">@protcivile_demo</a></li>`,
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the home page lacks %s", want)
		}
	}
	node.stop()
}

// TestReadableCredentialIsWarnedOf starts a node of which others can read a credential.
func TestReadableCredentialIsWarnedOf(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	if err := os.Chmod(filepath.Join(pg.dir, "secrets", "x.access-token"), 0o644); err != nil {
		t.Fatal(err)
	}
	node := start(t, "serve", "-c", pg.config)
	node.says(" is up (")
	said := node.log.String()
	if n := strings.Count(said, "can read a credential"); n != 1 || !strings.Contains(said, "x.access-token") || !strings.Contains(said, "mode=0644") || !strings.Contains(said, "chmod 600") {
		t.Errorf("it warns of %d credentials, want of x.access-token alone:\n%s", n, said)
	}
	node.stop()
}
