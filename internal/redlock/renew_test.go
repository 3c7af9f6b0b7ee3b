package redlock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/internal/redlock/renewer"
	"github.com/holdfast-go/holdfast/scripts"
)

// autoExtend is the configuration of objects that renew their leases.
func autoExtend(c *Config) { c.AutoExtend = true }

// named makes one lock object of many.
func (b *bench) named(i int, change func(*Config)) *Exclusive {
	c := DefaultConfig()
	if change != nil {
		change(&c)
	}
	return NewExclusive(b.engine.NewSpec(testProtocol, fmt.Sprint("name", i), c))
}

// extensions notes when node 0 is asked for extensions, and lets fault decide on each.
type extensions struct {
	mu    sync.Mutex
	times []time.Time
}

func (b *bench) extensions(fault func(n int) error) *extensions {
	e := new(extensions)
	for i, node := range b.nodes {
		n := 0
		node.Set(func() {
			node.Fault = func(call *driver.Call) error {
				if call.Script() != scripts.Mutex().Extend {
					return nil
				}
				if i == 0 {
					e.mu.Lock()
					e.times = append(e.times, time.Now())
					e.mu.Unlock()
				}
				n++
				return fault(n)
			}
		})
	}
	return e
}

// take returns the times so far, as time since start, and begins anew.
func (e *extensions) take(start time.Time) []time.Duration {
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	var since []time.Duration
	for _, at := range e.times {
		since = append(since, at.Sub(start))
	}
	e.times = nil
	return since
}

var errDown = errors.New("fake: down")

func TestRenewalSchedule(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		asked := b.extensions(func(int) error { return nil })
		x := b.object(autoExtend)
		start := time.Now()
		b.lock(x)
		third := x.spec.lifetime() / renewAfter
		time.Sleep(6 * time.Hour)
		for i, at := range asked.take(start) {
			// until moves on from each extension's start, rounded down once each
			require.InDelta(t, time.Duration(i+1)*third, at, float64(i+1), "extension %d", i)
		}
		require.False(t, isLost(x.Lost()))
		b.unlock(x)
		b.nothingLeft()
		b.asleep()
		time.Sleep(time.Hour)
		require.Empty(t, asked.take(start), "none after Unlock")
	})
}

func TestNotRenewedUnlessAsked(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		asked := b.extensions(func(int) error { return nil })
		x := b.object(nil)
		b.lock(x)
		<-x.Lost()
		require.Empty(t, asked.take(time.Now()))
	})
}

// A failed extension is tried again at once, then with short pauses; the one that is
// won ends that.
func TestFailedRenewalIsRepeated(t *testing.T) {
	for failures := range 6 {
		bubble(t, 3, func(b *bench) {
			asked := b.extensions(func(n int) error {
				if n <= failures {
					return errDown
				}
				return nil
			})
			x := b.object(autoExtend)
			b.lockAll(x)
			third, pause := x.spec.lifetime()/renewAfter, x.spec.lifetime()/renewPause
			until := x.Until()
			time.Sleep(time.Until(until) - x.spec.lifetime() + third)
			start := time.Now()
			time.Sleep(third - 1)
			var want []time.Duration
			for i := range failures + 1 {
				want = append(want, time.Duration(max(0, i-1))*pause)
			}
			require.Equal(t, want, asked.take(start))
			require.Equal(t, x.spec.lifetime()+want[failures], x.Until().Sub(start))
			time.Sleep(time.Hour)
			require.False(t, isLost(x.Lost()))
			b.unlock(x)
		})
	}
}

// Without an answer the loss is reported at Until, to the moment, and that ends renewal.
func TestRenewalEndsAtUntil(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		asked := b.extensions(func(int) error { return errDown })
		x := b.object(autoExtend)
		b.lockAll(x)
		<-x.Lost()
		require.Zero(t, time.Since(x.Until()))
		last := asked.take(x.Until())
		require.Less(t, last[len(last)-1], time.Duration(0))
		require.Greater(t, last[len(last)-1], -x.spec.lifetime()/renewPause-1)
		time.Sleep(time.Hour)
		require.Empty(t, asked.take(x.Until()))
		b.asleep()
	})
}

