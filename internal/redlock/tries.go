package redlock

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/backoff"
)

// A waiter looks again after lookEvery at the latest, or that part of its expiry, however
// long its retry delay is. One whose delay is shorter than minQuiet wants to ask as fast as
// the nodes answer, and looks after each.
const (
	lookEvery     = time.Second
	looksAnExpiry = 10
	minQuiet      = time.Millisecond
)

// tries are those of one call, and what they may have left on the nodes.
type tries struct {
	backoff.Backoff
	spec  *Spec
	looks bool // the last pause has ended only because messages may be lost

	asked  int  // how often the nodes were, for the lock
	passed bool // a lease was passed on to the call, or shared with it

	granted bool // a release has granted the call its lease

	left [2]*footprint // its ticket, and what the try may have got that ctx has cut short
}

func (s *Spec) newTries() *tries {
	if s.Unlimited {
		return s.triesOf(0)
	}
	return s.triesOf(s.Tries)
}

func (s *Spec) triesOf(n int) *tries {
	return &tries{Backoff: backoff.New(n, s.RetryDelay), spec: s}
}

// pauseOr waits for the next try, or for woken.
func (t *tries) pauseOr(ctx context.Context, woken <-chan struct{}) error {
	t.looks = false
	return t.PauseOr(ctx, woken)
}

// pauseToLook is pauseOr for as many retry delays as end before it is time to look.
func (t *tries) pauseToLook(ctx context.Context, woken <-chan struct{}) error {
	look := time.Now().Add(min(lookEvery, t.spec.Expiry/looksAnExpiry))
	for {
		err := t.pauseOr(ctx, woken)
		if err != nil || t.Running() != nil || t.Exhausted() || t.Delay() < minQuiet || time.Until(look) < t.Delay() {
			return err
		}
	}
}

// maxLinger is the longest time that a call waits, after its ctx has ended, for what it
// has left on the nodes to be taken back.
const maxLinger = 100 * time.Millisecond

// linger ends a call that has failed. One that was cancelled may be about to end its
// process, and what it has left would then stay until it ends by itself. So it waits for
// that to be taken back, but not for silent nodes, and not for long.
func (t *tries) linger(ctx context.Context) {
	if ctx.Err() == nil || t.left == [2]*footprint{} {
		return
	}
	timer := time.NewTimer(maxLinger)
	defer timer.Stop()
	_ = t.left[0].awaitGone(timer.C) && t.left[1].awaitGone(timer.C)
}
