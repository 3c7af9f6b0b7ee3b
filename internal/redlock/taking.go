package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/internal/redlock/backoff"
)

// taking is one call that takes slots. It asks the nodes at once, unless a goroutine waits
// already for the same object. When they refuse, and it has tries left, it queues.
type taking struct {
	*Slots
	attempts attempts // with a ticket of its own
	tries    *tries
	n        int

	ticket   *ticket   // that it has on the nodes, or may have; nil for none
	claimant *claimant // in the object's queue; nil outside
	causes   []error   // of its last try
}

// take tries until a try is won, a goroutine of the process serves the call, its tries
// are used up, or ctx ends.
func (t *taking) take(ctx context.Context) (*lease, error) {
	if t.queues() {
		return t.inTurn(ctx)
	}
	t.attempts.ticket = t.spare.Swap(nil)
	t.ticket = t.attempts.begin(t.tries, t.suffix())
	t.ticket.setFleeting(true)
	l, err := t.try(ctx)
	switch {
	case err != nil:
		return nil, err
	case l != nil:
		t.spare.Store(t.attempts.ticket)
		return l, nil
	case t.tries.Exhausted():
		return nil, t.failed(ctx, backoff.ErrExhausted)
	}
	var first bool
	if t.claimant, first = t.queue.join(t.n); first {
		t.ticket.setFleeting(false)
		return t.asFirst(ctx, t.ticket == nil || t.ticket.stands())
	}
	t.endTicket() // the first one's is notified
	return t.inTurn(ctx)
}

// queues goes behind those who wait already, if there are any, and reports whether it has.
// One that does not wait passes them by, as everywhere.
func (t *taking) queues() bool {
	if !t.tries.Exhausted() {
		t.claimant = t.queue.follow(t.n)
	}
	return t.claimant != nil
}

func (t *taking) suffix() string { return t.spec.slotsSuffix(t.n) }

// inTurn waits until the call is the first one in the queue, or is served.
func (t *taking) inTurn(ctx context.Context) (*lease, error) {
	if err := t.tries.PauseUntil(ctx, t.claimant.Called()); err != nil {
		return nil, t.failed(ctx, err)
	}
	l, warm := t.queue.begin(t.claimant)
	if l != nil {
		t.tries.passed = true
		return t.served(l), nil
	}
	var waits bool
	t.ticket, waits = t.attempts.takeOver(warm, t.tries, t.suffix())
	return t.asFirst(ctx, waits)
}

// asFirst tries until the call has its slots, or is served. Where it waits, that comes
// before its next try.
func (t *taking) asFirst(ctx context.Context, waits bool) (*lease, error) {
	for ; ; waits = true {
		l, err := t.rise(ctx, waits)
		switch {
		case err != nil:
			return nil, t.failed(ctx, err)
		case l != nil:
			t.tries.passed = true
			return t.served(l), nil
		}
		l, err = t.try(ctx)
		switch {
		case err != nil:
			return nil, err
		case l != nil:
			return t.served(l), nil
		}
	}
}

// rise waits for the next try, if that is to be, and returns what the call is served
// meanwhile.
func (t *taking) rise(ctx context.Context, waits bool) (*lease, error) {
	switch {
	case !waits:
	case t.tries.Exhausted():
		return nil, backoff.ErrExhausted
	default:
		if err := pauseOn(ctx, t.ticket, t.tries, t.queue.sit(t.claimant)); err != nil {
			return nil, err
		}
	}
	return t.queue.ask(t.claimant), nil
}

// try makes one try. Nodes that disagree are asked again at once, for slots that are
// free on a majority.
func (t *taking) try(ctx context.Context) (*lease, error) {
	l, causes, err := t.propose(ctx)
	switch {
	case err != nil:
		return nil, t.spec.fail(ErrFailed, err)
	case l != nil:
		t.endTicket()
		return l, nil
	}
	t.causes = causes
	if err := ctx.Err(); err != nil {
		return nil, t.failed(ctx, err)
	}
	return nil, nil
}

// propose asks the nodes, and as many more times as it takes until they agree, up
// to maxProposals. Every try has a token of its own.
func (t *taking) propose(ctx context.Context) (l *lease, causes []error, err error) {
	if l := t.ticket.granted(t.tries); l != nil {
		return l, nil, nil
	}
	t.asking.Add(1)
	defer t.asking.Add(-1)
	q := request{n: t.n, listing: t.listing()}
	if (t.tries.Exhausted() || !t.tries.First()) && q.listing == 0 {
		q.listing = minListing // for the error
	}
	tk := t.ticket
	for i := range 1 + maxProposals {
		l, err := t.attempts.lease(t.tries, tk)
		if err != nil {
			t.proposals.Drop(q.wanted)
			return nil, nil, err
		}
		t.tries.asked++
		token := l.token
		l, r, causes := t.attempts.trySlots(ctx, l, q, tk.forTry(t.tries))
		t.proposals.Drop(q.wanted)
		if t.claimant == nil {
			tk = nil // the line has let it pass
		}
		if l == nil && ctx.Err() != nil {
			t.tries.left[1] = t.attempts.left.of(token)
		}
		if l != nil || ctx.Err() != nil || i == maxProposals {
			return l, causes, nil
		}
		q.wanted = t.proposals.Draw(freeOnMajority(r, q.n), q.n, i > 0 || t.asking.Load() > 1)
		if q.wanted == "" && !q.askForMore(r) {
			return nil, causes, nil
		}
		q.listing = max(q.listing, t.listing()) // others may have come
	}
	panic("unreachable")
}

// served leaves the queue with h. The next one gets the ticket as it is on the nodes.
func (t *taking) served(l *lease) *lease {
	t.queue.leave(t.claimant, t.ticket)
	t.claimant, t.ticket = nil, nil
	return l
}

// giveUp leaves the queue without slots. What was served in that very moment goes to
// the next one.
func (t *taking) giveUp() {
	t.endTicket()
	if t.claimant == nil {
		return
	}
	if l := t.queue.leave(t.claimant, nil); l != nil {
		t.discard(t.queue.pass(t.n, l))
	}
}

func (t *taking) endTicket() {
	t.ticket.end()
	t.ticket = nil
}

// failed is the error of a call that ends with err.
func (t *taking) failed(ctx context.Context, err error) error {
	return t.spec.fail(ErrFailed, why(ctx, err, t.causes...)...)
}
