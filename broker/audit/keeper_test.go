package audit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/broker/audit"
	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
)

const (
	checkpointFile = "checkpoint"
	publicFile     = "ledger.vkey"
	secretFile     = "ledger.key"
	firstFile      = "ledger.key.first"
)

// keep opens the folder's keeper and shows it a ledger.
func keep(t *testing.T, dir string, entries []*ledger.Entry) *audit.Keeper {
	t.Helper()
	k, err := audit.OpenKeeper(dir)
	if err != nil {
		t.Fatal(err)
	}
	show(k.Observe, entries)
	return k
}

// kept returns a folder with the checkpoint of a ledger.
func kept(t *testing.T, b *book) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	if err := keep(t, dir, b.entries).Write(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// newest returns the checkpoint of a folder.
func newest(t *testing.T, dir string) audit.Checkpoint {
	t.Helper()
	signed, key, err := audit.ReadCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := audit.ParseCheckpoint(signed, key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func TestKeeperWritesACheckpointAndKnowsItsLedgerAgain(t *testing.T) {
	t.Parallel()
	b := newBook(t, "epoch-a").fill(5)
	dir := kept(t, b)
	if got, want := newest(t, dir), *b.checkpoint(5); got != want {
		t.Errorf("the checkpoint is %+v, want %+v", got, want)
	}

	k := keep(t, dir, b.fill(9).entries)
	if err := k.Trusted(); err != nil {
		t.Fatalf("the same ledger, grown, is not trusted: %v", err)
	}
	want := *b.checkpoint(9)
	if size, root := k.Head(); size != want.Size || root != want.Root {
		t.Errorf("the head is %d %s, want %d %s", size, root, want.Size, want.Root)
	}
	if err := k.Write(); err != nil {
		t.Fatal(err)
	}
	if got := newest(t, dir); got != want {
		t.Errorf("the next checkpoint is %+v, want %+v", got, want)
	}
	if err := keep(t, dir, b.entries).Trusted(); err != nil {
		t.Errorf("the ledger is not trusted with its second checkpoint: %v", err)
	}
}

func TestKeeperWritesNothingForALedgerThatHasNotGrown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := keep(t, dir, nil)
	if err := k.Write(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := audit.ReadCheckpoint(dir); !errors.Is(err, audit.ErrNoCheckpoint) {
		t.Errorf("an empty ledger gives %v, want %v", err, audit.ErrNoCheckpoint)
	}

	b := newBook(t, "epoch-a").fill(3)
	dir = kept(t, b)
	again := keep(t, dir, b.entries)
	remove(t, dir, checkpointFile)
	if err := again.Write(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := audit.ReadCheckpoint(dir); !errors.Is(err, audit.ErrNoCheckpoint) {
		t.Errorf("a ledger that has not grown was written again: %v", err)
	}
}

// TestKeeperDistrusts shows a folder's keeper ledgers that are not the one that
// it had before: it says why, and leaves the checkpoint as it is.
func TestKeeperDistrusts(t *testing.T) {
	t.Parallel()
	b := newBook(t, "epoch-a").fill(20)
	longer := newBook(t, "epoch-a").fill(30)
	gap := append(b.entries[:8:8], b.entries[9:]...)
	tests := map[string]struct {
		entries []*ledger.Entry
		want    string
	}{
		"no_records":           {nil, "the last ones were lost"},
		"fewer_records":        {b.entries[:19], "holds 19 records, its newest checkpoint says 20: the last ones were lost"},
		"one_altered_record":   {b.altered(11, func(r *ledger.Record) { r.Reason = "another" }).entries, "the ledger was altered"},
		"altered_last_record":  {b.altered(20, func(r *ledger.Record) { r.Reason = "another" }).entries, "the ledger was altered"},
		"altered_and_grown":    {longer.entries, "the ledger was altered"},
		"another_epoch":        {b.altered(1, func(r *ledger.Record) { r.Epoch = "epoch-b" }).entries, "made anew"},
		"another_realm":        {b.altered(1, func(r *ledger.Record) { r.Realm = "live" }).entries, "made anew"},
		"a_gap":                {gap, "records are missing"},
		"begins_in_the_middle": {b.entries[1:], "records are missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := kept(t, b)
			before, _, err := audit.ReadCheckpoint(dir)
			if err != nil {
				t.Fatal(err)
			}
			k := keep(t, dir, tt.entries)
			for _, err := range []error{k.Trusted(), k.Write()} {
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "restore it from a copy") {
					t.Errorf("it says %v, want %q and what to do", err, tt.want)
				}
			}
			after, _, err := audit.ReadCheckpoint(dir)
			if err != nil {
				t.Fatal(err)
			}
			if string(after) != string(before) {
				t.Errorf("a checkpoint of a ledger that is not trusted was written:\n%s", after)
			}
		})
	}
}

// TestKeeperMissesALostCheckpoint removes what says that the ledger had a checkpoint, and
// has a person accept the loss.
func TestKeeperMissesALostCheckpoint(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(t *testing.T, dir string){
		"checkpoint": func(t *testing.T, dir string) { t.Helper(); remove(t, dir, checkpointFile) },
		"all": func(t *testing.T, dir string) {
			t.Helper()
			for _, f := range []string{checkpointFile, secretFile, publicFile} {
				remove(t, dir, f)
			}
			if err := os.Mkdir(filepath.Join(dir, "jetstream"), 0o700); err != nil { // the ledger itself
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t, "epoch-a").fill(3)
			dir := kept(t, b)
			lose(t, dir)
			if !audit.CheckpointLost(dir) {
				t.Error("the folder does not tell that it had a checkpoint")
			}
			for range 2 { // starting once more changes nothing
				k := keep(t, dir, b.entries)
				for _, err := range []error{k.Trusted(), k.Write()} {
					if err == nil || !strings.Contains(err.Error(), "holds 3 records and its folder no checkpoint") ||
						!strings.Contains(err.Error(), "--accept-lost-checkpoint 3") {
						t.Errorf("it says %v, want the loss and what to do", err)
					}
				}
				if _, _, err := k.Accept(4); err == nil {
					t.Error("a person accepted a ledger of 4 records, and it was taken for this one")
				}
			}
			k := keep(t, dir, b.entries)
			root, lost, err := k.Accept(3)
			if err != nil || !lost || root != b.checkpoint(3).Root {
				t.Fatalf("accepting it: %v, %v, %v", root, lost, err)
			}
			if err := k.Write(); err != nil {
				t.Fatal(err)
			}
			if audit.CheckpointLost(dir) {
				t.Error("the loss is not forgotten")
			}
			k = keep(t, dir, b.entries)
			if err := k.Trusted(); err != nil {
				t.Error(err)
			}
			if _, lost, err := k.Accept(3); lost || err != nil {
				t.Errorf("accepting what is not lost: %v, %v", lost, err)
			}
		})
	}
}

// TestKeeperTrustsALedgerWhoseFirstCheckpointACrashPrevented holds that the folder of a
// node that was killed at its first start does not look like one that lost something.
func TestKeeperTrustsALedgerWhoseFirstCheckpointACrashPrevented(t *testing.T) {
	t.Parallel()
	b := newBook(t, "epoch-a").fill(2)
	dir := t.TempDir()
	for range 2 {
		keep(t, dir, nil) // killed
	}
	if err := os.Mkdir(filepath.Join(dir, "jetstream"), 0o700); err != nil {
		t.Fatal(err)
	}
	if audit.CheckpointLost(dir) {
		t.Error("a first checkpoint that was never written counts as lost")
	}
	k := keep(t, dir, b.entries)
	if err := k.Write(); err != nil {
		t.Fatal(err)
	}
	// Killed between the checkpoint and the key's name.
	if err := os.Rename(filepath.Join(dir, secretFile), filepath.Join(dir, firstFile)); err != nil {
		t.Fatal(err)
	}
	if err := keep(t, dir, b.entries).Trusted(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, secretFile)); err != nil {
		t.Errorf("the key has not got its name: %v", err)
	}
}

