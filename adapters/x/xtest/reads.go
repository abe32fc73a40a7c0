package xtest

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters/adapterstest"
)

// me answers whose token it is: GET /2/users/me.
func (p *Platform) me(w http.ResponseWriter, _ *http.Request, _ []byte) {
	id, username := p.c.UserID, p.c.Username
	if p.is(adapterstest.Stranger) {
		id, username = "1730000000000000099", "another_office"
	}
	write(w, http.StatusOK, map[string]any{"data": map[string]string{"id": id, "name": p.c.Name, "username": username}})
}

// show answers one post: GET /2/tweets/{id}.
func (p *Platform) show(w http.ResponseWriter, r *http.Request, _ []byte) {
	query := r.URL.Query()
	id := r.PathValue("id")
	fields, ok := p.parameters(w, query, "expansions", "media.fields")
	if !ok {
		return
	}
	if e := query.Get("expansions"); e != "" && e != "attachments.media_keys" {
		invalid(w, "expansions", e, "The `expansions` query parameter value ["+e+"] is not one of [attachments.media_keys]")
		return
	}
	if !isID(id) {
		invalid(w, "id", id, "The `id` query parameter value ["+id+"] is not valid")
		return
	}
	s := p.find(id)
	if s == nil {
		write(w, http.StatusOK, problem{Errors: []problem{notFound("tweet", "id", id)}})
		return
	}
	answer := map[string]any{"data": p.object(s, fields)}
	if s.image != nil && query.Get("expansions") == "attachments.media_keys" {
		m := map[string]string{"media_key": s.image.key(), "type": "photo"}
		if strings.Contains(query.Get("media.fields"), "alt_text") {
			m["alt_text"] = s.image.alt
		}
		answer["includes"] = map[string]any{"media": []any{m}}
	}
	write(w, http.StatusOK, answer)
}

// showMany answers several posts: GET /2/tweets?ids=….
func (p *Platform) showMany(w http.ResponseWriter, r *http.Request, _ []byte) {
	query := r.URL.Query()
	fields, ok := p.parameters(w, query, "ids")
	if !ok {
		return
	}
	ids := strings.Split(query.Get("ids"), ",")
	if len(ids) > 100 || slices.ContainsFunc(ids, func(id string) bool { return !isID(id) }) {
		invalid(w, "ids", query.Get("ids"), "The `ids` query parameter must hold 1 to 100 identifiers")
		return
	}
	var data []any
	var missing []problem
	for _, id := range ids {
		if s := p.find(id); s != nil {
			data = append(data, p.object(s, fields))
		} else {
			missing = append(missing, notFound("tweet", "ids", id))
		}
	}
	answer := map[string]any{}
	if len(data) > 0 {
		answer["data"] = data
	}
	if len(missing) > 0 {
		answer["errors"] = missing
	}
	write(w, http.StatusOK, answer)
}

// timeline answers the account's posts, newest first: GET /2/users/{id}/tweets.
func (p *Platform) timeline(w http.ResponseWriter, r *http.Request, _ []byte) {
	query := r.URL.Query()
	fields, ok := p.parameters(w, query, "max_results", "since_id", "until_id", "start_time", "end_time", "pagination_token", "exclude")
	if !ok {
		return
	}
	span, parameter := parseSpan(query)
	if parameter != "" {
		invalid(w, parameter, query.Get(parameter), "The `"+parameter+"` query parameter value ["+query.Get(parameter)+"] is not valid")
		return
	}
	if id := r.PathValue("id"); id != p.c.UserID {
		write(w, http.StatusOK, problem{Errors: []problem{notFound("user", "id", id)}})
		return
	}
	posts, more := p.between(span)
	meta := map[string]any{"result_count": len(posts)}
	answer := map[string]any{"meta": meta}
	if len(posts) > 0 {
		meta["newest_id"], meta["oldest_id"] = posts[0].ID(), posts[len(posts)-1].ID()
		data := make([]any, len(posts))
		for i, s := range posts {
			data[i] = p.object(s, fields)
		}
		answer["data"] = data
	}
	if more {
		meta["next_token"] = tokenPrefix + strconv.FormatInt(posts[len(posts)-1].id, 36)
	}
	write(w, http.StatusOK, answer)
}

