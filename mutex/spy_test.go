package mutex_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

// spy passes calls on to a pool and remembers them. The engine treats it as it
// would treat the pool.
type spy struct {
	driver.Pool
	// before, if set, runs ahead of each call, in the call's goroutine.
	before func(call *driver.Call)

	mu       sync.Mutex
	calls    []*driver.Call
	answered []*driver.Call // by the server, in this order
}

// Eval implements driver.Pool.
func (s *spy) Eval(ctx context.Context, call *driver.Call) (any, error) {
	s.see(call)
	reply, err := s.Pool.Eval(ctx, call)
	s.seeAnswer(call, err)
	return reply, err
}

// EvalBounded implements driver.Bounded as the pool does.
func (s *spy) EvalBounded(ctx context.Context, call *driver.Call) (reply any, ok bool, err error) {
	bounded, ok := s.Pool.(driver.Bounded)
	if !ok {
		return nil, false, nil
	}
	reply, ok, err = bounded.EvalBounded(ctx, call)
	if ok {
		s.see(call)
		s.seeAnswer(call, err)
	}
	return reply, ok, err
}

// see remembers a call.
func (s *spy) see(call *driver.Call) {
	s.mu.Lock()
	s.calls = append(s.calls, call)
	s.mu.Unlock()
	if s.before != nil {
		s.before(call)
	}
}

// seeAnswer remembers a call that was answered.
func (s *spy) seeAnswer(call *driver.Call, err error) {
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answered = append(s.answered, call)
	}
}

// count is how often a script was sent.
func (s *spy) count(script *scripts.Script) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return countOf(s.calls, script)
}

// answers is how often a script was answered.
func (s *spy) answers(script *scripts.Script) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return countOf(s.answered, script)
}

func countOf(calls []*driver.Call, script *scripts.Script) int {
	n := 0
	for _, call := range calls {
		if scriptOf(call) == script {
			n++
		}
	}
	return n
}

// scriptOf is the script that a call runs: a try that neither waits nor stands behind
// waiters is a bare SET, and is what the acquire would be.
func scriptOf(call *driver.Call) *scripts.Script {
	if call.Script() == nil {
		return scripts.Mutex().Acquire
	}
	return call.Script()
}

// sent are the calls that were sent, in their order.
func (s *spy) sent() []*driver.Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*driver.Call(nil), s.calls...)
}

// spies are those of a factory's nodes.
type spies []*spy

// await waits until a script was sent n times to a majority of the nodes. The last ones
// may be sent after the call that they belong to has returned, and what is not needed
// any more is not sent.
func (all spies) await(t testing.TB, script *scripts.Script, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		return all.majority(script) == n
	}, patience, tick)
	all.requireAtMost(t, script, n)
}

// least is how often a script was sent to the node that it was sent to least.
func (all spies) least(script *scripts.Script) int {
	least := math.MaxInt
	for _, s := range all {
		least = min(least, s.count(script))
	}
	return least
}

// majority is how often a script was sent to each node of a majority at least.
func (all spies) majority(script *scripts.Script) int {
	var counts []int
	for _, s := range all {
		counts = append(counts, s.count(script))
	}
	slices.Sort(counts)
	return counts[(len(counts)-1)/2]
}

// requireAtMost checks that a script was sent to no node more than n times.
func (all spies) requireAtMost(t testing.TB, script *scripts.Script, n int) {
	t.Helper()
	for i, s := range all {
		require.LessOrEqual(t, s.count(script), n, "%s to node %d", script.Name(), i)
	}
}

// stub is a pool without a server.
type stub func(call *driver.Call) (any, error)

// Eval implements driver.Pool.
func (s stub) Eval(_ context.Context, call *driver.Call) (any, error) { return s(call) }

// granting is a stub that agrees to everything.
func granting(*driver.Call) (any, error) { return int64(1), nil }

// find returns the first E that err is or wraps.
func find[E error](err error) (found E, ok bool) {
	ok = errors.As(err, &found)
	return found, ok
}
