package main

// This file has the commands that make the next version of the key ring. They write a
// draft beside the version in force, never into it.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/signing"
)

// ringLife is how long a version is accepted where nobody says.
const ringLife = 365 * 24 * time.Hour

// draftFlags say which draft a command works on, and what its meta says.
type draftFlags struct {
	ringSource
	draft     string
	expires   string
	threshold int
	first     bool
	asJSON    bool
}

func (f *draftFlags) flags(p *program, cmd *cobra.Command) {
	f.ringSource.flags(p, cmd)
	p.jsonFlag(cmd, &f.asJSON)
	cmd.Flags().StringVar(&f.draft, "draft", "", p.say("cartella della bozza (predefinita: accanto alla versione in vigore, con il numero della prossima)", "folder of the draft (default: beside the version in force, named by the next number)"))
	cmd.Flags().StringVar(&f.expires, "expires", "", p.say("fine di validità della versione (predefinita: fra un anno)", "end of the version's validity (default: in a year)"))
	cmd.Flags().IntVar(&f.threshold, "threshold", 0, p.say("quanti responsabili devono firmare (predefinito: come prima)", "how many managers must sign (default: as before)"))
}

// A draft is a version that is being made.
type draft struct {
	dir      string
	old      *signing.Version // in force; nil where the draft is of the first version
	meta     signing.Meta
	contents signing.Contents
	before   *signing.Version // as the draft was, where it could be read
}

// open reads the draft, or begins one from the version in force.
func (f *draftFlags) open(ctx context.Context, p *program) (*draft, error) {
	if err := f.findFirst(); err != nil {
		return nil, err
	}
	d := &draft{dir: f.draft}
	if !f.first {
		var err error
		if d.old, _, err = f.inForce(ctx); err != nil {
			return nil, err
		}
		if d.old == nil {
			return nil, both("il portachiavi non ha versioni: fare la prima con tocsin keys draft --first --draft CARTELLA", "the key ring has no versions: make the first one with tocsin keys draft --first --draft DIR")
		}
		if d.dir == "" {
			beside, err := f.beside()
			if err != nil {
				return nil, err
			}
			d.dir = filepath.Join(beside, strconv.Itoa(d.old.Meta.Version+1))
		}
		d.contents = d.old.Contents()
		d.meta = signing.Meta{Version: d.old.Meta.Version + 1, Prev: d.old.SHA256(), Threshold: d.old.Meta.Threshold}
	} else {
		if d.dir == "" {
			return nil, usage("keys draft: name the folder of the first version with --draft DIR")
		}
		d.meta = signing.Meta{Version: 1, Threshold: firstThreshold}
	}
	d.meta.Expires = time.Now().UTC().Add(ringLife).Truncate(time.Second)
	if err := d.read(p); err != nil {
		return nil, err
	}
	if f.expires != "" {
		t, err := parseMoment(f.expires, true)
		if err != nil {
			return nil, err
		}
		d.meta.Expires = t
	}
	if f.threshold != 0 {
		d.meta.Threshold = f.threshold
	}
	return d, nil
}

// findFirst takes the folder that the configuration names for the draft where nobody
// has signed the first version that lies there.
func (f *draftFlags) findFirst() error {
	if f.first || f.ring != "" || f.draft != "" {
		return nil
	}
	c, err := f.configuration()
	if err != nil || c == nil || c.Keys.Folder == "" {
		return err
	}
	if f.first, err = isDraft(c.abs(c.Keys.Folder)); f.first {
		f.draft = c.abs(c.Keys.Folder)
	}
	return err
}

// beside returns the folder in which the versions lie.
func (f *draftFlags) beside() (string, error) {
	if f.ring != "" {
		return filepath.Dir(filepath.Clean(f.ring)), nil
	}
	c, err := f.configuration()
	if err != nil {
		return "", err
	}
	if c == nil || c.Keys.Folder == "" {
		return "", usage("name the folder of the draft with --draft DIR")
	}
	return filepath.Dir(filepath.Clean(c.abs(c.Keys.Folder))), nil
}

