package rueidis_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	client "github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/rueidis"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// A Sentinel group is one voter, before and after it has changed its master.
func TestSentinel(t *testing.T) {
	t.Parallel()
	for _, resp2 := range []bool{false, true} {
		t.Run(fmt.Sprint("RESP2 ", resp2), func(t *testing.T) {
			t.Parallel()
			group := redistest.NewSentinel(t)
			pool := rueidis.NewPool(newClient(t, client.ClientOption{
				InitAddress: group.Addrs(), Sentinel: client.SentinelOption{MasterSet: group.Name}, AlwaysRESP2: resp2,
			}))
			require.Empty(t, pool.(driver.Located).Addr(), "that of the master changes")
			testSentinel(t, group, pool)
			t.Run("locks", func(t *testing.T) { testSentinelLocks(t, group, pool) })
		})
	}
}

// testSentinel fails over while there are connections of the pool and of the engine's own.
func testSentinel(t *testing.T, group *redistest.Sentinel, pool driver.Pool) {
	old, key := dial(t, pool), redistest.Name(t)
	requireSet(t, pool, key)
	requireSet(t, old, redistest.Name(t))
	require.Equal(t, "token", group.Master(t).Do(t, "GET", key))

	master := group.Failover(t)
	requireEventuallyAt(t, master, pool.Eval)
	requireEventuallyAt(t, master, func(ctx context.Context, call *driver.Call) (any, error) {
		conn, err := pool.(driver.Dialer).Dial(ctx, "")
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		return conn.Eval(ctx, call)
	})
	requireEventuallyAt(t, master, func(ctx context.Context, call *driver.Call) (any, error) {
		reply := pool.(driver.Batcher).EvalBatch(ctx, []*driver.Call{call})[0]
		return reply.Value, reply.Err
	})
	requireLeft(t, master, old)
}

// requireLeft waits until a connection to the old master ends. One that RESP2 shares is
// a connection to the new one by then.
func requireLeft(t *testing.T, master *redistest.Node, old driver.Conn) {
	require.Eventually(t, func() bool {
		key := redistest.Name(t)
		_, err := old.Eval(within(t), set(key))
		return err != nil || master.Do(t, "GET", key) == "token"
	}, patience, 10*time.Millisecond)
}

// testSentinelLocks fails over while one mutex is locked and another one is awaited. The
// failover may lose the lease, as it was not on the replica, but nothing hangs.
func testSentinelLocks(t *testing.T, group *redistest.Sentinel, pool driver.Pool) {
	name := redistest.Name(t)
	m := mutex.New(pool).NewMutex(name, mutex.WithExpiry(2*time.Second), mutex.WithUnlimitedTries())
	other := mutex.New(pool).NewMutex(name, mutex.WithExpiry(2*time.Second), mutex.WithUnlimitedTries())
	require.NoError(t, m.LockContext(within(t)))
	locked := make(chan error, 1)
	go func() { locked <- other.LockContext(within(t)) }()
	master := group.Failover(t)
	_, _ = m.UnlockContext(within(t))
	require.NoError(t, <-locked)
	_, _ = other.UnlockContext(within(t))

	// The old master takes locks until a sentinel makes it a replica.
	require.Eventually(t, func() bool {
		if m.LockContext(within(t)) != nil {
			return false
		}
		there, _ := master.TryDo("EXISTS", name)
		ok, err := m.UnlockContext(within(t))
		return there == int64(1) && ok && err == nil
	}, patience, 10*time.Millisecond, "a lock on the new master")
}

// After a failover the subscription has ended, and a new one is on the new master.
func TestSubscriberSentinel(t *testing.T) {
	t.Parallel()
	group := redistest.NewSentinel(t)
	pool := rueidis.NewPool(newClient(t, client.ClientOption{
		InitAddress: group.Addrs(), Sentinel: client.SentinelOption{MasterSet: group.Name},
	}))
	channel := redistest.Name(t)
	before := subscribe(t, pool, channel)
	requireReceived(t, before, group.Master(t), channel)
	ended := make(chan error, 1)
	go func() {
		_, err := before.Receive()
		ended <- err
	}()
	master := group.Failover(t)
	select {
	case err := <-ended:
		require.Error(t, err)
		require.False(t, driver.IsReply(err))
	case <-time.After(patience):
		require.FailNow(t, "the subscription goes on")
	}
	require.Eventually(t, func() bool {
		sub, err := pool.(driver.Subscriber).Subscribe(within(t), channel)
		if err != nil {
			return false
		}
		defer sub.Close()
		return master.Do(t, "PUBSUB", "NUMSUB", channel).([]any)[1] == int64(1)
	}, patience, 10*time.Millisecond)
	requireReceived(t, subscribe(t, pool, channel), master, channel)
}
