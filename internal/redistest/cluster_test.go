package redistest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// group skips a test of processes that was asked for another backend: it would
// be the same test again. It mostly waits for servers to agree, so it does that
// while others wait too.
func group(t *testing.T) {
	t.Helper()
	t.Parallel()
	if Backend() != backendProcess { // CI runs it on processes, in a step of its own
		t.Skip("its nodes are processes whatever the backend is: tested with the process backend")
	}
}

func TestClusterNodesShareTheSlots(t *testing.T) {
	group(t)
	c := NewCluster(t)
	require.Len(t, c.Addrs(), clusterMasters)
	owners := map[*Node]bool{}
	for _, key := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		owner := c.Owner(t, c.Slot(t, key))
		owners[owner] = true
		assert.Equal(t, "OK", owner.Do(t, "SET", key, "v"))
		for _, other := range c.Nodes {
			if other != owner {
				_, err := other.TryDo("GET", key)
				assert.ErrorContains(t, err, "MOVED")
			}
		}
	}
	assert.Len(t, owners, clusterMasters)
}

func TestClusterMovesASlot(t *testing.T) {
	group(t)
	c := NewCluster(t)
	slot := c.Slot(t, "{tag}")
	from, to := c.Owner(t, slot), c.Nodes[0]
	if to == from {
		to = c.Nodes[1]
	}
	from.Do(t, "SET", "{tag}here", "v", "PX", 600000)
	finish := c.BeginMove(t, slot, to)
	assert.Equal(t, "v", from.Do(t, "GET", "{tag}here"))
	_, err := from.TryDo("GET", "{tag}missing")
	assert.ErrorContains(t, err, "ASK")
	finish()
	assert.True(t, to == c.Owner(t, slot))
	_, err = from.TryDo("GET", "{tag}here")
	assert.ErrorContains(t, err, "MOVED")
	assert.Equal(t, "v", to.Do(t, "GET", "{tag}here"))
	assert.Positive(t, to.Do(t, "PTTL", "{tag}here"))
}

// Slots that move to and fro stay where they have been put last, in the eyes of
// every node: gossip that is under way takes none back.
func TestClusterMovesLast(t *testing.T) {
	group(t)
	const rounds = 100
	c := NewCluster(t)
	for i := range rounds {
		c.MoveSlot(t, clusterSlots/clusterMasters+1+i, c.Nodes[0]) // from the second
		c.MoveSlot(t, i, c.Nodes[1])                               // from the first
	}
	want := fmt.Sprintf("%d-%d %d-%d", rounds, clusterSlots/clusterMasters-1,
		clusterSlots/clusterMasters+1, clusterSlots/clusterMasters+rounds)
	id := c.Nodes[0].Do(t, "CLUSTER", "MYID").(string)
	for _, node := range c.Nodes {
		view, err := layout(node)
		require.NoError(t, err)
		assert.Contains(t, slices.Collect(maps.Values(view)), id+" "+want, "as %s sees it", node.Addr())
	}
}

func TestClusterNodeComesBackWithItsSlots(t *testing.T) {
	group(t)
	c := NewCluster(t)
	slot := c.Slot(t, "a")
	owner := c.Owner(t, slot)
	owner.Do(t, "SET", "a", "v")
	owner.Restart(t)
	eventually(t, func() error { return clusterReady(owner) })
	assert.True(t, owner == c.Owner(t, slot))
	assert.Nil(t, owner.Do(t, "GET", "a"))
}

func TestSentinelFailsOver(t *testing.T) {
	group(t)
	s := NewSentinel(t)
	assert.Len(t, s.Addrs(), sentinelCount)
	old := s.Master(t)
	assert.True(t, s.Data[0] == old)
	old.Do(t, "SET", "k", "v")
	assert.EqualValues(t, 1, old.Do(t, "WAIT", 1, patience.Milliseconds()))
	fresh := s.Failover(t)
	assert.False(t, old == fresh)
	assert.True(t, fresh == s.Master(t))
	assert.Equal(t, "v", fresh.Do(t, "GET", "k"))
	assert.Equal(t, "OK", fresh.Do(t, "SET", "k", "new"))
}
