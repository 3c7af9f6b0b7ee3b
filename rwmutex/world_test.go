package rwmutex_test

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
	"github.com/holdfast-go/holdfast/rwmutex"
)

const (
	// expiry is so long that nothing ends by itself while a test runs: what is
	// gone has been released.
	expiry = time.Minute
	// brief is the shortest expiry for tests that wait for its end.
	brief = 100 * time.Millisecond
	// bound is the longest that a call may wait for a node, with the default
	// timeout factor.
	bound = expiry / 20
	// patience is how long tests wait for what must come, on a slow machine: less
	// than expiry, or that could be what came.
	patience = 40 * time.Second
	// tick is the time between two looks.
	tick = 2 * time.Millisecond
)

// hasty bounds a call to a node to 300ms, a small part of expiry: for tests that have
// to wait for silent nodes. A machine that stalls makes good nodes silent too: what they
// have to answer at the first go is asked for without it.
var hasty = rwmutex.WithTimeoutFactor(float64(300*time.Millisecond) / float64(expiry))

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
				_, _ = n.TryDo("DEL", w.key("writer"), w.key("readers"), w.key("queue:write"), w.key("queue:read"), w.key("awaited"))
			}
		})
	}
	return w
}

// with is the world as a process with another client library sees it.
func (w *world) with(c client) *world {
	other := *w
	other.client = c
	return &other
}

// choose is the world with some of its nodes.
func (w *world) choose(which ...int) *world {
	chosen := *w
	chosen.nodes = nil
	for _, i := range which {
		chosen.nodes = append(chosen.nodes, w.nodes[i])
	}
	return &chosen
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
func (w *world) factory() *rwmutex.Factory { return rwmutex.New(w.pools()...) }

// rwmutex is the world's lock, as another process would have it.
func (w *world) rwmutex(options ...rwmutex.Option) *rwmutex.RWMutex {
	return w.on(w.factory(), options...)
}

// on is the world's lock, made by f. It lasts, unless the options say otherwise.
func (w *world) on(f *rwmutex.Factory, options ...rwmutex.Option) *rwmutex.RWMutex {
	return f.NewRWMutex(w.name, append([]rwmutex.Option{rwmutex.WithExpiry(expiry)}, options...)...)
}

// spied is a factory whose calls are watched, and the spies, one a node.
func (w *world) spied() (*rwmutex.Factory, spies) {
	var watching spies
	var pools []driver.Pool
	for _, pool := range w.pools() {
		s := &spy{Pool: pool}
		watching, pools = append(watching, s), append(pools, s)
	}
	return rwmutex.New(pools...), watching
}

func (w *world) quorum() int { return len(w.nodes)/2 + 1 }

// key is the name of one of the lock's keys: the package's documentation names it.
func (w *world) key(kind string) string {
	return w.name + "{" + w.name + "}:rwmutex:" + kind
}

// put gives the lock on some nodes to a writer that nobody else knows of.
func (w *world) put(token string, nodes ...*redistest.Node) {
	w.t.Helper()
	for _, n := range nodes {
		n.Do(w.t, "SET", w.key("writer"), token, "PX", expiry.Milliseconds())
	}
}

// putReader does the same for a reader.
func (w *world) putReader(token string, nodes ...*redistest.Node) {
	w.t.Helper()
	for _, n := range nodes {
		ends := time.Now().Add(expiry).UnixMicro()
		n.Do(w.t, "ZADD", w.key("readers"), ends, token)
		n.Do(w.t, "PEXPIRE", w.key("readers"), expiry.Milliseconds())
	}
}

// lose deletes one of the lock's keys on some nodes.
func (w *world) lose(kind string, nodes ...*redistest.Node) {
	w.t.Helper()
	for _, n := range nodes {
		require.EqualValues(w.t, 1, n.Do(w.t, "DEL", w.key(kind)), "there was nothing to lose")
	}
}

// live counts what has not ended of the readers, or of the tickets in a queue, on a node.
func (w *world) live(n *redistest.Node, kind string) int {
	w.t.Helper()
	now := n.Do(w.t, "TIME").([]any)
	count := n.Do(w.t, "ZCOUNT", w.key(kind), fmt.Sprintf("(%s%06s", now[0], now[1]), "+inf")
	return int(count.(int64))
}

// awaitReaders waits until each of the nodes, all by default, has want leases
// that have not ended.
func (w *world) awaitReaders(want int, nodes ...*redistest.Node) {
	w.t.Helper()
	w.await(nodes, "the number of leases", func(n *redistest.Node) bool { return w.live(n, "readers") == want })
}

// awaitWaitingWriters does the same for the tickets of waiting writers.
func (w *world) awaitWaitingWriters(want int, nodes ...*redistest.Node) {
	w.t.Helper()
	w.await(nodes, "the number of waiting writers", func(n *redistest.Node) bool { return w.live(n, "queue:write") == want })
}

// awaitWriter waits until each of the nodes has the token, "" for none.
func (w *world) awaitWriter(token string, nodes ...*redistest.Node) {
	w.t.Helper()
	w.await(nodes, "the writer", func(n *redistest.Node) bool { return w.writer(n) == token })
}

// writer is the token of the writer that a node has, or "".
func (w *world) writer(n *redistest.Node) string {
	w.t.Helper()
	token, _ := n.Do(w.t, "GET", w.key("writer")).(string)
	return token
}

// awaitFree waits until none of the nodes has any key of the lock, but for awaited. With expiry as
// it is, that is because everything was given back.
func (w *world) awaitFree(nodes ...*redistest.Node) {
	w.t.Helper()
	w.await(nodes, "a key was left behind", func(n *redistest.Node) bool { return w.keysOn(n) == 0 })
}

// keysOn counts the lock's keys on a node. Awaited is not among them: what waiters leave there
// ends by itself.
func (w *world) keysOn(n *redistest.Node) int64 {
	w.t.Helper()
	require.NotEqualValues(w.t, -1, n.Do(w.t, "PTTL", w.key("awaited")), "it never ends")
	return n.Do(w.t, "EXISTS", w.key("writer"), w.key("readers"), w.key("queue:write"), w.key("queue:read")).(int64)
}

func (w *world) await(nodes []*redistest.Node, what string, is func(*redistest.Node) bool) {
	w.t.Helper()
	if nodes == nil {
		nodes = w.nodes
	}
	for i, n := range nodes {
		require.Eventually(w.t, func() bool { return is(n) }, patience, tick, "%s, on node %d", what, i)
	}
}

// requireSettled waits until nothing goes on in the background, and checks that
// no node has a key of the lock then, but for awaited.
func (w *world) requireSettled() {
	w.t.Helper()
	settle(w.t)
	for i, n := range w.nodes {
		require.Zero(w.t, w.keysOn(n), "a key was left behind on node %d", i)
	}
}

// awaitReleased waits until nothing is left on any node, while the objects ask them:
// a node gets a process's pending releases when it next answers that process.
func (w *world) awaitReleased(objects ...*rwmutex.RWMutex) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		for _, rw := range objects {
			if rw.TryRLock() == nil {
				_, _ = rw.RUnlock()
			}
		}
		settle(w.t)
		left := int64(0)
		for _, n := range w.nodes {
			left += w.keysOn(n)
		}
		return left == 0
	}, patience, tick, "a key was left behind")
}

