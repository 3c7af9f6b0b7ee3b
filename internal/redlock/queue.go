package redlock

import (
	"context"
	"sync"

	"github.com/holdfast-go/holdfast/internal/redlock/backoff"
	"github.com/holdfast-go/holdfast/internal/redlock/fifo"
)

// queue is the goroutines that share one lock object. One at a time has the object's place:
// only it talks to the nodes, and it keeps the place until its lease is given back. The
// others wait in the order in which they came. Where there are readers, these have the place
// together: see readers.
type queue struct {
	mu      sync.Mutex
	waiting fifo.Queue[turn]
	taken   bool     // a goroutine has the place for itself
	sharing *sharing // what readers have of it; nil where there are none
}

// turn is what a goroutine waits for, and then what it was called for.
type turn struct {
	reads  bool
	joined bool   // it reads, and has joined the shared lease; else it is the one to ask
	lease  *lease // a lease that was passed on, so that it need not acquire one
}

// enter waits for the place, which may come with a lease. On error the caller has no place,
// and nothing to give back but the lease, if there is one.
func (q *queue) enter(ctx context.Context, by *tries) (*lease, error) {
	q.mu.Lock()
	if q.free() {
		q.taken = true
		q.mu.Unlock()
		return nil, nil
	}
	t, err := q.wait(ctx, by, turn{})
	return t.lease, err
}

// free reports that no goroutine has the place, nor waits for it. q.mu is held.
func (q *queue) free() bool {
	return !q.taken && q.waiting.First() == nil && (q.sharing == nil || q.sharing.free())
}

// wait puts t at the end of the queue, and returns what it was called for. q.mu is held, and
// given back.
func (q *queue) wait(ctx context.Context, by *tries, t turn) (turn, error) {
	if by.Exhausted() {
		q.mu.Unlock()
		return turn{}, backoff.ErrExhausted
	}
	p := q.waiting.Enter(t)
	q.mu.Unlock()
	err := by.PauseUntil(ctx, p.Called())
	if err == nil {
		return p.Value, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting.Leave(p) {
		q.advance() // it may have been a writer that kept readers waiting
		return turn{}, err
	}
	return q.handOn(p.Value, err)
}

// handOn is for a turn that came to a goroutine which gives up because of err. A shared lease
// that was joined is kept, and err forgotten, as giving it back might take a round trip.
// Everything else goes on to the next, and a lease is returned without a next. q.mu is held.
func (q *queue) handOn(t turn, err error) (turn, error) {
	switch {
	case t.joined:
		return t, nil
	case t.reads:
		q.sharing.stopAsking()
	default:
		q.taken = false
	}
	return turn{lease: q.pass(t.lease)}, err
}

// leave gives the place to those who are next, with a lease if h is not nil. It returns h if
// no other is there to take it.
func (q *queue) leave(l *lease) *lease {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken = false
	return q.pass(l)
}

// pass is leave for a place that is free already. q.mu is held.
func (q *queue) pass(l *lease) *lease {
	if p := q.waiting.First(); p != nil && !p.Value.reads {
		p.Value.lease, l = l, nil
	}
	q.advance()
	return l
}

// advance calls all whose turn it is. q.mu is held.
func (q *queue) advance() {
	for p := q.waiting.First(); p != nil && q.admit(&p.Value); p = q.waiting.First() {
		q.waiting.Call(p)
	}
}

// admit lets the first goroutine in, if that can be. q.mu is held.
func (q *queue) admit(t *turn) bool {
	switch {
	case q.taken || q.sharing != nil && q.sharing.asking:
		return false
	case t.reads:
		t.joined = q.sharing.admit()
	case q.sharing != nil && !q.sharing.free():
		return false
	default:
		q.taken = true
	}
	return true
}

// awaited reports whether the next goroutine can be passed a lease.
func (q *queue) awaited() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := q.waiting.First()
	return p != nil && !p.Value.reads
}

// blocked reports that a goroutine has the place for itself, or waits for it. q.mu is held.
func (q *queue) blocked() bool {
	return q.taken || q.waiting.Any(func(t turn) bool { return !t.reads })
}
