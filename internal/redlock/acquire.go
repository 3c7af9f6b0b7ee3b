package redlock

import (
	"context"
	"slices"
	"sync"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// attempts are the tries of one lock object, made by whoever has its place. They
// share nothing but what earlier ones have left behind.
type attempts struct {
	spec   *Spec
	left   *leftovers
	ticket *ticket // nil before the first call that waits

	crowd func() bool // whether goroutines wait to be passed a lease; nil where none is
	used  int64       // numbers of the last lease that passed on

	causes []error // of the last try of the present call that was not cut short
}

// leftovers are ended holds of an object whose tokens may still be on nodes, or
// on their way there. Nobody wants them any more, so a try replaces them. It is
// shared by all protocols that the object runs.
type leftovers struct {
	mu   sync.Mutex
	left []*footprint
}

// acquire tries until a try is won, its tries are used up, or ctx ends.
func (a *attempts) acquire(ctx context.Context, by *tries) (*hold, error) {
	tk := a.begin(by, "")
	defer tk.end()
	defer a.forget()
	for {
		h, causes, err := a.next(ctx, by, tk)
		if h != nil || err != nil {
			return h, err
		}
		if err := pauseOn(ctx, tk, by, nil); err != nil {
			return nil, a.spec.fail(ErrFailed, why(ctx, err, causes...)...)
		}
	}
}

// next makes one try. Without a hold and an error, another one may be made.
func (a *attempts) next(ctx context.Context, by *tries, tk *ticket) (*hold, []error, error) {
	t, err := a.spec.nextToken()
	if err != nil {
		return nil, nil, a.spec.fail(ErrFailed, err)
	}
	by.asked++
	h, causes := a.try(ctx, t, tk.forTry(by))
	if h == nil && ctx.Err() != nil {
		by.left[1] = a.left.of(t)
		if a.causes != nil { // this try was cut short, and knows less
			causes = a.causes
		}
		return nil, nil, a.spec.fail(ErrFailed, append(ended(ctx), causes...)...)
	}
	a.causes = causes
	return h, causes, nil
}

// try makes one attempt: a fresh token, one round, and a hold if a majority
// granted it in time. Otherwise whatever it got is given back in the
// background, and the causes say what each node answered.
//
// A refused one leaves tk on the nodes, if tk is not nil.
func (a *attempts) try(ctx context.Context, t token, tk *ticket) (*hold, []error) {
	numbers := a.spec.block(a.used, a.crowd != nil && a.crowd())
	h, r := a.ask(ctx, t, a.spec.acquireCall(t, a.left.current(), tk, numbers), tk)
	h.numbers.size = numbers
	if !r.Run(ctx) {
		causes := causesOf(r)
		a.abandon(h)
		return nil, causes
	}
	o := r.Outcome()
	r.Done()
	if causes := h.agreeOnFence(ctx, &o); causes != nil {
		a.abandon(h)
		return nil, causes
	}
	if err := h.accept(o.Start); err != nil {
		a.abandon(h)
		return nil, []error{err}
	}
	return h, nil
}

// ask prepares the round of an attempt, and the hold that it is for.
func (a *attempts) ask(ctx context.Context, t token, call driver.Call, tk *ticket) (*hold, *quorum.Round) {
	h := new(hold)
	h.init(a.spec, t)
	h.call = call
	q := a.spec.question(ctx, t, &h.call)
	a.spec.grants(&q, (*acquiring)(h))
	tk.shape(&q)
	r := a.spec.engine.quorum.Round(q)
	h.excuseUnsettled(r)
	h.pend(r)
	tk.pend(h, r)
	return h, r
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
	if a.ticket == nil || !a.ticket.serves(suffix) || !a.ticket.settled() || a.ticket.isUsed() {
		a.ticket = a.spec.newTicket(suffix)
	}
	a.ticket.begin()
	a.ticket.belongTo(by)
	return a.ticket
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

// acquiring is a lease as the observer of a round that may put its token on the nodes, and
// leave the round's ticket there.
type acquiring hold

// Unsent implements [quorum.Observer].
func (a *acquiring) Unsent(r *quorum.Round, i int) {
	(*hold)(a).unsent(i)
	if t, ok := r.Memo.(*ticket); ok {
		t.unsent(i)
	}
}

// Answered implements [quorum.Observer].
func (a *acquiring) Answered(r *quorum.Round, i int, got quorum.Answer) quorum.Answer {
	h, n := (*hold)(a), a.spec.engine.nodes[i]
	h.spec.observer.nodeError(n, got)
	h.contest(n, got)
	if t, ok := r.Memo.(*ticket); ok {
		t.learn(n, got)
	}
	if h.learn(n, got) {
		h.settle(n)
	}
	h.inherit(n)
	return got
}

// Late implements [quorum.Observer].
func (a *acquiring) Late(r *quorum.Round, i int, got quorum.Answer) {
	if o := r.Outcome(); o.Won && r.Differs(&got) {
		h := (*hold)(a)
		h.agreeOn(o.Agreed)
		h.alignAt(h.spec.engine.nodes[i])
	}
}

// accept starts the validity of a hold that a majority has granted.
func (h *hold) accept(start instant) error {
	v, now := validFrom(start, &h.spec.Config), h.spec.engine.now()
	if v.ended(now) {
		return errTooLate
	}
	h.mu.Lock()
	h.valid, h.proven = v, now
	h.mu.Unlock()
	return nil
}

// forget ends a call: what its tries have met was for its caller.
func (a *attempts) forget() { a.causes = nil }

// abandon gives a failed try up.
func (a *attempts) abandon(h *hold) {
	h.abandon()
	a.left.add(&h.footprint)
}

// add remembers an ended lease for as long as its token may be on a node. One
// of the user's own may be somebody else's too, and is never replaced.
func (l *leftovers) add(f *footprint) {
	if f.token.strict || f.settled() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.left) == maxReplaceable {
		l.left = append(l.left[:0:0], l.left[1:]...)
	}
	l.left = append(l.left, f)
}

// of is the ended lease of a token, if it may still be on a node.
func (l *leftovers) of(t token) *footprint {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.left {
		if f.token.value == t.value {
			return f
		}
	}
	return nil
}

// current lists those that are not settled. The slice is read-only for its user.
func (l *leftovers) current() []*footprint {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.ContainsFunc(l.left, (*footprint).settled) {
		l.left = slices.DeleteFunc(slices.Clone(l.left), (*footprint).settled)
	}
	return l.left[:len(l.left):len(l.left)]
}

// excuseUnsettled keeps a user's value away from nodes where a release of the
// same value is without an answer: it might arrive later and delete this try's
// vote after it was counted.
func (h *hold) excuseUnsettled(r *quorum.Round) {
	if !h.token.strict {
		return
	}
	for i, n := range h.spec.engine.nodes {
		if n.debts.strict.has(h.strictKey()) {
			r.Excuse(i, quorum.Answer{Err: errUnsettled})
		}
	}
}
