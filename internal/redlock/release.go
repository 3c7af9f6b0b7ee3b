package redlock

import (
	"context"
	"slices"
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
	r := newRound(ctx, h, *h.undoCall(), toRelease)
	late := h.validity().ended(r.start)
	for _, n := range h.inviteRelease(r) {
		n.owe(h)
	}
	switch {
	case r.run(ctx):
		return released, nil
	case late:
		return expired, r.causes()
	case r.denied():
		return gone, r.causes()
	default:
		return undecided, r.causes()
	}
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
// token are asked now, those with a call under way by the goroutine of that
// call; of the rest the answer is known. It returns the nodes that may have it
// but are not asked, as their gates are shut and enough others are left.
//
// All in one step: a call that returns before it is settled by its own
// goroutine alone, one that returns later joins the round.
func (h *hold) inviteRelease(r *round) (shut []*node) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end()
	h.release = r
	for i, n := range h.spec.engine.nodes {
		switch s := &h.stakes[i]; {
		case s.pending > 0:
			r.join(i)
		case !s.maybe || s.timed:
			r.excuse(i, s.absent())
			if s.last == voteYes {
				r.yes++
			}
		case r.slots[i].pass == noPass:
			shut = append(shut, n)
		}
	}
	r.inviteNeeded()
	for i := range h.stakes {
		if r.slots[i].pass != noPass {
			h.stakes[i].releasing++
		}
	}
	return slices.DeleteFunc(shut, func(n *node) bool { return r.slots[n.index].pass != noPass })
}

// claim begins a release by the owner. It reports false when there is nothing
// to release: another call is at it, or one before has had a certain answer.
func (h *hold) claim() bool {
	now := h.spec.engine.now()
	h.mu.Lock()
	defer h.unlock()
	h.expire(now)
	if h.claimed || h.told || h.successor != nil {
		return false
	}
	h.claimed = true
	h.stopRenewal()
	return true
}

// disclaim ends the owner's release, and reports whether it was the first one
// of a hold that has its object's place, which is now free. The owner has been told all
// that can be known when the outcome is certain, or a majority is rid of the token.
func (h *hold) disclaim(end outcome) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.claimed, h.told = false, end != undecided || h.countRid() >= h.spec.engine.quorum
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
