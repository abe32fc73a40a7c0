package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
)

// This file says who may do what at the embedded broker. The node itself, in this
// process, may do everything. Whoever comes over the network with the commands' token
// may hand in and read, and nothing else. Another node, which has a token of its own, may
// do what nodes do but for changing the streams.
//
// Permissions alone would not keep that promise: the broker writes its answers, records
// among them, to whatever reply subject a request names, and does so with its own
// rights. Whoever may ask for a message could have it answered onto
// "ledger.node.savona-1", or onto the subject that changes a stream. So commands have an
// account of their own: what they ask for crosses into the node's account subject by
// subject, and every answer ends in theirs.

// commandsAccount is the account of whoever comes with the commands' token. It has no
// store of its own.
const commandsAccount = "COMMANDS"

// CommandSubjects returns the subjects on which whoever has the commands' token may
// write at the embedded broker, and those by which they may ask. All else is refused:
// delivery and node records, every change of a stream, and consumers, which would let
// them have records delivered to any subject.
func CommandSubjects() (write, ask []string) {
	return []string{
			"ledger.alert.*.decision.bulletin", "ledger.alert.*.decision.signature.*",
			"ledger.alert.*.decision.refused.*", "ledger.alert.*.decision.withdrawn.*", "ledger.keyring", "ledger.rejected", "blob.*",
		}, []string{
			directGet,
			"$JS.API.DIRECT.GET." + blobsName + ".blob.*",
			"$JS.API.STREAM.INFO." + streamName, "$JS.API.STREAM.INFO." + blobsName,
			"$JS.API.STREAM.MSG.GET." + streamName, "$JS.API.STREAM.MSG.GET." + blobsName,
		}
}

// nodeSubjects lists the subjects on which another node may write and ask. It could get
// round them by the broker's answers, as above: a node is trusted with the ledger. That
// it may not change a stream is against mistakes.
func nodeSubjects() []string {
	return []string{
		"ledger.>", "blob.*", directGet, "$JS.API.DIRECT.GET." + blobsName + ".blob.*",
		"$JS.API.STREAM.INFO." + streamName, "$JS.API.STREAM.INFO." + blobsName,
		"$JS.API.STREAM.MSG.GET." + streamName, "$JS.API.STREAM.MSG.GET." + blobsName,
		"$JS.API.CONSUMER.CREATE." + streamName + ".>", "$JS.API.CONSUMER.INFO." + streamName + ".*",
		"$JS.API.CONSUMER.MSG.NEXT." + streamName + ".*", "$JS.API.CONSUMER.DELETE." + streamName + ".*",
		"$JS.ACK." + streamName + ".>", "$JS.ACK.*.*." + streamName + ".>", // the broker has two forms of it
	}
}

// A gate lets in the node and the commands, each with their rights.
type gate struct {
	node     string                         // the credential of this process, never written anywhere
	others   string                         // the credential of other nodes; "" for none
	token    string                         // the commands' credential; "" for none
	commands atomic.Pointer[server.Account] // nil until the broker is up: nobody is let in before
}

func newGate(token, others string) *gate {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail
	return &gate{node: hex.EncodeToString(b[:]), token: token, others: others}
}

// Check lets a connection in or not, as the broker asks it to.
func (g *gate) Check(c server.ClientAuthentication) bool {
	presented := c.GetOpts().Token
	commands := g.commands.Load()
	switch {
	case same(presented, g.node):
		c.RegisterUser(&server.User{Username: "node"})
		return true
	case g.others != "" && same(presented, g.others):
		c.RegisterUser(&server.User{Username: "other node", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: nodeSubjects()}, Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
		}})
		return true
	case g.token == "" || !same(presented, g.token) || commands == nil:
		return false
	}
	write, ask := CommandSubjects()
	c.RegisterUser(&server.User{Username: "commands", Account: commands, Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: append(write, ask...)},
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
	}})
	return true
}

// same compares two credentials and takes as long whatever they are.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// open makes the commands' account on a broker that is up, and lets commands in.
func (g *gate) open(ns *server.Server) error {
	node := ns.GlobalAccount()
	commands, _ := ns.LookupOrRegisterAccount(commandsAccount)
	write, ask := CommandSubjects()
	for _, subject := range append(write, ask...) {
		answers := server.Singleton
		if subject == directGet {
			answers = server.Streamed // many records to one question
		}
		if err := node.AddServiceExportWithResponse(subject, answers, []*server.Account{commands}); err != nil {
			return fmt.Errorf("rights of commands on %s: %w", subject, err)
		}
		if err := commands.AddServiceImport(node, subject, subject); err != nil {
			return fmt.Errorf("rights of commands on %s: %w", subject, err)
		}
	}
	g.commands.Store(commands)
	return nil
}
