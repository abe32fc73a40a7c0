package ledger

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// This file says who may do what at the broker: at the embedded one, and at one elsewhere
// whose configuration it writes. A node in the broker's own process may do everything.
// Whoever comes over the network shows a key, and has the rights of the key's role.
//
// Permissions alone would not keep that promise: the broker writes its answers, records
// among them, to whatever reply subject a request names, and does so with its own
// rights. Whoever may ask for a message could have it answered onto
// "ledger.node.savona-1", or onto the subject that changes a stream; whoever may make a
// consumer could have records delivered there. So each role has an account of its own,
// without a store, and an adapter one for its channel: what it writes and asks crosses into
// the ledger's account subject by subject, every answer ends in its own, and nobody but the
// operator makes consumers.

// A Role says what a key is for at the broker. It has no part in whether a bulletin is
// released: that follows from people's signatures alone.
type Role string

// The roles at the broker.
const (
	RoleOfficer  Role = "officer"  // hands in bulletins, and what officers sign
	RolePolice   Role = "police"   // hands in what police sign
	RoleAuditor  Role = "auditor"  // reads
	RoleAdapter  Role = "adapter"  // writes the delivery records of one channel, and that a node for it came and went
	RoleNode     Role = "node"     // writes what nodes write, of all channels
	RoleOperator Role = "operator" // administers the broker: makes and changes the streams
)

// Roles lists the roles, those with the fewest rights first.
func Roles() []Role {
	return []Role{RoleAuditor, RolePolice, RoleOfficer, RoleAdapter, RoleNode, RoleOperator}
}

// A writing is a type of record with a subject on which it stands, and the roles that may
// write it there.
type writing struct {
	of      Type
	subject string // "{channel}" is an adapter's own channel, every channel for others
	roles   []Role
}

// writings says who may write which records. A type that is not listed, nobody may write
// over the network; a test holds that none is forgotten.
func writings() []writing {
	const (
		decision = "ledger.alert.*.decision."
		channel  = "ledger.alert.*.channel.{channel}"
	)
	node, officer, police, both := []Role{RoleNode}, []Role{RoleOfficer}, []Role{RolePolice}, []Role{RolePolice, RoleOfficer}
	all := []writing{
		{Genesis, "ledger.genesis", node},
		{NodeStarted, "ledger.node.*", node},
		{NodeStopped, "ledger.node.*", node},
		{NodeStarted, "ledger.node.*.channel.{channel}", []Role{RoleAdapter}},
		{NodeStopped, "ledger.node.*.channel.{channel}", []Role{RoleAdapter}},
		{LossAccepted, "ledger.node.*", node},
		{KeyRing, "ledger.keyring", node},
		{Bulletin, decision + "bulletin", officer},
		{Bulletin, decision + "prepared", both}, // who may stop an alert has to hand in the bulletin that does
		{Signature, decision + "signature.officer", officer},
		{Signature, decision + "signature.breakglass", officer}, // of the officer's organisation
		{Signature, decision + "signature.deputy", both},
		{Signature, decision + "signature.correction", both},
		{Signature, decision + "signature.police", police},
		{Refused, decision + "refused.police", police},
		{Refused, decision + "refused.deputy", both},
		{Withdrawn, decision + "withdrawn.officer", officer},
		{Withdrawn, decision + "withdrawn.deputy", both},
		{Contact, decision + "contact", officer},
		{Rejected, "ledger.rejected", both},
		{Rejected, "ledger.rejected.record", node},
		{Attempt, "ledger.alert.*.attempt", node},
		{Notified, "ledger.alert.*.notified", node},
		{Readiness, "ledger.readiness.node.*", node},
		{Watched, "ledger.alert.*.watch.{channel}", []Role{RoleAdapter, RoleNode}},
		{Foreign, "ledger.watch.{channel}", []Role{RoleAdapter, RoleNode}},
		{Readiness, "ledger.readiness.channel.{channel}", []Role{RoleAdapter, RoleNode}},
	}
	for _, t := range []Type{Attempt, Prepared, NotSent, Unknown, Absent, Posted, Verified, NotVerifiable, Failed, Held, Expired, Superseded, Deferred} {
		all = append(all, writing{t, channel, []Role{RoleAdapter, RoleNode}})
	}
	return all
}

