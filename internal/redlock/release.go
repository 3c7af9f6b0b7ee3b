package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// releaseAll gives the hold back on every node that may have it, and reports
// whether a majority had it until now. The hold has ended in any case: what the
// caller does not wait for is settled in the background.
//
// The answer goes by the nodes' word and not by the clock: a majority that
// still had the token proves that nobody else can have held the lock up to now.
//
// On failure, outcome tells whether the hold had been lost.
func (h *hold) releaseAll(ctx context.Context) (outcome, []error) {
	r := h.roundToRelease(ctx)
	late := h.validity().ended(r.Began)
	h.inviteRelease(r)
	switch {
	case r.Run(ctx):
		h.forgetRelease(r)
		return released, nil
	case late:
		return expired, causesOf(r)
	case denied(r):
		return gone, causesOf(r)
	default:
		return undecided, causesOf(r)
	}
}

func (h *hold) roundToRelease(ctx context.Context) *quorum.Round {
	q := h.spec.question(ctx, h.token, h.undoCall())
	q.To, q.Unsent, q.Class = (*releasing)(h), quorum.Keep, outbox.Urgent
	return h.spec.engine.quorum.Round(q)
}

// releasing is a lease as the observer of the round that releases it.
type releasing hold

// Unsent implements [quorum.Observer].
func (h *releasing) Unsent(*quorum.Round, int) {}

// Answered implements [quorum.Observer].
func (h *releasing) Answered(_ *quorum.Round, i int, a quorum.Answer) quorum.Answer {
	n := h.spec.engine.nodes[i]
	h.spec.observer.nodeError(n, a)
	return (*hold)(h).released(n, a)
}

// Late implements [quorum.Observer].
func (h *releasing) Late(*quorum.Round, int, quorum.Answer) {}

// forgetRelease lets go of the round of a release, unless nodes are to report to it yet.
func (h *hold) forgetRelease(r *quorum.Round) {
	if r.Joins() {
		return
	}
	h.mu.Lock()
	if h.release == r {
		h.release = nil
	}
	h.mu.Unlock()
	r.Done()
}

// outcome is how an owner's release ended.
type outcome uint8

const (
	released  outcome = iota // by a majority that had it until now
	expired                  // its validity had ended before
	gone                     // too many nodes did not have it any more
	undecided                // too few nodes answered
)

// inviteRelease ends the hold and sorts the nodes: those that may have the
// token are asked now, those with a call under way when that has returned; of the
// rest the answer is known.
//
// All in one step: a call that returns before it is settled by itself alone, one that
// returns later joins the round.
func (h *hold) inviteRelease(r *quorum.Round) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end(r.Began.Time)
	h.release = r
	for i := range h.stakes {
		switch s := &h.stakes[i]; {
		case s.pending > 0:
			r.Join(i)
		case !s.maybe || s.timed:
			r.Excuse(i, s.absent())
		}
	}
	for i := range h.stakes {
		if r.Asks(i) {
			h.stakes[i].releasing++
		}
	}
}

// claim begins a release by the owner. It reports false when there is nothing
// to release: another call is at it, or one before has had a certain answer.
func (h holder) claim() bool {
	now := h.spec.engine.now()
	h.mu.Lock()
	defer h.unlock()
	h.expire(now)
	if h.isOver() || h.claimed || h.told || h.successor != nil {
		return false
	}
	h.claimed = true
	h.stopRenewal()
	return true
}

// countKnown counts the nodes whose first certain answer is there, which is the last word,
// or that never had the token. h.mu is held.
func (h *hold) countKnown() int {
	n := 0
	for i := range h.stakes {
		if s := &h.stakes[i]; s.last != quorum.None || s.settled() {
			n++
		}
	}
	return n
}

// disclaim ends the owner's release, and reports whether it was the first one
// of a hold that has its object's place, which is now free. The owner has been told all
// that can be known when the outcome is certain, or a majority has had the last word.
func (h *hold) disclaim(end outcome) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.claimed, h.told = false, end != undecided || h.countKnown() >= h.spec.engine.quorum.Majority()
	leaves := h.placed
	h.placed = false
	return leaves
}

// verdict is what the owner of a hold is told of its release, and whether the
// hold is known to have been lost, as opposed to nodes that could not be asked.
func (h *hold) verdict(ctx context.Context, end outcome, causes []error) (err error, lost bool) {
	if end == released {
		return nil, false
	}
	if end == gone {
		h.mu.Lock()
		h.lose(causes...)
		h.unlock()
	}
	if ctx.Err() != nil {
		causes = append(ended(ctx), causes...)
	}
	if end == expired {
		causes = append(causes, h.reasonsOfLoss()...)
		return h.spec.fail(ErrLockAlreadyExpired, causes...), true
	}
	return h.spec.fail(errRelease, causes...), end == gone
}
