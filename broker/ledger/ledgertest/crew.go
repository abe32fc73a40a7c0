package ledgertest

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"tocsin/broker/ledger"
)

// A Crew is one user of each role at a broker, and an adapter of each channel.
type Crew struct {
	tb    testing.TB
	Users []ledger.User // for the broker
	by    map[string]ledger.Credential
}

// NewCrew makes the credentials of a crew.
func NewCrew(tb testing.TB, channels ...string) *Crew {
	tb.Helper()
	c := &Crew{tb: tb, by: map[string]ledger.Credential{}}
	for _, role := range ledger.Roles() {
		if role != ledger.RoleAdapter {
			c.add(role, "")
		}
	}
	for _, channel := range channels {
		c.add(ledger.RoleAdapter, channel)
	}
	return c
}

func (c *Crew) add(role ledger.Role, channel string) {
	c.tb.Helper()
	who, err := ledger.NewCredential(role, channel)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.by[who.Name()] = who
	c.Users = append(c.Users, who.User)
}

// As returns the credentials of the users with these names, "officer" or "adapter-x".
func (c *Crew) As(names ...string) (all []ledger.Credential) {
	c.tb.Helper()
	for _, name := range names {
		who, ok := c.by[name]
		if !ok {
			c.tb.Fatalf("nobody in the crew is called %s", name)
		}
		all = append(all, who)
	}
	return all
}

// Dial connects to the broker at an address without package ledger. broken gets what the
// broker complains of; nil for nobody.
func Dial(tb testing.TB, url string, who ledger.Credential, broken chan<- error, opts ...nats.Option) *nats.Conn {
	tb.Helper()
	seed, err := who.Seed()
	if err != nil {
		tb.Fatal(err)
	}
	pair, err := nkeys.FromSeed(seed)
	if err != nil {
		tb.Fatal(err)
	}
	opts = append(opts, nats.Nkey(who.Key, pair.Sign), nats.CustomInboxPrefix("_INBOX."+who.Key),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if broken != nil {
				broken <- err
			}
		}))
	conn, err := nats.Connect(url, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(conn.Close)
	return conn
}
