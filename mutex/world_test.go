package mutex_test

import (
	"fmt"
	"testing"
	"time"

	redigoclient "github.com/gomodule/redigo/redis"
	goredisclient "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/leaktest"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
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
	// sent reports whether err is the library's type for what a server sent.
	sent func(err error) bool
}

var clients = []client{
	{"goredis", goredisPool, func(err error) bool { return isA[goredisclient.Error](err) }},
	{"redigo", redigoPool, func(err error) bool { return isA[redigoclient.Error](err) }},
}

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
// the name of a lock.
type world struct {
	t      *testing.T
	client client
	nodes  []*redistest.Node
	name   string
}

// everywhere runs a test on one node, on three and on five, with each client. The
// test must not break them: they are the same ones.
func everywhere(t *testing.T, test func(t *testing.T, w *world)) {
	var nodes []*redistest.Node
	if redistest.Backend() != "addrs" { // of which there may be too few for five
		nodes = redistest.Start(t, 5)
	}
	for _, n := range []int{1, 3, 5} {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) {
			if nodes == nil {
				withEach(t, redistest.Start(t, n), test)
			} else {
				withEach(t, nodes[:n], test)
			}
		})
	}
}

// onNodes runs a test with each client, each on n nodes that it may break.
func onNodes(t *testing.T, n int, test func(t *testing.T, w *world), options ...redistest.Option) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			test(t, newWorld(t, c, redistest.Start(t, n, options...)))
		})
	}
}

// withEach runs a test with each client on nodes that they share.
func withEach(t *testing.T, nodes []*redistest.Node, test func(t *testing.T, w *world)) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) { test(t, newWorld(t, c, nodes)) })
	}
}

func newWorld(t *testing.T, c client, nodes []*redistest.Node) *world {
	w := &world{t: t, client: c, nodes: nodes, name: redistest.Name(t)}
	if redistest.Backend() == "addrs" { // the others end with their test
		t.Cleanup(func() {
			for _, n := range nodes {
				_, _ = n.TryDo("DEL", w.name)
			}
		})
	}
	return w
}

// pools are new clients of every node.
func (w *world) pools() []driver.Pool {
	pools := make([]driver.Pool, len(w.nodes))
	for i, n := range w.nodes {
		pools[i] = w.client.pool(w.t, n.Addr())
	}
	return pools
}

// factory is what another process would have: clients of its own, on the same
// nodes.
func (w *world) factory() *mutex.Factory { return mutex.New(w.pools()...) }

// mutex is the world's lock, as another process would have it.
func (w *world) mutex(options ...mutex.Option) *mutex.Mutex {
	return w.on(w.factory(), options...)
}

// on is the world's lock, made by f. It lasts, unless the options say otherwise.
func (w *world) on(f *mutex.Factory, options ...mutex.Option) *mutex.Mutex {
	return f.NewMutex(w.name, append([]mutex.Option{mutex.WithExpiry(expiry)}, options...)...)
}

// spied is a factory whose calls are watched, and the spies, one a node.
func (w *world) spied() (*mutex.Factory, spies) {
	var watching spies
	var pools []driver.Pool
	for _, pool := range w.pools() {
		s := &spy{Pool: pool}
		watching, pools = append(watching, s), append(pools, s)
	}
	return mutex.New(pools...), watching
}

func (w *world) quorum() int { return len(w.nodes)/2 + 1 }

// put gives the lock on some nodes to another client.
func (w *world) put(token string, nodes ...*redistest.Node) {
	w.t.Helper()
	for _, n := range nodes {
		n.Do(w.t, "SET", w.name, token, "PX", expiry.Milliseconds())
	}
}

// lose deletes the lock's key on some nodes.
func (w *world) lose(nodes ...*redistest.Node) {
	w.t.Helper()
	for _, n := range nodes {
		require.EqualValues(w.t, 1, n.Do(w.t, "DEL", w.name), "there was nothing to lose")
	}
}

// awaitHolder waits until every one of the nodes has token, all of them by
// default.
func (w *world) awaitHolder(token string, nodes ...*redistest.Node) {
	w.t.Helper()
	w.await(token, nodes, "not every node has the token")
}

// awaitFree waits until no node has the key. With expiry as it is, that is
// because it was released.
func (w *world) awaitFree(nodes ...*redistest.Node) {
	w.t.Helper()
	w.await(nil, nodes, "a key was left behind")
}

func (w *world) await(holder any, nodes []*redistest.Node, otherwise string) {
	w.t.Helper()
	if nodes == nil {
		nodes = w.nodes
	}
	require.Eventually(w.t, func() bool {
		for _, n := range nodes {
			if reply, err := n.TryDo("GET", w.name); err != nil || reply != holder {
				return false
			}
		}
		return true
	}, patience, tick, otherwise)
}

// awaitReleased waits until no node has the key, while another lock asks them: a node
// gets a process's pending releases when it next answers that process.
func (w *world) awaitReleased(other *mutex.Mutex) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		if other.TryLock() == nil {
			_, _ = other.Unlock()
		}
		for _, n := range w.nodes {
			if reply, err := n.TryDo("GET", w.name); err != nil || reply != nil {
				return false
			}
		}
		return true
	}, patience, tick, "a key was left behind")
}

// requireSettled waits until nothing goes on in the background, and checks that
// no node has the key then.
func (w *world) requireSettled() {
	w.t.Helper()
	settle(w.t)
	for i, n := range w.nodes {
		require.Nil(w.t, n.Do(w.t, "GET", w.name), "a key was left behind on node %d", i)
	}
}

// settle waits until nothing goes on in the background.
func settle(t testing.TB) {
	t.Helper()
	leaktest.Settle(t, patience)
}

// holders counts the nodes that have token now.
func (w *world) holders(token string) int {
	w.t.Helper()
	count := 0
	for _, n := range w.nodes {
		if n.Do(w.t, "GET", w.name) == token {
			count++
		}
	}
	return count
}

// lifetime is the remaining lifetime of the key on a node.
func (w *world) lifetime(n *redistest.Node) time.Duration {
	w.t.Helper()
	return time.Duration(n.Do(w.t, "PTTL", w.name).(int64)) * time.Millisecond
}

// isA reports whether err is or wraps an E.
func isA[E error](err error) bool {
	_, ok := find[E](err)
	return ok
}

// requireYes runs Unlock, Extend or Valid, which must be true.
func requireYes(t testing.TB, call func() (bool, error)) {
	t.Helper()
	ok, err := call()
	require.NoError(t, err)
	require.True(t, ok)
}

// requireNo runs Unlock, Extend or Valid, which must be false, and returns the
// error that says why.
func requireNo(t testing.TB, call func() (bool, error)) error {
	t.Helper()
	ok, err := call()
	require.False(t, ok)
	require.Error(t, err)
	return err
}

// within runs a call, which must return before limit has passed: a limit that
// the mutex sets itself, and far more than the call needs on a slow machine.
func within(t testing.TB, limit time.Duration, call func()) {
	t.Helper()
	start := time.Now()
	call()
	assert.Less(t, time.Since(start), limit)
}
