package scenarios

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBesideMeasuresAll(t *testing.T) {
	section, err := Beside(Scale{Neighbours: Neighbours{Waits: 5, Polls: 1}})
	require.NoError(t, err)
	require.Len(t, section.Tables[0].Table.Rows, 3)
	require.Len(t, section.Verdicts, 3)
	require.Equal(t, "5 of 5", section.Tables[0].Table.Rows[0][2])
}

func TestBesideBars(t *testing.T) {
	waits := func(got int, median, longest float64) bool {
		return besideVerdict("holdfast", 1, got, 10, median, longest).Met
	}
	require.True(t, waits(10, 15e6, 150e6))
	require.False(t, waits(9, 15e6, 150e6))
	require.False(t, waits(10, 15e6+1, 150e6))
	require.False(t, waits(10, 15e6, 150e6+1))
	require.True(t, besideVerdict("redsync", 4, 90, 100, 0, 0).Met)
	require.False(t, besideVerdict("redsync", 4, 89, 100, 0, 0).Met)
}
