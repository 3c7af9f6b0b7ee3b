package mutex_test

import (
	"context"
	"fmt"
	"strings"
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

// wait locks in the background, and returns once the mutex is in line on every
// node.
func (w *world) wait(m *mutex.Mutex, place int) <-chan error {
	w.t.Helper()
	got := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	w.t.Cleanup(cancel)
	go func() { got <- m.LockContext(ctx) }()
	w.awaitLine(place)
	w.awaitQuiet(place)
	return got
}

// awaitQuiet waits until so many processes have subscribed on every node, and have
// looked again since.
func (w *world) awaitQuiet(processes int) {
	w.t.Helper()
	looks, quiet := "", 0
	require.Eventually(w.t, func() bool {
		now := "" // a look renews the place
		for _, n := range w.nodes {
			channels, err := n.TryDo("PUBSUB", "CHANNELS", "holdfast:*")
			if err != nil || len(channels.([]any)) < processes {
				return false
			}
			now += fmt.Sprint(n.Do(w.t, "ZRANGE", w.waitersKey(), 0, -1, "WITHSCORES"))
		}
		quiet++
		if now != looks {
			looks, quiet = now, 0
		}
		return quiet > 20
	}, patience, tick, "not every process has subscribed")
}

// awaitLine waits until so many are in line on every node.
func (w *world) awaitLine(waiters int) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		for _, n := range w.nodes {
			if reply, err := n.TryDo("ZCARD", w.lineKey()); err != nil || reply != int64(waiters) {
				return false
			}
		}
		return true
	}, patience, tick, "not everybody is in line")
}

// lineKey is that of a plain name.
func (w *world) lineKey() string { return w.name + "{" + w.name + "}:mutex:line" }

func (w *world) waitersKey() string { return strings.TrimSuffix(w.lineKey(), "line") + "waiters" }

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
			held = m
		}
		requireYes(t, held.Unlock)
		w.requireNothingWaits()
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
		w.awaitLine(1)
		requireYes(t, a.Unlock)
		require.NoError(t, <-got)
		requireYes(t, b.Unlock)
		w.requireNothingWaits()
	})
}

func TestWaiterThatGivesUpLeavesTheLine(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a, b, c := w.mutex(), w.mutex(patientWaiter...), w.mutex(patientWaiter...)
		require.NoError(t, a.Lock())
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		given := make(chan error, 1)
		go func() { given <- b.LockContext(ctx) }()
		w.awaitLine(1)
		got := w.wait(c, 2)
		cancel()
		require.ErrorIs(t, <-given, context.Canceled)
		w.awaitLine(1)
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
// another get their turn, also when they were never in line.
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
			require.NoError(t, waiter.Lock(), "in line")
			requireYes(t, waiter.Unlock)
		}
		close(stop)
		loop.Wait()
		w.requireNothingWaits()
	}
}

// requireNothingWaits waits until nothing goes on in the background, and checks
// that no key, subscription or goroutine is left.
func (w *world) requireNothingWaits() {
	w.t.Helper()
	w.requireSettled()
	for i, n := range w.nodes {
		for _, key := range []string{w.lineKey(), w.waitersKey()} {
			require.Zero(w.t, n.Do(w.t, "EXISTS", key), "%s was left behind on node %d", key, i)
		}
		require.Eventually(w.t, func() bool {
			channels, err := n.TryDo("PUBSUB", "CHANNELS", "holdfast:*")
			return err == nil && len(channels.([]any)) == 0
		}, patience, tick, "a subscription was left behind on node %d", i)
	}
}
