package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// extend renews a holder's lease for another full expiry, and reports that to hooks.
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
	causes := h.extending().extend(ctx)
	if causes == nil {
		return nil
	}
	if ctx.Err() != nil {
		causes = append(ended(ctx), causes...)
	}
	return h.spec.fail(ErrExtendFailed, causes...)
}

// extending is a lease as the observer of a round that extends it where it is.
type extending struct{ *lease }

func (l *lease) extending() extending { return extending{l} }

// extend renews the lease on a majority and moves its validity on. On error the
// lease keeps the validity it had.
//
// Votes come from nodes that still have the token. A lease whose validity has
// ended is not extended any more: it was reported as lost, and must stay so.
// SetNXOnExtend is the exception, as in Redsync.
func (l extending) extend(ctx context.Context) []error {
	if l.tooLate() {
		return l.expired()
	}
	r, err := l.prepareExtension(ctx)
	if err != nil {
		return []error{err}
	}
	r.Run(ctx)
	missing, err := l.endExtension(r)
	switch {
	case err != nil:
		return []error{err}
	case !r.Outcome().Won:
		return causesOf(r)
	}
	repairAll(l.lease, missing)
	return nil
}

// Renew implements [renewer.Lease]: it renews the lease in the background. Renewal is busy
// until that ends.
func (l renewing) Renew() {
	r, err := l.extending().prepareExtension(context.Background())
	if err != nil {
		l.reportRenewal(nil, err)
		l.endRenewal(false)
		return
	}
	r.RunThen(func(r *quorum.Round) {
		missing, err := l.extending().endExtension(r)
		l.reportRenewal(r, err)
		l.endRenewal(r.Outcome().Won && err == nil)
		repairAll(l.lease, missing)
	})
}

// prepareExtension makes the round of an extension.
func (l extending) prepareExtension(ctx context.Context) (*quorum.Round, error) {
	if l.tooLate() {
		return nil, ErrLockAlreadyExpired
	}
	call := extendCall(l.spec, l.lease)
	if !l.spec.SetNXOnExtend {
		return l.roundToExtend(ctx, &call), nil
	}
	q := l.spec.question(ctx, l.token, &call)
	l.spec.grants(&q, reviving(l))
	r := l.spec.engine.quorum.Round(q)
	l.muteRepaired(r)
	l.noteAsked(r)
	if !l.pend(r) {
		return nil, errUnlocked
	}
	return r, nil
}

// roundToExtend makes a round that extends the lease where it is. What was not sent when
// it is won stays: it brings back what the node may have lost.
func (l extending) roundToExtend(ctx context.Context, call *driver.Call) *quorum.Round {
	q := l.spec.question(ctx, l.token, call)
	q.To, q.Unsent, q.Class = l, quorum.KeepWon, outbox.Urgent
	if l.spec.numbers() {
		q.Read = readNumber
	}
	r := l.spec.engine.quorum.Round(q)
	l.muteRepaired(r)
	l.noteAsked(r)
	return r
}

// Unsent implements [quorum.Observer].
func (l extending) Unsent(*quorum.Round, int) {}

// Answered implements [quorum.Observer].
func (l extending) Answered(r *quorum.Round, i int, a quorum.Answer) quorum.Answer {
	n := l.spec.engine.nodes[i]
	l.spec.observer.nodeError(n, a)
	l.at(n).contest(a)
	l.at(n).met(a)
	if a.Vote == quorum.Yes {
		l.at(n).noteThere(r.Began.Time)
	}
	return a
}

// Late implements [quorum.Observer].
func (l extending) Late(r *quorum.Round, i int, a quorum.Answer) {
	if r.Outcome().Won {
		l.on(l.spec.engine.nodes[i]).mend(r, a)
	} else {
		l.deny(r)
	}
}

// reviving is a lease as the observer of a round that extends it by Redsync's looser rule,
// which may put its token on nodes that have nothing.
type reviving struct{ *lease }

// Unsent implements [quorum.Observer].
func (l reviving) Unsent(r *quorum.Round, i int) { l.acquiring().Unsent(r, i) }

// Answered implements [quorum.Observer].
func (l reviving) Answered(r *quorum.Round, i int, a quorum.Answer) quorum.Answer {
	l.at(l.spec.engine.nodes[i]).met(a)
	return l.acquiring().Answered(r, i, a)
}

// Late implements [quorum.Observer].
func (l reviving) Late(*quorum.Round, int, quorum.Answer) {}

// endExtension takes the outcome of an extension's round. If it was won in time the
// validity moves on, and the nodes that have nothing are to be repaired by the
// caller, in the background.
func (l extending) endExtension(r *quorum.Round) (missing []*node, err error) {
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
		l.renewing().await(now)
	}
	return nil
}

// mend follows up a won extension on the nodes that answered in time, but for those
// that it returns, which are to be repaired. The others are when their answers come.
func (l extending) mend(r *quorum.Round) (missing []*node) {
	for i, n := range l.spec.engine.nodes {
		switch v := r.Voter(i); {
		case v.Background:
		case l.at(n).lacks(v.Answer, r.Began.Time):
			missing = append(missing, n)
		default:
			l.on(n).mend(r, v.Answer)
		}
	}
	return missing
}