// read reads what the draft's folder holds already. People may have edited its files:
// its meta need not fit them.
func (d *draft) read(p *program) error {
	text, err := readLimited(filepath.Join(d.dir, signing.FileMeta), p.stdin, 4<<10)
	switch {
	case errors.Is(err, fs.ErrNotExist) && d.old != nil:
		return nil // there is none yet
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		meta, err := signing.ParseMeta(text)
		if err != nil {
			return err
		}
		if meta.Version != d.meta.Version || meta.Prev != d.meta.Prev {
			return both("%s non è una bozza della versione %d fatta da quella in vigore: scegliere un'altra cartella (--draft)", "%s is no draft of version %d made from the one in force: choose another folder (--draft)", d.dir, d.meta.Version)
		}
		d.meta.Threshold, d.meta.Expires = meta.Threshold, meta.Expires
	}
	for name, to := range map[string]*[]byte{
		signing.FileRoot: &d.contents.Root, signing.FileSigners: &d.contents.Signers, signing.FileRevoked: &d.contents.Revoked, signing.FilePolicy: &d.contents.Policy,
	} {
		if *to, err = readLimited(filepath.Join(d.dir, name), p.stdin, 1<<20); err != nil {
			return fmt.Errorf("key ring %s: %w", d.dir, err)
		}
	}
	if d.before, err = signing.Seal(d.meta, d.contents); err != nil {
		d.before = nil // edited into something that is to be mended
	}
	return nil
}

