package main

// This file says whether somebody can listen on an address, before anything is started.

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// hostForm is what a host may be made of: a name, or an IP address with its zone.
var hostForm = regexp.MustCompile(`^[A-Za-z0-9._:%-]*$`)

// isAddress reports whether s is host:port. The host may be left out, for all addresses
// of the machine, and the port may be 0, for any one that is free.
func isAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	n, bad := strconv.Atoi(port)
	return err == nil && bad == nil && n >= 0 && n <= 65535 && hostForm.MatchString(host)
}

// isBroker reports whether s is the address of a broker elsewhere, or several of a
// cluster with commas between them.
func isBroker(s string) bool {
	for one := range strings.SplitSeq(s, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Hostname() == "" || u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "ws" && u.Scheme != "wss" {
			return false
		}
	}
	return true
}

// listenError says what to do about an address on which nobody can listen; key is where
// it stands in the configuration.
func listenError(err error, key string) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: end what listens there (perhaps this node runs already), or choose another address under %s", err, key)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: ports below 1024 need a right of their own: choose a higher one under %s", err, key)
	}
	return fmt.Errorf("%w: write an address of this machine under %s, such as one of 127.0.0.1", err, key)
}

// addresses checks the addresses of a new folder. Those of the simulator are checked
// where they are taken apart.
func (f fresh) addresses() error {
	if !isAddress(f.Site) {
		return usage("init: --site %q is not an address: write host:port, such as %s", f.Site, defaultSite)
	}
	if !isAddress(f.Broker) {
		return usage("init: --broker %q is not an address: write host:port, such as %s", f.Broker, defaultBroker)
	}
	host, port, _ := net.SplitHostPort(f.Site) // isAddress has seen it
	if ip, err := netip.ParseAddr(host); host == "" || port == "0" || err == nil && ip.IsUnspecified() {
		return usage("init: --site %q is no address that a link can lead to, and every post bears it: name host and port, such as %s; "+
			"where the pages are to be served on every address, change site.listen in the configuration afterwards", f.Site, defaultSite)
	}
	taken := map[string]string{f.Site: "--site"}
	if f.Realm.Valid() && f.Control != "" {
		host, port, _ := net.SplitHostPort(f.Control) // simulatorAt has seen it
		first, _ := strconv.Atoi(port)
		for n := range 5 {
			taken[net.JoinHostPort(host, strconv.Itoa(first+n))] = "--simulator"
		}
		if taken[f.Site] != "--site" {
			return usage("init: --site %s is an address of the simulator, which takes five ports: choose another one", f.Site)
		}
	}
	if other := taken[f.Broker]; other != "" {
		return usage("init: --broker %s is an address of %s already: choose another one", f.Broker, other)
	}
	return nil
}

// Scalar is an address as YAML has it: one of IPv6 begins with a bracket.
func (f fresh) Scalar(address string) string {
	if strings.HasPrefix(address, "[") {
		return strconv.Quote(address)
	}
	return address
}
