package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) serveCommand() *cobra.Command {
	var config, level string
	var asJSON bool
	var acceptLost int64
	cmd := &cobra.Command{
		Use:   "serve -c FILE",
		Short: p.say("accende un nodo: registro, sito, invii", "runs a node: ledger, site, deliveries"),
		Args:  args(none),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if config == "" {
				return usage("serve: name the configuration with -c; tocsin init makes one")
			}
			if cmd.Flags().Changed("accept-lost-checkpoint") && acceptLost < 1 {
				return usage("serve: --accept-lost-checkpoint %d: write how many records the ledger holds, as tocsin audit verify says it", acceptLost)
			}
			log, err := p.logger(level, asJSON)
			if err != nil {
				return err
			}
			c, err := loadConfig(config)
			if err != nil {
				return err
			}
			return p.serve(cmd.Context(), c, nodeOptions{command: "tocsin serve", getenv: p.getenv, log: log, acceptLost: acceptLost, checks: true})
		},
	}
	cmd.Flags().StringVarP(&config, "config", "c", "", p.say("configurazione del nodo", "the node's configuration"))
	cmd.Flags().StringVar(&level, "log", "info", p.say("livello del diario: debug, info, warn, error", "log level: debug, info, warn, error"))
	cmd.Flags().BoolVar(&asJSON, "log-json", false, p.say("diario in JSON", "log as JSON"))
	cmd.Flags().Int64Var(&acceptLost, "accept-lost-checkpoint", 0, p.say("accetta il registro con questo numero di voci anche se il suo sigillo è andato perso; resta scritto nel registro",
		"accept the ledger with this number of records although its checkpoint was lost; the ledger says so from then on"))
	return cmd
}

// serve runs a node until ctx is done or a part of it ends by itself.
func (p *program) serve(ctx context.Context, c *config, o nodeOptions) error {
	n, err := startNode(ctx, c, o)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // it was asked to stop before it was up
	case err != nil:
		return fmt.Errorf("serve: %w", err)
	}
	defer n.Close(ctx)
	p.print("Nodo %s acceso (%s). Sito: %s. Registro: %s.", "Node %s is up (%s). Site: %s. Ledger: %s.", c.Node, p.realmWords(c.Realm), n.siteURL, c.abs(c.State))
	if n.notAccepted {
		p.print("ATTENZIONE: --accept-lost-checkpoint non ha avuto effetto e nel registro non ne resta traccia, perché non è andato perso nessun sigillo: toglierlo dal comando",
			"ATTENTION: --accept-lost-checkpoint had no effect, and the ledger does not mention it, since no checkpoint was lost: leave it out of the command")
	}
	if err := n.unwritable.Load(); err != nil {
		p.print("ATTENZIONE: il nodo non invia niente: %v", "ATTENTION: the node sends nothing: %v", p.words(*err))
	}
	if err := n.distrusted(); err != nil {
		p.print("ATTENZIONE: il registro non è affidabile, il nodo non diffonde nulla: %v", "ATTENTION: the ledger is not to be trusted, the node releases nothing: %v", p.words(err))
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-n.failed:
		return fmt.Errorf("serve: %w", err)
	}
}
