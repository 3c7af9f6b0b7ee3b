package redlock

import (
	"container/heap"
	"sync"
	"time"
)

// keeper looks after the holds of an engine that are to be renewed, or whose loss
// somebody wants to be told of: with one timer, however many they are, and a goroutine
// only while it looks. It begins with the first such hold and ends soon after the last.
//
// Holds are in the order in which they must be looked at next: when they are due
// to be renewed, or at the end of their validity. What a look finds to be renewed
// is put into the nodes' outboxes, which send many at a time.
//
// Besides, the keeper looks at both clocks at least every lookStep. When they have
// parted, because the machine was suspended or the wall clock was set, it looks at
// every hold: validity ends by either clock, and timers know only one of them.
type keeper struct {
	engine *Engine

	mu      sync.Mutex
	holds   order
	running bool // the timer is set, or a look is under way …
	looking bool // … this one
	idle    bool // nothing was there to be looked after at the last look
	timer   *time.Timer
	next    time.Time // when it looks again
	clocks  instant   // when they were last compared
	due     []*hold   // the look's own

}

// place is a hold's place in its keeper's order. The keeper's mutex guards it.
type place struct {
	due time.Time
	at  int // from 1; 0 when it has none
}

const (
	// lookStep is the longest time between two looks at the clocks while holds are
	// awaited, and so the latest that a jump of the wall clock is noticed.
	lookStep = 100 * time.Millisecond

	// clockSlack is how far the clocks may part unnoticed.
	clockSlack = time.Millisecond
)

// await has the hold looked at when that must be, if there is anything to look
// for. h.mu is held.
func (h *hold) await(now instant) {
	if h.ended || h.claimed || h.loss.err != nil || !h.valid.known() || !h.renewal.on && !h.loss.listened() {
		return
	}
	h.spec.engine.keeper.put(h, h.nextLook(now), now)
}

// nextLook is when the hold must be looked at next. h.mu is held.
func (h *hold) nextLook(now instant) time.Time {
	due := now.Add(h.valid.left(now))
	if h.renewal.on && !h.renewal.busy && h.renewAt().Before(due) {
		return h.renewAt()
	}
	return due
}

// put gives a hold its place in the order, or a new one.
func (k *keeper) put(h *hold, due time.Time, now instant) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h.place.due = due
	if h.place.at == 0 {
		heap.Push(&k.holds, h)
	} else {
		heap.Fix(&k.holds, h.place.at-1)
	}
	switch {
	case !k.running:
		k.running, k.idle, k.clocks = true, false, now
		k.arm(now)
	case !k.looking && due.Before(k.next):
		k.arm(now)
	}
}

// arm sets the timer for the next look: when the first hold is due, or the clocks are
// to be compared. k.mu is held.
func (k *keeper) arm(now instant) {
	wait := lookStep
	if len(k.holds) > 0 {
		wait = max(0, min(wait, k.holds[0].place.due.Sub(now.Time)))
	}
	k.next = now.Add(wait)
	if k.timer == nil {
		k.timer = time.AfterFunc(wait, k.turn)
		return
	}
	k.timer.Reset(wait)
}

// drop takes a hold out of the order.
func (k *keeper) drop(h *hold) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if h.place.at > 0 {
		heap.Remove(&k.holds, h.place.at-1)
	}
}

// turn is one look, and sets the timer for the next.
func (k *keeper) turn() {
	if !k.begin() {
		return
	}
	now := k.engine.now()
	k.due = k.take(k.due[:0], now)
	for _, h := range k.look(k.due, now) {
		h.beginExtension()
	}
	clear(k.due)
	k.end()
}

// begin reports whether it is time to look. A timer that was set anew while it went off
// goes off twice.
func (k *keeper) begin() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.running || k.looking {
		return false
	}
	k.looking = true
	return true
}

// end ends a look. It was the last one when there was nothing to look after, for a
// whole step: a hold that comes soon after another need not set the timer.
func (k *keeper) end() {
	now := k.engine.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.looking = false
	if len(k.holds) > 0 {
		k.idle = false
	} else if k.idle {
		k.running, k.holds, k.due = false, nil, nil
		return
	} else {
		k.idle = true
	}
	k.arm(now)
}

// take appends the holds that are due at now: all of them when the clocks have
// parted. If there are any, those that are due soon come along, so that renewals
// go out together.
func (k *keeper) take(due []*hold, now instant) []*hold {
	k.mu.Lock()
	defer k.mu.Unlock()
	if parted(k.clocks, now) {
		for _, h := range k.holds {
			h.place.at = 0
		}
		due, k.holds, k.clocks = append(due, k.holds...), nil, now
		return due
	}
	for soon := now.Time; len(k.holds) > 0 && !k.holds[0].place.due.After(soon); soon = now.Add(lookStep) {
		due = append(due, heap.Pop(&k.holds).(*hold))
	}
	return due
}

// parted reports that the clocks have not run alike from i to now.
func parted(i, now instant) bool {
	apart := now.Wall.Sub(i.Wall) - now.Sub(i.Time)
	return apart > clockSlack || apart < -clockSlack
}

// look sees to what is due, and returns what is to be renewed.
func (k *keeper) look(due []*hold, now instant) []*hold {
	var renew []*hold
	for _, h := range due {
		if h.look(now) {
			renew = append(renew, h)
		}
	}
	return renew
}

// look tells the hold's loss when it is time to, and reports whether the hold is to
// be renewed now.
func (h *hold) look(now instant) (renew bool) {
	h.mu.Lock()
	defer h.unlock()
	h.expire(now)
	renew = h.beginRenewal(now)
	h.await(now)
	return renew
}

// order is the holds of a keeper, a heap by when they are due.
type order []*hold

// Len implements [heap.Interface].
func (o order) Len() int { return len(o) }

// Less implements [heap.Interface].
func (o order) Less(i, j int) bool { return o[i].place.due.Before(o[j].place.due) }

// Swap implements [heap.Interface].
func (o order) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].place.at, o[j].place.at = i+1, j+1
}

// Push implements [heap.Interface].
func (o *order) Push(h any) {
	*o = append(*o, h.(*hold))
	h.(*hold).place.at = len(*o)
}

// Pop implements [heap.Interface].
func (o *order) Pop() any {
	last := len(*o) - 1
	h := (*o)[last]
	h.place.at = 0
	(*o)[last] = nil
	*o = (*o)[:last]
	return h
}
