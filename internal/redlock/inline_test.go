package redlock

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
)

// counted is a node that counts the calls made in their callers' goroutines.
type counted struct {
	*fakenode.Node
	inline atomic.Int32
	hangs  atomic.Bool // those calls have no answer
}

func (c *counted) EvalBounded(ctx context.Context, call *driver.Call) (any, bool, error) {
	c.inline.Add(1)
	if c.hangs.Load() {
		<-ctx.Done()
		return nil, true, ctx.Err()
	}
	reply, err := c.Eval(ctx, call)
	return reply, true, err
}

// A waiter that was notified asks in its own goroutine, although its ctx may be
// cancelled; with all other calls it has to notice that at once.
func TestNotifiedWaiterAsksByItself(t *testing.T) {
	day := func(c *Config) { c.Expiry = 24 * time.Hour }
	for _, c := range []struct {
		name   string
		change func(*Config)
		within time.Duration // of ctx, 0: it has no deadline
		inline int32
	}{
		{"cancelled perhaps", nil, 0, 1},
		{"a deadline far away", nil, time.Hour, 1},
		{"a deadline before the call's own", nil, 100 * ms, 0},
		{"a call may take long", day, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			notifying(t, 1, func(b *bench) {
				node := &counted{Node: b.nodes[0]}
				holder, x := b.client(nil), (&bench{b.T, New(node), b.nodes}).object(c.change)
				b.lock(holder)
				ctx, cancel := context.WithCancel(context.Background())
				if c.within > 0 {
					ctx, cancel = context.WithTimeout(context.Background(), c.within)
				}
				defer cancel()
				got := make(chan error, 1)
				go func() { got <- x.Lock(ctx) }()
				time.Sleep(ms / 4)
				require.Zero(b, node.inline.Load(), "it was not notified yet")
				time.Sleep(20 * ms)
				before := node.inline.Load() // it was notified once it was subscribed, to look again
				require.Equal(b, c.inline, before)
				b.unlock(holder)
				require.NoError(b, <-got)
				require.Equal(b, before+c.inline, node.inline.Load())
				b.unlock(x)
				b.nothingWaits()
			})
		})
	}
}

// A node that hangs just when it has notified a waiter keeps a caller that is cancelled
// for the time of a call, and not beyond its deadline. Nothing is left behind.
func TestNodeHangsAfterItHasNotified(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		node := &counted{Node: b.nodes[0]}
		holder, x := b.client(nil), (&bench{b.T, New(node), b.nodes}).object(nil)
		b.lock(holder)
		ctx, cancel := context.WithCancel(context.Background())
		got := make(chan error, 1)
		go func() { got <- x.Lock(ctx) }()
		time.Sleep(20 * ms)
		node.hangs.Store(true)
		b.unlock(holder)
		start := time.Now()
		cancel()
		require.ErrorIs(b, <-got, context.Canceled)
		require.LessOrEqual(b, time.Since(start), x.spec.bound)
		require.EqualValues(b, 2, node.inline.Load(), "it was notified once it was subscribed, and by the release")
		b.nothingWaits()
	})
}
