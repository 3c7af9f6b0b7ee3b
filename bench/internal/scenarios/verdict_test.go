package scenarios

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// invented is an outcome in which every entrant's blocks cost the same.
func invented(n int, cost func(e *entrant) measure.Cost) *outcome {
	o := &outcome{n: n, field: line(n), results: results{}}
	for _, procs := range cores {
		o.results[procs] = map[*entrant][]measure.Cost{}
		for _, e := range o.field {
			o.results[procs][e] = []measure.Cost{cost(e), cost(e)}
		}
	}
	return o
}

func oneNode(wall, cpu, allocs, server float64) *outcome {
	return invented(1, func(e *entrant) measure.Cost {
		switch e.Library {
		case contestants.Floor:
			return measure.Cost{Wall: 100, CPU: 100, Allocs: 10, Server: 10}
		case contestants.Holdfast:
			return measure.Cost{Wall: wall, CPU: cpu, Allocs: allocs, Server: server}
		}
		return measure.Cost{Wall: 112, CPU: 900, Allocs: 90, Server: 90}
	})
}

func TestOneNodeBars(t *testing.T) {
	require.Len(t, oneNode(110, 110, 15, 12).oneNodeVerdicts(), 12, "two clients, speed on 1 and 2 cores by floor and by peers, server, allocations")
	require.Equal(t, 0, report.Missed(oneNode(110, 110, 15, 12).oneNodeVerdicts()))
	require.Equal(t, 4, report.Missed(oneNode(110, 111, 15, 12).oneNodeVerdicts()))
	require.Equal(t, 4, report.Missed(oneNode(111, 110, 15, 12).oneNodeVerdicts()))
	require.Equal(t, 8, report.Missed(oneNode(113, 110, 15, 12).oneNodeVerdicts()))
	require.Equal(t, 2, report.Missed(oneNode(110, 110, 16, 12).oneNodeVerdicts()))
	require.Equal(t, 2, report.Missed(oneNode(110, 110, 15, 12.1).oneNodeVerdicts()))
}

// severalNodes invents what Holdfast costs beside redsync's 100 and 90
// allocations, of which the drivers' own are 60.
func severalNodes(wall, cpu, allocs float64) *outcome {
	return invented(3, func(e *entrant) measure.Cost {
		switch e.Library {
		case contestants.Floor:
			return measure.Cost{Wall: 1, CPU: 1, Allocs: 20 * float64(e.nodes)}
		case contestants.Holdfast:
			return measure.Cost{Wall: wall, CPU: cpu, Allocs: allocs}
		}
		return measure.Cost{Wall: 100, CPU: 100, Allocs: 90}
	})
}

func TestSeveralNodesBars(t *testing.T) {
	require.Len(t, severalNodes(99, 99, 70).severalNodesVerdicts(), 10, "two clients, speed on 1 and 2 cores by two variants, allocations")
	require.Equal(t, 0, report.Missed(severalNodes(99, 99, 70).severalNodesVerdicts()))
	require.Equal(t, 8, report.Missed(severalNodes(101, 99, 70).severalNodesVerdicts()))
	require.Equal(t, 8, report.Missed(severalNodes(99, 101, 70).severalNodesVerdicts()))
	require.Equal(t, 2, report.Missed(severalNodes(99, 99, 71).severalNodesVerdicts()))

	o := severalNodes(99, 99, 70)
	fast := o.field.find(contestants.FailFast, contestants.GoRedis, 3)
	for _, procs := range cores {
		o.results[procs][fast] = []measure.Cost{{Wall: 98, CPU: 98}, {Wall: 98, CPU: 98}}
	}
	require.Equal(t, 2, report.Missed(o.severalNodesVerdicts()), "each variant is compared with")
}

func TestUncontendedTableHasEverybody(t *testing.T) {
	table := oneNode(105, 105, 12, 11).table()
	require.Len(t, table.Rows, len(line(1)))
	for _, row := range table.Rows {
		require.Len(t, row, len(table.Columns))
	}
	text := table.Markdown()
	require.Contains(t, text, "| floor, go-redis | 1 = 0.1 µs | 1 = 0.1 µs |")
	require.Contains(t, text, "| holdfast, redigo | 1.05 | 1.05 | 1.05 | 1.05 | 1.10 | 12 | 2 |")
}

