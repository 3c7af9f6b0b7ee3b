package measure

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var sink *[64]byte

func allocateTwice() error {
	sink = new([64]byte)
	sink = new([64]byte)
	return nil
}

func TestBlockCountsAllocationsOfOneCall(t *testing.T) {
	cost, err := Block(20*time.Millisecond, allocateTwice)
	require.NoError(t, err)
	require.InDelta(t, 2, cost.Allocs, 0.1)
}

// A call that only waits passes time and uses none; one that only works uses
// what it passes. Neither depends on how fast the machine is.
func TestBlockDistinguishesWaitingFromWorking(t *testing.T) {
	waiting, err := Block(50*time.Millisecond, func() error { time.Sleep(10 * time.Millisecond); return nil })
	require.NoError(t, err)
	require.Less(t, waiting.CPU, waiting.Wall/2)

	working, err := Block(50*time.Millisecond, func() error { return nil })
	require.NoError(t, err)
	require.Positive(t, working.CPU)
	require.Less(t, working.Wall, waiting.Wall)
}

func TestBlockRunsAtLeastOnceAndStopsAtAnError(t *testing.T) {
	calls := 0
	_, err := Block(0, func() error { calls++; return nil })
	require.NoError(t, err)
	require.Equal(t, 1, calls)

	broken := errors.New("broken")
	calls = 0
	_, err = Block(time.Hour, func() error { calls++; return broken })
	require.ErrorIs(t, err, broken)
	require.Equal(t, 1, calls)
}

func TestRaceGivesEveryRunnerEveryRound(t *testing.T) {
	var order []string
	runner := func(name string) Runner {
		return Runner{Name: name, Op: func() error { order = append(order, name); return nil }}
	}
	costs, err := Race(Plan{Rounds: 3, Warmup: 2}, []Runner{runner("a"), runner("b")})
	require.NoError(t, err)
	require.Len(t, costs, 2)
	require.Len(t, costs[0], 3)
	require.Len(t, costs[1], 3)
	require.Equal(t, []string{"a", "a", "b", "b"}, order[:4])
	for rest := order[4:]; len(rest) > 0; rest = rest[2:] {
		require.ElementsMatch(t, []string{"a", "b"}, rest[:2])
	}
}

func TestAlternateGivesEveryRunnerOneCallARound(t *testing.T) {
	var order []string
	runner := func(name string, d time.Duration) Runner {
		return Runner{Name: name, Op: func() error { order = append(order, name); time.Sleep(d); return nil }}
	}
	costs, err := Alternate(10*time.Millisecond, []Runner{runner("a", 0), runner("b", time.Millisecond)})
	require.NoError(t, err)
	require.Len(t, costs[0], len(order)/2)
	require.Len(t, costs[1], len(order)/2)
	for rest := order; len(rest) > 0; rest = rest[2:] {
		require.ElementsMatch(t, []string{"a", "b"}, rest[:2])
	}
	require.Less(t, Quotients(costs[0], costs[1]).Wall, 1.0)
	broken := errors.New("broken")
	_, err = Alternate(0, []Runner{{Name: "culprit", Op: func() error { return broken }}})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "culprit")
}

// The servers' time is that of a block's own calls, without warm-up and other runners.
func TestRaceCountsTheServersTime(t *testing.T) {
	busy := time.Duration(0)
	work := func(d time.Duration) func() error { return func() error { busy += d; return nil } }
	asked := func() (time.Duration, error) { return busy, nil }
	costs, err := Race(Plan{Rounds: 2, Block: time.Millisecond, Warmup: 3}, []Runner{
		{Name: "a", Op: work(7), Server: asked}, {Name: "b", Op: work(5)},
	})
	require.NoError(t, err)
	for round := range costs[0] {
		require.Equal(t, 7.0, costs[0][round].Server)
		require.Zero(t, costs[1][round].Server)
	}
	broken := errors.New("broken")
	_, err = Race(Plan{Rounds: 1}, []Runner{{Name: "a", Op: work(1), Server: func() (time.Duration, error) { return 0, broken }}})
	require.ErrorIs(t, err, broken)
}

func TestRaceNamesWhoFailed(t *testing.T) {
	broken := errors.New("broken")
	_, err := Race(Plan{Rounds: 1}, []Runner{{Name: "culprit", Op: func() error { return broken }}})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "culprit")
}

func TestQuantile(t *testing.T) {
	values := []float64{4, 1, 3, 2}
	require.Equal(t, 2.5, Quantile(values, 0.5))
	require.Equal(t, 1.0, Quantile(values, 0))
	require.Equal(t, 4.0, Quantile(values, 1))
	require.Equal(t, []float64{4, 1, 3, 2}, values)
	require.Equal(t, 7.0, Quantile([]time.Duration{7}, 0.99))
	require.True(t, math.IsNaN(Quantile([]float64(nil), 0.5)))
}

func TestMediansTakesEachCostByItself(t *testing.T) {
	got := Medians([]Cost{{Wall: 1, CPU: 9, Allocs: 5, Server: 3}, {Wall: 2, CPU: 8, Allocs: 4, Server: 2}, {Wall: 3, CPU: 7, Allocs: 6, Server: 1}})
	require.Equal(t, Cost{Wall: 2, CPU: 8, Allocs: 5, Server: 2}, got)
}

// Both double in the second round, as if the machine had slowed down: the
// quotient is still a half.
func TestQuotientsCompareWithinRounds(t *testing.T) {
	a := []Cost{{Wall: 1, CPU: 2, Allocs: 3, Server: 1}, {Wall: 2, CPU: 4, Allocs: 3, Server: 2}, {Wall: 9, CPU: 9, Allocs: 3, Server: 9}}
	b := []Cost{{Wall: 2, CPU: 4, Allocs: 6, Server: 2}, {Wall: 4, CPU: 8, Allocs: 6, Server: 4}, {Wall: 18, CPU: 18, Allocs: 6, Server: 18}}
	require.Equal(t, Cost{Wall: 0.5, CPU: 0.5, Allocs: 0.5, Server: 0.5}, Quotients(a, b))
}

func TestRaceNamesWhoIsStuck(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	r := Runner{Name: "culprit", Op: func() error { <-release; return nil }}
	_, err := r.guarded(time.Millisecond, func() (Cost, error) { return Block(0, r.Op) })
	require.ErrorContains(t, err, "culprit")
	require.ErrorContains(t, err, "did not return")
}

func TestWithinGivesUpOnACallThatHangs(t *testing.T) {
	release := make(chan struct{})
	took, ok := Within(10*time.Millisecond, func() { <-release })
	close(release)
	require.False(t, ok)
	require.Equal(t, 10*time.Millisecond, took)

	_, ok = Within(time.Minute, func() {})
	require.True(t, ok)
}
