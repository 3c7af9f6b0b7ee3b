package semaphore_test

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
	"github.com/holdfast-go/holdfast/semaphore"
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
func farAway(t *testing.T, test func(t *testing.T, newFactory func() *semaphore.Factory)) {
	for _, trip := range []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond} {
		for name, pool := range farClients {
			t.Run(trip.String()+" "+name, func(t *testing.T) {
				t.Parallel()
				nodes := redistest.Start(t, 3, redistest.WithProxy())
				for _, n := range nodes {
					n.Proxy().Far(redistest.Link{RoundTrip: trip, Jitter: trip / 10, Bandwidth: 10_000_000})
				}
				factories := int64(0)
				test(t, func() *semaphore.Factory {
					factories++
					var pools []driver.Pool
					for _, n := range nodes {
						pools = append(pools, pool(t, n))
					}
					return semaphore.New(pools...)
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

// awaitNothing waits until no node has a key of any kind.
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
		return ok || errors.Is(err, semaphore.ErrLockAlreadyExpired)
	}, patience, tick)
}

// The life of permits.
func TestFarLife(t *testing.T) {
	t.Parallel()
	farAway(t, func(t *testing.T, newFactory func() *semaphore.Factory) {
		ours, theirs := newFactory().NewSemaphore("name", 2), newFactory().NewSemaphore("name", 2)
		first, err := ours.Acquire()
		require.NoError(t, err)
		second, err := theirs.Acquire()
		require.NoError(t, err)
		assert.NotEqual(t, first.Slots(), second.Slots())
		_, err = ours.TryAcquire()
		require.ErrorIs(t, err, semaphore.ErrFailed)
		waits := make(chan *semaphore.Permit, 1)
		go func() {
			p, err := ours.AcquireN(context.Background(), 2)
			assert.NoError(t, err)
			waits <- p
		}()
		yesInTheEnd(t, second.Extend)
		yesInTheEnd(t, first.Release)
		yesInTheEnd(t, second.Release)
		both := <-waits
		require.NotNil(t, both)
		assert.ElementsMatch(t, []int{0, 1}, both.Slots())
		yesInTheEnd(t, both.Release)
	})
}
