package instagram

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"tocsin/adapters"
	"tocsin/adapters/internal/graph"
)

// What is prepared is named "NUMBER.PROOF": the container's number, and a keyed digest of
// it and of the post that it was made of. The name lies in a ledger to which others can
// write. Without the proof, whoever may write there could have a container published that
// holds another post, such as one that was refused.

// proofKey returns the key of proofs: only who holds the account's token has it. What it
// is for stands in it, so that it is no key of anything else.
func proofKey(token string) []byte {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("tocsin/instagram/container/1"))
	return mac.Sum(nil)
}

// proof returns the proof that the container was made here of p: of which post of which
// bulletin it is, and of all that the container shows.
func (ch *Channel) proof(container string, p adapters.Post) string {
	mac := hmac.New(sha256.New, ch.proofKey)
	for _, part := range []string{ch.user, container, string(p.Key), p.Notice.SHA256, p.Text, p.Image.URL, p.Image.SHA256, p.Image.Alt} {
		fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// prove returns the name by which the container is handed on.
func (ch *Channel) prove(container string, p adapters.Post) string {
	return container + "." + ch.proof(container, p)
}

// proven returns the number of the container with the name, and whether the name proves
// that this account's channel made it of p. The one without a proof is not to be used.
func (ch *Channel) proven(name string, p adapters.Post) (container string, ok bool) {
	container, proof, _ := strings.Cut(name, ".")
	if !graph.IsNumber(container) || p.Image == nil {
		return "", false
	}
	return container, hmac.Equal([]byte(proof), []byte(ch.proof(container, p)))
}
