package signing_test

// This file tests versions of the key ring, and holds the script that checks them with
// ssh-keygen alone against ours.

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// office is a ring with three managers of two organisations.
type office struct {
	managers []*signingtest.Person // two of pc.example, one of police.example
	meta     signing.Meta
	contents signing.Contents
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{managers: []*signingtest.Person{
		signingtest.NewPerson(t, "anna.neri@pc.example", signing.Keyring),
		signingtest.NewPerson(t, "bruno.gallo@pc.example", signing.Keyring),
		signingtest.NewPerson(t, "carla.riva@police.example", signing.Keyring),
	}}
	o.meta = signing.Meta{Version: 1, Threshold: 2, Expires: day(12, 1)}
	o.contents = signing.Contents{
		Root: signingtest.RingText(t, o.managers...), Signers: signingtest.RingText(t, signingtest.Officer(t), signingtest.Police(t)),
		Revoked: []byte("# nobody\n"), Policy: signing.DefaultPolicy(),
	}
	return o
}

// sealed returns the version that the office stands at, signed by these managers.
func (o *office) sealed(t testing.TB, realm alert.Realm, by ...int) *signing.Version {
	t.Helper()
	v, err := signing.Seal(o.meta, o.contents)
	if err != nil {
		t.Fatal(err)
	}
	files := v.Files()
	for _, i := range by {
		files["sigs/"+o.managers[i].Principal+".sig"] = o.managers[i].Sign(t, realm, files["meta"])
	}
	return mustReadVersion(t, files)
}

func folder(files map[string][]byte) fstest.MapFS {
	dir := fstest.MapFS{}
	for name, b := range files {
		dir[name] = &fstest.MapFile{Data: b}
	}
	return dir
}

