package redlock

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// mostBackground is how many calls to one node may go on, without an
	// answer, after their callers have gone.
	mostBackground = 16

	// patience is how long a node with that many may be silent before it is
	// taken for dead. A node that is merely busy answers something meanwhile.
	patience = 5 * time.Millisecond
)

// gate bounds the background work for one node. Callers do not wait for
// stragglers, so without it a hung node would collect a goroutine a call.
//
// An open gate lets every call pass. It shuts when mostBackground calls are
// without an answer and nothing has come back for a while; from then on one
// call at a time passes, as a probe. Any answer opens it again.
//
// Answers are counted rather than timed, as reading the clock costs more than
// all the rest of a gate, and is needed only when there is a crowd.
type gate struct {
	background atomic.Int32 // calls whose callers have gone
	answers    atomic.Uint64
	shut       atomic.Bool
	probing    atomic.Bool

	// silent is set when a call has had no answer in time, until one comes. A
	// silent node is still asked, but not waited for while a majority of the
	// others may be there, and only briefly where somebody else is in the way: two clients that have one node each, of three, would
	// otherwise both wait for the third, for as long as a call may take, and so
	// on with every try.
	silent atomic.Bool

	mu      sync.Mutex
	seen    uint64    // answers when a crowd was last looked at …
	changed time.Time // … and when they were last seen to change
}

// pass is the leave to send one call.
type pass uint8

const (
	noPass pass = iota
	freePass
	probePass
)

// admit asks for leave to send a call at now.
func (g *gate) admit(now time.Time) pass {
	if !g.shut.Load() {
		if g.background.Load() < mostBackground || g.answering(now) {
			return freePass
		}
		g.shut.Store(true)
	}
	if g.probing.CompareAndSwap(false, true) {
		return probePass
	}
	return noPass
}

// answering reports whether a crowded node has answered anything of late.
func (g *gate) answering(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := g.answers.Load(); n != g.seen || g.changed.IsZero() {
		g.seen, g.changed = n, now
	}
	return now.Sub(g.changed) < patience
}

// heard opens the gate: the node has answered.
func (g *gate) heard() {
	g.answers.Add(1)
	if g.shut.Load() {
		g.shut.Store(false)
	}
	if g.silent.Load() {
		g.silent.Store(false)
	}
}

// giveBack ends a pass, when its call has returned.
func (g *gate) giveBack(p pass) {
	if p == probePass {
		g.probing.Store(false)
	}
}
