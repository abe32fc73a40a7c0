package signing

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/signing/sshsig"
)

const (
	policyVersion  = 1
	maxPolicyBytes = 8 << 10
	maxOrigins     = 32

	// maxBrackets bounds the nesting, for which the YAML parser takes time that
	// grows with its third power: minutes for 64 KiB of "[".
	maxBrackets = 100
)

//go:embed policy.yaml
var defaultPolicy string

// DefaultPolicy returns the policy that a new installation starts from, with
// comments in Italian and English: both signatures for words of one's own, one for
// what was prepared inside a bulletin that both have signed.
func DefaultPolicy() []byte { return []byte(defaultPolicy) }

// A Policy says which roles must sign for which kind of message. It does not
// change, so that it can be shared.
type Policy struct {
	rules    map[alert.MsgType]Rule
	prepared map[bulletin.Kind]Rule
	halts    map[bulletin.HaltKind][]Role
	hardware HardwareRules
	// breakglass is nil where one organisation never releases anything.
	breakglass *BreakglassRules
	sum        [sha256.Size]byte
}

// A Rule says who must sign for one kind of message. Exactly one of its lists is
// not empty. Where it asks for more than one signature, they are by different
// persons, with different keys, from different organisations.
type Rule struct {
	All []Role // each of these roles signs
	Any []Role // one of these roles signs
}

// Roles returns the roles whose signatures count.
func (r Rule) Roles() []Role { return slices.Concat(r.All, r.Any) }

// Signatures returns how many signatures the rule asks for.
func (r Rule) Signatures() int { return len(r.slots()) }

// MayBeMet reports whether signatures in these roles are enough for the rule, whoever made
// them.
func (r Rule) MayBeMet(roles []Role) bool {
	if len(r.Any) > 0 {
		return slices.ContainsFunc(r.Any, func(role Role) bool { return slices.Contains(roles, role) })
	}
	return !slices.ContainsFunc(r.All, func(role Role) bool { return !slices.Contains(roles, role) })
}

// slots returns for each signature that is needed the roles that can give it.
func (r Rule) slots() [][]Role {
	if len(r.Any) > 0 {
		return [][]Role{r.Any}
	}
	slots := make([][]Role, len(r.All))
	for i, role := range r.All {
		slots[i] = []Role{role}
	}
	return slots
}

// text is the rule as a policy has it.
func (r Rule) text() string {
	if len(r.Any) > 0 {
		return "any: " + listText(r.Any)
	}
	return "all: " + listText(r.All)
}

func listText[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = string(s)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// HardwareRules say what hardware keys and passkeys must attest beyond the user's
// presence, which is always required. The zero value is the strictest but for
// origins, and is what a policy without them says.
type HardwareRules struct {
	WithoutVerification bool     // accept signatures without PIN, fingerprint or face
	SyncedPasskeys      bool     // accept keys that may exist on several devices
	Origins             []string // pages that may ask passkeys to sign; empty: all pages of the passkey's site
}

// Rule returns the rule for a type of message, and for what was prepared inside
// another bulletin as the kind; "" for a bulletin that stands for itself. It returns
// false for types that are not signed. What was prepared follows the rule of its type
// where the policy has none for its kind.
func (p *Policy) Rule(msgType alert.MsgType, kind bulletin.Kind) (Rule, bool) {
	r, ok := p.rules[msgType]
	if prepared, has := p.prepared[kind]; ok && has {
		r = prepared
	}
	return Rule{All: slices.Clone(r.All), Any: slices.Clone(r.Any)}, ok
}

// Hardware returns the rules for hardware keys and passkeys.
func (p *Policy) Hardware() HardwareRules {
	h := p.hardware
	h.Origins = slices.Clone(h.Origins)
	return h
}

// SHA256 identifies the policy: it is that of its text.
func (p *Policy) SHA256() [sha256.Size]byte { return p.sum }

// check says why an assertion does not satisfy the rules, or "".
func (h *HardwareRules) check(a sshsig.Assertion) Reason {
	switch {
	case !a.Hardware:
		return ""
	case !a.UserVerified && !h.WithoutVerification:
		return ReasonNotVerified
	case a.WebAuthn && a.Syncable && !h.SyncedPasskeys:
		return ReasonSyncedKey
	case a.WebAuthn && len(h.Origins) > 0 && !slices.Contains(h.Origins, a.Origin):
		return ReasonWrongOrigin
	default:
		return ""
	}
}

// A PolicyError says which line of a policy cannot be accepted, why, and what to
// do.
type PolicyError struct {
	Line int // from 1; 0 for the file as a whole
	Err  error
}

func (e *PolicyError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("signing policy: %v", e.Err)
	}
	return fmt.Sprintf("signing policy, line %d: %v", e.Line, e.Err)
}

