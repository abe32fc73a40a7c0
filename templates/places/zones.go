package places

import "strings"

// A Zone is an alert zone of the national civil-protection department, as far as it
// lies in the territory.
type Zone struct {
	Code           string   // as the department writes it: "Ligu-B"
	Letter         string   // as people say it: "B"
	Municipalities []string // codes of ISTAT, in their order

	names map[string]string // by language
}

// Name returns the name of the zone in the language of a BCP 47 tag, which says that
// it is no more than the part in the territory: "zona B della provincia di Savona".
func (z Zone) Name(lang string) string {
	base, _, _ := strings.Cut(lang, "-")
	if name, ok := z.names[strings.ToLower(base)]; ok {
		return name
	}
	return z.names["en"]
}

// Zones returns the alert zones of the Province of Savona. Each municipality is in one
// of them. ORIGIN.md says where the list comes from, and which row of it is corrected.
func (t *Territory) Zones() []Zone {
	inland := "009005 009009 009014 009015 009017 009018 009023 009026 009027 009032 009036 009037 009038 009039 009040 009046 009047 009048 009050 009051 009054 009055 009063"
	centre := "009003 009004 009010 009022 009052 009056 009057 009058 009064 009065"
	zones := []Zone{
		{Code: "Ligu-A", Letter: "A"},
		{Code: "Ligu-B", Letter: "B", Municipalities: strings.Fields(centre)},
		{Code: "Ligu-D", Letter: "D", Municipalities: strings.Fields(inland)},
	}
	for _, m := range t.Municipalities {
		if !strings.Contains(inland, m.Code) && !strings.Contains(centre, m.Code) {
			zones[0].Municipalities = append(zones[0].Municipalities, m.Code)
		}
	}
	for i := range zones {
		l := zones[i].Letter
		zones[i].names = map[string]string{
			"it": "zona " + l + " della provincia di Savona", "en": "zone " + l + " of the Province of Savona",
			"de": "Zone " + l + " der Provinz Savona", "fr": "zone " + l + " de la province de Savone",
		}
	}
	return zones
}