// A majority's denial is reported as soon as it comes, and ends renewal.
func TestRenewalReportsADenial(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(autoExtend)
		b.lockAll(x)
		start := time.Now()
		b.restarted(0, 2)
		<-x.Lost()
		require.Equal(t, x.spec.lifetime()/renewAfter, time.Since(start).Round(10))
		time.Sleep(time.Hour)
		require.Equal(t, 1, b.nodes[0].Ran(scripts.Mutex().Extend))
		b.asleep()
	})
}

// Extensions that are won, but only after Until, do not extend trust.
func TestSlowRenewalDoesNotExtendTrust(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(func(c *Config) { c.AutoExtend, c.TimeoutFactor = true, 2 })
		b.lockAll(x)
		until := x.Until()
		for i, n := range b.nodes {
			n.Set(func() { n.After = only("mutex_extend", 6*time.Second+time.Duration(i)*ms) })
		}
		<-x.Lost()
		require.Zero(t, time.Since(until))
		require.Positive(t, b.nodes[0].Ran(scripts.Mutex().Extend), "the nodes have extended it")
		time.Sleep(2 * time.Second) // the answers come
		require.Equal(t, until, x.Until())
		require.True(t, x.lease.over())
		n := b.nodes[0].Ran(scripts.Mutex().Extend)
		time.Sleep(time.Hour)
		require.Equal(t, n, b.nodes[0].Ran(scripts.Mutex().Extend))
	})
}

// One that comes in time counts from its start, not from its answer.
func TestRenewalCountsFromItsStart(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(func(c *Config) { c.AutoExtend, c.TimeoutFactor = true, 2 })
		b.lockAll(x)
		first := x.Until()
		for i, n := range b.nodes {
			n.Set(func() { n.After = only("mutex_extend", 3*time.Second+time.Duration(i)*ms) })
		}
		time.Sleep(7 * time.Second)
		require.Equal(t, x.spec.lifetime()/renewAfter, x.Until().Sub(first).Round(10))
		b.unlock(x)
	})
}

// Unlock waits for the renewal that is under way, so that none is left to run after it.
// (On two nodes both decide. A third one may run its extension, which writes nothing
// that is missing, after its release.)
func TestUnlockWaitsForARenewal(t *testing.T) {
	bubble(t, 2, func(b *bench) {
		x := b.object(autoExtend)
		b.lockAll(x)
		lost := x.Lost()
		for _, n := range b.nodes {
			n.Set(func() { n.Before = only("mutex_extend", 100*ms) })
		}
		time.Sleep(x.spec.lifetime()/renewAfter + 50*ms)
		b.unlock(x)
		synctest.Wait()
		for _, n := range b.nodes {
			require.Equal(t, []string{"mutex_acquire", "mutex_extend", "mutex_release"}, n.History())
		}
		time.Sleep(time.Hour)
		require.Equal(t, 1, b.nodes[0].Ran(scripts.Mutex().Extend))
		require.False(t, isLost(lost))
	})
}

// A hung majority keeps Unlock waiting for the time of two calls, and no more.
func TestUnlockWhileRenewalHangs(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(autoExtend)
		b.lockAll(x)
		for _, n := range b.nodes[:2] {
			n.SetHung(true)
		}
		time.Sleep(x.spec.lifetime()/renewAfter + 50*ms)
		start := time.Now()
		_, err := x.Unlock(background)
		require.Error(t, err)
		require.LessOrEqual(t, time.Since(start), 2*x.spec.bound)
		ctx, cancel := context.WithCancel(background)
		cancel()
		start = time.Now()
		_, _ = x.Unlock(ctx)
		require.Zero(t, time.Since(start))
		for _, n := range b.nodes[:2] {
			n.SetHung(false)
		}
		b.nothingLeft()
	})
}

// A lease that is passed on inside the process is renewed as one that was acquired.
func TestPassedOnLeaseIsRenewed(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(autoExtend)
		b.lockAll(x)
		next := b.next(background, x)
		b.unlock(x)
		require.NoError(t, <-next)
		synctest.Wait() // for the node that is not needed for a majority
		require.Zero(t, b.nodes[0].Ran(scripts.Mutex().Release))
		time.Sleep(time.Hour)
		require.False(t, isLost(x.Lost()))
		b.unlock(x)
		b.nothingLeft()
		b.asleep()
	})
}

