package scenarios

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
)

func TestHooksMeasuresEverything(t *testing.T) {
	section, err := Hooks(tiny)
	require.NoError(t, err)
	require.Len(t, section.Verdicts, 1)
	require.Len(t, section.Tables, 2, "one node and three")
	for _, captioned := range section.Tables {
		table := captioned.Table
		require.Len(t, table.Rows, len(hookedMutexes()))
		require.Equal(t, []string{"none", "1.000", "1.000"}, table.Rows[withoutHooks][:3])
		for _, row := range table.Rows {
			require.Len(t, row, len(table.Columns))
			require.NotContains(t, row, "NaN", "no figure is missing")
		}
	}
}

func TestHooksBar(t *testing.T) {
	verdict := func(wall, allocs float64) bool {
		costs, calls := make([][]measure.Cost, len(hookedMutexes())), make([][]measure.Cost, len(hookedMutexes()))
		for i := range costs {
			costs[i], calls[i] = []measure.Cost{{Wall: 9000, Allocs: 90}}, []measure.Cost{{Wall: 9000}}
		}
		costs[withoutHooks], costs[absent] = []measure.Cost{{Wall: 1, Allocs: 18}}, []measure.Cost{{Wall: 5, Allocs: allocs}}
		calls[withoutHooks], calls[absent] = []measure.Cost{{Wall: 1000}}, []measure.Cost{{Wall: wall}}
		return hooksVerdict(costs, calls).Met
	}
	require.True(t, verdict(1010, 18))
	require.False(t, verdict(1011, 18))
	require.False(t, verdict(1000, 19))
}

// Those that the bar is for have the hooks of which it speaks.
func TestHookedMutexesHaveTheirHooks(t *testing.T) {
	all := hookedMutexes()
	require.Nil(t, all[withoutHooks].hooks)
	require.Equal(t, &holdfast.Hooks{}, all[absent].hooks)
	h := all[absent+1].hooks
	for _, function := range []any{h.AcquireStart, h.AcquireDone, h.Extended, h.Released, h.Lost, h.NodeError} {
		require.NotNil(t, function)
	}
}
