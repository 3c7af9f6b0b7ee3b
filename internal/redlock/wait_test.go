package redlock

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/internal/redlock/notify"
	"github.com/holdfast-go/holdfast/scripts"
)

// notifying runs a test over nodes that can notify their waiters. A call takes 1ms,
// half of it on the way there.
func notifying(t *testing.T, n int, test func(b *bench)) {
	t.Helper()
	bubble(t, n, func(b *bench) {
		for _, node := range b.nodes {
			node.NoSubscriptions = false
			node.Before, node.After = always(ms/2), always(ms/2)
		}
		test(b)
	})
}

// client makes an object of a process of its own.
func (b *bench) client(change func(*Config)) *Exclusive {
	return b.elsewhere().object(change)
}

// lockLater locks in the background, and waits until it is in line and subscribed
// everywhere. It returns when the lock was got.
func (b *bench) lockLater(x *Exclusive) <-chan time.Time {
	got := make(chan time.Time, 1)
	go func() {
		require.NoError(b, x.Lock(context.Background()))
		got <- time.Now()
	}()
	time.Sleep(20 * ms)
	return got
}

// nothingWaits checks that no ticket, subscription or key is left, once what
// lingers has gone.
func (b *bench) nothingWaits() {
	b.Helper()
	time.Sleep(time.Second)
	for i, n := range b.nodes {
		require.Zero(b, n.Waiting(), "node %d", i)
		require.Zero(b, n.Subscriptions(), "node %d", i)
	}
	b.nothingLeft()
}

func TestReleaseWakesTheFirstInLine(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		notifying(t, n, func(b *bench) {
			holder, first, second := b.client(nil), b.client(nil), b.client(nil)
			b.lock(holder)
			one, two := b.lockLater(first), b.lockLater(second)
			start := time.Now()
			b.unlock(holder)
			require.Equal(t, start.Add(ms/2+ms), <-one, "the release's way there, and one round trip")
			start = time.Now()
			b.unlock(first)
			require.Equal(t, start.Add(ms/2+ms), <-two)
			b.unlock(second)
			b.nothingWaits()
		})
	}
}

// The lock is free, and a waiter of another process that is in line has not come yet.
func TestNewcomersDoNotPassThoseInLine(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.NoSubscriptions = true
			n.Lines["name"] = []fakenode.Ticket{{ID: "another|1", Ends: time.Now().Add(time.Minute), Look: 0}}
		}
		newcomer := b.client(nil)
		start := time.Now()
		b.lock(newcomer)
		require.Equal(t, 100*ms+2*ms, time.Since(start), "its second try, when it was in line itself")
		b.unlock(newcomer)
		for _, n := range b.nodes {
			n.Set(func() { n.Dequeue("name", "another|1") })
		}
		b.nothingWaits()
	})
}

// A try that does not wait may have what is free: it never stood in line.
func TestTryMayHaveWhatIsFree(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		b.nodes[0].LosesMessages = true
		holder, waiter := b.client(nil), b.client(nil)
		b.lock(holder)
		got := b.lockLater(waiter)
		b.unlock(holder)
		require.NoError(t, holder.TryLock(context.Background()))
		b.unlock(holder)
		<-got
		b.unlock(waiter)
		b.nothingWaits()
	})
}

func TestLostMessageCostsOneLook(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.LosesMessages = true
		}
		holder, waiter := b.client(nil), b.client(nil)
		b.lock(holder)
		start := time.Now()
		got := b.lockLater(waiter)
		b.unlock(holder)
		require.Less(t, (<-got).Sub(start), DefaultExpiry/looksAnExpiry+5*ms)
		b.unlock(waiter)
		b.nothingWaits()
	})
}

// A waiter whose subscription broke may have missed its message, so it looks
// when it is subscribed again.
func TestBrokenSubscriptionIsOpenedAgain(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		node := b.nodes[0]
		long := func(c *Config) { c.SetRetryDelay(time.Hour) }
		holder, waiter := b.client(nil), b.client(long)
		b.lock(holder)
		got := b.lockLater(waiter)
		node.Set(func() { node.LosesMessages = true })
		b.unlock(holder)
		synctest.Wait()
		node.BreakSubscriptions()
		start := time.Now()
		require.Less(t, (<-got).Sub(start), 2*notify.MinPause)
		node.Set(func() { node.LosesMessages = false })
		b.unlock(waiter)
		b.nothingWaits()
	})
}

func TestDeadWaiterCostsOneRetryDelay(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		b.nodes[0].Lines["name"] = []fakenode.Ticket{{ID: "nobody|1", Ends: time.Now().Add(time.Minute), Look: 0}}
		holder, waiter := b.client(nil), b.client(nil)
		b.nodes[0].Put("name", "gone", 50*ms)
		got := b.lockLater(waiter) // refused, and in line after the dead one
		start := time.Now()
		time.Sleep(50 * ms)
		_, _ = holder, start
		require.Less(t, (<-got).Sub(start), 100*ms+ms)
		b.unlock(waiter)
		b.nodes[0].Set(func() { b.nodes[0].Dequeue("name", "nobody|1") })
		b.nothingWaits()
	})
}

