package scenarios

import (
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
)

func TestRWMutexMeasuresEverything(t *testing.T) {
	scale := tiny
	scale.Readers = Readers{Rounds: 1, Block: 20 * time.Millisecond}
	section, err := RWMutex(scale)
	require.NoError(t, err)
	require.Len(t, section.Verdicts, 1+3, "the pair, and the processes on three numbers of nodes")
	for i, rows := range map[int]int{rwPairs: 3, rwHung: 1, rwCrowd: 3, rwFleet: 3} {
		table := section.Tables[i].Table
		require.Len(t, table.Rows, rows)
		for _, row := range table.Rows {
			require.Len(t, row, len(table.Columns))
			if i == rwFleet && row[2] == "0" { // one section of a hundred writes, and the window is short
				continue
			}
			require.NotContains(t, row, "–", "no figure is missing")
		}
	}
	for _, row := range section.Tables[rwCrowd].Table.Rows {
		asked, err := strconv.ParseFloat(row[4], 64)
		require.NoError(t, err)
		require.Positive(t, asked, "the nodes are asked")
		require.Less(t, asked, 5.0, "goroutines share a lease: alone each would ask twice, of five nodes ten times")
	}
}

func TestReadPairBar(t *testing.T) {
	require.True(t, readPairVerdict(maxReadPair).Met)
	require.False(t, readPairVerdict(maxReadPair+0.01).Met)
}

func TestRequestsAreCountedAtTheNodes(t *testing.T) {
	started, err := nodes.Start(2)
	require.NoError(t, err)
	defer nodes.StopAll(started)
	_, err = started[0].Do("EVAL", "return 0", 0)
	require.NoError(t, err)
	requests, err := countRequests(started, func() error {
		_, missing := started[0].Do("EVALSHA", "0000000000000000000000000000000000000000", 0)
		require.Error(t, missing)
		_, err := started[0].Do("EVAL", "redis.call('SET', KEYS[1], '') return redis.call('GET', KEYS[1])", 1, "k")
		_, errToo := started[1].Do("EVAL", "return 1", 0)
		return errors.Join(err, errToo)
	})
	require.NoError(t, err)
	require.Equal(t, 3.0, requests, "not the one before, and not what scripts call")
	boom := errors.New("boom")
	_, err = countRequests(started, func() error { return boom })
	require.ErrorIs(t, err, boom)
}

func TestRepeatAtOnce(t *testing.T) {
	var calls [3]atomic.Int64
	got, err := repeatAtOnce(len(calls), 0, func(i int) error { calls[i].Add(1); return nil })
	require.NoError(t, err)
	require.Equal(t, len(calls), got.calls)
	for i := range calls {
		require.Equal(t, int64(1), calls[i].Load(), "at least once")
	}
	boom := errors.New("boom")
	_, err = repeatAtOnce(2, time.Hour, func(int) error { return boom })
	require.ErrorIs(t, err, boom)
	require.Equal(t, 50.0, tally{calls: 100, took: 2 * time.Second}.rate())
}

func TestEverySectionOfTheFleetIsCounted(t *testing.T) {
	started, err := nodes.Start(1)
	require.NoError(t, err)
	defer nodes.StopAll(started)
	var f fleet
	require.NoError(t, f.run(contend.Load{Goroutines: 2, Reads: 50, Window: 100 * time.Millisecond, Patience: time.Minute}, started))
	m := f.shared[0]
	require.Len(t, m.Parties, fleetSize)
	require.Positive(t, m.Reads())
	require.Positive(t, m.Writes())
	require.GreaterOrEqual(t, len(m.Waits()), m.Writes(), "a wait for every write, and those that came after the window")
	require.Zero(t, m.Stuck())
	require.Len(t, f.excluding, 1)
}
