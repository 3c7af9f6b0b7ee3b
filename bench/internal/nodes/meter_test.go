package nodes

import (
	"errors"
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

// What a script calls is in the time of the script, and in that of its own commands:
// it counts once.
func TestBusyIsTheTimeOfWhatClientsSend(t *testing.T) {
	node := start(t, 1)[0]
	script := "for i = 1, 10000 do redis.call('GET', 'k') end"
	send := func() error {
		_, err := node.Do("SET", "k", "v")
		_, errScript := node.Do("EVAL", script, 0)
		return errors.Join(err, errScript)
	}
	asked, err := Asked(node, send)
	require.NoError(t, err)
	require.Equal(t, []string{"set", "eval"}, asked)

	meter, err := NewMeter([]*Node{node})
	require.NoError(t, err)
	defer func() { require.NoError(t, meter.Close()) }()
	before, err := meter.Busy([]string{"eval"})
	require.NoError(t, err)
	inner, err := meter.Busy([]string{"get"})
	require.NoError(t, err)
	require.Positive(t, inner)
	require.Greater(t, before, inner, "the time of the script has that of its commands")
	require.NoError(t, send())
	all, err := meter.Busy(asked)
	require.NoError(t, err)
	again, err := meter.Busy([]string{"eval"})
	require.NoError(t, err)
	require.Greater(t, again, before)
	require.Greater(t, all, again, "and that of SET")
	none, err := meter.Busy([]string{"get|", "nothing"})
	require.NoError(t, err)
	require.Zero(t, none)
}

func TestAskedFailsWhereTimesCannotBeSeparated(t *testing.T) {
	node := start(t, 1)[0]
	_, err := Asked(node, func() error {
		_, err := node.Do("GET", "k")
		_, errScript := node.Do("EVAL", "return redis.call('get', 'k')", 0)
		return errors.Join(err, errScript)
	})
	require.ErrorContains(t, err, "get is sent by clients and called by scripts")

	broken := errors.New("broken")
	_, err = Asked(node, func() error { return broken })
	require.ErrorIs(t, err, broken)
}
