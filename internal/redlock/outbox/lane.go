package outbox

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

// lane is the way to one server.
type lane struct {
	box  *Outbox
	name string

	// silent is set when a bound has passed and nothing has come since the call was
	// sent, or since it began to wait for a connection, until anything comes: a
	// connection, too, if that was all it lacked. The server then gets one request, and
	// one connection, at a time.
	silent atomic.Bool

	mu       sync.Mutex
	waiting  [classes]queue
	passed   *Request // waits, must go alone, and goes next: a flight has left without it
	flights  []*flight
	cutAt    time.Time // when the last flight began
	heardAt  time.Time // when the server last answered, or was first asked after a pause
	failed   bool      // a flight has had no answer since then
	most     int       // how many calls a batch may have
	shrunkAt time.Time // when that became less
	tokens   map[string]bool
	conns    conns
	alarm    alarm

	// starting are flights that are to be run, each by the next goroutine that start
	// makes: one that is made with an argument costs an allocation.
	starting chan *flight
	start    func()
}

func (l *lane) init(o *Outbox, name string) {
	l.box, l.name, l.most = o, name, maxCalls
	if !o.batches() {
		l.most = 1
	}
	l.alarm.ring = l.look
	l.starting = make(chan *flight, maxFlights)
	l.start = func() { l.run(<-l.starting) }
}

// post has a request wait, and sends what may be sent.
func (l *lane) post(r *Request) { l.fly(l.accept(r)) }

// ask is post, in the caller's goroutine where nothing else is going on.
func (l *lane) ask(r *Request) bool {
	f := l.accept(r)
	if f == nil || f.requests[0] != r || !f.sendBounded() {
		l.fly(f)
		return false
	}
	next, mine := l.land(f)
	l.fly(next)
	if mine {
		f.end()
	}
	return mine && len(f.requests) > 0
}

// accept puts a request in its place, and returns the flight that may begin now.
func (l *lane) accept(r *Request) *flight {
	now := l.box.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.flights) == 0 && l.awaited() == 0 {
		l.heardAt = now.Time // a pause says nothing about the server
	}
	r.lane, r.posted = l, now.Time
	l.waiting[r.Class].pushBack(r)
	l.boundLeft()
	l.alarm.lookBy(now.Time, r.Bound)
	return l.cut(now)
}

// take takes a waiting request out. l.mu is held.
func (l *lane) take(r *Request) {
	l.waiting[r.Class].remove(r)
	if l.passed == r {
		l.passed = nil
	}
}

// withdraw takes back a request that was not sent.
func (l *lane) withdraw(r *Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !r.waits {
		return false
	}
	l.take(r)
	return true
}

// leave puts a request that was not sent behind all others.
func (l *lane) leave(r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.waits && r.Class != Left {
		l.take(r)
		l.waiting[Left].pushBack(r)
	}
	r.Class = Left // where it goes, too, if its connection turns out to be closed
	l.boundLeft()
}

// boundLeft gives up those whose callers left first if there are too many. They are
// told so by a goroutine of its own, as the present one may have locked anything. l.mu
// is held.
func (l *lane) boundLeft() {
	for l.waiting[Left].len > maxLeft {
		r := l.waiting[Left].first
		l.take(r)
		go r.To.Unsent(r, ErrCrowded)
	}
}

// awaited counts the requests that have not been sent. l.mu is held.
func (l *lane) awaited() int {
	n := 0
	for i := range l.waiting {
		n += l.waiting[i].len
	}
	return n
}

// cut begins a flight with what waits, if one may begin now: the caller runs it. What
// is in it is sent from here on. l.mu is held.
func (l *lane) cut(now clock.Instant) *flight {
	waiting := l.awaited()
	if waiting == 0 || !l.mayCut(waiting, now.Time) {
		return nil
	}
	c, ok := l.connect(waiting, now.Time)
	if !ok {
		return nil
	}
	f := l.fill(waiting)
	f.lane, f.conn = l, c
	f.begin(now.Time)
	for _, r := range f.requests {
		r.sent = now
	}
	l.cutAt = now.Time
	l.flights = append(l.flights, f)
	if waiting > len(f.requests) && len(l.flights) < l.box.flights {
		l.alarm.at(now.Time, now.Add(gatherTime)) // for the rest
	}
	return f
}

// mayCut reports that there is a place for another flight. A silent server gets the next
// one when those before it are late. l.mu is held.
func (l *lane) mayCut(waiting int, now time.Time) bool {
	switch {
	case l.silent.Load() && !l.allLate():
		return false
	case len(l.flights) >= l.box.flights:
		return false
	}
	next := l.gathered(waiting)
	if now.Before(next) {
		l.alarm.at(now, next)
		return false
	}
	return true
}

