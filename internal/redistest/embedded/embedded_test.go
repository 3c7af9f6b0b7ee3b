package embedded_test

import (
	"errors"
	"net"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/leaktest"
	"github.com/holdfast-go/holdfast/internal/redistest/embedded"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const (
	patience = 20 * time.Second       // bounds a wait for what is bound to happen
	hung     = 100 * time.Millisecond // how long what must not happen is waited for
)

func start(t *testing.T) *embedded.Node {
	t.Helper()
	node, err := embedded.Start()
	require.NoError(t, err)
	t.Cleanup(node.Close)
	return node
}

func dial(t *testing.T, node *embedded.Node) redis.Conn {
	t.Helper()
	conn, err := redis.Dial("tcp", node.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func do(t *testing.T, conn redis.Conn, name string, args ...any) any {
	t.Helper()
	reply, err := redis.DoWithTimeout(conn, patience, name, args...)
	require.NoError(t, err)
	return reply
}

func number(t *testing.T, reply any) int64 {
	t.Helper()
	n, err := redis.Int64(reply, nil)
	require.NoError(t, err)
	return n
}

// requireHung sends a command that must not be answered.
func requireHung(t *testing.T, conn redis.Conn, name string, args ...any) {
	t.Helper()
	_, err := redis.DoWithTimeout(conn, hung, name, args...)
	var timeout net.Error
	require.True(t, errors.As(err, &timeout) && timeout.Timeout(), "got %v", err)
}

func requireRefused(t *testing.T, node *embedded.Node) {
	t.Helper()
	conn, err := net.Dial("tcp", node.Addr())
	if err == nil {
		_ = conn.Close()
	}
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestKeysExpireByThemselvesAndNotEarly(t *testing.T) {
	conn := dial(t, start(t))
	const ttl = 100 * time.Millisecond
	before := time.Now()
	do(t, conn, "SET", "k", "v", "PX", ttl.Milliseconds())
	for number(t, do(t, conn, "EXISTS", "k")) == 1 {
		require.Less(t, time.Since(before), patience)
	}
	assert.GreaterOrEqual(t, time.Since(before), ttl)
}

// A clock that is moved in steps takes a whole step from a key that is made just
// before it, and a step of a busy machine can be long.
func TestKeysMadeOneAfterTheOtherAllLiveTheirTime(t *testing.T) {
	node := start(t)
	const ttl, keys = 20 * time.Millisecond, 50
	var all sync.WaitGroup
	for i := range keys {
		conn := dial(t, node)
		all.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond) // spreads them over the steps of the clock: a load, and no wait for anything
			before := time.Now()
			_, err := conn.Do("SET", i, "v", "PX", ttl.Milliseconds())
			for alive := 1; err == nil && alive == 1; {
				alive, err = redis.Int(conn.Do("EXISTS", i))
			}
			assert.NoError(t, err)
			assert.GreaterOrEqual(t, time.Since(before), ttl)
		})
	}
	all.Wait()
}

func TestAbsoluteExpiryFollowsTheWallClock(t *testing.T) {
	conn := dial(t, start(t))
	do(t, conn, "SET", "k", "v")
	do(t, conn, "PEXPIREAT", "k", time.Now().Add(30*time.Millisecond).UnixMilli())
	require.Eventually(t, func() bool { return number(t, do(t, conn, "EXISTS", "k")) == 0 },
		patience, time.Millisecond)
}

func TestTimeIsTheWallClocksAlsoInScripts(t *testing.T) {
	conn := dial(t, start(t))
	clock := func() time.Time {
		reply, err := redis.Strings(do(t, conn, "EVAL", "return redis.call('TIME')", 0), nil)
		require.NoError(t, err)
		seconds, err := strconv.ParseInt(reply[0], 10, 64)
		require.NoError(t, err)
		micros, err := strconv.ParseInt(reply[1], 10, 64)
		require.NoError(t, err)
		return time.Unix(seconds, micros*1000)
	}
	for range 20 {
		before := time.Now().Truncate(time.Microsecond)
		assert.WithinRange(t, clock(), before, time.Now())
	}
}

// spin is Lua that takes a while: some milliseconds, far more than the ttl that
// the tests give to keys.
const spin = "for i = 1, 300000 do local x = i * i end "

func TestTheClockStandsStillInsideAScript(t *testing.T) {
	node := start(t)
	conn := dial(t, node)
	stop := make(chan struct{})
	var others sync.WaitGroup
	other := dial(t, node)
	others.Go(func() { // other clients move the clock, but not now
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = other.Do("PING")
			}
		}
	})
	reply := do(t, conn, "EVAL", "local a = redis.call('TIME') "+spin+
		"local b = redis.call('TIME') return {a[1], a[2], b[1], b[2]}", 0)
	times, err := redis.Strings(reply, nil)
	require.NoError(t, err)
	assert.Equal(t, times[:2], times[2:])
	close(stop)
	others.Wait()
}

