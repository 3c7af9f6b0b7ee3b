package rwmutex_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/rwmutex"
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
	n.locks, n.calls = append(n.locks, l), append(n.calls, l.Kind+" "+call)
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
		m := w.rwmutex(rwmutex.WithHooks(n.hooks()), rwmutex.WithFencing())
		require.NoError(t, m.Lock())
		requireYes(t, m.Extend)
		require.NoError(t, m.Downgrade(t.Context()))
		requireYes(t, m.RExtend)
		requireYes(t, m.RUnlock)
		assert.Equal(t, []string{
			"rwmutex.write start", "rwmutex.write done ok", "rwmutex.write extended ok", "rwmutex.write released ok",
			"rwmutex.read start", "rwmutex.read done ok", "rwmutex.read extended ok", "rwmutex.read released ok",
		}, n.calls)
		for _, l := range n.locks {
			assert.Equal(t, holdfast.Lock{Kind: l.Kind, Name: m.Name(), Count: 1}, l)
		}
	})
}
