package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"text/template"
	"time"

	"github.com/spf13/cobra"

	"tocsin/adapters/simulator"
	"tocsin/broker/alert"
	"tocsin/templates/scenarios"
)

//go:embed tocsin.yaml.tmpl
var configTemplate string

// The addresses of a fresh configuration, all on loopback.
const (
	defaultSite      = "127.0.0.1:8180"
	defaultBroker    = "127.0.0.1:4250"
	defaultSimulator = "127.0.0.1:8190"
)

// simulatorAt describes the simulator whose pages are at an address: its platforms
// are on the four ports after it.
func simulatorAt(address string) (simulator.Config, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return simulator.Config{}, usage("simulator address %q: write it as HOST:PORT", address)
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535-4 {
		return simulator.Config{}, usage("simulator address %q: the port must be from 1 to 65531, since the platforms are on the four ports after it", address)
	}
	return simulator.Config{
		Listen: address, Ports: simulator.Ports{Telegram: n + 1, X: n + 2, Facebook: n + 3, Instagram: n + 4},
		Names: simulator.Names{Telegram: "telegram", X: "x", Facebook: "facebook", Instagram: "instagram"}, // as in a fresh configuration
	}, nil
}

// exampleOf names the example message in a fresh folder.
func exampleOf(r alert.Realm) string {
	if r == alert.RealmLive {
		return "allerta-da-compilare.cap.xml"
	}
	return "savona-esercitazione.cap.xml"
}

// demoKeyLife is how long the keys that init makes for exercises are valid.
const demoKeyLife = 90 * 24 * time.Hour

// A fresh is what a new folder of a node is made of.
type fresh struct {
	Realm    alert.Realm
	Node     string
	Site     string // address of the public pages
	Broker   string
	Accounts simulator.Accounts // exercise: where the channels publish
	Control  string             // address of the simulator's pages
	Quick    bool               // loses no time on the simulator: for the demo and tests
	Plain    bool               // its key ring has no versions: a folder of before
}

// prepared is what init prints with --json.
type prepared struct {
	Folder    string      `json:"folder"`
	Config    string      `json:"config"`
	Realm     alert.Realm `json:"realm"`
	Scenario  string      `json:"scenario"`            // the example message
	Officer   string      `json:"officer,omitempty"`   // the trial keys of an exercise
	Police    string      `json:"police,omitempty"`    // likewise
	Managers  []string    `json:"managers"`            // the keys of those who manage the key ring
	Simulator string      `json:"simulator,omitempty"` // what tocsin simulate --listen wants
}

