package outbox

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

// connect takes a connection for the next flight. If there is none it has some made, as
// many as what waits is worth. Without a driver that makes them none is needed.
//
// When the last one is taken, too, some are made ahead, as many as other flights are under
// way: what comes next would wait for one as long as for its answer, or longer. l.mu is held.
func (l *lane) connect(now time.Time) (*conn, bool) {
	if l.node.dialer == nil {
		return nil, true
	}
	c, wanted := l.conns.take(), len(l.flights)
	if c == nil {
		wanted = max(wanted, 1+l.waiting.len/dialPer)
	}
	if len(l.conns.idle) == 0 {
		l.dialFor(wanted, now)
	}
	return c, c != nil
}

// dialFor has so many connections made at a time, if there may be others. l.mu is held.
func (l *lane) dialFor(wanted int, now time.Time) {
	c := &l.conns
	if until := c.pause(); now.Before(until) {
		l.departs.at(now, until)
		return
	}
	if l.health.silent.Load() {
		wanted = min(wanted, 1)
	}
	bound := l.waiting.first().Bound
	for c.dialing < min(wanted, l.node.flights-c.total) {
		c.dial(now, bound)
		go l.dial()
	}
}

// dial makes a connection, in the client's own time, and sends what waits for it. If
// none can be made, and there is no other, nothing that waits can be sent.
func (l *lane) dial() {
	made, err := l.node.dialer.Dial(context.Background(), l.name)
	var unsent []*Request
	l.update(func(now clock.Instant) {
		l.checks.at(now.Time, now.Time) // until when what waits may wait has changed
		switch hopeless := l.conns.dialed(made, err, now.Time); {
		case err == nil:
			l.health.connected(now.Time)
		case hopeless:
			unsent = l.waiting.drain()
			if timedOut(err) {
				l.health.silent.Store(true) // though it took less than a call may
			}
		}
	})
	for _, r := range unsent {
		r.To.Unsent(r, err)
	}
}

// close closes connections, and only then may others be made in their place.
func (l *lane) close(conns ...*conn) {
	if len(conns) == 0 {
		return
	}
	for _, c := range conns {
		_ = c.Close()
	}
	l.update(func(clock.Instant) { l.conns.total -= len(conns) })
}
