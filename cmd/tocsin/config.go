package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"tocsin/broker/alert"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/telemetry"
	"tocsin/templates/wording"
)

// Bounds on a configuration file. The YAML parser takes time that grows with the
// third power of the nesting, and with the square of the number of keys and of
// blank lines: without them, 256 KiB hold the program for minutes.
const (
	maxConfig  = 256 << 10 // bytes
	maxLines   = 8_000
	maxNesting = 16     // of brackets, and of the lists that one line begins; a configuration needs 2
	maxKeys    = 12_000 // and values in brackets; a channel has up to 30 of both
)

// config is a node's configuration file. Paths are relative to the file.
type config struct {
	// Node names this node in the ledger: lower-case letters, digits, hyphens.
	Node string `yaml:"node"`
	// Realm is "live" or "exercise". A ledger never changes its realm.
	Realm alert.Realm `yaml:"realm"`
	// State is the folder of the ledger and of all that the node keeps.
	State string `yaml:"state"`
	// Scenarios is a folder with the office's own scenarios; "" for the folder scenarios
	// beside the file, where there is one.
	Scenarios string `yaml:"scenarios"`
	// Areas are GeoJSON files with municipalities and zones beside those of the Province of
	// Savona.
	Areas []string `yaml:"areas"`

	Issuer    issuerConfig    `yaml:"issuer"`
	Broker    brokerConfig    `yaml:"broker"`
	Keys      keysConfig      `yaml:"keys"`
	Site      siteConfig      `yaml:"site"`
	Channels  []channelConfig `yaml:"channels"`
	Notify    []notifyConfig  `yaml:"notify"`
	Telemetry telemetryConfig `yaml:"telemetry"`

	path string // of the file, absolute
	dir  string // of the file
}

type issuerConfig struct {
	// Office is the authority as the public is shown it.
	Office string `yaml:"office"`
	// Author is who answers for the texts by name, where the authority's own rules ask for a
	// person: posts and pages name them behind the office. "" names the office alone.
	Author string `yaml:"author"`
	// Sender is the CAP sender of its messages, such as an address of its domain.
	Sender string `yaml:"sender"`
	// CodePrefix begins its alert codes: one to four capital letters or digits.
	CodePrefix string `yaml:"code_prefix"`
	// Language of pages and frames where nothing else says: it, en, de, fr.
	Language string `yaml:"language"`
	// Languages come first where texts say several, in this order; empty for Italian first.
	// Those of a message that are not named follow.
	Languages []string `yaml:"languages"`
	// TimeZone is the IANA name of the zone that texts are written for.
	TimeZone string `yaml:"time_zone"`
	// SignWithin is how long after it was composed a bulletin can be signed; 0 for two
	// hours.
	SignWithin time.Duration `yaml:"sign_within"`

	zone *time.Location
}

// named is who issues an alert, as its texts say it.
func (c *issuerConfig) named() string {
	if c.Author == "" {
		return c.Office
	}
	return c.Office + ", " + c.Author
}

type brokerConfig struct {
	// Listen is the embedded broker's address for the commands on this machine
	// and for other nodes. It excludes URL.
	Listen string `yaml:"listen"`
	// Users is the list of those whom the embedded broker lets in: roles and public keys.
	Users string `yaml:"users"`
	// TLS is the embedded broker's certificate, for an address that others reach.
	TLS tlsConfig `yaml:"tls"`
	// URL is the address of a broker elsewhere: then none is embedded.
	URL string `yaml:"url"`
	// CA is a file with the authorities whose word on the broker is taken, in PEM; "" for
	// those of the system.
	CA string `yaml:"ca"`
	// Credentials are what commands show the broker, and a node one elsewhere.
	Credentials credentialsConfig `yaml:"credentials"`
	// MaxBytes bounds the records on disk, and as much again the bulletins, in
	// bytes; 0 for 4 GiB. It can be raised later, never lowered.
	MaxBytes int64 `yaml:"max_bytes"`
	// Replicas is the number of copies that a cluster at URL keeps; 0 for 1.
	Replicas int `yaml:"replicas"`
	// SyncAlways is "confirmed" where the operator of the broker at URL says that it
	// syncs every write (sync_interval: always): the broker can't be asked. A live node
	// does not start without it.
	SyncAlways string `yaml:"sync_always"`
}

