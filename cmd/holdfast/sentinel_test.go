//go:build unix

package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

// A command goes on when the new master of its Sentinel group has the lease, and is ended
// when it has not, as the old master had not replicated it.
func TestRunThroughAFailover(t *testing.T) {
	group := redistest.NewSentinel(t)
	url := "redis://" + group.Addrs()[0] + "?master_name=" + group.Name
	kept, forgotten, end := redistest.Name(t), redistest.Name(t), filepath.Join(t.TempDir(), "end")
	const untilEnd = `echo $HOLDFAST_VALUE; while [ ! -e "$0" ]; do sleep 0.05; done; exit 7`
	// A sentinel demotes an old master after 8 s at the latest, and that is when its
	// clients ask the new one, where the lease is as old as its last renewal.
	goesOn := start(t, url, "run", "-mutex", kept, "-expiry", "45s", "--", "sh", "-c", untilEnd, end)
	isEnded := start(t, url, "run", "-mutex", forgotten, "-expiry", "12s", "--", "sh", "-c", untilEnd, end)
	token := goesOn.next()
	isEnded.next()
	replica := group.Data[1]
	require.Eventually(t, func() bool { return replica.Do(t, "EXISTS", kept, forgotten) == int64(2) }, patience, tick)
	forget(t, replica, forgotten)

	master := group.Failover(t)
	require.Same(t, replica, master)
	isEnded.awaitEnd(3 * patience)
	assert.Equal(t, statusLost, isEnded.status(), isEnded.errors())
	assert.Contains(t, isEnded.errors(), "was lost")
	assert.True(t, isRenewed(t, master, kept), goesOn.errors())
	assert.Equal(t, token, master.Do(t, "GET", kept))
	require.NoError(t, os.WriteFile(end, nil, 0o600))
	assert.Equal(t, 7, goesOn.status(), goesOn.errors())
	assert.Zero(t, master.Do(t, "EXISTS", kept), "it was released there")
}

// forget deletes a key on a replica, as if it had not come there.
func forget(t *testing.T, replica *redistest.Node, key string) {
	t.Helper()
	replica.Do(t, "CONFIG", "SET", "replica-read-only", "no")
	require.Equal(t, int64(1), replica.Do(t, "DEL", key))
	replica.Do(t, "CONFIG", "SET", "replica-read-only", "yes")
}

// isRenewed waits until the time that a key has left goes up, and is false if it does not.
// Sentinels may end the connection that asks.
func isRenewed(t *testing.T, node *redistest.Node, key string) bool {
	shortest := int64(math.MaxInt64)
	return assert.Eventually(t, func() bool {
		reply, err := node.TryDo("PTTL", key)
		if err != nil {
			return false
		}
		left := reply.(int64)
		renewed := left > shortest
		shortest = min(shortest, left)
		return renewed
	}, 3*patience, tick)
}
