package rwmutex_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/rwmutex"
)

func TestTheKeysSayWhoHoldsIt(t *testing.T) {
	w := newWorld(t, clients[0], redistest.Start(t, 3))
	rw := w.rwmutex(rwmutex.WithOwner("pod-7/1:2|3@host"))
	require.NoError(t, rw.Lock())
	assert.Regexp(t, "^[0-9a-f-]{36}@pod-7/1:2\\|3@host$", rw.Value())
	w.awaitWriter(rw.Value())
	requireYes(t, rw.Unlock)
	require.NoError(t, rw.RLock())
	w.awaitReaders(1)
	readers := w.nodes[0].Do(t, "ZRANGE", w.key("readers"), 0, -1).([]any)
	assert.Regexp(t, "@pod-7/1:2\\|3@host$", readers[0])
	requireYes(t, rw.RUnlock)
	require.ErrorIs(t, w.rwmutex(rwmutex.WithOwner("a b")).Lock(), rwmutex.ErrConfig)
}
