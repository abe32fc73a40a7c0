package signing

import (
	"archive/tar"
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/signing/sshsig"
)

// The files of a version's folder. The signatures over meta lie in FolderSigs.
const (
	FileMeta    = "meta"
	FileRoot    = "root"    // allowed_signers of the ring managers
	FileSigners = "signers" // allowed_signers of those who sign bulletins
	FileRevoked = "revoked"
	FilePolicy  = "policy"
	FolderSigs  = "sigs"
)

const (
	maxRootBytes   = 64 << 10
	maxSigs        = 32
	maxSigBytes    = 16 << 10
	maxVersionSize = 2 << 20 // of all files, as one bundle: what the ledger keeps of one
)

// sigName is the form of a signature's file name. No name goes out of its folder.
var sigName = regexp.MustCompile(`^[a-z0-9][a-z0-9@._-]{0,59}$`)

// A Version is one version of the key ring: who may sign, who manages it, what is
// revoked, and the policy, bound together by a meta that ring managers sign. Its
// files were read and agree with each other; whether enough managers have signed
// is for Stands and Follows to say. It does not change, so that it can be shared.
type Version struct {
	Meta Meta

	text   []byte            // of meta
	files  map[string][]byte // root, signers, revoked, policy
	sigs   map[string][]byte // by file name
	root   *Ring
	ring   *Ring
	policy *Policy
}

// A VersionError says why a version of the key ring is not accepted, and what to do.
type VersionError struct{ Err error }

func (e *VersionError) Error() string { return fmt.Sprintf("version of the key ring: %v", e.Err) }

// Unwrap returns the cause.
func (e *VersionError) Unwrap() error { return e.Err }

func refuseVersion(format string, args ...any) error {
	return &VersionError{fmt.Errorf(format, args...)}
}

// Contents are the files of a version that people edit.
type Contents struct{ Root, Signers, Revoked, Policy []byte }

// Seal returns the version that the contents make, without a signature: its digests
// are put into meta.
func Seal(meta Meta, c Contents) (*Version, error) {
	meta.Root, meta.Signers = sha256.Sum256(c.Root), sha256.Sum256(c.Signers)
	meta.Revoked, meta.Policy = sha256.Sum256(c.Revoked), sha256.Sum256(c.Policy)
	return newVersion(meta.Text(), map[string][]byte{FileRoot: c.Root, FileSigners: c.Signers, FileRevoked: c.Revoked, FilePolicy: c.Policy}, nil)
}

// newVersion reads the files and holds them against meta. Its error is a
// [*VersionError].
func newVersion(text []byte, files, sigs map[string][]byte) (*Version, error) {
	meta, err := ParseMeta(text)
	if err != nil {
		return nil, &VersionError{err}
	}
	v := &Version{Meta: meta, text: text, files: files, sigs: sigs}
	if err := v.agrees(); err != nil {
		return nil, err
	}
	if len(files[FileRoot]) > maxRootBytes {
		return nil, refuseVersion("the file root is longer than %d bytes", maxRootBytes)
	}
	if v.root, err = ParseRing(FileRoot, files[FileRoot], files[FileRevoked]); err != nil {
		return nil, &VersionError{err}
	}
	if v.ring, err = ParseRing(FileSigners, files[FileSigners], files[FileRevoked]); err != nil {
		return nil, &VersionError{err}
	}
	if v.policy, err = ParsePolicy(files[FilePolicy]); err != nil {
		return nil, &VersionError{err}
	}
	if err := v.checkRoles(); err != nil {
		return nil, err
	}
	if size := len(v.Bundle()); size > maxVersionSize {
		return nil, refuseVersion("the whole folder has %d bytes, the limit is %d", size, maxVersionSize)
	}
	return v, nil
}

// checkRoles keeps those who manage the ring apart from those who sign bulletins:
// nobody may enrol themselves with the key that they then sign with.
func (v *Version) checkRoles() error {
	for i := range v.root.lines {
		l := &v.root.lines[i]
		if l.Role != Keyring || l.Authority {
			return &VersionError{&RingError{File: FileRoot, Line: l.Line, Err: errors.New("root is for ring managers, each with a key of their own and the role keyring")}}
		}
		if len(v.ring.byKey[bareKey(l.Key)]) > 0 {
			return &VersionError{&RingError{File: FileRoot, Line: l.Line, Err: errors.New("the same key stands in the file signers; a manager needs a key of its own for that")}}
		}
	}
	for i := range v.ring.lines {
		if l := &v.ring.lines[i]; l.Role == Keyring {
			return &VersionError{&RingError{File: FileSigners, Line: l.Line, Err: errors.New("ring managers belong in the file root")}}
		}
	}
	return nil
}

