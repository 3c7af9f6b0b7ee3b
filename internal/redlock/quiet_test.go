package redlock

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/internal/redlock/notify"
	"github.com/holdfast-go/holdfast/scripts"
)

const (
	tokenOfOurs = "01990b3e-5a7c-7d21-9b0a-3f4de2a1c0ff"
	foreign     = "ZGVhZGJlZWZkZWFkYmVlZg=="
)

// heldBy has another client hold the lock on all nodes.
func (b *bench) heldBy(token string, lifetime time.Duration) {
	for _, n := range b.nodes {
		n.Put("name", token, lifetime)
	}
}

// looked counts how often each node was asked in a time.
func (b *bench) looked(within time.Duration) (asked []int) {
	before := make([]int, len(b.nodes))
	for i, n := range b.nodes {
		before[i] = n.Ran(scripts.Mutex().Acquire)
	}
	time.Sleep(within)
	for i, n := range b.nodes {
		asked = append(asked, n.Ran(scripts.Mutex().Acquire)-before[i])
	}
	return asked
}

func (b *bench) requireLooks(want int, within time.Duration, why string) {
	b.Helper()
	for _, n := range b.looked(within) {
		require.InDelta(b, want, n, 3, why)
	}
}

// waitsForEver has an object of its own wait until the returned function is called.
func (b *bench) waitsForEver(change func(*Config)) (leave func()) {
	ctx, cancel := context.WithCancel(background)
	waiting := begins(ctx, b.object(func(c *Config) {
		c.Unlimited = true
		if change != nil {
			change(c)
		}
	}).Lock)
	time.Sleep(20 * ms)
	return func() {
		cancel()
		require.ErrorIs(b, <-waiting, context.Canceled)
	}
}

func TestQuietWaiterLooksSeldom(t *testing.T) {
	for _, c := range []struct {
		expiry, delay time.Duration
		looks         int // in a minute
	}{
		{8 * time.Second, 100 * ms, 75},
		{8 * time.Second, 10 * ms, 75},
		{8 * time.Second, 900 * ms, 66},
		{8 * time.Second, time.Hour, 60},
		{24 * time.Hour, 100 * ms, 60},
		{time.Second, 50 * ms, 600},
		{time.Second, 100 * ms, 600},
		{time.Second, 500 * ms, 120},
	} {
		for _, n := range []int{1, 3, 4} {
			bubble(t, n, func(b *bench) {
				for _, node := range b.nodes {
					node.NoSubscriptions = false
				}
				b.heldBy(tokenOfOurs, 24*time.Hour)
				leave := b.waitsForEver(func(cfg *Config) { cfg.Expiry = c.expiry; cfg.SetRetryDelay(c.delay) })
				for _, got := range b.looked(time.Minute) {
					require.InDelta(t, c.looks, got, 0.15*float64(c.looks), "expiry %v, delay %v", c.expiry, c.delay)
				}
				leave()
			})
		}
	}
}

// Answers that come during a pause make a waiter quiet as well, and it looks all the same.
func TestWaiterThatBecomesQuietLooks(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		b.away(fakenode.ErrLostReply, 0)
		b.nodes[2].After = always(20 * ms) // the others have decided, and it is not quiet with one
		b.heldBy(tokenOfOurs, time.Hour)
		leave := b.waitsForEver(func(cfg *Config) { cfg.SetRetryDelay(100 * ms) })
		require.Positive(t, b.looked(time.Minute)[1])
		leave()
	})
}

// Nothing notifies it, so it looks after each retry delay.
func TestWaiterThatIsNotNotifiedLooksAfterEachDelay(t *testing.T) {
	for why, c := range map[string]struct {
		token string
		mute  int // nodes that do not notify
		delay time.Duration
		looks int // in 10s
	}{
		"behind a holder of another kind":          {foreign, 0, 100 * ms, 100},
		"where no node notifies":                   {tokenOfOurs, 3, 100 * ms, 100},
		"where a majority does not":                {tokenOfOurs, 2, 100 * ms, 100},
		"but not where a minority does not":        {tokenOfOurs, 1, 100 * ms, 12},
		"whose delay is shorter than it is quiet":  {tokenOfOurs, 0, ms / 2, 20_000},
		"but not one whose delay is a little more": {tokenOfOurs, 0, ms, 12},
	} {
		notifying(t, 3, func(b *bench) {
			for i, n := range b.nodes {
				n.Before, n.After = nil, nil
				n.NoSubscriptions = i < c.mute
			}
			b.heldBy(c.token, time.Hour)
			leave := b.waitsForEver(func(cfg *Config) { cfg.SetRetryDelay(c.delay) })
			for _, got := range b.looked(10 * time.Second) {
				require.InDelta(t, c.looks, got, 3+0.01*float64(c.looks), why)
			}
			leave()
		})
	}
}

