package redlock

import (
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// site is one node of a footprint's: what was sent there for the token, and what came back.
type site struct {
	f *footprint
	n *node
}

// stake is what is known of the site. s.f.mu is held.
func (s site) stake() *stake { return &s.f.stakes[s.n.Index] }

// lockInherited is the site of the lease that answers to calls of this one belong to. Its
// mutex is held.
func (s site) lockInherited() site { return s.f.lockInherited().at(s.n) }

// contest notes that another client wants what the lease has there, if the node's answer says so.
func (s site) contest(a quorum.Answer) {
	if !a.Contested && a.Vote != quorum.Taken {
		return
	}
	of := s.lockInherited()
	defer of.f.mu.Unlock()
	of.stake().contested = true
}

// met takes the node's answer to an extension.
func (s site) met(a quorum.Answer) {
	of := s.lockInherited()
	defer of.f.mu.Unlock()
	of.stake().met = reason(s.n.Index, a)
}

// unsent takes back that a call was about to be sent.
func (s site) unsent() {
	of := s.lockInherited()
	defer of.f.mu.Unlock()
	of.stake().pending--
}

// learn takes the answer of a call that may have granted. It reports whether
// the node must now be settled by the caller, as the lease has ended meanwhile.
func (s site) learn(a quorum.Answer) (due bool) {
	of := s.lockInherited()
	defer of.f.mu.Unlock()
	k := of.stake()
	k.pending--
	switch a.Vote {
	case quorum.Yes, quorum.Unknown:
		k.maybe = true
		k.former = k.former || of != s
		k.doubt(a, of.f.token.strict)
	case quorum.Taken:
		k.refused = true
		k.maybe = k.maybe || of.f.ticketID != nil
	}
	if of.f.ended && k.maybe { // the call may have waited in the outbox until after the end
		of.f.lapses = time.Now().Add(of.f.lasts())
	}
	return of.f.ended && k.pending == 0
}

// noteThere notes that a call begun then has found the token there, whatever the older ones
// find, whose answers may be late or lost: it is to be released there, and needs no repair.
func (s site) noteThere(begun time.Time) {
	of := s.lockInherited()
	defer of.f.mu.Unlock()
	k := of.stake()
	if of.f.ended {
		return
	}
	k.maybe, k.missed = true, false
	if begun.After(k.found) {
		k.found = begun
	}
}

// lacks reports that the node has nothing, if that is what it answered to a call begun then:
// that no newer one has found the token.
func (s site) lacks(a quorum.Answer, begun time.Time) bool {
	if a.Vote != quorum.Missing {
		return false
	}
	of := s.lockInherited()
	defer of.f.mu.Unlock()
	return !of.stake().found.After(begun)
}

// settle releases the token, once, and reports the answer to the owner's release if there is one.
func (s site) settle() { s.f.inherited().at(s.n).release(nil) }

// release sends one release in the background, if it is due, and passes the node's answer on:
// to the owner's release, if then is nil.
func (s site) release(then func(quorum.Answer)) {
	if a, due := s.beginRelease(); !due {
		s.report(a, then)
		return
	}
	s.undo(then)
}

// report passes an answer on.
func (s site) report(a quorum.Answer, then func(quorum.Answer)) {
	if then != nil {
		then(a)
		return
	}
	s.f.mu.Lock()
	r := s.f.release
	s.f.mu.Unlock()
	if r != nil {
		r.Report(s.n.Index, a)
	}
}

// beginRelease notes that a release is about to be sent, if the token may be
// there, nothing is under way that could put it there, and it is not to go out later.
// If not, it returns what the node's answer to a release is known to be.
func (s site) beginRelease() (quorum.Answer, bool) {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	k := s.stake()
	if !s.f.ended || !k.maybe || k.timed || k.pending > 0 {
		s.strikeOff()
		return k.absent(), false
	}
	k.releasing++
	return quorum.Answer{}, true
}

// undo sends the release of the token, takes the answer, and passes on what it says: see
// released.
func (s site) undo(then func(quorum.Answer)) {
	call, ticket := *s.f.undoCall(), s.f.ticket
	restoring := ticket != nil && ticket.restoring(s.n)
	if restoring {
		id, lifetime := ticket.words()
		call = s.f.spec.releaseCall(s.f.token, id, lifetime)
	}
	m := s.f.spec.about(s.f.token)
	m.Class = outbox.Urgent
	s.n.Send(call, m, func(a quorum.Answer) {
		if restoring {
			ticket.restored(s.n, a)
		}
		s.report(s.released(a), then)
	})
}

// released takes the answer to a release, and returns what it says about the lease. A
// certain one settles the node, any other is sent again.
func (s site) released(a quorum.Answer) quorum.Answer {
	s.f.mu.Lock()
	k := s.stake()
	k.releasing--
	if !a.Certain() {
		k.doubtful = k.doubtful || a.Vote == quorum.Unknown
		if s.f.token.strict && a.Late { // any other is never used again: a late release does no harm
			k.again, k.maybe = 1, true
		}
		s.strikeOff() // another release may have been answered meanwhile
		s.f.mu.Unlock()
		s.retry()
		return a
	}
	k.note(a.Vote)
	wait := s.releasedOnce()
	a = k.absent()
	s.f.mu.Unlock()
	if wait > 0 {
		time.AfterFunc(wait, s.releaseAgain)
	}
	return a
}

// releaseAgain sends a release that is to follow another one.
func (s site) releaseAgain() {
	s.f.mu.Lock()
	s.stake().timed = false
	s.f.mu.Unlock()
	s.retry()
	s.n.pending.Send()
}

// releasedOnce takes a certain answer to a release, and returns when another one must
// follow; 0 if none. s.f.mu is held.
func (s site) releasedOnce() (wait time.Duration) {
	k := s.stake()
	switch {
	case k.timed: // it came too soon
		return 0
	case k.again == 0:
		k.maybe = false
		s.strikeOff()
		return 0
	}
	k.again--
	k.timed = true
	switch wait = max(1, s.f.spec.bound/soonAgain); {
	case s.f.token.strict:
		return min(wait, maxStrictAgain)
	case k.again == 0:
		return s.f.spec.bound
	}
	return wait
}

// releaseFound releases a lease that has ended, and that is on the node even so.
func (s site) releaseFound() {
	s.f.mu.Lock()
	s.stake().maybe = true
	s.f.mu.Unlock()
	s.release(nil)
}

// strikeOff lets the node have the same value again, once it is settled. s.f.mu is held.
func (s site) strikeOff() {
	if k := s.stake(); k.unsettled && k.settled() {
		k.unsettled = false
		s.n.strict.Remove(s.f.strictKey())
	}
	if s.f.gone != nil && !s.f.lingers() {
		close(s.f.gone)
		s.f.gone = nil
	}
}
