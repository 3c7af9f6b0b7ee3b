package redlock

import (
	"context"
	"strconv"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/clock"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
)

// On one node a release grants what it gives back to the next waiters, each of which then returns
// without a request of its own:
//
//	look ── refused ──► ticket and look's number on the node ──► message "granted", of
//	  ▲                                                           this very look ──► the lease
//	  └── message of another look, or too late, or "notified" ◄──┘
//
// The lease that the waiter is to get exists before it is granted: its token stands in the
// ticket's id, and all looks of the call ask for it. So a look renews what was granted
// before, and the lease's footprint covers the ticket, too: its release takes away both,
// in one step, whichever of them is on the node.
//
// Validity counts from when the look was sent whose number comes with the message, as the
// grant came after it. The models are grant.pml, grantrw.pml and grantslots.pml in model;
// what they prove, and which rule is needed for what, is in its README.
//
//   - A message is believed only for the last look, so that one that is under way cannot
//     find and change what the waiter relies on. Any other has the waiter look again.
//   - The same is done where the look was sent long ago, or a grant is shorter than the
//     lease: the look renews it. With fencing it brings a new number, which it has to: the
//     message's may be older than another client's by then.
//   - A lease that was given up is never used again, nor is its token.
//   - A process that cannot listen is absent to releases and newcomers, which pass it by. Its
//     call goes on by a ticket that is notified only.
const (
	maxGrant  = 8 * time.Second // how long a grant lasts at most
	freshLook = 8               // that part of the expiry ago a look may have been sent
	maxLook   = 1024            // numbers of looks begin again there
)

// standing is a ticket's place where a release may grant its waiter the lock.
type standing struct {
	lease *lease        // nil where a release notifies only
	left  *leftovers    // of the object
	look  int           // the number of the last look …
	sent  clock.Instant // … and when that was sent; zero where it was not, or is not known
}

// stand makes the lease of a ticket, and the ticket's id with it. Where the process cannot
// listen there is none: see above.
func (t *ticket) stand() {
	joined := t.joined
	t.leave()
	t.look, t.sent = 0, clock.Instant{}
	mark := t.spec.ownerMark()
	t.lease = nil
	if !t.notifier.Fails(0) {
		t.lease = newLease(t.spec, t.spec.freshToken())
		mark = t.spec.grantSuffix(t.lease.token)
	}
	t.waiter = t.notifier.NewWaiter(mark + t.suffix)
	t.token = newToken(t.waiter.ID(), false)
	if t.lease != nil {
		t.lease.ticketID = t.token.word
	}
	if joined {
		t.join()
	}
}

// grantSuffix ends the id of a ticket by which a release may grant: see grant_prelude.lua.
func (s *Spec) grantSuffix(t token) string {
	suffix := "|" + strconv.FormatInt(min(s.Expiry, maxGrant).Milliseconds(), 10)
	if s.numbers() {
		suffix += "f"
	}
	return suffix + "|" + t.value
}

// candidate is the lease that the call's next look asks for, or nil where each try has its
// own. One that was given up is not used again.
func (t *ticket) candidate(by *tries) *lease {
	if t == nil || t.lease == nil {
		return nil
	}
	if ended := t.lease.hasEnded(); ended || t.notifier.Fails(0) {
		if !ended {
			t.left.abandon(t.lease)
		}
		t.stand()
	}
	by.left[0] = t.onNodes()
	return t.lease
}

// waits reports that a lease which was refused stays, as a release may grant it. It notes
// the look that has left its ticket.
func (t *ticket) waits(ctx context.Context, l *lease, r *quorum.Round) bool {
	if t == nil || t.lease != l || ctx.Err() != nil {
		return false
	}
	t.sent = r.Sent(0)
	return true
}

// lookWord is the ticket's lifetime in ms, with the number of the look that leaves it.
func (t *ticket) lookWord() any {
	return strconv.FormatInt(t.lifetime.Load(), 10) + ":" + strconv.Itoa(t.look%maxLook)
}

// granted is the lease that a release has granted the call, as far as the message proves it, or
// nil: then the call looks again.
func (t *ticket) granted(by *tries) *lease {
	if t == nil || t.lease == nil {
		return nil
	}
	g, ok := t.waiter.Granted()
	now, s := t.spec.engine.now(), t.spec
	if !ok || g.Look != t.look%maxLook || t.sent.IsZero() || s.Expiry > maxGrant ||
		now.Since(t.sent) > s.Expiry/freshLook {
		return nil
	}
	v := validFrom(t.sent, &s.Config)
	if v.ended(now) || !t.takeDetail(g.Detail, t.suffix) {
		return nil
	}
	t.take(v, now)
	by.granted = true
	return t.lease
}

// takeDetail reads the lease's number or slots, of which there have to be as many as the ticket
// says. It reports false, and changes nothing, where the message does not have them.
func (s *standing) takeDetail(detail, suffix string) bool {
	l := s.lease
	switch {
	case l.spec.limit > 0:
		if !slotset.Valid(detail) || l.spec.slotsSuffix(len(slotset.Parse(detail))) != suffix {
			return false
		}
		l.agreeOn(detail)
	case l.spec.numbers():
		number, err := strconv.ParseInt(detail, 10, 64)
		if err != nil || number < minFence {
			return false
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.numbers = block{size: 1}
		l.numbers.begin(number)
	}
	return true
}

// take begins the validity of a lease that a release has granted.
func (s *standing) take(v validity, now instant) {
	l := s.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	l.valid, l.proven = v, now
	k := &l.stakes[0]
	k.refused, k.contested = false, false
	l.leaveTicket()
}

// leaveTicket notes that the lease has come of its ticket, unless a look may
// still run that leaves the ticket again. l.mu is held.
func (l *lease) leaveTicket() {
	if s := &l.stakes[0]; s.pending == 0 && s.again == 0 && !s.overlapped {
		l.ticketID = nil
	}
}

// refuseLate has the lease of a call that has ended released once more where it is granted after
// its end: a look that was late may have left its ticket after the release. It lasts no longer
// than a ticket and a look that is late by maxSlow: what comes even later costs others a grant.
func (t *ticket) refuseLate() {
	if !t.joined || t.settledForGood() {
		return
	}
	w, lease, n := t.waiter, t.lease, t.spec.engine.nodes[0]
	w.Refuse(func() {
		if lease.hasEnded() {
			lease.at(n).releaseFound()
		}
	})
	t.joined = false
	time.AfterFunc(ticketLife+min(t.spec.bound, maxSlow), func() { t.notifier.Leave(w) })
}

// settledForGood reports that nothing is under way, or may run late, that could leave the
// lease or its ticket on the node again.
func (s *standing) settledForGood() bool {
	l := s.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	k := &l.stakes[0]
	return k.pending == 0 && k.again == 0 && !k.timed && !k.overlapped
}

// hasEnded reports that the lease was released or given up.
func (f *footprint) hasEnded() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended
}
