package redlock

import (
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/notify"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// A waiter looks again after lookEvery at the latest, however long its retry delay is,
// so that a ticket does not end while it waits. Where answers are slow a ticket lasts longer
// by the time that the last one took, up to maxSlow, and the next look comes earlier.
const (
	maxSlow  = 2 * time.Second
	slowStep = 100 * time.Millisecond // so that it is seldom another number
)

// ticket is a waiting object's place in line on the nodes: what a refused try
// leaves there when its caller goes on waiting, so that others make way and a
// release tells it. Each try renews it, a grant consumes it, and it goes when the
// call ends; should that be lost, with its own short expiry.
//
// It is kept like a hold, and settled like one: a node is told to forget it only
// after every call that could leave it there has returned. An object's calls use
// one and the same, one after the other, as long as nothing is left of it between
// them. A nil ticket is that of a call which does not wait, or of a protocol without
// a line.
type ticket struct {
	footprint
	lifetime atomic.Int64 // in ms
	waiter   *notify.Waiter
	suffix   string // of the waiter's id
	joined   bool   // the waiter has joined the engine's notifier
	told     bool   // the waiter was told something before the try under way
	asked    bool   // the call has made a try …
	again    bool   // … before that one
	patient  bool   // the try under way is made only because messages may be lost

	renewed time.Time     // when the last try that leaves the ticket was made …
	took    time.Duration // … and how long it was until its answer was there

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
	// then given back without the place: it would keep the call's neighbours from permits
	// that are free. t.mu guards it.
	fleeting bool
}

// newTicket makes an object's ticket. The id ends with a suffix, for the scripts.
func (s *Spec) newTicket(suffix string) *ticket {
	t := new(ticket)
	s.engine.looks.begin()
	t.waiter, t.suffix = s.engine.notifier.NewWaiter(suffix), suffix
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
	if t.spec.engine.notifier.Active() {
		t.join()
	}
}

// belongTo makes the ticket that of a call.
func (t *ticket) belongTo(by *tries) { by.left[0], t.asked = &t.footprint, false }

func (t *ticket) serves(suffix string) bool { return t.suffix == suffix }

// stands reports that the ticket is in line on a majority, and lasts until the next look.
func (t *ticket) stands() bool {
	t.noteTime()
	return t.pauseLeft() > 0 && len(t.stakes)-t.rid() >= t.spec.engine.quorum.Majority()
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
	t.told, t.again, t.patient = t.waiter.Notified() > 0, t.asked, by.looks
	t.asked = true
	t.waiter.Reset()
	t.renewed = time.Now()
	t.lifetime.Store((ticketLife + t.took.Truncate(slowStep)).Milliseconds())
	return t
}

// noteTime notes how long the last try took, or how long ago it was.
func (t *ticket) noteTime() {
	if !t.renewed.IsZero() {
		t.took = min(time.Since(t.renewed), maxSlow)
	}
}

// pauseLeft is the longest time to the next look, so that the ticket is renewed before it
// ends: the next try may take as long as the last one.
func (t *ticket) pauseLeft() time.Duration {
	if t.renewed.IsZero() { // no node was asked yet
		return lookEvery
	}
	life := time.Duration(t.lifetime.Load()) * time.Millisecond
	return min(lookEvery, life-2*t.took)
}

// nextLook is the time to the next look, and whether the waiter is quiet until then. A
// lease that is not renewed ends without a notification, so that is a time to look, too.
func (t *ticket) nextLook(delay time.Duration) (next time.Duration, quiet bool) {
	left := t.pauseLeft()
	ends, quiet := t.quietUntil(delay)
	if !quiet {
		return left, false
	}
	next = min(left, max(t.spec.Expiry/looksAnExpiry, delay))
	next -= t.spec.engine.looks.pastTick(next)
	return min(next, max(time.Until(ends), delay)), true
}

// quietUntil is that of the leases that nodes have announced, for a call that does not want
// to ask as fast as they answer.
func (t *ticket) quietUntil(delay time.Duration) (ends time.Time, quiet bool) {
	if delay < minQuiet {
		return time.Time{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.announced.quietUntil(t.spec.engine.quorum.Majority(), t.spec.engine.notifier.Subscribed)
}

// usualLife is what most tickets last, as a word that is made once.
var usualLife any = ticketLife.Milliseconds()

// words are the ticket's arguments to a script: its id, and its lifetime in ms.
func (t *ticket) words() (id, lifetime any) {
	if t == nil {
		return "", int64(0)
	}
	if ms := t.lifetime.Load(); ms != ticketLife.Milliseconds() {
		return t.token.word, ms
	}
	return t.token.word, usualLife
}

// pend notes that a try's round may leave the ticket on every node that it asks.
func (t *ticket) pend(h *hold, r *quorum.Round) {
	if t == nil || !t.footprint.pend(r) {
		return
	}
	h.ticket, r.Memo = t, t
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

// learn takes a node's answer to such a try.
func (t *ticket) learn(n *node, a quorum.Answer) {
	t.noteHolder(n, a.Remains)
	switch a.Vote {
	case quorum.Taken:
		a.Vote = quorum.Yes // the ticket is there now
	case quorum.Yes:
		t.consumed(n)
		a.Vote = quorum.Missing
	}
	if t.footprint.learn(n, a) {
		t.settle(n)
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

// joinLate has the waiter notified of what comes from now on.
func (t *ticket) joinLate() {
	if !t.joined {
		t.joined = true
		t.spec.engine.notifier.JoinLate(t.waiter)
	}
}

// join has the waiter notified.
func (t *ticket) join() {
	if !t.joined {
		t.joined = true
		t.spec.engine.notifier.Join(t.waiter)
	}
}

// end withdraws the ticket from every node that may have it, in the background.
func (t *ticket) end() {
	if t == nil {
		return
	}
	if t.joined {
		t.joined = false
		t.spec.engine.notifier.Leave(t.waiter)
	}
	t.abandon()
}

// restoring reports whether the release of a failed try, about to be sent to n,
// shall put the ticket back in the place of the grant that consumed it.
func (t *ticket) restoring(n *node) bool {
	if t == nil {
		return false
	}
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
	if t.footprint.learn(n, a) {
		t.settle(n)
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
	case t.told:
		q.Inline = q.Bound <= maxInline
	case t.again: // most probably it is refused again
		q.Class, q.Patient = outbox.Looks, t.patient
	}
}