func TestUsersExtensionPutsRenewalOff(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		asked := b.extensions(func(int) error { return nil })
		x := b.object(autoExtend)
		b.lock(x)
		for range 100 {
			time.Sleep(time.Second)
			b.extend(x)
		}
		require.Len(t, asked.take(time.Now()), 100)
		b.unlock(x)
	})
}

func TestReadersLeaseAndPermitsAreRenewed(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(autoExtend)
		b.in(x.Reader)
		b.in(x.Reader)
		time.Sleep(time.Hour)
		b.out(x.Reader)
		time.Sleep(time.Hour)
		require.False(t, isLost(x.Reader.Lost()))
		b.out(x.Reader)
		b.asleep()

		b.in(x.Writer)
		time.Sleep(time.Hour)
		require.NoError(t, x.Downgrade(background))
		time.Sleep(time.Hour)
		require.False(t, isLost(x.Reader.Lost()), "what became of the write lease is renewed too")
		b.out(x.Reader)
		b.free()
		b.asleep()
	})
	bubble(t, 3, func(b *bench) {
		s := b.slots(3, autoExtend)
		p := b.take(s, 2)
		time.Sleep(time.Hour)
		require.False(t, isLost(p.Lost()))
		b.giveBack(p)
		b.asleep()
	})
}

func TestSuspendedProcessDoesNotRenewWhatIsOver(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		step := b.walls()
		asked := b.extensions(func(int) error { return nil })
		x := b.object(autoExtend)
		b.lock(x)
		time.Sleep(time.Minute)
		asked.take(time.Now())
		step.Store(int64(time.Hour))
		time.Sleep(renewer.Step)
		require.ErrorIs(t, x.current().lossOf(), ErrLost)
		time.Sleep(time.Hour)
		require.Empty(t, asked.take(time.Now()))
	})
}

// batching is a fake node whose driver sends many calls at once.
type batching struct {
	*fakenode.Node
	requests atomic.Int32
	batches  atomic.Int32 // of these
	most     atomic.Int32
}

func (f *batching) Eval(ctx context.Context, call *driver.Call) (any, error) {
	f.requests.Add(1)
	return f.Node.Eval(ctx, call)
}

func (f *batching) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	f.requests.Add(1)
	f.batches.Add(1)
	f.most.Store(max(f.most.Load(), int32(len(calls))))
	replies := make([]driver.Reply, len(calls))
	var all sync.WaitGroup
	for i, call := range calls {
		all.Go(func() { replies[i].Value, replies[i].Err = f.Node.Eval(ctx, call) })
	}
	all.Wait()
	return replies
}

// batches gives the bench an engine over nodes with batches.
func (b *bench) batches() []*batching {
	nodes, pools := make([]*batching, len(b.nodes)), make([]driver.Pool, len(b.nodes))
	for i, n := range b.nodes {
		nodes[i] = &batching{Node: n}
		pools[i] = nodes[i]
	}
	b.engine = New(pools...)
	return nodes
}

// crowd locks n objects that renew their leases, over some time.
func (b *bench) crowd(n int) []*Exclusive {
	objects := make([]*Exclusive, n)
	for i := range objects {
		objects[i] = b.named(i, autoExtend)
		b.lock(objects[i])
		time.Sleep(ms)
	}
	return objects
}

func (b *bench) noneLost(objects []*Exclusive) {
	b.Helper()
	synctest.Wait()
	for i, x := range objects {
		require.NoError(b, x.current().lossOf(), "lease %d", i)
		require.False(b, x.lease.over(), "lease %d", i)
	}
}

func (b *bench) unlockAll(objects []*Exclusive) {
	b.Helper()
	for _, x := range objects {
		_, err := x.Unlock(background)
		require.NoError(b, err)
	}
	b.asleep()
}

func TestManyLeasesAreRenewedInBatches(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		nodes := b.batches()
		objects := b.crowd(600)
		for i, n := range b.nodes {
			n.Set(func() { n.Before = always(time.Duration(i+1) * ms / 10) })
		}
		before := b.nodes[0].Ran(scripts.Mutex().Extend)
		batches := nodes[0].batches.Load()
		time.Sleep(2 * time.Minute)
		b.noneLost(objects)
		extensions := b.nodes[0].Ran(scripts.Mutex().Extend) - before
		batches = nodes[0].batches.Load() - batches
		require.Greater(t, extensions, 25_000)
		require.Less(t, int(batches), extensions/30)
		for _, n := range nodes {
			require.LessOrEqual(t, int(n.most.Load()), 128)
		}
		b.unlockAll(objects)
	})
}

