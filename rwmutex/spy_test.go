package rwmutex_test

import (
	"context"
	"errors"
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

	mu    sync.Mutex
	calls []*driver.Call
}

// Eval implements driver.Pool.
func (s *spy) Eval(ctx context.Context, call *driver.Call) (any, error) {
	s.see(call)
	return s.Pool.Eval(ctx, call)
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
	}
	return reply, ok, err
}

func (s *spy) see(call *driver.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

// sent are the calls that were sent, in their order.
func (s *spy) sent() []*driver.Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*driver.Call(nil), s.calls...)
}

// count is how often a script was sent.
func (s *spy) count(script *scripts.Script) int {
	n := 0
	for _, call := range s.sent() {
		if call.Script() == script {
			n++
		}
	}
	return n
}

// spies are those of a factory's nodes.
type spies []*spy

// await waits until a script was sent n times to a majority of the nodes, and no more to
// any. The last ones may be sent after the call that they belong to has returned, and
// what is not needed any more is not sent.
func (all spies) await(t testing.TB, script *scripts.Script, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return all.majority(script) == n }, patience, tick)
	for i, s := range all {
		require.LessOrEqual(t, s.count(script), n, "%s to node %d", script.Name(), i)
	}
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

// requireNone checks that nothing was sent.
func (all spies) requireNone(t testing.TB) {
	t.Helper()
	for _, s := range all {
		require.Empty(t, s.sent())
	}
}

// stub is a pool without a server.
type stub func(call *driver.Call) (any, error)

// Eval implements driver.Pool.
func (s stub) Eval(_ context.Context, call *driver.Call) (any, error) { return s(call) }

// granting is a stub that agrees to everything. refusing is one that reports another
// holder.
func granting(*driver.Call) (any, error) { return int64(1), nil }
func refusing(*driver.Call) (any, error) { return int64(0), nil }

// answering is a stub that always says the same.
func answering(reply any) stub {
	return func(*driver.Call) (any, error) { return reply, nil }
}

// find returns the first E that err is or wraps.
func find[E error](err error) (found E, ok bool) {
	ok = errors.As(err, &found)
	return found, ok
}

// isA reports whether err is or wraps an E.
func isA[E error](err error) bool {
	_, ok := find[E](err)
	return ok
}
