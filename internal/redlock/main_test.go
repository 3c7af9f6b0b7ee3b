package redlock

import (
	"context"
	"flag"
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/faketime"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/scripts"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// bench is an engine over fake nodes.
type bench struct {
	*testing.T
	engine *Engine
	nodes  []*fakenode.Node
}

func fakes(n int) ([]*fakenode.Node, []driver.Pool) {
	nodes, pools := make([]*fakenode.Node, n), make([]driver.Pool, n)
	for i := range nodes {
		nodes[i] = fakenode.New()
		pools[i] = nodes[i]
	}
	return nodes, pools
}

// bubble runs a test over n fake nodes on fake time, and checks that nothing is
// left running.
func bubble(t *testing.T, n int, test func(b *bench)) {
	t.Helper()
	faketime.Run(t, func(t *testing.T) {
		nodes, pools := fakes(n)
		test(&bench{t, New(pools...), nodes})
		time.Sleep(time.Hour) // for stragglers; what still runs then fails the test
	})
}

// object makes a lock object, from the defaults and a change to them.
func (b *bench) object(change func(*Config)) *Exclusive {
	c := DefaultConfig()
	c.SetRetryDelay(100 * time.Millisecond)
	if change != nil {
		change(&c)
	}
	return NewExclusive(b.engine.NewSpec(testProtocol, "name", c))
}

// elsewhere is another process.
func (b *bench) elsewhere() *bench {
	var pools []driver.Pool
	for _, n := range b.nodes {
		pools = append(pools, n)
	}
	return &bench{b.T, New(pools...), b.nodes}
}

func (b *bench) lock(x *Exclusive) {
	b.Helper()
	require.NoError(b, x.Lock(context.Background()))
}

// lockAll locks, and waits for the stragglers' grants too.
func (b *bench) lockAll(x *Exclusive) {
	b.Helper()
	b.lock(x)
	b.holders()
}

func (b *bench) unlock(x *Exclusive) {
	b.Helper()
	ok, err := x.Unlock(context.Background())
	require.NoError(b, err)
	require.True(b, ok)
}

// holders are the tokens on the nodes, once everything has settled.
func (b *bench) holders() []string {
	synctest.Wait()
	var tokens []string
	for _, n := range b.nodes {
		tokens = append(tokens, n.Holder("name"))
	}
	return tokens
}

// nothingLeft checks that no node has a token, once everything has settled.
func (b *bench) nothingLeft() {
	b.Helper()
	for i, token := range b.holders() {
		require.Empty(b, token, "node %d", i)
	}
}

// failing has nodes fail a script, or all of them for nil, until they are back.
func (b *bench) failing(script *scripts.Script, fault error, nodes ...int) {
	for _, i := range nodes {
		b.nodes[i].Set(func() {
			b.nodes[i].Fault = func(call *driver.Call) error {
				if script == nil || call.Script() == script {
					return fault
				}
				return nil
			}
		})
	}
}

// wrong makes the lock on every node wrong.
func (b *bench) wrong(change func(l *fakenode.RW)) {
	for _, n := range b.nodes {
		n.Set(func() { change(n.RW(rwName)) })
	}
}

// writers are the nodes' write tokens, once everything has settled.
func (b *bench) writers() []string {
	synctest.Wait()
	var tokens []string
	for _, n := range b.nodes {
		writer, _, _ := n.LookRW(rwName)
		tokens = append(tokens, writer)
	}
	return tokens
}

// leases count the nodes' readers, and tickets those of their writers, once everything has
// settled.
func (b *bench) leases() (leases []int) {
	synctest.Wait()
	for _, n := range b.nodes {
		_, readers, _ := n.LookRW(rwName)
		leases = append(leases, readers)
	}
	return leases
}

func (b *bench) tickets() (tickets []int) {
	synctest.Wait()
	for _, n := range b.nodes {
		_, _, writers := n.LookRW(rwName)
		tickets = append(tickets, writers)
	}
	return tickets
}

// every thins out the random schedules. 5 keeps all kinds of them: their seeds choose by
// their remainders of 2, 3 and 6.
var every = flag.Int("every", 1, "run one in so many of the random schedules")

// seedsBelow are the seeds of n random schedules, or of a part of them. Under the race
// detector they take four times as long, and a part is enough to see races.
func seedsBelow(n uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for seed := uint64(0); seed < n && yield(seed); seed += uint64(*every) {
		}
	}
}

// always delays every call of a node by d.
func always(d time.Duration) func(*driver.Call) time.Duration {
	return func(*driver.Call) time.Duration { return d }
}

// only delays the calls of one script by d.
func only(name string, d time.Duration) func(*driver.Call) time.Duration {
	return func(call *driver.Call) time.Duration {
		if call.Name() == name {
			return d
		}
		return 0
	}
}

// once does something at the first call of a script.
func once(name string) func(*driver.Call) bool {
	var done atomic.Bool
	return func(call *driver.Call) bool {
		return call.Name() == name && done.CompareAndSwap(false, true)
	}
}
