package redlock

import (
	"sync"

	"github.com/holdfast-go/holdfast/internal/redlock/fifo"
)

// slotQueue is the goroutines that wait for slots of one object: it begins with one that the
// nodes have refused, and those that come after that, or are refused too, go behind it. The
// first one asks the nodes, until it has its slots, is served by another goroutine, or gives
// up. The others wait for its place, or to be served: permits, unlike a lock, are held by
// any number of goroutines at a time.
type slotQueue struct {
	mu      sync.Mutex
	first   *claimant
	trying  bool                   // the first asks the nodes: it may be granted something else
	waiting fifo.Queue[slotsClaim] // behind it
}

// slotsClaim is what a goroutine wants, and what it has got.
type slotsClaim struct {
	n     int    // slots that it asks for
	lease *lease // what it was served

	// warm is the object's ticket, if it is on the nodes when the goroutine becomes the
	// first: the one before was served without their line's being notified, so it stands
	// there already.
	warm *ticket
}

// claimant is a goroutine in the queue. It is called when it has become the first, or was
// served.
type claimant = fifo.Place[slotsClaim]

// join gives a caller that was refused its place. The first one asks the nodes.
func (q *slotQueue) join(n int) (c *claimant, first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c = q.waiting.Enter(slotsClaim{n: n})
	if q.first == nil {
		q.advance()
		q.trying = true
	}
	return c, c == q.first
}

// follow is join for a newcomer, who has no place where no other waits.
func (q *slotQueue) follow(n int) *claimant {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.first == nil {
		return nil
	}
	return q.waiting.Enter(slotsClaim{n: n})
}

// advance makes the next one the first, which may be served until it asks the nodes. q.mu is
// held.
func (q *slotQueue) advance() {
	q.first, q.trying = q.waiting.First(), false
	if q.first != nil {
		q.waiting.Call(q.first)
	}
}

// leave ends c's place, and returns what it was served. The one that becomes the first
// gets tk as it is on the nodes, where it can use that; else tk ends, before another call may
// use it again. tk is nil if c has none, or has ended it.
func (q *slotQueue) leave(c *claimant, tk *ticket) *lease {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting.Leave(c)
	if c != q.first {
		return c.Value.lease
	}
	if tk == nil {
		tk = c.Value.warm // it was served before it could use it
	}
	if next := q.waiting.First(); next != nil && next.Value.n == c.Value.n {
		next.Value.warm = tk
	} else {
		tk.end()
	}
	q.advance()
	return c.Value.lease
}

// begin is called by one that was called. It returns what it was served, or, as it is the
// first then, the ticket that it takes over, if there is one. With neither it may ask
// the nodes.
func (q *slotQueue) begin(c *claimant) (*lease, *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if tk := c.Value.warm; c.Value.lease == nil && tk != nil {
		c.Value.warm = nil
		return nil, tk
	}
	return q.rise(c), nil
}

// sit begins the first one's wait for its next try. It may be served from now on, which
// closes the channel.
func (q *slotQueue) sit(c *claimant) (served <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.Value.lease != nil {
		return c.Called()
	}
	q.trying = false
	return c.WaitAgain()
}

// ask ends that wait. It returns what c was served; if that is nothing, it is not served
// until it sits again.
func (q *slotQueue) ask(c *claimant) *lease {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.rise(c)
}

// rise is ask with q.mu held.
func (q *slotQueue) rise(c *claimant) *lease {
	if c.Value.lease == nil {
		q.trying = true
	}
	return c.Value.lease
}

// awaits reports that the next to be served waits for n slots.
func (q *slotQueue) awaits(n int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next(n) != nil
}

// next finds who is to be served next, if that is one that waits for n slots. The first is
// not in the way of the ones behind once it was served; every other one is. q.mu is held.
func (q *slotQueue) next(n int) *claimant {
	next := q.first
	if next != nil && next.Value.lease != nil {
		next = q.waiting.First()
	}
	if next == nil || next.Value.n != n || next == q.first && q.trying {
		return nil
	}
	return next
}

// pass serves the next one with h. It is returned when there is none to take it.
func (q *slotQueue) pass(n int, l *lease) *lease {
	q.mu.Lock()
	defer q.mu.Unlock()
	next := q.next(n)
	if next == nil {
		return l
	}
	next.Value.lease = l
	q.waiting.Call(next)
	return nil
}
