package scenarios

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

func TestFencingMeasuresEverything(t *testing.T) {
	scale := tiny
	scale.Contests = few.Contests
	section, err := Fencing(scale)
	require.NoError(t, err)
	require.Len(t, section.Verdicts, 1+2)
	require.Len(t, section.Tables, 2)
	for _, captioned := range section.Tables {
		require.Len(t, captioned.Table.Rows, 2)
		for _, row := range captioned.Table.Rows {
			require.Len(t, row, len(captioned.Table.Columns))
			require.NotContains(t, row, "–", "no figure is missing")
		}
	}
	require.True(t, section.Verdicts[1].Met, section.Verdicts[1].Measured)
}

func TestFencedCrowdBars(t *testing.T) {
	missed := func(rounds ...contend.Measured) int {
		c := fencedContest(few.Contests)
		c.measured[contestants.Fenced().Name()] = rounds
		return report.Missed(fencedCrowdVerdicts(c))
	}
	require.Equal(t, 0, missed(got(1000, 100, 0)))
	require.Equal(t, 1, missed(got(1000, 101, 0)), "too many requests")
	require.Equal(t, 1, missed(got(1000, 100, 0), contend.Measured{Failure: "died: a number did not grow"}))
	require.Equal(t, 2, missed(got(0, 0, 0)), "nothing was measured")
}

func TestFencedBar(t *testing.T) {
	require.True(t, fencedVerdict(maxFenced).Met)
	require.False(t, fencedVerdict(maxFenced+0.01).Met)
}
