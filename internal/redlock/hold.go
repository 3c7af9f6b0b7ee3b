package redlock

import (
	"math"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// fewNodes is the number of nodes up to which nothing needs a slice of its own: with one
// node, what a call costs in memory shows; with more it does not.
const fewNodes = 1

// hold is one token's presence on the nodes: what a won try leaves to its
// owner, and what a failed one leaves to be cleaned up.
//
// Its stakes say where the token may be. Three rules keep them safe:
//
//   - A node is released only after every call that could put the token there
//     has returned from the driver; else a late grant would stay behind.
//   - Once the hold has ended, a grant that comes in is released by the very
//     goroutine that learns of it.
//   - A release without a certain answer becomes a debt of its node, and is
//     sent again until it is answered, or what it is for must have expired.
//
// As long as a release is under way or may follow, a node is not settled: it might
// take away what the same token, or an equal value of the user's, has got there since.
type hold struct {
	spec  *Spec
	token token
	slots string // of a permit, as "3-4,7"; set when its round is won

	mu     sync.Mutex
	stakes []stake // one a node
	few    [fewNodes]stake
	valid  validity
	ended  bool      // released, abandoned or passed to a successor
	lapses time.Time // when what it had has expired in any case; set when it has ended

	successor *hold // of another protocol, whose the token is now: see heir

	numbers block   // its fencing tokens
	turn    int     // how many goroutines have had it, and have passed it on
	proven  instant // when its last grant or renewal was answered
	shown   bool    // Value has handed its token out

	placed  bool // has its object's place in the queue
	inDo    bool // a Do runs, or has run, under it
	claimed bool // its owner's release is under way
	inLine  bool // it is a ticket's: what the nodes have is a place in line

	told bool // its owner knows what can be known of its release

	renewal renewal
	loss    loss
	place   place // in the keeper's order

	// release is the round of the owner's release: nodes that were pending when
	// it began report to it when their turn has come.
	release *quorum.Round
	undo    driver.Call // the release's call, once it was needed

	call driver.Call // of the try

	ticket *ticket // of the call that made the try, if it leaves one

	gone chan struct{} // closed when nothing lingers on the nodes; nil unless a goroutine waits
}

// stake is what the hold knows of one node.
type stake struct {
	pending   int32 // calls under way that may put the token there
	releasing int32 // releases under way
	owed      bool  // a release is among the node's debts
	maybe     bool  // the token is there, or may be
	refused   bool  // the node said that another client's is there
	former    bool  // it may be there as the predecessor's, and is to be converted: see heir

	// last is the first certain answer to a release, or to a call that passed the
	// token on: Yes where it was there until then. It is the last word, and is
	// voteUnknown where a lost answer may have been another one.
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
	owing     bool // a release of a strict token is without an answer
	contested bool // the node told that somebody waits for the hold's end, or refused it

	met error // what the last extension met there, errNoAnswer while it is under way; nil after a yes
}

func (h *hold) init(s *Spec, t token) {
	h.spec, h.token = s, t
	if n := len(s.engine.nodes); n > fewNodes {
		h.stakes = make([]stake, n)
	} else {
		h.stakes = h.few[:n]
	}
}

// adopt makes the hold of a token that was acquired elsewhere. It may be on
// every node, and only the nodes know how long it is good for.
func adopt(s *Spec, value string) *hold {
	h := new(hold)
	h.init(s, newToken(value, true))
	for i := range h.stakes {
		h.stakes[i].maybe = true
	}
	return h
}

// pend notes that a call which may grant is about to be sent to every node that
// r asks. It reports false, and nothing may be sent, when the hold has ended.
func (h *hold) pend(r *quorum.Round) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return false
	}
	for i := range h.stakes {
		if r.Asks(i) {
			h.stakes[i].begin()
		}
	}
	return true
}

// begin notes that a call is about to be sent. The hold's mutex is held.
func (s *stake) begin() {
	s.overlapped = s.overlapped || s.pending > 0
	s.pending++
}

// unsent takes back that a call was about to be sent to node i.
func (h *hold) unsent(i int) {
	h = h.lockInherited()
	defer h.mu.Unlock()
	h.stakes[i].pending--
}

