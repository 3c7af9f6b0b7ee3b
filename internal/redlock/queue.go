package redlock

import (
	"container/list"
	"context"
	"sync"

	"github.com/holdfast-go/holdfast/internal/redlock/backoff"
)

// queue is the line of goroutines that share one lock object. The one at its
// head has the object's place: only it talks to Redis, and it keeps the place
// until its hold is released. The others wait in the order in which they came.
type queue struct {
	mu      sync.Mutex
	busy    bool
	waiting list.List // of *spot
}

// spot is a goroutine in the queue. called is closed when the place is its own;
// with hold, where that is not nil, so that it need not acquire one.
type spot struct {
	called chan struct{}
	hold   *hold
}

// enter waits for the place, which may come with a hold. On error the caller has
// no place, and nothing to give back but the hold, if there is one.
func (q *queue) enter(ctx context.Context, by *tries) (*hold, error) {
	q.mu.Lock()
	if !q.busy {
		q.busy = true
		q.mu.Unlock()
		return nil, nil
	}
	if by.Exhausted() {
		q.mu.Unlock()
		return nil, backoff.ErrExhausted
	}
	s := &spot{called: make(chan struct{})}
	at := q.waiting.PushBack(s)
	q.mu.Unlock()

	if err := by.PauseUntil(ctx, s.called); err != nil {
		return q.withdraw(at, s), err
	}
	return s.hold, nil
}

// withdraw leaves the queue. If the place came at the same moment it goes on to
// the next, and so does the hold; without a next, the hold is returned.
func (q *queue) withdraw(at *list.Element, s *spot) *hold {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-s.called:
		return q.pass(s.hold)
	default:
		q.waiting.Remove(at)
		return nil
	}
}

// leave gives the place to the first in line, with a hold if h is not nil. It
// returns h if nobody is there to take it.
func (q *queue) leave(h *hold) *hold {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pass(h)
}

// awaited reports whether somebody waits for the place.
func (q *queue) awaited() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting.Len() > 0
}

// pass hands the place on. q.mu is held.
func (q *queue) pass(h *hold) *hold {
	at := q.waiting.Front()
	if at == nil {
		q.busy = false
		return h
	}
	s := q.waiting.Remove(at).(*spot)
	s.hold = h
	close(s.called)
	return nil
}
