package scenarios

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// cores are the values of GOMAXPROCS that the races are run with. With one, the
// client's work cannot hide behind a second core, which is why the bars for CPU
// time are set there.
var cores = []int{1, 2}

// Uncontended races lock+unlock on n nodes with nobody else about.
func Uncontended(scale Scale, n int) (*report.Section, error) {
	started, err := nodes.Start(n)
	if err != nil {
		return nil, err
	}
	defer nodes.StopAll(started)

	meter, err := nodes.NewMeter(started)
	if err != nil {
		return nil, err
	}
	field, err := enter(started)
	if err != nil {
		return nil, errors.Join(err, meter.Close())
	}
	results, err := raceOnCores(scale.Race, field, meter)
	if err := errors.Join(err, field.close(), meter.Close()); err != nil {
		return nil, err
	}
	return uncontendedSection(n, field, results), nil
}

// entrant is a contestant that runs on a number of nodes.
type entrant struct {
	contestants.Contestant
	nodes   int
	session contestants.Session
	asked   []string // the commands that it sends
}

func (e *entrant) name() string {
	if e.Library == contestants.Floor && e.nodes > 1 {
		return fmt.Sprintf("%s, %d nodes one by one", e.Name(), e.nodes)
	}
	return e.Name()
}

// field is everybody in one race.
type field []*entrant

// enter opens all sessions. On error none is left open.
func enter(started []*nodes.Node) (field, error) {
	entered := line(len(started))
	for i, e := range entered {
		if err := e.open(started[:e.nodes]); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", e.name(), err), entered[:i].close())
		}
	}
	return entered, nil
}

// open opens the session, and finds out by a second pair of calls which commands it
// sends. On error none is left open.
func (e *entrant) open(on []*nodes.Node) (err error) {
	if e.session, err = e.Open(nodes.Addrs(on)); err != nil {
		return err
	}
	if err = e.session.Pair(); err == nil {
		e.asked, err = nodes.Asked(on[0], e.session.Pair)
	}
	if err != nil {
		return errors.Join(err, e.session.Close())
	}
	return nil
}

// line lists who races on n nodes. The floors on one node are always there, for
// time; on several nodes they run once more, for their allocations. What uses
// one server only races where there is one.
func line(n int) (entrants field) {
	for _, floor := range contestants.Floors() {
		entrants = append(entrants, &entrant{Contestant: floor, nodes: 1})
		if n > 1 {
			entrants = append(entrants, &entrant{Contestant: floor, nodes: n})
		}
	}
	for _, q := range contestants.Quorums() {
		// One node's reply is a majority: there FailFast changes nothing.
		if n > 1 || q.Library != contestants.FailFast {
			entrants = append(entrants, &entrant{Contestant: q.Contestant, nodes: n})
		}
	}
	if n == 1 {
		for _, single := range contestants.Singles() {
			entrants = append(entrants, &entrant{Contestant: single, nodes: 1})
		}
	}
	return entrants
}

func (f field) close() error {
	var err error
	for _, e := range f {
		err = errors.Join(err, e.session.Close())
	}
	return err
}

// results are the costs of each entrant's blocks, round by round, by value of
// GOMAXPROCS.
type results map[int]map[*entrant][]measure.Cost

func raceOnCores(plan measure.Plan, entrants field, meter *nodes.Meter) (results, error) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)

	all := make(results)
	for _, procs := range cores {
		runtime.GOMAXPROCS(procs)
		costs, err := race(plan, entrants, meter)
		if err != nil {
			return nil, err
		}
		all[procs] = costs
	}
	return all, nil
}

func race(plan measure.Plan, entrants field, meter *nodes.Meter) (map[*entrant][]measure.Cost, error) {
	runners := make([]measure.Runner, len(entrants))
	for i, e := range entrants {
		runners[i] = measure.Runner{Name: e.name(), Op: e.session.Pair, Server: func() (time.Duration, error) {
			return meter.Busy(e.asked)
		}}
	}
	costs, err := measure.Race(plan, runners)
	if err != nil {
		return nil, err
	}
	byEntrant := make(map[*entrant][]measure.Cost, len(entrants))
	for i, e := range entrants {
		byEntrant[e] = costs[i]
	}
	return byEntrant, nil
}

// find returns the entrant of a library on a client and a number of nodes.
func (f field) find(library contestants.Library, client contestants.Client, n int) *entrant {
	for _, e := range f {
		if e.Library == library && e.Client == client && e.nodes == n {
			return e
		}
	}
	return nil
}

// nodeCount is a number of nodes, for headings and bars.
func nodeCount(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}

func coreCount(procs int) string { return "GOMAXPROCS=" + fmt.Sprint(procs) }

func uncontendedText(n int) string {
	parts := []string{"One goroutine locks and unlocks one name again and again.",
		"A time is divided by that of the floor on one node with the same client library in the same round",
		"(`SET NX PX`, then a compare-and-delete by `EVALSHA`, and nothing else); given is the median over the rounds."}
	if n > 1 {
		parts = append(parts, fmt.Sprintf("The drivers' own allocations are those of the floor on all %d nodes.", n))
	}
	return strings.Join(parts, " ")
}
