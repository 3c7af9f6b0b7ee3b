package quorum

import (
	"context"
	"iter"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/clock"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
)

// spareTime is how much longer than for the others a contended round waits for nodes that
// were silent.
const spareTime = 5 * time.Millisecond

// Round asks the nodes one question, once. It is prepared by Excuse, Mute and Join,
// and then run. It takes more memory than all else of a call, so most are used again: see
// Done.
type Round struct {
	Question
	// Began is when it was prepared, before anything was sent.
	Began clock.Instant

	nodes *Nodes
	first int // the node that is asked first
	users atomic.Int32

	mu      sync.Mutex
	count                 // of the votes; Excuse, Mute and Join need no lock before the run
	start   clock.Instant // when the first of the votes that agree was sent
	posting bool          // calls are still being put into the outboxes
	closed  bool          // decided, or its caller has gone
	left    bool          // closed for want of time
	won     bool
	decided chan struct{} // receives once, when a decision closes a round that is waited for
	then    func(*Round)  // is called then, if no caller waits
}

// Outcome is what a round has come to.
type Outcome struct {
	Won    bool
	Left   bool          // closed for want of time, or as the caller had enough
	Start  clock.Instant // when the first of the votes was sent: validity counts from there
	Agreed string        // what most votes have chosen
	Number int64         // the largest that came with a vote
	Said   int           // how many votes came with just that one
}

// Round prepares a round.
func (n *Nodes) Round(q Question) *Round {
	r, ok := n.rounds.Get().(*Round)
	if !ok {
		r = &Round{count: count{slots: make([]slot, len(n.list))}}
	}
	r.Question, r.nodes, r.Began = q, n, n.clock.Now()
	r.users.Store(1) // the caller; every request is another
	if q.Shuffle {
		r.first = rand.IntN(len(n.list))
	}
	for i, node := range n.list {
		r.slots[i].round, r.slots[i].node = r, node
	}
	r.count.init(n.majority)
	return r
}

// Done is called by the caller, and at the end of every request. After the last one the
// round is used again, unless others may still look at it: then it is left to the garbage
// collector, as by a caller that does not call Done.
func (r *Round) Done() {
	if r.users.Add(-1) > 0 || r.called || r.any((*Voter).unsure) {
		return
	}
	for i := range r.slots {
		if !r.slots[i].Reusable() {
			return
		}
	}
	nodes, slots := r.nodes, r.slots
	clear(slots)
	*r = Round{count: count{slots: slots}}
	nodes.rounds.Put(r)
}

// Run asks the nodes and reports whether a majority said yes. It returns with the
// decision, or when ctx ends.
func (r *Round) Run(ctx context.Context) bool {
	if r.mayInline(ctx) {
		r.slots[0].node.box.Ask(r.request(0))
		return r.wait(ctx)
	}
	if _, over := r.settleUnasked(); over {
		return r.won
	}
	r.post()
	return r.wait(ctx)
}

// RunThen is Run for a caller that does not wait: then is called with the decision.
func (r *Round) RunThen(then func(*Round)) {
	r.then = then
	closed, over := r.settleUnasked()
	if closed {
		r.conclude()
	}
	if !over {
		r.post()
	}
}

// mayInline reports that the only node may be asked in the caller's goroutine: nothing but
// the end of the call is to end the wait. A deadline is always kept.
func (r *Round) mayInline(ctx context.Context) bool {
	switch {
	case len(r.slots) > 1 || r.asked == 0 || r.open == 0:
		return false
	case ctx.Done() == nil:
		return true
	}
	deadline, ok := ctx.Deadline()
	return r.Inline && (!ok || deadline.After(r.Began.Add(r.Bound)))
}

// settleUnasked closes a round whose outcome is known before any node is asked: joined
// nodes have decided already, or no majority can be had. It is over when no node is to be
// asked even so.
func (r *Round) settleUnasked() (closed, over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.posting = true
	if r.won = r.wins(); !r.won {
		r.spareSilent(func(i int) bool { return r.slots[i].node.Silent(r.Call) })
	}
	if !r.won && r.hopeless() && r.Unsent != Keep {
		r.reportUnsent()
		r.callOff()
	}
	if r.won || r.hopeless() {
		r.close()
	}
	if r.asked == 0 {
		r.forgetValues()
	}
	return r.closed, r.closed && r.asked == 0
}

// reportUnsent reports to the observer that no node is asked. r.mu is held.
func (r *Round) reportUnsent() {
	for i := range r.slots {
		if r.slots[i].Asked && r.To != nil {
			r.To.Unsent(r, i)
		}
	}
}

// request fills in the request to node i.
func (r *Round) request(i int) *outbox.Request {
	r.users.Add(1)
	s := &r.slots[i]
	q := &s.Request
	q.Call, q.Token, q.Bound, q.Class, q.To = r.Call, r.Token, r.Bound, r.Class, s
	q.Patient, q.Alone, q.Values = r.Patient, r.Alone, r.Values
	return q
}

// post puts the calls into the outboxes.
func (r *Round) post() {
	if r.asked > 1 {
		passages := make([]outbox.Passage, len(r.slots))
		for i := range r.slots {
			r.slots[i].Passage = &passages[i]
		}
	}
	for i := range r.slots {
		if s := &r.slots[(r.first+i)%len(r.slots)]; s.Asked {
			s.node.box.Post(r.request(s.node.Index))
		}
	}
	r.mu.Lock()
	r.posting = false
	closed := r.closed
	r.mu.Unlock()
	if closed {
		r.settleUnsent()
	}
}

