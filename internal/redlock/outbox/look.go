package outbox

import (
	"time"
)

const (
	// lookPause is how much later the next look at bounds is, at least, for every call
	// that waits. Otherwise looks would be all that goes on when many wait, and each
	// for a moment of its own.
	lookPause = 100 * time.Nanosecond

	// overdue is after how many bounds a connection is closed on which a driver still
	// waits, so that one that would wait for ever does not keep a place.
	overdue = 4
)

// news is what a look has found, to be told once the lane's mutex is free.
type news struct {
	late    []*Request
	flights []*flight // of those
	unsent  []*Request
	overdue []*flight
	idle    []*conn
}

// look is what the lane does when its alarm rings: it tells of what is late and of what
// will not be sent, closes connections that are not needed, and begins a flight that
// has waited for others to join.
func (l *lane) look() {
	now := l.box.clock.Now()
	l.mu.Lock()
	var found news
	if l.alarm.due(now.Time) {
		found = l.lookAtBounds(now.Time)
	}
	found.idle = l.conns.idleAt(now.Time)
	f := l.cut(now)
	l.setAlarm(now.Time)
	l.mu.Unlock()
	l.fly(f)
	l.tell(found)
}

// setAlarm has the lane look again if there is anything to look for. l.mu is held.
func (l *lane) setAlarm(now time.Time) {
	if !l.alarm.look.IsZero() {
		l.alarm.at(now, l.alarm.look)
	}
	if until, ok := l.conns.idleUntil(); ok {
		l.alarm.at(now, until)
	}
}

// lookAtBounds finds what is late, and what has waited too long. l.mu is held.
func (l *lane) lookAtBounds(now time.Time) (found news) {
	for _, f := range l.flights {
		l.lookAtFlight(f, now, &found)
	}
	for i := range l.waiting {
		for r := l.waiting[i].first; r != nil; {
			next := r.after
			if l.lookAgain(l.waitsUntil(r), now) {
				l.take(r)
				l.silent.Store(true)
				found.unsent = append(found.unsent, r)
			}
			r = next
		}
	}
	return found
}

// lookAgain reports that a moment has come, or else has the lane look again when it
// has. l.mu is held.
func (l *lane) lookAgain(moment, now time.Time) (come bool) {
	left := moment.Sub(now)
	if left > 0 {
		l.alarm.lookBy(now, max(left, lookPause*time.Duration(l.awaited())))
	}
	return left <= 0
}

// waitsUntil is when a request is given up if the server goes on to answer nothing.
// A new connection is not an answer, but worth waiting for as if it were. l.mu is held.
func (l *lane) waitsUntil(r *Request) time.Time {
	until := latest(r.posted, l.heardAt, l.conns.made).Add(r.Bound)
	if l.box.decides && len(l.flights) == 0 && !l.conns.trying.IsZero() {
		until = latest(until, l.conns.trying.Add(dialBounds*r.Bound))
	}
	return until
}

func latest(moment time.Time, others ...time.Time) time.Time {
	for _, other := range others {
		if other.After(moment) {
			moment = other
		}
	}
	return moment
}

// lookAtFlight finds the flight's calls that are late, and closes its connection when
// the driver should have returned long ago. l.mu is held.
func (l *lane) lookAtFlight(f *flight, now time.Time, found *news) {
	before, pending := len(found.late), false
	for _, r := range f.requests {
		switch {
		case r.late:
		case l.lookAgain(f.since.Add(r.Bound), now):
			r.late = true
			found.late = append(found.late, r)
		default:
			pending = true
		}
	}
	if len(found.late) > before {
		l.noteLate(f, now)
		f.telling++
		found.flights = append(found.flights, f)
	}
	if pending || f.conn == nil || f.closed {
		return
	}
	if l.lookAgain(f.since.Add(overdue*f.longest()), now) {
		f.closed = true
		found.overdue = append(found.overdue, f)
	}
}

// tell tells what a look has found, and then ends those flights that have landed
// meanwhile: an answer is not told while its lateness is.
func (l *lane) tell(found news) {
	for _, r := range found.late {
		r.To.Late(r)
	}
	for _, r := range found.unsent {
		r.To.Unsent(r, ErrSilent)
	}
	l.close(found.idle)
	for _, f := range found.overdue {
		_ = f.conn.Close() // which has the driver return
	}
	for _, f := range l.told(found.flights) {
		f.end()
	}
}

// told notes that lateness was told, and returns the flights that are to be ended.
func (l *lane) told(flights []*flight) (landed []*flight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range flights {
		if f.telling--; f.telling == 0 && f.landed {
			landed = append(landed, f)
		}
	}
	return landed
}
