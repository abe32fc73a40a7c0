package graph_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/graph"
)

// TestCheckToken has the platform tell each thing that it may know of a token.
func TestCheckToken(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	granular := func(target string) []any {
		return []any{map[string]any{"scope": "pages_manage_posts", "target_ids": []string{target}}}
	}
	good := func(more map[string]any) map[string]any {
		data := map[string]any{"is_valid": true, "expires_at": 0, "data_access_expires_at": in(80 * day), "scopes": []string{"pages_manage_posts", "marks"}, "granular_scopes": granular("7")}
		for k, v := range more {
			data[k] = v
		}
		return map[string]any{"data": data}
	}
	for name, c := range map[string]struct {
		answer any
		state  adapters.Readiness
		aspect adapters.Aspect
		says   string
	}{
		"good":             {good(nil), adapters.Ready, "", ""},
		"for_every_page":   {good(map[string]any{"granular_scopes": []any{map[string]any{"scope": "pages_manage_posts"}}}), adapters.Ready, "", ""},
		"ends_in_a_month":  {good(map[string]any{"expires_at": in(30 * day)}), adapters.Ready, "", ""},
		"ends_in_a_week":   {good(map[string]any{"expires_at": in(7 * day)}), adapters.Degraded, adapters.AspectCredential, "system user"},
		"has_ended":        {good(map[string]any{"expires_at": in(-day)}), adapters.Down, adapters.AspectCredential, ""},
		"consent_ends":     {good(map[string]any{"data_access_expires_at": in(13 * day)}), adapters.Degraded, adapters.AspectDataAccess, "log in"},
		"consent_ended":    {good(map[string]any{"data_access_expires_at": in(-day)}), adapters.Down, adapters.AspectDataAccess, ""},
		"no_marks":         {good(map[string]any{"scopes": []string{"pages_manage_posts"}}), adapters.Degraded, adapters.AspectRights, "permission marks: nothing is marked"},
		"no_permission":    {good(map[string]any{"scopes": []string{"pages_show_list"}}), adapters.Down, adapters.AspectRights, "pages_manage_posts"},
		"another_page":     {good(map[string]any{"granular_scopes": granular("8")}), adapters.Down, adapters.AspectRights, "not for 7"},
		"password_changed": {map[string]any{"data": map[string]any{"is_valid": false, "error": map[string]any{"code": 190, "subcode": 460, "message": "x"}}}, adapters.Down, adapters.AspectCredential, "password was changed"},
		"invalid":          {map[string]any{"data": map[string]any{"is_valid": false}}, adapters.Down, adapters.AspectCredential, "not valid"},
		"says_nothing":     {map[string]any{"data": map[string]any{}}, adapters.Down, adapters.AspectReach, "whether the token is valid"},
		"another_app":      {map[string]any{"error": map[string]any{"code": 190, "message": "Invalid OAuth access token signature."}}, adapters.Degraded, adapters.AspectCredential, "app_id and app_secret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer 77|"+secret || r.URL.Query().Get("input_token") != token || !strings.HasSuffix(r.URL.Path, "/debug_token") {
					t.Errorf("the call is %s with %s", r.URL.Path, r.Header.Get("Authorization"))
				}
				_ = json.NewEncoder(w).Encode(c.answer)
			}))
			defer server.Close()
			client, err := graph.New(graph.Config{BaseURL: server.URL, Token: token, AppSecret: secret, AppID: "77", AllowPrivate: true})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			worst := adapters.Worst(client.CheckToken(t.Context(), graph.Need{Scope: "pages_manage_posts", Target: "7"}, graph.Need{Scope: "marks", For: "nothing is marked"}))
			if worst.State != c.state || c.state != adapters.Ready && worst.Aspect != c.aspect || !strings.Contains(worst.Reason+worst.Advice, c.says) {
				t.Errorf("got %+v, want %s by %s with %q", worst, c.state, c.aspect, c.says)
			}
		})
	}
}

func TestCheckWithoutAnApp(t *testing.T) {
	t.Parallel()
	client, err := graph.New(graph.Config{Token: token, AppSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	if f := adapters.Worst(client.CheckToken(t.Context())); f.State != adapters.Degraded || !strings.Contains(f.Advice, "app_id") {
		t.Errorf("got %+v, want that app_id is missing", f)
	}
}

func TestCheckUsage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header, value string
		want          adapters.Readiness
		found         int
	}{
		"none":     {"", "", adapters.Ready, 0},
		"little":   {"X-App-Usage", `{"call_count":28,"total_time":25,"total_cputime":25}`, adapters.Ready, 1},
		"much":     {"X-App-Usage", `{"call_count":28,"total_time":80,"total_cputime":25}`, adapters.Degraded, 1},
		"business": {"X-Business-Use-Case-Usage", `{"1":[{"type":"pages","call_count":95,"total_cputime":20,"total_time":20,"estimated_time_to_regain_access":0}]}`, adapters.Degraded, 1},
		"nonsense": {"X-App-Usage", `<html>`, adapters.Ready, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			if c.header != "" {
				h.Set(c.header, c.value)
			}
			found := graph.CheckUsage(h)
			if len(found) != c.found || adapters.Worst(found).State != c.want {
				t.Errorf("got %+v, want %d and %s", found, c.found, c.want)
			}
		})
	}
}
