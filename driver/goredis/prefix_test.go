package goredis_test

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/internal/slotmove"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/semaphore"
)

// Locks of every kind go on while the slot of their names moves.
func TestClusterMovesASlot(t *testing.T) {
	slotmove.Run(t, func(t testing.TB, cluster *redistest.Cluster) driver.Pool {
		return goredis.NewPool(openCluster(t, cluster, redis.ClusterOptions{}))
	})
}

// yes requires that a call was successful.
func yes(t testing.TB) func(ok bool, err error) {
	return func(ok bool, err error) {
		t.Helper()
		require.NoError(t, err)
		require.True(t, ok)
	}
}

// A prefix without a hash tag moves the name to another slot than the line has: the
// mutex goes on without the line.
func TestClusterWithAPrefix(t *testing.T) {
	cluster := redistest.NewCluster(t)
	t.Run("mutex", func(t *testing.T) { prefixedMutex(t, cluster) })
	t.Run("all else", func(t *testing.T) { prefixedElse(t, cluster) })
}

func prefixedMutex(t *testing.T, cluster *redistest.Cluster) {
	client := openCluster(t, cluster, redis.ClusterOptions{})
	client.AddHook(&app{prefix: "app:"})
	pool, name := goredis.NewPool(struct{ *redis.ClusterClient }{client}), redistest.Name(t)
	holder, waiter := mutex.New(pool).NewMutex(name), mutex.New(pool).NewMutex(name)
	require.NoError(t, holder.Lock())
	require.ErrorAs(t, waiter.TryLock(), new(*mutex.ErrTaken))
	locked, yes := make(chan error), yes(t)
	go func() { locked <- waiter.Lock() }()
	yes(holder.Unlock())
	require.NoError(t, <-locked)
	yes(waiter.Unlock())
	require.EqualValues(t, 0, cluster.Owner(t, cluster.Slot(t, "app:"+name)).Do(t, "EXISTS", "app:"+name))
	require.ErrorContains(t, mutex.New(pool).NewMutex(name, mutex.WithFencing()).TryLock(), "CROSSSLOT",
		"the counter's key is needed")
	for _, fenced := range [][]mutex.Option{nil, {mutex.WithFencing()}} { // a name with a tag keeps its slot
		tagged := mutex.New(pool).NewMutex("{"+name+"}", fenced...)
		require.NoError(t, tagged.Lock())
		yes(tagged.Unlock())
	}
}

// All keys of the other locks have a hash tag.
func prefixedElse(t *testing.T, cluster *redistest.Cluster) {
	client := openCluster(t, cluster, redis.ClusterOptions{})
	client.AddHook(&app{prefix: "app:"})
	pool, name := goredis.NewPool(struct{ *redis.ClusterClient }{client}), redistest.Name(t)
	rw, s := rwmutex.New(pool).NewRWMutex(name, rwmutex.WithFencing()), semaphore.New(pool).NewSemaphore(name, 2)
	yes := yes(t)
	require.NoError(t, rw.Lock())
	yes(rw.Extend())
	yes(rw.Unlock())
	require.NoError(t, rw.RLock())
	yes(rw.RExtend())
	yes(rw.RUnlock())
	permit, err := s.Acquire()
	require.NoError(t, err)
	yes(permit.Extend())
	yes(permit.Release())
}
