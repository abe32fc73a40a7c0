package main

// This file is about certificates: nothing that other machines reach is served in the clear,
// and a broker elsewhere has to show who it is.

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"tocsin/broker/ledger"
)

// tlsConfig names the certificate of a listener, and its key.
type tlsConfig struct {
	// Certificate is a file with the certificate, and those between it and its
	// authority, in PEM.
	Certificate string `yaml:"certificate"`
	// Key is a file with its private key, in PEM.
	Key string `yaml:"key"`
}

func (t tlsConfig) given() bool { return t != tlsConfig{} }

// A certificate is the one in two files, as they are now: who renews it need not restart
// the node.
type certificate struct {
	files tlsConfig

	mu   sync.Mutex
	read [2]time.Time // when each file was changed that pair was read from
	pair *tls.Certificate
}

// get returns the certificate, read again where its files have changed. What can't be read
// leaves the old one in place: half of a pair may be on disk.
func (c *certificate) get() (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var changed [2]time.Time
	for i, name := range []string{c.files.Certificate, c.files.Key} {
		if info, err := os.Stat(name); err == nil {
			changed[i] = info.ModTime()
		}
	}
	if c.pair != nil && changed == c.read {
		return c.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(c.files.Certificate, c.files.Key)
	switch {
	case err == nil:
		c.pair, c.read = &pair, changed
	case c.pair == nil:
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return c.pair, nil
}

// serverTLS returns how a listener shows who it is; nil where it has no certificate. least
// is the oldest version of TLS that it speaks.
func (c *config) serverTLS(key string, t tlsConfig, least uint16) (*tls.Config, error) {
	if !t.given() {
		return nil, nil //nolint:nilnil // without TLS, which is for loopback
	}
	cert := &certificate{files: tlsConfig{Certificate: c.abs(t.Certificate), Key: c.abs(t.Key)}}
	if _, err := cert.get(); err != nil {
		return nil, fmt.Errorf("%s: %w: name the files of certificate and key, in PEM", key, err)
	}
	return &tls.Config{MinVersion: least, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert.get() }}, nil
}

// brokerTLS returns how this program knows the broker; nil for by the system's
// authorities. The broker of a node on this machine is known by its own certificate,
// whatever the address.
func (c *config) brokerTLS() (*tls.Config, error) {
	known := &tls.Config{MinVersion: tls.VersionTLS13}
	file, key := c.Broker.CA, "broker.ca"
	if c.Broker.URL == "" && c.Broker.TLS.given() {
		pair, err := (&certificate{files: tlsConfig{Certificate: c.abs(c.Broker.TLS.Certificate), Key: c.abs(c.Broker.TLS.Key)}}).get()
		if err != nil {
			return nil, fmt.Errorf("broker.tls: %w", err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		switch {
		case err != nil:
			return nil, fmt.Errorf("broker.tls: %w", err)
		case len(leaf.DNSNames) > 0:
			known.ServerName = strings.Replace(leaf.DNSNames[0], "*", "node", 1)
		case len(leaf.IPAddresses) > 0:
			known.ServerName = leaf.IPAddresses[0].String()
		}
		if file == "" {
			file, key = c.Broker.TLS.Certificate, "broker.tls.certificate"
		}
	}
	if file == "" {
		return nil, nil //nolint:nilnil // the system's authorities
	}
	pem, err := os.ReadFile(c.abs(file))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	known.RootCAs = x509.NewCertPool()
	if !known.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: %s holds no certificate in PEM", key, c.abs(file))
	}
	return known, nil
}

// checkTLS says what of the configuration would be sent in the clear to other machines.
func (c *config) checkTLS(need func(ok bool, format string, args ...any)) {
	for _, l := range []struct {
		key, listen, tlsKey string
		tls                 tlsConfig
	}{
		{"broker.listen", c.Broker.Listen, "broker.tls", c.Broker.TLS},
		{"site.listen", c.Site.Listen, "site.tls", c.Site.TLS},
		{"telemetry.prometheus", c.Telemetry.Prometheus, "telemetry.tls", c.Telemetry.TLS},
	} {
		need((l.tls.Certificate == "") == (l.tls.Key == ""), "%s: certificate and key go together: name the files of both", l.tlsKey)
		open := l.listen != "" && isAddress(l.listen) && !ledger.Loopback(l.listen) && !l.tls.given()
		if l.key == "site.listen" {
			need(!open || c.Site.BehindProxy, "%s: other machines reach %s, and nothing is served to them in the clear: name certificate and key under %s, "+
				"or write site.behind_proxy: true where a server in front of it ends TLS", l.key, l.listen, l.tlsKey)
			continue
		}
		need(!open, "%s: other machines reach %s, and nothing is served to them in the clear: name certificate and key under %s, or an address of this machine alone, such as 127.0.0.1", l.key, l.listen, l.tlsKey)
	}
	need(c.Broker.URL == "" || !isBroker(c.Broker.URL) || encrypted(c.Broker.URL), "broker.url: the broker is on another machine, and the connection is not encrypted: write tls://host:port") // it may hold a credential
	need(c.Broker.CA == "" || c.Broker.URL != "" || c.Broker.TLS.given(), "broker.ca: it is for a broker with a certificate: leave it out")
}

// encrypted reports whether each of the addresses of a broker elsewhere is on this machine, or
// asks for TLS.
func encrypted(addresses string) bool {
	for one := range strings.SplitSeq(addresses, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Scheme != "tls" && u.Scheme != "wss" && !ledger.Loopback(u.Hostname()+":0") && !ledger.Loopback("["+u.Hostname()+"]:0") {
			return false
		}
	}
	return true
}
