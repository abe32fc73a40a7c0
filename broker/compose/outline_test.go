package compose_test

import (
	"slices"
	"strings"
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/compose"
	"tocsin/templates/places"
)

// TestMapOfTheCard holds what the card says of its map against the areas of the
// message: nothing is widened, and no part stands for the whole.
func TestMapOfTheCard(t *testing.T) {
	t.Parallel()
	savona, err := places.Savona()
	if err != nil {
		t.Fatal(err)
	}
	city, _ := savona.Municipality("009056")
	border := make(alert.Polygon, len(city.Rings[len(city.Rings)-1]))
	for i, p := range city.Rings[len(city.Rings)-1] {
		border[i] = alert.Point{Lat: p.Lat, Lon: p.Lon}
	}
	padua := alert.Polygon{{Lat: 45.40, Lon: 11.85}, {Lat: 45.43, Lon: 11.83}, {Lat: 45.45, Lon: 11.88}, {Lat: 45.40, Lon: 11.85}}
	istat := func(code string) []alert.NamedValue { return []alert.NamedValue{{Name: "ISTAT", Value: code}} }
	const province, alone = "Provincia di Savona. Confini", "Solo la forma"
	tests := map[string]struct {
		areas []alert.Area
		want  string // in the description of the picture; "" for no map
	}{
		"codes":           {[]alert.Area{{Desc: "Savona", Geocodes: istat("009056")}, {Desc: "Vado", Geocodes: istat("009064")}}, province},
		"polygon":         {[]alert.Area{{Desc: "Savona", Polygons: []alert.Polygon{border}, Geocodes: istat("009056")}}, province},
		"circle":          {[]alert.Area{{Desc: "Porto", Circles: []alert.Circle{{Center: alert.Point{Lat: 44.3, Lon: 8.48}, RadiusKM: 1}}}}, province},
		"abroad":          {[]alert.Area{{Desc: "Padova", Polygons: []alert.Polygon{padua}, Geocodes: istat("028060")}}, alone},
		"one_is_unknown":  {[]alert.Area{{Desc: "Savona", Geocodes: istat("009056")}, {Desc: "Genova", Geocodes: istat("010025")}}, ""},
		"one_has_nothing": {[]alert.Area{{Desc: "Savona", Geocodes: istat("009056")}, {Desc: "e dintorni", Geocodes: []alert.NamedValue{{Name: "EMMA_ID", Value: "IT007"}}}}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			o.Channels = slices.DeleteFunc(o.Channels, func(c compose.Channel) bool { return !c.Limits.ImageRequired })
			b := first(t, own(o, func(m *alert.Message) { m.Infos[0].Areas = tt.areas }), o)
			alt := b.Posts[0].Alt
			for _, said := range []string{province, alone} {
				if got := strings.Contains(alt, said); got != (said == tt.want) {
					t.Errorf("%q says %q: %t", alt, said, got)
				}
			}
			if !strings.Contains(alt, "/verifica?codice=SV-7F3K2") {
				t.Errorf("%q does not say where the QR code leads", alt)
			}
		})
	}
}
