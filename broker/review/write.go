package review

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/templates/wording"
)

// Write writes the review in the order in which a person needs it: what, where, when,
// what to do, the channels, what is prepared inside, the differences, the warnings, the
// words.
func (r *Review) Write(w io.Writer) error {
	p := &page{w: w}
	r.authority(p)
	r.what(p)
	r.where(p)
	r.when(p)
	r.todo(p)
	r.channels(p)
	r.becomes(p)
	r.inside(p)
	r.differences(p)
	r.warnings(p)
	r.words(p)
	return p.err
}

// authority tells first of all that one organisation issues the bulletin alone, and on
// what it relies.
func (r *Review) authority(p *page) {
	g := r.Bulletin.Breakglass
	if g == nil {
		return
	}
	p.line(r.say("EMISSIONE D'EMERGENZA – UNA SOLA AUTORITÀ", "BREAK-GLASS – ONE AUTHORITY ONLY"))
	p.block("  ", r.say("Esce senza la polizia: bastano due firme della stessa organizzazione. Ogni testo dice «%s».",
		"It goes out without the police: two signatures of one organisation are enough. Each text says “%s”.", bulletin.OneAuthority(r.say("it", "en"))))
	cause := map[bulletin.Cause]string{
		bulletin.CauseUnreachable: r.say("nessuno risponde", "nobody answers"), bulletin.CauseLinesDown: r.say("non c'è modo di chiamare", "there is no way to call"),
		bulletin.CauseSudden: r.say("il pericolo è già qui", "the danger is here already"),
	}
	p.row(r.say("causa", "cause"), cause[g.Cause])
	p.row(r.say("perché", "why"), g.Why)
	p.row(r.say("al posto di", "instead of"), r.say("bollettino con SHA-256 %s…", "bulletin with SHA-256 %s…", g.InsteadOf[:16]))
	for _, c := range g.Contacts {
		p.row(r.say("tentativo", "attempt"), r.say("%s, %s, %s (voce %d del registro)", "%s, %s, %s (record %d of the ledger)", r.moment(c.At), c.Way.Title(r.o.Lang), c.Whom, c.Record))
	}
	p.line("")
}

// inside tells what is prepared inside the bulletin: its message in full, in the first
// language, of which the posts are made. What looks wrong in them is among the warnings.
func (r *Review) inside(p *page) {
	if len(r.Prepared) == 0 || r.o.Channel != "" {
		return
	}
	p.section(r.say("GIÀ PRONTI QUI DENTRO", "PREPARED INSIDE"))
	p.block("  ", r.say("Chi firma firma anche questi: poi le regole di firma lasciano che li diffonda una persona sola, con queste parole. Ogni testo: tocsin preview BOLLETTINO --prepared correction (o revocation).",
		"Whoever signs signs these too: the policy then lets one person send them, in these words. Every text: tocsin preview BULLETIN --prepared correction (or revocation)."))
	for _, q := range r.Prepared {
		in := &q.Bulletin.Message.Infos[0]
		p.block("  "+r.title(q.Bulletin.Kind)+": ", in.Headline+" ["+in.Language+"]")
		p.block("    ", in.Description)
		p.block("    ", in.Instruction)
	}
}

// WriteGrave writes the warnings that stand right above the question, one line or two
// for each; nothing where there are none.
func (r *Review) WriteGrave(w io.Writer) error {
	p := &page{w: w}
	for i, warning := range r.Grave() {
		if i == 0 {
			p.section(r.say("PRIMA DI FIRMARE, GUARDARE QUESTO", "BEFORE YOU SIGN, LOOK AT THIS"))
		}
		p.block("  "+r.label(warning.Severity)+" ", r.place(warning)+": "+warning.What)
	}
	return p.err
}

// WriteWarnings writes the warnings, but for notes; nothing where there are none.
func (r *Review) WriteWarnings(w io.Writer) error {
	p := &page{w: w}
	few := *r
	few.Warnings = slices.DeleteFunc(slices.Clone(r.Warnings), func(w Warning) bool { return w.Severity == Note })
	if len(few.Warnings) > 0 {
		few.warnings(p)
	}
	return p.err
}

// WriteLines writes lines of the question below the review, folded as it is.
func (r *Review) WriteLines(w io.Writer, lines ...string) error {
	p := &page{w: w}
	p.line("")
	for _, line := range lines {
		p.block("", line)
	}
	return p.err
}