func TestManyLeasesWithoutBatchesTakeFewGoroutines(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		objects := b.crowd(600)
		for i, n := range b.nodes {
			n.Set(func() { n.MaxInside, n.Before = 0, always(time.Duration(i+1)*ms/10) })
		}
		time.Sleep(time.Minute)
		b.noneLost(objects)
		for _, n := range b.nodes {
			require.LessOrEqual(t, n.MaxInside, 16)
			require.Greater(t, n.MaxInside, 1)
		}
		b.unlockAll(objects)
	})
}

// A hung minority does not keep renewal from the others, and collects nothing.
func TestManyLeasesWithAHungNode(t *testing.T) {
	for _, batches := range []bool{true, false} {
		bubble(t, 3, func(b *bench) {
			if batches {
				b.batches()
			}
			objects := b.crowd(600)
			b.nodes[1].SetHung(true)
			time.Sleep(2 * time.Minute)
			b.noneLost(objects)
			require.LessOrEqual(t, b.nodes[1].Inside(), 16*128)
			b.nodes[1].SetHung(false)
			time.Sleep(time.Minute)
			b.noneLost(objects)
			require.Equal(t, objects[0].Value(), b.nodes[1].Holder("name0"), "it was repaired")
			b.unlockAll(objects)
		})
	}
}

// A minority that is slow, but answers in time, does not keep renewal from the others.
func TestManyLeasesWithASlowNode(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.batches()
		objects := make([]*Exclusive, 3000) // locked at the same moment
		for i := range objects {
			objects[i] = b.named(i, func(c *Config) { c.AutoExtend, c.TimeoutFactor = true, 0.25 })
			b.lock(objects[i])
		}
		slow := b.nodes[1]
		slow.Set(func() { slow.MaxInside, slow.Before = 0, only("mutex_extend", 1900*ms) })
		time.Sleep(time.Minute)
		b.noneLost(objects)
		require.LessOrEqual(t, slow.MaxInside, 16*128)
		slow.Set(func() { slow.Before = nil })
		time.Sleep(2 * time.Second) // for what is under way
		b.unlockAll(objects)
	})
}

// Nodes that are restarted empty, one after the other, get back what they had, with
// few calls at a time.
func TestManyLeasesOutliveRestarts(t *testing.T) {
	for _, batches := range []bool{true, false} {
		bubble(t, 3, func(b *bench) {
			if batches {
				b.batches()
			}
			objects := b.crowd(600)
			for round := range 6 {
				at := b.nodes[round%3]
				at.Restart()
				time.Sleep(10 * time.Second) // one extension repairs, the next lets it vote
				b.noneLost(objects)
				for i, x := range objects {
					require.Equal(t, x.Value(), at.Holder(fmt.Sprint("name", i)))
				}
			}
			b.unlockAll(objects)
		})
	}
}

// When a majority restarts empty, the loss of every lease is reported, long before Until.
func TestManyLeasesAreLostTogether(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.batches()
		objects := b.crowd(600)
		b.restarted(0, 1)
		time.Sleep(objects[0].spec.lifetime() / 2)
		for _, x := range objects {
			require.ErrorIs(t, x.current().lossOf(), ErrLost)
			require.False(t, x.lease.over(), "not by the clocks yet")
			_, _ = x.Unlock(background)
		}
		b.asleep()
	})
}

// Leases of many expiries, with one majority that fails now and then.
func TestLeasesOfManyExpiries(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.batches()
		var objects []*Exclusive
		for i := range 60 {
			x := b.named(i, func(c *Config) {
				c.AutoExtend, c.Expiry = true, time.Duration(100+i*i*10)*ms
				c.TimeoutFactor = 0.5
			})
			b.lock(x)
			objects = append(objects, x)
		}
		for range 10 {
			time.Sleep(10 * time.Second)
			b.noneLost(objects)
			for _, n := range b.nodes {
				n.Set(func() { n.Fault = func(*driver.Call) error { return errDown } })
			}
			time.Sleep(20 * ms)
			for _, n := range b.nodes {
				n.Set(func() { n.Fault = nil })
			}
		}
		b.unlockAll(objects)
	})
}
