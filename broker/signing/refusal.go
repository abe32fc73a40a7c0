package signing

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Reason says why something was refused. Reasons are stored in the ledger: the
// list only grows and no text changes.
type Reason string

// Why a bulletin is not released. More signatures can cure the first four.
const (
	ReasonMissingRole      Reason = "missing_role"
	ReasonSamePerson       Reason = "same_person"
	ReasonSameKey          Reason = "same_key"
	ReasonSameOrganisation Reason = "same_organisation"

	ReasonWrongRealm     Reason = "wrong_realm"      // also of a signature
	ReasonExpiredAlert   Reason = "expired_alert"    // the alert is over
	ReasonReleaseTooLate Reason = "release_too_late" // signed after the time set for the release
	ReasonBadRequest     Reason = "bad_request"      // the bulletin is not one that can be signed
	ReasonNotConfigured  Reason = "not_configured"   // this node has no key ring, policy or realm
)

// Why a break-glass bulletin is not released. More signatures can cure the first two.
const (
	ReasonOtherOrganisation Reason = "other_organisation" // the two who signed are not of one
	ReasonGlassWait         Reason = "breakglass_wait"    // signed before the wait was over
	ReasonGlassNotAllowed   Reason = "breakglass_not_allowed"
	ReasonGlassEvent        Reason = "breakglass_event"    // the policy does not list what happens
	ReasonGlassChannel      Reason = "breakglass_channel"  // nor a channel
	ReasonGlassLife         Reason = "breakglass_life"     // it would hold for too long
	ReasonGlassContacts     Reason = "breakglass_contacts" // too few attempts to reach the others, or not in the ledger
	ReasonGlassLimit        Reason = "breakglass_limit"    // there were too many
	ReasonGlassHalted       Reason = "breakglass_halted"   // the bulletin in whose place it stands was refused or withdrawn
)

// Why a signature is not counted.
const (
	ReasonWrongRole      Reason = "wrong_role"     // the signer has another role, or the namespace is none
	ReasonRoleNotAsked   Reason = "role_not_asked" // the policy asks for other roles
	ReasonWrongPerson    Reason = "wrong_person"   // the key is another person's
	ReasonNotInRing      Reason = "not_in_ring"
	ReasonRevoked        Reason = "revoked"
	ReasonNotYetValid    Reason = "not_yet_valid"
	ReasonKeyExpired     Reason = "key_expired"
	ReasonCertExpired    Reason = "certificate_expired" // before the line of its authority
	ReasonBadCert        Reason = "bad_certificate"
	ReasonKeyConflict    Reason = "key_conflict" // a certificate for a key that the ring gives to someone else
	ReasonMalformed      Reason = "malformed_signature"
	ReasonUnsupported    Reason = "unsupported_key"
	ReasonBadSignature   Reason = "bad_signature"
	ReasonNotTouched     Reason = "not_touched"
	ReasonNotVerified    Reason = "user_not_verified" // no PIN, fingerprint or face
	ReasonSyncedKey      Reason = "synced_key"        // a passkey that may be on several devices
	ReasonWrongOrigin    Reason = "wrong_origin"      // signed on a page that is not ours
	ReasonClockDiffers   Reason = "clock_differs"     // signed later than this machine's clock
	ReasonNoTime         Reason = "no_time"           // the statement bears no ledger time
	ReasonBadName        Reason = "bad_name"          // the name is not written as names are
	ReasonUnreadable     Reason = "unreadable"        // the text of a refusal or withdrawal
	ReasonOtherBulletin  Reason = "other_bulletin"    // a refusal or withdrawal says something else than the bulletin
	ReasonPrepared       Reason = "prepared"          // what stops an alert can't be refused or withdrawn
	ReasonMayNotRefuse   Reason = "may_not_refuse"    // the policy does not let the role refuse
	ReasonMayNotWithdraw Reason = "may_not_withdraw"  // the policy does not let the role withdraw
	ReasonClockBehind    Reason = "clock_behind"      // not yet valid, by so little that a clock is the likely cause
)

// A RefusedError says why a bulletin is not released or a signature not counted,
// in words for the person who must act.
type RefusedError struct {
	Reason Reason

	// Curable says that the bulletin may still be released as it is when another
	// signature comes. Where it is false, a new bulletin is needed.
	Curable bool

	// Missing has the roles that have not signed yet, for a bulletin. Where the
	// policy asks for any one of several roles, it has all of them.
	Missing []Role

	// Role, Principal and Namespace are of the signature that the refusal is
	// about; they are claims. They are empty where it is about none.
	Role      Role
	Principal string
	Namespace string

	// Key is the fingerprint of the key that made that signature, as ssh-keygen -l prints it;
	// empty where none could be read.
	Key string

	// When is the time that the reason is about, where there is one: when the key
	// expired or becomes valid, when the alert expired, by when it had to be
	// released.
	When time.Time

	// Causes has the signatures that were not counted, for a bulletin: at most
	// maxCauses, the last ones.
	Causes []*RefusedError

	// Err is the technical cause, for operators, or nil.
	Err error

	signature bool // about one signature, not about a bulletin
}

