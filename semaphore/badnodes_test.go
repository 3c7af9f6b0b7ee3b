package semaphore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/semaphore"
)

func TestTheFullLimitWithAMinorityKilled(t *testing.T) {
	redistest.Needs(t, redistest.CanKill)
	onNodes(t, 5, func(t *testing.T, w *world) {
		s := w.semaphore(10)
		before := []*semaphore.Permit{acquire(t, s, 1), acquire(t, s, 2)}
		w.awaitGrants(2)
		w.nodes[1].Kill(t)
		w.nodes[4].Kill(t)
		all := append(before, acquireNow(t, s, 1), acquireNow(t, s, 6))
		assert.Len(t, slotsOf(t, all...), 10)
		requireRefused(t, s)
		for _, p := range all {
			requireYes(t, p.Extend)
			requireYes(t, p.Release)
		}
		w.awaitGrants(0, w.nodes[0], w.nodes[2], w.nodes[3])
		requireYes(t, acquireNow(t, s, 10).Release)
	})
}

func TestAPausedMinorityIsNotWaitedFor(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	onNodes(t, 3, func(t *testing.T, w *world) {
		s := w.semaphore(3)
		requireYes(t, acquire(t, s, 1).Release)
		w.awaitGrants(0)
		w.nodes[2].Pause(t)
		var p *semaphore.Permit
		within(t, bound, func() { p = acquireNow(t, s, 3) })
		within(t, bound, func() { requireYes(t, p.Extend) })
		within(t, bound, func() { requireRefused(t, s) })
		within(t, bound, func() { requireYes(t, p.Release) })
		w.nodes[2].Resume(t)
		settle(t)
		requireYes(t, acquire(t, s, 3).Release)
		w.awaitGrants(0)
	})
}

func TestAMinorityRestartsEmpty(t *testing.T) {
	redistest.Needs(t, redistest.CanRestartEmpty)
	onNodes(t, 3, func(t *testing.T, w *world) {
		s := w.semaphore(4)
		p := acquire(t, s, 2)
		w.awaitGrants(1)
		w.nodes[0].Restart(t)
		require.Zero(t, w.grants(w.nodes[0]))
		requireHeld(t, w.semaphore(4), 2)
		require.Eventually(t, func() bool { // a client may need a new connection first
			requireYes(t, p.Extend)
			return w.grants(w.nodes[0]) == 1
		}, patience, tick, "the node was not repaired")
		q := acquire(t, s, 2)
		assert.Len(t, slotsOf(t, p, q), 4)
		requireTaken(t, s, 1)
		requireYes(t, p.Release)
		requireYes(t, q.Release)
		settle(t)
		w.awaitGrants(0)
	})
}
