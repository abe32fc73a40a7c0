package signing_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// Options of ring lines that are as they should be.
const (
	officerOptions = `namespaces="officer@tocsin",valid-after="20260101Z",valid-before="20270101Z"`
	policeOptions  = `namespaces="police@tocsin",valid-after="20260101Z",valid-before="20270101Z"`
)

func newSigner(t testing.TB, private any, err error) ssh.Signer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newEd25519(t testing.TB) ssh.Signer {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return newSigner(t, private, err)
}

func publicLine(k ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k)))
}

func day(month time.Month, d int) time.Time { return time.Date(2026, month, d, 0, 0, 0, 0, time.UTC) }

func mustParseRing(t testing.TB, text, revoked string) *signing.Ring {
	t.Helper()
	r, err := signing.ParseRing("ring", []byte(text), []byte(revoked))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// reasonOf returns why err refused, "" for no error, and fails the test where the
// error is of another type.
func reasonOf(t testing.TB, err error) signing.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var refused *signing.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("the error is a %T (%v), want a RefusedError", err, err)
	}
	return refused.Reason
}

func TestNamespaces(t *testing.T) {
	t.Parallel()
	for _, role := range signing.Roles() {
		for _, realm := range []alert.Realm{alert.RealmLive, alert.RealmExercise} {
			ns := signing.Namespace(role, realm)
			gotRole, gotRealm, err := signing.ParseNamespace(ns)
			if err != nil || gotRole != role || gotRealm != realm {
				t.Errorf("ParseNamespace(%q) returned %s, %s, %v", ns, gotRole, gotRealm, err)
			}
		}
	}
	if got, want := signing.Namespace(signing.Police, alert.RealmExercise), "police@exercise.tocsin"; got != want {
		t.Errorf("Namespace returned %q, want %q", got, want)
	}
	if got := signing.Namespace("boss", alert.RealmLive) + signing.Namespace(signing.Officer, "x") + signing.Namespace(signing.Officer, ""); got != "" {
		t.Errorf("Namespace of nothing known returned %q", got)
	}
	for _, ns := range []string{"", "@", "officer", "@tocsin", "boss@tocsin", "officer@", "officer@live.tocsin", "Officer@tocsin", "officer@tocsin ", "officer@tocsin@tocsin", "login@tocsin"} {
		if _, _, err := signing.ParseNamespace(ns); !errors.Is(err, signing.ErrNamespace) {
			t.Errorf("ParseNamespace(%q): %v, want ErrNamespace", ns, err)
		}
	}
}

func TestPrincipals(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a@b", "mario.rossi@pc.provincia.example", "m_r-1@x-y.example"} {
		if err := signing.CheckPrincipal(name); err != nil {
			t.Errorf("CheckPrincipal(%q): %v", name, err)
		}
	}
	for _, name := range []string{
		"", "mario", "@b", "a@", "A@b", "a@B", "a@b.", "a@.b", "a@b..c", "a@-b", "a@b-", "a b@c", "a@b@c", "*@b", "a@*", "-a@b", ".a@b",
		"mariò@b", "a@b\n", `"a"@b`, "a,b@c", "!a@b", strings.Repeat("a", 250) + "@bcdefg",
	} {
		if err := signing.CheckPrincipal(name); err == nil {
			t.Errorf("CheckPrincipal took %q", name)
		}
	}
}

