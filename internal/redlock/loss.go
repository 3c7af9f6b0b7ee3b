package redlock

import "context"

// loss is why a lease cannot be proven any more, and what reports that to those who rely on
// it. The lease's mutex guards it.
//
// A lease is lost as soon as a majority has said that it has nothing of it, or at
// the end of its validity by either clock, whichever comes first; and then it
// stays lost. One that is released in time is not.
type loss struct {
	err    error          // why; nil as long as it is not lost
	signal chan struct{}  // closed then; nil while no goroutine waits for it
	bound  []*heldContext // they end then

	sections []*section // that AcquireDone was called for
}

// forget takes a loss back. What was reported stays reported.
func (l *loss) forget() {
	if l.err != nil {
		*l = loss{sections: l.sections}
	}
}

// listened reports that a loss is to be reported. l.mu is held.
func (l *loss) listened() bool { return l.signal != nil || len(l.bound) > 0 || len(l.sections) > 0 }

// heldContext is a context that ends, with ErrLost as its cause, when a lease is
// lost. It looks at the clocks whenever it is asked, so that a process that was
// suspended does not find it intact on waking.
type heldContext struct {
	context.Context // ended by cancel
	holder          holder
	cancel          context.CancelCauseFunc
	at              int // its place among those bound to the lease; the lease's mutex guards it
}