// words writes the words to read aloud, on one line of their own.
func (r *Review) words(p *page) {
	p.section(r.say("PAROLE DI CONTROLLO", "READ-BACK WORDS"))
	p.line("  " + strings.Join(r.Words, " "))
	p.block("  ", r.say("Al telefono: uno legge le prime tre, l'altro risponde con le ultime tre. Se una sola è diversa, i bollettini non sono gli stessi.",
		"On the telephone: one reads the first three, the other answers with the last three. If a single one differs, the bulletins are not the same."))
}

func (r *Review) what(p *page) {
	b := r.Bulletin
	m := b.Message
	p.line(r.say("CHE COSA", "WHAT"))
	p.block("  ", r.say("Allerta %s, bollettino %d (%s, %s)", "Alert %s, bulletin %d (%s, %s)", b.Code, b.Number, m.MsgType, r.realm()))
	p.row(r.say("ente", "issuer"), b.Issuer)
	p.row(r.say("tipo", "kind"), r.act(m))
	for i := range m.Infos {
		in := &m.Infos[i]
		headline := in.Headline
		if headline == "" {
			headline = in.Event
		}
		p.row(r.say("titolo", "headline"), headline+" ["+in.Language+"]")
		if i == 0 || !sameRating(in, &m.Infos[0]) {
			p.row(r.say("valutazione", "rating"), r.say("gravità %s, urgenza %s, certezza %s", "severity %s, urgency %s, certainty %s",
				r.value(string(in.Severity)), r.value(string(in.Urgency)), r.value(string(in.Certainty))))
		}
	}
	p.row(r.say("nota", "note"), m.Note)
	p.row(r.say("CAP", "CAP"), m.Identifier+", "+m.Sender+", "+string(m.Status))
	p.row("SHA-256", b.SHA256())
}

func sameRating(a, b *alert.Info) bool {
	return a.Severity == b.Severity && a.Urgency == b.Urgency && a.Certainty == b.Certainty
}

func (r *Review) realm() string {
	if r.Bulletin.Realm == alert.RealmExercise {
		return r.say("ESERCITAZIONE", "EXERCISE")
	}
	return r.say("REALE", "LIVE")
}

func (r *Review) act(m *alert.Message) string {
	switch compose.ActOf(m) {
	case wording.Cancel:
		return r.say("REVOCA: ritira l'allerta da ogni canale", "REVOCATION: withdraws the alert from every channel")
	case wording.AllClear:
		return r.say("CESSATO ALLARME: dice che il pericolo è finito", "ALL CLEAR: says that the danger is over")
	case wording.Raise:
		return r.say("innalzamento del livello di un'allerta già diffusa", "a higher level for an alert that was released before")
	case wording.Lower:
		return r.say("declassamento: un livello più basso per un'allerta già diffusa", "a lower level for an alert that was released before")
	case wording.Extend:
		return r.say("proroga di un'allerta già diffusa", "a later end for an alert that was released before")
	case wording.Update:
		return r.say("aggiornamento di un'allerta già diffusa", "update of an alert that was released before")
	case wording.Issue:
	}
	return r.say("prima diffusione", "first release")
}

// value puts a value of CAP into words, and keeps the value itself.
func (r *Review) value(v string) string {
	italian := map[string]string{
		"Extreme": "estrema", "Severe": "grave", "Moderate": "moderata", "Minor": "lieve", "Unknown": "ignota",
		"Immediate": "immediata", "Expected": "attesa", "Future": "futura", "Past": "passata",
		"Observed": "osservata", "Likely": "probabile", "Possible": "possibile", "Unlikely": "improbabile",
	}
	if word := italian[v]; word != "" {
		return r.say(word+" ("+v+")", v)
	}
	return v
}

