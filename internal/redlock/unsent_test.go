package redlock

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
)

// A try with a user's value that asks no node, as too many nodes have a pending
// release of the same value, leaves none where it was not sent.
func TestStrictTokenThatAsksNoNodeLeavesNothing(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(func(c *Config) { c.SetGenValue(func() (string, error) { return "same", nil }) })
		b.lockAll(x)
		b.away(fakenode.ErrLostReply, 0, 1) // their releases are without an answer
		_, err := x.Unlock(background)
		require.Error(t, err)
		require.ErrorIs(t, x.TryLock(background), errUnsettled)
		b.back(0, 1)
		time.Sleep(time.Second) // the nodes answer the pending releases
		require.NoError(t, x.TryLock(background))
		require.Equal(t, []string{"same", "same", "same"}, b.holders())
		b.unlock(x)
	})
}
