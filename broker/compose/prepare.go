package compose

import (
	"github.com/google/uuid"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/templates/wording"
)

// prepare returns the message of what is prepared inside a bulletin, so that one
// signature can send it later: nothing is written, drawn or looked up any more when an
// alert must be stopped.
func (o Options) prepare(b *bulletin.Bulletin, kind bulletin.Kind) (*alert.Message, error) {
	last := b.Message
	word := wording.For("it").Act(wording.Cancel)
	say := func(in *alert.Info) alert.Info {
		// Whoever revokes in the last minute is heard for as long as whoever revokes at once.
		return revocation(last, in, b.Expires.Add(o.Lifetime), o)
	}
	if kind == bulletin.Correction {
		word = wording.For("it").Doubted
		say = func(in *alert.Info) alert.Info { return doubt(last, in, b, o) }
	}
	// Its identifier follows from the bulletin, so that the same draft gives the same bytes.
	id := uuid.NewSHA1(uuid.NameSpaceOID, []byte(string(kind)+" "+b.Core()))
	if kind == bulletin.Ratification {
		m := o.whole.Adopt(o.Sender, id.String(), o.Now)
		m.MsgType, m.References = kind.MsgType(), chain(last)
		return ours(m)
	}
	m := o.successor(last, kind.MsgType(), id.String(), word)
	m.Infos = inEachLanguage(last, say)
	return ours(m)
}

// doubt returns the info that says of in that it is being verified. Its area, its time
// and its level stay: what is in doubt may be true.
func doubt(last *alert.Message, in *alert.Info, b *bulletin.Bulletin, o Options) alert.Info {
	w := wording.For(in.Language)
	out := *in
	out.ResponseTypes, out.Certainty = []alert.ResponseType{alert.ResponseMonitor}, alert.CertaintyUnknown
	if out.Urgency == alert.UrgencyPast {
		out.Urgency = alert.UrgencyUnknown // that the danger is over is what is in doubt
	}
	out.Headline = headed(in, w.Doubted, w, drill(last, o.Realm))
	out.Description, out.Instruction, out.Expires = w.DoubtedText, w.DoubtedAdvice, b.Expires
	out.Resources = nil
	return out
}
