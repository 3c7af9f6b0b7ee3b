package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// attempts are the tries of one lock object, made by the goroutine that has its place; of
// an object with slots, by each call. They share nothing but what earlier ones have left behind.
type attempts struct {
	spec   *Spec
	left   *leftovers
	ticket *ticket // nil before the first call that waits

	crowd func() bool // whether goroutines wait to be passed a lease; nil where none is
	used  int64       // numbers of the last lease that passed on

	refused bool // the last call that waits was, at first: the next one asks for a ticket at once

	causes []error // of the last try of the present call that was not cut short
}

// acquire tries until a try is won, its tries are used up, or ctx ends.
func (a *attempts) acquire(ctx context.Context, by *tries) (*lease, error) {
	if l, err := a.first(ctx, by); l != nil || err != nil {
		return l, err
	}
	tk := a.begin(by, "")
	defer tk.end()
	defer a.forget()
	for {
		l, causes, err := a.next(ctx, by, tk)
		if l != nil || err != nil {
			return l, err
		}
		if err := pauseOn(ctx, tk, by, nil); err != nil {
			return nil, a.spec.fail(ErrFailed, why(ctx, err, causes...)...)
		}
	}
}

// first has a call that waits try SET NX, if the one before it was not refused. Waiters are
// hardly passed by, as a release does not leave the lock free while one of them listens.
// If it is refused, the first look after it is granted the lock, or learns why not.
func (a *attempts) first(ctx context.Context, by *tries) (*lease, error) {
	if !a.spec.granting || !a.spec.protocol.Plain || a.refused || by.Exhausted() || len(a.left.current()) > 0 {
		return nil, nil
	}
	l := newLease(a.spec, a.spec.freshToken())
	l, _, err := a.nextFor(ctx, by, l, a.spec.setCall(l.token), nil)
	return l, err
}

// next makes one try, unless a release has granted the call a lease meanwhile. Without a lease
// and an error, another one may be made.
func (a *attempts) next(ctx context.Context, by *tries, tk *ticket) (*lease, []error, error) {
	if l := tk.granted(by); l != nil {
		return l, nil, nil
	}
	l, err := a.lease(by, tk)
	if err != nil {
		return nil, nil, a.spec.fail(ErrFailed, err)
	}
	tk = tk.forTry(by)
	numbers := a.spec.block(a.used, a.crowd != nil && a.crowd())
	l.numbers.size = numbers
	id, lifetime := tk.words()
	return a.nextFor(ctx, by, l, acquireCall(a.spec, l.token, a.left.current(), id, lifetime, numbers), tk)
}

// lease makes the lease that a try asks for, unless the ticket has one.
func (a *attempts) lease(by *tries, tk *ticket) (*lease, error) {
	if l := tk.candidate(by); l != nil {
		return l, nil
	}
	t, err := a.spec.nextToken()
	if err != nil {
		return nil, err
	}
	return newLease(a.spec, t), nil
}

// nextFor is next with a call for a lease.
func (a *attempts) nextFor(ctx context.Context, by *tries, l *lease, call driver.Call, tk *ticket) (*lease, []error, error) {
	by.asked++
	t := l.token
	l, causes := a.try(ctx, l, call, tk)
	if l == nil && ctx.Err() != nil {
		by.left[1] = a.left.of(t)
		if a.causes != nil { // this try was cut short, and knows less
			causes = a.causes
		}
		return nil, nil, a.spec.fail(ErrFailed, append(ended(ctx), causes...)...)
	}
	a.causes = causes
	return l, causes, nil
}

