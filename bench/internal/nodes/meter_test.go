package nodes

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A script is one request whatever it does, and the meter's own do not count.
func TestMeterCountsRequestsOfOthers(t *testing.T) {
	started, err := Start(2)
	require.NoError(t, err)
	defer StopAll(started)
	meter, err := NewMeter(started)
	require.NoError(t, err)
	defer func() { require.NoError(t, meter.Close()) }()
	conn, err := started[1].dial()
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()

	before, err := meter.Count()
	require.NoError(t, err)
	again, err := meter.Count()
	require.NoError(t, err)
	require.Equal(t, before, again)

	for range 3 {
		_, err = conn.Do("EVAL", "for i = 1, 10 do redis.call('GET', 'k') end", 0)
		require.NoError(t, err)
	}
	after, err := meter.Count()
	require.NoError(t, err)
	require.EqualValues(t, 3, after-before)
}
