package rwmutex_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/rwmutex"
)

// waiter waits for the lock, in a process of its own.
type waiter struct {
	*rwmutex.RWMutex
	w      *world
	tries  atomic.Int64
	ctx    context.Context
	cancel context.CancelFunc
	got    chan error
}

// manyTries is as good as no limit, but counted: who waits without one in the line of
// a process does not count its tries.
const manyTries = 1 << 30

// newWaiter makes a waiter that tries every now and then, and does not give up.
func (w *world) newWaiter(options ...rwmutex.Option) *waiter {
	x := &waiter{w: w, got: make(chan error, 1)}
	x.ctx, x.cancel = context.WithTimeout(context.Background(), 2*patience)
	w.t.Cleanup(x.cancel)
	x.RWMutex = w.rwmutex(append(options, rwmutex.WithTries(manyTries), rwmutex.WithRetryDelayFunc(x.delay))...)
	return x
}

// delay is asked for when a try is made: a reader's has been refused then.
func (x *waiter) delay(int) time.Duration {
	x.tries.Add(1)
	return tick
}

// write makes it wait for the lock, read for a share of it.
func (x *waiter) write() *waiter { return x.begin(x.LockContext) }
func (x *waiter) read() *waiter  { return x.begin(x.RLockContext) }

func (x *waiter) begin(lock func(context.Context) error) *waiter {
	go func() { x.got <- lock(x.ctx) }()
	return x
}

// requireWaits checks that it is refused a few times from now on.
func (x *waiter) requireWaits(t testing.TB) {
	t.Helper()
	const some = 4
	from := x.tries.Load()
	require.Eventually(t, func() bool { return x.tries.Load() >= from+some || len(x.got) > 0 }, patience, tick)
	require.Empty(t, x.got, "it does not wait")
}

// requireIn waits until it has what it waits for.
func (x *waiter) requireIn(t testing.TB) {
	t.Helper()
	select {
	case err := <-x.got:
		require.NoError(t, err)
	case <-time.After(patience):
		require.Fail(t, "it does not get in")
	}
}

// giveUp makes it give up, and returns the error of its call.
func (x *waiter) giveUp() error {
	x.cancel()
	return <-x.got
}
