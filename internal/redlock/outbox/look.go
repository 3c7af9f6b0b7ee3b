package outbox

import (
	"time"
)

// news is what a look has found, to be told once the lane's mutex is free.
type news struct {
	late   []*Request
	unsent []*Request
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
	closes := l.conns.idleAt(now.Time)
	f := l.cut(now)
	l.setAlarm(now.Time)
	l.mu.Unlock()
	closes.close()
	l.fly(f)
	found.tell()
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
		for at := l.waiting[i].Front(); at != nil; {
			r := at.Value.(*Request)
			at = at.Next()
			since := r.posted
			if l.heardAt.After(since) {
				since = l.heardAt
			}
			if left := since.Add(r.Bound).Sub(now); left > 0 {
				l.alarm.lookBy(now, left)
				continue
			}
			l.take(r)
			found.unsent = append(found.unsent, r)
		}
	}
	return found
}

// lookAtFlight finds the flight's calls that are late. Batches are smaller from then on,
// as the server may be slow, and it is silent if it has answered nothing meanwhile.
// l.mu is held.
func (l *lane) lookAtFlight(f *flight, now time.Time, found *news) {
	for _, r := range f.requests {
		if r.late {
			continue
		}
		if left := f.since.Add(r.Bound).Sub(now); left > 0 {
			l.alarm.lookBy(now, left)
			continue
		}
		r.late = true
		found.late = append(found.late, r)
		l.most = max(1, l.most/2)
		l.noteSilence(f)
	}
}

// noteSilence takes that a flight had no answer in time. l.mu is held.
func (l *lane) noteSilence(f *flight) {
	if !l.heardAt.After(f.since.Time) {
		l.silent.Store(true)
	}
}

func (n news) tell() {
	for _, r := range n.late {
		r.To.Late(r)
	}
	for _, r := range n.unsent {
		r.To.Unsent(r, ErrSilent)
	}
}
