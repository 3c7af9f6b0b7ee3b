package goredis_test

import (
	"context"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/drivertest"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// openCluster makes a client of the whole cluster, closed when the test ends.
func openCluster(t testing.TB, c *redistest.Cluster, opts redis.ClusterOptions) *redis.ClusterClient {
	t.Helper()
	opts.Addrs = c.Addrs()
	// The clients of the masters share this, and turn it off where a server does not have
	// it, without a lock in common (go-redis 9.23): the race detector sees it.
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	client := redis.NewClusterClient(&opts)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// TestCluster runs every test on one cluster, as it takes long to start.
func TestCluster(t *testing.T) {
	cluster := redistest.NewCluster(t)
	for name, test := range map[string]func(*testing.T, *redistest.Cluster){
		"RESP2":            func(t *testing.T, c *redistest.Cluster) { testClusterKeys(t, c, 2) },
		"RESP3":            func(t *testing.T, c *redistest.Cluster) { testClusterKeys(t, c, 3) },
		"Answers":          testClusterAnswers,
		"Closed":           testClusterClosed,
		"Batch":            testClusterBatch,
		"Commands":         testClusterCommands,
		"Moved":            testClusterMoved,
		"AnswerAfterMoved": testClusterAnswerAfterMoved,
		"MovedTooOften":    testClusterMovedTooOften,
		"Ask":              testClusterAsk,
		"LostReply":        testClusterLostReply,
		"HungMaster":       testClusterHungMaster,
		"WithoutKeys":      testClusterWithoutKeys,
		"OwnHooks":         testClusterOwnHooks,
		"Prefix":           testClusterPrefix,
		"NodeHooks":        testClusterNodeHooks,
	} {
		t.Run(name, func(t *testing.T) { test(t, cluster) })
	}
}

// testClusterBatch sends a batch of calls for many slots, which go to all masters, with
// a client whose layout is wrong for one of them.
func testClusterBatch(t *testing.T, cluster *redistest.Cluster) {
	pool, moved, to := clusterWithKey(t, cluster, redis.ClusterOptions{}, false)
	cluster.MoveSlot(t, cluster.Slot(t, moved), to)
	calls := []*driver.Call{acquire(moved, "token")}
	for i := range 30 {
		calls = append(calls, acquire(redistest.Name(t)+strconv.Itoa(i), "token"))
	}
	for range 2 {
		replies := pool.(driver.Batcher).EvalBatch(within(t, patience), calls)
		require.Len(t, replies, len(calls))
		for i, reply := range replies {
			require.Equal(t, driver.Reply{Value: int64(1)}, reply, "call %d", i)
		}
	}
	require.Equal(t, "token", to.Do(t, "GET", moved))
}

// testClusterCommands sends plain commands to the masters of their keys, one by one and
// in a batch with scripts. One of the keys has moved.
func testClusterCommands(t *testing.T, cluster *redistest.Cluster) {
	pool, moved, to := clusterWithKey(t, cluster, redis.ClusterOptions{}, false)
	cluster.MoveSlot(t, cluster.Slot(t, moved), to)
	set := driver.NewCommand("set", []any{moved}, "token", "NX", "PX", int64(60_000))
	reply, err := pool.Eval(within(t, patience), &set)
	require.NoError(t, err)
	require.Equal(t, "OK", reply)
	require.Equal(t, "token", to.Do(t, "GET", moved))

	var calls []*driver.Call
	for _, node := range cluster.Nodes {
		key := keyOf(t, cluster, node)
		set := driver.NewCommand("set", []any{key}, "token", "NX", "PX", int64(60_000))
		get := driver.NewCommand("get", []any{key})
		calls = append(calls, &set, acquire(key, "other"), &get)
	}
	for i, reply := range pool.(driver.Batcher).EvalBatch(within(t, patience), calls) {
		want := []any{"OK", int64(0), "token"}[i%3]
		require.Equal(t, driver.Reply{Value: want}, reply, "call %d", i)
	}
}

// testClusterKeys uses keys that hash to every master, whatever their braces.
func testClusterKeys(t *testing.T, cluster *redistest.Cluster, protocol int) {
	pool := goredis.NewPool(openCluster(t, cluster, redis.ClusterOptions{Protocol: protocol}))
	require.NoError(t, validate(pool))
	keys := make([]string, 0, len(drivertest.OddKeys)+len(cluster.Nodes))
	for _, odd := range drivertest.OddKeys {
		keys = append(keys, odd+redistest.Name(t))
	}
	for _, node := range cluster.Nodes { // by chance, the odd ones may leave one out
		keys = append(keys, keyOf(t, cluster, node))
	}
	owners := make(map[*redistest.Node]int)
	for _, key := range keys {
		requireGranted(t, pool, key, "token")
		owner := cluster.Owner(t, cluster.Slot(t, key))
		require.Equal(t, "token", owner.Do(t, "GET", key))
		owners[owner]++
	}
	require.Len(t, owners, len(cluster.Nodes), "every master has had a key")
}

// validate returns what a pool says about itself.
func validate(pool driver.Pool) error {
	if v, ok := pool.(driver.Validator); ok {
		return v.Validate()
	}
	return nil
}

func testClusterAnswers(t *testing.T, cluster *redistest.Cluster) {
	pool, key := goredis.NewPool(openCluster(t, cluster, redis.ClusterOptions{})), redistest.Name(t)
	owner := cluster.Owner(t, cluster.Slot(t, key))
	owner.Do(t, "RPUSH", key, "element")
	reply, err := pool.Eval(within(t, patience), acquire(key, "token"))
	require.ErrorContains(t, err, "WRONGTYPE")
	require.True(t, driver.IsReply(err))
	require.Nil(t, reply)

	for _, node := range cluster.Nodes {
		node.Do(t, "SCRIPT", "FLUSH")
	}
	requireGranted(t, pool, redistest.Name(t), "token")
}

func testClusterClosed(t *testing.T, cluster *redistest.Cluster) {
	client := openCluster(t, cluster, redis.ClusterOptions{})
	pool, key := goredis.NewPool(client), redistest.Name(t)
	requireGranted(t, pool, key, "token")
	require.NoError(t, client.Close())
	_, err := pool.Eval(within(t, patience), acquire(key, "token"))
	require.ErrorIs(t, err, redis.ErrClosed)
	require.False(t, driver.IsReply(err))
}

// dials counts the connections that are made to each address.
type dials struct {
	mu sync.Mutex
	to map[string]int
}

func (d *dials) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d.mu.Lock()
	d.to[addr]++
	d.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, network, addr)
}

