package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
	_ "time/tzdata" // texts are written for Europe/Rome, on machines without zone files too

	"github.com/spf13/cobra"

	"tocsin/broker/telemetry"
)

// A program is one call of tocsin.
type program struct {
	stdin    io.Reader
	out, err io.Writer
	getenv   func(string) string
	lang     string      // "it" or "en", of what it says to people
	phrases  *phrasebook // reads texts of the packages; made when it is first needed
}

// language returns the language of the screen: TOCSIN_LANG, or the locale's;
// Italian where neither says English.
func language(getenv func(string) string) string {
	for _, name := range []string{"TOCSIN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			if strings.HasPrefix(v, "en") {
				return "en"
			}
			return "it"
		}
	}
	return "it"
}

// say chooses the words of the screen's language.
func (p *program) say(italian, english string, args ...any) string {
	words := italian
	if p.lang == "en" {
		words = english
	}
	if len(args) == 0 {
		return words
	}
	return fmt.Sprintf(words, args...)
}

// print writes a line for people.
func (p *program) print(italian, english string, args ...any) {
	fmt.Fprintln(p.out, p.say(italian, english, args...))
}

// printJSON writes one JSON object.
func (p *program) printJSON(v any) error {
	e := json.NewEncoder(p.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tocsin",
		Short: p.say("Allerte firmate da due organizzazioni, su tutti i canali, una volta sola", "Alerts signed by two organisations, on every channel, once"),
		Long: p.say(`Tocsin porta un'allerta firmata su tutti i canali: la scrive chi è di turno alla protezione civile,
la controfirma la polizia, e da lì in poi i testi sono soltanto trasportati, mai cambiati. Ogni passo è nel registro.

Per provarlo:           tocsin demo
Per un nodo vero:       tocsin init CARTELLA, poi tocsin serve -c CARTELLA/tocsin.yaml
Stato di uscita:        0 fatto, 1 non riuscito, 2 comando sbagliato, 3 rifiutato da regole o verifica
Lingua dello schermo:   TOCSIN_LANG=it oppure TOCSIN_LANG=en`,
			`Tocsin carries a signed alert to every channel: the civil-protection duty officer writes it, the police
co-sign it, and from then on texts are only carried, never changed. Every step is in the ledger.

To try it:              tocsin demo
For a real node:        tocsin init DIR, then tocsin serve -c DIR/tocsin.yaml
Exit status:            0 done, 1 failed, 2 called wrongly, 3 refused by policy or verification
Language of the screen: TOCSIN_LANG=it or TOCSIN_LANG=en`),
		SilenceErrors: true, SilenceUsage: true, Version: version(),
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown command %q: see tocsin help", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(p.stdin)
	root.SetOut(p.out)
	root.SetErr(p.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%s: %w: see %s --help", cmd.Name(), err, cmd.CommandPath())
	})
	root.AddCommand(
		p.demoCommand(), p.initCommand(), p.serveCommand(), p.composeCommand(), p.scenarioCommand(), p.capCommand(), p.previewCommand(), p.signCommand(), p.publishCommand(),
		p.cosignCommand(), p.refuseCommand(), p.withdrawCommand(), p.contactCommand(), p.breakglassCommand(), p.ratifyCommand(),
		p.updateCommand(), p.extendCommand(), p.allClearCommand(), p.correctCommand(), p.cancelCommand(),
		p.statusCommand(), p.checkCommand(), p.keysCommand(), p.auditCommand(), p.streamsCommand(), p.credentialCommand(), p.simulateCommand(), p.benchCommand(),
	)
	p.translate(root)
	return root
}

// report says what was done: as one JSON object for scripts, or in words.
func (p *program) report(asJSON bool, v any, italian, english string, args ...any) error {
	if asJSON {
		return p.printJSON(v)
	}
	p.print(italian, english, args...)
	return nil
}

// jsonFlag adds --json to a command that reports.
func (p *program) jsonFlag(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, p.say("un oggetto JSON", "one JSON object"))
}

// args wraps cobra's counting of arguments into our exit status.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, a []string) error {
		if err := check(cmd, a); err != nil {
			return usage("%s: %w: see %s --help", cmd.Name(), err, cmd.CommandPath())
		}
		return nil
	}
}

// none refuses arguments to a command that takes none.
func none(cmd *cobra.Command, a []string) error {
	if len(a) > 0 && !cmd.HasSubCommands() {
		return fmt.Errorf("it takes no arguments, and was given %q", strings.Join(a, " "))
	}
	return cobra.NoArgs(cmd, a)
}

// logger returns a log for operators on standard error.
func (p *program) logger(level string, asJSON bool) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usage("log level %q: use debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: l}
	var h slog.Handler = slog.NewTextHandler(p.err, options)
	if asJSON {
		h = slog.NewJSONHandler(p.err, options)
	}
	return slog.New(telemetry.NewLogHandler(h)), nil
}

// version returns the version of the program, as its build says.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
