package facebooktest

import "tocsin/adapters/adapterstest"

var _ adapterstest.Troubled = (*Platform)(nil)

// Trouble lets somebody on the page meddle with it.
func (p *Platform) Trouble(t adapterstest.Trouble) error {
	id := t.Target(p.Live())
	switch t.Kind {
	case adapterstest.EditPost:
		return adapterstest.Done(p.Edit(id, t.Text))
	case adapterstest.HidePost:
		return adapterstest.Done(p.Hide(id))
	case adapterstest.DeletePost:
		return adapterstest.Done(p.Delete(id))
	case adapterstest.ForeignPost:
		p.apply(adapterstest.Fault{}, t.Text, nil)
		return nil
	}
	return adapterstest.ErrNoTrouble
}
