package rwmutex_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/rwmutex"
)

// half is the writers' or the readers' half of a lock.
type half struct {
	name   string
	kind   string // of the key that it has
	locker func(*rwmutex.RWMutex) sync.Locker
	until  func(*rwmutex.RWMutex) time.Time
}

var halves = []half{
	{"Locker", "writer", (*rwmutex.RWMutex).Locker, (*rwmutex.RWMutex).Until},
	{"RLocker", "readers", (*rwmutex.RWMutex).RLocker, (*rwmutex.RWMutex).RUntil},
}

func TestLockersRenewTheirHolds(t *testing.T) {
	for _, h := range halves {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel() // side by side, as this mostly waits
			onNodes(t, 3, func(t *testing.T, w *world) {
				t.Parallel()
				rw := w.rwmutex(renewed...)
				l := h.locker(rw)
				l.Lock()
				first := h.until(rw)
				require.Eventually(t, func() bool { return time.Now().After(first) }, patience, tick)
				assert.True(t, h.until(rw).After(first))
				w.requireTaken(w.rwmutex().TryLock())
				l.Unlock()
				w.requireSettled()
			})
		})
	}
}

// A Locker waits as sync's do: whatever WithTries says.
func TestLockersWaitWithoutLimit(t *testing.T) {
	for _, h := range halves {
		t.Run(h.name, func(t *testing.T) {
			onNodes(t, 3, func(t *testing.T, w *world) {
				w.put("another client", w.nodes...)
				tries := make(chan struct{}, 1000)
				l := h.locker(w.rwmutex(rwmutex.WithTries(1), rwmutex.WithRetryDelayFunc(func(int) time.Duration {
					tries <- struct{}{}
					return tick
				})))
				locked := make(chan struct{})
				go func() {
					l.Lock()
					close(locked)
				}()
				for range 5 {
					<-tries
				}
				w.lose("writer", w.nodes...)
				<-locked
				l.Unlock()
				w.requireSettled()
			})
		})
	}
}

func TestLockersPanic(t *testing.T) {
	for _, h := range halves {
		t.Run(h.name, func(t *testing.T) {
			onNodes(t, 3, func(t *testing.T, w *world) {
				rw := w.rwmutex()
				l := h.locker(rw)
				assert.Panics(t, l.Unlock, "not held")
				l.Lock()
				assert.NotPanics(t, l.Unlock)
				assert.Panics(t, l.Unlock, "unlocked already")
				w.requireSettled() // or the key below could be the former hold's
				l.Lock()           // and renews: there is always something in the background
				w.await(nil, "the hold", func(n *redistest.Node) bool { return w.keysOn(n) > 0 })
				w.lose(h.kind, w.nodes...)
				assert.Panics(t, l.Unlock, "lost")
				l.Lock()
				assert.NotPanics(t, l.Unlock, "none the worse for it")
				w.requireSettled()
			})
		})
	}
}

// The halves do not take each other's Unlock for their own.
func TestLockersOfOneLock(t *testing.T) {
	onNodes(t, 1, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		w1, r1, r2 := rw.Locker(), rw.RLocker(), rw.RLocker()
		r1.Lock()
		r2.Lock()
		assert.Panics(t, w1.Unlock)
		r2.Unlock()
		r1.Unlock()
		w1.Lock()
		assert.Panics(t, r1.Unlock)
		w1.Unlock()
		w.requireSettled()
	})
}

// Nodes that cannot be reached do not make Unlock panic.
func TestLockersWithUnreachableNodes(t *testing.T) {
	redistest.Needs(t, redistest.CanKill)
	for _, h := range halves {
		t.Run(h.name, func(t *testing.T) {
			onNodes(t, 3, func(t *testing.T, w *world) {
				l := h.locker(w.rwmutex(hasty))
				l.Lock()
				for _, n := range w.nodes {
					n.Kill(t)
				}
				assert.NotPanics(t, l.Unlock)
			})
		})
	}
}

// sync.Cond is code that takes a Locker.
func TestLockersInACondition(t *testing.T) {
	onNodes(t, 1, func(t *testing.T, w *world) {
		rw := w.rwmutex(rwmutex.WithRetryDelay(time.Millisecond))
		ready := false // the lock guards it
		c := sync.NewCond(rw.RLocker())
		go func() {
			l := rw.Locker()
			l.Lock()
			defer l.Unlock()
			ready = true
			c.Broadcast()
		}()
		c.L.Lock()
		for !ready {
			c.Wait()
		}
		c.L.Unlock()
		w.requireSettled()
	})
}
