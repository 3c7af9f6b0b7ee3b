package scenarios

import (
	"fmt"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/plot"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// The bars, for each size of the crowd.
const (
	minCrowdRate     = 20.0 // sections, by the floor's
	maxCrowdRequests = 0.05 // for a section
	maxCrowdSpread   = 1.5  // the most sections of a goroutine, by the least
)

// Crowd measures the goroutines of one process with one lock, on one node.
func Crowd(scale Scale) (*report.Section, error) {
	contests := crowds(scale.Contests)
	if err := hold(scale.Contests.Rounds, contests, in(1, contestName)); err != nil {
		return nil, err
	}
	section := &report.Section{
		Title: "One process, one lock",
		Text: fmt.Sprintf("Goroutines of one process lock and unlock one name in a tight loop on one node, for %s in each of %d rounds. "+
			"The floor is the bare commands behind a local mutex that is first come, first served. %s",
			scale.Contests.Window, scale.Contests.Rounds, contestText),
		Verdicts: crowdVerdicts(contests),
		Panels:   []plot.Panel{contests[len(contests)-1].panel()},
		Plot:     waitsPlot,
	}
	for _, c := range contests {
		section.Tables = append(section.Tables, report.Captioned{Caption: caption(c.title), Table: c.table(contestants.Floor)})
	}
	return section, nil
}

func crowds(plan Contests) (contests []*contest) {
	for _, goroutines := range plan.Crowds {
		contests = append(contests, &contest{
			title:    fmt.Sprintf("one process, %d goroutines", goroutines),
			load:     plan.load(goroutines),
			who:      contestants.Crowd(),
			measured: make(map[string][]contend.Measured),
		})
	}
	return contests
}

func crowdVerdicts(contests []*contest) (verdicts []report.Verdict) {
	for _, c := range contests {
		verdicts = append(verdicts, crowdVerdictsOf(c)...)
	}
	return verdicts
}

func crowdVerdictsOf(c *contest) []report.Verdict {
	ours, floor := c.find(contestants.Holdfast), c.find(contestants.Floor)
	ratio, asked, spread := rateQuotient(ours, floor), requests(ours), medianSpread(ours)
	mine, theirs := waitQuantile(ours, 1), waitQuantile(floor, 1)
	return []report.Verdict{{
		Bar:      fmt.Sprintf("%s: sections ≥ %.0f × floor", c.title, minCrowdRate),
		Measured: report.Ratio(ratio),
		Met:      ratio >= minCrowdRate && served(ours),
	}, {
		Bar:      fmt.Sprintf("%s: ≤ %.2f requests a section", c.title, maxCrowdRequests),
		Measured: fmt.Sprintf("%.4f", asked),
		Met:      asked <= maxCrowdRequests,
	}, {
		Bar:      fmt.Sprintf("%s: longest wait no worse than the floor's", c.title),
		Measured: fmt.Sprintf("%s, floor %s", longest(ours), longest(floor)),
		Met:      mine <= theirs && served(ours),
	}, {
		Bar:      fmt.Sprintf("%s: most sections of a goroutine ≤ %.1f × the least", c.title, maxCrowdSpread),
		Measured: spread.String(),
		Met:      spread.ratio() <= maxCrowdSpread,
	}}
}
