package redlock

import (
	"math"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// footprint is where one token may be on the nodes, and how to be rid of it: a lease's, or
// that of a ticket, whose token is a place in line.
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
	lapses time.Time // when what it had has expired in any case; set when it has ended

	successor *footprint // of another protocol, whose the token is now: see heir

	// release is the round of the owner's release: nodes that were pending when
	// it began report to it when their turn has come.
	release *quorum.Round
	undo    driver.Call // the release's call, once it was needed

	ticket restorer // of the call that made the try, which a failed try's release puts back; nil for none
	place  any      // id of the ticket by which a release may grant the token, as a word; nil for none

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

// restorer is a ticket that a release may put back in the place of the grant that consumed it.
type restorer interface {
	restoring(n *node) bool // whether it does: then its answer is for restored
	restored(n *node, a quorum.Answer)
	words() (id, lifetime any)
}

// contest notes if n's answer tells of another client that wants what the lease has there.
func (f *footprint) contest(n *node, a quorum.Answer) {
	if !a.Contested && a.Vote != quorum.Taken {
		return
	}
	of := f.lockInherited()
	defer of.mu.Unlock()
	of.stakes[n.Index].contested = true
}

// uncontest forgets what the nodes have told of others, before they are asked
// again.
func (f *footprint) uncontest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.stakes {
		f.stakes[i].contested = false
	}
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

// stake is what a footprint knows of one node.
type stake struct {
	pending   int32 // calls under way that may put the token there
	releasing int32 // releases under way
	queued    bool  // a release is among the node's pending ones
	maybe     bool  // the token is there, or may be
	refused   bool  // the node said that another client's is there
	former    bool  // it may be there as the predecessor's, and is to be converted: see resume
	missed    bool  // an extension found nothing there while calls were under way: see resume

	// last is the first certain answer to a release, or to a call that passed the
	// token on: Yes where it was there until then. It is the last word, and is
	// Unknown where a lost answer may have been another one.
	last quorum.Vote

	// again is how many releases have to follow one that the node answers, as a call
	// that may put the token there has had no answer, and may run after the first.
	again uint8
	timed bool // the next of them goes out by a timer

	// overlapped is set once two calls were under way to the node. Their answers
	// may come in another order than they were run in, so from then on nothing but
	// a release, which goes out alone, proves that the token is gone.
	overlapped bool

	doubtful  bool // it may have been released or passed on: the answer was lost
	probation bool // repaired; its vote does not count until a round was won without it
	unsettled bool // a release of a strict token is without an answer
	contested bool // the node answered that others wait for its end, or refused it

	met error // what the last extension met there, errNoAnswer while it is under way; nil after a yes
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

// begin notes that a call is about to be sent. The lease's mutex is held.
func (s *stake) begin() {
	s.overlapped = s.overlapped || s.pending > 0
	s.pending++
}

// unsent takes back that a call was about to be sent to node i.
func (f *footprint) unsent(i int) {
	of := f.lockInherited()
	defer of.mu.Unlock()
	of.stakes[i].pending--
}

// learn takes the answer of a call that may have granted. It reports whether
// the node must now be settled by the caller, as the lease has ended meanwhile.
func (f *footprint) learn(n *node, a quorum.Answer) (due bool) {
	of := f.lockInherited()
	defer of.mu.Unlock()
	s := &of.stakes[n.Index]
	s.pending--
	switch a.Vote {
	case quorum.Yes, quorum.Unknown:
		s.maybe = true
		s.former = s.former || of != f
		of.doubt(s, a)
	case quorum.Taken:
		s.refused = true
		s.maybe = s.maybe || of.place != nil
	}
	return of.ended && s.pending == 0
}

// noteThere notes that n has the token, whatever the answers before, of which some may
// have been lost, have said: it is to be released there.
func (f *footprint) noteThere(n *node) {
	of := f.lockInherited()
	defer of.mu.Unlock()
	if !of.ended {
		of.stakes[n.Index].maybe = true
	}
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

// lasts is how long the nodes may have the token, or the place in line, from now on: by
// the slowest clock, and if what is under way comes in time.
func (f *footprint) lasts() time.Duration {
	life := f.spec.Expiry
	switch {
	case f.inLine:
		life = ticketLife
	case f.place != nil:
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
		f.settle(n)
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

// settle releases the token on one node, once, and tells the owner's release if
// there is one.
func (f *footprint) settle(n *node) {
	f.inherited().releaseAt(n, nil)
}

// report tells the owner's release of a node that was settled.
func (f *footprint) report(n *node, a quorum.Answer) {
	f.mu.Lock()
	r := f.release
	f.mu.Unlock()
	if r != nil {
		r.Report(n.Index, a)
	}
}

// beginRelease notes that a release is about to be sent to n, if the token may be
// there, nothing is under way that could put it there, and it is not to go out later.
// If not, it returns what n's answer to a release is known to be.
func (f *footprint) beginRelease(n *node) (quorum.Answer, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.stakes[n.Index]
	if !f.ended || !s.maybe || s.timed || s.pending > 0 {
		f.strikeOff(n)
		return s.absent(), false
	}
	s.releasing++
	return quorum.Answer{}, true
}

// absent is the answer of a node that is known not to hold the token.
func (s *stake) absent() quorum.Answer {
	switch {
	case s.last == quorum.Unknown:
		return quorum.Answer{Err: errDoubtful}
	case s.last != quorum.None:
		return quorum.Answer{Vote: s.last}
	case s.refused:
		return quorum.Answer{Vote: quorum.Taken}
	default:
		return quorum.Answer{Err: errNeverGranted}
	}
}

// releaseAt sends one release in the background, if it is due, and passes n's answer on:
// to the owner's release, if then is nil.
func (f *footprint) releaseAt(n *node, then func(quorum.Answer)) {
	if a, due := f.beginRelease(n); !due {
		f.tell(n, a, then)
		return
	}
	f.undoAt(n, then)
}

func (f *footprint) tell(n *node, a quorum.Answer, then func(quorum.Answer)) {
	if then == nil {
		f.report(n, a)
		return
	}
	then(a)
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
		f.undo = f.spec.releaseCall(f.token, f.placed(), noLifetime)
	}
	return &f.undo
}

// placed is the ticket that the release is to take away, as a word. f.mu is held.
func (f *footprint) placed() any {
	if f.place == nil {
		return noTicket
	}
	return f.place
}

// released takes the answer to a release, and returns what it says about the lease. A
// certain one settles the node, any other is sent again.
func (f *footprint) released(n *node, a quorum.Answer) quorum.Answer {
	f.mu.Lock()
	s := &f.stakes[n.Index]
	s.releasing--
	if !a.Certain() {
		s.doubtful = s.doubtful || a.Vote == quorum.Unknown
		if f.token.strict && a.Late { // any other is never used again: a late release does no harm
			s.again, s.maybe = 1, true
		}
		f.strikeOff(n) // another release may have been answered meanwhile
		f.mu.Unlock()
		f.retryAt(n)
		return a
	}
	s.note(a.Vote)
	wait := f.releasedOnce(n)
	a = s.absent()
	f.mu.Unlock()
	if wait > 0 {
		time.AfterFunc(wait, func() { f.releaseAgain(n) })
	}
	return a
}

// releaseAgain sends a release that is to follow another one.
func (f *footprint) releaseAgain(n *node) {
	f.mu.Lock()
	f.stakes[n.Index].timed = false
	f.mu.Unlock()
	f.retryAt(n)
	n.pending.Send()
}

// note takes a certain answer to a release: the first one is the last word. Where
// another may have come before it, it proves nothing by finding nothing.
func (s *stake) note(v quorum.Vote) {
	switch {
	case s.last == quorum.Unknown && v == quorum.Yes: // it was the other one that has found it
		s.last = quorum.Yes
	case s.last != quorum.None:
	case v != quorum.Yes && (s.doubtful || s.releasing > 0):
		s.last = quorum.Unknown
	default:
		s.last = v
	}
}

// A call without an answer may still be in the socket of a server that was stopped, or
// in whatever is between, and run after a release that was sent later, on another
// connection, and answered. So that is followed by two more: one after a part of the
// longest time of a call, when a server that goes on has mostly read what waited for
// it, and one after all of that time. What takes even longer ends with its expiry.
const (
	releasesAgain = 2
	soonAgain     = 8 // parts of the longest time of a call

	// mostStrictAgain is the longest time that a value of the user's own is kept away
	// from a node on account of what may run late.
	mostStrictAgain = 250 * time.Millisecond
)

// doubt takes the answer of a call that may put the token on a node. Of a value of the
// user's own the node gets no try as long as a release may follow, so there is one, and
// only where the server is likely to have been stopped. f.mu is held.
func (f *footprint) doubt(s *stake, a quorum.Answer) {
	switch {
	case a.Late && !f.token.strict:
		s.again = releasesAgain
	case a.Silent:
		s.again = 1
	}
}

// releasedOnce takes a certain answer to a release, and returns when another one must
// follow; 0 if none. f.mu is held.
func (f *footprint) releasedOnce(n *node) (wait time.Duration) {
	s := &f.stakes[n.Index]
	switch {
	case s.timed: // it came too soon
		return 0
	case s.again == 0:
		f.forget(n)
		return 0
	}
	s.again--
	s.timed = true
	switch wait = max(1, f.spec.bound/soonAgain); {
	case f.token.strict:
		return min(wait, mostStrictAgain)
	case s.again == 0:
		return f.spec.bound
	}
	return wait
}

// forget notes that n is rid of the token. f.mu is held.
func (f *footprint) forget(n *node) {
	f.stakes[n.Index].maybe = false
	f.strikeOff(n)
}

// strikeOff lets n have the same value again, once it is settled. f.mu is held.
func (f *footprint) strikeOff(n *node) {
	if s := &f.stakes[n.Index]; s.unsettled && s.settled() {
		s.unsettled = false
		n.strict.Remove(f.strictKey())
	}
	if f.gone != nil && !f.lingers() {
		close(f.gone)
		f.gone = nil
	}
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

// settled reports that the token is not on the node, and that nothing is under way that
// may put it there or take it away.
func (s *stake) settled() bool {
	return !s.maybe && s.pending == 0 && s.releasing == 0
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

// undoAt sends the release of the token to one node, takes the answer, and passes
// on what it says: see released.
func (f *footprint) undoAt(n *node, then func(quorum.Answer)) {
	call := *f.undoCall()
	restoring := f.ticket != nil && f.ticket.restoring(n)
	if restoring {
		id, lifetime := f.ticket.words()
		call = f.spec.releaseCall(f.token, id, lifetime)
	}
	m := f.spec.about(f.token)
	m.Class = outbox.Urgent
	n.Send(call, m, func(a quorum.Answer) {
		if restoring {
			f.ticket.restored(n, a)
		}
		f.tell(n, f.released(n, a), then)
	})
}
