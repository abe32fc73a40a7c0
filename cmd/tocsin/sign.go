package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/review"
	"tocsin/broker/signing"
	"tocsin/broker/signing/sshsig"
)

// keyFlags say with which key a person signs.
type keyFlags struct {
	key    string
	yes    bool
	images string // folder for the pictures; "" for one that goes away
}

func (k *keyFlags) flags(p *program, cmd *cobra.Command) {
	cmd.Flags().StringVarP(&k.key, "key", "k", "", p.say("chiave OpenSSH (file), oppure impronta o commento di una chiave in ssh-agent",
		"OpenSSH key file, or fingerprint or comment of a key in ssh-agent"))
	cmd.Flags().BoolVar(&k.yes, "yes", false, p.say("firma senza chiedere conferma (per script)", "sign without asking (for scripts)"))
	cmd.Flags().StringVar(&k.images, "images", "", p.say("scrive le immagini in questa cartella", "writes the pictures into this folder"))
}

// load opens the key.
func (k *keyFlags) load(ctx context.Context, p *program) (signing.Key, error) {
	if k.key == "" {
		return nil, usage("name your key: -k FILE, or -k FINGERPRINT of a key in ssh-agent")
	}
	socket := p.getenv("SSH_AUTH_SOCK")
	if _, err := os.Stat(k.key); err != nil && (strings.HasPrefix(k.key, "SHA256:") || socket != "" && !strings.ContainsRune(k.key, os.PathSeparator)) {
		return signing.AgentKey(ctx, socket, k.key)
	}
	key, err := signing.LoadKey(ctx, k.key, signing.KeyOptions{AgentSocket: socket, Passphrase: p.passphrase, FromAgent: func() {
		fmt.Fprintln(p.err, p.say("La chiave è anche in ssh-agent: firma da lì, senza chiedere la frase segreta.", "ssh-agent holds this key too: it signs there, and the passphrase is not asked for."))
	}})
	if err != nil && ctx.Err() != nil {
		return nil, errBrokenOff
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, both("%v: nominare con -k il file della propria chiave, o l'impronta di una chiave in ssh-agent", "%w: name the file of your key with -k, or the fingerprint of a key in ssh-agent", err)
	}
	return key, err
}

// signedFile is what sign prints with --json.
type signedFile struct {
	File      string `json:"file"`
	Key       string `json:"key"`
	Namespace string `json:"namespace"`
	SHA256    string `json:"sha256"` // of what was signed
	// Words are the read-back words of a bulletin.
	Words []string `json:"words,omitempty"`
	// Warnings are those that the review shows, in English, the gravest first.
	Warnings []review.Warning `json:"warnings,omitempty"`
}

// handedIn is what publish, cosign and cancel print with --json.
type handedIn struct {
	Alert  string `json:"alert"`
	Code   string `json:"code"`
	Number int    `json:"number"`
	SHA256 string `json:"sha256"`
	// Words are the read-back words of the bulletin.
	Words    []string `json:"words"`
	Released bool     `json:"released"`
	// Warnings are those that the review showed before the signature, in English, the gravest
	// first; publish shows none.
	Warnings []review.Warning `json:"warnings,omitempty"`
	// Missing lists the roles that still have to sign; of a policy that asks for any
	// one of several, all of them.
	Missing []signing.Role `json:"missing,omitempty"`
	// Unread is why it could not be read what became of the bulletin: whether it is
	// released, and what is missing, is not known then.
	Unread string `json:"unread,omitempty"`
}

// readBack is how long a command tries to read what it has written.
const readBack = 5 * time.Second

// handed tells what became of a bulletin that was handed in, whose signature is in the
// ledger: that this can't be read undoes nothing, and is no error.
func (d *desk) handed(ctx context.Context, b *bulletin.Bulletin) handedIn {
	h := handedIn{Alert: string(b.Alert), Code: string(b.Code), Number: b.Number, SHA256: b.SHA256(), Words: review.ReadBack(b.SHA256())}
	ctx, cancel := context.WithTimeout(ctx, readBack)
	defer cancel()
	size, err := d.ledger.Size(ctx)
	if err == nil {
		err = d.ledger.WaitApplied(ctx, size)
	}
	var chain []*bulletin.Bulletin
	if err == nil {
		chain, err = d.releasedChain(ctx, string(b.Alert))
	}
	if err != nil {
		h.Unread = err.Error()
		return h
	}
	for _, r := range chain {
		h.Released = h.Released || r.SHA256() == b.SHA256()
	}
	if refusal, ok := errors.AsType[*signing.RefusedError](d.wouldRelease(ctx, b)); ok {
		h.Missing = refusal.Missing
	}
	return h
}

