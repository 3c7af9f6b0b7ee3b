package outbox

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

// conns are the connections of a lane whose driver makes them for it. The lane's mutex
// guards them.
type conns struct {
	idle    []*conn // the one used last comes last
	total   int     // idle, in a flight, or about to be closed
	dialing int
	trying  time.Time // since when none could be made for want of time; zero if that is not so
	made    time.Time // when the last one was, by a server that is well as far as is known
	refused time.Time // when none could be made; zero if the last one could
}

// conn is one connection.
type conn struct {
	driver.Conn
	kept bool // was not made for the present flight: the server may have closed it
	used time.Time
}

const (
	// dialPer is how many waiting calls one more connection is made for. A batch
	// serves as many, but on a far server the time to make several is that of one.
	dialPer = 32

	// dialPause is how long no other connection is tried for after one was refused,
	// as long as there is any hope without it.
	dialPause = 100 * time.Millisecond

	// dialBounds is for how many bounds a call waits for the only connection to a
	// node that decides alone, as making one may take so many round trips: for TCP, TLS (2), HELLO,
	// AUTH, SELECT, and the names of client and library.
	dialBounds = 8
)

// connect takes a connection for the next flight. If there is none it has some made, as
// many as what waits is worth. Without a driver that makes them none is needed.
//
// When the last one is taken, too, some are made ahead, as many as other flights are under
// way: what comes next would wait for one as long as for its answer, or longer. l.mu is held.
func (l *lane) connect(waiting int, now time.Time) (*conn, bool) {
	if l.box.dialer == nil {
		return nil, true
	}
	c, ahead := l.conns.take(now), len(l.flights)
	switch {
	case c == nil:
		l.dialFor(max(ahead, 1+waiting/dialPer), now)
	case len(l.conns.idle) == 0:
		l.dialFor(ahead, now)
	}
	return c, c != nil
}

// dialFor has so many connections made at a time, if there may be others. l.mu is held.
func (l *lane) dialFor(wanted int, now time.Time) {
	if l.conns.total+l.conns.dialing > 0 && !l.conns.refused.IsZero() {
		if next := l.conns.refused.Add(dialPause); now.Before(next) {
			l.alarm.at(now, next)
			return
		}
	}
	if l.silent.Load() {
		wanted = min(wanted, 1)
	}
	for l.conns.dialing < wanted && l.conns.total+l.conns.dialing < l.box.flights {
		if l.conns.trying.IsZero() {
			l.conns.trying = now
		}
		l.conns.dialing++
		go l.dial(l.first().Bound)
	}
}

// take takes the connection that was used last.
func (c *conns) take(now time.Time) *conn {
	last := len(c.idle) - 1
	if last < 0 {
		return nil
	}
	taken := c.idle[last]
	c.idle[last] = nil
	c.idle = c.idle[:last]
	taken.kept = taken.kept || now.After(taken.used)
	return taken
}

// dial makes a connection, in the client's own time, and sends what waits for it. If
// none can be made, and there is no other, nothing that waits can be sent.
func (l *lane) dial(bound time.Duration) {
	slow := time.AfterFunc(bound, l.noteUnreached)
	defer slow.Stop()
	made, err := l.box.dialer.Dial(context.Background(), l.name)
	now := l.box.clock.Now()
	l.mu.Lock()
	unsent := l.dialed(made, err, now.Time)
	f := l.cut(now)
	l.setAlarm(now.Time)
	l.mu.Unlock()
	l.fly(f)
	for _, r := range unsent {
		r.To.Unsent(r, err)
	}
}

// dialed takes a new connection, or the news that there is none. It returns what cannot
// be sent therefore. A server that is not even reached in time is silent; one that was is
// not, unless a host goes on to accept connections for a server that is not well. l.mu is
// held.
func (l *lane) dialed(made driver.Conn, err error, now time.Time) (unsent []*Request) {
	c := &l.conns
	c.dialing--
	if !timedOut(err) {
		c.trying = time.Time{}
	}
	if !l.alarm.look.IsZero() {
		l.alarm.look = now // until when what waits may wait has changed
	}
	if err != nil {
		c.refused = now
		if c.total+c.dialing == 0 {
			unsent = l.drain()
			if timedOut(err) {
				l.silent.Store(true) // though it took less than a call may
			}
		}
		return unsent
	}
	c.refused = time.Time{}
	c.total++
	c.idle = append(c.idle, &conn{Conn: made, used: now})
	if !l.failed {
		c.made = now
		l.silent.Store(false)
	}
	return nil
}

// noteUnreached has the server be silent if there is no connection to it after the longest
// time of a call, also if the call for which one is made was withdrawn. Those that follow
// would otherwise wait for the server as long, again and again.
func (l *lane) noteUnreached() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns.total == 0 {
		l.silent.Store(true)
	}
}

// drain takes out all that waits. l.mu is held.
func (l *lane) drain() (all []*Request) {
	for i := range l.waiting {
		for r := l.waiting[i].first; r != nil; r = l.waiting[i].first {
			l.take(r)
			all = append(all, r)
		}
	}
	return all
}

// close closes connections, and only then may others be made in their place.
func (l *lane) close(conns []*conn) {
	if len(conns) == 0 {
		return
	}
	for _, c := range conns {
		_ = c.Close()
	}
	now := l.box.clock.Now()
	l.mu.Lock()
	l.conns.total -= len(conns)
	f := l.cut(now)
	l.mu.Unlock()
	l.fly(f)
}

// giveBack takes the connection of a flight back, unless it is broken.
func (c *conns) giveBack(f *flight, now time.Time) {
	switch {
	case f.conn == nil:
	case f.closed:
		c.total--
	case f.broken():
		f.closed, f.closes = true, []*conn{f.conn}
	default:
		f.conn.kept, f.conn.used = true, now
		c.idle = append(c.idle, f.conn)
	}
}

// idleUntil is when the connection that was idle for longest is closed.
func (c *conns) idleUntil() (until time.Time, ok bool) {
	if len(c.idle) == 0 {
		return time.Time{}, false
	}
	return c.idle[0].used.Add(idleTime), true
}

// idleAt takes out the connections that were idle for too long.
func (c *conns) idleAt(now time.Time) (old []*conn) {
	for len(c.idle) > 0 && now.Sub(c.idle[0].used) >= idleTime {
		old = append(old, c.idle[0])
		c.idle[0] = nil
		c.idle = c.idle[1:]
	}
	return old
}
