package semaphore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/semaphore"
)

// Node 1 missed 17 permits, one more than a node lists (minListing). Then node 0
// goes away. Nodes 1 and 2 are a majority, and 983 of 1000 slots are free on both,
// but the free slots that they list are 0 to 16 and 17 to 33: nothing in common,
// so nobody gets a permit before the 17 end.
func TestNothingInCommonAmongWhatIsListed(t *testing.T) {
	w := newWorld(t, clients[0], redistest.Start(t, 3))
	s := w.without(1, 1000)
	for range 17 {
		acquire(t, s, 1)
	}
	p := acquire(t, w.without(0, 1000), 1) // 32 tries
	require.GreaterOrEqual(t, p.Slots()[0], 17)
}

// A full semaphore on nodes that disagree: each node grants another slot, no slot
// is free on a majority, and the error says nothing of why.
func TestRefusalOfNodesThatDisagreeNamesThem(t *testing.T) {
	w := newWorld(t, clients[0], redistest.Start(t, 3))
	for node, slots := range [][]int{{0, 1}, {1, 2}, {0, 2}} { // of three
		w.stray(node, slots...)
	}
	_, err := w.semaphore(3).TryAcquire()
	require.ErrorIs(t, err, semaphore.ErrFailed)
	require.ErrorContains(t, err, "node #", "what each node answered to the last try")
}
