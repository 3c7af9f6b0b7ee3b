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
	maxProcessRequests = 3.0     // for a section
	maxProcessWait     = 1.0 / 5 // the longest wait, by redsync's
	maxProcessSpread   = 1.5     // the most sections of a process, by the least
	minHeldRate        = 1.8     // sections, by redsync's, with time held and paused
)

// Processes measures the goroutines of several processes with one lock, on one
// node.
func Processes(scale Scale) (*report.Section, error) {
	plan := scale.Contests
	tight, paused := processContests(plan)
	there := func(who contestants.Contender, load contend.Load, addrs []string, count contend.Counter) (contend.Measured, error) {
		return contend.There(plan.Processes, who, addrs, contestName, load, count)
	}
	if err := hold(plan.Rounds, []*contest{tight, paused}, there); err != nil {
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
	ratio, asked, spread := rateQuotient(ours, theirs), requests(ours), medianSpread(ours)
	mine, other := waitQuantile(ours, 1), waitQuantile(theirs, 1)
	return []report.Verdict{{
		Bar:      c.title + ": more sections than redsync",
		Measured: report.Ratio(ratio) + " × its",
		Met:      ratio > 1 && stuckWaits(ours) == 0,
	}, {
		Bar:      fmt.Sprintf("%s: ≤ %.0f requests a section", c.title, maxProcessRequests),
		Measured: fmt.Sprintf("%.2f", asked),
		Met:      asked <= maxProcessRequests,
	}, {
		Bar:      fmt.Sprintf("%s: longest wait ≤ %.1f × redsync's", c.title, maxProcessWait),
		Measured: fmt.Sprintf("%s of %s", report.Millis(mine), report.Millis(other)),
		Met:      mine <= maxProcessWait*other,
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
		Met:      ratio >= minHeldRate && stuckWaits(ours) == 0,
	}
}