func TestParseRing(t *testing.T) {
	t.Parallel()
	k := publicLine(newEd25519(t).PublicKey())
	k2 := publicLine(newEd25519(t).PublicKey())
	rsaKey, rsaErr := rsa.GenerateKey(rand.Reader, 2048)
	p384, p384Err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p256, p256Err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	const good = "a@b " + officerOptions + " "
	replace := func(old, text string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the good line", old)
		}
		return strings.Replace(good, old, text, 1) + k
	}
	tests := map[string]struct {
		text string
		want string // in the error; empty for none
	}{
		"good":                 {good + k, ""},
		"comment":              {good + k + " Mario Rossi, funzionario", ""},
		"accented_comment":     {good + k + " Niccolò", ""},
		"comments_and_blanks":  {"# ring\n\n  \n" + good + k + "\n # end\n", ""},
		"crlf":                 {"# ring\r\n" + good + k + "\r\n", ""},
		"tabs":                 {strings.ReplaceAll(good, " ", "\t") + k, ""},
		"indented":             {"  " + good + k, ""},
		"options_reordered":    {`a@b valid-before="20270101Z",valid-after="20260101Z",namespaces="officer@tocsin" ` + k, ""},
		"both_realms":          {replace("officer@tocsin", "officer@tocsin,officer@exercise.tocsin"), ""},
		"minutes":              {replace("20260101Z", "202601010830Z"), ""},
		"seconds":              {replace("20260101Z", "20260101083000Z"), ""},
		"p256":                 {good + publicLine(newSigner(t, p256, p256Err).PublicKey()), ""},
		"passkey":              {good + publicLine(signingtest.NewPasskey(t, "firma.b").PublicKey(t)), ""},
		"authority":            {"*@b cert-authority," + policeOptions + " " + k, ""},
		"authority_one_person": {"a@b cert-authority," + policeOptions + " " + k, ""},
		"two_people":           {good + k + "\nc@d " + policeOptions + " " + k2, ""},
		"renewal":              {good + k + "\n" + replace("20260101Z", "20260601Z"), ""},
		"role_in_both_realms":  {good + k + "\n" + replace("officer@tocsin", "officer@exercise.tocsin"), ""},
		"two_roles_two_keys":   {good + k + "\na@b " + policeOptions + " " + k2, ""},

		"empty":                {"", "no signer"},
		"comments_only":        {"# nobody\n", "no signer"},
		"no_options":           {"a@b " + k, "ring:1: the options are missing"},
		"no_namespaces":        {`a@b valid-after="20260101Z",valid-before="20270101Z" ` + k, "namespaces is missing"},
		"no_after":             {`a@b namespaces="officer@tocsin",valid-before="20270101Z" ` + k, "valid-after is missing"},
		"no_before":            {`a@b namespaces="officer@tocsin",valid-after="20260101Z" ` + k, "valid-before is missing"},
		"empty_namespaces":     {replace("officer@tocsin", ""), "needs a value"},
		"pattern_namespace":    {replace("officer@tocsin", "*@tocsin"), "unknown role"},
		"pattern_realm":        {replace("officer@tocsin", "officer@*"), "not a signing namespace"},
		"negated_namespace":    {replace("officer@tocsin", "!police@tocsin"), "unknown role"},
		"typo_in_role":         {replace("officer@tocsin", "oficer@tocsin"), "the roles are officer, police"},
		"two_roles_in_line":    {replace("officer@tocsin", "officer@tocsin,police@tocsin"), "two roles"},
		"namespace_twice":      {replace("officer@tocsin", "officer@tocsin,officer@tocsin"), "twice"},
		"namespace_comma":      {replace("officer@tocsin", "officer@tocsin,"), "not a signing namespace"},
		"local_time":           {replace("20260101Z", "20260101"), "YYYYMMDDZ"},
		"no_such_day":          {replace("20260101Z", "20260231Z"), "YYYYMMDDZ"},
		"short_year":           {replace("20260101Z", "260101Z"), "YYYYMMDDZ"},
		"last_century":         {replace("20260101Z", "19990101Z"), "years 2000 to 2199"},
		"far_future":           {replace("20270101Z", "22000101Z"), "years 2000 to 2199"},
		"before_after":         {replace("20260101Z", "20280101Z"), "not later"},
		"same_time":            {replace("20260101Z", "20270101Z"), "not later"},
		"unquoted":             {replace(`"officer@tocsin"`, `officer@tocsin`), "double quotes"},
		"single_quotes":        {replace(`"officer@tocsin"`, `'officer@tocsin'`), "double quotes"},
		"open_quote":           {replace(`"20270101Z"`, `"20270101Z`), "double quotes"},
		"no_value":             {replace(`="officer@tocsin"`, ``), "double quotes"},
		"backslash":            {replace(`officer@tocsin`, `officer@tocsin\"`), "double quotes"},
		"unknown_option":       {"a@b verify-required," + officerOptions + " " + k, "unknown option"},
		"capital_option":       {replace("namespaces", "NAMESPACES"), "unknown option"},
		"option_twice":         {replace(`valid-after="20260101Z"`, `valid-after="20260101Z",valid-after="20260101Z"`), "twice"},
		"trailing_comma":       {replace(`"20270101Z"`, `"20270101Z",`), "unknown option"},
		"leading_comma":        {replace(`namespaces`, `,namespaces`), "unknown option"},
		"space_in_options":     {replace(`",valid-before`, `", valid-before`), "unknown option"},
		"authority_with_value": {"*@b cert-authority=\"x\"," + policeOptions + " " + k, "unknown option"},
		"wildcard_name":        {strings.Replace(good, "a@b", "*@b", 1) + k, "stands for many"},
		"wildcard_all":         {"* cert-authority," + policeOptions + " " + k, "e-mail address"},
		"wildcard_domain":      {"*@*.b cert-authority," + policeOptions + " " + k, "e-mail address"},
		"wildcard_part":        {"a*@b cert-authority," + policeOptions + " " + k, "e-mail address"},
		"two_names":            {strings.Replace(good, "a@b", "a@b,c@d", 1) + k, "e-mail address"},
		"quoted_name":          {strings.Replace(good, "a@b", `"a@b"`, 1) + k, "e-mail address"},
		"capital_name":         {strings.Replace(good, "a@b", `A@b`, 1) + k, "lower case"},
		"no_organisation":      {strings.Replace(good, "a@b", `a`, 1) + k, "e-mail address"},
		"no_key":               {good, "ring:1: the public key cannot be read"},
		"key_cut":              {good + k[:len(k)-4], "cannot be read"},
		"key_kind_wrong":       {good + strings.Replace(k, "ssh-ed25519", "ssh-rsa", 1), "cannot be read"},
		"key_kind_missing":     {good + strings.TrimPrefix(k, "ssh-ed25519 "), "cannot be read"},
		"private_key":          {good + "-----BEGIN OPENSSH PRIVATE KEY-----", "cannot be read"},
		"rsa":                  {good + publicLine(newSigner(t, rsaKey, rsaErr).PublicKey()), "not accepted"},
		"p384":                 {good + publicLine(newSigner(t, p384, p384Err).PublicKey()), "not accepted"},
		"one_word":             {"garbage", "unknown option"},
		"second_line":          {good + k + "\ngarbage\n", "ring:2: "},
		"byte_order_mark":      {"\ufeff" + good + k, "invisible"},
		"invisible":            {good + k + " Mario\u200b Rossi", "invisible"},
		"right_to_left":        {good + k + " \u202eissoR", "invisible"},
		"nul":                  {good + k + "\x00", "invisible"},
		"carriage_return":      {"# x\r" + good + k, "invisible"},
		"not_utf8":             {good + k + " Niccol\xf2", "UTF-8"},
		"long_line":            {good + k + strings.Repeat(" x", 10_000), "longer than"},
		"large":                {strings.Repeat("# comment\n", 110_000), "longer than"},
		"key_of_two_people":    {good + k + "\nc@d " + officerOptions + " " + k, "ring:2: the key is already that of a@b, line 1"},
		"key_in_two_roles":     {good + k + "\na@b " + policeOptions + " " + k, "already has the role officer"},
		"key_and_authority":    {"a@b " + policeOptions + " " + k + "\na@b cert-authority," + policeOptions + " " + k, "a person's and an authority's"},
		"authority_of_two":     {"*@b cert-authority," + policeOptions + " " + k + "\n*@c cert-authority," + policeOptions + " " + k, "already that of"},
		"exercise_other_role":  {good + k + "\n" + replace("officer@tocsin", "police@exercise.tocsin"), "already has the role"},
		"certificate_in_ring":  {good + publicLine(newCertificate(t, newEd25519(t), newEd25519(t), "a@b")), "this is a certificate"},
		"extra_padding":        {good + k + "=", "cannot be read"},
		"lax_base64":           {good + laxBase64(t, newSigner(t, p256, p256Err).PublicKey()), "cannot be read"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signing.ParseRing("ring", []byte(tt.text), nil)
			checkText(t, err, tt.want)
			var re *signing.RingError
			if err != nil && !errors.As(err, &re) {
				t.Errorf("the error is a %T, want a RingError", err)
			}
		})
	}
}

