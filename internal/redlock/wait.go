package redlock

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/backoff"
)

// wait is the pause of a call before its next try, with its ticket on the nodes. It ends
// early, without using up a try, when a majority has notified the ticket's waiter, or any
// node has and no more do for a while; and when it is time to look.
//
// While the waiter is notified of all that could let it in, it is quiet: retry delays go by
// and use up tries, but no node is asked at their ends, if it began the pause so; else it has
// no time to look. Where there is no limit a look counts as a try, and wakes the call alone:
// see [backoff.Backoff.PauseUntil].
type wait struct {
	*ticket
	next   time.Duration // to the next look
	quiet  bool          // when the pause began
	look   *time.Timer   // nil where a retry delay is over first
	jitter *time.Timer   // nil unless a minority has notified
}

// pauseOn waits for the next try. It ends early when over is closed. tk is nil for a call
// without a ticket.
func pauseOn(ctx context.Context, tk *ticket, by *tries, over <-chan struct{}) error {
	if tk == nil {
		return by.pauseOr(ctx, over)
	}
	tk.joinLate()
	tk.noteTime()
	if by.Exhausted() {
		return backoff.ErrExhausted
	}
	w := wait{ticket: tk}
	w.begin(by)
	defer w.stop()
	return w.pause(ctx, by, over)
}

// The tries are a parameter and no field, which would put those of every call on the heap.
func (w *wait) begin(by *tries) {
	w.next, w.quiet = w.nextLook(by.Delay())
	by.looks = false
	if w.quiet || w.next < by.LastDelay() {
		w.look = time.NewTimer(w.next)
	}
}

// nextLook is the time to the next look, and whether the waiter is quiet until then. A
// lease that is not renewed ends without a notification, so that is a time to look, too.
func (w *wait) nextLook(delay time.Duration) (next time.Duration, quiet bool) {
	left := w.pauseLeft()
	ends, quiet := w.quietUntil(delay)
	if !quiet {
		return left, false
	}
	next = min(left, max(w.spec.Expiry/looksAnExpiry, delay))
	next -= w.spec.engine.looks.pastTick(next)
	return min(next, max(time.Until(ends), delay)), true
}

// quietUntil is that of the leases that nodes have announced, for a call that does not want
// to ask as fast as they answer.
func (w *wait) quietUntil(delay time.Duration) (ends time.Time, quiet bool) {
	if delay < minQuiet {
		return time.Time{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.announced.quietUntil(w.spec.engine.quorum.Majority(), w.notifier.Subscribed)
}

func (w *wait) pause(ctx context.Context, by *tries, over <-chan struct{}) error {
	for {
		if by.Limited() || !w.staysQuiet(by) {
			by.Start()
		}
		if w.isNotified() {
			return nil
		}
		select {
		case <-w.waiter.Woken():
		case <-by.Running():
			by.Elapse()
			if by.Exhausted() || !w.staysQuiet(by) {
				return nil
			}
		case <-channel(w.look):
			w.lookUnasked(by)
			return nil
		case <-channel(w.jitter):
			return nil
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// staysQuiet reports that the end of a retry delay is no reason to ask.
func (w *wait) staysQuiet(by *tries) bool {
	_, quiet := w.quietUntil(by.LastDelay())
	return w.look != nil && quiet
}

// isNotified reports that a majority has notified the waiter. The first of fewer begins the
// time in which others may.
func (w *wait) isNotified() bool {
	switch notified := w.waiter.Notified(); {
	case notified >= w.spec.engine.quorum.Majority():
		w.waiter.ResetJitter()
		return true
	case notified > 0 && w.jitter == nil:
		w.jitter = time.NewTimer(w.waiter.Jitter())
	}
	return false
}

// lookUnasked ends the pause as it is time to look.
func (w *wait) lookUnasked(by *tries) {
	by.looks = w.quiet
	if w.quiet {
		by.Skip(w.next)
	}
}

// stop lets go of the timers.
func (w *wait) stop() {
	for _, timer := range []*time.Timer{w.look, w.jitter} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// channel is that of a timer, which may be nil.
func channel(timer *time.Timer) <-chan time.Time {
	if timer == nil {
		return nil
	}
	return timer.C
}
