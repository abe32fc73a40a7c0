package delivery

import (
	"testing"
	"time"
)

// TestWhenPostsAreReadAgain draws the moments of the watch by a settable clock.
func TestWhenPostsAreReadAgain(t *testing.T) {
	t.Parallel()
	posted := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	schedule := Channel{}.withDefaults().Watch
	const never = time.Duration(-1)
	for name, tt := range map[string]struct {
		last, end, want time.Duration // from the publication; last never: it was not read yet
	}{
		"first":                            {never, 6 * time.Hour, time.Minute},
		"second":                           {time.Minute, 6 * time.Hour, 5 * time.Minute},
		"second_though_the_first_was_late": {2 * time.Minute, 6 * time.Hour, 5 * time.Minute},
		"third":                            {5 * time.Minute, 6 * time.Hour, 15 * time.Minute},
		"fourth":                           {15 * time.Minute, 6 * time.Hour, time.Hour},
		"then_every_hour":                  {time.Hour, 6 * time.Hour, 2 * time.Hour},
		"and_so_on":                        {2*time.Hour + time.Second, 6 * time.Hour, 3*time.Hour + time.Second},
		"until_it_expires":                 {5 * time.Hour, 6 * time.Hour, never},
		"not_at_all":                       {never, 30 * time.Second, never},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var last, want time.Time
			if tt.last != never {
				last = posted.Add(tt.last)
			}
			if tt.want != never {
				want = posted.Add(tt.want)
			}
			if got := nextWatch(posted, last, posted.Add(tt.end), schedule, time.Hour); !got.Equal(want) {
				t.Errorf("it is read at %v, want %v", got, want)
			}
		})
	}
}
