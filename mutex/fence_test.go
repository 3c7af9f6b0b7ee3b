package mutex_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/scripts"
)

const aDay = 24 * time.Hour

// fenceKey is the counter's key.
func (w *world) fenceKey() string { return w.name + "{" + w.name + "}:mutex:fence" }

// setFence sets the counter of a node.
func (w *world) setFence(n *redistest.Node, number int64) {
	w.t.Helper()
	n.Do(w.t, "SET", w.fenceKey(), number, "PX", expiry.Milliseconds())
}

// fences are the counters of the nodes.
func (w *world) fences() (numbers []int64) {
	w.t.Helper()
	for _, n := range w.nodes {
		number := int64(0)
		if text, ok := n.Do(w.t, "GET", w.fenceKey()).(string); ok {
			var err error
			number, err = strconv.ParseInt(text, 10, 64)
			require.NoError(w.t, err)
		}
		numbers = append(numbers, number)
	}
	return numbers
}

// tidy deletes the counters of nodes that are not the test's own.
func (w *world) tidy() {
	for _, n := range w.nodes {
		_, _ = n.TryDo("DEL", w.fenceKey())
	}
}

func TestFenceGrowsFromHoldToHold(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		defer w.tidy()
		var last int64
		for range 5 {
			m := w.mutex(mutex.WithFencing()) // as another process would
			require.Zero(t, m.Fence())
			require.NoError(t, m.Lock())
			require.Greater(t, m.Fence(), last)
			last = m.Fence()
			reached := 0
			for _, number := range w.fences() {
				if number >= last {
					reached++
				}
			}
			require.GreaterOrEqual(t, reached, w.quorum())
			requireYes(t, m.Extend)
			requireYes(t, m.Unlock)
			require.Equal(t, last, m.Fence())
			w.requireSettled()
		}
		require.InDelta(t, float64(time.Now().UnixMicro()), float64(last), float64(time.Hour.Microseconds()))
	})
}

func TestFenceIsZeroWithoutTheOption(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex()
		require.NoError(t, m.Lock())
		require.Zero(t, m.Fence())
		requireYes(t, m.Unlock)
		for _, n := range w.nodes {
			require.EqualValues(t, 0, n.Do(t, "EXISTS", w.fenceKey()))
		}
	})
}

// The counter outlives the hold by a day, and no key is without an expiry.
func TestFenceLivesForADay(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		defer w.tidy()
		m := w.mutex(mutex.WithFencing())
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		requireYes(t, m.Extend)
		requireYes(t, m.Unlock)
		w.requireSettled()
		for _, n := range w.nodes {
			left := time.Duration(n.Do(t, "PTTL", w.fenceKey()).(int64)) * time.Millisecond
			require.Greater(t, left, aDay)
			require.LessOrEqual(t, left, aDay+expiry)
		}
	})
}

// One round trip where nodes agree, a second one where they do not.
func TestFenceCostsARoundOnlyWhereNodesDisagree(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		defer w.tidy()
		const number = 1_700_000_000_000_123
		for _, n := range w.nodes {
			w.setFence(n, number)
		}
		f, spies := w.spied()
		m := w.on(f, mutex.WithFencing())
		for i := range int64(3) {
			require.NoError(t, m.Lock())
			require.Equal(t, number+1+i, m.Fence())
			w.awaitHolder(m.Value())
			requireYes(t, m.Unlock)
			w.requireSettled()
		}
		spies.await(t, scripts.Mutex().AcquireFenced, 3)
		spies.requireAtMost(t, scripts.Mutex().Fence, 0)

		for i, n := range w.nodes {
			w.setFence(n, number+10*int64(i+1))
		}
		require.NoError(t, m.Lock())
		w.requireFenceOnMajority(m.Fence())
		if len(w.nodes) > 1 {
			spies.await(t, scripts.Mutex().Fence, 1)
		}
		requireYes(t, m.Unlock)
		w.requireSettled()
	})
}

func (w *world) requireFenceOnMajority(fence int64) {
	w.t.Helper()
	reached := 0
	for _, number := range w.fences() {
		if number >= fence {
			reached++
		}
	}
	require.GreaterOrEqual(w.t, reached, w.quorum(), "%d is not on a majority: %v", fence, w.fences())
}

// A minority that was away, and a majority that changes.
func TestFenceGrowsOverChangingMajorities(t *testing.T) {
	redistest.Needs(t, redistest.CanKill, redistest.CanRestartEmpty)
	onNodes(t, 3, func(t *testing.T, w *world) {
		var last int64
		for i := range 9 {
			away := w.nodes[i%3]
			away.Kill(t)
			m := w.mutex(mutex.WithFencing())
			require.NoError(t, m.Lock())
			require.Greater(t, m.Fence(), last)
			last = m.Fence()
			requireYes(t, m.Unlock)
			away.Restart(t) // empty: it has kept nothing
		}
	})
}

