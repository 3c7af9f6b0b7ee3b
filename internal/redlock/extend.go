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
	case h.lease == nil:
		err = s.fail(ErrExtendFailed, ErrLockAlreadyExpired, errNotHeld)
	default:
		err = h.extendFor(ctx)
	}
	s.observer.extended(ctx, count, err)
	return err
}

// extendFor is extend for the lease's owner: with the error that the owner sees.
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

// extend renews the lease on a majority and moves its validity on. On error the
// lease keeps the validity it had.
//
// Votes come from nodes that still have the token. A lease whose validity has
// ended is not extended any more: it was told to be lost, and must stay so.
// SetNXOnExtend is the exception, as in Redsync.
func (l *lease) extend(ctx context.Context) []error {
	if l.tooLate() {
		return l.expired()
	}
	r, err := l.prepareExtension(ctx)
	if err != nil {
		return []error{err}
	}
	r.Run(ctx)
	missing, err := l.extended(r)
	switch {
	case err != nil:
		return []error{err}
	case !r.Outcome().Won:
		return causesOf(r)
	}
	l.repairAll(missing)
	return nil
}

// repairAll puts the token back on nodes that have nothing.
func (l *lease) repairAll(missing []*node) {
	for _, n := range missing {
		l.repair(n, nil)
	}
}

// Renew implements [renewer.Lease]: it renews the lease in the background. Renewal is busy
// until that ends.
func (l *lease) Renew() {
	r, err := l.prepareExtension(context.Background())
	if err != nil {
		l.reportRenewal(nil, err)
		l.endRenewal(false)
		return
	}
	r.RunThen(func(r *quorum.Round) {
		missing, err := l.extended(r)
		l.reportRenewal(r, err)
		l.endRenewal(r.Outcome().Won && err == nil)
		l.repairAll(missing)
	})
}

// prepareExtension makes the round of an extension.
func (l *lease) prepareExtension(ctx context.Context) (*quorum.Round, error) {
	if l.tooLate() {
		return nil, ErrLockAlreadyExpired
	}
	call := extendCall(l.spec, l)
	if !l.spec.SetNXOnExtend {
		return l.roundToExtend(ctx, &call), nil
	}
	q := l.spec.question(ctx, l.token, &call)
	l.spec.grants(&q, (*reviving)(l))
	r := l.spec.engine.quorum.Round(q)
	l.muteRepaired(r)
	l.extending(r)
	if !l.pend(r) {
		return nil, errUnlocked
	}
	return r, nil
}

// roundToExtend makes a round that extends the lease where it is. What was not sent when
// it is won stays: it brings back what the node may have lost.
func (l *lease) roundToExtend(ctx context.Context, call *driver.Call) *quorum.Round {
	q := l.spec.question(ctx, l.token, call)
	q.To, q.Unsent, q.Class = (*extending)(l), quorum.KeepWon, outbox.Urgent
	if l.spec.numbers() {
		q.Read = readNumber
	}
	r := l.spec.engine.quorum.Round(q)
	l.muteRepaired(r)
	l.extending(r)
	return r
}

// extending is a lease as the observer of a round that extends it where it is.
type extending lease

// Unsent implements [quorum.Observer].
func (e *extending) Unsent(*quorum.Round, int) {}

// Answered implements [quorum.Observer].
func (e *extending) Answered(_ *quorum.Round, i int, a quorum.Answer) quorum.Answer {
	l, n := (*lease)(e), e.spec.engine.nodes[i]
	l.spec.observer.nodeError(n, a)
	l.at(n).contest(a)
	l.at(n).met(a)
	if a.Vote == quorum.Yes {
		l.at(n).noteThere()
	}
	return a
}

// Late implements [quorum.Observer].
func (e *extending) Late(r *quorum.Round, i int, a quorum.Answer) {
	l := (*lease)(e)
	if r.Outcome().Won {
		l.mendAt(l.spec.engine.nodes[i], r.Voter(i).Mute, a)
	} else {
		l.deny(r)
	}
}

// reviving is a lease as the observer of a round that extends it by Redsync's looser rule,
// which may put its token on nodes that have nothing.
type reviving lease

