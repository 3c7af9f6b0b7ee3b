package rwmutex_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/rwmutex"
)

// away is a pool of a node that nothing reaches.
type away struct{}

var errAway = errors.New("no route to host")

// Eval implements driver.Pool.
func (away) Eval(context.Context, *driver.Call) (any, error) { return nil, errAway }

// A waiting writer keeps new readers out; those that are there go on.
func TestAWaitingWriterStopsNewReaders(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		there, other := w.rwmutex(), w.rwmutex()
		require.NoError(t, there.RLock())
		w.awaitReaders(1)
		x := w.newWaiter().write()
		w.awaitWaitingWriters(1)
		w.requireTaken(other.TryRLock())
		w.requireTaken(other.TryLock())
		requireYes(t, there.RExtend)
		err := there.TryRLock()
		w.requireTaken(err)
		require.ErrorContains(t, err, "a writer is waiting")
		r := w.newWaiter().read()
		r.requireWaits(t)
		requireYes(t, there.RUnlock)
		x.requireIn(t)
		w.awaitWaitingWriters(0)
		r.requireWaits(t)
		requireYes(t, x.Unlock)
		r.requireIn(t)
		requireYes(t, r.RUnlock)
		w.requireSettled()
	})
}

// A writer's ticket never lasts long by itself, also where holds do, and goes with it.
func TestACancelledWriterLeavesNoTicket(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		long := rwmutex.WithExpiry(24 * time.Hour)
		there, x := w.rwmutex(long), w.rwmutex(long)
		require.NoError(t, there.RLock())
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- x.LockContext(ctx) }()
		w.awaitWaitingWriters(1)
		for _, n := range w.nodes {
			require.LessOrEqual(t, n.Do(t, "PTTL", w.key("queue:write")), (4 * time.Second).Milliseconds())
			require.LessOrEqual(t, n.Do(t, "PTTL", w.key("awaited")), (10 * time.Second).Milliseconds())
		}
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		w.awaitWaitingWriters(0)
		require.NoError(t, w.rwmutex(long).TryRLock(), "a reader of another process gets in")
	})
}

// A writer that wins a minority has it given back with its ticket in its place.
func TestAMinorityThatIsWonKeepsTheTicket(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		w.putReader("a reader", w.nodes[1:]...)
		x := w.newWaiter().write()
		x.requireWaits(t)
		w.awaitWaitingWriters(1)
		require.ErrorIs(t, w.rwmutex().TryRLock(), rwmutex.ErrFailed)
		w.awaitReaders(1, w.nodes[1:]...)
		w.awaitReaders(0, w.nodes[0])
		require.ErrorIs(t, x.giveUp(), context.Canceled)
		w.lose("readers", w.nodes[1:]...)
		w.requireSettled()
	})
}

// A writer that reaches a minority only keeps readers from that, and no others
// from the lock.
func TestAWriterOnAMinorityLeavesReadersFree(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		pools := w.pools()
		pools[1], pools[2] = away{}, away{}
		ctx, cancel := context.WithCancel(context.Background())
		writer, failed := w.on(rwmutex.New(pools...), rwmutex.WithUnlimitedTries(), rwmutex.WithRetryDelay(tick)), make(chan error, 1)
		go func() { failed <- writer.LockContext(ctx) }()
		w.awaitWaitingWriters(1, w.nodes[0])
		reader := w.newWaiter() // a try may meet the writer's own on node 0, and be none the worse for it
		for range 5 {
			require.NoError(t, reader.RLock())
			requireYes(t, reader.RExtend)
			w.awaitReaders(1, w.nodes[1:]...)
			requireYes(t, reader.RUnlock)
			w.awaitReaders(0, w.nodes[1:]...)
		}
		w.awaitWaitingWriters(1, w.nodes[0])
		w.awaitFree(w.nodes[1:]...)
		cancel()
		err := <-failed
		require.ErrorIs(t, err, rwmutex.ErrFailed)
		require.ErrorIs(t, err, context.Canceled)
		w.requireSettled()
	})
}

// A writer that gives up, for whatever reason, leaves no ticket on any node.
func TestAWriterThatGivesUpLeavesNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		there := w.rwmutex()
		require.NoError(t, there.RLock())
		w.awaitReaders(1)

		w.requireTaken(w.rwmutex().TryLock())
		w.requireTaken(w.rwmutex(rwmutex.WithTries(3), rwmutex.WithRetryDelay(tick)).Lock())
		w.awaitWaitingWriters(0)

		x := w.newWaiter().write()
		w.awaitWaitingWriters(1)
		require.ErrorIs(t, x.giveUp(), context.Canceled)
		w.awaitWaitingWriters(0)

		other := w.rwmutex()
		require.NoError(t, other.TryRLock(), "the way is free")
		requireYes(t, other.RUnlock)
		requireYes(t, there.RUnlock)
		w.requireSettled()
	})
}