// maxCauses bounds what one refusal says, whatever was thrown into the ledger.
const maxCauses = 16

// Error says what happened, why, and what to do, in English on one line.
func (e *RefusedError) Error() string {
	text := e.text(false)
	if e.Err != nil {
		text += " (" + e.Err.Error() + ")"
	}
	return text
}

// Unwrap returns the technical cause, or nil.
func (e *RefusedError) Unwrap() error { return e.Err }

// Message says what happened, why, and what to do, in sentences: in Italian for
// "it" and its regions ("it-IT"), else in English.
func (e *RefusedError) Message(lang string) string {
	text := e.text(isItalian(lang))
	text = strings.Replace(text, "; ", ". ", 1)
	sentences := strings.SplitAfterN(text, ". ", 2)
	for i, s := range sentences {
		first, n := utf8.DecodeRuneInString(s)
		sentences[i] = string(unicode.ToUpper(first)) + s[n:]
	}
	return strings.Join(sentences, "") + "."
}

// text has the form "what: why; what to do", in lower case and without full stop.
func (e *RefusedError) text(it bool) string {
	what := pick(it, "non diffuso", "not released")
	if e.signature {
		what = pick(it, "firma non accettata", "signature not accepted")
	}
	why, todo := e.words(it)
	return what + ": " + why + "; " + todo
}

// who names the signer of the refused signature: by a question mark where nobody
// knows who it is.
func (e *RefusedError) who() string {
	if e.Principal == "" {
		return "?"
	}
	return fmt.Sprintf("%.80q", e.Principal)
}

func (e *RefusedError) when() string { return e.When.UTC().Format("2006-01-02 15:04:05 UTC") }

// titles names the missing roles.
func (e *RefusedError) titles(it bool) string {
	lang := pick(it, "it", "en")
	names := make([]string, len(e.Missing))
	for i, r := range e.Missing {
		names[i] = r.Title(lang)
	}
	return strings.Join(names, pick(it, " o ", " or "))
}

// words returns why, and what to do.
func (e *RefusedError) words(it bool) (why, todo string) {
	switch e.Reason {
	case ReasonMissingRole, ReasonSamePerson, ReasonSameKey, ReasonSameOrganisation:
		return e.wordsOnSet(it)
	case ReasonOtherOrganisation, ReasonGlassWait, ReasonGlassNotAllowed, ReasonGlassEvent, ReasonGlassChannel, ReasonGlassLife, ReasonGlassContacts, ReasonGlassLimit, ReasonGlassHalted:
		return e.wordsOnBreakglass(it)
	case ReasonWrongRealm, ReasonExpiredAlert, ReasonReleaseTooLate, ReasonBadRequest, ReasonNotConfigured:
		return e.wordsOnBulletin(it)
	case ReasonMalformed, ReasonUnsupported, ReasonBadSignature, ReasonNotTouched, ReasonNotVerified, ReasonSyncedKey, ReasonWrongOrigin:
		return e.wordsOnSignature(it)
	case ReasonUnreadable, ReasonOtherBulletin, ReasonPrepared, ReasonMayNotRefuse, ReasonMayNotWithdraw:
		return e.wordsOnHalt(it)
	default:
		return e.wordsOnSigner(it)
	}
}

func (e *RefusedError) wordsOnSet(it bool) (why, todo string) {
	switch e.Reason {
	case ReasonMissingRole:
		return pick(it, "manca la firma di: ", "the signature is missing of: ") + e.titles(it),
			pick(it, "chiedere la firma o ritirare il bollettino", "ask them to sign, or withdraw the bulletin")
	case ReasonSamePerson:
		return pick(it, "tutte le firme richieste sono della stessa persona", "the signatures that are needed are all by the same person"),
			pick(it, "chiedere la firma a una seconda persona o ritirare il bollettino", "ask a second person to sign, or withdraw the bulletin")
	case ReasonSameKey:
		return pick(it, "due delle firme richieste sono fatte con la stessa chiave", "two of the signatures that are needed are made with the same key"),
			pick(it, "ciascuno firmi con la propria chiave", "let each person sign with their own key")
	default:
		return pick(it, "le firme richieste vengono dalla stessa organizzazione", "the signatures that are needed come from the same organisation"),
			pick(it, "chiedere la firma all'altra organizzazione o ritirare il bollettino", "ask the other organisation to sign, or withdraw the bulletin")
	}
}

