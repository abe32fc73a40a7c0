package main

// This file looks at CAP documents of anyone: it checks them, and lists and takes those
// of feeds.

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tocsin/broker/alert"
)

func (p *program) capCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cap",
		Short: p.say("controlla messaggi CAP, e li prende dagli elenchi (feed) di altri enti", "checks CAP messages, and takes them from feeds of others"),
		Args:  args(none),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.capCheckCommand(), p.capFeedCommand())
	return cmd
}

// capChecked is what cap check prints of a file with --json.
type capChecked struct {
	File string `json:"file"`
	// Version of CAP; "" where the file is no CAP document.
	Version    alert.Version `json:"version"`
	OK         bool          `json:"ok"` // no error; warnings may be there
	Identifier string        `json:"identifier,omitempty"`
	Sender     string        `json:"sender,omitempty"`
	Findings   []capFinding  `json:"findings"`
	// Unread says why the file could not be read.
	Unread string `json:"unread,omitempty"`

	failure error
}

type capFinding struct {
	Path     string      `json:"path"`
	Line     int         `json:"line"`
	Column   int         `json:"column"`
	Rule     alert.Rule  `json:"rule"`
	Google   string      `json:"google,omitempty"`
	Basis    alert.Basis `json:"basis"`
	Severity string      `json:"severity"`
	Message  string      `json:"message"`
	Advice   string      `json:"advice,omitempty"`
}

func (p *program) capCheckCommand() *cobra.Command {
	var schemaOnly, own, asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: p.say("dice che cosa non va in messaggi CAP (- per l'ingresso)", "says what is wrong with CAP messages (- for standard input)"),
		Long: p.say(`Controlla messaggi CAP 1.0, 1.1 e 1.2 di chiunque: schema, testo dello standard, indicazioni di Google e nostre.
Ogni riga dice dove, quale regola, che cosa non va e che cosa fare; le regole sono in docs/cap.md.
Stato di uscita: 0 nessun errore (gli avvisi non contano), 1 un file non si può leggere, 2 comando sbagliato, 3 un file ha un errore.`,
			`Checks CAP messages of anyone, 1.0, 1.1 and 1.2: schema, prose of the standard, what Google asks, and what we ask.
Each line says where, which rule, what is wrong and what to do; docs/cap.md has the rules.
Exit status: 0 no error (warnings don't count), 1 a file can't be read, 2 called wrongly, 3 a file has an error.`),
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, files []string) error {
			if schemaOnly && own {
				return usage("cap check: --schema-only and --own exclude each other")
			}
			var all []capChecked
			var unread error
			wrong := 0
			for _, file := range files {
				c := p.capCheck(file, schemaOnly, own)
				if c.failure != nil {
					unread = errors.Join(unread, c.failure)
				} else if !c.OK {
					wrong++
				}
				if !asJSON {
					p.printChecked(c)
				}
				all = append(all, c)
			}
			if asJSON {
				if err := p.printJSON(map[string]any{"files": all}); err != nil {
					return err
				}
			}
			switch {
			case unread != nil:
				return unread
			case wrong > 0:
				return refusedError{both("file con errori: %d di %d: correggere ciò che è elencato", "files with errors: %d of %d: correct what is listed", wrong, len(files))}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&schemaOnly, "schema-only", false, p.say("solo lo schema XML di OASIS", "the XML schema of OASIS alone"))
	cmd.Flags().BoolVar(&own, "own", false, p.say("le regole per ciò che Tocsin stesso emette", "the rules for what Tocsin itself issues"))
	p.jsonFlag(cmd, &asJSON)
	return cmd
}

// capCheck checks one file.
func (p *program) capCheck(file string, schemaOnly, own bool) capChecked {
	const most = 9 << 20 // a little more than package alert judges, so that it says what is too much
	c := capChecked{File: file, Findings: []capFinding{}}
	raw, err := readLimited(file, p.stdin, most)
	if err != nil {
		c.failure = both("messaggio CAP: %v: nominarne il file", "CAP message: %w: name its file", err)
		c.Unread = c.failure.Error()
		return c
	}
	var found alert.Findings
	switch {
	case schemaOnly:
		c.Version, found = alert.CheckSchema(raw)
	case own:
		m, err := alert.Read(raw)
		if m != nil {
			c.Version, c.Identifier, c.Sender, found = m.Version, m.Identifier, m.Sender, alert.Check(m)
		}
		if errs, ok := errors.AsType[alert.Findings](err); ok {
			found = errs
		}
	default:
		var m *alert.Message
		if m, found = alert.Inspect(raw); m != nil {
			c.Version, c.Identifier, c.Sender = m.Version, m.Identifier, m.Sender
		}
	}
	for _, f := range found {
		info := f.Rule.Info()
		c.Findings = append(c.Findings, capFinding{f.Path, f.Line, f.Column, f.Rule, info.Google, info.Basis, f.Severity.String(), f.Message, f.Advice})
	}
	c.OK = len(found.Errors()) == 0
	return c
}