func mustReadVersion(t testing.TB, files map[string][]byte) *signing.Version {
	t.Helper()
	v, err := signing.ReadVersion(folder(files))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// next prepares the office for the version after v.
func (o *office) next(v *signing.Version) {
	o.meta.Version, o.meta.Prev = v.Meta.Version+1, v.SHA256()
}

func TestFollows(t *testing.T) {
	t.Parallel()
	needCommands(t, "ssh-keygen", "sh")
	now := day(6, 1)
	both := []int{0, 2}
	tests := map[string]struct {
		change func(t *testing.T, o *office)                      // of the second version
		by     []int                                              // who signs it
		realm  alert.Realm                                        // "" for live
		files  func(t *testing.T, o *office, f map[string][]byte) // what is done to the folder afterwards
		want   string                                             // in the refusal; "" for yes
	}{
		"good":            {by: both},
		"all":             {by: []int{0, 1, 2}},
		"nobody":          {want: "0 of the managers of version 1 have signed, 2 must"},
		"one_of_two":      {by: []int{0}, want: "1 of the managers of version 1 have signed, 2 must"},
		"one_office":      {by: []int{0, 1}, want: "of one organisation"},
		"rollback":        {by: both, change: func(_ *testing.T, o *office) { o.meta.Version, o.meta.Prev = 1, [32]byte{} }, want: "never goes back"},
		"skipped":         {by: both, change: func(_ *testing.T, o *office) { o.meta.Version = 3 }, want: "accept those between first"},
		"other_before":    {by: both, change: func(_ *testing.T, o *office) { o.meta.Prev[0] ^= 1 }, want: "from another version"},
		"expired":         {by: both, change: func(_ *testing.T, o *office) { o.meta.Expires = now }, want: "it expired on"},
		"other_realm":     {by: both, realm: alert.RealmExercise, want: "0 of the managers"},
		"altered_root":    {by: both, files: alter("root"), want: "the file root is not the one"},
		"altered_signers": {by: both, files: alter("signers"), want: "the file signers is not the one"},
		"altered_revoked": {by: both, files: alter("revoked"), want: "the file revoked is not the one"},
		"altered_policy":  {by: both, files: alter("policy"), want: "the file policy is not the one"},
		"altered_meta": {by: both, files: func(_ *testing.T, _ *office, f map[string][]byte) {
			f["meta"] = bytes.Replace(f["meta"], []byte("threshold 2"), []byte("threshold 1"), 1)
		}, want: "0 of the managers"},
		"meta_in_windows_lines": {by: both, files: func(_ *testing.T, _ *office, f map[string][]byte) {
			f["meta"] = bytes.ReplaceAll(f["meta"], []byte("\n"), []byte("\r\n"))
		}, want: "meta: line version"},
		"missing_file": {by: both, files: func(_ *testing.T, _ *office, f map[string][]byte) { delete(f, "revoked") }, want: "revoked"},
		"person_twice": {by: []int{0}, files: func(t *testing.T, o *office, f map[string][]byte) {
			f["sigs/again.sig"] = o.managers[0].Sign(t, alert.RealmLive, f["meta"])
		}, want: "1 of the managers of version 1"},
		"two_keys_of_one": {change: func(t *testing.T, o *office) {
			o.managers = append(o.managers, renamed(t, "other", "anna.neri@pc.example"))
			o.contents.Root = signingtest.RingText(t, o.managers...)
		}, by: []int{0, 3}, want: "1 of the managers of version 1"},
		"key_of_two": {change: func(t *testing.T, o *office) {
			line := strings.Replace(o.managers[0].Line(t), "anna.neri@pc.example", "dario.villa@police.example", 1)
			o.contents.Root = append(o.contents.Root, line+"\n"...)
		}, by: both, want: "already that of"},
		"manager_and_signer": {change: func(t *testing.T, o *office) {
			line := strings.ReplaceAll(o.managers[0].Line(t), "keyring@", "officer@")
			o.contents.Signers = append(o.contents.Signers, line+"\n"...)
		}, by: both, want: "stands in the file signers"},
		"officer_in_root": {change: func(t *testing.T, o *office) {
			o.contents.Root = append(o.contents.Root, signingtest.NewPerson(t, "eva.conti@pc.example", signing.Officer).Line(t)+"\n"...)
		}, by: both, want: "root is for ring managers"},
		"only_new_managers": {change: func(t *testing.T, o *office) {
			o.managers = append(o.managers, signingtest.NewPerson(t, "dario.villa@pc.example", signing.Keyring), signingtest.NewPerson(t, "eva.conti@police.example", signing.Keyring))
			o.contents.Root = signingtest.RingText(t, o.managers...)
		}, by: []int{3, 4}, want: "0 of the managers of version 1"},
		"only_old_managers": {change: func(t *testing.T, o *office) {
			o.contents.Root = signingtest.RingText(t, signingtest.NewPerson(t, "dario.villa@pc.example", signing.Keyring), signingtest.NewPerson(t, "eva.conti@police.example", signing.Keyring))
		}, by: both, want: "0 of the managers of version 2"},
		"higher_threshold": {change: func(_ *testing.T, o *office) { o.meta.Threshold = 3 }, by: both, want: "2 of the managers of version 2 have signed, 3 must"},
		"lower_threshold":  {change: func(_ *testing.T, o *office) { o.meta.Threshold = 1 }, by: []int{0}, want: "1 of the managers of version 1 have signed, 2 must"},
		"revoked_manager": {change: func(_ *testing.T, o *office) {
			o.contents.Revoked = []byte(publicLine(o.managers[2].PublicKey()) + "\n")
		}, by: both, want: "1 of the managers of version 2 have signed"},
		"manager_revoked_in_another_form": {change: func(t *testing.T, o *office) {
			o.contents.Revoked = []byte("# rubata\n" + publicLine(asHardware(t, o.managers[2].PublicKey())) + " c\r\n")
		}, by: both, want: "1 of the managers of version 2 have signed"},
		"others_revoked": {change: func(t *testing.T, o *office) {
			o.contents.Revoked = []byte(publicLine(asHardware(t, signingtest.NewPerson(t, "dario.villa@pc.example", signing.Keyring).PublicKey())))
		}, by: both},
		"key_of_two_in_two_forms": {change: func(t *testing.T, o *office) {
			key := o.managers[0].PublicKey()
			line := strings.Replace(o.managers[0].Line(t), "anna.neri@pc.example", "dario.villa@police.example", 1)
			o.contents.Root = append(o.contents.Root, strings.Replace(line, publicLine(key), publicLine(asHardware(t, key)), 1)+"\n"...)
		}, by: both, want: "already that of"},
		"manager_and_signer_in_two_forms": {change: func(t *testing.T, o *office) {
			key := o.managers[0].PublicKey()
			line := strings.ReplaceAll(o.managers[0].Line(t), "keyring@", "officer@")
			o.contents.Signers = append(o.contents.Signers, strings.Replace(line, publicLine(key), publicLine(asHardware(t, key)), 1)+"\n"...)
		}, by: both, want: "stands in the file signers"},
		"ended_manager": {change: func(t *testing.T, o *office) {
			o.managers[2].Before = day(5, 1)
			o.contents.Root = signingtest.RingText(t, o.managers...)
		}, by: both, want: "1 of the managers of version 2"},
		"not_a_signature": {by: both, files: func(_ *testing.T, _ *office, f map[string][]byte) { f["sigs/x.sig"] = []byte("hello\n") }},
		"sig_over_other_bytes": {by: []int{0}, files: func(t *testing.T, o *office, f map[string][]byte) {
			f["sigs/x.sig"] = o.managers[2].Sign(t, alert.RealmLive, []byte("something else"))
		}, want: "1 of the managers of version 1"},
	}
	script := filepath.Join(t.TempDir(), "verify-ring.sh")
	if err := os.WriteFile(script, signing.VerifyRingScript(), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			first := o.sealed(t, alert.RealmLive, 0, 2)
			o.next(first)
			if tt.change != nil {
				tt.change(t, o)
			}
			files := o.draft(t)
			realm := tt.realm
			if realm == "" {
				realm = alert.RealmLive
			}
			for _, i := range tt.by {
				files["sigs/"+string(rune('a'+i))+".sig"] = o.managers[i].Sign(t, realm, files["meta"])
			}
			if tt.files != nil {
				tt.files(t, o, files)
			}
			v, err := signing.ReadVersion(folder(files))
			if err == nil {
				_, _, err = v.Follows(first, alert.RealmLive, now)
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("ours says %v, want %q", err, tt.want)
			}
			old, fresh := writeFolder(t, first.Files()), writeFolder(t, files)
			each := shells()
			if name != "good" && name != "one_of_two" {
				each = each[:1] // processes are what this test costs
			}
			for _, shell := range each {
				out, no := runScript(t, shell, script, now, old, fresh)
				if (no == nil) != (tt.want == "") {
					t.Errorf("%s verify-ring.sh says %v, ours says %v:\n%s", shell, no, err, out)
				}
			}
		})
	}
}