func TestKeeperRefusesAFolderThatIsNotWhole(t *testing.T) {
	t.Parallel()
	overwrite := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	const notAKey = "PRIVATE+KEY+tocsin-ledger+secret-text"
	_, otherKey := newKey(t)
	tests := map[string]struct {
		damage func(*testing.T, string)
		want   string
	}{
		"no_secret_key":  {func(t *testing.T, dir string) { t.Helper(); remove(t, dir, secretFile) }, "ledger.key is missing"},
		"no_public_key":  {func(t *testing.T, dir string) { t.Helper(); remove(t, dir, publicFile) }, "ledger.vkey"},
		"bad_secret_key": {overwrite(secretFile, notAKey), "can't be used"},
		"other_key":      {overwrite(publicFile, otherKey), "signature"},
		"bad_checkpoint": {overwrite(checkpointFile, "tocsin/exercise/epoch-a\n1\nAAAA\n"), "signature"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t, "epoch-a").fill(3)
			dir := kept(t, b)
			tt.damage(t, dir)
			before := ledgertest.Snapshot(t, dir)
			k := keep(t, dir, b.entries)
			err := k.Trusted()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("it says %v, want words on %q", err, tt.want)
			}
			if !k.Known() {
				t.Error("it does not say that the ledger had records")
			}
			if err := k.Write(); err == nil {
				t.Error("it writes a checkpoint of a ledger that is not to be trusted")
			}
			if ledgertest.Snapshot(t, dir) != before {
				t.Error("it wrote something")
			}
			if strings.Contains(err.Error(), "secret-text") {
				t.Errorf("it quotes the key: %v", err)
			}
		})
	}
}

