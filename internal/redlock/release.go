package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// releasing is a lease as the observer of the round that releases it.
type releasing struct{ *lease }

func (l *lease) releasing() releasing { return releasing{l} }

// releaseAll gives the lease back on every node that may have it, and reports
// whether a majority had it until now. The lease has ended in any case: what the
// caller does not wait for is settled in the background.
//
// The outcome goes by the nodes' answers and not by the clock: a majority that
// still had the token proves that nobody else can have held the lock up to now.
//
// On failure, outcome says whether the lease had been lost.
func (l releasing) releaseAll(ctx context.Context) (outcome, []error) {
	r := l.roundToRelease(ctx)
	late := l.validity().ended(r.Began)
	l.inviteRelease(r)
	switch {
	case r.Run(ctx):
		l.forgetRelease(r)
		return released, nil
	case late:
		return expired, causesOf(r)
	case denied(r):
		return gone, causesOf(r)
	default:
		return undecided, causesOf(r)
	}
}

func (l releasing) roundToRelease(ctx context.Context) *quorum.Round {
	q := l.spec.question(ctx, l.token, l.undoCall())
	q.To, q.Unsent, q.Class = l, quorum.Keep, outbox.Urgent
	return l.spec.engine.quorum.Round(q)
}

// Unsent implements [quorum.Observer].
func (l releasing) Unsent(*quorum.Round, int) {}

// Answered implements [quorum.Observer].
func (l releasing) Answered(_ *quorum.Round, i int, a quorum.Answer) quorum.Answer {
	n := l.spec.engine.nodes[i]
	l.spec.observer.nodeError(n, a)
	return l.at(n).released(a)
}

// Late implements [quorum.Observer].
func (l releasing) Late(*quorum.Round, int, quorum.Answer) {}

// forgetRelease lets go of the round of a release, unless nodes are to report to it yet.
func (l releasing) forgetRelease(r *quorum.Round) {
	if r.Joins() {
		return
	}
	l.mu.Lock()
	if l.release == r {
		l.release = nil
	}
	l.mu.Unlock()
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

// inviteRelease ends the lease and sorts the nodes: those that may have the
// token are asked now, those with a call under way when that has returned; of the
// rest the answer is known.
//
// All in one step: a call that returns before it is settled by itself alone, one that
// returns later joins the round.
func (l releasing) inviteRelease(r *quorum.Round) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(r.Began.Time)
	l.release = r
	for i := range l.stakes {
		switch s := &l.stakes[i]; {
		case s.pending > 0:
			r.Join(i)
		case !s.maybe || s.timed:
			r.Excuse(i, s.absent())
		}
	}
	for i := range l.stakes {
		if r.Asks(i) {
			l.stakes[i].releasing++
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
	if h.isOver() || h.claimed || h.reported || h.successor != nil {
		return false
	}
	h.claimed = true
	h.renewing().stopRenewal()
	return true
}

// countKnown counts the nodes whose first certain answer is there, which is the last word,
// or that never had the token. l.mu is held.
func (l releasing) countKnown() int {
	n := 0
	for i := range l.stakes {
		if s := &l.stakes[i]; s.last != quorum.None || s.settled() {
			n++
		}
	}
	return n
}

// disclaim ends the owner's release, and reports whether it was the first one
// of a lease that has its object's place, which is now free. The owner knows all
// that can be known when the outcome is certain, or a majority has had the last word.
func (l releasing) disclaim(end outcome) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claimed, l.reported = false, end != undecided || l.countKnown() >= l.spec.engine.quorum.Majority()
	leaves := l.placed
	l.placed = false
	return leaves
}

// verdict is the error of a release for the lease's owner, and whether the lease
// is known to have been lost, as opposed to nodes that could not be asked.
func (l releasing) verdict(ctx context.Context, end outcome, causes []error) (err error, lost bool) {
	if end == released {
		return nil, false
	}
	if end == gone {
		l.mu.Lock()
		l.lose(causes...)
		l.unlock()
	}
	if ctx.Err() != nil {
		causes = append(ended(ctx), causes...)
	}
	if end == expired {
		causes = append(causes, l.reasonsOfLoss()...)
		return l.spec.fail(ErrLockAlreadyExpired, causes...), true
	}
	return l.spec.fail(errRelease, causes...), end == gone
}
