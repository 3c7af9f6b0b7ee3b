package notify

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/faketime"
)

// isWoken reports whether the waiter was woken since it last waited.
func isWoken(w *Waiter) bool {
	synctest.Wait()
	select {
	case <-w.Woken():
		return true
	default:
		return false
	}
}

// joined is a new waiter that has joined, and waited until the subscriptions are open.
func joined(n *Notifier) *Waiter {
	w := n.NewWaiter("")
	n.Join(w)
	synctest.Wait()
	w.Reset()
	return w
}

func TestSubscriptionsEndSoonAfterTheLastWaiter(t *testing.T) {
	bubble(t, 3, func(t *testing.T, n *Notifier, nodes []*fakeNode) {
		requireOpen := func(want bool) {
			t.Helper()
			synctest.Wait()
			require.Equal(t, want, n.Active())
			for i, node := range nodes {
				require.Equal(t, map[bool]int{true: 1}[want], node.open())
				require.Equal(t, want, n.Subscribed(i))
			}
		}
		first, second := n.NewWaiter(""), n.NewWaiter("")
		requireOpen(false)
		n.Join(first)
		n.Join(second)
		requireOpen(true)
		n.Leave(first)
		time.Sleep(2 * linger)
		requireOpen(true)
		n.Leave(second)
		time.Sleep(linger / 2)
		requireOpen(true)
		n.Join(first)
		n.close() // as when the timer has just ended
		time.Sleep(2 * linger)
		requireOpen(true)
		n.Leave(first)
		n.Leave(first) // it is no other's
		time.Sleep(linger)
		requireOpen(false)
		require.Empty(t, nodes[0].pauses(), "it was opened once")
		n.Join(first)
		requireOpen(true)
		n.Leave(first)
	})
}

func TestWaitersAreCountedByNode(t *testing.T) {
	bubble(t, 3, func(t *testing.T, n *Notifier, nodes []*fakeNode) {
		one, two := joined(n), joined(n)
		one.Reset()
		require.False(t, isWoken(one))
		nodes[0].publish(one.ID())
		require.Equal(t, 1, one.Notified())
		require.True(t, isWoken(one))
		require.Zero(t, two.Notified())
		require.False(t, isWoken(two))
		nodes[0].publish(one.ID())
		require.Equal(t, 1, one.Notified(), "by the same node")
		nodes[2].publish("unknown " + two.ID() + " " + one.ID())
		require.Equal(t, 2, one.Notified())
		require.Equal(t, 1, two.Notified())
		one.Reset()
		require.Zero(t, one.Notified())
		require.False(t, isWoken(one), "what was before is forgotten")
		n.Leave(one)
		nodes[1].publish(one.ID() + " " + two.ID())
		require.Zero(t, one.Notified(), "it has left")
		require.Equal(t, 2, two.Notified())
		n.Leave(two)
	})
}

// A release may have published a waiter's id before the subscription was open.
func TestWaitersAskWhenASubscriptionOpens(t *testing.T) {
	bubble(t, 3, func(t *testing.T, n *Notifier, nodes []*fakeNode) {
		nodes[1].refuse(errBroken)
		first := n.NewWaiter("")
		n.Join(first)
		synctest.Wait()
		require.Equal(t, 2, first.Notified())
		second := joined(n)
		require.Zero(t, second.Notified(), "it is not in line yet")
		late := n.NewWaiter("")
		n.JoinLate(late)
		require.Equal(t, 2, late.Notified(), "it was in line when nothing was received for it")
		for _, w := range []*Waiter{first, second, late} {
			w.Reset()
		}
		nodes[1].refuse(nil)
		time.Sleep(MaxPause)
		for _, w := range []*Waiter{first, second, late} {
			require.True(t, isWoken(w))
			require.Equal(t, 1, w.Notified())
			n.Leave(w)
		}
	})
}

func TestWaitersAreWokenWhenASubscriptionBreaks(t *testing.T) {
	bubble(t, 2, func(t *testing.T, n *Notifier, nodes []*fakeNode) {
		w := joined(n)
		nodes[1].refuse(errBroken)
		nodes[1].breaks()
		require.True(t, isWoken(w))
		require.Zero(t, w.Notified(), "by no node")
		require.True(t, n.Subscribed(0))
		require.False(t, n.Subscribed(1))
		nodes[1].refuse(nil)
		time.Sleep(3 * MinPause)
		require.True(t, isWoken(w))
		require.Equal(t, 1, w.Notified(), "once it is open again")
		require.True(t, n.Subscribed(1))
		n.Leave(w)
	})
}

// A node that refuses is asked again after pauses that grow, and one that will never let
// a client subscribe is not.
func TestPausesBetweenAttempts(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		refusal error
		within  time.Duration
		pauses  []time.Duration
	}{
		"broken": {errBroken, 25 * time.Second, []time.Duration{
			50 * ms, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, MaxPause, MaxPause, MaxPause,
		}},
		"no permission": {&driver.ReplyError{Err: errBroken}, 11 * time.Second, []time.Duration{MaxPause, MaxPause}},
		"never":         {driver.ErrNoSubscribe, time.Hour, nil},
	} {
		bubble(t, 1, func(t *testing.T, n *Notifier, nodes []*fakeNode) {
			nodes[0].refuse(c.refusal)
			w := joined(n)
			time.Sleep(c.within)
			require.Equal(t, c.pauses, nodes[0].pauses(), name)
			require.False(t, n.Subscribed(0))
			n.Leave(w)
		})
	}
}

