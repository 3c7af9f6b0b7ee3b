package mutex_test

import (
	"net"
	"syscall"
	"testing"

	redigoclient "github.com/gomodule/redigo/redis"
	goredisclient "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/mutex"
)

// A port that refuses is called so, with clients as they are by default.
func TestRefusedPortsAreCalledSo(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := listener.Addr().String()
	require.NoError(t, listener.Close())
	client := goredisclient.NewClient(&goredisclient.Options{Addr: addr})
	t.Cleanup(func() { _ = client.Close() })
	conns := &redigoclient.Pool{Dial: func() (redigoclient.Conn, error) { return redigoclient.Dial("tcp", addr) }}

	for name, c := range map[string]struct {
		pool driver.Pool
		node string // as errors name it
	}{
		"go-redis": {goredis.NewPool(client), "node #0 (" + addr + ")"},
		"redigo":   {redigo.NewPool(conns), "node #0"},
	} {
		t.Run(name, func(t *testing.T) {
			err := mutex.New(c.pool).NewMutex("refused").TryLock()
			require.ErrorIs(t, err, mutex.ErrFailed)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			require.ErrorContains(t, err, c.node+": ")
			require.ErrorContains(t, err, addr)
			var cause *mutex.RedisError
			require.ErrorAs(t, err, &cause)
			require.Equal(t, 0, cause.Node)
		})
	}
}

// The same server, given more than once, has one vote only.
func TestOneServerGivenTwice(t *testing.T) {
	opts := func() *goredisclient.Options { return &goredisclient.Options{Addr: "localhost:1"} }
	clients := []*goredisclient.Client{
		goredisclient.NewClient(opts()), goredisclient.NewClient(opts()), goredisclient.NewClient(&goredisclient.Options{Addr: "localhost:2"}),
	}
	for _, client := range clients {
		t.Cleanup(func() { _ = client.Close() })
	}
	conns := &redigoclient.Pool{Dial: func() (redigoclient.Conn, error) { return nil, net.ErrClosed }}
	pool, other := goredis.NewPool(clients[0]), goredis.NewPool(clients[2])
	for name, pools := range map[string][]driver.Pool{
		"one pool":       {pool, pool},
		"three times":    {pool, pool, pool},
		"one client":     {goredis.NewPool(clients[0]), goredis.NewPool(clients[0])},
		"one address":    {pool, other, goredis.NewPool(clients[1])},
		"one of redigo":  {redigo.NewPool(conns), redigo.NewPool(conns)},
		"a timeout view": {pool, goredis.NewPool(clients[0].WithTimeout(1))},
	} {
		t.Run(name, func(t *testing.T) {
			err := mutex.New(pools...).NewMutex("twice").TryLock()
			require.ErrorIs(t, err, mutex.ErrConfig)
			require.ErrorContains(t, err, "lead to the same server")
		})
	}
	err := mutex.New(pool, other).NewMutex("different").TryLock()
	require.NotErrorIs(t, err, mutex.ErrConfig)
}