// ReadVersion reads a version's folder. Files that are none of its own are passed
// over. Its error is a [*VersionError], or that of reading a file.
func ReadVersion(dir fs.FS) (*Version, error) {
	read := func(name string, most int64) ([]byte, error) {
		f, err := dir.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, most+1))
		if err == nil && int64(len(b)) > most {
			err = refuseVersion("the file %s is longer than %d bytes", name, most)
		}
		return b, err
	}
	text, err := read(FileMeta, maxMetaBytes)
	if err != nil {
		return nil, err
	}
	files, sigs := map[string][]byte{}, map[string][]byte{}
	for name, most := range map[string]int64{FileRoot: maxRootBytes, FileSigners: maxRingBytes, FileRevoked: maxRingBytes, FilePolicy: maxPolicyBytes} {
		if files[name], err = read(name, most); err != nil {
			return nil, err
		}
	}
	entries, err := fs.ReadDir(dir, FolderSigs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(entries) > maxSigs {
		return nil, refuseVersion("there are more than %d signatures in sigs", maxSigs)
	}
	for _, e := range entries {
		if !sigName.MatchString(e.Name()) {
			return nil, refuseVersion("sigs/%.60q: name signatures with lower-case letters, digits, and @ . _ - only", e.Name())
		}
		if sigs[e.Name()], err = read(FolderSigs+"/"+e.Name(), maxSigBytes); err != nil {
			return nil, err
		}
	}
	return newVersion(text, files, sigs)
}

// Bundle returns the whole folder as one tar archive, for the ledger and whoever
// fetches it from there: the same files make the same bytes.
func (v *Version) Bundle() []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name string, content []byte) {
		// Writing to memory does not fail, and names and sizes are bounded.
		_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content)), Format: tar.FormatUSTAR})
		_, _ = w.Write(content)
	}
	add(FileMeta, v.text)
	for _, name := range []string{FileRoot, FileSigners, FileRevoked, FilePolicy} {
		add(name, v.files[name])
	}
	for _, name := range slices.Sorted(maps.Keys(v.sigs)) {
		add(FolderSigs+"/"+name, v.sigs[name])
	}
	_ = w.Close()
	return b.Bytes()
}

// ParseVersion reads what Bundle writes, and nothing else. Its error is a
// [*VersionError].
func ParseVersion(bundle []byte) (*Version, error) {
	files, sigs, err := unpack(bundle)
	if err != nil {
		return nil, err
	}
	text := files[FileMeta]
	delete(files, FileMeta)
	v, err := newVersion(text, files, sigs)
	if err != nil {
		return nil, err
	}
	// One folder has one archive: what is not in the files can't be in the bytes.
	if !bytes.Equal(v.Bundle(), bundle) {
		return nil, refuseVersion("its bytes are not the archive of a folder")
	}
	return v, nil
}

// unpack reads the files of an archive, the signatures apart.
func unpack(bundle []byte) (files, sigs map[string][]byte, err error) {
	if len(bundle) > maxVersionSize {
		return nil, nil, refuseVersion("the whole folder has %d bytes, the limit is %d", len(bundle), maxVersionSize)
	}
	files, sigs = map[string][]byte{}, map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(bundle)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, sigs, nil
		}
		// An archive can say that a file has a hole of any size.
		if err != nil || h.Typeflag != tar.TypeReg || h.Size > int64(len(bundle)) || len(files)+len(sigs) > maxSigs+5 {
			return nil, nil, refuseVersion("its bytes are not the archive of a folder")
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, nil, refuseVersion("its bytes are not the archive of a folder")
		}
		if name, ok := bytes.CutPrefix([]byte(h.Name), []byte(FolderSigs+"/")); ok && sigName.Match(name) {
			sigs[string(name)] = content
		} else {
			files[h.Name] = content
		}
	}
}

// Files returns the folder's files by their path, signatures included.
func (v *Version) Files() map[string][]byte {
	out := map[string][]byte{FileMeta: slices.Clone(v.text)}
	for name, b := range v.files {
		out[name] = slices.Clone(b)
	}
	for name, b := range v.sigs {
		out[FolderSigs+"/"+name] = slices.Clone(b)
	}
	return out
}

// SHA256 identifies the version: it is that of its meta.
func (v *Version) SHA256() [sha256.Size]byte { return sha256.Sum256(v.text) }

// Contents returns the files that people edit.
func (v *Version) Contents() Contents {
	return Contents{
		Root: slices.Clone(v.files[FileRoot]), Signers: slices.Clone(v.files[FileSigners]),
		Revoked: slices.Clone(v.files[FileRevoked]), Policy: slices.Clone(v.files[FilePolicy]),
	}
}

// Ring returns the ring of those who sign bulletins.
func (v *Version) Ring() *Ring { return v.ring }

// Root returns the ring of those who sign versions.
func (v *Version) Root() *Ring { return v.root }

// Policy returns the signing policy.
func (v *Version) Policy() *Policy { return v.policy }

// Authority returns an authority that judges by this version.
func (v *Version) Authority(realm alert.Realm) *Authority {
	return &Authority{Ring: v.ring, Policy: v.policy, Realm: realm}
}

// Stands says whether a threshold of the version's own managers has signed it. It
// returns who has. Its error is a [*VersionError].
func (v *Version) Stands(realm alert.Realm, at time.Time) ([]Signer, error) {
	return v.signedBy(v, realm, at)
}

