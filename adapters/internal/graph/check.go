package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/wire"
)

// CheckEvery is how often the channels of the Graph API are checked: every few minutes.
const CheckEvery = 5 * time.Minute

// Fate is what all of them stand and fall with: on 4 October 2021 Facebook and Instagram were
// away together for six hours.
const Fate = "Meta"

// A Need is a permission that the token must have.
type Need struct {
	Scope  string
	Target string // number of the account for which it must hold
	// For says what does not go without it, where posts do; "" where they do not.
	For string
}

// CheckToken asks what the platform knows of the client's token: that it is valid and until
// when, also the consent of the person behind it (data_access_expires_at), and that it
// may do what is needed, the most needed first. The app itself asks: its number must be configured.
func (c *Client) CheckToken(ctx context.Context, needs ...Need) []adapters.Finding {
	found := []adapters.Finding{c.checkVersion(time.Now())}
	if c.app == "" {
		return append(found, adapters.Finding{
			Aspect: adapters.AspectCredential, State: adapters.Degraded,
			Reason: "how long the access token lasts can't be asked without the app's number", Advice: "write app_id, the number of the app in Meta's developer console, under this channel",
		})
	}
	var out struct {
		Data tokenFacts `json:"data"`
	}
	a, err := c.inspect(ctx, &out)
	switch {
	case adapters.KindOf(err) == adapters.Auth && err != nil:
		f := adapters.FindingOf(adapters.AspectCredential, err)
		// The token itself may be good: what is done with it shows that.
		f.State, f.Advice = adapters.Degraded, "correct app_id and app_secret in the configuration: they are of the app to which the token belongs"
		return append(found, f)
	case err != nil:
		return append(found, adapters.FindingOf(adapters.AspectCredential, err))
	case out.Data.Valid == nil:
		return append(found, adapters.FindingOf(adapters.AspectCredential, c.Unreadable(a, "it does not say whether the token is valid")))
	}
	return append(found, c.judge(&out.Data, needs, time.Now())...)
}

// tokenFacts is what debug_token tells of a token.
type tokenFacts struct {
	AppID      string   `json:"app_id"`
	Valid      *bool    `json:"is_valid"`
	Expires    int64    `json:"expires_at"`             // Unix seconds; 0 for never
	DataAccess int64    `json:"data_access_expires_at"` // likewise
	Scopes     []string `json:"scopes"`
	Granular   []struct {
		Scope   string   `json:"scope"`
		Targets []string `json:"target_ids"` // none for every one
	} `json:"granular_scopes"`
	Error struct {
		Code    int    `json:"code"`
		Subcode int    `json:"subcode"`
		Message string `json:"message"`
	} `json:"error"`
}

// judge returns the findings on a token.
func (c *Client) judge(t *tokenFacts, needs []Need, now time.Time) (found []adapters.Finding) {
	if !*t.Valid {
		e := &Error{Code: t.Error.Code, Subcode: t.Error.Subcode, Message: c.wire.Excerpt([]byte(t.Error.Message))}
		if e.Code == 0 {
			e.Code = 190
		}
		return append(found, adapters.FindingOf(adapters.AspectCredential, e.failure(nil, 0)))
	}
	credential := adapters.Finding{Aspect: adapters.AspectCredential, State: adapters.Ready}
	if t.Expires > 0 {
		credential.Reason, credential.Advice = "the access token ends soon", "make a new token, best of a system user, which has no end; put it into its file and start the node again"
		credential = credential.Ending(time.Unix(t.Expires, 0).UTC(), now)
	}
	found = append(found, credential)
	if t.DataAccess > 0 {
		found = append(found, adapters.Finding{
			Aspect: adapters.AspectDataAccess, Reason: "the app's access to the account's data ends soon, though the token does not",
			Advice: "the person who gave the app its access must log in to it again on the platform",
		}.Ending(time.Unix(t.DataAccess, 0).UTC(), now))
	}
	rights := adapters.Finding{Aspect: adapters.AspectRights, State: adapters.Ready}
	for _, n := range needs {
		why := t.lacks(n)
		if why == "" {
			continue
		}
		rights = adapters.Finding{
			Aspect: adapters.AspectRights, Reason: why,
			Advice: "give the app its permissions and the system user its role on the account, then make a new token",
		}
		if n.For == "" {
			break
		}
		rights.State, rights.Reason = adapters.Degraded, why+": "+n.For
	}
	return append(found, rights)
}

