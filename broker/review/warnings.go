package review

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/templates/wording"
)

// A Severity says how a [Warning] is to be taken.
type Severity string

// The severities.
const (
	High    Severity = "high"    // the public could be misled: it is repeated above the question
	Caution Severity = "caution" // a person should look at it
	Note    Severity = "note"    // nothing is wrong; it is listed so that it is known
)

// A Kind names what a [Warning] is about.
type Kind string

// The kinds of warnings.
const (
	KindDirection  Kind = "direction"  // a character that turns the direction of writing
	KindInvisible  Kind = "invisible"  // a character that does not show, or an unusual blank
	KindMixed      Kind = "mixed"      // a word with letters of several scripts
	KindConfusable Kind = "confusable" // a word of another script that reads as a Latin one
	KindForeign    Kind = "foreign"    // a word of a script that the text's language does not use
	KindDisguised  Kind = "disguised"  // a character that passes for a plain letter
	KindSign       Kind = "sign"       // a character that passes for one of an address
	KindLink       Kind = "link"       // an address that leads elsewhere than to the issuer's site
	KindTelephone  Kind = "telephone"  // a telephone number, against the previous bulletin
	KindDrill      Kind = "drill"      // words of an exercise in a real alert, or none in an exercise
	KindTime       Kind = "time"       // a time that has passed
	KindArea       Kind = "area"       // an area that is much larger than before
	KindBreakglass Kind = "breakglass" // one organisation issues it
	KindFlood      Kind = "flood"      // there are too many to show
)

// A Warning is something that a person should know before they sign.
type Warning struct {
	Severity Severity `json:"severity"`
	Kind     Kind     `json:"kind"`
	// Channels are those whose posts hold it; "CAP" is the message itself, and
	// "correction/x" a post of what is prepared inside.
	Channels []string `json:"channels"`
	// Field says where in the first of them: "text", "title", "image-alt", "link", or
	// the name of a CAP element.
	Field string `json:"field,omitempty"`
	// Found is what it is about, as it stands there.
	Found string `json:"found,omitempty"`
	// Context is Found between › and ‹, with 20 characters of what stands around it.
	// What does not show is written as <U+XXXX>.
	Context string `json:"context,omitempty"`
	// Points are the code points in question: "U+0430".
	Points []string `json:"code_points,omitempty"`
	What   string   `json:"what"`   // what is the matter, in the review's language
	Advice string   `json:"advice"` // what to do
}

// capName stands for the CAP message among the channels of a warning.
const capName = "CAP"

// A passage is a text that people read, and where it stands.
type passage struct {
	channel, field, lang, text string
}

// passages returns every text of a bulletin, the posts first.
func passages(b *bulletin.Bulletin) (out []passage) {
	add := func(channel, field, lang, text string) {
		if text != "" {
			out = append(out, passage{channel, field, lang, text})
		}
	}
	for _, p := range b.Posts {
		add(p.Channel, "title", p.Lang, p.Title)
		add(p.Channel, "text", p.Lang, p.Text)
		add(p.Channel, "image-alt", p.Lang, p.Alt)
	}
	for _, m := range b.Marks {
		said, _ := apart(m, formerIn(b, m)) // what its own post says is among the posts
		add(m.Channel, "mark", m.Lang, said)
	}
	add(capName, "note", "it", b.Message.Note)
	for i := range b.Message.Infos {
		in := &b.Message.Infos[i]
		for _, f := range []struct{ name, text string }{
			{"event", in.Event}, {"headline", in.Headline}, {"description", in.Description}, {"instruction", in.Instruction},
			{"contact", in.Contact}, {"senderName", in.SenderName},
		} {
			add(capName, f.name, in.Language, f.text)
		}
		for _, a := range in.Areas {
			add(capName, "areaDesc", in.Language, a.Desc)
		}
	}
	add(capName, "issuer", "it", b.Issuer)
	return out
}

// mostWarnings bounds the list: who has read so many does not sign anyway, and a text
// made of nothing but tricks must not keep the signer waiting.
const mostWarnings = 100

// warn adds a warning, or the channel to one that says the same.
func (r *Review) warn(w Warning) {
	for i := range r.Warnings {
		have := &r.Warnings[i]
		if have.Kind == w.Kind && have.Found == w.Found && have.What == w.What {
			for _, c := range w.Channels {
				if !slices.Contains(have.Channels, c) {
					have.Channels = append(have.Channels, c)
				}
			}
			return
		}
	}
	if len(r.Warnings) >= mostWarnings {
		r.flooded = true
		return
	}
	r.Warnings = append(r.Warnings, w)
}