// printChecked says what was found in a file, the errors first.
func (p *program) printChecked(c capChecked) {
	if c.failure != nil {
		return // it is said at the end
	}
	errs, warnings := 0, 0
	for _, f := range c.Findings {
		if f.Severity == alert.LevelError.String() {
			errs++
		} else {
			warnings++
		}
	}
	name := shown(c.File)
	if c.Version == "" {
		name += ": CAP ?"
	} else {
		name += ": CAP " + string(c.Version)
	}
	if len(c.Findings) == 0 {
		p.print("%s: tutto in ordine", "%s: all is in order", name)
		return
	}
	p.print("%s: errori %d, avvisi %d", "%s: errors %d, warnings %d", name, errs, warnings)
	for _, severity := range []alert.Level{alert.LevelError, alert.LevelWarning} {
		for _, f := range c.Findings {
			if f.Severity == severity.String() {
				p.printFinding(f)
			}
		}
	}
}

func (p *program) printFinding(f capFinding) {
	level := p.say("avviso", "warning")
	if f.Severity == alert.LevelError.String() {
		level = p.say("ERRORE", "ERROR")
	}
	place := f.Path
	if f.Line > 0 {
		place = p.say("riga %d", "line %d", f.Line)
		if f.Path != "" {
			place += " " + f.Path
		}
	}
	rule := string(f.Rule)
	if f.Google != "" && f.Google != "OTHER" {
		rule += " " + f.Google
	}
	text := shown(p.read(f.Message))
	if f.Advice != "" {
		text += "; " + shown(p.read(f.Advice))
	}
	fmt.Fprintf(p.out, "  %s [%s] %s: %s\n", level, rule, place, text)
}

// fed is what cap feed prints with --json.
type fed struct {
	Title   string     `json:"title"`
	Entries []fedEntry `json:"entries"`
	LeftOut int        `json:"left_out,omitempty"` // entries beyond what is read
}

type fedEntry struct {
	Number     int    `json:"number"`
	ID         string `json:"id"`
	Title      string `json:"title"`
	Updated    string `json:"updated,omitempty"`
	Status     string `json:"status,omitempty"`
	MsgType    string `json:"msgType,omitempty"`
	Event      string `json:"event,omitempty"`
	Severity   string `json:"severity,omitempty"`
	Expires    string `json:"expires,omitempty"`
	Area       string `json:"area,omitempty"`
	Identifier string `json:"identifier,omitempty"`
	Sender     string `json:"sender,omitempty"`
	Link       string `json:"link,omitempty"`
	Inside     bool   `json:"inside"` // the entry holds the CAP message itself
}

// taken is what cap feed --pick prints with --json.
type taken struct {
	File       string   `json:"file"`
	SHA256     string   `json:"sha256"`
	Bytes      int      `json:"bytes"`
	Identifier string   `json:"identifier"`
	Sender     string   `json:"sender"`
	Warnings   []string `json:"warnings,omitempty"`
}

func (p *program) capFeedCommand() *cobra.Command {
	var pick, output string
	var allowPrivate, asJSON bool
	cmd := &cobra.Command{
		Use:   "feed ADDRESS",
		Short: p.say("elenca le allerte di un feed (Atom, RSS), e ne prende una", "lists the alerts of a feed (Atom, RSS), and takes one"),
		Long: p.say(`Elenca le allerte di un feed Atom o RSS: titolo, stato, tipo, area. Il feed è un indirizzo http o https, un file, o - per l'ingresso.
Con --pick prende il messaggio CAP di una voce, byte per byte com'è, e lo scrive nel file di -o o sull'uscita:
  tocsin cap feed https://esempio.it/cap.atom
  tocsin cap feed https://esempio.it/cap.atom --pick 2 -o bozza.cap.xml
Per farne subito una bozza: tocsin compose --cap https://esempio.it/cap.atom --pick 2 -o allerta.bollettino -c nodo/tocsin.yaml`,
			`Lists the alerts of an Atom or RSS feed: title, status, type, area. The feed is an http or https address, a file, or - for standard input.
With --pick it takes the CAP message of an entry, byte for byte as it is, and writes it to the file of -o or to standard output:
  tocsin cap feed https://example.org/cap.atom
  tocsin cap feed https://example.org/cap.atom --pick 2 -o draft.cap.xml
To make a draft of it at once: tocsin compose --cap https://example.org/cap.atom --pick 2 -o alert.bulletin -c node/tocsin.yaml`),
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if pick == "" && output != "" || pick != "" && output == "" && asJSON {
				return usage("cap feed: -o takes --pick, and --json with --pick takes -o")
			}
			if output != "" {
				if err := checkNew(output); err != nil {
					return err
				}
			}
			feed, err := p.feed(cmd.Context(), a[0], allowPrivate)
			if err != nil {
				return err
			}
			if pick == "" {
				if asJSON {
					return p.printJSON(listed(feed))
				}
				p.printFeed(listed(feed))
				return nil
			}
			raw, err := p.picked(cmd.Context(), feed, a[0], pick, allowPrivate)
			if err != nil {
				return err
			}
			return p.take(raw, output, asJSON)
		},
	}
	cmd.Flags().StringVar(&pick, "pick", "", p.say("la voce da prendere: il suo numero, o il suo id", "the entry to take: its number, or its id"))
	cmd.Flags().StringVarP(&output, "output", "o", "", p.say("dove scrivere il messaggio CAP", "where to write the CAP message"))
	p.allowPrivateFlag(cmd, &allowPrivate)
	p.jsonFlag(cmd, &asJSON)
	return cmd
}

