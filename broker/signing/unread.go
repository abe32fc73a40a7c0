package signing

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"tocsin/broker/alert"
)

// This file tells a version of the key ring that this program does not understand, such as one with a
// policy of a newer program, from one that nobody approved.

// ErrNotUnderstood is the trouble of a history whose ledger holds a version that managers have put
// in force and that this program can't read: whom it admits and whom it revoked is not known here.
var ErrNotUnderstood = errors.New("managers have put in force a version of the key ring that this program does not understand: update the program and start the node again; " +
	"if no program understands it, let the managers make another version of that number from the one before, and hand it in with tocsin keys accept")

// notUnderstood returns the trouble with a version that can't be read, for the reason why, where
// it is to follow old all the same; nil where it is not, and is refused.
func notUnderstood(bundle []byte, c Claim, old *Version, realm alert.Realm, why error) error {
	if !approvedUnread(bundle, c, old, realm) {
		return nil
	}
	return fmt.Errorf("version %d: %w (%v)", c.Version, ErrNotUnderstood, why) //nolint:errorlint // why is a refusal, and this is none
}

// approvedUnread reports whether what can be read of a version's archive says that it follows old:
// a threshold of old's managers has signed its meta, and whatever else there is that can be read
// agrees. So nobody keeps nodes from sending with bytes that managers have not signed.
func approvedUnread(bundle []byte, c Claim, old *Version, realm alert.Realm) bool {
	files, sigs, err := unpack(bundle)
	if err != nil || c.Meta != hexSum(sha256.Sum256(files[FileMeta])) || c.Ring != hexSum(ringSum(files[FileSigners], files[FileRevoked])) {
		return false
	}
	v := &Version{text: files[FileMeta], files: files, sigs: sigs}
	if _, err := v.signedBy(old, realm, c.At); err != nil {
		return false
	}
	if v.Meta, err = ParseMeta(v.text); err != nil {
		return true // of a form that is to come
	}
	if v.follows(old, c.At) != nil || v.agrees() != nil {
		return false
	}
	// Nobody has signed what meta does not name: where all that it names is understood, the archive alone is
	// another one than the folder's, and whoever wrote it is not to keep nodes from sending.
	named := map[string][]byte{}
	for _, name := range []string{FileRoot, FileSigners, FileRevoked, FilePolicy} {
		named[name] = files[name]
	}
	if _, err := newVersion(v.text, named, nil); err == nil {
		return false
	}
	if v.root, err = ParseRing(FileRoot, files[FileRoot], files[FileRevoked]); err != nil {
		return true
	}
	_, err = v.Stands(realm, c.At)
	return err == nil
}

// follows says why v is not the next version after old at a time, by what its meta says.
func (v *Version) follows(old *Version, at time.Time) error {
	switch {
	case v.Meta.Version <= old.Meta.Version:
		return refuseVersion("it is version %d, and version %d is in force: a key ring never goes back; make the next version from the one in force", v.Meta.Version, old.Meta.Version)
	case v.Meta.Version != old.Meta.Version+1:
		return refuseVersion("it is version %d, and version %d is in force: accept those between first", v.Meta.Version, old.Meta.Version)
	case v.Meta.Prev != old.SHA256():
		return refuseVersion("it was made from another version %d than the one in force; make it again from that one", old.Meta.Version)
	case !at.Before(v.Meta.Expires):
		return refuseVersion("it expired on %s; make it again with a later time", v.Meta.Expires.Format("2006-01-02 15:04:05 UTC"))
	}
	return nil
}

// agrees says which of the files is not the one that meta names.
func (v *Version) agrees() error {
	for name, want := range map[string][sha256.Size]byte{FileRoot: v.Meta.Root, FileSigners: v.Meta.Signers, FileRevoked: v.Meta.Revoked, FilePolicy: v.Meta.Policy} {
		if sha256.Sum256(v.files[name]) != want {
			return refuseVersion("the file %s is not the one that meta names; take the whole folder again from who made it", name)
		}
	}
	return nil
}
