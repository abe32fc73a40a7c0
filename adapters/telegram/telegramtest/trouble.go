package telegramtest

import (
	"slices"
	"strconv"

	"tocsin/adapters/adapterstest"
)

var _ adapterstest.Troubled = (*Platform)(nil)

// Trouble lets another administrator of the channel meddle with it.
func (p *Platform) Trouble(t adapterstest.Trouble) error {
	id := t.Target(p.Live())
	if t.Kind == adapterstest.ForeignPost {
		p.apply(post{text: t.Text}, adapterstest.Fault{})
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.posts, func(m post) bool { return strconv.FormatInt(m.id, 10) == id })
	switch {
	case t.Kind != adapterstest.EditPost && t.Kind != adapterstest.DeletePost:
		return adapterstest.ErrNoTrouble
	case i < 0:
		return adapterstest.ErrNoPost
	case t.Kind == adapterstest.DeletePost:
		p.posts = slices.Delete(p.posts, i, i+1)
	default:
		p.posts[i].text, p.posts[i].edited, p.posts[i].json = t.Text, p.config.Now(), nil
	}
	return nil
}
