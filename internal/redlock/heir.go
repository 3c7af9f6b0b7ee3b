package redlock

import (
	"context"
)

// claimToConvert keeps all other calls from releasing or renewing the lease. It
// reports false when that is going on already, or when the object has no place
// for readers: an adopted lease, or one that was released.
func (h holder) claimToConvert() bool {
	now := h.spec.engine.now()
	h.mu.Lock()
	defer h.unlock()
	h.expire(now)
	if h.isOver() || h.claimed || h.ended || !h.placed {
		return false
	}
	h.claimed = true
	h.spec.engine.renewer.Drop(&h.deadline)
	return true
}

// heir makes a lease of another protocol for the same token, and ends this one without
// a release. The heir may be wherever this one may be; and what is still on its way
// to this one is the heir's when it comes: a write grant counts for readers. With it go
// all who rely on the lease: it is renewed if this one was, and its loss is reported to them.
func (l *lease) heir(s *Spec) *lease {
	to := new(lease)
	to.init(s, l.token)
	l.mu.Lock()
	defer l.mu.Unlock()
	to.valid, to.ticketID = l.valid, l.ticketID
	copy(to.stakes, l.stakes)
	clear(l.stakes)
	to.loss, l.loss = l.loss, loss{}
	to.loss.sections = nil // a writer's
	to.inDo = l.inDo
	to.renewal.on, l.renewal.on = l.renewal.on, false
	to.renewal.forDo = l.inDo
	l.ended, l.successor, l.convertee = true, &to.footprint, to
	return to
}

// lockCurrent locks the lease that has this one's token now.
func (l *lease) lockCurrent() *lease {
	l.mu.Lock()
	to := l.convertee
	if to == nil {
		return l
	}
	l.mu.Unlock()
	to.mu.Lock()
	return to
}

// convert asks the nodes to make the new lease of the old one.
func (l acquiring) convert(ctx context.Context, from *lease) []error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if from.over() {
		return []error{ErrLockAlreadyExpired}
	}
	call := convertCall(l.spec, l.lease)
	q := l.spec.question(ctx, l.token, &call)
	l.spec.grants(&q, l)
	r := l.spec.engine.quorum.Round(q)
	if !l.pend(r) {
		return []error{errNotHeld}
	}
	if !r.Run(ctx) {
		return causesOf(r)
	}
	if err := l.renew(r.Outcome().Start); err != nil {
		return []error{err}
	}
	return nil
}

// retire gives up what a lease still has in its object once its heir is there.
func (h holder) retire() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.claimed, h.placed = false, false
}
