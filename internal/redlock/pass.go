package redlock

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// A lease belongs to its object and not to the goroutine that got it: a goroutine holds it
// for a time, and Unlock passes it to the next one in the object's queue, in memory and
// without a request.
//
// That is as safe as one long section. Nobody else can have the lock before the end of the
// lease's validity, whichever goroutine works under it, and a goroutine begins only while
// both clocks say that it is valid. What passing could hide is a lease that is gone early,
// as a node forgot it or another process deleted its key: the next section would begin
// although the nodes know better. So a lease passes only for a tenure after its last grant
// or renewal was answered. Then the nodes are asked to renew it. Where others stand in line
// it is released to them.
//
// A token that others may act on is not passed: a value of the user's own, and one that
// was handed out by Value. What they do with it they would do to a later holder.

// passing is a holder whose lease may go to the next one.
type passing struct{ holder }

// pass ends the holder's time, and reports whether the lease may go to the next goroutine.
func (h holder) pass() bool {
	now := h.spec.engine.now()
	h.mu.Lock()
	defer h.unlock()
	h.expire(now)
	p := passing{h}
	if h.isOver() || !p.passes(now) || !h.numbers.next() {
		return false
	}
	p.passOn()
	return true
}

// passes reports that the lease may pass on without asking. p.mu is held.
func (p passing) passes(now instant) bool {
	return !p.ended && !p.claimed && !p.reported && p.loss.err == nil && p.transferable() &&
		now.Since(p.proven) <= p.spec.tenure()
}

// transferable reports that only the engine knows the token. p.mu is held.
func (p passing) transferable() bool { return !p.token.strict && !p.shown }

// passOn begins the next holder's time. p.mu is held.
func (p passing) passOn() {
	p.lease.passings++
	p.renewing().stopRenewal()
	p.renewal.forDo, p.inDo, p.loss = false, false, loss{}
}

// renewToPass asks the nodes, once the tenure is over, to renew a lease that was claimed,
// and reports whether it may go to the next goroutine. It may not where others stand in
// line on any node: then it is to be released, which notifies the first of them.
//
// To release in the same step would save a round trip, and would not be safe. Such a call
// may run late, or twice, and take a token away that was counted since: model/pass.pml.
func (h holder) renewToPass(ctx context.Context, gap *pause) bool {
	p := passing{h}
	if h.spec.protocol.Pass == nil || !p.prepareToPass() || gap.begin(p) {
		return false
	}
	call := passCall(h.spec, h.lease)
	r := h.extending().roundToExtend(ctx, &call)
	if !r.Run(ctx) || awaited(r) {
		return false
	}
	if o := r.Outcome(); h.acquiring().agreeOnFence(ctx, &o) != nil {
		return false
	}
	missing, err := h.extending().endExtension(r)
	if err != nil {
		return false
	}
	repairAll(h.lease, missing)
	return p.passRenewed()
}

// prepareToPass reports whether the lease may pass on at all.
func (p passing) prepareToPass() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.numbers.size = p.spec.block(p.numbers.count(), true)
	return p.transferable()
}

// awaited reports that a node which has renewed the lease says that others stand in line.
func awaited(r *quorum.Round) bool {
	for _, v := range r.Voters() {
		if v.Vote == quorum.Yes && v.Contested {
			return true
		}
	}
	return false
}

// passRenewed passes on what was claimed, unless the token was handed out meanwhile.
func (p passing) passRenewed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.transferable() {
		return false
	}
	p.claimed = false
	p.passOn()
	return true
}

// A crowd that passed a lease on for ever would leave nothing to those who do not stand in
// line, but poll, as clients of Redsync do. So each tenth time that an object would ask, it
// leaves the lock free for a tenure instead, and notifies no waiter before its end: by
// the objects of several processes, too, a tenth of the time is the pollers'.
const gapEvery = 10

// pause counts how often an object has asked for a lease to pass on. It belongs to the
// goroutine that has the object's place.
type pause struct {
	asked int
	ends  time.Time
}

// begin reports that it is time for a gap, which begins with the release of h's lease.
func (p *pause) begin(h passing) bool {
	if p.asked++; p.asked < gapEvery || h.spec.protocol.Withdraw == nil {
		return false
	}
	p.asked = 0
	if !h.hush() {
		return false
	}
	p.ends = time.Now().Add(h.spec.tenure())
	time.AfterFunc(h.spec.tenure(), h.spec.notifyFirst)
	return true
}

// hush has the lease's release notify no waiter. It reports false where that cannot be.
func (p passing) hush() bool {
	call := p.spec.releaseCall(p.token, noTicket, noLifetime)
	quiet, ok := call.WithoutQueue()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !ok || p.ticketID != nil {
		return false
	}
	p.undo = quiet
	return true
}

// notifyFirst has the nodes notify the first in line of a lock that is free.
func (s *Spec) notifyFirst() {
	for _, n := range s.engine.nodes {
		n.Send(s.withdrawCall(newToken("", false)), s.about(token{}), func(quorum.Answer) {})
	}
}

// rest waits for the end of the gap, unless the call does not wait.
func (p *pause) rest(ctx context.Context, by *tries) error {
	left := time.Until(p.ends)
	if left <= 0 || by.Exhausted() {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
