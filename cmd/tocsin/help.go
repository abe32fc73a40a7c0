package main

// This file writes the help of the commands. The command library's own help is in
// English, so nothing of it is used.

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// translate puts the words that the command library adds into the screen's language.
func (p *program) translate(root *cobra.Command) {
	root.SetHelpCommand(&cobra.Command{
		Use:   "help [COMMAND]",
		Short: p.say("spiega i comandi", "explains the commands"),
		RunE: func(_ *cobra.Command, a []string) error {
			about, rest, err := root.Find(a)
			if err != nil || len(rest) > 0 {
				return usage("unknown command %q: see tocsin help", strings.Join(a, " "))
			}
			return about.Help()
		},
	})
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { p.writeHelp(cmd.OutOrStdout(), cmd) })
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		p.writeUsage(cmd.OutOrStderr(), cmd)
		return nil
	})
	root.SetVersionTemplate(p.say("tocsin, versione %s\n", "tocsin, version %s\n", root.Version))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.InitDefaultVersionFlag()
	root.Flags().Lookup("version").Usage = p.say("dice la versione", "says the version")
	p.translateAll(root)
}

// translateAll puts the help of a command and of all below it into the screen's
// language, as far as the library wrote it.
func (p *program) translateAll(cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	cmd.Flags().Lookup("help").Usage = p.say("spiega il comando", "explains the command")
	if cmd.Name() == "completion" {
		cmd.Short = p.say("scrive il completamento dei comandi per la shell", "writes the completion of commands for the shell")
		cmd.Long = ""
	}
	if cmd.HasParent() && cmd.Parent().Name() == "completion" {
		cmd.Short = p.say("per la shell %s", "for the shell %s", cmd.Name())
		cmd.Long = p.say("Scrive sull'uscita standard il completamento dei comandi per %[1]s.\nPer provarlo: leggere l'uscita con il comando source di %[1]s.",
			"Writes the completion of commands for %[1]s to standard output.\nTo try it: read the output with the source command of %[1]s.", cmd.Name())
		if f := cmd.Flags().Lookup("no-descriptions"); f != nil {
			f.Usage = p.say("senza descrizioni", "without descriptions")
		}
	}
	for _, sub := range cmd.Commands() {
		p.translateAll(sub)
	}
}

// writeHelp explains a command.
func (p *program) writeHelp(w io.Writer, cmd *cobra.Command) {
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	if about != "" {
		fmt.Fprintf(w, "%s\n\n", strings.TrimSpace(about))
	}
	p.writeUsage(w, cmd)
}

// writeUsage says how a command is called.
func (p *program) writeUsage(w io.Writer, cmd *cobra.Command) {
	fmt.Fprintln(w, p.say("Uso:", "Usage:"))
	if cmd.Runnable() && cmd.HasParent() && !cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "  %s %s\n", cmd.Parent().CommandPath(), p.placeholders(cmd.Use))
	} else {
		fmt.Fprintf(w, "  %s %s\n", cmd.CommandPath(), p.placeholders("COMMAND"))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s\n", p.say("Comandi:", "Commands:"))
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(w, "  %-*s  %s\n", cmd.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	var names, usages []string
	width := 0
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		name := "    --" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		if f.Value.Type() != "bool" {
			name += " " + p.placeholders(flagValue(f))
		}
		usage := f.Usage
		if d := f.DefValue; d != "" && d != "[]" && d != "false" && d != "0" && d != "0s" {
			usage += p.say(" (predefinito %s)", " (default %s)", d)
		}
		names, usages, width = append(names, name), append(usages, usage), max(width, len(name))
	})
	if len(names) > 0 {
		fmt.Fprintf(w, "\n%s\n", p.say("Opzioni:", "Flags:"))
	}
	for i := range names {
		fmt.Fprintf(w, "  %-*s  %s\n", width, names[i], usages[i])
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s\n", p.say("Per sapere di più su un comando: %s COMANDO --help", "More about a command: %s COMMAND --help", cmd.CommandPath()))
	}
}

// flagValue names what a flag takes.
func flagValue(f *pflag.Flag) string {
	switch f.Name {
	case "cap", "config", "output", "signature", "trace", "cpuprofile", "policy":
		return "FILE"
	case "state", "images", "dir", "ring", "draft":
		return "DIR"
	case "key":
		return "KEY"
	case "role":
		return "ROLE"
	case "channel":
		return "CHANNEL"
	case "fault":
		return "CHANNEL=FAULT[:N]"
	case "listen", "site", "broker", "simulator":
		return "HOST:PORT"
	case "log":
		return "LEVEL"
	case "from", "until", "at", "expires":
		return "WHEN"
	case "realm":
		return "REALM"
	case "sha256":
		return "PREFIX"
	case "pick":
		return "N"
	case "reason":
		return "TEXT"
	}
	switch f.Value.Type() {
	case "duration":
		return "TIME"
	case "string", "stringArray":
		return "TEXT"
	}
	return "N"
}

// placeholders puts the words in capitals, which stand for what a person gives, into
// the screen's language.
func (p *program) placeholders(s string) string {
	if p.lang == "en" {
		return s
	}
	return strings.NewReplacer("BULLETIN", "BOLLETTINO", "ALERT", "ALLERTA", "KEY", "CHIAVE", "TEXT", "TESTO", "DIR", "CARTELLA", "ROLE", "RUOLO",
		"CHANNEL", "CANALE", "FAULT", "GUASTO", "HOST:PORT", "HOST:PORTA", "LEVEL", "LIVELLO", "REALM", "AMBIENTE", "TIME", "DURATA", "PREFIX", "PREFISSO",
		"COMMAND", "COMANDO", "WHEN", "QUANDO", "NAME", "NOME", "ADDRESS", "INDIRIZZO", "OLD", "VECCHIA", "NEW", "NUOVA",
		"VERSION", "VERSIONE", "FIELD=VALUE", "CAMPO=VALORE", "WAY", "MODO", "CAUSE", "CAUSA", "SEED", "SEME").Replace(s)
}
