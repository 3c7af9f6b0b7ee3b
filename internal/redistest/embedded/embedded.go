// Package embedded runs a Redis inside the process: miniredis with a clock that
// moves, for examples and tests on a machine that has nothing but Go.
//
// Three things are different from miniredis alone, all to be as Redis is:
//
//   - Keys expire by themselves. Lifetimes run on the monotonic clock, TIME and
//     absolute expiries are the wall clock's.
//   - The clock stands still while a command or a script runs. A key that a
//     script has seen does not expire before the script's end, and every TIME
//     inside one script is the same.
//   - A node can be paused and stopped, and comes back empty on its old address.
//
// It imports nothing that tests only need, so that programs may use it.
package embedded

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
)

// errClosed is returned by Restart once the node was closed.
var errClosed = errors.New("embedded: the node is closed")

// Node is one embedded Redis. Its methods are safe for concurrent use.
type Node struct {
	port *loopback.Reservation

	mu     sync.Mutex
	server *server // nil while stopped; guarded by mu
	closed bool    // guarded by mu
}

// Start runs an empty Redis on a free port of 127.0.0.1. The caller ends it with
// Close. On error nothing is left running.
func Start() (*Node, error) {
	port, err := loopback.Reserve()
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	n := &Node{port: port}
	if err := n.Restart(); err != nil {
		port.Release()
		return nil, err
	}
	return n, nil
}

// Addr is the node's address, host:port. It stays the same for the node's life.
func (n *Node) Addr() string { return n.port.Addr() }

// Pause stops the node from answering until Resume: connections are accepted,
// and commands wait to be run later, as with a stopped process. Lifetimes run
// on. Pausing a paused or a stopped node does nothing.
func (n *Node) Pause() { n.gate((*gate).shut) }

// Resume ends a Pause. Commands that came in meanwhile run now, also those
// whose client has given up. Without a Pause it does nothing.
func (n *Node) Resume() { n.gate((*gate).open) }

// gate does something to the gate of the running server, if there is one.
func (n *Node) gate(do func(*gate)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server != nil {
		do(n.server.gate)
	}
}

// Stop takes the node away at once, paused or not: connections are closed, new
// ones are refused, and every key is lost. Restart brings it back.
func (n *Node) Stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stop()
}

// stop is Stop for callers that hold mu.
func (n *Node) stop() {
	if n.server != nil {
		n.server.stop()
		n.server = nil
	}
}

// Restart stops the node, if it runs, and starts it again, empty, on the same
// address. On error the node is stopped.
func (n *Node) Restart() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return errClosed
	}
	n.stop()
	listener, err := net.Listen("tcp", n.port.Addr())
	if err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	n.server, err = serve(listener)
	return err
}

// Close stops the node for good and waits until its last goroutine has ended.
// Closing twice does nothing.
func (n *Node) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.closed = true
	n.stop()
	n.port.Release()
}
