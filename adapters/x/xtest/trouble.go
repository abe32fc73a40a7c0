package xtest

import (
	"slices"

	"tocsin/adapters/adapterstest"
)

var _ adapterstest.Troubled = (*Platform)(nil)

// Trouble lets somebody with the account's password meddle with it.
func (p *Platform) Trouble(t adapterstest.Trouble) error {
	id := t.Target(p.Live())
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.posts, func(s *stored) bool { return s.ID() == id })
	switch t.Kind {
	case adapterstest.EditPost:
		if i >= 0 {
			changed := *p.posts[i]
			changed.text = t.Text
			p.posts[i] = &changed
		}
		return adapterstest.Done(i >= 0)
	case adapterstest.DeletePost:
		if i >= 0 {
			p.posts = slices.Delete(slices.Clone(p.posts), i, i+1)
		}
		return adapterstest.Done(i >= 0)
	case adapterstest.ForeignPost:
		now := p.c.Now()
		p.posts = append(p.posts, &stored{id: p.nextID(now), text: t.Text, at: now, visible: now})
		return nil
	case adapterstest.HidePost:
	}
	return adapterstest.ErrNoTrouble
}
