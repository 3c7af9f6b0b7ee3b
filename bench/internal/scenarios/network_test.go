package scenarios

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/plot"
)

// Every row is there, for each client, with a verdict; callers who want a lock that is
// free get it from every library.
func TestNetworkMeasuresEverything(t *testing.T) {
	section, err := NetworkNodes(Quick())
	require.NoError(t, err)
	require.Len(t, section.Tables[0].Table.Rows, 2*(4+2*3))
	require.Len(t, section.Panels, 4, "one for each crowd, with one client")
	for _, panel := range section.Panels {
		require.Len(t, panel.Lines, len(libraries))
		for _, line := range panel.Lines {
			require.NotEmpty(t, line.Waits, line.Name)
		}
	}
	require.Len(t, section.Verdicts, 2*(4+3+3+5+1+2+4+1+1+4))
	for _, verdict := range section.Verdicts {
		if strings.Contains(verdict.Bar, "first Lock") || strings.Contains(verdict.Bar, "none fails") {
			require.Contains(t, verdict.Measured, "0 fail", verdict.Bar)
		}
	}
}

// A caller's wait counts if it got its lock, and it gives that back.
func TestCrowdOfReportsWhoFailed(t *testing.T) {
	var given atomic.Int64
	give := func() error { given.Add(1); return nil }
	took, waits, failed := crowdOf(5, func(name string) (func() error, error) {
		if strings.HasSuffix(name, ":3") {
			return give, errRefused
		}
		return give, nil
	})
	require.EqualValues(t, 1, failed)
	require.EqualValues(t, 4, given.Load())
	require.Len(t, waits, 4)
	require.LessOrEqual(t, slices.Max(waits), float64(took))

	panel := callersPanel("x", map[contestants.Library][]float64{contestants.Floor: waits}, map[contestants.Library]int64{contestants.Floor: failed})
	require.Equal(t, plot.Line{Name: "plain SET NX", Waits: waits, Failed: 1}, panel.Lines[0])
}
