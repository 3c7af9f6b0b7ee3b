package redlock

import (
	"context"
	"errors"
	"time"
)

// errSpent ends a wait whose tries have all been used.
var errSpent = errors.New("no tries left")

// pace meters the tries of one call. A try is an elapsed retry delay, wherever
// the call spends it: before its next request, or in the queue for the object.
// A call that is let in early does not lose a try by it, and one that is never
// let in gives up when it would have if it had polled all the time.
type pace struct {
	spec    *Spec
	most    int // 0: without limit
	tries   int // how many were used, the first one included
	timer   *time.Timer
	running bool // a delay has begun and has not ended
	started bool // a try was made
	looks   bool // the last pause has ended only because messages may be lost

	drawn bool          // next is valid
	next  time.Duration // the delay after the current try, where it was asked for ahead

	ticket *ticket // that the call may have left on the nodes …
	cut    *hold   // … and what the try may have got that ctx has cut short; nil for none
}

func (s *Spec) newPace(tries int) *pace {
	if s.Unlimited {
		tries = 0
	}
	return s.paceOf(tries)
}

func (s *Spec) paceOf(tries int) *pace { return &pace{spec: s, most: tries, tries: 1} }

// spent reports that no try is left after the current one.
func (p *pace) spent() bool { return p.most > 0 && p.tries >= p.most }

// pause waits for the current retry delay to end, which uses up a try. It
// returns errSpent at once when none is left, and ctx's error when that ends.
func (p *pace) pause(ctx context.Context) error { return p.pauseOr(ctx, nil) }

// pauseOr is pause, but ends early, without using up a try, when woken is closed.
func (p *pace) pauseOr(ctx context.Context, woken <-chan struct{}) error {
	if p.spent() {
		return errSpent
	}
	p.looks = false
	p.start()
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.timer.C:
		p.running = false
		p.tries++
		return nil
	}
}

// pauseToLook is pauseOr for as many retry delays as end before it is time to look.
func (p *pace) pauseToLook(ctx context.Context, woken <-chan struct{}) error {
	look := time.Now().Add(min(lookEvery, p.spec.Expiry/looksAnExpiry))
	for {
		err := p.pauseOr(ctx, woken)
		if err != nil || p.running || p.spent() || p.delay() < leastQuiet || time.Until(look) < p.delay() {
			return err
		}
	}
}

// pauseUntil waits for woken, and uses up tries meanwhile. Those without a limit are
// not counted: a timer for each of a crowd, and its waking for nothing, would be a
// good part of what a lock costs that is passed on inside a process.
func (p *pace) pauseUntil(ctx context.Context, woken <-chan struct{}) error {
	if p.most == 0 && !p.running {
		select {
		case <-woken:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		if err := p.pauseOr(ctx, woken); err != nil {
			return err
		}
		select {
		case <-woken:
			return nil
		default:
		}
	}
}

// pauseFor is pause, but ends early, without using up a try, when tk's waiter is told by
// a majority, or by any and no more for a while, or over is closed; or when it is time
// to look. While tk is told of all that could let it in, retry delays go by and use up
// tries, but nobody is asked at their ends, if it began the pause so: else it has no time
// to look. Where there is no limit a look counts as one, and wakes the call alone: see
// pauseUntil.
func (p *pace) pauseFor(ctx context.Context, tk *ticket, over <-chan struct{}) error {
	if p.spent() {
		return errSpent
	}
	w, enough := tk.waiter, tk.spec.engine.quorum
	next, quiet := tk.nextLook(p.delay())
	p.looks = false
	var look <-chan time.Time
	if quiet || next < p.next {
		timer := time.NewTimer(next)
		defer timer.Stop()
		look = timer.C
	}
	var jitter *time.Timer
	var after <-chan time.Time
	for {
		if p.most > 0 || look == nil || !tk.mayBeQuiet(p.next) {
			p.start()
		}
		switch notified := w.Notified(); {
		case notified >= enough:
			w.ResetJitter()
			return nil
		case notified > 0 && jitter == nil:
			jitter = time.NewTimer(w.Jitter())
			defer jitter.Stop()
			after = jitter.C
		}
		select {
		case <-w.Woken():
		case <-after:
			return nil
		case <-look:
			p.looks = quiet
			if quiet && p.drawn && next >= p.next {
				p.tries++
				p.drawn = false
			}
			return nil
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ended():
			p.running = false
			p.tries++
			if p.spent() || look == nil || !tk.mayBeQuiet(p.next) {
				return nil
			}
		}
	}
}

// start begins a retry delay, unless one is running.
func (p *pace) start() {
	if p.running {
		return
	}
	d := p.delay()
	p.drawn = false
	if p.timer == nil {
		p.timer = time.NewTimer(d)
	} else {
		p.timer.Reset(d)
	}
	p.running = true
}

// delay is the retry delay that follows the current try, or the one that is
// running.
func (p *pace) delay() time.Duration {
	if !p.drawn && !p.running {
		p.drawn, p.next = true, max(0, p.spec.RetryDelay(p.tries)) // users' functions say anything
	}
	return p.next
}

// ended tells of the end of the retry delay that is running, if one is.
func (p *pace) ended() <-chan time.Time {
	if !p.running {
		return nil
	}
	return p.timer.C
}

// stop lets go of the timer.
func (p *pace) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// maxLinger is the longest time that a call waits, after its ctx has ended, for what it
// has left on the nodes to be taken back.
const maxLinger = 100 * time.Millisecond

// linger ends a call that has failed. One that was cancelled may be about to end its
// process, and what it has left would then stay until it ends by itself. So it waits for
// that to be taken back, but not for silent nodes, and not for long.
func (p *pace) linger(ctx context.Context) {
	if ctx.Err() == nil || p.ticket == nil && p.cut == nil {
		return
	}
	timer := time.NewTimer(maxLinger)
	defer timer.Stop()
	if p.ticket == nil || p.ticket.awaitGone(timer.C) {
		p.cut.awaitGone(timer.C)
	}
}