// write seals the draft and writes it: what was signed is not what stands there any
// more, so signatures go first, and meta comes last. After a crash between, the next
// command finds files that meta does not fit, and writes them again.
func (d *draft) write() (*signing.Version, error) {
	v, err := signing.Seal(d.meta, d.contents)
	if err != nil {
		return nil, err
	}
	if d.before != nil && d.before.SHA256() == v.SHA256() {
		if _, err := signing.ReadVersion(os.DirFS(d.dir)); err == nil {
			return v, nil // as it stands there, with its signatures
		}
	}
	if err := os.MkdirAll(filepath.Join(d.dir, signing.FolderSigs), 0o700); err != nil {
		return nil, err
	}
	old, err := os.ReadDir(filepath.Join(d.dir, signing.FolderSigs))
	if err != nil {
		return nil, err
	}
	for _, e := range old {
		if err := os.Remove(filepath.Join(d.dir, signing.FolderSigs, e.Name())); err != nil {
			return nil, err
		}
	}
	files := v.Files()
	for _, name := range []string{signing.FileRoot, signing.FileSigners, signing.FileRevoked, signing.FilePolicy, signing.FileMeta} {
		if err := writeWhole(filepath.Join(d.dir, name), files[name]); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// draftReport is what the commands that edit a draft print with --json.
type draftReport struct {
	Folder  string   `json:"folder"`
	Version int      `json:"version"`
	Meta    string   `json:"meta"`
	Expires string   `json:"expires"`
	Need    int      `json:"threshold"`
	Changes []string `json:"changes"` // against the version in force, in words

	Warnings []string `json:"warnings,omitempty"` // of the version as a whole
}

// edit opens the draft, changes it, writes it, and says what is different now from
// the version in force.
func (p *program) edit(ctx context.Context, f *draftFlags, change func(*draft) error) error {
	d, err := f.open(ctx, p)
	if err == nil && change != nil {
		err = change(d)
	}
	if err != nil {
		return err
	}
	v, err := d.write()
	if err != nil {
		return err
	}
	out := draftReport{d.dir, v.Meta.Version, hexSum(v.SHA256()), v.Meta.Expires.Format(time.RFC3339), v.Meta.Threshold, p.changes(d.old, v, d.dir), nil}
	if out.Warnings, err = p.warnings(&f.ringSource, v); err != nil {
		return err
	}
	if f.asJSON {
		return p.printJSON(out)
	}
	p.print("Bozza della versione %d: %s", "Draft of version %d: %s", v.Meta.Version, d.dir)
	p.tellChanges(out.Changes)
	for _, w := range out.Warnings {
		fmt.Fprintf(p.out, "  %s\n", w)
	}
	if d.old == nil {
		p.print("Ora: tocsin keys sign %s -k CHIAVE (o ssh-keygen -Y sign), da parte dei responsabili; poi accendere il nodo con questa cartella in keys.folder", "Next: tocsin keys sign %s -k KEY (or ssh-keygen -Y sign), by the managers; then start the node with this folder under keys.folder", shellWord(d.dir))
		return nil
	}
	p.print("Ora: tocsin keys sign %s -k CHIAVE (o ssh-keygen -Y sign), da parte dei responsabili; poi tocsin keys accept %s", "Next: tocsin keys sign %s -k KEY (or ssh-keygen -Y sign), by the managers; then tocsin keys accept %s", shellWord(d.dir), shellWord(d.dir))
	return nil
}

// warnings says what is wrong or weak about a version as a whole; tocsin keys lint has
// what is so about each line.
func (p *program) warnings(from *ringSource, v *signing.Version) (out []string, err error) {
	found := v.Lint(time.Now())
	if from.config != "" {
		c, err := from.configuration()
		if err != nil {
			return nil, err
		}
		found = append(found, lintNames(v.Policy(), c)...)
	}
	for _, f := range found {
		if f.Line == 0 && f.Severity != signing.Noted {
			out = append(out, "! "+p.severity(f.Severity)+": "+p.findingWords(f))
		}
	}
	return out, nil
}

// releasing is the flag by which people say that a version may leave nobody who can
// release an alert: where keys were stolen, striking them out can't wait for new ones.
type releasing struct{ none bool }

func (r *releasing) flags(p *program, cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.none, "no-alerts", false, p.say("anche se con questa versione nessuno può diffondere un'allerta", "also where nobody can release an alert under this version"))
}

// check refuses a version under which nobody can release an alert.
func (r *releasing) check(v *signing.Version, realm alert.Realm) error {
	if r.none || v.CanRelease(realm, time.Now()) {
		return nil
	}
	return refusedError{both("con la versione %d del portachiavi nessuno potrebbe diffondere un'allerta: tocsin keys lint --ring CARTELLA dice chi manca; abilitarlo, o aggiungere --no-alerts se è voluto",
		"under version %d of the key ring nobody could release an alert: tocsin keys lint --ring DIR says who is missing; enrol them, or add --no-alerts if that is meant", v.Meta.Version)}
}

func (p *program) tellChanges(changes []string) {
	for _, c := range changes {
		fmt.Fprintf(p.out, "  %s\n", c)
	}
	if len(changes) == 0 {
		p.print("  nessun cambiamento", "  no change")
	}
}

// policyChanges says what is different in the signing policy, what loosens it first.
func (p *program) policyChanges(old, v *signing.Version, dir string) (out []string) {
	value := func(s string) string {
		if s == "" {
			return p.say("niente", "nothing")
		}
		return s
	}
	var others []string
	for _, c := range v.Policy().Changes(old.Policy()) {
		if c.Looser {
			out = append(out, p.say("! GRAVE: le regole di firma si allargano: %s: %s invece di %s", "! GRAVE: the signing policy is loosened: %s: %s instead of %s", c.Part, value(c.Is), value(c.Was)))
		} else {
			others = append(others, p.say("~ cambiano le regole di firma: %s: %s invece di %s", "~ the signing policy changes: %s: %s instead of %s", c.Part, value(c.Is), value(c.Was)))
		}
	}
	if out = append(out, others...); len(out) == 0 {
		return []string{p.say("~ cambia il testo delle regole di firma, non ciò che dicono", "~ the text of the signing policy changes, not what it says")}
	}
	return append(out, p.say("  che cosa basta con queste regole: tocsin keys policy --policy %s", "  what is enough under this policy: tocsin keys policy --policy %s", shellWord(filepath.Join(dir, signing.FilePolicy))))
}

// changes says in words what is different in v, whose folder is dir, from old.
func (p *program) changes(old, v *signing.Version, dir string) []string {
	out := []string{}
	day := func(t time.Time) string { return t.In(rome()).Format("2006-01-02 15:04") }
	line := func(s *signing.Signer) string {
		var realms []string
		for _, r := range s.Realms {
			realms = append(realms, p.realmWords(r))
		}
		return fmt.Sprintf("%s, %s (%s), %s – %s, %s", s.Principal, s.Role.Title(p.lang), strings.Join(realms, ", "), day(s.ValidAfter), day(s.ValidBefore), s.Fingerprint)
	}
	if old == nil {
		old = &signing.Version{}
	}
	rings := func(r func(*signing.Version) *signing.Ring) (was, is []signing.Signer) {
		if old := r(old); old != nil {
			was = old.Signers()
		}
		return was, r(v).Signers()
	}
	for _, ring := range []func(*signing.Version) *signing.Ring{(*signing.Version).Root, (*signing.Version).Ring} {
		was, is := rings(ring)
		texts := func(all []signing.Signer) (t []string) {
			for i := range all {
				t = append(t, line(&all[i]))
			}
			return t
		}
		before, after := texts(was), texts(is)
		for _, t := range before {
			if !slices.Contains(after, t) {
				out = append(out, "- "+t)
			}
		}
		for _, t := range after {
			if !slices.Contains(before, t) {
				out = append(out, "+ "+t)
			}
		}
	}
	for _, s := range slices.Concat(v.Ring().Signers(), v.Root().Signers()) {
		if v.Ring().Revoked(s.Key) && (old.Ring() == nil || !old.Ring().Revoked(s.Key)) {
			out = append(out, p.say("! revocata la chiave di %s, %s: nessuna sua firma, neanche già fatta, vale più per diffondere o inviare; ciò che è pubblico resta, con le firme di allora",
				"! revoked the key of %s, %s: no signature of it, not even one made before, counts any more for a release or a post; what is public stays, with the signatures of then", s.Principal, s.Fingerprint))
		}
	}
	if old.Ring() == nil {
		return out
	}
	if !bytes.Equal(old.Contents().Revoked, v.Contents().Revoked) {
		out = append(out, p.say("~ cambia l'elenco delle chiavi revocate", "~ the list of revoked keys changes"))
	}
	if old.Meta.Policy != v.Meta.Policy {
		out = append(out, p.policyChanges(old, v, dir)...)
	}
	if old.Meta.Threshold != v.Meta.Threshold {
		out = append(out, p.say("~ firme dei responsabili necessarie: %d invece di %d", "~ managers that must sign: %d instead of %d", v.Meta.Threshold, old.Meta.Threshold))
	}
	if !old.Meta.Expires.Equal(v.Meta.Expires) {
		out = append(out, p.say("~ il portachiavi vale fino al %s invece del %s", "~ the key ring holds until %s instead of %s", day(v.Meta.Expires), day(old.Meta.Expires)))
	}
	return out
}

func (p *program) keysDraftCommand() *cobra.Command {
	var f draftFlags
	cmd := &cobra.Command{
		Use:   "draft",
		Short: p.say("inizia la bozza della prossima versione, o la rifà dopo modifiche a mano", "begins the draft of the next version, or seals it again after its files were edited"),
		Long: p.say("Con --first fa la versione 1 dai file root, signers, revoked e policy che stanno nella cartella della bozza.",
			"With --first it makes version 1 of the files root, signers, revoked and policy that lie in the draft's folder."),
		Args: args(none),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.edit(cmd.Context(), &f, nil) },
	}
	f.flags(p, cmd)
	cmd.Flags().BoolVar(&f.first, "first", false, p.say("la prima versione: non ce n'è una in vigore", "the first version: none is in force"))
	return cmd
}

