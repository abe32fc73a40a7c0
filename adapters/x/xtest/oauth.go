package xtest

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters/adapterstest"
)

// skew is how far a call's clock may be from the platform's.
const skew = 5 * time.Minute

// recognise checks the OAuth 1.0a signature of r (RFC 5849) and returns nil, or the
// answer for a caller that X does not recognise. It is written apart from the
// channel's signer, so that both must agree with the RFC and not with each other.
func (p *Platform) recognise(r *http.Request) (status int, answer any) {
	header := r.Header.Get("Authorization")
	switch scheme, _, _ := strings.Cut(header, " "); {
	case strings.EqualFold(scheme, "Bearer") && r.Method == http.MethodPost:
		return http.StatusForbidden, problem{
			Title: "Unsupported Authentication", Status: http.StatusForbidden,
			Detail: "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint.  Supported authentication types are [OAuth 1.0a User Context, OAuth 2.0 User Context].",
			Type:   problems + "unsupported-authentication",
		}
	case !strings.EqualFold(scheme, "OAuth"):
		return http.StatusUnauthorized, unauthorized()
	}
	oauth, ok := parseOAuth(header)
	if !ok || oauth["oauth_signature_method"] != "HMAC-SHA1" || oauth["oauth_nonce"] == "" ||
		oauth["oauth_version"] != "1.0" || oauth["oauth_consumer_key"] != p.c.ConsumerKey {
		return http.StatusUnauthorized, v1Error(32, "Could not authenticate you.")
	}
	if oauth["oauth_token"] != p.c.AccessToken || p.is(adapterstest.Revoked) {
		return http.StatusUnauthorized, v1Error(89, "Invalid or expired token.")
	}
	seconds, err := strconv.ParseInt(oauth["oauth_timestamp"], 10, 64)
	if d := p.c.Now().Sub(time.Unix(seconds, 0)); err != nil || d > skew || d < -skew {
		return http.StatusUnauthorized, v1Error(135, "Timestamp out of bounds.")
	}
	want := signature(r, oauth, p.c.ConsumerSecret, p.c.AccessSecret)
	if !hmac.Equal([]byte(oauth["oauth_signature"]), []byte(want)) || !p.fresh(oauth["oauth_nonce"]) {
		return http.StatusUnauthorized, v1Error(32, "Could not authenticate you.")
	}
	return http.StatusOK, nil
}

// fresh reports whether a nonce is new, and remembers it.
func (p *Platform) fresh(nonce string) bool {
	now := p.c.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.used) > 0 && now.Sub(p.nonces[p.used[0]]) > 2*skew {
		delete(p.nonces, p.used[0]) // its timestamp is too old by now
		p.used = p.used[1:]
	}
	if _, used := p.nonces[nonce]; used {
		return false
	}
	p.nonces[nonce], p.used = now, append(p.used, nonce)
	return true
}

// parseOAuth reads an Authorization header of OAuth 1.0a.
func parseOAuth(header string) (map[string]string, bool) {
	_, list, _ := strings.Cut(header, " ")
	params := map[string]string{}
	for pair := range strings.SplitSeq(list, ",") {
		name, quoted, ok := strings.Cut(strings.TrimSpace(pair), "=")
		value, err := url.PathUnescape(strings.Trim(quoted, `"`))
		if _, twice := params[name]; !ok || err != nil || twice || len(quoted) < 2 {
			return nil, false
		}
		params[name] = value
	}
	return params, true
}

// signature returns what the caller must have signed with the two secrets.
func signature(r *http.Request, oauth map[string]string, consumerSecret, tokenSecret string) string {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	var pairs []string
	for name, value := range oauth {
		if name != "oauth_signature" && name != "realm" {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	for name, values := range r.URL.Query() {
		for _, value := range values {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	slices.Sort(pairs)
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	// The target of the request line: a router in front may have cut URL.Path.
	path, _, _ := strings.Cut(r.RequestURI, "?")
	base := strings.Join([]string{
		r.Method, escape(scheme + "://" + strings.ToLower(r.Host) + path), escape(strings.Join(pairs, "&")),
	}, "&")
	mac := hmac.New(sha1.New, []byte(escape(consumerSecret)+"&"+escape(tokenSecret)))
	mac.Write([]byte(base))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