// draft returns the files of the version that the office stands at, also of one that
// no version can be made of.
func (o *office) draft(t *testing.T) map[string][]byte {
	t.Helper()
	m, c := o.meta, o.contents
	sum := sha256.Sum256
	m.Root, m.Signers, m.Revoked, m.Policy = sum(c.Root), sum(c.Signers), sum(c.Revoked), sum(c.Policy)
	return map[string][]byte{"meta": m.Text(), "root": c.Root, "signers": c.Signers, "revoked": c.Revoked, "policy": c.Policy}
}

func alter(name string) func(*testing.T, *office, map[string][]byte) {
	return func(_ *testing.T, _ *office, f map[string][]byte) { f[name] = append(f[name], '\n') }
}

// asHardware returns an Ed25519 key as one of hardware: who has its private half can sign as both.
func asHardware(t *testing.T, key ssh.PublicKey) ssh.PublicKey {
	t.Helper()
	var plain struct {
		Type string
		Key  []byte
	}
	if err := ssh.Unmarshal(key.Marshal(), &plain); err != nil {
		t.Fatal(err)
	}
	hardware, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, plain.Key, "ssh:"}))
	if err != nil {
		t.Fatal(err)
	}
	return hardware
}

// renamed returns a manager called name with the key of another name.
func renamed(t *testing.T, key, name string) *signingtest.Person {
	t.Helper()
	p := signingtest.NewPerson(t, key+"@pc.example", signing.Keyring)
	p.Principal = name
	return p
}

