package scenarios

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// Cuts says for how long subscriptions are cut.
type Cuts struct {
	Window time.Duration
}

const (
	cutClients = 8

	// A cut comes after a random time of at most this. A subscription that was cut
	// is opened again 50 ms later at the earliest. More often, and one wait would meet
	// several cuts, each of which may cost it a delay.
	longestUncut = time.Second

	// maxCutDelays is how much longer the longest wait may be, in retry delays.
	maxCutDelays = 1.0
)

// cutLoad keeps a line of waiters, so that each release notifies one.
func cutLoad(window time.Duration) contend.Load {
	return contend.Load{
		Goroutines: cutClients, Held: time.Millisecond, Pause: 2 * time.Millisecond,
		Warmup: 200 * time.Millisecond, Window: window, Patience: 10 * time.Second,
	}
}

// CutSubscriptions measures every wait while the connections on which waiters are
// notified are cut at random. A wake-up that is lost may cost a retry delay, and no more.
func CutSubscriptions(scale Scale) (*report.Section, error) {
	section := cutsSection(scale.Cuts)
	for _, n := range []int{1, 3} {
		c, err := cutOn(n, scale.Cuts)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", nodeCount(n), err)
		}
		c.report(section)
	}
	return section, nil
}

// cut is what was measured on a number of nodes.
type cut struct {
	n         int
	cuts      int // connections
	calm, bad contend.Measured
}

func cutOn(n int, plan Cuts) (c cut, err error) {
	started, err := nodes.Start(n)
	if err != nil {
		return c, err
	}
	defer nodes.StopAll(started)
	c.n = n
	if c.calm, err = crewAt(started, plan.Window/2); err != nil {
		return c, err
	}
	done, cutting := make(chan struct{}), make(chan error, 1)
	go func() {
		var err error
		c.cuts, err = cutAtRandom(started, done)
		cutting <- err
	}()
	c.bad, err = crewAt(started, plan.Window)
	close(done)
	return c, errors.Join(err, <-cutting)
}

// crewAt puts a crew under load.
func crewAt(started []*nodes.Node, window time.Duration) (m contend.Measured, err error) {
	crew := contestants.Crew(cutClients, nodes.Addrs(started), contestName)
	defer func() { err = errors.Join(err, crew.Close(), healthy.end(started, 0)) }()
	return contend.Here(crew, cutLoad(window), uncounted)
}

// cutAtRandom cuts all subscriptions of one node after the other, until done, and
// counts them.
func cutAtRandom(started []*nodes.Node, done <-chan struct{}) (cuts int, err error) {
	for err == nil {
		select {
		case <-done:
			return cuts, nil
		case <-time.After(rand.N(longestUncut)):
		}
		var killed int
		killed, err = redis.Int(started[rand.IntN(len(started))].Do("CLIENT", "KILL", "TYPE", "pubsub"))
		cuts += killed
	}
	return cuts, err
}

func cutsSection(plan Cuts) *report.Section {
	return &report.Section{
		Title: "Subscriptions that are cut",
		Text: fmt.Sprintf("%d clients, each with connections of its own, lock and unlock one mutex, held for 1 ms, first for %s in peace, then for %s "+
			"while all subscriptions of a random node are cut again and again, after up to %s. A client that is not notified looks again after the retry delay of %s: "+
			"no wait may be longer by more than that.", cutClients, plan.Window/2, plan.Window, longestUncut, contestants.CrewDelay),
		Tables: []report.Captioned{{
			Table: report.Table{Columns: []string{"", "connections cut", "sections/s", "median wait", "99th percentile", "longest wait"}},
		}},
	}
}

func (c cut) report(section *report.Section) {
	table := &section.Tables[0].Table
	for _, row := range []struct {
		name string
		cuts int
		m    contend.Measured
	}{{"in peace", 0, c.calm}, {"cut", c.cuts, c.bad}} {
		rounds := []contend.Measured{row.m}
		table.Add(nodeCount(c.n)+", "+row.name, fmt.Sprint(row.cuts), fmt.Sprintf("%.0f", rate(rounds)), report.Millis(waitQuantile(rounds, 0.5)),
			report.Millis(waitQuantile(rounds, 0.99)), report.Millis(waitQuantile(rounds, 1)))
	}
	section.Verdicts = append(section.Verdicts, c.verdict())
}

// verdict wants cuts that were made.
func (c cut) verdict() report.Verdict {
	excess := c.excess()
	return report.Verdict{
		Bar:      fmt.Sprintf("subscriptions cut, %s: the longest wait is longer by at most a retry delay", nodeCount(c.n)),
		Measured: fmt.Sprintf("%s, %d cut", report.Ratio(excess), c.cuts),
		Met:      excess <= maxCutDelays && c.bad.Stuck() == 0 && c.cuts > 0,
	}
}

// excess is by how many retry delays the longest wait is longer than in peace.
func (c cut) excess() float64 {
	longest := func(m contend.Measured) float64 { return measure.Quantile(waits([]contend.Measured{m}), 1) }
	return (longest(c.bad) - longest(c.calm)) / float64(contestants.CrewDelay)
}
