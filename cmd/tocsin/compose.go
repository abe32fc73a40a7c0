package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/ledger"
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
}

func (p *program) composeCommand() *cobra.Command {
	var w where
	var capFile, output string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "compose --cap FILE -o FILE -c FILE",
		Short: p.say("scrive il bollettino da firmare, da un messaggio CAP", "writes the bulletin to be signed, from a CAP message"),
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if capFile == "" || output == "" {
				return usage("compose: --cap and -o are needed")
			}
			c, err := w.configuration()
			if err != nil {
				return err
			}
			if c == nil {
				return usage("compose: name the node's configuration with -c")
			}
			raw, err := readLimited(capFile, p.stdin, maxImport)
			if err != nil {
				return err
			}
			taken, err := p.codesTaken(cmd.Context(), &w)
			if err != nil {
				return err
			}
			b, notes, err := composeFree(raw, c, time.Now(), taken)
			if err != nil {
				return w.recordRefusal(cmd.Context(), "tocsin compose", "draft", err)
			}
			for _, n := range notes {
				fmt.Fprintf(p.err, "tocsin: %s\n", n)
			}
			if err := writeNew(output, b.Bytes()); err != nil {
				return err
			}
			return p.report(asJSON, composed{string(b.Alert), string(b.Code), b.Number, output, b.SHA256(), len(b.Bytes()), b.Expires, notes},
				"Bollettino %d dell'allerta %s scritto in %s (%d byte).\nSHA-256 %s\nOra: tocsin preview %s, poi tocsin sign %s -k CHIAVE",
				"Bulletin %d of alert %s written to %s (%d bytes).\nSHA-256 %s\nNext: tocsin preview %s, then tocsin sign %s -k KEY",
				b.Number, b.Code, output, len(b.Bytes()), b.SHA256(), output, output)
		},
	}
	w.flags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&capFile, "cap", "", p.say("file CAP 1.2 (- per l'ingresso)", "CAP 1.2 file (- for standard input)"))
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
		Realm: c.Realm, Issuer: c.Issuer.Office, Sender: c.Issuer.Sender, CodePrefix: c.Issuer.CodePrefix, SiteURL: c.Site.PublicURL,
		Channels: channels, Location: c.Issuer.zone, Now: now,
	}, nil
}

// composeFirst makes the first bulletin of a new alert. A message of ours goes in
// as it is; any other is a draft, whose content an exercise issues anew.
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
	var notes []string
	m, err := alert.Read(raw)
	if err != nil || m.Sender != c.Issuer.Sender || !c.Realm.Allows(m.Status) || m.MsgType != alert.MsgAlert || m.Sent.After(now) || !m.Expires().After(now) {
		if c.Realm == alert.RealmLive && err != nil {
			return nil, nil, refusedError{both("il messaggio CAP non rispetta una regola: %v: correggerlo", "the CAP message breaks a rule: %w: correct it", err)}
		}
		if m, notes, err = reissue(raw, c, o); err != nil {
			return nil, nil, err
		}
	}
	id, code, err := compose.NewAlert(o)
	for n := 1; err == nil && taken != nil && taken(code); n++ {
		if n == maxDraws {
			return nil, nil, both("i codici con il prefisso %s sono quasi finiti: cambiare issuer.code_prefix nella configurazione", "the codes with prefix %s are nearly used up: change issuer.code_prefix in the configuration", o.CodePrefix)
		}
		id, code, err = compose.NewAlert(o)
	}
	if err != nil {
		return nil, nil, err
	}
	b, err := compose.New(m, o, id, code)
	return b, notes, err
}

// codesTaken returns which alert codes the ledger holds already, or nil where it
// can't be asked, which it says: publish looks again.
func (p *program) codesTaken(ctx context.Context, w *where) (func(alert.Code) bool, error) {
	d, err := w.open(ctx, "tocsin compose", nil, false)
	switch {
	case errors.Is(err, errNoFolder) || errors.Is(err, ledger.ErrNoLedger):
		return nil, nil //nolint:nilnil // the ledger begins with this alert
	case exitCode(err) == 3:
		return nil, err // a ledger of another realm
	case err != nil:
		fmt.Fprintf(p.err, "tocsin: %s\n", p.say("il registro non risponde (%v): se il codice allerta è già di un'altra lo dirà publish",
			"the ledger can't be asked (%v): whether another alert has the code already is said by publish", err))
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

// reissue makes an exercise of our own of a message that others wrote, or that has
// had its time.
func reissue(raw []byte, c *config, o compose.Options) (*alert.Message, []string, error) {
	imported, findings, err := alert.Import(raw)
	if err != nil {
		return nil, nil, refusedError{both("il messaggio CAP non si può usare: %v; correggere il file e comporre di nuovo", "import the CAP message: %w", err)}
	}
	if c.Realm != alert.RealmExercise {
		return nil, nil, refusedError{both("il messaggio (mittente %s) non è uno dei nostri in vigore adesso: quello di altri è solo una bozza; nel realm live va riscritto con il proprio mittente %s",
			"the message is not one of ours (sender %s) that is in force now: a message of others is only ever a draft; "+
				"in realm live, write it anew with your sender %s", imported.Sender, c.Issuer.Sender)}
	}
	var notes []string
	for _, f := range findings {
		notes = append(notes, f.Error())
	}
	m, changes, err := compose.Reissue(imported, o)
	if err != nil {
		return nil, nil, err
	}
	return m, append(notes, changes...), nil
}

func (p *program) previewCommand() *cobra.Command {
	var channel string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "preview BULLETIN",
		Short: p.say("mostra che cosa farà vedere ogni canale", "shows what each channel will show"),
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, a []string) error {
			b, err := readBulletin(a[0], p.stdin)
			if err != nil {
				return err
			}
			if !asJSON {
				return p.preview(p.out, b, channel)
			}
			v := previewOf(b, channel)
			if len(v.Posts) == 0 {
				return noPost(b, channel)
			}
			return p.printJSON(v)
		},
	}
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&channel, "channel", "", p.say("solo questo canale", "this channel alone"))
	return cmd
}

