package mutex_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/scripts"
)

// hasty bounds a call to a node to 300ms, a small part of expiry: for tests that
// have to wait for silent nodes. A machine that stalls makes good nodes silent too: what
// they have to answer at the first go is asked for without it.
var hasty = mutex.WithTimeoutFactor(float64(300*time.Millisecond) / float64(expiry))

// outage is what nodes may suffer as a whole.
type outage struct {
	name    string
	ability redistest.Ability
	strike  func(n *redistest.Node, t testing.TB)
	options []redistest.Option
}

var outages = []outage{
	{"hung", redistest.CanPause, (*redistest.Node).Pause, nil},
	{"killed", redistest.CanKill, (*redistest.Node).Kill, nil},
	{"unreachable", redistest.CanAddress, disconnect, []redistest.Option{redistest.WithOwnAddress()}},
}

// disconnect takes a node off its network until the test ends. What is sent to it is
// lost, and it refuses no connection: those that clients open without a context, as
// redigo's Dial does, end when it is back.
func disconnect(n *redistest.Node, t testing.TB) {
	n.Disconnect(t)
	t.Cleanup(func() { n.Reconnect(t) })
}

// withOutages runs a test on n nodes for each client and each outage.
func withOutages(t *testing.T, n int, test func(t *testing.T, w *world, strike func(...int))) {
	for _, o := range outages {
		t.Run(o.name, func(t *testing.T) { o.on(t, n, test) })
	}
}

// besideOutages is withOutages for a test that mostly waits: all cases run side by side.
func besideOutages(t *testing.T, n int, test func(t *testing.T, w *world, strike func(...int))) {
	t.Parallel()
	for _, o := range outages {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			o.on(t, n, func(t *testing.T, w *world, strike func(...int)) {
				t.Parallel()
				test(t, w, strike)
			})
		})
	}
}

// on runs a test on n nodes for each client.
func (o outage) on(t *testing.T, n int, test func(t *testing.T, w *world, strike func(...int))) {
	redistest.Needs(t, o.ability)
	onNodes(t, n, func(t *testing.T, w *world) {
		test(t, w, func(which ...int) {
			if o.ability == redistest.CanAddress {
				w.t.Cleanup(func() { settle(w.t) }) // once all nodes are back
			}
			for _, i := range which {
				o.strike(w.nodes[i], w.t)
			}
		})
	}, o.options...)
}

// Clients as their libraries make them, which have never talked to any node.
func TestABadMinorityFromTheVeryFirstCall(t *testing.T) {
	withOutages(t, 5, func(t *testing.T, w *world, strike func(...int)) {
		strike(1, 3)
		good := []*redistest.Node{w.nodes[0], w.nodes[2], w.nodes[4]}
		m := w.mutex()
		within(t, bound, func() { require.NoError(t, m.Lock()) })
		w.awaitHolder(m.Value(), good...)
		within(t, bound, func() { requireYes(t, m.Valid) })
		within(t, bound, func() { requireYes(t, m.Extend) })
		within(t, bound, func() { requireYes(t, m.Unlock) })
		w.awaitFree(good...)
		within(t, bound, func() { require.NoError(t, m.TryLock()) })
		within(t, bound, func() { requireYes(t, m.Unlock) })
	})
}

// Clients whose connections break or fall silent.
func TestAMinorityThatTurnsBad(t *testing.T) {
	withOutages(t, 5, func(t *testing.T, w *world, strike func(...int)) {
		m := w.mutex()
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		strike(0, 4)
		within(t, bound, func() { requireYes(t, m.Valid) })
		within(t, bound, func() { requireYes(t, m.Extend) })
		within(t, bound, func() { requireYes(t, m.Unlock) })
		within(t, bound, func() { require.NoError(t, m.Lock()) })
		within(t, bound, func() { requireYes(t, m.Unlock) })
		w.awaitFree(w.nodes[1:4]...)
	})
}

// A try that is refused by one node and granted by another could still be won
// by the third. If that one has been silent, nobody should wait for it: the
// others would find the granted node taken meanwhile, and so on for ever.
func TestARefusedTryDoesNotWaitForANodeKnownToBeSilent(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	onNodes(t, 3, func(t *testing.T, w *world) {
		const wait = 3 * time.Second
		m := w.mutex(mutex.WithTimeoutFactor(float64(wait) / float64(expiry)))
		warm(t, m)
		w.put("another client", w.nodes[1])
		w.nodes[2].Pause(t)
		require.ErrorIs(t, m.TryLock(), mutex.ErrFailed) // finds it out
		within(t, wait, func() { require.ErrorIs(t, m.TryLock(), mutex.ErrFailed) })
	})
}

