package outbox

import "time"

// alarm calls a function at a moment, with one timer, which is set only when it would go
// off too late. The lane's mutex guards it.
type alarm struct {
	call  func()
	timer *time.Timer
	set   time.Time // when the timer goes off; zero when it is not set
}

// at has the function called at a moment, or before.
func (a *alarm) at(now, moment time.Time) {
	if !a.set.IsZero() && !moment.Before(a.set) {
		return
	}
	a.set = moment
	wait := max(0, moment.Sub(now))
	if a.timer == nil {
		a.timer = time.AfterFunc(wait, a.call)
		return
	}
	a.timer.Reset(wait)
}

// called has the alarm set anew by what is to come.
func (a *alarm) called() { a.set = time.Time{} }
