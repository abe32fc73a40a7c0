package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"tocsin/broker/ledger"
)

// provided is what streams prints with --json.
type provided struct {
	Broker string `json:"broker"`
	Made   bool   `json:"made"` // they were not there before
}

func (p *program) streamsCommand() *cobra.Command {
	var config, operator string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "streams -c FILE --operator SEED",
		Short: p.say("prepara il registro su un broker esterno (operatore)", "makes the ledger's streams at a broker elsewhere (operator)"),
		Long: p.say(`Crea sul broker indicato in broker.url i due flussi del registro, o ne alza i limiti fino a broker.max_bytes; non ne cancella nessuno.
Serve la credenziale dell'operatore, la sola che può toccare i flussi: dopo, toglierla da ogni macchina.
Con il broker incorporato non serve: i flussi li fa il nodo.`,
			`Makes the two streams of the ledger at the broker of broker.url, or raises their bounds to broker.max_bytes; it deletes none.
It takes the operator's credential, the only one that may touch the streams: take it off every machine afterwards.
The embedded broker does not need this: the node makes the streams.`),
		Args: args(none),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if config == "" || operator == "" {
				return usage("streams: name the configuration with -c, and the file of the operator's credential with --operator")
			}
			c, err := loadConfig(config)
			if err != nil {
				return err
			}
			if c.Broker.URL == "" {
				return usage("streams: the configuration names no broker elsewhere (broker.url): the embedded one makes its streams itself")
			}
			at, err := filepath.Abs(operator)
			if err != nil {
				return err
			}
			who, err := secret{File: at}.credential(c, p.getenv, ledger.RoleOperator, "")
			if err != nil {
				return fmt.Errorf("--operator: %w", err)
			}
			o := ledger.Options{
				URL: c.Broker.URL, Credentials: []ledger.Credential{who}, Realm: string(c.Realm), Replicas: c.Broker.Replicas, MaxBytes: c.Broker.MaxBytes, Name: "tocsin streams",
			}
			if o.TLS, err = c.brokerTLS(); err != nil {
				return err
			}
			made, err := ledger.Provide(cmd.Context(), o)
			if err != nil {
				return fmt.Errorf("streams: %w", err)
			}
			if made {
				return p.report(asJSON, provided{c.Broker.URL, true}, "I flussi del registro sono creati. Ora togliere la credenziale dell'operatore da questa macchina.", "The ledger's streams are made. Now take the operator's credential off this machine.")
			}
			return p.report(asJSON, provided{c.Broker.URL, false}, "I flussi del registro c'erano già, e sono come servono. Ora togliere la credenziale dell'operatore da questa macchina.",
				"The ledger's streams were there already, and are as they must be. Now take the operator's credential off this machine.")
		},
	}
	cmd.Flags().StringVarP(&config, "config", "c", "", p.say("configurazione di un nodo", "a node's configuration"))
	cmd.Flags().StringVar(&operator, "operator", "", p.say("file con la credenziale dell'operatore (operator.nk)", "file with the operator's credential (operator.nk)"))
	p.jsonFlag(cmd, &asJSON)
	return cmd
}
