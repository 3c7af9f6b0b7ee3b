package outbox

import (
	"container/list"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

// lane is the way to one server.
type lane struct {
	box  *Outbox
	name string

	// silent is set when a call is late and nothing has come since it was sent, until
	// anything comes. The server then gets one request at a time, and one connection.
	silent atomic.Bool

	mu      sync.Mutex
	waiting [classes]list.List // of *Request
	flights []*flight
	cutAt   time.Time // when the last flight began
	heardAt time.Time // when the server last answered, or was first asked after a pause
	most    int       // how many calls a batch may have
	conns   conns
	alarm   alarm
}

func (l *lane) init(o *Outbox, name string) {
	l.box, l.name, l.most = o, name, maxCalls
	if !o.batches() {
		l.most = 1
	}
	l.alarm.ring = l.look
}

// post has a request wait, and sends what may be sent.
func (l *lane) post(r *Request) {
	now := l.box.clock.Now()
	l.mu.Lock()
	l.push(r, now.Time)
	f := l.cut(now)
	l.mu.Unlock()
	l.fly(f)
}

// ask is post, in the caller's goroutine where nothing else is going on.
func (l *lane) ask(r *Request) bool {
	now := l.box.clock.Now()
	l.mu.Lock()
	l.push(r, now.Time)
	f := l.cut(now)
	l.mu.Unlock()
	if f == nil || f.requests[0] != r || !f.sendBounded() {
		l.fly(f)
		return false
	}
	l.fly(l.land(f))
	return !f.unsent()
}

// push puts a request in its place. l.mu is held.
func (l *lane) push(r *Request, now time.Time) {
	if len(l.flights) == 0 && l.awaited() == 0 {
		l.heardAt = now // a pause says nothing about the server
	}
	r.lane, r.posted = l, now
	r.at = l.waiting[r.Class].PushBack(r)
	l.alarm.lookBy(now, r.Bound)
}

// take takes a waiting request out. l.mu is held.
func (l *lane) take(r *Request) {
	l.waiting[r.Class].Remove(r.at)
	r.at = nil
}

// withdraw takes back a request that was not sent.
func (l *lane) withdraw(r *Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.at == nil {
		return false
	}
	l.take(r)
	return true
}

// leave puts a request that was not sent behind all others, and gives up the one that
// has waited there for longest if there are too many.
func (l *lane) leave(r *Request) {
	l.mu.Lock()
	if r.at == nil || r.Class == Left {
		l.mu.Unlock()
		return
	}
	l.take(r)
	r.Class = Left
	r.at = l.waiting[Left].PushBack(r)
	var dropped *Request
	if l.waiting[Left].Len() > maxLeft {
		dropped = l.waiting[Left].Front().Value.(*Request)
		l.take(dropped)
	}
	l.mu.Unlock()
	if dropped != nil {
		dropped.To.Unsent(dropped, ErrCrowded)
	}
}

// awaited counts the requests that have not been sent. l.mu is held.
func (l *lane) awaited() int {
	n := 0
	for i := range l.waiting {
		n += l.waiting[i].Len()
	}
	return n
}

// cut begins a flight with what waits, if one may begin now: the caller runs it. What
// is in it is sent from here on. l.mu is held.
func (l *lane) cut(now clock.Instant) *flight {
	waiting := l.awaited()
	if waiting == 0 || !l.mayCut(now.Time) {
		return nil
	}
	c, ok := l.connect(waiting)
	if !ok {
		return nil
	}
	f := l.fill()
	f.lane, f.conn, f.since = l, c, now
	f.window = l.box.windows.within(now.Time, f.longest())
	for _, r := range f.requests {
		r.sent, r.flight = now, f
	}
	l.cutAt = now.Time
	l.flights = append(l.flights, f)
	return f
}

// mayCut reports that there is a place for another flight. A silent server is asked by
// one at a time. Beyond the first few it is worth a moment's wait for others. l.mu is
// held.
func (l *lane) mayCut(now time.Time) bool {
	switch n := len(l.flights); {
	case l.silent.Load() && n > 0:
		return false
	case n < eagerFlights:
		return true
	case n >= maxFlights:
		return false
	}
	next := l.cutAt.Add(gatherTime)
	if now.Before(next) {
		l.alarm.at(now, next)
		return false
	}
	return true
}

// fill takes the calls of the next flight. l.mu is held.
func (l *lane) fill() *flight {
	var b batch
	for i := range l.waiting {
		for at := l.waiting[i].Front(); at != nil && b.hasRoom(l.most); {
			r := at.Value.(*Request)
			at = at.Next()
			if b.add(r) {
				l.take(r)
			}
		}
	}
	first := b.requests[0]
	f := &first.own
	if f.requests = b.requests; len(b.requests) == 1 {
		f.one[0] = first
		f.requests = f.one[:]
	}
	return f
}

// fly runs a flight in a goroutine of its own, and then others for as long as something
// waits.
func (l *lane) fly(f *flight) {
	if f == nil {
		return
	}
	go func() {
		for f != nil {
			f.send()
			f = l.land(f)
		}
	}()
}

// land takes a flight's answers, and returns the flight that may begin in its place.
func (l *lane) land(f *flight) *flight {
	now := l.box.clock.Now()
	l.mu.Lock()
	l.flights = slices.DeleteFunc(l.flights, func(x *flight) bool { return x == f })
	l.noteAnswers(f, now.Time)
	again := f.unsent()
	for i := len(f.requests) - 1; i >= 0; i-- {
		r := f.requests[i]
		if r.flight = nil; again {
			r.sent = clock.Instant{}
			r.at = l.waiting[r.Class].PushFront(r)
		}
	}
	closes := l.conns.giveBack(f, now.Time)
	next := l.cut(now)
	l.mu.Unlock()
	closes.close()
	if !again {
		f.tell()
	}
	return next
}

// noteAnswers takes what a flight says about the server. l.mu is held.
func (l *lane) noteAnswers(f *flight, now time.Time) {
	if !f.heard() {
		if f.timedOut() {
			l.noteSilence(f)
		}
		return
	}
	l.heardAt = now
	if l.silent.Load() {
		l.silent.Store(false)
	}
	if len(f.requests) == l.most && l.box.batches() {
		l.most = min(maxCalls, 2*l.most)
	}
}
