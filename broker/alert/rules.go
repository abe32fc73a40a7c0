package alert

import "slices"

// A Basis says on whose word a [Rule] stands.
type Basis string

// The bases of rules.
const (
	BasisSchema   Basis = "schema"   // the XML schema of the document's version
	BasisStandard Basis = "standard" // the prose of the standard
	BasisGoogle   Basis = "google"   // what Google asks of public alerts
	BasisTocsin   Basis = "tocsin"   // what we ask of ourselves beyond these
)

// A RuleInfo describes a [Rule].
type RuleInfo struct {
	Rule  Rule
	Basis Basis
	// Severity is that of its findings in [Inspect]. Where the schema of the document's
	// version is broken, a finding is of LevelError whatever stands here.
	Severity Level
	// Google is the rule's name in Google's validator, where it has one.
	Google string
}

// Rules returns every rule that a document can break, in the order of docs/cap.md.
func Rules() []RuleInfo {
	const e, w = LevelError, LevelWarning
	return []RuleInfo{
		{RuleSize, BasisTocsin, e, ""},
		{RuleEncoding, BasisTocsin, e, ""},
		{RuleWellFormed, BasisSchema, e, "OTHER"},
		{RuleDoctype, BasisTocsin, e, "OTHER"},
		{RuleLimit, BasisTocsin, e, ""},
		{RuleNamespace, BasisSchema, e, "OTHER"},
		{RuleAttribute, BasisSchema, e, "OTHER"},
		{RuleUnknown, BasisSchema, e, "OTHER"},
		{RuleOrder, BasisSchema, e, "OTHER"},
		{RuleMissing, BasisSchema, e, "OTHER"},
		{RuleRepeated, BasisSchema, e, "OTHER"},
		{RuleMixed, BasisSchema, e, "OTHER"},
		{RuleSchemaValue, BasisSchema, w, "OTHER"},
		{RuleInstruction, BasisTocsin, w, ""},
		{RuleComment, BasisTocsin, w, ""},
		{RuleVersion, BasisTocsin, e, ""},

		{RuleIdentity, BasisStandard, e, "OTHER"},
		{RuleTime, BasisStandard, w, "OTHER"},
		{RuleUTCOffset, BasisStandard, e, ""},
		{RuleEmpty, BasisStandard, w, ""},
		{RuleNoReferences, BasisStandard, e, "OTHER"},
		{RuleReferences, BasisStandard, e, "INVALID_REFERENCES"},
		{RuleCircularReference, BasisStandard, e, "CIRCULAR_REFERENCE"},
		{RulePostdated, BasisStandard, e, "POSTDATED_REFERENCE"},
		{RuleAlertReferences, BasisStandard, w, ""},
		{RuleScope, BasisStandard, e, "OTHER"},
		{RuleRestriction, BasisStandard, e, "RESTRICTION_SCOPE_MISMATCH"},
		{RuleList, BasisStandard, w, ""},
		{RuleNote, BasisStandard, w, ""},
		{RuleLanguage, BasisStandard, w, "INVALID_LANGUAGE"},
		{RuleAssess, BasisStandard, w, ""},
		{RuleValueName, BasisStandard, w, ""},
		{RuleLength, BasisStandard, w, "HEADLINE_TOO_LONG"},
		{RuleHTMLTags, BasisStandard, w, "TEXT_CONTAINS_HTML_TAGS"},
		{RuleHTMLEntities, BasisStandard, w, "TEXT_CONTAINS_HTML_ENTITIES"},
		{RuleAddress, BasisStandard, e, "INVALID_WEB"},
		{RuleMediaType, BasisStandard, e, "INVALID_MIME_TYPE"},
		{RuleResource, BasisStandard, e, ""},
		{RuleRelativeURI, BasisStandard, e, "RELATIVE_URI_MISSING_DEREF_URI"},
		{RuleNoURI, BasisTocsin, w, ""},
		{RuleDerefURI, BasisStandard, e, "INVALID_DEREF_URI"},
		{RuleInlineFile, BasisStandard, w, ""},
		{RuleDigest, BasisStandard, w, ""},
		{RuleDigestMismatch, BasisStandard, w, ""},
		{RulePolygon, BasisStandard, e, "INVALID_POLYGON"},
		{RuleCircle, BasisStandard, e, "INVALID_CIRCLE"},
		{RuleAltitude, BasisStandard, e, "INVALID_ALTITUDE_CEILING_RANGE"},
		{RuleCeiling, BasisStandard, e, "INVALID_AREA"},
		{RuleContradiction, BasisStandard, w, ""},
		{RuleGeocodeAlone, BasisStandard, w, ""},
		{RuleSignature, BasisStandard, w, ""},
		{RuleSignatureForm, BasisStandard, w, ""},
		{RuleSignatureWeak, BasisTocsin, w, ""},

		{RulePolygonCrossing, BasisGoogle, w, "INVALID_POLYGON_SELF_INTERSECTION"},
		{RuleOverlap, BasisGoogle, w, ""},
		{RuleSameText, BasisGoogle, w, "SAME_TEXT_DIFFERENT_LANGUAGE"},
		{RuleExpires, BasisGoogle, w, "EXPIRES_IS_REQUIRED"},
		{RuleArea, BasisGoogle, w, "CIRCLE_POLYGON_OR_GEOCODE_IS_REQUIRED"},
		{RuleWeb, BasisGoogle, w, "WEB_IS_REQUIRED"},
		{RuleUTCTime, BasisGoogle, w, "SENT_INCLUDES_UTC_TIMEZONE"},
		{RuleContact, BasisGoogle, w, "CONTACT_IS_RECOMMENDED"},
		{RuleResponseType, BasisGoogle, w, "RESPONSE_TYPE_STRONGLY_RECOMMENDED"},
		{RuleInstructionText, BasisGoogle, w, "INSTRUCTION_STRONGLY_RECOMMENDED"},
		{RuleNotShown, BasisGoogle, w, ""},
		{RuleAreaLength, BasisGoogle, w, ""},
		{RuleDecimals, BasisGoogle, w, ""},

		{RuleLifetime, BasisTocsin, w, ""},
		{RuleHeadline, BasisTocsin, w, ""},
		{RuleNoInfo, BasisTocsin, w, ""},
		{RuleNoArea, BasisTocsin, w, ""},
		{RuleCirclePoint, BasisTocsin, w, ""},
		{RuleCharacter, BasisTocsin, w, ""},
		{RuleComposition, BasisTocsin, w, ""},
	}
}

// Info describes the rule, as far as it is one of [Rules].
func (r Rule) Info() RuleInfo {
	all := Rules()
	if i := slices.IndexFunc(all, func(info RuleInfo) bool { return info.Rule == r }); i >= 0 {
		return all[i]
	}
	return RuleInfo{Rule: r, Basis: BasisTocsin}
}
