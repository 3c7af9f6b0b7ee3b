package redlock

import (
	"container/list"
	"sync"
)

// slotQueue is the line of goroutines that wait for slots of one object: it begins with
// one that the nodes have refused, and those that come after that, or are refused too, go
// behind it. The first one asks the nodes, until it has its slots, is served
// by another goroutine, or gives up. The others wait for its place, and leave it when they
// have theirs: permits, unlike a lock, are held by any number of goroutines at a time.
type slotQueue struct {
	mu     sync.Mutex
	asking list.List // of *asker
}

// asker is a goroutine in the line. The queue's mutex guards it.
type asker struct {
	n  int // slots that it asks for
	at *list.Element

	woken  chan struct{} // closed when it has become the first, or was served
	hold   *hold         // what it was served
	trying bool          // it is the first, and asks the nodes: it may be granted something else

	// warm is the object's ticket, if it is on the nodes when a becomes the first: the
	// one before was served without their line's being told, so a stands there already.
	warm *ticket
}

// join gives a caller that was refused its place. The first one asks the nodes.
func (q *slotQueue) join(n int) (a *asker, first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first = q.asking.Len() == 0
	a = q.add(n)
	a.trying = first
	return a, first
}

// follow is join for a newcomer, who has no place where nobody waits.
func (q *slotQueue) follow(n int) *asker {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.asking.Len() == 0 {
		return nil
	}
	return q.add(n)
}

// add appends an asker. q.mu is held.
func (q *slotQueue) add(n int) *asker {
	a := &asker{n: n, woken: make(chan struct{})}
	a.at = q.asking.PushBack(a)
	return a
}

// leave ends a's place, and returns what it was served. The one that becomes the first
// gets tk as it is on the nodes, where it can use that; else tk ends, before anybody may
// use it again. tk is nil if a has none, or has ended it.
func (q *slotQueue) leave(a *asker, tk *ticket) *hold {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := q.asking.Front() == a.at
	q.asking.Remove(a.at)
	if !first {
		return a.hold
	}
	if tk == nil {
		tk = a.warm // it was served before it could use it
	}
	next := q.first()
	if next == nil || next.n != a.n {
		tk.end()
		tk = nil
	}
	if next != nil {
		next.warm = tk
		next.wake() // and may be served until it asks the nodes
	}
	return a.hold
}

// first is the first in line, or nil. q.mu is held.
func (q *slotQueue) first() *asker {
	if at := q.asking.Front(); at != nil {
		return at.Value.(*asker)
	}
	return nil
}

// wake tells a that something has happened to it. q.mu is held.
func (a *asker) wake() {
	select {
	case <-a.woken:
	default:
		close(a.woken)
	}
}

// begin is called by one that was woken. It returns what a was served, or, as a is the
// first then, the ticket that it takes over, if there is one. With neither it may ask
// the nodes.
func (q *slotQueue) begin(a *asker) (*hold, *ticket) {
	q.mu.Lock()
	tk := a.warm
	if a.hold == nil && tk != nil {
		a.warm = nil
		q.mu.Unlock()
		return nil, tk
	}
	q.mu.Unlock()
	return q.rise(a), nil
}

// sit begins the first one's wait for its next try. It may be served from now on, which
// closes the channel.
func (q *slotQueue) sit(a *asker) (served <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a.trying = false
	if a.hold == nil {
		a.woken = make(chan struct{})
	}
	return a.woken
}

// rise ends that wait. It returns what a was served; if that is nothing, nobody serves a
// until it sits again.
func (q *slotQueue) rise(a *asker) *hold {
	q.mu.Lock()
	defer q.mu.Unlock()
	a.trying = a.hold == nil
	return a.hold
}

// awaits reports that the next to be served waits for n slots.
func (q *slotQueue) awaits(n int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next(n) != nil
}

// next finds who is to be served next, if that is one that waits for n slots. Those who
// were served already are not in the way of the ones behind; everybody else is. q.mu is
// held.
func (q *slotQueue) next(n int) *asker {
	for at := q.asking.Front(); at != nil; at = at.Next() {
		switch a := at.Value.(*asker); {
		case a.hold != nil:
		case a.trying || a.n != n:
			return nil
		default:
			return a
		}
	}
	return nil
}

// pass serves the next one with h. It is returned when nobody is there to take it.
func (q *slotQueue) pass(n int, h *hold) *hold {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.give(n, h)
}

// give gives h to the next, or returns it. q.mu is held.
func (q *slotQueue) give(n int, h *hold) *hold {
	a := q.next(n)
	if a == nil {
		return h
	}
	a.take(h)
	return nil
}

// take serves a. q.mu is held.
func (a *asker) take(h *hold) {
	a.hold = h
	a.wake()
}