func (e *RefusedError) wordsOnBulletin(it bool) (why, todo string) {
	switch e.Reason {
	case ReasonWrongRealm:
		return pick(it, "non si possono mescolare allerta reale ed esercitazione", "a real alert and an exercise cannot be mixed"),
			pick(it, "firmare di nuovo nell'ambiente giusto", "sign again in the right realm")
	case ReasonExpiredAlert:
		return pick(it, "l'allerta è scaduta il ", "the alert expired on ") + e.when(),
			pick(it, "se il pericolo dura ancora, preparare e firmare un nuovo bollettino", "if the danger lasts, write and sign a new bulletin")
	case ReasonReleaseTooLate:
		return pick(it, "le firme andavano completate entro il ", "the signatures had to be complete by ") + e.when(),
			pick(it, "rivedere il testo e firmare un nuovo bollettino", "check the text again and sign a new bulletin")
	case ReasonNotConfigured:
		return pick(it, "questo nodo non ha portachiavi, regole di firma o ambiente", "this node has no key ring, signing policy or realm"),
			pick(it, "correggere la configurazione del nodo", "correct the node's configuration")
	default:
		return pick(it, "il bollettino non può essere firmato così", "the bulletin cannot be signed as it is"),
			pick(it, "prepararne uno nuovo", "write a new one")
	}
}

func (e *RefusedError) wordsOnBreakglass(it bool) (why, todo string) {
	switch e.Reason {
	case ReasonOtherOrganisation:
		return pick(it, "l'emissione d'emergenza vuole due firme della stessa organizzazione", "break-glass wants two signatures of one organisation"),
			pick(it, "far firmare un collega come breakglass; se l'altra organizzazione c'è, controfirmi il bollettino ordinario", "have a colleague sign as breakglass; if the other organisation is there, let it co-sign the ordinary bulletin")
	case ReasonGlassWait:
		return pick(it, "l'attesa dal primo tentativo di contatto finisce il ", "the wait since the first contact attempt ends on ") + e.when(),
			pick(it, "consegnare la seconda firma da quel momento", "hand in the second signature from then on")
	case ReasonGlassNotAllowed:
		return pick(it, "le regole di firma non ammettono l'emissione d'emergenza", "the signing policy does not allow break-glass"),
			pick(it, "chiedere la controfirma del bollettino ordinario", "ask for the co-signature of the ordinary bulletin")
	case ReasonGlassEvent:
		return pick(it, "le regole di firma non ammettono l'emissione d'emergenza per questo evento", "the signing policy does not allow break-glass for this event"),
			pick(it, "mettere nel messaggio il suo eventCode se è fra quelli di breakglass.events, o chiedere la controfirma", "put its eventCode into the message if it is one of breakglass.events, or ask for the co-signature")
	case ReasonGlassChannel:
		return pick(it, "le regole di firma non ammettono l'emissione d'emergenza su uno dei canali", "the signing policy does not allow break-glass on one of the channels"),
			pick(it, "comporre di nuovo con tocsin breakglass", "compose it again with tocsin breakglass")
	case ReasonGlassLife:
		return pick(it, "il bollettino d'emergenza vale più a lungo di quanto ammettono le regole di firma", "the break-glass bulletin holds for longer than the signing policy allows"),
			pick(it, "comporre di nuovo con tocsin breakglass", "compose it again with tocsin breakglass")
	case ReasonGlassContacts:
		return pick(it, "mancano nel registro i tentativi di contatto che le regole di firma chiedono", "the ledger lacks the contact attempts that the signing policy asks for"),
			pick(it, "chiamare, registrare ogni tentativo con tocsin contact, e comporre di nuovo con tocsin breakglass", "call, record each attempt with tocsin contact, and compose it again with tocsin breakglass")
	case ReasonGlassHalted:
		return pick(it, "il bollettino ordinario al cui posto sta è stato rifiutato o ritirato: l'emissione d'emergenza non è più possibile", "the ordinary bulletin that it stands for was refused or withdrawn: break-glass is not possible any more"),
			pick(it, "leggere il motivo con tocsin status, e comporre un altro bollettino", "read the reason with tocsin status, and compose another bulletin")
	default:
		return pick(it, "le emissioni d'emergenza ammesse in 24 ore sono finite, la prossima è possibile dal ", "no more break-glass is allowed within 24 hours, the next one is from ") + e.when(),
			pick(it, "chiedere la controfirma del bollettino ordinario", "ask for the co-signature of the ordinary bulletin")
	}
}

