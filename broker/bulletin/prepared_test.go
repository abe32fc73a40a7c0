package bulletin_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
)

func withPrepared(t *testing.T) *bulletintest.Alert {
	t.Helper()
	a := bulletintest.New(t, "x-a", "sito")
	a.Prepared = true
	return a
}

// TestPreparedStandsInside holds that what is prepared inside a bulletin is itself a
// bulletin, byte by byte, which follows the one around it.
func TestPreparedStandsInside(t *testing.T) {
	t.Parallel()
	a := withPrepared(t)
	outer := a.Next(t, alert.MsgAlert)
	for _, kind := range bulletin.Kind("").Holds(false) {
		inner := outer.Prepared(kind)
		if inner == nil {
			t.Fatalf("no %s is prepared", kind)
		}
		alone, err := bulletin.Parse(inner.Bytes())
		if err != nil {
			t.Fatalf("the prepared %s alone: %v", kind, err)
		}
		if alone.SHA256() != inner.SHA256() || !strings.Contains(string(outer.Bytes()), "\n"+string(alone.Bytes())+"\n") {
			t.Errorf("the prepared %s does not stand inside as it is", kind)
		}
		if err := alone.Follows(outer); err != nil {
			t.Errorf("the prepared %s can't follow the bulletin around it: %v", kind, err)
		}
		if alone.Number != 2 || alone.PreparedFor != outer.Core() {
			t.Errorf("the prepared %s is bulletin %d, prepared for %s", kind, alone.Number, alone.PreparedFor)
		}
	}
	correction, revocation := outer.Prepared(bulletin.Correction), outer.Prepared(bulletin.Revocation)
	if revocation.Message.MsgType != alert.MsgCancel || revocation.Prepared(bulletin.Revocation) != nil {
		t.Error("the revocation is no Cancel, or holds more")
	}
	after := correction.Prepared(bulletin.Revocation)
	if after == nil || correction.Prepared(bulletin.Correction) != nil {
		t.Fatal("the correction does not hold a revocation alone")
	}
	if err := after.Follows(correction); err != nil {
		t.Errorf("the revocation of the correction can't follow it: %v", err)
	}
	for name, b := range map[string]*bulletin.Bulletin{"over the correction": after, "its own update": revocation} {
		last := outer
		if b == revocation {
			last = a.Next(t, alert.MsgUpdate)
		}
		broken, ok := errors.AsType[*bulletin.ChainError](b.Follows(last))
		if !ok || broken.Break != bulletin.BreakPrepared && broken.Break != bulletin.BreakPassed {
			t.Errorf("%s: follows with %v", name, broken)
		}
	}
}

// TestForgedPreparedFollowsNothing writes a bulletin that says that it is prepared, and
// stands nowhere: one signature would be enough for it.
func TestForgedPreparedFollowsNothing(t *testing.T) {
	t.Parallel()
	a := withPrepared(t)
	outer := a.Next(t, alert.MsgAlert)
	good := string(outer.Prepared(bulletin.Revocation).Bytes())
	forged, err := bulletin.Parse([]byte(strings.Replace(good, "Cancel per x-a", "Nulla per x-ab", 1)))
	if err != nil {
		t.Fatal(err)
	}
	broken, ok := errors.AsType[*bulletin.ChainError](forged.Follows(outer))
	if !ok || broken.Break != bulletin.BreakPrepared {
		t.Errorf("it follows with %v, want a break for what was not prepared", broken)
	}
	chain, refused := bulletin.Chain([]bulletin.Place{
		{Bulletin: outer, Seq: 1, Released: 2, At: a.Composed}, {Bulletin: forged, Seq: 3, Released: 4, At: a.Composed},
		{Bulletin: outer.Prepared(bulletin.Revocation), Seq: 5, Released: 6, At: a.Composed},
	})
	if !slices.Equal(chain, []int{0, 2}) || refused[1] == nil {
		t.Errorf("the chain is %v, refused %v; want the forged one refused and the prepared one in its place", chain, refused)
	}
}