// laxBase64 returns the line of a key with bits set that a lenient decoder throws
// away, so that two texts would be one key.
func laxBase64(t *testing.T, key ssh.PublicKey) string {
	t.Helper()
	line := publicLine(key)
	body, ok := strings.CutSuffix(line, "=")
	if !ok || strings.HasSuffix(body, "=") {
		t.Fatalf("%s does not end in one padding character", line)
	}
	return body[:len(body)-1] + string(body[len(body)-1]+1) + "="
}

// rsaWire returns an RSA key in base64 whose exponent is written with these bytes.
func rsaWire(exponent ...byte) string {
	modulus := append([]byte{0, 0xc1}, make([]byte, 255)...)
	modulus[256] = 1
	return base64.StdEncoding.EncodeToString(ssh.Marshal(struct {
		Kind string
		E, N []byte
	}{ssh.KeyAlgoRSA, exponent, modulus}))
}

// checkText expects an error that says want, or none.
func checkText(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && err == nil:
		t.Errorf("accepted; want an error that says %q", want)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("the error is %q; want one that says %q", err, want)
	}
}

func newCertificate(t testing.TB, key, authority ssh.Signer, names ...string) *ssh.Certificate {
	t.Helper()
	c := &ssh.Certificate{
		Key: key.PublicKey(), CertType: ssh.UserCert, KeyId: "liaison-7", ValidPrincipals: names,
		ValidAfter: uint64(day(2, 1).Unix()), ValidBefore: uint64(day(11, 1).Unix()),
	}
	if err := c.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRevokedFile(t *testing.T) {
	t.Parallel()
	good := newEd25519(t)
	k := publicLine(newEd25519(t).PublicKey())
	tests := map[string]struct{ text, want string }{
		"empty":       {"", ""},
		"comments":    {"# lost on 2026-03-01\n\n", ""},
		"keys":        {"# lost\n" + k + "\n" + publicLine(newEd25519(t).PublicKey()) + " Mario\n", ""},
		"garbage":     {k + "\nSHA256:abc\n", "revoked:2: "},
		"options":     {"a@b " + k, "revoked:1: "},
		"binary_list": {"SSHKRL\n\x00\x00\x00\x00\x01", "revoked:1: "},
		"rsa":         {"ssh-rsa " + rsaWire(3), ""},
		"other_form":  {"ssh-rsa " + rsaWire(0, 0, 3), "revoked:1: "},
		"certificate": {publicLine(newCertificate(t, good, newEd25519(t), "a@b")), "this is a certificate"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signing.ParseRing("ring", []byte("a@b "+officerOptions+" "+publicLine(good.PublicKey())), []byte(tt.text))
			checkText(t, err, tt.want)
		})
	}
}

