package outbox

import (
	"context"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

const (
	// maxFlights is how many requests a server is sent at a time, and how many
	// connections a lane has at most.
	maxFlights = 16

	// eagerFlights is how many are under way before a call waits for others to join
	// it, and gatherTime how long at most.
	eagerFlights = 2
	gatherTime   = 250 * time.Microsecond

	// patience is how long patient calls wait for a batch to be full, at most: until a
	// crowd that is woken at one moment has come.
	patience = 5 * time.Millisecond

	// A batch has at most so many calls, and bytes. A server runs the one in about a
	// millisecond, and reads the other in one go.
	maxCalls = 128
	maxBytes = 64 << 10

	// maxLeft is how many requests of a lane wait after their callers have gone.
	maxLeft = 1024

	// idleTime is how long a connection is kept without being used.
	idleTime = 30 * time.Second
)

// Outbox is the way to one node. It is safe for concurrent use, and has no goroutine
// while nothing is under way.
type Outbox struct {
	pool    driver.Pool
	bounded driver.Bounded // pool, if it promises when a call returns
	batcher driver.Batcher // pool, if it can send many calls at once
	dialer  driver.Dialer  // pool, if it makes connections for the lanes
	laner   driver.Laner   // pool, if it has several

	clock   *clock.Clock
	flights int  // how many are under way at a time: maxFlights, or fewer in tests
	decides bool // alone
	windows windows
	only    lane // of a pool that is one server

	mu    sync.Mutex
	lanes map[string]*lane // by name; guarded by mu
}

// New makes the outbox of a node.
func New(pool driver.Pool, c *clock.Clock) *Outbox {
	o := &Outbox{pool: pool, clock: c, flights: maxFlights}
	o.bounded, _ = pool.(driver.Bounded)
	o.batcher, _ = pool.(driver.Batcher)
	o.dialer, _ = pool.(driver.Dialer)
	o.laner, _ = pool.(driver.Laner)
	o.only.init(o, "")
	return o
}

// Narrow has at most so many flights under way at a time. It is the seam through which
// tests make small outboxes, and comes before the first request.
func (o *Outbox) Narrow(flights int) { o.flights = flights }

// Decides says that the node decides alone: calls wait for several bounds where their
// server's first connection is being made. It comes before the first request.
func (o *Outbox) Decides() { o.decides = true }

// Post sends a request as soon as its turn comes. It does not wait.
func (o *Outbox) Post(r *Request) { o.lane(r.Call).post(r) }

// Ask is Post, but asks in the caller's goroutine if the call can leave at once, and by
// itself, and the driver keeps the deadline. It reports whether it has: the observer was
// told.
func (o *Outbox) Ask(r *Request) bool { return o.lane(r.Call).ask(r) }

// Withdraw takes back a request that was not sent. It reports whether it did; then the
// observer is told nothing.
func (o *Outbox) Withdraw(r *Request) bool {
	return r.lane != nil && r.lane.withdraw(r)
}

// Leave lets a request wait behind all others if it was not sent: its caller has gone.
func (o *Outbox) Leave(r *Request) {
	if r.lane != nil {
		r.lane.leave(r)
	}
}

// Silent reports that the server which the call goes to has let a bound pass without
// answering anything, and has answered nothing since.
func (o *Outbox) Silent(call *driver.Call) bool { return o.lane(call).silent.Load() }

// lane is the way to the call's server.
func (o *Outbox) lane(call *driver.Call) *lane {
	if o.laner == nil {
		return &o.only
	}
	name := o.laner.Lane(call)
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.lanes[name]
	if l == nil {
		if o.lanes == nil {
			o.lanes = make(map[string]*lane)
		}
		l = new(lane)
		l.init(o, name)
		o.lanes[name] = l
	}
	return l
}

// target is what runs a flight's calls: a connection, or the pool itself.
type target interface {
	Eval(ctx context.Context, call *driver.Call) (any, error)
}

// batches reports whether several calls may go in one flight.
func (o *Outbox) batches() bool { return o.dialer != nil || o.batcher != nil }
