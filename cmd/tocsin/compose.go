package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/ledger"
	"tocsin/broker/review"
	"tocsin/broker/scenario"
)

// maxImport bounds a CAP file that is read, in bytes; package alert bounds what it
// takes of it.
const maxImport = 2 << 20

// composed is what compose prints with --json.
type composed struct {
	Alert   string    `json:"alert"`
	Code    string    `json:"code"`
	Number  int       `json:"number"`
	File    string    `json:"file"`
	SHA256  string    `json:"sha256"`
	Bytes   int       `json:"bytes"`
	Expires time.Time `json:"expires"`
	Notes   []string  `json:"notes,omitempty"` // what was changed in the draft
	// Scenario is the form that it was made of; "" for a CAP file.
	Scenario        string `json:"scenario,omitempty"`
	ScenarioVersion int    `json:"scenario_version,omitempty"`
	// Warnings are what a signer will be told to look at, in English, the gravest first.
	Warnings []review.Warning `json:"warnings,omitempty"`
}

func (p *program) composeCommand() *cobra.Command {
	var w where
	var capFile, pick, output string
	var allowPrivate, asJSON bool
	cmd := &cobra.Command{
		Use:   "compose [SCENARIO [FIELD=VALUE…]] -o FILE -c FILE",
		Short: p.say("scrive il bollettino da firmare, da uno scenario o da un messaggio CAP", "writes the bulletin to be signed, from a scenario or a CAP message"),
		Args:  args(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, a []string) error {
			switch {
			case output == "" || capFile == "" && len(a) == 0:
				return usage("compose: a scenario or --cap is needed, and -o: see tocsin scenario list")
			case capFile != "" && len(a) > 0:
				return usage("compose: a scenario and --cap exclude each other")
			}
			if err := checkNew(output); err != nil {
				return err
			}
			c, err := w.configuration()
			if err != nil {
				return err
			}
			if c == nil {
				return usage("compose: name the node's configuration with -c")
			}
			var raw []byte
			if capFile != "" {
				if raw, err = p.draftBytes(cmd.Context(), capFile, pick, allowPrivate); err != nil {
					return err
				}
			}
			taken, err := p.codesTaken(cmd.Context(), &w)
			if err != nil {
				return err
			}
			var b *bulletin.Bulletin
			var notes []string
			done := composed{File: output}
			if capFile != "" {
				b, notes, err = composeFree(raw, c, time.Now(), taken)
			} else {
				var s *scenario.Scenario
				if b, s, err = p.composeScenario(cmd.Context(), c, a, taken); err == nil {
					done.Scenario, done.ScenarioVersion = s.Name, s.Version
				}
			}
			if exitCode(err) == 2 {
				return err
			}
			if err != nil {
				return w.recordRefusal(cmd.Context(), "tocsin compose", "draft", err)
			}
			notes = p.readAll(notes)
			if capFile != "" {
				if n := p.reissued(raw, b); n != "" {
					notes = append([]string{n}, notes...)
				}
			}
			for _, n := range notes {
				fmt.Fprintf(p.err, "tocsin: %s\n", n)
			}
			if err := writeNew(output, b.Bytes()); err != nil {
				return err
			}
			screen := p.out
			if asJSON {
				screen = p.err
			}
			p.leftOut(screen, b, "")
			bg, err := w.background(cmd.Context(), p, b)
			if err != nil {
				return err
			}
			if err := p.review(b, bg, "", nil).WriteWarnings(screen); err != nil {
				return err
			}
			done.Warnings = previewOf(b, bg, "", nil).Warnings
			done.Alert, done.Code, done.Number, done.SHA256 = string(b.Alert), string(b.Code), b.Number, b.SHA256()
			done.Bytes, done.Expires, done.Notes = len(b.Bytes()), b.Expires, notes
			return p.report(asJSON, done,
				"Bollettino %d dell'allerta %s scritto in %s (%d byte).\nSHA-256 %s\nOra: tocsin preview %s, poi tocsin sign %s -k CHIAVE",
				"Bulletin %d of alert %s written to %s (%d bytes).\nSHA-256 %s\nNext: tocsin preview %s, then tocsin sign %s -k KEY",
				b.Number, b.Code, output, len(b.Bytes()), b.SHA256(), output, output)
		},
	}
	w.flags(p, cmd)
	cmd.ValidArgsFunction = p.completesCompose(&w.config)
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&capFile, "cap", "", p.say("messaggio CAP: file, indirizzo http, o - per l'ingresso; con --pick un feed", "CAP message: file, http address, or - for standard input; with --pick a feed"))
	cmd.Flags().StringVar(&pick, "pick", "", p.say("la voce del feed: il suo numero, o il suo id", "the entry of the feed: its number, or its id"))
	p.allowPrivateFlag(cmd, &allowPrivate)
	cmd.Flags().StringVarP(&output, "output", "o", "", p.say("dove scrivere il bollettino", "where to write the bulletin"))
	return cmd
}