func TestRingCheck(t *testing.T) {
	t.Parallel()
	officer, revoked, exercise, stranger := newEd25519(t), newEd25519(t), newEd25519(t), newEd25519(t)
	ring := mustParseRing(t,
		"# ring\n"+
			"a@b "+officerOptions+" "+publicLine(officer.PublicKey())+" key of A\n"+
			"r@b "+officerOptions+" "+publicLine(revoked.PublicKey())+"\n"+
			`e@b namespaces="officer@exercise.tocsin",valid-after="20260101Z",valid-before="20270101Z" `+publicLine(exercise.PublicKey())+"\n",
		publicLine(revoked.PublicKey()))
	tests := map[string]struct {
		key       ssh.Signer
		principal string
		namespace string
		at        time.Time
		want      signing.Reason
	}{
		"admitted":            {officer, "a@b", "officer@tocsin", day(6, 1), ""},
		"first_second":        {officer, "a@b", "officer@tocsin", day(1, 1), ""},
		"last_second":         {officer, "a@b", "officer@tocsin", day(1, 1).AddDate(1, 0, 0), ""},
		"too_early":           {officer, "a@b", "officer@tocsin", day(1, 1).Add(-15 * time.Minute), signing.ReasonNotYetValid},
		"clock_behind":        {officer, "a@b", "officer@tocsin", day(1, 1).Add(-15*time.Minute + 1), signing.ReasonClockBehind},
		"clock_little_behind": {officer, "a@b", "officer@tocsin", day(1, 1).Add(-1), signing.ReasonClockBehind},
		"too_late":            {officer, "a@b", "officer@tocsin", day(1, 1).AddDate(1, 0, 0).Add(1), signing.ReasonKeyExpired},
		"other_name":          {officer, "x@b", "officer@tocsin", day(6, 1), signing.ReasonWrongPerson},
		"other_case":          {officer, "A@b", "officer@tocsin", day(6, 1), signing.ReasonBadName},
		"pattern":             {officer, "*@b", "officer@tocsin", day(6, 1), signing.ReasonBadName},
		"other_role":          {officer, "a@b", "police@tocsin", day(6, 1), signing.ReasonWrongRole},
		"exercise_by_live":    {officer, "a@b", "officer@exercise.tocsin", day(6, 1), signing.ReasonWrongRealm},
		"live_by_exercise":    {exercise, "e@b", "officer@tocsin", day(6, 1), signing.ReasonWrongRealm},
		"exercise":            {exercise, "e@b", "officer@exercise.tocsin", day(6, 1), ""},
		"no_namespace":        {officer, "a@b", "git", day(6, 1), signing.ReasonWrongRole},
		"revoked":             {revoked, "r@b", "officer@tocsin", day(6, 1), signing.ReasonRevoked},
		"revoked_out_of_time": {revoked, "r@b", "officer@tocsin", day(6, 1).AddDate(9, 0, 0), signing.ReasonRevoked},
		"stranger":            {stranger, "a@b", "officer@tocsin", day(6, 1), signing.ReasonNotInRing},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := ring.Check(tt.key.PublicKey(), tt.principal, tt.namespace, tt.at)
			if got := reasonOf(t, err); got != tt.want {
				t.Fatalf("refused for %q (%v), want %q", got, err, tt.want)
			}
			if tt.want == "" && (s.Principal != tt.principal || s.Namespace != tt.namespace || !s.At.Equal(tt.at) || s.Organisation != "b" || s.Role != signing.Officer) {
				t.Errorf("admitted as %+v", s)
			}
		})
	}
	if got := ring.ByKey(officer.PublicKey()); len(got) != 1 || got[0].Line != 2 || got[0].Comment != "key of A" ||
		got[0].Fingerprint != ssh.FingerprintSHA256(officer.PublicKey()) || !got[0].ValidBefore.Equal(day(1, 1).AddDate(1, 0, 0)) {
		t.Errorf("ByKey returned %+v", got)
	}
	if got := ring.ByKey(stranger.PublicKey()); got != nil {
		t.Errorf("ByKey of a stranger returned %+v", got)
	}
	if got := ring.Signers(); len(got) != 3 || got[2].Principal != "e@b" || !slices.Equal(got[2].Realms, []alert.Realm{alert.RealmExercise}) {
		t.Errorf("Signers returned %+v", got)
	}
}

