package semaphore_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/semaphore"
)

// An owner's text may have all that separates slots, lists and ids, but spaces.
func TestTheTokenSaysWhoHasAPermit(t *testing.T) {
	w := newWorld(t, clients[0], redistest.Start(t, 3))
	s := w.semaphore(4, semaphore.WithOwner("pod-7/0:1,2-3|x:1:1@host"))
	p := acquire(t, s, 3)
	assert.Regexp(t, "^[0-9a-f-]{36}@pod-7/0:1,2-3\\|x:1:1@host$", p.Value())
	w.awaitGrants(1) // one token
	held, err := s.Held(context.Background())
	require.NoError(t, err)
	assert.Equal(t, 3, held)
	for _, call := range []func() (bool, error){p.Extend, p.Release} {
		ok, err := call()
		require.NoError(t, err)
		require.True(t, ok)
	}
	w.awaitGrants(0)
	_, err = w.semaphore(4, semaphore.WithOwner("a b")).Acquire()
	require.ErrorIs(t, err, semaphore.ErrConfig)
}