// Unwrap returns the cause.
func (e *PolicyError) Unwrap() error { return e.Err }

// ParsePolicy reads a policy as YAML of at most 8 KiB; [DefaultPolicy] shows all
// of it. Whatever it does not know is an error, a [*PolicyError], so that a typo
// can never loosen a rule. The parts prepared, halts, breakglass and hardware_keys may
// be left out.
func ParsePolicy(text []byte) (*Policy, error) {
	root, err := parseYAML(text)
	if err != nil {
		return nil, err
	}
	p := &Policy{rules: map[alert.MsgType]Rule{}, prepared: map[bulletin.Kind]Rule{}, halts: defaultHalts(), sum: sha256.Sum256(text)}
	err = eachKey(root, map[string]func(ast.Node) error{
		"version": func(n ast.Node) error {
			if v, ok := n.(*ast.IntegerNode); !ok || v.Token.Value != strconv.Itoa(policyVersion) {
				return refuseNode(n, "the version is not %d, the only one known", policyVersion)
			}
			return nil
		},
		"alert":         readRule(p.rules, alert.MsgAlert),
		"update":        readRule(p.rules, alert.MsgUpdate),
		"cancel":        readRule(p.rules, alert.MsgCancel),
		"prepared":      p.readPrepared,
		"halts":         p.readHalts,
		"breakglass":    p.readBreakglass,
		"hardware_keys": p.readHardware,
	}, "version", "alert", "update", "cancel")
	if err != nil {
		return nil, err
	}
	return p, nil
}

func parseYAML(text []byte) (ast.Node, error) {
	if len(text) > maxPolicyBytes {
		return nil, &PolicyError{Err: fmt.Errorf("it is longer than %d bytes", maxPolicyBytes)}
	}
	if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxBrackets {
		return nil, &PolicyError{Err: fmt.Errorf("it has more than %d brackets; start again from the default policy", maxBrackets)}
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var y yaml.Error
		if errors.As(err, &y) && y.GetToken() != nil {
			return nil, &PolicyError{Line: y.GetToken().Position.Line, Err: errors.New(y.GetMessage())}
		}
		return nil, &PolicyError{Err: errors.New("it is not YAML; start again from the default policy")}
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, &PolicyError{Err: errors.New("it is empty or holds several documents; start again from the default policy")}
	}
	return file.Docs[0].Body, nil
}

// eachKey reads a mapping that has only the keys in read, and all those in
// required. The YAML parser has refused keys that are given twice.
func eachKey(n ast.Node, read map[string]func(ast.Node) error, required ...string) error {
	var pairs []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		return refuseNode(n, "a list of keys and values is wanted here")
	}
	seen := map[string]bool{}
	for _, pair := range pairs {
		key, ok := pair.Key.(*ast.StringNode)
		if !ok || read[key.Value] == nil {
			return refuseNode(pair.Key, "unknown key %.32q; look at the default policy", pair.Key.String())
		}
		seen[key.Value] = true
		if pair.Value == nil {
			return refuseNode(key, "the key %s has no value", key.Value)
		}
		if err := read[key.Value](pair.Value); err != nil {
			return err
		}
	}
	for _, key := range required {
		if !seen[key] {
			return refuseNode(n, "the key %s is missing", key)
		}
	}
	return nil
}