func TestABadMajority(t *testing.T) {
	withOutages(t, 5, func(t *testing.T, w *world, strike func(...int)) {
		f := w.factory()
		warm(t, w.on(f))
		m := w.on(f, hasty)
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		until := m.Until()
		strike(0, 2, 4)
		for _, call := range []func() (bool, error){m.Valid, m.Extend, m.Unlock} {
			within(t, expiry/2, func() { requireNodeErrors(t, requireNo(t, call), 0, 2, 4) })
		}
		assert.Equal(t, until, m.Until())
		within(t, expiry/2, func() {
			err := m.TryLock()
			require.ErrorIs(t, err, mutex.ErrFailed)
			requireNodeErrors(t, err, 0, 2, 4)
			assert.False(t, isA[*mutex.ErrTaken](err), "the place was given back: %v", err)
		})
		w.awaitFree(w.nodes[1], w.nodes[3])
	})
}

// requireNodeErrors checks that err names the nodes, each with a RedisError.
func requireNodeErrors(t *testing.T, err error, nodes ...int) {
	t.Helper()
	require.True(t, isA[*mutex.RedisError](err), "%v", err)
	for _, i := range nodes {
		assert.Regexp(t, fmt.Sprintf(`node #%d( \(\S+\))?: `, i), err.Error())
	}
}

// One node: its call runs in the caller's goroutine where the driver can bound
// it, and in another one where a context may end.
func TestTheOnlyNodeIsBad(t *testing.T) {
	withOutages(t, 1, func(t *testing.T, w *world, strike func(...int)) {
		m := w.mutex(hasty)
		require.NoError(t, m.Lock())
		strike(0)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for _, ctx := range []context.Context{context.Background(), ctx} {
			within(t, expiry/2, func() {
				ok, err := m.ExtendContext(ctx)
				require.False(t, ok)
				require.ErrorIs(t, err, mutex.ErrExtendFailed)
				requireNodeErrors(t, err, 0)
			})
		}
		within(t, expiry/2, func() { requireNodeErrors(t, requireNo(t, m.Unlock), 0) })
		for _, ctx := range []context.Context{context.Background(), ctx} {
			within(t, expiry/2, func() { requireNodeErrors(t, m.TryLockContext(ctx), 0) })
		}
	})
}

// A node that was away is used again when it is back.
func TestNodesThatComeBack(t *testing.T) {
	redistest.Needs(t, redistest.CanPause, redistest.CanKill, redistest.CanRestartEmpty)
	onNodes(t, 3, func(t *testing.T, w *world) {
		m := w.mutex(hasty)
		w.awaitAllUsed(m)
		for _, outage := range []struct {
			begin, end func(*redistest.Node, testing.TB)
		}{
			{(*redistest.Node).Pause, (*redistest.Node).Resume},
			{(*redistest.Node).Kill, (*redistest.Node).Restart},
		} {
			for _, n := range w.nodes {
				outage.begin(n, t)
			}
			require.ErrorIs(t, m.TryLock(), mutex.ErrFailed)
			for _, n := range w.nodes {
				outage.end(n, t)
			}
			w.awaitAllUsed(m)
		}
	})
}

// awaitAllUsed locks and unlocks until every node has taken part.
func (w *world) awaitAllUsed(m *mutex.Mutex) {
	w.t.Helper()
	for start := time.Now(); !w.allUsed(m); {
		require.Less(w.t, time.Since(start), patience, "a node is not used again")
	}
}

// allUsed locks and unlocks, and reports whether every node has taken part.
func (w *world) allUsed(m *mutex.Mutex) bool {
	w.t.Helper()
	if m.TryLock() != nil {
		return false
	}
	settle(w.t)
	held := w.holders(m.Value())
	ok, _ := m.Unlock()
	return ok && held == len(w.nodes)
}

// patient lets a call to a node last as long as a hold: for tests in which nothing
// but what they do themselves may end a call, however slow the machine is.
var patient = mutex.WithTimeoutFactor(1)

// A caller that gives up is let go, whatever the nodes do.
func TestContextEndsWhileNodesHang(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	for _, n := range []int{1, 5} {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) {
			onNodes(t, n, testContextEndsWhileNodesHang)
		})
	}
}

