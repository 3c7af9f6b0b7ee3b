package outbox

import "time"

// alarm has a lane look at itself at a time: with one timer, which is set only when it
// would go off too late. The lane's mutex guards it.
type alarm struct {
	ring  func()
	timer *time.Timer
	set   time.Time // when the timer goes off; zero when it is not set
	look  time.Time // when bounds must be looked at; zero when nothing has one
}

// at has the lane look at a moment, or before.
func (a *alarm) at(now, moment time.Time) {
	if !a.set.IsZero() && !moment.Before(a.set) {
		return
	}
	a.set = moment
	wait := max(0, moment.Sub(now))
	if a.timer == nil {
		a.timer = time.AfterFunc(wait, a.ring)
		return
	}
	a.timer.Reset(wait)
}

// lookBy has the lane look at bounds when one that begins now has passed, or before.
func (a *alarm) lookBy(now time.Time, bound time.Duration) {
	by := now.Add(bound)
	if a.look.IsZero() || by.Before(a.look) {
		a.look = by
	}
	a.at(now, a.look)
}

// due ends what the alarm was set to, and reports whether bounds must be looked at.
func (a *alarm) due(now time.Time) bool {
	a.set = time.Time{}
	if a.look.IsZero() || now.Before(a.look) {
		return false
	}
	a.look = time.Time{}
	return true
}