// TestPreparedIsHeldAgainstWhatIsAroundIt changes what is prepared, and the bulletin
// around it.
func TestPreparedIsHeldAgainstWhatIsAroundIt(t *testing.T) {
	t.Parallel()
	a := withPrepared(t)
	outer := a.Next(t, alert.MsgAlert)
	draft := func(b *bulletin.Bulletin) bulletin.Draft {
		return bulletin.Draft{
			Alert: b.Alert, Code: b.Code, Number: b.Number, Realm: b.Realm, Issuer: b.Issuer, Composed: b.Composed, Expires: b.Expires,
			Previous: b.Previous, Kind: b.Kind, PreparedFor: b.PreparedFor, CAP: b.CAP, Posts: slices.Clone(b.Posts),
		}
	}
	inner := func(change func(d *bulletin.Draft)) *bulletin.Bulletin {
		d := draft(outer.Prepared(bulletin.Revocation))
		change(&d)
		return bulletintest.Write(t, d)
	}
	for name, tt := range map[string]struct {
		prepared []*bulletin.Bulletin
		want     string
	}{
		"good":                {[]*bulletin.Bulletin{outer.Prepared(bulletin.Correction), outer.Prepared(bulletin.Revocation)}, ""},
		"correction_alone":    {[]*bulletin.Bulletin{outer.Prepared(bulletin.Correction)}, ""},
		"wrong_order":         {[]*bulletin.Bulletin{outer.Prepared(bulletin.Revocation), outer.Prepared(bulletin.Correction)}, "wrong place"},
		"twice":               {[]*bulletin.Bulletin{outer.Prepared(bulletin.Revocation), outer.Prepared(bulletin.Revocation)}, "twice"},
		"of_the_correction":   {[]*bulletin.Bulletin{outer.Prepared(bulletin.Correction).Prepared(bulletin.Revocation)}, "another bulletin"},
		"stands_for_itself":   {[]*bulletin.Bulletin{a.Next(t, alert.MsgCancel)}, `field "sha256" stands where "as" must`},
		"other_code":          {[]*bulletin.Bulletin{inner(func(d *bulletin.Draft) { d.Code = "SV-22222"; marks(d) })}, "another alert, code"},
		"other_issuer":        {[]*bulletin.Bulletin{inner(func(d *bulletin.Draft) { d.Issuer = "Altri" })}, "issuer"},
		"other_number":        {[]*bulletin.Bulletin{inner(func(d *bulletin.Draft) { d.Number = 3; marks(d) })}, "number 2"},
		"other_core":          {[]*bulletin.Bulletin{inner(func(d *bulletin.Draft) { d.PreparedFor = strings.Repeat("0", 64) })}, "another bulletin"},
		"fewer_channels":      {[]*bulletin.Bulletin{inner(func(d *bulletin.Draft) { d.Posts = d.Posts[:1] })}, "other channels"},
		"other_kind":          {[]*bulletin.Bulletin{inner(func(d *bulletin.Draft) { d.Posts[0].Kind = "y" })}, "other channels"},
		"without_a_reference": {[]*bulletin.Bulletin{inner(func(d *bulletin.Draft) { d.CAP = []byte(strings.Replace(string(d.CAP), "-1,", "-9,", 1)) })}, "refer"},
	} {
		t.Run(name, func(t *testing.T) {
			d := draft(outer)
			d.Prepared = tt.prepared
			b, err := bulletin.Write(d)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			case err == nil && b.Core() != outer.Core():
				t.Error("the core depends on what is prepared")
			}
		})
	}
}

// marks gives every text the mark of the draft.
func marks(d *bulletin.Draft) {
	for i := range d.Posts {
		d.Posts[i].Text += " " + d.Code.Mark(d.Number)
	}
}

// TestErrorsInsideNameTheirLine damages what is prepared, and looks for the line in
// the whole file.
func TestErrorsInsideNameTheirLine(t *testing.T) {
	t.Parallel()
	raw := string(withPrepared(t).Next(t, alert.MsgAlert).Bytes())
	at := strings.Index(raw, "--- prepared")
	i := at + strings.Index(raw[at:], "msgType>Update")
	damaged := raw[:i] + "msgType>Upbate" + raw[i+len("msgType>Update"):]
	_, err := bulletin.Parse([]byte(damaged))
	e, ok := errors.AsType[*bulletin.SyntaxError](err)
	if !ok || !strings.HasPrefix(e.Where, "prepared 1, cap") {
		t.Fatalf("got %v, want the place inside the prepared one", err)
	}
	if want := 1 + strings.Count(raw[:at], "\n"); e.Line <= want || e.Line > 1+strings.Count(raw[:i], "\n") {
		t.Errorf("the error is said to be in line %d, the prepared one begins in line %d and the damage is in line %d", e.Line, want, 1+strings.Count(raw[:i], "\n"))
	}
	for _, tail := range []string{"--- post\n", "--- image\n"} {
		end := strings.LastIndex(raw, "--- end\n")
		if _, err := bulletin.Parse([]byte(raw[:end] + tail + raw[end:])); err == nil || !strings.Contains(err.Error(), "behind a prepared bulletin") {
			t.Errorf("%q behind a prepared one: got %v", tail, err)
		}
	}
}
