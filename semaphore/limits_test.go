package semaphore_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/semaphore"
)

// This file changes a limit from a larger to a smaller one, with processes of
// both at work, on nodes that do not know the same.

const larger, smaller = 10, 4

// refusals is how often a refusal is asked for: which of the nodes decide differs
// from one try to the next.
const refusals = 10

// Four permits are held on slots that the smaller limit does not have, each on
// another majority. No node knows all of them, so none refuses by itself.
func TestASmallerLimitWhereNoNodeKnowsAll(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		large, small := w.semaphore(larger), w.semaphore(smaller)
		held := w.spread(large)
		for range refusals { // so fast that nodes may be busy with what was granted in vain
			requireRefused(t, small)
		}
		settle(t)
		requireHeld(t, small, 4)
		release(t, held[0])
		settle(t)
		one := acquire(t, small, 1)
		requireTaken(t, small, 1)
		settle(t)
		requireHeld(t, small, smaller)

		rest := []*semaphore.Permit{one}
		for range larger - smaller {
			rest = append(rest, acquire(t, large, 1))
		}
		assert.Len(t, slotsOf(t, append(rest, held[1:]...)...), larger)
		for range refusals {
			requireNone(t, large)
			requireRefused(t, small)
		}
		release(t, rest...)
		release(t, held[1], held[2])
		settle(t)
		requireTaken(t, small, 4)
		three := acquire(t, small, 3)
		requireTaken(t, small, 1)
		release(t, three, held[3])
		w.awaitGrants(0)
		requireYes(t, acquire(t, small, smaller).Release)
	})
}

// spread holds four permits, each on two of three nodes, from slot 4 on.
func (w *world) spread(large *semaphore.Semaphore) (held []*semaphore.Permit) {
	w.t.Helper()
	below := acquire(w.t, large, smaller)
	for i, away := range []int{2, 0, 1, 2} {
		p := acquire(w.t, w.without(away, larger), 1)
		require.Equal(w.t, []int{smaller + i}, p.Slots())
		held = append(held, p)
	}
	release(w.t, below)
	settle(w.t)
	for _, n := range w.nodes {
		require.Less(w.t, w.grants(n), smaller)
	}
	return held
}

// requireNone checks that no permit is given, where every node has a slot free
// that others have not.
func requireNone(t testing.TB, s *semaphore.Semaphore) {
	t.Helper()
	p, err := s.TryAcquire()
	require.ErrorIs(t, err, semaphore.ErrFailed)
	require.Nil(t, p)
}

// What single nodes have counts too, as none of them shows whether others have it.
func TestASmallerLimitAndWhatMinoritiesKnow(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		small := w.semaphore(smaller)
		strays := [][]*semaphore.Permit{w.stray(0, 4, 5), w.stray(1, 6, 7), w.stray(2, 8, 9)}
		for range refusals {
			requireRefused(t, small)
		}
		settle(t)
		w.awaitGrants(2)
		for _, s := range strays {
			release(t, s[0])
		}
		p := acquire(t, small, 2) // beside the two that a majority knows
		for range refusals {
			requireRefused(t, small)
		}
		release(t, p)
		for _, s := range strays {
			release(t, s[1])
		}
		w.awaitGrants(0)
		requireYes(t, acquire(t, small, smaller).Release)
	})
}

// Of a large semaphore, nodes list at most 32 occupied slots above the limit.
// With more than that nothing is given, over several nodes, however much is free.
func TestMoreThanNodesListAboveASmallerLimit(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		const most, limit = 32, 100
		large, small := w.semaphore(2*limit), w.semaphore(limit)
		below, above, last := acquire(t, large, limit), acquire(t, large, most), acquire(t, large, 1)
		require.Equal(t, []int{limit + most}, last.Slots())
		release(t, below)
		w.awaitGrants(2)
		if len(w.nodes) == 1 { // has nobody to disagree with: it counts
			p := acquire(t, small, limit-most-1)
			requireTaken(t, small, 1)
			release(t, p, above, last)
			return
		}
		for range refusals {
			requireRefused(t, small)
		}
		settle(t)
		requireHeld(t, small, most+1)
		release(t, last)
		w.awaitGrants(1)
		p := acquire(t, small, limit-most)
		for range refusals {
			requireRefused(t, small)
		}
		release(t, p, above)
		w.awaitGrants(0)
	})
}

// Processes of both limits come and go on nodes that disagree. Those with the
// larger one do not reach all nodes, each not another one.
func TestTwoLimitsAtOnce(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		strays := []*semaphore.Permit{w.stray(0, 5)[0], w.stray(1, 6)[0], w.stray(2, 7)[0]}
		ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
		defer cancel()
		l := ledger{inside: make(map[*semaphore.Permit]int)}
		var all sync.WaitGroup
		for i := range 4 {
			large, small := w.without(i%3, larger), w.semaphore(smaller, semaphore.WithExpiry(lasting))
			all.Go(func() { l.visit(ctx, t, large, 2, 8) })
			all.Go(func() { l.visit(ctx, t, small, 1, 4) })
		}
		all.Wait()
		assert.LessOrEqual(t, l.most, larger)
		assert.Equal(t, 4*8+4*4, l.visits, "all got in")
		settle(t)
		w.awaitGrants(1)
		release(t, strays...)
		requireYes(t, acquire(t, w.semaphore(smaller), smaller).Release)
		requireYes(t, acquire(t, w.semaphore(larger), larger).Release)
	})
}

// ledger keeps who holds what.
type ledger struct {
	mu     sync.Mutex
	inside map[*semaphore.Permit]int // how many slots
	now    int
	most   int
	visits int
}

// visit makes one process's visits, with n permits each. How long it pauses after a
// refusal, and how long it stays, is the load: it waits for nothing by that.
func (l *ledger) visit(ctx context.Context, t *testing.T, s *semaphore.Semaphore, n, visits int) {
	for visits > 0 && !t.Failed() {
		before := l.all()
		p, err := s.TryAcquireN(ctx, n)
		if ctx.Err() != nil {
			assert.NoError(t, ctx.Err(), "not all got in")
			return
		}
		if err != nil {
			time.Sleep(rand.N(2 * crowdDelay())) // it polls: nothing notifies of a TryAcquire that would succeed
			continue
		}
		// Others may have come since; these were there all the time.
		assert.LessOrEqual(t, l.enter(p, before)+n, s.Limit(), "held while the permit was given, and with it")
		assert.Less(t, p.Slots()[0], s.Limit())
		time.Sleep(rand.N(10 * time.Millisecond)) // a section of some length: a load, and no wait for anything
		l.leave(p)
		_, err = p.Release()
		assert.NoError(t, err)
		visits--
	}
}

// all lists who is in.
func (l *ledger) all() (permits []*semaphore.Permit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.inside {
		permits = append(permits, p)
	}
	return permits
}

// enter notes a permit, and returns how many slots belong to permits of before
// that are still inside.
func (l *ledger) enter(p *semaphore.Permit, before []*semaphore.Permit) (stayed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range before {
		stayed += l.inside[b]
	}
	l.inside[p] = len(p.Slots())
	l.now += l.inside[p]
	l.most = max(l.most, l.now)
	l.visits++
	return stayed
}

func (l *ledger) leave(p *semaphore.Permit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now -= l.inside[p]
	delete(l.inside, p)
}