// maxReplicas is the most copies that JetStream keeps of a stream.
const maxReplicas = 5

// syncConfirmed is the one value of broker.sync_always.
const syncConfirmed = "confirmed"

type keysConfig struct {
	// Folder is the first version of the key ring: the anchor that people gave this
	// node by hand. Those after it come from the ledger. It excludes the others.
	Folder string `yaml:"folder"`
	// Ring is the key ring: an OpenSSH allowed_signers file.
	Ring string `yaml:"ring"`
	// Revoked lists public keys that are never accepted, one on a line.
	Revoked string `yaml:"revoked"`
	// Policy says which roles must sign.
	Policy string `yaml:"policy"`
}

type siteConfig struct {
	// Listen is the address of the public pages.
	Listen string `yaml:"listen"`
	// TLS is their certificate, for an address that others reach.
	TLS tlsConfig `yaml:"tls"`
	// BehindProxy says that a server in front of Listen ends TLS.
	BehindProxy bool `yaml:"behind_proxy"`
	// PublicURL is how the public reaches them: scheme and host.
	PublicURL string `yaml:"public_url"`
	// Policy is the address of the authority's publication policy; "" for none.
	Policy string `yaml:"policy_url"`
}

type telemetryConfig struct {
	// OTLP is the address of an OpenTelemetry collector, "http://127.0.0.1:4318";
	// "" for none.
	OTLP string `yaml:"otlp"`
	// Prometheus is the address on which metrics can be read; "" for none.
	Prometheus string `yaml:"prometheus"`
	// TLS is its certificate, for an address that others reach.
	TLS tlsConfig `yaml:"tls"`
}

// channelConfig is one account on one platform.
type channelConfig struct {
	Name string `yaml:"name"`
	Kind string `yaml:"kind"`
	// Profile is the account's public address, which the site lists; "" for the one
	// that its name gives, where the platform is the real one.
	Profile string `yaml:"profile"`
	// PublicName is what the public calls the account, "@ProvinciaSavona"; "" for
	// its name on the platform, else the profile's address.
	PublicName string `yaml:"public_name"`
	// BaseURL replaces the platform's own address: for the simulator, or a
	// server of one's own.
	BaseURL string `yaml:"base_url"`
	// AllowPrivate lets the channel call loopback and private addresses.
	AllowPrivate bool `yaml:"allow_private"`
	// Pictures says whether posts have the alert's card; true where nothing is said.
	Pictures *bool `yaml:"pictures"`
	// Timeout bounds one call; 0 for the kind's own.
	Timeout time.Duration `yaml:"timeout"`
	// Workers is how many alerts are carried at the same time; 0 for 4.
	Workers int `yaml:"workers"`
	// Settle says when a post of unknown fate is looked for; left out for the
	// kind's own times.
	Settle []time.Duration `yaml:"settle"`
	// ReadBack says when a post is read back; left out for the delivery's times.
	ReadBack []time.Duration `yaml:"read_back"`
	// Shared says that others publish on the account too: the watch reports no post that no
	// bulletin covers.
	Shared bool `yaml:"shared_account"`
	// Unsearchable is "hold" or "post_again", for channels that can't be searched.
	Unsearchable string `yaml:"unsearchable"`
	// Languages are the only ones that its posts say, in this order; empty for all.
	Languages []string `yaml:"languages"`
	// Adapter is the broker credential of this channel's adapter, for a node that has none
	// of nodes.
	Adapter secret `yaml:"adapter"`

	// Telegram
	ChatID   string `yaml:"chat_id"`
	ReaderID int64  `yaml:"reader_user_id"`
	Token    secret `yaml:"token"` // also Facebook, Instagram

	// X
	ConsumerKey    secret `yaml:"consumer_key"`
	ConsumerSecret secret `yaml:"consumer_secret"`
	AccessToken    secret `yaml:"access_token"`
	AccessSecret   secret `yaml:"access_secret"`
	UserID         string `yaml:"user_id"`  // also Instagram
	Username       string `yaml:"username"` // also Instagram

	// Facebook and Instagram
	PageID    string `yaml:"page_id"`
	AppSecret secret `yaml:"app_secret"`
	// AppID is the number of the app of AppSecret: with it the platform says how long the
	// token lasts.
	AppID   string `yaml:"app_id"`
	Version string `yaml:"version"`

	// WordPress
	User       string `yaml:"user"`
	Password   secret `yaml:"password"` // an application password
	Type       string `yaml:"type"`     // route of the type of posts; "" for posts
	Categories []int  `yaml:"categories"`
	Banner     bool   `yaml:"banner"` // the site has the plug-in of docs/channels.md
}

