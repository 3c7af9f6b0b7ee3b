package rwmutex_test

import (
	"context"
	"errors"
	"testing"
	"time"

	redigoclient "github.com/gomodule/redigo/redis"
	goredisclient "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/rwmutex"
)

// maxConns is how many connections a factory has to a node at a time, at most: one for each call
// that is under way at a time, and one that listens.
const maxConns = 16 + 1

// farClients are the client libraries, whose connections take as long as the node is far.
var farClients = map[string]func(t testing.TB, n *redistest.Node) driver.Pool{
	"goredis": func(t testing.TB, n *redistest.Node) driver.Pool {
		c := goredisclient.NewClient(&goredisclient.Options{Addr: n.Addr(), Dialer: n.Proxy().DialContext})
		t.Cleanup(func() { _ = c.Close() })
		return goredis.NewPool(c)
	},
	"redigo": func(t testing.TB, n *redistest.Node) driver.Pool {
		p := &redigoclient.Pool{MaxIdle: 3, DialContext: func(ctx context.Context) (redigoclient.Conn, error) {
			return redigoclient.DialContext(ctx, "tcp", n.Addr(), redigoclient.DialContextFunc(n.Proxy().DialContext))
		}}
		t.Cleanup(func() { _ = p.Close() })
		return redigo.NewPool(p)
	},
}

// farAway runs a test with each client on three nodes at each distance: that of another
// process, room, country and continent. new makes a factory of its own each time.
func farAway(t *testing.T, test func(t *testing.T, newFactory func() *rwmutex.Factory)) {
	for _, trip := range []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond} {
		for name, pool := range farClients {
			t.Run(trip.String()+" "+name, func(t *testing.T) {
				t.Parallel()
				nodes := redistest.Start(t, 3, redistest.WithProxy())
				for _, n := range nodes {
					n.Proxy().Far(redistest.Link{RoundTrip: trip, Jitter: trip / 10, Bandwidth: 10_000_000})
				}
				factories := int64(0)
				test(t, func() *rwmutex.Factory {
					factories++
					var pools []driver.Pool
					for _, n := range nodes {
						pools = append(pools, pool(t, n))
					}
					return rwmutex.New(pools...)
				})
				for _, n := range nodes {
					made, together := n.Proxy().Dialled()
					assert.LessOrEqual(t, together, factories*maxConns)
					assert.LessOrEqual(t, made, factories*maxConns)
				}
				awaitNothing(t, nodes)
			})
		}
	}
}

// awaitNothing waits until no node has a key of any kind. Awaited may be the last one: it ends by
// itself where a waiter has withdrawn after the last release.
func awaitNothing(t *testing.T, nodes []*redistest.Node) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, n := range nodes {
			if size, err := n.TryDo("DBSIZE"); err != nil || size != int64(0) {
				return false
			}
		}
		return true
	}, patience, tick, "a key was left behind")
}

// yesInTheEnd makes a call as often as it takes for enough nodes to answer in time: a
// busy machine may need longer than the distance leaves it. What was lost or released
// by one that was not answered is over.
func yesInTheEnd(t *testing.T, call func() (bool, error)) {
	t.Helper()
	require.Eventually(t, func() bool {
		ok, err := call()
		return ok || errors.Is(err, rwmutex.ErrLockAlreadyExpired)
	}, patience, tick)
}

// The life of a read-write lock.
func TestFarLife(t *testing.T) {
	t.Parallel()
	farAway(t, func(t *testing.T, newFactory func() *rwmutex.Factory) {
		ours, theirs := newFactory().NewRWMutex("name"), newFactory().NewRWMutex("name")
		require.NoError(t, ours.RLock())
		require.NoError(t, theirs.RLock())
		yesInTheEnd(t, theirs.RExtend)
		yesInTheEnd(t, theirs.RUnlock)
		writes := make(chan error, 1)
		go func() { writes <- theirs.Lock() }()
		yesInTheEnd(t, ours.RUnlock)
		require.NoError(t, <-writes)
		require.ErrorIs(t, ours.TryRLock(), rwmutex.ErrFailed)
		yesInTheEnd(t, theirs.Extend)
		yesInTheEnd(t, theirs.Unlock)
	})
}
