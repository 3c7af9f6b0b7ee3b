package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// extend renews a holder's lease for another full expiry, and has hooks told of it.
func (s *Spec) extend(ctx context.Context, h holder, count int) error {
	err := s.usable()
	switch {
	case err != nil:
	case h.hold == nil:
		err = s.fail(ErrExtendFailed, ErrLockAlreadyExpired, errNotHeld)
	default:
		err = h.extendFor(ctx)
	}
	s.observer.extended(ctx, count, err)
	return err
}

// extendFor is extend for the hold's owner: with the error that the owner sees.
func (h holder) extendFor(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return h.spec.fail(ErrExtendFailed, ended(ctx)...)
	case !h.active():
		return h.spec.fail(ErrExtendFailed, ErrLockAlreadyExpired, errNotHeld)
	}
	causes := h.extend(ctx)
	if causes == nil {
		return nil
	}
	if ctx.Err() != nil {
		causes = append(ended(ctx), causes...)
	}
	return h.spec.fail(ErrExtendFailed, causes...)
}

// extend renews the hold on a majority and moves its validity on. On error the
// hold keeps the validity it had.
//
// Votes come from nodes that still have the token. A hold whose validity has
// ended is not extended any more: it was told to be lost, and must stay so.
// SetNXOnExtend is the exception, as in Redsync.
func (h *hold) extend(ctx context.Context) []error {
	if h.tooLate() {
		return h.expired()
	}
	r, err := h.prepareExtension(ctx)
	if err != nil {
		return []error{err}
	}
	r.Run(ctx)
	missing, err := h.extended(r)
	switch {
	case err != nil:
		return []error{err}
	case !r.Outcome().Won:
		return causesOf(r)
	}
	h.repairAll(missing)
	return nil
}

// repairAll puts the token back on nodes that have nothing.
func (h *hold) repairAll(missing []*node) {
	for _, n := range missing {
		h.repair(n, nil)
	}
}

// Renew implements [renewer.Lease]: it renews the hold in the background. Renewal is busy
// until that ends.
func (h *hold) Renew() {
	r, err := h.prepareExtension(context.Background())
	if err != nil {
		h.tellRenewal(nil, err)
		h.endRenewal(false)
		return
	}
	r.RunThen(func(r *quorum.Round) {
		missing, err := h.extended(r)
		h.tellRenewal(r, err)
		h.endRenewal(r.Outcome().Won && err == nil)
		h.repairAll(missing)
	})
}

// prepareExtension makes the round of an extension.
func (h *hold) prepareExtension(ctx context.Context) (*quorum.Round, error) {
	if h.tooLate() {
		return nil, ErrLockAlreadyExpired
	}
	call := h.spec.extendCall(h)
	if !h.spec.SetNXOnExtend {
		return h.roundToExtend(ctx, &call), nil
	}
	q := h.spec.question(ctx, h.token, &call)
	h.spec.grants(&q, (*reviving)(h))
	r := h.spec.engine.quorum.Round(q)
	h.muteRepaired(r)
	h.extending(r)
	if !h.pend(r) {
		return nil, errUnlocked
	}
	return r, nil
}

// roundToExtend makes a round that extends the lease where it is. What was not sent when
// it is won stays: it brings back what the node may have lost.
func (h *hold) roundToExtend(ctx context.Context, call *driver.Call) *quorum.Round {
	q := h.spec.question(ctx, h.token, call)
	q.To, q.Unsent, q.Class = (*extending)(h), quorum.KeepWon, outbox.Urgent
	if h.spec.numbers() {
		q.Read = readNumber
	}
	r := h.spec.engine.quorum.Round(q)
	h.muteRepaired(r)
	h.extending(r)
	return r
}

// extending is a lease as the observer of a round that extends it where it is.
type extending hold

// Unsent implements [quorum.Observer].
func (e *extending) Unsent(*quorum.Round, int) {}

// Answered implements [quorum.Observer].
func (e *extending) Answered(_ *quorum.Round, i int, a quorum.Answer) quorum.Answer {
	h, n := (*hold)(e), e.spec.engine.nodes[i]
	h.spec.observer.nodeError(n, a)
	h.contest(n, a)
	h.met(n, a)
	if a.Vote == quorum.Yes {
		h.noteThere(n)
	}
	return a
}

// Late implements [quorum.Observer].
func (e *extending) Late(r *quorum.Round, i int, a quorum.Answer) {
	h := (*hold)(e)
	if r.Outcome().Won {
		h.mendAt(h.spec.engine.nodes[i], r.Voter(i).Mute, a)
	} else {
		h.deny(r)
	}
}

