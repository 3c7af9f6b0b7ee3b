package redlock

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

// fewNodes is the number of nodes up to which nothing needs a slice of its own:
// with one node, what a call costs in memory shows; with more it does not.
const fewNodes = 1

// round asks the nodes one question, with one call, and decides by majority.
//
// Its caller waits for the decision and not for stragglers: "yes" stands with
// the majority's last yes, "no" as soon as too few nodes are left for a
// majority. An answer that comes later is still recorded, and told to the hold
// where that matters; until then the call counts as background work of its node.
//
// A round is prepared by invite, excuse, mute and join, and then run, once.
type round struct {
	engine  *Engine
	hold    *hold // whose token the call carries
	call    driver.Call
	ctx     callContext
	start   instant // just before the first request
	purpose purpose
	mark    *mark // that the call may leave, if any
	from    *hold // whose token the call takes away, to put the hold's in its place, if any

	mu      sync.Mutex
	slots   []slot // one a node
	few     [fewNodes]slot
	yes     int            // votes that agree
	ballots map[string]int // where nodes disagree on slots: how many granted each set
	agreed  string         // the set that most nodes granted
	fences  fences         // the numbers that came with the votes, if any
	open    int            // votes that may still come
	all     bool           // not decided before every node has answered
	closed  bool           // decided, or its caller has gone
	left    bool           // closed by the caller, undecided
	spares  spares
	won     bool
	decided chan struct{} // receives once, when a decision closes a running round
	wave    chan<- *round // gets the round then, if it runs in a wave

	asked int          // slots with a pass
	back  int          // of these: calls that have returned
	first int          // the node whose turn is first
	turn  atomic.Int32 // how many turns were taken
}

// purpose is what a call may do to a node, beyond telling.
type purpose uint8

const (
	toCheck   purpose = iota // nothing that needs to be followed up
	toGrant                  // it may put the token there: the hold must hear
	toRelease                // it may take the token away: the hold must hear
	toExtend                 // once won, nodes that have nothing are repaired
)

// spares is whether a round waits for the spares among its nodes.
type spares uint8

const (
	sparesLeft   spares = iota // not as long as the others may be enough
	sparesCalled               // the others are not enough
	sparesLate                 // they were not enough, and somebody else waits
)

// slot is what a round knows of one node.
type slot struct {
	answer
	pass       pass
	mute       bool // asked, but its vote does not count
	spare      bool // its vote counts if it comes, but nobody waits for it
	joins      bool // will be asked by another round's goroutine
	answered   bool
	background bool // had no answer yet when the round closed
}

// newRound prepares a round of call for h.
func newRound(ctx context.Context, h *hold, call driver.Call, p purpose) *round {
	r := new(round)
	r.init(ctx, h, call, p)
	return r
}

func (r *round) init(ctx context.Context, h *hold, call driver.Call, p purpose) {
	e := h.spec.engine
	r.engine, r.hold, r.call, r.purpose = e, h, call, p
	r.start = e.now()
	r.ctx = callContext{window: e.windows.within(r.start.Time, h.spec.bound), values: ctx}
	if n := len(e.nodes); n > fewNodes {
		r.slots = make([]slot, n)
	} else {
		r.slots = r.few[:n]
	}
	if h.spec.ShufflePools {
		r.first = rand.IntN(len(e.nodes))
	}
	r.invite()
}

// invite gives a pass to each node that its gate admits, and to those that are needed.
func (r *round) invite() {
	for i, n := range r.engine.nodes {
		if p := n.gate.admit(r.start.Time); p != noPass {
			r.admit(i, p)
		} else {
			r.slots[i].err = errSaturated
		}
	}
	r.inviteNeeded()
}

// inviteNeeded gives passes to nodes behind shut gates when too few others are left
// for a majority, of those whose votes count: so it comes again after what takes votes
// away. All of them get one, as nobody knows which is well by now. The caller will wait
// for them, so they are no background work.
func (r *round) inviteNeeded() {
	if !r.hopeless() {
		return
	}
	for i := range r.slots {
		if s := &r.slots[i]; s.err == errSaturated && !s.mute {
			s.err = nil
			r.admit(i, freePass)
		}
	}
}

// spareSilent makes spares of silent nodes if a majority is left without them,
// of those whose votes count: so it comes after all else that prepares a round.
// r.mu is held.
func (r *round) spareSilent() {
	silent := 0
	for i, n := range r.engine.nodes {
		if s := &r.slots[i]; s.pass != noPass && !s.mute && n.gate.silent.Load() {
			s.spare = true
			silent++
		}
	}
	if silent == 0 {
		return
	}
	if r.yes+r.open-silent >= r.engine.quorum {
		r.open -= silent
		return
	}
	for i := range r.slots {
		r.slots[i].spare = false
	}
}

