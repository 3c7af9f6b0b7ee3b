// Package loopback hands out TCP ports of 127.0.0.1 that stay the caller's
// while nothing listens on them.
//
// A test server that is killed and comes back has to come back on its old
// address, and until then a connection to it has to be refused. Both need the
// port to be kept from all others in the meantime, the kernel's choice of
// ports for outgoing connections included.
//
// On Linux a [Reservation] is a socket that is bound and never listens, with
// SO_REUSEADDR: the kernel refuses connections to it and does not choose
// the port by itself, yet lets a listener with SO_REUSEADDR (Redis and package net set it)
// take it by its number. Elsewhere that is not possible; there the port was
// merely free a moment ago, and a caller that starts a server on it tries again with
// another one when that fails.
package loopback

import (
	"net"
	"strconv"
)

// Host is the address that every reserved port belongs to.
const Host = "127.0.0.1"

// Addr is the address of a port, for net.Dial and net.Listen.
func Addr(port int) string {
	return net.JoinHostPort(Host, strconv.Itoa(port))
}

// Port is the reservation's port number.
func (r *Reservation) Port() int { return r.port }

// Addr is the address of the reserved port, for net.Dial and net.Listen.
func (r *Reservation) Addr() string { return Addr(r.port) }
