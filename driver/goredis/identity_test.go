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
)

// nobody is the address of a port where no process listens.
func nobody(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// The very dial that finds why there is no connection reports it, with clients as they are
// by default. go-redis itself would try five times, for longer than a call lasts.
func TestDialSaysWhy(t *testing.T) {
	typo := &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "reddis", IsNotFound: true}}
	for name, c := range map[string]struct {
		pool driver.Pool
		want string
	}{
		"refused": {goredis.NewPool(newClient(t, &redis.Options{Addr: nobody(t)})), syscall.ECONNREFUSED.Error()},
		"mistyped": {goredis.NewPool(newClient(t, &redis.Options{Addr: "reddis:6379", Dialer: func(context.Context, string, string) (net.Conn, error) {
			return nil, typo
		}})), "no such host"},
		"black hole": {goredis.NewPool(newClient(t, &redis.Options{Addr: "10.0.0.1:6379", DialTimeout: 50 * time.Millisecond, Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
		}})), "deadline exceeded"},
		"Cluster": {goredis.NewPool(newClusterClient(t, nobody(t), nobody(t))), syscall.ECONNREFUSED.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := c.pool.(driver.Dialer).Dial(context.Background(), "")
			require.Nil(t, conn)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// An address that refuses is not dialled again.
func TestDialIsNotRepeated(t *testing.T) {
	var dials atomic.Int32
	pool := goredis.NewPool(newClient(t, &redis.Options{Addr: "server:6379", Dialer: func(_ context.Context, network, _ string) (net.Conn, error) {
		dials.Add(1)
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}}))
	_, err := pool.(driver.Dialer).Dial(context.Background(), "")
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.EqualValues(t, 1, dials.Load())
}

func newClusterClient(t testing.TB, addrs ...string) *redis.ClusterClient {
	t.Helper()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	t.Cleanup(func() { _ = client.Close() })
	return client
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