// look finds all that there is to warn of.
func (r *Review) look() {
	r.lookAtAuthority()
	for _, p := range passages(r.Bulletin) {
		r.lookAtCharacters(p)
		if p.channel != capName {
			r.lookAtAddresses(p)
		}
	}
	r.lookAtLinks()
	r.lookAtTelephones()
	r.lookAtDrill()
	r.lookAtTimes()
	r.lookAtAreas()
	r.lookAtTexts()
	for _, inner := range r.Prepared {
		r.lookInside(inner)
	}
	if r.flooded {
		r.Warnings = append(r.Warnings, Warning{
			Severity: High, Kind: KindFlood, Channels: r.channelNames(), What: r.say("più di %d avvisi: gli altri non sono mostrati", "more than %d warnings: the others are not shown", mostWarnings),
			Advice: r.say("non firmare; comporre di nuovo", "do not sign; compose it again"),
		})
	}
	order := []Severity{High, Caution, Note}
	slices.SortStableFunc(r.Warnings, func(a, b Warning) int { return slices.Index(order, a.Severity) - slices.Index(order, b.Severity) })
}

// lookAtTexts adds what package compose finds in the texts, under its names of rules.
func (r *Review) lookAtTexts() {
	read := r.o.Read
	if read == nil {
		read = func(english string) string { return english }
	}
	for _, f := range append(compose.Texts(r.Bulletin), compose.Alike(r.Bulletin, r.o.Others)...) {
		w := Warning{Severity: Caution, Kind: Kind(f.Rule), Channels: []string{capName}, What: read(f.Message), Advice: read(f.Advice)}
		switch {
		case f.Severity == alert.LevelError:
			w.Severity = High
		case f.Rule == compose.RuleTelephone:
			w.Severity = Note // as they are mostly written
		}
		if f.Channel != "" {
			w.Channels = []string{f.Channel}
		}
		r.warn(w)
	}
}

// lookAtAuthority warns of a bulletin that one organisation issues alone.
func (r *Review) lookAtAuthority() {
	if r.Bulletin.Breakglass == nil {
		return
	}
	r.warn(Warning{
		Severity: High, Kind: KindBreakglass, Channels: r.channelNames(), Found: r.Bulletin.Breakglass.Why,
		What: r.say("EMISSIONE D'EMERGENZA: esce con le firme di una sola organizzazione, e ogni testo lo dice", "BREAK-GLASS: it goes out with the signatures of one organisation, and each text says so"),
		Advice: r.say("firmare solo se la polizia davvero non si raggiunge e il pericolo non aspetta; poi avvisarla, perché ratifichi o fermi",
			"sign only if the police really can't be reached and the danger does not wait; then tell them, so that they ratify it or stop it"),
	})
	if r.o.Ordinary == nil {
		return
	}
	if names := r.Bulletin.Departures(r.o.Ordinary); len(names) > 0 {
		r.warn(Warning{
			Severity: High, Kind: KindBreakglass, Channels: r.channelNames(), Found: strings.Join(names, ", "),
			What:   r.say("NON DICE lo stesso del bollettino ordinario che la polizia doveva controfirmare", "it does NOT SAY the same as the ordinary bulletin that the police were to co-sign"),
			Advice: r.say("non firmare; ricomporlo con tocsin breakglass, oppure consegnare prima un altro bollettino ordinario", "do not sign; compose it again with tocsin breakglass, or hand in another ordinary bulletin first"),
		})
	}
}

// lookInside adds what is to be warned of in a prepared bulletin and not in this one.
func (r *Review) lookInside(inner *Review) {
	r.flooded = r.flooded || inner.flooded
	for _, w := range inner.Warnings {
		known := slices.ContainsFunc(r.Warnings, func(have Warning) bool { return have.Kind == w.Kind && have.Found == w.Found })
		if w.Severity == Note || known {
			continue
		}
		where := make([]string, len(w.Channels))
		for i, c := range w.Channels {
			where[i] = string(inner.Bulletin.Kind) + "/" + c
		}
		w.Channels = where
		r.warn(w)
	}
}