func (p *program) keysAddCommand() *cobra.Command {
	var f draftFlags
	var role, realm, from, until, file string
	var authority bool
	cmd := &cobra.Command{
		Use:   "add NAME --role ROLE --until WHEN --key FILE",
		Short: p.say("aggiunge alla bozza una persona, o una sua chiave in più", "adds a person, or one more of their keys, to the draft"),
		Long: p.say("NOME è nome@organizzazione. Con --role keyring si aggiunge un responsabile del portachiavi.\nCon --authority la chiave è quella con cui un'organizzazione certifica le sue persone, e NOME può essere *@organizzazione.",
			"NAME is name@organisation. With --role keyring a manager of the key ring is added.\nWith --authority the key is the one by which an organisation certifies its people, and NAME may be *@organisation."),
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if until == "" || file == "" || role == "" {
				return usage("keys add: --role, --until and --key are needed")
			}
			if !slices.Contains(signing.Roles(), signing.Role(role)) {
				return usage("%s: role %q: use one of %s", "keys add", role, rolesText(signing.Roles()))
			}
			after, before := time.Now().UTC().Truncate(time.Second), time.Time{}
			before, err := parseMoment(until, true)
			if err == nil && from != "" {
				after, err = parseMoment(from, false)
			}
			if err != nil {
				return err
			}
			realms, err := f.realms(realm)
			if err != nil {
				return err
			}
			key, comment, err := readPublicKey(p, file)
			if err != nil {
				return err
			}
			write := signing.RingLine
			if authority {
				write = signing.AuthorityLine
			}
			line, err := write(a[0], signing.Role(role), realms, after, before, key, comment)
			if err != nil {
				return usageError{err}
			}
			return p.edit(cmd.Context(), &f, func(d *draft) error { d.add(signing.Role(role), line); return nil })
		},
	}
	f.flags(p, cmd)
	cmd.Flags().StringVar(&role, "role", "", p.say("ruolo: officer, police, deputy, breakglass, correction, keyring", "role: officer, police, deputy, breakglass, correction, keyring"))
	cmd.Flags().StringVar(&realm, "realm", "", p.say("live (reale), exercise (esercitazione) o both (tutti e due); predefinito: quello di -c, altrimenti both", "live, exercise or both; default: that of -c, else both"))
	cmd.Flags().StringVar(&from, "from", "", p.say("da quando vale (predefinito: da ora)", "from when on it holds (default: now)"))
	cmd.Flags().StringVar(&until, "until", "", p.say("fino a quando vale, compreso", "until when it holds, inclusive"))
	cmd.Flags().StringVar(&file, "key", "", p.say("file della chiave pubblica (.pub)", "file of the public key (.pub)"))
	cmd.Flags().BoolVar(&authority, "authority", false, p.say("la chiave certifica le persone di un'organizzazione (CA)", "the key certifies the people of an organisation (CA)"))
	return cmd
}