// secret names where a credential is: in a file, or in the environment. The
// credential itself never stands in a configuration.
type secret struct {
	File string `yaml:"file"`
	Env  string `yaml:"env"`
}

// openSecrets returns the files of credentials that other users of this machine can read, with their mode.
func (c *config) openSecrets() iter.Seq2[string, string] {
	return func(yield func(path, mode string) bool) {
		for _, s := range c.secrets() {
			path := c.abs(s.File)
			info, err := os.Stat(path)
			if s.File != "" && err == nil && info.Mode().Perm()&0o077 != 0 && !yield(path, fmt.Sprintf("%04o", info.Mode().Perm())) {
				return
			}
		}
	}
}

// secrets lists the credentials that the configuration names.
func (c *config) secrets() []secret {
	var all []secret
	for _, s := range c.Broker.Credentials.all() {
		all = append(all, s.secret)
	}
	for i := range c.Channels {
		ch := &c.Channels[i]
		all = append(all, ch.Adapter, ch.Token, ch.ConsumerKey, ch.ConsumerSecret, ch.AccessToken, ch.AccessSecret, ch.AppSecret, ch.Password)
	}
	for i := range c.Notify {
		all = append(all, c.Notify[i].URLFrom, c.Notify[i].Token)
	}
	return all
}

func (s secret) given() bool { return s != secret{} }

// read returns the credential.
func (s secret) read(c *config, getenv func(string) string) (string, error) {
	switch {
	case s.File != "" && s.Env != "":
		return "", errors.New("it names a file and a variable: keep one")
	case s.File != "":
		b, err := os.ReadFile(c.abs(s.File))
		if err != nil {
			if looksSecret(s.File) {
				return "", errors.New("file names no file: write the path of a file that holds the credential, not the credential itself")
			}
			return "", fmt.Errorf("%w: put the credential alone into this file, readable by the node only", err)
		}
		v := strings.TrimSpace(string(b))
		if v == "" {
			return "", fmt.Errorf("the file %s is empty: put the credential into it", c.abs(s.File))
		}
		return v, nil
	case s.Env != "":
		if !variableForm.MatchString(s.Env) {
			return "", errors.New("env names no variable: write the name of an environment variable that holds the credential, not the credential itself")
		}
		v := getenv(s.Env)
		if v == "" {
			return "", fmt.Errorf("the environment variable %s is empty: set it to the credential", s.Env)
		}
		return v, nil
	}
	return "", errors.New("it is missing: write \"file: PATH\" or \"env: NAME\" under it")
}

var variableForm = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

// looksSecret reports whether the path of a file that is not there may be a credential
// that was written in its place: then it is not shown.
func looksSecret(path string) bool {
	return len(path) >= 20 && !strings.ContainsAny(path, "/.") && strings.ContainsAny(path, "0123456789")
}

