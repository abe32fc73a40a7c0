package pages

import (
	"time"

	"tocsin/templates/wording"
)

// A State says where an alert stands for the public.
//
// The zero State is the cautious one: an alert whose state nobody set counts as
// in force.
type State uint8

// The states of an alert.
const (
	InForce State = iota
	Ended         // the danger is over: an update said all clear
	Revoked       // issued in error or withdrawn: to be disregarded
	Expired       // the time for which it was valid has passed
)

// A Frame is what stands around the content of every page.
type Frame struct {
	Lang      string        // of the frame, one of [wording.Languages]
	Issuer    string        // the authority that runs the site
	Path      string        // of this page, without its query: "/a/SV-7F3K2"
	Home      string        // the site's public address, without a slash at the end
	Drill     wording.Drill // what the page as a whole shows
	Channels  []Channel     // the authority's official channels
	PolicyURL string        // the publication policy; "" for none
}

// A Channel is an official channel of the authority.
type Channel struct {
	Name string // as the public knows it: "@ProvinciaSavona"
	Kind string // the platform, as readers call it: "Telegram"
	URL  string
}

// An Index is the home page: what is in force now.
type Index struct {
	Frame
	Current []Summary // in force, ended or revoked, and not expired; gravest first
	Recent  []Summary // expired a short while ago
}

// A Summary is one alert in a list.
type Summary struct {
	Code      string
	Path      string // the alert's page
	Lang      string // of Headline, BCP 47
	Headline  string
	FactsLang string // of Areas
	Areas     []string
	Level     wording.Level
	Colour    bool // Level is an alert colour that the issuer declared, not a reading of the severity
	State     State
	Drill     wording.Drill
	Expires   time.Time
}

// An Alert is the page of one alert.
type Alert struct {
	Frame
	Code      string // the alert code
	State     State
	Bulletins []Bulletin // newest first; never empty
}

// A Bulletin is one message of an alert with its posts for the site.
type Bulletin struct {
	Number    int
	Act       wording.Act
	Drill     wording.Drill
	Replaced  int // the number of the bulletin that replaces this one; 0 for the newest
	Revoked   bool
	Level     wording.Level
	Colour    bool // as in Summary
	Lang      string
	Headline  string // in Lang
	FactsLang string // of Event and Areas
	Event     string
	Areas     []string
	From      time.Time // valid from; its zone is the zone that readers see
	Sent      time.Time
	Expires   time.Time
	Issuer    string
	SHA256    string // of the signed bulletin, lower-case hexadecimal; "" if not known
	CAPPath   string // the signed CAP document; "" for none
	Texts     []Text
}

// A Text is one post, shown byte for byte.
type Text struct {
	Anchor string // unique in the page
	Key    string // of the post
	Lang   string // BCP 47
	Title  string
	Body   string
	At     time.Time // when the site took it
	Image  *Image    // nil for none
}

// An Image is a picture of a post, hosted by the site.
type Image struct {
	Path          string
	Alt           string
	Width, Height int // pixels
}

// A Check answers whether an alert code is genuine.
type Check struct {
	Frame
	Asked     string   // the code in what the reader typed; "" if nothing was asked yet
	Found     *Summary // nil where no such alert was issued
	Issuer    string   // of the alert that was found
	Sent      time.Time
	Bulletin  int  // the newest bulletin's number
	Stale     bool // the reader asked for an older bulletin than that
	Elsewhere bool // the code stood in an address that is not of this site
}

// A Missing is the page for an address that leads nowhere.
type Missing struct {
	Frame
}