// wait blocks until the round is decided or its caller has had enough. What another
// round's call will bring is not waited for any longer than a call of its own.
func (r *Round) wait(ctx context.Context) bool {
	r.mu.Lock()
	if r.closed {
		defer r.mu.Unlock()
		return r.won
	}
	r.decided = r.nodes.signal()
	r.mu.Unlock()
	var over <-chan time.Time
	if r.joins > 0 {
		timer := r.nodes.timer(r.Bound)
		defer r.nodes.drop(timer)
		over = timer.C
	}
	select {
	case <-r.decided:
	case <-ctx.Done():
		r.leave()
	case <-over:
		r.leave()
	}
	r.nodes.signals.Put(r.decided)
	return r.won
}

// leave closes the round without a decision, unless one has come meanwhile.
func (r *Round) leave() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		<-r.decided // so that the channel can be used again
		return
	}
	r.left = true
	r.close()
	r.mu.Unlock()
	r.settleUnsent()
}

// Report counts what a call that the round has joined has brought. Of a node that the round
// asks itself only its own call counts, which may be on its way at that moment.
func (r *Round) Report(i int, a Answer) {
	r.mu.Lock()
	joined := r.slots[i].Joined
	r.mu.Unlock()
	if joined {
		r.Record(i, a)
	}
}

// Record counts an answer, closes the round if that decides it, and reports whether the
// answer came after the close.
func (r *Round) Record(i int, a Answer) (late bool) {
	r.mu.Lock()
	v := &r.slots[i].Voter
	if v.Asked && !v.answered {
		if r.back++; r.back == r.asked {
			r.forgetValues()
		}
	}
	v.Answer, v.answered = a, true
	if r.closed {
		r.mu.Unlock()
		return true
	}
	if r.record(v) {
		r.noteStart(r.slots[i].Sent())
	}
	r.decide(false)
	return false
}

// noteStart has validity count from before the first of the votes was sent: no node
// can have begun the lease's lifetime any earlier. r.mu is held.
func (r *Round) noteStart(sent clock.Instant) {
	if !sent.IsZero() && (r.start.IsZero() || sent.Before(r.start.Time)) {
		r.start = sent
	}
}

// decide closes the round if nothing that may still come matters. r.mu is held, and is
// given back. Of a contended round the wait for spares is as long again as it took to know
// that they are needed, and a little.
func (r *Round) decide(late bool) {
	r.won = r.wins()
	if r.callSpares() && r.Contended && r.contended() {
		time.AfterFunc(time.Since(r.Began.Time)+spareTime, r.leaveSpares)
	}
	if !r.decides() {
		r.mu.Unlock()
		return
	}
	r.left = late && !r.won // others may be late in the next moment
	r.close()
	if r.decided != nil {
		r.decided <- struct{}{}
	}
	r.mu.Unlock()
	r.conclude()
}

// decides reports that nothing that may still come matters. r.mu is held.
func (r *Round) decides() bool {
	if r.All {
		return r.open == 0
	}
	return r.won || r.hopeless() && !(r.Detailed && r.undetailed())
}

// leaveSpares ends the wait for spares.
func (r *Round) leaveSpares() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.awaitSpares(false)
	r.decide(false)
}

// close ends the caller's part. r.mu is held.
func (r *Round) close() {
	r.closed = true
	r.count.close()
}

// conclude does what a decision is followed by, outside every lock.
func (r *Round) conclude() {
	r.mu.Lock()
	posting := r.posting
	r.mu.Unlock()
	if !posting {
		r.settleUnsent()
	}
	if r.then != nil {
		r.then(r)
	}
}

// settleUnsent sees to calls of a closed round that were not sent.
func (r *Round) settleUnsent() {
	for i := range r.slots {
		s := &r.slots[i]
		r.mu.Lock()
		pending := s.Background && !s.answered
		r.mu.Unlock()
		switch {
		case !pending, r.Unsent == Keep, r.Unsent == KeepWon && r.won:
		case r.Unsent == LeaveWon && r.won:
			s.node.box.Leave(&s.Request)
		case s.node.box.Withdraw(&s.Request):
			s.finish(Answer{Vote: Error})
		}
	}
}

// forgetValues lets go of the caller's ctx once no call is under way: the round may last
// as long as the lease. r.mu is held.
func (r *Round) forgetValues() {
	r.Values = nil
	for i := range r.slots {
		r.slots[i].Values, r.slots[i].Passage = nil, nil // of which one has the others' in its memory
	}
}

// Outcome is what the round has come to, up to now.
func (r *Round) Outcome() Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Outcome{Won: r.won, Left: r.left, Start: r.start, Agreed: r.agreed, Number: r.number, Said: r.said}
}

// Sent is when the request to node i left, and zero when it did not. It is known once that
// was answered, or is late.
func (r *Round) Sent(i int) clock.Instant {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.slots[i].answered && !r.slots[i].late {
		return clock.Instant{}
	}
	return r.slots[i].Sent()
}

// Node is node i.
func (r *Round) Node(i int) *Node { return r.slots[i].node }

// Voter is what is known of node i now.
func (r *Round) Voter(i int) Voter {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.slots[i].Voter
}

// Voters are what is known of all nodes now, in order. The round is locked meanwhile.
func (r *Round) Voters() iter.Seq2[int, *Voter] {
	return func(yield func(int, *Voter) bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i := range r.slots {
			if !yield(i, &r.slots[i].Voter) {
				return
			}
		}
	}
}
