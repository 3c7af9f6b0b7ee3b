package redlock

import (
	"context"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// window is a deadline that many calls share, with the channel that tells of
// it: a context of its own for each call costs ten allocations and a timer.
//
// A call that may last b gets a window that ends between ⅞·b and b from now.
type window struct {
	ends time.Time
	over chan struct{}
}

// windows holds the newest window for each order of magnitude of a bound.
type windows struct {
	mu     sync.Mutex
	newest [64]atomic.Pointer[window]
}

// within returns a window for a call that starts at now and may last bound.
func (ws *windows) within(now time.Time, bound time.Duration) *window {
	slot := &ws.newest[bits.Len64(uint64(bound))%len(ws.newest)]
	if w := slot.Load(); w.serves(now, bound) {
		return w
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w := slot.Load(); w.serves(now, bound) {
		return w // another call made it meanwhile
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

// callContext is the context of one node call: it ends with its window, carries
// the values of the caller's context, for tracing, and is not cancelled by it.
// A caller that stops waiting needs the answer all the same: it tells whether
// the node must be released.
//
// Once all calls have returned it forgets the caller's.
type callContext struct {
	*window

	mu     sync.Mutex
	values context.Context // nil once they are forgotten
}

func (c *callContext) Deadline() (time.Time, bool) { return c.ends, true }
func (c *callContext) Done() <-chan struct{}       { return c.over }

func (c *callContext) Err() error {
	select {
	case <-c.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// Value asks the caller's context, without the lock, as that is foreign code.
func (c *callContext) Value(key any) any {
	c.mu.Lock()
	values := c.values
	c.mu.Unlock()
	if values == nil {
		return nil
	}
	return values.Value(key)
}

func (c *callContext) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values = nil
}
