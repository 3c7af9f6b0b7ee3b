package outbox

import (
	"slices"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

const (
	// dialPer is how many waiting calls one more connection is made for. A batch
	// serves as many, but on a far server the time to make several is that of one.
	dialPer = 32

	// dialPause is how long no other connection is tried for after one was refused,
	// as long as there is any hope without it.
	dialPause = 100 * time.Millisecond

	// dialBounds is for how many bounds a call waits for the only connection to a
	// node that decides alone, as making one may take so many round trips: for TCP,
	// TLS (2), HELLO, AUTH, SELECT, and the names of client and library.
	dialBounds = 8

	// idleTime is how long a connection is kept without being used.
	idleTime = 30 * time.Second
)

// conns are the connections of a lane whose driver makes them for it. The lane's mutex
// guards them.
type conns struct {
	idle    []*conn // the one used last comes last
	total   int     // not closed
	dialing int
	trying  time.Time     // since when none could be made for want of time; zero if that is not so
	bound   time.Duration // of the call that was first then
	refused time.Time     // when none could be made; zero if the last one could
}

// conn is one connection.
type conn struct {
	driver.Conn
	made time.Time // a flight that begins later may find that the server has closed it
	used time.Time
}

// take takes the connection that was used last, or nil.
func (c *conns) take() *conn {
	last := len(c.idle) - 1
	if last < 0 {
		return nil
	}
	taken := c.idle[last]
	c.idle = slices.Delete(c.idle, last, last+1)
	return taken
}

// giveBack takes a connection back.
func (c *conns) giveBack(used *conn, now time.Time) {
	used.used = now
	c.idle = append(c.idle, used)
}
