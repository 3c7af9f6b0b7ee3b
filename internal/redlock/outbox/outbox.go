package outbox

import (
	"sync"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

// Outbox is the way to one node. It is safe for concurrent use, and has no goroutine
// while nothing is under way.
type Outbox struct {
	node  *node
	laner driver.Laner // nil for a pool that is one server
	only  *lane        // of such a pool

	mu    sync.Mutex
	lanes map[string]*lane // by name; guarded by mu
}

// New makes the outbox of a node.
func New(pool driver.Pool, c *clock.Clock) *Outbox {
	n := newNode(pool, c)
	o := &Outbox{node: n, only: newLane(n, ""), lanes: make(map[string]*lane)}
	o.laner, _ = pool.(driver.Laner)
	return o
}

// Narrow limits the flights that are under way at a time. It is the seam through which
// tests make small outboxes, and comes before the first request.
func (o *Outbox) Narrow(flights int) { o.node.flights = flights }

// Decides says that the node decides alone: calls wait for several bounds where their
// server's first connection is being made. It comes before the first request.
func (o *Outbox) Decides() { o.node.decides = true }

// Post sends a request as soon as its lane allows. It does not wait.
func (o *Outbox) Post(r *Request) { o.lane(r.Call).post(r) }

// Ask is Post, but asks in the caller's goroutine if the call can leave at once, and by
// itself, and the driver keeps the deadline. It reports whether it has: then the observer
// was notified.
func (o *Outbox) Ask(r *Request) bool { return o.lane(r.Call).ask(r) }

// Withdraw takes back a request that was not sent. It reports whether it did; then the
// observer is not called.
func (o *Outbox) Withdraw(r *Request) bool {
	return r.lane != nil && r.lane.withdraw(r)
}

// Leave lets a request wait behind all others if it was not sent: its caller has gone.
func (o *Outbox) Leave(r *Request) {
	if r.lane != nil {
		r.lane.leave(r)
	}
}

// Silent reports whether the call's server is silent: see the package comment.
func (o *Outbox) Silent(call *driver.Call) bool { return o.lane(call).silent.Load() }

// newLane makes the way to a server.
func newLane(n *node, name string) *lane {
	l := &lane{node: n, name: name, tokens: make(map[string]bool), starting: make(chan *flight, maxFlights)}
	l.limit, l.max = n.batch(), n.batch()
	l.checks.call = func() { newCheck(l) }
	l.departs.call = func() { l.update(func(clock.Instant) { l.departs.called() }) }
	l.start = func() { l.run(<-l.starting) }
	return l
}

// lane is the way to the call's server.
func (o *Outbox) lane(call *driver.Call) *lane {
	if o.laner == nil {
		return o.only
	}
	name := o.laner.Lane(call)
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.lanes[name]
	if l == nil {
		l = newLane(o.node, name)
		o.lanes[name] = l
	}
	return l
}
