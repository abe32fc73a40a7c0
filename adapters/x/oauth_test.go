package x_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/adapters/x"
)

// TestSignedAddress holds which forms of an address are one, and which are not.
func TestSignedAddress(t *testing.T) {
	t.Parallel()
	c := x.Config{
		ConsumerKey: "a", ConsumerSecret: "b", AccessToken: "c", AccessSecret: "d",
		Now: func() time.Time { return time.Unix(1318622958, 0) }, Nonce: func() string { return "n" },
	}
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"http://api.x.com/2/tweets", "http://api.x.com:80/2/tweets", true},
		{"https://api.x.com/2/tweets", "https://api.x.com:443/2/tweets", true},
		{"https://api.x.com/2/tweets", "https://API.x.com/2/tweets", true},
		{"https://api.x.com/2/tweets", "http://api.x.com/2/tweets", false},
		{"https://api.x.com/2/tweets", "https://api.x.com:80/2/tweets", false},
		{"http://api.x.com/2/tweets", "http://api.x.com:443/2/tweets", false},
		{"https://api.x.com/2/tweets", "https://api.x.com:8443/2/tweets", false},
		{"https://api.x.com/2/tweets", "https://api.x.com/front/2/tweets", false},
		{"https://api.x.com/a%2Fb", "https://api.x.com/a/b", false},
	} {
		var headers []string
		for _, address := range []string{tt.a, tt.b} {
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			headers = append(headers, x.Authorization(c, "GET", u, nil))
		}
		if same := headers[0] == headers[1]; same != tt.same {
			t.Errorf("%s and %s are signed alike: %t, want %t", tt.a, tt.b, same, tt.same)
		}
	}
}

// TestSignatureVector checks the signature against the worked example of X's
// documentation ("Creating a signature"), for both names of the host.
func TestSignatureVector(t *testing.T) {
	t.Parallel()
	c := x.Config{
		ConsumerKey:    "xvz1evFS4wEEPTGEFPHBog",
		ConsumerSecret: "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
		AccessToken:    "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
		AccessSecret:   "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
		Now:            func() time.Time { return time.Unix(1318622958, 0) },
		Nonce:          func() string { return "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg" },
	}
	form := url.Values{"status": {"Hello Ladies + Gentlemen, a signed OAuth request!"}}
	for _, tt := range []struct{ name, address, want string }{
		{"api_x_com", "https://api.x.com/1.1/statuses/update.json?include_entities=true", "Ls93hJiZbQ3akF3HF3x1Bz8/zU4="},
		{"api_twitter_com", "https://api.twitter.com/1.1/statuses/update.json?include_entities=true", "hCtSmYh+iHYCEqBWrE7C7hYmtUk="},
		{"implied_port_and_upper_case", "https://API.X.com:443/1.1/statuses/update.json?include_entities=true", "Ls93hJiZbQ3akF3HF3x1Bz8/zU4="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			address, err := url.Parse(tt.address)
			if err != nil {
				t.Fatal(err)
			}
			header := x.Authorization(c, "POST", address, form)
			_, rest, _ := strings.Cut(header, `oauth_signature="`)
			escaped, _, _ := strings.Cut(rest, `"`)
			got, err := url.PathUnescape(escaped)
			if err != nil || got != tt.want {
				t.Errorf("signature %q, want %q (%v)", got, tt.want, err)
			}
			for _, want := range []string{
				`OAuth oauth_consumer_key="xvz1evFS4wEEPTGEFPHBog", `,
				`oauth_signature_method="HMAC-SHA1"`, `oauth_timestamp="1318622958"`, `oauth_version="1.0"`,
			} {
				if !strings.Contains(header, want) {
					t.Errorf("header %s\nlacks %s", header, want)
				}
			}
			if strings.Contains(header, c.ConsumerSecret) || strings.Contains(header, c.AccessSecret) {
				t.Error("a secret stands in the header")
			}
		})
	}
}
