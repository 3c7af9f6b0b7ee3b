package mutex_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/leaktest"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/scripts"
)

// Requests that a paused node has in its sockets run when it resumes; what they
// leave is released even though the hold was unlocked long ago.
func TestAPausedNodeThatResumesAfterUnlock(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	for name, options := range map[string][]mutex.Option{
		"while calls are on":   nil,
		"after they timed out": {hasty},
	} {
		t.Run(name, func(t *testing.T) {
			onNodes(t, 3, func(t *testing.T, w *world) {
				f, spies := w.spied()
				warm(t, w.on(f))
				m := w.on(f, options...)
				w.nodes[2].Pause(t)
				require.NoError(t, m.Lock())
				require.Eventually(t, func() bool { // Lock may return before it has sent all
					return spies.least(scripts.Mutex().Acquire) >= 2
				}, patience, tick)
				unlockInTheEnd(t, m)
				if options != nil {
					settle(t)
				}
				w.nodes[2].Resume(t)
				if options != nil { // what timed out may run after a release, and is followed by two more
					require.Eventually(t, func() bool { return spies[2].answers(scripts.Mutex().Release) >= 3 }, patience, tick)
				}
				w.awaitFree()
				w.requireSettled()
			})
		})
	}
}

// A release without an answer is sent again when the node is back, though the process
// makes no other call.
func TestUnansweredReleaseIsSentAgain(t *testing.T) {
	for name, unlocks := range map[string]func(*mutex.Mutex, func()){
		"unlock": func(m *mutex.Mutex, cut func()) {
			require.NoError(t, m.Lock())
			cut()
			ok, err := m.Unlock()
			require.False(t, ok)
			require.NotErrorIs(t, err, mutex.ErrLockAlreadyExpired)
		},
		"do": func(m *mutex.Mutex, cut func()) {
			require.NoError(t, m.Do(t.Context(), func(context.Context) error { cut(); return nil }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			onNodes(t, 1, func(t *testing.T, w *world) {
				proxy := w.nodes[0].Proxy()
				unlocks(w.mutex(mutex.WithExpiry(time.Hour), mutex.WithTimeoutFactor(float64(time.Second)/float64(time.Hour))), proxy.Cut)
				proxy.Heal()
				w.awaitFree()
			}, redistest.WithProxy())
		})
	}
}

// warm leaves a connection to each node, which knows the scripts.
func warm(t *testing.T, m *mutex.Mutex) {
	t.Helper()
	require.NoError(t, m.Lock())
	requireYes(t, m.Extend)
	requireYes(t, m.Unlock)
	settle(t)
}

// Replies that are lost leave open whether the lock was granted.
func TestLostReplies(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		f := w.factory()
		warm(t, w.on(f))
		m := w.on(f, hasty)
		for _, i := range []int{1, 2} {
			w.nodes[i].Proxy().DropReplies(true)
		}
		err := m.TryLock()
		require.ErrorIs(t, err, mutex.ErrFailed)
		requireNodeErrors(t, err, 1, 2)
		for _, i := range []int{1, 2} {
			// One of the acquire, and one of the release that follows at once: a client
			// that greets the server first has not even sent that, and it is pending now.
			require.Eventually(t, func() bool { return w.nodes[i].Proxy().DroppedReplies() >= 2 }, patience, tick)
			w.nodes[i].Proxy().Heal()
		}
		w.awaitReleased(f.NewMutex(w.name+" other", mutex.WithExpiry(expiry)))
		require.Eventually(t, func() bool { return m.TryLock() == nil }, patience, tick)
		unlockInTheEnd(t, m)
		w.requireSettled()
	}, redistest.WithProxy())
}

// A slow node answers after everything is over.
func TestGrantsThatArriveAfterUnlock(t *testing.T) {
	onNodes(t, 5, func(t *testing.T, w *world) {
		m := w.mutex()
		warm(t, m)
		for _, i := range []int{0, 1} {
			w.nodes[i].Proxy().Delay(50 * time.Millisecond)
		}
		for range 5 {
			require.NoError(t, m.Lock())
			requireYes(t, m.Unlock)
		}
		w.requireSettled()
		assert.Positive(t, w.nodes[0].Proxy().DelayedReplies())
		assert.Positive(t, w.nodes[1].Proxy().DelayedReplies())
	}, redistest.WithProxy())
}

// A driver that never returns does not hold up its caller: the mutex goes by its
// own clock. A grant that the driver brings in the end is released.
func TestADriverThatIgnoresItsDeadline(t *testing.T) {
	for _, n := range []int{1, 3} {
		var released atomic.Int32
		brought := make(chan struct{})
		stubborn := stub(func(call *driver.Call) (any, error) {
			if call.Script() == scripts.Mutex().Release {
				released.Add(1)
				return int64(1), nil
			}
			<-brought
			return int64(1), nil
		})
		m := mutex.New(slices.Repeat([]driver.Pool{stubborn}, n)...).NewMutex("name", mutex.WithExpiry(expiry), hasty)
		within(t, expiry/2, func() {
			err := m.TryLock()
			require.ErrorIs(t, err, mutex.ErrFailed)
			requireNodeErrors(t, err, 0, n-1)
		})
		assert.Zero(t, released.Load(), "while the acquire may still arrive")
		close(brought)
		settle(t)
		assert.EqualValues(t, n, released.Load())
	}
}

