package instagram

import "tocsin/adapters"

// Prove returns the name that the channel gives a container with the number.
func Prove(ch *Channel, container string, p adapters.Post) string {
	return ch.proofs.Prove(container, p)
}
