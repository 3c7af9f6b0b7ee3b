package redistest

import (
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// proxied starts a node behind a proxy and connects to it.
func proxied(t *testing.T) (*Node, redis.Conn) {
	t.Helper()
	node := StartOne(t, WithProxy())
	conn := client(t, node)
	ask(t, conn, "PING")
	return node, conn
}

// requireBroken uses a connection that must have been closed.
func requireBroken(t *testing.T, conn redis.Conn) {
	t.Helper()
	_, err := redis.DoWithTimeout(conn, patience, "PING")
	require.Error(t, err)
	var timeout net.Error
	if errors.As(err, &timeout) {
		require.False(t, timeout.Timeout(), "hung instead of broken: %v", err)
	}
}

// requireEventually waits for a count, which follows what a client sees.
func requireEventually(t *testing.T, want int64, count func() int64) {
	t.Helper()
	require.Eventually(t, func() bool { return count() == want }, patience, time.Millisecond)
}

func TestProxyPassesEverythingOn(t *testing.T) {
	node, conn := proxied(t)
	name, large := Name(t), string(make([]byte, 3*chunkSize+1))
	assert.NotEqual(t, node.DirectAddr(), node.Addr())
	assert.Equal(t, "OK", ask(t, conn, "SET", name, large, "PX", 60000))
	assert.Equal(t, large, ask(t, conn, "GET", name))
	assert.EqualValues(t, 1, node.Proxy().Connections())
	assert.GreaterOrEqual(t, node.Proxy().Requests(), int64(3))
	assert.GreaterOrEqual(t, node.Proxy().Replies(), int64(3))
	assert.Zero(t, node.Proxy().DroppedRequests()+node.Proxy().DroppedReplies()+node.Proxy().CutConnections())
}

func TestProxyDelaysReplies(t *testing.T) {
	node, conn := proxied(t)
	const delay = 50 * time.Millisecond
	node.Proxy().Delay(delay)
	name, start := Name(t), time.Now()
	ask(t, conn, "SET", name, "v", "PX", 60000)
	assert.GreaterOrEqual(t, time.Since(start), delay)
	assert.EqualValues(t, 1, node.Proxy().DelayedReplies())
}

func TestProxyRunsDelayedRequestsAtOnce(t *testing.T) {
	node, conn := proxied(t)
	node.Proxy().Delay(time.Hour)
	name := Name(t)
	require.NoError(t, conn.Send("SET", name, "v", "PX", 60000))
	require.NoError(t, conn.Flush())
	require.Eventually(t, func() bool { return node.Do(t, "GET", name) == "v" }, patience, time.Millisecond)
}

// When the delay ends, no reply that waited may overtake another. Each one is
// waited for on the server, so that they arrive one by one.
func TestProxyKeepsTheOrderOfDelayedReplies(t *testing.T) {
	node, conn := proxied(t)
	const n = 50
	name := Name(t)
	node.Proxy().Delay(time.Hour)
	for i := 1; i <= n; i++ {
		require.NoError(t, conn.Send("INCR", name))
		require.NoError(t, conn.Flush())
		require.Eventually(t, func() bool { return node.Do(t, "GET", name) == strconv.Itoa(i) },
			patience, 100*time.Microsecond)
	}
	node.Do(t, "PEXPIRE", name, 60000)
	require.EqualValues(t, 1, node.Proxy().Replies(), "the first PING's only")
	node.Proxy().Delay(0)
	for i := 1; i <= n; i++ {
		reply, err := redis.Int(redis.ReceiveWithTimeout(conn, patience))
		require.NoError(t, err)
		require.Equal(t, i, reply)
	}
}

// Replies do not wait for each other, or n of them would take n delays.
func TestProxyDelaysRepliesSideBySide(t *testing.T) {
	node, conn := proxied(t)
	const n, delay = 100, time.Second
	node.Proxy().Delay(delay)
	before, start := node.Proxy().Requests(), time.Now()
	for i := range n {
		require.NoError(t, conn.Send("ECHO", i))
		require.NoError(t, conn.Flush())
		requireEventually(t, before+int64(i)+1, node.Proxy().Requests) // for a chunk of its own
	}
	for range n {
		_, err := redis.ReceiveWithTimeout(conn, patience)
		require.NoError(t, err)
	}
	assert.Less(t, time.Since(start), n*delay/2, "one after the other takes %s", n*delay)
}

func TestProxyDropsRepliesAfterTheServerRanThem(t *testing.T) {
	node, conn := proxied(t)
	name := Name(t)
	node.Proxy().DropReplies(true)
	requireNoAnswerOnceDropped(t, node.Proxy().DroppedReplies, conn, "SET", name, "v", "PX", 60000)
	requireNoAnswerOnceDropped(t, node.Proxy().DroppedReplies, client(t, node), "PING") // connections can be made
	assert.Equal(t, "v", node.Do(t, "GET", name))
	node.Proxy().DropReplies(false)
	assert.EqualValues(t, "v", ask(t, client(t, node), "GET", name))
}

// requireNoAnswerOnceDropped runs a command that is dropped, or whose answer is. It begins to
// wait when it has been: one that hangs up first has nothing that could be.
func requireNoAnswerOnceDropped(t *testing.T, dropped func() int64, conn redis.Conn, name string, args ...any) {
	t.Helper()
	before := dropped()
	require.NoError(t, conn.Send(name, args...))
	require.NoError(t, conn.Flush())
	requireEventually(t, before+1, dropped)
	requireNoAnswer(t, conn, "") // but the one that is due
}

func TestProxyDropsRequests(t *testing.T) {
	node, conn := proxied(t)
	name := Name(t)
	node.Proxy().DropRequests(true)
	requireNoAnswerOnceDropped(t, node.Proxy().DroppedRequests, conn, "SET", name, "v", "PX", 60000)
	requireNoAnswerOnceDropped(t, node.Proxy().DroppedRequests, client(t, node), "PING")
	node.Proxy().DropRequests(false)
	assert.Nil(t, ask(t, client(t, node), "GET", name), "a dropped request was run")
}

// A connection that missed a reply would take the next one for it.
func TestProxyClosesWhatLostSomethingAtTheEndOfTheFault(t *testing.T) {
	faults := map[string]func(*Proxy, bool){
		"replies":  (*Proxy).DropReplies,
		"requests": (*Proxy).DropRequests,
		"healed": func(p *Proxy, on bool) {
			if p.DropReplies(true); !on {
				p.Heal()
			}
		},
	}
	for what, drop := range faults {
		t.Run(what, func(t *testing.T) {
			node, idle := proxied(t)
			lossy := client(t, node)
			drop(node.Proxy(), true)
			require.NoError(t, lossy.Send("ECHO", "lost"))
			require.NoError(t, lossy.Flush())
			require.Eventually(t, func() bool {
				return node.Proxy().DroppedReplies()+node.Proxy().DroppedRequests() > 0
			}, patience, time.Millisecond)
			drop(node.Proxy(), false)
			requireBroken(t, lossy)
			assert.EqualValues(t, 1, node.Proxy().CutConnections())
			assert.Equal(t, "PONG", ask(t, idle, "PING"), "the one that lost nothing")
		})
	}
}

func TestProxyCutsAndHeals(t *testing.T) {
	node, conn := proxied(t)
	addr := node.Addr()
	node.Proxy().Cut()
	node.Proxy().Cut()
	requireBroken(t, conn)
	requireRefused(t, addr)
	assert.Equal(t, "PONG", node.Do(t, "PING"), "the private connection goes past the proxy")
	assert.EqualValues(t, 1, node.Proxy().CutConnections())
	node.Proxy().Heal()
	assert.Equal(t, addr, node.Addr())
	assert.Equal(t, "PONG", ask(t, client(t, node), "PING"))
}

func TestProxyHealsEveryFault(t *testing.T) {
	node, _ := proxied(t)
	node.Proxy().Delay(time.Hour)
	node.Proxy().DropReplies(true)
	node.Proxy().DropRequests(true)
	node.Proxy().Cut()
	node.Proxy().Heal()
	assert.Equal(t, "PONG", ask(t, client(t, node), "PING"))
}

func TestHealDoesNotReviveAKilledNode(t *testing.T) {
	Needs(t, CanKill, CanRestartEmpty)
	node, _ := proxied(t)
	node.Kill(t)
	node.Proxy().Heal()
	requireRefused(t, node.Addr())
	node.Restart(t)
	assert.Equal(t, "PONG", ask(t, client(t, node), "PING"))
}

// Faults set in while connections come and go, so that the race detector and
// the leak check see every crossing.
func TestProxyFaultsUnderLoad(t *testing.T) {
	node := StartOne(t, WithProxy())
	proxy := node.Proxy()
	stop := make(chan struct{})
	ended := make(chan struct{})
	const clients = 4
	for range clients {
		go func() {
			defer func() { ended <- struct{}{} }()
			hammer(node.Addr(), stop)
		}()
	}
	for range 20 {
		before := proxy.Requests()
		require.Eventually(t, func() bool { return proxy.Requests() > before }, patience, time.Millisecond)
		proxy.DropReplies(true)
		proxy.DropRequests(true)
		proxy.Delay(time.Millisecond)
		proxy.Cut()
		proxy.Heal()
	}
	close(stop)
	for range clients {
		<-ended
	}
	assert.Positive(t, proxy.CutConnections())
}

// hammer connects and pings until stop, whatever comes of it.
func hammer(addr string, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		conn, err := redis.Dial("tcp", addr, redis.DialReadTimeout(hung))
		if err != nil {
			continue
		}
		for err == nil {
			select {
			case <-stop:
				err = net.ErrClosed
			default:
				_, err = conn.Do("PING")
			}
		}
		_ = conn.Close()
	}
}
