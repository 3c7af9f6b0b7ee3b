package scenarios

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-redsync/redsync/v4"
	redsyncgoredis "github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
)

// The bars for those who lock beside crowds that pass a lease on among themselves.
const (
	besideCrowd       = 32 // goroutines of a factory, in a tight loop
	maxBesideMedian   = 15 * time.Millisecond
	maxBesideLongest  = 150 * time.Millisecond
	minBesidePollers  = 0.9 // of redsync's Locks
	besideFactoryPool = 10

	// besidePause is how long a neighbour rests after each section. The crowds are not
	// notified that a client of redsync has unlocked: they look after their retry delay, of
	// up to 250 ms, and until then it would find the lock free.
	besidePause = 300 * time.Millisecond
)

// Neighbours says how often those beside a crowd lock.
type Neighbours struct {
	Waits int // of a waiter of Holdfast's
	Polls int // of a client of redsync's, beside one crowd and beside four
}

// Beside measures a waiter, and a client of redsync with its defaults, beside crowds that
// lock and unlock one name in a tight loop.
func Beside(scale Scale) (*report.Section, error) {
	plan := scale.Neighbours
	section := &report.Section{
		Title: "Beside a crowd",
		Text: fmt.Sprintf("Factories with %d goroutines each lock and unlock one name on one node in a tight loop. Beside them another factory "+
			"locks and unlocks it %d times, and a client of redsync with its defaults %d times: it polls, 32 times at most, and may fail. "+
			"Each rests for %s after a section, so that the crowds are back.",
			besideCrowd, plan.Waits, plan.Polls, besidePause),
		Tables: []report.Captioned{{Table: report.Table{Columns: []string{"", "crowds", "got the lock", "median wait", "longest"}}}},
	}
	for _, run := range []func() error{
		func() error { return besideCrowds(section, "holdfast", 1, plan.Waits, holdfastNeighbour) },
		func() error { return besideCrowds(section, "redsync", 1, plan.Polls, redsyncNeighbour) },
		func() error { return besideCrowds(section, "redsync", 4, plan.Polls, redsyncNeighbour) },
	} {
		if err := run(); err != nil {
			return nil, err
		}
	}
	return section, nil
}

// neighbour makes a lock and an unlock by a client of its own.
type neighbour func(client *redis.Client) (lock func() error, unlock func() error)

func holdfastNeighbour(client *redis.Client) (lock, unlock func() error) {
	m := mutex.New(goredis.NewPool(client)).NewMutex(contestName, mutex.WithUnlimitedTries())
	return m.Lock, func() error { _, err := m.Unlock(); return err }
}

func redsyncNeighbour(client *redis.Client) (lock, unlock func() error) {
	m := redsync.New(redsyncgoredis.NewPool(client)).NewMutex(contestName)
	return m.Lock, func() error { _, err := m.Unlock(); return err }
}

func besideCrowds(section *report.Section, name string, crowds, times int, of neighbour) (err error) {
	started, err := nodes.Start(1)
	if err != nil {
		return err
	}
	defer nodes.StopAll(started)
	addr := nodes.Addrs(started)[0]
	stop := crowdsOn(addr, crowds)
	defer func() { err = errors.Join(err, stop()) }()
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { err = errors.Join(err, client.Close()) }()
	lock, unlock := of(client)
	var waits []float64
	for range times {
		began := time.Now()
		if lock() == nil {
			waits = append(waits, float64(time.Since(began)))
			if err := unlock(); err != nil {
				return err
			}
		}
		time.Sleep(besidePause)
	}
	median, longest := measure.Quantile(waits, 0.5), measure.Quantile(waits, 1)
	section.Tables[0].Table.Add(name, fmt.Sprint(crowds), fmt.Sprintf("%d of %d", len(waits), times), report.Millis(median), report.Millis(longest))
	section.Verdicts = append(section.Verdicts, besideVerdict(name, crowds, len(waits), times, median, longest))
	return nil
}

func besideVerdict(name string, crowds, got, times int, median, longest float64) report.Verdict {
	if name == "holdfast" {
		return report.Verdict{
			Bar:      fmt.Sprintf("a waiter beside a crowd: median wait ≤ %s, longest ≤ %s", maxBesideMedian, maxBesideLongest),
			Measured: fmt.Sprintf("%s, %s", report.Millis(median), report.Millis(longest)),
			Met:      got == times && median <= float64(maxBesideMedian) && longest <= float64(maxBesideLongest),
		}
	}
	return report.Verdict{
		Bar:      fmt.Sprintf("redsync beside %d crowds: gets the lock in ≥ %.0f %% of its Locks", crowds, 100*minBesidePollers),
		Measured: fmt.Sprintf("%d of %d", got, times),
		Met:      float64(got) >= minBesidePollers*float64(times),
	}
}

// crowdsOn keeps a lock busy until stop is called.
func crowdsOn(addr string, crowds int) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	var clients []*redis.Client
	for range crowds {
		client := redis.NewClient(&redis.Options{Addr: addr, PoolSize: besideFactoryPool})
		clients = append(clients, client)
		m := mutex.New(goredis.NewPool(client)).NewMutex(contestName, mutex.WithUnlimitedTries())
		for range besideCrowd {
			all.Go(func() {
				for m.LockContext(ctx) == nil {
					_, _ = m.Unlock()
				}
			})
		}
	}
	return func() error {
		cancel()
		all.Wait()
		var err error
		for _, client := range clients {
			err = errors.Join(err, client.Close())
		}
		return err
	}
}
