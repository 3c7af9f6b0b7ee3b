package rwmutex_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/rwmutex"
)

// outage is what nodes may suffer as a whole.
type outage struct {
	name    string
	ability redistest.Ability
	strike  func(n *redistest.Node, t testing.TB)
}

var outages = []outage{
	{"hung", redistest.CanPause, (*redistest.Node).Pause},
	{"killed", redistest.CanKill, (*redistest.Node).Kill},
}

// withOutages runs a test on n nodes for each client and each outage.
func withOutages(t *testing.T, n int, test func(t *testing.T, w *world, strike func(...int))) {
	for _, o := range outages {
		t.Run(o.name, func(t *testing.T) { o.on(t, n, test) })
	}
}

// on runs a test on n nodes for each client.
func (o outage) on(t *testing.T, n int, test func(t *testing.T, w *world, strike func(...int))) {
	redistest.Needs(t, o.ability)
	onNodes(t, n, func(t *testing.T, w *world) {
		test(t, w, func(which ...int) {
			for _, i := range which {
				o.strike(w.nodes[i], w.t)
			}
		})
	})
}

// requireNodeErrors checks that err names the nodes, each with a RedisError.
func requireNodeErrors(t *testing.T, err error, nodes ...int) {
	t.Helper()
	require.True(t, isA[*rwmutex.RedisError](err), "%v", err)
	require.True(t, isA[rwmutex.RedisError](err), "%v", err)
	for _, i := range nodes {
		assert.Regexp(t, fmt.Sprintf(`node #%d( \(\S+\))?: `, i), err.Error())
	}
}

// Clients as their libraries make them, which have never talked to any node.
func TestABadMinorityFromTheVeryFirstCall(t *testing.T) {
	withOutages(t, 5, func(t *testing.T, w *world, strike func(...int)) {
		strike(1, 3)
		w.requireInUse(w.rwmutex())
		w.awaitFree(w.nodes[0], w.nodes[2], w.nodes[4])
	})
}

// Clients whose connections break or fall silent.
func TestAMinorityThatTurnsBad(t *testing.T) {
	withOutages(t, 5, func(t *testing.T, w *world, strike func(...int)) {
		writer, reader := w.rwmutex(), w.on(w.factory())
		w.requireInUse(writer)
		settle(t) // else a node may still have the writer, and refuse
		require.NoError(t, reader.RLock())
		w.awaitReaders(1)
		strike(0, 4)
		within(t, bound, func() { requireYes(t, reader.RExtend) })
		within(t, bound, func() { require.NoError(t, reader.RLock()) })
		within(t, bound, func() { requireYes(t, reader.RUnlock) })
		within(t, bound, func() { requireYes(t, reader.RUnlock) })
		w.awaitFree(w.nodes[1:4]...) // the others are sent their releases again and again
		w.requireInUse(writer)
		w.requireInUse(reader)
		w.awaitFree(w.nodes[1:4]...)
	})
}

// requireInUse makes every call, none of which may wait for a bad node.
func (w *world) requireInUse(rw *rwmutex.RWMutex) {
	w.t.Helper()
	w.requireInUseWhen(rw, func() {})
}

// requireInUseWhen does so, with a pause on both sides of a TryLock that Downgrade
// follows. A bad node may count for the one and not for the other; the good ones must
// all have been won then.
func (w *world) requireInUseWhen(rw *rwmutex.RWMutex, ready func()) {
	w.t.Helper()
	for _, call := range []func(){
		func() { require.NoError(w.t, rw.Lock()) },
		func() { requireYes(w.t, rw.Extend) },
		func() { requireYes(w.t, rw.Valid) },
		func() { requireYes(w.t, rw.Unlock) },
		func() { require.NoError(w.t, rw.RLock()) },
		func() { requireYes(w.t, rw.RExtend) },
		func() { requireYes(w.t, rw.RUnlock) },
		ready,
		func() { require.NoError(w.t, rw.TryLock()) },
		ready,
		func() { require.NoError(w.t, rw.Downgrade(context.Background())) },
		func() { requireYes(w.t, rw.RUnlock) },
		func() { require.NoError(w.t, rw.TryRLock()) },
		func() { requireYes(w.t, rw.RUnlock) },
	} {
		within(w.t, bound, call)
	}
}

// warm leaves a connection to each node, which knows the scripts.
func (w *world) warm(f *rwmutex.Factory) {
	w.t.Helper()
	w.requireInUse(w.on(f))
	settle(w.t)
}

// A bad majority: every call ends in time, and says what was wrong with which node.
func TestABadMajority(t *testing.T) {
	withOutages(t, 5, func(t *testing.T, w *world, strike func(...int)) {
		f := w.factory()
		w.warm(f)
		writer := w.on(f, hasty)
		require.NoError(t, writer.Lock())
		w.awaitWriter(writer.Value())
		until := writer.Until()
		strike(0, 2, 4)
		for _, call := range []func() (bool, error){writer.Valid, writer.Extend, writer.Unlock} {
			within(t, expiry/2, func() { requireNodeErrors(t, requireNo(t, call), 0, 2, 4) })
		}
		assert.Equal(t, until, writer.Until())
		for _, lock := range []func() error{writer.TryLock, writer.TryRLock} {
			within(t, expiry/2, func() {
				err := lock()
				require.ErrorIs(t, err, rwmutex.ErrFailed)
				requireNodeErrors(t, err, 0, 2, 4)
				w.requireNamed(err)
				assert.False(t, isA[*rwmutex.ErrTaken](err), "the place was given back: %v", err)
			})
		}
		w.awaitFree(w.nodes[1], w.nodes[3])
	})
}

