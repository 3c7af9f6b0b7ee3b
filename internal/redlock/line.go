package redlock

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/backoff"
)

// joinWindow is how long after its grant, or after an extension that met no
// waiting writer, a lease takes in further readers without asking the nodes. A
// writer that begins to wait meanwhile waits for these readers too, so it is
// short. It need not be longer, as readers that come while the nodes are being
// asked are let in together.
const joinWindow = time.Millisecond

// line is the line of goroutines that share one read-write lock object, in the
// order in which they came. A writer has the object's place alone. Readers have
// it together, for as long as their lease has readers; of them one at a time asks
// the nodes, for a lease or to have itself and those behind it let into the
// present one, and nobody passes it meanwhile.
type line struct {
	engine *Engine

	mu      sync.Mutex
	waiting list.List     // of *turn
	writing bool          // a writer has the place
	writers int           // of those who wait
	asking  bool          // a reader at the head asks the nodes …
	asked   *question     // … this; nil between two tries …
	recall  chan struct{} // … when it looks again if this is closed
	lease   *lease        // nil unless readers have the place
}

// question is one try of the reader that asks. Readers that do not wait for others share
// the answer.
type question struct {
	over    chan struct{} // closed with the answer
	sharing int           // how many wait for it; none once it is there
	granted bool          // they have joined the lease
	causes  []error       // why not, if the nodes have refused
}

// turn is a goroutine in the line. called is closed when its turn has come: a
// writer has the place then, a reader has joined the lease or is the one to ask.
type turn struct {
	reads  bool
	joined bool
	hold   *hold // a writer's, if it need not acquire one
	called chan struct{}
}

// lease is one read hold that goroutines share. Its fields are the line's to
// guard.
type lease struct {
	hold    *hold
	readers int
	ofDo    bool          // one of them is a Do's, by Downgrade, and nobody has called RUnlock since
	closes  time.Time     // when nobody joins it any more without asking the nodes
	over    chan struct{} // closed when the last reader has given it back
}

func newLease(h *hold) *lease { return &lease{hold: h, over: make(chan struct{})} }

// enter waits for a writer's turn, which may come with a hold. On error the
// caller has nothing to give back but the hold, if there is one.
func (l *line) enter(ctx context.Context, by *tries) (*hold, error) {
	l.mu.Lock()
	if l.free() {
		l.writing = true
		l.mu.Unlock()
		return nil, nil
	}
	t := &turn{called: make(chan struct{})}
	_, err := l.wait(ctx, by, t)
	return t.hold, err
}

// leave ends a writer's turn. If a writer is next it gets h, where that is not
// nil; else h is returned.
func (l *line) leave(h *hold) *hold {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = false
	return l.pass(h)
}

// pass calls all whose turn it is. The hold goes to the first of them, if that is
// a writer; else it is returned. l.mu is held.
func (l *line) pass(h *hold) *hold {
	if at := l.waiting.Front(); at != nil && !at.Value.(*turn).reads {
		at.Value.(*turn).hold, h = h, nil
	}
	l.advance()
	return h
}

// awaited reports whether a writer is next.
func (l *line) awaited() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.waiting.Front()
	return at != nil && !at.Value.(*turn).reads
}

// give gives a writer's place to a lease with one reader. l.mu is held.
func (l *line) give(to *lease) {
	l.writing, l.lease = false, to
	to.readers = 1
	to.open(l.engine)
}

// enterReader waits for a reader's turn, and reports whether it has joined the
// lease. If not, the caller is the one to ask the nodes, and must call answered.
func (l *line) enterReader(ctx context.Context, by *tries) (joined bool, err error) {
	l.mu.Lock()
	if by.Exhausted() {
		return l.tryReader(ctx)
	}
	if l.waiting.Len() == 0 && !l.writing && !l.asking {
		joined := l.admit()
		l.mu.Unlock()
		return joined, nil
	}
	return l.wait(ctx, by, &turn{reads: true, called: make(chan struct{})})
}

