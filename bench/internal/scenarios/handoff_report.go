package scenarios

import (
	"fmt"
	"maps"
	"slices"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/plot"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// The bars of a hand-off's median, by that of the floor on as many nodes, and of
// redsync's by it.
const (
	maxHandoff         = 1.0 // of the mutex on one node
	maxHandoffOthers   = 1.1 // of writers, a reader and the semaphore
	maxHandoffFar      = 0.6 // on a node that is far: one trip in place of two
	maxHandoffThree    = 1.8 // on three nodes
	maxHandoffRequests = 1   // from Unlock to the return of Lock, on one node
	minRedsyncHandoff  = 100
)

// bar is a duel's, if there is one.
func (t *tournament) bar(d *duel) (most float64, judged bool) {
	switch {
	case t.trip > 0:
		return maxHandoffFar, true
	case t.n == 1 && d.Note == "mutex":
		return maxHandoff, true
	case t.n == 1:
		return maxHandoffOthers, true
	}
	return maxHandoffThree, t.n == 3
}

func handoffSection(plan Handoffs) *report.Section {
	return &report.Section{
		Title: "Hand-off between two clients",
		Plot:  waitsPlot,
		Text: fmt.Sprintf("One client holds the lock for a random time of %s to %s (to %s where waiters poll, to meet every moment "+
			"of their delays) while another one, with connections of its own, waits in Lock. Measured is the time from the call of Unlock "+
			"to the return of that Lock. Then they change places. The floor is a script that deletes the key and publishes, "+
			"and a subscriber that sets the key with `SET NX PX`, by the same client library; on several nodes on all of them at once, "+
			"for a majority. A median is divided by that of the floor in the same round; given is the median over the rounds. "+
			"Readers are four goroutines with one `*RWMutex`: the time is that of the last of them. "+
			"Requests are those of both clients to all nodes, from one Unlock to the next, the holding time included, and those between the call of Unlock "+
			"and the return of both calls, in hand-offs that are not timed. The node that is %s lies behind a proxy that holds everything back; "+
			"the lock is held there for %s longer.",
			shortestHeld, longestHeld, plan.HeldPolled, tripName(handoffTrip), 5*handoffTrip),
	}
}

func (t *tournament) report(section *report.Section) {
	section.Tables = append(section.Tables, report.Captioned{
		Caption: "Hand-off, " + t.where() + ":",
		Table:   t.table(),
	})
	section.Verdicts = append(section.Verdicts, t.verdicts()...)
	if t.n == 1 && t.trip == 0 {
		section.Panels = append(section.Panels, t.panel())
	}
}

func (t *tournament) table() report.Table {
	table := report.Table{Columns: []string{"hand-off, " + t.where(), "median", "/ floor on 1 node"}}
	if t.n > 1 {
		table.Columns = append(table.Columns, "/ floor on "+nodeCount(t.n))
	}
	table.Columns = append(table.Columns, "99th percentile", "longest", "requests", "requests, Unlock to return")
	for _, d := range t.duels {
		for _, gets := range slices.Sorted(maps.Keys(d.passed)) {
			table.Add(t.row(d, gets)...)
		}
	}
	return table
}

func (t *tournament) row(d *duel, gets string) []string {
	all := allPasses(d.passed[gets])
	row := []string{d.label(gets), report.Millis(measure.Quantile(all, 0.5)), report.Ratio(t.byFloor(d, gets, 1))}
	if t.n > 1 {
		row = append(row, report.Ratio(t.byFloor(d, gets, t.n)))
	}
	longest := report.Millis(measure.Quantile(all, 1))
	if d.stuck > 0 {
		longest = fmt.Sprintf("> %s, %d stuck", report.Millis(float64(stuckTaker)), d.stuck)
	}
	return append(row, report.Millis(measure.Quantile(all, 0.99)), longest, report.Count(d.requests(gets)), report.Count(d.between(gets)))
}

func (d *duel) label(gets string) string {
	label := d.Name()
	if d.Library == contestants.Floor && len(d.nodes) > 1 {
		label += ", " + nodeCount(len(d.nodes))
	}
	if gets != "" {
		label += ", " + gets
	}
	return label
}

func allPasses(rounds []passes) (all []float64) {
	for _, p := range rounds {
		all = append(all, p.took...)
	}
	return all
}

func (d *duel) requests(gets string) float64 {
	var requests []float64
	for _, p := range d.passed[gets] {
		if len(p.took) > 0 {
			requests = append(requests, p.requests)
		}
	}
	return measure.Quantile(requests, 0.5)
}

// between is the median of the requests from Unlock to the return of Lock.
func (d *duel) between(gets string) float64 {
	var all []float64
	for _, p := range d.passed[gets] {
		all = append(all, p.between...)
	}
	return measure.Quantile(all, 0.5)
}

// find returns the duel of a library on a client and a number of nodes.
func (t *tournament) find(library contestants.Library, client contestants.Client, note string, n int) *duel {
	for _, d := range t.duels {
		if d.Library == library && d.Client == client && d.Note == note && len(d.nodes) == n {
			return d
		}
	}
	return nil
}

// byFloor compares with the floor on n nodes. A library on a client that has no
// floor is compared with go-redis'.
func (t *tournament) byFloor(d *duel, gets string, n int) float64 {
	floor := t.find(contestants.Floor, d.Client, "", n)
	if floor == nil {
		floor = t.find(contestants.Floor, contestants.GoRedis, "", n)
	}
	return passQuotient(d.passed[gets], floor.passed[""])
}

// passQuotient is the median over the rounds of the quotients of medians.
func passQuotient(a, b []passes) float64 {
	var quotients []float64
	for i := range min(len(a), len(b)) {
		if len(a[i].took) > 0 && len(b[i].took) > 0 {
			quotients = append(quotients, measure.Quantile(a[i].took, 0.5)/measure.Quantile(b[i].took, 0.5))
		}
	}
	return measure.Quantile(quotients, 0.5)
}

// judged are what the bars are for.
type judged struct {
	*duel
	gets string
}

func (t *tournament) judged() (list []judged) {
	for _, d := range t.duels {
		for _, gets := range []string{"", contestants.ToReader} {
			if _, is := d.passed[gets]; is && d.Library == contestants.Holdfast && slices.Contains(clients, d.Client) {
				list = append(list, judged{d, gets})
			}
		}
	}
	return list
}

func (t *tournament) verdicts() (verdicts []report.Verdict) {
	for _, d := range t.judged() {
		if most, judged := t.bar(d.duel); judged {
			verdicts = append(verdicts, t.floorVerdict(d, most))
		}
	}
	switch {
	case t.trip == 0 && t.n == 1:
		verdicts = append(verdicts, t.singleVerdicts()...)
		fallthrough
	case t.n == 3:
		for _, client := range clients {
			verdicts = append(verdicts, t.redsyncVerdict(client))
		}
	}
	return verdicts
}

func (t *tournament) floorVerdict(d judged, most float64) report.Verdict {
	ratio := t.byFloor(d.duel, d.gets, t.n)
	return report.Verdict{
		Bar:      fmt.Sprintf("hand-off on %s, %s: median ≤ %.1f × floor on as many nodes", t.where(), d.label(d.gets), most),
		Measured: report.Ratio(ratio),
		Met:      ratio <= most && d.stuck == 0,
	}
}

// singleVerdicts compare with the other library that notifies its waiters, and count
// requests.
func (t *tournament) singleVerdicts() (verdicts []report.Verdict) {
	peer := t.find(contestants.Rueidislock, contestants.Rueidis, "1 key", 1)
	for _, d := range t.judged() {
		ratio, requests := passQuotient(d.passed[d.gets], peer.passed[""]), d.between(d.gets)
		verdicts = append(verdicts, report.Verdict{
			Bar:      fmt.Sprintf("hand-off on %s, %s: faster than rueidislock", t.where(), d.label(d.gets)),
			Measured: report.Ratio(ratio) + " × its median",
			Met:      ratio < 1,
		}, report.Verdict{
			Bar:      fmt.Sprintf("hand-off on %s, %s: ≤ %d request from Unlock to the return of Lock", t.where(), d.label(d.gets), maxHandoffRequests),
			Measured: report.Count(requests),
			Met:      requests <= maxHandoffRequests,
		})
	}
	return verdicts
}

func (t *tournament) redsyncVerdict(client contestants.Client) report.Verdict {
	ours := t.find(contestants.Holdfast, client, "mutex", t.n)
	theirs := t.find(contestants.Redsync, client, "", t.n)
	ratio := passQuotient(theirs.passed[""], ours.passed[""])
	return report.Verdict{
		Bar:      fmt.Sprintf("hand-off on %s, %s: redsync's median ≥ %d × the mutex's", t.where(), client, minRedsyncHandoff),
		Measured: report.Ratio(ratio),
		Met:      ratio >= minRedsyncHandoff,
	}
}

// panel shows one kind of lock of each library.
func (t *tournament) panel() plot.Panel {
	panel := plot.Panel{Title: "Hand-off between two clients, " + nodeCount(t.n)}
	for _, d := range t.duels {
		if d.Library != contestants.Rueidislock && d.Client != contestants.GoRedis || d.Library == contestants.Holdfast && d.Note != "mutex" || d.Note == "2 of 3 keys" {
			continue
		}
		panel.Lines = append(panel.Lines, plot.Line{Name: string(d.Library), Waits: allPasses(d.passed[""])})
	}
	return panel
}