func TestReadersOfABadMajority(t *testing.T) {
	withOutages(t, 3, func(t *testing.T, w *world, strike func(...int)) {
		f := w.factory()
		w.warm(f)
		rw := w.on(f, hasty)
		require.NoError(t, rw.RLock())
		require.NoError(t, rw.RLock())
		w.awaitReaders(1)
		until := rw.RUntil()
		strike(0, 1)
		within(t, expiry/2, func() {
			err := requireNo(t, rw.RExtend)
			require.ErrorIs(t, err, rwmutex.ErrExtendFailed)
			requireNodeErrors(t, err, 0, 1)
		})
		assert.Equal(t, until, rw.RUntil())
		requireYes(t, rw.RUnlock) // goes by the clocks
		within(t, expiry/2, func() {
			err := requireNo(t, rw.RUnlock)
			requireNodeErrors(t, err, 0, 1)
			assert.NotErrorIs(t, err, rwmutex.ErrLockAlreadyExpired, "no node has said so")
		})
		w.awaitFree(w.nodes[2])
	})
}

// runlockInTheEnd gives a lease back, by as many calls as it takes for enough nodes to
// answer in time.
func runlockInTheEnd(t *testing.T, rw *rwmutex.RWMutex) {
	t.Helper()
	require.Eventually(t, func() bool {
		ok, err := rw.RUnlock()
		return ok || strings.Contains(err.Error(), "not held")
	}, patience, tick)
}

// RUnlock may be called again after nodes could not be reached.
func TestRUnlockAgainAfterAnOutage(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	onNodes(t, 3, func(t *testing.T, w *world) {
		f := w.factory()
		w.warm(f)
		rw := w.on(f, hasty)
		require.NoError(t, rw.RLock())
		w.awaitReaders(1)
		w.nodes[0].Pause(t)
		w.nodes[1].Pause(t)
		requireNodeErrors(t, requireNo(t, rw.RUnlock), 0, 1)
		w.nodes[0].Resume(t)
		w.nodes[1].Resume(t)
		runlockInTheEnd(t, rw) // false at once if the first one's requests were still run
		w.requireNotHeld(rw.RUnlock)
		w.awaitFree()
	})
}

func TestAMinorityRestartsEmpty(t *testing.T) {
	redistest.Needs(t, redistest.CanRestartEmpty)
	onNodes(t, 5, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		require.NoError(t, rw.RLock())
		w.awaitReaders(1)
		w.nodes[0].Restart(t)
		w.nodes[4].Restart(t)
		require.ErrorIs(t, w.rwmutex().TryLock(), rwmutex.ErrFailed)
		require.Eventually(t, func() bool {
			requireYes(t, rw.RExtend) // repairs what it can reach
			return w.live(w.nodes[0], "readers")+w.live(w.nodes[4], "readers") == 2
		}, patience, tick)
		requireYes(t, rw.RUnlock)
		w.requireSettled()
	})
}

func TestAMajorityRestartsEmpty(t *testing.T) {
	redistest.Needs(t, redistest.CanRestartEmpty)
	onNodes(t, 3, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		require.NoError(t, rw.RLock())
		w.awaitReaders(1)
		w.nodes[0].Restart(t)
		w.nodes[1].Restart(t)
		// The first answer of a client may be that its connection is gone.
		require.Eventually(t, func() bool {
			err := requireNo(t, rw.RExtend)
			return assert.ErrorIs(t, err, rwmutex.ErrExtendFailed) && !isA[*rwmutex.RedisError](err)
		}, patience, tick)
		assert.Zero(t, w.live(w.nodes[0], "readers")+w.live(w.nodes[1], "readers"), "a lost lease is not revived")
		assert.ErrorIs(t, requireNo(t, rw.RUnlock), rwmutex.ErrLockAlreadyExpired)
		w.requireSettled()
	})
}

// Replies that are lost leave open whether a lease was granted.
func TestLostReplies(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		f := w.factory()
		w.warm(f)
		rw := w.on(f, hasty)
		for _, try := range []func() error{rw.TryRLock, rw.TryLock} {
			var before []int64
			for _, n := range w.nodes[1:] {
				before = append(before, n.Proxy().DroppedReplies())
				n.Proxy().DropReplies(true)
			}
			err := try()
			require.ErrorIs(t, err, rwmutex.ErrFailed)
			requireNodeErrors(t, err, 1, 2)
			for i, n := range w.nodes[1:] {
				require.Eventually(t, func() bool { return n.Proxy().DroppedReplies() > before[i] }, patience, tick)
				n.Proxy().Heal()
			}
			w.awaitReleased(rw)
		}
	}, redistest.WithProxy())
}
