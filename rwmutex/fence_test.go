package rwmutex_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/scripts"
)

// tidy deletes the counters of nodes that are not the test's own.
func (w *world) tidy() {
	for _, n := range w.nodes {
		_, _ = n.TryDo("DEL", w.key("fence"))
	}
}

// requireFenceOnMajority checks that a majority counts from fence, or above.
func (w *world) requireFenceOnMajority(fence int64) {
	w.t.Helper()
	reached := 0
	for _, n := range w.nodes {
		text, _ := n.Do(w.t, "GET", w.key("fence")).(string)
		number, err := strconv.ParseInt(text, 10, 64)
		if err == nil && number >= fence {
			reached++
		}
	}
	require.GreaterOrEqual(w.t, reached, w.quorum())
}

// A write hold has a number, a read hold none, and a downgrade keeps the last one.
func TestFenceGrowsFromWriterToWriter(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		defer w.tidy()
		var last int64
		for i := range 4 {
			rw := w.rwmutex(rwmutex.WithFencing())
			require.NoError(t, rw.RLock())
			require.Zero(t, rw.Fence())
			requireYes(t, rw.RUnlock)
			require.NoError(t, rw.Lock())
			require.Greater(t, rw.Fence(), last)
			last = rw.Fence()
			w.requireFenceOnMajority(last)
			requireYes(t, rw.Extend)
			if i%2 == 0 {
				require.NoError(t, rw.Downgrade(context.Background()))
				requireYes(t, rw.RUnlock)
			} else {
				requireYes(t, rw.Unlock)
			}
			require.Equal(t, last, rw.Fence())
			w.requireSettled()
		}
		for _, n := range w.nodes {
			left := time.Duration(n.Do(t, "PTTL", w.key("fence")).(int64)) * time.Millisecond
			require.Greater(t, left, 24*time.Hour)
		}
	})
}

func TestFenceIsZeroWithoutTheOption(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		require.NoError(t, rw.Lock())
		require.Zero(t, rw.Fence())
		requireYes(t, rw.Unlock)
		for _, n := range w.nodes {
			require.EqualValues(t, 0, n.Do(t, "EXISTS", w.key("fence")))
		}
	})
}

func TestFenceCostsARoundOnlyWhereNodesDisagree(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		defer w.tidy()
		const number = 1_700_000_000_000_123
		for _, n := range w.nodes {
			n.Do(t, "SET", w.key("fence"), number, "PX", expiry.Milliseconds())
		}
		f, spies := w.spied()
		rw := w.on(f, rwmutex.WithFencing())
		for i := range int64(3) {
			require.NoError(t, rw.Lock())
			require.Equal(t, number+1+i, rw.Fence())
			w.awaitWriter(rw.Value())
			requireYes(t, rw.Unlock)
			w.requireSettled()
		}
		written := func() (n int) {
			for _, s := range spies {
				n += s.count(scripts.RWMutex().WriteFence)
			}
			return n
		}
		require.Zero(t, written())
		for i, n := range w.nodes {
			n.Do(t, "SET", w.key("fence"), number+10*int64(i+1), "PX", expiry.Milliseconds())
		}
		require.NoError(t, rw.Lock())
		w.requireFenceOnMajority(rw.Fence())
		requireYes(t, rw.Unlock)
		w.requireSettled()
		require.Equal(t, len(w.nodes) > 1, written() > 0)
	})
}

// Writers of two processes, some of whose leases pass on, among readers.
func TestFenceGrowsInACrowd(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		defer w.tidy()
		f, spies := w.spied()
		objects := []*rwmutex.RWMutex{
			w.on(f, rwmutex.WithFencing(), rwmutex.WithUnlimitedTries()),
			w.rwmutex(rwmutex.WithFencing(), rwmutex.WithUnlimitedTries()),
		}
		var seen struct {
			sync.Mutex
			last int64
		}
		var all sync.WaitGroup
		for i := range 12 {
			rw := objects[i%2]
			all.Go(func() {
				for range 3 {
					if !assert.NoError(t, rw.Lock()) {
						return
					}
					seen.Lock()
					assert.Greater(t, rw.Fence(), seen.last)
					seen.last = rw.Fence()
					seen.Unlock()
					ok, err := rw.Unlock()
					assert.True(t, ok, err)
				}
			})
		}
		for _, rw := range objects {
			all.Go(func() {
				for range 3 {
					assert.NoError(t, rw.RLock())
					ok, err := rw.RUnlock()
					assert.True(t, ok, err)
				}
			})
		}
		all.Wait()
		require.Positive(t, spies[0].count(scripts.RWMutex().WriteAcquireFenced))
		w.requireSettled()
	})
}

// A node that forgot the write hold has the number, too, once it has got that back: here
// one that is above what the node's clock says.
func TestFenceIsCarriedByARepair(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		for _, n := range w.nodes {
			n.Do(t, "SET", w.key("fence"), time.Now().Add(time.Hour).UnixMicro(), "PX", expiry.Milliseconds())
		}
		rw := w.rwmutex(rwmutex.WithFencing())
		require.NoError(t, rw.Lock())
		w.awaitWriter(rw.Value(), w.nodes...)
		w.lose("fence", w.nodes[1])
		w.lose("writer", w.nodes[1])
		requireYes(t, rw.Extend)
		w.awaitWriter(rw.Value(), w.nodes...)
		require.Equal(t, strconv.FormatInt(rw.Fence(), 10), w.nodes[1].Do(t, "GET", w.key("fence")))
		requireYes(t, rw.Unlock)
	})
}
