package adapterstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"tocsin/adapters"
)

const noChecker = Exempt("this channel is not a Checker")

// checking adds the cases about what a channel tells beforehand.
func checking(add func(string, check)) {
	add("is_ready_on_a_good_account", readyWhenGood)
	add("a_check_publishes_nothing", checksInPrivate)
	for _, c := range []Condition{Revoked, Rightless, Stranger, Spent} {
		add("is_not_ready_when_"+string(c), func(ctx context.Context, r Rig) error { return notReadyIn(ctx, r, c) })
	}
	add("is_not_ready_without_an_answer", notReadyInSilence)
	add("is_not_ready_when_unreachable", notReadyUnreached)
	add("a_check_leaks_no_secret", checksWithoutSecrets)
}

// look lets the channel check itself, and holds what every list of findings must be.
func (r Rig) look(ctx context.Context) ([]adapters.Finding, error) {
	c, ok := r.Channel.(adapters.Checker)
	if !ok {
		return nil, noChecker
	}
	if every := c.CheckEvery(); every < time.Minute {
		return nil, fmt.Errorf("it wants to be checked every %v: no platform has a budget for that", every)
	}
	found := c.Check(ctx)
	if len(found) == 0 {
		return nil, errors.New("the check found nothing at all")
	}
	for _, f := range found {
		switch {
		case f.Aspect == "":
			return nil, fmt.Errorf("a finding says not what it is about: %+v", f)
		case f.State != adapters.Ready && (f.Reason == "" || f.Advice == ""):
			return nil, fmt.Errorf("a finding says not why, or not what to do: %+v", f)
		}
		for _, secret := range r.Secrets {
			if strings.Contains(fmt.Sprintf("%+v", f), secret) {
				return nil, fmt.Errorf("a secret of the channel stands in the finding on %s", f.Aspect)
			}
		}
	}
	return found, nil
}

func readyWhenGood(ctx context.Context, r Rig) error {
	found, err := r.look(ctx)
	if err != nil {
		return err
	}
	if worst := adapters.Worst(found); worst.State != adapters.Ready {
		return fmt.Errorf("on a good account it is %s: %+v", worst.State, worst)
	}
	return nil
}

// checksInPrivate catches a check by which something becomes public: a fault for the next
// public write is still there after it.
func checksInPrivate(ctx context.Context, r Rig) error {
	if _, ok := r.Channel.(adapters.Checker); !ok {
		return noChecker
	}
	a, err := r.prepare(ctx, r.Post)
	if err != nil {
		return err
	}
	before := len(r.Platform.Live())
	r.Platform.Fail(Fault{Kind: ApplyDrop})
	if _, err := r.look(ctx); err != nil {
		return err
	}
	if n := len(r.Platform.Live()); n != before {
		return fmt.Errorf("%d posts are public after the check, %d were before", n, before)
	}
	if _, err := r.Channel.Publish(ctx, r.Post, a); adapters.KindOf(err) != adapters.Unknown || err == nil {
		return fmt.Errorf("the check has met the fault that was there for a post: publish says %w", err)
	}
	return nil
}

// notReadyIn puts the account into a condition in which nothing can be published, and back.
func notReadyIn(ctx context.Context, r Rig, c Condition) error {
	if _, ok := r.Channel.(adapters.Checker); !ok {
		return noChecker
	}
	platform, ok := r.Platform.(Conditioned)
	if !ok {
		return Exempt("this platform has no conditions")
	}
	if err := platform.SetCondition(c); errors.Is(err, ErrNoCondition) {
		return Exempt("this platform has no such condition")
	} else if err != nil {
		return err
	}
	found, err := r.look(ctx)
	if err != nil {
		return err
	}
	if worst := adapters.Worst(found); worst.State == adapters.Ready || c != Spent && worst.State != adapters.Down {
		return fmt.Errorf("its account is %s, and it is %s: %+v", c, worst.State, worst)
	}
	if err := platform.SetCondition(Good); err != nil {
		return err
	}
	return readyWhenGood(ctx, r)
}

func notReadyInSilence(ctx context.Context, r Rig) error {
	if r.Server == nil {
		return noServer
	}
	r.Server.Between(func(_ http.ResponseWriter, req *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, req.Body) // or the server never learns that the caller gave up
		<-req.Context().Done()
	})
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	began := time.Now()
	found, err := r.look(ctx)
	if err != nil {
		return err
	}
	if took := time.Since(began); took > deadline+grace {
		return fmt.Errorf("the check took %v, the deadline was %v", took, deadline)
	}
	if worst := adapters.Worst(found); worst.State == adapters.Ready {
		return errors.New("the platform does not answer, and it is ready")
	}
	return nil
}

func notReadyUnreached(ctx context.Context, r Rig) error {
	if r.Server == nil {
		return noServer
	}
	r.Server.Unplug()
	found, err := r.look(ctx)
	if err != nil {
		return err
	}
	if worst := adapters.Worst(found); worst.State != adapters.Down {
		return fmt.Errorf("the platform can't be reached, and it is %s", worst.State)
	}
	return nil
}

// checksWithoutSecrets lets a platform say back all that it was sent.
func checksWithoutSecrets(ctx context.Context, r Rig) error {
	if r.Server == nil {
		return noServer
	}
	echo := strings.Join(r.Secrets, " ")
	for _, status := range []int{http.StatusOK, http.StatusUnauthorized, http.StatusInternalServerError} {
		r.Server.Between(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"error":{"code":190,"message":%q},"description":%[1]q,"detail":%[1]q}`, echo)
		})
		if _, err := r.look(ctx); err != nil {
			return fmt.Errorf("answer %d: %w", status, err)
		}
	}
	return nil
}
