package redlock

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A permit passes to one goroutine, though that has not run since: the next permit is for
// the next goroutine, and the one after that for none.
func TestPermitsPassToOneEach(t *testing.T) {
	var q slotQueue
	first, _ := q.join(1)
	second, _ := q.join(1)
	q.sit(first)
	one, other, third := new(lease), new(lease), new(lease)
	require.True(t, q.awaits(1))
	require.Nil(t, q.pass(1, one))
	require.Nil(t, q.pass(1, other))
	require.False(t, q.awaits(1))
	require.True(t, q.pass(1, third) == third)
	require.True(t, first.Value.lease == one)
	require.True(t, second.Value.lease == other)
}