func (p *program) initCommand() *cobra.Command {
	var asJSON bool
	var realm, site, broker, platforms string
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: p.say("prepara la cartella di un nodo", "prepares the folder of a node"),
		Long: p.say(`Scrive in CARTELLA la configurazione, le regole di firma, il portachiavi e un messaggio d'esempio, tutto commentato.
Nell'ambiente exercise (predefinito) i canali puntano al simulatore (tocsin simulate) e ci sono due chiavi di prova,
valide 90 giorni: si può provare tutto subito. Nell'ambiente live persone e conti si mettono a mano, e l'esempio è una bozza da compilare.
Il portachiavi è una versione 1 (keys/1); le chiavi dei suoi tre responsabili, in keys/managers, vanno portate via da questa macchina.`,
			`Writes into DIR the configuration, the signing policy, the key ring and an example message, all with comments.
In realm exercise (the default) the channels point to the simulator (tocsin simulate) and there are two trial keys,
valid for 90 days: everything can be tried at once. In realm live, people and accounts are put in by hand, and the example is a draft to fill in.
The key ring is a version 1 (keys/1); the keys of its three managers, in keys/managers, have to be taken off this machine.`),
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if a[0] == "" {
				return usage("init: name the folder to make")
			}
			r, err := alert.ParseRealm(realm)
			if err != nil {
				return usageError{err}
			}
			f := fresh{Realm: r, Node: "savona-1", Site: site, Broker: broker, Control: platforms}
			at, err := simulatorAt(platforms)
			if err != nil {
				return err
			}
			if f.Accounts, err = simulator.AccountsAt(at); err != nil {
				return usageError{err}
			}
			if err := f.addresses(); err != nil {
				return err
			}
			if err := f.write(cmd.Context(), a[0], time.Now()); err != nil {
				return err
			}
			config := filepath.Join(a[0], "tocsin.yaml")
			if asJSON {
				done := prepared{Folder: a[0], Config: config, Realm: r, Scenario: filepath.Join(a[0], "scenarios", exampleOf(r))}
				for _, m := range f.managers() {
					done.Managers = append(done.Managers, filepath.Join(a[0], m.file))
				}
				if r == alert.RealmExercise {
					done.Officer, done.Police = filepath.Join(a[0], "keys", "officer"), filepath.Join(a[0], "keys", "police")
					done.Simulator = platforms
				}
				return p.printJSON(done)
			}
			if r == alert.RealmLive {
				p.print(`Cartella pronta: %[1]s, spiegata in %[1]s/LEGGIMI.md
Ora: completa %[2]s e i conti dei canali; metti le persone nel portachiavi e fallo firmare da due responsabili:
  tocsin keys add NOME@ENTE --role officer --realm live --until GIORNO --key FILE.pub -c %[2]s
  tocsin keys add NOME@ENTE --role police --realm live --until GIORNO --key FILE.pub -c %[2]s
  tocsin keys sign %[1]s/keys/1 -k %[1]s/keys/managers/protezione-civile -c %[2]s
  tocsin keys sign %[1]s/keys/1 -k %[1]s/keys/managers/questura -c %[2]s
  tocsin serve -c %[2]s
Bozza di un'allerta da compilare: %[3]s`, `Folder ready: %[1]s, explained in %[1]s/LEGGIMI.md
Next: complete %[2]s and the channels' accounts; put the people into the key ring and let two managers sign it:
  tocsin keys add NAME@OFFICE --role officer --realm live --until DAY --key FILE.pub -c %[2]s
  tocsin keys add NAME@OFFICE --role police --realm live --until DAY --key FILE.pub -c %[2]s
  tocsin keys sign %[1]s/keys/1 -k %[1]s/keys/managers/protezione-civile -c %[2]s
  tocsin keys sign %[1]s/keys/1 -k %[1]s/keys/managers/questura -c %[2]s
  tocsin serve -c %[2]s
Draft of an alert to fill in: %[3]s`, shellWord(a[0]), shellWord(config), filepath.Join(a[0], "scenarios", exampleOf(r)))
				p.tellManagers(a[0])
				return nil
			}
			elsewhere := ""
			if platforms != defaultSimulator {
				elsewhere = " --listen " + platforms
			}
			p.print(`Cartella pronta: %[1]s, spiegata in %[1]s/LEGGIMI.md
Ora, in terminali diversi:
  tocsin simulate%[3]s
  tocsin serve -c %[2]s
  tocsin compose -c %[2]s --cap %[1]s/scenarios/savona-esercitazione.cap.xml -o allerta.bollettino
  tocsin preview allerta.bollettino
  tocsin sign allerta.bollettino -k %[1]s/keys/officer
  tocsin publish allerta.bollettino -c %[2]s
  tocsin cosign CODICE -c %[2]s -k %[1]s/keys/police
  tocsin status -c %[2]s --watch`, `Folder ready: %[1]s, explained in %[1]s/LEGGIMI.md
Next, in different terminals:
  tocsin simulate%[3]s
  tocsin serve -c %[2]s
  tocsin compose -c %[2]s --cap %[1]s/scenarios/savona-esercitazione.cap.xml -o alert.bulletin
  tocsin preview alert.bulletin
  tocsin sign alert.bulletin -k %[1]s/keys/officer
  tocsin publish alert.bulletin -c %[2]s
  tocsin cosign CODE -c %[2]s -k %[1]s/keys/police
  tocsin status -c %[2]s --watch`, shellWord(a[0]), shellWord(config), elsewhere)
			p.tellManagers(a[0])
			return nil
		},
	}
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&site, "site", defaultSite, p.say("indirizzo delle pagine pubbliche", "address of the public pages"))
	cmd.Flags().StringVar(&broker, "broker", defaultBroker, p.say("indirizzo del broker incorporato", "address of the embedded broker"))
	cmd.Flags().StringVar(&platforms, "simulator", defaultSimulator, p.say("indirizzo del simulatore; le piattaforme sono sulle quattro porte dopo", "address of the simulator; the platforms are on the four ports after it"))
	cmd.Flags().StringVar(&realm, "realm", string(alert.RealmExercise), p.say("exercise (esercitazione) o live (reale)", "exercise or live"))
	return cmd
}

