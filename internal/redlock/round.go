package redlock

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
)

// fewNodes is the number of nodes up to which nothing needs a slice of its own:
// with one node, what a call costs in memory shows; with more it does not.
const fewNodes = 1

// round asks the nodes one question, with one call, and decides by majority.
//
// Its caller waits for the decision and not for stragglers: "yes" stands with
// the majority's last yes, "no" as soon as too few nodes are left for a
// majority. An answer that comes later is still recorded, and told to the hold
// where that matters.
//
// Every node's call goes by its outbox, which tells the round what becomes of it: see
// slot. A node's time begins when its call is sent. One that is late does not vote any
// more unless its answer still comes before the decision.
//
// A round is prepared by excuse, mute and join, and then run, once. It takes more memory
// than all else of a call, so most are used again: see done.
type round struct {
	engine  *Engine
	hold    *hold           // whose token the call carries
	call    *driver.Call    // no part of the round: drivers and hooks may keep it
	values  context.Context // the caller's, for tracing
	began   instant         // when it was prepared, before anything was sent
	purpose purpose
	urgent  bool    // goes before acquires
	alone   bool    // its cost grows with its arguments
	ticket  *ticket // that the call may leave, if any

	mu      sync.Mutex
	slots   []slot         // one a node
	start   instant        // when the first of the votes that agree was sent
	yes     int            // votes that agree
	ballots map[string]int // where nodes disagree on slots: how many granted each set
	agreed  string         // the set that most nodes granted
	fences  fences         // the numbers that came with the votes, if any
	open    int            // votes that may still come
	all     bool           // not decided before every node has answered
	posting bool           // calls are still being put into the outboxes
	closed  bool           // decided, or its caller has gone
	left    bool           // closed by the caller, undecided
	called  bool           // spares are waited for, as the others are too few
	won     bool
	decided chan struct{} // receives once, when a decision closes a running round
	then    func(*round)  // is called then, if nobody waits

	users atomic.Int32 // who will call done: the caller, and every request

	asked int // slots that are asked
	back  int // of these: calls that have ended
	joins int // slots that are asked by another round
	first int // the node that is asked first
}

// purpose is what a call may do to a node, beyond telling.
type purpose uint8

const (
	toCheck   purpose = iota // nothing that needs to be followed up
	toGrant                  // it may put the token there: the hold must hear
	toRelease                // it may take the token away: the hold must hear
	toExtend                 // once won, nodes that have nothing are repaired
)

// spareTime is how much longer than for the others a try waits for nodes that were silent,
// where another client is in its way.
const spareTime = 5 * time.Millisecond

// slot is a round's way to one node. It is the observer of the node's call.
type slot struct {
	heard
	outbox.Request // the outbox's own while it is under way
	round          *round
	node           *node
}

// heard is what a round knows of one node. The round's mutex guards it.
type heard struct {
	answer
	asked      bool
	waited     bool // its vote may still come, and is waited for: counted in open
	mute       bool // asked, but its vote does not count
	spare      bool // was silent: not waited for as long as the others may be enough
	late       bool // had no answer in time
	joins      bool // will be asked by another round's call
	answered   bool
	background bool // had no answer yet when the round closed
}

// unsure reports that the node was asked and has given no certain answer: the driver may
// not be done yet.
func (s *heard) unsure() bool { return s.asked && !s.certain() }

// Unsent implements [outbox.Observer].
func (s *slot) Unsent(_ *outbox.Request, cause error) { s.round.finish(s, unsent(cause)) }

// Answered implements [outbox.Observer].
func (s *slot) Answered(q *outbox.Request, reply any, err error) {
	if driver.RefusesKeys(err) && s.node.askAlone(q, err, func(a answer) { s.round.finish(s, a) }) {
		return
	}
	s.round.finish(s, s.node.read(q.Call, reply, err))
}

// Late implements [outbox.Observer]: nobody waits for the node any more. Its vote still
// counts if it comes before the decision.
func (s *slot) Late(*outbox.Request) {
	r := s.round
	r.mu.Lock()
	if s.answered || r.closed {
		r.mu.Unlock()
		return
	}
	s.err, s.late = errNoAnswer, true
	r.await(s, false)
	over := r.closeIfDecided()
	r.left = over && !r.won // for want of time, so that others may be late in the next moment
	r.mu.Unlock()
	if over {
		r.conclude()
	}
}

