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
	total   int     // idle or in a flight
	dialing int
}

// conn is one connection.
type conn struct {
	driver.Conn
	kept bool // it has served a flight before the present one
	used time.Time
}

// dialPer is how many waiting calls one more connection is made for. A batch serves as
// many, but on a far server the time to make several is that of one.
const dialPer = 32

// connect takes a connection for the next flight. If there is none it has some made, as
// many as what waits is worth. Without a driver that makes them none is needed. l.mu is
// held.
func (l *lane) connect(waiting int) (*conn, bool) {
	if l.box.dialer == nil {
		return nil, true
	}
	if last := len(l.conns.idle) - 1; last >= 0 {
		c := l.conns.idle[last]
		l.conns.idle[last] = nil
		l.conns.idle = l.conns.idle[:last]
		return c, true
	}
	wanted := 1 + waiting/dialPer
	if l.silent.Load() {
		wanted = 1
	}
	for l.conns.dialing < wanted && l.conns.total+l.conns.dialing < maxFlights {
		l.conns.dialing++
		go l.dial()
	}
	return nil, false
}

// dial makes a connection, in the client's own time, and sends what waits for it. If
// none can be made, and there is no other, nothing that waits can be sent. What comes
// later dials again.
func (l *lane) dial() {
	made, err := l.box.dialer.Dial(context.Background(), l.name)
	now := l.box.clock.Now()
	l.mu.Lock()
	l.conns.dialing--
	var unsent []*Request
	var f *flight
	if err == nil {
		l.conns.total++
		l.conns.idle = append(l.conns.idle, &conn{Conn: made, used: now.Time})
		l.heardAt = now.Time
		f = l.cut(now)
	} else if l.conns.total == 0 {
		unsent = l.drain()
	}
	l.setAlarm(now.Time)
	l.mu.Unlock()
	l.fly(f)
	for _, r := range unsent {
		r.To.Unsent(r, err)
	}
}

// drain takes out all that waits. l.mu is held.
func (l *lane) drain() (all []*Request) {
	for i := range l.waiting {
		for at := l.waiting[i].Front(); at != nil; at = l.waiting[i].Front() {
			r := at.Value.(*Request)
			l.take(r)
			all = append(all, r)
		}
	}
	return all
}

// closing are connections to be closed without the lane's mutex.
type closing []*conn

func (c closing) close() {
	for _, conn := range c {
		_ = conn.Close()
	}
}

// giveBack takes the connection of a flight back. One that is broken is returned.
func (c *conns) giveBack(f *flight, now time.Time) closing {
	if f.conn == nil {
		return nil
	}
	if f.broken() {
		c.total--
		return closing{f.conn}
	}
	f.conn.kept, f.conn.used = true, now
	c.idle = append(c.idle, f.conn)
	return nil
}

// idleUntil is when the connection that was idle for longest is closed.
func (c *conns) idleUntil() (until time.Time, ok bool) {
	if len(c.idle) == 0 {
		return time.Time{}, false
	}
	return c.idle[0].used.Add(idleTime), true
}

// idleAt takes out the connections that were idle for too long.
func (c *conns) idleAt(now time.Time) (old closing) {
	for len(c.idle) > 0 && now.Sub(c.idle[0].used) >= idleTime {
		old = append(old, c.idle[0])
		c.idle = c.idle[1:]
		c.total--
	}
	return old
}
