package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// claimToConvert keeps everybody else from releasing or renewing the lease. It
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
	to.valid, to.place = l.valid, l.place
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

// resume sees to what has to wait until no call is under way that may put the token on n.
//
// A grant to the lease's predecessor may come after it had been converted on the other nodes:
// it is converted too, lest it keep others from reading there. And n may have forgotten the
// token, before a call put it there, or after: it is repaired. If the lease has ended
// meanwhile the grant is released instead, by others.
func (l *lease) resume(n *node) {
	of, convert, repair := l.due(n)
	switch {
	case convert:
		of.convertAt(n)
	case repair:
		of.repair(n, nil)
	}
}

// convertAt makes the lease's own on n of what its predecessor has there.
func (l *lease) convertAt(n *node) {
	m := l.spec.about(l.token)
	m.Class = outbox.Urgent
	n.Send(convertCall(l.spec, l), m, func(a quorum.Answer) {
		if l.at(n).learn(a) {
			l.at(n).settle()
		}
		l.resume(n)
	})
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

// due reports what resume has to do, which it notes as under way if it is to convert. of is
// the lease that has the token now.
func (l *lease) due(n *node) (of *lease, convert, repair bool) {
	of = l.lockCurrent()
	defer of.mu.Unlock()
	s := &of.stakes[n.Index]
	if !s.former && !s.missed || !of.mayPend(s, of.spec.engine.now()) {
		return of, false, false
	}
	convert, repair = s.former, s.missed
	if convert {
		s.former = false
		s.begin()
	}
	return of, convert, repair
}

// convert asks the nodes to make the new lease of the old one.
func (l *lease) convert(ctx context.Context, from *lease) []error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if from.over() {
		return []error{ErrLockAlreadyExpired}
	}
	call := convertCall(l.spec, l)
	q := l.spec.question(ctx, l.token, &call)
	l.spec.grants(&q, (*acquiring)(l))
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
func (l *lease) retire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claimed, l.placed = false, false
}
