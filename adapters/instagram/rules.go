package instagram

import (
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"
	"slices"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/graph"
)

// The platform's errors, by code and subcode, are those of "Error Codes" in the
// manual of the Instagram Platform.

const (
	// soon is the pause before a container is published again that the platform
	// did not have at hand: its manual says 30 seconds to 2 minutes.
	soon = 30 * time.Second
	// later is the pause where the account may publish no more: its 24 hours
	// roll, so that a place can be free at any time.
	later = time.Hour
	// patience is after how many attempts a container that the platform does
	// not have at hand counts as lost.
	patience = 3
)

// refusals hold for both steps: the content, the account, the budget.
func refusals() []graph.Rule {
	const permanent = adapters.Permanent
	return []graph.Rule{
		{Code: 9, Subcode: 2207042, Kind: adapters.Quota, After: later, Wide: true, Advice: "the account has published all that the platform allows in 24 hours; post by hand"},
		{Code: 25, Subcode: 2207050, Kind: adapters.Auth, Advice: "the platform restricts the account; sign in to it and do what it asks"},
		{Code: 36000, Subcode: 2207004, Kind: permanent, Advice: "the image is over 8 MB"},
		{Code: 36001, Subcode: 2207005, Kind: permanent, Advice: "the image is not a JPEG"},
		{Code: 36003, Subcode: 2207009, Kind: permanent, Advice: "the image is too tall, too wide, too small or too large: take 4:5 to 1.91:1, 320 to 1440 wide"},
		{Code: 36004, Subcode: 2207010, Kind: permanent, Advice: "the caption is over 2,200 characters"},
		{Code: 100, Subcode: 2207023, Kind: permanent, Advice: "the platform does not know this kind of post"},
		{Code: 100, Subcode: 2207028, Kind: permanent, Advice: "the platform does not take the post's form"},
		{Code: 100, Subcode: 2207040, Kind: permanent, Advice: "the caption has too many hashtags or mentions"},
	}
}

// What the platform takes of an image, by "Image Specifications" in its manual.
const (
	minWidth, maxWidth = 320, 1440 // pixels
	minRatio, maxRatio = 0.8, 1.91 // width to height: 4:5 and 1.91:1
)

// fits reports whether the platform's manual allows the image.
func fits(image *adapters.Image) bool {
	head, err := jpeg.DecodeConfig(bytes.NewReader(image.Data))
	if err != nil || head.Height == 0 || len(image.Data) > maxImage {
		return false
	}
	ratio := float64(head.Width) / float64(head.Height)
	return head.Width >= minWidth && head.Width <= maxWidth && ratio >= minRatio && ratio <= maxRatio
}

// misfetched returns the failure of a platform that refuses an image which its manual
// allows: it has seen something else at the image's address, as a front end shows
// while the site behind it is not there yet. That passes.
func misfetched(err error, image *adapters.Image) error {
	f, ok := errors.AsType[*adapters.Failure](err)
	refusal, said := errors.AsType[*graph.Error](err)
	if !ok || !said || f.Kind != adapters.Permanent || !fits(image) {
		return err
	}
	switch refusal.Code {
	case 324, 36000, 36001, 36003:
		again := *f
		again.Kind = adapters.NotSent
		again.Err = fmt.Errorf("the platform did not get the signed image from its public address; check what answers there: %w", f.Err)
		return &again
	}
	return err
}

// prepareRules says what errors of POST /{ig-user-id}/media mean: no post, ever.
func prepareRules() []graph.Rule {
	const notSent = adapters.NotSent
	return append(refusals(),
		graph.Rule{Code: -2, Subcode: 2207003, Kind: notSent, Advice: "the platform waited too long for the image; check that its public address answers fast"},
		graph.Rule{Code: 9004, Kind: notSent, Advice: "the platform could not fetch the image; check that its public address is open to facebookexternalhit"},
		graph.Rule{Code: -2, Kind: notSent, Advice: "the platform gave the container up"},
		graph.Rule{Code: -1, Kind: notSent, Advice: "the platform could not make the container"},
		graph.Rule{Code: 24, Kind: notSent, Advice: "the platform lost the container"},
		graph.Rule{Code: 4, Subcode: 2207051, Kind: notSent, After: later, Wide: true, Advice: "the platform takes this for spam; sign in to the account and object"},
	)
}

// doubtful are what errors of a call that makes something public mean, whatever it is.
func doubtful() []graph.Rule {
	return append(refusals(),
		// Both were answered to posts that were public.
		graph.Rule{Code: 4, Subcode: 2207051, Kind: adapters.Unknown, Advice: "the platform takes this for spam, and has published in that state before"},
		graph.Rule{Code: -1, Subcode: 2207001, Kind: adapters.Unknown, Advice: "the platform had a fault of its own"},
	)
}

// publishRules says what errors of POST /{ig-user-id}/media_publish mean at the
// attempt n, counted from 1.
func publishRules(n int) []graph.Rule {
	const notSent = adapters.NotSent
	lost := adapters.ErrPreparedDead
	missing := graph.Rule{Code: 24, Subcode: 2207008, Kind: notSent, After: soon, Advice: "the platform does not have the container at hand yet"}
	if n >= patience {
		missing.After, missing.Cause = 0, lost
	}
	return slices.Concat(doubtful(), []graph.Rule{
		{Code: 9007, Subcode: 2207027, Kind: notSent, After: defaultPollInterval, Advice: "the container is not ready yet"},
		missing,
		{Code: 24, Subcode: 2207006, Kind: notSent, Cause: lost, Advice: "the platform knows no such container"},
		{Code: -2, Subcode: 2207020, Kind: notSent, Cause: lost, Advice: "the container is over 24 hours old"},
		{Code: -2, Subcode: 2207003, Kind: notSent, Cause: lost, Advice: "the platform waited too long for the image"},
		{Code: -1, Subcode: 2207032, Kind: notSent, Cause: lost, Advice: "the platform could not make the container"},
		{Code: -1, Subcode: 2207053, Kind: notSent, Cause: lost, Advice: "the platform could not make the container"},
		{Code: 9004, Subcode: 2207052, Kind: notSent, Cause: lost, Advice: "the platform could not fetch the image"},
	})
}
