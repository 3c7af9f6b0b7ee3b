package measure

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Runner is one contestant of a race.
type Runner struct {
	Name string
	Op   func() error

	// Server is how long the servers have worked so far. It is nil if that is not counted.
	Server func() (time.Duration, error)
}

// Plan says how long a race lasts: Rounds × Block for each runner.
type Plan struct {
	Rounds int
	Block  time.Duration
	Warmup int // unmeasured calls of each runner before the first round
}

// pause lets what a contestant does after its last call of a block (a late
// reply, a background release) end before the next contestant's block.
const pause = time.Millisecond

// stuck is after how long a block, or a warm-up, is taken to have hung for good.
const stuck = 30 * time.Second

// Race gives every runner one block a round, and returns the costs of all
// blocks by runner, in the order of runners. A runner whose call does not return
// ends the race with an error that names it, as one whose call fails does; its
// call is left to itself.
func Race(plan Plan, runners []Runner) ([][]Cost, error) {
	for _, runner := range runners {
		if err := runner.warmUp(plan.Warmup); err != nil {
			return nil, err
		}
	}
	costs := make([][]Cost, len(runners))
	for range plan.Rounds {
		for _, i := range rand.Perm(len(runners)) {
			time.Sleep(pause)
			cost, err := runners[i].block(plan.Block)
			if err != nil {
				return nil, err
			}
			costs[i] = append(costs[i], cost)
		}
	}
	return costs, nil
}

// Alternate gives every runner one call a round, again and again for about d, and returns the
// wall times of all calls as Race returns its costs. It is for differences that are smaller
// than those between one block and the next. Runners are warm already.
func Alternate(d time.Duration, runners []Runner) ([][]Cost, error) {
	costs := make([][]Cost, len(runners))
	for end := time.Now().Add(d); len(costs[0]) == 0 || time.Now().Before(end); {
		for _, i := range rand.Perm(len(runners)) {
			start := time.Now()
			err := runners[i].Op()
			costs[i] = append(costs[i], Cost{Wall: float64(time.Since(start))})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", runners[i].Name, err)
			}
		}
	}
	return costs, nil
}

func (r Runner) warmUp(calls int) error {
	_, err := r.guarded(stuck, func() (cost Cost, err error) {
		for i := 0; i < calls && err == nil; i++ {
			err = r.Op()
		}
		return cost, err
	})
	return err
}

func (r Runner) block(d time.Duration) (Cost, error) {
	return r.guarded(stuck, func() (Cost, error) {
		if r.Server == nil {
			return Block(d, r.Op)
		}
		return r.served(d)
	})
}

// served asks the servers outside of the timed part.
func (r Runner) served(d time.Duration) (Cost, error) {
	before, err := r.Server()
	if err != nil {
		return Cost{}, err
	}
	calls := 0
	cost, err := Block(d, func() error { calls++; return r.Op() })
	if err != nil {
		return Cost{}, err
	}
	after, err := r.Server()
	cost.Server = float64(after-before) / float64(calls)
	return cost, err
}

// guarded runs what calls r.Op, names r in its error, and gives up after limit.
func (r Runner) guarded(limit time.Duration, run func() (Cost, error)) (Cost, error) {
	type outcome struct {
		cost Cost
		err  error
	}
	done := make(chan outcome, 1) // not shared once it was given up
	_, ok := Within(limit, func() {
		cost, err := run()
		done <- outcome{cost, err}
	})
	if !ok {
		return Cost{}, fmt.Errorf("%s: a call did not return within %s", r.Name, limit)
	}
	result := <-done
	if result.err != nil {
		return Cost{}, fmt.Errorf("%s: %w", r.Name, result.err)
	}
	return result.cost, nil
}