// learn takes the answer of a call that may have granted. It reports whether
// the node must now be settled by the caller, as the hold has ended meanwhile.
func (h *hold) learn(n *node, a quorum.Answer) (owed bool) {
	of := h.lockInherited()
	defer of.mu.Unlock()
	s := &of.stakes[n.Index]
	s.pending--
	switch a.Vote {
	case quorum.Yes, quorum.Unknown:
		s.maybe = true
		s.former = s.former || of != h
		of.doubt(s, a)
	case quorum.Taken:
		s.refused = true
	}
	return of.ended && s.pending == 0
}

// noteThere notes that n has the token, whatever the answers before, of which some may
// have been lost, have said: it is to be released there.
func (h *hold) noteThere(n *node) {
	h = h.lockInherited()
	defer h.mu.Unlock()
	if !h.ended {
		h.stakes[n.Index].maybe = true
	}
}

// contest notes if n's answer tells of another client that wants what the hold has there.
func (h *hold) contest(n *node, a quorum.Answer) {
	if !a.Contested && a.Vote != quorum.Taken {
		return
	}
	h = h.lockInherited()
	defer h.mu.Unlock()
	h.stakes[n.Index].contested = true
}

// uncontest forgets what the nodes have told of others, before they are asked
// again.
func (h *hold) uncontest() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.stakes {
		h.stakes[i].contested = false
	}
}