// The message to a waiter that gives up goes on to the next.
func TestWaiterThatGivesUpWakesTheNext(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		long := func(c *Config) { c.SetRetryDelay(time.Hour) }
		holder, first, second := b.client(nil), b.client(long), b.client(long)
		b.lock(holder)
		ctx, cancel := context.WithCancel(context.Background())
		given := make(chan error, 1)
		go func() { given <- first.Lock(ctx) }()
		time.Sleep(20 * ms)
		got := b.lockLater(second)
		b.nodes[0].Set(func() { // the first one's try after the message hangs
			b.nodes[0].Before = func(call *driver.Call) time.Duration {
				if call.Script() == scripts.Mutex().Acquire {
					b.nodes[0].Before = always(ms / 2)
					return 100 * ms
				}
				return ms / 2
			}
		})
		b.unlock(holder)
		cancel()
		require.ErrorIs(t, <-given, context.Canceled)
		<-got
		b.unlock(second)
		b.nothingWaits()
	})
}

// Being woken is no try: a waiter that is notified in vain again and again gives up
// when it would have if it had only polled.
func TestWakeUpIsNoTry(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		node := b.nodes[0]
		node.Put("name", "theirs", time.Hour)
		x := b.client(func(c *Config) { c.Tries = 5 })
		over := make(chan struct{})
		go func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(3 * ms):
					node.Mu.Lock()
					node.GrantFirst([]any{"name"}, "")
					node.Mu.Unlock()
				}
			}
		}()
		start := time.Now()
		err := x.Lock(context.Background())
		close(over)
		require.ErrorIs(t, err, ErrFailed)
		require.Equal(t, 4*100*ms+5*ms, time.Since(start), "five tries of 1ms, and the delays between")
		require.Greater(t, node.Ran(scripts.Mutex().Acquire), 50)
		node.Set(func() { delete(node.Keys, "name") })
		b.nothingWaits()
	})
}

// Nodes whose lines begin with different waiters: the message of one is acted
// on after a while, and none waits for a retry delay.
func TestDifferentLinesResolve(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		long := func(c *Config) { c.SetRetryDelay(time.Hour) }
		holder := b.client(nil)
		waiters := []*Exclusive{b.client(long), b.client(long), b.client(long)}
		b.lock(holder)
		done := make(chan int, 3)
		for i, x := range waiters {
			go func() {
				require.NoError(t, x.Lock(context.Background()))
				time.Sleep(ms)
				b.unlock(x)
				done <- i
			}()
		}
		time.Sleep(20 * ms)
		for i, n := range b.nodes { // each node begins with another one
			n.Set(func() {
				line := n.Lines["name"]
				n.Lines["name"] = append(append([]fakenode.Ticket(nil), line[i:]...), line[:i]...)
			})
		}
		start := time.Now()
		b.unlock(holder)
		for range waiters {
			<-done
		}
		require.Less(t, time.Since(start), time.Second)
		b.nothingWaits()
	})
}

// A crowd over nodes with random delays, whose messages are lost and whose
// subscriptions break now and then: at most one inside, all get in, and
// nothing is left.
func TestCrowdInLine(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		for seed := range seedsBelow(60) {
			notifying(t, n, func(b *bench) { b.crowdInLine(seed) })
		}
	}
}

func (b *bench) crowdInLine(seed uint64) {
	random := rand.New(rand.NewPCG(seed, uint64(len(b.nodes))))
	var guard sync.Mutex
	draw := func(below time.Duration) time.Duration {
		guard.Lock()
		defer guard.Unlock()
		return time.Duration(random.Int64N(int64(below)))
	}
	for _, node := range b.nodes {
		node.Before = func(*driver.Call) time.Duration { return draw(2 * ms) }
		node.After = func(*driver.Call) time.Duration { return draw(2 * ms) }
	}
	var inside atomic.Int32
	var clients sync.WaitGroup
	for range 4 {
		x := b.client(func(c *Config) { c.Unlimited = true })
		for range 3 {
			clients.Go(func() {
				for range 10 {
					require.NoError(b, x.Lock(context.Background()), "seed %d", seed)
					require.EqualValues(b, 1, inside.Add(1), "seed %d", seed)
					time.Sleep(draw(3 * ms))
					inside.Add(-1)
					b.unlock(x)
				}
			})
		}
	}
	over := make(chan struct{})
	var faults sync.WaitGroup
	faults.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-over:
				return
			case <-time.After(draw(200 * ms)):
				node := b.nodes[i%len(b.nodes)]
				node.Mu.Lock()
				node.LosesMessages = i%2 == 0
				node.Mu.Unlock()
				if i%3 == 0 {
					node.BreakSubscriptions()
				}
			}
		}
	})
	clients.Wait()
	close(over)
	faults.Wait()
	for _, node := range b.nodes {
		node.Set(func() { node.LosesMessages = false })
	}
	b.nothingWaits()
}
