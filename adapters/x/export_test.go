package x

import (
	"net/url"
	"time"
)

// Authorization signs one call with the credentials of c, for the test of the
// signature against the documented vector: what a channel sends has no form body.
func Authorization(c Config, method string, address *url.URL, form url.Values) string {
	return signer{
		consumerKey: c.ConsumerKey, consumerSecret: c.ConsumerSecret,
		token: c.AccessToken, tokenSecret: c.AccessSecret,
		now:   func() time.Time { return c.Now() },
		nonce: c.Nonce,
	}.authorization(method, address, form)
}
