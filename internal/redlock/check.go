package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// check asks whether a majority still has the token. The clocks are asked too,
// before and after: a hold whose validity has ended is not valid, whatever the
// nodes say.
func (h holder) check(ctx context.Context) (bool, []error) {
	if h.over() {
		return false, h.expired()
	}
	call := h.spec.checkCall(h.hold)
	r := h.roundToCheck(ctx, &call)
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

// roundToCheck makes a round that changes nothing about the lease.
func (h *hold) roundToCheck(ctx context.Context, call *driver.Call) *quorum.Round {
	q := h.spec.question(ctx, h.token, call)
	q.To = (*checking)(h)
	return h.spec.engine.quorum.Round(q)
}

// checking is a lease as the observer of a round that asks whether nodes have it.
type checking hold

// Unsent implements [quorum.Observer].
func (c *checking) Unsent(*quorum.Round, int) {}

// Answered implements [quorum.Observer].
func (c *checking) Answered(_ *quorum.Round, i int, a quorum.Answer) quorum.Answer {
	n := c.spec.engine.nodes[i]
	c.spec.observer.nodeError(n, a)
	(*hold)(c).contest(n, a)
	return a
}

// Late implements [quorum.Observer].
func (c *checking) Late(r *quorum.Round, _ int, _ quorum.Answer) {
	if !r.Outcome().Won {
		(*hold)(c).deny(r)
	}
}

// over reports that the hold's validity has ended by either clock.
func (h *hold) over() bool { return h.validity().ended(h.spec.engine.now()) }
