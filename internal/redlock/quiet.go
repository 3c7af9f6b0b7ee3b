package redlock

import (
	"slices"
	"sync"
	"time"
)

// A waiter is quiet while it is notified of whatever could let it in. Then it looks only
// now and then, as a message may be lost: so often in its expiry, but not more often than
// its retry delay has it. The looks of a process come together, and so in few batches: at
// the ticks of one clock, and each waits a little for a batch to be full.
//
// It is not quiet where nothing notifies it: behind a holder that is none of ours, or one
// whose token is the user's, without a subscription, or where nothing but others in line
// are in its way. There it looks after each retry delay, and so it does if that is shorter
// than minQuiet: who has none wants to ask as fast as the nodes answer.
const lookTick = 100 * time.Millisecond

// announcements are, by node, until when a lease of ours is in the way there, which notifies at
// its end; the zero time where none is known.
type announcements []time.Time

// note takes a node's answer. It reports whether the node does not announce a lease any more.
func (a announcements) note(node int, remains time.Duration) (ended bool) {
	ended = remains == 0 && !a[node].IsZero()
	a[node] = time.Time{}
	if remains > 0 {
		a[node] = time.Now().Add(remains)
	}
	return ended
}

// quietUntil reports whether a waiter is notified of all that could let it in: whether on so
// many nodes that it is subscribed to a lease is announced that no majority is without one.
// It is so until so many of these leases may have ended that there is one.
func (a announcements) quietUntil(quorum int, subscribed func(node int) bool) (ends time.Time, quiet bool) {
	var few [fewNodes]time.Time
	notifying := few[:0]
	for i, at := range a {
		if !at.IsZero() && subscribed(i) {
			notifying = append(notifying, at)
		}
	}
	spare := len(a) - quorum
	if len(notifying) <= spare {
		return time.Time{}, false
	}
	slices.SortFunc(notifying, time.Time.Compare)
	return notifying[len(notifying)-1-spare], true
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
