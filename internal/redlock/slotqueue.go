package redlock

import (
	"container/list"
	"context"
	"sync"
)

// slotQueue is the line of goroutines that wait for slots of one object: it begins with
// one that the nodes have refused, and those that come after that, or are refused too, go
// behind it. The first one asks the nodes, until it has its slots, is served
// by a hand-over, or gives up. The others wait for its place, and leave it when they
// have theirs: permits, unlike a lock, are held by any number of goroutines at a time.
type slotQueue struct {
	mu     sync.Mutex
	asking list.List // of *asker
	chain  int       // hand-overs since the nodes have given slots to the first one
}

// asker is a goroutine in the line. The queue's mutex guards it.
type asker struct {
	n  int // slots that it asks for
	at *list.Element

	woken   chan struct{} // closed when it has become the first, or was served
	claimed chan struct{} // closed at the end of the hand-over that is under way to it; nil without
	hold    *hold         // what it was served
	trying  bool          // it is the first, and asks the nodes: it may be granted something else
	gone    bool          // it has given up

	// warm is the object's mark, if it is on the nodes when a becomes the first: the
	// one before was served without their line's being told, so a stands there already.
	warm *mark
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
// gets m as it is on the nodes, where it can use that; else m ends, before anybody may
// use it again. m is nil if a has none, or has ended it.
func (q *slotQueue) leave(a *asker, m *mark) *hold {
	q.mu.Lock()
	defer q.mu.Unlock()
	a.gone = true
	first := q.asking.Front() == a.at
	q.asking.Remove(a.at)
	if !first {
		return a.hold
	}
	if m == nil {
		m = a.warm // it was served before it could use it
	}
	next := q.first()
	if next == nil || next.n != a.n {
		m.end()
		m = nil
	}
	if next != nil {
		next.warm = m
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
// first then, the mark that it takes over, if there is one. With neither it may ask
// the nodes.
func (q *slotQueue) begin(ctx context.Context, a *asker) (*hold, *mark, error) {
	q.mu.Lock()
	if a.hold == nil && a.warm != nil {
		m := a.warm
		a.warm = nil
		q.mu.Unlock()
		return nil, m, nil
	}
	q.mu.Unlock()
	h, err := q.rise(ctx, a)
	return h, nil, err
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

// rise ends that wait, and waits for a hand-over that is under way. It returns what a
// was served; if that is nothing, nobody serves a until it sits again.
func (q *slotQueue) rise(ctx context.Context, a *asker) (*hold, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for a.claimed != nil {
		over := a.claimed
		q.mu.Unlock()
		select {
		case <-over:
		case <-ctx.Done():
		}
		err := ctx.Err()
		q.mu.Lock()
		if err != nil {
			return nil, err
		}
	}
	a.trying = a.hold == nil
	return a.hold, nil
}

// claim finds who is next to be served, if that is somebody who waits for n slots, and
// keeps others from serving it, and itself from asking the nodes, until serve is called.
func (q *slotQueue) claim(n int) *asker {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.chain >= mostHandovers {
		return nil
	}
	a := q.next(n)
	if a != nil {
		a.claimed = make(chan struct{})
		q.chain++
	}
	return a
}

// next is claim with q.mu held, and without claiming. Those who are being served are
// not in the way of the ones behind; everybody else is.
func (q *slotQueue) next(n int) *asker {
	for at := q.asking.Front(); at != nil; at = at.Next() {
		switch a := at.Value.(*asker); {
		case a.claimed != nil || a.hold != nil:
		case a.trying || a.n != n:
			return nil
		default:
			return a
		}
	}
	return nil
}

// serve ends the hand-over to a, with h or, if that has failed, without. If a has given
// up, h goes to the next. It is returned when nobody is there to take it.
//
// After a failure no other hand-over is tried before the nodes have given slots: what
// was in the way of the one may well be in the way of others.
func (q *slotQueue) serve(a *asker, h *hold) *hold {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(a.claimed)
	a.claimed = nil
	if h == nil {
		q.chain = mostHandovers
		return nil
	}
	if a.gone {
		return q.give(a.n, h)
	}
	a.take(h)
	return nil
}

// pass is serve for what was served to one of n slots that has given up.
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

// granted notes that the nodes have given slots to the first one.
func (q *slotQueue) granted() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.chain = 0
}
