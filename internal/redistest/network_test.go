package redistest

import (
	"net"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// disconnectable are the options of the nodes that Disconnect is tried on.
func disconnectable(t *testing.T, do func(t *testing.T, opts ...Option)) {
	t.Run("published", func(t *testing.T) { do(t) })
	t.Run("own address", func(t *testing.T) {
		Needs(t, CanAddress)
		do(t, WithOwnAddress())
	})
}

// A node that is off its network keeps what it has, and is out of reach.
func TestDisconnectAndReconnect(t *testing.T) {
	Needs(t, CanDisconnect)
	disconnectable(t, func(t *testing.T, opts ...Option) {
		node := StartOne(t, opts...)
		addr := node.Addr()
		conn := client(t, node)
		ask(t, conn, "SET", "k", "v")
		node.Disconnect(t)
		_, err := redis.DoWithTimeout(conn, hung, "SET", "late", "yes") // may come through later
		require.Error(t, err)
		node.Reconnect(t)
		assert.Equal(t, addr, node.Addr())
		require.Eventually(t, func() bool {
			value, err := node.TryDo("GET", "k")
			return err == nil && value == "v"
		}, patience, time.Millisecond)
	})
}

// Nodes with addresses of their own listen on the same port, and keep their address
// when they are killed and come back.
func TestOwnAddresses(t *testing.T) {
	Needs(t, CanAddress, CanRestartEmpty, CanKill)
	nodes := Start(t, 3, WithOwnAddress())
	hosts := make(map[string]bool)
	for _, node := range nodes {
		host, port, err := net.SplitHostPort(node.DirectAddr())
		require.NoError(t, err)
		assert.Equal(t, "6379", port)
		assert.False(t, net.ParseIP(host).IsLoopback())
		hosts[host] = true
	}
	assert.Len(t, hosts, len(nodes))

	node := nodes[1]
	ask(t, client(t, node), "SET", "k", "v")
	node.Kill(t)
	_, err := redis.Dial("tcp", node.Addr(), redis.DialConnectTimeout(hung))
	require.Error(t, err)
	node.Restart(t)
	assert.EqualValues(t, 0, ask(t, client(t, node), "DBSIZE"))
}