// A holder of another kind may come between two of ours, and go.
func TestWaiterSeesWhoHoldsTheLock(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		b.heldBy(tokenOfOurs, time.Hour)
		leave := b.waitsForEver(nil)
		b.requireLooks(12, 10*time.Second, "one of ours")
		b.heldBy(foreign, time.Hour)
		time.Sleep(time.Second)
		b.requireLooks(99, 10*time.Second, "another")
		b.heldBy(tokenOfOurs, time.Hour)
		b.requireLooks(12, 10*time.Second, "one of ours again")
		b.nodes[0].Put("name", foreign, time.Hour)
		time.Sleep(time.Second)
		b.requireLooks(12, 10*time.Second, "a majority of ours")
		b.nodes[1].Put("name", foreign, time.Hour)
		time.Sleep(time.Second)
		b.requireLooks(99, 10*time.Second, "a minority of ours")
		leave()
	})
}

func TestSubscriptionThatBreaksMakesWaitersLook(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		n := b.nodes[0]
		b.heldBy(tokenOfOurs, time.Hour)
		leave := b.waitsForEver(nil)
		b.requireLooks(12, 10*time.Second, "subscribed")
		n.Set(func() { n.NoSubscriptions = true })
		synctest.Wait()
		n.BreakSubscriptions()
		b.requireLooks(99, 10*time.Second, "not subscribed any more")
		n.Set(func() { n.NoSubscriptions = false })
		time.Sleep(notify.MaxPause)
		b.requireLooks(12, 10*time.Second, "subscribed again")
		leave()
	})
}

// Who crashed releases nothing. Its key's end is known.
func TestWaiterLooksWhenTheLeaseEnds(t *testing.T) {
	for _, n := range []int{1, 3} {
		for _, lifetime := range []time.Duration{150 * ms, 500 * ms, 3210 * ms} {
			notifying(t, n, func(b *bench) {
				b.heldBy(tokenOfOurs, lifetime)
				if n == 3 {
					b.nodes[1].Put("name", tokenOfOurs, time.Hour) // a majority is free without it
				}
				x, start := b.object(func(c *Config) { c.Unlimited = true }), time.Now()
				b.lock(x)
				require.GreaterOrEqual(t, time.Since(start), lifetime)
				require.LessOrEqual(t, time.Since(start), lifetime+100*ms+6*ms, "or a retry delay after a look just before")
				b.unlock(x)
			})
		}
	}
}

// Nor does it look in vain where the holder renews.
func TestWaiterLooksNoMoreOftenBehindShortLeases(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		holder := b.client(func(c *Config) { c.Expiry, c.AutoExtend = 60*ms, true })
		b.lock(holder)
		leave := b.waitsForEver(nil)
		b.requireLooks(97, 10*time.Second, "once in a retry delay at most")
		leave()
		b.unlock(holder)
	})
}

// A call gives up when its retry delays have gone by, whether it has looked or not.
func TestTriesGoByWithoutLooks(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		b.heldBy(tokenOfOurs, time.Hour)
		warm := b.waitsForEver(nil) // so that the subscription is open
		before, start := b.nodes[0].Ran(scripts.Mutex().Acquire), time.Now()
		x := NewExclusive(b.engine.NewSpec(testProtocol, "name", func() Config {
			c := DefaultConfig()
			c.Tries = 6
			c.SetRetryDelay(100 * ms)
			return c
		}()))
		require.ErrorIs(t, x.Lock(background), ErrFailed)
		require.Equal(t, 500*ms+2*ms, time.Since(start), "five delays, and the first and the last try")
		require.LessOrEqual(t, b.nodes[0].Ran(scripts.Mutex().Acquire)-before, 2+1, "one of the other waiter's looks may be among them")
		warm()
	})
}