// reviving is a lease as the observer of a round that extends it by Redsync's looser rule,
// which may put its token on nodes that have nothing.
type reviving hold

// Unsent implements [quorum.Observer].
func (e *reviving) Unsent(r *quorum.Round, i int) { (*acquiring)(e).Unsent(r, i) }

// Answered implements [quorum.Observer].
func (e *reviving) Answered(r *quorum.Round, i int, a quorum.Answer) quorum.Answer {
	(*hold)(e).met(e.spec.engine.nodes[i], a)
	return (*acquiring)(e).Answered(r, i, a)
}

// Late implements [quorum.Observer].
func (e *reviving) Late(*quorum.Round, int, quorum.Answer) {}

// extended takes the outcome of an extension's round. If it was won in time the
// validity moves on, and the nodes that have nothing are to be repaired by the
// caller, in the background.
func (h *hold) extended(r *quorum.Round) (missing []*node, err error) {
	o := r.Outcome()
	if !o.Won {
		h.deny(r)
		return nil, nil
	}
	if err := h.renew(o.Start); err != nil {
		return nil, err
	}
	if !h.spec.SetNXOnExtend {
		missing = h.mend(r)
	}
	return missing, nil
}

// tooLate reports that the hold is over by the clock, and may not be extended.
func (h *hold) tooLate() bool { return h.over() && !h.spec.SetNXOnExtend }

// renew moves the validity on after a won extension that started at start.
func (h *hold) renew(start instant) error {
	v, now := validFrom(start, &h.spec.Config), h.spec.engine.now()
	if v.ended(now) || h.tooLate() {
		return errTooLate
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return errUnlocked
	}
	if h.loss.err != nil && !h.revocable() {
		return h.loss.err
	}
	h.loss.forget()
	first := !h.valid.known()
	if v.until.After(h.valid.until) { // another extension may have started later
		h.valid, h.proven = v, now
	}
	if first {
		h.await(now)
	}
	return nil
}

// muteRepaired keeps nodes that were repaired from voting. Their token is there
// because this client put it back, which proves nothing about the time before.
func (h *hold) muteRepaired(r *quorum.Round) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.stakes {
		if h.stakes[i].probation {
			r.Mute(i)
		}
	}
}

// mend follows up a won extension on the nodes that answered in time, but for those
// that it returns, which are to be repaired. The others are when their answers come.
func (h *hold) mend(r *quorum.Round) (missing []*node) {
	for i, n := range h.spec.engine.nodes {
		switch v := r.Voter(i); {
		case v.Background:
		case v.Vote == quorum.Missing:
			missing = append(missing, n)
		default:
			h.mendAt(n, v.Mute, v.Answer)
		}
	}
	return missing
}

// mendAt acts on what one node answered to an extension that was won without
// it: a repaired node that kept the token may vote from now on, and one that has
// nothing gets the token back.
func (h *hold) mendAt(n *node, mute bool, a quorum.Answer) {
	switch {
	case a.Vote == quorum.Missing:
		h.repair(n, nil)
	case a.Vote == quorum.Yes && mute:
		h.mu.Lock()
		h.stakes[n.Index].probation = false
		h.mu.Unlock()
	}
}

// repair puts the token back on a node that has forgotten or missed it, if
// nobody else is there: a separate step, settled as an acquire is, so that a
// repair that arrives after the release is released too. failed, if it is not nil, is
// called when it may be tried again: the node has refused it, or not answered.
func (h *hold) repair(n *node, failed func()) {
	if !h.pendRepair(n, h.spec.engine.now()) {
		return
	}
	m := h.spec.about(h.token)
	m.Read = h.spec.readsGrant()
	n.Send(h.spec.repairCall(h), m, func(a quorum.Answer) { // writes only what is missing
		if h.learn(n, a) {
			h.settle(n)
		}
		if a.Vote != quorum.Yes && failed != nil {
			failed()
		}
	})
}

// pendRepair notes that a repair is about to be sent to n, unless the hold is
// over or n is being seen to already. From here on n is on probation.
func (h *hold) pendRepair(n *node, now instant) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &h.stakes[n.Index]
	if !h.mayPend(s, now) {
		return false
	}
	s.begin()
	s.probation = true
	return true
}

// mayPend reports that a call which may put the token on a node may be sent there: that
// the hold is not over, and the node is not being seen to already. h.mu is held.
func (h *hold) mayPend(s *stake, now instant) bool {
	return !h.ended && s.pending == 0 && !h.valid.ended(now)
}