// ill is a ward in which each of Holdfast's calls took 10 ms when all was well,
// and bad made when two nodes hang.
func ill(bad ...call) *ward {
	w := &ward{records: map[subject]*record{}}
	name := contestants.Quorums()[0].Name()
	for _, k := range []kind{firstEver, firstAfter, steady} {
		for _, op := range operations() {
			w.add(subject{name, healthy.name, k, op.name}, call{took: 10 * time.Millisecond})
			for _, c := range bad {
				w.add(subject{name, twoHung.name, k, op.name}, c)
			}
		}
	}
	return w
}

func TestBadNodesBar(t *testing.T) {
	verdict := func(w *ward) report.Verdict {
		return w.verdict(contestants.GoRedis, twoHung, steady)
	}
	good := call{took: 15 * time.Millisecond}
	require.True(t, verdict(ill(good)).Met)
	require.False(t, verdict(ill(call{took: 16 * time.Millisecond})).Met, "too slow")
	require.False(t, verdict(ill(good, good, call{took: good.took, err: errors.New("no")})).Met, "a call failed")
	require.False(t, verdict(ill(good, good, call{took: good.took, hung: true})).Met, "a call hung")
	require.False(t, verdict(ill()).Met, "nothing was measured")
}

func TestBadNodesCells(t *testing.T) {
	cell := func(w *ward, k kind, condition string) string {
		return w.cell(subject{contestants.Quorums()[0].Name(), condition, k, "Lock"})
	}
	w := ill(call{took: 20 * time.Millisecond})
	require.Equal(t, "10.00 ms", cell(w, firstEver, healthy.name))
	require.Equal(t, "10.00 ms (10.00 ms)", cell(w, steady, healthy.name))
	require.Equal(t, "2.00", cell(w, firstEver, twoHung.name))
	require.Equal(t, "2.00 (2.00)", cell(w, steady, twoHung.name))
	require.Equal(t, "–", cell(w, steady, oneHung.name))

	slowly := ill(call{took: 500 * time.Millisecond})
	require.Equal(t, "50.0 = 500 ms", cell(slowly, firstEver, twoHung.name))
	hung := ill(call{took: 20 * time.Millisecond}, call{took: 6 * time.Second, hung: true})
	require.Equal(t, "> 6000 ms", cell(hung, firstEver, twoHung.name))
	refused := ill(call{took: 20 * time.Millisecond, err: errRefused})
	require.Equal(t, "2.00, 1 of 1 failed", cell(refused, firstEver, twoHung.name))
}

// Both double in the second round, as if the machine had slowed down.
func TestBadNodesCompareWithinRounds(t *testing.T) {
	w := &ward{records: map[subject]*record{}}
	bad := subject{who: "x", condition: twoHung.name, kind: steady, operation: "Lock"}
	for round, well := range []time.Duration{1, 2, 9} {
		for range 3 {
			w.add(bad.healthy(), call{round: round, took: well})
			w.add(bad, call{round: round, took: 3 * well})
		}
	}
	w.add(bad, call{round: 7, took: time.Hour}) // nothing to compare it with
	require.Equal(t, 3.0, w.ratio(bad))
}

// A contestant that is too slow in one condition is still measured in others.
func TestSparedByCondition(t *testing.T) {
	name := contestants.Quorums()[0].Name()
	require.False(t, ill(call{took: slow}).spared(name, twoHung.name))
	for _, c := range []call{{took: slow + 1}, {took: 1, hung: true}} {
		require.True(t, ill(c).spared(name, twoHung.name))
		require.False(t, ill(c).spared(name, healthy.name))
		require.False(t, ill(c).spared("another", twoHung.name))
	}
}

func TestGoroutineBars(t *testing.T) {
	q := contestants.Quorums()[0]
	require.Equal(t, 0, report.Missed(crowd{hung: maxUnderLoad, left: maxBehindTwoNodes, answered: -1}.verdicts(q)))
	require.Equal(t, 1, report.Missed(crowd{hung: maxUnderLoad + 1}.verdicts(q)))
	require.Equal(t, 1, report.Missed(crowd{left: maxBehindTwoNodes + 1}.verdicts(q)))
	require.Equal(t, 1, report.Missed(crowd{answered: 1}.verdicts(q)))
	require.Equal(t, 1, report.Missed(crowd{cut: 1}.verdicts(q)))
}

func TestResidueBar(t *testing.T) {
	q := contestants.Quorums()[0]
	require.True(t, residueVerdict(q, 10, 0).Met)
	require.False(t, residueVerdict(q, 10, 1).Met)
}

func TestScenarioNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, scenario := range All() {
		require.False(t, seen[scenario.Name])
		require.False(t, strings.ContainsAny(scenario.Name, " ,"), "they are listed and matched")
		seen[scenario.Name] = true
	}
}