func (r *Review) lookAtCharacters(p passage) {
	for _, s := range scan(p.text, p.lang) {
		what, advice := r.suspicion(s)
		w := Warning{
			Severity: s.severity, Kind: s.kind, Channels: []string{p.channel}, Field: p.field, Found: visible(p.text[s.at : s.at+s.n]),
			Context: around(p.text, s.at, s.n), Points: codePoints(s.points), What: what, Advice: advice,
		}
		r.warn(w)
	}
}

// suspicion puts into words what a suspect is, and what to do about it.
func (r *Review) suspicion(s suspect) (what, advice string) {
	advice = r.say("non firmare; farlo riscrivere e comporre di nuovo", "do not sign; have it written anew, and composed again")
	switch s.kind {
	case KindDirection:
		return r.say("un carattere che rovescia il verso della scrittura: si legge altro da ciò che c'è", "a character that turns the direction of writing: what is read is not what is there"), advice
	case KindInvisible:
		switch s.severity {
		case Note:
			return r.say("un carattere che non si vede da solo, ammesso dove sta", "a character that does not show by itself, allowed where it stands"), r.say("niente da fare", "nothing to do")
		case Caution:
			return r.say("uno spazio insolito", "an unusual blank"), r.say("guardare se il testo si legge come deve", "see whether the text reads as it should")
		}
		return r.say("un carattere che non si vede", "a character that does not show"), advice
	case KindMixed:
		return r.say("una parola con lettere di più alfabeti (%s), che si legge «%s»", "a word with letters of several scripts (%s), which reads “%s”", s.script, s.looks), advice
	case KindConfusable:
		return r.say("una parola in lettere di un altro alfabeto (%s), che si legge «%s»", "a word in letters of another script (%s), which reads “%s”", s.script, s.looks), advice
	case KindForeign:
		return r.say("una parola in un alfabeto (%s) che questa lingua non usa", "a word in a script (%s) that this language does not use", s.script), r.say("chiedere a chi sa leggerla", "ask somebody who can read it")
	case KindSign:
		return r.say("un segno che passa per «%s»", "a sign that passes for “%s”", s.looks), advice
	}
	if s.looks != "" {
		return r.say("un carattere che passa per una lettera: si legge «%s»", "a character that passes for a letter: it reads “%s”", s.looks), advice
	}
	return r.say("un carattere che passa per una lettera, o segni ammucchiati su una", "a character that passes for a letter, or signs heaped on one"), advice
}

var (
	// address finds what people and platforms take for an address: with a scheme, with
	// www, or a host with a path.
	address = regexp.MustCompile(`(?i)(?:[a-z][a-z0-9+.-]*://|www\.)[^\s<>"«»]+|[\pL\pN-]+(?:\.[\pL\pN-]+)+/[^\s<>"«»]*|[\pL\pN.-]*xn--[\pL\pN.-]+`)

	// telephone finds telephone numbers as they are written in Italy and around it, and
	// the short ones that have a meaning of their own.
	telephone = regexp.MustCompile(`(?:\+|\b00)[1-9][\d ./()-]{5,}\d|\b(?:0\d|3\d\d|80\d)[\d ./-]{4,}\d|\b(?:11[234578]|116 ?\d{3}|15\d\d|19\d\d)\b`)

	// date finds dates and times, which are no telephone numbers.
	date = regexp.MustCompile(`\b\d{4}-\d\d-\d\d(?:T[\d:+-]+)?|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\b\d{1,2}[:.]\d\d\b`)

	// year finds years after the name of a month or in a date in words: 19xx is a
	// telephone number in Italy.
	year = regexp.MustCompile(`(?i)(?:\pL{3,}|\b(?:nel|del|dal|in|of|im|seit|en|de))\.? (?:19|20)\d\d\b`)
)

// hostOf returns the host of an address with its port, in lower case, and whether
// somebody's name stands before it; ok is false for what can't be read.
func hostOf(link string) (host string, user, ok bool) {
	if !strings.Contains(link, "://") {
		link = "https://" + link
	}
	u, err := url.Parse(link)
	if err != nil || u.Host == "" {
		return "", false, false
	}
	return strings.ToLower(u.Host), u.User != nil, true
}

// site returns the host to which links may lead, and whether the configuration says so.
func (r *Review) site() (host string, configured bool) {
	if host, _, ok := hostOf(r.o.Site); ok && r.o.Site != "" {
		return host, true
	}
	// The page of the alert is on the issuer's site: where all posts agree on it.
	for _, p := range r.Bulletin.Posts {
		if h, _, ok := hostOf(p.Link); ok && p.Link != "" {
			if host != "" && host != h {
				return "", false
			}
			host = h
		}
	}
	return host, false
}

