package scenarios

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/internal/leaktest"
)

func TestMain(m *testing.M) {
	contend.ServeChild()
	contestants.Silence()
	leaktest.Main(m)
}

// tiny is enough for every step to happen.
var tiny = Scale{
	Race:        measure.Plan{Rounds: 2, Block: time.Millisecond, Warmup: 1},
	FaultRounds: 1,
	FaultBlock:  time.Millisecond,
	Patience:    100 * time.Millisecond,
	Load:        200 * time.Millisecond,
	Pairs:       50,
}

// rowsOf returns the rows of a table that begin with who.
func rowsOf(table report.Table, who string) (rows [][]string) {
	for _, row := range table.Rows {
		if row[0] == who {
			rows = append(rows, row)
		}
	}
	return rows
}

func nameOf(library contestants.Library, client contestants.Client) string {
	return contestants.Contestant{Library: library, Client: client}.Name()
}

func TestUncontendedMeasuresEverybody(t *testing.T) {
	for _, n := range []int{1, 3} {
		section, err := Uncontended(tiny, n)
		require.NoError(t, err)
		require.Len(t, section.Tables[0].Table.Rows, len(line(n)))
		require.NotEmpty(t, section.Verdicts)
		for _, row := range section.Tables[0].Table.Rows {
			require.NotContains(t, row, "–", "no figure is missing")
		}
	}
}

// The faults are real: redsync as it comes waits for a hung node, and nobody
// calls that a success.
func TestBadNodesSeesHungNodes(t *testing.T) {
	section, err := BadNodes(tiny)
	require.NoError(t, err)
	first := section.Tables[0].Table
	oneHung := slices.Index(first.Columns, oneHung.name)
	for _, client := range clients {
		for _, row := range rowsOf(first, nameOf(contestants.Redsync, client)) {
			require.Contains(t, row[oneHung], ">", row)
		}
		for _, row := range rowsOf(first, nameOf(contestants.Holdfast, client)) {
			require.NotContains(t, row[oneHung], ">", row)
			require.NotContains(t, row[oneHung], "failed", row)
		}
	}
	require.Len(t, section.Tables, 3)
	require.Len(t, section.Verdicts, 2*4*3, "two clients, four conditions, three kinds of calls")
}

func TestGoroutinesCountsThoseBehindHungNodes(t *testing.T) {
	section, err := Goroutines(tiny)
	require.NoError(t, err)
	row := rowsOf(section.Tables[0].Table, nameOf(contestants.FailFast, contestants.GoRedis))[0]
	left, err := strconv.Atoi(row[3])
	require.NoError(t, err)
	require.Positive(t, left, "redsync leaves one behind a hung node with every call")
	require.Len(t, section.Verdicts, 2*4)
}

func TestResidueCountsNames(t *testing.T) {
	section, err := Residue(tiny)
	require.NoError(t, err)
	require.Len(t, section.Tables[0].Table.Rows, len(hasty()))
	require.Len(t, section.Verdicts, 4)
}

func TestNamesLeftCountsEachNameOnce(t *testing.T) {
	started, err := nodes.Start(2)
	require.NoError(t, err)
	defer nodes.StopAll(started)
	for i, keys := range []string{"a b", "b c"} {
		for key := range strings.FieldsSeq(keys) {
			_, err := started[i].Do("SET", key, "v")
			require.NoError(t, err)
		}
	}
	left, err := awaitStill(started)
	require.NoError(t, err)
	require.Equal(t, 3, left)
}

func TestConditionBreaksInTurnAndMends(t *testing.T) {
	started, err := nodes.Start(3)
	require.NoError(t, err)
	defer nodes.StopAll(started)

	well, err := twoKilled.begin(started, 2)
	require.NoError(t, err)
	require.Equal(t, []*nodes.Node{started[1]}, well, "from node 2 on: 2 and 0 are killed")
	_, err = started[0].Do("PING")
	require.Error(t, err)
	_, err = started[1].Do("SET", "k", "v")
	require.NoError(t, err)

	require.NoError(t, twoKilled.end(started, 2))
	left, err := namesLeft(started)
	require.NoError(t, err, "all answer again")
	require.Zero(t, left)
}
