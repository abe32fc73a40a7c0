package main

// This file has the commands that show and check the key ring; keys_draft.go has those
// that change it.

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/signing"
)

func (p *program) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: p.say("il portachiavi: chi può firmare, e come lo si cambia", "the key ring: who may sign, and how it is changed"),
		Long: p.say(`Una versione del portachiavi è una cartella: root (i responsabili), signers (chi firma), revoked, policy, meta e le firme in sigs/.
Una nuova versione si prepara come bozza (draft, add, revoke, expire, rotate), la firmano i responsabili (sign) e si consegna al
registro (accept): da lì in poi vale su ogni nodo, senza riavvii. Una versione si riprende dal registro con fetch. La verifica senza Tocsin: verify-ring.sh (keys verify --script).`,
			`A version of the key ring is a folder: root (its managers), signers (who signs), revoked, policy, meta, and the signatures in sigs/.
A new version is prepared as a draft (draft, add, revoke, expire, rotate), its managers sign it (sign), and it is handed to the
ledger (accept): from there on it holds on every node, without a restart. fetch takes a version out of the ledger. To check it without Tocsin: verify-ring.sh (keys verify --script).`),
		Args: args(none),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.keysListCommand(), p.keysLintCommand(), p.keysPolicyCommand(), p.keysVerifyCommand(), p.keysDraftCommand(), p.keysAddCommand(),
		p.keysRevokeCommand(), p.keysExpireCommand(), p.keysRotateCommand(), p.keysSignCommand(), p.keysAcceptCommand(), p.keysFetchCommand())
	return cmd
}

// ringSource says which key ring a command looks at: the one in force on a ledger, or
// a version's folder.
type ringSource struct {
	where
	ring string // --ring DIR
}

func (r *ringSource) flags(p *program, cmd *cobra.Command) {
	r.where.flags(p, cmd)
	cmd.Flags().StringVar(&r.ring, "ring", "", p.say("cartella di una versione del portachiavi, senza registro", "folder of a version of the key ring, without a ledger"))
}

// realm returns the realm that a flag names, or else the configuration's; live where
// neither says.
func (r *ringSource) realm(flag string) (alert.Realm, error) {
	if flag != "" {
		named, err := alert.ParseRealm(flag)
		if err != nil {
			return "", usageError{err}
		}
		return named, nil
	}
	if r.config == "" {
		return alert.RealmLive, nil
	}
	c, err := r.configuration()
	if err != nil {
		return "", err
	}
	return c.Realm, nil
}

// readRing reads a version's folder.
func readRing(dir string) (*signing.Version, error) {
	v, err := signing.ReadVersion(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("key ring %s: %w", dir, err)
	}
	return v, nil
}

// inForce returns the version and the authority that the flags name. The version is
// nil for a ring without versions.
func (r *ringSource) inForce(ctx context.Context) (*signing.Version, *signing.Authority, error) {
	if r.ring != "" {
		if r.config != "" || r.state != "" {
			return nil, nil, usage("--ring and -c or --state exclude each other")
		}
		v, err := readRing(r.ring)
		if err != nil {
			return nil, nil, err
		}
		return v, v.Authority(""), nil
	}
	d, err := r.open(ctx, "tocsin keys", nil, false)
	if err != nil {
		return nil, nil, err
	}
	defer d.Close()
	v, _ := d.rings.Version()
	return v, d.authority, nil
}

// keyLine is one line of the key ring for people and scripts.
type keyLine struct {
	Principal string        `json:"principal"`
	Role      signing.Role  `json:"role"`
	Realms    []alert.Realm `json:"realms"`
	From      time.Time     `json:"from"`
	Until     time.Time     `json:"until"`
	State     string        `json:"state"` // valid, soon, expired, future, revoked
	Key       string        `json:"key"`
	Type      string        `json:"type"`
	Enrols    bool          `json:"enrols,omitempty"` // it is an authority for certificates
	Line      int           `json:"line"`
}