func (e *RefusedError) wordsOnSignature(it bool) (why, todo string) {
	again := pick(it, "firmare di nuovo questo bollettino", "sign this bulletin again")
	switch e.Reason {
	case ReasonMalformed:
		return pick(it, "la firma di "+e.who()+" non è leggibile", "the signature of "+e.who()+" cannot be read"),
			pick(it, "consegnare il file .sig intero, senza altro testo", "hand in the whole .sig file and nothing else")
	case ReasonUnsupported:
		return pick(it, e.who()+" ha firmato con un tipo di chiave non ammesso", e.who()+" signed with a kind of key that is not accepted"),
			pick(it, "usare una chiave Ed25519 o ECDSA P-256, da file o hardware", "use an Ed25519 or ECDSA P-256 key, from a file or a hardware key")
	case ReasonNotTouched:
		return pick(it, e.who()+" ha firmato senza toccare la chiave hardware", e.who()+" signed without touching the hardware key"),
			pick(it, again+" e toccare la chiave quando lampeggia", again+" and touch the key when it blinks")
	case ReasonNotVerified:
		return pick(it, e.who()+" ha firmato senza PIN, impronta o volto", e.who()+" signed without PIN, fingerprint or face"),
			pick(it, again+" confermando la propria identità sulla chiave (ssh-keygen -O verify-required)", again+" and confirm who you are on the key (ssh-keygen -O verify-required)")
	case ReasonSyncedKey:
		return pick(it, "la passkey di "+e.who()+" può trovarsi su più dispositivi", "the passkey of "+e.who()+" may be on several devices"),
			pick(it, "firmare con una chiave hardware, o ammettere queste passkey nelle regole di firma", "sign with a hardware key, or accept such passkeys in the signing policy")
	case ReasonWrongOrigin:
		return pick(it, e.who()+" ha firmato in una pagina che non è tra quelle ammesse", e.who()+" signed on a page that is not one of ours"),
			pick(it, "aprire la console della propria organizzazione; se la pagina era un'altra, avvisare subito il responsabile delle chiavi", "open your organisation's console; if the page was another, tell the key-ring manager at once")
	default:
		return pick(it, "la firma di "+e.who()+" non corrisponde a questo bollettino", "the signature of "+e.who()+" does not belong to this bulletin"), again
	}
}

func (e *RefusedError) wordsOnHalt(it bool) (why, todo string) {
	switch e.Reason {
	case ReasonUnreadable:
		return pick(it, "il testo firmato da "+e.who()+" non è quello di un rifiuto o di un ritiro", "the text that "+e.who()+" signed is not that of a refusal or a withdrawal"),
			pick(it, "rifiutare con tocsin refuse, ritirare con tocsin withdraw", "refuse with tocsin refuse, withdraw with tocsin withdraw")
	case ReasonOtherBulletin:
		return pick(it, "il testo firmato da "+e.who()+" non è di questo bollettino", "the text that "+e.who()+" signed is not of this bulletin"),
			pick(it, "rifiutare o ritirare questo con tocsin refuse o tocsin withdraw", "refuse or withdraw this one with tocsin refuse or tocsin withdraw")
	case ReasonPrepared:
		return pick(it, "ciò che è pronto per fermare un'allerta non si rifiuta e non si ritira", "what is prepared to stop an alert is neither refused nor withdrawn"),
			pick(it, "se non va diffuso, non firmarlo", "if it is not to go out, do not sign it")
	case ReasonMayNotRefuse:
		return pick(it, "le regole di firma non permettono a "+e.who()+" di rifiutare un bollettino in questo ruolo", "the signing policy does not let "+e.who()+" refuse a bulletin in this role"),
			pick(it, "non firmarlo, o chiedere a chi può rifiutarlo (tocsin keys policy)", "do not sign it, or ask somebody who may refuse it (tocsin keys policy)")
	default:
		return pick(it, "le regole di firma non permettono a "+e.who()+" di ritirare un bollettino in questo ruolo", "the signing policy does not let "+e.who()+" withdraw a bulletin in this role"),
			pick(it, "chiedere a chi può ritirarlo (tocsin keys policy), o di non firmarlo", "ask somebody who may withdraw it (tocsin keys policy), or ask not to sign it")
	}
}