// TestRenewedLine has two lines for one key, of which either admits in its time.
func TestRenewedLine(t *testing.T) {
	t.Parallel()
	k := newEd25519(t)
	ring := mustParseRing(t, fmt.Sprintf("a@b %s %s\na@b %s %[2]s\n", officerOptions, publicLine(k.PublicKey()),
		strings.ReplaceAll(strings.ReplaceAll(officerOptions, "2027", "2029"), "2026", "2028")), "")
	for year, want := range map[int]signing.Reason{2025: signing.ReasonNotYetValid, 2026: "", 2028: "", 2030: signing.ReasonKeyExpired} {
		_, err := ring.Check(k.PublicKey(), "a@b", "officer@tocsin", time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC))
		if got := reasonOf(t, err); got != want {
			t.Errorf("in %d refused for %q, want %q", year, got, want)
		}
	}
}

func TestRingCertificates(t *testing.T) {
	t.Parallel()
	authority, liaison, officer, other := newEd25519(t), newEd25519(t), newEd25519(t), newEd25519(t)
	text := "*@police.example cert-authority," + policeOptions + " " + publicLine(authority.PublicKey()) + "\n" +
		"a@pc.example " + officerOptions + " " + publicLine(officer.PublicKey()) + "\n"
	const name = "liaison@police.example"
	good := newCertificate(t, liaison, authority, name)
	change := func(f func(*ssh.Certificate)) *ssh.Certificate {
		c := newCertificate(t, liaison, authority, name)
		f(c)
		if err := c.SignCert(rand.Reader, authority); err != nil {
			t.Fatal(err)
		}
		return c
	}
	tests := map[string]struct {
		cert      ssh.PublicKey
		principal string
		at        time.Time
		revoked   ssh.PublicKey
		want      signing.Reason
	}{
		"admitted":              {good, name, day(6, 1), nil, ""},
		"two_names_in_it":       {newCertificate(t, liaison, authority, name, "other@police.example"), name, day(6, 1), nil, signing.ReasonBadCert},
		"name_not_in_it":        {good, "x@police.example", day(6, 1), nil, signing.ReasonBadCert},
		"other_organisation":    {newCertificate(t, liaison, authority, "a@pc.example"), "a@pc.example", day(6, 1), nil, signing.ReasonWrongPerson},
		"suffix":                {newCertificate(t, liaison, authority, "a@evilpolice.example"), "a@evilpolice.example", day(6, 1), nil, signing.ReasonWrongPerson},
		"below":                 {newCertificate(t, liaison, authority, "a@x.police.example"), "a@x.police.example", day(6, 1), nil, signing.ReasonWrongPerson},
		"before_it":             {good, name, day(1, 15), nil, signing.ReasonNotYetValid},
		"after_it":              {good, name, day(11, 1), nil, signing.ReasonCertExpired},
		"last_second":           {good, name, day(11, 1).Add(-time.Second), nil, ""},
		"after_line":            {change(func(c *ssh.Certificate) { c.ValidBefore = ssh.CertTimeInfinity }), name, day(6, 1).AddDate(1, 0, 0), nil, signing.ReasonKeyExpired},
		"forever_in_line":       {change(func(c *ssh.Certificate) { c.ValidBefore = ssh.CertTimeInfinity }), name, day(6, 1), nil, ""},
		"never_valid":           {change(func(c *ssh.Certificate) { c.ValidAfter = 1 << 63 }), name, day(6, 1), nil, signing.ReasonBadCert},
		"backwards":             {change(func(c *ssh.Certificate) { c.ValidBefore = c.ValidAfter }), name, day(6, 1), nil, signing.ReasonBadCert},
		"no_names":              {newCertificate(t, liaison, authority), name, day(6, 1), nil, signing.ReasonBadCert},
		"host_certificate":      {change(func(c *ssh.Certificate) { c.CertType = ssh.HostCert }), name, day(6, 1), nil, signing.ReasonBadCert},
		"critical_option":       {change(func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"verify-required": ""} }), name, day(6, 1), nil, signing.ReasonBadCert},
		"bytes_after":           {trailing(newCertificate(t, liaison, authority, name)), name, day(6, 1), nil, signing.ReasonBadCert},
		"unknown_authority":     {newCertificate(t, liaison, other, name), name, day(6, 1), nil, signing.ReasonNotInRing},
		"authority_forged":      {forged(t, liaison, authority, other, name), name, day(6, 1), nil, signing.ReasonBadCert},
		"signed_by_person":      {newCertificate(t, liaison, officer, name), name, day(6, 1), nil, signing.ReasonNotInRing},
		"key_without_it":        {liaison.PublicKey(), name, day(6, 1), nil, signing.ReasonNotInRing},
		"authority_itself":      {authority.PublicKey(), name, day(6, 1), nil, signing.ReasonNotInRing},
		"key_of_officer":        {newCertificate(t, officer, authority, name), name, day(6, 1), nil, signing.ReasonKeyConflict},
		"key_of_authority":      {newCertificate(t, authority, authority, name), name, day(6, 1), nil, signing.ReasonKeyConflict},
		"person_revoked":        {good, name, day(6, 1), liaison.PublicKey(), signing.ReasonRevoked},
		"authority_revoked":     {good, name, day(6, 1), authority.PublicKey(), signing.ReasonRevoked},
		"somebody_else_revoked": {good, name, day(6, 1), other.PublicKey(), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			revoked := ""
			if tt.revoked != nil {
				revoked = publicLine(tt.revoked)
			}
			s, err := mustParseRing(t, text, revoked).Check(tt.cert, tt.principal, "police@tocsin", tt.at)
			if got := reasonOf(t, err); got != tt.want {
				t.Fatalf("refused for %q (%v), want %q", got, err, tt.want)
			}
			if tt.want == "" && (s.Principal != tt.principal || s.Organisation != "police.example" || s.Authority || s.Certificate != "liaison-7" ||
				s.Fingerprint != ssh.FingerprintSHA256(liaison.PublicKey())) {
				t.Errorf("admitted as %+v", s)
			}
		})
	}
}

