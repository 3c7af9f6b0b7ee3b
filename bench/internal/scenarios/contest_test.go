package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	require.Len(t, section.Tables, 4)
	for i, rows := range []int{21, 18, 20, 20} {
		table := section.Tables[i].Table
		require.Len(t, table.Rows, rows)
		if i < 2 {
			require.Equal(t, "2", table.Rows[0][6], "the floor sends two requests: %s", table.Rows[0])
		}
		for _, row := range table.Rows {
			require.Len(t, row, len(table.Columns))
			if !strings.Contains(strings.Join(row, ""), " stuck") { // in its only round: see forgive
				require.NotContains(t, row, "–", "no figure is missing")
			}
		}
	}
	var median float64
	_, err = fmt.Sscanf(section.Tables[1].Table.Rows[0][1], "%f ms", &median)
	require.NoError(t, err)
	require.GreaterOrEqual(t, median, 2*float64(handoffTrip.Milliseconds()), "the floor needs two trips to the far node")
	require.Len(t, section.Panels, 1)
	require.Len(t, section.Panels[0].Lines, 5)
	require.Len(t, section.Verdicts, 8*3+2+8+8+2)
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
	took, _, err := pass(clients.Sides[0], clients.Sides[1], held, uncounted)
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
func passedOn(n int, trip time.Duration, holdfast, redsync float64) *tournament {
	t := newTournament(Handoffs{}, &place{nodes: make([]*nodes.Node, n), sites: make([]contestants.Site, n)}, trip)
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
		gets := map[string]string{"rwmutex, readers": "writer to readers", "rwmutex, one reader": contestants.ToReader}[d.Note]
		d.passed[gets] = []passes{{took: []float64{took}, between: []float64{1}}}
	}
	return t
}

func TestHandoffBars(t *testing.T) {
	missed := func(t *tournament) int { return report.Missed(t.verdicts()) }
	require.Len(t, passedOn(1, 0, 1, 1).verdicts(), 8*3+2, "four locks of ours on two clients, by floor, by peer and by requests; redsync's")
	require.Len(t, passedOn(1, handoffTrip, 1, 1).verdicts(), 8)
	require.Len(t, passedOn(3, 0, 1, 1).verdicts(), 8+2)
	require.Empty(t, passedOn(5, 0, 1, 1).verdicts())

	require.Equal(t, 0, missed(withPeer(passedOn(1, 0, maxHandoff, 100*maxHandoff))))
	require.Equal(t, 2, missed(withPeer(passedOn(1, 0, maxHandoff+0.01, 1000))), "the mutex")
	require.Equal(t, 0+2, missed(withPeer(passedOn(1, 0, maxHandoffOthers, 1000))))
	require.Equal(t, 8, missed(withPeer(passedOn(1, 0, maxHandoffOthers+0.01, 1000))), "all of them")
	require.Equal(t, 2, missed(withPeer(passedOn(1, 0, maxHandoff, 99*maxHandoff))), "redsync's is not so much slower")

	for trip, most := range map[time.Duration]float64{0: maxHandoffThree, handoffTrip: maxHandoffFar} {
		n := map[time.Duration]int{0: 3, handoffTrip: 1}[trip]
		require.Equal(t, 0, missed(passedOn(n, trip, most, 1000)))
		require.Equal(t, 8, missed(passedOn(n, trip, most+0.01, 1000)))
	}
}

// withPeer is a tournament in which rueidislock took twice as long as the floor.
func withPeer(t *tournament) *tournament {
	t.find(contestants.Rueidislock, contestants.Rueidis, "1 key", 1).passed[""][0].took = []float64{20}
	return t
}

func TestHandoffIsComparedWithAPeerAndByRequests(t *testing.T) {
	slow := withPeer(passedOn(1, 0, 1, 1000))
	ours := slow.find(contestants.Holdfast, contestants.GoRedis, "semaphore of 1", 1)
	ours.passed[""][0].took = []float64{20}
	require.Equal(t, 2, report.Missed(slow.verdicts()), "not faster than the peer, nor than the bar")

	asking := withPeer(passedOn(1, 0, 1, 1000))
	asking.duels[2].passed[""][0].between = []float64{1, 2, 2}
	require.Equal(t, 1, report.Missed(asking.verdicts()))
}