// reportUnread says that a signature is recorded, and that what became of it could not be
// read: whoever reads that it failed would sign again, or tell others that nothing went out.
func (p *program) reportUnread(asJSON bool, done handedIn, w *where) error {
	screen := p.out
	if asJSON {
		screen = p.err
	}
	fmt.Fprintln(screen, p.say("La firma è registrata (allerta %s, bollettino %d). Che cosa ne è seguito non è stato possibile leggerlo: %s.\nOra guardare: tocsin status %s %s",
		"The signature is recorded (alert %s, bulletin %d). What followed could not be read: %s.\nNext, look: tocsin status %s %s",
		done.Code, done.Number, p.read(done.Unread), done.Code, w.hint()))
	if asJSON {
		return p.printJSON(done)
	}
	return nil
}

// writeUncounted says which signatures in the ledger do not count for a bulletin, and
// why: a node's clock may judge them otherwise than the command's did.
func (p *program) writeUncounted(ctx context.Context, d *desk, b *bulletin.Bulletin, asJSON bool) {
	screen := p.out
	if asJSON {
		screen = p.err
	}
	if refusal, ok := errors.AsType[*signing.RefusedError](d.wouldRelease(ctx, b)); ok {
		for _, cause := range refusal.Causes {
			fmt.Fprintln(screen, p.say("ATTENZIONE: %s", "ATTENTION: %s", p.words(cause)))
		}
	}
}

func (p *program) signCommand() *cobra.Command {
	var k keyFlags
	var w where
	var output, role string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "sign BULLETIN -k KEY",
		Short: p.say("firma un bollettino (funzionario di turno)", "signs a bulletin (duty officer)"),
		Long: p.say("Firma i byte del bollettino con una chiave OpenSSH e scrive la firma in BOLLETTINO.officer.sig.\nLa firma è quella di ssh-keygen -Y sign: si verifica con ssh-keygen -Y verify.",
			"Signs the bulletin's bytes with an OpenSSH key and writes the signature to BULLETIN.officer.sig.\nThe signature is that of ssh-keygen -Y sign: ssh-keygen -Y verify checks it."),
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			b, err := readBulletin(a[0], p.stdin)
			if err != nil {
				return err
			}
			if !slices.Contains(bulletinRoles(), role) {
				return badRole("sign", role)
			}
			if output == "" {
				output = a[0] + "." + role + ".sig"
			}
			key, err := k.load(cmd.Context(), p)
			if err != nil {
				return err
			}
			if err := checkNew(output); err != nil {
				return err
			}
			if err := w.refuseVain(cmd.Context(), b, key, signing.Role(role)); err != nil {
				return err
			}
			bg, err := w.background(cmd.Context(), p, b)
			if err != nil {
				return err
			}
			warnings, err := p.confirm(b, &k, bg, asJSON, "Stai per firmare come "+signing.Role(role).Title("it"), "You are about to sign as "+signing.Role(role).Title("en"))
			if err != nil {
				return err
			}
			armored, err := key.Sign(cmd.Context(), signing.Namespace(signing.Role(role), b.Realm), b.Bytes())
			if err != nil {
				return err
			}
			if err := writeNew(output, armored); err != nil {
				return err
			}
			p.readBack(b, asJSON)
			return p.report(asJSON, signedFile{output, ssh.FingerprintSHA256(key.PublicKey()), signing.Namespace(signing.Role(role), b.Realm), b.SHA256(), review.ReadBack(b.SHA256()), warnings},
				"Firma scritta in %s (chiave %s, spazio %s).", "Signature written to %s (key %s, namespace %s).",
				output, ssh.FingerprintSHA256(key.PublicKey()), signing.Namespace(signing.Role(role), b.Realm))
		},
	}
	w.flags(p, cmd)
	k.flags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVarP(&output, "output", "o", "", p.say("dove scrivere la firma", "where to write the signature"))
	cmd.Flags().StringVar(&role, "role", string(signing.Officer), p.say("ruolo di chi firma, uno di %s", "role of the signer, one of %s", strings.Join(bulletinRoles(), ", ")))
	return cmd
}

func badRole(command, role string) error {
	return usage("%s: role %q: use one of %s", command, role, strings.Join(bulletinRoles(), ", "))
}

// bulletinRoles are the roles in which bulletins are signed: all but the one that
// approves key rings.
func bulletinRoles() (roles []string) {
	for _, r := range signing.Roles() {
		if r != signing.Keyring {
			roles = append(roles, string(r))
		}
	}
	return roles
}

