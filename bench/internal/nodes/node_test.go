package nodes

import (
	"net"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func start(t *testing.T, n int) []*Node {
	t.Helper()
	nodes, err := Start(n)
	require.NoError(t, err)
	t.Cleanup(func() { StopAll(nodes) })
	return nodes
}

func TestNodesAreIndependent(t *testing.T) {
	nodes := start(t, 2)
	_, err := nodes[0].Do("SET", "k", "v")
	require.NoError(t, err)

	first, err := nodes[0].Keys()
	require.NoError(t, err)
	second, err := nodes[1].Keys()
	require.NoError(t, err)
	require.Equal(t, []string{"k"}, first)
	require.Empty(t, second)

	require.NoError(t, nodes[0].Flush())
	first, err = nodes[0].Keys()
	require.NoError(t, err)
	require.Empty(t, first)
}

func TestHungNodeAcceptsAndAnswersOnlyAfterResume(t *testing.T) {
	node := start(t, 1)[0]
	require.NoError(t, node.Hang())
	conn, err := redis.Dial("tcp", node.Addr())
	require.NoError(t, err, "the kernel accepts for a stopped process")
	defer func() { _ = conn.Close() }()

	_, err = redis.DoWithTimeout(conn, 100*time.Millisecond, "PING")
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())

	require.NoError(t, node.Resume())
	_, err = node.Do("PING")
	require.NoError(t, err)
}

func TestKilledNodeRefusesAndComesBackEmpty(t *testing.T) {
	node := start(t, 1)[0]
	_, err := node.Do("SET", "k", "v")
	require.NoError(t, err)
	require.NoError(t, node.Kill())
	_, err = node.Do("PING")
	require.Error(t, err)

	require.NoError(t, node.Restart())
	keys, err := node.Keys()
	require.NoError(t, err)
	require.Empty(t, keys)
}

func TestStopEndsHungNode(t *testing.T) {
	node := start(t, 1)[0]
	require.NoError(t, node.Hang())
	node.Stop()
	_, err := net.Dial("tcp", node.Addr())
	require.Error(t, err)
	require.NoDirExists(t, node.dir)
}

func TestVersion(t *testing.T) {
	version, err := start(t, 1)[0].Version()
	require.NoError(t, err)
	require.Regexp(t, `^\d+\.\d+`, version)
}
