package redlock

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

func TestGoroutinesOfOneObjectAreServedInOrder(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		asked := b.nodes[0].Ran(scripts.Mutex().Acquire)
		var order []int
		var done sync.WaitGroup
		for i := range 20 {
			done.Go(func() {
				b.lock(x)
				order = append(order, i) // guarded by the lock under test
				b.unlock(x)
			})
			synctest.Wait() // it is in line
		}
		require.Equal(t, asked, b.nodes[0].Ran(scripts.Mutex().Acquire), "those in line do not ask")
		b.unlock(x)
		done.Wait()
		for i, got := range order {
			require.Equal(t, i, got)
		}
		require.Len(t, order, 20)
	})
}

func TestQueuedTriesRunOutAsIfTheyHadPolled(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(func(c *Config) { c.Tries = 5 })
		b.lock(x) // and is never unlocked
		start := time.Now()
		err := x.Lock(context.Background())
		require.Equal(t, 400*ms, time.Since(start))
		require.ErrorIs(t, err, ErrFailed)
		var taken *ErrTaken
		require.ErrorAs(t, err, &taken)
		require.Empty(t, taken.Nodes, "no node was asked")
		require.Equal(t, 1, b.nodes[0].Ran(scripts.Mutex().Acquire))
	})
}

func TestTriesUsedUpInLineAreNotMadeAgain(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(func(c *Config) { c.Tries = 5 })
		b.lock(x)
		time.AfterFunc(250*ms, func() {
			b.nodes[0].Put("name", "theirs", time.Minute)
			_, err := x.Unlock(context.Background())
			require.Error(t, err)
		})
		start := time.Now()
		require.ErrorIs(t, x.Lock(context.Background()), ErrFailed)
		require.Equal(t, 400*ms, time.Since(start), "as if it had polled from the start")
		require.Equal(t, 1+3, b.nodes[0].Ran(scripts.Mutex().Acquire), "let in at 250ms, then at 300 and 400ms")
	})
}

func TestTryLockOfAHeldObjectAsksNoNode(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(nil)
		b.lock(x)
		start := time.Now()
		var taken *ErrTaken
		require.ErrorAs(t, x.TryLock(context.Background()), &taken)
		require.Zero(t, time.Since(start))
		require.Equal(t, 1, b.nodes[0].Ran(scripts.Mutex().Acquire))
		b.unlock(x)
		require.NoError(t, x.TryLock(context.Background()))
		b.unlock(x)
	})
}

func TestCancelledWaiterLeavesTheLine(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(nil)
		b.lock(x)
		ctx, cancel := context.WithCancel(context.Background())
		var got []string
		var done sync.WaitGroup
		done.Go(func() {
			require.ErrorIs(t, x.Lock(ctx), context.Canceled)
		})
		synctest.Wait()
		done.Go(func() {
			b.lock(x)
			got = append(got, "second")
			b.unlock(x)
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		b.unlock(x)
		done.Wait()
		require.Equal(t, []string{"second"}, got)
	})
}

// The place and the cancellation come at the same moment, in either order: the
// place must never get lost.
func TestPlaceIsNotLostToACancelledWaiter(t *testing.T) {
	for range 200 {
		bubble(t, 1, func(b *bench) {
			x := b.object(nil)
			b.lock(x)
			ctx, cancel := context.WithCancel(context.Background())
			var done sync.WaitGroup
			done.Go(func() {
				if x.Lock(ctx) == nil {
					b.unlock(x)
				}
			})
			synctest.Wait()
			done.Go(cancel)
			done.Go(func() { b.unlock(x) })
			done.Wait()
			b.holders() // what the cancelled one may have got is given back
			require.NoError(t, x.TryLock(context.Background()))
			b.unlock(x)
		})
	}
}

func TestExpiredLeaseKeepsItsPlaceUntilItsOwnUnlock(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(func(c *Config) { c.Expiry, c.Tries = time.Second, 200 })
		b.lock(x)
		value, until := x.Value(), x.Until()
		locked := make(chan struct{})
		go func() {
			b.lock(x)
			close(locked)
		}()
		time.Sleep(5 * time.Second)
		select {
		case <-locked:
			t.Fatal("the next goroutine got in before the Unlock")
		default:
		}
		require.Equal(t, value, x.Value())
		require.Equal(t, until, x.Until())
		ok, err := x.Unlock(context.Background())
		require.False(t, ok)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		<-locked
		require.NotEqual(t, value, x.Value())
		b.unlock(x)
	})
}

func TestUnlockWithoutALease(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		for range 2 {
			ok, err := x.Unlock(context.Background())
			require.False(t, ok)
			require.ErrorIs(t, err, ErrLockAlreadyExpired)
			require.ErrorIs(t, err, errNotHeld)
			require.Zero(t, b.nodes[0].Ran(scripts.Mutex().Release))
		}
		b.lockAll(x)
		b.unlock(x)
		synctest.Wait()
		_, err := x.Unlock(context.Background())
		require.ErrorIs(t, err, errNotHeld)
		require.Equal(t, 1, b.nodes[0].Ran(scripts.Mutex().Release))
	})
}

func TestUnlockAfterAnotherHasTakenIt(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		for _, n := range b.nodes {
			n.Put("name", "theirs", time.Minute)
		}
		_, err := x.Unlock(context.Background())
		var taken *ErrTaken
		require.ErrorAs(t, err, &taken)
		require.Equal(t, []string{"theirs", "theirs", "theirs"}, b.holders())
	})
}

func TestTwoUnlocksAtOnceReleaseOnce(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.Before = always(10 * ms)
		}
		x := b.object(nil)
		b.lock(x)
		waiting := make(chan error)
		go func() { waiting <- x.Lock(context.Background()) }()
		time.Sleep(2 * maxTenure) // so that the nodes are asked, and both come while they are
		results := make(chan bool, 2)
		for range 2 {
			go func() {
				ok, _ := x.Unlock(context.Background())
				results <- ok
			}()
		}
		require.NotEqual(t, <-results, <-results)
		require.NoError(t, <-waiting)
		b.unlock(x)
		time.Sleep(time.Second)
		b.nothingLeft()
	})
}

// A node that could not be reached when the lock was taken says nothing about
// its expiry when it is released.
func TestUnlockWithoutAMajorityIsNoExpiry(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		down := errors.New("fake: down")
		refuse := func(*driver.Call) error {
			return &net.OpError{Op: "dial", Err: down}
		}
		b.nodes[0].Fault = refuse
		x := b.object(nil)
		b.lockAll(x)
		b.nodes[1].Set(func() { b.nodes[1].Fault = refuse })
		_, err := x.Unlock(context.Background())
		require.ErrorContains(t, err, `test: "name": failed to release lock: node #0: never granted it; node #1: dial: fake: down`)
		require.NotErrorIs(t, err, ErrLockAlreadyExpired)
		require.Equal(t, []string{"", x.Value(), ""}, b.holders())
		require.Equal(t, 0, b.nodes[0].Ran(scripts.Mutex().Release), "nothing was sent there, so nothing is released")
	})
}

func TestClientsOwnTimeoutDoesNotPassForTheCallers(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		for _, cause := range []error{context.DeadlineExceeded, context.Canceled} {
			b.nodes[0].Set(func() {
				b.nodes[0].Fault = func(*driver.Call) error { return &net.OpError{Op: "dial", Err: cause} }
			})
			err := b.object(nil).TryLock(context.Background())
			require.NotErrorIs(t, err, cause)
			require.ErrorContains(t, err, cause.Error())
		}
	})
}
