package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// TestStatusCountsOnlySignaturesThatHold writes a signature past the commands whose bytes
// are one on another bulletin.
func TestStatusCountsOnlySignaturesThatHold(t *testing.T) {
	t.Parallel()
	const officer, police = "funzionario.demo@protezionecivile.provincia.example", "referente.demo@questura.example"
	pg := newPlayground(t)
	n := pg.up()
	_, b := pg.published("b")
	_, other := pg.published("other")
	key, err := signing.LoadKey(t.Context(), pg.key("police"), signing.KeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	forged, err := key.Sign(t.Context(), signing.Namespace(signing.Police, b.Realm), other.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	seq, err := n.ledger.Append(t.Context(), ledger.Record{
		Type: ledger.Signature, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Principal: police,
		Namespace: "police@exercise.tocsin", Key: "SHA256:of-nobody", Armor: string(forged),
	})
	if err == nil {
		err = n.ledger.WaitApplied(t.Context(), seq)
	}
	if err != nil {
		t.Fatal(err)
	}
	stdout, _ := expect(t, 0, "status", string(b.Alert), "-c", pg.config)
	first, rest, _ := strings.Cut(stdout, "\n")
	if !strings.HasSuffix(first, "signatures: "+officer+" (duty officer)") || !strings.Contains(rest, "    signature REFUSED, it does not count: "+police+" (police liaison): ") {
		t.Errorf("it says\n%s\nwant the officer's signature alone, and the other one refused", stdout)
	}
	stdout, _ = expect(t, 0, "status", string(b.Alert), "-c", pg.config, "--json")
	var got struct {
		Bulletins []struct {
			Signatures []struct{ Principal string }
			Refused    []struct{ Principal, Role, Reason string } `json:"refused_signatures"`
		}
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	one := got.Bulletins[0]
	if len(one.Signatures) != 1 || one.Signatures[0].Principal != officer {
		t.Errorf("signatures are %+v, want the officer's", one.Signatures)
	}
	if len(one.Refused) != 1 || one.Refused[0].Principal != police || one.Refused[0].Role != "police" || one.Refused[0].Reason == "" {
		t.Errorf("refused signatures are %+v, want the forged one with its reason", one.Refused)
	}
}

// TestAChannelIsPostedWhenAllItsPartsAre holds the times of a channel with two parts.
func TestAChannelIsPostedWhenAllItsPartsAre(t *testing.T) {
	t.Parallel()
	begun := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	posted := func(after time.Duration) *ledger.PartState {
		return &ledger.PartState{State: ledger.StatePosted, ReleasedAt: begun, PostedAt: begun.Add(after)}
	}
	for name, c := range map[string]struct {
		parts []*ledger.PartState
		want  int64 // -1 for none
	}{
		"first_alone":  {[]*ledger.PartState{posted(time.Second)}, -1},
		"second_alone": {[]*ledger.PartState{{State: ledger.StatePending}, posted(time.Second)}, -1},
		"both":         {[]*ledger.PartState{posted(time.Second), posted(3 * time.Second)}, 3000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &ledger.BulletinState{Deliveries: map[string]*ledger.Delivery{"sito": {Parts: c.parts}}}
			got := channelOf(b, bulletin.Channel{Name: "sito", Kind: "website", Parts: 2})
			line := (&program{lang: "en"}).channelLine(got)
			if c.want < 0 {
				if got.ReleasedToPosted != nil || strings.Contains(line, "posted in") {
					t.Errorf("it has a time, or the screen says one, before all parts are posted: %q", line)
				}
				return
			}
			if got.ReleasedToPosted == nil || *got.ReleasedToPosted != c.want {
				t.Errorf("released_to_posted_ms is %v, want %d", got.ReleasedToPosted, c.want)
			}
		})
	}
}

// TestTheBrokersCredentialComesFromTheProgramsEnvironment has the credential of a broker
// elsewhere in a variable that this process does not have.
func TestTheBrokersCredentialComesFromTheProgramsEnvironment(t *testing.T) {
	t.Parallel()
	broker := newBrokerElsewhere(t)
	pg := newPlayground(t)
	broker.carries(pg, "savona-8")
	seed, err := os.ReadFile(pg.seed("node"))
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"officer", "police", "auditor"} {
		pg.edit("    "+role+": {file: credentials/"+role+".nk}\n", "")
	}
	pg.edit("node: {file: credentials/node.nk}", "node: {env: A_SEED_FOR_TESTS}")
	getenv := func(name string) string {
		if name == "A_SEED_FOR_TESTS" {
			return string(seed)
		}
		return english(name)
	}
	c, err := loadConfig(pg.config)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{lang: "en", err: &strings.Builder{}}
	log, err := p.logger("error", false)
	if err != nil {
		t.Fatal(err)
	}
	n, err := startNode(t.Context(), c, nodeOptions{getenv: getenv, log: log})
	if err != nil {
		t.Errorf("the node: %v", err)
	} else {
		n.Close(t.Context())
	}
	var out, errs strings.Builder
	if err := run(t.Context(), []string{"status", "-c", pg.config}, strings.NewReader(""), &out, &errs, getenv); err != nil {
		t.Errorf("status: %v", err)
	}
}