func rolesText(roles []signing.Role) string {
	var names []string
	for _, r := range roles {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// realms returns the realms that a flag names, or else the configuration's; both where
// neither says.
func (f *draftFlags) realms(s string) ([]alert.Realm, error) {
	if s == "" && f.config != "" {
		c, err := f.configuration()
		if err != nil {
			return nil, err
		}
		return []alert.Realm{c.Realm}, nil
	}
	if s == "" || s == "both" {
		return []alert.Realm{alert.RealmLive, alert.RealmExercise}, nil
	}
	r, err := alert.ParseRealm(s)
	if err != nil {
		return nil, usageError{err}
	}
	return []alert.Realm{r}, nil
}

func readPublicKey(p *program, file string) (ssh.PublicKey, string, error) {
	text, err := readLimited(file, p.stdin, 64<<10)
	if err != nil {
		return nil, "", err
	}
	key, comment, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, "", usage("%s is not a public key: give the .pub file", file)
	}
	return key, comment, nil
}

// add puts a line into the file of its role.
func (d *draft) add(role signing.Role, line string) {
	to := &d.contents.Signers
	if role == signing.Keyring {
		to = &d.contents.Root
	}
	if n := len(*to); n > 0 && (*to)[n-1] != '\n' {
		*to = append(*to, '\n')
	}
	*to = append(*to, line+"\n"...)
}

// matching returns the lines of the draft that a name or a fingerprint means.
func (d *draft) matching(what string) (of []signing.Signer, err error) {
	v, err := signing.Seal(d.meta, d.contents)
	if err != nil {
		return nil, err
	}
	for _, s := range slices.Concat(v.Ring().Signers(), v.Root().Signers()) {
		if s.Principal == what || s.Fingerprint == what {
			of = append(of, s)
		}
	}
	if len(of) == 0 {
		return nil, both("nella bozza non c'è %q: scrivere un nome o un'impronta SHA256:… come in tocsin keys list", "the draft has no %q: write a name or a fingerprint SHA256:… as in tocsin keys list", what)
	}
	return of, nil
}

func (p *program) keysRevokeCommand() *cobra.Command {
	var f draftFlags
	cmd := &cobra.Command{
		Use:   "revoke KEY",
		Short: p.say("revoca nella bozza una chiave (impronta, o file .pub)", "revokes a key in the draft (fingerprint, or .pub file)"),
		Long: p.say("Una chiave revocata non vale più, nemmeno con le firme già fatte: ciò che non è ancora diffuso o inviato non parte. Ciò che è pubblico resta, e con esso le firme di allora.\nPer chi lascia il servizio usare tocsin keys expire.",
			"A revoked key is never accepted any more, with what it signed before either: what is not released or sent yet does not go out. What is public stays, and so do the signatures of then.\nFor whoever leaves the service use tocsin keys expire."),
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return p.edit(cmd.Context(), &f, func(d *draft) error {
				line, err := d.publicLine(p, a[0])
				if err != nil {
					return err
				}
				if n := len(d.contents.Revoked); n > 0 && d.contents.Revoked[n-1] != '\n' {
					d.contents.Revoked = append(d.contents.Revoked, '\n')
				}
				d.contents.Revoked = append(d.contents.Revoked, line+"\n"...)
				return nil
			})
		},
	}
	f.flags(p, cmd)
	return cmd
}

// publicLine returns the line of the public key that a fingerprint or a file means.
func (d *draft) publicLine(p *program, what string) (string, error) {
	if !strings.HasPrefix(what, "SHA256:") {
		key, _, err := readPublicKey(p, what)
		if err != nil {
			return "", err
		}
		return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), nil
	}
	of, err := d.matching(what)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(of[0].Key))) + " " + of[0].Principal, nil
}

// validBefore is the end of a line's validity. The ring has been parsed: it stands on
// each line once, and quotes hold no quote.
var validBefore = regexp.MustCompile(`valid-before="[^"]*"`)

// expire ends the lines of a ring's text at a time, where they would end later.
func expire(text []byte, of []signing.Signer, root bool, at time.Time) []byte {
	lines := strings.SplitAfter(string(text), "\n")
	for i := range of {
		s := &of[i]
		if (s.Role == signing.Keyring) == root && s.ValidBefore.After(at) {
			lines[s.Line-1] = validBefore.ReplaceAllString(lines[s.Line-1], `valid-before="`+at.UTC().Format("20060102150405Z")+`"`)
		}
	}
	return []byte(strings.Join(lines, ""))
}

