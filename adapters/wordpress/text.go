package wordpress

// This file turns a signed text into the HTML that WordPress stores, and back.

import (
	"html"
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"

	"tocsin/adapters"
)

// htmlOf returns a text as simple HTML, which WordPress also takes of users without
// unfiltered_html: paragraphs, line breaks, and link as a link.
func htmlOf(text, link string) string {
	var b strings.Builder
	for _, paragraph := range strings.Split(text, "\n\n") {
		b.WriteString("<p>")
		for i, line := range strings.Split(paragraph, "\n") {
			if i > 0 {
				b.WriteString("<br>\n")
			}
			b.WriteString(linked(line, link))
		}
		b.WriteString("</p>\n")
	}
	return b.String()
}

// linked returns a line with link as a link wherever it stands in it.
func linked(line, link string) string {
	if link == "" {
		return escape(line)
	}
	parts := strings.Split(line, link)
	for i := range parts {
		parts[i] = escape(parts[i])
	}
	return strings.Join(parts, `<a href="`+escape(link)+`">`+escape(link)+`</a>`)
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

func unescape(s string) string { return html.UnescapeString(s) }

var (
	lineEnd      = regexp.MustCompile(`(?i)<br\s*/?>\n?`)
	paragraphEnd = regexp.MustCompile(`(?i)</p>\s*`)
	tag          = regexp.MustCompile(`<[^>]*>`)
	dashes       = regexp.MustCompile(`-{2,3}`)
)

// textOf returns the text that HTML of WordPress shows: what stands between its tags.
func textOf(content string) string {
	s := strings.ReplaceAll(content, "\r\n", "\n")
	s = lineEnd.ReplaceAllString(s, "\n")
	s = paragraphEnd.ReplaceAllString(s, "\n\n")
	return normalise(unescape(tag.ReplaceAllString(s, "")))
}

// normalise returns a text as it is compared: NFC, without blanks around it.
func normalise(s string) string { return strings.TrimSpace(norm.NFC.String(s)) }

// fold undoes in both texts what wptexturize and a theme make of quotes, dashes, dots and blanks when
// they show one.
func fold(s string) string {
	s = strings.NewReplacer(
		"‘", "'", "’", "'", "‚", "'", "‛", "'", "′", "'", "“", `"`, "”", `"`, "„", `"`, "″", `"`, "''", `"`,
		"…", "...", "–", "-", "—", "-", "×", "x", "™", "(tm)", "\u00a0", " ",
	).Replace(s)
	return dashes.ReplaceAllString(strings.ReplaceAll(s, "''", `"`), "-")
}

// bannerOf returns what the plug-in needs to show an alert on every page of the site.
func bannerOf(p adapters.Post) map[string]any {
	colour := map[string]string{"Extreme": "red", "Severe": "orange", "Moderate": "yellow", "Minor": "green"}[p.Notice.Severity]
	if colour == "" || p.Notice.MsgType == "Cancel" {
		colour = "blue"
	}
	return map[string]any{
		"text": p.Title, "link": p.Link, "colour": colour, "expires": p.Notice.Expires.UTC().Format("2006-01-02T15:04:05Z"),
		"code": p.Notice.Code, "number": p.Notice.Bulletin,
	}
}
