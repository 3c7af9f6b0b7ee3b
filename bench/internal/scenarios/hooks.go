package scenarios

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
)

// The bars for Lock and Unlock with hooks of which no function is there, by those without
// hooks, whatever functions cost that are: the time, and how many allocations more.
const (
	maxHooked    = 1.01
	maxAllocated = 0.1 // what else goes on in the process now and then counts, too
)

// hooked is a mutex with hooks of a kind.
type hooked struct {
	name  string
	hooks *holdfast.Hooks // nil for none
}

// The places of those that the bar is for.
const withoutHooks, absent = 0, 2

func hookedMutexes() []hooked {
	return []hooked{
		withoutHooks: {"none", nil},
		{"none, once more", nil},
		absent: {"without a function", &holdfast.Hooks{}},
		{"each function, and none does anything", idleHooks()},
		{"`LogHooks`, and nothing to log", holdfast.LogHooks(slog.New(slog.DiscardHandler))},
	}
}

func idleHooks() *holdfast.Hooks {
	return &holdfast.Hooks{
		AcquireStart: func(ctx context.Context, _ holdfast.Lock) context.Context { return ctx },
		AcquireDone:  func(context.Context, holdfast.Lock, holdfast.Acquired) {},
		Extended:     func(context.Context, holdfast.Lock, error) {},
		Released:     func(context.Context, holdfast.Lock, holdfast.Released) {},
		Lost:         func(holdfast.Lock, error) {},
		NodeError:    func(holdfast.Lock, int, error) {},
	}
}

// Hooks races lock+unlock with hooks against the same without.
func Hooks(scale Scale) (*report.Section, error) {
	section := &report.Section{
		Title: "Hooks",
		Text: "With go-redis. One goroutine locks and unlocks one name again and again, with nobody else about. Quotients are by " +
			"the same without hooks in the same round; given is the median over the rounds. For the time a round is one call of " +
			"each, as blocks of calls differ by more than hooks cost. A second mutex without hooks shows how far off 1 such a " +
			"median is by chance.",
	}
	for _, n := range []int{1, 3} {
		if err := hooksOn(section, scale, n); err != nil {
			return nil, fmt.Errorf("hooks on %s: %w", nodeCount(n), err)
		}
	}
	return section, nil
}

func hooksOn(section *report.Section, scale Scale, n int) (err error) {
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
	all := hookedMutexes()
	runners := hookedRunners(mutex.New(pools...), all)
	costs, err := measure.Race(scale.Race, runners)
	if err != nil {
		return err
	}
	calls, err := measure.Alternate(time.Duration(len(all)*scale.Race.Rounds)*scale.Race.Block, runners)
	if err != nil {
		return err
	}
	section.Tables = append(section.Tables, hooksTable(n, all, costs, calls))
	if n == 1 {
		section.Verdicts = append(section.Verdicts, hooksVerdict(costs, calls))
	}
	return nil
}

// hookedRunners are Lock + Unlock, each of one name.
func hookedRunners(locks *mutex.Factory, all []hooked) (runners []measure.Runner) {
	for i, h := range all {
		m := locks.NewMutex(fmt.Sprintf("bench:hooked:%d", i), mutex.WithHooks(h.hooks))
		runners = append(runners, measure.Runner{Name: h.name, Op: func() error { return lockAndUnlock(m) }})
	}
	return runners
}

func hooksTable(n int, all []hooked, costs, calls [][]measure.Cost) report.Captioned {
	table := report.Table{Columns: []string{"hooks, " + nodeCount(n), "time", "client CPU", "allocations"}}
	for i, h := range all {
		q, one := measure.Quotients(costs[i], costs[withoutHooks]), measure.Quotients(calls[i], calls[withoutHooks])
		table.Add(h.name, precise(one.Wall), precise(q.CPU), report.Count(measure.Medians(costs[i]).Allocs))
	}
	return report.Captioned{Caption: "Lock + Unlock with hooks / without, on " + nodeCount(n) + ":", Table: table}
}

// precise prints a quotient near 1.
func precise(quotient float64) string { return fmt.Sprintf("%.3f", quotient) }

func hooksVerdict(costs, calls [][]measure.Cost) report.Verdict {
	quotient := measure.Quotients(calls[absent], calls[withoutHooks]).Wall
	more := measure.Medians(costs[absent]).Allocs - measure.Medians(costs[withoutHooks]).Allocs
	return report.Verdict{
		Bar:      fmt.Sprintf("1 node: Lock + Unlock with hooks without a function ≤ %.2f × without hooks, with no allocation more", maxHooked),
		Measured: precise(quotient) + ", " + report.Count(max(0, more)) + " more", Met: quotient <= maxHooked && more < maxAllocated,
	}
}
