package outbox

import (
	"context"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// window is a deadline that many flights share, with the channel that tells of it: a
// context of its own for each costs ten allocations and a timer.
//
// A flight that may last b gets a window that ends between ⅞·b and b from now.
type window struct {
	ends time.Time
	over chan struct{}
}

// windows holds the newest window for each order of magnitude of a bound.
type windows struct {
	mu     sync.Mutex
	newest [64]atomic.Pointer[window]
}

// within returns a window for what starts at now and may last bound.
func (ws *windows) within(now time.Time, bound time.Duration) *window {
	slot := &ws.newest[bits.Len64(uint64(bound))%len(ws.newest)]
	if w := slot.Load(); w.serves(now, bound) {
		return w
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w := slot.Load(); w.serves(now, bound) {
		return w // another flight made it meanwhile
	}
	w := &window{ends: now.Add(bound), over: make(chan struct{})}
	time.AfterFunc(bound, func() { close(w.over) })
	slot.Store(w)
	return w
}

func (w *window) serves(now time.Time, bound time.Duration) bool {
	if w == nil {
		return false
	}
	left := w.ends.Sub(now)
	return left <= bound && left >= bound-bound/8
}

// Deadline, Done and Err are those of a [context.Context].
func (w *window) Deadline() (time.Time, bool) { return w.ends, true }
func (w *window) Done() <-chan struct{}       { return w.over }

func (w *window) Err() error {
	select {
	case <-w.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
