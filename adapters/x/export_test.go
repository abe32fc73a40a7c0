package x

import (
	"net/url"
)

// Authorization signs one call with the credentials of c, for the test of the
// signature against the documented vector: what a channel sends has no form body.
func Authorization(c Config, method string, address *url.URL, form url.Values) string {
	return signer{
		consumerKey: c.ConsumerKey, consumerSecret: c.ConsumerSecret,
		token: c.AccessToken, tokenSecret: c.AccessSecret,
		nonce: c.Nonce,
	}.authorization(method, address, form, c.Now())
}
