package scenarios

import (
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
)

// maxFenced is the bar for Lock and Unlock with a fencing token on one node, by the
// same without.
const maxFenced = 1.1

// Fencing races lock+unlock with a fencing token against the same without.
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
	return section, nil
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
