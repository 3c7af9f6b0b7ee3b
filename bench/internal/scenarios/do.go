package scenarios

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/mutex"
)

// maxDo is the bar for Do around an empty function on one node, by Lock and Unlock:
// in time and in client CPU time.
const maxDo = 1.1

// Do races Do around a function that does nothing against Lock + Unlock.
func Do(scale Scale) (*report.Section, error) {
	section := doSection()
	for _, n := range []int{1, 3} {
		for _, client := range clients {
			if err := doOn(section, scale, client, n); err != nil {
				return nil, fmt.Errorf("Do on %s, %s: %w", nodeCount(n), client, err)
			}
		}
	}
	return section, nil
}

func doSection() *report.Section {
	columns := []string{"Do / Lock + Unlock"}
	for _, procs := range cores {
		columns = append(columns, "client CPU, "+coreCount(procs), "time, "+coreCount(procs))
	}
	return &report.Section{
		Title: "Do",
		Text: "One goroutine calls `Do` with a function that does nothing, again and again, or Lock and Unlock, with nobody " +
			"else about. Quotients are of the same round; given is the median over the rounds.",
		Tables: []report.Captioned{{
			Caption: "What renewal and a context cost that nobody needs:",
			Table:   report.Table{Columns: append(columns, "allocations", "Lock + Unlock's")},
		}},
	}
}

func doOn(section *report.Section, scale Scale, client contestants.Client, n int) (err error) {
	started, err := nodes.Start(n)
	if err != nil {
		return err
	}
	defer nodes.StopAll(started)
	locks, closeClients := contestants.Mutexes(client, nodes.Addrs(started))
	defer func() { err = errors.Join(err, closeClients()) }()

	procs := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(procs)
	row := []string{nodeCount(n) + ", " + string(client)}
	var costs [][]measure.Cost
	for _, procs := range cores {
		runtime.GOMAXPROCS(procs)
		if costs, err = measure.Race(scale.Race, doRunners(locks)); err != nil {
			return err
		}
		q := measure.Quotients(costs[1], costs[0])
		row = append(row, report.Ratio(q.CPU), report.Ratio(q.Wall))
		if n == 1 && procs == 1 {
			section.Verdicts = append(section.Verdicts, doVerdict(client, q))
		}
	}
	section.Tables[0].Table.Add(append(row,
		report.Count(measure.Medians(costs[1]).Allocs), report.Count(measure.Medians(costs[0]).Allocs))...)
	return nil
}

// doRunners are Lock + Unlock and Do, each of one name.
func doRunners(locks *mutex.Factory) []measure.Runner {
	plain, done := locks.NewMutex("bench:plain"), locks.NewMutex("bench:do")
	nothing := func(context.Context) error { return nil }
	return []measure.Runner{
		{Name: "Lock + Unlock", Op: func() error { return lockAndUnlock(plain) }},
		{Name: "Do", Op: func() error { return done.Do(context.Background(), nothing) }},
	}
}

func lockAndUnlock(m *mutex.Mutex) error {
	if err := m.Lock(); err != nil {
		return err
	}
	_, err := m.Unlock()
	return err
}

func doVerdict(client contestants.Client, q measure.Cost) report.Verdict {
	return report.Verdict{
		Bar:      fmt.Sprintf("1 node, %s: Do around nothing ≤ %.1f × Lock + Unlock, in client CPU time and in time", client, maxDo),
		Measured: report.Ratio(q.CPU) + " and " + report.Ratio(q.Wall),
		Met:      q.CPU <= maxDo && q.Wall <= maxDo,
	}
}
