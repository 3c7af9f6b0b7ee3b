package rwmutex_test

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/rwmutex"
)

// lockBriefly makes a lock and has a writer lock it, for so short a time that the test
// can wait for the end. When it returns every node has the token, so that nothing comes
// later.
func (w *world) lockBriefly() *rwmutex.RWMutex {
	w.t.Helper()
	var rw *rwmutex.RWMutex
	w.briefly(func(short ...rwmutex.Option) bool {
		rw = w.rwmutex(short...)
		return rw.TryLock() == nil && w.before(rw.Until(), func(n *redistest.Node) bool {
			return w.writer(n) == rw.Value()
		})
	}, func() { _, _ = rw.Unlock() })
	return rw
}

// readBriefly does the same for some readers of a lock, which create makes with the
// options that it is given.
func (w *world) readBriefly(readers int, create func(...rwmutex.Option) *rwmutex.RWMutex) *rwmutex.RWMutex {
	w.t.Helper()
	var rw *rwmutex.RWMutex
	others := w.live(w.nodes[0], "readers")
	w.briefly(func(short ...rwmutex.Option) bool {
		rw = create(short...)
		for range readers {
			if rw.TryRLock() != nil {
				return false
			}
		}
		return w.before(rw.RUntil(), func(n *redistest.Node) bool { return w.live(n, "readers") == others+1 })
	}, func() { giveAllBack(rw) })
	return rw
}

// briefly makes tries with longer and longer expiries, until one outlasts the stalls of
// the machine.
func (w *world) briefly(try func(...rwmutex.Option) bool, giveUp func()) {
	w.t.Helper()
	for lifetime := brief; lifetime < patience; lifetime *= 2 {
		calls := rwmutex.WithTimeoutFactor(float64(patience) / float64(lifetime)) // none ends before its answer
		if try(rwmutex.WithExpiry(lifetime), calls) {
			return
		}
		giveUp()
		settle(w.t)
	}
	require.Fail(w.t, "the machine is too slow for any expiry")
}

// before reports whether something is so on every node before a hold ends.
func (w *world) before(until time.Time, is func(*redistest.Node) bool) bool {
	w.t.Helper()
	for _, n := range w.nodes {
		for !is(n) {
			if !time.Now().Before(until) {
				return false
			}
		}
	}
	return time.Now().Before(until)
}
