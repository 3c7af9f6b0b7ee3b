package redlock

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A node that was silent once, and is well, is not waited for as long as the others
// may be enough, and is when one of them fails.
func TestSpareIsWaitedForOnceItIsNeeded(t *testing.T) {
	for name, call := range map[string]func(*Exclusive, context.Context) (bool, error){
		"valid": (*Exclusive).Valid, "extend": (*Exclusive).Extend, "unlock": (*Exclusive).Unlock,
		"lock": func(x *Exclusive, ctx context.Context) (bool, error) {
			_, _ = x.Unlock(ctx)
			err := x.TryLock(ctx)
			return err == nil, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				x := b.object(nil)
				b.lockAll(x)
				b.silence(2)
				b.away(errAway, 0)
				b.nodes[2].set(func() { b.nodes[2].before = always(3 * ms) })
				ok, err := call(x, background)
				require.NoError(t, err)
				require.True(t, ok)
				b.back(0)
				_, _ = x.Unlock(background)
			})
		})
	}
}

// One that another client's node makes needed is waited for, too, if only for a moment.
func TestSpareDecidesBetweenTwoClients(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[1].put("name", "theirs", time.Minute)
		b.nodes[2].before = always(spareTime / 2)
		b.silence(2)
		x := b.object(nil)
		require.NoError(t, x.TryLock(background))
		b.unlock(x)
	})
}

// A spare's refusal is none of those that the round counts on.
func TestSparesRefusalDecidesNothing(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[2].put("name", "theirs", time.Minute)
		b.nodes[0].before, b.nodes[1].before = always(10*ms), always(10*ms)
		b.silence(2)
		x := b.object(nil)
		require.NoError(t, x.TryLock(background))
		b.unlock(x)
	})
}

// Of silent nodes all are waited for when one is needed: the first may be the one that is
// still hung.
func TestAllSilentNodesAreWaitedForWhenOneIsNeeded(t *testing.T) {
	bubble(t, 5, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		b.silence(0, 3, 4)
		b.nodes[0].setHung(true)
		start := time.Now()
		b.extend(x)
		require.Zero(t, time.Since(start))
		b.nodes[0].setHung(false)
		b.unlock(x)
	})
}

// So is one by nodes that disagree on slots: it is really silent, and its call may last long.
func TestSpareIsNotWaitedForLongWhereNodesDisagree(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.slots(4, func(c *Config) { c.Tries = 1 })
		b.silence(2)
		b.nodes[2].setHung(true)
		b.nodes[0].set(func() { b.nodes[0].permits["stray"] = fakePermit{slots: []int{0}, ends: time.Now().Add(time.Minute)} })
		start := time.Now()
		p, err := x.TryAcquire(background, 1)
		require.NoError(t, err)
		require.Less(t, time.Since(start), 4*spareTime)
		b.nodes[2].setHung(false)
		_, _ = p.Release(background)
	})
}