func (p *program) allowPrivateFlag(cmd *cobra.Command, allow *bool) {
	cmd.Flags().BoolVar(allow, "allow-private", false, p.say("ammette indirizzi di questa macchina e di reti private", "allows addresses of this machine and of private networks"))
}

// listed returns a feed as it is printed.
func listed(feed *alert.Feed) fed {
	v := fed{Title: feed.Title, Entries: []fedEntry{}, LeftOut: feed.LeftOut}
	for i, e := range feed.Entries {
		one := fedEntry{
			Number: i + 1, ID: e.ID, Title: e.Title, Status: e.Status, MsgType: e.MsgType, Event: e.Event, Severity: e.Severity, Expires: e.Expires,
			Area: e.Area, Identifier: e.Identifier, Sender: e.Sender, Link: e.Link, Inside: e.Message != nil,
		}
		if !e.Updated.IsZero() {
			one.Updated = e.Updated.Format(time.RFC3339)
		}
		v.Entries = append(v.Entries, one)
	}
	return v
}

// printFeed lists the entries for people.
func (p *program) printFeed(v fed) {
	p.print("%s: voci %d", "%s: entries %d", shown(v.Title), len(v.Entries))
	for _, e := range v.Entries {
		title := e.Title
		if title == "" {
			title = p.say("(senza titolo)", "(no title)")
		}
		fmt.Fprintf(p.out, "%3d  %s\n", e.Number, shown(title))
		until := ""
		if t, err := time.Parse(time.RFC3339, e.Expires); err == nil {
			until = p.say("fino alle %s", "until %s", t.In(rome()).Format("15:04 02-01-2006"))
		}
		printLine(p.out, "     ", e.Status, e.MsgType, e.Event, e.Severity, until)
		printLine(p.out, "     ", e.Area)
		if e.ID != "" {
			printLine(p.out, "     ", "id "+e.ID)
		}
		switch {
		case e.Inside:
			printLine(p.out, "     ", p.say("il messaggio CAP è nella voce", "the CAP message is in the entry"))
		case e.Link == "":
			printLine(p.out, "     ", p.say("non dice dove si trova il messaggio CAP", "it does not say where the CAP message is"))
		default:
			printLine(p.out, "     ", e.Link)
		}
	}
	if v.LeftOut > 0 {
		p.print("Altre %d voci non sono elencate.", "%d more entries are not listed.", v.LeftOut)
	}
}

// take writes a CAP message of others, byte for byte, and says what is to be known of it.
func (p *program) take(raw []byte, output string, asJSON bool) error {
	m, findings, err := alert.Import(raw)
	if err != nil {
		return refusedError{both("la voce non porta a un messaggio CAP utilizzabile: %v", "the entry leads to no CAP message that can be used: %w", err)}
	}
	var warnings []string
	for _, f := range findings {
		warnings = append(warnings, p.read(f.Error()))
	}
	for _, w := range warnings {
		fmt.Fprintf(p.err, "tocsin: %s\n", shown(w))
	}
	if output == "" {
		_, err := p.out.Write(raw)
		return err
	}
	if err := writeNew(output, raw); err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	return p.report(asJSON, taken{output, hex.EncodeToString(sum[:]), len(raw), m.Identifier, m.Sender, warnings},
		"Messaggio %s di %s scritto in %s (%d byte), com'è arrivato.\nOra: tocsin compose --cap %s -o BOLLETTINO -c CONFIGURAZIONE",
		"Message %s of %s written to %s (%d bytes), as it came.\nNext: tocsin compose --cap %s -o BULLETIN -c CONFIGURATION",
		shown(m.Identifier), shown(m.Sender), output, len(raw), output)
}
