package redlock

import (
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

// validity is the time up to which a lease can be trusted, on both clocks of the
// process: a lease is valid only while both say so.
//
// The monotonic clock cannot be set, but on Linux it stands still while the
// machine is suspended; the wall clock runs on then, but can be set. A jump of
// the wall clock can thus end a lease early, and never prolongs one.
//
// The zero validity is that of an adopted lease, of which only the nodes know.
type validity struct {
	until time.Time // carries the monotonic reading; what users see
	wall  time.Time // the same moment by the wall clock
}

// instant is one reading of both clocks.
type instant = clock.Instant

// validFrom is the validity of what a round that started at start has won:
//
//	until = start + expiry − expiry·driftFactor
//
// start is read before the round's first request leaves, so that no node can
// have started the lease's lifetime any earlier.
func validFrom(start instant, c *Config) validity {
	lifetime := c.lifetime()
	return validity{until: start.Add(lifetime), wall: start.Wall.Add(lifetime)}
}

// ended reports whether v is over at now, by either clock. A validity that is
// not known does not end.
func (v validity) ended(now instant) bool {
	return v.known() && (!now.Before(v.until) || !now.Wall.Before(v.wall))
}

// left is how long v lasts yet at now, by the clock that ends it first.
func (v validity) left(now instant) time.Duration {
	return min(v.until.Sub(now.Time), v.wall.Sub(now.Wall))
}

// known is false for an adopted lease that was not extended yet.
func (v validity) known() bool { return !v.until.IsZero() }
