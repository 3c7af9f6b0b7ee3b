package semaphore_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/semaphore"
)

// notes are what hooks were called with.
type notes struct {
	mu    sync.Mutex
	locks []holdfast.Lock
	calls []string
}

func (n *notes) note(l holdfast.Lock, call string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.locks, n.calls = append(n.locks, l), append(n.calls, call)
}

func (n *notes) hooks() *holdfast.Hooks {
	return &holdfast.Hooks{
		AcquireStart: func(ctx context.Context, l holdfast.Lock) context.Context { n.note(l, "start"); return ctx },
		AcquireDone:  func(_ context.Context, l holdfast.Lock, a holdfast.Acquired) { n.note(l, "done "+text(a.Err)) },
		Extended:     func(_ context.Context, l holdfast.Lock, err error) { n.note(l, "extended "+text(err)) },
		Released:     func(_ context.Context, l holdfast.Lock, r holdfast.Released) { n.note(l, "released "+text(r.Err)) },
		Lost:         func(l holdfast.Lock, _ error) { n.note(l, "lost") },
	}
}

func text(err error) string {
	if err != nil {
		return "failed"
	}
	return "ok"
}

func TestHooks(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		var n notes
		s := w.semaphore(3, semaphore.WithHooks(n.hooks()))
		p, err := s.AcquireN(t.Context(), 2)
		require.NoError(t, err)
		requireYes(t, p.Extend)
		_, err = s.TryAcquireN(t.Context(), 2)
		require.Error(t, err)
		requireYes(t, p.Release)
		assert.Equal(t, []string{
			"start", "done ok", "extended ok", "start", "done failed", "released ok",
		}, n.calls)
		for _, l := range n.locks {
			assert.Equal(t, holdfast.Lock{Kind: "semaphore", Name: s.Name(), Count: 2}, l)
		}
	})
}
