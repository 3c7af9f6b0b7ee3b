package gocronholdfast_test

import (
	"context"
	"testing"
	"time"

	goredisclient "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

func TestMain(m *testing.M) {
	goredisclient.SetLogger(silence{})
	redistest.MainWithExamples(m)
}

// silence keeps go-redis from reporting what the tests do to its connections.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

const (
	hangs = time.Minute          // what takes longer never comes
	often = 5 * time.Millisecond // how often a test looks
	long  = time.Hour            // an expiry or a splay that no test sees the end of
	brief = 3 * time.Second      // an expiry that a test waits for, and that a loaded machine keeps up with
)

// locksOn returns the locks of a process of its own, so to say: a factory with clients
// that no other one has.
func locksOn(t *testing.T, nodes ...*redistest.Node) *mutex.Factory {
	t.Helper()
	var pools []driver.Pool
	for _, node := range nodes {
		client := goredisclient.NewClient(&goredisclient.Options{Addr: node.Addr()})
		t.Cleanup(func() { _ = client.Close() })
		pools = append(pools, goredis.NewPool(client))
	}
	return mutex.New(pools...)
}

// isFree reports whether the node has no lease of the name.
func isFree(t *testing.T, node *redistest.Node, name string) bool {
	t.Helper()
	return node.Do(t, "EXISTS", name) == int64(0)
}

// expiry returns how long the node keeps the lease of the name, in ms.
func expiry(t *testing.T, node *redistest.Node, name string) int64 {
	t.Helper()
	return node.Do(t, "PTTL", name).(int64)
}

// wasRenewed waits until the lease has been extended n times on the node.
func wasRenewed(t *testing.T, node *redistest.Node, name string, n int) {
	t.Helper()
	last := expiry(t, node, name)
	require.Eventually(t, func() bool {
		now := expiry(t, node, name)
		if now > last {
			n--
		}
		last = now
		return n <= 0
	}, hangs, time.Millisecond)
}

// ends waits until a channel is closed.
func ends(t *testing.T, channel <-chan struct{}) {
	t.Helper()
	select {
	case <-channel:
	case <-time.After(hangs):
		require.FailNow(t, "it does not end")
	}
}
