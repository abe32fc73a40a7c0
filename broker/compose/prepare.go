package compose

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/templates/wording"
)

// prepare returns the message of what is prepared inside a bulletin, so that one
// signature can send it later: nothing is written, drawn or looked up any more when an
// alert must be stopped.
//
// last is the message of the bulletin, and core its [bulletin.Bulletin.Core].
func (o Options) prepare(last *alert.Message, d bulletin.Draft, core string, kind bulletin.Kind) (*alert.Message, error) {
	word := wording.For("it").Act(wording.Cancel)
	say := func(in *alert.Info) alert.Info {
		// Whoever revokes in the last minute is heard for as long as whoever revokes at once.
		return revocation(last, in, d.Expires.Add(o.Lifetime), o)
	}
	if kind == bulletin.Correction {
		word = wording.For("it").Doubted
		say = func(in *alert.Info) alert.Info { return doubt(last, in, d.Expires, o) }
	}
	// Its identifier follows from the bulletin, so that the same draft gives the same bytes.
	id := uuid.NewSHA1(uuid.NameSpaceOID, []byte(string(kind)+" "+core))
	if kind == bulletin.Ratification {
		m := o.whole.Adopt(o.Sender, id.String(), o.Now)
		m.MsgType, m.References = kind.MsgType(), chain(last)
		return documented(m)
	}
	m := o.successor(last, kind.MsgType(), id.String(), word)
	m.Infos = inEachLanguage(last, say)
	return documented(m)
}

// doubt returns the info that says of in that it is being verified. Its area, its time
// and its level stay: what is in doubt may be true.
func doubt(last *alert.Message, in *alert.Info, until time.Time, o Options) alert.Info {
	w := wording.For(in.Language)
	out := *in
	out.ResponseTypes, out.Certainty = []alert.ResponseType{alert.ResponseMonitor}, alert.CertaintyUnknown
	if out.Urgency == alert.UrgencyPast {
		out.Urgency = alert.UrgencyUnknown // that the danger is over is what is in doubt
	}
	out.Parameters = slices.DeleteFunc(slices.Clone(out.Parameters), declares) // what is in doubt is no longer raised or extended
	out.Headline = headed(in, w.Doubted, w, drill(last, o.Realm))
	out.Description, out.Instruction, out.Expires = w.DoubtedText, w.DoubtedAdvice, until
	out.Resources = nil
	return out
}

// documented returns m with the document that says it.
func documented(m *alert.Message) (*alert.Message, error) {
	var err error
	if m.Raw, err = m.Document(); err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	return m, nil
}
