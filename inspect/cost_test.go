package inspect_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// A node's work for a status is bounded by what is shown: where ten times as many hold and
// wait it runs the same commands, each of which has a bounded part of a key.
func TestStatusCostsWhatIsShown(t *testing.T) {
	redistest.Needs(t, redistest.CanCount)
	w := newWorld(t, 1)
	some, many := w.costs(2*inspect.MaxShown), w.costs(20*inspect.MaxShown)
	require.Len(t, some, len(looks))
	require.Equal(t, some, many)
}

// costs is how many commands a node runs for the status of each kind of lock, which so many
// hold or wait for.
func (w *world) costs(n int) map[string]int {
	w.t.Helper()
	ends := time.Now().Add(expiry).UnixMicro()
	waiter := func(i int) string { return "ch|" + strconv.Itoa(i) }
	queued := func(i int) (came, until int64, id string) { return int64(i), ends, waiter(i) }
	reader := func(i int) (int64, string) { return ends, waiter(i) }
	permit := func(i int) (int64, string) { // a slot, and its lease
		if i%2 == 0 {
			return int64(i / 2), "0:" + waiter(i/2)
		}
		return ends, "=" + waiter(i/2)
	}
	sets := map[string]map[int]func(int) (int64, string){ // by the key's index
		"rwmutex":   {1: reader},
		"semaphore": {0: permit},
	}
	queues := map[string][]int{"mutex": {2}, "rwmutex": {2, 3}, "semaphore": {1}}
	costs := make(map[string]int)
	for kind, look := range looks {
		keys := keysOf(look, w.name)
		for i, row := range sets[kind] {
			w.fill(keys[i], n, row)
		}
		for _, i := range queues[kind] {
			w.fillQueue(keys[i], n, queued)
		}
		require.Equal(w.t, n*len(queues[kind]), w.see(look(w.in)).Waiting, kind) // and the script is there
		before := w.nodes[0].Calls(w.t)
		w.see(look(w.in))
		costs[kind] = w.nodes[0].Calls(w.t) - before
		w.do(append([]any{"DEL"}, keys...)...)
	}
	return costs
}
