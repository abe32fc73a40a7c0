package audit

import (
	"fmt"
	"strings"
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// A Line is one record of an alert, in words.
type Line struct {
	Record int64     `json:"record"` // sequence in the ledger
	At     time.Time `json:"at"`     // when the broker took it
	Type   string    `json:"type"`   // of the record, or "unreadable"
	Who    string    `json:"who"`    // the node, or the person
	Text   string    `json:"text"`   // in the language that was asked for
	Void   string    `json:"void,omitempty"`
}

// A Timeline collects the records of one alert in order. Observe is to be given
// to the ledger before its first record; it has one owner.
type Timeline struct {
	Alert string // UUID; the records of this alert are collected
	Lang  string // "it" or "en"
	Lines []Line

	// Zone is that of the times within texts; nil for UTC.
	Zone *time.Location
	// Reason says why a record was written, in the language of the lines; nil to
	// give a record's reason as it stands, which is in English.
	Reason func(*ledger.Record) string
}

// Observe takes the next entry, as [ledger.Options] hands it on.
func (t *Timeline) Observe(e *ledger.Entry, err error) {
	if e.Bad != nil {
		if err != nil && strings.HasPrefix(e.Subject, "ledger.alert."+t.Alert+".") {
			text := t.say("voce illeggibile, non scritta dai nostri programmi", "a record that can't be read, not written by our programs")
			t.Lines = append(t.Lines, Line{Record: e.Seq, At: e.Time, Type: "unreadable", Who: "?", Text: text, Void: err.Error()})
		}
		return
	}
	if e.Record.Alert != t.Alert {
		return
	}
	line := Line{Record: e.Seq, At: e.Time, Type: string(e.Record.Type), Who: e.Record.Node, Text: t.words(&e.Record, e.Time)}
	if e.Record.Principal != "" {
		line.Who = e.Record.Principal
	}
	if err != nil {
		line.Void = err.Error()
	}
	t.Lines = append(t.Lines, line)
}

// say fills the words of the timeline's language.
func (t *Timeline) say(italian, english string, args ...any) string {
	if strings.HasPrefix(t.Lang, "en") {
		return fmt.Sprintf(english, args...)
	}
	return fmt.Sprintf(italian, args...)
}

// retry says when another attempt is made, with the day where it is another one than the
// record's, or the clocks change between them.
func (t *Timeline) retry(when, record time.Time) string {
	const day = "02-01-2006 (MST)"
	if when.Format(day) == record.Format(day) {
		return when.Format(time.TimeOnly)
	}
	return t.say("%s del %s", "%s on %s", when.Format(time.TimeOnly), when.Format(day))
}

// words says in one sentence what a record of that time reports.
func (t *Timeline) words(r *ledger.Record, at time.Time) string {
	part, say := "", t.say
	if r.Part > 1 {
		part = say(" (parte %d)", " (part %d)", r.Part)
	}
	if r.Mark > 0 {
		part = say(" (modifica %d di un post già pubblico)", " (change %d of a post that is public)", r.Mark)
	}
	channel := r.Channel + part
	zone, reason := time.UTC, r.Reason
	if t.Zone != nil {
		zone = t.Zone
	}
	if t.Reason != nil {
		reason = t.Reason(r)
	}
	lacks := r.Lacks
	if t.Reason != nil && lacks != "" {
		lacks = t.Reason(&ledger.Record{Reason: lacks})
	}
	switch r.Type {
	case ledger.Contact:
		return say("tentativo di contatto (%s) per il bollettino %d: %s: %s", "contact attempt (%s) for bulletin %d: %s: %s", r.Way.Title(t.Lang), r.Number, signing.Role(r.Whom).Title(t.Lang), r.Reason)
	case ledger.Notified:
		switch r.Occasion {
		case "breakglass":
			return say("avviso consegnato a %s: emissione d'emergenza (bollettino %d)", "%s was told: break-glass (bulletin %d)", r.Whom, r.Number)
		case "ratified":
			return say("avviso consegnato a %s: emissione d'emergenza ratificata (bollettino %d)", "%s was told: break-glass ratified (bulletin %d)", r.Whom, r.Number)
		}
		return say("avviso consegnato a %s: allerta in dubbio o revocata (bollettino %d)", "%s was told: alert put in doubt or revoked (bulletin %d)", r.Whom, r.Number)
	case ledger.Bulletin:
		if r.Breakglass {
			return say("EMISSIONE D'EMERGENZA: bollettino %d di una sola autorità consegnato per la firma: %s, %d byte, SHA-256 %s", "BREAK-GLASS: bulletin %d of one authority only handed in to be signed: %s, %d bytes, SHA-256 %s",
				r.Number, r.Code, r.Bytes, r.SHA256)
		}
		return say("bollettino %d consegnato per la firma: %s, %d byte, SHA-256 %s", "bulletin %d handed in to be signed: %s, %d bytes, SHA-256 %s",
			r.Number, r.Code, r.Bytes, r.SHA256)
	case ledger.Signature:
		return say("firmato il bollettino %d come %s, chiave %s", "signed bulletin %d as %s, key %s", r.Number, r.Namespace, r.Key)
	case ledger.Refused, ledger.Withdrawn:
		return t.haltWords(r)
	case ledger.Rejected:
		if r.Refers > 0 {
			return say("respinta la voce %d (%s): %s", "record %d refused (%s): %s", r.Refers, r.Class, reason)
		}
		return say("respinto: %s", "refused: %s", reason)
	case ledger.Attempt:
		if r.Channel == "" {
			return say("bollettino %d, inizio dell'invio a %s", "bulletin %d, sending begins to %s", r.Number, strings.Join(r.Channels, ", "))
		}
		return say("%s: inizio del tentativo %d", "%s: attempt %d begins", channel, r.Attempt)
	case ledger.Prepared:
		return say("%s: contenuto caricato, non ancora pubblico (%s)", "%s: content uploaded, not public yet (%s)", channel, r.Prepared)
	case ledger.NotSent:
		return say("%s: non pubblicato (%s), nuovo tentativo dopo le %s", "%s: not published (%s), to be tried again after %s",
			channel, reason, t.retry(r.RetryAt.In(zone), at.In(zone)))
	case ledger.Unknown:
		return say("%s: esito sconosciuto (%s), si cerca il post sulla piattaforma", "%s: outcome unknown (%s), the post is looked for on the platform", channel, reason)
	case ledger.Absent:
		return say("%s: il post non c'è (%s)", "%s: the post is not there (%s)", channel, reason)
	case ledger.Posted:
		how := ""
		if r.Reconciled {
			how = say(", trovato con il codice allerta", ", found by the alert code")
		}
		if r.Lacks != "" {
			how += say(", senza immagine (%s)", ", without its image (%s)", lacks)
		}
		return say("%s: pubblicato%s: %s %s", "%s: posted%s: %s %s", channel, how, r.PostID, r.Link())
	case ledger.Verified:
		at := ""
		if r.Link() != "" {
			at = ": " + r.Link()
		}
		if r.Lacks != "" {
			at += say("; manca l'immagine (%s)", "; its image is lacking (%s)", lacks)
		}
		return say("%s: riletto dalla piattaforma, identico al testo firmato%s", "%s: read back from the platform, identical to the signed text%s", channel, at)
	case ledger.NotVerifiable:
		return say("%s: non verificabile: %s", "%s: can't be verified: %s", channel, reason)
	case ledger.Failed:
		return say("%s: serve una persona: %s", "%s: a person must act: %s", channel, reason)
	case ledger.Held:
		return say("%s: sospeso: %s", "%s: held: %s", channel, reason)
	case ledger.Deferred:
		return say("%s: rimandato fino alle %s: %s", "%s: kept back until %s: %s", channel, t.retry(r.RetryAt.In(zone), at.In(zone)), reason)
	case ledger.Expired:
		return say("%s: scaduto prima della pubblicazione", "%s: expired before it was published", channel)
	case ledger.Superseded:
		return say("%s: superato da un bollettino più recente (%s)", "%s: superseded by a newer bulletin (%s)", channel, reason)
	case ledger.Watched:
		switch r.State {
		case ledger.ShownRestored:
			return say("%s: riletto, mostra di nuovo il testo firmato", "%s: read again, it shows the signed text again", channel)
		case ledger.ShownAltered:
			return say("%s: riletto, MODIFICATO da altri: %s", "%s: read again, ALTERED by somebody: %s", channel, reason)
		case ledger.ShownHidden:
			return say("%s: riletto, NASCOSTO al pubblico: %s", "%s: read again, HIDDEN from the public: %s", channel, reason)
		}
		return say("%s: riletto, non c'è più, CANCELLATO da altri: %s", "%s: read again, gone, DELETED by somebody: %s", channel, reason)
	case ledger.Foreign:
		return say("%s: post che nessun bollettino copre (%s): %s", "%s: post that no bulletin covers (%s): %s", channel, r.PostID, r.State)
	case ledger.Genesis, ledger.NodeStarted, ledger.NodeStopped, ledger.LossAccepted, ledger.KeyRing, ledger.Readiness:
		return string(r.Type)
	}
	return string(r.Type)
}

// haltWords says what a person refused or withdrew, and why: as the signed text says,
// whatever it is worth.
func (t *Timeline) haltWords(r *ledger.Record) string {
	h, err := bulletin.ParseHalt([]byte(r.Statement))
	why := t.say("il testo firmato non si legge", "the signed text can't be read")
	if err == nil {
		why = strings.ReplaceAll(h.Reason, "\n", " / ")
	}
	if r.Type == ledger.Withdrawn {
		return t.say("ritirato il bollettino %d come %s: %s", "withdrew bulletin %d as %s: %s", r.Number, r.Namespace, why)
	}
	return t.say("rifiutato il bollettino %d come %s: %s", "said no to bulletin %d as %s: %s", r.Number, r.Namespace, why)
}
