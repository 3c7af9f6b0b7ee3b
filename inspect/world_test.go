package inspect_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

const (
	expiry   = time.Minute      // longer than a test
	patience = 40 * time.Second // for what must come, on a slow machine; shorter than expiry
	tick     = 2 * time.Millisecond
)

// world is nodes, an Inspector of them, and the name of a lock.
type world struct {
	t     *testing.T
	nodes []*redistest.Node
	name  string
	in    *inspect.Inspector
}

func newWorld(t *testing.T, n int, opts ...redistest.Option) *world {
	w := &world{t: t, nodes: redistest.Start(t, n, opts...), name: redistest.Name(t)}
	w.in = inspect.New(w.pools()...)
	return w
}

// everywhere runs a test on one node and on three.
func everywhere(t *testing.T, test func(t *testing.T, w *world)) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) { test(t, newWorld(t, n)) })
	}
}

// pools are new ones, as of another process.
func (w *world) pools() []driver.Pool {
	var pools []driver.Pool
	for _, node := range w.nodes {
		client := redis.NewClient(&redis.Options{Addr: node.Addr()})
		w.t.Cleanup(func() { _ = client.Close() })
		pools = append(pools, goredis.NewPool(client))
	}
	return pools
}

// all are the numbers of the nodes.
func (w *world) all() []int {
	var all []int
	for i := range w.nodes {
		all = append(all, i)
	}
	return all
}

// do runs a command on every node.
func (w *world) do(args ...any) {
	w.t.Helper()
	for _, node := range w.nodes {
		node.Do(w.t, args...)
	}
}

// fill makes a sorted set of n rows on every node.
func (w *world) fill(key any, n int, row func(i int) (score int64, member string)) {
	w.t.Helper()
	words := []any{"ZADD", key}
	for i := range n {
		score, member := row(i)
		words = append(words, score, member)
	}
	w.do(words...)
	w.do("PEXPIRE", key, expiry.Milliseconds())
}

// fillQueue makes a queue of n waiters on every node: when the i-th came and when its ticket
// ends, in µs.
func (w *world) fillQueue(key any, n int, row func(i int) (came, ends int64, id string)) {
	w.t.Helper()
	w.fill(key, n, func(i int) (int64, string) {
		came, _, id := row(i)
		return came - 4_000_000_000_000_000, "-" + id
	})
	w.fill(key, n, func(i int) (int64, string) {
		_, ends, id := row(i)
		return ends, id
	})
}

// look is one of the Inspector's methods.
type look func(ctx context.Context, name string) (inspect.Status, error)

func (w *world) see(look look) inspect.Status {
	w.t.Helper()
	status, err := look(w.t.Context(), w.name)
	require.NoError(w.t, err)
	return status
}

// await looks until so many hold and so many wait, each on every node: the last node may
// answer late. One that gets a waiter's request before the holder's never has the lease, so
// holders are awaited before others come.
func (w *world) await(look look, holders, waiters int) (status inspect.Status) {
	w.t.Helper()
	everywhere := func(nodes []int) bool { return len(nodes) == len(w.nodes) }
	require.Eventually(w.t, func() bool {
		status = w.see(look)
		late := slices.ContainsFunc(status.Holders, func(h inspect.Holder) bool { return !everywhere(h.Nodes) }) ||
			slices.ContainsFunc(status.Waiters, func(w inspect.Waiter) bool { return !everywhere(w.Nodes) })
		return !late && len(status.Holders) == holders && len(status.Waiters) == waiters
	}, patience, tick)
	return status
}

// awaitListener waits until each node has a subscription of the waiter: until then its process
// counts as absent there, and others may pass it by.
func (w *world) awaitListener(waiter inspect.Waiter) {
	w.t.Helper()
	channel, _, _ := strings.Cut(waiter.ID, "|")
	for _, node := range w.nodes {
		require.Eventually(w.t, func() bool {
			return node.Do(w.t, "PUBSUB", "NUMSUB", channel).([]any)[1] != int64(0)
		}, patience, tick)
	}
}

// later runs a call that waits, and gives its error.
func later(call func() error) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- call() }()
	return ended
}

func requireClosed(t *testing.T, lost <-chan struct{}) {
	t.Helper()
	select {
	case <-lost:
	case <-time.After(patience):
		t.Fatal("Lost is still open")
	}
}