func (r *Review) lookAtAddresses(p passage) {
	for _, at := range address.FindAllStringIndex(p.text, -1) {
		found := strings.TrimRight(p.text[at[0]:at[1]], ".,;:!?)]’'\"")
		r.lookAtLink(p.channel, p.field, found, around(p.text, at[0], len(found)))
	}
}

// lookAtLinks looks at the addresses that stand beside the texts.
func (r *Review) lookAtLinks() {
	hosts := map[string]bool{}
	for _, p := range r.Bulletin.Posts {
		for _, f := range []struct{ name, link string }{{"link", p.Link}, {"image-url", p.ImageURL}} {
			if f.link != "" {
				r.lookAtLink(p.Channel, f.name, f.link, "")
			}
		}
		if h, _, ok := hostOf(p.Link); ok && p.Link != "" {
			hosts[h] = true
		}
	}
	if len(hosts) > 1 {
		r.warn(Warning{
			Severity: High, Kind: KindLink, Channels: r.channelNames(), Field: "link", What: r.say("i collegamenti dei canali portano a siti diversi", "the links of the channels lead to different sites"),
			Advice: r.say("non firmare; comporre di nuovo", "do not sign; compose it again"),
		})
	}
}

func (r *Review) lookAtLink(channel, field, link, context string) {
	w := Warning{
		Severity: High, Kind: KindLink, Channels: []string{channel}, Field: field, Found: visible(link), Context: context,
		Advice: r.say("non firmare, se l'indirizzo non è dell'ente", "do not sign, unless the address is the issuer's"),
	}
	host, user, ok := hostOf(link)
	want, configured := r.site()
	odd := nonASCII(link)
	switch {
	case !ok:
		w.What = r.say("un indirizzo che non si può leggere", "an address that can't be read")
	case user:
		w.What = r.say("un indirizzo con un nome davanti al sito (@): porta a %s", "an address with a name before its site (@): it leads to %s", host)
	case odd != nil && nonASCII(host) != nil, strings.Contains(host, "xn--"), strings.Contains(link, "%") && nonASCII(unescaped(host)) != nil:
		w.What = r.say("il nome del sito ha lettere che non sono ASCII, o le nasconde (xn--)", "the name of the site has letters that are not ASCII, or hides them (xn--)")
		w.Points = codePoints(odd)
	case want != "" && host != want && configured:
		w.What = r.say("porta a %s, e il sito dell'ente è %s", "it leads to %s, and the issuer's site is %s", host, want)
	case want != "" && host != want:
		w.What = r.say("porta a %s, e la pagina dell'allerta è su %s", "it leads to %s, and the alert's page is on %s", host, want)
	default:
		return
	}
	r.warn(w)
}

func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

func nonASCII(s string) (out []rune) {
	for _, r := range s {
		if r >= utf8.RuneSelf {
			out = append(out, r)
		}
	}
	return out
}

// telephones returns the telephone numbers in a text as they stand there, by their
// digits.
func telephones(text string) map[string]string {
	for _, skip := range []*regexp.Regexp{address, date, year} {
		text = skip.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat("\n", len(s)) })
	}
	out := map[string]string{}
	for _, found := range telephone.FindAllString(text, -1) {
		digits := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' || r == '+' {
				return r
			}
			return -1
		}, found)
		out[strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(digits, "0039"), "+39"), "+")] = found
	}
	return out
}

func allTelephones(b *bulletin.Bulletin) map[string][]passage {
	out := map[string][]passage{}
	for _, p := range passages(b) {
		// The alert's mark may hold what looks like a number.
		text := strings.ReplaceAll(p.text, b.Mark(), "\n")
		for digits, found := range telephones(text) {
			p := p
			p.text = found
			out[digits] = append(out[digits], p)
		}
	}
	return out
}

