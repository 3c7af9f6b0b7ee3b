package scenarios

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
)

// maxHooked is the bar for the time of Lock and Unlock with hooks that do nothing, by that
// without hooks. The check whether there are any costs less than to call them.
const maxHooked = 1.01

// hooked is a mutex with hooks of a kind.
type hooked struct {
	name  string
	hooks *holdfast.Hooks // nil for none
}

// The places of those that the bar is for.
const withoutHooks, idle = 0, 3

func hookedMutexes() []hooked {
	return []hooked{
		withoutHooks: {"none", nil},
		{"none, once more", nil},
		{"without a function", &holdfast.Hooks{}},
		idle: {"each function, and none does anything", idleHooks()},
		{"`LogHooks`, and nothing to tell", holdfast.LogHooks(slog.New(slog.DiscardHandler))},
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
			"the same without hooks in the same round; given is the median over the rounds. A second mutex without hooks shows how " +
			"far off 1 such a median is by chance.",
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
	costs, err := measure.Race(scale.Race, hookedRunners(mutex.New(pools...), all))
	if err != nil {
		return err
	}
	section.Tables = append(section.Tables, hooksTable(n, all, costs))
	if n == 1 {
		section.Verdicts = append(section.Verdicts, hooksVerdict(costs))
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

func hooksTable(n int, all []hooked, costs [][]measure.Cost) report.Captioned {
	table := report.Table{Columns: []string{"hooks, " + nodeCount(n), "time", "client CPU", "allocations"}}
	for i, h := range all {
		q := measure.Quotients(costs[i], costs[withoutHooks])
		table.Add(h.name, precise(q.Wall), precise(q.CPU), report.Count(measure.Medians(costs[i]).Allocs))
	}
	return report.Captioned{Caption: "Lock + Unlock with hooks / without, on " + nodeCount(n) + ":", Table: table}
}

// precise prints a quotient near 1.
func precise(quotient float64) string { return fmt.Sprintf("%.3f", quotient) }

func hooksVerdict(costs [][]measure.Cost) report.Verdict {
	time := measure.Quotients(costs[idle], costs[withoutHooks]).Wall
	return report.Verdict{
		Bar:      fmt.Sprintf("1 node: Lock + Unlock with hooks that do nothing ≤ %.2f × without hooks", maxHooked),
		Measured: precise(time), Met: time <= maxHooked,
	}
}