func (r *Review) where(p *page) {
	p.section(r.say("DOVE", "WHERE"))
	m := r.Bulletin.Message
	if len(m.Infos) == 0 {
		p.line("  " + r.say("il messaggio non nomina zone", "the message names no area"))
		return
	}
	shown := 0
	for i := range m.Infos {
		in := &m.Infos[i]
		same := slices.IndexFunc(m.Infos[:i], func(other alert.Info) bool { return sameAreas(other.Areas, in.Areas) })
		if same >= 0 {
			p.block("  ", r.say("[%s] le stesse zone di [%s]", "[%s] the same areas as [%s]", in.Language, m.Infos[same].Language))
			continue
		}
		for _, a := range in.Areas {
			shown++
			p.block("  ", a.Desc+" ["+in.Language+"]")
			r.area(p, a)
		}
	}
	if shown == 0 {
		p.line("  " + r.say("il messaggio non nomina zone", "the message names no area"))
	}
	if e := extentOf(m); e.km2 > 0 {
		p.block("  ", r.say("in tutto circa %.0f km²", "in all about %.0f km²", e.km2))
	}
}

func (r *Review) area(p *page, a alert.Area) {
	var codes []string
	for _, g := range a.Geocodes {
		codes = append(codes, g.Name+" "+g.Value)
	}
	if len(codes) > 0 {
		p.block("    ", r.say("codici: %s", "codes: %s", strings.Join(codes, ", ")))
	}
	for _, ring := range a.Polygons {
		low, high := ring[0], ring[0]
		for _, at := range ring {
			low.Lat, low.Lon = min(low.Lat, at.Lat), min(low.Lon, at.Lon)
			high.Lat, high.Lon = max(high.Lat, at.Lat), max(high.Lon, at.Lon)
		}
		p.block("    ", r.say("confine di %d punti: latitudine da %.4f a %.4f, longitudine da %.4f a %.4f", "boundary of %d points: latitude %.4f to %.4f, longitude %.4f to %.4f",
			len(ring), low.Lat, high.Lat, low.Lon, high.Lon))
	}
	for _, c := range a.Circles {
		p.block("    ", r.say("cerchio di %g km intorno a %s", "circle of %g km around %s", c.RadiusKM, c.Center))
	}
}

func sameAreas(a, b []alert.Area) bool {
	return slices.EqualFunc(a, b, func(x, y alert.Area) bool {
		return x.Desc == y.Desc && slices.Equal(x.Geocodes, y.Geocodes) && slices.Equal(x.Circles, y.Circles) &&
			slices.EqualFunc(x.Polygons, y.Polygons, func(p, q alert.Polygon) bool { return slices.Equal(p, q) })
	})
}

// moment writes a time by the readers' clocks, with its date.
func (r *Review) moment(t time.Time) string {
	t = t.In(r.clock)
	w := wording.For("it")
	if r.o.Lang == "en" {
		w = wording.For("en")
	}
	return w.Moment(t) + " (" + t.Format("UTC-07:00") + ")"
}

func (r *Review) when(p *page) {
	b := r.Bulletin
	p.section(r.say("QUANDO", "WHEN"))
	row := func(label string, t time.Time) {
		if !t.IsZero() {
			p.row(label, r.moment(t))
		}
	}
	if len(b.Message.Infos) > 0 {
		in := &b.Message.Infos[0]
		row(r.say("in vigore da", "in force"), in.Effective)
		row(r.say("evento da", "event from"), in.Onset)
	}
	row(r.say("fino a", "until"), b.Expires)
	begin := b.Message.Sent
	if len(b.Message.Infos) > 0 && !b.Message.Infos[0].Onset.IsZero() {
		begin = b.Message.Infos[0].Onset
	}
	p.row(r.say("dura", "lasts"), r.duration(b.Expires.Sub(begin)))
	for i := 1; i < len(b.Message.Infos); i++ {
		in, first := &b.Message.Infos[i], &b.Message.Infos[0]
		if !in.Expires.Equal(first.Expires) || !in.Onset.Equal(first.Onset) || !in.Effective.Equal(first.Effective) {
			p.row("["+in.Language+"]", r.say("orari diversi: evento da %s, fino a %s", "other times: event from %s, until %s", r.momentOrNone(in.Onset), r.momentOrNone(in.Expires)))
		}
	}
	row(r.say("firmare entro", "sign by"), b.NotAfter)
	row(r.say("composto", "composed"), b.Composed)
	row(r.say("inviato", "sent"), b.Message.Sent)
}

func (r *Review) momentOrNone(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return r.moment(t)
}

func (r *Review) duration(d time.Duration) string {
	if d <= 0 {
		return r.say("niente: finisce prima di cominciare", "not at all: it ends before it begins")
	}
	d = d.Round(time.Minute)
	days, hours, minutes := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60
	text := r.say("%d h %d min", "%d h %d min", hours, minutes)
	if days > 0 {
		text = r.say("%d g ", "%d d ", days) + text
	}
	return text
}