// After a connection that was open the pauses begin anew.
func TestPausesBeginAnew(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Notifier, nodes []*fakeNode) {
		nodes[0].refuse(errBroken)
		w := joined(n)
		time.Sleep(30 * time.Second)
		nodes[0].refuse(nil)
		time.Sleep(MaxPause)
		nodes[0].breaks()
		require.True(t, isWoken(w))
		time.Sleep(MinPause)
		require.Equal(t, 1, nodes[0].open())
		n.Leave(w)
	})
}

// A driver may take longer than the waiters are there.
func TestConnectionThatOpensTooLateIsClosed(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Notifier, nodes []*fakeNode) {
		nodes[0].slow = 10 * linger
		w := joined(n)
		require.True(t, n.Active())
		require.False(t, n.Subscribed(0))
		n.Leave(w)
		time.Sleep(10 * linger)
		require.Zero(t, nodes[0].open())
		require.False(t, n.Subscribed(0))
		require.Len(t, nodes[0].asked, 1)
	})
}

func TestNodeWhoseDriverCannotSubscribe(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		n := New(mute{})
		w := n.NewWaiter("")
		n.JoinLate(w)
		require.True(t, n.Active())
		require.False(t, n.Subscribed(0))
		require.Zero(t, w.Notified())
		n.Leave(w)
		time.Sleep(linger)
	})
}

func TestIDs(t *testing.T) {
	n, other := New(), New()
	a, b, c := n.NewWaiter(":w"), n.NewWaiter(""), other.NewWaiter("")
	channel, number, _ := strings.Cut(a.ID(), "|")
	require.Equal(t, "1:w", number)
	require.Equal(t, channel+"|2", b.ID())
	require.False(t, strings.HasPrefix(c.ID(), channel), "another process has another channel")
}

// pryingError calls back when it is looked at.
type pryingError struct{ call func() }

func (e pryingError) Error() string { e.call(); return "prying" }
func (e pryingError) Is(error) bool { e.call(); return false }
func (e pryingError) As(any) bool   { e.call(); return false }

// Drivers are others' code, which may take its time, or come back.
func TestDriversAreCalledWithoutTheLock(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Notifier, nodes []*fakeNode) {
		var calls atomic.Int32
		call := func() {
			calls.Add(1)
			for range 1_000_000 {
				if n.mu.TryLock() {
					n.mu.Unlock()
					return
				}
				runtime.Gosched()
			}
			t.Error("a driver was called with the lock held")
		}
		nodes[0].call = call
		nodes[0].refuse(pryingError{call})
		w := joined(n)
		time.Sleep(MinPause)
		nodes[0].refuse(nil)
		time.Sleep(2 * MinPause)
		nodes[0].publish(w.ID())
		require.Equal(t, 1, w.Notified())
		n.Leave(w)
		time.Sleep(linger)
		synctest.Wait()
		require.Greater(t, calls.Load(), int32(3+2+1), "subscriptions, messages, the end, and errors")
	})
}

// A waiter that joins late in the moment in which its subscription opens is notified of
// that once: each time it asks the nodes.
func TestAnOpeningIsNotifiedOnce(t *testing.T) {
	for range 300 {
		bubble(t, 1, func(t *testing.T, notifier *Notifier, _ []*fakeNode) {
			w := notifier.NewWaiter("")
			w.ready()
			var woken atomic.Int32
			over := make(chan struct{})
			go func() {
				for {
					select {
					case <-w.Woken():
						w.Reset()
						woken.Add(1)
					case <-over:
						return
					}
				}
			}()
			notifier.JoinLate(w)
			synctest.Wait()
			require.EqualValues(t, 1, woken.Load())
			close(over)
			notifier.Leave(w)
		})
	}
}

// A grant wakes as a notification does, and says more.
func TestGrantsAreReceived(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Notifier, nodes []*fakeNode) {
		w := n.NewWaiter("|8000|token@a=b")
		n.Join(w)
		synctest.Wait()
		w.Reset()
		for message, want := range map[string]Grant{"=7": {Look: 7}, "=0:1700000000000123": {Detail: "1700000000000123"}, "=5:0-2,7": {Look: 5, Detail: "0-2,7"}} {
			nodes[0].publish(w.ID() + message)
			require.True(t, isWoken(w))
			require.Equal(t, 1, w.Notified())
			got, ok := w.Granted()
			require.True(t, ok)
			require.Equal(t, want, got)
			w.Reset()
			_, ok = w.Granted()
			require.False(t, ok, "it was before")
		}
		for _, message := range []string{"", "=", "=x", "=:1", "=-", "=99999999999999999999"} {
			nodes[0].publish(w.ID() + message)
			_, ok := w.Granted()
			require.False(t, ok, message)
		}
		w.Reset()
		refused := 0
		w.Refuse(func() { refused++ })
		nodes[0].publish(w.ID() + "=1")
		require.Equal(t, 1, refused)
		require.False(t, isWoken(w))
		n.Leave(w)
	})
}
