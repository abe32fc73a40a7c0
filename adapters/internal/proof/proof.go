// Package proof names what a channel has prepared on its platform, so that the name proves that
// the channel made it of one post.
//
// A name is "NUMBER.PROOF": the platform's number for what was prepared, with "-" and a second
// number where the channel notes one, and a keyed digest of it and of the post. The name lies in a ledger to which others can write. Without the proof,
// whoever may write there could have something published that holds another post, such as one that
// was refused.
package proof

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"tocsin/adapters"
)

// A Maker makes and knows the names of one account.
type Maker struct {
	account string
	key     []byte
}

// New returns the maker of names for an account. Only who holds the account's token has its key;
// what it is for, such as "instagram/container/1", stands in it, so that it is no key of anything else.
func New(purpose, account, token string) Maker {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("tocsin/" + purpose))
	return Maker{account: account, key: mac.Sum(nil)}
}

// proof returns the proof that what has the number was made of p, whose image is not nil: of which
// post of which bulletin it is, and of all that it shows.
func (m Maker) proof(number string, p adapters.Post) string {
	mac := hmac.New(sha256.New, m.key)
	for _, part := range []string{m.account, number, string(p.Key), p.Notice.SHA256, p.Text, p.Image.URL, p.Image.SHA256, p.Image.Alt} {
		fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Prove returns the name by which what has the number, made of p with its image, is handed on.
func (m Maker) Prove(number string, p adapters.Post) string { return number + "." + m.proof(number, p) }

// Proven returns the number in a name, and whether the name proves that what has it was made of
// p. One without a proof is not to be used.
func (m Maker) Proven(name string, p adapters.Post) (number string, ok bool) {
	number, proof, _ := strings.Cut(name, ".")
	if number == "" || strings.Trim(number, "0123456789-") != "" || p.Image == nil {
		return "", false
	}
	return number, hmac.Equal([]byte(proof), []byte(m.proof(number, p)))
}

// Dead returns the failure for a name that proves nothing.
func Dead(name string) *adapters.Failure {
	return &adapters.Failure{Kind: adapters.NotSent, Code: "unproven", Err: fmt.Errorf(
		"what is called %.40q does not prove that this account made it of this post with the token that it has: %w", name, adapters.ErrPreparedDead)}
}
