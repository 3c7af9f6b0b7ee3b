package scenarios

import (
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/plot"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// The load that leaves no room for barging: what it takes to hand the lock over
// decides how many sections there are.
const (
	sectionHeld  = time.Millisecond
	sectionPause = 10 * time.Millisecond
)

// The bars.
const (
	minProcessRate   = 10.0                   // sections, by redsync's
	maxProcessWait   = 150 * time.Millisecond // the longest wait
	maxProcessSpread = 1.5                    // the most sections of a process, by the least
	minHeldRate      = 1.9                    // sections, by redsync's, with time held and paused
)

// Processes measures the goroutines of several processes with one lock, on one
// node.
func Processes(scale Scale) (*report.Section, error) {
	plan := scale.Contests
	tight, paused := processContests(plan)
	if err := hold(plan.Rounds, []*contest{tight, paused}, in(plan.Processes, contestName)); err != nil {
		return nil, err
	}
	return &report.Section{
		Title: "Several processes, one lock",
		Text: fmt.Sprintf("%d processes with %d goroutines each lock and unlock one name on one node, for %s in each of %d rounds: in a tight loop, "+
			"and with %s held and a random pause of %s on average. Most and least are the sections of one process. %s",
			plan.Processes, plan.Goroutines, plan.Window, plan.Rounds, sectionHeld, sectionPause, contestText),
		Tables: []report.Captioned{
			{Caption: caption(tight.title), Table: tight.table(contestants.Redsync)},
			{Caption: caption(paused.title), Table: paused.table(contestants.Redsync)},
		},
		Verdicts: append(tightVerdicts(tight), pausedVerdict(paused)),
		Panels:   []plot.Panel{tight.panel(), paused.panel()},
		Plot:     waitsPlot,
	}, nil
}

func processContests(plan Contests) (tight, paused *contest) {
	make := func(held, pause time.Duration) *contest {
		load := plan.load(plan.Goroutines)
		load.Held, load.Pause = held, pause
		return &contest{
			title:    fmt.Sprintf("%d processes × %d goroutines", plan.Processes, plan.Goroutines),
			load:     load,
			who:      contestants.Processes(),
			measured: map[string][]contend.Measured{},
		}
	}
	tight, paused = make(0, 0), make(sectionHeld, sectionPause)
	tight.title += ", in a tight loop"
	paused.title += fmt.Sprintf(", %s held, %s paused", sectionHeld, sectionPause)
	return tight, paused
}

func tightVerdicts(c *contest) []report.Verdict {
	ours, theirs := c.find(contestants.Holdfast), c.find(contestants.Redsync)
	ratio, spread := rateQuotient(ours, theirs), medianSpread(ours)
	wait := waitQuantile(ours, 1)
	return []report.Verdict{{
		Bar:      fmt.Sprintf("%s: sections ≥ %.0f × redsync's", c.title, minProcessRate),
		Measured: report.Ratio(ratio),
		Met:      ratio >= minProcessRate && served(ours),
	}, {
		Bar:      fmt.Sprintf("%s: longest wait ≤ %s", c.title, maxProcessWait),
		Measured: longest(ours),
		Met:      wait <= float64(maxProcessWait) && served(ours),
	}, {
		Bar:      fmt.Sprintf("%s: most sections of a process ≤ %.1f × the least", c.title, maxProcessSpread),
		Measured: spread.String(),
		Met:      spread.ratio() <= maxProcessSpread,
	}}
}

func pausedVerdict(c *contest) report.Verdict {
	ours, theirs := c.find(contestants.Holdfast), c.find(contestants.Redsync)
	ratio := rateQuotient(ours, theirs)
	return report.Verdict{
		Bar:      fmt.Sprintf("%s: sections ≥ %.1f × redsync's", c.title, minHeldRate),
		Measured: report.Ratio(ratio),
		Met:      ratio >= minHeldRate && served(ours),
	}
}
