package goredis_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/drivertest"
	"github.com/holdfast-go/holdfast/driver/goredis"
)

// fakeCluster is a Cluster of fake nodes with names of their own, and a layout as a test
// says.
type fakeCluster struct {
	addrs  map[string]string // of the servers, by the nodes' names
	master atomic.Value      // the name of the master of all slots
	loads  atomic.Int64      // how often the layout was loaded
}

func (f *fakeCluster) open(t testing.TB, master string) driver.Pool {
	t.Helper()
	f.master.Store(master)
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{master},
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
			f.loads.Add(1)
			nodes := []redis.ClusterNode{{Addr: f.master.Load().(string)}}
			return []redis.ClusterSlot{{End: 16383, Nodes: nodes}}, nil
		},
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, f.addrs[addr])
		},
	})
	t.Cleanup(func() { _ = client.Close() })
	return goredis.NewPool(client)
}

// answering starts a fake node that gives one answer.
func answering(t testing.TB, answer string) string {
	return drivertest.StartFakeServer(t, func(drivertest.Request) string { return answer + "\r\n" }).Addr()
}

// A node that leaves the host out means itself, and not the node that was asked first.
func TestRedirectionsWithoutAHost(t *testing.T) {
	cluster := &fakeCluster{addrs: map[string]string{
		"one:1": answering(t, "-MOVED 1 two:2"),
		"two:2": answering(t, "-MOVED 1 :3"),
		"two:3": answering(t, ":7"),
		"one:3": answering(t, ":8"),
	}}
	reply, err := cluster.open(t, "one:1").Eval(within(t, patience), acquire("key", "token"))
	require.NoError(t, err)
	require.EqualValues(t, 7, reply)
}

// A master that has become a replica says so, or that it has lost its master: the
// client's layout is old.
func TestAReplicasAnswerReloadsTheLayout(t *testing.T) {
	for _, answer := range []string{
		"-READONLY You can't write against a read only replica.",
		"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
		"-CLUSTERDOWN The cluster is down",
	} {
		cluster := &fakeCluster{addrs: map[string]string{"one:1": answering(t, answer), "two:2": answering(t, ":7")}}
		pool := cluster.open(t, "one:1")
		_, err := pool.Eval(within(t, patience), acquire("key", "token"))
		require.ErrorContains(t, err, answer[1:])
		cluster.master.Store("two:2")
		require.Eventually(t, func() bool {
			reply, err := pool.Eval(within(t, patience), acquire("key", "token"))
			return err == nil && reply == int64(7)
		}, patience, 10*time.Millisecond, answer)
		require.Greater(t, cluster.loads.Load(), int64(1))
	}
}
