package semaphore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/semaphore"
)

const manyOf, many = 100_000, 1000

// series is the numbers from first on, n of them.
func series(first, n int) (slots []int) {
	for i := range n {
		slots = append(slots, first+i)
	}
	return slots
}

func TestAThousandOfAHundredThousand(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s, other := w.semaphore(manyOf), w.semaphore(manyOf)
		p, q := acquire(t, s, many), acquire(t, other, many)
		require.Equal(t, series(0, many), p.Slots())
		require.Equal(t, series(many, many), q.Slots())
		requireHeld(t, s, 2*many)
		requireYes(t, p.Extend)
		requireYes(t, q.Extend)
		requireYes(t, p.Release)
		w.awaitGrants(1)
		one, again := acquire(t, other, 1), acquire(t, s, many)
		assert.Equal(t, []int{0}, one.Slots())
		assert.Equal(t, append(series(1, many-1), 2*many), again.Slots())
		assert.Len(t, slotsOf(t, one, again, q), 2*many+1)
		release(t, one, again, q)
		w.awaitGrants(0)
		requireHeld(t, s, 0)
	})
}

// Nodes that do not agree on a few slots still find a thousand that they all have.
func TestAThousandOnNodesThatDisagree(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		strays := []*semaphore.Permit{w.stray(0, 0)[0], w.stray(1, 7)[0], w.stray(2, 11)[0]}
		p := acquire(t, w.semaphore(manyOf), many)
		require.Len(t, slotsOf(t, p), many)
		requireYes(t, p.Extend)
		release(t, p)
		release(t, strays...)
		w.awaitGrants(0)
	})
}
