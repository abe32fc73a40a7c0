package broker_test

import (
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
)

// publiccode is the part of the publiccode.yml standard, version 0.7, that the
// project uses. Decoding is strict, so that a key that is misspelt is found.
type publiccode struct {
	Version           string   `yaml:"publiccodeYmlVersion"`
	Name              string   `yaml:"name"`
	URL               string   `yaml:"url"`
	ReleaseDate       string   `yaml:"releaseDate"`
	Platforms         []string `yaml:"platforms"`
	Categories        []string `yaml:"categories"`
	DevelopmentStatus string   `yaml:"developmentStatus"`
	SoftwareType      string   `yaml:"softwareType"`
	Supports          []struct {
		ID string `yaml:"id"`
	} `yaml:"supports"`
	IntendedAudience struct {
		Countries []string `yaml:"countries"`
		Scope     []string `yaml:"scope"`
	} `yaml:"intendedAudience"`
	Description map[string]struct {
		Short    string   `yaml:"shortDescription"`
		Long     string   `yaml:"longDescription"`
		Features []string `yaml:"features"`
	} `yaml:"description"`
	Legal struct {
		License            string `yaml:"license"`
		MainCopyrightOwner string `yaml:"mainCopyrightOwner"`
	} `yaml:"legal"`
	Maintenance struct {
		Type     string `yaml:"type"`
		Contacts []struct {
			Name  string `yaml:"name"`
			Email string `yaml:"email"`
		} `yaml:"contacts"`
	} `yaml:"maintenance"`
	Localisation struct {
		Ready     *bool    `yaml:"localisationReady"`
		Languages []string `yaml:"availableLanguages"`
	} `yaml:"localisation"`
}

// TestPubliccode checks publiccode.yml against the rules of the standard's core
// schema, version 0.7: which keys are mandatory, the closed lists of values, and
// the lengths, which count characters.
func TestPubliccode(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../publiccode.yml")
	if err != nil {
		t.Fatal(err)
	}
	var pc publiccode
	if err := yaml.UnmarshalWithOptions(text, &pc, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for _, fault := range pc.faults() {
		t.Error(fault)
	}
}

// TestPubliccodeFaults shows that the check finds what is missing.
func TestPubliccodeFaults(t *testing.T) {
	t.Parallel()
	if got := len(new(publiccode).faults()); got < 12 {
		t.Errorf("an empty file has %d faults, want every mandatory key named", got)
	}
	if err := yaml.UnmarshalWithOptions([]byte("naem: Tocsin\n"), new(publiccode), yaml.Strict()); err == nil {
		t.Error("a key that is misspelt was taken")
	}
}

// faults returns what the standard would refuse.
func (pc *publiccode) faults() []string {
	var faults []string
	check := func(ok bool, key string) {
		if !ok {
			faults = append(faults, "publiccode.yml: "+key)
		}
	}
	check(pc.Version == "0.7", "publiccodeYmlVersion is not the version that this test knows")
	check(pc.Name != "", "name is missing")
	address, err := url.Parse(pc.URL)
	check(err == nil && address.Scheme == "https" && address.Host != "", "url is no address of a repository")
	_, err = time.Parse(time.DateOnly, pc.ReleaseDate)
	check(err == nil, "releaseDate is no date YYYY-MM-DD")
	check(len(pc.Platforms) > 0 && within(pc.Platforms, "web", "windows", "mac", "linux", "ios", "android"), "platforms")
	// These two lists are closed; here stand only the words that fit an alert service.
	check(within(pc.Categories, "communications", "social-media-management", "e-signature", "workflow-management"), "categories")
	check(within(pc.IntendedAudience.Scope, "emergency-services", "local-authorities", "security"), "intendedAudience/scope")
	check(within([]string{pc.DevelopmentStatus}, "concept", "development", "beta", "stable", "obsolete"), "developmentStatus")
	check(within([]string{pc.SoftwareType}, "standalone/web", "standalone/backend", "standalone/other"), "softwareType")
	for _, country := range pc.IntendedAudience.Countries {
		check(regexp.MustCompile(`^[A-Z]{2}$`).MatchString(country), "intendedAudience/countries has "+country+", want two capitals")
	}
	for _, supported := range pc.Supports {
		id, err := url.Parse(supported.ID)
		check(err == nil && id.Scheme != "", "supports/id is no URI")
	}
	for _, language := range []string{"it", "en"} {
		d := pc.Description[language]
		check(d.Short != "" && utf8.RuneCountInString(d.Short) <= 150 && !strings.Contains(d.Short, "\n"), language+"/shortDescription is not one line of at most 150 characters")
		long := utf8.RuneCountInString(d.Long)
		check(150 <= long && long <= 10_000, language+"/longDescription is not 150 to 10000 characters long")
		check(len(d.Features) > 0, language+"/features is missing")
	}
	check(pc.Legal.License == "EUPL-1.2", "legal/license is not that of the file LICENSE")
	check(within([]string{pc.Maintenance.Type}, "internal", "community"), "maintenance/type")
	check(len(pc.Maintenance.Contacts) > 0 && pc.Maintenance.Contacts[0].Name != "", "maintenance/contacts is missing")
	check(pc.Localisation.Ready != nil, "localisation/localisationReady is missing")
	check(slices.Contains(pc.Localisation.Languages, "it"), "localisation/availableLanguages lacks it")
	return faults
}

// within reports whether every one of got is allowed.
func within(got []string, allowed ...string) bool {
	for _, word := range got {
		if !slices.Contains(allowed, word) {
			return false
		}
	}
	return true
}
