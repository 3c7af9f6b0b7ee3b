package redlock

import (
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// replica is one node of a lease's, which is to have what the others have.
type replica struct {
	l *lease
	n *node
}

func (l *lease) on(n *node) replica { return replica{l, n} }

// stake is what is known of the node. p.l.mu is held.
func (p replica) stake() *stake { return &p.l.stakes[p.n.Index] }

// repairAll puts the token back on nodes that have nothing.
func repairAll(l *lease, missing []*node) {
	for _, n := range missing {
		l.on(n).repair(nil)
	}
}

// mend acts on what the node answered to an extension that was won without
// it: a repaired node that kept the token may vote from now on, and one that has
// nothing gets the token back.
func (p replica) mend(r *quorum.Round, a quorum.Answer) {
	switch {
	case p.l.at(p.n).lacks(a, r.Began.Time):
		p.repair(nil)
	case a.Vote == quorum.Yes && r.Voter(p.n.Index).Mute:
		p.l.mu.Lock()
		p.stake().probation = false
		p.l.mu.Unlock()
	}
}

// repair puts the token back on a node that has forgotten or missed it, if
// nobody else is there: a separate step, settled as an acquire is, so that a
// repair that arrives after the release is released too. failed, if it is not nil, is
// called when it may be tried again: the node has refused it, or not answered.
func (p replica) repair(failed func()) {
	if !p.pendRepair(p.l.spec.engine.now()) {
		return
	}
	m := p.l.spec.about(p.l.token)
	m.Read = p.l.spec.readsGrant()
	p.n.Send(repairCall(p.l.spec, p.l), m, func(a quorum.Answer) { // writes only what is missing
		p.learn(a)
		if a.Vote != quorum.Yes && failed != nil {
			failed()
		}
	})
}

// learn takes the answer to a call that may have put the token on the node.
func (p replica) learn(a quorum.Answer) {
	if s := p.l.at(p.n); s.learn(a) {
		s.settle()
	}
	p.resume()
}

// pendRepair notes that a repair is about to be sent, unless the lease is over, or calls
// are under way after which it may be. From here on the node is on probation.
func (p replica) pendRepair(now instant) bool {
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	s := p.stake()
	s.missed = s.pending > 0
	if !p.mayPend(now) {
		return false
	}
	s.begin()
	s.probation = true
	return true
}

// mayPend reports that a call which may put the token on the node may be sent there: that
// the lease is not over, and the node is not being seen to already. p.l.mu is held.
func (p replica) mayPend(now instant) bool {
	return !p.l.ended && p.stake().pending == 0 && !p.l.valid.ended(now)
}

// align gives the lease's slots to a node that granted others, which it takes
// back. It is a repair: the node does not vote until a round was won without it.
//
// Two permits that a node granted in the wrong order each want what the other
// has. The first one to be aligned gives its slot back and is refused; it gets
// its own a little later, when the second one has moved.
func (p replica) align() { p.alignAfter(2, 10, 50, 250) }

// alignAfter aligns the node now, and again after each of the pauses, in ms, as long as
// it refuses, or does not answer.
func (p replica) alignAfter(pauses ...time.Duration) {
	p.repair(func() {
		if len(pauses) > 0 {
			time.AfterFunc(pauses[0]*time.Millisecond, func() { p.alignAfter(pauses[1:]...) })
		}
	})
}

// resume sees to what has to wait until no call is under way that may put the token there.
//
// A grant to the lease's predecessor may come after it had been converted on the other nodes:
// it is converted too, lest it keep others from reading there. And the node may have forgotten
// the token, before a call put it there, or after: it is repaired. If the lease has ended
// meanwhile the grant is released instead, by others.
func (p replica) resume() {
	of, convert, repair := p.due()
	switch {
	case convert:
		of.convert()
	case repair:
		of.repair(nil)
	}
}

// due reports what resume has to do, which it notes as under way if it is to convert. of is
// the replica of the lease that has the token now.
func (p replica) due() (of replica, convert, repair bool) {
	of = p.l.lockCurrent().on(p.n)
	defer of.l.mu.Unlock()
	s := of.stake()
	if !s.former && !s.missed || !of.mayPend(of.l.spec.engine.now()) {
		return of, false, false
	}
	convert, repair = s.former, s.missed
	if convert {
		s.former = false
		s.begin()
	}
	return of, convert, repair
}

// convert makes the lease's own of what its predecessor has on the node.
func (p replica) convert() {
	m := p.l.spec.about(p.l.token)
	m.Class = outbox.Urgent
	p.n.Send(convertCall(p.l.spec, p.l), m, p.learn)
}