// parameters checks that the query holds nothing unknown and returns the fields
// that are asked for; it answers and is not ok otherwise.
func (p *Platform) parameters(w http.ResponseWriter, query url.Values, known ...string) (fields []string, ok bool) {
	for name, values := range query {
		if len(values) != 1 || name != p.c.FieldsParam && !slices.Contains(known, name) {
			invalid(w, name, strings.Join(values, ","), "The query parameter ["+name+"] is not one of ["+strings.Join(append(known, p.c.FieldsParam), ",")+"]")
			return nil, false
		}
	}
	if !query.Has(p.c.FieldsParam) {
		return nil, true
	}
	noun := strings.TrimSuffix(p.c.FieldsParam, ".fields")
	all := []string{"id", "text", "author_id", "created_at", "entities", "attachments", "referenced_" + noun + "s", "note_" + noun, "edit_history_" + noun + "_ids"}
	fields = strings.Split(query.Get(p.c.FieldsParam), ",")
	for _, f := range fields {
		if !slices.Contains(all, f) {
			invalid(w, p.c.FieldsParam, f, "The `"+p.c.FieldsParam+"` query parameter value ["+f+"] is not one of ["+strings.Join(all, ",")+"]")
			return nil, false
		}
	}
	return fields, true
}

// tokenPrefix begins every token for a next page.
const tokenPrefix = "7140dibdnow9"

// A span is the part of a timeline that is asked for.
type span struct {
	since, until int64     // identifiers, both excluded; 0 for none
	start, end   time.Time // start included, end excluded; zero for none
	size         int
}

// parseSpan reads the parameters of a timeline, or returns the name of the one that
// is not valid.
func parseSpan(query url.Values) (s span, parameter string) {
	s.size = 10
	if v := query.Get("max_results"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 5 || n > 100 {
			return s, "max_results"
		}
		s.size = n
	}
	for name, into := range map[string]*int64{"since_id": &s.since, "until_id": &s.until} {
		if v := query.Get(name); v != "" {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil || !isID(v) {
				return s, name
			}
			*into = n
		}
	}
	for name, into := range map[string]*time.Time{"start_time": &s.start, "end_time": &s.end} {
		if v := query.Get(name); v != "" {
			t, err := time.Parse(time.RFC3339, v)
			if err != nil {
				return s, name
			}
			*into = t
		}
	}
	if v := query.Get("pagination_token"); v != "" {
		n, err := strconv.ParseInt(strings.TrimPrefix(v, tokenPrefix), 36, 64)
		if err != nil || !strings.HasPrefix(v, tokenPrefix) {
			return s, "pagination_token"
		}
		if s.until == 0 || n < s.until {
			s.until = n
		}
	}
	for kind := range strings.SplitSeq(query.Get("exclude"), ",") {
		if kind != "" && kind != "retweets" && kind != "replies" {
			return s, "exclude"
		}
	}
	return s, ""
}

// between returns the visible posts of the span, newest first, and whether there
// are more.
func (p *Platform) between(s span) (posts []*stored, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.c.Now()
	for _, post := range slices.Backward(p.posts) {
		switch {
		case now.Before(post.visible),
			s.since > 0 && post.id <= s.since,
			s.until > 0 && post.id >= s.until,
			!s.start.IsZero() && post.at.Before(s.start),
			!s.end.IsZero() && !post.at.Before(s.end):
			continue
		case len(posts) == s.size:
			return posts, true
		}
		posts = append(posts, post)
	}
	return posts, false
}

// find returns the visible post with the identifier id, or nil.
func (p *Platform) find(id string) *stored {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil // over 2^63: no post of this century
	}
	i, ok := slices.BinarySearchFunc(p.posts, n, func(s *stored, n int64) int { return cmp.Compare(s.id, n) })
	if !ok || p.posts[i].ID() != id || p.c.Now().Before(p.posts[i].visible) {
		return nil
	}
	return p.posts[i]
}

// isID reports whether s has the form of an identifier: ^[0-9]{1,19}$.
func isID(s string) bool {
	return s != "" && len(s) <= 19 && strings.Trim(s, "0123456789") == ""
}