// composeOptions returns what composing needs of a configuration.
func composeOptions(c *config, now time.Time) (compose.Options, error) {
	channels, err := c.composed()
	if err != nil {
		return compose.Options{}, err
	}
	return compose.Options{
		Realm: c.Realm, Issuer: c.Issuer.named(), Sender: c.Issuer.Sender, CodePrefix: c.Issuer.CodePrefix, SiteURL: c.Site.PublicURL,
		Languages: c.Issuer.Languages, Channels: channels, Location: c.Issuer.zone, Now: now, SignWithin: c.Issuer.SignWithin,
	}, nil
}

// maxSkew is how far the clock of who wrote a message may be ahead of ours.
const maxSkew = 5 * time.Minute

// composeFirst makes the first bulletin of a new alert. A message of ours goes in
// as it is, or is refused. One of others is a draft, whose content an exercise
// issues anew; so does an exercise with a message of ours whose time is not now, or
// whose status is another.
func composeFirst(raw []byte, c *config, now time.Time) (*bulletin.Bulletin, []string, error) {
	return composeFree(raw, c, now, nil)
}

// maxDraws bounds the codes that are drawn until one is free: there are 24 million of
// each prefix.
const maxDraws = 1000

// composeFree is composeFirst with a code that is not among those taken.
func composeFree(raw []byte, c *config, now time.Time, taken func(alert.Code) bool) (*bulletin.Bulletin, []string, error) {
	o, err := composeOptions(c, now)
	if err != nil {
		return nil, nil, err
	}
	if err := unfilled(raw); err != nil && c.Realm == alert.RealmLive {
		return nil, nil, err
	}
	m, broken := alert.Read(raw)
	var notes []string
	switch {
	case broken != nil || m.Sender != c.Issuer.Sender:
		m, notes, err = adopt(raw, broken, c, o)
	default:
		if err = presentable(m, c.Realm, now); err != nil && c.Realm == alert.RealmExercise && m.MsgType == alert.MsgAlert {
			m, notes, err = compose.Reissue(m, o)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	id, code, err := freeCode(o, taken)
	if err != nil {
		return nil, nil, err
	}
	b, err := compose.New(m, o, id, code)
	return b, notes, err
}

// freeCode draws the identifier of a new alert, and a code that is not among those
// taken.
func freeCode(o compose.Options, taken func(alert.Code) bool) (alert.ID, alert.Code, error) {
	id, code, err := compose.NewAlert(o)
	for n := 1; err == nil && taken != nil && taken(code); n++ {
		if n == maxDraws {
			return "", "", both("i codici con il prefisso %s sono quasi finiti: cambiare issuer.code_prefix nella configurazione", "the codes with prefix %s are nearly used up: change issuer.code_prefix in the configuration", o.CodePrefix)
		}
		id, code, err = compose.NewAlert(o)
	}
	return id, code, err
}

// codesTaken returns which alert codes the ledger holds already, or nil where it
// can't be asked, which it says: publish looks again.
func (p *program) codesTaken(ctx context.Context, w *where) (func(alert.Code) bool, error) {
	d, err := w.open(ctx, "tocsin compose", nil, false)
	switch {
	case errors.Is(err, errNoFolder) || errors.Is(err, ledger.ErrNoLedger):
		return nil, nil //nolint:nilnil // the ledger begins with this alert
	case exitCode(err) == 3 && !errors.Is(err, ledger.ErrGone):
		return nil, err // a ledger of another realm
	case err != nil:
		fmt.Fprintf(p.err, "tocsin: %s\n", p.say("il registro non risponde (%v): se il codice allerta è già di un'altra lo dirà publish",
			"the ledger can't be asked (%v): whether another alert has the code already is said by publish", p.words(err)))
		return nil, nil //nolint:nilnil // a draft needs no ledger
	}
	defer d.Close()
	taken := map[alert.Code]bool{}
	d.ledger.View(func(s *ledger.State) {
		for code := range s.Codes {
			taken[alert.Code(code)] = true
		}
	})
	return func(code alert.Code) bool { return taken[code] }, nil
}

// unfilled returns which fields of a draft nobody filled in.
func unfilled(raw []byte) error {
	var fields []string
	for _, b := range compose.Unfilled(raw) {
		fields = append(fields, fmt.Sprintf("%d %s %s", b.Line, b.Element, b.Text))
	}
	if len(fields) == 0 {
		return nil
	}
	return refusedError{both("nella bozza restano campi da compilare, alle righe %s: compilarli, poi comporre di nuovo",
		"fields of the draft are not filled in, in the lines %s: fill them in, then compose again", strings.Join(fields, ", "))}
}

// presentable returns why a message of ours can't be the first of an alert now, and
// what to do.
func presentable(m *alert.Message, r alert.Realm, now time.Time) error {
	switch form := "15:04:05 02-01-2006 -07:00"; {
	case m.MsgType != alert.MsgAlert:
		return refusedError{both("il messaggio è di tipo %s (msgType), e il primo bollettino di un'allerta è un Alert: per revocare usare tocsin cancel",
			"the message is of type %s (msgType), and the first bulletin of an alert is an Alert: to revoke, use tocsin cancel", m.MsgType)}
	case !r.Allows(m.Status):
		return refusedError{both("lo stato del messaggio è %s (status), e un nodo dell'ambiente %s non lo pubblica: correggere status, o usare il nodo dell'altro ambiente",
			"the status of the message is %s, and a node of realm %s does not publish it: correct status, or use the node of the other realm", m.Status, r)}
	case m.Sent.After(now.Add(maxSkew)):
		return refusedError{both("il messaggio porta un orario d'invio futuro (sent %s; qui sono le %s): correggere sent, o l'orologio di questa macchina",
			"the message was sent in the future (sent %s; here it is %s): correct sent, or this machine's clock", m.Sent.Format(form), now.In(m.Sent.Location()).Format(form))}
	case !m.Expires().After(now):
		return refusedError{both("il messaggio è scaduto (expires %s; qui sono le %s): spostare avanti expires, e dare un nuovo identifier se è già stato diffuso",
			"the message has expired (expires %s; here it is %s): move expires ahead, and give it a new identifier if it was published before", m.Expires().Format(form), now.In(m.Expires().Location()).Format(form))}
	}
	return nil
}

// adopt makes an exercise of our own of a message that others wrote. A message of
// ours that breaks a rule, which broken says, is not repaired: whoever wrote it is
// to know.
func adopt(raw []byte, broken error, c *config, o compose.Options) (*alert.Message, []string, error) {
	imported, findings, err := alert.Import(raw)
	switch {
	case broken != nil && (c.Realm == alert.RealmLive || err == nil && imported.Sender == c.Issuer.Sender):
		return nil, nil, refusedError{both("il messaggio CAP non rispetta una regola: %v: correggerlo", "the CAP message breaks a rule: %w: correct it", broken)}
	case err != nil && unfilled(raw) != nil:
		return nil, nil, unfilled(raw)
	case err != nil:
		return nil, nil, refusedError{both("importazione non riuscita: %v", "import the CAP message: %w", err)}
	case c.Realm != alert.RealmExercise:
		return nil, nil, refusedError{both("il messaggio è di %s, e questo nodo è %s: un messaggio d'altri è solo una bozza: riscriverlo come proprio, con questo sender e un nuovo identifier",
			"the message is not one of ours: its sender is %s, and this node is %s: a message of others is only ever a draft: write it anew with this sender and a new identifier", imported.Sender, c.Issuer.Sender)}
	}
	var notes []string
	for _, f := range findings {
		notes = append(notes, f.Error())
	}
	m, changes, err := compose.Reissue(imported, o)
	if err != nil {
		return nil, nil, refusedError{err}
	}
	return m, append(notes, changes...), nil
}

// reissued says, where a bulletin does not hold the message that it was made of,
// what it holds instead; else it returns "".
func (p *program) reissued(raw []byte, b *bulletin.Bulletin) string {
	if bytes.Equal(b.CAP, raw) {
		return ""
	}
	m := b.Message
	return p.say("Riemesso come esercitazione propria: nuovo identificativo %s, mittente %s, stato %s, orari spostati ad adesso (dalle %s alle %s).",
		"Reissued as an exercise of your own: new identifier %s, sender %s, status %s, times moved to now (from %s to %s).",
		m.Identifier, m.Sender, m.Status, m.Sent.Format("15:04 02-01-2006"), m.Expires().Format("15:04 02-01-2006"))
}

func (p *program) previewCommand() *cobra.Command {
	var w where
	var channel, images, prepared, page, before string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "preview BULLETIN",
		Short: p.say("mostra che cosa farà vedere ogni canale", "shows what each channel will show"),
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			b, err := readBulletin(a[0], p.stdin)
			if err != nil {
				return err
			}
			outer := b
			if prepared != "" {
				if !slices.Contains(bulletin.Kinds(), bulletin.Kind(prepared)) {
					return usageError{both("preview: --prepared %q: scrivere correction o revocation", "preview: --prepared %q: write correction or revocation", prepared)}
				}
				if b = b.Prepared(bulletin.Kind(prepared)); b == nil {
					return both("nel bollettino %d non c'è %q già pronto: prendere un'allerta o un aggiornamento (ratification c'è solo in un'emissione d'emergenza)",
						"bulletin %d holds no prepared %q: take an alert or an update (there is a ratification in break-glass bulletins only)", outer.Number, prepared)
				}
			}
			if channel != "" && !slices.ContainsFunc(b.Channels(), func(c bulletin.Channel) bool { return c.Name == channel }) {
				return noPost(b, channel)
			}
			bg, err := w.background(cmd.Context(), p, b)
			if err != nil {
				return err
			}
			switch {
			case prepared != "" && before != "":
				return usageError{both("preview: --prepared confronta già con il bollettino che lo contiene: togliere --previous", "preview: --prepared compares with the bulletin around it already: leave --previous out")}
			case prepared != "":
				bg.previous, bg.absent = outer, ""
			case before != "":
				if bg.previous, err = p.before(b, before); err != nil {
					return err
				}
			}
			pictures, err := writePictures(b, images)
			if err != nil {
				return err
			}
			v := previewOf(b, bg, channel, pictures)
			if page != "" {
				if v.Page, err = p.writePage(b, bg, channel, page); err != nil {
					return err
				}
			}
			switch {
			case asJSON:
				return p.printJSON(v)
			case page != "":
				p.print("%s", "%s", v.Page)
				return nil
			}
			return p.preview(p.out, b, bg, channel, pictures)
		},
	}
	w.flags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&channel, "channel", "", p.say("solo questo canale", "this channel alone"))
	cmd.Flags().StringVar(&images, "images", "", p.say("scrive le immagini in questa cartella", "writes the pictures into this folder"))
	cmd.Flags().StringVar(&page, "html", "", p.say("scrive in questa cartella una pagina con ogni testo come lo mostra la sua piattaforma, e ne stampa il percorso", "writes a page into this folder with every text as its platform shows it, and prints its path"))
	cmd.Flags().StringVar(&before, "previous", "", p.say("il file del bollettino precedente della stessa allerta, con cui confrontare", "the file of the bulletin before it in the same alert, to compare with"))
	cmd.Flags().StringVar(&prepared, "prepared", "", p.say("ciò che è già pronto dentro il bollettino: correction, revocation, ratification", "what is prepared inside the bulletin: correction, revocation, ratification"))
	return cmd
}

