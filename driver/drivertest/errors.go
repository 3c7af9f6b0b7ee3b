package drivertest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// wrongType is an error out of the middle of a script. The connection must
// survive it.
func (s suite) wrongType(t *testing.T) {
	node := redistest.StartOne(t)
	pool, key := s.pool(t, node.Addr(), Options{}), redistest.Name(t)
	node.Do(t, "RPUSH", key, "element")

	reply, err := pool.Eval(within(t, patience), check(key, "token"))
	requireAnswer(t, reply, err, "WRONGTYPE")

	node.Do(t, "DEL", key)
	reply, err = pool.Eval(within(t, patience), check(key, "token"))
	require.NoError(t, err)
	require.Equal(t, keyMissing, reply)
}

// wrongPassword fails while the client connects, which is an answer too: the
// node is up and ran nothing.
func (s suite) wrongPassword(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithConfig("requirepass secret"))
	for password, text := range map[string]string{"": "NOAUTH", "wrong": "WRONGPASS"} {
		pool := s.pool(t, node.Addr(), Options{Password: password})
		reply, err := pool.Eval(within(t, patience), check("key", "token"))
		requireAnswer(t, reply, err, text)
	}
	pool := s.pool(t, node.Addr(), Options{Password: "secret"})
	reply, err := pool.Eval(within(t, patience), check("key", "token"))
	require.NoError(t, err)
	require.Equal(t, keyMissing, reply)
}

// outOfMemory has the server refuse to write.
func (s suite) outOfMemory(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithConfig("maxmemory 1", "maxmemory-policy noeviction"))
	pool, key := s.pool(t, node.Addr(), Options{}), redistest.Name(t)
	reply, err := pool.Eval(within(t, patience), acquire(key, "token"))
	requireAnswer(t, reply, err, "OOM")
	require.EqualValues(t, 0, node.Do(t, "EXISTS", key))
}

// readOnlyReplica asks a replica, as after a failover that the client has not
// seen.
func (s suite) readOnlyReplica(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig) // a server of our own
	nodes := redistest.Start(t, 2)
	pool, key := s.pool(t, nodes[1].Addr(), Options{}), redistest.Name(t)
	follow(t, nodes[1], nodes[0])

	reply, err := pool.Eval(within(t, patience), acquire(key, "token"))
	requireAnswer(t, reply, err, "READONLY")
	require.EqualValues(t, 0, nodes[1].Do(t, "EXISTS", key))
}

// movedByClusterNode asks one node of a Cluster for a key of another one, with a
// client that knows nothing of Clusters.
func (s suite) movedByClusterNode(t *testing.T) {
	addrs := redistest.StartCluster(t)
	pool, moved := s.pool(t, addrs[0], Options{}), 0
	for i := range 20 {
		reply, err := pool.Eval(within(t, patience), check(fmt.Sprint("key", i), "token"))
		if err != nil {
			requireAnswer(t, reply, err, "MOVED")
			moved++
		}
	}
	require.Positive(t, moved, "twenty keys, a third of the slots")
	require.Less(t, moved, 20)
}

// answersAreFinal has the server send errors that clients like to retry. The
// engine decides on that, in its own time.
func (s suite) answersAreFinal(t *testing.T) {
	for _, text := range []string{
		"LOADING Redis is loading the dataset in memory",
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
		"READONLY You can't write against a read only replica.",
		"CLUSTERDOWN Hash slot not served",
		"TRYAGAIN Multiple keys request during rehashing of slot",
		"MOVED 3999 127.0.0.1:6381",
		"ASK 3999 127.0.0.1:6381",
		"NOREPLICAS Not enough good replicas to write.",
		"BUSY Redis is busy running a script.",
		"NOPERM this user has no permissions to run the 'evalsha' command",
		"ERR max number of clients reached",
		"OOM command not allowed when used memory > 'maxmemory'.",
	} {
		t.Run(text, func(t *testing.T) {
			server := StartFakeServer(t, func(Request) string { return "-" + text + "\r\n" })
			pool := s.pool(t, server.Addr(), Options{})
			reply, err := pool.Eval(within(t, patience), check("key", "token"))
			requireAnswer(t, reply, err, text)
			require.Equal(t, text, err.Error())
			var answer *driver.ReplyError
			require.ErrorAs(t, err, &answer)
			require.EqualValues(t, 1, server.Requests())
		})
	}
}
