// Package retry keeps what a node has not answered yet, and sends it again: when the node next
// answers anything, and after a pause in any case. One request goes first, and more follow
// together once it is answered, so that a node that does not answer gets one for all. That takes
// no goroutine, but a timer between.
package retry

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Max is how much a queue holds. Beyond it the oldest is dropped.
	Max = 1024

	// The pause before all is sent again grows from minPause to maxPause: short enough that what
	// waits for it does not wait long once the node is well, and long enough that a dead one
	// costs little.
	minPause = 25 * time.Millisecond
	maxPause = 400 * time.Millisecond

	// maxTogether is how many are sent at a time.
	maxTogether = 64
)

// Queue is what one node has not answered. It is safe for concurrent use.
type Queue[T any] struct {
	send func(one T, done func(settled bool))

	count   atomic.Int32 // len(pending), to be read without the mutex
	sending atomic.Bool  // by one goroutine at a time

	mu      sync.Mutex
	pending []T
	timed   bool          // the timer is set
	pause   time.Duration // how long it was set for last, since the queue was empty
}

// New makes a queue that sends one thing by send. That calls done once, and, where it adds the
// thing again, says that it is not settled.
func New[T any](send func(one T, done func(settled bool))) *Queue[T] { return &Queue[T]{send: send} }

// Len is how many are pending.
func (q *Queue[T]) Len() int { return int(q.count.Load()) }

// Add adds one, and sees to it that it is sent after a pause. It returns the oldest if there is
// no room for it.
func (q *Queue[T]) Add(one T) (dropped T, full bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if full = len(q.pending) == Max; full {
		dropped = q.pending[0]
		clear(q.pending[:1])
		q.pending = q.pending[1:]
	}
	q.pending = append(q.pending, one)
	q.count.Store(int32(len(q.pending)))
	if !q.timed {
		q.timed = true
		q.pause = min(max(2*q.pause, minPause), maxPause)
		time.AfterFunc(q.pause, q.wake)
	}
	return dropped, full
}

// wake is what the timer does.
func (q *Queue[T]) wake() {
	q.mu.Lock()
	q.timed = false
	q.mu.Unlock()
	q.Send()
}

// Send sends what is pending, one at first and then more at a time, until nothing is left or one
// is not settled.
func (q *Queue[T]) Send() {
	if q.count.Load() > 0 && q.sending.CompareAndSwap(false, true) {
		q.sendNext(1)
	}
}

// sendNext sends the next ones together.
func (q *Queue[T]) sendNext(number int) {
	due := q.take(number)
	if len(due) == 0 {
		return
	}
	var failed atomic.Bool
	left := atomic.Int32{}
	left.Store(int32(len(due)))
	for _, one := range due {
		q.send(one, func(settled bool) {
			if !settled {
				failed.Store(true)
			}
			switch {
			case left.Add(-1) > 0:
			case failed.Load():
				q.sending.Store(false)
			default:
				q.sendNext(min(2*number, maxTogether))
			}
		})
	}
}

// take removes the oldest, or notes that nothing is sent any more if there are none. That is one
// step: one that is added just then would otherwise be left.
func (q *Queue[T]) take(number int) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pending) == 0 {
		q.pending, q.pause = nil, 0 // lets go of what the slice still points to
		q.sending.Store(false)
		return nil
	}
	number = min(number, len(q.pending))
	due := slices.Clone(q.pending[:number])
	clear(q.pending[:number])
	q.pending = q.pending[number:]
	q.count.Store(int32(len(q.pending)))
	return due
}
