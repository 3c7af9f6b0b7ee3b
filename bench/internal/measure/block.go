package measure

import (
	"runtime"
	"time"
)

// Cost is what one call cost, averaged over a block.
type Cost struct {
	Wall   float64 // nanoseconds that passed
	CPU    float64 // nanoseconds of user and system time, all threads
	Allocs float64 // heap objects
	Server float64 // nanoseconds that the servers worked, if that is counted
}

// Block calls op again and again for about d and returns the mean cost of a
// call. The first error ends it.
//
// Counting allocations stops the world for a moment, so that happens outside
// the timed part on both sides.
func Block(d time.Duration, op func() error) (Cost, error) {
	allocsBefore := allocations()
	before, err := readClocks()
	if err != nil {
		return Cost{}, err
	}
	calls, err := repeat(before.wall.Add(d), op)
	if err != nil {
		return Cost{}, err
	}
	after, err := readClocks()
	if err != nil {
		return Cost{}, err
	}
	n := float64(calls)
	return Cost{
		Wall:   float64(after.wall.Sub(before.wall)) / n,
		CPU:    float64(after.cpu-before.cpu) / n,
		Allocs: float64(allocations()-allocsBefore) / n,
	}, nil
}

// repeat calls op until deadline has passed, at least once.
func repeat(deadline time.Time, op func() error) (calls int, err error) {
	for calls == 0 || time.Now().Before(deadline) {
		if err := op(); err != nil {
			return calls, err
		}
		calls++
	}
	return calls, nil
}

// clocks is the time on the wall and the time that this process has used.
type clocks struct {
	wall time.Time
	cpu  time.Duration
}

func readClocks() (clocks, error) {
	cpu, err := cpuTime()
	return clocks{wall: time.Now(), cpu: cpu}, err
}

// allocations is how many heap objects this process has ever allocated.
func allocations() uint64 {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return memory.Mallocs
}