func keyLines(r *signing.Ring, now time.Time) (lines []keyLine) {
	for _, s := range r.Signers() {
		l := keyLine{
			Principal: s.Principal, Role: s.Role, Realms: s.Realms, From: s.ValidAfter, Until: s.ValidBefore, State: "valid",
			Key: s.Fingerprint, Type: s.Key.Type(), Enrols: s.Authority, Line: s.Line,
		}
		switch {
		case r.Revoked(s.Key):
			l.State = "revoked"
		case now.After(s.ValidBefore):
			l.State = "expired"
		case now.Before(s.ValidAfter):
			l.State = "future"
		case s.ValidBefore.Sub(now) < keyWarning:
			l.State = "soon"
		}
		lines = append(lines, l)
	}
	slices.SortStableFunc(lines, func(a, b keyLine) int {
		over := func(l keyLine) int {
			if l.State == "revoked" || l.State == "expired" {
				return 1
			}
			return 0
		}
		if x, y := over(a), over(b); x != y {
			return x - y
		}
		return a.Until.Compare(b.Until)
	})
	return lines
}

func (p *program) keyState(state string) string {
	switch state {
	case "revoked":
		return p.say("REVOCATA", "REVOKED")
	case "expired":
		return p.say("scaduta", "expired")
	case "future":
		return p.say("non ancora valida", "not valid yet")
	case "soon":
		return p.say("scade presto", "expires soon")
	}
	return p.say("valida", "valid")
}

