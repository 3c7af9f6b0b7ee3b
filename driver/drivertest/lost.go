package drivertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// lostReply has the server run a script whose reply never arrives. Whether it
// ran is not known then, and sending it again is not the client's business.
func (s suite) lostReply(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	pool, key := s.pool(t, node.Addr(), Options{}), redistest.Name(t)
	call := custom(t, node, "return redis.call('INCR', KEYS[1])", []any{key})
	reply, err := pool.Eval(within(t, patience), call)
	require.NoError(t, err)
	require.EqualValues(t, 1, reply)

	node.Proxy().DropReplies(true)
	// Time enough for the reply to be lost: one whose client has hung up never is.
	reply, err = receive(t, evalAsync(pool, within(t, time.Second), call))
	requireUnknown(t, reply, err)
	require.Positive(t, node.Proxy().DroppedReplies())
	node.Proxy().Heal()
	require.Equal(t, "2", node.Do(t, "GET", key))
	requireEventually(t, pool, redistest.Name(t))
	require.Equal(t, "2", node.Do(t, "GET", key))
}

// lostConnection breaks the connection in place of a reply, which clients take
// for an idle connection that was closed, and like to try again.
func (s suite) lostConnection(t *testing.T) {
	server := StartFakeServer(t, func(r Request) string {
		if r.Number == 1 {
			return ":1\r\n"
		}
		return HangUp
	})
	pool := s.pool(t, server.Addr(), Options{})
	for number := int64(1); number <= 3; number++ {
		reply, err := pool.Eval(within(t, patience), check("key", "token"))
		require.Equal(t, number, server.Requests(), "one request a call")
		if number > 1 {
			requireUnknown(t, reply, err)
		}
	}
}

// goneAndBack kills a server and brings it back empty, without its scripts.
func (s suite) goneAndBack(t *testing.T) {
	redistest.Needs(t, redistest.CanKill, redistest.CanRestartEmpty)
	node := redistest.StartOne(t)
	pool, key := s.pool(t, node.Addr(), Options{}), redistest.Name(t)
	reply, err := pool.Eval(within(t, patience), check(key, "token"))
	require.NoError(t, err)
	require.Equal(t, keyMissing, reply)

	node.Kill(t)
	for range 3 { // the old connection, then new ones
		reply, err = evalInTime(t, pool, check(key, "token"))
		requireUnknown(t, reply, err)
	}
	node.Restart(t)
	requireEventually(t, pool, key)
}

// closedClient uses a client that its owner has closed, with and without a
// connection.
func (s suite) closedClient(t *testing.T) {
	node := redistest.StartOne(t)
	for _, connected := range []bool{false, true} {
		pool, closeClient := s.open(t, node.Addr(), Options{})
		if connected {
			requireEventually(t, pool, redistest.Name(t))
		}
		closeClient()
		for range 2 {
			reply, err := evalInTime(t, pool, check("key", "token"))
			requireUnknown(t, reply, err)
		}
	}
}

// requireEventually waits until the pool answers again.
func requireEventually(t testing.TB, pool driver.Pool, key string) {
	t.Helper()
	require.Eventually(t, func() bool {
		reply, err := pool.Eval(within(t, time.Second), check(key, "token"))
		return err == nil && reply == keyMissing
	}, patience, 10*time.Millisecond)
}

// requireRecovery waits until a node that was paused answers again.
func (s suite) requireRecovery(t testing.TB, node *redistest.Node) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := node.TryDo("PING")
		return err == nil
	}, patience, 10*time.Millisecond)
}

// follow makes one node a replica of another, and returns once it has begun.
func follow(t testing.TB, replica, master *redistest.Node) {
	t.Helper()
	host, port := splitAddr(t, master.DirectAddr())
	replica.Do(t, "REPLICAOF", host, port)
	t.Cleanup(func() { _, _ = replica.TryDo("REPLICAOF", "NO", "ONE") })
	role, ok := replica.Do(t, "ROLE").([]any)
	require.True(t, ok)
	require.Equal(t, "slave", role[0])
}
