package mutex_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// refusal is a way in which a server answers with an error.
type refusal struct {
	code string
	// reads is set when it refuses reads, too.
	reads bool
	// begin returns two nodes that answer so for the name that it returns.
	begin func(t *testing.T) ([]*redistest.Node, string)
}

var refusals = []refusal{
	{"WRONGTYPE", true, wrongType},
	{"OOM", false, outOfMemory},
	{"READONLY", false, readOnly},
	{"LOADING", true, loading},
	{"NOAUTH", true, noPassword},
	{"NOPERM", true, noPermission},
	{"MOVED", true, moved},
}

// wrongType has a list where the lock should be.
func wrongType(t *testing.T) ([]*redistest.Node, string) {
	nodes, name := redistest.Start(t, 2), redistest.Name(t)
	for _, n := range nodes {
		n.Do(t, "RPUSH", name, "element")
		n.Do(t, "PEXPIRE", name, expiry.Milliseconds())
	}
	return nodes, name
}

func outOfMemory(t *testing.T) ([]*redistest.Node, string) {
	return redistest.Start(t, 2, redistest.WithConfig("maxmemory 1", "maxmemory-policy noeviction")), redistest.Name(t)
}

// readOnly has replicas, of a master that is not there.
func readOnly(t *testing.T) ([]*redistest.Node, string) {
	return redistest.Start(t, 2, redistest.WithConfig("replicaof 127.0.0.1 1")), redistest.Name(t)
}

// loading has replicas that take long to read what their master sent: 5ms a key,
// of which each is large enough for a look at the clients after it.
func loading(t *testing.T) ([]*redistest.Node, string) {
	redistest.Needs(t, redistest.CanReplicate)
	master := redistest.StartOne(t, redistest.WithConfig("repl-diskless-sync-delay 0", "rdbcompression no"))
	master.Do(t, "EVAL", "for i = 1, 6000 do redis.call('SET', i, string.rep('.', 2000), 'EX', 600) end", 0)
	host, port, _ := strings.Cut(master.DirectAddr(), ":")
	slow := redistest.WithConfig("key-load-delay 5000", "loading-process-events-interval-bytes 1024")
	nodes := redistest.Start(t, 2, slow)
	for _, n := range nodes {
		n.Do(t, "REPLICAOF", host, port)
	}
	for _, n := range nodes {
		require.Eventually(t, func() bool {
			_, err := n.TryDo("GET", "name")
			return err != nil && strings.HasPrefix(err.Error(), "LOADING")
		}, patience, tick)
	}
	return nodes, redistest.Name(t)
}

func noPassword(t *testing.T) ([]*redistest.Node, string) {
	return redistest.Start(t, 2, redistest.WithConfig("requirepass secret")), redistest.Name(t)
}

// noPermission has an ACL that forgot the scripts.
func noPermission(t *testing.T) ([]*redistest.Node, string) {
	return redistest.Start(t, 2, redistest.WithConfig("user default on nopass ~* &* +@all -evalsha")), redistest.Name(t)
}

// moved has nodes of a Cluster that serve other slots, asked by clients that
// know nothing of Clusters.
func moved(t *testing.T) ([]*redistest.Node, string) {
	name := redistest.Name(t)
	var others []*redistest.Node
	for _, n := range redistest.NewCluster(t).Nodes {
		if _, err := n.TryDo("GET", name); err != nil {
			others = append(others, n)
		}
	}
	require.Len(t, others, 2)
	return others, name
}

// withRefusals runs a test for each refusal and each client.
func withRefusals(t *testing.T, test func(t *testing.T, w *world, r refusal)) {
	for _, r := range refusals {
		t.Run(r.code, func(t *testing.T) {
			bad, name := r.begin(t)
			withEach(t, append(bad, redistest.Start(t, 2)...), func(t *testing.T, w *world) {
				w.name = name
				test(t, w, r)
			})
		})
	}
}

