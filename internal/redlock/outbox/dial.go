package outbox

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

// connect takes a connection for the next flight. If there is none it has some made, as
// many as what waits is worth. Without a driver that makes them none is needed.
//
// Some are made ahead, too, so that as many are idle as other flights are under way: what
// comes next would wait for one as long as for its answer, or longer. l.mu is held.
func (l *lane) connect(now time.Time) (*conn, bool) {
	if l.node.dialer == nil {
		return nil, true
	}
	c := l.conns.take()
	wanted := len(l.flights) - len(l.conns.idle)
	if c == nil {
		wanted = max(wanted, 1+l.waiting.len()/dialPer)
	}
	if wanted > 0 {
		l.dialFor(wanted, now)
	}
	return c, c != nil
}

// dialFor has so many connections made at a time, if there may be others. l.mu is held.
func (l *lane) dialFor(wanted int, now time.Time) {
	c := &l.conns
	if pause := c.refused.Add(dialPause); c.total+c.dialing > 0 && now.Before(pause) {
		l.departs.at(now, pause)
		return
	}
	if l.silent.Load() {
		wanted = min(wanted, 1)
	}
	for ; c.dialing < min(wanted, l.node.flights-c.total); c.dialing++ {
		if c.trying.IsZero() {
			c.trying, c.bound = now, l.waiting.first().Bound
		}
		go l.dial()
	}
}

// dial makes a connection, in the client's own time, and sends what waits for it. If
// none can be made, and there is no other, nothing that waits can be sent.
func (l *lane) dial() {
	made, err := l.node.dialer.Dial(context.Background(), l.name)
	var unsent []*Request
	l.update(func(now clock.Instant) { unsent = l.dialed(made, err, now.Time) })
	for _, r := range unsent {
		r.To.Unsent(r, err)
	}
}

// dialed takes a new connection, or the news that there is none. It returns what cannot
// be sent therefore. l.mu is held.
func (l *lane) dialed(made driver.Conn, err error, now time.Time) (unsent []*Request) {
	c := &l.conns
	c.dialing--
	if !timedOut(err) {
		c.trying = time.Time{}
	}
	l.checks.at(now, now) // until when what waits may wait has changed
	if err == nil {
		c.refused = time.Time{}
		c.total++
		c.giveBack(&conn{Conn: made, made: now}, now)
		l.connected(now)
		return nil
	}
	c.refused = now
	if c.total+c.dialing > 0 {
		return nil
	}
	if timedOut(err) {
		l.silent.Store(true) // though it took less than a call may
	}
	l.waiting.take(func(r *Request) bool {
		unsent = append(unsent, r)
		return true
	})
	return unsent
}

// close closes a connection, and only then may another one be made in its place.
func (l *lane) close(c *conn) {
	_ = c.Close()
	l.update(func(clock.Instant) { l.conns.total-- })
}