func testContextEndsWhileNodesHang(t *testing.T, w *world) {
	f, spies := w.spied()
	holder := w.on(f, patient)
	require.NoError(t, holder.Lock())
	w.awaitHolder(holder.Value())
	for _, n := range w.nodes {
		n.Pause(t)
	}
	adopted := w.on(f, patient, mutex.WithValue(holder.Value()))
	for _, c := range []struct {
		call   func(context.Context) error
		script *scripts.Script
		kind   error
	}{
		{w.on(f, patient).LockContext, scripts.Mutex().Acquire, mutex.ErrFailed},
		{w.on(f, patient).TryLockContext, scripts.Mutex().Acquire, mutex.ErrFailed},
		{errorOf(adopted.ExtendContext), scripts.Mutex().Extend, mutex.ErrExtendFailed},
		{errorOf(adopted.ValidContext), scripts.Mutex().Check, context.Canceled},
		{errorOf(adopted.UnlockContext), scripts.Mutex().Release, context.Canceled},
	} {
		err := cancelOnceSent(t, spies, c.script, c.call)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, c.kind)
		requireNodeErrors(t, err, 0, len(w.nodes)-1)
	}
	for _, n := range w.nodes {
		n.Resume(t)
	}
	w.requireSettled()
}

// cancelOnceSent ends the context of a call that has sent its script to every
// node, and returns what the call returns then.
func cancelOnceSent(t *testing.T, spies spies, script *scripts.Script, call func(context.Context) error) (err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	before, result := spies.least(script), make(chan error, 1)
	within(t, expiry/2, func() {
		go func() { result <- call(ctx) }()
		require.Eventually(t, func() bool { return spies.least(script) > before }, patience, tick)
		require.Empty(t, result, "returned before its caller gave up")
		cancel()
		err = <-result
	})
	return err
}

func errorOf(call func(context.Context) (bool, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := call(ctx)
		return err
	}
}

// Nodes that forget, as long as they are a minority, do not end a hold.
func TestAMinorityRestartsEmpty(t *testing.T) {
	redistest.Needs(t, redistest.CanRestartEmpty)
	onNodes(t, 5, func(t *testing.T, w *world) {
		m := w.mutex()
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		w.nodes[0].Restart(t)
		w.nodes[4].Restart(t)
		requireYes(t, m.Valid)
		require.ErrorIs(t, w.mutex().TryLock(), mutex.ErrFailed)
		require.Eventually(t, func() bool {
			requireYes(t, m.Extend) // repairs what it can reach
			return w.holders(m.Value()) == len(w.nodes)
		}, patience, tick)
		requireYes(t, m.Unlock)
		w.awaitFree()
	})
}

func TestAMajorityRestartsEmpty(t *testing.T) {
	redistest.Needs(t, redistest.CanRestartEmpty)
	onNodes(t, 3, func(t *testing.T, w *world) {
		m := w.mutex()
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		w.nodes[0].Restart(t)
		w.nodes[1].Restart(t)
		// The first answer of a client may be that its connection is gone.
		require.Eventually(t, func() bool {
			err := requireNo(t, m.Extend)
			return assert.ErrorIs(t, err, mutex.ErrExtendFailed) && !isA[*mutex.RedisError](err)
		}, patience, tick)
		assert.ErrorIs(t, requireNo(t, m.Extend), mutex.ErrLockAlreadyExpired)
		assert.Equal(t, 1, w.holders(m.Value()), "a lost hold is not revived")
		assert.ErrorIs(t, requireNo(t, m.Unlock), mutex.ErrLockAlreadyExpired)
		w.awaitFree()
	})
}

// unlockInTheEnd unlocks, as often as it takes for enough nodes to answer in time.
func unlockInTheEnd(t *testing.T, m *mutex.Mutex) {
	t.Helper()
	require.Eventually(t, func() bool {
		ok, err := m.Unlock()
		return ok || errors.Is(err, mutex.ErrLockAlreadyExpired)
	}, patience, tick)
}

// Unlock may be called again after nodes could not be reached.
func TestUnlockAgainAfterAnOutage(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	onNodes(t, 3, func(t *testing.T, w *world) {
		f := w.factory()
		warm(t, w.on(f))
		m := w.on(f, hasty)
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		w.nodes[0].Pause(t)
		w.nodes[1].Pause(t)
		requireNodeErrors(t, requireNo(t, m.Unlock), 0, 1)
		w.nodes[0].Resume(t)
		w.nodes[1].Resume(t)
		unlockInTheEnd(t, m) // false at once if the first one's requests were still run
		w.awaitFree()
		require.ErrorIs(t, requireNo(t, m.Unlock), mutex.ErrLockAlreadyExpired)
	})
}
