package goredis_test

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/drivertest"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// nobody is the address of a port where nobody listens.
func nobody(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// trouble is why a pool can not connect.
func trouble(pool driver.Pool) error { return pool.(driver.Diagnoser).Trouble() }

// aCall lasts less than go-redis's own dials, and says what came of it.
func aCall(t testing.TB, pool driver.Pool) error {
	_, err := pool.Eval(within(t, 400*time.Millisecond), acquire("key", "token"))
	return err
}

func TestTroubleOfClientsByDefault(t *testing.T) {
	typo := &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "reddis", IsNotFound: true}}
	for name, c := range map[string]struct {
		pool driver.Pool
		want string
	}{
		"refused": {goredis.NewPool(newClient(t, &redis.Options{Addr: nobody(t)})), syscall.ECONNREFUSED.Error()},
		"mistyped": {goredis.NewPool(newClient(t, &redis.Options{Addr: "reddis:6379", Dialer: func(context.Context, string, string) (net.Conn, error) {
			return nil, typo
		}})), "no such host"},
		"black hole": {goredis.NewPool(newClient(t, &redis.Options{Addr: "10.0.0.1:6379", DialTimeout: time.Second, DialerRetries: 1, Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
		}})), "deadline exceeded"},
		"Cluster": {goredis.NewPool(newClusterClient(t, nobody(t), nobody(t))), syscall.ECONNREFUSED.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, trouble(c.pool), "before any call")
			require.Error(t, aCall(t, c.pool))
			require.ErrorContains(t, trouble(c.pool), c.want)
		})
	}
}

func newClusterClient(t testing.TB, addrs ...string) *redis.ClusterClient {
	t.Helper()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// Trouble is over with the next answer, and with the next connection to a server that
// does not answer.
func TestTroubleEnds(t *testing.T) {
	for name, answer := range map[string]string{"answered": ":1\r\n", "refused": "-LOADING\r\n", "silent": ""} {
		t.Run(name, func(t *testing.T) {
			hung := make(chan struct{})
			server := drivertest.StartFake(t, func(drivertest.Request) string {
				if answer == "" {
					<-hung
				}
				return answer
			})
			t.Cleanup(func() { close(hung) })
			var up atomic.Bool
			pool := goredis.NewPool(newClient(t, &redis.Options{Addr: "server:6379", Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
				if !up.Load() {
					return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
				}
				return (&net.Dialer{}).DialContext(ctx, network, server.Addr())
			}}))
			require.Error(t, aCall(t, pool))
			require.ErrorIs(t, trouble(pool), syscall.ECONNREFUSED)
			up.Store(true)
			_ = aCall(t, pool)
			require.NoError(t, trouble(pool))
		})
	}
}

// Nothing is dialled beside the client's own connections while there are answers.
func TestNoTroubleIsLookedForWhileThereAreAnswers(t *testing.T) {
	node, dials := redistest.StartOne(t), atomic.Int32{}
	pool := goredis.NewPool(newClient(t, &redis.Options{Addr: node.Addr(), Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}))
	key := redistest.Name(t)
	for range 5 {
		requireGranted(t, pool, key, "token")
	}
	require.EqualValues(t, 1, dials.Load())
}

// identity is what a pool says it stands for.
func identity(pool driver.Pool) []any { return pool.(driver.Identified).Identity() }

func TestIdentity(t *testing.T) {
	client := newClient(t, &redis.Options{Addr: "localhost:6379"})
	same := newClient(t, &redis.Options{Addr: "127.0.0.1:6379", DB: 1})
	socket := newClient(t, &redis.Options{Network: "unix", Addr: "/run/redis.sock"})
	cluster := newClusterClient(t, "a:1", "127.0.0.1:6379")
	elsewhere := newClient(t, &redis.Options{Addr: "localhost:6379", Dialer: func(context.Context, string, string) (net.Conn, error) {
		return nil, net.ErrClosed
	}})
	sentinels := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "master", SentinelAddrs: []string{"a:1"}})
	t.Cleanup(func() { _ = sentinels.Close() })
	wrapped := &wrapper{UniversalClient: client}

	local := driver.NewEndpoint("tcp", "localhost:6379")
	for _, c := range []struct {
		client redis.UniversalClient
		addr   any // of driver.Located; nil for none
		want   []any
	}{
		{client, "localhost:6379", []any{client, local}},
		{same, "127.0.0.1:6379", []any{same, local}},
		{socket, "/run/redis.sock", []any{socket, driver.Endpoint("/run/redis.sock")}},
		{cluster, "cluster a:1,127.0.0.1:6379", []any{cluster, driver.Endpoint("a:1"), local}},
		{elsewhere, "localhost:6379", []any{elsewhere}},
		{sentinels, "", []any{sentinels}},
		{wrapped, nil, []any{wrapped}},
	} {
		pool := goredis.NewPool(c.client)
		require.ElementsMatch(t, c.want, identity(pool))
		if located, ok := pool.(driver.Located); ok {
			require.Equal(t, c.addr, located.Addr())
		} else {
			require.Nil(t, c.addr)
		}
	}
}
