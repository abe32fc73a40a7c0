package simulator

import (
	"fmt"
	"net"
	"strconv"
)

// AccountsAt returns the accounts of the simulator that c describes, without
// starting it, for a configuration that is written before the simulator runs. All
// its ports must be given. Its error names the setting that must be changed.
func AccountsAt(c Config) (Accounts, error) {
	c, err := c.complete()
	if err != nil {
		return Accounts{}, fmt.Errorf("simulator: %w", err)
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return Accounts{}, fmt.Errorf("simulator: listen on %s: %w", c.Listen, err)
	}
	for _, kind := range Kinds() {
		if c.port(kind) == 0 {
			return Accounts{}, fmt.Errorf("simulator: the port of %s is not given, so that its address is not known before it runs", kind)
		}
	}
	return c.accounts(func(kind string) string {
		return "http://" + net.JoinHostPort(host, strconv.Itoa(c.port(kind)))
	}), nil
}