// settle waits until nothing goes on in the background.
func settle(t testing.TB) {
	t.Helper()
	leaktest.Settle(t, patience)
}

// requireYes runs Unlock, RUnlock, Extend, RExtend or Valid, which must be true.
func requireYes(t testing.TB, call func() (bool, error)) {
	t.Helper()
	ok, err := call()
	require.NoError(t, err)
	require.True(t, ok)
}

// requireNo runs one of them, which must be false, and returns the error that
// says why.
func requireNo(t testing.TB, call func() (bool, error)) error {
	t.Helper()
	ok, err := call()
	require.False(t, ok)
	require.Error(t, err)
	return err
}

// requireTaken checks that a Lock or RLock has failed because others are there,
// on a majority of the nodes.
func (w *world) requireTaken(err error) {
	w.t.Helper()
	require.ErrorIs(w.t, err, rwmutex.ErrFailed)
	taken, ok := find[*rwmutex.ErrTaken](err)
	require.True(w.t, ok, "%v", err)
	require.GreaterOrEqual(w.t, len(taken.Nodes), w.quorum())
}

// requireNamed checks that an error names the lock.
func (w *world) requireNamed(err error) {
	w.t.Helper()
	require.ErrorContains(w.t, err, "rwmutex: "+fmt.Sprintf("%q", w.name)[:40]) // long names are shortened
}

// within runs a call, which must return before limit has passed: a limit that
// the lock sets itself, and far more than the call needs on a slow machine.
func within(t testing.TB, limit time.Duration, call func()) {
	t.Helper()
	start := time.Now()
	call()
	assert.Less(t, time.Since(start), limit)
}