// tryReader is enterReader for one that does not wait for others. In its way are writers
// of the process alone: other readers stand in line until one of them has asked the nodes,
// and it shares the answer. A refusal may be from before the call if the question is; then
// the next one counts, which is asked at once. l.mu is held, and given back.
func (l *line) tryReader(ctx context.Context) (joined bool, err error) {
	defer l.mu.Unlock()
	for old := l.asked; !l.writing && l.writers == 0; {
		if !l.asking {
			return l.admit(), nil
		}
		q := l.inquire()
		if err := l.share(ctx, q); err != nil || q.granted {
			return q.granted, err
		}
		if q.causes != nil && q != old {
			return false, turnedAway(q.causes)
		}
	}
	return false, backoff.ErrExhausted
}

// inquire is the question that is under way, or else one that the reader which asks is
// called to at once. l.mu is held.
func (l *line) inquire() *question {
	if l.asked == nil {
		l.asked = newQuestion()
		l.callBack()
	}
	return l.asked
}

// callBack ends the pause of the reader that asks. l.mu is held.
func (l *line) callBack() {
	if l.recall != nil {
		close(l.recall)
		l.recall = nil
	}
}

// share waits for a question's answer. One that gives up keeps a share that came at the
// same moment: to give it back might take a round trip. l.mu is held, but not meanwhile.
func (l *line) share(ctx context.Context, q *question) error {
	q.sharing++
	l.mu.Unlock()
	select {
	case <-q.over:
		l.mu.Lock()
		return nil
	case <-ctx.Done():
	}
	err := ctx.Err()
	l.mu.Lock()
	if q.granted {
		return nil
	}
	q.sharing--
	return err
}

func newQuestion() *question { return &question{over: make(chan struct{})} }

// turnedAway is why the nodes have refused a reader that shared another one's question.
type turnedAway []error

func (turnedAway) Error() string { return backoff.ErrExhausted.Error() }

// admit gives a reader its turn, and reports whether it has joined the lease.
// l.mu is held.
func (l *line) admit() (joined bool) {
	if l.joinable() {
		l.lease.readers++
		return true
	}
	l.asking, l.asked = true, newQuestion()
	return false
}

// joinable reports that a reader may join the lease without asking the nodes.
// l.mu is held.
func (l *line) joinable() bool {
	if l.lease == nil || l.lease.readers == 0 {
		return false
	}
	now, h := l.engine.now(), l.lease.hold
	return now.Before(l.lease.closes) && !h.validity().ended(now) && h.contested() == nil
}

// free reports that nobody has the place, nor waits for it. l.mu is held.
func (l *line) free() bool {
	return l.waiting.Len() == 0 && !l.writing && !l.asking && l.lease == nil
}

// wait puts t at the end of the line. l.mu is held, and given back.
func (l *line) wait(ctx context.Context, by *tries, t *turn) (joined bool, err error) {
	if by.Exhausted() {
		l.mu.Unlock()
		return false, backoff.ErrExhausted
	}
	at := l.push(t)
	l.mu.Unlock()
	if err := by.PauseUntil(ctx, t.called); err != nil {
		return l.withdraw(at, t, err)
	}
	return t.joined, nil
}

// push puts a turn at the end of the line. l.mu is held.
func (l *line) push(t *turn) *list.Element {
	if !t.reads {
		l.writers++
	}
	return l.waiting.PushBack(t)
}

// remove takes a turn out. l.mu is held.
func (l *line) remove(at *list.Element) *turn {
	t := l.waiting.Remove(at).(*turn)
	if !t.reads {
		l.writers--
	}
	return t
}

// withdraw leaves the line because of err. If the turn came at the same moment it
// goes on to the next; a lease that was joined is kept, and err forgotten, as
// giving it back might take a round trip.
func (l *line) withdraw(at *list.Element, t *turn, err error) (joined bool, _ error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-t.called:
	default:
		l.remove(at)
		l.advance() // it may have been a writer that kept readers waiting
		return false, err
	}
	switch {
	case t.joined:
		return true, nil
	case t.reads:
		l.stopAsking()
	default:
		l.writing = false
	}
	t.hold = l.pass(t.hold)
	return false, err
}

