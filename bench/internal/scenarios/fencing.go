package scenarios

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
)

// The bars.
const (
	maxFenced         = 1.2 // Lock and Unlock with a fencing token on one node, by the same without
	maxFencedRequests = 0.1 // a section of a crowd
)

// A crowd with fencing tokens is in two processes.
const (
	fencedProcesses  = 2
	fencedGoroutines = 16 // in each of them
)

// Fencing races lock+unlock with a fencing token against the same without, for one
// goroutine and for a crowd.
func Fencing(scale Scale) (*report.Section, error) {
	section := &report.Section{
		Title: "Fencing tokens",
		Text: "With go-redis. One goroutine locks and unlocks one name again and again, with nobody else about, so that " +
			"the nodes mostly agree on the number. Quotients are of the same round; given is the median over the rounds.",
		Tables: []report.Captioned{{
			Caption: "Time / that of Lock + Unlock without a fencing token on the same nodes:",
			Table:   report.Table{Columns: []string{"", "without", "with"}},
		}},
	}
	for _, n := range []int{1, 3} {
		if err := fencingOn(section, scale, n); err != nil {
			return nil, fmt.Errorf("fencing on %s: %w", nodeCount(n), err)
		}
	}
	return section, fencedCrowd(section, scale.Contests)
}

// fencedCrowd has two processes contend for one lock. They enter a resource that
// refuses numbers that do not grow.
func fencedCrowd(section *report.Section, plan Contests) error {
	folder, err := os.MkdirTemp("", "holdfast-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	c := fencedContest(plan)
	if err := hold(plan.Rounds, []*contest{c}, in(fencedProcesses, filepath.Join(folder, "resource"))); err != nil {
		return err
	}
	section.Tables = append(section.Tables, report.Captioned{
		Caption: "A crowd on one node. With fencing, each section checks that its number is larger than that of the section before, " +
			"in a file that both processes share. If it is not, the process dies:",
		Table: c.table(contestants.Holdfast),
	})
	section.Verdicts = append(section.Verdicts, fencedCrowdVerdicts(c)...)
	return nil
}

// fencedContest begins with the one that the other is compared with.
func fencedContest(plan Contests) *contest {
	_, plain := contestants.Fleet()
	return &contest{
		title:    fmt.Sprintf("fencing, %d goroutines in %d processes", fencedProcesses*fencedGoroutines, fencedProcesses),
		load:     plan.load(fencedGoroutines),
		who:      []contestants.Contender{plain, contestants.Fenced()},
		measured: make(map[string][]contend.Measured),
	}
}

func fencedCrowdVerdicts(c *contest) []report.Verdict {
	ours := c.measured[contestants.Fenced().Name()]
	asked := requests(ours)
	return []report.Verdict{{
		Bar:      c.title + ": numbers grow strictly, and all are served",
		Measured: fmt.Sprintf("%.0f sections/s, longest wait %s", rate(ours), longest(ours)),
		Met:      rate(ours) > 0 && served(ours),
	}, {
		Bar:      fmt.Sprintf("%s: ≤ %.1f requests a section", c.title, maxFencedRequests),
		Measured: fmt.Sprintf("%.4f", asked),
		Met:      asked <= maxFencedRequests,
	}}
}

func fencingOn(section *report.Section, scale Scale, n int) (err error) {
	started, err := nodes.Start(n)
	if err != nil {
		return err
	}
	defer nodes.StopAll(started)
	var pools []driver.Pool
	for _, addr := range nodes.Addrs(started) {
		client := redis.NewClient(&redis.Options{Addr: addr})
		defer func() { err = errors.Join(err, client.Close()) }()
		pools = append(pools, goredis.NewPool(client))
	}
	locks := mutex.New(pools...)
	costs, err := measure.Race(scale.Race, []measure.Runner{
		pairOf("without", locks.NewMutex("bench:plain")),
		pairOf("with", locks.NewMutex("bench:fenced", mutex.WithFencing())),
	})
	if err != nil {
		return err
	}
	with := quotient(costs[1], costs[0])
	section.Tables[0].Table.Add(nodeCount(n), "1", report.Ratio(with))
	if n == 1 {
		section.Verdicts = append(section.Verdicts, fencedVerdict(with))
	}
	return nil
}

// pairOf is lock+unlock of one mutex.
func pairOf(name string, m *mutex.Mutex) measure.Runner {
	nothing := func() error { return nil }
	return measure.Runner{Name: name, Op: func() error { return between(m.LockContext, nothing, m.Unlock) }}
}

func fencedVerdict(with float64) report.Verdict {
	return report.Verdict{
		Bar:      fmt.Sprintf("1 node: Lock + Unlock with a fencing token ≤ %.1f × without", maxFenced),
		Measured: report.Ratio(with), Met: with <= maxFenced,
	}
}
