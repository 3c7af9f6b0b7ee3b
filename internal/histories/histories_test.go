package histories

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	goredisclient "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

var (
	soakMinutes = flag.Float64("soak.minutes", 0, "how long TestSoak goes on, in minutes")
	soakSeed    = flag.Uint64("soak.seed", 0, "what TestSoak and TestHistories choose by; 0 chooses one")
)

func TestMain(m *testing.M) {
	goredisclient.SetLogger(quiet{}) // it logs each connection that a fault has broken
	redistest.Main(m)
}

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// needs skips the test where the backend has no such faults.
func needs(t *testing.T) {
	t.Helper()
	redistest.Needs(t, redistest.CanPause, redistest.CanKill, redistest.CanRestartEmpty)
	if redistest.Backend() == "embedded" { // a history of that would blame the lock for the fake
		t.Skip("embedded nodes run what waited for them in any order and at any time, which no server does")
	}
}

// start starts n nodes with addresses of their own, where the backend has some to give.
func start(t *testing.T, n int) []*redistest.Node {
	options := []redistest.Option{redistest.WithProxy()}
	if redistest.Has(redistest.CanAddress) {
		options = append(options, redistest.WithOwnAddress())
	}
	return redistest.Start(t, n, options...)
}

func chooseSeed(t *testing.T) uint64 {
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-soak.seed=%d chooses the same faults again", seed)
	return seed
}

// summary is what a run was.
type summary struct {
	rounds, ops, holds, failed, extended, downgraded, stalled, unnotified int64

	mutexes, writers, permits, joined, granted int64 // as ways counts them

	held   time.Duration
	faults tally
	bad    int // histories without an order
}

func (s *summary) String() string {
	return fmt.Sprintf("%d rounds: %d operations, %d sections of %v in all, "+
		"%d of them passed in memory (mutex %d, writer %d, permit %d), %d readers joined a lease, %d granted by a release, "+
		"%d extensions, %d downgrades, %d acquires failed, %d holders overslept; %d faults: %v; violations: %d",
		s.rounds, s.ops, s.holds, s.held.Round(time.Millisecond),
		s.passed(), s.mutexes, s.writers, s.permits, s.joined, s.granted,
		s.extended, s.downgraded, s.failed, s.stalled, s.faults.total(), s.faults, s.bad)
}

// play has a crowd on nodes in trouble, and checks what it saw. It returns the faults.
func (s *summary) play(t *testing.T, nodes []*redistest.Node, seed uint64, lasts time.Duration) tally {
	c := gather(t, redistest.Name(t), nodes, seed)
	done := trouble(t, nodes, rand.New(rand.NewPCG(seed, 1)), lasts)
	c.disperse()
	s.rounds++
	if s.faults == nil {
		s.faults = make(tally)
	}
	for name, times := range done {
		s.faults[name] += times
	}
	s.count(c)
	for _, r := range c.records() {
		s.ops += int64(len(r.ops))
		s.holds += int64(r.holds)
		s.held += r.held
		if !r.check(t) {
			s.bad++
		}
	}
	return done
}

func (s *summary) count(c *crowd) {
	s.failed += c.failed.Load()
	s.extended += c.extended.Load()
	s.downgraded += c.downgraded.Load()
	s.stalled += c.stalled.Load()
	s.unnotified += c.unnotified.Load()
	s.mutexes += c.ways.mutexes.Load()
	s.writers += c.ways.writers.Load()
	s.permits += c.ways.permits.Load()
	s.joined += c.ways.joined.Load()
	s.granted += c.ways.granted.Load()
}

// passed is how many writers and permits were passed a lease in memory.
func (s *summary) passed() int64 { return s.mutexes + s.writers + s.permits }

// requirePassed checks that leases passed in memory, and that each holder learned of a
// loss. A run of several rounds has all kinds of passing.
func (s *summary) requirePassed(t *testing.T) {
	require.Positive(t, s.passed(), "leases that passed in memory")
	require.Positive(t, s.joined, "readers that joined a lease")
	require.Zero(t, s.unnotified, "holders whose Lost stayed open")
	if s.rounds < 3 {
		return
	}
	require.Positive(t, s.mutexes, "leases of a mutex that passed in memory")
	require.Positive(t, s.writers, "leases of writers that passed in memory")
	require.Positive(t, s.permits, "permits that passed in memory")
	require.Positive(t, s.granted, "leases that a release granted")
}

// Clients of three locks of three kinds, on nodes that are paused, killed, restarted
// past the longest expiry, cut off, slow, mute and stormed, one after the other.
func TestHistories(t *testing.T) {
	needs(t)
	seed := chooseSeed(t)
	var all summary
	for i, n := range []int{1, 3, 5} {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) {
			nodes := start(t, n)
			done := all.play(t, nodes, seed+uint64(i), 0)
			require.Len(t, done, len(faultsHere()), "each fault was there")
			requireNoLeaks(t, nodes)
		})
	}
	t.Log(&all)
	require.Positive(t, all.holds)
	all.requirePassed(t)
}

// TestSoak goes on for as long as -soak.minutes says. It fails for a violation, a key that
// is left behind or has no expiry, and, as all tests of this package, for a goroutine
// that is.
func TestSoak(t *testing.T) {
	if *soakMinutes <= 0 { // too long for every run of the tests: CI has a step for it
		t.Skip("-soak.minutes says for how long")
	}
	needs(t)
	seed := chooseSeed(t)
	until := time.Now().Add(time.Duration(*soakMinutes * float64(time.Minute)))
	var all summary
	for round := uint64(0); time.Now().Before(until) && !t.Failed(); round++ {
		n := []int{3, 1, 5}[round%3]
		t.Run(fmt.Sprintf("round %d on %d nodes", round, n), func(t *testing.T) {
			nodes := start(t, n)
			all.play(t, nodes, seed+round, min(10*time.Second, time.Until(until)))
			requireNoLeaks(t, nodes)
		})
	}
	t.Log(&all)
	require.Zero(t, all.bad, "violations")
	require.Positive(t, all.holds)
	all.requirePassed(t)
	for _, name := range slices.Sorted(maps.Keys(all.faults)) {
		require.Positive(t, all.faults[name], name)
	}
}