// trailing adds a byte to the authority's signature, which covers all but itself.
func trailing(c *ssh.Certificate) *ssh.Certificate {
	c.Signature.Rest = []byte{0}
	return c
}

// forged returns a certificate that names an authority and that another signed.
func forged(t *testing.T, key, authority, forger ssh.Signer, name string) *ssh.Certificate {
	t.Helper()
	c := newCertificate(t, key, forger, name)
	c.SignatureKey = authority.PublicKey()
	return c
}

// TestRingSHA256 recomputes the digest as its description says.
func TestRingSHA256(t *testing.T) {
	t.Parallel()
	text := "a@b " + officerOptions + " " + publicLine(newEd25519(t).PublicKey()) + "\n"
	revoked := "# none\n"
	one, two := sha256.Sum256([]byte(text)), sha256.Sum256([]byte(revoked))
	want := sha256.Sum256([]byte("signers " + hex.EncodeToString(one[:]) + "\nrevoked " + hex.EncodeToString(two[:]) + "\n"))
	if got := mustParseRing(t, text, revoked).SHA256(); got != want {
		t.Errorf("SHA256 is %x, want %x", got, want)
	}
	if mustParseRing(t, text+"#", revoked).SHA256() == want || mustParseRing(t, text, "").SHA256() == want {
		t.Error("two versions have the same digest")
	}
}

