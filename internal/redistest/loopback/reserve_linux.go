package loopback

import (
	"fmt"
	"os"
	"slices"
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

// Release ends the reservation. A listener that took the port meanwhile keeps it. Nobody else
// gets the port until many others were released: clients of a test that is over may still try
// to reach its server, and would send another test's what it counts. Releasing twice does
// nothing.
func (r *Reservation) Release() { r.release.Do(func() { lately.add(r.socket) }) }

// lately are the sockets of the reservations that ended last.
var lately released

// released are sockets of ended reservations.
type released struct {
	mu      sync.Mutex
	sockets []int
}

// enough is how many are kept: more than a package's tests release in the minute for which a
// client tries, and far less than a process may have open.
const enough = 500

// add keeps a socket, and closes the oldest one of too many.
func (l *released) add(socket int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sockets = append(l.sockets, socket); len(l.sockets) > enough {
		_ = syscall.Close(l.sockets[0])
		l.sockets = slices.Delete(l.sockets, 0, 1)
	}
}