// loadConfig reads a configuration strictly.
func loadConfig(path string) (*config, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	f, err := os.Open(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("configuration: %w: make one with tocsin init", err)
	}
	if err != nil {
		return nil, fmt.Errorf("configuration: %w: name the file, and let this user read it", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("configuration: %s is a folder: name the file in it, %s", path, filepath.Join(path, "tocsin.yaml"))
	}
	b, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w: name the file, and let this user read it", err)
	}
	if len(b) > maxConfig {
		return nil, fmt.Errorf("configuration %s: it has more than %d bytes: it is not the right file", path, maxConfig)
	}
	if err := checkShape(string(b)); err != nil {
		return nil, fmt.Errorf("configuration %s: %w: correct it, or start again from a file that tocsin init makes", path, err)
	}
	c := &config{path: abs, dir: filepath.Dir(abs)}
	if err := yaml.UnmarshalWithOptions(b, c, yaml.Strict()); err != nil {
		shown := strings.TrimSpace(withoutValues(yaml.FormatError(err, false, true)))
		if !strings.Contains(shown, " | ") {
			return nil, fmt.Errorf("configuration %s: %s\nCorrect it; docs/operations.md lists the keys", path, shown)
		}
		return nil, fmt.Errorf("configuration %s: %s\nCorrect the line that is marked; docs/operations.md lists the keys", path, shown)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	return c, nil
}

// withoutValues hides what stands after each key in the lines of the file that an
// error shows: one of them may be a credential that was written in the wrong place.
func withoutValues(shown string) string {
	lines := strings.Split(shown, "\n")
	for i, line := range lines {
		m := shownLine.FindStringSubmatch(line)
		switch {
		case m == nil: // the error's own words, or the mark under a line
		case m[3] != "":
			lines[i] = m[1] + m[2] + " …"
		case m[2] == "":
			lines[i] = m[1] + "…"
		}
	}
	return strings.Join(lines, "\n")
}

// shownLine is a line of the file as the parser shows it: its number, the key up to its
// colon, the rest.
var shownLine = regexp.MustCompile(`^(>?\s*\d+ \|\s*)((?:- )?[A-Za-z_][A-Za-z0-9_]*:)?(.*)$`)

// checkShape refuses what would hold the parser up. It takes time that grows with
// the length of the text.
func checkShape(text string) error {
	lines := strings.Count(text, "\n") + strings.Count(text, "\r") - strings.Count(text, "\r\n")
	if lines > maxLines {
		return fmt.Errorf("it has %d lines, the limit is %d", lines, maxLines)
	}
	var keys, brackets, dashes, line int
	for _, t := range lexer.Tokenize(text) {
		if t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type { //nolint:exhaustive // the other tokens neither nest nor hold values
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.MappingValueType, token.CollectEntryType:
			keys++
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		}
		switch {
		case brackets > maxNesting:
			return fmt.Errorf("line %d: brackets nest more than %d deep", line, maxNesting)
		case dashes > maxNesting:
			return fmt.Errorf("line %d: lists nest more than %d deep", line, maxNesting)
		case keys > maxKeys:
			return fmt.Errorf("line %d: there are more than %d keys and values", line, maxKeys)
		}
	}
	return nil
}

// abs returns a path of the configuration as an absolute one.
func (c *config) abs(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.dir, path)
}

