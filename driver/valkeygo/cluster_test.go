package valkeygo_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	client "github.com/valkey-io/valkey-go"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/drivertest"
	"github.com/holdfast-go/holdfast/driver/valkeygo"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/internal/slotmove"
	"github.com/holdfast-go/holdfast/scripts"
)

// Locks of every kind go on while the slot of their names moves.
func TestClusterMovesASlot(t *testing.T) {
	t.Parallel()
	slotmove.Run(t, openCluster)
}

// openCluster makes a pool of a new client of the whole cluster.
func openCluster(t testing.TB, cluster *redistest.Cluster) driver.Pool {
	t.Helper()
	return valkeygo.NewPool(newClient(t, client.ClientOption{InitAddress: cluster.Addrs()[:1]}))
}

// TestCluster runs every test on one cluster, as it takes long to start.
func TestCluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.NewCluster(t)
	for name, test := range map[string]func(*testing.T, *redistest.Cluster){
		"OneVoter":         testClusterOneVoter,
		"Answers":          testClusterAnswers,
		"Moved":            testClusterMoved,
		"AnswerAfterMoved": testClusterAnswerAfterMoved,
		"Ask":              testClusterAsk,
		"TryAgain":         testClusterTryAgain,
		"HungMaster":       testClusterHungMaster,
		"Subscriber":       testClusterSubscriber,
	} {
		t.Run(name, func(t *testing.T) { test(t, cluster) })
	}
}

// Calls find their masters, whatever braces their keys have.
func testClusterOneVoter(t *testing.T, cluster *redistest.Cluster) {
	c := newClient(t, client.ClientOption{InitAddress: cluster.Addrs()[:1]})
	require.Equal(t, client.ClientModeCluster, c.Mode())
	pool := valkeygo.NewPool(c)
	require.NotImplements(t, (*driver.Dialer)(nil), pool)
	require.NotImplements(t, (*driver.Batcher)(nil), pool, "see cluster")
	var keys []string
	for _, odd := range drivertest.OddKeys {
		keys = append(keys, odd+redistest.Name(t))
	}
	for _, node := range cluster.Nodes { // by chance, the odd ones may leave one out
		keys = append(keys, keyOf(t, cluster, node))
	}
	owners := make(map[*redistest.Node]int)
	for _, key := range keys {
		requireSet(t, pool, key)
		owner := cluster.Owner(t, cluster.Slot(t, key))
		require.Equal(t, "token", owner.Do(t, "GET", key))
		owners[owner]++
	}
	require.Len(t, owners, len(cluster.Nodes), "every master has had a key")
}

func testClusterAnswers(t *testing.T, cluster *redistest.Cluster) {
	pool, key := openCluster(t, cluster), redistest.Name(t)
	cluster.Owner(t, cluster.Slot(t, key)).Do(t, "RPUSH", key, "element")
	reply, err := pool.Eval(within(t), check(key))
	require.ErrorContains(t, err, "WRONGTYPE")
	require.True(t, driver.IsReply(err))
	require.Nil(t, reply)

	two := driver.NewCall(scripts.Mutex().Check, []any{"a", "b"}, "token")
	_, err = pool.Eval(within(t), &two)
	require.True(t, driver.RefusesKeys(err), "%v", err)
}

// A slot that has moved costs a redirection, not a failure.
func testClusterMoved(t *testing.T, cluster *redistest.Cluster) {
	pool, key, to := clusterWithKey(t, cluster)
	cluster.MoveSlot(t, cluster.Slot(t, key), to)
	for range 3 {
		requireGranted(t, pool, key)
	}
	require.Equal(t, "token", to.Do(t, "GET", key))
}

// What the node at the end of a redirection answers is the answer.
func testClusterAnswerAfterMoved(t *testing.T, cluster *redistest.Cluster) {
	pool, key, to := clusterWithKey(t, cluster)
	cluster.MoveSlot(t, cluster.Slot(t, key), to)
	to.Do(t, "RPUSH", key, "element")
	_, err := pool.Eval(within(t), acquire(key))
	require.ErrorContains(t, err, "WRONGTYPE")
	require.True(t, driver.IsReply(err))
}

// While a slot moves, keys that the old owner does not have are the new one's.
func testClusterAsk(t *testing.T, cluster *redistest.Cluster) {
	pool, key, to := clusterWithKey(t, cluster)
	to.Do(t, "SCRIPT", "FLUSH") // so that ASKING is needed twice
	finish := cluster.BeginMove(t, cluster.Slot(t, key), to)
	for range 3 {
		requireGranted(t, pool, key)
	}
	finish()
	require.Equal(t, "token", to.Do(t, "GET", key))
	requireGranted(t, pool, key)
}

