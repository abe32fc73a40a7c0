package compose

import (
	"tocsin/broker/alert"
	"tocsin/templates/card"
)

// CardsOf returns the card of m in each language, as it would be drawn if that language
// were the first.
func CardsOf(m *alert.Message, o Options, code alert.Code) ([]card.Card, error) {
	o, err := o.settled()
	if err != nil {
		return nil, err
	}
	p := &press{o: o, scene: scene{issuer: o.Issuer, link: o.link(code), check: o.check(code), mark: code.Mark(1)}}
	var out []card.Card
	for _, a := range accounts(m, o) {
		c, err := p.worded(o.Cards, a, card.Portrait)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}