func (r *round) admit(i int, p pass) {
	r.slots[i].pass = p
	r.asked++
	r.open++
}

// excuse takes node i's invitation back, as its answer is known already.
func (r *round) excuse(i int, a answer) {
	s := &r.slots[i]
	if s.pass != noPass {
		r.engine.nodes[i].gate.giveBack(s.pass)
		s.pass = noPass
		r.asked--
		r.open--
	}
	s.answer = a
}

// mute does not count node i's vote, if it is asked.
func (r *round) mute(i int) {
	s := &r.slots[i]
	s.mute = true
	if s.pass != noPass {
		r.open--
	}
}

// join counts on node i's answer from the goroutine of a call under way there,
// which then records it.
func (r *round) join(i int) {
	r.excuse(i, answer{})
	r.slots[i].joins = true
	r.open++
}

// run asks the invited nodes and reports whether a majority said yes. It
// returns with the decision, when ctx ends, or at the end of the call's window.
func (r *round) run(ctx context.Context) bool {
	if r.inline(ctx) {
		return r.won
	}
	if r.begin() {
		return r.won
	}
	ask := r.askNext // one value for all goroutines
	for range r.asked {
		go ask()
	}
	return r.wait(ctx)
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
	r.decided = r.engine.signal()
	if r.closed {
		r.decided <- struct{}{}
	}
	return false
}

// beginIn is begin for a round that runs in a wave.
func (r *round) beginIn(wave chan<- *round) (over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wave = wave
	return r.settledUnasked()
}

// settledUnasked closes a round whose outcome is known before anybody is asked. It
// reports true when nobody is to be asked. r.mu is held.
func (r *round) settledUnasked() bool {
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
		r.ctx.forget()
	}
	return r.asked == 0 && r.closed
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
	if r.purpose != toGrant || r.hold.spec.limit == 0 || r.from != nil {
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
	if r.purpose == toGrant {
		for i := range r.slots {
			if r.slots[i].pass != noPass {
				r.tellUnsent(i)
			}
		}
	}
	r.giveBackAll()
}

// tellUnsent lets the holds know that no call goes to node i after all.
func (r *round) tellUnsent(i int) {
	r.hold.unsent(i)
	if r.mark != nil {
		r.mark.unsent(i)
	}
	if r.from != nil {
		r.from.unsent(i)
	}
}

// giveBackAll returns the passes of a round that asks nobody.
func (r *round) giveBackAll() {
	for i := range r.slots {
		r.excuse(i, r.slots[i].answer)
	}
}

// inline asks the only node in the caller's goroutine, when its driver keeps the
// deadline and nothing else is to end the wait.
func (r *round) inline(ctx context.Context) bool {
	if len(r.slots) != 1 || r.asked != 1 || ctx.Done() != nil && !r.outlasts(ctx) {
		return false
	}
	n := r.engine.nodes[0]
	a, ok := n.askBounded(&r.ctx, &r.call)
	if ok {
		r.finish(n, a)
	}
	return ok
}

// wait blocks until the round is decided or its caller has had enough.
func (r *round) wait(ctx context.Context) bool {
	select {
	case <-r.decided:
	case <-ctx.Done():
		r.leave()
	case <-r.ctx.over:
		r.leave()
		r.noteSilence()
	}
	r.engine.signals.Put(r.decided)
	return r.won
}

// leave closes the round without a decision, unless one has come meanwhile.
func (r *round) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		<-r.decided // so that the channel can be used again
		return
	}
	r.left = true
	r.close()
}

// leaveWave is leave for a round that runs in a wave, at the end of the calls' time.
func (r *round) leaveWave() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.left = true
	r.close()
	r.tellDecision()
	r.mu.Unlock()
	r.noteSilence()
}

// noteSilence marks the nodes that have had all the time of a call, and have not
// answered.
func (r *round) noteSilence() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, n := range r.engine.nodes {
		if r.slots[i].background && !r.slots[i].answered {
			n.gate.silent.Store(true)
		}
	}
}

// close ends the caller's part. What is still without an answer becomes
// background work. r.mu is held.
func (r *round) close() {
	r.closed = true
	for i := range r.slots {
		if s := &r.slots[i]; s.pass != noPass && !s.answered {
			s.background = true
			r.engine.nodes[i].gate.background.Add(1)
		}
	}
}

// askNext takes the next asked node's turn: one call, to its end.
func (r *round) askNext() {
	n := r.nextNode()
	r.finish(n, n.ask(&r.ctx, &r.call))
}