// blobWriters may keep bytes: a bulletin's, or those of a version of the key ring.
func blobWriters() []Role { return []Role{RolePolice, RoleOfficer, RoleNode} }

// Writes returns the subjects on which a role may write at the broker. It is nothing for
// an operator, who may write on all.
func Writes(role Role, channel string) (subjects []string) {
	if role != RoleAdapter {
		channel = "*"
	}
	for _, w := range writings() {
		subject := strings.ReplaceAll(w.subject, "{channel}", channel)
		if slices.Contains(w.roles, role) && !slices.Contains(subjects, subject) {
			subjects = append(subjects, subject)
		}
	}
	if slices.Contains(blobWriters(), role) {
		subjects = append(subjects, "blob.*")
	}
	return subjects
}

// Asks returns the subjects by which every role may ask: for records, for bulletins, and
// for how the streams are.
func Asks() []string {
	return []string{
		directGet,
		"$JS.API.DIRECT.GET." + blobsName, "$JS.API.DIRECT.GET." + blobsName + ".blob.*",
		"$JS.API.STREAM.INFO." + streamName, "$JS.API.STREAM.INFO." + blobsName,
		"$JS.API.STREAM.MSG.GET." + streamName, "$JS.API.STREAM.MSG.GET." + blobsName,
	}
}

// told is what stands before the subjects of records where a reader is told that they are
// being written. What it is told is a reason to ask, and nothing else: such a record
// may still be refused.
const told = "told"

// A User is somebody who may connect to the broker.
type User struct {
	Role    Role
	Channel string // of an adapter; "" for all others
	Key     string // public nkey, "U…"
}

// Name returns the user's role, and the channel of an adapter: "officer", "adapter-sito".
func (u User) Name() string {
	if u.Role == RoleAdapter {
		return string(u.Role) + "-" + u.Channel
	}
	return string(u.Role)
}

// account returns the name of the account in which the user is.
func (u User) account() string {
	if u.Role == RoleAdapter {
		return "ADAPTER-" + u.Channel
	}
	return strings.ToUpper(string(u.Role))
}

// inbox returns what begins the subjects on which the user, and nobody else, takes answers.
func (u User) inbox() string { return "_INBOX." + u.Key }

// hears lists the subjects on which the user may listen.
func (u User) hears() []string { return []string{u.inbox() + ".>", told + ".ledger.>"} }

// writes lists the subjects on which the user may write or ask.
func (u User) writes() []string { return append(Writes(u.Role, u.Channel), Asks()...) }

// may reports whether the user may write on a subject.
func (u User) may(subject string) bool {
	return u.Role == RoleOperator || slices.ContainsFunc(Writes(u.Role, u.Channel), func(pattern string) bool { return matches(pattern, subject) })
}

// matches reports whether a subject is one of those that a pattern with stars names.
func matches(pattern, subject string) bool {
	p, s := strings.Split(pattern, "."), strings.Split(subject, ".")
	if len(p) != len(s) {
		return false
	}
	for i := range p {
		if p[i] != "*" && p[i] != s[i] {
			return false
		}
	}
	return true
}

