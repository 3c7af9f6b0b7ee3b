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
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/internal/redlock/retry"
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
			n.SetHung(true)
		}
		b.churn(1000, ms)
		for i, n := range b.nodes[:2] {
			require.LessOrEqual(t, n.Inside(), 16, "node %d", i) // as many as an outbox sends at a time
			require.Positive(t, n.Inside())
			n.SetHung(false)
		}
		time.Sleep(time.Minute) // for what is pending
		for _, n := range b.nodes {
			require.Zero(t, n.Inside())
			var names []string
			n.Set(func() { names = slices.Collect(maps.Keys(n.Keys)) })
			for _, name := range names {
				require.Empty(t, n.Holder(name))
			}
		}
		before := b.nodes[0].Ran(scripts.Mutex().Acquire)
		b.churn(10, ms)
		require.Equal(t, before+10, b.nodes[0].Ran(scripts.Mutex().Acquire), "it is asked as ever")
	})
}

func TestPendingReleasesAreBounded(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		n := b.engine.nodes[0]
		s := b.engine.NewSpec(testProtocol, "name", DefaultConfig())
		strict := func(i int) *lease {
			l := adopt(s, fmt.Sprint(i))
			l.end(time.Now())
			return l
		}
		for i := range retry.Max + 10 {
			strict(i).at(n).retry()
		}
		require.Equal(t, retry.Max, n.pending.Len())
		require.False(t, n.strict.Has(strictKey{"name", "9"}), "dropped")
		require.True(t, n.strict.Has(strictKey{"name", "10"}))
		other := NewExclusive(b.engine.NewSpec(testProtocol, "other", DefaultConfig()))
		b.lock(other)
		synctest.Wait()
		require.Zero(t, n.pending.Len())
		require.False(t, n.strict.Has(strictKey{"name", "10"}))
		b.unlock(other)
	})
}

// Two of three nodes disagree and the third hangs: once that is known, it is
// not waited for any more, but for a moment.
func TestSilentNodeIsNotWaitedFor(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[1].Put("name", "theirs", time.Hour)
		b.nodes[2].SetHung(true)
		x := b.object(nil)
		for _, want := range []time.Duration{400 * ms, spareTime, spareTime} {
			start := time.Now()
			require.ErrorIs(t, x.TryLock(context.Background()), ErrFailed)
			require.Equal(t, want, time.Since(start))
		}
		b.nodes[2].SetHung(false)
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
			n.Before = always(10 * ms)
		}
		x := b.object(nil)
		require.NoError(t, x.TryLock(context.Background()))
		b.unlock(x)
	})
}

func TestDriversTimeoutMakesANodeSilent(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		n := b.nodes[0]
		n.Bounded, n.KeepsDeadlines = true, true
		n.SetHung(true)
		require.Error(t, b.object(nil).TryLock(context.Background()))
		require.True(t, b.engine.nodes[0].Silent(new(driver.Call)))
		n.SetHung(false)
		b.churn(1, ms)
		require.False(t, b.engine.nodes[0].Silent(new(driver.Call)))
	})
}

// A try that was not won takes back what was not sent yet: a node gets neither a request
// that is not waited for any more nor a release of what it never had.
func TestWhatIsNotNeededIsNotSent(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes[:2] {
			n.Put("name", "theirs", time.Hour)
		}
		slow := b.nodes[2]
		slow.Before = always(100 * ms)
		for i := range 20 { // take all places in flight
			x := b.named(i, nil)
			go func() { _ = x.TryLock(background) }()
		}
		time.Sleep(20 * ms)
		before := len(slow.History())
		err := b.object(nil).TryLock(background)
		require.ErrorAs(t, err, new(*ErrTaken))
		time.Sleep(time.Second)
		for _, name := range slow.History()[before:] {
			require.Contains(t, []string{"mutex_acquire"}, name)
		}
		require.Equal(t, 20, slow.Ran(scripts.Mutex().Acquire), "those of the 20 and no other")
	})
}

// greeted is a node whose driver makes connections for the lanes. A connection is there
// once the node has answered something on it, as with go-redis: a node that hangs keeps a
// dial waiting until the client's own timeout.
type greeted struct{ *fakenode.Node }

const greetedWithin = 5 * time.Second

func (g greeted) Dial(ctx context.Context, _ string) (driver.Conn, error) {
	hung := g.Hanging()
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

type greetedConn struct{ *fakenode.Node }

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
		b.nodes[1].Put("name", "theirs", time.Hour)
		b.nodes[2].SetHung(true)
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
		b.nodes[2].SetHung(false)
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
			b.nodes[2].SetHung(true)
			defer b.nodes[2].SetHung(false)
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
