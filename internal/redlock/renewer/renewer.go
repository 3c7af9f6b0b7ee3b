// Package renewer calls many leases when each is due, and all of them when the clocks have
// parted.
//
// It has one timer, however many leases there are, and a goroutine only while it looks after
// them. It begins with the first lease and ends soon after the last. Leases are in the order
// of their deadlines: when they are to be renewed, or their validity ends.
//
//	timer ──► what is due, and soon after ──► Expire each ──► Renew those that want it
//
// Besides, both clocks are compared at least every [Step]. Where they have parted, as the
// machine was suspended or the wall clock was set, every lease is due: validity ends by
// either clock, and timers know only one of them.
package renewer

import (
	"container/heap"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

const (
	// Step is the longest time between two comparisons of the clocks while there are
	// leases, and so the latest that a jump of the wall clock is noticed.
	Step = 100 * time.Millisecond

	// slack is how far the clocks may part unnoticed.
	slack = time.Millisecond
)

// Lease is what is called at its deadline, and may then be given another one. It is called
// outside every lock, by one goroutine at a time.
type Lease interface {
	// Expire sees to the end of the lease's validity, and reports whether the lease is to
	// be renewed now.
	Expire(now clock.Instant) (renew bool)
	// Renew begins to renew it, and does not wait.
	Renew()
}

// Deadline is a lease's place in the order. The zero Deadline is none. The renewer's mutex
// guards it.
type Deadline struct {
	lease Lease
	due   time.Time
	at    int // from 1; 0 when it has none
}

// Renewer is safe for concurrent use.
type Renewer struct {
	clock *clock.Clock

	mu      sync.Mutex
	order   order
	running bool // the timer is set, or a run is under way …
	busy    bool // … this one
	idle    bool // the last run had nothing left
	timer   *time.Timer
	next    time.Time     // of the next run
	clocks  clock.Instant // when they were last compared
	due     []Lease       // the run's own
}

// Init makes a renewer by a clock.
func (r *Renewer) Init(c *clock.Clock) { r.clock = c }

// Set gives a lease its deadline, or another one.
func (r *Renewer) Set(d *Deadline, of Lease, due time.Time, now clock.Instant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d.lease, d.due = of, due
	if d.at == 0 {
		heap.Push(&r.order, d)
	} else {
		heap.Fix(&r.order, d.at-1)
	}
	switch {
	case !r.running:
		r.running, r.idle, r.clocks = true, false, now
		r.setTimer(now)
	case !r.busy && due.Before(r.next):
		r.setTimer(now)
	}
}

// Drop takes a lease's deadline away.
func (r *Renewer) Drop(d *Deadline) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d.at > 0 {
		heap.Remove(&r.order, d.at-1)
	}
}

// Pending is how many leases have a deadline, and whether the timer is set.
func (r *Renewer) Pending() (leases int, running bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.order), r.running
}

// setTimer sets the timer for the next run: when the first lease is due, or the clocks are
// to be compared. r.mu is held.
func (r *Renewer) setTimer(now clock.Instant) {
	wait := Step
	if len(r.order) > 0 {
		wait = max(0, min(wait, r.order[0].due.Sub(now.Time)))
	}
	r.next = now.Add(wait)
	if r.timer == nil {
		r.timer = time.AfterFunc(wait, r.run)
		return
	}
	r.timer.Reset(wait)
}

// run calls what is due, and sets the timer for the next run. Leases are renewed after all
// have been looked at, so that a loss is reported first.
func (r *Renewer) run() {
	if !r.beginRun() {
		return
	}
	now := r.clock.Now()
	r.due = r.take(r.due[:0], now)
	var renew []Lease
	for _, l := range r.due {
		if l.Expire(now) {
			renew = append(renew, l)
		}
	}
	for _, l := range renew {
		l.Renew()
	}
	clear(r.due)
	r.endRun()
}

// beginRun reports whether it is time to run. A timer that was set anew while it went off
// goes off twice.
func (r *Renewer) beginRun() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.running || r.busy {
		return false
	}
	r.busy = true
	return true
}

// endRun ends a run. It was the last one when there was no lease for a whole step: one that
// comes soon after another need not set the timer.
func (r *Renewer) endRun() {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = false
	if len(r.order) > 0 {
		r.idle = false
	} else if r.idle {
		r.running, r.order, r.due = false, nil, nil
		return
	} else {
		r.idle = true
	}
	r.setTimer(now)
}

// take appends the leases that are due at now: all of them when the clocks have parted. If
// there are any, those that are due soon come along, so that renewals go out together.
func (r *Renewer) take(due []Lease, now clock.Instant) []Lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	if parted(r.clocks, now) {
		for _, d := range r.order {
			d.at = 0
			due = append(due, d.lease)
		}
		r.order, r.clocks = nil, now
		return due
	}
	for soon := now.Time; len(r.order) > 0 && !r.order[0].due.After(soon); soon = now.Add(Step) {
		due = append(due, heap.Pop(&r.order).(*Deadline).lease)
	}
	return due
}

// parted reports that the clocks have not run alike from i to now.
func parted(i, now clock.Instant) bool {
	apart := now.Wall.Sub(i.Wall) - now.Sub(i.Time)
	return apart > slack || apart < -slack
}