// await has the round wait for a node's vote, or not any more. r.mu is held.
func (r *round) await(s *slot, waited bool) {
	switch {
	case waited && !s.waited:
		r.open++
	case !waited && s.waited:
		r.open--
	}
	s.waited = waited
}

// newRound prepares a round of call for h.
func newRound(ctx context.Context, h *hold, call *driver.Call, p purpose) *round {
	r, ok := h.spec.engine.rounds.Get().(*round)
	if !ok {
		r = new(round)
	}
	r.init(ctx, h, call, p)
	return r
}

// done is called by the caller, and at the end of every request. After the last one the
// round is used again, unless others may still look at it: then it is left to the garbage
// collector, as by a caller that does not call done.
func (r *round) done() {
	if r.users.Add(-1) > 0 || r.called || r.any((*heard).unsure) {
		return
	}
	for i := range r.slots {
		if !r.slots[i].Reusable() {
			return
		}
	}
	e, slots := r.engine, r.slots
	clear(slots)
	*r = round{slots: slots}
	e.rounds.Put(r)
}

func (r *round) init(ctx context.Context, h *hold, call *driver.Call, p purpose) {
	e := h.spec.engine
	r.engine, r.hold, r.call, r.purpose, r.values = e, h, call, p, ctx
	r.began = e.now()
	r.users.Store(1)
	r.urgent = p == toRelease || p == toExtend
	if n := len(e.nodes); len(r.slots) != n {
		r.slots = make([]slot, n)
	}
	if h.spec.ShufflePools {
		r.first = rand.IntN(len(e.nodes))
	}
	for i, n := range e.nodes {
		s := &r.slots[i]
		s.round, s.node, s.asked, s.waited = r, n, true, true
	}
	r.asked, r.open = len(e.nodes), len(e.nodes)
}

// spareSilent makes spares of silent nodes if a majority is left without them,
// of those whose votes count: so it comes after all else that prepares a round.
// r.mu is held.
func (r *round) spareSilent() {
	silent := 0
	for i := range r.slots {
		if s := &r.slots[i]; s.asked && !s.mute && s.node.box.Silent(r.call) {
			s.spare = true
			silent++
		}
	}
	if silent == 0 {
		return
	}
	enough := r.yes+r.open-silent >= r.engine.quorum
	for i := range r.slots {
		if s := &r.slots[i]; s.spare {
			s.spare = enough
			r.await(s, !enough)
		}
	}
}

// excuse does not ask node i, as its answer is known already.
func (r *round) excuse(i int, a answer) {
	s := &r.slots[i]
	if s.asked {
		s.asked = false
		r.asked--
	}
	r.await(s, false)
	s.answer = a
}

// mute does not count node i's vote, if it is asked.
func (r *round) mute(i int) {
	s := &r.slots[i]
	s.mute = true
	r.await(s, false)
}

// join counts on node i's answer from a call under way there, whose end records it.
func (r *round) join(i int) {
	r.excuse(i, answer{})
	r.slots[i].joins = true
	r.joins++
	r.await(&r.slots[i], true)
}

// run asks the nodes and reports whether a majority said yes. It returns with the
// decision, or when ctx ends.
func (r *round) run(ctx context.Context) bool {
	if r.mayInline(ctx) {
		if r.slots[0].node.box.Ask(r.request(0)) && r.isClosed() {
			return r.won
		}
		r.listen()
		return r.wait(ctx)
	}
	if r.begin() {
		return r.won
	}
	r.post()
	return r.wait(ctx)
}

// runThen is run without anybody who waits: then is called with the decision.
func (r *round) runThen(then func(*round)) {
	r.mu.Lock()
	r.then = then
	over := r.settledUnasked()
	closed := r.closed
	r.mu.Unlock()
	if closed {
		r.conclude()
	}
	if !over {
		r.post()
	}
}

// begin makes ready to wait. It reports true when there is nothing to wait for:
// joined nodes have decided already, or no majority can be had. What is to be
// released is sent even then.
func (r *round) begin() (over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.settledUnasked() {
		return true
	}
	r.signal()
	return false
}

// listen makes ready to wait for a call that is under way.
func (r *round) listen() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.signal()
}

