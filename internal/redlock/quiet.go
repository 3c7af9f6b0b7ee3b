package redlock

import (
	"slices"
	"sync"
	"time"
)

// A waiter is quiet while it will be told of whatever could let it in. Then it looks only
// now and then, as a message may be lost: so often in its expiry, but not more often than
// its retry delay has it. The looks of a process come together, and so in few batches: at
// the ticks of one clock, and each waits a little for a batch to be full.
//
// It is not quiet where nobody would tell it: behind a holder that is none of ours, or one
// whose token is the user's, without a subscription, or where nothing but others in line
// are in its way. There it looks after each retry delay, and so it does if that is shorter
// than leastQuiet: who has none wants to ask as fast as the nodes answer.
const (
	looksAnExpiry = 10
	lookTick      = 100 * time.Millisecond
	leastQuiet    = time.Millisecond
)

// noteHolder notes whose hold a node says is in the way.
func (t *ticket) noteHolder(n *node, a answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.announced[n.index]
	t.announced[n.index] = time.Time{}
	switch {
	case a.remains > 0:
		t.announced[n.index] = time.Now().Add(a.remains)
	case !was.IsZero():
		t.waiter.Wake() // which waits already, if the others have decided
	}
}

// nextLook is the time to the next look, and whether the waiter is quiet until then. A
// hold that is not renewed tells nobody of its end, so that is a time to look, too.
func (t *ticket) nextLook(delay time.Duration) (next time.Duration, quiet bool) {
	left := t.pauseLeft()
	ends, quiet := t.quietUntil(delay)
	if !quiet {
		return left, false
	}
	next = min(left, max(t.spec.Expiry/looksAnExpiry, delay))
	next -= t.spec.engine.looks.pastTick(next)
	return min(next, max(time.Until(ends), delay)), true
}

func (t *ticket) mayBeQuiet(delay time.Duration) bool {
	_, quiet := t.quietUntil(delay)
	return quiet
}

// quietUntil reports whether the waiter is told of all that could let it in: that on so
// many nodes that it is subscribed to a hold of ours is in the way that no majority is without one
// of them. It is so until so many of these holds may have ended that there is one.
func (t *ticket) quietUntil(delay time.Duration) (ends time.Time, quiet bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var few [fewNodes]time.Time
	told := few[:0]
	for i, at := range t.announced {
		if !at.IsZero() && t.spec.engine.notifier.Subscribed(i) {
			told = append(told, at)
		}
	}
	spare := len(t.announced) - t.spec.engine.quorum
	if len(told) <= spare || delay < leastQuiet {
		return time.Time{}, false
	}
	slices.SortFunc(told, time.Time.Compare)
	return told[len(told)-1-spare], true
}

// ticks are the moments at which the looks of a process come, every lookTick from the first
// one.
type ticks struct {
	once  sync.Once
	first time.Time
}

// begin makes now the first tick, if there was none. It comes before pastTick.
func (t *ticks) begin() { t.once.Do(func() { t.first = time.Now() }) }

// pastTick is how long before the end of a wait there is a tick. It is 0 for a wait that is
// about as short as the ticks.
func (t *ticks) pastTick(wait time.Duration) time.Duration {
	past := (time.Since(t.first) + wait) % lookTick
	if wait < past+lookTick {
		return 0
	}
	return past
}
