package holdfast_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// record notes the calls of hooks, under a name.
type record struct{ calls []string }

func (r *record) note(format string, args ...any) {
	r.calls = append(r.calls, fmt.Sprintf(format, args...))
}

type key string

func (r *record) hooks(name string) *holdfast.Hooks {
	return &holdfast.Hooks{
		AcquireStart: func(ctx context.Context, l holdfast.Lock) context.Context {
			r.note("%s start %s", name, l.Name)
			return context.WithValue(ctx, key(name), name)
		},
		AcquireDone: func(ctx context.Context, _ holdfast.Lock, a holdfast.Acquired) {
			r.note("%s done %d %v %v", name, a.Tries, ctx.Value(key("a")), ctx.Value(key("b")))
		},
		Extended: func(_ context.Context, _ holdfast.Lock, err error) { r.note("%s extended %v", name, err) },
		Released: func(_ context.Context, _ holdfast.Lock, d holdfast.Released) { r.note("%s released %v", name, d.Err) },
		Lost:     func(_ holdfast.Lock, cause error) { r.note("%s lost %v", name, cause) },
		NodeError: func(_ holdfast.Lock, node int, err error) {
			r.note("%s node %d %v", name, node, err)
		},
	}
}

func TestJoinedHooksAreCalledInOrder(t *testing.T) {
	var r record
	h := holdfast.JoinHooks(r.hooks("a"), nil, r.hooks("b"))
	l, cause := holdfast.Lock{Kind: "mutex", Name: "x", Count: 1}, errors.New("why")

	ctx := h.AcquireStart(t.Context(), l)
	h.AcquireDone(ctx, l, holdfast.Acquired{Tries: 3})
	h.Extended(ctx, l, cause)
	h.Released(ctx, l, holdfast.Released{Err: cause})
	h.Lost(l, cause)
	h.NodeError(l, 2, cause)

	require.Equal(t, []string{
		"a start x", "b start x",
		"b done 3 a b", "a done 3 a b",
		"a extended why", "b extended why",
		"a released why", "b released why",
		"a lost why", "b lost why",
		"a node 2 why", "b node 2 why",
	}, r.calls)
}

func TestJoinedHooksLeaveOutWhatNoneHas(t *testing.T) {
	lost := func(holdfast.Lock, error) {}
	h := holdfast.JoinHooks(&holdfast.Hooks{Lost: lost}, &holdfast.Hooks{Lost: lost})
	require.NotNil(t, h.Lost)
	require.Nil(t, h.AcquireStart)
	require.Nil(t, h.AcquireDone)
	require.Nil(t, h.Extended)
	require.Nil(t, h.Released)
	require.Nil(t, h.NodeError)
	require.NotNil(t, holdfast.JoinHooks())
}

func TestJoinedStartIgnoresANilContext(t *testing.T) {
	none := &holdfast.Hooks{AcquireStart: func(context.Context, holdfast.Lock) context.Context { return nil }}
	ctx := context.WithValue(t.Context(), key("a"), "kept")
	got := holdfast.JoinHooks(none, none).AcquireStart(ctx, holdfast.Lock{})
	require.Equal(t, "kept", got.Value(key("a")))
}
