package scenarios

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/plot"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// Contests says how much contention is measured.
type Contests struct {
	Rounds     int
	Warmup     time.Duration
	Window     time.Duration
	Patience   time.Duration // a wait that ends later after the window is given up
	Crowds     []int         // numbers of goroutines in one process
	Processes  int
	Goroutines int // in each of them
}

func (c Contests) load(goroutines int) contend.Load {
	return contend.Load{Goroutines: goroutines, Warmup: c.Warmup, Window: c.Window, Patience: c.Patience}
}

// contest is one load, under which everybody has been put in every round.
type contest struct {
	title    string
	load     contend.Load
	who      []contestants.Contender
	measured map[string][]contend.Measured // by contender's name, one a round
}

// putUnder runs a load with one contender on one node.
type putUnder func(who contestants.Contender, load contend.Load, addrs []string, count contend.Counter) (contend.Measured, error)

// in puts new processes under a load. A contestant that hangs or fails there harms
// no other.
func in(processes int, name string) putUnder {
	return func(who contestants.Contender, load contend.Load, addrs []string, count contend.Counter) (contend.Measured, error) {
		return contend.There(processes, who, addrs, name, load, count)
	}
}

// contestName is the lock that all contend for.
const contestName = "bench:contest"

// hold has rounds of all contests, each with all contenders, in random order.
func hold(rounds int, contests []*contest, run putUnder) error {
	started, err := nodes.Start(1)
	if err != nil {
		return err
	}
	defer nodes.StopAll(started)
	for range rounds {
		for _, c := range contests {
			for _, i := range rand.Perm(len(c.who)) {
				if err := c.run(c.who[i], started, run); err != nil {
					return fmt.Errorf("%s: %s: %w", c.title, c.who[i].Name(), err)
				}
			}
		}
	}
	return nil
}

func (c *contest) run(who contestants.Contender, started []*nodes.Node, run putUnder) error {
	meter, err := nodes.NewMeter(started)
	if err != nil {
		return err
	}
	defer func() { _ = meter.Close() }()
	m, err := run(who, c.load, nodes.Addrs(started), meter.Count)
	if err != nil {
		return err
	}
	c.measured[who.Name()] = append(c.measured[who.Name()], m)
	return healthy.end(started, 0) // a stuck waiter may leave something
}

// find returns the rounds of a library.
func (c *contest) find(library contestants.Library) []contend.Measured {
	for _, who := range c.who {
		if who.Library == library {
			return c.measured[who.Name()]
		}
	}
	return nil
}

// rate is the median over the rounds of the sections in a second.
func rate(rounds []contend.Measured) float64 {
	return median(rounds, func(m contend.Measured) float64 { return float64(m.Sections()) / m.Window.Seconds() })
}

// requests is the median over the rounds of the requests for a section.
func requests(rounds []contend.Measured) float64 {
	return median(rounds, func(m contend.Measured) float64 { return float64(m.Requests) / float64(m.Sections()) })
}

func median(rounds []contend.Measured, figure func(contend.Measured) float64) float64 {
	var figures []float64
	for _, m := range well(rounds) {
		figures = append(figures, figure(m))
	}
	return measure.Quantile(figures, 0.5)
}

// well are the rounds in which no process failed.
func well(rounds []contend.Measured) (all []contend.Measured) {
	for _, m := range rounds {
		if m.Failure == "" {
			all = append(all, m)
		}
	}
	return all
}

// rateQuotient is the median over the rounds of a's sections by b's.
func rateQuotient(a, b []contend.Measured) float64 {
	var quotients []float64
	for i := range min(len(a), len(b)) {
		if a[i].Failure == "" && b[i].Failure == "" {
			quotients = append(quotients, float64(a[i].Sections())/float64(b[i].Sections()))
		}
	}
	return measure.Quantile(quotients, 0.5)
}

// waits are those of all rounds.
func waits(rounds []contend.Measured) (all []float64) {
	for _, m := range rounds {
		for _, wait := range m.Waits() {
			all = append(all, float64(wait))
		}
	}
	return all
}