// A script whose keys are not all on one master is refused, once: the engine decides
// what becomes of it.
func testClusterTryAgain(t *testing.T, cluster *redistest.Cluster) {
	pool, key, to := clusterWithKey(t, cluster)
	other := "{" + key + "}"
	requireGranted(t, pool, key)
	finish := cluster.BeginMove(t, cluster.Slot(t, key), to)
	defer finish()
	two := driver.NewCall(scripts.Mutex().Check, []any{key, other}, "token")
	asked := scriptCalls(t, cluster)
	_, err := pool.Eval(within(t), &two)
	require.ErrorContains(t, err, "TRYAGAIN")
	require.True(t, driver.RefusesKeys(err))
	require.LessOrEqual(t, scriptCalls(t, cluster)-asked, int64(2), "by its digest, and perhaps by its source")
}

// scriptCalls is how many calls of scripts the masters have refused or run.
func scriptCalls(t *testing.T, cluster *redistest.Cluster) (sum int64) {
	t.Helper()
	for _, node := range cluster.Nodes {
		sum += commandCalls(t, node, "evalsha") + commandCalls(t, node, "eval")
	}
	return sum
}

// A hung master does not keep a call beyond its deadline, and keeps nothing from the
// other masters.
func testClusterHungMaster(t *testing.T, cluster *redistest.Cluster) {
	pool := openCluster(t, cluster)
	hung, other := keyOf(t, cluster, cluster.Nodes[0]), keyOf(t, cluster, cluster.Nodes[1])
	requireGranted(t, pool, hung)
	cluster.Nodes[0].Pause(t)
	defer cluster.Nodes[0].Resume(t)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := pool.Eval(ctx, acquire(hung))
		done <- err
	}()
	requireGranted(t, pool, other)
	select {
	case err := <-done:
		require.Error(t, err)
		require.False(t, driver.IsReply(err))
	case <-time.After(patience):
		require.FailNow(t, "the call did not return after its deadline")
	}
}

// PUBLISH reaches every node. A subscription whose node goes away ends.
func testClusterSubscriber(t *testing.T, cluster *redistest.Cluster) {
	pool, channel := openCluster(t, cluster), redistest.Name(t)
	sub := subscribe(t, pool, channel)
	for _, from := range cluster.Nodes {
		redistest.RequireArrives(t, sub, from, channel, redistest.Name(t))
	}
	ended := make(chan error, 1)
	go func() {
		_, err := sub.Receive()
		ended <- err
	}()
	for _, node := range cluster.Nodes {
		node.Do(t, "CLIENT", "KILL", "TYPE", "pubsub")
	}
	select {
	case err := <-ended:
		require.Error(t, err)
	case <-time.After(patience):
		require.FailNow(t, "the subscription goes on")
	}
	redistest.RequireArrives(t, subscribe(t, pool, channel), cluster.Nodes[0], channel, "after")
}

// clusterWithKey returns a pool that knows the cluster's layout, a key that is free, and
// a node that is not its owner.
func clusterWithKey(t *testing.T, cluster *redistest.Cluster) (driver.Pool, string, *redistest.Node) {
	t.Helper()
	pool, key := openCluster(t, cluster), redistest.Name(t)
	owner := cluster.Owner(t, cluster.Slot(t, key))
	to := cluster.Nodes[0]
	if to == owner {
		to = cluster.Nodes[1]
	}
	requireGranted(t, pool, keyOf(t, cluster, owner))
	return pool, key, to
}

// keyOf returns a new key that belongs to a node.
func keyOf(t testing.TB, cluster *redistest.Cluster, node *redistest.Node) string {
	t.Helper()
	for {
		if key := redistest.Name(t); cluster.Owner(t, cluster.Slot(t, key)) == node {
			return key
		}
	}
}

// commandCalls is how often a node was sent a command, rejected or not.
func commandCalls(t *testing.T, node *redistest.Node, name string) int64 {
	t.Helper()
	var calls, rejected int64
	text := fmt.Sprint(node.Do(t, "INFO", "commandstats"))
	_, stats, found := strings.Cut(text, "cmdstat_"+name+":calls=")
	if !found {
		return 0
	}
	_, err := fmt.Sscanf(stats, "%d", &calls)
	require.NoError(t, err)
	if _, rest, ok := strings.Cut(stats, "rejected_calls="); ok {
		_, err := fmt.Sscanf(rest, "%d", &rejected)
		require.NoError(t, err)
	}
	return calls + rejected
}
