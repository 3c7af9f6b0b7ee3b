package redistest

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience bounds every wait for something that is bound to happen.
const patience = 40 * time.Second

// hung is how long a test waits for an answer that must not come.
const hung = 100 * time.Millisecond

// client connects to a node as a client under test would.
func client(t *testing.T, n *Node) redis.Conn {
	t.Helper()
	conn, err := redis.Dial("tcp", n.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ask runs a command that must work.
func ask(t *testing.T, conn redis.Conn, name string, args ...any) any {
	t.Helper()
	reply, err := redis.DoWithTimeout(conn, patience, name, args...)
	require.NoError(t, err)
	return plain(reply)
}

// requireNoAnswer runs a command that must not be answered.
func requireNoAnswer(t *testing.T, conn redis.Conn, name string, args ...any) {
	t.Helper()
	_, err := redis.DoWithTimeout(conn, hung, name, args...)
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout(), "got %v", err)
}

// requireRefused connects, which must not work.
func requireRefused(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		_ = conn.Close()
	}
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

// both runs a test on a node with and without a proxy.
func both(t *testing.T, test func(t *testing.T, opts ...Option)) {
	t.Run("direct", func(t *testing.T) { test(t) })
	t.Run("proxied", func(t *testing.T) { test(t, WithProxy()) })
}

func TestStartGivesIndependentNodes(t *testing.T) {
	const n = 3
	Needs(t, CanFlush) // shared servers are not empty
	nodes := Start(t, n)
	require.Len(t, nodes, n)
	addrs := map[string]bool{}
	for i, node := range nodes {
		addrs[node.Addr()] = true
		assert.EqualValues(t, 0, node.Do(t, "DBSIZE"))
		node.Do(t, "SET", "which", i)
	}
	assert.Len(t, addrs, n)
	for i, node := range nodes {
		assert.Equal(t, fmt.Sprint(i), node.Do(t, "GET", "which"))
	}
}

// A backend may give a server to one test after the other. None sees that.
func TestNodesOfOtherTestsLeaveNothingBehind(t *testing.T) {
	Needs(t, CanFlush)
	const script, hash = "return 1", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
	var subscriber redis.Conn
	left := []func(n *Node, t *testing.T){
		func(n *Node, t *testing.T) { n.Do(t, "SET", "k", "v") },
		func(n *Node, t *testing.T) { n.Do(t, "EVAL", script, 0) },
		func(n *Node, t *testing.T) {
			if Has(CanConfig) {
				n.Do(t, "CONFIG", "SET", "maxmemory", "1")
			}
		},
		func(n *Node, t *testing.T) {
			if Has(CanConfig) {
				n.Do(t, "ACL", "SETUSER", "default", "-set")
			}
		},
		func(n *Node, t *testing.T) { n.Pause(t) },
	}
	for _, leave := range left {
		t.Run("one", func(t *testing.T) {
			node := StartOne(t)
			conn, err := redis.Dial("tcp", node.Addr())
			require.NoError(t, err)
			subscriber = conn
			ask(t, conn, "SUBSCRIBE", "channel")
			leave(node, t)
		})
		t.Run("next", func(t *testing.T) {
			defer subscriber.Close()
			_, err := redis.ReceiveWithTimeout(subscriber, patience)
			require.Error(t, err)
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the client of the test before is still connected")
			node := StartOne(t)
			assert.EqualValues(t, 0, node.Do(t, "DBSIZE"))
			_, err = node.TryDo("EVALSHA", hash, 0)
			assert.ErrorContains(t, err, "NOSCRIPT")
			node.Do(t, "SET", "k", "v")
			assert.EqualValues(t, 0, node.Do(t, "PUBLISH", "channel", "message"))
		})
	}
}

func TestStartInParallel(t *testing.T) {
	for i := range 6 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			node := StartOne(t)
			name := Name(t)
			assert.Equal(t, "OK", ask(t, client(t, node), "SET", name, i, "PX", 60000))
			assert.Equal(t, fmt.Sprint(i), node.Do(t, "GET", name))
		})
	}
}

func TestNameIsUnique(t *testing.T) {
	assert.NotEqual(t, Name(t), Name(t))
	t.Run("a {b}", func(t *testing.T) { assert.NotContains(t, Name(t), "{") })
}

func TestPauseAndResume(t *testing.T) {
	Needs(t, CanPause)
	both(t, func(t *testing.T, opts ...Option) {
		node := StartOne(t, opts...)
		old := client(t, node)
		ask(t, old, "PING")
		node.Pause(t)
		node.Pause(t)
		requireNoAnswer(t, old, "SET", "late", "yes")
		requireNoAnswer(t, client(t, node), "PING") // new connections are accepted
		node.Resume(t)
		node.Resume(t)
		assert.Equal(t, "PONG", ask(t, client(t, node), "PING"))
		require.Eventually(t, func() bool { return node.Do(t, "GET", "late") == "yes" },
			patience, time.Millisecond, "what came in during the pause was not run")
	})
}

