// Package deploy holds what runs a broker and nodes on machines of their own: service units,
// and what to do with them. tocsin init writes them into the folder that it makes, beside the
// configuration of a broker with its keys; nats-server.conf here is an example of that one.
// It starts nothing itself.
package deploy

import "embed"

//go:embed README.md nats-server.service tocsin.service
var files embed.FS

// Files returns the files by name, but for the broker's configuration, which is made for the
// keys of each folder.
func Files() map[string][]byte {
	all := map[string][]byte{}
	for _, name := range []string{"README.md", "nats-server.service", "tocsin.service"} {
		all[name], _ = files.ReadFile(name) // embedded above
	}
	return all
}