func TestExpiring(t *testing.T) {
	t.Parallel()
	at := day(6, 1)
	person := func(name string, role signing.Role, before time.Time) *signingtest.Person {
		p := signingtest.NewPerson(t, name, role)
		p.Before = before
		return p
	}
	soon := person("soon@b", signing.Officer, at.AddDate(0, 0, 20))
	sooner := person("sooner@b", signing.Officer, at.AddDate(0, 0, 10))
	over := person("over@b", signing.Officer, at.AddDate(0, 0, -1))
	later := person("later@b", signing.Officer, at.AddDate(0, 0, 31))
	revoked := person("revoked@b", signing.Officer, at.AddDate(0, 0, 5))
	renewed := person("renewed@b", signing.Officer, at.AddDate(0, 0, 5))
	renewal := *renewed
	renewal.Before = at.AddDate(1, 0, 0)
	half := person("half@b", signing.Officer, at.AddDate(0, 0, 7))
	halfRenewal := *half
	halfRenewal.Before, halfRenewal.Realms = at.AddDate(1, 0, 0), []alert.Realm{alert.RealmExercise}
	text := signingtest.RingText(t, soon, sooner, over, later, revoked, renewed, &renewal, half, &halfRenewal)
	ring := mustParseRing(t, string(text), publicLine(revoked.PublicKey()))

	var got []string
	for _, s := range ring.Expiring(at, 30*24*time.Hour) {
		got = append(got, s.Principal)
	}
	if want := []string{"half@b", "sooner@b", "soon@b"}; !slices.Equal(got, want) {
		t.Errorf("Expiring returned %v, want %v", got, want)
	}
	if got := ring.Expiring(at, time.Hour); len(got) != 0 {
		t.Errorf("within the hour Expiring returned %v", got)
	}
}