// previewed is what preview prints with --json.
type previewed struct {
	Alert   string        `json:"alert"`
	Code    string        `json:"code"`
	Number  int           `json:"number"`
	Realm   alert.Realm   `json:"realm"`
	Issuer  string        `json:"issuer"`
	MsgType alert.MsgType `json:"msgType"`
	Expires time.Time     `json:"expires"`
	SHA256  string        `json:"sha256"`
	Bytes   int           `json:"bytes"`
	// Words are the read-back words.
	Words    []string         `json:"words"`
	Warnings []review.Warning `json:"warnings"` // in English, the gravest first
	Posts    []previewedPost  `json:"posts"`
	Marks    []previewedMark  `json:"marks"`          // what becomes of posts that are public
	Page     string           `json:"html,omitempty"` // where --html wrote it
}

type previewedPost struct {
	Channel    string          `json:"channel"`
	Kind       string          `json:"kind"`
	Part       int             `json:"part"`
	Parts      int             `json:"parts"`
	Lang       string          `json:"lang"`
	Title      string          `json:"title,omitempty"`
	Text       string          `json:"text"` // as the channel will show it
	Characters int             `json:"characters"`
	Link       string          `json:"link,omitempty"`
	Image      *previewedImage `json:"image,omitempty"`
}

type previewedMark struct {
	Channel string `json:"channel"`
	Kind    string `json:"kind"`
	On      int    `json:"on"`   // number of the bulletin whose post bears it
	Part    int    `json:"part"` // of that bulletin's posts for the channel
	When    string `json:"when"` // released or expired
	Form    string `json:"form"` // edit or comment
	Lang    string `json:"lang"`
	Text    string `json:"text"`
}

