package scenarios

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// few is enough for every step of the scenarios with contention to happen.
var few = Scale{
	Handoffs: Handoffs{Rounds: 1, Turns: 2, PolledTurns: 2, HeldPolled: 10 * time.Millisecond},
	Contests: Contests{
		Rounds: 1, Warmup: 20 * time.Millisecond, Window: 100 * time.Millisecond, Patience: time.Second,
		Crowds: []int{1, 3}, Processes: 2, Goroutines: 2,
	},
}

func TestHandoffMeasuresEverybody(t *testing.T) {
	section, err := Handoff(few)
	require.NoError(t, err)
	require.Len(t, section.Tables, 3)
	rows := map[int]int{1: 15, 3: 14, 5: 14}
	for i, n := range []int{1, 3, 5} {
		table := section.Tables[i].Table
		require.Len(t, table.Rows, rows[n])
		for _, row := range table.Rows {
			require.Len(t, row, len(table.Columns))
			if !strings.Contains(strings.Join(row, ""), " stuck") { // in its only round: see forgive
				require.NotContains(t, row, "–", "no figure is missing")
			}
		}
	}
	require.Len(t, section.Panels, 1)
	require.Len(t, section.Panels[0].Lines, 5)
	require.Len(t, section.Verdicts, 2*(4+2))
}

func TestCrowdMeasuresEverybody(t *testing.T) {
	section, err := Crowd(few)
	require.NoError(t, err)
	requireContests(t, section, 2, len(contestants.Crowd()))
	require.Len(t, section.Panels, 1)
	require.Len(t, section.Verdicts, 8, "four for each size")
}

func TestProcessesMeasuresEverybody(t *testing.T) {
	section, err := Processes(few)
	require.NoError(t, err)
	requireContests(t, section, 2, len(contestants.Processes()))
	require.Len(t, section.Panels, 2)
	require.Len(t, section.Verdicts, 4)
}

func requireContests(t *testing.T, section *report.Section, tables, rows int) {
	t.Helper()
	require.Len(t, section.Tables, tables)
	for _, captioned := range section.Tables {
		require.Len(t, captioned.Table.Rows, rows)
		for _, row := range captioned.Table.Rows {
			require.Len(t, row, len(captioned.Table.Columns))
			if !strings.HasPrefix(row[0], "rueidislock") { // its waiters may be stuck for longer than the window
				require.NotEqual(t, "0", row[1], "there were sections: %s", row)
			}
		}
	}
}

// The taker of a pass has waited when the giver unlocks, and not longer than
// that is measured.
func TestPassMeasuresFromUnlockOn(t *testing.T) {
	started, err := nodes.Start(1)
	require.NoError(t, err)
	defer nodes.StopAll(started)
	floor := contestants.FloorDuelists()[0]
	clients, err := floor.Connect(nodes.Addrs(started), "pass")
	require.NoError(t, err)
	defer func() { require.NoError(t, clients.Close()) }()
	require.NoError(t, clients.Sides[0].Take(context.Background()))

	const held = 200 * time.Millisecond
	start := time.Now()
	took, err := pass(clients.Sides[0], clients.Sides[1], held)
	whole := time.Since(start)
	require.NoError(t, err)
	require.Positive(t, took)
	require.LessOrEqual(t, took, whole-held)
	require.NoError(t, clients.Sides[1].Give())
}

func TestPassQuotientComparesWithinRounds(t *testing.T) {
	a := []passes{{took: []float64{1, 3, 5}}, {took: []float64{30}}, {took: []float64{9, 9}}, {}}
	b := []passes{{took: []float64{1}}, {took: []float64{10, 10, 80}}, {took: []float64{1}}, {took: []float64{1}}}
	require.Equal(t, 3.0, passQuotient(a, b))
}