func TestKeeperRefusesAFolderWithOnlyAPublicKey(t *testing.T) {
	t.Parallel()
	dir := kept(t, newBook(t, "epoch-a").fill(3))
	remove(t, dir, secretFile)
	remove(t, dir, checkpointFile)
	if err := keep(t, dir, nil).Trusted(); err == nil || !strings.Contains(err.Error(), "ledger.key is missing") {
		t.Errorf("it says %v, want words on the missing key", err)
	}
	if _, err := os.Stat(filepath.Join(dir, secretFile)); err == nil {
		t.Error("it made a key where another one had been")
	}
}

// TestKeeperWritesThePublicKeyThatACrashPrevented holds that no checkpoint is
// written that nobody could verify at the next start.
func TestKeeperWritesThePublicKeyThatACrashPrevented(t *testing.T) {
	t.Parallel()
	b := newBook(t, "epoch-a").fill(3)
	dir := kept(t, b)
	want, err := os.ReadFile(filepath.Join(dir, publicFile))
	if err != nil {
		t.Fatal(err)
	}
	remove(t, dir, publicFile)
	remove(t, dir, checkpointFile)
	if err := os.Rename(filepath.Join(dir, secretFile), filepath.Join(dir, firstFile)); err != nil {
		t.Fatal(err)
	}
	if err := keep(t, dir, b.entries).Write(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, publicFile))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the public key is %q, want %q", got, want)
	}
	if err := keep(t, dir, b.entries).Trusted(); err != nil {
		t.Errorf("at the next start: %v", err)
	}
}

func TestKeeperFilesAreForTheRightEyes(t *testing.T) {
	t.Parallel()
	dir := kept(t, newBook(t, "epoch-a").fill(3))
	for name, want := range map[string]os.FileMode{secretFile: 0o600, publicFile: 0o644, checkpointFile: 0o644, ".": 0o700} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 {
		t.Errorf("the folder holds %v, want the two keys and the checkpoint", files)
	}
}

func TestKeeperRunWritesWhileTheLedgerGrowsAndAtTheEnd(t *testing.T) {
	t.Parallel()
	b := newBook(t, "epoch-a").fill(9)
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := keep(t, dir, b.entries[:3])
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			k.Run(ctx, time.Minute, func(err error) { t.Error(err) })
		}()
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if got := newest(t, dir); got.Size != 3 {
			t.Errorf("after an interval the checkpoint has size %d, want 3", got.Size)
		}
		for _, e := range b.entries[3:] {
			k.Observe(e, nil)
		}
		cancel()
		<-done
		if got := newest(t, dir); got.Size != 9 {
			t.Errorf("at the end the checkpoint has size %d, want 9", got.Size)
		}
	})
}

func TestKeeperRunReportsThatTheLedgerIsNotTrusted(t *testing.T) {
	t.Parallel()
	b := newBook(t, "epoch-a").fill(9)
	dir := kept(t, b)
	synctest.Test(t, func(t *testing.T) {
		k := keep(t, dir, b.entries[:8])
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		var reports []error
		k.Run(ctx, time.Minute, func(err error) { reports = append(reports, err) })
		if len(reports) != 2 {
			t.Errorf("reported %v, want the loss after an interval and at the end", reports)
		}
	})
}

// TestKeeperRunReportsTheSameTroubleInTheSameWords holds that whoever reports it can tell
// that it was said before.
func TestKeeperRunReportsTheSameTroubleInTheSameWords(t *testing.T) {
	t.Parallel()
	b := newBook(t, "epoch-a").fill(3)
	for name, spoil := range map[string]func(dir string) error{
		"no_folder":             os.RemoveAll,
		"a_folder_in_its_place": func(dir string) error { return os.Mkdir(filepath.Join(dir, checkpointFile), 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "state")
			k := keep(t, dir, b.entries)
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			first, second := k.Write(), k.Write()
			if first == nil || second == nil || first.Error() != second.Error() || !strings.Contains(first.Error(), filepath.Join(dir, checkpointFile)) {
				t.Errorf("it says %v, then %v, want the same of the checkpoint's file", first, second)
			}
		})
	}
}