// nextNode finds the turn's node: the turn-th of those with a pass, counted
// from first. Passes do not change while a round runs.
func (r *round) nextNode() *node {
	turn := int(r.turn.Add(1))
	for i := 0; ; i++ {
		at := (r.first + i) % len(r.slots)
		if r.slots[at].pass == noPass {
			continue
		}
		if turn--; turn == 0 {
			return r.engine.nodes[at]
		}
	}
}

// finish records a node's answer. The hold hears of it first, so that whoever
// acts on the decision finds the hold up to date.
func (r *round) finish(n *node, a answer) {
	a = r.understood(a)
	if r.purpose == toRelease {
		a = r.hold.released(n, a)
	}
	owed, of := r.tell(n, a)
	owedFrom := r.from != nil && r.from.handed(n, a)
	late := r.record(n, a)
	if owed {
		r.hold.settle(n)
	}
	if owedFrom {
		r.from.settle(n)
	}
	if of != r.hold && a.vote == voteYes {
		of.inherit(n)
		return
	}
	switch {
	case !late:
	case !r.won:
		if r.purpose == toExtend || r.purpose == toCheck {
			r.hold.deny(r)
		}
	case r.purpose == toExtend:
		r.hold.mendAt(n, r.slots[n.index].mute, a)
	case a.grant.differs(r.agreed):
		r.hold.alignAt(n)
	}
}

// tell lets the hold know of an answer. It reports whether the node must be settled
// once the answer is recorded, and returns the hold whose the answer is.
func (r *round) tell(n *node, a answer) (owed bool, of *hold) {
	if a.contested || a.vote == voteTaken {
		r.hold.contest(n)
	}
	if r.mark != nil {
		r.mark.learn(n, a)
	}
	if r.extends() {
		r.hold.met(n, a)
	}
	if r.purpose == toGrant {
		return r.hold.learnFor(n, a)
	}
	return false, r.hold
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
	defer r.mu.Unlock()
	s := &r.slots[n.index]
	if s.pass != noPass && !s.answered {
		if r.back++; r.back == r.asked {
			r.ctx.forget() // the round may last as long as the hold
		}
	}
	s.answer, s.answered = a, true
	n.gate.giveBack(s.pass)
	if s.background {
		n.gate.background.Add(-1)
	}
	if r.closed {
		return true
	}
	if !s.mute {
		if !s.spare || r.spares == sparesCalled {
			r.open--
		}
		if a.vote == voteYes {
			r.agree(a.grant)
			r.fences.add(a.fence)
		}
	}
	r.won = r.yes >= r.engine.quorum
	r.callSpares()
	r.decide()
	return false
}

// decide closes the round if nothing that may still come matters. r.mu is held.
func (r *round) decide() {
	if !r.decides() {
		return
	}
	if r.won && r.agreed != "" {
		r.hold.agreeOn(r.agreed)
	}
	r.close()
	r.tellDecision()
}

// callSpares waits for spares after all once the others are too few: that they were
// silent is old news, and they may well answer. But two clients that have one node each
// would wait for one that is really silent as long as a call may take, and so on with
// every try; so a try that somebody else is in the way of waits as long again as it
// took to know that, and a little. r.mu is held.
func (r *round) callSpares() {
	if r.spares != sparesLeft || r.won || !r.hopeless() {
		return
	}
	r.spares = sparesCalled
	r.open += r.sparesDue()
	if !r.hopeless() && r.contended() {
		time.AfterFunc(time.Since(r.start.Time)+patience, r.leaveSpares)
	}
}

// leaveSpares ends that wait.
func (r *round) leaveSpares() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.open -= r.sparesDue()
	r.spares = sparesLate
	r.decide()
}

// sparesDue counts the spares that have not answered. r.mu is held.
func (r *round) sparesDue() (n int) {
	for i := range r.slots {
		if s := &r.slots[i]; s.spare && !s.answered {
			n++
		}
	}
	return n
}

// contended reports that somebody else has what the round tries to get. r.mu is held.
func (r *round) contended() bool {
	return r.purpose == toGrant && slices.ContainsFunc(r.slots, func(s slot) bool { return s.vote == voteTaken })
}

// tellDecision wakes whoever waits for the round. r.mu is held.
func (r *round) tellDecision() {
	if r.decided != nil {
		r.decided <- struct{}{}
	}
	if r.wave != nil {
		r.wave <- r
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
	causes := r.obstacles()
	for _, cause := range causes {
		if e, ok := cause.(*RedisError); ok {
			r.engine.nodes[e.Node].explain(e)
		}
	}
	return causes
}

// obstacles are the causes as the round knows them.
func (r *round) obstacles() []error {
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
	if spare := len(r.slots) - r.engine.quorum; len(taken) <= spare || held > spare {
		return append(takenBy(taken, spare), rest...)
	}
	return append([]error{contested(taken)}, rest...)
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
