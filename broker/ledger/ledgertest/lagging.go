package ledgertest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Lagging returns the address of a broker in a cluster whose copy of the bulletins lags
// behind for ever: whoever asks it, and not the leader of the stream, for bytes by their name is
// told that there are none. All else goes to the broker at an address, and comes from it.
func Lagging(tb testing.TB, broker string) (address string) {
	tb.Helper()
	to, err := url.Parse(broker)
	if err != nil {
		tb.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var work sync.WaitGroup
	tb.Cleanup(work.Wait)
	tb.Cleanup(func() { _ = listener.Close() })
	work.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return // it is closed
			}
			there, err := net.Dial("tcp", to.Host)
			if err != nil {
				_ = from.Close()
				continue
			}
			tb.Cleanup(func() { _, _ = from.Close(), there.Close() })
			work.Go(func() {
				_, _ = io.Copy(from, there) // until one of them is gone
				_ = from.Close()
			})
			work.Go(func() {
				_ = misnamed(there, from)
				_ = there.Close()
			})
		}
	})
	return "nats://" + listener.Addr().String()
}

// misnamed copies what a client says, with another digest of the same length in each question
// for bytes by their name that any copy may answer.
func misnamed(to io.Writer, from io.Reader) error {
	const question = "$JS.API.DIRECT.GET.BLOBS.blob."
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if i := bytes.Index(line, []byte(question)); i >= 0 && len(line) > i+len(question)+64 {
			copy(line[i+len(question):], strings.Repeat("0", 64))
		}
		if _, gone := to.Write(line); gone != nil || err != nil {
			return err
		}
	}
}