func (c *config) check() error {
	var errs []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	need(ledger.ValidChannel(c.Node), "node: %q: use lower-case letters, digits and hyphens", c.Node)
	need(c.Realm.Valid(), "realm: write live or exercise")
	need(c.State != "", "state: name the folder of the ledger")
	need(c.Issuer.Office != "" && c.Issuer.Sender != "", "issuer: office and sender are needed")
	_, badPrefix := alert.ParseCode(c.Issuer.CodePrefix + "-22222")
	need(badPrefix == nil, "issuer.code_prefix: %q: write 1 to 4 capital letters or digits, such as SV", c.Issuer.CodePrefix)
	need(c.Keys.Folder != "" || c.Keys.Ring != "" && c.Keys.Policy != "", "keys: folder is needed, or ring and policy")
	need(c.Keys.Folder == "" || c.Keys.Ring == "" && c.Keys.Policy == "" && c.Keys.Revoked == "", "keys: folder excludes ring, revoked and policy, which lie in it")
	need(c.Broker.MaxBytes >= 0, "broker.max_bytes: %d: write a number of bytes, or 0 for 4 GiB", c.Broker.MaxBytes)
	need(c.Broker.Replicas >= 0 && c.Broker.Replicas <= maxReplicas, "broker.replicas: %d: write the number of copies, 1 to %d, or leave it out", c.Broker.Replicas, maxReplicas)
	need(c.Broker.Replicas <= 0 || c.Broker.URL != "", "broker.replicas: it is for a cluster at broker.url; the embedded broker keeps one copy: leave it out")
	need(c.Broker.Listen == "" || c.Broker.URL == "", "broker: listen and url exclude each other")
	need(c.Broker.SyncAlways == "" || c.Broker.SyncAlways == syncConfirmed, "broker.sync_always: %q: write confirmed, or leave it out", c.Broker.SyncAlways)
	need(c.Broker.SyncAlways == "" || c.Broker.URL != "", "broker.sync_always: it is for a broker at broker.url; the embedded one always syncs")
	need(c.Broker.Listen == "" || isAddress(c.Broker.Listen), "broker.listen: %q is not an address: write host:port, such as %s", c.Broker.Listen, defaultBroker)
	need(c.Broker.URL == "" || isBroker(c.Broker.URL), "broker.url: it is not the address of a broker: write nats://host:port") // it may hold a credential
	need(c.Broker.Listen == "" || c.Broker.Users != "", "broker.users: name the list of those who may connect at broker.listen, such as credentials/users, which tocsin init makes")
	c.checkTLS(need)
	need(c.Site.Listen == "" || isAddress(c.Site.Listen), "site.listen: %q is not an address: write host:port, such as %s", c.Site.Listen, defaultSite)
	need(absoluteURL(c.Site.PublicURL), "site.public_url: %q is not an address like https://allerte.example.it", c.Site.PublicURL)
	if c.Telemetry.OTLP != "" {
		_, err := telemetry.CollectorURL(c.Telemetry.OTLP)
		need(err == nil, "telemetry.otlp: %w", err)
	}
	need(c.Telemetry.Prometheus == "" || isAddress(c.Telemetry.Prometheus), "telemetry.prometheus: %q is not an address: write host:port, such as 127.0.0.1:9464", c.Telemetry.Prometheus)
	need(len(c.Channels) > 0, "channels: there is none")
	need(c.Issuer.Language == "" || slices.Contains(wording.Languages(), c.Issuer.Language), "issuer.language: %q: use one of %s", c.Issuer.Language, strings.Join(wording.Languages(), ", "))
	checkLanguages(need, "issuer.languages", c.Issuer.Languages)
	if c.Issuer.TimeZone == "" {
		c.Issuer.TimeZone = "Europe/Rome"
	}
	need(c.Issuer.SignWithin == 0 || c.Issuer.SignWithin >= time.Minute, "issuer.sign_within: %v: write at least 1m, such as 2h", c.Issuer.SignWithin)
	if c.Issuer.SignWithin == 0 {
		c.Issuer.SignWithin = 2 * time.Hour
	}
	zone, err := time.LoadLocation(c.Issuer.TimeZone)
	need(err == nil, "issuer.time_zone: %q is not known: write a name such as Europe/Rome", c.Issuer.TimeZone)
	c.Issuer.zone = zone
	seen := map[string]bool{}
	for i, ch := range c.Channels {
		need(ledger.ValidChannel(ch.Name), "channels[%d].name: %q: use lower-case letters, digits and hyphens", i, ch.Name)
		need(!seen[ch.Name], "channels[%d].name: %q stands twice", i, ch.Name)
		seen[ch.Name] = true
		need(slices.Contains(everyKind(), ch.Kind), "channels[%d].kind: %q: use one of %s", i, ch.Kind, strings.Join(everyKind(), ", "))
		for _, key := range ch.strange() {
			need(false, "channels[%d].%s: a channel of kind %s has no such key: remove it, or correct the kind", i, key, ch.Kind)
		}
		need(ch.Unsearchable == "" || ch.Unsearchable == string(delivery.Hold) || ch.Unsearchable == string(delivery.PostAgain),
			"channels[%d].unsearchable: %q: use hold or post_again", i, ch.Unsearchable)
		need(ch.Kind != "website" || ch.Languages == nil, "channels[%d].languages: the pages of the site say all languages: remove it", i)
		checkLanguages(need, fmt.Sprintf("channels[%d].languages", i), ch.Languages)
		need(ch.Timeout >= 0, "channels[%d].timeout: %v: write a time such as 30s, or leave it out", i, ch.Timeout)
		need(ch.Workers >= 0, "channels[%d].workers: %d: write how many alerts are carried at the same time, or 0 for 4", i, ch.Workers)
		for _, moments := range []struct {
			key   string
			times []time.Duration
		}{{"settle", ch.Settle}, {"read_back", ch.ReadBack}} {
			need(moments.times == nil || len(moments.times) > 0, "channels[%d].%s: it is an empty list: write times such as [0s, 2s, 5s], or leave it out", i, moments.key)
			for _, d := range moments.times {
				need(d >= 0, "channels[%d].%s: %v: write times of 0s or more, such as [0s, 2s, 5s]", i, moments.key, d)
			}
		}
	}
	c.checkNotify(need)
	return errors.Join(errs...)
}

