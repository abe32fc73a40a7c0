package x

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 is what X's OAuth 1.0a takes; SHA-1's collisions do not touch HMAC
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A signer signs calls by OAuth 1.0a with HMAC-SHA1 (RFC 5849), as the account that
// the token names.
type signer struct {
	consumerKey, consumerSecret string
	token, tokenSecret          string
	nonce                       func() string
}

// A param is a name and a value, both encoded.
type param struct{ name, value string }

// authorization returns the Authorization header for a call that is made at now. form holds the fields
// of a form-encoded body; a body of any other type is not signed (RFC 5849, section
// 3.4.1.3.1).
func (s signer) authorization(method string, address *url.URL, form url.Values, now time.Time) string {
	oauth := []param{
		{"oauth_consumer_key", encode(s.consumerKey)},
		{"oauth_nonce", encode(s.nonce())},
		{"oauth_signature_method", "HMAC-SHA1"},
		{"oauth_timestamp", strconv.FormatInt(now.Unix(), 10)},
		{"oauth_token", encode(s.token)},
		{"oauth_version", "1.0"},
	}
	signed := slices.Clone(oauth)
	for _, values := range []url.Values{address.Query(), form} {
		for name, all := range values {
			for _, value := range all {
				signed = append(signed, param{encode(name), encode(value)})
			}
		}
	}
	oauth = append(oauth, param{"oauth_signature", encode(s.sign(method, address, signed))})

	var header strings.Builder
	header.WriteString("OAuth ")
	for i, p := range oauth {
		if i > 0 {
			header.WriteString(", ")
		}
		header.WriteString(p.name + `="` + p.value + `"`)
	}
	return header.String()
}

// sign returns the signature over a call with the encoded parameters signed (RFC
// 5849, section 3.4).
func (s signer) sign(method string, address *url.URL, signed []param) string {
	slices.SortFunc(signed, func(a, b param) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.value, b.value))
	})
	pairs := make([]string, len(signed))
	for i, p := range signed {
		pairs[i] = p.name + "=" + p.value
	}
	base := method + "&" + encode(baseAddress(address)) + "&" + encode(strings.Join(pairs, "&"))
	mac := hmac.New(sha1.New, []byte(encode(s.consumerSecret)+"&"+encode(s.tokenSecret)))
	mac.Write([]byte(base))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// baseAddress returns address as it is signed: no query, no port that its scheme
// implies, the host in lower case (RFC 5849, section 3.4.1.2).
func baseAddress(address *url.URL) string {
	host := strings.ToLower(address.Host)
	switch address.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return address.Scheme + "://" + host + address.EscapedPath()
}

// encode escapes s by RFC 3986: every byte but letters, digits and "-._~".
func encode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if asciiAlnum(rune(c)) || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}