func (d *draft) expire(of []signing.Signer, at time.Time) {
	d.contents.Signers = expire(d.contents.Signers, of, false, at)
	d.contents.Root = expire(d.contents.Root, of, true, at)
}

func (p *program) keysExpireCommand() *cobra.Command {
	var f draftFlags
	var at string
	cmd := &cobra.Command{
		Use:   "expire NAME --at WHEN",
		Short: p.say("fa finire nella bozza la validità di una persona o di una chiave", "ends the validity of a person or a key in the draft"),
		Long:  p.say("NOME, oppure l'impronta di una chiave. Ciò che è stato firmato prima resta valido.", "NAME, or the fingerprint of a key. What was signed before stays valid."),
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			when := time.Now().UTC().Truncate(time.Second)
			if at != "" {
				var err error
				if when, err = parseMoment(at, true); err != nil {
					return err
				}
			}
			return p.edit(cmd.Context(), &f, func(d *draft) error {
				of, err := d.matching(a[0])
				if err == nil {
					d.expire(of, when)
				}
				return err
			})
		},
	}
	f.flags(p, cmd)
	cmd.Flags().StringVar(&at, "at", "", p.say("da quando non vale più (predefinito: adesso)", "when it ends (default: now)"))
	return cmd
}

func (p *program) keysRotateCommand() *cobra.Command {
	var f draftFlags
	var until string
	var overlap time.Duration
	cmd := &cobra.Command{
		Use:   "rotate KEY NEW --until WHEN",
		Short: p.say("sostituisce o rinnova una chiave nella bozza", "replaces or renews a key in the draft"),
		Long: p.say("CHIAVE è l'impronta di quella vecchia, NUOVA il file .pub di quella nuova: stessa persona, stesso ruolo. Per un certo tempo valgono tutte e due.\nCon la stessa chiave se ne rinnova la validità. Per la chiave di un'autorità lo stesso: i suoi certificati vanno rifatti con quella nuova.",
			"KEY is the fingerprint of the old one, NEW the .pub file of the new one: same person, same role. For a while both hold.\nWith the same key its validity is renewed. The same for the key of an authority: its certificates have to be made again with the new one."),
		Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if until == "" || overlap < 0 {
				return usage("keys rotate: --until is needed, and --overlap is not negative")
			}
			before, err := parseMoment(until, true)
			if err != nil {
				return err
			}
			key, comment, err := readPublicKey(p, a[1])
			if err != nil {
				return err
			}
			return p.edit(cmd.Context(), &f, func(d *draft) error {
				return d.rotate(a[0], key, comment, time.Now().UTC().Truncate(time.Second), before, overlap)
			})
		},
	}
	f.flags(p, cmd)
	cmd.Flags().StringVar(&until, "until", "", p.say("fino a quando vale quella nuova, compreso", "until when the new one holds, inclusive"))
	cmd.Flags().DurationVar(&overlap, "overlap", 14*24*time.Hour, p.say("per quanto tempo vale ancora quella vecchia", "for how long the old one still holds"))
	return cmd
}

// rotate adds a line with the new key for each role and set of realms of the old one,
// and ends the old lines after the overlap.
func (d *draft) rotate(old string, key ssh.PublicKey, comment string, now, before time.Time, overlap time.Duration) error {
	of, err := d.matching(old)
	if err != nil {
		return err
	}
	fingerprint := ssh.FingerprintSHA256(key)
	d2 := *d
	if fingerprint != old {
		d2.expire(of, now.Add(overlap))
	}
	for i := range of {
		s := &of[i]
		if now.After(s.ValidBefore) {
			continue
		}
		write := signing.RingLine
		if s.Authority {
			write = signing.AuthorityLine
		}
		line, err := write(s.Principal, s.Role, s.Realms, now, before, key, comment)
		if err != nil {
			return err
		}
		d2.add(s.Role, line)
	}
	d.contents = d2.contents
	return nil
}

