package redlock

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A reader that has asked to get into a lease hears the nodes' yes only after the
// lease's last reader has given it back.
func TestNobodyGetsIntoALeaseThatIsOver(t *testing.T) {
	_, pools := fakes(1)
	l := &line{engine: New(pools...)}
	lease := &lease{over: make(chan struct{})}
	require.True(t, l.admitted(lease))
	from, last := l.part()
	require.True(t, lease == from)
	require.True(t, last)
	require.False(t, l.admitted(lease), "it is being given back")
	l.parted(lease)
	require.False(t, l.admitted(lease), "it was given back")
	now, _ := l.current()
	require.Nil(t, now)
}
