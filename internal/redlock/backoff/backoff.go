// Package backoff meters the tries of one call. A try is an elapsed retry delay, wherever the
// call spends it: before its next request, or in a queue. A call that is let in early does
// not lose a try by it, and one that is never let in gives up when it would have if it had
// polled all the time.
package backoff

import (
	"context"
	"errors"
	"time"
)

// ErrExhausted ends a wait whose tries have all been used.
var ErrExhausted = errors.New("no tries left")

// Backoff is the tries of one call and the retry delays between them. It belongs to one
// goroutine.
type Backoff struct {
	max     int // 0: without limit
	delayOf func(try int) time.Duration
	tries   int // how many were used, the first one included
	timer   *time.Timer
	running bool // a delay has begun and has not ended

	drawn bool          // delay is that of a delay which has not begun
	delay time.Duration // the one that follows the current try
}

// New makes the backoff of a call with at most max tries, or with any number if max is 0.
// delay is asked for the retry delay that follows a try.
func New(max int, delay func(try int) time.Duration) Backoff {
	return Backoff{max: max, delayOf: delay, tries: 1}
}

// Limited reports that the tries can run out.
func (b *Backoff) Limited() bool { return b.max > 0 }

// Exhausted reports that no try is left after the current one.
func (b *Backoff) Exhausted() bool { return b.Limited() && b.tries >= b.max }

// First reports that the current try is the first one.
func (b *Backoff) First() bool { return b.tries == 1 }

// Pause waits for the current retry delay to end, which uses up a try. It returns
// ErrExhausted at once when none is left, and ctx's error when that ends.
func (b *Backoff) Pause(ctx context.Context) error { return b.PauseOr(ctx, nil) }

// PauseOr is Pause, but ends early, without using up a try, when woken is closed.
func (b *Backoff) PauseOr(ctx context.Context, woken <-chan struct{}) error {
	if b.Exhausted() {
		return ErrExhausted
	}
	b.Start()
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-b.timer.C:
		b.Elapse()
		return nil
	}
}

// PauseUntil waits for woken, and uses up tries meanwhile. Those without a limit are not
// counted: a timer for each of a crowd, and its waking for nothing, would be a good part of
// what a lock costs that is passed on inside a process.
func (b *Backoff) PauseUntil(ctx context.Context, woken <-chan struct{}) error {
	if !b.Limited() && !b.running {
		select {
		case <-woken:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		if err := b.PauseOr(ctx, woken); err != nil {
			return err
		}
		select {
		case <-woken:
			return nil
		default:
		}
	}
}

// Start begins a retry delay, unless one is running. [Backoff.Running] signals its end,
// upon which the caller calls Elapse.
func (b *Backoff) Start() {
	if b.running {
		return
	}
	d := b.Delay()
	b.drawn = false
	if b.timer == nil {
		b.timer = time.NewTimer(d)
	} else {
		b.timer.Reset(d)
	}
	b.running = true
}

// Delay is the retry delay that follows the current try, or the one that is running.
func (b *Backoff) Delay() time.Duration {
	if !b.drawn && !b.running {
		b.drawn, b.delay = true, max(0, b.delayOf(b.tries)) // users' functions say anything
	}
	return b.delay
}

// LastDelay is the delay that was asked for last.
func (b *Backoff) LastDelay() time.Duration { return b.delay }

// Running signals the end of the retry delay that is running. It is nil if none is.
func (b *Backoff) Running() <-chan time.Time {
	if !b.running {
		return nil
	}
	return b.timer.C
}

// Elapse ends the retry delay that was running, and uses up a try.
func (b *Backoff) Elapse() {
	b.running = false
	b.tries++
}

// Skip uses up a try if the delay that follows it was known, and was no longer than what
// the call has waited without it.
func (b *Backoff) Skip(waited time.Duration) {
	if b.drawn && waited >= b.delay {
		b.drawn = false
		b.tries++
	}
}

// Stop lets go of the timer.
func (b *Backoff) Stop() {
	if b.timer != nil {
		b.timer.Stop()
	}
}
