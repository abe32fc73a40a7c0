package card

import (
	"image/color"

	"tocsin/templates/wording"
)

// A pair is a colour of letters or signs on a ground. Its contrast is at least 4.5 to
// 1 (WCAG 2.1, 1.4.3), which a test computes for every pair that is drawn.
type pair struct{ ink, ground color.RGBA }

// Colours that stand in more than one pair.
var (
	night = rgb(0x17202a) // letters on light grounds
	paper = rgb(0xffffff)
	navy  = rgb(0x17324d) // the foot
	grove = rgb(0x005c3c) // all clear
	slate = rgb(0x37474f) // nothing is rated
)

// levelPair returns the colours of a level. The grounds can be told apart by people
// who see colours differently; word and sign say the same.
func levelPair(l wording.Level) pair {
	switch l {
	case wording.Green:
		return pair{paper, rgb(0x00704a)}
	case wording.Yellow:
		return pair{night, rgb(0xf7d417)}
	case wording.Orange:
		return pair{night, rgb(0xf59300)}
	case wording.Red:
		return pair{paper, rgb(0xb80623)}
	default:
		return pair{paper, slate}
	}
}

// headPair returns the colours of the header.
func headPair(c Card) pair {
	switch c.Act {
	case wording.AllClear:
		return pair{grove, rgb(0xe4f3ea)}
	case wording.Cancel:
		return pair{paper, slate}
	default:
		return levelPair(c.Level)
	}
}

// areaColour is that of the area on the map.
func areaColour(c Card) color.RGBA {
	switch c.Act {
	case wording.AllClear:
		return rgb(0xb5dcc5)
	case wording.Cancel:
		return rgb(0x8796a3)
	default:
		return levelPair(c.Level).ground
	}
}

func drillPair() pair   { return pair{paper, rgb(0x4a148c)} }
func actPair() pair     { return pair{paper, night} }
func bodyPair() pair    { return pair{night, paper} }
func labelPair() pair   { return pair{rgb(0x3d4f63), paper} }
func advicePair() pair  { return pair{night, rgb(0xeef2f6)} }
func adviceLabel() pair { return pair{rgb(0x3d4f63), rgb(0xeef2f6)} }
func footPair() pair    { return pair{paper, navy} }
func footLabel() pair   { return pair{rgb(0xc3d0dd), navy} }
func qrPair() pair      { return pair{night, paper} }

// Colours of the map that bear no letters.
var (
	land   = rgb(0xdfe5ea)
	border = rgb(0xffffff)
	coast  = rgb(0x6b7a89)
)

func rgb(v uint32) color.RGBA {
	return color.RGBA{R: uint8(v >> 16), G: uint8(v >> 8 & 0xff), B: uint8(v & 0xff), A: 0xff}
}
