package website

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"tocsin/adapters"
)

var _ adapters.Checker = (*Channel)(nil)

// CheckEvery is every few minutes.
func (ch *Channel) CheckEvery() time.Duration { return 5 * time.Minute }

// Fate is "": the site stands by itself.
func (ch *Channel) Fate() string { return "" }

// Check reads what is in force under the public address, as the public does, and holds
// that it is a site of ours that answers there; and until when its certificate is valid.
func (ch *Channel) Check(ctx context.Context) []adapters.Finding {
	answer, err := ch.get(ctx, http.MethodGet, "/alerts/current.json")
	if err != nil {
		f := adapters.FindingOf(adapters.AspectReach, err)
		f.Advice = "start the node, and see that site.public_url leads to it, also from its own machine, with a certificate that is valid"
		return []adapters.Finding{f}
	}
	reach := adapters.Finding{Aspect: adapters.AspectReach, State: adapters.Ready}
	var shown Current
	switch {
	case answer.Status == http.StatusServiceUnavailable:
		reach.State, reach.Reason = adapters.Down, "the site answers that it can't say what is in force"
		reach.Advice = "wait if the node has just been started; else see what its log says of the ledger"
	case answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &shown) != nil || shown.Schema != CurrentSchema:
		reach.State, reach.Reason = adapters.Down, fmt.Sprintf("what answers at the public address (status %d) is no site of ours", answer.Status)
		reach.Advice = "see that site.public_url leads to the node"
	}
	found := []adapters.Finding{reach}
	if !answer.Until.IsZero() {
		found = append(found, adapters.Finding{
			Aspect: adapters.AspectCertificate, Reason: "the certificate of the public address ends soon", Advice: "renew it where TLS ends: at the node (site.tls) or at the server in front of it",
		}.Ending(answer.Until, time.Now()))
	}
	return found
}
