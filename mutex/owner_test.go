package mutex_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/mutex"
)

// Redsync's users name the type.
var _ *mutex.Redsync = mutex.New()

func TestTheKeySaysWhoHoldsIt(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex(mutex.WithOwner("pod-7/1:2|3@host"))
		require.NoError(t, m.Lock())
		assert.Regexp(t, "^[0-9a-f-]{36}@pod-7/1:2\\|3@host$", m.Value())
		w.awaitHolder(m.Value())
		requireYes(t, m.Unlock)
		w.awaitFree()
	})
}

func TestBadOwners(t *testing.T) {
	s := &spy{Pool: stub(granting)}
	requireConfigError(t, mutex.New(s).NewMutex("name", mutex.WithOwner("a b")), `owner is "a b"`, "without spaces")
	gen := mutex.WithGenValueFunc(func() (string, error) { return "v", nil })
	requireConfigError(t, mutex.New(s).NewMutex("name", mutex.WithOwner("ab"), gen), `owner is "ab"`, "value function")
	assert.Empty(t, s.sent())
}
