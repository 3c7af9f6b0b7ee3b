package scenarios

import (
	"fmt"
	"math"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// The bars.
const (
	maxCPUOneNode    = 1.08    // client CPU time of a pair on one node, by the floor's
	maxAllocsOneNode = 5       // allocations above the floor's own on one node
	maxAllocsShare   = 1.0 / 3 // of the allocations that redsync adds, on several nodes
)

func uncontendedSection(n int, entrants field, all results) *report.Section {
	outcome := &outcome{n: n, field: entrants, results: all}
	section := &report.Section{
		Title: "Lock + unlock, uncontended, " + nodeCount(n),
		Text:  uncontendedText(n),
		Tables: []report.Captioned{{
			Caption: "Client CPU time is user and system time of the whole client process.",
			Table:   outcome.table(),
		}},
	}
	if n == 1 {
		section.Verdicts = outcome.oneNodeVerdicts()
	} else {
		section.Verdicts = outcome.severalNodesVerdicts()
	}
	return section
}

// outcome is a race that was run.
type outcome struct {
	n       int
	field   field
	results results
}

// cost is an entrant's median cost with a value of GOMAXPROCS.
func (o *outcome) cost(procs int, e *entrant) measure.Cost {
	return measure.Medians(o.results[procs][e])
}

// quotient compares two entrants with a value of GOMAXPROCS.
func (o *outcome) quotient(procs int, a, b *entrant) measure.Cost {
	return measure.Quotients(o.results[procs][a], o.results[procs][b])
}

// floor is the bare commands on one node, with the same client library as e.
func (o *outcome) floor(e *entrant) *entrant {
	return o.field.find(contestants.Floor, e.Client, 1)
}

// added is how many allocations an entrant makes above its client library's own
// for as many nodes.
func (o *outcome) added(e *entrant) float64 {
	own := o.field.find(contestants.Floor, e.Client, e.nodes)
	return o.cost(cores[0], e).Allocs - o.cost(cores[0], own).Allocs
}

func (o *outcome) table() report.Table {
	table := report.Table{Columns: []string{"lock + unlock, " + nodeCount(o.n)}}
	for _, procs := range cores {
		table.Columns = append(table.Columns,
			"client CPU / floor, "+coreCount(procs), "time / floor, "+coreCount(procs))
	}
	table.Columns = append(table.Columns, "allocations", "above the driver's own")
	for _, e := range o.field {
		table.Add(o.row(e)...)
	}
	return table
}

func (o *outcome) row(e *entrant) []string {
	row := []string{e.name()}
	for _, procs := range cores {
		if cost := o.cost(procs, e); e == o.floor(e) {
			row = append(row, "1 = "+report.Micros(cost.CPU), "1 = "+report.Micros(cost.Wall))
			continue
		}
		quotient := o.quotient(procs, e, o.floor(e))
		row = append(row, report.Ratio(quotient.CPU), report.Ratio(quotient.Wall))
	}
	return append(row, report.Count(o.cost(cores[0], e).Allocs), report.Count(o.added(e)))
}

// clients are the client libraries that the bars are for: those that peers have, too.
var clients = []contestants.Client{contestants.GoRedis, contestants.Redigo}

func (o *outcome) oneNodeVerdicts() (verdicts []report.Verdict) {
	procs := cores[0]
	for _, client := range clients {
		ours := o.field.find(contestants.Holdfast, client, o.n)
		cpu := o.quotient(procs, ours, o.floor(ours)).CPU
		verdicts = append(verdicts, report.Verdict{
			Bar:      fmt.Sprintf("1 node, %s: client CPU ≤ %.2f × floor, %s", client, maxCPUOneNode, coreCount(procs)),
			Measured: fmt.Sprintf("%.3f", cpu),
			Met:      cpu <= maxCPUOneNode,
		}, report.Verdict{
			Bar:      fmt.Sprintf("1 node, %s: ≤ %d allocations above the floor's own, rounded", client, maxAllocsOneNode),
			Measured: report.Count(o.added(ours)),
			Met:      math.Round(o.added(ours)) <= maxAllocsOneNode,
		})
	}
	return verdicts
}

func (o *outcome) severalNodesVerdicts() (verdicts []report.Verdict) {
	for _, client := range clients {
		ours := o.field.find(contestants.Holdfast, client, o.n)
		theirs := o.field.find(contestants.Redsync, client, o.n)
		for _, procs := range cores {
			verdicts = append(verdicts, o.fasterVerdict(procs, ours, theirs))
		}
		verdicts = append(verdicts, o.leanerVerdict(ours, theirs))
	}
	return verdicts
}

func (o *outcome) fasterVerdict(procs int, ours, theirs *entrant) report.Verdict {
	quotient := o.quotient(procs, ours, theirs)
	return report.Verdict{
		Bar:      fmt.Sprintf("%s, %s: faster than redsync in wall and CPU time, %s", nodeCount(o.n), ours.Client, coreCount(procs)),
		Measured: fmt.Sprintf("%s × its time, %s × its CPU", report.Ratio(quotient.Wall), report.Ratio(quotient.CPU)),
		Met:      quotient.Wall < 1 && quotient.CPU < 1,
	}
}

func (o *outcome) leanerVerdict(ours, theirs *entrant) report.Verdict {
	mine, other := o.added(ours), o.added(theirs)
	return report.Verdict{
		Bar:      fmt.Sprintf("%s, %s: at most a third of the allocations that redsync adds", nodeCount(o.n), ours.Client),
		Measured: fmt.Sprintf("%s of %s", report.Count(mine), report.Count(other)),
		Met:      mine <= other*maxAllocsShare,
	}
}