func (d *dials) count(addr string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.to[addr]
}

// requireDialsOf checks how three redirections have reached a node: one in use
// by its connection (or by one more that newer clients keep for pipelines),
// another one by connections for the purpose.
func requireDialsOf(t testing.TB, d *dials, node *redistest.Node, inUse bool) {
	t.Helper()
	if inUse {
		require.LessOrEqual(t, d.count(node.Addr()), 2)
	} else {
		require.Positive(t, d.count(node.Addr()))
	}
}

// A slot that has moved costs a redirection, not a failure.
func testClusterMoved(t *testing.T, cluster *redistest.Cluster) {
	for name, warm := range map[string]bool{"to a stranger": false, "to a node in use": true} {
		t.Run(name, func(t *testing.T) {
			d := &dials{to: make(map[string]int)}
			pool, key, to := clusterWithKey(t, cluster, redis.ClusterOptions{Dialer: d.dial, PoolSize: 1}, warm)
			cluster.MoveSlot(t, cluster.Slot(t, key), to)
			for range 3 {
				requireGranted(t, pool, key, "token")
			}
			requireDialsOf(t, d, to, warm)
			require.Equal(t, "token", to.Do(t, "GET", key))
		})
	}
}

// What the node at the end of a redirection answers is the answer.
func testClusterAnswerAfterMoved(t *testing.T, cluster *redistest.Cluster) {
	pool, key, to := clusterWithKey(t, cluster, redis.ClusterOptions{}, false)
	cluster.MoveSlot(t, cluster.Slot(t, key), to)
	to.Do(t, "RPUSH", key, "element")
	_, err := pool.Eval(within(t, patience), acquire(key, "token"))
	require.ErrorContains(t, err, "WRONGTYPE")
	require.True(t, driver.IsReply(err))
}

// Without redirections MOVED is the answer.
func testClusterMovedTooOften(t *testing.T, cluster *redistest.Cluster) {
	pool, key, to := clusterWithKey(t, cluster, redis.ClusterOptions{MaxRedirects: -1}, false)
	cluster.MoveSlot(t, cluster.Slot(t, key), to)
	_, err := pool.Eval(within(t, patience), acquire(key, "token"))
	require.ErrorContains(t, err, "MOVED")
	require.True(t, driver.IsReply(err))
	require.Eventually(t, func() bool { // the layout has been loaded again
		_, err := pool.Eval(within(t, patience), acquire(key, "token"))
		return err == nil
	}, patience, 10*time.Millisecond)
}

// While a slot moves, keys that the old owner does not have are the new one's.
func testClusterAsk(t *testing.T, cluster *redistest.Cluster) {
	for name, warm := range map[string]bool{"a stranger": false, "a node in use": true} {
		t.Run(name, func(t *testing.T) {
			d := &dials{to: make(map[string]int)}
			pool, key, to := clusterWithKey(t, cluster, redis.ClusterOptions{Dialer: d.dial, PoolSize: 1}, warm)
			to.Do(t, "SCRIPT", "FLUSH") // so that ASKING is needed twice
			finish := cluster.BeginMove(t, cluster.Slot(t, key), to)
			for range 3 {
				requireGranted(t, pool, key, "token")
			}
			finish()
			requireDialsOf(t, d, to, warm)
			require.Equal(t, "token", to.Do(t, "GET", key))
			requireGranted(t, pool, key, "token")
		})
	}
}