// contested lists the nodes where somebody else wants what the hold has.
func (h *hold) contested() []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	var nodes []int
	for i := range h.stakes {
		if h.stakes[i].contested {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

// end stops the hold: from now on grants are released as they come in. h.mu is
// held.
func (h *hold) end(now time.Time) {
	if h.ended {
		return
	}
	h.ended, h.lapses = true, now.Add(h.lasts())
	if !h.token.strict {
		return
	}
	for i, n := range h.spec.engine.nodes {
		if s := &h.stakes[i]; s.maybe || s.pending > 0 {
			s.owing = true
			n.debts.strict.add(h.strictKey())
		}
	}
}

// lasts is how long the nodes may have the token, or the place in line, from now on: by
// the slowest clock, and if what is under way comes in time.
func (h *hold) lasts() time.Duration {
	life := h.spec.Expiry
	if h.inLine {
		life = ticketLife
	}
	if most := math.MaxInt64 - h.spec.drift() - h.spec.bound; life > most {
		return math.MaxInt64
	}
	return life + h.spec.drift() + h.spec.bound
}

// abandon gives up what a failed try may have got, in the background.
func (h *hold) abandon() {
	for _, n := range h.endIdle() {
		h.settle(n)
	}
}

// endIdle ends the hold, and returns the nodes that may have the token and where
// nothing is under way. All in one step: a call that returns later is settled by its
// own goroutine, and no node by both.
func (h *hold) endIdle() []*node {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.countRid() == len(h.stakes) {
		h.ended = true
		return nil
	}
	h.end(time.Now())
	var idle []*node
	for i, n := range h.spec.engine.nodes {
		if s := &h.stakes[i]; s.pending == 0 && s.maybe {
			idle = append(idle, n)
		}
	}
	return idle
}

// settle releases the token on one node, once, and tells the owner's release if
// there is one.
func (h *hold) settle(n *node) {
	h.inherited().releaseAt(n, nil)
}

// report tells the owner's release of a node that was settled.
func (h *hold) report(n *node, a quorum.Answer) {
	h.mu.Lock()
	r := h.release
	h.mu.Unlock()
	if r != nil {
		r.Record(n.Index, a)
	}
}

// beginRelease notes that a release is about to be sent to n, if the token may be
// there, nothing is under way that could put it there, and it is not to go out later.
// If not, it returns what n's answer to a release is known to be.
func (h *hold) beginRelease(n *node) (quorum.Answer, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &h.stakes[n.Index]
	if !h.ended || !s.maybe || s.timed || s.pending > 0 {
		h.strikeOff(n)
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
func (h *hold) releaseAt(n *node, then func(quorum.Answer)) {
	if a, due := h.beginRelease(n); !due {
		h.pass(n, a, then)
		return
	}
	h.undoAt(n, then)
}

func (h *hold) pass(n *node, a quorum.Answer, then func(quorum.Answer)) {
	if then == nil {
		h.report(n, a)
		return
	}
	then(a)
}

// undoCall returns the call that releases the token.
func (h *hold) undoCall() *driver.Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.undo.Script() != nil:
	case h.inLine:
		h.undo = h.spec.withdrawCall(h.token)
	default:
		h.undo = h.spec.releaseCall(h.token, nil)
	}
	return &h.undo
}

// released takes the answer to a release, and returns what it says about the hold. A
// certain one settles the node, any other is owed.
func (h *hold) released(n *node, a quorum.Answer) quorum.Answer {
	h.mu.Lock()
	s := &h.stakes[n.Index]
	s.releasing--
	if !a.Certain() {
		s.doubtful = s.doubtful || a.Vote == quorum.Unknown
		if h.token.strict && a.Late { // any other is never used again: a late release does no harm
			s.again, s.maybe = 1, true
		}
		h.strikeOff(n) // another release may have been answered meanwhile
		h.mu.Unlock()
		n.owe(h)
		return a
	}
	s.note(a.Vote)
	wait := h.releasedOnce(n)
	a = s.absent()
	h.mu.Unlock()
	if wait > 0 {
		time.AfterFunc(wait, func() { h.releaseAgain(n) })
	}
	return a
}

// releaseAgain sends a release that is to follow another one.
func (h *hold) releaseAgain(n *node) {
	h.mu.Lock()
	h.stakes[n.Index].timed = false
	h.mu.Unlock()
	n.owe(h)
	n.debts.collect(n)
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
// only where the server is likely to have been stopped. h.mu is held.
func (h *hold) doubt(s *stake, a quorum.Answer) {
	switch {
	case a.Late && !h.token.strict:
		s.again = releasesAgain
	case a.Silent:
		s.again = 1
	}
}

// releasedOnce takes a certain answer to a release, and returns when another one must
// follow; 0 if none. h.mu is held.
func (h *hold) releasedOnce(n *node) (wait time.Duration) {
	s := &h.stakes[n.Index]
	switch {
	case s.timed: // it came too soon
		return 0
	case s.again == 0:
		h.forget(n)
		return 0
	}
	s.again--
	s.timed = true
	switch wait = max(1, h.spec.bound/soonAgain); {
	case h.token.strict:
		return min(wait, mostStrictAgain)
	case s.again == 0:
		return h.spec.bound
	}
	return wait
}

// forget notes that n is rid of the token. h.mu is held.
func (h *hold) forget(n *node) {
	h.stakes[n.Index].maybe = false
	h.strikeOff(n)
}

// strikeOff lets n have the same value again, once it is settled. h.mu is held.
func (h *hold) strikeOff(n *node) {
	if s := &h.stakes[n.Index]; s.owing && s.settled() {
		s.owing = false
		n.debts.strict.remove(h.strictKey())
	}
	if h.gone != nil && !h.lingers() {
		close(h.gone)
		h.gone = nil
	}
}

// lingers reports that an answer is still due that settles the hold, of a node that is
// not silent. h.mu is held.
func (h *hold) lingers() bool {
	call := h.spec.releaseCall(h.token, nil)
	for i, n := range h.spec.engine.nodes {
		if s := &h.stakes[i]; (s.maybe || s.pending > 0) && !n.Silent(&call) {
			return true
		}
	}
	return false
}

// awaitGone waits until nothing is left of an ended hold, which may be nil. It reports
// false when that has taken too long.
func (h *hold) awaitGone(tooLong <-chan time.Time) bool {
	if h == nil {
		return true
	}
	h.mu.Lock()
	if !h.lingers() {
		h.mu.Unlock()
		return true
	}
	if h.gone == nil {
		h.gone = make(chan struct{})
	}
	gone := h.gone
	h.mu.Unlock()
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

// agreeOn fixes the slots of a permit, before anybody acts on its round.
func (h *hold) agreeOn(slots string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.slots == "" {
		h.slots = slots
	}
}

// settled reports that no node can hold the token, and that nothing is sent about it,
// any more.
func (h *hold) settled() bool { return h.rid() == len(h.stakes) }

// rid counts the nodes that are settled.
func (h *hold) rid() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.countRid()
}

// countRid is rid with h.mu held.
func (h *hold) countRid() int {
	n := 0
	for i := range h.stakes {
		if h.stakes[i].settled() {
			n++
		}
	}
	return n
}

// inherited returns the hold that answers to calls of this one belong to.
func (h *hold) inherited() *hold {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.successor != nil {
		return h.successor
	}
	return h
}

// lockInherited is inherited, and locks the mutex of the hold that it returns.
func (h *hold) lockInherited() *hold {
	h.mu.Lock()
	to := h.successor
	if to == nil {
		return h
	}
	h.mu.Unlock()
	to.mu.Lock()
	return to
}

// validity returns the current validity.
func (h *hold) validity() validity {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.valid
}