// ParseUser reads the name of a user of the embedded broker, as [User.Name] writes it, and the public key.
func ParseUser(name, key string) (User, error) {
	u := User{Role: Role(name), Key: key}
	if channel, ok := strings.CutPrefix(name, string(RoleAdapter)+"-"); ok {
		u.Role, u.Channel = RoleAdapter, channel
		if !ValidChannel(channel) {
			return u, fmt.Errorf("%q is not a channel's name: use lower-case letters, digits and hyphens", channel)
		}
	} else if u.Role == RoleOperator {
		return u, errors.New("operator is no user of the broker inside a node: it could write and remove anything, and the node itself makes the streams; remove the line, and use the credential only at a broker elsewhere, with tocsin streams")
	} else if u.Role == RoleAdapter || !slices.Contains(Roles(), u.Role) {
		return u, fmt.Errorf("%q is no role: write officer, police, auditor, node, or adapter-CHANNEL", name)
	}
	if !nkeys.IsValidPublicUserKey(key) {
		return u, errors.New("that is not the public key of a user: it begins with U and has 56 characters; seeds, which begin with S, belong in no such list")
	}
	return u, nil
}

// ParseUsers reads a list of users: a name and a public key on a line, and what else stands
// on it is for people. Lines that begin with # say nothing. A key has one line.
func ParseUsers(file string, text []byte) ([]User, error) {
	var users []User
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) < 2 {
			return nil, fmt.Errorf("%s:%d: write a role and a public key on the line", file, n)
		}
		u, err := ParseUser(words[0], words[1])
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
		if slices.ContainsFunc(users, func(other User) bool { return other.Key == u.Key }) {
			return nil, fmt.Errorf("%s:%d: this key has a line already: a key has one role", file, n)
		}
		users = append(users, u)
	}
	return users, nil
}

// A Credential is a user's secret: it proves to the broker who connects.
type Credential struct {
	User
	pair nkeys.KeyPair
}

// NewCredential makes a credential of a role; channel is an adapter's.
func NewCredential(role Role, channel string) (Credential, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return Credential{}, fmt.Errorf("broker credential: %w", err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		return Credential{}, fmt.Errorf("broker credential: %w", err)
	}
	return Credential{User{Role: role, Channel: channel, Key: key}, pair}, nil
}

// ParseCredential reads the seed of a credential that is given as one of the role.
// Its error never shows it.
func ParseCredential(role Role, channel string, seed []byte) (Credential, error) {
	pair, err := nkeys.FromSeed(seed)
	if err == nil {
		var key string
		if key, err = pair.PublicKey(); err == nil && nkeys.IsValidPublicUserKey(key) {
			return Credential{User{Role: role, Channel: channel, Key: key}, pair}, nil
		}
	}
	return Credential{}, errors.New("it holds no seed of a broker credential: that begins with SU, and tocsin init makes it")
}

// Seed returns the secret itself, as a file holds it.
func (c Credential) Seed() ([]byte, error) { return c.pair.Seed() }

// A RightsError says that the broker takes something of other roles only. It is an
// [ErrForbidden].
type RightsError struct {
	What string   // the type of the record, or "bytes"
	Have []string // the users whose credentials this program has
	Need []Role   // who may
}

// Error says whose credential it takes.
func (e *RightsError) Error() string {
	need := make([]string, len(e.Need))
	for i, r := range e.Need {
		need[i] = string(r)
	}
	return fmt.Sprintf("the broker takes %q with the credential of %s only, and this program has that of %s: name the right one under broker.credentials, or have whoever has it do this",
		e.What, strings.Join(need, " or "), strings.Join(e.Have, ", "))
}

// Unwrap returns [ErrForbidden].
func (e *RightsError) Unwrap() error { return ErrForbidden }

// rightsError says who may write on a subject.
func rightsError(subject string, have []Credential) error {
	e := &RightsError{What: "bytes"}
	for _, w := range writings() {
		if matches(strings.ReplaceAll(w.subject, "{channel}", "*"), subject) {
			e.What = string(w.of)
			break
		}
	}
	for _, c := range have {
		e.Have = append(e.Have, c.Name())
	}
	for _, role := range Roles() {
		if role != RoleOperator && slices.ContainsFunc(Writes(role, "*"), func(pattern string) bool { return matches(pattern, subject) }) {
			e.Need = append(e.Need, role)
		}
	}
	return e
}

// A crossing is a subject by which accounts reach the ledger's.
type crossing struct {
	subject  string
	accounts []string
}

