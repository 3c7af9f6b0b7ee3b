//go:build !linux

package loopback

import (
	"fmt"
	"net"
)

// Reservation names a port of 127.0.0.1 that was free when it was made.
type Reservation struct{ port int }

// Reserve returns a free port.
func Reserve() (*Reservation, error) { return ReservePort(0) }

// ReservePort returns the given port, or any free one for 0. It fails when the
// port is taken.
func ReservePort(port int) (*Reservation, error) {
	listener, err := net.Listen("tcp", Addr(port))
	if err != nil {
		return nil, fmt.Errorf("loopback: reserve port %d: %w", port, err)
	}
	bound := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		return nil, fmt.Errorf("loopback: reserve port %d: %w", bound, err)
	}
	return &Reservation{port: bound}, nil
}

// Release does nothing here: there is nothing to give back.
func (r *Reservation) Release() {}
