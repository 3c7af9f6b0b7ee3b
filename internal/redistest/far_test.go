package redistest

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dialFar connects to a node as a client does that is far away from it.
func dialFar(t *testing.T, node *Node) redis.Conn {
	t.Helper()
	conn, err := redis.Dial("tcp", node.Addr(), redis.DialContextFunc(node.Proxy().DialContext))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// A connection costs a round trip, and so does each question; whether the client waits
// for its connection or does not know that it should.
func TestFarCostsRoundTrips(t *testing.T) {
	const trip = 40 * time.Millisecond
	for name, dial := range map[string]func(*testing.T, *Node) redis.Conn{"dials far": dialFar, "dials near": client} {
		t.Run(name, func(t *testing.T) {
			node := StartOne(t, WithProxy())
			node.Proxy().Far(Link{RoundTrip: trip})
			start := time.Now()
			conn := dial(t, node)
			connected := time.Since(start)
			ask(t, conn, "PING")
			assert.GreaterOrEqual(t, time.Since(start), 2*trip)
			if name == "dials far" {
				assert.GreaterOrEqual(t, connected, trip)
			}
			start = time.Now()
			ask(t, conn, "PING")
			assert.GreaterOrEqual(t, time.Since(start), trip)
		})
	}
}

func TestFarDialEndsWithItsContext(t *testing.T) {
	node := StartOne(t, WithProxy())
	node.Proxy().Far(Link{RoundTrip: time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := node.Proxy().DialContext(ctx, "tcp", node.Addr())
		failed <- err
	}()
	require.Eventually(t, func() bool { // it waits for the round trip
		made, _ := node.Proxy().Dialled()
		return made == 1
	}, patience, time.Millisecond)
	cancel()
	err := <-failed
	require.ErrorIs(t, err, context.Canceled)
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	assert.Equal(t, "dial", op.Op, "clients take it for a failed dial")
}

func TestDialledLeavesOutWhatWasGivenUp(t *testing.T) {
	node := StartOne(t, WithProxy())
	dialled := func(made, together int64) {
		t.Helper()
		m, most := node.Proxy().Dialled()
		assert.Equal(t, [2]int64{made, together}, [2]int64{m, most})
	}
	dial := func() redis.Conn {
		conn, err := redis.Dial("tcp", node.Addr(), redis.DialContextFunc(node.Proxy().DialContext))
		require.NoError(t, err)
		return conn
	}
	used, late, unused := dial(), dial(), dial()
	ask(t, used, "PING")
	dialled(3, 3)
	node.Proxy().DropReplies(true)
	requireNoAnswerOnceDropped(t, node.Proxy().DroppedReplies, late, "PING")
	dialled(2, 3)
	require.NoError(t, unused.Close())
	require.Error(t, unused.Close(), "it counts once")
	dialled(1, 3)
	require.NoError(t, used.Close())
	dialled(1, 3)
	assert.NoError(t, dial().Close())
	dialled(1, 3)
}

// The server runs a request half a round trip after it was sent, so neither at once nor
// with the answer.
func TestFarHoldsRequestsToo(t *testing.T) {
	node, conn := proxied(t)
	node.Proxy().Far(Link{RoundTrip: 2 * time.Hour})
	requests := node.Proxy().Requests()
	require.NoError(t, conn.Send("SET", Name(t), "v", "PX", 60000))
	require.NoError(t, conn.Flush())
	requireNoAnswer(t, conn, "")
	assert.Equal(t, requests, node.Proxy().Requests())
	assert.Nil(t, node.Do(t, "GET", Name(t)))
}

// What a client has sent arrives although it hangs up.
func TestFarDeliversWhatWasSentBeforeTheEnd(t *testing.T) {
	node, conn := proxied(t)
	node.Proxy().Far(Link{RoundTrip: 20 * time.Millisecond})
	name := Name(t)
	require.NoError(t, conn.Send("SET", name, "v", "PX", 60000))
	require.NoError(t, conn.Flush())
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return node.Do(t, "GET", name) == "v" }, patience, time.Millisecond)
}