// Leases that pass on inside a process, and those of another one.
func TestFenceGrowsInACrowd(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		defer w.tidy()
		f, spies := w.spied()
		objects := []*mutex.Mutex{
			w.on(f, mutex.WithFencing(), mutex.WithUnlimitedTries()),
			w.mutex(mutex.WithFencing(), mutex.WithUnlimitedTries()),
		}
		var seen struct {
			sync.Mutex
			last int64
		}
		var all sync.WaitGroup
		for i := range 16 {
			m := objects[i%2]
			all.Go(func() {
				for range 4 {
					if !assert.NoError(t, m.Lock()) {
						return
					}
					seen.Lock()
					assert.Greater(t, m.Fence(), seen.last)
					seen.last = m.Fence()
					seen.Unlock()
					ok, err := m.Unlock()
					assert.True(t, ok, err)
				}
			})
		}
		all.Wait()
		require.Less(t, spies[0].count(scripts.Mutex().AcquireFenced)+spies[0].count(scripts.Mutex().PassFenced), 16*4)
		w.requireSettled()
	})
}

// A client that takes no number excludes those that do, and the other way round.
func TestFenceBesideHoldsWithoutOne(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		defer w.tidy()
		with, without := w.mutex(mutex.WithFencing()), w.mutex()
		require.NoError(t, with.Lock())
		first := with.Fence()
		require.ErrorIs(t, without.TryLock(), mutex.ErrFailed)
		requireYes(t, with.Unlock)
		require.NoError(t, without.Lock())
		require.ErrorIs(t, with.TryLock(), mutex.ErrFailed)
		require.Equal(t, first, with.Fence())
		requireYes(t, without.Unlock)
		require.NoError(t, with.Lock())
		require.Greater(t, with.Fence(), first)
		requireYes(t, with.Unlock)
		w.requireSettled()
	})
}

// A node that forgot the hold has the number, too, once it has got that back: here one
// that is above what the node's clock says.
func TestFenceIsCarriedByARepair(t *testing.T) {
	for name, options := range map[string][]mutex.Option{
		"repair": nil, "looser rule": {mutex.WithSetNXOnExtend()},
	} {
		t.Run(name, func(t *testing.T) {
			onNodes(t, 3, func(t *testing.T, w *world) {
				for _, n := range w.nodes {
					w.setFence(n, time.Now().Add(time.Hour).UnixMicro())
				}
				m := w.mutex(append(options, mutex.WithFencing())...)
				require.NoError(t, m.Lock())
				w.awaitHolder(m.Value())
				w.nodes[1].Do(t, "DEL", w.name, w.fenceKey())
				requireYes(t, m.Extend)
				w.awaitHolder(m.Value())
				require.Equal(t, m.Fence(), w.fences()[1])
				requireYes(t, m.Unlock)
			})
		})
	}
}

func TestFenceWithValuesOfOnesOwn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		defer w.tidy()
		n := 0
		m := w.mutex(mutex.WithFencing(), mutex.WithGenValueFunc(func() (string, error) {
			n++
			return fmt.Sprint("value ", n), nil
		}))
		var last int64
		for range 3 {
			require.NoError(t, m.Lock())
			require.Greater(t, m.Fence(), last)
			last = m.Fence()
			adopted := w.mutex(mutex.WithFencing(), mutex.WithValue(m.Value()))
			require.Zero(t, adopted.Fence())
			requireYes(t, adopted.Extend)
			require.Zero(t, adopted.Fence())
			requireYes(t, adopted.Unlock)
			_, _ = m.Unlock()
			w.requireSettled()
		}
	})
}

// A caller that gives up while its number is written back leaves nothing behind.
// (Several nodes: one agrees with itself, and nothing is written back.)
func TestFenceOfACancelledLock(t *testing.T) {
	onNodes(t, 5, func(t *testing.T, w *world) {
		defer w.tidy()
		for i, n := range w.nodes {
			w.setFence(n, 1_700_000_000_000_000+10*int64(i))
		}
		f, spies := w.spied()
		m := w.on(f, mutex.WithFencing())
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for _, s := range spies {
			s.before = func(call *driver.Call) {
				if call.Script() == scripts.Mutex().Fence {
					cancel()
					<-ctx.Done()
				}
			}
		}
		if err := m.LockContext(ctx); err != nil {
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, mutex.ErrFailed)
			require.Zero(t, m.Fence())
		} else { // all nodes were faster than the end
			requireYes(t, m.Unlock)
		}
		w.requireSettled()
	})
}

// A node that grants without a number is none that could be relied upon.
func TestFenceThatNobodySaid(t *testing.T) {
	m := mutex.New(stub(granting)).NewMutex("name", mutex.WithFencing())
	err := m.TryLock()
	require.ErrorIs(t, err, mutex.ErrFailed)
	require.ErrorContains(t, err, "without a fencing token")
	require.Zero(t, m.Fence())
}