// try makes one attempt: one round, and the lease h if a majority granted it in time.
// Otherwise whatever it got is given back in the background, and the causes say what each
// node answered.
//
// A refused one leaves tk on the nodes, if tk is not nil. The lease of a ticket by which a
// release may grant is given back only when its call ends.
func (a *attempts) try(ctx context.Context, l *lease, call driver.Call, tk *ticket) (*lease, []error) {
	r := a.ask(ctx, l, call, tk)
	won := r.Run(ctx)
	a.refused = !won && r.Voter(0).Vote == quorum.Taken
	if !won {
		causes := causesOf(r)
		if !tk.waits(ctx, l, r) {
			a.abandon(l)
		}
		return nil, causes
	}
	o := r.Outcome()
	r.Done()
	if causes := l.acquiring().agreeOnFence(ctx, &o); causes != nil {
		a.abandon(l)
		return nil, causes
	}
	if err := l.acquiring().accept(o.Start); err != nil {
		a.abandon(l)
		return nil, []error{err}
	}
	return l, nil
}

// ask prepares the round of an attempt for a lease.
func (a *attempts) ask(ctx context.Context, l *lease, call driver.Call, tk *ticket) *quorum.Round {
	at := &l.call
	if l.ticketID != nil { // others may be under way
		at = new(driver.Call)
	}
	*at = call
	q := a.spec.question(ctx, l.token, at)
	a.spec.grants(&q, acquiring{l})
	if call.Script() == nil {
		q.Read = readSet
	}
	tk.shape(&q)
	r := a.spec.engine.quorum.Round(q)
	l.acquiring().excuseUnsettled(r)
	l.pend(r)
	tk.pend(l, r)
	return r
}

// begin makes ready for a call that waits. It is nil for one that does not.
//
// A ticket that the last call has left, and that is still being withdrawn, is not
// used again: the answer to that would pass for one about the new place. Nor is one
// whose place was used.
func (a *attempts) begin(by *tries, suffix string) *ticket {
	a.causes = nil
	if a.spec.protocol.Withdraw == nil || by.Exhausted() {
		return nil
	}
	if a.stands() {
		t := a.spec.newTicket(suffix)
		t.left = a.left
		t.stand()
		t.begin()
		return t
	}
	if a.ticket == nil || !a.ticket.serves(suffix) || !a.ticket.settled() || a.ticket.isUsed() {
		a.ticket = a.spec.newTicket(suffix)
	}
	a.ticket.begin()
	a.ticket.belongTo(by)
	return a.ticket
}

// stands reports that the next ticket is to be one by which a release may grant. One whose
// process cannot listen would be passed by.
func (a *attempts) stands() bool {
	e := a.spec.engine
	return a.spec.granting && !e.notifier.Fails(0) && (!a.spec.protocol.Polled || e.stands())
}

// takeOver is begin for a call that gets the ticket of the one before it, as it is on the
// nodes. It reports whether the call waits from the start, without a try of its own: if
// the ticket is in line on a majority, and lasts until the next look. Without a ticket it is
// begin.
func (a *attempts) takeOver(t *ticket, by *tries, suffix string) (_ *ticket, waits bool) {
	switch {
	case t == nil:
		return a.begin(by, suffix), false
	case by.Exhausted():
		t.end()
		return nil, false
	}
	t.belongTo(by)
	return t, t.stands()
}

// accept starts the validity of a lease that a majority has granted.
func (l acquiring) accept(start instant) error {
	v, now := validFrom(start, &l.spec.Config), l.spec.engine.now()
	if v.ended(now) {
		return errTooLate
	}
	l.mu.Lock()
	l.valid, l.proven = v, now
	l.leaveTicket()
	l.mu.Unlock()
	return nil
}

// forget ends a call: what its tries have met was for its caller.
func (a *attempts) forget() { a.causes = nil }

// abandon gives a failed try up.
func (a *attempts) abandon(l *lease) { a.left.abandon(l) }

// excuseUnsettled keeps a user's value away from nodes where a release of the
// same value is without an answer: it might arrive later and delete this try's
// vote after it was counted.
func (l acquiring) excuseUnsettled(r *quorum.Round) {
	if !l.token.strict {
		return
	}
	for i, n := range l.spec.engine.nodes {
		if n.strict.Has(l.strictKey()) {
			r.Excuse(i, quorum.Answer{Err: errUnsettled})
		}
	}
}