// The looks of a process come at the same moments, so that they go in few batches.
func TestLooksOfAProcessComeTogether(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		n := b.nodes[0]
		n.NoSubscriptions = false
		var mu sync.Mutex
		moments, looks := make(map[time.Time]bool), 0
		ctx, cancel := context.WithCancel(background)
		var waiting sync.WaitGroup
		for i := range 100 {
			name := fmt.Sprint("name", i)
			n.Put(name, tokenOfOurs, time.Hour)
			c := DefaultConfig()
			c.Unlimited = true
			x := NewExclusive(b.engine.NewSpec(testProtocol, name, c))
			waiting.Go(func() { require.ErrorIs(t, x.Lock(ctx), context.Canceled) })
			time.Sleep(7 * ms)
		}
		time.Sleep(time.Second)
		n.Set(func() {
			n.Before = func(call *driver.Call) time.Duration {
				mu.Lock()
				defer mu.Unlock()
				moments[time.Now().Truncate(5*ms)] = true // beside what they wait for others
				looks++
				return 0
			}
		})
		time.Sleep(8 * time.Second)
		mu.Lock()
		require.InDelta(t, 1000, looks, 101)
		require.LessOrEqual(t, len(moments), 81)
		mu.Unlock()
		cancel()
		waiting.Wait()
	})
}

// And a batch is full before it leaves, for as long as others come.
func TestLooksOfACrowdGoInFullBatches(t *testing.T) {
	const waiters = 2000
	bubble(t, 1, func(b *bench) {
		n := b.nodes[0]
		n.NoSubscriptions = false
		sent := b.batches()[0]
		var delays atomic.Int32
		ctx, cancel := context.WithCancel(background)
		var waiting sync.WaitGroup
		for i := range waiters {
			name := fmt.Sprint("name", i)
			n.Put(name, tokenOfOurs, time.Hour)
			c := DefaultConfig()
			c.Unlimited = true
			c.RetryDelay = func(int) time.Duration { delays.Add(1); return 100 * ms }
			x := NewExclusive(b.engine.NewSpec(testProtocol, name, c))
			waiting.Go(func() { require.ErrorIs(t, x.Lock(ctx), context.Canceled) })
			time.Sleep(ms / 2)
		}
		time.Sleep(time.Second)
		looks, requests, before := n.Ran(scripts.Mutex().Acquire), sent.requests.Load(), delays.Load()
		time.Sleep(8 * time.Second)
		looks, requests = n.Ran(scripts.Mutex().Acquire)-looks, sent.requests.Load()-requests
		require.InDelta(t, 10*waiters, looks, waiters)
		require.LessOrEqual(t, int(requests), looks/90)
		require.LessOrEqual(t, int(delays.Load()-before), looks+waiters/10, "who has tries without limit wakes for its looks only")
		cancel()
		waiting.Wait()
	})
}

// A ticket never ends while its waiter waits, and lasts two seconds at most.
func TestQuietWaitersKeepTheirTickets(t *testing.T) {
	c := waitingCalls["mutex"]
	for _, expiry := range []time.Duration{time.Second, 8 * time.Second, 24 * time.Hour} {
		for _, delay := range []time.Duration{ms, 100 * ms, 5 * time.Second} {
			for _, way := range []time.Duration{ms / 2, 20 * ms, 300 * ms} {
				if slowest := time.Duration(float64(expiry) * DefaultTimeoutFactor); 2*way > slowest {
					continue
				}
				notifying(t, 3, func(b *bench) {
					for _, n := range b.nodes {
						n.Before, n.After = always(way), always(way)
					}
					b.heldBy(tokenOfOurs, 24*time.Hour)
					leave := b.waitsForEver(func(c *Config) { c.Expiry = expiry; c.SetRetryDelay(delay) })
					time.Sleep(7 * way)
					for range 300 {
						for _, left := range b.ticketsLeft(c) {
							require.Positive(t, left, "expiry %v, delay %v, way %v", expiry, delay, way)
							require.LessOrEqual(t, left, ticketLife+4*way, "expiry %v, delay %v, way %v", expiry, delay, way)
						}
						time.Sleep(37 * ms)
					}
					leave()
				})
			}
		}
	}
}

