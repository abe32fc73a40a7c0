package alert

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Point is a place in degrees, WGS 84. CAP writes latitude first.
type Point struct {
	Lat float64 // -90 to 90
	Lon float64 // -180 to 180
}

// String returns "lat,lon" with as many digits as it takes to read the same
// numbers back.
func (p Point) String() string { return formatNumber(p.Lat) + "," + formatNumber(p.Lon) }

// Valid reports whether both coordinates are in range.
func (p Point) Valid() bool {
	return math.Abs(p.Lat) <= 90 && math.Abs(p.Lon) <= 180
}

// A Polygon is a ring of points; the last repeats the first. It has no holes,
// and its winding says nothing.
type Polygon []Point

// A Circle is the area around a point.
type Circle struct {
	Center   Point
	RadiusKM float64 // in kilometres
}

// ParsePolygon reads a CAP polygon: "lat,lon" pairs separated by white space,
// at least four, the last equal to the first, all in range.
func ParsePolygon(s string) (Polygon, error) {
	p, err := readPolygon(s, readNumber)
	if err == nil {
		err = p.Check()
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Check returns why p is no sound ring, or nil. Rings that cross themselves
// are not looked for.
func (p Polygon) Check() error {
	switch {
	case len(p) < 4:
		return fmt.Errorf("has %d points, and a ring has at least 4", len(p))
	case !p.Closed():
		return errors.New("is not closed: the last point is not the first")
	}
	for i, point := range p {
		if !point.Valid() {
			return fmt.Errorf("point %d (%v) is no latitude from -90 to 90 with a longitude from -180 to 180", i+1, point)
		}
	}
	return nil
}

// Closed reports whether the last point is the first.
func (p Polygon) Closed() bool { return len(p) > 0 && p[0] == p[len(p)-1] }

// String returns the points separated by one space.
func (p Polygon) String() string {
	var b strings.Builder
	for i, point := range p {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(point.String())
	}
	return b.String()
}

// ParseCircle reads a CAP circle: "lat,lon radius", with the radius in
// kilometres and above zero.
func ParseCircle(s string) (Circle, error) {
	c, err := readCircle(s, readNumber)
	if err == nil {
		err = c.Check()
	}
	if err != nil {
		return Circle{}, err
	}
	return c, nil
}

// Check returns why c is no sound circle, or nil. The radius ends where the
// circle would reach around the world.
func (c Circle) Check() error {
	const halfway = 20_038 // kilometres, half the equator
	switch {
	case !c.Center.Valid():
		return errors.New("its centre is no latitude from -90 to 90 with a longitude from -180 to 180")
	case !(c.RadiusKM > 0 && c.RadiusKM <= halfway):
		return fmt.Errorf("its radius is %s km, and must be above 0 and at most %d", formatNumber(c.RadiusKM), halfway)
	}
	return nil
}

// String returns "lat,lon radius".
func (c Circle) String() string { return c.Center.String() + " " + formatNumber(c.RadiusKM) }

// readPolygon reads pairs with numbers as number reads them.
func readPolygon(s string, number func(string) (float64, bool)) (Polygon, error) {
	fields := strings.Fields(s)
	p := make(Polygon, 0, len(fields))
	for i, field := range fields {
		point, ok := readPoint(field, number)
		if !ok {
			return nil, fmt.Errorf("point %d, %s, is not of the form latitude,longitude", i+1, quote(field))
		}
		p = append(p, point)
	}
	return p, nil
}

func readCircle(s string, number func(string) (float64, bool)) (Circle, error) {
	bad := fmt.Errorf("%s is not of the form latitude,longitude radius", quote(s))
	fields := strings.Fields(s)
	if len(fields) != 2 {
		return Circle{}, bad
	}
	center, ok := readPoint(fields[0], number)
	if !ok {
		return Circle{}, bad
	}
	radius, ok := number(fields[1])
	if !ok {
		return Circle{}, bad
	}
	return Circle{Center: center, RadiusKM: radius}, nil
}

func readPoint(s string, number func(string) (float64, bool)) (Point, bool) {
	a, b, found := strings.Cut(s, ",")
	lat, ok := number(a)
	if !found || !ok {
		return Point{}, false
	}
	lon, ok := number(b)
	return Point{Lat: lat, Lon: lon}, ok
}

// maxNumberLen keeps numbers short; four decimals of a degree are ten metres.
const maxNumberLen = 32

// readNumber reads "-?digits(.digits)?".
func readNumber(s string) (float64, bool) {
	digits := strings.TrimPrefix(s, "-")
	whole, fraction, dot := strings.Cut(digits, ".")
	if len(s) > maxNumberLen || !allDigits(whole) || dot && !allDigits(fraction) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// importNumber also reads a plus sign, an exponent and a bare dot before or
// after the digits.
func importNumber(s string) (float64, bool) {
	if len(s) > maxNumberLen || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// formatNumber writes f without an exponent, as short as reads back the same.
func formatNumber(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
