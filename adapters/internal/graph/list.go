package graph

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters"
)

// ListEvery is how often an account's posts are listed: one call of the hundreds that Meta
// allows in an hour.
const ListEvery = 5 * time.Minute

// List returns the posts that s lists since s.Since.
func (c *Client) List(ctx context.Context, s Search) ([]adapters.Listed, error) {
	params := url.Values{
		"fields": {strings.TrimSuffix(strings.Join([]string{"id", s.Text, s.Time, s.Link}, ","), ",")},
		"limit":  {strconv.Itoa(pageSize)},
		"since":  {strconv.FormatInt(s.Since.Unix(), 10)},
	}
	all := []adapters.Listed{}
	for row, err := range c.list(ctx, Call{Method: http.MethodGet, Path: s.Path, Params: params, Rules: s.Rules}) {
		if err != nil {
			return nil, err
		}
		if id, at := row.text("id"), ParseTime(row.text(s.Time)); IsID(id) && !at.Before(s.Since.Truncate(time.Second)) {
			all = append(all, adapters.Listed{ID: id, URL: PublicURL(row.text(s.Link)), Text: Normalise(row.text(s.Text)), At: at})
		}
	}
	return all, nil
}