func (p *program) keysSignCommand() *cobra.Command {
	var k keyFlags
	var from ringSource
	var asJSON bool
	var realm string
	var alerts releasing
	cmd := &cobra.Command{
		Use:   "sign DIR -k KEY",
		Short: p.say("firma una versione del portachiavi (responsabile)", "signs a version of the key ring (manager)"),
		Long: p.say(`Mostra che cosa cambia rispetto alla versione in vigore (-c, --state, --ring), chiede, e mette la firma in CARTELLA/sigs.
Lo stesso con OpenSSH: ssh-keygen -Y sign -f CHIAVE -n keyring@tocsin CARTELLA/meta, poi spostare meta.sig in CARTELLA/sigs/NOME.sig
(nelle esercitazioni keyring@exercise.tocsin).`,
			`Shows what changes against the version in force (-c, --state, --ring), asks, and puts the signature into DIR/sigs.
The same with OpenSSH: ssh-keygen -Y sign -f KEY -n keyring@tocsin DIR/meta, then move meta.sig to DIR/sigs/NAME.sig
(keyring@exercise.tocsin for exercises).`),
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			ctx := cmd.Context()
			r, err := from.realm(realm)
			if err != nil {
				return err
			}
			v, err := readRing(a[0])
			if err != nil {
				return refusedError{err}
			}
			var old *signing.Version
			if v.Meta.Version > 1 {
				if old, _, err = from.inForce(ctx); err != nil {
					return err
				}
				if old != nil && old.SHA256() == v.SHA256() {
					return refusedError{signing.ErrKnownVersion}
				}
				if old == nil || old.SHA256() != v.Meta.Prev {
					return refused("keys sign: %s was not made from the version in force: make it again from that one", a[0])
				}
			}
			key, err := k.load(ctx, p)
			if err != nil {
				return err
			}
			name := managerOf(key.PublicKey(), old, v)
			if name == "" {
				return refused("keys sign: this key is not that of a manager in %s: ask those who manage the key ring", a[0])
			}
			if err := mayManage(key.PublicKey(), r, time.Now(), old, v); err != nil {
				return refusedError{fmt.Errorf("keys sign: this signature would not count, and was not made: %w", err)}
			}
			if err := alerts.check(v, r); err != nil {
				return err
			}
			if err := p.confirmRing(&from, a[0], old, v, &k, asJSON); err != nil {
				return err
			}
			namespace := signing.Namespace(signing.Keyring, r)
			armored, err := key.Sign(ctx, namespace, v.Files()[signing.FileMeta])
			if err != nil {
				return err
			}
			sigs := filepath.Join(a[0], signing.FolderSigs)
			if err := os.MkdirAll(sigs, 0o700); err != nil {
				return err
			}
			fingerprint := ssh.FingerprintSHA256(key.PublicKey())
			output := filepath.Join(sigs, strings.ReplaceAll(name, "+", "-")+".sig")
			if err := writeWhole(output, armored); err != nil {
				return err
			}
			return p.report(asJSON, signedFile{File: output, Key: fingerprint, Namespace: namespace, SHA256: hexSum(v.SHA256())}, "Firma scritta in %s (chiave %s, spazio %s).", "Signature written to %s (key %s, namespace %s).", output, fingerprint, namespace)
		},
	}
	k.flags(p, cmd)
	from.flags(p, cmd)
	alerts.flags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&realm, "realm", "", p.say("exercise (esercitazione) o live (reale); predefinito: quello di -c, altrimenti live", "exercise or live; default: that of -c, else live"))
	return cmd
}

// managerOf returns the manager whose key it is, of the version in force or of the
// next one; "" for none.
func managerOf(key ssh.PublicKey, versions ...*signing.Version) string {
	for _, v := range versions {
		if v == nil {
			continue
		}
		if of := v.Root().ByKey(key); len(of) > 0 {
			return of[0].Principal
		}
	}
	return ""
}

// mayManage returns nil if what the key signs counts for the version in force or for the
// next one, or why for neither.
func mayManage(key ssh.PublicKey, realm alert.Realm, now time.Time, versions ...*signing.Version) (err error) {
	for _, v := range versions {
		if v == nil || len(v.Root().ByKey(key)) == 0 {
			continue
		}
		if _, err = v.Manager(key, realm, now); err == nil {
			return nil
		}
	}
	return err
}

// confirmRing shows what changes, and asks.
func (p *program) confirmRing(from *ringSource, dir string, old, v *signing.Version, k *keyFlags, asJSON bool) error {
	if k.yes {
		return nil
	}
	if !isTerminal(p.stdin) {
		return usageError{both("non firmato: qui non c'è un terminale su cui mostrare che cosa cambia e chiedere: leggerlo con tocsin keys draft, poi aggiungere --yes",
			"not signed: there is no terminal here on which to show what changes and ask: read it with tocsin keys draft, then add --yes")}
	}
	word := p.say("FIRMO", "SIGN")
	said, err := p.asksRing(from, dir, old, v, asJSON, word, p.say("Per firmare scrivi %s: ", "To sign, type %s: ", word))
	if err == nil && !said {
		return both("non firmato: nella cartella non c'è una firma in più", "not signed: the folder has no signature more")
	}
	return err
}