// Grants of earlier holds that arrive late do not stand in the way of the next
// Lock on the same object: they are its own leftovers, and nobody else's lock.
//
// Hold 1 is granted late by node 0, hold 2 by node 1, and their releases are
// still on the way when the third one is tried.
func TestLateGrantsOfEarlierHoldsAreNotTakenForAnothers(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		f, spies := w.spied()
		late, done := make(chan struct{}), make(chan struct{})
		defer close(done)
		spies[0].before = holdBack(1, late, done)
		spies[1].before = holdBack(2, late, done)
		m := w.on(f)
		var tokens []string
		for i := range 2 {
			require.NoError(t, m.TryLock())
			spies.await(t, scripts.Mutex().Acquire, i+1) // so that the first of a node is this one
			tokens = append(tokens, m.Value())
			requireYes(t, m.Unlock)
		}
		close(late)
		w.awaitHolder(tokens[0], w.nodes[0])
		w.awaitHolder(tokens[1], w.nodes[1])
		assert.NoError(t, m.TryLock(), "nobody else has ever had the lock")
	})
}

// holdBack makes the nth acquire wait for late, and the releases after that for
// done.
func holdBack(nth int, late, done <-chan struct{}) func(*driver.Call) {
	var acquires atomic.Int32
	return func(call *driver.Call) {
		switch call.Script() {
		case scripts.Mutex().Acquire:
			if int(acquires.Add(1)) == nth {
				<-late
			}
		case scripts.Mutex().Release:
			select {
			case <-late:
				<-done
			default:
			}
		}
	}
}

func TestManyPairsLeaveNoKey(t *testing.T) {
	onNodes(t, 5, func(t *testing.T, w *world) {
		f := w.factory()
		const pairs = 500
		for i := range pairs {
			m := f.NewMutex(fmt.Sprint(w.name, i), mutex.WithExpiry(expiry))
			require.NoError(t, m.Lock())
			requireYes(t, m.Unlock)
		}
		settle(t)
		for _, n := range w.nodes {
			assert.Empty(t, n.Do(t, "KEYS", w.name+"*"))
		}
	})
}

// What waits for a silent node is bounded, however many calls there are, and gone
// when the wait is over.
func TestGoroutinesBehindAHungNode(t *testing.T) {
	redistest.Needs(t, redistest.CanPause, redistest.CanKill)
	for _, c := range []struct {
		name   string
		option mutex.Option
		end    func(*redistest.Node, testing.TB)
	}{
		{"until it resumes", patient, (*redistest.Node).Resume},
		{"until it is gone", patient, (*redistest.Node).Kill},
		{"until calls time out", hasty, func(*redistest.Node, testing.TB) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onNodes(t, 5, func(t *testing.T, w *world) {
				m := w.mutex(c.option)
				warm(t, m)
				w.nodes[2].Pause(t)
				most := mostInBackground(t, m)
				assert.Greater(t, most, 1, "the node is not hung")
				// About 16, and what was sent until the node was seen to be silent.
				assert.Less(t, most, 100)
				c.end(w.nodes[2], t)
				settle(t) // a patient call lasts longer than that waits
			})
		})
	}
}

// mostInBackground uses m for a while, and returns how many goroutines were left
// behind at most.
func mostInBackground(t *testing.T, m *mutex.Mutex) int {
	t.Helper()
	most := 0
	for i := range 150 {
		require.NoError(t, m.Lock())
		requireYes(t, m.Unlock)
		if i%10 == 0 {
			most = max(most, len(leaktest.Background()))
		}
	}
	return most
}

// A burst of goroutines does not pile up a goroutine a call: once the node has
// been silent for a moment, no more is sent to it.
func TestGoroutinesBehindAHungNodeInABurst(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	onNodes(t, 3, func(t *testing.T, w *world) {
		const goroutines, pairs = 50, 10
		f := w.factory()
		warm(t, w.on(f))
		w.nodes[0].Pause(t)
		var all sync.WaitGroup
		for i := range goroutines {
			all.Go(func() {
				m := f.NewMutex(fmt.Sprint(w.name, i), mutex.WithExpiry(expiry), patient)
				for range pairs {
					assert.NoError(t, m.Lock())
					_, err := m.Unlock()
					assert.NoError(t, err)
				}
			})
		}
		all.Wait()
		assert.Less(t, len(leaktest.Background()), goroutines*pairs/2)
	})
}
