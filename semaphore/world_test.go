package semaphore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	redigoclient "github.com/gomodule/redigo/redis"
	goredisclient "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/leaktest"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/semaphore"
)

const (
	// expiry is so long that nothing ends by itself while a test runs: what is
	// gone has been released.
	expiry = time.Minute
	// bound is the longest that a call may wait for a node, with the default
	// timeout factor.
	bound = expiry / 20
	// patience is how long tests wait for what must come, on a slow machine: less
	// than expiry, or that could be what came.
	patience = 40 * time.Second
	// tick is the time between two looks.
	tick = 2 * time.Millisecond
)

// client is a Redis client library with its driver. Clients have the library's
// defaults, and are closed with the test.
type client struct {
	name string
	pool func(t testing.TB, addr string) driver.Pool
}

var clients = []client{{"goredis", goredisPool}, {"redigo", redigoPool}}

func goredisPool(t testing.TB, addr string) driver.Pool {
	c := goredisclient.NewClient(&goredisclient.Options{Addr: addr})
	t.Cleanup(func() { _ = c.Close() })
	return goredis.NewPool(c)
}

func redigoPool(t testing.TB, addr string) driver.Pool {
	p := &redigoclient.Pool{
		MaxIdle: 3,
		Dial:    func() (redigoclient.Conn, error) { return redigoclient.Dial("tcp", addr) },
	}
	t.Cleanup(func() { _ = p.Close() })
	return redigo.NewPool(p)
}

// world is where a test happens: nodes, a client library to reach them with, and
// the name of a semaphore.
type world struct {
	t      *testing.T
	client client
	nodes  []*redistest.Node
	name   string
}

// everywhere runs a test on one node, on three and on five, with each client.
func everywhere(t *testing.T, test func(t *testing.T, w *world)) {
	for _, n := range []int{1, 3, 5} {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) {
			nodes := redistest.Start(t, n)
			for _, c := range clients {
				t.Run(c.name, func(t *testing.T) { test(t, newWorld(t, c, nodes)) })
			}
		})
	}
}

// onNodes runs a test with each client, each on n nodes that it may break.
func onNodes(t *testing.T, n int, test func(t *testing.T, w *world)) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) { test(t, newWorld(t, c, redistest.Start(t, n))) })
	}
}

func newWorld(t *testing.T, c client, nodes []*redistest.Node) *world {
	w := &world{t, c, nodes, redistest.Name(t)}
	if redistest.Backend() == "addrs" { // the others end with their test
		t.Cleanup(func() {
			for _, n := range nodes {
				_, _ = n.TryDo("DEL", w.key())
			}
		})
	}
	return w
}

// key is the name of the key with the permits: the package's documentation
// names it.
func (w *world) key() string { return w.name + "{" + w.name + "}:permits:held" }

// factory is what another process would have: clients of its own, on the same
// nodes.
func (w *world) factory() *semaphore.Factory {
	pools := make([]driver.Pool, len(w.nodes))
	for i, n := range w.nodes {
		pools[i] = w.client.pool(w.t, n.Addr())
	}
	return semaphore.New(pools...)
}

// semaphore is the world's, as another process would have it. Its permits last,
// unless the options say otherwise.
func (w *world) semaphore(limit int, options ...semaphore.Option) *semaphore.Semaphore {
	options = append([]semaphore.Option{semaphore.WithExpiry(expiry)}, options...)
	return w.factory().NewSemaphore(w.name, limit, options...)
}

// grants is how many permits a node has.
func (w *world) grants(n *redistest.Node) int {
	w.t.Helper()
	return int(n.Do(w.t, "ZCOUNT", w.key(), 1e12, "+inf").(int64)) // leases end later than slots count
}

// awaitGrants waits until each of the nodes, all of them by default, has want
// permits.
func (w *world) awaitGrants(want int, nodes ...*redistest.Node) {
	w.t.Helper()
	if nodes == nil {
		nodes = w.nodes
	}
	require.Eventually(w.t, func() bool {
		for _, n := range nodes {
			if w.grants(n) != want {
				return false
			}
		}
		return true
	}, patience, tick, "not every node has %d permits", want)
}

// settle waits until nothing goes on in the background.
func settle(t testing.TB) {
	t.Helper()
	leaktest.Settle(t, patience)
}

// acquire takes n permits, which must work, and waits until every node has
// answered: one that got two permits in the other order could not give both their
// slots.
func acquire(t testing.TB, s *semaphore.Semaphore, n int) *semaphore.Permit {
	t.Helper()
	p := acquireNow(t, s, n)
	settle(t)
	return p
}

// acquireNow takes n permits, which must work.
func acquireNow(t testing.TB, s *semaphore.Semaphore, n int) *semaphore.Permit {
	t.Helper()
	p, err := s.AcquireN(context.Background(), n)
	require.NoError(t, err)
	return p
}

// fill takes all permits, one by one.
func fill(t testing.TB, s *semaphore.Semaphore) []*semaphore.Permit {
	t.Helper()
	permits := make([]*semaphore.Permit, s.Limit())
	for i := range permits {
		permits[i] = acquire(t, s, 1)
	}
	return permits
}

// slotsOf are the slots of some permits, no two of which may be the same.
func slotsOf(t testing.TB, permits ...*semaphore.Permit) []int {
	t.Helper()
	var all []int
	seen := make(map[int]bool)
	for _, p := range permits {
		for _, slot := range p.Slots() {
			require.False(t, seen[slot], "slot %d twice", slot)
			seen[slot] = true
			all = append(all, slot)
		}
	}
	return all
}

// requireTaken checks that n permits are refused because they are held.
func requireTaken(t testing.TB, s *semaphore.Semaphore, n int) {
	t.Helper()
	p, err := s.TryAcquireN(context.Background(), n)
	require.ErrorIs(t, err, semaphore.ErrFailed)
	require.Nil(t, p)
	var taken *semaphore.ErrTaken
	require.ErrorAs(t, err, &taken)
	require.NotEmpty(t, taken.Nodes)
}

// requireRefused is requireTaken while nodes are away: the refusals may be too few
// for a majority of them, and yet decide.
func requireRefused(t testing.TB, s *semaphore.Semaphore) {
	t.Helper()
	_, err := s.TryAcquire()
	require.ErrorIs(t, err, semaphore.ErrFailed)
	require.ErrorContains(t, err, "lock already taken")
}

func requireHeld(t testing.TB, s *semaphore.Semaphore, want int) {
	t.Helper()
	held, err := s.Held(context.Background())
	require.NoError(t, err)
	require.Equal(t, want, held)
}

// requireYes runs Release or Extend, which must be true.
func requireYes(t testing.TB, call func() (bool, error)) {
	t.Helper()
	ok, err := call()
	require.NoError(t, err)
	require.True(t, ok)
}

// requireNo runs Release or Extend, which must be false for a reason.
func requireNo(t testing.TB, call func() (bool, error), reason error) {
	t.Helper()
	ok, err := call()
	require.False(t, ok)
	require.ErrorIs(t, err, reason)
}

// within runs a call, which must return before limit has passed: a limit that
// the semaphore sets itself, and far more than the call needs on a slow machine.
func within(t testing.TB, limit time.Duration, call func()) {
	t.Helper()
	start := time.Now()
	call()
	require.Less(t, time.Since(start), limit)
}

// spy is a pool without a server, which counts what is sent to it.
type spy struct {
	mu   sync.Mutex
	sent int
}

// Eval implements driver.Pool.
func (s *spy) Eval(context.Context, *driver.Call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent++
	return "0", nil
}
