package card

import (
	"image/color"

	"tocsin/templates/wording"
)

// A Pair is a colour of letters on a ground.
type Pair struct {
	Name        string
	Ink, Ground color.RGBA
}

// Pairs returns every pair of colours in which a card shows text, for those who
// check contrast.
func Pairs() []Pair {
	return []Pair{
		level(wording.Unrated), level(wording.Green), level(wording.Yellow), level(wording.Orange), level(wording.Red),
		drillBand(), body(), label(), foot(), footLabel(),
	}
}

// level returns the pair of a level's band. The grounds can be told apart by
// people who see colours differently; word and shape say the same.
func level(l wording.Level) Pair {
	switch l {
	case wording.Green:
		return Pair{"green", rgb(0xffffff), rgb(0x00704a)}
	case wording.Yellow:
		return Pair{"yellow", rgb(0x17202a), rgb(0xf7d417)}
	case wording.Orange:
		return Pair{"orange", rgb(0x17202a), rgb(0xf59300)}
	case wording.Red:
		return Pair{"red", rgb(0xffffff), rgb(0xb80623)}
	default:
		return Pair{"unrated", rgb(0xffffff), rgb(0x37474f)}
	}
}

func drillBand() Pair { return Pair{"drill", rgb(0xffffff), rgb(0x4a148c)} }
func body() Pair      { return Pair{"body", rgb(0x17202a), rgb(0xffffff)} }
func label() Pair     { return Pair{"label", rgb(0x3d4f63), rgb(0xffffff)} }
func foot() Pair      { return Pair{"foot", rgb(0x17202a), rgb(0xe9eef3)} }
func footLabel() Pair { return Pair{"foot_label", rgb(0x3d4f63), rgb(0xe9eef3)} }

func rgb(v uint32) color.RGBA {
	return color.RGBA{R: uint8(v >> 16), G: uint8(v >> 8 & 0xff), B: uint8(v & 0xff), A: 0xff}
}