// A waiter gets its ticket before its process is subscribed, and another one of its process
// opens the subscription meanwhile. A notification in between is not missed.
func TestWaiterThatWasInLineBeforeItListensLooksAgain(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		n := b.nodes[0]
		holder := b.client(nil)
		b.lock(holder)
		n.Put("other", tokenOfOurs, time.Hour)
		n.Set(func() {
			n.After = func(call *driver.Call) time.Duration {
				if call.Keys()[0] == "name" && call.Script() == scripts.Mutex().Acquire {
					return 10 * ms
				}
				return ms / 2
			}
		})
		got := make(chan time.Duration, 1)
		start := time.Now()
		go func() {
			x := b.object(nil)
			b.lock(x)
			got <- time.Since(start)
			b.unlock(x)
		}()
		ctx, cancel := context.WithCancel(background)
		c := DefaultConfig()
		c.Unlimited = true
		other := begins(ctx, NewExclusive(b.engine.NewSpec(testProtocol, "other", c)).Lock)
		time.Sleep(5 * ms)
		require.Equal(t, 1, n.Subscriptions())
		b.unlock(holder) // it has its ticket on the node, and does not know it yet
		require.LessOrEqual(t, <-got, 25*ms)
		cancel()
		require.ErrorIs(t, <-other, context.Canceled)
		synctest.Wait()
	})
}

// Whatever stands in line is quiet where it will be notified.
func TestEveryKindOfWaiterIsQuiet(t *testing.T) {
	unlimited := func(c *Config) { c.Unlimited = true; c.SetRetryDelay(100 * ms) }
	reading := func(b *bench) *RW {
		x := b.rw(unlimited)
		require.NoError(b, x.Reader.Lock(background))
		time.Sleep(2 * joinWindow)
		return x
	}
	for name, c := range map[string]struct {
		asks  *scripts.Script
		waits func(b *bench) func(context.Context) error // behind another process
	}{
		"mutex": {scripts.Mutex().Acquire, func(b *bench) func(context.Context) error {
			b.heldBy(tokenOfOurs, time.Hour)
			return b.object(unlimited).Lock
		}},
		"writer behind a writer": {scripts.RWMutex().WriteAcquire, func(b *bench) func(context.Context) error {
			b.set(func(l *fakenode.RW) { l.Writer = fakenode.Key{Token: tokenOfOurs, Ends: time.Now().Add(time.Hour)} }, 0, 1, 2)
			return b.rw(unlimited).Writer.Lock
		}},
		"writer behind readers": {scripts.RWMutex().WriteAcquire, func(b *bench) func(context.Context) error {
			b.set(func(l *fakenode.RW) { l.Readers["theirs"] = time.Now().Add(time.Hour) }, 0, 1, 2)
			return b.rw(unlimited).Writer.Lock
		}},
		"reader behind a writer": {scripts.RWMutex().ReadAcquire, func(b *bench) func(context.Context) error {
			b.set(func(l *fakenode.RW) { l.Writer = fakenode.Key{Token: tokenOfOurs, Ends: time.Now().Add(time.Hour)} }, 0, 1, 2)
			return b.rw(unlimited).Reader.Lock
		}},
		"reader behind a writer that waits": {scripts.RWMutex().ReadAcquire, func(b *bench) func(context.Context) error {
			b.set(func(l *fakenode.RW) { theirReader(l); theirTicket(l) }, 0, 1, 2)
			return b.rw(unlimited).Reader.Lock
		}},
		"reader behind a writer that waits for its process": {scripts.RWMutex().ReadExtend, func(b *bench) func(context.Context) error {
			x := reading(b)
			b.set(theirTicket, 0, 1, 2)
			return x.Reader.Lock
		}},
		"permits": {scripts.Semaphore().Acquire, func(b *bench) func(context.Context) error {
			b.take(b.elsewhere().slots(1, func(c *Config) { c.Expiry = time.Hour }), 1)
			x := b.slots(1, unlimited)
			return func(ctx context.Context) error { _, err := x.Acquire(ctx, 1); return err }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			notifying(t, 3, func(b *bench) {
				ctx, cancel := context.WithCancel(background)
				waiting := begins(ctx, c.waits(b))
				time.Sleep(time.Second)
				before := b.nodes[0].Ran(c.asks)
				time.Sleep(50 * time.Second)
				assert.InDelta(t, 50/0.8, b.nodes[0].Ran(c.asks)-before, 6)
				cancel()
				require.ErrorIs(t, <-waiting, context.Canceled)
			})
		})
	}
}
