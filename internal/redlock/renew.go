package redlock

import (
	"context"
	"time"
)

// renewal keeps one hold alive until its owner releases it, or it is lost. The
// hold's mutex guards it. The engine's renewer tells when it is time.
type renewal struct {
	on     bool
	forDo  bool          // on for a Do alone, until its end
	busy   bool          // an extension waits to be sent, or is under way
	failed int           // extensions that failed since the last one that was won
	retry  time.Time     // when to try again, if there are any
	idle   chan struct{} // closed when it is not busy any more; nil unless somebody waits
}

// Renewal begins when a third of the validity is spent. A failed one is tried
// again at once, and then after short pauses for as long as validity is left. It
// may come a little early, to go out together with that of other holds.
const (
	renewAfter = 3  // parts of the validity
	renewPause = 32 // parts of the validity
	renewEarly = 16 // parts of the validity
)

// keepAlive begins to renew the hold.
func (h *hold) keepAlive() {
	now := h.spec.engine.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.renewal.forDo = false
	if !h.renewal.on {
		h.renewal.on = true
		h.await(now)
	}
}

// watch has a hold looked after that takes another one's place.
func (h *hold) watch() {
	now := h.spec.engine.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.await(now)
}

// dropTicket lets go of the ticket of a hold that was won, which is put back for failed
// tries only.
func (h *hold) dropTicket() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ticket = nil
}

// stopRenewal ends renewal for good, and what is waited for besides. h.mu is held.
func (h *hold) stopRenewal() {
	h.renewal.on = false
	h.spec.engine.renewer.Drop(&h.deadline)
}

// await has the hold called when it is due, if there is anything to look for. h.mu is held.
func (h *hold) await(now instant) {
	if h.ended || h.claimed || h.loss.err != nil || !h.valid.known() || !h.renewal.on && !h.loss.listened() {
		return
	}
	h.spec.engine.renewer.Set(&h.deadline, h, h.dueAt(now), now)
}

// dueAt is when the hold is to be renewed, or its validity ends. h.mu is held.
func (h *hold) dueAt(now instant) time.Time {
	due := now.Add(h.valid.left(now))
	if h.renewal.on && !h.renewal.busy && h.renewAt().Before(due) {
		return h.renewAt()
	}
	return due
}

// Expire implements [renewer.Lease].
func (h *hold) Expire(now instant) (renew bool) {
	h.mu.Lock()
	defer h.unlock()
	h.expire(now)
	renew = h.beginRenewal(now)
	h.await(now)
	return renew
}

// renewAt is when to renew the hold. h.mu is held.
func (h *hold) renewAt() time.Time {
	if h.renewal.failed > 0 {
		return h.renewal.retry
	}
	lifetime := h.spec.lifetime()
	return h.valid.until.Add(lifetime/renewAfter - lifetime)
}

// beginRenewal reports whether the hold is to be renewed now. It is busy then, until
// endRenewal. h.mu is held.
func (h *hold) beginRenewal(now instant) bool {
	r := &h.renewal
	if !r.on || r.busy || h.ended || h.claimed || h.loss.err != nil {
		return false
	}
	early := h.spec.lifetime() / renewEarly
	if r.failed > 0 {
		early = 0
	}
	if now.Add(early).Before(h.renewAt()) {
		return false
	}
	r.busy = true
	return true
}

// endRenewal takes the outcome of an extension and arranges for the next.
func (h *hold) endRenewal(won bool) {
	now := h.spec.engine.now()
	h.mu.Lock()
	defer h.unlock()
	h.renewal.note(won, now.Time, h.spec.lifetime())
	h.expire(now)
	h.await(now)
}

// note takes the outcome of an extension.
func (r *renewal) note(won bool, now time.Time, lifetime time.Duration) {
	r.busy = false
	if r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
	if won {
		r.failed = 0
		return
	}
	r.failed++
	r.retry = now
	if r.failed > 1 {
		r.retry = now.Add(lifetime / renewPause)
	}
}

// awaitRenewal waits until no renewal is under way, so that none runs beside a
// release. That is the time of one call at most. The hold is claimed, so that none
// begins.
func (h *hold) awaitRenewal(ctx context.Context) {
	h.mu.Lock()
	if !h.renewal.busy {
		h.mu.Unlock()
		return
	}
	if h.renewal.idle == nil {
		h.renewal.idle = make(chan struct{})
	}
	idle := h.renewal.idle
	h.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}
