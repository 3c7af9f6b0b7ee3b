package quorum

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/faketime"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

// boundedNode counts the calls that are made in their callers' goroutines.
type boundedNode struct {
	*fakeNode
	inline atomic.Int32
}

func (b *boundedNode) EvalBounded(ctx context.Context, call *driver.Call) (any, bool, error) {
	b.inline.Add(1)
	reply, err := b.Eval(ctx, call)
	return reply, true, err
}

// The only node is asked in the caller's goroutine where the caller cannot be cancelled, or
// the question has it so and the deadline is kept.
func TestOnlyNodeIsAskedInline(t *testing.T) {
	for _, c := range []struct {
		name   string
		inline bool
		within time.Duration // 0: ctx never ends
		calls  int32
	}{
		{"never cancelled", false, 0, 1},
		{"cancelled perhaps", false, time.Hour, 0},
		{"cancelled perhaps, and inline", true, time.Hour, 1},
		{"a deadline before the bound", true, bound / 2, 0},
	} {
		faketime.Run(t, func(t *testing.T) {
			node := &boundedNode{fakeNode: &fakeNode{reply: int64(1)}}
			group, q, ctx := New(new(clock.Clock), node), question(), background
			q.Inline = c.inline
			if c.within > 0 {
				limited, cancel := context.WithTimeout(ctx, c.within)
				defer cancel()
				ctx = limited
			}
			require.True(t, group.Round(q).Run(ctx))
			require.Equal(t, c.calls, node.inline.Load(), c.name)
			synctest.Wait()
		})
	}
}
