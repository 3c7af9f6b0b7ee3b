package scenarios

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/contestants"
)

func TestCutSubscriptionsAreCut(t *testing.T) {
	section, err := CutSubscriptions(Scale{Cuts: Cuts{Window: 2 * time.Second}})
	require.NoError(t, err)
	rows := section.Tables[0].Table.Rows
	require.Len(t, rows, 4)
	for i, row := range rows {
		require.Equal(t, i%2 == 0, row[1] == "0", "cut, and only where it says so: %v", row)
		require.NotEqual(t, "0", row[2], "sections")
	}
	require.Len(t, section.Verdicts, 2)
}

func TestCutVerdict(t *testing.T) {
	waited := func(longest time.Duration) contend.Measured {
		return contend.Measured{Parties: []contend.Result{{Waits: []int64{1, longest.Nanoseconds()}}}}
	}
	delay := contestants.CrewDelay
	for _, c := range []struct {
		cuts      int
		calm, bad time.Duration
		stuck     int
		met       bool
	}{
		{1, delay, delay / 2, 0, true},
		{1, delay, 2 * delay, 0, true},
		{1, delay, 2*delay + time.Millisecond, 0, false},
		{0, delay, delay, 0, false},
		{1, delay, delay, 1, false},
	} {
		bad := waited(c.bad)
		bad.Parties[0].Stuck = c.stuck
		require.Equal(t, c.met, cut{n: 1, cuts: c.cuts, calm: waited(c.calm), bad: bad}.verdict().Met, "%+v", c)
	}
}

func TestShareOfAScale(t *testing.T) {
	full := Full()
	half := full.Share(0.5)
	require.Equal(t, full.Race.Rounds/2, half.Race.Rounds)
	require.Equal(t, 3, half.Handoffs.Rounds, "of 5")
	require.Equal(t, full.Race.Block, half.Race.Block)
	require.Equal(t, full.Cuts.Window/2, half.Cuts.Window)
	least := full.Share(0.001)
	require.Equal(t, 1, least.Contests.Rounds)
	require.Equal(t, 1, least.Readers.Rounds)
	require.Equal(t, full, full.Share(1))
}
