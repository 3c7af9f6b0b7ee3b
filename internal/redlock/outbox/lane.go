package outbox

import (
	"slices"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

// lane is the way to one server.
type lane struct {
	node *node
	name string
	health

	// Guarded by mu.
	waiting queues
	flights []*flight
	cutAt   time.Time       // when the last flight began
	batchAt time.Time       // when the last flight of several calls landed
	tokens  map[string]bool // memory for the next batch
	conns   conns
	checks  alarm // of bounds and connections
	departs alarm // when calls have waited for others to join them

	// starting are flights that are to be run, each by the next goroutine that start
	// makes: one that is made with an argument costs an allocation.
	starting chan *flight
	start    func()
}

// change changes the lane, and returns the flight that may begin now.
func (l *lane) change(by func(now clock.Instant)) *flight {
	now := l.node.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	by(now)
	return l.cut(now)
}

// update changes the lane, and begins the flight that may begin now.
func (l *lane) update(by func(now clock.Instant)) { l.fly(l.change(by)) }

// post has a request wait, and sends what may be sent.
func (l *lane) post(r *Request) { l.update(func(now clock.Instant) { l.accept(r, now.Time) }) }

// ask is post, in the caller's goroutine where nothing else is going on.
func (l *lane) ask(r *Request) bool {
	f := l.change(func(now clock.Instant) { l.accept(r, now.Time) })
	if f == nil || f.requests[0] != r || !f.sendBounded() {
		l.fly(f)
		return false
	}
	l.fly(l.land(f))
	ended := len(f.requests) > 0
	l.end(f)
	return ended
}

// accept puts a request in its queue. l.mu is held.
func (l *lane) accept(r *Request, now time.Time) {
	if len(l.flights) == 0 && l.waiting.len() == 0 {
		l.signAt = now // a pause says nothing about the server
	}
	r.lane, r.posted = l, now
	l.waiting.add(r)
	l.limitLeft()
	l.checks.at(now, now.Add(r.Bound))
}

// withdraw takes back a request that was not sent.
func (l *lane) withdraw(r *Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting.remove(r)
}

// leave puts a request that was not sent behind all others.
func (l *lane) leave(r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Class != Left {
		l.waiting.move(r, Left) // also one that is sent: its connection may turn out to be closed
	}
	l.limitLeft()
}

// limitLeft gives up those whose callers left first if there are too many. A goroutine
// of its own reports that, as the present one may have locked anything. l.mu is held.
func (l *lane) limitLeft() {
	for len(l.waiting[Left]) > maxLeft {
		r := l.waiting[Left][0]
		l.waiting.remove(r)
		go r.To.Unsent(r, ErrCrowded)
	}
}

// cut begins a flight with what waits, if one may begin now: the caller runs it. What
// is in it is sent from here on. l.mu is held.
func (l *lane) cut(now clock.Instant) *flight {
	if l.waiting.len() == 0 || !l.mayCut(now.Time) {
		return nil
	}
	c, ok := l.connect(now.Time)
	if !ok {
		return nil
	}
	f := l.fill()
	f.node, f.health, f.conn = l.node, &l.health, c
	f.begin(now.Time)
	for _, r := range f.requests {
		r.sent = now
	}
	l.cutAt = now.Time
	l.flights = append(l.flights, f)
	if l.waiting.len() > 0 && len(l.flights) < l.node.flights {
		l.departs.at(now.Time, now.Add(gatherTime)) // for the rest
	}
	return f
}

// mayCut reports that another flight may begin. A silent server gets the next
// one when those before it are late. l.mu is held.
func (l *lane) mayCut(now time.Time) bool {
	if len(l.flights) >= l.node.flights || l.silent.Load() && !l.allLate() {
		return false
	}
	departure := l.departure()
	if now.Before(departure) {
		l.departs.at(now, departure)
		return false
	}
	return true
}

// allLate reports that no flight is under way that may still be answered in time. l.mu
// is held.
func (l *lane) allLate() bool {
	for _, f := range l.flights {
		if !f.late {
			return false
		}
	}
	return true
}

// fill makes a flight of the calls that leave next. l.mu is held.
func (l *lane) fill() *flight {
	first := l.waiting.first()
	f := first.newFlight()
	limit := min(l.limit, l.waiting.len())
	if limit > 1 && !first.Alone {
		f.requests = takeBatch(&l.waiting, limit, l.tokens)
		return f
	}
	l.waiting.remove(first)
	f.one[0] = first
	f.requests = f.one[:]
	return f
}

// fly runs a flight, if there is one, in a goroutine of its own.
func (l *lane) fly(f *flight) {
	if f != nil {
		l.starting <- f // where there is room for all that may be under way
		go l.start()
	}
}

// run runs a flight, and then others for as long as something waits. A flight does not
// wait until the answers of the one before it are reported.
func (l *lane) run(f *flight) {
	for f != nil {
		f.send()
		after := l.land(f)
		if after == nil {
			l.end(f)
		} else {
			go l.end(f)
		}
		f = after
	}
}

// end reports a flight's answers, and closes a connection that broke.
func (l *lane) end(f *flight) {
	if broke := f.end(); broke != nil {
		l.close(broke)
	}
}

// land takes a flight's answers, and returns the flight that may begin in its place.
func (l *lane) land(f *flight) *flight {
	o := outcomeOf(f.replies)
	return l.change(func(now clock.Instant) {
		l.flights = slices.DeleteFunc(l.flights, func(x *flight) bool { return x == f })
		if len(f.requests) > 1 {
			l.batchAt = now.Time
		}
		l.landed(o, f.since, !f.late && len(f.requests) == l.limit, now.Time)
		if f.conn == nil || f.closed {
			return
		}
		if !o.broken {
			l.conns.giveBack(f.conn, now.Time)
		} else if o.unsent && f.conn.made.Before(f.since) {
			l.requeue(f)
		}
	})
}

// requeue has the calls of a flight wait again, in front, as the server had closed a
// connection that was kept. Those that were said to be sent, as they were late, are
// reported as not sent. l.mu is held.
func (l *lane) requeue(f *flight) {
	var late []*Request
	for _, r := range slices.Backward(f.requests) {
		if r.late {
			late = append(late, r)
			continue
		}
		r.sent, r.requeued = clock.Instant{}, true
		l.waiting.putBack(r)
	}
	f.requests = late
}
