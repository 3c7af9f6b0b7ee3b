package main

import (
	"context"
	"testing"

	redigoclient "github.com/gomodule/redigo/redis"
	"github.com/redis/go-redis/v9"
	rueidisclient "github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	valkeyclient "github.com/valkey-io/valkey-go"

	"github.com/go-redsync/redsync/v4"

	"github.com/holdfast-go/holdfast/examples/internal/demoredis"
	"github.com/holdfast-go/holdfast/examples/migrate-from-redsync/changes/after"
	"github.com/holdfast-go/holdfast/examples/migrate-from-redsync/changes/before"
	"github.com/holdfast-go/holdfast/mutex"
)

// counting wraps a pool, as applications do.
type counting struct {
	*redigoclient.Pool
	taken int
}

func (c *counting) GetContext(ctx context.Context) (redigoclient.Conn, error) {
	c.taken++
	return c.Pool.GetContext(ctx)
}

// Old and new code exclude each other with each client, and the old code with any.
func TestChangesWithEachClient(t *testing.T) {
	nodes, err := demoredis.Open("", 1)
	require.NoError(t, err)
	defer nodes.Close()
	addr := nodes.Addrs[0]

	goRedis := redis.NewClient(&redis.Options{Addr: addr})
	defer goRedis.Close()
	conns := &redigoclient.Pool{DialContext: func(ctx context.Context) (redigoclient.Conn, error) {
		return redigoclient.DialContext(ctx, "tcp", addr)
	}}
	defer conns.Close()
	rueidis, err := rueidisclient.NewClient(rueidisclient.ClientOption{InitAddress: []string{addr}, ForceSingleClient: true, DisableCache: true})
	require.NoError(t, err)
	defer rueidis.Close()
	valkey, err := valkeyclient.NewClient(valkeyclient.ClientOption{InitAddress: []string{addr}, ForceSingleClient: true, DisableCache: true})
	require.NoError(t, err)
	defer valkey.Close()

	wrapper := &counting{Pool: conns}
	old := before.Clients{GoRedis: goRedis, Redigo: conns, Rueidis: rueidis}.Pools()
	moved := after.Clients{GoRedis: goRedis, Redigo: wrapper, Rueidis: rueidis, Valkey: valkey}.Pools()
	old = append(old, old[0]) // Redsync's pool of valkey-go is not among them
	for i, name := range []string{"go-redis", "redigo", "rueidis", "valkey-go"} {
		t.Run(name, func(t *testing.T) {
			a, b := before.NewMutex(name, old[i]), after.NewMutex(name, moved[i])
			require.NoError(t, a.Lock())
			taken := new(mutex.ErrTaken)
			require.ErrorAs(t, b.TryLock(), &taken)
			ok, err := a.Unlock()
			require.NoError(t, err)
			require.True(t, ok)
			require.NoError(t, b.Lock())
			var theirs *redsync.ErrTaken
			require.ErrorAs(t, a.TryLock(), &theirs)
			ok, err = b.Unlock()
			require.NoError(t, err)
			require.True(t, ok)
		})
	}
	assert.Positive(t, wrapper.taken)
}