func (r *Review) todo(p *page) {
	p.section(r.say("CHE COSA FARE", "WHAT TO DO"))
	infos := r.Bulletin.Message.Infos
	i := slices.IndexFunc(infos, func(in alert.Info) bool { return strings.HasPrefix(in.Language, r.say("it", "en")) })
	if i < 0 {
		i = 0
	}
	if len(infos) == 0 || infos[i].Instruction == "" {
		p.line("  " + r.say("il messaggio non dice che cosa fare", "the message does not say what to do"))
		return
	}
	p.exact(infos[i].Instruction)
}

// A showing is a text that is shown once, with all the posts that have it.
type showing struct {
	posts []bulletin.Post
}

func (r *Review) channels(p *page) {
	p.section(r.say("CANALI", "CHANNELS"))
	var all []showing
	for _, post := range r.Bulletin.Posts {
		if r.o.Channel != "" && post.Channel != r.o.Channel {
			continue
		}
		// A text that several channels show alike is read once.
		i := slices.IndexFunc(all, func(s showing) bool {
			have := s.posts[0]
			return have.Text == post.Text && have.Title == post.Title && have.Lang == post.Lang
		})
		if i < 0 {
			all = append(all, showing{})
			i = len(all) - 1
		}
		all[i].posts = append(all[i].posts, post)
	}
	for i, s := range all {
		if i > 0 {
			p.line("")
		}
		for _, post := range s.posts {
			part := ""
			if post.Parts > 1 {
				part = fmt.Sprintf(" %d/%d", post.Part, post.Parts)
			}
			p.block("", fmt.Sprintf("%s (%s)%s, %s, %s", post.Channel, post.Kind, part, post.Lang, r.say("%d caratteri", "%d characters", utf8.RuneCountInString(post.Text))))
		}
		if title := s.posts[0].Title; title != "" {
			p.block("  "+r.say("titolo: ", "title: "), title)
		}
		p.exact(s.posts[0].Text)
		for j, post := range s.posts {
			r.beside(p, s.posts[:j], post)
		}
	}
	if len(r.o.LeftOut) > 0 {
		p.line("")
	}
	for _, line := range r.o.LeftOut {
		p.block("", line)
	}
}

// beside writes what goes with the text of a post, unless a post before it has the same.
func (r *Review) beside(p *page, before []bulletin.Post, post bulletin.Post) {
	name := ""
	if len(before) > 0 {
		name = post.Channel + ": "
	}
	if post.Link != "" && !slices.ContainsFunc(before, func(o bulletin.Post) bool { return o.Link == post.Link }) {
		p.block("  "+name+r.say("collegamento: ", "link: "), post.Link)
	}
	image := r.Bulletin.Image(post.Image)
	if image == nil || slices.ContainsFunc(before, func(o bulletin.Post) bool { return o.Image == post.Image && o.Alt == post.Alt }) {
		return
	}
	p.block("  "+name, r.say("immagine %s, %d byte", "image %s, %d bytes", image.MediaType, len(image.Data)))
	p.line("    SHA-256 " + image.SHA256)
	p.block("    "+r.say("in parole: ", "in words: "), post.Alt)
	if path := r.o.Pictures[post.Image]; path != "" {
		p.line("    " + r.say("L'immagine, da guardare:", "The picture, to look at:") + " " + path)
	} else {
		p.block("    ", r.say("Per guardarla: tocsin preview BOLLETTINO --images CARTELLA", "To look at it: tocsin preview BULLETIN --images FOLDER"))
	}
}