// checkLanguages asks for a list of languages, each once.
func checkLanguages(need func(ok bool, format string, args ...any), key string, languages []string) {
	need(languages == nil || len(languages) > 0, "%s: it is an empty list: write languages such as [it, de], or leave it out", key)
	for i, lang := range languages {
		need(languageForm.MatchString(lang), "%s: %q: write a language such as it or de-AT", key, lang)
		before := slices.ContainsFunc(languages[:i], func(s string) bool { return strings.EqualFold(s, lang) })
		need(!before, "%s: the language %q stands twice", key, lang)
	}
}

// languageForm is a language as CAP and bulletins spell it: BCP 47.
var languageForm = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

func (c *config) checkNotify(need func(ok bool, format string, args ...any)) {
	seen := map[string]bool{}
	for i := range c.Notify {
		n := &c.Notify[i]
		need(ledger.ValidChannel(n.Name), "notify[%d].name: %q: use lower-case letters, digits and hyphens", i, n.Name)
		need(!seen[n.Name], "notify[%d].name: %q stands twice", i, n.Name)
		seen[n.Name] = true
		need((n.URL == "") == n.URLFrom.given(), "notify[%d]: write url, or url_from where the address itself is a secret", i)
		need(n.Timeout >= 0, "notify[%d].timeout: %v: write a time such as 15s, or leave it out", i, n.Timeout)
	}
}

// channelNames lists the channels in the order of the file.
func (c *config) channelNames() []string {
	names := make([]string, 0, len(c.Channels))
	for i := range c.Channels {
		names = append(names, c.Channels[i].Name)
	}
	return names
}

// storeBytes bounds the embedded broker's whole store: its two streams, each with
// its bound, and room for its own files. It is 0 for the broker's default.
func (c *config) storeBytes() int64 {
	if c.Broker.MaxBytes == 0 {
		return 0
	}
	return 2*c.Broker.MaxBytes + storeMargin
}

// storeMargin is what the broker keeps beside the two streams, in bytes.
const storeMargin = 1 << 30

func absoluteURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