// write makes the folder. A folder that holds a configuration already is left
// alone.
func (f fresh) write(ctx context.Context, dir string, now time.Time) error {
	if _, err := os.Stat(filepath.Join(dir, "tocsin.yaml")); err == nil {
		return fmt.Errorf("init: %s holds a configuration already: choose another folder, nothing is overwritten", dir)
	}
	for _, sub := range []string{"", "keys", "secrets", "scenarios"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return fmt.Errorf("init: %w: choose another folder, or one in which you may write", err)
		}
	}
	t, err := template.New("tocsin.yaml").Parse(configTemplate)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	var config bytes.Buffer
	if err := t.Execute(&config, f); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	if err := f.ring(ctx, dir, now); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	files, err := f.readme()
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	// An exercise has no place on a live node, where it could go out as reality.
	files["scenarios/"+exampleOf(f.Realm)] = scenarios.Demo()
	if f.Realm == alert.RealmLive {
		files["scenarios/"+exampleOf(f.Realm)] = scenarios.Draft()
	}
	if f.Realm == alert.RealmExercise {
		for name, secret := range f.secrets() {
			files["secrets/"+name] = []byte(secret + "\n")
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return fmt.Errorf("init: %w", err)
		}
	}
	if err := writeBroker(dir, f.channelsOf()); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	// The configuration comes last: where it is, the folder is whole.
	return os.WriteFile(filepath.Join(dir, "tocsin.yaml"), config.Bytes(), 0o600)
}

// renew writes the configuration and the credentials anew, and leaves keys and
// ledger as they are.
func (f fresh) renew(dir string) error {
	_, err := os.Stat(filepath.Join(dir, firstFolder))
	f.Plain = errors.Is(err, fs.ErrNotExist)
	t, err := template.New("tocsin.yaml").Parse(configTemplate)
	if err != nil {
		return err
	}
	var config bytes.Buffer
	if err := t.Execute(&config, f); err != nil {
		return err
	}
	for name, secret := range f.secrets() {
		if err := os.WriteFile(filepath.Join(dir, "secrets", name), []byte(secret+"\n"), 0o600); err != nil {
			return err
		}
	}
	if err := writeBroker(dir, f.channelsOf()); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "tocsin.yaml"), config.Bytes(), 0o600)
}

// secrets are the credentials of the simulator's accounts by file name.
func (f fresh) secrets() map[string]string {
	a := f.Accounts
	return map[string]string{
		"telegram.token":       a.Telegram.Token,
		"x.consumer-key":       a.X.ConsumerKey,
		"x.consumer-secret":    a.X.ConsumerSecret,
		"x.access-token":       a.X.AccessToken,
		"x.access-secret":      a.X.AccessSecret,
		"facebook.token":       a.Facebook.Token,
		"facebook.app-secret":  a.Facebook.AppSecret,
		"instagram.token":      a.Instagram.Token,
		"instagram.app-secret": a.Instagram.AppSecret,
	}
}