// clusterWithKey returns a pool that knows the cluster's layout, a key that is
// free, and a node that is not its owner. warm is whether the pool has a
// connection to that one.
func clusterWithKey(
	t testing.TB, cluster *redistest.Cluster, opts redis.ClusterOptions, warm bool,
) (driver.Pool, string, *redistest.Node) {
	t.Helper()
	pool, key := goredis.NewPool(openCluster(t, cluster, opts)), redistest.Name(t)
	owner := cluster.Owner(t, cluster.Slot(t, key))
	to := cluster.Nodes[0]
	if to == owner {
		to = cluster.Nodes[1]
	}
	requireGranted(t, pool, keyOf(t, cluster, owner), "token")
	if warm {
		requireGranted(t, pool, keyOf(t, cluster, to), "token")
	}
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

// cutter is a node's hook that lets a command run and then loses its reply.
type cutter struct {
	recorder
	cut  atomic.Bool
	runs atomic.Int64
}

func (c *cutter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.note(cmd.Name())
		err := next(ctx, cmd)
		if c.cut.Load() && cmd.Name() == "evalsha" {
			c.runs.Add(1)
			return io.EOF
		}
		return err
	}
}

// Hooks of the nodes run, and what they report as lost is not sent again.
func testClusterLostReply(t *testing.T, cluster *redistest.Cluster) {
	client, hook := openCluster(t, cluster, redis.ClusterOptions{}), &cutter{}
	client.OnNewNode(func(node *redis.Client) { node.AddHook(hook) })
	pool, key := goredis.NewPool(client), redistest.Name(t)
	requireGranted(t, pool, key, "token")
	require.Contains(t, hook.commands(), "evalsha")

	hook.cut.Store(true)
	_, err := pool.Eval(within(t, patience), acquire(key, "token"))
	require.ErrorIs(t, err, io.EOF)
	require.False(t, driver.IsReply(err))
	require.EqualValues(t, 1, hook.runs.Load())
}

// A hung master does not keep a call beyond its deadline, although the client
// itself would wait for ages, and keeps nothing from the other masters.
func testClusterHungMaster(t *testing.T, cluster *redistest.Cluster) {
	pool := goredis.NewPool(openCluster(t, cluster, redis.ClusterOptions{ReadTimeout: time.Hour}))
	hung, other := keyOf(t, cluster, cluster.Nodes[0]), keyOf(t, cluster, cluster.Nodes[1])
	requireGranted(t, pool, hung, "token")
	cluster.Nodes[0].Pause(t)
	defer cluster.Nodes[0].Resume(t)
	done := make(chan error, 1)
	go func() {
		_, err := pool.Eval(within(t, 100*time.Millisecond), acquire(hung, "token"))
		done <- err
	}()
	requireGranted(t, pool, other, "token")
	select {
	case err := <-done:
		require.Error(t, err)
		require.False(t, driver.IsReply(err))
	case <-time.After(patience):
		require.FailNow(t, "the call did not return after its deadline")
	}
}

// The hooks of the ClusterClient itself do not run, unless the client is wrapped.
func testClusterOwnHooks(t *testing.T, cluster *redistest.Cluster) {
	client, key := openCluster(t, cluster, redis.ClusterOptions{}), redistest.Name(t)
	client.AddHook(&prefix{})
	requireGranted(t, goredis.NewPool(client), key, "bare")
	requireGranted(t, goredis.NewPool(struct{ *redis.ClusterClient }{client}), key, "wrapped")
	for key, token := range map[string]string{key: "bare", "prefix:" + key: "wrapped"} {
		require.Equal(t, token, cluster.Owner(t, cluster.Slot(t, key)).Do(t, "GET", key))
	}
}

func TestClusterUnreachable(t *testing.T) {
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, DialerRetries: 1})
	defer client.Close()
	_, err := goredis.NewPool(client).Eval(within(t, patience), acquire("key", "token"))
	require.Error(t, err)
	require.False(t, driver.IsReply(err))
}

// A script that has no key may run on any master.
func testClusterWithoutKeys(t *testing.T, cluster *redistest.Cluster) {
	for _, node := range cluster.Nodes {
		node.Do(t, "SCRIPT", "LOAD", "return 7")
	}
	digest := cluster.Nodes[0].Do(t, "SCRIPT", "LOAD", "return 7")
	call := driver.NewCall(scripts.Mutex().Check, nil)
	call.Command()[1] = digest
	pool := goredis.NewPool(openCluster(t, cluster, redis.ClusterOptions{}))
	reply, err := pool.Eval(within(t, patience), &call)
	require.NoError(t, err)
	require.EqualValues(t, 7, reply)
}