func (r *Review) differences(p *page) {
	p.section(r.say("DIFFERENZE", "DIFFERENCES"))
	b := r.Bulletin
	switch {
	case r.o.Ordinary != nil:
		p.block("  ", r.say("Con il bollettino ordinario al cui posto sta (SHA-256 %s…):", "With the ordinary bulletin in whose place it stands (SHA-256 %s…):", r.o.Ordinary.SHA256()[:16]))
		for _, d := range since(r.o.Ordinary, b) {
			if r.o.Channel == "" || slices.Contains(d.channels, r.o.Channel) {
				r.difference(p, d)
			}
		}
	case b.Breakglass != nil && r.o.Previous == nil:
		p.block("  ", r.say("Con il bollettino ordinario al cui posto sta: non confrontato. %s", "With the ordinary bulletin in whose place it stands: not compared. %s", r.o.Absent))
	case r.o.Previous != nil:
		p.block("  ", r.say("Con il bollettino %d (SHA-256 %s…), senza contare il numero nel codice:", "With bulletin %d (SHA-256 %s…), not counting the number in the code:", r.o.Previous.Number, r.o.Previous.SHA256()[:16]))
		for _, d := range since(r.o.Previous, b) {
			if r.o.Channel == "" || slices.Contains(d.channels, r.o.Channel) {
				r.difference(p, d)
			}
		}
	case b.Previous == "" && b.Kind == "":
		p.block("  ", r.say("È il primo bollettino dell'allerta: prima non c'è niente.", "It is the first bulletin of the alert: there is none before it."))
	default:
		p.block("  ", r.say("Con il bollettino precedente: non confrontato. %s", "With the bulletin before it: not compared. %s", r.o.Absent))
	}
	r.standing(p)
}

func (r *Review) difference(p *page, d difference) {
	head := "  " + strings.Join(d.channels, ", ") + " [" + d.lang + "]: "
	switch {
	case d.added:
		p.block(head, r.say("testo nuovo, prima non c'era", "a new text, which was not there before"))
	case d.missing:
		p.block(head, r.say("il testo di prima non c'è più", "the text of before is gone"))
	case d.none():
		p.block(head, r.say("nessuna", "none"))
	default:
		if len(d.fields) > 0 {
			p.block(head, r.say("cambia anche: %s", "also changed: %s", strings.Join(d.fields, ", ")))
		} else {
			p.line(strings.TrimRight(head, " "))
		}
		r.changes(p, d.changes)
	}
}

func (r *Review) changes(p *page, changes []change) {
	for _, c := range changes {
		switch {
		case c.same == 1:
			p.line("    " + r.say("(una riga uguale)", "(one line the same)"))
		case c.same > 1:
			p.line("    " + r.say("(%d righe uguali)", "(%d lines the same)", c.same))
		default:
			if c.old != "" {
				p.block("    - ", c.old)
			}
			if c.new != "" {
				p.block("    + ", c.new)
			}
		}
	}
}

func (r *Review) standing(p *page) {
	against, texts, ok := r.prepared()
	if !ok {
		return
	}
	p.block("  ", against)
	if len(texts) == 0 && strings.HasSuffix(against, ":") {
		p.line("  " + r.say("nessuna", "none"))
	}
	for _, t := range texts {
		p.line("  " + t.field + " [" + t.lang + "]:")
		r.changes(p, t.changes)
	}
}

func (r *Review) label(s Severity) string {
	switch s {
	case High:
		return r.say("[GRAVE]", "[SERIOUS]")
	case Caution:
		return r.say("[GUARDARE]", "[LOOK]")
	}
	return r.say("[NOTA]", "[NOTE]")
}

// place says where a warning is about, with its context.
func (r *Review) place(w Warning) string {
	text := strings.Join(w.Channels, ", ")
	if w.Field != "" {
		text += " (" + w.Field + ")"
	}
	switch {
	case w.Context != "":
		text += ": «" + w.Context + "»"
	case w.Found != "":
		text += ": «" + strings.ReplaceAll(w.Found, "\n", "⏎") + "»"
	}
	if len(w.Points) > 0 {
		text += " " + strings.Join(w.Points, " ")
	}
	return text
}

func (r *Review) warnings(p *page) {
	if len(r.Warnings) == 0 {
		p.section(r.say("AVVISI: nessuno", "WARNINGS: none"))
		return
	}
	count := map[Severity]int{}
	for _, w := range r.Warnings {
		count[w.Severity]++
	}
	p.section(r.say("AVVISI: gravi %d, da guardare %d, note %d", "WARNINGS: serious %d, to look at %d, notes %d", count[High], count[Caution], count[Note]))
	for _, w := range r.Warnings {
		p.block("  "+r.label(w.Severity)+" ", r.place(w))
		p.block("    ", w.What+" ("+string(w.Kind)+")")
		if w.Severity != Note {
			p.block("    "+r.say("Che fare: ", "What to do: "), w.Advice)
		}
	}
}
