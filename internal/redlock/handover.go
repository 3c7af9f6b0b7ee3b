package redlock

import "context"

// mostHandovers is how many times in a row a lock is passed on inside a process.
// After that it is released, for whoever gets it: the first in line of another
// process, who was told, or somebody that polls and does not stand in line, as
// Redsync's clients do. They find it free for one round trip of about ten, often
// enough for their tries. It costs the process one request for every eight.
//
// Of permits all hand-overs of the object count together, from one grant of the nodes to
// the next: with the eighth each permit that is given back becomes free, until the nodes
// have served the object's first goroutine again. So a request of another process for
// many slots does not find them passed on one by one.
const mostHandovers = 8

// mayHandOver reports whether h's release may pass the lock on to the next
// goroutine in line for the object. Tokens of the user's own may not be unique,
// so they are not passed on.
func (x *Exclusive) mayHandOver(h *hold) bool {
	return h.placed && x.chain < mostHandovers && x.awaited() && h.transferable()
}

// mayLend reports whether h's release may pass the lock on to the readers that are next
// in line for the object, who get a lease of their own in its place. A chain of writers
// ends with it: what comes after the lease is acquired from the nodes. Where somebody
// waits at another process only the first of the readers is let in.
func (x *Exclusive) mayLend(h *hold) bool {
	return x.readers != nil && h.placed && x.chain < mostHandovers && x.line.awaitedByReaders() && h.transferable()
}

// transferable reports that the hold may be passed on at all: one that was released
// before, and not answered for, may not.
func (h *hold) transferable() bool {
	s := h.spec
	return s.protocol.Handover != nil && s.GenValue == nil && !h.token.strict && h.active() && !h.over()
}

// handOver passes the lock on to the next goroutine in line.
func (x *Exclusive) handOver(ctx context.Context, h *hold) *hold {
	next := x.attempts.handOver(ctx, h)
	if next != nil {
		x.chain++
	}
	return next
}

// handOver passes h's slots on to the next goroutine, if that waits for as many, and
// reports whether it did. If not, h is still to be released.
//
// It is safe beside objects with other limits: a node on which a slot from the limit on
// is occupied refuses. So if all that are held at the time are more than the limit,
// which takes one from the limit on, held by a majority, no majority hands over.
func (x *Slots) handOver(ctx context.Context, h *hold, n int) bool {
	if !h.transferable() {
		return false
	}
	to := x.queue.claim(n)
	if to == nil {
		return false
	}
	next := x.attempts.handOver(ctx, h)
	x.discard(x.queue.serve(to, next))
	return next != nil
}

// handOver passes a hold on, in one round trip: the nodes put a new token in the place
// of the old one, for a full expiry, with nobody between. It is a release of h, and an
// acquire for the hold that it returns.
//
// On failure, or in doubt, it returns nil, and both are to be released: the new
// token is in the background, the old one by the caller. Nodes that have put the
// new one in its place had the old one until then, and count for its release.
func (a *attempts) handOver(ctx context.Context, h *hold) *hold {
	next := new(hold)
	next.init(a.spec, a.spec.freshToken())
	next.slots = h.slots
	next.call = a.spec.handoverCall(h, next.token)
	r := newRound(ctx, next, &next.call, toGrant)
	r.from = h
	if !h.pend(r) {
		return nil
	}
	next.pend(r)
	if !r.run(ctx) || next.agreeOnFence(ctx, r) != nil || next.accept(r.start) != nil {
		a.abandon(next)
		return nil
	}
	h.abandon() // where the old token may still be
	return next
}

// handed takes a node's answer to a hand-over, for the hold that is given up. It
// reports whether the node must now be settled.
func (h *hold) handed(n *node, a answer) (owed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &h.stakes[n.index]
	s.pending--
	s.doubtful = s.doubtful || a.vote == voteUnknown
	h.doubt(s, a)
	if a.vote == voteYes {
		s.note(voteYes)
	}
	switch {
	case s.overlapped || a.vote == voteUnknown:
		s.maybe = true
	case a.vote == voteTaken && h.slots != "":
		// The node has left everything as it was.
	case a.certain():
		s.note(a.vote)
		h.forget(n)
	}
	return h.ended && s.pending == 0
}
