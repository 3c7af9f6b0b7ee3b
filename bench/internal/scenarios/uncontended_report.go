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
	maxOneNode       = 1.10    // time and client CPU time of a pair on one node, by the floor's
	maxServer        = 1.2     // the server's time for a pair on one node, by the floor's
	maxAllocsOneNode = 5       // allocations above the floor's own on one node
	maxAllocsShare   = 1.0 / 3 // of the allocations that redsync adds, on several nodes
)

func uncontendedSection(n int, entrants field, all results) *report.Section {
	outcome := &outcome{n: n, field: entrants, results: all}
	section := &report.Section{
		Title: "Lock + unlock, uncontended, " + nodeCount(n),
		Text:  uncontendedText(n),
		Tables: []report.Captioned{{
			Caption: "Client CPU time is user and system time of the whole client process. Server time is that of the commands that clients send, by `INFO commandstats`, " +
				"on all nodes together, with " + coreCount(cores[0]) + ".",
			Table: outcome.table(),
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
	table.Columns = append(table.Columns, "server time / floor", "allocations", "above the driver's own")
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
	server := report.Ratio(o.quotient(cores[0], e, o.floor(e)).Server)
	if e == o.floor(e) {
		server = "1 = " + report.Micros(o.cost(cores[0], e).Server)
	}
	return append(row, server, report.Count(o.cost(cores[0], e).Allocs), report.Count(o.added(e)))
}

// clients are the client libraries that the bars are for: those that peers have, too.
var clients = []contestants.Client{contestants.GoRedis, contestants.Redigo}

func (o *outcome) oneNodeVerdicts() (verdicts []report.Verdict) {
	for _, client := range clients {
		ours := o.field.find(contestants.Holdfast, client, o.n)
		for _, procs := range cores {
			verdicts = append(verdicts, o.floorVerdict(procs, ours), o.peersVerdict(procs, ours))
		}
		verdicts = append(verdicts, o.serverVerdict(ours))
		verdicts = append(verdicts, report.Verdict{
			Bar:      fmt.Sprintf("1 node, %s: ≤ %d allocations above the floor's own, rounded", client, maxAllocsOneNode),
			Measured: report.Count(o.added(ours)),
			Met:      math.Round(o.added(ours)) <= maxAllocsOneNode,
		})
	}
	return verdicts
}

func (o *outcome) floorVerdict(procs int, ours *entrant) report.Verdict {
	cost := o.quotient(procs, ours, o.floor(ours))
	return report.Verdict{
		Bar:      fmt.Sprintf("1 node, %s: time and client CPU ≤ %.2f × floor, %s", ours.Client, maxOneNode, coreCount(procs)),
		Measured: fmt.Sprintf("%.3f and %.3f", cost.Wall, cost.CPU),
		Met:      cost.Wall <= maxOneNode && cost.CPU <= maxOneNode,
	}
}

func (o *outcome) serverVerdict(ours *entrant) report.Verdict {
	server := o.quotient(cores[0], ours, o.floor(ours)).Server
	return report.Verdict{
		Bar:      fmt.Sprintf("1 node, %s: server time ≤ %.1f × floor", ours.Client, maxServer),
		Measured: report.Ratio(server),
		Met:      server <= maxServer,
	}
}

// peersVerdict compares with the fastest other library, each by the floor of its client.
func (o *outcome) peersVerdict(procs int, ours *entrant) report.Verdict {
	mine := o.quotient(procs, ours, o.floor(ours)).Wall
	fastest := math.Inf(1)
	for _, e := range o.field {
		if e.Library != contestants.Floor && e.Library != contestants.Holdfast && o.floor(e) != nil {
			fastest = min(fastest, o.quotient(procs, e, o.floor(e)).Wall)
		}
	}
	return report.Verdict{
		Bar:      fmt.Sprintf("1 node, %s: time / floor no more than that of the fastest peer, %s", ours.Client, coreCount(procs)),
		Measured: fmt.Sprintf("%.3f, peer %.3f", mine, fastest),
		Met:      mine <= fastest,
	}
}

func (o *outcome) severalNodesVerdicts() (verdicts []report.Verdict) {
	for _, client := range clients {
		ours := o.field.find(contestants.Holdfast, client, o.n)
		theirs := o.field.find(contestants.Redsync, client, o.n)
		fast := o.field.find(contestants.FailFast, client, o.n)
		for _, procs := range cores {
			verdicts = append(verdicts, o.fasterVerdict(procs, ours, theirs), o.fasterVerdict(procs, ours, fast))
		}
		verdicts = append(verdicts, o.leanerVerdict(ours, theirs))
	}
	return verdicts
}

func (o *outcome) fasterVerdict(procs int, ours, theirs *entrant) report.Verdict {
	quotient := o.quotient(procs, ours, theirs)
	return report.Verdict{
		Bar:      fmt.Sprintf("%s, %s: faster than %s in wall and CPU time, %s", nodeCount(o.n), ours.Client, theirs.Library, coreCount(procs)),
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
