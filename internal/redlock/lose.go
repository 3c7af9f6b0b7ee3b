package redlock

import "github.com/holdfast-go/holdfast/internal/redlock/quorum"

// expire reports the loss of a lease whose validity has ended, unless its release is
// under way: that was begun in time. l.mu is held, to be given back by unlock.
func (l *lease) expire(now instant) {
	if !l.claimed && !l.ended && l.valid.ended(now) {
		l.lose(append([]error{ErrLockAlreadyExpired}, l.reasons()...)...)
	}
}

// deny takes the outcome of a round that was not won. If so many nodes have nothing
// of the lease that a majority cannot have it, the lease is lost. A round that is
// older than the last one that was won says nothing about the time since, and one
// that ran beside a release proves only that.
func (l *lease) deny(r *quorum.Round) {
	if !denied(r) {
		return
	}
	causes := causesOf(r)
	l.mu.Lock()
	defer l.unlock()
	if l.ended || l.claimed || validFrom(r.Began, &l.spec.Config).until.Before(l.valid.until) {
		return
	}
	l.lose(causes...)
}

// lose reports that the lease is lost, to contexts a little later: see unlock. l.mu
// is held, to be given back by that.
func (l *lease) lose(causes ...error) {
	if l.loss.err != nil {
		return
	}
	l.loss.err = l.spec.fail(ErrLost, causes...)
	if l.loss.signal != nil {
		close(l.loss.signal)
	}
	l.reportLoss()
	l.spec.engine.renewer.Drop(&l.deadline)
}

// unlock gives l.mu back, and then ends the contexts of a lease that was found lost
// meanwhile. To end one is to run code of others: it asks the context that it was made
// of, which may be bound to this very lease, or wait for something. So that is done
// without a lock, and nothing waits for it.
func (l *lease) unlock() {
	err, bound := l.loss.err, l.loss.bound
	if err == nil || len(bound) == 0 {
		l.mu.Unlock()
		return
	}
	l.loss.bound = nil
	l.mu.Unlock()
	go func() {
		for _, c := range bound {
			c.cancel(err)
		}
	}()
}

// revocable reports that a loss may be taken back by an extension that is won later:
// that of an adopted lease, of which only the nodes know, or of one that is extended
// by Redsync's looser rule. l.mu is held.
func (l *lease) revocable() bool { return !l.valid.known() || l.spec.SetNXOnExtend }

// beyondRecall reports that the lease was reported to be lost, and must stay so.
func (l *lease) beyondRecall() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loss.err != nil && !l.revocable()
}

// reportLoss reports the loss to the hooks of those whose lease it was. l.mu is held.
func (l *lease) reportLoss() {
	o, count, err := l.spec.observer, 0, l.loss.err
	for _, s := range l.loss.sections {
		if s.lost == nil && !s.ended {
			s.lost = err
			count += s.count
		}
	}
	if count > 0 {
		o.lost(count, err)
	}
}
