package embedded

import "sync"

// gate is where commands wait while a node is paused.
type gate struct {
	mu        sync.Mutex
	passage   chan struct{} // closed while commands may pass; guarded by mu
	destroyed chan struct{} // closed when no command passes any more
}

// newGate returns an open gate.
func newGate() *gate {
	g := &gate{passage: make(chan struct{}), destroyed: make(chan struct{})}
	close(g.passage)
	return g
}

// pass waits until the gate is open. It returns false when it never will be.
func (g *gate) pass() bool {
	select {
	case <-g.way():
		return true
	case <-g.destroyed:
		return false
	}
}

// way returns the channel that is closed when the gate is open.
func (g *gate) way() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passage
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isOpen() {
		g.passage = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.isOpen() {
		close(g.passage)
	}
}

// isOpen is for callers that hold mu.
func (g *gate) isOpen() bool {
	select {
	case <-g.passage:
		return true
	default:
		return false
	}
}

// destroy sends away all that wait or come later. It is called once.
func (g *gate) destroy() { close(g.destroyed) }
