package redlock

import (
	"container/list"
	"context"
	"sync"
	"time"
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
	asking  bool          // a reader at the head asks the nodes …
	asked   chan struct{} // … and closes this when it has its answer; nil between two tries
	lease   *lease        // nil unless readers have the place
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
func (l *line) enter(ctx context.Context, p *pace) (*hold, error) {
	l.mu.Lock()
	if l.free() {
		l.writing = true
		l.mu.Unlock()
		return nil, nil
	}
	t := &turn{called: make(chan struct{})}
	_, err := l.wait(ctx, p, t)
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

// awaitedByReaders reports whether a reader is next.
func (l *line) awaitedByReaders() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.waiting.Front()
	return at != nil && at.Value.(*turn).reads
}

// lend ends a writer's turn with a lease for the reader that is next, and calls begin
// before anybody reads. Those behind it may join. Where no reader is next any more
// it does nothing, and reports false.
func (l *line) lend(got *lease, begin func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.waiting.Front()
	if at == nil || !at.Value.(*turn).reads {
		return false
	}
	begin()
	t := l.waiting.Remove(at).(*turn)
	t.joined = true
	l.give(got)
	close(t.called)
	l.advance()
	return true
}

// give gives a writer's place to a lease with one reader. l.mu is held.
func (l *line) give(to *lease) {
	l.writing, l.lease = false, to
	to.readers = 1
	to.open(l.engine)
}

// enterReader waits for a reader's turn, and reports whether it has joined the
// lease. If not, the caller is the one to ask the nodes, and must call answered.
func (l *line) enterReader(ctx context.Context, p *pace) (joined bool, err error) {
	l.mu.Lock()
	if p.spent() {
		if err := l.awaitAnswer(ctx); err != nil {
			l.mu.Unlock()
			return false, err
		}
	}
	if l.waiting.Len() == 0 && !l.writing && !l.asking {
		joined := l.admit()
		l.mu.Unlock()
		return joined, nil
	}
	return l.wait(ctx, p, &turn{reads: true, called: make(chan struct{})})
}

// awaitAnswer lets a reader that does not wait for others profit from a question
// to the nodes that is under way, which is as good as its own. l.mu is held.
func (l *line) awaitAnswer(ctx context.Context) error {
	if l.asked == nil || l.waiting.Len() > 0 {
		return nil
	}
	asked := l.asked
	l.mu.Unlock()
	defer l.mu.Lock()
	select {
	case <-asked:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// admit gives a reader its turn, and reports whether it has joined the lease.
// l.mu is held.
func (l *line) admit() (joined bool) {
	if l.joinable() {
		l.lease.readers++
		return true
	}
	l.asking, l.asked = true, make(chan struct{})
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
func (l *line) wait(ctx context.Context, p *pace, t *turn) (joined bool, err error) {
	if p.spent() {
		l.mu.Unlock()
		return false, errSpent
	}
	at := l.waiting.PushBack(t)
	l.mu.Unlock()
	if err := p.pauseUntil(ctx, t.called); err != nil {
		return l.withdraw(at, t, err)
	}
	return t.joined, nil
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
		l.waiting.Remove(at)
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
		l.waiting.Remove(at)
		close(t.called)
	}
}

// begin is called before each try but the first of a reader that asks.
func (l *line) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked == nil {
		l.asked = make(chan struct{})
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
	got.open(l.engine)
	l.stopAsking()
	l.advance()
	return true
}

// refused tells those who only wanted to know that the nodes have refused; the
// reader goes on asking.
func (l *line) refused() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endTry()
}

// giveUp ends a reader's asking without success.
func (l *line) giveUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopAsking()
	l.advance()
}

func (l *line) stopAsking() {
	l.asking = false
	l.endTry()
}

func (l *line) endTry() {
	if l.asked != nil {
		close(l.asked)
		l.asked = nil
	}
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
	l.advance()
}
