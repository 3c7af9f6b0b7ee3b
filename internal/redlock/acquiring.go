package redlock

import "github.com/holdfast-go/holdfast/internal/redlock/quorum"

// acquiring is a lease as the observer of a round that may put its token on the nodes, and
// leave the round's ticket there.
type acquiring struct{ *lease }

func (l *lease) acquiring() acquiring { return acquiring{l} }

// companion is what such a round may leave beside the token, as the round's memo: a ticket.
type companion interface {
	unsent(i int)
	learn(n *node, a quorum.Answer)
}

// Unsent implements [quorum.Observer].
func (l acquiring) Unsent(r *quorum.Round, i int) {
	l.at(l.spec.engine.nodes[i]).unsent()
	if c, ok := r.Memo.(companion); ok {
		c.unsent(i)
	}
}

// Answered implements [quorum.Observer].
func (l acquiring) Answered(r *quorum.Round, i int, got quorum.Answer) quorum.Answer {
	n := l.spec.engine.nodes[i]
	l.spec.observer.nodeError(n, got)
	l.at(n).contest(got)
	if c, ok := r.Memo.(companion); ok {
		c.learn(n, got)
	}
	l.on(n).learn(got)
	return got
}

// Late implements [quorum.Observer].
func (l acquiring) Late(r *quorum.Round, i int, got quorum.Answer) {
	if o := r.Outcome(); o.Won && r.Differs(&got) {
		l.agreeOn(o.Agreed)
		l.on(l.spec.engine.nodes[i]).align()
	}
}
