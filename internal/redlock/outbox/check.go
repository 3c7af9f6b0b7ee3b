package outbox

import (
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

const (
	// checkPause is how much later the next check is, at least, for every call that
	// waits. Otherwise checks would be all that goes on when many wait, and each
	// for a moment of its own.
	checkPause = 100 * time.Nanosecond

	// overdue is after how many bounds a connection is closed on which a driver still
	// waits, so that one that would wait for ever does not keep a flight.
	overdue = 4
)

// findings are what a check has found, to be reported once the lane's mutex is free.
type findings struct {
	late   []*Request
	of     []*flight // of late
	unsent []*Request
	closes []*conn
}

// check is what the lane does when its alarm goes off: it reports what is late and what
// will not be sent, and closes connections that are not needed.
func (l *lane) check() {
	var found findings
	l.update(func(now clock.Instant) {
		l.checks.called()
		for _, f := range l.flights {
			l.checkFlight(f, now.Time, &found)
		}
		for r := range l.waiting.all() {
			if l.passed(l.waitsUntil(r), now.Time) {
				l.waiting.remove(r)
				l.health.silent.Store(true)
				found.unsent = append(found.unsent, r)
			}
		}
		l.checkConns(now.Time, &found)
	})
	l.report(found)
}

// passed reports that a moment has passed, or else has the lane check again when it
// has. l.mu is held.
func (l *lane) passed(moment, now time.Time) bool {
	left := moment.Sub(now)
	if left > 0 {
		l.checks.at(now, now.Add(max(left, checkPause*time.Duration(l.waiting.len))))
	}
	return left <= 0
}

// checkFlight finds the flight's calls that are late, and closes its connection when
// the driver should have returned long ago. l.mu is held.
func (l *lane) checkFlight(f *flight, now time.Time, found *findings) {
	for _, r := range f.requests {
		if r.late || !l.passed(f.since.Add(r.Bound), now) {
			continue
		}
		r.late, f.late = true, true
		l.health.late(f.since, now)
		f.lateness.Add(1)
		found.late, found.of = append(found.late, r), append(found.of, f)
	}
	if f.conn != nil && !f.closed && l.passed(f.since.Add(overdue*f.longest()), now) {
		f.closed = true // which has the driver return
		found.closes = append(found.closes, f.conn)
	}
}

// waitsUntil is when a request is given up if the server shows no sign of life. l.mu is
// held.
func (l *lane) waitsUntil(r *Request) time.Time {
	until := later(r.posted, l.health.signAt).Add(r.Bound)
	if l.node.decides && len(l.flights) == 0 && !l.conns.trying.IsZero() {
		until = later(until, l.conns.trying.Add(dialBounds*r.Bound))
	}
	return until
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// checkConns finds connections that were idle for too long. Where there is none after the
// bound of the call for which one is made, the server is silent, also if that call was
// withdrawn. Those that follow would otherwise wait for it as long, again and again. l.mu
// is held.
func (l *lane) checkConns(now time.Time, found *findings) {
	c := &l.conns
	for len(c.idle) > 0 && l.passed(c.idle[0].used.Add(idleTime), now) {
		found.closes = append(found.closes, c.takeOldest())
	}
	if c.total == 0 && !c.trying.IsZero() && l.passed(c.trying.Add(c.bound), now) {
		l.health.silent.Store(true)
	}
}

// report reports what a check has found.
func (l *lane) report(found findings) {
	for i, r := range found.late {
		f := found.of[i]
		r.To.Late(r)
		f.lateness.Done()
	}
	for _, r := range found.unsent {
		r.To.Unsent(r, ErrSilent)
	}
	l.close(found.closes...)
}
