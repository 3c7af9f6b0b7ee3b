package redlock

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

// spareTime is how long a contended round waits for nodes that were silent: see package quorum.
const spareTime = 5 * time.Millisecond

// churn locks and unlocks n names, one after the other, d apart.
func (b *bench) churn(n int, d time.Duration) {
	for i := range n {
		x := NewExclusive(b.engine.NewSpec(testProtocol, fmt.Sprint(i), DefaultConfig()))
		b.lock(x)
		b.unlock(x)
		time.Sleep(d)
	}
}

func TestBackgroundWorkBehindAHungNodeIsBounded(t *testing.T) {
	bubble(t, 5, func(b *bench) {
		b.churn(1, ms)
		for _, n := range b.nodes[:2] {
			n.setHung(true)
		}
		b.churn(1000, ms)
		for i, n := range b.nodes[:2] {
			require.LessOrEqual(t, n.under(), 16, "node %d", i) // as many as an outbox sends at a time
			require.Greater(t, n.under(), 0)
			n.setHung(false)
		}
		time.Sleep(time.Minute) // for what is owed
		for _, n := range b.nodes {
			require.Zero(t, n.under())
			var names []string
			n.set(func() { names = slices.Collect(maps.Keys(n.keys)) })
			for _, name := range names {
				require.Empty(t, n.holder(name))
			}
		}
		before := b.nodes[0].ran(scripts.Mutex().Acquire)
		b.churn(10, ms)
		require.Equal(t, before+10, b.nodes[0].ran(scripts.Mutex().Acquire), "it is asked as ever")
	})
}

func TestDebtsAreBounded(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		n := b.engine.nodes[0]
		s := b.engine.NewSpec(testProtocol, "name", DefaultConfig())
		strict := func(i int) *hold {
			h := adopt(s, fmt.Sprint(i))
			h.end(time.Now())
			return h
		}
		for i := range mostDebts + 10 {
			n.owe(&strict(i).footprint)
		}
		require.EqualValues(t, mostDebts, n.debts.count.Load())
		require.False(t, n.debts.strict.has(strictKey{"name", "9"}), "dropped")
		require.True(t, n.debts.strict.has(strictKey{"name", "10"}))
		other := NewExclusive(b.engine.NewSpec(testProtocol, "other", DefaultConfig()))
		b.lock(other)
		synctest.Wait()
		require.Zero(t, n.debts.count.Load())
		require.False(t, n.debts.strict.has(strictKey{"name", "10"}))
		b.unlock(other)
	})
}

// Two of three nodes disagree and the third hangs: once that is known, nobody
// waits for it any more, but for a moment.
func TestSilentNodeIsNotWaitedFor(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[1].put("name", "theirs", time.Hour)
		b.nodes[2].setHung(true)
		x := b.object(nil)
		for _, want := range []time.Duration{400 * ms, spareTime, spareTime} {
			start := time.Now()
			require.ErrorIs(t, x.TryLock(context.Background()), ErrFailed)
			require.Equal(t, want, time.Since(start))
		}
		b.nodes[2].setHung(false)
		synctest.Wait()
		require.NoError(t, x.TryLock(context.Background()), "it has answered, and is waited for again")
		b.unlock(x)
	})
}

// When too few nodes are left without the silent ones, they are waited for: a
// process that was paused would otherwise take all nodes for dead.
func TestSilentMajorityIsWaitedFor(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.silence(0, 1, 2)
		for _, n := range b.nodes {
			n.before = always(10 * ms)
		}
		x := b.object(nil)
		require.NoError(t, x.TryLock(context.Background()))
		b.unlock(x)
	})
}

func TestDriversTimeoutMakesANodeSilent(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		n := b.nodes[0]
		n.bound, n.careful = true, true
		n.setHung(true)
		require.Error(t, b.object(nil).TryLock(context.Background()))
		require.True(t, b.engine.nodes[0].Silent(new(driver.Call)))
		n.setHung(false)
		b.churn(1, ms)
		require.False(t, b.engine.nodes[0].Silent(new(driver.Call)))
	})
}

