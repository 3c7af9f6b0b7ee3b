package redlock

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A reader that has asked to get into a lease gets the nodes' yes only after the
// lease's last reader has given it back.
func TestNoReaderGetsIntoALeaseThatIsOver(t *testing.T) {
	_, pools := fakes(1)
	x := NewRW(New(pools...), writeProtocol, readProtocol, rwName, DefaultConfig())
	r, l := x.Reader.readers, new(lease)
	l.init(x.Reader.spec, newToken("lease", false))
	lease := newSharedLease(l)
	require.True(t, r.admitted(lease))
	from, last := r.leave()
	require.True(t, lease == from)
	require.True(t, last)
	require.False(t, r.admitted(lease), "it is being given back")
	r.released(lease)
	require.False(t, r.admitted(lease), "it was given back")
	now, _ := r.current()
	require.Nil(t, now)
}