// TryLock does not wait, so it leaves no ticket, not even for a moment.
func TestTryLockLeavesNoTicket(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f, spies := w.spied()
		there := w.rwmutex()
		require.NoError(t, there.RLock())
		w.awaitReaders(1)
		w.requireTaken(w.on(f).TryLock())
		settle(t) // a majority may have refused before the others were asked
		for _, s := range spies {
			require.NotEmpty(t, s.sent())
			assert.Empty(t, s.sent()[0].Args()[2], "the id of the ticket")
		}
		requireYes(t, there.RUnlock)
		w.requireSettled()
	})
}

// mortal is a pool of a process that may die.
type mortal struct {
	driver.Pool
	dead *atomic.Bool
}

// Eval implements driver.Pool.
func (m mortal) Eval(ctx context.Context, call *driver.Call) (any, error) {
	if m.dead.Load() {
		return nil, errAway
	}
	return m.Pool.Eval(ctx, call)
}

// The ticket of a writer whose process died ends by itself, soon.
func TestTheTicketOfADeadWriterEnds(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		var dead atomic.Bool
		pools := w.pools()
		for i := range pools {
			pools[i] = mortal{pools[i], &dead}
		}
		there, other := w.rwmutex(), w.rwmutex()
		require.NoError(t, there.RLock())
		w.awaitReaders(1)
		ctx, cancel := context.WithCancel(context.Background())
		x, failed := w.on(rwmutex.New(pools...), hasty, rwmutex.WithUnlimitedTries(), rwmutex.WithRetryDelay(tick)), make(chan error, 1)
		go func() { failed <- x.LockContext(ctx) }()
		w.awaitWaitingWriters(1)
		dead.Store(true)
		w.awaitWaitingWriters(0)
		require.NoError(t, other.TryRLock())
		requireYes(t, other.RUnlock)
		requireYes(t, there.RUnlock)
		cancel()
		require.Error(t, <-failed)
		w.requireSettled()
	})
}

// readers are processes that read without pause.
type readers struct {
	t        *testing.T
	sections []atomic.Int64 // begun, by reader
	all      sync.WaitGroup
	stop     atomic.Bool
}

// readWithoutPause starts processes, each with some goroutines that read through
// one object, section after section.
func (w *world) readWithoutPause(processes, goroutines int) *readers {
	r := &readers{t: w.t, sections: make([]atomic.Int64, processes*goroutines)}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	w.t.Cleanup(cancel)
	for i := range processes {
		rw := w.with(clients[i%len(clients)]).rwmutex(rwmutex.WithUnlimitedTries(), rwmutex.WithRetryDelay(tick))
		for j := range goroutines {
			r.all.Go(func() { r.read(ctx, rw, &r.sections[i*goroutines+j]) })
		}
	}
	return r
}

// read is one goroutine's. Its sections take longer than a lease takes in readers
// without asking the nodes, or it would be in and out many times meanwhile.
func (r *readers) read(ctx context.Context, rw *rwmutex.RWMutex, sections *atomic.Int64) {
	for !r.stop.Load() {
		if !assert.NoError(r.t, rw.RLockContext(ctx)) {
			return
		}
		sections.Add(1)
		time.Sleep(2 * time.Millisecond) // a section of some length: a load, and no wait for anything
		_, err := rw.RUnlock()
		assert.NoError(r.t, err)
	}
}

// begun is how many sections each reader has begun.
func (r *readers) begun() []int64 {
	all := make([]int64, len(r.sections))
	for i := range r.sections {
		all[i] = r.sections[i].Load()
	}
	return all
}

// awaitMore waits until every reader has begun some more sections.
func (r *readers) awaitMore() {
	r.t.Helper()
	from := r.begun()
	require.Eventually(r.t, func() bool { return atLeast(r.begun(), from, 3) }, patience, tick, "readers do not get on")
}

func atLeast(all, from []int64, more int64) bool {
	for i := range all {
		if all[i]-from[i] < more {
			return false
		}
	}
	return true
}

// A stream of readers does not starve a writer: once its ticket stands on the
// nodes, it gets in within two sections of each reader.
func TestAWriterAmongReadersWithoutPause(t *testing.T) {
	for name, goroutines := range map[string]int{"alone": 1, "sharing": 4} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 3} {
				w := newWorld(t, clients[n%len(clients)], redistest.Start(t, n))
				w.testAWriterAmongReaders(goroutines)
			}
		})
	}
}

func (w *world) testAWriterAmongReaders(goroutines int) {
	const processes, most = 4, 2
	t := w.t
	r := w.readWithoutPause(processes, goroutines)
	defer r.all.Wait()
	defer r.stop.Store(true)
	for range 5 {
		r.awaitMore()
		// Keeps the writer out until its ticket was seen. It ends last of all.
		last := w.newWaiter()
		require.NoError(t, last.RLock())
		x := w.newWaiter().write()
		w.awaitWaitingWriters(1)
		from := r.begun()
		requireYes(t, last.RUnlock)
		x.requireIn(t)
		for i, begun := range r.begun() {
			assert.LessOrEqual(t, begun-from[i], int64(most), "sections of reader %d", i)
		}
		requireYes(t, x.Unlock)
	}
}
