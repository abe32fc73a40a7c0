package instagramtest

import "tocsin/adapters/adapterstest"

var _ adapterstest.Troubled = (*Platform)(nil)

// Trouble lets somebody in the app meddle with the account.
func (p *Platform) Trouble(t adapterstest.Trouble) error {
	live := p.Live()
	id := t.Target(live)
	switch t.Kind {
	case adapterstest.EditPost:
		alt := ""
		for _, post := range live {
			if post.ID == id {
				alt = post.Alt
			}
		}
		return adapterstest.Done(p.Edit(id, t.Text, alt))
	case adapterstest.DeletePost:
		return adapterstest.Done(p.Delete(id))
	case adapterstest.ForeignPost:
		p.apply(adapterstest.Fault{}, &container{caption: t.Text})
		return nil
	case adapterstest.HidePost: // it archives a post, which then looks as deleted to the app
	}
	return adapterstest.ErrNoTrouble
}
