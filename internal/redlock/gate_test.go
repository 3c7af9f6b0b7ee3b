package redlock

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/scripts"
)

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
			n.setHung(true)
		}
		b.churn(1000, ms)
		for i, n := range b.nodes[:2] {
			// Those sent before the node was taken for dead, and one probe.
			require.LessOrEqual(t, n.under(), mostBackground+int(patience/ms)+1, "node %d", i)
			require.Greater(t, n.under(), 0)
			n.setHung(false)
		}
		synctest.Wait()
		for _, n := range b.nodes {
			require.Zero(t, n.under())
			var names []string
			n.set(func() { names = slices.Collect(maps.Keys(n.keys)) })
			for _, name := range names {
				require.Empty(t, n.holder(name))
			}
		}
		before := b.nodes[0].ran(scripts.MutexAcquire)
		b.churn(10, ms)
		require.Equal(t, before+10, b.nodes[0].ran(scripts.MutexAcquire), "an answer has opened the gate again")
	})
}

// crowd fills a gate and lets it find out that nothing comes back.
func crowd(g *gate, now time.Time) {
	g.background.Add(mostBackground)
	g.admit(now.Add(-patience))
}

func TestShutGateLetsOneProbePassAtATime(t *testing.T) {
	var g gate
	now := time.Now()
	require.Equal(t, freePass, g.admit(now))
	crowd(&g, now)
	require.Equal(t, probePass, g.admit(now))
	require.Equal(t, noPass, g.admit(now))
	g.giveBack(freePass)
	require.Equal(t, noPass, g.admit(now))
	g.giveBack(probePass) // without an answer
	g.background.Store(0)
	require.Equal(t, probePass, g.admit(now), "shut until something is heard")
	g.heard()
	require.Equal(t, freePass, g.admit(now))
	require.Equal(t, freePass, g.admit(now))
}

func TestBusyNodeIsNotTakenForDead(t *testing.T) {
	var g gate
	now := time.Now()
	g.background.Store(1000)
	for range 10 {
		require.Equal(t, freePass, g.admit(now))
		now = now.Add(patience)
		g.heard()
	}
	require.Equal(t, freePass, g.admit(now))
	require.Equal(t, freePass, g.admit(now.Add(patience-1)))
	require.Equal(t, probePass, g.admit(now.Add(patience)))
}

func TestNodesNeededForAMajorityAreAskedThroughAShutGate(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.churn(1, ms)
		time.Sleep(time.Second)
		for _, n := range b.engine.nodes[:2] {
			crowd(&n.gate, time.Now())
			require.Equal(t, probePass, n.gate.admit(time.Now())) // somebody else's probe
		}
		x := b.object(nil)
		require.NoError(t, x.TryLock(context.Background()))
		b.unlock(x)
	})
}

func TestShutNodeIsSkippedAndNamed(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.churn(1, ms)
		time.Sleep(time.Second)
		shut := b.engine.nodes[2]
		crowd(&shut.gate, time.Now())
		require.Equal(t, probePass, shut.gate.admit(time.Now()))
		b.nodes[0].put("name", "theirs", time.Minute)
		b.nodes[1].put("name", "theirs", time.Minute)
		err := b.object(nil).TryLock(context.Background())
		require.ErrorContains(t, err, "node #2: not asked")
		require.Equal(t, 1, b.nodes[2].ran(scripts.MutexAcquire), "only the first churn's")
	})
}

func TestDebtsAreBounded(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		n := b.engine.nodes[0]
		s := b.engine.NewSpec(testProtocol, "name", DefaultConfig())
		strict := func(i int) *hold {
			h := adopt(s, fmt.Sprint(i))
			h.end()
			return h
		}
		for i := range mostDebts + 10 {
			n.owe(strict(i))
		}
		require.EqualValues(t, mostDebts, n.debts.count.Load())
		require.False(t, n.debts.strict.has(strictKey{"name", "9"}), "dropped")
		require.True(t, n.debts.strict.has(strictKey{"name", "10"}))
		other := NewExclusive(b.engine.NewSpec(testProtocol, "other", DefaultConfig()))
		b.lock(other)
		synctest.Wait()
		require.Zero(t, n.debts.count.Load())
		require.False(t, n.debts.strict.has(strictKey{"name", "10"}))
		b.unlock(other)
	})
}

// Two of three nodes disagree and the third hangs: once that is known, nobody
// waits for it any more, but for a moment.
func TestSilentNodeIsNotWaitedFor(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[1].put("name", "theirs", time.Hour)
		b.nodes[2].setHung(true)
		x := b.object(nil)
		for _, want := range []time.Duration{400 * ms, patience, patience} {
			start := time.Now()
			require.ErrorIs(t, x.TryLock(context.Background()), ErrFailed)
			require.Equal(t, want, time.Since(start))
		}
		b.nodes[2].setHung(false)
		synctest.Wait()
		require.NoError(t, x.TryLock(context.Background()), "it has answered, and is waited for again")
		b.unlock(x)
	})
}

// When too few nodes are left without the silent ones, they are waited for: a
// process that was paused would otherwise take all nodes for dead.
func TestSilentMajorityIsWaitedFor(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.engine.nodes {
			n.gate.silent.Store(true)
		}
		for _, n := range b.nodes {
			n.before = always(10 * ms)
		}
		x := b.object(nil)
		require.NoError(t, x.TryLock(context.Background()))
		b.unlock(x)
	})
}

func TestDriversTimeoutMakesANodeSilent(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		n := b.nodes[0]
		n.bound, n.careful = true, true
		n.setHung(true)
		require.Error(t, b.object(nil).TryLock(context.Background()))
		require.True(t, b.engine.nodes[0].gate.silent.Load())
		n.setHung(false)
		b.churn(1, ms)
		require.False(t, b.engine.nodes[0].gate.silent.Load())
	})
}