// Follows says whether v may take the place of old at a time: it is the next
// version, has the digest of old, has not expired, and a threshold of the managers
// of each of the two has signed it. It returns who signed, of the old managers and
// of its own. Its error is a [*VersionError].
func (v *Version) Follows(old *Version, realm alert.Realm, at time.Time) (theirs, own []Signer, err error) {
	if err := v.follows(old, at); err != nil {
		return nil, nil, err
	}
	if theirs, err = v.signedBy(old, realm, at); err != nil {
		return nil, nil, err
	}
	own, err = v.signedBy(v, realm, at)
	return theirs, own, err
}

// maxUncounted bounds how many signatures a refusal says of why they do not count.
const maxUncounted = 4

// signedBy returns the managers of a version who signed v, each person and each key
// once, or why they are too few.
func (v *Version) signedBy(managers *Version, realm alert.Realm, at time.Time) ([]Signer, error) {
	message := sshsig.NewMessage(v.text)
	var signed []Signer
	var uncounted []string
	for _, name := range slices.Sorted(maps.Keys(v.sigs)) {
		s, err := managers.approval(v.sigs[name], realm, message, at)
		switch {
		case err == nil:
			signed = append(signed, s)
		case len(uncounted) < maxUncounted:
			uncounted = append(uncounted, fmt.Sprintf("%s/%s: %v", FolderSigs, name, err))
		}
	}
	slices.SortStableFunc(signed, func(a, b Signer) int { return cmp.Compare(a.Principal, b.Principal) })
	// A ring gives each key to one person: one signature a person is one a key.
	signed = slices.CompactFunc(signed, func(a, b Signer) bool { return a.Principal == b.Principal })
	need := managers.Meta.Threshold
	organisations := map[string]bool{}
	for i := range signed {
		organisations[signed[i].Organisation] = true
	}
	var err error
	switch {
	case len(signed) < need:
		err = fmt.Errorf("%d of the managers of version %d have signed, %d must: let more of them sign", len(signed), managers.Meta.Version, need)
	case need > 1 && len(organisations) < 2:
		err = fmt.Errorf("all managers of version %d who signed are of one organisation: let one of another sign too", managers.Meta.Version)
	default:
		return signed, nil
	}
	if len(uncounted) > 0 {
		err = fmt.Errorf("%w; what does not count: %s", err, strings.Join(uncounted, "; "))
	}
	return nil, &VersionError{err}
}

// approval returns the manager who made one signature over message, or why it does not
// count. Hardware keys have to attest the person, and passkeys that may be on several devices are not
// accepted, whatever the policy says of bulletins: it is itself what is signed here.
func (v *Version) approval(armored []byte, realm alert.Realm, message *sshsig.Message, at time.Time) (Signer, error) {
	sig, err := sshsig.Parse(armored)
	if err != nil {
		return Signer{}, err
	}
	namespace := Namespace(Keyring, realm)
	switch {
	case sig.Certificate() != nil:
		return Signer{}, errors.New("it was made with a certificate, and managers sign with the key itself")
	case sig.Namespace() != namespace:
		return Signer{}, fmt.Errorf("it was made in %q, and %q is asked for: sign it again there", sig.Namespace(), namespace)
	}
	s, err := v.Manager(sig.Key(), realm, at)
	if err != nil {
		return Signer{}, err
	}
	if s.Assertion, err = sig.VerifyMessage(namespace, message); err != nil {
		return Signer{}, err
	}
	if reason := (&HardwareRules{}).check(s.Assertion); reason != "" {
		return Signer{}, errors.New("the hardware key did not attest the person: sign it again with PIN and touch, and with no passkey that may be on several devices")
	}
	return *s, nil
}

// Manager returns whose the key is among the managers of this version in a realm at a
// time, or why what it signs does not count there.
func (v *Version) Manager(key ssh.PublicKey, realm alert.Realm, at time.Time) (*Signer, error) {
	fingerprint, n := ssh.FingerprintSHA256(key), v.Meta.Version
	lines := v.root.ByKey(key)
	if len(lines) == 0 {
		return nil, fmt.Errorf("the key %s is none of the managers' in root of version %d", fingerprint, n)
	}
	namespace, name := Namespace(Keyring, realm), lines[0].Principal
	s, refusal := v.root.check(key, name, namespace, at)
	if refusal == nil {
		return s, nil
	}
	switch refusal.Reason {
	case ReasonRevoked:
		return nil, fmt.Errorf("the key %s of %s is revoked in version %d", fingerprint, name, n)
	case ReasonKeyExpired:
		return nil, fmt.Errorf("the line of %s in root of version %d has ended", name, n)
	case ReasonNotYetValid, ReasonClockBehind:
		return nil, fmt.Errorf("the line of %s in root of version %d does not hold yet", name, n)
	default:
		return nil, fmt.Errorf("%s is no manager in %q: the line in root of version %d does not name it", name, namespace, n)
	}
}
