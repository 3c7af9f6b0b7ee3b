package scenarios

import (
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// maxReadPair is the bar for RLock and RUnlock on one node, by the mutex's Lock
// and Unlock.
const maxReadPair = 1.25

// Readers says how much the crowd and the fleet of the read-write lock are
// measured.
type Readers struct {
	Rounds int
	Block  time.Duration // one load in one round
}

// RWMutex measures the read-write lock three ways: its pairs of calls against the
// mutex's, a crowd that reads through one object, and a fleet of processes that
// read and sometimes write.
func RWMutex(scale Scale) (*report.Section, error) {
	section := rwSection(scale)
	for _, n := range []int{1, 3, quorumNodes} {
		if err := rwOn(section, scale, n); err != nil {
			return nil, fmt.Errorf("read-write lock on %s: %w", nodeCount(n), err)
		}
	}
	return section, nil
}

// The tables of the section.
const (
	rwPairs = iota
	rwHung
	rwCrowd
	rwFleet
)

func rwSection(scale Scale) *report.Section {
	return &report.Section{
		Title: "Read-write lock",
		Text: fmt.Sprintf("With go-redis. Pairs are called by one goroutine again and again, with nobody else about. "+
			"A section of the crowd is one `GET` on the first node, by a client that the lock does not use. "+
			"Numbers of sections are medians over %d rounds of %s; all quotients are of the same round.",
			scale.Readers.Rounds, scale.Readers.Block),
		Tables: []report.Captioned{
			rwPairs: {
				Caption: "Time / that of the mutex's Lock + Unlock on the same nodes:",
				Table:   report.Table{Columns: []string{"", "mutex", "RLock + RUnlock", "Lock + Unlock"}},
			},
			rwHung: {
				Caption: "Time with one node hung / that of the same pair with all healthy:",
				Table:   report.Table{Columns: []string{"", "mutex", "RLock + RUnlock", "Lock + Unlock"}},
			},
			rwCrowd: {
				Caption: fmt.Sprintf("%d goroutines read through one `*RWMutex`, or through a `sync.RWMutex` instead, which asks no node:",
					crowdSize),
				Table: report.Table{Columns: []string{"", "sections/s, sync", "sections/s, lock", "lock / sync",
					"requests a section, all nodes"}},
			},
			rwFleet: {
				Caption: fmt.Sprintf("%d processes with %d goroutines each; %d %% of the sections write, the others read; each holds the lock for %s. "+
					"For comparison all sections take the mutex. A wait is the time of a writer's Lock:",
					fleetSize, fleetHands, fleetWrites, fleetHeld),
				Table: report.Table{Columns: []string{"", "reads/s", "writes/s", "all / the mutex's",
					"median wait", "longest wait"}},
			},
		},
	}
}

// rwOn adds what n nodes have to say to every table.
func rwOn(section *report.Section, scale Scale, n int) error {
	started, err := nodes.Start(n)
	if err != nil {
		return err
	}
	defer nodes.StopAll(started)
	for _, part := range []func(*report.Section, Scale, []*nodes.Node) error{
		racePairs, raceBesideHung, raceCrowd, raceFleet,
	} {
		if err := part(section, scale, started); err != nil {
			return err
		}
	}
	return nil
}

// racePairs compares the pairs of calls with the mutex's.
func racePairs(section *report.Section, scale Scale, started []*nodes.Node) error {
	p := newParty(nodes.Addrs(started))
	defer func() { _ = p.close() }()
	costs, err := measure.Race(scale.Race, p.runners())
	if err != nil {
		return err
	}
	reads, writes := quotient(costs[1], costs[0]), quotient(costs[2], costs[0])
	section.Tables[rwPairs].Table.Add(nodeCount(len(started)), "1", report.Ratio(reads), report.Ratio(writes))
	if len(started) == 1 {
		section.Verdicts = append(section.Verdicts, readPairVerdict(reads))
	}
	return nil
}

func readPairVerdict(reads float64) report.Verdict {
	return report.Verdict{
		Bar:      fmt.Sprintf("1 node: RLock + RUnlock ≤ %.2f × the mutex", maxReadPair),
		Measured: report.Ratio(reads), Met: reads <= maxReadPair,
	}
}

// raceBesideHung lets a node hang in every other block, a different one each
// round, where a majority is left.
func raceBesideHung(section *report.Section, scale Scale, started []*nodes.Node) error {
	if len(started) < quorumNodes {
		return nil
	}
	p := newParty(nodes.Addrs(started))
	defer func() { _ = p.close() }()
	well, hung := make([][]measure.Cost, 3), make([][]measure.Cost, 3)
	for turn := range scale.FaultRounds {
		if err := raceIn(healthy, well, p, scale, started, turn); err != nil {
			return fmt.Errorf("%s: %w", healthy.name, err)
		}
		if err := raceIn(oneHung, hung, p, scale, started, turn); err != nil {
			return fmt.Errorf("%s: %w", oneHung.name, err)
		}
	}
	row := []string{nodeCount(len(started))}
	for i := range well {
		row = append(row, report.Ratio(quotient(hung[i], well[i])))
	}
	section.Tables[rwHung].Table.Add(row...)
	return nil
}

// raceIn adds one block of each pair in a condition to the costs.
func raceIn(c condition, costs [][]measure.Cost, p *party, scale Scale, started []*nodes.Node, turn int) error {
	_, err := c.begin(started, turn)
	var block [][]measure.Cost
	if err == nil {
		block, err = measure.Race(measure.Plan{Rounds: 1, Block: scale.FaultBlock, Warmup: familiar}, p.runners())
	}
	if err := errors.Join(err, c.end(started, turn)); err != nil {
		return err
	}
	for i := range block {
		costs[i] = append(costs[i], block[i]...)
	}
	return nil
}