func TestRingLine(t *testing.T) {
	t.Parallel()
	key, realms := newEd25519(t).PublicKey(), []alert.Realm{alert.RealmLive, alert.RealmExercise}
	line, err := signing.RingLine("a@b", signing.Police, realms, day(1, 1), day(2, 1).Add(time.Second), key, "Lucia B.")
	if err != nil {
		t.Fatal(err)
	}
	s := mustParseRing(t, line, "").Signers()[0]
	if s.Principal != "a@b" || s.Role != signing.Police || !slices.Equal(s.Realms, realms) || !s.ValidAfter.Equal(day(1, 1)) ||
		!s.ValidBefore.Equal(day(2, 1).Add(time.Second)) || s.Comment != "Lucia B." {
		t.Errorf("%s was read as %+v", line, s)
	}
	for name, f := range map[string]func() (string, error){
		"name": func() (string, error) {
			return signing.RingLine("*@b", signing.Police, realms, day(1, 1), day(2, 1), key, "")
		},
		"role": func() (string, error) { return signing.RingLine("a@b", "boss", realms, day(1, 1), day(2, 1), key, "") },
		"realms": func() (string, error) {
			return signing.RingLine("a@b", signing.Police, nil, day(1, 1), day(2, 1), key, "")
		},
		"times": func() (string, error) {
			return signing.RingLine("a@b", signing.Police, realms, day(2, 1), day(1, 1), key, "")
		},
		"comment": func() (string, error) {
			return signing.RingLine("a@b", signing.Police, realms, day(1, 1), day(2, 1), key, "x\na@b ssh")
		},
		"year": func() (string, error) {
			return signing.RingLine("a@b", signing.Police, realms, day(1, 1), day(1, 1).AddDate(9000, 0, 0), key, "")
		},
	} {
		if line, err := f(); err == nil {
			t.Errorf("%s: RingLine wrote %q", name, line)
		}
	}
}

// FuzzParseRing holds that no input makes the parser panic, that errors name the
// file, and that every signer in an accepted ring is bounded in all that matters.
func FuzzParseRing(f *testing.F) {
	officer, police := signingtest.Officer(f), signingtest.Police(f)
	f.Add(signingtest.RingText(f, officer, police), []byte(publicLine(officer.PublicKey())))
	f.Add([]byte("*@police.example cert-authority,"+policeOptions+" "+publicLine(police.PublicKey())), []byte("# none"))
	f.Add([]byte(`a@b namespaces="officer@tocsin" ssh-ed25519 AAAA`), []byte("x"))
	f.Fuzz(func(t *testing.T, text, revoked []byte) {
		ring, err := signing.ParseRing("ring", text, revoked)
		if err != nil {
			var re *signing.RingError
			if !errors.As(err, &re) {
				t.Fatalf("the error is a %T", err)
			}
			return
		}
		for _, s := range ring.Signers() {
			if s.Role == "" || len(s.Realms) == 0 || s.ValidAfter.IsZero() || !s.ValidBefore.After(s.ValidAfter) || s.Organisation == "" {
				t.Fatalf("the ring admits %+v", s)
			}
			if strings.Contains(s.Principal, "*") && !s.Authority {
				t.Fatalf("the ring admits %+v", s)
			}
		}
	})
}
