package simulator

// This file holds who the accounts are: what is checked of a Config, the
// credentials, and the two sides that must agree on them.

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/facebook"
	"tocsin/adapters/facebook/facebooktest"
	"tocsin/adapters/instagram"
	"tocsin/adapters/instagram/instagramtest"
	"tocsin/adapters/telegram"
	"tocsin/adapters/telegram/telegramtest"
	"tocsin/adapters/x"
	"tocsin/adapters/x/xtest"
)

// The numbers of the accounts. They are in configurations: they stay as they are.
const (
	telegramBot           = "7001000001"
	telegramChat    int64 = -1001000070010
	telegramReader  int64 = 7001000002
	xUser                 = "1730000000000000001"
	facebookPage          = "61550000000001"
	facebookApp           = "61550000000002"
	instagramUser         = "17841400000000001"
	instagramApp          = "17841400000000002"
	maxTitle              = 60 // code points
	instagramPoll         = 250 * time.Millisecond
	imageTimeout          = 10 * time.Second
	maxSeed               = 256 // bytes
	maxInstagramLag       = time.Hour
)

// Accounts are the configurations of channels that publish in a simulator.
type Accounts struct {
	Telegram  telegram.Config
	X         x.Config
	Facebook  facebook.Config
	Instagram instagram.Config
}

// check returns what is wrong in c, whose defaults are in place.
func (c Config) check() error {
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		return fmt.Errorf("listen %.60q: write it as HOST:PORT", c.Listen)
	case !c.AllowRemote && !isLoopback(host):
		return fmt.Errorf("listen %.60q: the simulator listens on loopback addresses alone, such as 127.0.0.1 (others must be allowed)", c.Listen)
	case !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{4,14}$`).MatchString(c.Handle):
		return fmt.Errorf("handle %.40q: use 5 to 15 letters, digits and underscores, the first a letter", c.Handle)
	case !utf8.ValidString(c.Title) || utf8.RuneCountInString(c.Title) > maxTitle:
		return fmt.Errorf("title: use at most %d characters of UTF-8", maxTitle)
	case len(c.Seed) > maxSeed:
		return fmt.Errorf("seed: use at most %d bytes", maxSeed)
	case c.InstagramReadyAfter < 0 || c.InstagramReadyAfter > maxInstagramLag:
		return fmt.Errorf("instagram ready after %v: use 0 to %v", c.InstagramReadyAfter, maxInstagramLag)
	case c.InstagramQuota < 0 || c.InstagramContainers < 0 || c.XPostsPerWindow < 0:
		return errors.New("instagram quota, instagram containers, x posts per window: they must not be negative")
	}
	for _, kind := range Kinds() {
		if port := c.port(kind); port < 0 || port > 65535 {
			return fmt.Errorf("port %d of %s: use 0 to 65535", port, kind)
		}
	}
	return nil
}

// isLoopback reports whether host is an address of this machine alone.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// baseURL returns where this machine reaches a listener on address.
func baseURL(address string) string {
	ap, err := netip.ParseAddrPort(address)
	if err == nil && ap.Addr().IsUnspecified() {
		address = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), ap.Port()).String()
	}
	return "http://" + address
}

func (c Config) port(kind string) int {
	return map[string]int{Telegram: c.Ports.Telegram, X: c.Ports.X, Facebook: c.Ports.Facebook, Instagram: c.Ports.Instagram}[kind]
}

// credential returns the secret that is called label: 40 hexadecimal digits. It has
// the characters of every platform's tokens.
func (c Config) credential(label string) string {
	mac := hmac.New(sha256.New, []byte("tocsin simulator\n"+c.Seed))
	mac.Write([]byte(label))
	return hex.EncodeToString(mac.Sum(nil))[:40]
}

// telegramToken has the form of @BotFather's: the bot's number, then 35 characters.
func (c Config) telegramToken() string {
	return telegramBot + ":" + c.credential("telegram token")[:35]
}

// accounts returns the channels' side of the accounts, with the platforms at the
// addresses that base gives.
func (c Config) accounts(base func(kind string) string) Accounts {
	return Accounts{
		Telegram: telegram.Config{
			Name: c.Names.Telegram, BaseURL: base(Telegram), Token: c.telegramToken(),
			ChatID: strconv.FormatInt(telegramChat, 10), ReaderUserID: telegramReader, AllowPrivate: true,
		},
		X: x.Config{
			Name: c.Names.X, BaseURL: base(X),
			ConsumerKey: c.credential("x consumer key"), ConsumerSecret: c.credential("x consumer secret"),
			AccessToken: xUser + "-" + c.credential("x access token"), AccessSecret: c.credential("x access secret"),
			UserID: xUser, Username: c.Handle, AllowPrivate: true, Now: c.Now,
		},
		Facebook: facebook.Config{
			Name: c.Names.Facebook, BaseURL: base(Facebook), PageID: facebookPage,
			Token: c.credential("facebook token"), AppSecret: c.credential("facebook app secret"), AppID: facebookApp, AllowPrivate: true,
		},
		Instagram: instagram.Config{
			Name: c.Names.Instagram, BaseURL: base(Instagram), UserID: instagramUser, Username: c.Handle,
			Token: c.credential("instagram token"), AppSecret: c.credential("instagram app secret"), AppID: instagramApp,
			AllowPrivate: true, PollInterval: instagramPoll,
		},
	}
}

// platform returns the platform's side of the account of this kind. Public addresses
// lead to the pages at site where the platform lets them be set.
func (c Config) platform(kind, site string, images *http.Client) adapterstest.Platform {
	a := c.accounts(func(string) string { return "" })
	switch kind {
	case Telegram:
		return telegramtest.New(telegramtest.Config{
			Token: a.Telegram.Token, ChatID: telegramChat, Title: c.Title, Username: c.Handle,
			ReaderID: telegramReader, Client: images, Now: c.Now,
		})
	case X:
		return xtest.New(xtest.Config{
			ConsumerKey: a.X.ConsumerKey, ConsumerSecret: a.X.ConsumerSecret,
			AccessToken: a.X.AccessToken, AccessSecret: a.X.AccessSecret,
			UserID: xUser, Username: c.Handle, Name: c.Title, PostsPerWindow: c.XPostsPerWindow,
			TakesEqualTexts: c.Lenient, Now: c.Now,
		})
	case Facebook:
		return facebooktest.New(facebooktest.Config{
			PageID: facebookPage, PageName: c.Title, Token: a.Facebook.Token, AppID: facebookApp,
			AppSecret: a.Facebook.AppSecret, PublicURL: site + "/" + Facebook + "/", Now: c.Now,
		})
	default:
		return instagramtest.New(instagramtest.Config{
			UserID: instagramUser, Username: c.Handle, Token: a.Instagram.Token, AppID: instagramApp,
			AppSecret: a.Instagram.AppSecret, Client: images, ReadyAfter: c.InstagramReadyAfter,
			Quota: c.InstagramQuota, Containers: c.InstagramContainers, PublishesAgain: c.Lenient,
			PublicURL: site + "/" + Instagram + "/", Now: c.Now,
		})
	}
}

// base returns the address of the platform of this kind.
func (a Accounts) base(kind string) string {
	return map[string]string{Telegram: a.Telegram.BaseURL, X: a.X.BaseURL, Facebook: a.Facebook.BaseURL, Instagram: a.Instagram.BaseURL}[kind]
}