func (p *program) publishCommand() *cobra.Command {
	var w where
	var signatures []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "publish BULLETIN -c FILE",
		Short: p.say("consegna al registro un bollettino firmato", "hands a signed bulletin to the ledger"),
		Long: p.say(`Consegna il bollettino con le firme che gli stanno accanto (BOLLETTINO.sig, BOLLETTINO.RUOLO.sig) o che si nominano
con --signature. Ogni firma vale per il ruolo che porta scritto. Se una non va, non si consegna niente.
Un bollettino già consegnato si può consegnare di nuovo con una firma in più.`,
			`Hands in the bulletin with the signatures that lie beside it (BULLETIN.sig, BULLETIN.ROLE.sig) or that are named
with --signature. Each counts for the role that it bears. If one does not hold, nothing is handed in.
A bulletin that was handed in before can be handed in again with one signature more.`),
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			ctx := cmd.Context()
			raw, err := readBulletinFile(a[0], p.stdin)
			if err != nil {
				return err
			}
			files, err := p.signatureFiles(a[0], signatures)
			if err != nil {
				return err
			}
			d, err := w.open(ctx, "tocsin publish", nil, true)
			if err != nil {
				return err
			}
			defer d.Close()
			b, err := parseBulletin(raw)
			if err != nil {
				return d.reject(ctx, nil, ledger.ClassBulletin, err)
			}
			if err := d.handIn(ctx, b, files); err != nil {
				return err
			}
			done := d.handed(ctx, b)
			if done.Unread != "" {
				return p.reportUnread(asJSON, done, &w)
			}
			if done.Released {
				return p.report(asJSON, done, "Bollettino %d dell'allerta %s consegnato: le firme bastano, è diffuso. Per seguirlo: tocsin status %s %s --watch",
					"Bulletin %d of alert %s handed in: its signatures are enough, it is released. To follow it: tocsin status %s %s --watch", b.Number, b.Code, b.Code, w.hint())
			}
			p.writeUncounted(ctx, d, b, asJSON)
			if len(done.Missing) == 0 {
				return p.report(asJSON, done, "Bollettino %d dell'allerta %s consegnato, ma non diffuso. Perché: tocsin status %s %s",
					"Bulletin %d of alert %s handed in, and not released. Why: tocsin status %s %s", b.Number, b.Code, b.Code, w.hint())
			}
			cosign := p.cosignLine(ctx, d, b, &w, asJSON)
			if !slices.Equal(done.Missing, []signing.Role{signing.Police}) {
				return p.report(asJSON, done, "Bollettino %d dell'allerta %s consegnato: manca ancora la firma di: %s.\nOra: %s",
					"Bulletin %d of alert %s handed in: still missing is the signature of: %s.\nNext: %s", b.Number, b.Code, p.roleWords(done.Missing), cosign)
			}
			return p.report(asJSON, done, "Bollettino %d dell'allerta %s consegnato: manca la controfirma.\nOra: %s", "Bulletin %d of alert %s handed in: the co-signature is missing.\nNext: %s",
				b.Number, b.Code, cosign)
		},
	}
	w.nodeFlags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringArrayVar(&signatures, "signature", nil, p.say("file di una firma, anche più volte (predefinite quelle accanto al bollettino)", "a signature's file, also several times (default: those beside the bulletin)"))
	return cmd
}

// A signatureFile is a signature that a person hands in.
type signatureFile struct {
	name    string // "" for one that is in no file
	armored []byte
}

// maxSignatures bounds the signatures that are handed in with a bulletin.
const maxSignatures = 16

// signatureFiles reads the signatures that are named, or those beside the bulletin.
func (p *program) signatureFiles(path string, named []string) ([]signatureFile, error) {
	if len(named) > maxSignatures {
		return nil, usage("publish: %d signatures: no policy asks for more than %d", len(named), maxSignatures)
	}
	beside := len(named) == 0
	if beside {
		named = append(named, path+".sig")
		for _, role := range signing.Roles() {
			named = append(named, path+"."+string(role)+".sig")
		}
	}
	var out []signatureFile
	for _, name := range named {
		armored, err := readLimited(name, p.stdin, 64<<10)
		if beside && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, both("firma: %v: firmare prima il bollettino, con tocsin sign", "signature: %w: sign the bulletin first, with tocsin sign", err)
		}
		out = append(out, signatureFile{name, armored})
	}
	if len(out) == 0 {
		return nil, both("firma: accanto a %s non ce n'è nessuna (%s.officer.sig): firmare prima il bollettino, con tocsin sign",
			"signature: there is none beside %s (%s.officer.sig): sign the bulletin first, with tocsin sign", path, path)
	}
	return out, nil
}

// hand is handIn for one signature that is in no file.
func (d *desk) hand(ctx context.Context, b *bulletin.Bulletin, armored []byte) error {
	return d.handIn(ctx, b, []signatureFile{{armored: armored}})
}

