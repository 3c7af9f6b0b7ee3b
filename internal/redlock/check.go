package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// check asks whether a majority still has the token. The clocks are asked too,
// before and after: a lease whose validity has ended is not valid, whatever the
// nodes say.
func (h holder) check(ctx context.Context) (bool, []error) {
	if h.over() {
		return false, h.expired()
	}
	call := checkCall(h.spec, h.lease)
	r := h.checking().roundToCheck(ctx, &call)
	h.muteRepaired(r)
	if !r.Run(ctx) {
		h.deny(r)
		return false, causesOf(r)
	}
	if h.over() {
		return false, h.expired()
	}
	if h.beyondRecall() {
		return false, []error{h.lossOf()}
	}
	return true, nil
}

// checking is a lease as the observer of a round that asks whether nodes have it.
type checking struct{ *lease }

func (l *lease) checking() checking { return checking{l} }

// roundToCheck makes a round that changes nothing about the lease.
func (l checking) roundToCheck(ctx context.Context, call *driver.Call) *quorum.Round {
	q := l.spec.question(ctx, l.token, call)
	q.To = l
	return l.spec.engine.quorum.Round(q)
}

// Unsent implements [quorum.Observer].
func (l checking) Unsent(*quorum.Round, int) {}

// Answered implements [quorum.Observer].
func (l checking) Answered(_ *quorum.Round, i int, a quorum.Answer) quorum.Answer {
	n := l.spec.engine.nodes[i]
	l.spec.observer.nodeError(n, a)
	l.at(n).contest(a)
	return a
}

// Late implements [quorum.Observer].
func (l checking) Late(r *quorum.Round, _ int, _ quorum.Answer) {
	if !r.Outcome().Won {
		l.deny(r)
	}
}

// muteRepaired keeps nodes that were repaired from voting. Their token is there
// because this client put it back, which proves nothing about the time before.
func (l *lease) muteRepaired(r *quorum.Round) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.stakes {
		if l.stakes[i].probation {
			r.Mute(i)
		}
	}
}
