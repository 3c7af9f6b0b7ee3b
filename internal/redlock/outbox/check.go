package outbox

import (
	"slices"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

const (
	// checkPause is between two checks, at least. Otherwise checks would be all that
	// goes on when many calls wait, and each for a moment of its own.
	checkPause = 100 * time.Microsecond

	// overdue is after how many bounds a connection is closed on which a driver still
	// waits, so that one that would wait for ever does not keep a flight.
	overdue = 4
)

// check finds what is late in a lane, what will not be sent, and which connections are not
// needed. It reports and closes them when the lane's mutex is free.
type check struct {
	*lane
	now     time.Time
	lates   []*Request
	latesOf []*flight
	unsent  []*Request
	closes  []*conn
}

// newCheck makes and reports one, when a lane's alarm goes off.
func newCheck(l *lane) {
	c := check{lane: l}
	l.update(func(now clock.Instant) {
		c.now = now.Time
		l.checks.called()
		for _, f := range l.flights {
			c.flight(f)
		}
		l.waiting.take(c.givesUp)
		c.connections()
	})
	c.report()
}

// passed reports that a moment has passed, or else has the lane check again when it has.
func (c *check) passed(moment time.Time) bool {
	left := moment.Sub(c.now)
	if left > 0 {
		c.checks.at(c.now, c.now.Add(max(left, checkPause)))
	}
	return left <= 0
}

// flight finds the flight's calls that are late, and closes its connection when the driver
// should have returned long ago.
func (c *check) flight(f *flight) {
	for _, r := range f.requests {
		if r.late || !c.passed(f.since.Add(r.Bound)) {
			continue
		}
		r.late, f.late = true, true
		c.late(f.since, c.now)
		f.lateness.Add(1)
		c.lates, c.latesOf = append(c.lates, r), append(c.latesOf, f)
	}
	if f.conn != nil && !f.closed && c.passed(f.since.Add(overdue*f.longest())) {
		f.closed = true // which has the driver return
		c.closes = append(c.closes, f.conn)
	}
}

// givesUp reports that the server has shown no sign of life for so long that a request is
// not to be sent.
func (c *check) givesUp(r *Request) bool {
	until := later(r.posted, c.signAt).Add(r.Bound)
	if trying := c.conns.trying; c.node.decides && len(c.flights) == 0 && !trying.IsZero() {
		until = later(until, trying.Add(dialBounds*r.Bound))
	}
	if !c.passed(until) {
		return false
	}
	c.silent.Store(true)
	c.unsent = append(c.unsent, r)
	return true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// connections finds those that were idle for too long. Where there is none after the bound
// of the call for which one is made, the server is silent, also if that call was withdrawn.
// Those that follow would otherwise wait for it as long, again and again.
func (c *check) connections() {
	all := &c.conns
	all.idle = slices.DeleteFunc(all.idle, func(x *conn) bool {
		old := c.passed(x.used.Add(idleTime))
		if old {
			c.closes = append(c.closes, x)
		}
		return old
	})
	if all.total == 0 && !all.trying.IsZero() && c.passed(all.trying.Add(all.bound)) {
		c.silent.Store(true)
	}
}

func (c *check) report() {
	for i, r := range c.lates {
		f := c.latesOf[i] // of which the request may be a part
		r.To.Late(r)
		f.lateness.Done()
	}
	for _, r := range c.unsent {
		r.To.Unsent(r, ErrSilent)
	}
	for _, x := range c.closes {
		c.close(x)
	}
}