func TestKill(t *testing.T) {
	Needs(t, CanKill)
	both(t, func(t *testing.T, opts ...Option) {
		node := StartOne(t, opts...)
		conn := client(t, node)
		ask(t, conn, "PING")
		node.Kill(t)
		node.Kill(t)
		_, err := redis.DoWithTimeout(conn, patience, "PING")
		require.Error(t, err)
		requireRefused(t, node.Addr())
		requireRefused(t, node.DirectAddr())
	})
}

func TestKillWhilePaused(t *testing.T) {
	Needs(t, CanKill, CanPause, CanRestartEmpty)
	node := StartOne(t)
	node.Pause(t)
	node.Kill(t)
	requireRefused(t, node.Addr())
	node.Restart(t)
	assert.Equal(t, "PONG", node.Do(t, "PING"))
}

func TestRestartComesBackEmptyOnTheSameAddress(t *testing.T) {
	Needs(t, CanRestartEmpty, CanKill, CanPause)
	states := map[string]func(*Node, *testing.T){
		"alive":  func(*Node, *testing.T) {},
		"killed": func(n *Node, t *testing.T) { n.Kill(t) },
		"paused": func(n *Node, t *testing.T) { n.Pause(t) },
	}
	for state, enter := range states {
		t.Run(state, func(t *testing.T) {
			both(t, func(t *testing.T, opts ...Option) {
				node := StartOne(t, opts...)
				addr := node.Addr()
				ask(t, client(t, node), "SET", "k", "v")
				ask(t, client(t, node), "SCRIPT", "LOAD", "return 1")
				enter(node, t)
				node.Restart(t)
				assert.Equal(t, addr, node.Addr())
				assert.EqualValues(t, 0, ask(t, client(t, node), "DBSIZE"))
				_, err := node.TryDo("EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", 0)
				assert.ErrorContains(t, err, "NOSCRIPT")
			})
		})
	}
}

func TestStoppedWithItsTestWhilePausedOrKilled(t *testing.T) {
	Needs(t, CanPause, CanKill)
	var paused, killed *Node
	t.Run("test", func(t *testing.T) {
		nodes := Start(t, 2)
		paused, killed = nodes[0], nodes[1]
		paused.Pause(t)
		killed.Kill(t)
	})
	requireRefused(t, paused.Addr())
	requireRefused(t, killed.Addr())
}

func TestFlush(t *testing.T) {
	Needs(t, CanFlush)
	node := StartOne(t)
	node.Do(t, "SET", "k", "v")
	node.Flush(t)
	assert.EqualValues(t, 0, node.Do(t, "DBSIZE"))
}

func TestWithConfig(t *testing.T) {
	Needs(t, CanConfig)
	node := StartOne(t, WithConfig("requirepass secret", "maxmemory 7mb", `notify-keyspace-events ""`))
	assert.Equal(t, []any{"maxmemory", "7340032"}, node.Do(t, "CONFIG", "GET", "maxmemory"))
	_, err := client(t, node).Do("PING")
	assert.ErrorContains(t, err, "NOAUTH")
	node.Restart(t)
	assert.Equal(t, "PONG", node.Do(t, "PING"))
}

func TestRestartForgetsWhatANodeWasConfiguredToSave(t *testing.T) {
	Needs(t, CanConfig, CanRestartEmpty)
	node := StartOne(t, WithConfig("appendonly yes", "appendfsync always"))
	node.Do(t, "SET", "k", "v")
	node.Do(t, "SAVE")
	node.Restart(t)
	assert.EqualValues(t, 0, node.Do(t, "DBSIZE"))
}

func TestRepliesAreOfFourTypes(t *testing.T) {
	node := StartOne(t)
	reply := node.Do(t, "EVAL", "return {1, 'two', false, {redis.status_reply('FOUR')}}", 0)
	assert.Equal(t, []any{int64(1), "two", nil, []any{"FOUR"}}, reply)
	_, err := node.TryDo("EVAL", "return redis.error_reply('NO way')", 0)
	var sent redis.Error
	assert.ErrorAs(t, err, &sent)
}

func TestKeysExpireByThemselves(t *testing.T) {
	node := StartOne(t)
	name := Name(t)
	node.Do(t, "SET", name, "v", "PX", 30)
	require.Eventually(t, func() bool { return node.Do(t, "EXISTS", name) == int64(0) },
		patience, time.Millisecond)
}

func TestPublishReachesSubscribers(t *testing.T) {
	node := StartOne(t)
	channel := Name(t)
	subscriber := redis.PubSubConn{Conn: client(t, node)}
	require.NoError(t, subscriber.Subscribe(channel))
	require.IsType(t, redis.Subscription{}, subscriber.ReceiveWithTimeout(patience))
	node.Do(t, "PUBLISH", channel, "hello")
	message := subscriber.ReceiveWithTimeout(patience)
	assert.Equal(t, redis.Message{Channel: channel, Data: []byte("hello")}, message)
}
