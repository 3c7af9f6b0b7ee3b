package outbox

import (
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

const (
	// maxFlights limits the requests that a server is sent at a time, and the
	// connections of a lane.
	maxFlights = 16

	// maxCalls and maxBytes limit a batch. A server runs the one in about a millisecond,
	// and reads the other in one go.
	maxCalls = 128
	maxBytes = 64 << 10

	// maxLeft limits the requests of a lane that wait after their callers have gone.
	maxLeft = 1024
)

// node is what its lanes know of a node.
type node struct {
	pool    driver.Pool
	bounded driver.Bounded // pool, if it promises when a call returns
	batcher driver.Batcher // pool, if it can send many calls at once
	dialer  driver.Dialer  // pool, if it makes connections for the lanes

	clock     *clock.Clock
	flights   int  // limit: maxFlights, or fewer in tests
	decides   bool // alone
	deadlines deadlines
}

func newNode(pool driver.Pool, c *clock.Clock) *node {
	n := &node{pool: pool, clock: c, flights: maxFlights}
	n.bounded, _ = pool.(driver.Bounded)
	n.batcher, _ = pool.(driver.Batcher)
	n.dialer, _ = pool.(driver.Dialer)
	return n
}

// batch is the largest number of calls in a flight.
func (n *node) batch() int {
	if n.dialer == nil && n.batcher == nil {
		return 1
	}
	return maxCalls
}