// passedOn is a tournament in which Holdfast and redsync took so many times what
// the floor on as many nodes took.
func passedOn(n int, holdfast, redsync float64) *tournament {
	t := &tournament{n: n, duels: duels(n, make([]*nodes.Node, n))}
	for _, d := range t.duels {
		took := 1.0
		switch {
		case d.Library == contestants.Holdfast:
			took = 10 * holdfast
		case d.Library == contestants.Redsync:
			took = 10 * redsync
		case len(d.nodes) == n:
			took = 10
		}
		gets := ""
		if d.Note == "rwmutex" {
			gets = "writer to readers"
		}
		d.passed[gets] = []passes{{took: []float64{took}}}
	}
	return t
}

func TestHandoffBars(t *testing.T) {
	require.Len(t, passedOn(1, 1, 1).verdicts(), 4+2, "four locks of ours, two clients")
	require.Empty(t, passedOn(5, 1, 1).verdicts())
	for n, most := range map[int]float64{1: 1.3, 3: 1.8} {
		require.Equal(t, 0, report.Missed(passedOn(n, most, 100*most).verdicts()))
		require.Equal(t, 4, report.Missed(passedOn(n, most+0.01, 1000).verdicts()))
		require.Equal(t, 2, report.Missed(passedOn(n, most, 99*most).verdicts()))
	}
}

func TestHandoffTableComparesWithBothFloors(t *testing.T) {
	rows := passedOn(3, 1.5, 1000).table().Rows
	require.Equal(t, []string{"holdfast, go-redis (mutex)", "0.00 ms", "15.0", "1.50"}, rows[4][:4])
	require.Equal(t, "floor, go-redis, 3 nodes", rows[2][0])
	require.Equal(t, "holdfast, go-redis (rwmutex), writer to readers", rows[9][0])
}

// A stuck waiter of another library is noted, and the run goes on.
func TestHandoffForgivesOthers(t *testing.T) {
	tour := passedOn(1, 1, 1)
	for _, d := range tour.duels {
		stuck := d.forgive(errors.Join(errStuck, context.DeadlineExceeded))
		if d.Library == contestants.Holdfast {
			require.ErrorIs(t, stuck, errStuck)
			continue
		}
		require.NoError(t, stuck)
		require.Contains(t, tour.row(d, ""), "> 5000 ms, 1 stuck")
		require.ErrorIs(t, d.forgive(errRefused), errRefused)
	}
}

// got is a load of one process whose only goroutine had so many sections, each
// after the same wait.
func got(sections int, requests int64, wait time.Duration) contend.Measured {
	return contend.Measured{
		Parties:  []contend.Result{{Sections: []int{sections}, Waits: []int64{int64(wait)}}},
		Requests: requests,
		Window:   time.Second,
	}
}

// judgedAs is a contest in which the others had 100 sections each, after 10 s.
func judgedAs(ours contend.Measured) *contest {
	c := &contest{title: "a contest", who: contestants.Crowd(), measured: make(map[string][]contend.Measured)}
	for _, who := range c.who {
		c.measured[who.Name()] = []contend.Measured{got(100, 200, 10*time.Second)}
		if who.Library == contestants.Holdfast {
			c.measured[who.Name()] = []contend.Measured{ours}
		}
	}
	return c
}

func TestCrowdBars(t *testing.T) {
	missed := func(contests ...*contest) int { return report.Missed(crowdVerdicts(contests)) }
	good := judgedAs(got(2000, 100, 10*time.Second))
	require.Equal(t, 0, missed(good))
	require.Equal(t, 1, missed(judgedAs(got(1999, 50, time.Second))), "too few sections")
	require.Equal(t, 1, missed(judgedAs(got(2000, 101, time.Second))), "too many requests")
	require.Equal(t, 1, missed(judgedAs(got(2000, 50, 11*time.Second))), "too long a wait")
	require.Equal(t, 1, missed(judgedAs(got(1999, 50, time.Second)), good), "each crowd is judged")

	stuck := got(2000, 50, time.Second)
	stuck.Parties[0].Stuck = 1
	require.Equal(t, 1, missed(judgedAs(stuck)))

	uneven := got(1201, 50, time.Second)
	uneven.Parties[0].Sections = append(uneven.Parties[0].Sections, 800)
	require.Equal(t, 1, missed(judgedAs(uneven)), "1,201 of one goroutine, 800 of the other")
}