func writeFolder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// shells returns the POSIX shells of this machine: sh, and those that are stricter or
// laxer where they are there.
func shells() []string {
	all := []string{"sh"}
	for _, name := range []string{"bash", "dash"} {
		if _, err := exec.LookPath(name); err == nil {
			all = append(all, name)
		}
	}
	return all
}

func runScript(t *testing.T, shell, script string, at time.Time, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell, append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), "AT="+at.Format("20060102150405Z"), "LANG=en", "TOCSIN_LANG=en")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestBundle(t *testing.T) {
	t.Parallel()
	v := newOffice(t).sealed(t, alert.RealmLive, 0, 2)
	again, err := signing.ParseVersion(v.Bundle())
	if err != nil || !bytes.Equal(again.Bundle(), v.Bundle()) || len(again.Files()) != 7 {
		t.Fatalf("a bundle is read back with %v as %d files", err, len(again.Files()))
	}
	for name, bad := range map[string][]byte{
		"empty": nil, "cut": v.Bundle()[:700], "more": append(v.Bundle(), 0), "padding": func() []byte { b := v.Bundle(); b[511] ^= 1; return b }(),
		"mode": bytes.Replace(v.Bundle(), []byte("0000644"), []byte("0000600"), 1), "outside": bytes.Replace(v.Bundle(), []byte("sigs/anna"), []byte("../../ann"), 1),
	} {
		if _, err := signing.ParseVersion(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestHollowBundle hands in an archive of two blocks that says that it holds a file of
// eight gigabytes, most of it a hole: it must not be filled with zeros in memory.
func TestHollowBundle(t *testing.T) {
	t.Parallel()
	header := make([]byte, 512)
	copy(header, "meta")
	copy(header[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00        S")
	copy(header[257:], "ustar  \x00")
	copy(header[386:], "77777777777\x0000000000000\x00") // one piece of no bytes, at the end
	copy(header[483:], "77777777777\x00")
	sum := 0
	for _, b := range header {
		sum += int(b)
	}
	copy(header[148:], fmt.Sprintf("%06o\x00 ", sum))
	hollow := append(header, make([]byte, 1024)...)
	if h, err := tar.NewReader(bytes.NewReader(hollow)).Next(); err != nil || h.Size != 1<<33-1 {
		t.Fatalf("the archive is not what this test is about: %+v, %v", h, err)
	}
	begun := time.Now()
	if _, err := signing.ParseVersion(hollow); err == nil || time.Since(begun) > time.Second {
		t.Errorf("refused with %v after %v", err, time.Since(begun))
	}
}

func FuzzParseMeta(f *testing.F) {
	m := signing.Meta{Version: 1, Threshold: 1, Expires: day(1, 1)}
	f.Add(m.Text())
	f.Add(bytes.Replace(m.Text(), []byte("version 1"), []byte("version 01"), 1))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := signing.ParseMeta(text)
		if err == nil && !bytes.Equal(m.Text(), text) {
			t.Errorf("%q is read, and written as %q", text, m.Text())
		}
	})
}

func FuzzParseVersion(f *testing.F) {
	f.Add(newOffice(f).sealed(f, alert.RealmLive, 0, 2).Bundle())
	f.Fuzz(func(t *testing.T, bundle []byte) {
		v, err := signing.ParseVersion(bundle)
		if err == nil && !bytes.Equal(v.Bundle(), bundle) {
			t.Error("a bundle is read that would be written otherwise")
		}
	})
}

func TestParseMeta(t *testing.T) {
	t.Parallel()
	good := signing.Meta{Version: 2, Threshold: 2, Expires: day(1, 1), Prev: [32]byte{1}}
	text := string(good.Text())
	if m, err := signing.ParseMeta([]byte(text)); err != nil || m != good {
		t.Fatalf("read back as %+v, %v", m, err)
	}
	for name, bad := range map[string]string{
		"empty": "", "no_end": strings.TrimSuffix(text, "\n"), "more": text + "x", "blank": "\n" + text, "twice": text + text,
		"order": strings.Replace(text, "version 2\nthreshold 2", "threshold 2\nversion 2", 1), "space": strings.Replace(text, "version 2", "version  2", 1),
		"zero": strings.Replace(text, "version 2", "version 0", 1), "sign": strings.Replace(text, "version 2", "version +2", 1),
		"local_time": strings.Replace(text, "Z\n", "\n", 1), "no_day": strings.Replace(text, "20260101", "20260231", 1),
		"capitals": strings.Replace(text, "prev 01", "prev 0A", 1), "first": strings.Replace(text, "version 2", "version 1", 1),
		"threshold": strings.Replace(text, "threshold 2", "threshold 17", 1), "long": text + strings.Repeat("x", 2000),
	} {
		if m, err := signing.ParseMeta([]byte(bad)); err == nil {
			t.Errorf("%s: read as %+v", name, m)
		}
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	first := o.sealed(t, alert.RealmLive, 0, 2)
	o.next(first)
	o.contents.Signers = signingtest.RingText(t, signingtest.Officer(t))
	second := o.sealed(t, alert.RealmLive, 0, 2)
	o.contents.Signers = signingtest.RingText(t, signingtest.Police(t))
	fork := o.sealed(t, alert.RealmLive, 0, 2)
	blobs := map[string][]byte{}
	claim := func(v *signing.Version, seq int64) signing.Claim {
		c := v.Claim()
		c.Seq, c.At = seq, day(6, 1)
		blobs[c.Folder] = v.Bundle()
		return c
	}
	missing := errors.New("not there")
	fetch := func(_ context.Context, digest string) ([]byte, error) {
		if b, ok := blobs[digest]; ok {
			return b, nil
		}
		return nil, missing
	}
	if _, err := signing.NewHistory(second, alert.RealmLive); err == nil || !strings.Contains(err.Error(), "name the folder of version 1 under keys.folder") {
		t.Errorf("a history that begins with version 2: %v", err)
	}
	h, err := signing.NewHistory(first, alert.RealmLive)
	if err != nil {
		t.Fatal(err)
	}
	take := func(c signing.Claim, want string) {
		t.Helper()
		err := h.Take(t.Context(), c, fetch)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("record %d: %v, want %q", c.Seq, err, want)
		}
	}
	take(claim(second, 2), "no record yet of version 1")
	take(claim(first, 3), "")
	take(claim(first, 4), "in force already")
	absent := claim(second, 5)
	absent.Folder = strings.Repeat("0", 64)
	take(absent, "not there")
	lie := claim(second, 6)
	lie.Ring = strings.Repeat("0", 64)
	take(lie, "do not agree")
	late := claim(second, 7)
	late.At = day(12, 2)
	take(late, "it expired on")
	// What the managers have signed, in an archive of another form: it is no version of a program to come.
	odd, raw := claim(second, 11), append(second.Bundle(), 0)
	odd.Folder = fmt.Sprintf("%x", sha256.Sum256(raw))
	blobs[odd.Folder] = raw
	take(odd, "not the archive of a folder")
	if err := h.Trusted(); err != nil {
		t.Errorf("whoever writes an archive otherwise keeps nodes from sending: %v", err)
	}
	var wait sync.WaitGroup
	accepted := claim(second, 8)
	for range 8 { // a node and a command in its process
		wait.Go(func() {
			if err := h.Take(t.Context(), accepted, fetch); err != nil {
				t.Errorf("record 8: %v", err)
			}
		})
	}
	wait.Wait()
	take(claim(fork, 9), "it is version 2, and version 2 is in force")
	take(claim(first, 10), "it is version 1, and version 2 is in force")
	for seq, want := range map[int64]*signing.Version{1: first, 3: first, 8: first, 9: second, 99: second} {
		if got := h.At(seq).Ring.SHA256(); got != want.Ring().SHA256() {
			t.Errorf("record %d is not judged by version %d", seq, want.Meta.Version)
		}
	}
	if h.Newest().Ring.SHA256() != second.Ring().SHA256() || h.Trusted() != nil {
		t.Error("the second version is not in force")
	}

	// What an expired version admits is accepted, and said.
	if h.Late(9, day(11, 30)) || !h.Late(9, day(12, 1)) {
		t.Error("a version is late from its end on, and not before")
	}
	if _, err := h.At(99).Ring.Check(signingtest.Officer(t).PublicKey(), "mario.rossi@pc.example", "officer@tocsin", day(12, 2)); err != nil {
		t.Errorf("a signer whose line is valid, by a version that has expired: %v", err)
	}

	// Where no version is configured, none can be judged: one that could be right
	// stops the node, one that can't be is passed over.
	plain := signing.Fixed(signingtest.Authority(t, alert.RealmLive, signingtest.Officer(t)))
	forged := claim(o.sealed(t, alert.RealmLive, 0), 2)
	if err := plain.Take(t.Context(), forged, fetch); err == nil || errors.Is(err, signing.ErrNoRoot) || plain.Trusted() != nil {
		t.Errorf("a version without its signatures: %v, then %v", err, plain.Trusted())
	}
	if err := plain.Take(t.Context(), claim(first, 3), fetch); !errors.Is(err, signing.ErrNoRoot) || plain.Trusted() == nil {
		t.Errorf("a version that may be right: %v, then %v", err, plain.Trusted())
	}
}

// TestHardwareManagers has managers sign with hardware keys that were touched or not,
// with PIN or without: only touch and PIN count, with us and in the script.
func TestHardwareManagers(t *testing.T) {
	t.Parallel()
	needCommands(t, "ssh-keygen", "sh")
	_, err := os.Stat(skDummy)
	need(t, "sk-dummy.so of openssh-tests", err)
	script := write(t, filepath.Join(t.TempDir(), "verify-ring.sh"), string(signing.VerifyRingScript()))
	for name, tt := range map[string]struct {
		options []string
		want    bool
	}{
		"touch_and_pin": {[]string{"-O", "verify-required"}, true},
		"touch":         {nil, false},
		"pin_alone":     {[]string{"-O", "verify-required", "-O", "no-touch-required"}, false},
		"nothing":       {[]string{"-O", "no-touch-required"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := filepath.Join(t.TempDir(), "key")
			mustKeygen(t, append([]string{"-q", "-t", "ed25519-sk", "-N", "", "-C", "", "-f", key, "-w", skDummy}, tt.options...)...)
			pub, _, _, _, err := ssh.ParseAuthorizedKey(read(t, key+".pub"))
			if err != nil {
				t.Fatal(err)
			}
			line, err := signing.RingLine("anna.neri@pc.example", signing.Keyring, []alert.Realm{alert.RealmLive}, day(1, 1), day(12, 31), pub, "")
			if err != nil {
				t.Fatal(err)
			}
			o := newOffice(t)
			o.meta.Threshold, o.contents.Root = 1, []byte(line+"\n")
			dir := writeFolder(t, o.draft(t))
			mustKeygen(t, "-q", "-Y", "sign", "-w", skDummy, "-f", key, "-n", "keyring@tocsin", filepath.Join(dir, "meta"))
			if err := os.MkdirAll(filepath.Join(dir, "sigs"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(dir, "meta.sig"), filepath.Join(dir, "sigs", "anna.sig")); err != nil {
				t.Fatal(err)
			}
			v, err := signing.ReadVersion(os.DirFS(dir))
			if err == nil {
				_, err = v.Stands(alert.RealmLive, day(6, 1))
			}
			if (err == nil) != tt.want {
				t.Errorf("ours says %v, want it accepted: %v", err, tt.want)
			}
			if out, err := runScript(t, "sh", script, day(6, 1), dir); (err == nil) != tt.want {
				t.Errorf("the script says %v, want it accepted: %v\n%s", err, tt.want, out)
			}
		})
	}
}
