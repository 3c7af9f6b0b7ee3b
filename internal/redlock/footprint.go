package redlock

import (
	"math"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// footprint is where one token may be on the nodes, and how to be rid of it: a lease's, or
// that of a ticket, whose token is its id.
//
// Its stakes say where the token may be. Three rules keep them safe:
//
//   - A node is released only after every call that could put the token there
//     has returned from the driver; else a late grant would stay behind.
//   - Once the footprint has ended, a grant that comes in is released by the very
//     goroutine that learns of it.
//   - A release without a certain answer becomes a pending release of its node, and is
//     sent again until it is answered, or what it is for must have expired.
//
// As long as a release is under way or may follow, a node is not settled: it might
// take away what the same token, or an equal value of the user's, has got there since.
type footprint struct {
	spec   *Spec
	token  token
	inLine bool // it is a ticket's

	mu     sync.Mutex // also guards what a lease or a ticket adds
	stakes []stake    // one a node
	few    [fewNodes]stake
	ended  bool      // released, abandoned or passed to a successor
	lapses time.Time // when what it had has expired in any case; set when it has ended, and by later grants

	successor *footprint // of another protocol, whose the token is now: see heir

	// release is the round of the owner's release: nodes that were pending when
	// it began report to it when their turn has come.
	release *quorum.Round
	undo    driver.Call // the release's call, once it was needed

	ticket   restorer // of the call that made the try, which a failed try's release puts back; nil for none
	ticketID any      // id of the ticket by which a release may grant the token, as a word; nil for none

	gone chan struct{} // closed when nothing lingers on the nodes; nil unless a goroutine waits
}

func (f *footprint) init(s *Spec, t token) {
	f.spec, f.token = s, t
	if n := len(s.engine.nodes); n > fewNodes {
		f.stakes = make([]stake, n)
	} else {
		f.stakes = f.few[:n]
	}
}

// at is what the footprint has on one node.
func (f *footprint) at(n *node) site { return site{f, n} }

// restorer is a ticket that a release may put back in the place of the grant that consumed it.
type restorer interface {
	restoring(n *node) bool // whether it does: then its answer is for restored
	restored(n *node, a quorum.Answer)
	words() (id, lifetime any)
}

// uncontest forgets what the nodes have answered about others, before they are
// asked again.
func (f *footprint) uncontest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.stakes {
		f.stakes[i].contested = false
	}
}

// dropTicket lets go of the ticket of a lease that was won, which is put back for failed
// tries only.
func (f *footprint) dropTicket() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ticket = nil
}

// contested lists the nodes where another client wants what the lease has.
func (f *footprint) contested() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var nodes []int
	for i := range f.stakes {
		if f.stakes[i].contested {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

// pend notes that a call which may grant is about to be sent to every node that
// r asks. It reports false, and nothing may be sent, when the lease has ended.
func (f *footprint) pend(r *quorum.Round) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return false
	}
	for i := range f.stakes {
		if r.Asks(i) {
			f.stakes[i].begin()
		}
	}
	return true
}

// end stops the lease: from now on grants are released as they come in. f.mu is
// held.
func (f *footprint) end(now time.Time) {
	if f.ended {
		return
	}
	f.ended, f.lapses = true, now.Add(f.lasts())
	if !f.token.strict {
		return
	}
	for i, n := range f.spec.engine.nodes {
		if s := &f.stakes[i]; s.maybe || s.pending > 0 {
			s.unsettled = true
			n.strict.Add(f.strictKey())
		}
	}
}

// lasts is how long the nodes may have the token, or the ticket, from now on: by
// the slowest clock, and if what is under way comes in time.
func (f *footprint) lasts() time.Duration {
	life := f.spec.Expiry
	switch {
	case f.inLine:
		life = ticketLife
	case f.ticketID != nil:
		life += min(ticketLife, math.MaxInt64-life)
	}
	if most := math.MaxInt64 - f.spec.drift() - f.spec.bound; life > most {
		return math.MaxInt64
	}
	return life + f.spec.drift() + f.spec.bound
}

// abandon gives up what a failed try may have got, in the background.
func (f *footprint) abandon() {
	for _, n := range f.endIdle() {
		f.at(n).settle()
	}
}

// endIdle ends the lease, and returns the nodes that may have the token and where
// nothing is under way. All in one step: a call that returns later is settled by its
// own goroutine, and no node by both.
func (f *footprint) endIdle() []*node {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.countRid() == len(f.stakes) {
		f.ended = true
		return nil
	}
	f.end(time.Now())
	var idle []*node
	for i, n := range f.spec.engine.nodes {
		if s := &f.stakes[i]; s.pending == 0 && s.maybe {
			idle = append(idle, n)
		}
	}
	return idle
}

// undoCall returns the call that releases the token.
func (f *footprint) undoCall() *driver.Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.undo.Script() != nil:
	case f.inLine:
		f.undo = f.spec.withdrawCall(f.token)
	default:
		f.undo = f.spec.releaseCall(f.token, f.ticketWord(), noLifetime)
	}
	return &f.undo
}

// ticketWord is the ticket that the release is to take away, as a word. f.mu is held.
func (f *footprint) ticketWord() any {
	if f.ticketID == nil {
		return noTicket
	}
	return f.ticketID
}

// lingers reports that an answer is still due that settles the lease, of a node that is
// not silent. f.mu is held.
func (f *footprint) lingers() bool {
	call := f.spec.releaseCall(f.token, noTicket, noLifetime)
	for i, n := range f.spec.engine.nodes {
		if s := &f.stakes[i]; (s.maybe || s.pending > 0) && !n.Silent(&call) {
			return true
		}
	}
	return false
}

// awaitGone waits until nothing is left of an ended lease, which may be nil. It reports
// false when that has taken too long.
func (f *footprint) awaitGone(tooLong <-chan time.Time) bool {
	if f == nil {
		return true
	}
	f.mu.Lock()
	if !f.lingers() {
		f.mu.Unlock()
		return true
	}
	if f.gone == nil {
		f.gone = make(chan struct{})
	}
	gone := f.gone
	f.mu.Unlock()
	select {
	case <-gone:
		return true
	case <-tooLong:
		return false
	}
}

// settled reports that no node can hold the token, and that nothing is sent about it,
// any more.
func (f *footprint) settled() bool { return f.rid() == len(f.stakes) }

// rid counts the nodes that are settled.
func (f *footprint) rid() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.countRid()
}

// countRid is rid with f.mu held.
func (f *footprint) countRid() int {
	n := 0
	for i := range f.stakes {
		if f.stakes[i].settled() {
			n++
		}
	}
	return n
}

// inherited returns the lease that answers to calls of this one belong to.
func (f *footprint) inherited() *footprint {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.successor != nil {
		return f.successor
	}
	return f
}

// lockInherited is inherited, and locks the mutex of the lease that it returns.
func (f *footprint) lockInherited() *footprint {
	f.mu.Lock()
	to := f.successor
	if to == nil {
		return f
	}
	f.mu.Unlock()
	to.mu.Lock()
	return to
}