func TestProcessBars(t *testing.T) {
	missed := func(ours contend.Measured) int { return report.Missed(tightVerdicts(judgedAs(ours))) }
	require.Equal(t, 0, missed(got(1000, 303, 150*time.Millisecond)))
	require.Equal(t, 1, missed(got(999, 200, time.Millisecond)), "too few sections")
	require.Equal(t, 1, missed(got(1000, 200, 150*time.Millisecond+1)), "too long a wait")

	uneven := contend.Measured{Window: time.Second, Parties: []contend.Result{
		{Sections: []int{1000, 51}}, {Sections: []int{350, 350}, Waits: []int64{1}},
	}}
	require.Equal(t, 1, missed(uneven), "1,051 of one process, 700 of the other")

	require.True(t, pausedVerdict(judgedAs(got(190, 0, 0))).Met)
	require.False(t, pausedVerdict(judgedAs(got(189, 0, 0))).Met)
}

func TestSpreadIsOfGoroutinesOrOfProcesses(t *testing.T) {
	one := contend.Measured{Parties: []contend.Result{{Sections: []int{3, 5, 4}}}}
	require.Equal(t, "5 / 3", spreadOf(one).String())
	two := contend.Measured{Parties: []contend.Result{{Sections: []int{3, 5}}, {Sections: []int{1, 0}}}}
	require.Equal(t, "8 / 1", spreadOf(two).String())
	none := contend.Measured{Parties: []contend.Result{{Sections: []int{7, 0}}}}
	require.Equal(t, "8 / 1", medianSpread([]contend.Measured{none, one, two}).String(), "the one in the middle")
}

func TestContestTable(t *testing.T) {
	c := judgedAs(got(150, 300, 20*time.Millisecond))
	stuck := c.measured[c.who[2].Name()][0]
	stuck.Parties[0].Stuck = 2
	table := c.table(contestants.Floor)
	require.Len(t, table.Rows, len(c.who))
	require.Equal(t, []string{"holdfast, go-redis", "150", "1.50", "2", "20.00 ms", "20.00 ms", "20.00 ms", "150 / 150"}, table.Rows[1])
	require.NotContains(t, table.Rows[2], "given up")
	c.measured[c.who[2].Name()][0] = stuck
	require.Equal(t, "> 10000 ms, 2 given up", c.table(contestants.Floor).Rows[2][6])
}

func TestHoldNamesWhoFailed(t *testing.T) {
	broken := errors.New("broken")
	c := crowds(few.Contests)[0]
	err := hold(1, []*contest{c}, func(contestants.Contender, contend.Load, []string, contend.Counter) (contend.Measured, error) {
		return contend.Measured{}, broken
	})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, c.title)
}

// Everybody is measured once a round, side by side.
func TestHoldGivesEverybodyEveryRound(t *testing.T) {
	contests := crowds(few.Contests)
	var order []string
	err := hold(3, contests, func(who contestants.Contender, load contend.Load, _ []string, _ contend.Counter) (contend.Measured, error) {
		order = append(order, fmt.Sprint(load.Goroutines, who.Name()))
		return got(1, 1, 1), nil
	})
	require.NoError(t, err)
	field := len(contestants.Crowd())
	require.Len(t, order, 3*2*field)
	require.ElementsMatch(t, order[:2*field], order[2*field:4*field])
	require.Len(t, contests[0].find(contestants.Redsync), 3)
}

func TestRateQuotientComparesWithinRounds(t *testing.T) {
	a := []contend.Measured{got(10, 0, 0), got(40, 0, 0), got(900, 0, 0)}
	b := []contend.Measured{got(10, 0, 0), got(20, 0, 0), got(100, 0, 0)}
	require.Equal(t, 2.0, rateQuotient(a, b))
	require.Equal(t, measure.Quantile([]float64{10, 40, 900}, 0.5), rate(a))
}