// advance calls all whose turn it is. l.mu is held.
func (l *line) advance() {
	for at := l.waiting.Front(); at != nil && !l.writing && !l.asking; at = l.waiting.Front() {
		t := at.Value.(*turn)
		if !t.reads && l.lease != nil {
			return
		}
		if t.reads {
			t.joined = l.admit()
		} else {
			l.writing = true
		}
		l.remove(at)
		close(t.called)
	}
}

// begin is called before each try but the first of a reader that asks.
func (l *line) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recall = nil
	if l.asked == nil {
		l.asked = newQuestion()
	}
}

// admitted ends a reader's asking: it has got a lease, or got into the present
// one. It reports false, and the reader must go on, if that has ended meanwhile.
func (l *line) admitted(got *lease) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if got.isOver() || l.lease != nil && (l.lease != got || got.readers == 0) {
		return false
	}
	l.lease = got
	got.readers++
	if q := l.asked; q != nil {
		got.readers += q.sharing
		q.granted = true
	}
	got.open(l.engine)
	l.stopAsking()
	l.advance()
	return true
}

// refused tells those who share the question why the nodes have refused. The reader goes
// on asking, and looks again early when the channel is closed.
func (l *line) refused(causes []error) (recall <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked != nil {
		l.asked.causes = causes
	}
	l.endTry()
	l.recall = make(chan struct{})
	return l.recall
}

// giveUp ends a reader's asking without success.
func (l *line) giveUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopAsking()
	l.advance()
}

func (l *line) stopAsking() {
	l.asking, l.recall = false, nil
	l.endTry()
}

func (l *line) endTry() {
	if l.asked != nil {
		close(l.asked.over)
		l.asked.sharing, l.asked = 0, nil
	}
}

// inTheWay is what keeps out one whose tries were spent in the line.
func (l *line) inTheWay() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.writing && l.writers > 0 {
		return contested(nil)
	}
	return &ErrTaken{}
}

// current returns the lease that readers have now, or nil, and whether it is
// being given back.
func (l *line) current() (now *lease, ending bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lease, l.lease != nil && l.lease.readers == 0
}

// endedMeanwhile reports that a lease which was the current one is none any more,
// or is being given back.
func (l *line) endedMeanwhile(was *lease) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lease != was || was.readers == 0
}

// convert gives a writer's place to a lease with one reader.
func (l *line) convert(to *lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.give(to)
	l.advance()
}

// isOver reports that the lease was given back.
func (s *lease) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// open lets others join for a short while.
func (s *lease) open(e *Engine) { s.closes = e.now().Add(joinWindow) }

// part gives one reader's share of the lease back. It reports which lease that
// was, if any, and whether it was the last reader's: then the caller must release
// the lease, and call parted.
func (l *line) part() (from *lease, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lease == nil || l.lease.readers == 0 {
		return nil, false
	}
	return l.less()
}

// less takes one reader's share from the lease. l.mu is held.
func (l *line) less() (from *lease, last bool) {
	l.lease.readers--
	return l.lease, l.lease.readers == 0
}

// takenFromDo notes that RUnlock was called. If fn of a Do that has downgraded its hold
// calls it, Do has nothing to give back; and if another reader does, nobody can tell
// that from fn's call. To give back too much would take the lease from those who read.
func (l *line) takenFromDo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lease != nil {
		l.lease.ofDo = false
	}
}

// partOfDo is part for the share that Do has of h, if it still has one.
func (l *line) partOfDo(h *hold) (from *lease, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lease == nil || l.lease.hold != h || !l.lease.ofDo {
		return nil, false
	}
	l.lease.ofDo = false
	return l.less()
}

// parted ends a lease that was released.
func (l *line) parted(from *lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lease = nil
	close(from.over)
	l.callBack()
	l.advance()
}