// Unsent implements [quorum.Observer].
func (e *reviving) Unsent(r *quorum.Round, i int) { (*acquiring)(e).Unsent(r, i) }

// Answered implements [quorum.Observer].
func (e *reviving) Answered(r *quorum.Round, i int, a quorum.Answer) quorum.Answer {
	(*lease)(e).at(e.spec.engine.nodes[i]).met(a)
	return (*acquiring)(e).Answered(r, i, a)
}

// Late implements [quorum.Observer].
func (e *reviving) Late(*quorum.Round, int, quorum.Answer) {}

// extended takes the outcome of an extension's round. If it was won in time the
// validity moves on, and the nodes that have nothing are to be repaired by the
// caller, in the background.
func (l *lease) extended(r *quorum.Round) (missing []*node, err error) {
	o := r.Outcome()
	if !o.Won {
		l.deny(r)
		return nil, nil
	}
	if err := l.renew(o.Start); err != nil {
		return nil, err
	}
	if !l.spec.SetNXOnExtend {
		missing = l.mend(r)
	}
	return missing, nil
}

// tooLate reports that the lease is over by the clock, and may not be extended.
func (l *lease) tooLate() bool { return l.over() && !l.spec.SetNXOnExtend }

// renew moves the validity on after a won extension that started at start.
func (l *lease) renew(start instant) error {
	v, now := validFrom(start, &l.spec.Config), l.spec.engine.now()
	if v.ended(now) || l.tooLate() {
		return errTooLate
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return errUnlocked
	}
	if l.loss.err != nil && !l.revocable() {
		return l.loss.err
	}
	l.loss.forget()
	first := !l.valid.known()
	if v.until.After(l.valid.until) { // another extension may have started later
		l.valid, l.proven = v, now
	}
	if first {
		l.await(now)
	}
	return nil
}

// mend follows up a won extension on the nodes that answered in time, but for those
// that it returns, which are to be repaired. The others are when their answers come.
func (l *lease) mend(r *quorum.Round) (missing []*node) {
	for i, n := range l.spec.engine.nodes {
		switch v := r.Voter(i); {
		case v.Background:
		case v.Vote == quorum.Missing:
			missing = append(missing, n)
		default:
			l.mendAt(n, v.Mute, v.Answer)
		}
	}
	return missing
}

// mendAt acts on what one node answered to an extension that was won without
// it: a repaired node that kept the token may vote from now on, and one that has
// nothing gets the token back.
func (l *lease) mendAt(n *node, mute bool, a quorum.Answer) {
	switch {
	case a.Vote == quorum.Missing:
		l.repair(n, nil)
	case a.Vote == quorum.Yes && mute:
		l.mu.Lock()
		l.stakes[n.Index].probation = false
		l.mu.Unlock()
	}
}

// repair puts the token back on a node that has forgotten or missed it, if
// nobody else is there: a separate step, settled as an acquire is, so that a
// repair that arrives after the release is released too. failed, if it is not nil, is
// called when it may be tried again: the node has refused it, or not answered.
func (l *lease) repair(n *node, failed func()) {
	if !l.pendRepair(n, l.spec.engine.now()) {
		return
	}
	m := l.spec.about(l.token)
	m.Read = l.spec.readsGrant()
	n.Send(repairCall(l.spec, l), m, func(a quorum.Answer) { // writes only what is missing
		if l.at(n).learn(a) {
			l.at(n).settle()
		}
		l.resume(n)
		if a.Vote != quorum.Yes && failed != nil {
			failed()
		}
	})
}

// pendRepair notes that a repair is about to be sent to n, unless the lease is over, or calls
// are under way after which it may be. From here on n is on probation.
func (l *lease) pendRepair(n *node, now instant) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.stakes[n.Index]
	s.missed = s.pending > 0
	if !l.mayPend(s, now) {
		return false
	}
	s.begin()
	s.probation = true
	return true
}

// mayPend reports that a call which may put the token on a node may be sent there: that
// the lease is not over, and the node is not being seen to already. h.mu is held.
func (l *lease) mayPend(s *stake, now instant) bool {
	return !l.ended && s.pending == 0 && !l.valid.ended(now)
}