// lacks says why the token does not meet a need, "" where it does.
func (t *tokenFacts) lacks(n Need) string {
	if !slices.Contains(t.Scopes, n.Scope) {
		return fmt.Sprintf("the access token lacks the permission %s", n.Scope)
	}
	for _, g := range t.Granular {
		if g.Scope == n.Scope && len(g.Targets) > 0 && n.Target != "" && !slices.Contains(g.Targets, n.Target) {
			return fmt.Sprintf("the access token has the permission %s for other accounts, not for %s", n.Scope, n.Target)
		}
	}
	return ""
}

// inspect calls debug_token as the app. The token that is asked about stands in the address,
// as the platform wants it: the wire cuts it out of all that is said of the call.
func (c *Client) inspect(ctx context.Context, out any) (wire.Answer, error) {
	u := c.base.JoinPath("debug_token")
	app := c.app + "|" + c.appSecret
	u.RawQuery = url.Values{"input_token": {c.token}, "appsecret_proof": {Proof(app, c.appSecret)}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return wire.Answer{}, adapters.Fail(adapters.NotSent, "the request could not be made: %w", errors.New("the address is not one"))
	}
	req.Header.Set("Authorization", "Bearer "+app)
	req.Header.Set("Accept", "application/json")
	return c.send(ctx, req, nil, out)
}

// sunset returns when the platform stops answering a version, by its changelog; false
// for one that is not known here.
func sunset(version string) (time.Time, bool) {
	day, ok := map[string]string{"v23.0": "2027-10-08", "v24.0": "2028-02-18", "v25.0": "2028-07-29"}[version]
	if !ok {
		return time.Time{}, false
	}
	at, err := time.Parse(time.DateOnly, day)
	return at, err == nil
}

// checkVersion says until when the platform speaks the version that is called.
func (c *Client) checkVersion(now time.Time) adapters.Finding {
	f := adapters.Finding{Aspect: adapters.AspectVersion, State: adapters.Ready}
	if at, ok := sunset(c.version); ok {
		f.Reason, f.Advice = "the platform soon stops answering this version of the Graph API", "write a newer version under this channel, after a drill on a test account"
		f = f.Ending(at, now)
	}
	return f
}

// crowded is the percentage of the platform's budget of calls from which on a person should
// look, before the platform refuses calls.
const crowded = 80

// CheckUsage returns what the headers of an answer tell of the platform's budget of calls; nil
// where they tell nothing.
func CheckUsage(h http.Header) []adapters.Finding {
	percent, told := usage(h)
	if !told {
		return nil
	}
	f := adapters.Finding{Aspect: adapters.AspectBudget, State: adapters.Ready}
	if percent >= crowded {
		f = adapters.Finding{
			Aspect: adapters.AspectBudget, State: adapters.Degraded, Reason: fmt.Sprintf("%d percent of the calls that the platform allows are used up", percent),
			Advice: "look in Meta's developer console who else calls with this app; at 100 the platform refuses posts too",
		}
	}
	return []adapters.Finding{f}
}

// usage returns the highest percentage in the headers of an answer.
func usage(h http.Header) (percent int, told bool) {
	type counts struct {
		Calls float64 `json:"call_count"`
		Time  float64 `json:"total_time"`
		CPU   float64 `json:"total_cputime"`
	}
	note := func(c counts) {
		percent, told = max(percent, int(min(max(c.Calls, c.Time, c.CPU), 1000))), true
	}
	for _, name := range []string{"X-App-Usage", "X-Page-Usage"} {
		var c counts
		if json.Unmarshal([]byte(h.Get(name)), &c) == nil {
			note(c)
		}
	}
	var business map[string][]counts
	if json.Unmarshal([]byte(h.Get("X-Business-Use-Case-Usage")), &business) == nil {
		for _, account := range business {
			for _, c := range account {
				note(c)
			}
		}
	}
	return percent, told
}