// isClosed reports that the round is decided, or left.
func (r *round) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// signal makes the channel that tells of the decision. r.mu is held.
func (r *round) signal() {
	r.decided = r.engine.signal()
	if r.closed {
		r.decided <- struct{}{}
	}
}

// settledUnasked closes a round whose outcome is known before anybody is asked. It
// reports true when nobody is to be asked. r.mu is held.
func (r *round) settledUnasked() bool {
	r.posting = true
	if r.yes >= r.engine.quorum {
		r.won = true
		r.close()
	}
	if !r.closed {
		r.spareSilent()
	}
	if !r.closed && r.hopeless() {
		if r.purpose != toRelease {
			r.callOff()
		}
		r.close()
	}
	if r.asked == 0 {
		r.forgetValues()
	}
	return r.asked == 0 && r.closed
}

// closeIfDecided closes the round if nothing that may still come matters, and reports
// whether it has: the caller must call conclude. r.mu is held.
func (r *round) closeIfDecided() bool {
	r.won = r.yes >= r.engine.quorum
	if r.closed {
		return false
	}
	r.callSpares()
	if !r.decides() {
		return false
	}
	if r.won && r.agreed != "" {
		r.hold.agreeOn(r.agreed)
	}
	r.close()
	if r.decided != nil {
		r.decided <- struct{}{}
	}
	return true
}

// callSpares waits for spares after all once the others are too few: that they were
// silent is old news, and they may well answer. But two clients that have one node each
// would wait for one that is really silent as long as a call may take, and so on with
// every try; so a try that another client is in the way of waits as long again as it took
// to know that, and a little. r.mu is held.
func (r *round) callSpares() {
	if r.called || r.won || !r.hopeless() {
		return
	}
	r.called = true
	r.awaitSpares(true)
	if !r.hopeless() && r.contended() {
		time.AfterFunc(time.Since(r.began.Time)+spareTime, r.leaveSpares)
	}
}

// leaveSpares ends that wait.
func (r *round) leaveSpares() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.awaitSpares(false)
	over := r.closeIfDecided()
	r.mu.Unlock()
	if over {
		r.conclude()
	}
}

// awaitSpares has the round wait for the spares that may still answer in time, or not any
// more. r.mu is held.
func (r *round) awaitSpares(waited bool) {
	for i := range r.slots {
		if s := &r.slots[i]; s.spare && !s.answered && !s.late {
			r.await(s, waited)
		}
	}
}

// any reports that a node's answer is of some kind. r.mu is held.
func (r *round) any(is func(*heard) bool) bool {
	for i := range r.slots {
		if is(&r.slots[i].heard) {
			return true
		}
	}
	return false
}

// of returns what is known of node i now.
func (r *round) of(i int) heard {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.slots[i].heard
}

// contended reports that another client has what the round tries to get, or takes slots
// at the same time, as nodes that disagree show. r.mu is held.
func (r *round) contended() bool {
	return r.purpose == toGrant && (r.ballots != nil || r.any(func(s *heard) bool { return s.vote == voteTaken }))
}

// decides reports that nothing that may still come matters. r.mu is held.
func (r *round) decides() bool {
	if r.all {
		return r.open == 0
	}
	return r.won || r.hopeless() && !r.mayTellMore()
}

// mayTellMore reports that a refusal of slots is not understood yet, and can be: which
// slots are free on a majority is told by a majority, and half of the nodes refuse. It
// waits for no more nodes than a grant does. r.mu is held.
func (r *round) mayTellMore() bool {
	if r.purpose != toGrant || r.hold.spec.limit == 0 {
		return false
	}
	told := 0
	for i := range r.slots {
		if r.slots[i].grant != nil {
			told++
		}
	}
	return told < r.engine.quorum && told+r.open >= r.engine.quorum
}

// hopeless reports that no majority is left to be had. r.mu is held.
func (r *round) hopeless() bool { return r.yes+r.open < r.engine.quorum }

// callOff ends a round that asks nobody, and whose holds were told of calls.
func (r *round) callOff() {
	for i := range r.slots {
		if !r.slots[i].asked {
			continue
		}
		if r.purpose == toGrant {
			r.tellUnsent(i)
		}
		r.excuse(i, r.slots[i].answer)
	}
}

// tellUnsent lets the holds know that no call goes to node i after all.
func (r *round) tellUnsent(i int) {
	r.hold.unsent(i)
	if r.ticket != nil {
		r.ticket.unsent(i)
	}
}