// ringReport is what keys list prints with --json.
type ringReport struct {
	Version int        `json:"version,omitempty"` // 0 for a ring without versions
	Meta    string     `json:"meta,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	Expired bool       `json:"expired"`
	Ring    string     `json:"key_ring"`
	Signers []keyLine  `json:"signers"`
	Root    []keyLine  `json:"managers,omitempty"`
	Need    int        `json:"threshold,omitempty"`
}

func (p *program) keysListCommand() *cobra.Command {
	var from ringSource
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list -c FILE",
		Short: p.say("mostra chi può firmare, come e fino a quando", "shows who may sign, as what and until when"),
		Args:  args(none),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, a, err := from.inForce(cmd.Context())
			if err != nil {
				return err
			}
			now := time.Now()
			out := ringReport{Ring: hexSum(a.Ring.SHA256()), Signers: keyLines(a.Ring, now)}
			if v != nil {
				out.Version, out.Meta, out.Expires, out.Need = v.Meta.Version, hexSum(v.SHA256()), &v.Meta.Expires, v.Meta.Threshold
				out.Expired, out.Root = !now.Before(v.Meta.Expires), keyLines(v.Root(), now)
			}
			if asJSON {
				return p.printJSON(out)
			}
			if v != nil {
				p.print("Portachiavi, versione %d, meta %s\nValido fino al %s; ogni cambio lo firmano almeno %d responsabili", "Key ring, version %d, meta %s\nValid until %s; at least %d managers sign each change",
					v.Meta.Version, out.Meta, v.Meta.Expires.In(rome()).Format("2006-01-02 15:04"), v.Meta.Threshold)
				if n := p.ringNotice(v, now); n != "" {
					fmt.Fprintln(p.out, n)
				}
			} else {
				p.print("Portachiavi senza versioni, %s", "Key ring without versions, %s", out.Ring)
			}
			p.print("\nFirmano i bollettini:", "\nWho signs bulletins:")
			p.keyTable(out.Signers)
			if v != nil {
				p.print("\nResponsabili del portachiavi:", "\nManagers of the key ring:")
				p.keyTable(out.Root)
			}
			return nil
		},
	}
	from.flags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	return cmd
}

func (p *program) keyTable(lines []keyLine) {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		var realms []string
		for _, r := range l.Realms {
			realms = append(realms, p.realmWords(r))
		}
		role := l.Role.Title(p.lang)
		if l.Enrols {
			role += p.say(" (autorità)", " (authority)")
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s – %s\t%s\t%s\n", l.Principal, role, strings.Join(realms, ", "),
			l.From.In(rome()).Format("2006-01-02"), l.Until.In(rome()).Format("2006-01-02"), p.keyState(l.State), l.Key)
	}
	_ = w.Flush()
}

// lintLine is one finding of keys lint with --json.
type lintLine struct {
	File     string           `json:"file"`
	Line     int              `json:"line,omitempty"`
	Severity signing.Severity `json:"severity"`
	Text     string           `json:"text"`
}

func (p *program) keysLintCommand() *cobra.Command {
	var from ringSource
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lint [FILE]",
		Short: p.say("dice di ogni riga del portachiavi che cosa è sbagliato o debole", "says of each line of the key ring what is wrong or weak"),
		Long: p.say("Guarda FILE (allowed_signers), oppure una versione (--ring), oppure il portachiavi in vigore (-c, --state).\nStato 3 se una riga è sbagliata; le debolezze si leggono e basta.",
			"Looks at FILE (allowed_signers), or at a version (--ring), or at the key ring in force (-c, --state).\nExit status 3 if a line is wrong; what is weak is only told."),
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			found, err := p.lint(cmd.Context(), &from, a)
			if err != nil {
				return err
			}
			wrong := 0
			for _, f := range found {
				if f.Severity == signing.Broken {
					wrong++
				}
			}
			if asJSON {
				if found == nil {
					found = []lintLine{}
				}
				if err := p.printJSON(found); err != nil {
					return err
				}
			} else {
				for _, f := range found {
					fmt.Fprintf(p.out, "%s:%d: %s: %s\n", f.File, f.Line, p.severity(f.Severity), f.Text)
				}
				if len(found) == 0 {
					p.print("Niente da dire.", "Nothing to say.")
				}
			}
			if wrong > 0 {
				return refused("keys lint: wrong lines: %d; see above", wrong)
			}
			return nil
		},
	}
	from.flags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	return cmd
}

func (p *program) severity(s signing.Severity) string {
	switch s {
	case signing.Broken:
		return p.say("errore", "error")
	case signing.Weak:
		return p.say("debole", "weak")
	case signing.Noted:
	}
	return p.say("nota", "note")
}

func (p *program) findingWords(f signing.LintFinding) string {
	if f.Err != nil {
		return p.words(f.Err)
	}
	return p.say(f.Italian, f.English)
}

// lint looks at the file, the version or the ring in force.
func (p *program) lint(ctx context.Context, from *ringSource, a []string) (out []lintLine, err error) {
	now := time.Now()
	add := func(file string, found []signing.LintFinding) {
		for _, f := range found {
			text := p.findingWords(f)
			if f.File != "" {
				file = f.File
			}
			out = append(out, lintLine{file, f.Line, f.Severity, text})
		}
	}
	if len(a) == 1 {
		text, err := readLimited(a[0], p.stdin, 2<<20)
		if err != nil {
			return nil, err
		}
		add(a[0], signing.Lint(text, nil, nil, now))
		return out, nil
	}
	v, _, err := from.inForce(ctx)
	if err != nil {
		return nil, err
	}
	if v == nil { // such a ring is in files of its own
		c, err := from.configuration()
		if err != nil || c == nil {
			return nil, both("il portachiavi non ha versioni: nominarne il file, per esempio tocsin keys lint keys/allowed_signers", "the key ring has no versions: name its file, such as tocsin keys lint keys/allowed_signers")
		}
		text, err := os.ReadFile(c.abs(c.Keys.Ring))
		if err != nil {
			return nil, err
		}
		var revoked []byte
		if c.Keys.Revoked != "" {
			if revoked, err = os.ReadFile(c.abs(c.Keys.Revoked)); err != nil {
				return nil, err
			}
		}
		add(c.Keys.Ring, signing.Lint(text, revoked, nil, now))
		return out, nil
	}
	add("", v.Lint(now))
	if from.config != "" {
		c, err := from.configuration()
		if err != nil {
			return nil, err
		}
		add(signing.FilePolicy, lintNames(v.Policy(), c))
	}
	return out, nil
}

// lintNames looks for names in a policy that a node's configuration does not have: what
// goes there goes nowhere.
func lintNames(policy *signing.Policy, c *config) (found []signing.LintFinding) {
	g, ok := policy.Breakglass()
	if !ok {
		return nil
	}
	weak := func(italian, english string) {
		found = append(found, signing.LintFinding{Severity: signing.Weak, Italian: italian, English: english})
	}
	for _, name := range g.Channels {
		if !slices.ContainsFunc(c.Channels, func(ch channelConfig) bool { return ch.Name == name }) {
			weak("breakglass.channels nomina "+name+", e la configurazione non ha questo canale", "breakglass.channels names "+name+", and the configuration has no such channel")
		}
	}
	for _, name := range g.Notify {
		if !slices.ContainsFunc(c.Notify, func(n notifyConfig) bool { return n.Name == name }) {
			weak("breakglass.notify nomina "+name+", e la configurazione non ha questo destinatario", "breakglass.notify names "+name+", and the configuration has no such recipient")
		}
	}
	return found
}

func (p *program) keysVerifyCommand() *cobra.Command {
	var at, realm string
	var from ringSource
	var asJSON, script bool
	cmd := &cobra.Command{
		Use:   "verify DIR [OLD]",
		Short: p.say("dice se una versione è firmata da abbastanza responsabili", "says whether enough managers have signed a version"),
		Long: p.say(`Con una cartella: la firmano abbastanza dei suoi responsabili? Con due: la prima può prendere il posto della seconda?
Lo stesso controllo, con il solo ssh-keygen, lo fa lo script che --script scrive: sh verify-ring.sh VECCHIA NUOVA.`,
			`With one folder: have enough of its managers signed it? With two: may the first take the place of the second?
The same is checked, with ssh-keygen alone, by the script that --script prints: sh verify-ring.sh OLD NEW.`),
		Args: func(cmd *cobra.Command, a []string) error {
			if script {
				return args(none)(cmd, a)
			}
			return args(cobra.RangeArgs(1, 2))(cmd, a)
		},
		RunE: func(_ *cobra.Command, a []string) error {
			if script {
				_, err := p.out.Write(signing.VerifyRingScript())
				return err
			}
			r, err := from.realm(realm)
			if err != nil {
				return err
			}
			when := time.Now()
			if at != "" {
				if when, err = parseMoment(at, false); err != nil {
					return err
				}
			}
			done, err := verifyRing(a, r, when)
			if err != nil {
				return refusedError{err}
			}
			return p.report(asJSON, done, "SÌ: versione %d, meta %s\nHanno firmato: %s", "YES: version %d, meta %s\nSigned by: %s", done.Version, done.Meta, strings.Join(done.Signed, ", "))
		},
	}
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&at, "at", "", p.say("giudica come a quel momento (predefinito: adesso)", "judge as of that moment (default: now)"))
	cmd.Flags().StringVar(&realm, "realm", "", p.say("exercise (esercitazione) o live (reale); predefinito: quello di -c, altrimenti live", "exercise or live; default: that of -c, else live"))
	cmd.Flags().StringVarP(&from.config, "config", "c", "", p.say("configurazione del nodo: dice l'ambiente", "the node's configuration: it says the realm"))
	cmd.Flags().BoolVar(&script, "script", false, p.say("scrive lo script che verifica senza Tocsin", "print the script that checks without Tocsin"))
	return cmd
}

// verifiedRing is what keys verify and keys accept print with --json.
type verifiedRing struct {
	Version int      `json:"version"`
	Meta    string   `json:"meta"`
	Signed  []string `json:"signed_by"`
	Record  int64    `json:"record,omitempty"` // of the ledger that put it in force
}

func verifyRing(dirs []string, realm alert.Realm, at time.Time) (verifiedRing, error) {
	v, err := readRing(dirs[0])
	if err != nil {
		return verifiedRing{}, err
	}
	signed, err := v.Stands(realm, at)
	if err == nil && len(dirs) == 2 {
		var old *signing.Version
		if old, err = readRing(dirs[1]); err == nil {
			var theirs []signing.Signer
			theirs, _, err = v.Follows(old, realm, at)
			signed = append(signed, theirs...)
		}
	}
	return verifiedRing{Version: v.Meta.Version, Meta: hexSum(v.SHA256()), Signed: principals(signed)}, err
}

// principals names signers, each once.
func principals(signed []signing.Signer) (names []string) {
	for i := range signed {
		names = append(names, signed[i].Principal)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// parseMoment reads a day or a moment; a day ends with its last second where it is
// the end of something.
func parseMoment(s string, end bool) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	t, err := time.ParseInLocation(time.DateOnly, s, rome())
	if err != nil {
		return t, usage("time %q: write a day like 2027-01-31, or a moment like 2027-01-31T12:00:00Z", s)
	}
	if end {
		t = t.AddDate(0, 0, 1).Add(-time.Second)
	}
	return t.UTC(), nil
}

func (p *program) keysPolicyCommand() *cobra.Command {
	var from ringSource
	var file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "policy",
		Short: p.say("mostra in una tabella che cosa basta per diffondere", "shows in a table what is enough for a release"),
		Long: p.say("Ogni combinazione è provata davvero: chiavi fatte apposta firmano, e decide lo stesso codice che decide di ogni diffusione.",
			"Every combination is really tried: keys made for it sign, and the same code decides that decides on every release."),
		Args: args(none),
		RunE: func(cmd *cobra.Command, _ []string) error {
			policy, err := p.policyOf(cmd.Context(), &from, file)
			if err != nil {
				return err
			}
			rows, err := signing.Matrix(policy)
			if err != nil {
				return err
			}
			halts, err := signing.HaltMatrix(policy)
			if err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(append(matrixJSON(rows), haltRows(halts)...))
			}
			p.writeMatrix(policy, rows)
			p.writeHaltMatrix(halts)
			p.writeBreakglass(policy)
			return nil
		},
	}
	from.flags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&file, "policy", "", p.say("file delle regole di firma", "file of a signing policy"))
	return cmd
}

func (p *program) policyOf(ctx context.Context, from *ringSource, file string) (*signing.Policy, error) {
	if file == "" {
		_, a, err := from.inForce(ctx)
		if err != nil {
			return nil, err
		}
		return a.Policy, nil
	}
	text, err := readLimited(file, p.stdin, 64<<10)
	if err != nil {
		return nil, err
	}
	return signing.ParsePolicy(text)
}

// matrixRow is one row of the policy's matrix with --json.
type matrixRow struct {
	Signed   []signing.Role  `json:"signed"`
	Persons  string          `json:"persons"`
	Trouble  string          `json:"trouble,omitempty"`
	Verdicts []matrixVerdict `json:"verdicts,omitempty"`
	Halts    []haltVerdict   `json:"halts,omitempty"` // instead of verdicts, of who keeps a bulletin from its release
}

// haltVerdict is a verdict on a refusal or a withdrawal.
type haltVerdict struct {
	Kind    bulletin.HaltKind `json:"kind"`
	Realm   alert.Realm       `json:"realm"`
	Stopped bool              `json:"stopped"`
	Reason  signing.Reason    `json:"reason,omitempty"`
}

func haltRows(rows []signing.HaltRow) (out []matrixRow) {
	for _, r := range rows {
		m := matrixRow{Signed: []signing.Role{r.Role}, Persons: "apart", Trouble: r.Trouble}
		for _, v := range r.Verdicts {
			m.Halts = append(m.Halts, haltVerdict{v.Kind, v.Realm, v.Refused == "", v.Refused})
		}
		out = append(out, m)
	}
	return out
}

// writeHaltMatrix prints who keeps a bulletin from its release.
func (p *program) writeHaltMatrix(rows []signing.HaltRow) {
	fmt.Fprintf(p.out, "\n%s\n", p.say("CHI FERMA UN BOLLETTINO NON ANCORA DIFFUSO. Basta una firma; ciò che è pronto per fermare un'allerta non si rifiuta e non si ritira.",
		"WHO STOPS A BULLETIN THAT IS NOT RELEASED YET. One signature is enough; what is prepared to stop an alert is neither refused nor withdrawn."))
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.say("Ha firmato", "Signed by"), p.say("Ambiente", "Realm"), p.say("Rifiuto", "Refusal"), p.say("Ritiro", "Withdrawal"))
	for _, r := range rows {
		cells := map[alert.Realm][]string{}
		for _, v := range r.Verdicts {
			cells[v.Realm] = append(cells[v.Realm], p.haltVerdict(v))
		}
		who := p.caseWords(signing.Case{Signed: []signing.Role{r.Role}, Trouble: r.Trouble})
		live, exercise := strings.Join(cells[alert.RealmLive], "\t"), strings.Join(cells[alert.RealmExercise], "\t")
		if live == exercise {
			fmt.Fprintf(w, "%s\t%s\t%s\n", who, p.say("ogni", "any"), live)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", who, p.realmWords(alert.RealmLive), live)
		fmt.Fprintf(w, "\t%s\t%s\n", p.realmWords(alert.RealmExercise), exercise)
	}
	_ = w.Flush()
}

func (p *program) haltVerdict(v signing.HaltVerdict) string {
	switch v.Refused {
	case "":
		return p.say("FERMATO", "STOPPED")
	case signing.ReasonMayNotRefuse, signing.ReasonMayNotWithdraw:
		return p.say("no: non in questo ruolo", "no: not in this role")
	}
	return p.say("no: la firma non vale", "no: it does not count")
}

type matrixVerdict struct {
	MsgType  alert.MsgType `json:"msgType"`
	Prepared bulletin.Kind `json:"prepared,omitempty"`
	// Breakglass is true for a bulletin that one organisation issues.
	Breakglass bool           `json:"breakglass,omitempty"`
	Realm      alert.Realm    `json:"realm"`
	Released   bool           `json:"released"`
	Reason     signing.Reason `json:"reason,omitempty"`
	Missing    []signing.Role `json:"missing,omitempty"`
}

func matrixJSON(rows []signing.Row) (out []matrixRow) {
	for _, r := range rows {
		m := matrixRow{Signed: r.Signed, Persons: r.Persons, Trouble: r.Trouble}
		for _, v := range r.Verdicts {
			m.Verdicts = append(m.Verdicts, matrixVerdict{v.MsgType, v.Kind, v.Breakglass, v.Realm, v.Refused == "", v.Refused, v.Missing})
		}
		out = append(out, m)
	}
	return out
}

// writeMatrix prints the matrix: what is the same in both realms once.
func (p *program) writeMatrix(policy *signing.Policy, rows []signing.Row) {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	head := func() {
		columns := []string{
			p.say("Hanno firmato", "Signed by"), p.say("Ambiente", "Realm"), p.say("Allerta", "Alert"), p.say("Aggiornamento", "Update"), p.say("Revoca", "Cancel"),
			p.say("Rettifica pronta", "Prepared correction"), p.say("Revoca pronta", "Prepared revocation"),
		}
		if _, ok := policy.Breakglass(); ok {
			columns = append(columns, p.say("Emissione d'emergenza", "Break-glass"), p.say("Ratifica pronta", "Prepared ratification"))
		}
		fmt.Fprintln(w, strings.Join(columns, "\t"))
	}
	fmt.Fprintln(w, p.say("CHI FIRMA. Ogni chiave è valida, ogni firma è sul bollettino.", "WHO SIGNS. Every key is valid, every signature is on the bulletin."))
	head()
	second := false
	for i, r := range rows {
		if same, first := alike(rows, i); same {
			if !first {
				continue
			}
			r.Persons = "" // it makes no difference
		}
		if r.Trouble != "" && !second {
			second = true
			fmt.Fprintf(w, "\n%s\n", p.say("QUANDO UNA FIRMA NON VALE. Hanno firmato abbastanza persone, ma dell'ultima firma, o del bollettino, si sa questo:",
				"WHEN A SIGNATURE DOES NOT COUNT. Enough people have signed, but this is the matter with the last signature, or with the bulletin:"))
			head()
		}
		p.matrixLine(w, r)
	}
	_ = w.Flush()
	for line := range strings.Lines(b.String()) {
		fmt.Fprintln(p.out, strings.TrimRight(line, " \n"))
	}
}

// writeBreakglass says in sentences what the policy allows where the other organisation
// can't be reached.
func (p *program) writeBreakglass(policy *signing.Policy) {
	fmt.Fprintln(p.out)
	g, ok := policy.Breakglass()
	if !ok {
		fmt.Fprintln(p.out, p.say("EMISSIONE D'EMERGENZA (la polizia non risponde): non ammessa. Ogni bollettino segue le regole qui sopra.",
			"BREAK-GLASS (the police can't be reached): not allowed. Every bulletin follows the rules above."))
		return
	}
	fmt.Fprintln(p.out, p.say("EMISSIONE D'EMERGENZA (la polizia non risponde): ammessa, se tutte queste condizioni valgono alla diffusione.",
		"BREAK-GLASS (the police can't be reached): allowed where all of this holds at the release."))
	for _, line := range []string{
		p.say("firmano il funzionario di turno e un firmatario di emergenza: due persone, due chiavi, la stessa organizzazione", "a duty officer and an emergency signer sign: two persons, two keys, one organisation"),
		p.say("il bollettino dice di essere d'emergenza, perché, e ogni testo dice che lo emette una sola autorità", "the bulletin says that it is break-glass, and why, and each text says that one authority only issued it"),
		p.say("tentativi di contatto nel registro: almeno %d", "contact attempts in the ledger: at least %d", g.Attempts),
		p.say("dal primo tentativo alla diffusione: almeno %d minuti", "from the first attempt to the release: at least %d minutes", int(g.Wait.Minutes())),
		p.say("senza aspettare: %s", "without waiting: %s", p.orNone(g.AtOnce)),
		p.say("eventi ammessi: %s", "events allowed: %s", p.orNone(g.Events)),
		p.say("canali ammessi: %s", "channels allowed: %s", p.orNone(g.Channels)),
		p.say("vale al massimo %d minuti", "it holds for %d minutes at most", int(g.Life.Minutes())),
		p.say("in 24 ore: al massimo %d", "in 24 hours: %d at most", g.PerDay),
		p.say("avvisati subito: %s", "told at once: %s", strings.Join(g.Notify, ", ")),
	} {
		fmt.Fprintln(p.out, "- "+line)
	}
}

func (p *program) orNone(list []string) string {
	if len(list) == 0 {
		return p.say("nessuno", "none")
	}
	return strings.Join(list, ", ")
}

// alike reports whether it makes no difference for the people of a row how they stand
// to each other, and whether the row is the first of those that say the same.
func alike(rows []signing.Row, i int) (same, first bool) {
	if rows[i].Trouble != "" || len(rows[i].Signed) < 2 {
		return false, true
	}
	from := slices.IndexFunc(rows, func(r signing.Row) bool { return slices.Equal(r.Signed, rows[i].Signed) })
	for _, r := range rows[from:] {
		if r.Trouble == "" && slices.Equal(r.Signed, rows[i].Signed) {
			for n, v := range r.Verdicts {
				if v.Refused != rows[from].Verdicts[n].Refused {
					return false, true
				}
			}
		}
	}
	return true, i == from
}

func (p *program) matrixLine(w *tabwriter.Writer, r signing.Row) {
	cells := map[alert.Realm][]string{}
	for _, v := range r.Verdicts {
		cells[v.Realm] = append(cells[v.Realm], p.verdict(v))
	}
	live, exercise := strings.Join(cells[alert.RealmLive], "\t"), strings.Join(cells[alert.RealmExercise], "\t")
	if live == exercise {
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.caseWords(r.Case), p.say("ogni", "any"), live)
		return
	}
	fmt.Fprintf(w, "%s\t%s\t%s\n", p.caseWords(r.Case), p.realmWords(alert.RealmLive), live)
	fmt.Fprintf(w, "\t%s\t%s\n", p.realmWords(alert.RealmExercise), exercise)
}

func (p *program) caseWords(c signing.Case) string {
	var roles []string
	for _, r := range c.Signed {
		roles = append(roles, r.Title(p.lang))
	}
	words := strings.Join(roles, " + ")
	switch {
	case c.Trouble != "" && c.Persons == "one_organisation":
		return words + p.say(", della stessa organizzazione: ", ", of one organisation: ") + p.trouble(c.Trouble)
	case c.Trouble != "":
		return words + ": " + p.trouble(c.Trouble)
	case c.Persons == "" || len(c.Signed) < 2:
		return words
	case c.Persons == "one_organisation":
		return words + p.say(", della stessa organizzazione", ", of one organisation")
	case c.Persons == "one_person":
		return words + p.say(", la stessa persona", ", one person")
	}
	return words + p.say(", di organizzazioni diverse", ", of different organisations")
}

func (p *program) trouble(t string) string {
	switch t {
	case "other_realm":
		return p.say("firmato per l'altro ambiente", "signed for the other realm")
	case "key_expired":
		return p.say("chiave già scaduta alla firma", "key had expired before it signed")
	case "expired_since":
		return p.say("chiave scaduta dopo la firma", "key has expired since it signed")
	case "not_yet_valid":
		return p.say("chiave non ancora valida alla firma", "key was not valid yet when it signed")
	case "revoked":
		return p.say("chiave revocata", "key revoked")
	case "not_in_ring":
		return p.say("chiave sconosciuta", "key unknown")
	case "same_key":
		return p.say("chiave di un altro", "somebody else's key")
	case "wait_not_over":
		return p.say("attesa dopo i tentativi di contatto non finita", "wait after the contact attempts not over")
	case "few_attempts":
		return p.say("un tentativo di contatto di meno", "one contact attempt less")
	case "not_recorded":
		return p.say("tentativi di contatto non nel registro", "contact attempts not in the ledger")
	case "other_event":
		return p.say("un altro evento", "another event")
	case "other_channel":
		return p.say("un altro canale", "another channel")
	case "too_long":
		return p.say("vale un secondo di più", "it holds for one second more")
	case "too_many":
		return p.say("una di troppo in 24 ore", "one too many in 24 hours")
	}
	return p.say("allerta già scaduta", "the alert has expired")
}

func (p *program) verdict(v signing.Verdict) string {
	switch {
	case v.Refused == "":
		return p.say("DIFFUSO", "RELEASED")
	case v.Refused == signing.ReasonMissingRole && len(v.Missing) > 1:
		return p.say("no: manca chi può", "no: nobody who may") // several roles can, or must: those who signed are none of them
	case v.Refused == signing.ReasonMissingRole:
		var roles []string
		for _, r := range v.Missing {
			roles = append(roles, r.Title(p.lang))
		}
		return p.say("no: manca ", "no: missing ") + strings.Join(roles, ", ")
	case v.Refused == signing.ReasonSamePerson:
		return p.say("no: una persona sola", "no: one person")
	case v.Refused == signing.ReasonSameOrganisation:
		return p.say("no: una sola organizzazione", "no: one organisation")
	case v.Refused == signing.ReasonOtherOrganisation:
		return p.say("no: due organizzazioni", "no: two organisations")
	case v.Refused == signing.ReasonExpiredAlert:
		return p.say("no: è finita", "no: it is over")
	case strings.HasPrefix(string(v.Refused), "breakglass_"):
		return p.say("no: le condizioni mancano", "no: its conditions are not met")
	}
	return p.say("no: la firma non vale", "no: it does not count")
}
