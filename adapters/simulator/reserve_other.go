//go:build !unix

package simulator

import (
	"errors"
	"io"
)

// reserve keeps no port on this system.
func reserve(string) (io.Closer, error) {
	return nil, errors.New("this system keeps no port for a listener that is closed")
}