func (p *Policy) readPrepared(n ast.Node) error {
	read := map[string]func(ast.Node) error{}
	for _, kind := range bulletin.Kinds() {
		read[string(kind)] = readRule(p.prepared, kind)
	}
	read[string(bulletin.Ratification)] = func(n ast.Node) error {
		if err := readRule(p.prepared, bulletin.Ratification)(n); err != nil {
			return err
		}
		for _, role := range []Role{Officer, Breakglass, Correction} {
			if r := p.prepared[bulletin.Ratification]; r.Signatures() == 1 && slices.Contains(r.Roles(), role) {
				return refuseNode(n, "%s alone may not ratify: that is for the organisation that could not be reached", role)
			}
		}
		return nil
	}
	return eachKey(n, read)
}

// readRule reads the rule of a kind into rules.
func readRule[K comparable](rules map[K]Rule, kind K) func(ast.Node) error {
	return func(n ast.Node) error {
		var r Rule
		err := eachKey(n, map[string]func(ast.Node) error{
			"all": func(n ast.Node) (err error) { r.All, err = readRoles(n); return err },
			"any": func(n ast.Node) (err error) { r.Any, err = readRoles(n); return err },
		})
		if err != nil {
			return err
		}
		if (len(r.All) == 0) == (len(r.Any) == 0) {
			return refuseNode(n, "write either all: or any: with the roles that sign")
		}
		rules[kind] = r
		return nil
	}
}

func readRoles(n ast.Node) ([]Role, error) {
	names, err := readStrings(n, len(Roles()))
	if err != nil {
		return nil, err
	}
	var roles []Role
	for _, name := range names {
		role := Role(name.Value)
		// Key-ring managers approve rings; a policy by which they release alerts
		// would be a slip of the pen.
		if !slices.Contains(Roles(), role) || role == Keyring {
			return nil, refuseNode(name, "unknown role %.32q; the roles are %s", name.Value, rolesText(slices.DeleteFunc(Roles(), func(r Role) bool { return r == Keyring })))
		}
		if slices.Contains(roles, role) {
			return nil, refuseNode(name, "the role %s is given twice", role)
		}
		roles = append(roles, role)
	}
	if len(roles) == 0 {
		return nil, refuseNode(n, "the list of roles is empty; name at least one")
	}
	return roles, nil
}

func readStrings(n ast.Node, most int) ([]*ast.StringNode, error) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return nil, refuseNode(n, "a list in square brackets is wanted here")
	}
	if len(list.Values) > most {
		return nil, refuseNode(n, "the list has more than %d entries", most)
	}
	var out []*ast.StringNode
	for _, v := range list.Values {
		s, ok := v.(*ast.StringNode)
		if !ok {
			return nil, refuseNode(n, "the list holds something else than text")
		}
		out = append(out, s)
	}
	return out, nil
}

func (p *Policy) readHardware(n ast.Node) error {
	verification := true
	err := eachKey(n, map[string]func(ast.Node) error{
		"user_verification": readBool(&verification),
		"synced_passkeys":   readBool(&p.hardware.SyncedPasskeys),
		"origins": func(n ast.Node) error {
			list, err := readStrings(n, maxOrigins)
			if err != nil {
				return err
			}
			for _, s := range list {
				if !isOrigin(s.Value) {
					return refuseNode(s, "%.64q is not a page's origin; write it like https://firma.pc.example, without a path", s.Value)
				}
				p.hardware.Origins = append(p.hardware.Origins, s.Value)
			}
			return nil
		},
	})
	p.hardware.WithoutVerification = !verification
	return err
}

func readBool(to *bool) func(ast.Node) error {
	return func(n ast.Node) error {
		b, ok := n.(*ast.BoolNode)
		if !ok {
			return refuseNode(n, "write true or false")
		}
		*to = b.Value
		return nil
	}
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && s == u.Scheme+"://"+u.Host
}

// refuseNode is an error about a place in the file.
func refuseNode(n ast.Node, format string, args ...any) error {
	line := 0
	if n != nil && n.GetToken() != nil && n.GetToken().Position != nil {
		line = n.GetToken().Position.Line
	}
	return &PolicyError{Line: line, Err: fmt.Errorf(format, args...)}
}
