package mutex_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// patient waiters never poll while a test runs: they were notified of what they get.
var patientWaiter = []mutex.Option{mutex.WithUnlimitedTries(), mutex.WithRetryDelay(time.Hour)}

// wait locks in the background, and returns once so many wait on every node, of which the
// mutex is the last one.
func (w *world) wait(m *mutex.Mutex, waiters int) <-chan error {
	w.t.Helper()
	got := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	w.t.Cleanup(cancel)
	go func() { got <- m.LockContext(ctx) }()
	w.awaitQueue(waiters)
	w.awaitQuiet(waiters)
	return got
}

// awaitQuiet waits until so many processes have subscribed on every node, and have
// looked again since.
func (w *world) awaitQuiet(processes int) {
	w.t.Helper()
	looks, quiet := "", 0
	require.Eventually(w.t, func() bool {
		now := "" // a look renews the ticket
		for _, n := range w.nodes {
			channels, err := n.TryDo("PUBSUB", "CHANNELS", "holdfast:*")
			if err != nil || len(channels.([]any)) < processes {
				return false
			}
			now += fmt.Sprint(n.Do(w.t, "ZRANGE", w.queueKey(), 0, -1, "WITHSCORES"))
		}
		quiet++
		if now != looks {
			looks, quiet = now, 0
		}
		return quiet > 20
	}, patience, tick, "not every process has subscribed")
}

// awaitQueue waits until so many are in the queue on every node. Those that have taken the lock
// by a look of their own count until the next release.
func (w *world) awaitQueue(waiters int) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		for _, n := range w.nodes {
			if reply, err := n.TryDo("ZCOUNT", w.queueKey(), "-inf", "(0"); err != nil || reply != int64(waiters) {
				return false
			}
		}
		return true
	}, patience, tick, "not everybody is in the queue")
}

// queueKey is that of a plain name. It has two members for each waiter: one below 0 that says
// when it came, and its ticket above 0.
func (w *world) queueKey() string { return w.name + "{" + w.name + "}:mutex:queue" }

// awaitedKey is there as long as anybody may wait.
func (w *world) awaitedKey() string { return w.name + "{" + w.name + "}:mutex:awaited" }

// requireAwaitedEnds checks that awaited is not there, or ends by itself.
func (w *world) requireAwaitedEnds(n *redistest.Node) {
	w.t.Helper()
	left := n.Do(w.t, "PTTL", w.awaitedKey())
	require.NotEqualValues(w.t, -1, left, "awaited stays for ever")
	require.LessOrEqual(w.t, left, (8 * time.Second).Milliseconds())
}

func TestUnlockWakesTheWaiter(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a, b := w.mutex(), w.mutex(patientWaiter...)
		require.NoError(t, a.Lock())
		got := w.wait(b, 1)
		requireYes(t, a.Unlock)
		require.NoError(t, <-got)
		requireYes(t, b.Unlock)
		w.requireNothingWaits()
	})
}

// On one node only the first is notified of a release.
func TestWaitersGetTheLockInTheOrderInWhichTheyCame(t *testing.T) {
	onNodes(t, 1, func(t *testing.T, w *world) {
		held, waiters, got := w.queue(4)
		for i, m := range waiters {
			requireYes(t, held.Unlock)
			require.NoError(t, <-got[i])
			for _, later := range got[i+1:] {
				require.Empty(t, later)
			}
			if i < len(waiters)-1 {
				require.EqualValues(t, 1, w.nodes[0].Do(t, "EXISTS", w.awaitedKey()), "the next release finds no waiters")
			}
			held = m
		}
		requireYes(t, held.Unlock)
		w.requireNothingWaits()
		require.Zero(t, w.nodes[0].Do(t, "EXISTS", w.awaitedKey()), "the last release deletes it together with the lock")
	})
}

// On several nodes a waiter that a few of them have notified looks too, and may find the
// lock free before the first has come. All the same every waiter gets it, and none polls.
func TestEveryWaiterGetsTheLock(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		held, waiters, got := w.queue(4)
		served := make(chan int, len(waiters))
		for i := range waiters {
			go func() {
				assert.NoError(t, <-got[i])
				served <- i
			}()
		}
		for range waiters {
			require.Empty(t, served, "beside the holder")
			requireYes(t, held.Unlock)
			held = waiters[<-served]
		}
		requireYes(t, held.Unlock)
		w.requireNothingWaits()
	})
}

