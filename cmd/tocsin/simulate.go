package main

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/spf13/cobra"

	"tocsin/adapters/simulator"
)

// simulated is what simulate prints with --json, when all of it can be reached.
type simulated struct {
	URL       string            `json:"url"`       // of the pages
	Platforms map[string]string `json:"platforms"` // base_url by kind
}

func (p *program) simulateCommand() *cobra.Command {
	var listen, level string
	var asJSON bool
	var lenient bool
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: p.say("accende il simulatore delle piattaforme, per provare ed esercitarsi", "runs the platform simulator, to try and to train"),
		Long: p.say("Telegram, X, Facebook e Instagram su questa macchina, con i loro contratti HTTP, le loro pagine e i guasti a comando.\nUna configurazione fatta da tocsin init punta già qui. I post restano in memoria e finiscono con il comando.",
			"Telegram, X, Facebook and Instagram on this machine, with their HTTP contracts, their pages, and faults on demand.\nA configuration made by tocsin init points here already. Posts are kept in memory and end with the command."),
		Args: args(none),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := p.logger(level, false)
			if err != nil {
				return err
			}
			c, err := simulatorAt(listen)
			if err != nil {
				return err
			}
			c.Log, c.Lenient = log, lenient
			s, err := simulator.Start(cmd.Context(), c)
			switch {
			case errors.Is(err, syscall.EADDRINUSE):
				return fmt.Errorf("%w: end what listens there, or choose another address with --listen, and the same with tocsin init --simulator", err)
			case err != nil:
				return fmt.Errorf("%w: choose another address with --listen, and the same with tocsin init --simulator", err)
			}
			defer s.Close()
			a := s.Accounts()
			up := simulated{s.URL(), map[string]string{
				simulator.Telegram: a.Telegram.BaseURL, simulator.X: a.X.BaseURL, simulator.Facebook: a.Facebook.BaseURL, simulator.Instagram: a.Instagram.BaseURL,
			}}
			if err := p.report(asJSON, up, "Simulatore acceso: %s (Ctrl-C per finire)", "Simulator up: %s (Ctrl-C to end)", s.URL()); err != nil {
				return err
			}
			<-cmd.Context().Done()
			return nil
		},
	}
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&listen, "listen", defaultSimulator, p.say("indirizzo delle pagine; le piattaforme sono sulle quattro porte dopo", "address of the pages; the platforms are on the four ports after it"))
	cmd.Flags().BoolVar(&lenient, "lenient", false, p.say("X accetta due volte lo stesso testo, Instagram pubblica due volte lo stesso contenitore", "X takes an equal text twice, Instagram publishes a container twice"))
	cmd.Flags().StringVar(&level, "log", "warn", p.say("livello del diario: debug, info, warn, error", "log level: debug, info, warn, error"))
	return cmd
}