// previewed is what preview prints with --json.
type previewed struct {
	Alert   string          `json:"alert"`
	Code    string          `json:"code"`
	Number  int             `json:"number"`
	Realm   alert.Realm     `json:"realm"`
	Issuer  string          `json:"issuer"`
	MsgType alert.MsgType   `json:"msgType"`
	Expires time.Time       `json:"expires"`
	SHA256  string          `json:"sha256"`
	Bytes   int             `json:"bytes"`
	Posts   []previewedPost `json:"posts"`
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

type previewedImage struct {
	MediaType string `json:"media_type"`
	Bytes     int    `json:"bytes"`
	SHA256    string `json:"sha256"`
	Alt       string `json:"alt"`
}

// previewOf returns what each channel will show, or one of them.
func previewOf(b *bulletin.Bulletin, channel string) previewed {
	v := previewed{
		Alert: string(b.Alert), Code: string(b.Code), Number: b.Number, Realm: b.Realm, Issuer: b.Issuer,
		MsgType: b.Message.MsgType, Expires: b.Expires, SHA256: b.SHA256(), Bytes: len(b.Bytes()),
	}
	for _, post := range b.Posts {
		if channel != "" && post.Channel != channel {
			continue
		}
		shown := previewedPost{
			Channel: post.Channel, Kind: post.Kind, Part: post.Part, Parts: post.Parts, Lang: post.Lang,
			Title: post.Title, Text: post.Text, Characters: utf8.RuneCountInString(post.Text), Link: post.Link,
		}
		if image := b.Image(post.Image); image != nil {
			shown.Image = &previewedImage{image.MediaType, len(image.Data), image.SHA256, post.Alt}
		}
		v.Posts = append(v.Posts, shown)
	}
	return v
}

// preview writes a bulletin for a person who is to sign it.
func (p *program) preview(w io.Writer, b *bulletin.Bulletin, channel string) error {
	m := b.Message
	rule := strings.Repeat("─", 78)
	fmt.Fprintf(w, "%s\n", p.say("Allerta %s, bollettino %d (%s, %s), ente: %s", "Alert %s, bulletin %d (%s, %s), issuer: %s",
		b.Code, b.Number, m.MsgType, p.realmWords(b.Realm), b.Issuer))
	zone, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		zone = time.UTC
	}
	fmt.Fprintf(w, "%s\n", p.say("In vigore fino alle %s. SHA-256 %s", "In force until %s. SHA-256 %s", b.Expires.In(zone).Format("15:04 02-01-2006 (MST)"), b.SHA256()))
	shown := 0
	for _, post := range b.Posts {
		if channel != "" && post.Channel != channel {
			continue
		}
		shown++
		part := ""
		if post.Parts > 1 {
			part = fmt.Sprintf(" %d/%d", post.Part, post.Parts)
		}
		fmt.Fprintf(w, "%s\n%s (%s)%s, %s, %s\n%s\n", rule, post.Channel, post.Kind, part, post.Lang,
			p.say("%d caratteri", "%d characters", utf8.RuneCountInString(post.Text)), rule)
		if post.Title != "" {
			fmt.Fprintf(w, "%s\n\n", post.Title)
		}
		fmt.Fprintln(w, post.Text)
		if image := b.Image(post.Image); image != nil {
			fmt.Fprintf(w, "\n[%s %s, %d byte, %s]\n[%s]\n", p.say("immagine", "image"), image.MediaType, len(image.Data), image.SHA256[:16], post.Alt)
		}
	}
	if shown == 0 {
		return noPost(b, channel)
	}
	fmt.Fprintln(w, rule)
	return nil
}

func noPost(b *bulletin.Bulletin, channel string) error {
	return both("il bollettino non ha testi per il canale %q: è per %s", "the bulletin has no post for channel %q: it addresses %s", channel, channelNames(b))
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
	raw, err := readLimited(path, stdin, bulletin.MaxBytes)
	if err != nil {
		return nil, err
	}
	return parseBulletin(raw)
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
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(b)) > limit {
		return nil, both("%s: ha più di %d byte: non è il file giusto", "read %s: it has more than %d bytes: it is not the right file", path, limit)
	}
	return b, nil
}

// writeNew writes a file that must not exist yet: nothing that may have been
// signed is ever overwritten.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // a bulletin is going to be public
	if errors.Is(err, os.ErrExist) {
		return both("%s esiste già: scegliere un altro nome, nulla viene sovrascritto", "%s exists already: choose another name, nothing is overwritten", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
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

// newestReleased returns the newest bulletin of an alert that the ledger holds
// with the signatures that release it.
func (d *desk) newestReleased(ctx context.Context, id string) (*bulletin.Bulletin, error) {
	chain, err := d.releasedChain(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(chain) == 0 {
		return nil, both("l'allerta non è mai stata diffusa: non c'è niente da revocare", "the alert was never released: there is nothing to revoke")
	}
	return chain[len(chain)-1], nil
}
