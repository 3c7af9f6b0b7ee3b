package outbox

import (
	"context"
	"math/bits"
	"sync/atomic"
	"time"
)

// deadline is one that many flights share, with the channel that is closed then: a
// context of its own for each costs ten allocations and a timer.
//
// A flight that may last b gets a deadline between ⅞·b and b from now.
type deadline struct {
	at   time.Time
	over chan struct{}
}

// deadlines holds the newest deadline for each order of magnitude of a bound.
type deadlines struct{ newest [64]atomic.Pointer[deadline] }

// within returns a deadline for a flight that starts now and may last bound.
func (ds *deadlines) within(now time.Time, bound time.Duration) *deadline {
	newest := &ds.newest[bits.Len64(uint64(bound))%len(ds.newest)]
	if d := newest.Load(); d.serves(now, bound) {
		return d
	}
	d := &deadline{at: now.Add(bound), over: make(chan struct{})}
	time.AfterFunc(bound, func() { close(d.over) })
	newest.Store(d)
	return d
}

func (d *deadline) serves(now time.Time, bound time.Duration) bool {
	if d == nil {
		return false
	}
	left := d.at.Sub(now)
	return left <= bound && left >= bound-bound/8
}

// Deadline, Done and Err are those of a [context.Context].
func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }
func (d *deadline) Done() <-chan struct{}       { return d.over }

func (d *deadline) Err() error {
	select {
	case <-d.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