func waitQuantile(rounds []contend.Measured, q float64) float64 {
	return measure.Quantile(waits(rounds), q)
}

func stuckWaits(rounds []contend.Measured) (n int) {
	for _, m := range rounds {
		n += m.Stuck()
	}
	return n
}

// served reports whether every wait has ended, and no process failed.
func served(rounds []contend.Measured) bool {
	return stuckWaits(rounds) == 0 && len(well(rounds)) == len(rounds)
}

// longest is the longest wait, for a table. If there is a longer one, it says why.
func longest(rounds []contend.Measured) string {
	text := report.Millis(waitQuantile(rounds, 1))
	if stuck := stuckWaits(rounds); stuck > 0 {
		text = fmt.Sprintf("> %s, %d given up", text, stuck)
	}
	failed := len(rounds) - len(well(rounds))
	for _, m := range rounds {
		if m.Failure != "" {
			return fmt.Sprintf("%s; %s (%d of %d rounds)", text, m.Failure, failed, len(rounds))
		}
	}
	return text
}

// spread is the most and the least sections of one goroutine, or of one process
// where there are several.
type spread struct{ most, least int }

func spreadOf(m contend.Measured) spread {
	sections := m.Parties[0].Sections
	if len(m.Parties) > 1 {
		sections = nil
		for _, r := range m.Parties {
			sections = append(sections, r.Total())
		}
	}
	return spread{slices.Max(sections), slices.Min(sections)}
}

// ratio is infinite if one had none, and NaN if all had none.
func (s spread) ratio() float64 { return float64(s.most) / float64(s.least) }

func (s spread) String() string { return fmt.Sprintf("%d / %d", s.most, s.least) }

// medianSpread is the spread of the round that has the median ratio.
func medianSpread(rounds []contend.Measured) spread {
	var spreads []spread
	for _, m := range well(rounds) {
		spreads = append(spreads, spreadOf(m))
	}
	if len(spreads) == 0 {
		return spread{}
	}
	slices.SortFunc(spreads, func(a, b spread) int { return cmp.Compare(a.ratio(), b.ratio()) })
	return spreads[(len(spreads)-1)/2]
}

// table compares everybody with a library.
func (c *contest) table(with contestants.Library) report.Table {
	table := report.Table{Columns: []string{c.title, "sections/s", "/ " + string(with), "requests a section",
		"median wait", "99th percentile", "longest", "most / least"}}
	for _, who := range c.who {
		rounds := c.measured[who.Name()]
		table.Add(who.Name(), fmt.Sprintf("%.0f", rate(rounds)), report.Ratio(rateQuotient(rounds, c.find(with))),
			report.Count(requests(rounds)), report.Millis(waitQuantile(rounds, 0.5)), report.Millis(waitQuantile(rounds, 0.99)),
			longest(rounds), medianSpread(rounds).String())
	}
	return table
}

// The plots, by what the panels of a scenario are drawn with.
const (
	waitsPlot   = "waits.svg"
	networkPlot = "network.svg"
)

// panel shows everybody's waits.
func (c *contest) panel() plot.Panel {
	panel := plot.Panel{Title: c.title}
	for _, who := range c.who {
		if who.Library == contestants.Holdfast && who.Client != contestants.GoRedis {
			continue
		}
		panel.Lines = append(panel.Lines, plot.Line{Name: string(who.Library), Waits: waits(c.measured[who.Name()])})
	}
	return panel
}

// contestText says how each library is used.
const contestText = "Each library is used as its documentation shows: Holdfast's goroutines share one mutex a process; redsync's " +
	"make a new mutex for each section with the process's pool, as its mutexes must not be shared; redislock's share a client, with its " +
	"`LinearBackoff` of 100 ms; rueidislock's share a locker. Waiting is not limited. Sections are those of the window after a warm-up, " +
	"as the median over the rounds; waits are those of all rounds that ended after the warm-up, also those that ended after the window, " +
	"when nobody came any more. Requests are counted by the server, as reads of its sockets: commands inside scripts are none, and what " +
	"a client library sends in one packet, as rueidis does for goroutines that come at once, is one."