// mayInline reports that the only node may be asked in the caller's goroutine, as
// nothing but the end of the call is to end the wait.
func (r *round) mayInline(ctx context.Context) bool {
	return len(r.slots) == 1 && r.asked == 1 && r.open == 1 && (ctx.Done() == nil || r.outlasts(ctx))
}

// request fills in the request to node i.
func (r *round) request(i int) *outbox.Request {
	r.users.Add(1)
	s := &r.slots[i]
	q := &s.Request
	q.Call, q.Bound, q.Token, q.Values, q.To = r.call, r.hold.spec.bound, r.hold.token.value, r.values, s
	q.Class, q.Alone = outbox.Ordinary, r.alone
	switch {
	case r.urgent:
		q.Class = outbox.Urgent
	case r.ticket.looks():
		q.Class, q.Patient = outbox.Looks, r.ticket.patient
	}
	return q
}

// post puts the calls into the outboxes.
func (r *round) post() {
	if r.asked > 1 {
		passages := make([]outbox.Passage, len(r.slots))
		for i := range r.slots {
			r.slots[i].Passage = &passages[i]
		}
	}
	for i := range r.slots {
		if s := r.inOrder(i); s.asked {
			s.node.box.Post(r.request(s.node.index))
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

// inOrder is the i-th node's slot, counted from the one that is asked first.
func (r *round) inOrder(i int) *slot { return &r.slots[(r.first+i)%len(r.slots)] }

// wait blocks until the round is decided or its caller has had enough. What another
// round's call will bring is not waited for any longer than a call of its own.
func (r *round) wait(ctx context.Context) bool {
	var over <-chan time.Time
	if r.joins > 0 {
		timer := r.engine.timer(r.hold.spec.bound)
		defer r.engine.drop(timer)
		over = timer.C
	}
	select {
	case <-r.decided:
	case <-ctx.Done():
		r.leave()
	case <-over:
		r.leave()
	}
	r.engine.signals.Put(r.decided)
	return r.won
}

// leave closes the round without a decision, unless one has come meanwhile.
func (r *round) leave() {
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

// close ends the caller's part. r.mu is held.
func (r *round) close() {
	r.closed = true
	for i := range r.slots {
		if s := &r.slots[i]; s.asked && !s.answered {
			s.background = true
		}
	}
}

// conclude does what a decision is followed by, outside every lock.
func (r *round) conclude() {
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

// settleUnsent sees to calls of a closed round that were not sent. Where it was won a
// slower node is to have the lease too, so they stay, behind those that are waited for.
// Else they are withdrawn, but for releases and renewals: the ones are owed, and the
// others bring back what the node may have lost.
func (r *round) settleUnsent() {
	for i := range r.slots {
		s := &r.slots[i]
		r.mu.Lock()
		pending := s.background && !s.answered
		r.mu.Unlock()
		switch {
		case !pending, r.purpose == toRelease, r.purpose == toExtend && r.won:
		case r.won && r.purpose == toGrant:
			s.node.box.Leave(&s.Request)
		case s.node.box.Withdraw(&s.Request):
			r.finish(s, answer{vote: voteError})
		}
	}
}

// finish records a node's answer. The hold hears of it first, so that whoever
// acts on the decision finds the hold up to date.
func (r *round) finish(s *slot, a answer) {
	defer r.done()
	n := s.node
	a = r.understood(a)
	if r.purpose == toRelease {
		a = r.hold.released(n, a)
	}
	owed := r.tell(n, a)
	late := r.record(n, a)
	if owed {
		r.hold.settle(n)
	}
	if r.purpose == toGrant {
		r.hold.inherit(n)
	}
	switch {
	case !late:
	case !r.won:
		if r.purpose == toExtend || r.purpose == toCheck {
			r.hold.deny(r)
		}
	case r.purpose == toExtend:
		r.hold.mendAt(n, s.mute, a)
	case a.grant.differs(r.agreed):
		r.hold.alignAt(n)
	}
}

// tell lets the hold know of an answer. It reports whether the node must be settled
// once the answer is recorded.
func (r *round) tell(n *node, a answer) (owed bool) {
	if a.contested || a.vote == voteTaken {
		r.hold.contest(n)
	}
	if r.ticket != nil {
		r.ticket.learn(n, a)
	}
	if r.extends() {
		r.hold.met(n, a)
	}
	if r.purpose == toExtend && a.vote == voteYes {
		r.hold.noteThere(n)
	}
	return r.purpose == toGrant && r.hold.learn(n, a)
}

// agree counts a yes. Nodes that granted slots agree when they granted the same,
// which takes no ballots as long as they all do. r.mu is held.
func (r *round) agree(g *grant) {
	switch {
	case g == nil:
		r.yes++
	case r.ballots == nil && (r.yes == 0 || g.slots == r.agreed):
		r.yes, r.agreed = r.yes+1, g.slots
	default:
		r.elect(g.slots)
	}
}

// elect counts a yes where nodes disagree. r.mu is held.
func (r *round) elect(slots string) {
	if r.ballots == nil {
		r.ballots = map[string]int{r.agreed: r.yes}
	}
	r.ballots[slots]++
	if n := r.ballots[slots]; n > r.yes {
		r.yes, r.agreed = n, slots
	}
}

// record counts an answer, closes the round if that decides it, and reports
// whether the answer came after the close.
func (r *round) record(n *node, a answer) (late bool) {
	r.mu.Lock()
	s := &r.slots[n.index]
	if s.asked && !s.answered {
		if r.back++; r.back == r.asked {
			r.forgetValues()
		}
	}
	s.answer, s.answered = a, true
	if r.closed {
		r.mu.Unlock()
		return true
	}
	r.await(s, false)
	if !s.mute && a.vote == voteYes {
		r.noteStart(s)
		r.agree(a.grant)
		r.fences.add(a.fence)
	}
	over := r.closeIfDecided()
	r.mu.Unlock()
	if over {
		r.conclude()
	}
	return false
}

// forgetValues lets go of the caller's ctx once no call is under way: the round may last
// as long as the hold. r.mu is held.
func (r *round) forgetValues() {
	r.values = nil
	for i := range r.slots {
		r.slots[i].Values, r.slots[i].Passage = nil, nil // of which one has the others' in its memory
	}
}

// noteStart has validity count from before the first of the votes was sent: no node
// can have begun the lease's lifetime any earlier. r.mu is held.
func (r *round) noteStart(s *slot) {
	if sent := s.Sent(); !sent.IsZero() && (r.start.IsZero() || sent.Before(r.start.Time)) {
		r.start = sent
	}
}

// denied reports that so many nodes have nothing of ours that a majority can
// not have it, however the others would answer.
func (r *round) denied() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for i := range r.slots {
		if s := &r.slots[i]; s.vote == voteTaken || s.vote == voteMissing || s.err == errNeverGranted {
			n++
		}
	}
	return n > len(r.slots)-r.engine.quorum
}

// causes says, node by node, what stood in the way of a majority.
func (r *round) causes() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var taken []int
	var rest []error
	held := 0 // of taken: by more than one who waits
	for i := range r.slots {
		switch s := &r.slots[i]; {
		case s.vote == voteTaken:
			taken = append(taken, i)
			if !s.contested {
				held++
			}
		case s.vote == voteMissing:
			rest = append(rest, nodeExpired(i))
		case s.err != nil:
			rest = append(rest, r.engine.nodes[i].error(s.err))
		case !r.won && !s.background && s.grant.differs(r.agreed):
			rest = append(rest, r.engine.nodes[i].error(errDisagrees))
		case r.left && (s.background || s.joins), !r.won && s.spare && s.background:
			rest = append(rest, r.engine.nodes[i].error(errNoAnswer))
		}
	}
	var errs []error
	if spare := len(r.slots) - r.engine.quorum; len(taken) <= spare || held > spare {
		errs = append(takenBy(taken, spare), rest...)
	} else {
		errs = append([]error{contested(taken)}, rest...)
	}
	if len(errs) == 0 {
		return []error{errNoMajority}
	}
	return errs
}

// takenBy tells of the nodes where somebody else holds the lock, in Redsync's
// terms: as one error when they alone make a majority impossible, as more than can be
// spared, else node by node. It says the same whether or not other nodes have answered.
func takenBy(nodes []int, spare int) []error {
	if len(nodes) > spare {
		return []error{&ErrTaken{Nodes: nodes}}
	}
	var errs []error
	for _, i := range nodes {
		errs = append(errs, &ErrNodeTaken{Node: i})
	}
	return errs
}
