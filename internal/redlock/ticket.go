package redlock

import (
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// ticket is a waiting object's place in line on the nodes: what a refused try
// leaves there when its caller goes on waiting, so that others make way and a
// release notifies it. Each try renews it, a grant consumes it, and it goes when the
// call ends; should that be lost, with its own short expiry.
//
// It is kept like a lease, and settled like one: a node is asked to forget it only
// after every call that could leave it there has returned. An object's calls use
// one and the same, one after the other, as long as nothing is left of it between
// them. A nil ticket is that of a call which does not wait, or of a protocol without
// a line.
type ticket struct {
	footprint
	ticketDeadline
	membership
	standing        // where a release may grant the lock
	suffix   string // of the waiter's id
	notified bool   // the waiter was notified before the try under way
	asked    bool   // the call has made a try …
	again    bool   // … before that one
	patient  bool   // the try under way is made only because messages may be lost

	// overlapped is set once two calls that may leave the ticket were under way to
	// one node. Their answers may come in another order than they were run in, so
	// from then on a grant does not prove that the ticket is gone. t.mu guards it.
	overlapped bool

	announced announcements // t.mu guards it

	// used is set once a node has granted a try by the ticket's place. The node remembers
	// where that was, for a try that fails after all, until a client clears it away: for
	// another call the place would be one ahead of those that came later. t.mu guards it.
	used bool

	// fleeting is set while its call does not queue yet. What disagreeing nodes granted is
	// then given back without the ticket: it would keep the call's neighbours from permits
	// that are free. t.mu guards it.
	fleeting bool
}

// newTicket makes an object's ticket. The id names its owner, for people, and ends with a
// suffix, for the scripts.
func (s *Spec) newTicket(suffix string) *ticket {
	t := new(ticket)
	s.engine.looks.begin()
	t.notifier, t.suffix = s.engine.notifier, suffix
	t.waiter = t.notifier.NewWaiter(s.ownerMark() + suffix)
	t.init(s, newToken(t.waiter.ID(), false))
	t.ended, t.inLine = true, true
	t.announced = make(announcements, len(t.stakes))
	return t
}

func (t *ticket) isUsed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.used
}

// begin makes a ticket ready of which nothing is left on the nodes.
func (t *ticket) begin() {
	t.renewed = time.Time{}
	t.mu.Lock()
	t.ended, t.overlapped, t.fleeting = false, false, false
	t.mu.Unlock()
	if t.notifier.Active() {
		t.join()
	}
}

// belongTo makes the ticket that of a call.
func (t *ticket) belongTo(by *tries) { by.left[0], t.asked = t.onNodes(), false }

// onNodes is the footprint that has the ticket on the nodes.
func (t *ticket) onNodes() *footprint {
	if t.lease != nil {
		return &t.lease.footprint
	}
	return &t.footprint
}

func (t *ticket) serves(suffix string) bool { return t.suffix == suffix }

// stands reports that the ticket is in line on a majority, and lasts until the next look.
func (t *ticket) stands() bool {
	t.noteTime()
	return t.pauseLeft() > 0 && len(t.stakes)-t.onNodes().rid() >= t.spec.engine.quorum.Majority()
}

// setFleeting says whether the ticket's call does not queue yet.
func (t *ticket) setFleeting(yes bool) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fleeting = yes
}

// forTry makes the ticket ready for the next try. It is nil for the last try, which leaves
// none.
func (t *ticket) forTry(by *tries) *ticket {
	if t == nil || by.Exhausted() {
		return nil
	}
	t.notified, t.again, t.patient = t.waiter.Notified() > 0, t.asked, by.looks
	t.asked = true
	t.waiter.Reset()
	t.look++
	t.renew()
	return t
}

// usualLife is what most tickets last, as a word that is made once.
var usualLife any = ticketLife.Milliseconds()

// words are the ticket's arguments to a script: its id, and its lifetime in ms.
func (t *ticket) words() (id, lifetime any) {
	switch {
	case t == nil:
		return noTicket, noLifetime
	case t.lease != nil:
		return t.token.word, t.lookWord()
	}
	if ms := t.lifetime.Load(); ms != ticketLife.Milliseconds() {
		return t.token.word, ms
	}
	return t.token.word, usualLife
}

// pend notes that a try's round may leave the ticket on every node that it asks.
func (t *ticket) pend(l *lease, r *quorum.Round) {
	switch {
	case t == nil:
		return
	case t.lease != nil: // the ticket is the lease's own
		r.Memo = t
		return
	case !t.footprint.pend(r):
		return
	}
	l.ticket, r.Memo = t, t
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.stakes {
		t.noteOverlap(i)
	}
}

// noteOverlap is called when a call to node i has begun. t.mu is held.
func (t *ticket) noteOverlap(i int) {
	t.overlapped = t.overlapped || t.stakes[i].pending > 1
}

// unsent takes back that such a try was about to be sent to node i.
func (t *ticket) unsent(i int) {
	if t.lease == nil {
		t.at(t.spec.engine.nodes[i]).unsent()
	}
}

// learn takes a node's answer to such a try.
func (t *ticket) learn(n *node, a quorum.Answer) {
	t.noteHolder(n, a.Remains)
	if t.lease != nil {
		return
	}
	switch a.Vote {
	case quorum.Taken:
		a.Vote = quorum.Yes // the ticket is there now
	case quorum.Yes:
		t.consumed(n)
		a.Vote = quorum.Missing
	}
	if t.at(n).learn(a) {
		t.at(n).settle()
	}
}

// noteHolder notes how long the lease lasts that is in the way on a node. The waiter may be
// waiting already, if other nodes have decided.
func (t *ticket) noteHolder(n *node, remains time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.announced.note(n.Index, remains) {
		t.waiter.Wake()
	}
}

// consumed notes that a grant has taken the ticket's place.
func (t *ticket) consumed(n *node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.used = t.used || t.stakes[n.Index].maybe
	if !t.overlapped {
		t.stakes[n.Index].maybe = false
	}
}

// end withdraws the ticket from every node that may have it, in the background. So it does
// with the ticket's lease, if the call has not got that.
func (t *ticket) end() {
	if t == nil {
		return
	}
	if t.lease != nil {
		if !t.lease.validity().known() && !t.lease.hasEnded() {
			t.left.abandon(t.lease)
		}
		t.refuseLate()
	}
	t.leave()
	t.abandon()
}

// restoring reports whether the release of a failed try, about to be sent to n,
// shall put the ticket back in the place of the grant that consumed it.
func (t *ticket) restoring(n *node) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || t.fleeting {
		return false
	}
	t.stakes[n.Index].pending++
	t.noteOverlap(n.Index)
	return true
}

// restored takes the answer to such a release.
func (t *ticket) restored(n *node, a quorum.Answer) {
	if a.Certain() {
		a.Vote = quorum.Yes // the ticket was written, whatever else is there
	}
	if t.at(n).learn(a) {
		t.at(n).settle()
	}
}

// maxInline is the longest time of a call that its caller's ctx does not end at once.
const maxInline = time.Second

// shape fits a try's question to the waiter. One that was notified asks in the caller's
// goroutine, although ctx may be cancelled meanwhile. That saves a waiter another goroutine
// in the very moment that counts, and costs nothing as long as the node answers: it has just
// notified the waiter. Should it hang from then on, a caller that is cancelled returns as late
// as its call may last.
func (t *ticket) shape(q *quorum.Question) {
	switch {
	case t == nil:
	case t.notified:
		q.Inline = q.Bound <= maxInline
	case t.again: // most probably it is refused again
		q.Class, q.Patient = outbox.Looks, t.patient
	}
}
