package redlock

import "time"

// renewal keeps one lease alive until its owner releases it, or it is lost. The
// lease's mutex guards it. The engine's renewer calls when it is time.
type renewal struct {
	on     bool
	forDo  bool          // on for a Do alone, until its end
	busy   bool          // an extension waits to be sent, or is under way
	failed int           // extensions that failed since the last one that was won
	retry  time.Time     // when to try again, if there are any
	idle   chan struct{} // closed when it is not busy any more; nil while no goroutine waits
}

// note takes the outcome of an extension.
func (r *renewal) note(won bool, now time.Time, lifetime time.Duration) {
	r.busy = false
	if r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
	if won {
		r.failed = 0
		return
	}
	r.failed++
	r.retry = now
	if r.failed > 1 {
		r.retry = now.Add(lifetime / renewPause)
	}
}

// Renewal begins when a third of the validity is over. A failed one is tried
// again at once, and then after short pauses for as long as validity is left. It
// may come a little early, to go out together with that of other leases.
const (
	renewAfter = 3  // parts of the validity
	renewPause = 32 // parts of the validity
	renewEarly = 16 // parts of the validity
)
