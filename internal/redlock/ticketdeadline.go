package redlock

import (
	"sync/atomic"
	"time"
)

// A waiter looks again after lookEvery at the latest, however long its retry delay is,
// so that a ticket does not end while it waits. Where answers are slow a ticket lasts longer
// by the time that the last one took, up to maxSlow, and the next look comes earlier.
const (
	maxSlow  = 2 * time.Second
	slowStep = 100 * time.Millisecond // so that it is seldom another number
)

// ticketDeadline is how long a ticket lasts, and when it is to be renewed.
type ticketDeadline struct {
	lifetime atomic.Int64  // in ms
	renewed  time.Time     // when the last try that leaves the ticket was made …
	took     time.Duration // … and how long it was until its answer was there
}

// renew notes that a try is about to be made that leaves the ticket.
func (d *ticketDeadline) renew() {
	d.renewed = time.Now()
	d.lifetime.Store((ticketLife + d.took.Truncate(slowStep)).Milliseconds())
}

// noteTime notes how long the last try took, or how long ago it was.
func (d *ticketDeadline) noteTime() {
	if !d.renewed.IsZero() {
		d.took = min(time.Since(d.renewed), maxSlow)
	}
}

// pauseLeft is the longest time to the next look, so that the ticket is renewed before it
// ends: the next try may take as long as the last one.
func (d *ticketDeadline) pauseLeft() time.Duration {
	if d.renewed.IsZero() { // no node was asked yet
		return lookEvery
	}
	life := time.Duration(d.lifetime.Load()) * time.Millisecond
	return min(lookEvery, life-2*d.took)
}
