// Package scenarios holds what cmd/compare measures, one file a scenario: it
// runs the contestants, makes the tables and judges the bars that were set.
//
// A new scenario is a function added to All.
package scenarios

import (
	"math"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// Scenario is one thing to measure.
type Scenario struct {
	Name string // what -only selects
	Run  func(Scale) (*report.Section, error)
}

// All lists the scenarios in the order of the report.
func All() []Scenario {
	return []Scenario{
		{Name: "uncontended-1", Run: func(s Scale) (*report.Section, error) { return Uncontended(s, 1) }},
		{Name: "uncontended-3", Run: func(s Scale) (*report.Section, error) { return Uncontended(s, 3) }},
		{Name: "uncontended-5", Run: func(s Scale) (*report.Section, error) { return Uncontended(s, 5) }},
		{Name: "bad-nodes", Run: BadNodes},
		{Name: "goroutines", Run: Goroutines},
		{Name: "residue", Run: Residue},
		{Name: "semaphore", Run: Semaphore},
		{Name: "handoff", Run: Handoff},
		{Name: "crowd", Run: Crowd},
		{Name: "processes", Run: Processes},
		{Name: "beside", Run: Beside},
		{Name: "cuts", Run: CutSubscriptions},
		{Name: "rwmutex", Run: RWMutex},
		{Name: "fencing", Run: Fencing},
		{Name: "renewal", Run: Renewal},
		{Name: "do", Run: Do},
		{Name: "hooks", Run: Hooks},
		{Name: "network", Run: NetworkNodes},
	}
}

// Scale is how much is measured: more gives steadier figures and takes longer.
type Scale struct {
	Race measure.Plan // of the uncontended pairs

	FaultRounds int           // rounds through every condition of the nodes
	FaultBlock  time.Duration // steady calls of one contestant in one condition and round
	Patience    time.Duration // a call that takes longer counts as one that hangs

	Load  time.Duration // for how long goroutines are made to pile up
	Pairs int           // of the residue scenario

	Handoffs   Handoffs
	Contests   Contests
	Cuts       Cuts
	Readers    Readers
	Neighbours Neighbours
	Renewals   Renewals
	Network    Network
}

// Share is a part of the scale: fewer rounds, at least one of each kind, and less of
// what has no rounds. How long a round lasts stays the same.
func (s Scale) Share(part float64) Scale {
	rounds := func(n *int) { *n = max(1, int(math.Round(float64(*n)*part))) }
	for _, n := range []*int{&s.Race.Rounds, &s.FaultRounds, &s.Pairs, &s.Handoffs.Rounds, &s.Contests.Rounds, &s.Readers.Rounds, &s.Network.Rounds, &s.Neighbours.Waits, &s.Neighbours.Polls} {
		rounds(n)
	}
	for _, window := range []*time.Duration{&s.Cuts.Window, &s.Renewals.Window} {
		*window = time.Duration(float64(*window) * part)
	}
	return s
}

// Full is the scale of the published tables.
func Full() Scale {
	return Scale{
		Race:        measure.Plan{Rounds: 200, Block: 20 * time.Millisecond, Warmup: 50},
		FaultRounds: 20,
		FaultBlock:  50 * time.Millisecond,
		Patience:    6 * time.Second,
		Load:        3 * time.Second,
		Pairs:       10_000,
		Handoffs:    Handoffs{Rounds: 5, Turns: 20, PolledTurns: 6, HeldPolled: 300 * time.Millisecond},
		Contests: Contests{
			Rounds: 5, Warmup: 250 * time.Millisecond, Window: 800 * time.Millisecond, Patience: 2500 * time.Millisecond,
			Crowds: []int{2, 16, 128, 1000}, Processes: 8, Goroutines: 8,
		},
		Neighbours: Neighbours{Waits: 100, Polls: 100},
		Cuts:       Cuts{Window: time.Minute},
		Readers:    Readers{Rounds: 5, Block: time.Second},
		Renewals: Renewals{
			Holds: 10_000, Window: time.Minute, Expiries: []time.Duration{contestants.Expiry, 3 * time.Second},
		},
		Network: Network{Rounds: 3, Loop: 2 * time.Second, Block: 500 * time.Millisecond, Hold: 5 * time.Second, Crowd: 1},
	}
}

// Quick is a smoke test: everything runs, and the figures mean little.
func Quick() Scale {
	return Scale{
		Race:        measure.Plan{Rounds: 5, Block: 10 * time.Millisecond, Warmup: 10},
		FaultRounds: 2,
		FaultBlock:  10 * time.Millisecond,
		Patience:    500 * time.Millisecond,
		Load:        500 * time.Millisecond,
		Pairs:       1_000,
		Handoffs:    Handoffs{Rounds: 2, Turns: 4, PolledTurns: 2, HeldPolled: 100 * time.Millisecond},
		Contests: Contests{
			Rounds: 1, Warmup: 200 * time.Millisecond, Window: 500 * time.Millisecond, Patience: 2 * time.Second,
			Crowds: []int{2, 16, 128, 1000}, Processes: 8, Goroutines: 8,
		},
		Neighbours: Neighbours{Waits: 5, Polls: 2},
		Cuts:       Cuts{Window: 4 * time.Second},
		Readers:    Readers{Rounds: 2, Block: 200 * time.Millisecond},
		Renewals: Renewals{
			Holds: 1_000, Window: time.Second, Expiries: []time.Duration{3 * time.Second, 2 * time.Second},
		},
		Network: Network{Rounds: 1, Loop: 200 * time.Millisecond, Block: 100 * time.Millisecond, Hold: 500 * time.Millisecond, Crowd: 0.05},
	}
}
