//go:build unix

package simulator

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"syscall"
)

// reserve keeps the TCP port of address while nothing listens on it: a socket that is
// bound and does not listen. Connections to it are refused; no outgoing connection
// and no other program gets the port; and the same address can be listened on, since
// net's listeners set SO_REUSEADDR as this does.
func reserve(address string) (io.Closer, error) {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	family, to := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()})
	if ap.Addr().Is4() {
		family, to = syscall.AF_INET, &syscall.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}
	}
	// The lock keeps a child process from inheriting the socket before it is marked.
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	socket := os.NewFile(uintptr(fd), address)
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		_ = socket.Close() // the first error says more
		return nil, fmt.Errorf("share the address: %w", err)
	}
	if err := syscall.Bind(fd, to); err != nil {
		_ = socket.Close() // the first error says more
		return nil, fmt.Errorf("bind %s: %w", address, err)
	}
	return socket, nil
}
