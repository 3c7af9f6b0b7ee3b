package scenarios

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every row is there, for each client, with a verdict; callers who want a lock that is
// free get it from every library.
func TestNetworkMeasuresEverything(t *testing.T) {
	section, err := NetworkNodes(Quick())
	require.NoError(t, err)
	require.Len(t, section.Tables[0].Table.Rows, 2*(4+2*3))
	require.Len(t, section.Verdicts, 2*(4+3+3+5+1+2+4+1+1+4))
	for _, verdict := range section.Verdicts {
		if strings.Contains(verdict.Bar, "first Lock") || strings.Contains(verdict.Bar, "none fails") {
			require.Contains(t, verdict.Measured, "0 fail", verdict.Bar)
		}
	}
}
