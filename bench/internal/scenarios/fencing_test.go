package scenarios

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFencingMeasuresEverything(t *testing.T) {
	section, err := Fencing(tiny)
	require.NoError(t, err)
	require.Len(t, section.Verdicts, 1)
	table := section.Tables[0].Table
	require.Len(t, table.Rows, 2)
	for _, row := range table.Rows {
		require.Len(t, row, len(table.Columns))
		require.NotContains(t, row, "–", "no figure is missing")
	}
}

func TestFencedBar(t *testing.T) {
	require.True(t, fencedVerdict(maxFenced).Met)
	require.False(t, fencedVerdict(maxFenced+0.01).Met)
}