// gathered is when the next flight has waited for others to join it: patient calls for a
// full batch, and beyond the first few flights all calls for a moment. l.mu is held.
func (l *lane) gathered(waiting int) time.Time {
	first := l.first()
	switch {
	case first.Patient && !first.Alone && waiting < l.most:
		return first.posted.Add(min(patience, first.Bound/8))
	case len(l.flights) < eagerFlights:
		return time.Time{}
	}
	return l.cutAt.Add(gatherTime)
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

// fill takes the calls of the next flight. l.mu is held.
func (l *lane) fill(waiting int) *flight {
	first := l.first()
	l.take(first)
	f := first.newFlight()
	f.one[0] = first
	if f.requests = f.one[:]; waiting > 1 && l.most > 1 && !first.Alone {
		f.requests = l.join(first, min(waiting, l.most))
	}
	return f
}

// first is the request that leaves next. One that must go alone is not held up for ever
// by others that come before it. l.mu is held.
func (l *lane) first() *Request {
	if l.passed != nil {
		return l.passed
	}
	for i := range l.waiting {
		if r := l.waiting[i].first; r != nil {
			return r
		}
	}
	return nil
}

// join takes what may leave together with first, up to most calls. l.mu is held.
func (l *lane) join(first *Request, most int) []*Request {
	if l.tokens == nil {
		l.tokens = make(map[string]bool)
	}
	b := begin(first, most, l.tokens)
	for i := range l.waiting {
		for r := l.waiting[i].first; r != nil && b.open(); {
			next := r.after
			if b.add(r) {
				l.take(r)
			}
			r = next
		}
	}
	clear(l.tokens)
	if b.alone != nil && b.alone.Class != Left {
		l.passed = b.alone
	}
	return b.requests
}

// fly runs a flight, if there is one, in a goroutine of its own.
func (l *lane) fly(f *flight) {
	if f != nil {
		l.starting <- f // where there is room for all that may be under way
		go l.start()
	}
}

// run runs a flight, and then others for as long as something waits. A flight does not
// wait until the answers of the one before it are told.
func (l *lane) run(f *flight) {
	for {
		f.send()
		next, mine := l.land(f)
		if next == nil {
			if mine {
				f.end()
			}
			return
		}
		if mine {
			go f.end()
		}
		f = next
	}
}

// land takes a flight's answers, and returns the flight that may begin in its place.
// Unless f is mine to end, a look does it that is still telling of its lateness.
func (l *lane) land(f *flight) (next *flight, mine bool) {
	now := l.box.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(f)
	l.noteOutcome(f, now.Time)
	l.conns.giveBack(f, now.Time)
	if f.stale() {
		l.requeue(f)
	}
	next = l.cut(now)
	f.landed = true
	return next, f.telling == 0
}

// remove takes a flight off the list of those under way. l.mu is held.
func (l *lane) remove(f *flight) {
	last := len(l.flights) - 1
	for i, x := range l.flights {
		if x == f {
			l.flights[i], l.flights[last] = l.flights[last], nil
			l.flights = l.flights[:last]
			return
		}
	}
}

// requeue has the calls of a flight wait again, in front. Those that were said to be
// sent, as they were late, are told that they were not. l.mu is held.
func (l *lane) requeue(f *flight) {
	var late []*Request
	for i := len(f.requests) - 1; i >= 0; i-- {
		r := f.requests[i]
		if r.late {
			late = append(late, r)
			continue
		}
		r.sent, r.requeued = clock.Instant{}, true
		l.waiting[r.Class].pushFront(r)
	}
	f.requests = late
}

// hear notes that the server has answered. l.mu is held.
func (l *lane) hear(now time.Time) {
	l.heardAt, l.failed = now, false
	if l.silent.Load() {
		l.silent.Store(false)
	}
}

// noteOutcome takes what a flight says about the server. Full batches that are answered
// in time may become larger. l.mu is held.
func (l *lane) noteOutcome(f *flight, now time.Time) {
	switch {
	case f.heard():
		l.hear(now)
		if !f.late && len(f.requests) == l.most && l.box.batches() {
			l.most = min(maxCalls, 2*l.most)
		}
	case f.unsent():
	case f.gaveUp(now), f.timedOut():
		l.noteLate(f, now)
	default:
		l.failed = true
	}
}

// noteLate takes the news that a bound has passed without an answer. Batches are
// smaller from then on, as the server may be slow: once for all that were under way.
// The server is silent if it has answered nothing meanwhile. l.mu is held.
func (l *lane) noteLate(f *flight, now time.Time) {
	if f.since.After(l.shrunkAt) {
		l.most, l.shrunkAt = max(1, l.most/2), now
	}
	f.late, l.failed = true, true
	if !l.heardAt.After(f.since) {
		l.silent.Store(true)
	}
}