type previewedImage struct {
	MediaType string `json:"media_type"`
	Bytes     int    `json:"bytes"`
	SHA256    string `json:"sha256"`
	Alt       string `json:"alt"`
	File      string `json:"file,omitempty"` // where --images wrote it
}

// previewOf returns what each channel will show, or one of them.
func previewOf(b *bulletin.Bulletin, bg background, channel string, pictures map[string]string) previewed {
	v := previewed{
		Alert: string(b.Alert), Code: string(b.Code), Number: b.Number, Realm: b.Realm, Issuer: b.Issuer,
		MsgType: b.Message.MsgType, Expires: b.Expires, SHA256: b.SHA256(), Bytes: len(b.Bytes()),
		Words: review.ReadBack(b.SHA256()), Warnings: []review.Warning{},
	}
	read := review.New(b, review.Options{Lang: "en", Now: time.Now(), Location: bg.zone, Site: bg.site, Previous: bg.previous, Ordinary: bg.ordinary, Others: bg.others})
	v.Warnings = append(v.Warnings, read.Warnings...)
	for _, post := range b.Posts {
		if channel != "" && post.Channel != channel {
			continue
		}
		shown := previewedPost{
			Channel: post.Channel, Kind: post.Kind, Part: post.Part, Parts: post.Parts, Lang: post.Lang,
			Title: post.Title, Text: post.Text, Characters: utf8.RuneCountInString(post.Text), Link: post.Link,
		}
		if image := b.Image(post.Image); image != nil {
			shown.Image = &previewedImage{image.MediaType, len(image.Data), image.SHA256, post.Alt, pictures[post.Image]}
		}
		v.Posts = append(v.Posts, shown)
	}
	v.Marks = []previewedMark{}
	for _, m := range b.Marks {
		if channel == "" || m.Channel == channel {
			v.Marks = append(v.Marks, previewedMark{m.Channel, m.Kind, m.On, m.Part, string(m.When), string(m.Form), m.Lang, m.Text})
		}
	}
	return v
}

