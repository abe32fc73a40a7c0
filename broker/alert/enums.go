package alert

import "slices"

// A Status says how a message is to be handled (CAP: alert/status).
type Status string

// The statuses of CAP 1.2.
const (
	StatusActual   Status = "Actual"   // to be acted on by all who receive it
	StatusExercise Status = "Exercise" // for those who take part in an exercise
	StatusSystem   Status = "System"   // for the machinery of the alert network
	StatusTest     Status = "Test"     // technical test; nobody is to act on it
	StatusDraft    Status = "Draft"    // a template or a draft; not actionable
)

func statuses() []Status {
	return []Status{StatusActual, StatusExercise, StatusSystem, StatusTest, StatusDraft}
}

// Valid reports whether s is a value of CAP 1.2.
func (s Status) Valid() bool { return slices.Contains(statuses(), s) }

// A MsgType says what a message does to those before it (CAP: alert/msgType).
type MsgType string

// The message types of CAP 1.2. The end of an event is an Update with response
// AllClear; Cancel says that the earlier messages must be disregarded.
const (
	MsgAlert  MsgType = "Alert"  // first information
	MsgUpdate MsgType = "Update" // replaces the messages in references whole
	MsgCancel MsgType = "Cancel" // revokes the messages in references
	MsgAck    MsgType = "Ack"    // the messages in references were received
	MsgError  MsgType = "Error"  // the messages in references were rejected
)

func msgTypes() []MsgType {
	return []MsgType{MsgAlert, MsgUpdate, MsgCancel, MsgAck, MsgError}
}

// Valid reports whether t is a value of CAP 1.2.
func (t MsgType) Valid() bool { return slices.Contains(msgTypes(), t) }

// A Scope says for whom a message is meant (CAP: alert/scope).
type Scope string

// The scopes of CAP 1.2.
const (
	ScopePublic     Scope = "Public"     // everybody
	ScopeRestricted Scope = "Restricted" // those who meet alert/restriction
	ScopePrivate    Scope = "Private"    // those named in alert/addresses
)

func scopes() []Scope { return []Scope{ScopePublic, ScopeRestricted, ScopePrivate} }

// Valid reports whether s is a value of CAP 1.2.
func (s Scope) Valid() bool { return slices.Contains(scopes(), s) }

// A Category is a kind of hazard (CAP: info/category).
type Category string

// The categories of CAP 1.2.
const (
	CategoryGeo       Category = "Geo"       // geophysical, landslides included
	CategoryMet       Category = "Met"       // meteorological, floods included
	CategorySafety    Category = "Safety"    // general emergency and public safety
	CategorySecurity  Category = "Security"  // law enforcement, military, homeland security
	CategoryRescue    Category = "Rescue"    // rescue and recovery
	CategoryFire      Category = "Fire"      // fire suppression and rescue
	CategoryHealth    Category = "Health"    // medical and public health
	CategoryEnv       Category = "Env"       // pollution and other environmental
	CategoryTransport Category = "Transport" // public and private transport
	CategoryInfra     Category = "Infra"     // utilities, telecommunications
	CategoryCBRNE     Category = "CBRNE"     // chemical, biological, radiological, nuclear, explosive
	CategoryOther     Category = "Other"     // anything else
)

func categories() []Category {
	return []Category{
		CategoryGeo, CategoryMet, CategorySafety, CategorySecurity, CategoryRescue, CategoryFire,
		CategoryHealth, CategoryEnv, CategoryTransport, CategoryInfra, CategoryCBRNE, CategoryOther,
	}
}

// Valid reports whether c is a value of CAP 1.2.
func (c Category) Valid() bool { return slices.Contains(categories(), c) }

// A ResponseType is what the public is asked to do (CAP: info/responseType).
type ResponseType string

// The response types of CAP 1.2.
const (
	ResponseShelter  ResponseType = "Shelter"  // take shelter in place
	ResponseEvacuate ResponseType = "Evacuate" // relocate as instructed
	ResponsePrepare  ResponseType = "Prepare"  // make preparations
	ResponseExecute  ResponseType = "Execute"  // execute a planned activity
	ResponseAvoid    ResponseType = "Avoid"    // avoid the event
	ResponseMonitor  ResponseType = "Monitor"  // attend to information sources
	ResponseAssess   ResponseType = "Assess"   // for officials; not in public warnings
	ResponseAllClear ResponseType = "AllClear" // the event is over
	ResponseNone     ResponseType = "None"     // no action is recommended
)

func responseTypes() []ResponseType {
	return []ResponseType{
		ResponseShelter, ResponseEvacuate, ResponsePrepare, ResponseExecute, ResponseAvoid,
		ResponseMonitor, ResponseAssess, ResponseAllClear, ResponseNone,
	}
}

// Valid reports whether r is a value of CAP 1.2.
func (r ResponseType) Valid() bool { return slices.Contains(responseTypes(), r) }

// An Urgency says how soon to act (CAP: info/urgency).
type Urgency string

// The urgencies of CAP 1.2.
const (
	UrgencyImmediate Urgency = "Immediate" // at once
	UrgencyExpected  Urgency = "Expected"  // within the next hour
	UrgencyFuture    Urgency = "Future"    // in the near future
	UrgencyPast      Urgency = "Past"      // no longer
	UrgencyUnknown   Urgency = "Unknown"   // not known
)

func urgencies() []Urgency {
	return []Urgency{UrgencyImmediate, UrgencyExpected, UrgencyFuture, UrgencyPast, UrgencyUnknown}
}

// Valid reports whether u is a value of CAP 1.2.
func (u Urgency) Valid() bool { return slices.Contains(urgencies(), u) }

// A Severity says how bad the event is for life and property (CAP:
// info/severity). How bad a [Finding] is, is a [Level].
type Severity string

// The severities of CAP 1.2, with the Italian colour they are used for.
const (
	SeverityExtreme  Severity = "Extreme"  // extraordinary threat; rossa
	SeveritySevere   Severity = "Severe"   // significant threat; arancione
	SeverityModerate Severity = "Moderate" // possible threat; gialla
	SeverityMinor    Severity = "Minor"    // minimal or no known threat; verde
	SeverityUnknown  Severity = "Unknown"  // not known
)

func severities() []Severity {
	return []Severity{SeverityExtreme, SeveritySevere, SeverityModerate, SeverityMinor, SeverityUnknown}
}

// Valid reports whether s is a value of CAP 1.2.
func (s Severity) Valid() bool { return slices.Contains(severities(), s) }

// A Certainty says how sure the event is (CAP: info/certainty).
type Certainty string

// The certainties of CAP 1.2. "Very Likely" of CAP 1.0 is read as Likely.
const (
	CertaintyObserved Certainty = "Observed" // happened or is under way
	CertaintyLikely   Certainty = "Likely"   // more than about 50 %
	CertaintyPossible Certainty = "Possible" // up to about 50 %
	CertaintyUnlikely Certainty = "Unlikely" // about 0
	CertaintyUnknown  Certainty = "Unknown"  // not known
)

func certainties() []Certainty {
	return []Certainty{CertaintyObserved, CertaintyLikely, CertaintyPossible, CertaintyUnlikely, CertaintyUnknown}
}

// Valid reports whether c is a value of CAP 1.2.
func (c Certainty) Valid() bool { return slices.Contains(certainties(), c) }