func (r *Review) lookAtTelephones() {
	now := allTelephones(r.Bulletin)
	var before map[string][]passage
	if r.o.Previous != nil {
		before = allTelephones(r.o.Previous)
	}
	for _, digits := range sortedKeys(now) {
		w := Warning{Severity: Note, Kind: KindTelephone, Found: now[digits][0].text, Field: now[digits][0].field}
		for _, p := range now[digits] {
			if !slices.Contains(w.Channels, p.channel) {
				w.Channels = append(w.Channels, p.channel)
			}
		}
		switch {
		case r.o.Previous == nil:
			w.What, w.Advice = r.say("un numero di telefono", "a telephone number"), r.say("controllare che sia giusto", "check that it is right")
		case before[digits] == nil:
			w.Severity = High
			w.What = r.say("un numero di telefono che il bollettino %d non aveva", "a telephone number that bulletin %d did not have", r.o.Previous.Number)
			w.Advice = r.say("controllare il numero con chi risponde lì, prima di firmare", "check the number with whoever answers there, before you sign")
		default:
			continue
		}
		r.warn(w)
	}
	for _, digits := range sortedKeys(before) {
		if now[digits] == nil && r.Bulletin.Message.MsgType != alert.MsgCancel && r.Bulletin.Kind == "" { // what is prepared is about other things
			r.warn(Warning{
				Severity: Caution, Kind: KindTelephone, Channels: []string{before[digits][0].channel}, Found: before[digits][0].text,
				What:   r.say("un numero di telefono del bollettino %d che ora manca", "a telephone number of bulletin %d that is missing now", r.o.Previous.Number),
				Advice: r.say("controllare se deve mancare", "check whether it is to be missing"),
			})
		}
	}
}

