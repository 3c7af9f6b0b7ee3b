package quorum

import "github.com/holdfast-go/holdfast/internal/redlock/outbox"

// slot is a round's way to one node, and the observer of the node's call.
type slot struct {
	Voter          // the round's mutex guards it
	outbox.Request // the outbox's own while it is under way
	round          *Round
	node           *Node
}

// Unsent implements [outbox.Observer].
func (s *slot) Unsent(_ *outbox.Request, cause error) { s.finish(unsent(cause)) }

// Answered implements [outbox.Observer].
func (s *slot) Answered(q *outbox.Request, reply any, err error) {
	if err != nil && s.node.askAlone(q, err, s.round.Read, s.finish) {
		return
	}
	s.finish(s.node.answer(q.Call, s.round.Read, reply, err))
}

// Late implements [outbox.Observer]: the node is not waited for any more. Its vote still
// counts if it comes before the decision.
func (s *slot) Late(*outbox.Request) {
	r := s.round
	r.mu.Lock()
	if s.answered || r.closed {
		r.mu.Unlock()
		return
	}
	s.Err, s.late = ErrNoAnswer, true
	r.await(&s.Voter, false)
	r.decide(true)
}

// finish records the node's answer.
func (s *slot) finish(a Answer) {
	r, i := s.round, s.node.Index
	defer r.Done()
	if r.To != nil {
		a = r.To.Answered(r, i, a)
	}
	if r.Record(i, a) && r.To != nil {
		r.To.Late(r, i, a)
	}
}