// crossings lists what the accounts of the users need, in the order of the roles. Operators
// need none: they are in the ledger's account.
func crossings(users []User) (all []crossing, accounts []string) {
	users = slices.Clone(users)
	slices.SortStableFunc(users, func(a, b User) int {
		return cmp.Or(slices.Index(Roles(), a.Role)-slices.Index(Roles(), b.Role), cmp.Compare(a.Channel, b.Channel))
	})
	for _, u := range users {
		if u.Role == RoleOperator || slices.Contains(accounts, u.account()) {
			continue
		}
		accounts = append(accounts, u.account())
		for _, subject := range u.writes() {
			i := slices.IndexFunc(all, func(c crossing) bool { return c.subject == subject })
			if i < 0 {
				i = len(all)
				all = append(all, crossing{subject: subject})
			}
			all[i].accounts = append(all[i].accounts, u.account())
		}
	}
	return all, accounts
}

// A gate lets in the node of this process, and users, each with their rights.
type gate struct {
	node     string                                     // the credential of this process, never written anywhere
	users    []User                                     // who may come over the network
	accounts atomic.Pointer[map[string]*server.Account] // nil until the broker is up: nobody is let in before
}

func newGate(users []User) *gate {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail
	return &gate{node: hex.EncodeToString(b[:]), users: users}
}

// Check lets a connection in or not, as the broker asks it to.
func (g *gate) Check(c server.ClientAuthentication) bool {
	shown, accounts := c.GetOpts(), g.accounts.Load()
	if same(shown.Token, g.node) {
		c.RegisterUser(&server.User{Username: "node"})
		return true
	}
	i := slices.IndexFunc(g.users, func(u User) bool { return u.Key == shown.Nkey })
	if accounts == nil || i < 0 || !proves(shown.Nkey, shown.Sig, c.GetNonce()) {
		return false
	}
	u := g.users[i]
	if u.Role == RoleOperator {
		c.RegisterUser(&server.User{Username: u.Name()})
		return true
	}
	c.RegisterUser(&server.User{Username: u.Name(), Account: (*accounts)[u.account()], Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: u.writes()}, Subscribe: &server.SubjectPermission{Allow: u.hears()},
	}})
	return true
}

// proves reports whether whoever signed the broker's greeting has the key.
func proves(key, signature string, nonce []byte) bool {
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || len(nonce) == 0 {
		return false
	}
	public, err := nkeys.FromPublicKey(key)
	return err == nil && public.Verify(nonce, sig) == nil
}

// same compares two credentials and takes as long whatever they are.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// open makes the accounts of the users on a broker that is up, and lets users in.
func (g *gate) open(ns *server.Server) error {
	ledger := ns.GlobalAccount()
	all, names := crossings(g.users)
	accounts := map[string]*server.Account{}
	var readers []*server.Account
	for _, name := range names {
		accounts[name], _ = ns.LookupOrRegisterAccount(name)
		readers = append(readers, accounts[name])
	}
	for _, c := range all {
		answers := server.Singleton
		if c.subject == directGet {
			answers = server.Streamed // many records to one question
		}
		var may []*server.Account
		for _, name := range c.accounts {
			may = append(may, accounts[name])
		}
		if err := ledger.AddServiceExportWithResponse(c.subject, answers, may); err != nil {
			return fmt.Errorf("rights on %s: %w", c.subject, err)
		}
		for _, account := range may {
			if err := account.AddServiceImport(ledger, c.subject, c.subject); err != nil {
				return fmt.Errorf("rights of %s on %s: %w", account.Name, c.subject, err)
			}
		}
	}
	if err := ledger.AddStreamExport("ledger.>", readers); err != nil {
		return fmt.Errorf("rights to be told of records: %w", err)
	}
	for _, account := range readers {
		if err := account.AddStreamImport(ledger, "ledger.>", told); err != nil {
			return fmt.Errorf("rights of %s to be told of records: %w", account.Name, err)
		}
	}
	g.accounts.Store(&accounts)
	return nil
}