// asksRing shows what changes with a version, and reports whether the person then types the word.
func (p *program) asksRing(from *ringSource, dir string, old, v *signing.Version, asJSON bool, word, question string) (bool, error) {
	screen := p.out
	if asJSON || !isTerminal(p.out) {
		screen = p.err
	}
	fmt.Fprintf(screen, "%s\n", p.say("Versione %d del portachiavi, meta %s", "Version %d of the key ring, meta %s", v.Meta.Version, hexSum(v.SHA256())))
	for _, c := range p.changes(old, v, dir) {
		fmt.Fprintf(screen, "  %s\n", c)
	}
	warnings, err := p.warnings(from, v)
	if err != nil {
		return false, err
	}
	for _, w := range warnings {
		fmt.Fprintf(screen, "  %s\n", w)
	}
	fmt.Fprintf(screen, "%s", question)
	answer, err := p.line()
	if errors.Is(err, context.Canceled) {
		return false, errBrokenOff
	}
	return err == nil && strings.TrimSpace(answer) == word, nil
}

// confirmForce asks, where there is a terminal, before a version comes into force, from which there is no way
// back. Elsewhere nobody is asked: that enough managers have signed it is what counts.
func (p *program) confirmForce(w *where, dir string, old, v *signing.Version, yes, asJSON bool) error {
	if yes || !isTerminal(p.stdin) {
		return nil
	}
	word := p.say("IN VIGORE", "IN FORCE")
	said, err := p.asksRing(&ringSource{where: *w}, dir, old, v, asJSON, word, p.say("Da qui non si torna indietro. Per metterla in vigore scrivi %s: ", "There is no way back from here. To put it in force, type %s: ", word))
	if err == nil && !said {
		return both("non in vigore: nel registro non è cambiato nulla", "not in force: nothing was changed in the ledger")
	}
	return err
}

func (p *program) keysAcceptCommand() *cobra.Command {
	var w where
	var asJSON, yes bool
	var alerts releasing
	cmd := &cobra.Command{
		Use:   "accept DIR -c FILE",
		Short: p.say("consegna al registro una versione firmata: da lì in poi vale", "hands a signed version to the ledger: from there on it is in force"),
		Long: p.say("Il nodo la prende senza essere riavviato. Ciò che è stato diffuso prima resta giudicato dal portachiavi di allora.",
			"The node takes it up without a restart. What was released before stays judged by the key ring of then."),
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			ctx := cmd.Context()
			v, err := readRing(a[0])
			if err != nil {
				return refusedError{err}
			}
			w.mending = true
			d, err := w.open(ctx, "tocsin keys accept", nil, true)
			if err != nil {
				return err
			}
			defer d.Close()
			signed, err := d.acceptable(v)
			if err != nil {
				return refusedError{err}
			}
			if err := alerts.check(v, d.rings.Realm()); err != nil {
				return err
			}
			old, _ := d.rings.Version()
			if err := p.confirmForce(&w, a[0], old, v, yes, asJSON); err != nil {
				return err
			}
			record, err := putRing(ctx, d.ledger, v)
			if err != nil {
				return err
			}
			if err := d.takeRings(ctx); err != nil {
				return err
			}
			if in, _ := d.rings.Version(); in == nil || in.SHA256() != v.SHA256() {
				return refused("keys accept: another version was accepted at the same moment; look with tocsin keys list, and make this one again")
			}
			return p.report(asJSON, verifiedRing{v.Meta.Version, hexSum(v.SHA256()), principals(signed), record},
				"Versione %d del portachiavi in vigore dalla voce %d (meta %s).", "Version %d of the key ring in force from record %d on (meta %s).", v.Meta.Version, record, hexSum(v.SHA256()))
		},
	}
	w.nodeFlags(p, cmd)
	alerts.flags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&yes, "yes", false, p.say("mette in vigore senza chiedere conferma (per script)", "puts it in force without asking (for scripts)"))
	return cmd
}

// acceptable says whether the version may come into force now, and who signed it.
func (d *desk) acceptable(v *signing.Version) ([]signing.Signer, error) {
	in, recorded := d.rings.Version()
	switch {
	case in == nil:
		return nil, signing.ErrNoRoot
	case !recorded && in.SHA256() == v.SHA256():
		return nil, nil // the operator's word
	case recorded && in.SHA256() == v.SHA256():
		return nil, signing.ErrKnownVersion
	}
	theirs, own, err := v.Follows(in, d.rings.Realm(), time.Now())
	return append(theirs, own...), err
}
