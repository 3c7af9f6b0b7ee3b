package rwmutex_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/rwmutex"
)

// reader is the token of the only reader that a node has.
func (w *world) reader(n *redistest.Node) string {
	w.t.Helper()
	tokens := n.Do(w.t, "ZRANGE", w.key("readers"), 0, -1).([]any)
	require.Len(w.t, tokens, 1)
	return tokens[0].(string)
}

// Those who read together have the value that the nodes have, and each lease its own.
func TestRValueIsThatOfTheLease(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex(rwmutex.WithOwner("me"))
		assert.Empty(t, rw.RValue())
		require.NoError(t, rw.RLock())
		value := rw.RValue()
		w.awaitReaders(1)
		for _, n := range w.nodes {
			assert.Equal(t, w.reader(n), value)
		}
		require.NoError(t, rw.RLock())
		assert.Equal(t, value, rw.RValue(), "they share a lease")
		assert.Empty(t, rw.Value(), "which is no writer's")
		requireYes(t, rw.RUnlock)
		requireYes(t, rw.RUnlock)
		assert.Equal(t, value, rw.RValue(), "the last lease's")

		require.NoError(t, rw.RLock())
		w.awaitReaders(1)
		next := rw.RValue()
		assert.NotEqual(t, value, next)
		w.lose("readers", w.nodes...)
		requireNo(t, rw.RExtend)
		<-rw.RLost()
		assert.Equal(t, next, rw.RValue(), "the lost lease's")
		requireNo(t, rw.RUnlock)
		assert.Equal(t, next, rw.RValue(), "the lost lease's")
		w.requireSettled()
	})
}

func TestRValueAfterADowngrade(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex(rwmutex.WithValue("adopted"))
		assert.Empty(t, rw.RValue())
		require.NoError(t, rw.Lock())
		value := rw.Value()
		assert.Empty(t, rw.RValue(), "it does not read")
		require.NoError(t, rw.Downgrade(context.Background()))
		assert.Equal(t, value, rw.RValue())
		requireYes(t, rw.RUnlock)
		w.requireSettled()
	})
}
