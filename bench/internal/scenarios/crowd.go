package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/plot"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// The bars for the largest crowd, and for the requests of all crowds.
const (
	minCrowdRate     = 1.4 // sections, by the floor's
	maxCrowdRequests = 1.3 // for a section
	maxCrowdApart    = 1.2 // the most requests for a section, by the least, over all sizes
)

// Crowd measures the goroutines of one process with one lock, on one node.
func Crowd(scale Scale) (*report.Section, error) {
	contests := crowds(scale.Contests)
	if err := hold(scale.Contests.Rounds, contests, here); err != nil {
		return nil, err
	}
	section := &report.Section{
		Title: "One process, one lock",
		Text: fmt.Sprintf("Goroutines of one process lock and unlock one name in a tight loop on one node, for %s in each of %d rounds. "+
			"The floor is the bare commands behind a local mutex that is first come, first served. %s",
			scale.Contests.Window, scale.Contests.Rounds, contestText),
		Verdicts: crowdVerdicts(contests),
		Panels:   []plot.Panel{contests[len(contests)-1].panel()},
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

// here puts this process under a load.
func here(who contestants.Contender, load contend.Load, addrs []string, count contend.Counter) (m contend.Measured, err error) {
	party, err := who.Connect(addrs, contestName)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, party.Close()) }()
	return contend.Here(party, load, count)
}

func crowdVerdicts(contests []*contest) []report.Verdict {
	largest := contests[len(contests)-1]
	ours, floor := largest.find(contestants.Holdfast), largest.find(contestants.Floor)
	ratio, asked := rateQuotient(ours, floor), requests(ours)
	mine, theirs := waitQuantile(ours, 0.99), waitQuantile(floor, 0.99)
	return []report.Verdict{{
		Bar:      fmt.Sprintf("%s: sections ≥ %.1f × floor", largest.title, minCrowdRate),
		Measured: report.Ratio(ratio),
		Met:      ratio >= minCrowdRate && stuckWaits(ours) == 0,
	}, {
		Bar:      fmt.Sprintf("%s: ≤ %.1f requests a section", largest.title, maxCrowdRequests),
		Measured: fmt.Sprintf("%.2f", asked),
		Met:      asked <= maxCrowdRequests,
	}, {
		Bar:      fmt.Sprintf("%s: 99th percentile of waits no worse than the floor's", largest.title),
		Measured: fmt.Sprintf("%s, floor %s", report.Millis(mine), report.Millis(theirs)),
		Met:      mine <= theirs,
	}, requestsVerdict(contests)}
}

// requestsVerdict compares Holdfast's requests over the sizes of the crowd.
func requestsVerdict(contests []*contest) report.Verdict {
	var all []float64
	var sizes, figures []string
	for _, c := range contests {
		asked := requests(c.find(contestants.Holdfast))
		all = append(all, asked)
		sizes = append(sizes, fmt.Sprint(c.load.Goroutines))
		figures = append(figures, fmt.Sprintf("%.2f", asked))
	}
	return report.Verdict{
		Bar:      fmt.Sprintf("requests a section of %s goroutines: ≤ %.1f × apart", strings.Join(sizes, ", "), maxCrowdApart),
		Measured: strings.Join(figures, ", "),
		Met:      slices.Max(all) <= maxCrowdApart*slices.Min(all),
	}
}