// choose is the world with some of its nodes: 0 and 1 are bad, 2 and 3 are good.
func (w *world) choose(which ...int) *world {
	chosen := *w
	chosen.nodes = nil
	for _, i := range which {
		chosen.nodes = append(chosen.nodes, w.nodes[i])
	}
	return &chosen
}

func TestAServerThatRefuses(t *testing.T) {
	withRefusals(t, func(t *testing.T, w *world, r refusal) {
		t.Run("alone", func(t *testing.T) { testRefusedByTheOnlyNode(t, w.choose(0), r) })
		t.Run("minority", func(t *testing.T) { testRefusedByAMinority(t, w.choose(2, 0, 3)) })
		t.Run("majority", func(t *testing.T) { testRefusedByAMajority(t, w.choose(0, 2, 1), r) })
	})
}

func testRefusedByTheOnlyNode(t *testing.T, w *world, r refusal) {
	err := w.mutex().TryLock()
	requireRefusal(t, w, err, r.code, 0)
	assert.ErrorIs(t, err, mutex.ErrFailed)
	if !r.reads {
		return
	}
	m := w.mutex(mutex.WithValue("adopted"))
	requireRefusal(t, w, requireNo(t, m.Valid), r.code, 0)
	err = requireNo(t, m.Extend)
	requireRefusal(t, w, err, r.code, 0)
	assert.ErrorIs(t, err, mutex.ErrExtendFailed)
	requireRefusal(t, w, requireNo(t, m.Unlock), r.code, 0)
}

// requireRefusal checks that err names the lock, the nodes and the cause, for
// people and for programs.
func requireRefusal(t *testing.T, w *world, err error, code string, nodes ...int) {
	t.Helper()
	first, ok := find[*mutex.RedisError](err)
	require.True(t, ok, "%v", err)
	assert.Contains(t, nodes, first.Node)
	assert.True(t, w.client.sent(err), "the client's own error: %v", err)
	assert.ErrorContains(t, err, "mutex: "+fmt.Sprintf("%q", w.name)[:40])
	for _, i := range nodes {
		assert.Regexp(t, fmt.Sprintf(`node #%d( \(\S+\))?: .*%s`, i, code), err.Error())
	}
	assert.False(t, isA[*mutex.ErrTaken](err), "nobody holds it: %v", err)
}

func testRefusedByAMinority(t *testing.T, w *world) {
	m := w.mutex()
	require.NoError(t, m.Lock())
	requireYes(t, m.Valid)
	requireYes(t, m.Extend)
	requireYes(t, m.Unlock)
	requireLeftAlone(t, w, w.nodes[0], w.nodes[2])
}

func testRefusedByAMajority(t *testing.T, w *world, r refusal) {
	err := w.mutex(mutex.WithTries(3), mutex.WithRetryDelay(0)).Lock()
	require.ErrorIs(t, err, mutex.ErrFailed)
	requireRefusal(t, w, err, r.code, 0, 2)
	requireLeftAlone(t, w, w.nodes[1])
}

// requireLeftAlone checks that good nodes are left without the key once nothing
// goes on in the background.
func requireLeftAlone(t *testing.T, w *world, good ...*redistest.Node) {
	t.Helper()
	settle(t)
	for _, n := range good {
		assert.Nil(t, n.Do(t, "GET", w.name))
	}
}

// A server that is out of memory still extends and releases.
func TestOutOfMemoryWhileHolding(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	onNodes(t, 1, func(t *testing.T, w *world) {
		m := w.mutex()
		require.NoError(t, m.Lock())
		w.nodes[0].Do(t, "CONFIG", "SET", "maxmemory", 1, "maxmemory-policy", "noeviction")
		requireRefusal(t, w, w.mutex().TryLock(), "OOM|taken", 0)
		requireYes(t, m.Extend)
		requireYes(t, m.Valid)
		requireYes(t, m.Unlock)
		w.awaitFree()
	})
}
