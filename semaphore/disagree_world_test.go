package semaphore_test

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/semaphore"
)

// This file makes nodes disagree.

// stray occupies slots on one node alone, as a process did whose calls reached only this
// node.
func (w *world) stray(node int, slots ...int) []*semaphore.Permit {
	w.t.Helper()
	alone := &world{w.t, w.client, w.nodes[node : node+1], w.name}
	s := alone.semaphore(semaphore.MaxLimit)
	var strays, others []*semaphore.Permit
	for len(strays) < len(slots) { // a node gives its lowest free slot
		p := acquireNow(w.t, s, 1)
		if slot := p.Slots()[0]; slices.Contains(slots, slot) {
			strays = append(strays, p)
		} else {
			require.Less(w.t, slot, slices.Max(slots), "a slot is occupied already")
			others = append(others, p)
		}
	}
	release(w.t, others...)
	return strays
}

// lasting is an expiry that no slow machine sees the end of, with as much time for
// each call.
const lasting = 10 * time.Minute

// without is the semaphore of a process that does not reach one of the nodes.
func (w *world) without(node, limit int) *semaphore.Semaphore {
	pools := make([]driver.Pool, len(w.nodes))
	for i, n := range w.nodes {
		pools[i] = w.client.pool(w.t, n.Addr())
	}
	pools[node] = away{}
	return semaphore.New(pools...).NewSemaphore(w.name, limit, semaphore.WithExpiry(lasting))
}

// away is a pool of a node that nothing reaches.
type away struct{}

var errAway = errors.New("no route to host")

// Eval implements driver.Pool.
func (away) Eval(context.Context, *driver.Call) (any, error) { return nil, errAway }

func release(t require.TestingT, permits ...*semaphore.Permit) {
	for _, p := range permits {
		ok, err := p.Release()
		require.NoError(t, err)
		require.True(t, ok)
	}
}