// A try that was not won takes back what was not sent yet: a node gets neither a request
// that nobody waits for any more nor a release of what it never had.
func TestWhatIsNotNeededIsNotSent(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes[:2] {
			n.put("name", "theirs", time.Hour)
		}
		slow := b.nodes[2]
		slow.before = always(100 * ms)
		for i := range 20 { // take all places in flight
			x := b.named(i, nil)
			go func() { _ = x.TryLock(background) }()
		}
		time.Sleep(20 * ms)
		before := len(slow.history())
		err := b.object(nil).TryLock(background)
		require.ErrorAs(t, err, new(*ErrTaken))
		time.Sleep(time.Second)
		for _, name := range slow.history()[before:] {
			require.Contains(t, []string{"mutex_acquire"}, name)
		}
		require.Equal(t, 20, slow.ran(scripts.Mutex().Acquire), "those of the 20 and no other")
	})
}

// greeted is a node whose driver makes connections for the lanes. A connection is there
// once the node has answered something on it, as with go-redis: a node that hangs keeps a
// dial waiting until the client's own timeout.
type greeted struct{ *fakeNode }

const greetedWithin = 5 * time.Second

func (g greeted) Dial(ctx context.Context, _ string) (driver.Conn, error) {
	g.mu.Lock()
	hung := g.hung
	g.mu.Unlock()
	if hung == nil {
		return greetedConn(g), nil
	}
	select {
	case <-hung:
		return greetedConn(g), nil
	case <-time.After(greetedWithin):
		return nil, context.DeadlineExceeded
	}
}

type greetedConn struct{ *fakeNode }

func (greetedConn) Bounded() bool { return false }
func (greetedConn) Close() error  { return nil }

func (c greetedConn) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	replies := make([]driver.Reply, len(calls))
	for i, call := range calls {
		replies[i].Value, replies[i].Err = c.Eval(ctx, call)
	}
	return replies
}

// greeting is another process, with connections of its own.
func (b *bench) greeting() *bench {
	var pools []driver.Pool
	for _, n := range b.nodes {
		pools = append(pools, greeted{n})
	}
	return &bench{b.T, New(pools...), b.nodes}
}

// Two of three nodes disagree, and to the third there is no connection: that is waited for
// once, and not again with every try.
func TestNodeThatIsNotReachedIsNotWaitedFor(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[1].put("name", "theirs", time.Hour)
		b.nodes[2].setHung(true)
		x := b.greeting().object(nil)
		for _, want := range []time.Duration{400 * ms, spareTime, spareTime} {
			start := time.Now()
			require.ErrorIs(t, x.TryLock(background), ErrFailed)
			require.Equal(t, want, time.Since(start))
		}
		time.Sleep(2 * greetedWithin)
		start := time.Now()
		require.ErrorIs(t, x.TryLock(background), ErrFailed)
		require.Equal(t, spareTime, time.Since(start), "nor after the client has given up")
		b.nodes[2].setHung(false)
		synctest.Wait()
		require.NoError(t, x.TryLock(background), "there is a connection, and it is waited for again")
		b.unlock(x)
	})
}

// A crowd of processes goes for two permits. With a node that hangs each process finds
// that out once, all at about the same time, in one bound or at most two: that is about
// all the longer it takes. It was more than ten bounds when each try had to find out.
func TestACrowdFindsOutThatANodeHangsOnce(t *testing.T) {
	for range 10 {
		well, hung := crowdTakes(t, false), crowdTakes(t, true)
		t.Logf("all well: %v, one hangs: %v", well, hung)
		require.Less(t, hung-well, 4*400*ms)
	}
}

// crowdTakes is how long eight processes take for six visits each.
func crowdTakes(t *testing.T, hangs bool) (took time.Duration) {
	bubble(t, 3, func(b *bench) {
		b.far(ms, ms)
		if hangs {
			b.nodes[2].setHung(true)
			defer b.nodes[2].setHung(false)
		}
		start := time.Now()
		var all sync.WaitGroup
		for i := range 8 {
			process := b.elsewhere()
			if i%2 > 0 {
				process = b.greeting()
			}
			x := process.slots(2, func(c *Config) {
				c.Unlimited = true
				c.RetryDelay = func(int) time.Duration { return rand.N(25 * ms) }
			})
			all.Go(func() {
				for range 6 {
					p, err := x.Acquire(background, 1)
					require.NoError(b, err)
					time.Sleep(rand.N(4 * ms))
					b.giveBack(p)
				}
			})
		}
		all.Wait()
		took = time.Since(start)
	})
	return took
}