// queue has the lock held, and so many wait for it, one after the other.
func (w *world) queue(waiting int) (held *mutex.Mutex, waiters []*mutex.Mutex, got []<-chan error) {
	w.t.Helper()
	held = w.mutex()
	require.NoError(w.t, held.Lock())
	for i := range waiting {
		waiters = append(waiters, w.mutex(patientWaiter...))
		got = append(got, w.wait(waiters[i], i+1))
	}
	return held, waiters, got
}

// A client that cannot subscribe is not notified. It polls.
func TestWaiterWithoutSubscriptions(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f, _ := w.spied() // spies are no subscribers
		a, b := w.mutex(), w.on(f, mutex.WithUnlimitedTries(), mutex.WithRetryDelay(5*time.Millisecond))
		require.NoError(t, a.Lock())
		got := make(chan error, 1)
		go func() { got <- b.Lock() }()
		w.awaitQueue(1)
		requireYes(t, a.Unlock)
		require.NoError(t, <-got)
		requireYes(t, b.Unlock)
		w.requireNothingWaits()
	})
}

func TestWaiterThatGivesUpLeavesTheQueue(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a, b, c := w.mutex(), w.mutex(patientWaiter...), w.mutex(patientWaiter...)
		require.NoError(t, a.Lock())
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		given := make(chan error, 1)
		go func() { given <- b.LockContext(ctx) }()
		w.awaitQueue(1)
		got := w.wait(c, 2)
		cancel()
		require.ErrorIs(t, <-given, context.Canceled)
		w.awaitQueue(1)
		requireYes(t, a.Unlock)
		require.NoError(t, <-got)
		requireYes(t, c.Unlock)
		w.requireNothingWaits()
	})
}

// Subscriptions are cut again and again while a crowd waits. A waiter that misses its
// message looks again when it has subscribed anew, or at its next retry delay.
func TestCrowdWhoseSubscriptionsAreCut(t *testing.T) {
	redistest.Needs(t, redistest.CanKillClients)
	for _, n := range []int{1, 3} {
		w := newWorld(t, clients[0], redistest.Start(t, n))
		c := gather(t, w.name, w.nodes, 3, 1, hasty)
		over, cut := make(chan struct{}), 0
		var cutter sync.WaitGroup
		cutter.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
				}
				killed, err := w.nodes[i%n].TryDo("CLIENT", "KILL", "TYPE", "pubsub")
				assert.NoError(t, err)
				cut += int(killed.(int64))
			}
		})
		c.disperse()
		close(over)
		cutter.Wait()
		require.Positive(t, cut, "no subscription was cut")
		w.requireNothingWaits()
	}
}

// Goroutines of one process pass the lock on among themselves, and yet those of
// another get their turn, also when they were never in the queue.
func TestCrowdGivesWay(t *testing.T) {
	for _, n := range []int{1, 3} {
		w := newWorld(t, clients[0], redistest.Start(t, n))
		shared, stop := w.mutex(mutex.WithUnlimitedTries()), make(chan struct{})
		var loop sync.WaitGroup
		for range 8 {
			loop.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if assert.NoError(t, shared.Lock()) {
						requireYes(t, shared.Unlock)
					}
				}
			})
		}
		waiter := w.mutex(patientWaiter...)
		for range 10 {
			require.NoError(t, waiter.Lock(), "in the queue")
			requireYes(t, waiter.Unlock)
		}
		close(stop)
		loop.Wait()
		w.requireNothingWaits()
	}
}

// requireNothingWaits waits until nothing goes on in the background, and checks that no key,
// subscription or goroutine is left, but for awaited, which ends by itself: a waiter that has
// withdrawn after the last release of a node has left it there.
func (w *world) requireNothingWaits() {
	w.t.Helper()
	w.requireSettled()
	for i, n := range w.nodes {
		require.Zero(w.t, n.Do(w.t, "EXISTS", w.queueKey()), "the queue was left behind on node %d", i)
		w.requireAwaitedEnds(n)
		require.Eventually(w.t, func() bool {
			channels, err := n.TryDo("PUBSUB", "CHANNELS", "holdfast:*")
			return err == nil && len(channels.([]any)) == 0
		}, patience, tick, "a subscription was left behind on node %d", i)
	}
}
