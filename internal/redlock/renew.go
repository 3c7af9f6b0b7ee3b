package redlock

import (
	"context"
	"time"
)

// renewing is a lease in the care of the engine's renewer.
type renewing struct{ *lease }

func (l *lease) renewing() renewing { return renewing{l} }

// keepAlive begins to renew the lease.
func (l renewing) keepAlive() {
	now := l.spec.engine.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewal.forDo = false
	if !l.renewal.on {
		l.renewal.on = true
		l.await(now)
	}
}

// watch has a lease looked after that takes another one's place.
func (l renewing) watch() {
	now := l.spec.engine.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.await(now)
}

// stopRenewal ends renewal for good, and what is waited for besides. l.mu is held.
func (l renewing) stopRenewal() {
	l.renewal.on = false
	l.spec.engine.renewer.Drop(&l.deadline)
}

// await has the lease called when it is due, if there is anything to look for. l.mu is held.
func (l renewing) await(now instant) {
	if l.ended || l.claimed || l.loss.err != nil || !l.valid.known() || !l.renewal.on && !l.loss.listened() {
		return
	}
	l.spec.engine.renewer.Set(&l.deadline, l, l.dueAt(now), now)
}

// dueAt is when the lease is to be renewed, or its validity ends. l.mu is held.
func (l renewing) dueAt(now instant) time.Time {
	due := now.Add(l.valid.left(now))
	if l.renewal.on && !l.renewal.busy && l.renewAt().Before(due) {
		return l.renewAt()
	}
	return due
}

// Expire implements [renewer.Lease].
func (l renewing) Expire(now instant) (renew bool) {
	l.mu.Lock()
	defer l.unlock()
	l.expire(now)
	renew = l.beginRenewal(now)
	l.await(now)
	return renew
}

// renewAt is when to renew the lease. l.mu is held.
func (l renewing) renewAt() time.Time {
	if l.renewal.failed > 0 {
		return l.renewal.retry
	}
	lifetime := l.spec.lifetime()
	return l.valid.until.Add(lifetime/renewAfter - lifetime)
}

// beginRenewal reports whether the lease is to be renewed now. It is busy then, until
// endRenewal. l.mu is held.
func (l renewing) beginRenewal(now instant) bool {
	r := &l.renewal
	if !r.on || r.busy || l.ended || l.claimed || l.loss.err != nil {
		return false
	}
	early := l.spec.lifetime() / renewEarly
	if r.failed > 0 {
		early = 0
	}
	if now.Add(early).Before(l.renewAt()) {
		return false
	}
	r.busy = true
	return true
}

// endRenewal takes the outcome of an extension and arranges for the next.
func (l renewing) endRenewal(won bool) {
	now := l.spec.engine.now()
	l.mu.Lock()
	defer l.unlock()
	l.renewal.note(won, now.Time, l.spec.lifetime())
	l.expire(now)
	l.await(now)
}

// awaitRenewal waits until no renewal is under way, so that none runs beside a
// release. That is the time of one call at most. The lease is claimed, so that none
// begins.
func (l renewing) awaitRenewal(ctx context.Context) {
	l.mu.Lock()
	if !l.renewal.busy {
		l.mu.Unlock()
		return
	}
	if l.renewal.idle == nil {
		l.renewal.idle = make(chan struct{})
	}
	idle := l.renewal.idle
	l.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}