func (r *Review) lookAtDrill() {
	b := r.Bulletin
	drill := wording.Real
	switch {
	case b.Realm == alert.RealmExercise:
		drill = wording.Exercise
	case b.Message.Status == alert.StatusTest:
		drill = wording.Test
	}
	for _, p := range passages(b) {
		switch {
		case drill == wording.Real && b.Message.MsgType != alert.MsgCancel:
			if mark := compose.DrillMark(p.text); mark != "" {
				at := strings.Index(p.text, mark)
				r.warn(Warning{
					Severity: High, Kind: KindDrill, Channels: []string{p.channel}, Field: p.field, Found: mark, Context: around(p.text, at, len(mark)),
					What:   r.say("l'allerta è REALE, e il testo la dice un'esercitazione o una prova", "the alert is REAL, and the text calls it an exercise or a test"),
					Advice: r.say("non firmare; togliere la parola, o usare il nodo delle esercitazioni", "do not sign; take the word out, or use the node for exercises"),
				})
			}
		case drill != wording.Real && p.channel != capName && p.field == "text":
			word := wording.For(p.lang).DrillWord(drill)
			lines := strings.Split(p.text, "\n")
			if !hasPrefixFold(lines[0], word) || !hasPrefixFold(lines[len(lines)-1], word) {
				r.warn(Warning{
					Severity: High, Kind: KindDrill, Channels: []string{p.channel}, Field: p.field, Found: lines[0],
					What:   r.say("la prima o l'ultima riga non comincia con «%s»: il pubblico la crederebbe vera", "the first or the last line does not begin with “%s”: the public would take it for real", word),
					Advice: r.say("non firmare; comporre di nuovo", "do not sign; compose it again"),
				})
			}
		}
	}
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

const (
	// skew is how far the clock of whoever composed may be ahead of ours.
	skew = 5 * time.Minute
	// stale is how old a bulletin may be before a person should wonder.
	stale = 12 * time.Hour
	// brief is how soon the end makes a signature pointless.
	brief = 15 * time.Minute
)

func (r *Review) lookAtTimes() {
	b, now := r.Bulletin, r.o.Now
	add := func(severity Severity, field, found, what, advice string) {
		r.warn(Warning{Severity: severity, Kind: KindTime, Channels: []string{capName}, Field: field, Found: found, What: what, Advice: advice})
	}
	again := r.say("non firmare; comporre di nuovo con gli orari giusti", "do not sign; compose it again with the right times")
	switch {
	case !b.Expires.After(now):
		add(High, "expires", r.moment(b.Expires), r.say("è già scaduto: nessun canale lo pubblica", "it has expired: no channel publishes it"), again)
	case b.Expires.Sub(now) < brief:
		add(Caution, "expires", r.moment(b.Expires), r.say("scade tra meno di un quarto d'ora", "it expires in less than a quarter of an hour"), again)
	}
	if !b.NotAfter.IsZero() && !b.NotAfter.After(now) {
		add(High, "not-after", r.moment(b.NotAfter), r.say("il tempo per firmarlo è passato", "the time to sign it has passed"), r.say("comporre di nuovo", "compose it again"))
	}
	switch {
	case b.Composed.After(now.Add(skew)):
		add(Caution, "composed", r.moment(b.Composed), r.say("è stato composto nel futuro", "it was composed in the future"), r.say("controllare l'orologio di questa macchina", "check this machine's clock"))
	case now.Sub(b.Composed) > stale:
		add(Caution, "composed", r.moment(b.Composed), r.say("è stato composto più di 12 ore fa", "it was composed more than 12 hours ago"), r.say("chiedere se vale ancora", "ask whether it still holds"))
	}
	for i := range b.Message.Infos {
		in := &b.Message.Infos[i]
		if !in.Expires.IsZero() && !in.Expires.After(now) && b.Expires.After(now) {
			add(High, "expires", r.moment(in.Expires), r.say("il testo %s è già scaduto", "the text %s has expired", in.Language), again)
		}
		if !in.Onset.IsZero() && now.Sub(in.Onset) > 24*time.Hour {
			add(Caution, "onset", r.moment(in.Onset), r.say("l'evento comincia più di un giorno fa", "the event begins more than a day ago"), r.say("controllare gli orari", "check the times"))
		}
	}
	if p := r.o.Previous; p != nil && b.Message.MsgType == alert.MsgUpdate && b.Expires.Before(p.Expires) {
		add(Note, "expires", r.moment(b.Expires), r.say("finisce prima del bollettino %d (%s)", "it ends before bulletin %d (%s)", p.Number, r.moment(p.Expires)), r.say("controllare che sia voluto", "check that this is meant"))
	}
}

// much is how many times the former area makes a new one worth a warning.
const much = 2

func (r *Review) lookAtAreas() {
	if r.o.Previous == nil || r.Bulletin.Message.MsgType == alert.MsgCancel {
		return
	}
	now, before := extentOf(r.Bulletin.Message), extentOf(r.o.Previous.Message)
	w := Warning{
		Severity: High, Kind: KindArea, Channels: []string{capName}, Field: "area",
		Advice: r.say("controllare le zone qui sopra, una per una, prima di firmare", "check the areas above, one by one, before you sign"),
	}
	switch {
	case before.km2 > 0 && now.km2 > much*before.km2:
		w.Found = r.say("%.0f km²", "%.0f km²", now.km2)
		w.What = r.say("la zona è molto più grande che nel bollettino %d, che aveva %.0f km²", "the area is much larger than in bulletin %d, which had %.0f km²", r.o.Previous.Number, before.km2)
	case before.km2 > 0 && now.km2 == 0:
		w.What = r.say("i confini del bollettino %d non ci sono più: valgono solo i nomi e i codici, che possono coprire di più", "the boundaries of bulletin %d are gone: only names and codes hold, which may cover more", r.o.Previous.Number)
	case before.codes > 0 && now.codes > much*before.codes:
		w.Found = fmt.Sprint(now.codes)
		w.What = r.say("i codici di zona sono molti più che nel bollettino %d, che ne aveva %d", "there are many more area codes than in bulletin %d, which had %d", r.o.Previous.Number, before.codes)
	default:
		return
	}
	r.warn(w)
}

// An extent says how much ground a message covers.
type extent struct {
	km2   float64 // of the largest info's polygons and circles, overlaps counted twice
	codes int     // different geocodes
}

func extentOf(m *alert.Message) (e extent) {
	codes := map[alert.NamedValue]bool{}
	for i := range m.Infos {
		km2 := 0.0
		for _, a := range m.Infos[i].Areas {
			for _, p := range a.Polygons {
				km2 += surface(p)
			}
			for _, c := range a.Circles {
				km2 += math.Pi * c.RadiusKM * c.RadiusKM
			}
			for _, g := range a.Geocodes {
				codes[g] = true
			}
		}
		e.km2 = max(e.km2, km2)
	}
	e.codes = len(codes)
	return e
}

// surface returns the area within a ring in square kilometres, on a sphere.
func surface(p alert.Polygon) float64 {
	const radius = 6371.0088 // kilometres, mean
	sum := 0.0
	for i := range len(p) - 1 {
		a, b := p[i], p[i+1]
		sum += (b.Lon - a.Lon) * math.Pi / 180 * (math.Sin(a.Lat*math.Pi/180) + math.Sin(b.Lat*math.Pi/180))
	}
	return math.Abs(sum) / 2 * radius * radius
}