// writePictures writes the pictures of a bulletin into a folder, which is made where
// it is missing, and returns their files by digest. With "" for the folder it does
// nothing.
func writePictures(b *bulletin.Bulletin, dir string) (map[string]string, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // pictures are going to be public
		return nil, both("immagini: %v: nominare con --images una cartella in cui si può scrivere", "pictures: %w: name a folder with --images in which you may write", err)
	}
	files := map[string]string{}
	for i := range b.Posts {
		post := &b.Posts[i]
		image := b.Image(post.Image)
		if image == nil || files[post.Image] != "" {
			continue
		}
		path := filepath.Join(dir, b.Mark()+"-"+post.Channel+strings.Replace(image.MediaType, "image/", ".", 1))
		if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, image.Data) {
			if err := writeNew(path, image.Data); err != nil {
				return nil, err
			}
		}
		files[post.Image] = path
	}
	return files, nil
}

func noPost(b *bulletin.Bulletin, channel string) error {
	return usageError{both("il bollettino non ha testi per il canale %q: è per %s", "the bulletin has no post for channel %q: it addresses %s", channel, channelNames(b))}
}

// leftOut writes one line for each channel, or for the only one that is asked for:
// what of the message it does not show.
func (p *program) leftOut(w io.Writer, b *bulletin.Bulletin, channel string) {
	pieces := map[string][]string{}
	for _, o := range compose.LeftOut(b) {
		pieces[o.Channel] = append(pieces[o.Channel], p.piece(o))
	}
	for _, c := range b.Channels() {
		switch left := pieces[c.Name]; {
		case channel != "" && c.Name != channel:
		case len(left) == 0:
			fmt.Fprintln(w, p.say("%s: tutto il messaggio", "%s: the whole message", c.Name))
		default:
			fmt.Fprintln(w, p.say("%s: lasciato alla pagina: %s", "%s: left to the page: %s", c.Name, strings.Join(left, "; ")))
		}
	}
}