func (e *RefusedError) wordsOnSigner(it bool) (why, todo string) {
	switch e.Reason {
	case ReasonWrongRole, ReasonRoleNotAsked, ReasonWrongPerson, ReasonNotInRing, ReasonBadName, ReasonKeyConflict, ReasonBadCert:
		return e.wordsOnEnrolment(it)
	case ReasonRevoked:
		return pick(it, "la chiave di "+e.who()+" è revocata", "the key of "+e.who()+" is revoked"),
			pick(it, "firmi un'altra persona abilitata", "let another enrolled person sign")
	case ReasonNotYetValid:
		return pick(it, "la chiave di "+e.who()+" vale solo dal ", "the key of "+e.who()+" is valid only from ") + e.when(),
			pick(it, "firmi un'altra persona abilitata", "let another enrolled person sign")
	case ReasonClockBehind:
		return pick(it, "la chiave di "+e.who()+" vale dal "+e.when()+", pochi minuti dopo l'ora della firma", "the key of "+e.who()+" is valid from "+e.when()+", minutes after the time of the signature"),
			pick(it, "controllare l'orologio di questa macchina e del nodo (NTP), e firmare di nuovo", "check the clock of this machine and of the node (NTP), and sign again")
	case ReasonKeyExpired:
		return pick(it, "la chiave di "+e.who()+" è scaduta il ", "the key of "+e.who()+" expired on ") + e.when(),
			pick(it, "rinnovarla nel portachiavi, o far firmare un'altra persona abilitata", "renew it in the key ring, or let another enrolled person sign")
	case ReasonCertExpired:
		return pick(it, "il certificato di "+e.who()+" è scaduto il ", "the certificate of "+e.who()+" expired on ") + e.when(),
			pick(it, "chiedere un nuovo certificato alla propria organizzazione, o far firmare un'altra persona abilitata", "ask your organisation for a new certificate, or let another enrolled person sign")
	case ReasonClockDiffers:
		return pick(it, "la firma risulta successiva all'ora di questa macchina", "the signature is later than this machine's clock"),
			pick(it, "regolare l'orologio (NTP)", "set the clock (NTP)")
	default:
		return pick(it, "la registrazione della firma di "+e.who()+" è incompleta", "the record of the signature of "+e.who()+" is incomplete"),
			pick(it, "registrare di nuovo la firma, con nome e ora", "record the signature again, with name and time")
	}
}

func (e *RefusedError) wordsOnEnrolment(it bool) (why, todo string) {
	manager := pick(it, "chiedere al responsabile delle chiavi", "ask the key-ring manager")
	switch e.Reason {
	case ReasonWrongRole:
		return pick(it, e.who()+" non può firmare in questo ruolo", e.who()+" may not sign in this role"),
			pick(it, "firmare nel proprio ruolo o "+manager, "sign in your own role, or "+manager)
	case ReasonRoleNotAsked:
		return pick(it, "le regole di firma non chiedono questo ruolo", "the signing policy does not ask for this role"),
			pick(it, "chiedere la firma ai ruoli previsti", "ask the roles that it names")
	case ReasonWrongPerson:
		return pick(it, "la chiave non è di "+e.who(), "the key is not "+e.who()+"'s"),
			pick(it, "firmare con il proprio nome e la propria chiave", "sign under your own name with your own key")
	case ReasonNotInRing:
		if e.Principal == "" && e.Key != "" {
			return pick(it, "il portachiavi non ha la chiave "+e.Key, "the key ring does not have the key "+e.Key),
				pick(it, "firmare con una chiave registrata o "+manager, "sign with an enrolled key, or "+manager)
		}
		return pick(it, "la chiave di "+e.who()+" non è nel portachiavi", "the key of "+e.who()+" is not in the key ring"),
			pick(it, "firmare con una chiave registrata o "+manager, "sign with an enrolled key, or "+manager)
	case ReasonKeyConflict:
		return pick(it, "la chiave certificata di "+e.who()+" è già di altri nel portachiavi", "the certified key of "+e.who()+" is somebody else's in the key ring"),
			pick(it, "usare una chiave propria per ogni persona e ruolo", "use a key of its own for each person and role")
	case ReasonBadName:
		return pick(it, "il nome "+e.who()+" non è scritto come nel portachiavi", "the name "+e.who()+" is not written as in the key ring"),
			pick(it, "scriverlo in minuscolo, nome@organizzazione", "write it in lower case, name@organisation")
	default:
		return pick(it, "il certificato di "+e.who()+" non è accettato", "the certificate of "+e.who()+" is not accepted"),
			pick(it, "chiedere un nuovo certificato alla propria organizzazione", "ask your organisation for a new certificate")
	}
}

// refuseSignature is the refusal of one signature.
func refuseSignature(reason Reason, err error) *RefusedError {
	return &RefusedError{Reason: reason, Err: err, signature: true}
}