// handIn puts a bulletin and people's signatures into the ledger, in the order in
// which the policy names their roles, after all that the node would refuse has been
// refused here, with a record of it.
func (d *desk) handIn(ctx context.Context, b *bulletin.Bulletin, files []signatureFile) error {
	if d.c != nil && b.Realm != d.c.Realm {
		return d.reject(ctx, b, ledger.ClassRealm, both("il bollettino è dell'ambiente %s, questo nodo dell'ambiente %s: consegnarlo al suo nodo", "the bulletin is of realm %s, this node is of realm %s: hand it to its own node", b.Realm, d.c.Realm))
	}
	held := d.held(b)
	statements, err := d.statements(ctx, b, files, held)
	if err == nil {
		err = d.follows(ctx, b, held)
	}
	if err != nil {
		return d.reject(ctx, b, ledger.ClassBulletin, err)
	}
	if err := d.mayHandIn(b, held == nil, statements); err != nil {
		return err
	}
	ctx, span := d.span(ctx, "hand in", b)
	defer span.End()
	if held == nil {
		if err := d.room(ctx, b); err != nil {
			return d.noteFull(ctx, b, err)
		}
		if err := d.record(ctx, b); err != nil {
			return err
		}
	}
	for i, st := range statements {
		err := d.sign(ctx, b, st)
		if err != nil && i > 0 {
			return both("delle %d firme %d sono registrate, la successiva no: %v; vedere tocsin status, poi ripetere tocsin publish",
				"of %d signatures %d are recorded, the next one failed: %w; see tocsin status, then run tocsin publish again", len(statements), i, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mayHandIn says whose broker credential it takes to hand all of it in, where this program has
// not that one: nothing is written then, since half of it would wait for the other half.
func (d *desk) mayHandIn(b *bulletin.Bulletin, fresh bool, statements []signing.Statement) error {
	if fresh {
		if err := d.ledger.Allowed(&ledger.Record{Type: ledger.Bulletin, Alert: string(b.Alert), Kind: string(b.Kind)}); err != nil {
			return err
		}
	}
	for _, st := range statements {
		if err := d.ledger.Allowed(&ledger.Record{Type: ledger.Signature, Alert: string(b.Alert), Namespace: st.Namespace}); err != nil {
			return err
		}
	}
	return nil
}

// record puts a bulletin into the ledger. What stands prepared inside another one is kept
// with that one already: what stops an alert is one small record.
func (d *desk) record(ctx context.Context, b *bulletin.Bulletin) error {
	kept, err := d.keptInside(ctx, b)
	if err != nil {
		return err
	}
	if !kept {
		if _, err := d.ledger.PutBlob(ctx, b.Bytes()); err != nil {
			return err
		}
	}
	_, err = d.ledger.Append(ctx, recordOf(b))
	return err
}

// recordOf returns the record by which a bulletin is handed in.
func recordOf(b *bulletin.Bulletin) ledger.Record {
	return ledger.Record{
		Type: ledger.Bulletin, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Bytes: len(b.Bytes()), Code: string(b.Code),
		Identifier: b.Message.Identifier, MsgType: string(b.Message.MsgType), Kind: string(b.Kind), Expires: b.Expires.UTC(),
		Breakglass: b.Breakglass != nil,
	}
}

// keptInside reports whether the ledger keeps the bytes of a bulletin in those of the one in
// which it was prepared.
func (d *desk) keptInside(ctx context.Context, b *bulletin.Bulletin) (bool, error) {
	if b.Kind == "" {
		return false, nil
	}
	inside, err := delivery.Prepared(ctx, d.ledger, string(b.Alert), b.SHA256())
	return inside != nil, err
}

// statements checks the signatures of a bulletin that are not in the ledger yet, each
// one and all together, and puts them into the order in which the policy names their
// roles. held is what the ledger holds of the bulletin, or nil.
func (d *desk) statements(ctx context.Context, b *bulletin.Bulletin, files []signatureFile, held *ledger.BulletinState) ([]signing.Statement, error) {
	request, err := d.request(ctx, b)
	if err != nil {
		return nil, err
	}
	var all []signing.Statement
	if held != nil {
		all = delivery.Statements(held)
	}
	known := len(all)
	for _, f := range files {
		role, err := bearingRole(f.armored)
		var st signing.Statement
		if err == nil {
			st, err = d.statement(b, role, f.armored)
		}
		if err == nil {
			_, err = d.authority.CheckOne(request, st, time.Now())
		}
		if err != nil && len(files) > 1 {
			err = fmt.Errorf("%s: %w", f.name, err)
		}
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(all, func(other signing.Statement) bool { return bytes.Equal(other.Signature, st.Signature) }) {
			all = append(all, st)
		}
	}
	if held != nil && len(all) == known {
		if why := d.haltedBy(ctx, b); why != nil {
			return nil, why
		}
		return nil, both("questo bollettino è già stato consegnato: vedere tocsin status", "this bulletin was handed in before: see tocsin status")
	}
	if _, err := d.authority.Authorize(request, all, time.Now()); err != nil {
		refusal, ok := errors.AsType[*signing.RefusedError](err)
		if ok && refusal.Reason == signing.ReasonGlassHalted {
			if why := d.haltedBy(ctx, b); why != nil {
				return nil, why
			}
		}
		if !ok || len(refusal.Missing) == 0 {
			return nil, err
		}
	}
	fresh := all[known:]
	if rule, ok := d.authority.Policy.RuleOf(request); ok {
		place := func(st signing.Statement) int {
			role, _, _ := signing.ParseNamespace(st.Namespace)
			return slices.Index(rule.Roles(), role)
		}
		slices.SortStableFunc(fresh, func(x, y signing.Statement) int { return cmp.Compare(place(x), place(y)) })
	}
	return fresh, nil
}

// bearingRole returns the role for which a signature was made, by its namespace.
func bearingRole(armored []byte) (signing.Role, error) {
	s, err := sshsig.Parse(trimmed(armored))
	if err != nil {
		return signing.Officer, nil //nolint:nilerr // what can't be read is refused with its reason below
	}
	role, _, err := signing.ParseNamespace(s.Namespace())
	if err != nil {
		return "", both("firma non ammessa: è fatta per un altro uso (%v): firmare con tocsin sign",
			"signature not accepted: it was made for another purpose (%w): sign with tocsin sign", err)
	}
	return role, nil
}

// trimmed returns a signature as it stands in records: the armour and one line feed.
func trimmed(armored []byte) []byte { return append(bytes.TrimSpace(armored), '\n') }

// sign puts a signature into the ledger and waits until it is folded. Once the ledger has
// it there is no error any more: handed tells what can be read of it.
func (d *desk) sign(ctx context.Context, b *bulletin.Bulletin, st signing.Statement) error {
	ctx, span := d.span(ctx, "sign", b)
	defer span.End()
	if err := d.roomToSign(ctx, b); err != nil {
		return err
	}
	key := ""
	if s, err := d.authority.CheckOne(signing.RequestOf(b), st, st.At); err == nil {
		key = s.Fingerprint
	}
	seq, err := d.ledger.Append(ctx, ledger.Record{
		Type: ledger.Signature, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Principal: st.Principal, Namespace: st.Namespace,
		Key: key, Armor: string(st.Signature),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readBack)
	defer cancel()
	_ = d.ledger.WaitApplied(ctx, seq)
	return nil
}

// statement names the person behind a signature, by the key ring.
func (d *desk) statement(b *bulletin.Bulletin, role signing.Role, armored []byte) (signing.Statement, error) {
	st := signing.Statement{Namespace: signing.Namespace(role, b.Realm), Signature: trimmed(armored), At: time.Now()}
	var err error
	st.Principal, err = d.authority.Principal(st.Signature, role)
	return st, err
}

// follows checks that the bulletin takes up where the alert stands. held is what the
// ledger holds of it, or nil.
func (d *desk) follows(ctx context.Context, b *bulletin.Bulletin, held *ledger.BulletinState) error {
	if held != nil {
		verdicts, err := delivery.Judge(ctx, d.ledger, d.rings, string(b.Alert))
		switch v := verdicts[b.SHA256()]; {
		case err != nil:
			return err
		case v.Refused != nil:
			return v.Refused
		case v.Halt != nil:
			return halted(b, v.Halt)
		case v.Released:
			return signedAlready(b)
		}
		return d.unpublished(ctx, b)
	}
	var taken bool
	d.ledger.View(func(s *ledger.State) {
		for _, other := range s.Codes[string(b.Code)] {
			taken = taken || other != string(b.Alert)
		}
	})
	chain, err := d.releasedChain(ctx, string(b.Alert))
	if err != nil {
		return err
	}
	if len(chain) == 0 && taken {
		return &bulletin.ChainError{Break: bulletin.BreakTaken, Number: b.Number, Code: string(b.Code)}
	}
	var last *bulletin.Bulletin
	if len(chain) > 0 {
		last = chain[len(chain)-1]
	}
	if d.c != nil && last == nil && b.Message.Sender != d.c.Issuer.Sender {
		return both("il mittente CAP del bollettino è %s, quello di questo nodo è %s: comporlo con la configurazione del nodo", "the bulletin's CAP sender is %s, this node's is %s: compose it with the node's configuration", b.Message.Sender, d.c.Issuer.Sender)
	}
	if err := b.Follows(last); err != nil {
		return d.faster(err, last)
	}
	return d.unpublished(ctx, b)
}

// faster adds to a bulletin's refusal who handed in the one that took its place, and when.
func (d *desk) faster(err error, last *bulletin.Bulletin) error {
	broken, ok := errors.AsType[*bulletin.ChainError](err)
	if !ok || broken.Break != bulletin.BreakPassed && broken.Break != bulletin.BreakPrevious {
		return err
	}
	states := d.bulletinsOf(string(last.Alert))
	for i := range states {
		if s := &states[i]; s.SHA256 == last.SHA256() {
			return both("%v. Il bollettino %d è stato consegnato il %s, firmato da %s", "%w. Bulletin %d was handed in on %s, signed by %s", err, last.Number, s.At.In(rome()).Format(clock), named(d.signers(last, s)))
		}
	}
	return err
}

// named lists who signed.
func named(signers []signing.Signer) string {
	var names []string
	for _, s := range signers {
		if !slices.Contains(names, s.Principal) {
			names = append(names, s.Principal)
		}
	}
	if len(names) == 0 {
		return "?"
	}
	return strings.Join(names, ", ")
}

// unpublished checks that no other bulletin made the identifier of this one's message
// public: whoever receives CAP takes the second one for a repetition, and shows nothing
// (CAP 1.2, section 3.2.1, identifier).
func (d *desk) unpublished(ctx context.Context, b *bulletin.Bulletin) error {
	var alerts []string
	d.ledger.View(func(s *ledger.State) {
		for id, a := range s.Alerts {
			same := func(o *ledger.BulletinState) bool {
				return o.Identifier == b.Message.Identifier && o.SHA256 != b.SHA256()
			}
			if slices.ContainsFunc(a.Bulletins, same) {
				alerts = append(alerts, id)
			}
		}
	})
	for _, id := range alerts {
		chain, err := d.releasedChain(ctx, id)
		if err != nil {
			return err
		}
		for _, other := range chain {
			if other.Message.Identifier == b.Message.Identifier && other.Message.Sender == b.Message.Sender && other.SHA256() != b.SHA256() {
				return refusedError{both("l'identificativo CAP %s è già stato diffuso con il bollettino %d dell'allerta %s: chi riceve i messaggi CAP scarterebbe questo come una copia. Dare al messaggio un nuovo identifier e comporre di nuovo",
					"the CAP identifier %s was published already, with bulletin %d of alert %s: whoever receives CAP messages would drop this one as a copy. Give the message a new identifier and compose again", b.Message.Identifier, other.Number, other.Code)}
			}
		}
	}
	return nil
}

// releasedChain returns the released bulletins of an alert in order.
func (d *desk) releasedChain(ctx context.Context, id string) ([]*bulletin.Bulletin, error) {
	return delivery.Released(ctx, d.ledger, d.rings, id)
}

// cosignLine returns the command by which the next one signs a bulletin that was handed in.
// Where several of its alert wait it shows them, and the command says which one is meant.
func (p *program) cosignLine(ctx context.Context, d *desk, b *bulletin.Bulletin, w *where, asJSON bool) string {
	which := string(b.Code)
	if all, err := d.waiting(ctx, string(b.Alert)); err == nil && len(all) > 1 { // the bulletin is handed in: no error undoes that
		which += " --sha256 " + b.SHA256()[:shortSum]
		if !asJSON {
			p.writeWaiting(p.out, all)
		}
	}
	return p.say("tocsin cosign %s %s -k CHIAVE", "tocsin cosign %s %s -k KEY", which, w.hint())
}

func (p *program) cosignCommand() *cobra.Command {
	var w where
	var k keyFlags
	var sum string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "cosign ALERT -k KEY -c FILE",
		Short: p.say("controfirma l'allerta che aspetta (referente di polizia)", "co-signs the alert that waits (police liaison)"),
		Long: p.say("Legge dal registro il bollettino che aspetta la controfirma, verifica la prima firma, lo mostra su questo schermo, chiede, firma.\n"+
			"Firma nel ruolo che manca e che il portachiavi dà alla chiave: di solito è il referente di polizia; se ha cominciato la polizia, il funzionario.\n"+
			"ALLERTA è il codice allerta (SV-7F3K2) o l'identificativo.\n"+
			"Se dell'allerta aspettano più bollettini, li elenca e chiede quale; con --yes va detto prima, con --sha256.",
			"Reads from the ledger the bulletin that waits for the co-signature, verifies the first one, shows it on this screen, asks, signs.\n"+
				"It signs in the role that is missing and that the key ring gives the key: as a rule the police liaison; where the police began, the duty officer.\n"+
				"ALERT is the alert code (SV-7F3K2) or the identifier.\n"+
				"Where several bulletins of the alert wait, it lists them and asks which one; with --yes that is said before, with --sha256."),
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			ctx := cmd.Context()
			if err := checkSum(sum); err != nil {
				return err
			}
			key, err := k.load(ctx, p)
			if err != nil {
				return err
			}
			d, err := w.open(ctx, "tocsin cosign", nil, true)
			if err != nil {
				return err
			}
			defer d.Close()
			if err := d.settledNamed(ctx, a[0], sum); err != nil {
				return err
			}
			all, err := d.waiting(ctx, a[0])
			if err != nil {
				return err
			}
			if sum == "" {
				all = d.lacking(ctx, all, key)
			}
			b, err := p.choose("cosign", all, sum, &k, asJSON)
			if err != nil {
				return err
			}
			role, err := d.cosignsAs(ctx, b, key)
			if err != nil {
				return d.reject(ctx, b, ledger.ClassSignature, err)
			}
			if err := d.refuseVain(ctx, b, key, role, ""); err != nil {
				return err
			}
			what := cosigning(b)
			warnings, err := p.confirm(b, &k, d.background(ctx, p, b), asJSON, what.italian+role.Title("it"), what.english+role.Title("en"))
			if err != nil {
				return err
			}
			if err := d.cosign(ctx, b, key, role); err != nil {
				return err
			}
			done := d.handed(ctx, b)
			done.Warnings = warnings
			if done.Unread != "" {
				return p.reportUnread(asJSON, done, &w)
			}
			p.readBack(b, asJSON)
			if len(done.Missing) > 0 {
				return p.report(asJSON, done, "Controfirmato: allerta %s, bollettino %d. Manca ancora la firma di: %s. Ora: %s",
					"Co-signed: alert %s, bulletin %d. Still missing the signature of: %s. Next: %s", b.Code, b.Number, p.roleWords(done.Missing), p.cosignLine(ctx, d, b, &w, asJSON))
			}
			if !done.Released {
				return p.report(asJSON, done, "Controfirmato, ma non diffuso. Perché: tocsin status %s %s", "Co-signed, and not released. Why: tocsin status %s %s", b.Code, w.hint())
			}
			if b.Message.MsgType == alert.MsgCancel {
				return p.report(asJSON, done, "REVOCATA: l'allerta %s è revocata dal bollettino %d. Per seguirla: tocsin status %s %s --watch",
					"REVOKED: alert %s is revoked by bulletin %d. To follow it: tocsin status %s %s --watch", b.Code, b.Number, b.Code, w.hint())
			}
			return p.report(asJSON, done, "Controfirmato: l'allerta %s è diffusa. Per seguirla: tocsin status %s %s --watch",
				"Co-signed: alert %s is released. To follow it: tocsin status %s %s --watch", b.Code, b.Code, w.hint())
		},
	}
	w.nodeFlags(p, cmd)
	k.flags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&sum, "sha256", "", p.say("prime cifre (almeno %d) dello SHA-256 del bollettino da firmare", "first digits (at least %d) of the SHA-256 of the bulletin to sign", leastSum))
	return cmd
}

// announced is what somebody is about to do, in both languages of the screen.
type announced struct{ italian, english string }

// cosigning says what a co-signature does, before the role: that it takes an alert back is
// the first word.
func cosigning(b *bulletin.Bulletin) announced {
	if b.Message.MsgType == alert.MsgCancel {
		return announced{"Stai per REVOCARE l'allerta, controfirmando come ", "You are about to REVOKE the alert, co-signing as "}
	}
	return announced{"Stai per controfirmare come ", "You are about to co-sign as "}
}

// lacks returns the roles whose signatures a bulletin that waits still wants.
func (d *desk) lacks(ctx context.Context, b *bulletin.Bulletin) []signing.Role {
	if missing := missingRoles(d.wouldRelease(ctx, b)); len(missing) > 0 {
		return missing
	}
	// Each role has signed, and two of them are not apart: another signature of any cures it.
	rule, _ := d.authority.Policy.Rule(b.Message.MsgType, b.Kind)
	return rule.Roles()
}

// roleAmong returns the first of the roles that the key ring gives the key.
func (d *desk) roleAmong(roles []signing.Role, key signing.Key) (signing.Role, bool) {
	lines := d.authority.Ring.ByKey(key.PublicKey())
	i := slices.IndexFunc(roles, func(role signing.Role) bool {
		return slices.ContainsFunc(lines, func(l signing.Signer) bool { return l.Role == role })
	})
	if i < 0 {
		return "", false
	}
	return roles[i], true
}

// lacking returns those of the bulletins that want a signature of the key, or all where
// none does: the choice among them is then refused with its reason.
func (d *desk) lacking(ctx context.Context, all []waitingBulletin, key signing.Key) (out []waitingBulletin) {
	for _, w := range all {
		if _, ok := d.roleAmong(d.lacks(ctx, w.Bulletin), key); ok {
			out = append(out, w)
		}
	}
	if len(out) == 0 {
		return all
	}
	return out
}

// cosignsAs returns the role in which the key signs a bulletin that waits, or why it has
// none to sign in.
func (d *desk) cosignsAs(ctx context.Context, b *bulletin.Bulletin, key signing.Key) (signing.Role, error) {
	lacks := d.lacks(ctx, b)
	if role, ok := d.roleAmong(lacks, key); ok {
		return role, nil
	}
	rule, _ := d.authority.Policy.Rule(b.Message.MsgType, b.Kind)
	if _, ok := d.roleAmong(rule.Roles(), key); ok {
		if refusal, ok := errors.AsType[*signing.RefusedError](d.wouldRelease(ctx, b)); ok {
			refusal.Key = ssh.FingerprintSHA256(key.PublicKey()) // the record says who tried
			return "", d.signedBefore(b, key, refusal)
		}
		return "", signedAlready(b)
	}
	_, err := d.authority.PrincipalOf(key.PublicKey(), lacks[0])
	return lacks[0], err
}

// signedBefore says who has signed in the role of the key, the one who tries to sign again or a
// colleague of theirs, and what missing says: whose signature it is that would count.
func (d *desk) signedBefore(b *bulletin.Bulletin, key signing.Key, missing *signing.RefusedError) error {
	state := d.held(b)
	if state == nil {
		return missing
	}
	for _, s := range d.signers(b, state) {
		who, err := d.authority.PrincipalOf(key.PublicKey(), s.Role)
		switch {
		case err != nil: // they have signed in another role
		case who == s.Principal:
			return both("%s ha già firmato questo bollettino, e una seconda firma della stessa persona non conta: %v",
				"%s has signed this bulletin already, and a second signature by one person does not count: %w", who, missing)
		default:
			return both("%s ha già firmato questo bollettino in questo ruolo, e una seconda firma nello stesso ruolo non conta: %v",
				"%s has signed this bulletin in this role already, and a second signature in one role does not count: %w", s.Principal, missing)
		}
	}
	return missing
}

// cosign signs in the role and hands the signature in. Another bulletin of the alert may
// have been released while a person read this one: then it is refused.
func (d *desk) cosign(ctx context.Context, b *bulletin.Bulletin, key signing.Key, role signing.Role) error {
	if err := d.follows(ctx, b, d.held(b)); err != nil {
		return d.reject(ctx, b, ledger.ClassBulletin, err)
	}
	armored, err := key.Sign(ctx, signing.Namespace(role, b.Realm), b.Bytes())
	if err != nil {
		return err
	}
	st, err := d.statement(b, role, armored)
	if err == nil {
		_, err = d.authority.CheckOne(signing.RequestOf(b), st, time.Now())
	}
	if err == nil {
		err = d.wouldRelease(ctx, b, st)
		if missing := missingRoles(err); len(missing) > 0 && !slices.Contains(missing, role) {
			err = nil // the policy asks for a third one
		}
	}
	if err != nil {
		return d.reject(ctx, b, ledger.ClassSignature, err)
	}
	return d.sign(ctx, b, st)
}

// roleWords names roles to a person.
func (p *program) roleWords(roles []signing.Role) string {
	var words []string
	for _, r := range roles {
		words = append(words, r.Title(p.lang))
	}
	return strings.Join(words, ", ")
}

// wouldRelease says why the bulletin would not be released with more signatures than
// the ledger holds: same person, same key, same organisation, a role that is missing.
func (d *desk) wouldRelease(ctx context.Context, b *bulletin.Bulletin, more ...signing.Statement) error {
	var statements []signing.Statement
	d.ledger.View(func(s *ledger.State) {
		statements = delivery.Statements(s.Alerts[string(b.Alert)].Bulletin(b.SHA256()))
	})
	request, err := d.request(ctx, b)
	if err == nil {
		_, err = d.authority.Authorize(request, append(statements, more...), time.Now())
	}
	return err
}

// request returns a bulletin as it is judged now, with what the ledger says of it.
func (d *desk) request(ctx context.Context, b *bulletin.Bulletin) (signing.Request, error) {
	if b.Breakglass == nil {
		return signing.RequestOf(b), nil
	}
	return delivery.RequestOf(ctx, d.ledger, d.rings, b)
}