// piece names what was left out.
func (p *program) piece(o compose.Omission) string {
	name := string(o.Piece)
	switch o.Piece {
	case compose.PieceLanguage:
		name = p.say("tutto il testo", "all of the text")
	case compose.PieceInfo:
		name = p.say("un blocco informativo (info)", "an info")
	case compose.PieceHeadline:
		name = p.say("titolo (headline)", "headline")
	case compose.PieceAreas:
		name = p.say("nomi delle zone (areaDesc)", "names of areas (areaDesc)")
	case compose.PieceTimes:
		name = p.say("orari", "times")
	case compose.PieceDescription:
		name = p.say("descrizione (description)", "description")
	case compose.PieceInstruction:
		name = p.say("istruzioni (instruction)", "instruction")
	case compose.PieceContact:
		name = p.say("contatti (contact)", "contact")
	}
	if o.Of > 0 {
		name += p.say(", ne restano %d su %d", ", %d of %d stay", o.Told, o.Of)
	}
	return name + " [" + o.Lang + "]"
}

func channelNames(b *bulletin.Bulletin) string {
	var names []string
	for _, c := range b.Channels() {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

func (p *program) realmWords(r alert.Realm) string {
	if r == alert.RealmExercise {
		return p.say("ESERCITAZIONE", "EXERCISE")
	}
	return p.say("REALE", "LIVE")
}

// readBulletin reads a bulletin from a file, or from standard input for "-".
func readBulletin(path string, stdin io.Reader) (*bulletin.Bulletin, error) {
	raw, err := readBulletinFile(path, stdin)
	if err != nil {
		return nil, err
	}
	return parseBulletin(raw)
}

// readBulletinFile reads the bytes of a bulletin.
func readBulletinFile(path string, stdin io.Reader) ([]byte, error) {
	raw, err := readLimited(path, stdin, bulletin.MaxBytes)
	if err != nil {
		return nil, both("bollettino: %v: nominare il file che ha scritto tocsin compose", "bulletin: %w: name the file that tocsin compose has written", err)
	}
	return raw, nil
}

// readMessage reads a CAP file, or standard input for "-".
func readMessage(path string, stdin io.Reader) ([]byte, error) {
	raw, err := readLimited(path, stdin, maxImport)
	if err != nil {
		return nil, both("messaggio CAP: %v: nominarne il file con --cap; tocsin init ne mette uno d'esempio nella cartella scenarios", "CAP message: %w: name its file with --cap; tocsin init puts an example into the folder scenarios", err)
	}
	return raw, nil
}

// parseBulletin reads a bulletin strictly.
func parseBulletin(raw []byte) (*bulletin.Bulletin, error) {
	b, err := bulletin.Parse(raw)
	if err != nil {
		return nil, both("il bollettino non è integro: %v; ricomporlo, o farsi rimandare il file e confrontare lo SHA-256",
			"the bulletin is not whole: %w; compose it again, or have the file sent again and compare the SHA-256", err)
	}
	return b, nil
}

func readLimited(path string, stdin io.Reader, limit int64) ([]byte, error) {
	r := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err // it names operation and file
	}
	if int64(len(b)) > limit {
		return nil, both("%s: ha più di %d byte: non è il file giusto", "read %s: it has more than %d bytes: it is not the right file", path, limit)
	}
	return b, nil
}

// checkNew returns why a file can't be made at the path, as far as can be seen before
// the work that fills it.
func checkNew(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return errTaken(path)
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return both("non si può scrivere %s: la cartella %s non c'è: crearla, o scegliere un altro nome", "%s can't be written: there is no folder %s: make it, or choose another name", path, dir)
	}
	return nil
}

func errTaken(path string) error {
	return both("%s esiste già: scegliere un altro nome, nulla viene sovrascritto", "%s exists already: choose another name, nothing is overwritten", path)
}

// writeNew writes a file that must not exist yet: nothing that may have been
// signed is ever overwritten.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // a bulletin is going to be public
	if errors.Is(err, os.ErrExist) {
		return errTaken(path)
	}
	if err != nil {
		return both("%v: scegliere un'altra cartella, o chiedere di potervi scrivere", "%w: choose another folder, or ask for the right to write there", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path) // half a file is none, and would keep the next attempt from its name
	}
	return err
}

// cancelBulletin composes the revocation of an alert from its newest bulletin.
func cancelBulletin(newest *bulletin.Bulletin, reason string, c *config, now time.Time) (*bulletin.Bulletin, error) {
	o, err := composeOptions(c, now)
	if err != nil {
		return nil, err
	}
	m, err := compose.Cancel(newest, reason, o)
	if err != nil {
		return nil, err
	}
	return compose.Next(newest, m, o)
}
