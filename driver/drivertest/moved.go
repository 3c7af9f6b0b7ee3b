package drivertest

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// wrongTexts are what a server answers that is a replica by now.
var wrongTexts = []string{
	"READONLY You can't write against a read only replica.",
	"ERR Error running script (call to f_0): @user_script:1: -READONLY You can't write against a read only replica.",
	"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
	"LOADING Redis is loading the dataset in memory",
}

// startReplica starts a fake whose first connection leads to a replica, which refuses
// calls of key "written", and every later one to its master.
func startReplica(t testing.TB, text string) *FakeServer {
	return StartFakeServer(t, func(r Request) string {
		if r.Conn == 1 && r.Command[3] == "written" {
			return "-" + text + "\r\n"
		}
		return fmt.Sprintf(":%d\r\n", r.Conn)
	})
}

// wrongServer has a connection say that it leads to the wrong server. It is not used
// again, as nothing else would ever lead to the right one.
func (s suite) wrongServer(t *testing.T) {
	for _, text := range wrongTexts {
		t.Run(text, func(t *testing.T) {
			pool := s.pool(t, startReplica(t, text).Addr(), Options{})
			reply, err := pool.Eval(within(t, patience), check("read", "token"))
			require.NoError(t, err)
			require.Equal(t, int64(1), reply, "the number of the connection")
			reply, err = pool.Eval(within(t, patience), check("written", "token"))
			requireAnswer(t, reply, err, text)
			for _, key := range []string{"read", "written"} {
				reply, err := pool.Eval(within(t, patience), check(key, "token"))
				require.NoError(t, err)
				require.Greater(t, reply, int64(1), "the number of the connection") // a busy client may make more than one
			}
		})
	}
}

// wrongServerInABatch has one call of a batch show it, and not the first.
func (s suite) wrongServerInABatch(t *testing.T) {
	for _, text := range wrongTexts {
		t.Run(text, func(t *testing.T) {
			pool := s.batcher(t, startReplica(t, text).Addr(), Options{})
			replies := batchInTime(t, pool, within(t, patience), check("read", "t"), check("written", "t"), check("read", "t"))
			require.Equal(t, int64(1), replies[0].Value)
			requireAnswer(t, replies[1].Value, replies[1].Err, text)
			for _, reply := range batchInTime(t, pool, within(t, patience), check("read", "t"), check("written", "t")) {
				require.NoError(t, reply.Err)
				require.Greater(t, reply.Value, int64(1), "the number of the connection")
			}
		})
	}
}

// noScriptInOtherWords has a server say NOSCRIPT as kvrocks and some proxies do.
func (s suite) noScriptInOtherWords(t *testing.T) {
	for _, text := range []string{"NOSCRIPT No matching script.", "ERR NOSCRIPT No matching script."} {
		server := StartFakeServer(t, func(r Request) string {
			if r.Command[0] == "eval" || r.Command[0] == "EVAL" {
				return ":7\r\n"
			}
			return "-" + text + "\r\n"
		})
		pool := s.batcher(t, server.Addr(), Options{})
		reply, err := s.pool(t, server.Addr(), Options{}).Eval(within(t, patience), check("key", "token"))
		require.NoError(t, err)
		require.EqualValues(t, 7, reply)
		replies := batchInTime(t, pool, within(t, patience), check("key", "token"))
		require.NoError(t, replies[0].Err)
		require.EqualValues(t, 7, replies[0].Value)
	}
}

// movedAddress makes a server the replica of another, which takes over its address.
func (s suite) movedAddress(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig) // servers of our own
	nodes := redistest.Start(t, 2)
	address := startAddress(t, nodes[0].Addr())
	pool, key := s.pool(t, address.Addr(), Options{}), redistest.Name(t)
	_, err := pool.Eval(within(t, patience), acquire(key, "token"))
	require.NoError(t, err)

	follow(t, nodes[0], nodes[1])
	address.move(nodes[1].Addr())
	reply, err := pool.Eval(within(t, patience), acquire(key, "token"))
	requireAnswer(t, reply, err, "READONLY")
	reply, err = pool.Eval(within(t, patience), acquire(key, "token"))
	require.NoError(t, err)
	require.EqualValues(t, 1, reply)
	require.Equal(t, "token", nodes[1].Do(t, "GET", key))
}

// movedAddress has a call find out that the subscription is on the wrong server. It
// ends, so that the next one is on the right one.
func (s subscriberSuite) movedAddress(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	s.ping(t, often)
	nodes := redistest.Start(t, 2)
	address, channel := startAddress(t, nodes[0].Addr()), redistest.Name(t)
	pool := s.pool(t, address.Addr(), Options{})
	sub := subscribe(t, pool.(driver.Subscriber), channel)
	publish(t, nodes[0], channel, "before")
	requireMessage(t, sub, "before")
	_, err := pool.Eval(within(t, patience), acquire(channel, "token"))
	require.NoError(t, err)

	done := receiveAsync(sub)
	follow(t, nodes[0], nodes[1])
	address.move(nodes[1].Addr())
	_, err = pool.Eval(within(t, patience), acquire(channel, "token"))
	require.ErrorContains(t, err, "READONLY")
	require.ErrorContains(t, requireDead(t, sub, done), "has changed")

	again := subscribe(t, pool.(driver.Subscriber), channel)
	publish(t, nodes[1], channel, "after")
	requireMessage(t, again, "after")
}

// address is an address that can be moved to another server, as a name in DNS is. Its
// connections stay where they are.
type address struct {
	listener net.Listener
	served   sync.WaitGroup

	mu     sync.Mutex
	target string     // guarded by mu
	conns  []net.Conn // both ends of each; guarded by mu
}

func startAddress(t testing.TB, target string) *address {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	a := &address{listener: listener, target: target}
	a.served.Go(a.accept)
	t.Cleanup(a.close)
	return a
}

func (a *address) Addr() string { return a.listener.Addr().String() }

func (a *address) move(target string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.target = target
}

func (a *address) accept() {
	for {
		conn, err := a.listener.Accept()
		if err != nil {
			return
		}
		a.mu.Lock()
		server, err := net.Dial("tcp", a.target)
		if err == nil {
			a.conns = append(a.conns, conn, server)
			a.served.Go(func() { pass(server, conn) })
			a.served.Go(func() { pass(conn, server) })
		} else {
			_ = conn.Close()
		}
		a.mu.Unlock()
	}
}

// pass copies what one side sends until it ends, and ends both.
func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}

func (a *address) close() {
	_ = a.listener.Close()
	a.mu.Lock()
	for _, conn := range a.conns {
		_ = conn.Close()
	}
	a.mu.Unlock()
	a.served.Wait()
}
