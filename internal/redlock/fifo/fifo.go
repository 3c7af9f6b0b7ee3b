// Package fifo queues goroutines in the order in which they came.
//
// It does not know what they wait for. Who may go in is for the queue's owner to say, whose
// mutex guards the queue and the places in it: a goroutine enters under it, waits for
// [Place.Called] without it, and leaves under it if it gives up. A goroutine that was called
// at the moment at which it gives up has what it was called for, and hands that on.
package fifo

import "container/list"

// Queue is goroutines that wait. Its zero value is empty.
type Queue[T any] struct {
	places list.List // of *Place[T]
}

// Place is one goroutine's place in a queue.
type Place[T any] struct {
	Value  T // the owner's
	at     *list.Element
	called chan struct{} // closed when it was called
}

// Enter adds a goroutine at the end.
func (q *Queue[T]) Enter(value T) *Place[T] {
	p := &Place[T]{Value: value, called: make(chan struct{})}
	p.at = q.places.PushBack(p)
	return p
}

// First is the place of the goroutine that waits longest, or nil.
func (q *Queue[T]) First() *Place[T] {
	if at := q.places.Front(); at != nil {
		return at.Value.(*Place[T])
	}
	return nil
}

// Any reports that a goroutine waits whose value is of some kind.
func (q *Queue[T]) Any(is func(T) bool) bool {
	for at := q.places.Front(); at != nil; at = at.Next() {
		if is(at.Value.(*Place[T]).Value) {
			return true
		}
	}
	return false
}

// Call takes p out, and wakes its goroutine.
func (q *Queue[T]) Call(p *Place[T]) {
	q.Leave(p)
	p.Wake()
}

// Leave takes p out. It reports false if p is out already, as it was called.
func (q *Queue[T]) Leave(p *Place[T]) bool {
	if p.at == nil {
		return false
	}
	q.places.Remove(p.at)
	p.at = nil
	return true
}

// Called is closed when the goroutine was called, or woken.
func (p *Place[T]) Called() <-chan struct{} { return p.called }

// Wake wakes p's goroutine, once.
func (p *Place[T]) Wake() {
	select {
	case <-p.called:
	default:
		close(p.called)
	}
}

// WaitAgain makes ready for another wait of a goroutine that was called, and returns the
// channel that [Place.Wake] closes.
func (p *Place[T]) WaitAgain() (woken <-chan struct{}) {
	p.called = make(chan struct{})
	return p.called
}
