package scenarios

import (
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

const (
	fleetSize   = 8 // processes
	fleetHands  = 4 // goroutines of each
	fleetWrites = 1 // percent of the sections
	fleetHeld   = time.Millisecond
)

// raceFleet lets processes read and now and then write, and in turn do the same
// under the mutex.
func raceFleet(section *report.Section, scale Scale, started []*nodes.Node) error {
	load := contend.Load{
		Goroutines: fleetHands, Reads: 100 - fleetWrites, Held: fleetHeld,
		Warmup: scale.Readers.Block / 4, Window: scale.Readers.Block, Patience: waitsAtMost,
	}
	var f fleet
	for range scale.Readers.Rounds {
		if err := f.run(load, started); err != nil {
			return err
		}
	}
	section.Tables[rwFleet].Table.Add(f.row(len(started))...)
	section.Verdicts = append(section.Verdicts, f.verdict(len(started)))
	return nil
}

// fleet is what several processes got under the read-write lock and under the
// mutex, one of each a round.
type fleet struct{ shared, excluding []contend.Measured }

func (f *fleet) run(load contend.Load, started []*nodes.Node) error {
	shared, excluding := contestants.Fleet()
	for _, c := range []struct {
		who  contestants.Contender
		name string
		to   *[]contend.Measured
	}{{shared, "bench:rwmutex", &f.shared}, {excluding, "bench:mutex", &f.excluding}} {
		m, err := contend.There(fleetSize, c.who, nodes.Addrs(started), c.name, load, uncounted)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		*c.to = append(*c.to, m)
	}
	return nil
}

func (f *fleet) verdict(n int) report.Verdict {
	return report.Verdict{
		Bar:      fmt.Sprintf("%s, %d processes that read and write: all are served", nodeCount(n), fleetSize),
		Measured: "longest wait " + longest(f.shared) + "; with the mutex " + longest(f.excluding),
		Met:      served(f.shared) && served(f.excluding),
	}
}

func (f *fleet) row(n int) []string {
	perSecond := func(count func(contend.Measured) int) string {
		return fmt.Sprintf("%.0f", median(f.shared, func(m contend.Measured) float64 {
			return float64(count(m)) / m.Window.Seconds()
		}))
	}
	return []string{nodeCount(n), perSecond(contend.Measured.Reads), perSecond(contend.Measured.Writes),
		report.Ratio(rateQuotient(f.shared, f.excluding)), report.Millis(waitQuantile(f.shared, 0.5)), longest(f.shared)}
}