// Requests of one connection and of several do not wait for each other's answers.
func TestFarIsSideBySide(t *testing.T) {
	node := StartOne(t, WithProxy())
	const conns, each, trip = 10, 10, 200 * time.Millisecond
	node.Proxy().Far(Link{RoundTrip: trip})
	start := time.Now()
	var all sync.WaitGroup
	for range conns {
		conn := dialFar(t, node)
		start = time.Now() // of the last one
		all.Go(func() {
			for i := range each {
				assert.NoError(t, conn.Send("ECHO", i))
				assert.NoError(t, conn.Flush())
			}
			for i := range each {
				got, err := redis.Int(redis.ReceiveWithTimeout(conn, patience))
				assert.NoError(t, err)
				assert.Equal(t, i, got)
			}
		})
	}
	all.Wait()
	assert.Less(t, time.Since(start), conns*each*trip/4, "one after the other takes %s", conns*each*trip)
}

// With jitter, requests of different connections overtake each other.
func TestFarJitterReordersConnections(t *testing.T) {
	node := StartOne(t, WithProxy())
	const tries, apart = 30, 3 * time.Millisecond
	node.Proxy().Far(Link{RoundTrip: time.Millisecond, Jitter: 20 * apart})
	name, overtaken := Name(t), 0
	ahead, behind := dialFar(t, node), dialFar(t, node)
	for range tries {
		for who, conn := range []redis.Conn{ahead, behind} {
			require.NoError(t, conn.Send("RPUSH", name, who))
			require.NoError(t, conn.Flush())
			time.Sleep(apart)
		}
		for _, conn := range []redis.Conn{ahead, behind} {
			_, err := redis.ReceiveWithTimeout(conn, patience)
			require.NoError(t, err)
		}
		if node.Do(t, "LPOP", name) == "1" {
			overtaken++
		}
		node.Do(t, "DEL", name)
	}
	assert.Greater(t, overtaken, tries/8)
	assert.Less(t, overtaken, tries)
}

// All connections together have the bandwidth, each direction its own.
func TestFarBandwidth(t *testing.T) {
	node := StartOne(t, WithProxy())
	const size, rate = 20_000, 200_000
	node.Proxy().Far(Link{Bandwidth: rate})
	start := time.Now()
	var all sync.WaitGroup
	for range 3 {
		conn := dialFar(t, node)
		all.Go(func() {
			got, err := redis.String(redis.DoWithTimeout(conn, patience, "ECHO", strings.Repeat("x", size)))
			assert.NoError(t, err)
			assert.Len(t, got, size)
		})
	}
	all.Wait()
	assert.GreaterOrEqual(t, time.Since(start), 3*size*time.Second/rate)
}

// One of n answers comes, and the end of the fault closes those that lost any.
func TestProxyAnswersOneInSome(t *testing.T) {
	node := StartOne(t, WithProxy())
	proxy := node.Proxy()
	proxy.AnswerOneIn(5)
	answered := 0
	var silent redis.Conn
	for i := range 20 {
		conn := client(t, node)
		require.NoError(t, conn.Send("PING"))
		require.NoError(t, conn.Flush())
		require.Eventually(t, func() bool { return proxy.Replies()+proxy.DroppedReplies() == int64(i)+1 }, patience, time.Millisecond)
		if proxy.Replies() == int64(answered) {
			silent = conn
			continue
		}
		answered++
		_, err := redis.ReceiveWithTimeout(conn, patience)
		require.NoError(t, err)
	}
	assert.Equal(t, 4, answered)
	proxy.AnswerOneIn(0)
	requireBroken(t, silent)
	assert.EqualValues(t, 16, proxy.CutConnections())
	assert.Equal(t, "PONG", ask(t, client(t, node), "PING"))
}
