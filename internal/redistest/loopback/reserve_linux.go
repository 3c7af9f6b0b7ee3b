package loopback

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

// Reservation keeps one port of 127.0.0.1 for its owner until Release.
type Reservation struct {
	port    int
	socket  int
	release sync.Once
}

// Reserve reserves a free port.
func Reserve() (*Reservation, error) { return ReservePort(0) }

// ReservePort reserves the given port, or any free one for 0. It fails when the
// port is taken, and leaves nothing behind then.
func ReservePort(port int) (*Reservation, error) {
	// CLOEXEC: a server started later must not inherit the reservation.
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("loopback: reserve a port: %w", os.NewSyscallError("socket", err))
	}
	bound, err := bind(socket, port)
	if err != nil {
		_ = syscall.Close(socket)
		return nil, fmt.Errorf("loopback: reserve port %d: %w", port, err)
	}
	return &Reservation{port: bound, socket: socket}, nil
}

// bind binds socket to port and returns the port it got.
func bind(socket, port int) (int, error) {
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, os.NewSyscallError("setsockopt", err)
	}
	address := &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	if err := syscall.Bind(socket, address); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	name, err := syscall.Getsockname(socket)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	return name.(*syscall.SockaddrInet4).Port, nil
}

// Release gives the port back. A listener that took it meanwhile keeps it.
// Releasing twice does nothing.
func (r *Reservation) Release() {
	r.release.Do(func() { _ = syscall.Close(r.socket) })
}