func TestAKeyThatAScriptSawLivesToItsEnd(t *testing.T) {
	conn := dial(t, start(t))
	reply := do(t, conn, "EVAL", "redis.call('SET', KEYS[1], 'v', 'PX', 1) "+spin+
		"return redis.call('EXISTS', KEYS[1])", 1, "k")
	assert.EqualValues(t, 1, reply)
	require.Eventually(t, func() bool { return number(t, do(t, conn, "EXISTS", "k")) == 0 },
		patience, time.Millisecond)
}

func TestPausedNodeAcceptsAndDoesNotAnswer(t *testing.T) {
	node := start(t)
	old := dial(t, node)
	do(t, old, "SET", "ttl", "v", "PX", 10)
	node.Pause()
	node.Pause()
	requireHung(t, old, "SET", "late", "v")
	requireHung(t, dial(t, node), "EVAL", "return 1", 0)
	node.Resume()
	node.Resume()
	conn := dial(t, node)
	require.Eventually(t, func() bool { return number(t, do(t, conn, "EXISTS", "late")) == 1 },
		patience, time.Millisecond, "a command of the pause was not run")
	assert.EqualValues(t, 0, do(t, conn, "EXISTS", "ttl"), "lifetimes stood still")
}

func TestStopAndRestart(t *testing.T) {
	node := start(t)
	addr := node.Addr()
	conn := dial(t, node)
	do(t, conn, "SET", "k", "v")
	node.Stop()
	node.Stop()
	_, err := conn.Do("PING")
	require.Error(t, err)
	requireRefused(t, node)
	require.NoError(t, node.Restart())
	assert.Equal(t, addr, node.Addr())
	assert.EqualValues(t, 0, do(t, dial(t, node), "DBSIZE"))
}

func TestRestartWhileItRunsOrIsPausedComesBackEmpty(t *testing.T) {
	node := start(t)
	do(t, dial(t, node), "SET", "k", "v")
	require.NoError(t, node.Restart())
	assert.EqualValues(t, 0, do(t, dial(t, node), "DBSIZE"))
	node.Pause()
	requireHung(t, dial(t, node), "SET", "k", "v")
	require.NoError(t, node.Restart())
	assert.EqualValues(t, 0, do(t, dial(t, node), "DBSIZE"), "a command of the pause was run")
}

// A client that is waiting for a node to come back must never get another
// answer than that it is not there or has no such script.
func TestRestartedNodeKnowsItsCommandsFromTheFirstConnectionOn(t *testing.T) {
	node := start(t)
	stop, ended := make(chan struct{}), make(chan error)
	go func() { ended <- askUntil(stop, node.Addr()) }()
	for range 20 {
		require.NoError(t, node.Restart())
		do(t, dial(t, node), "PING")
	}
	close(stop)
	assert.NoError(t, <-ended)
}

// askUntil connects and asks again and again. It returns a reply that is an
// error.
func askUntil(stop <-chan struct{}, addr string) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		conn, err := redis.Dial("tcp", addr)
		if err != nil {
			continue
		}
		_, err = conn.Do("PING")
		_ = conn.Close()
		var reply redis.Error
		if errors.As(err, &reply) {
			return reply
		}
	}
}

func TestCloseWhilePausedWithCommandsWaiting(t *testing.T) {
	node := start(t)
	conn := dial(t, node)
	node.Pause()
	requireHung(t, conn, "SET", "k", "v")
	node.Close()
	node.Close()
	node.Stop()
	node.Pause()
	node.Resume()
	requireRefused(t, node)
	assert.Error(t, node.Restart())
}

func TestSubscribersEndWithTheNode(t *testing.T) {
	node := start(t)
	subscriber := redis.PubSubConn{Conn: dial(t, node)}
	require.NoError(t, subscriber.Subscribe("c"))
	require.IsType(t, redis.Subscription{}, subscriber.ReceiveWithTimeout(patience))
	node.Stop()
	assert.Implements(t, (*error)(nil), subscriber.ReceiveWithTimeout(patience))
}

func TestScriptsMayCallUnknownCommandsAndFail(t *testing.T) {
	conn := dial(t, start(t))
	_, err := conn.Do("EVAL", "return redis.call('EVAL', 'return 1', 0)", 0)
	assert.Error(t, err, "and does not hang")
	_, err = conn.Do("EVAL", "return redis.call('NOSUCH')", 0)
	assert.Error(t, err)
	assert.Equal(t, "PONG", do(t, conn, "PING"))
}