// Who polls is not measured far away.
func TestHandoffFarAway(t *testing.T) {
	for _, d := range passedOn(1, handoffTrip, 1, 1).duels {
		require.False(t, d.Polls)
		require.Greater(t, d.held.shortest, 5*handoffTrip, "the waiter has time to get in line")
	}
}

func TestHandoffTableComparesWithBothFloors(t *testing.T) {
	rows := passedOn(3, 0, 1.5, 1000).table().Rows
	require.Equal(t, []string{"holdfast, go-redis (mutex)", "0.00 ms", "15.0", "1.50"}, rows[4][:4])
	require.Equal(t, "floor, go-redis, 3 nodes", rows[2][0])
	require.Equal(t, "holdfast, go-redis (rwmutex, one reader), writer to reader", rows[6][0])
}

// A stuck waiter is noted, and the run goes on. Holdfast has missed its bar then.
func TestHandoffGoesOnWithoutAStuckWaiter(t *testing.T) {
	tour := withPeer(passedOn(1, 0, 1, 100))
	require.Zero(t, report.Missed(tour.verdicts()))
	for _, d := range tour.duels {
		for gets := range maps.Clone(d.passed) {
			require.NoError(t, d.forgive(errors.Join(errStuck, context.DeadlineExceeded), gets, gets))
			require.Contains(t, strings.Join(tour.row(d, gets), " "), "> 5000 ms, 1 stuck")
			require.ErrorIs(t, d.forgive(errRefused), errRefused)
		}
	}
	require.Equal(t, len(tour.judged()), report.Missed(tour.verdicts()))
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
	require.Equal(t, 2, missed(judgedAs(stuck)), "its bars of sections and of the longest wait")

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

// What fails in one contestant's process is its row, and the others are measured.
func TestHoldGoesOnWithoutWhoFailed(t *testing.T) {
	c := judgedAs(got(2000, 100, time.Second))
	failing := c.who[3].Name()
	c.measured = make(map[string][]contend.Measured)
	rounds := 0
	require.NoError(t, hold(2, []*contest{c}, func(who contestants.Contender, _ contend.Load, _ []string, _ contend.Counter) (contend.Measured, error) {
		if who.Name() == failing {
			if rounds++; rounds == 1 {
				return contend.Measured{Failure: "died: on purpose"}, nil
			}
		}
		return got(100, 200, 10*time.Second), nil
	}))
	table := c.table(contestants.Floor)
	require.Equal(t, []string{failing, "100", "1.00", "2", "10000 ms", "10000 ms", "10000 ms; died: on purpose (1 of 2 rounds)", "100 / 100"}, table.Rows[3])
	require.NotContains(t, table.Markdown(), "NaN")
	for i, who := range c.who {
		require.Len(t, c.measured[who.Name()], 2, "row %d", i)
	}
}

// A process of Holdfast's that hangs is a missed bar, in each of its bars if there is
// no other round.
func TestHoldfastMustNotFail(t *testing.T) {
	stuck := contend.Measured{Failure: "stuck"}
	all := judgedAs(stuck)
	require.Equal(t, 4, report.Missed(crowdVerdicts([]*contest{all})))
	require.Equal(t, 3, report.Missed(tightVerdicts(all)))
	require.False(t, pausedVerdict(all).Met)
	require.Equal(t, "–; stuck (1 of 1 rounds)", all.table(contestants.Floor).Rows[1][6])

	good := got(2000, 100, time.Millisecond)
	once := judgedAs(good)
	ours := once.who[1].Name()
	once.measured[ours] = append(once.measured[ours], stuck)
	require.Equal(t, 2, report.Missed(crowdVerdicts([]*contest{once})), "that of sections, and that of the longest wait")
	require.Equal(t, 2, report.Missed(tightVerdicts(once)))
	require.False(t, pausedVerdict(once).Met)

	well := []contend.Measured{good}
	require.True(t, (&fleet{well, well}).verdict(1).Met)
	require.False(t, (&fleet{append(well, stuck), well}).verdict(1).Met)
	require.False(t, (&fleet{well, append(well, stuck)}).verdict(1).Met)
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
