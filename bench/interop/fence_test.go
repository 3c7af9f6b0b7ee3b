package interop

import (
	"testing"
	"time"

	goredisclient "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// A holder with a fencing token and redsync's clients exclude each other, and the
// numbers of the former grow whatever the latter hold in between.
func TestFencedHoldsBesideRedsync(t *testing.T) {
	const expiry = time.Minute
	for _, n := range []int{1, 3, 5} {
		nodes := redistest.Start(t, n)
		for _, their := range theirs() {
			t.Run(caseName(n, their.name), func(t *testing.T) {
				name := redistest.Name(t)
				redsync := their.start(t, nodes).mutex(name, settings{expiry: expiry, tries: 1})
				fenced := mutex.New(pools(t, nodes)...).NewMutex(name, mutex.WithFencing(), mutex.WithExpiry(expiry))
				var last int64
				for range 3 {
					require.NoError(t, fenced.Lock())
					require.Greater(t, fenced.Fence(), last)
					last = fenced.Fence()
					require.Error(t, redsync.Lock())
					requireTrue(t, fenced.Unlock)
					requireFreeEverywhere(t, nodes, name)

					require.NoError(t, redsync.Lock())
					require.ErrorIs(t, fenced.TryLock(), mutex.ErrFailed)
					requireTrue(t, redsync.Unlock)
					requireFreeEverywhere(t, nodes, name)
				}
			})
		}
	}
}

// pools are new clients of the nodes.
func pools(t *testing.T, nodes []*redistest.Node) (pools []driver.Pool) {
	for _, node := range nodes {
		client := goredisclient.NewClient(&goredisclient.Options{Addr: node.Addr()})
		t.Cleanup(func() { _ = client.Close() })
		pools = append(pools, goredis.NewPool(client))
	}
	return pools
}
