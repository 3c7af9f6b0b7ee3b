package contestants

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/bench/internal/nodes"
)

func TestContendersAreFoundByName(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Crowd() {
		require.False(t, seen[c.Name()], c.Name())
		seen[c.Name()] = true
		found, ok := FindContender(c.Name())
		require.True(t, ok)
		require.Equal(t, c.Contestant.Name(), found.Name())
	}
	_, ok := FindContender("nobody")
	require.False(t, ok)
}

// Two processes exclude each other, and a hold outlasts the context that its
// wait was bounded by.
func TestPartiesExcludeEachOther(t *testing.T) {
	started := start(t, 1)
	for _, c := range Processes() {
		t.Run(c.Name(), func(t *testing.T) {
			a, b := connectBoth(t, c, nodes.Addrs(started))
			waiting, cancel := context.WithCancel(context.Background())
			unlock, err := a.Lock(waiting)
			cancel()
			require.NoError(t, err)

			short, cancel := context.WithTimeout(context.Background(), 20*waitPoll)
			defer cancel()
			_, err = b.Lock(short)
			require.Error(t, err)

			require.NoError(t, unlock())
			patient, cancel := context.WithTimeout(context.Background(), waitLimit)
			defer cancel()
			unlock, err = b.Lock(patient)
			skipIfMissed(t, patient, c.Library, err)
			require.NoError(t, err)
			require.NoError(t, unlock())
		})
	}
}

func connectBoth(t *testing.T, c Contender, addrs []string) (a, b Party) {
	t.Helper()
	var both [2]Party
	for i := range both {
		party, err := c.Connect(addrs, "shared")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, party.Close()) })
		both[i] = party
	}
	return both[0], both[1]
}

func TestLocalFloorTakesTurns(t *testing.T) {
	started := start(t, 1)
	party, err := connectLocalFloor(nodes.Addrs(started), "floor")
	require.NoError(t, err)
	defer func() { require.NoError(t, party.Close()) }()
	unlock, err := party.Lock(context.Background())
	require.NoError(t, err)

	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = party.Lock(ended)
	require.ErrorIs(t, err, context.Canceled)

	_, err = started[0].Do("DEL", "floor")
	require.NoError(t, err)
	require.Error(t, unlock(), "the key is gone")
	unlock, err = party.Lock(context.Background())
	require.NoError(t, err, "the turn is not")
	require.NoError(t, unlock())
}

func duelists() []Duelist {
	return append(append(FloorDuelists(), QuorumDuelists()...), SingleDuelists()...)
}

// skipIfMissed skips the rest of a test of rueidislock when a wait has taken all its
// time. It may say then that its context was cancelled, or that it has timed out.
func skipIfMissed(t *testing.T, ctx context.Context, library Library, err error) {
	t.Helper()
	if library == Rueidislock && err != nil && ctx.Err() != nil {
		t.Skip("a waiter of the library has missed its turn for good, as happens now and then")
	}
}

// A waiter gets the lock after the other side has given it, and not before.
func TestDuelsPassTheLockOn(t *testing.T) {
	started := start(t, 3)
	for _, d := range duelists() {
		t.Run(d.Name(), func(t *testing.T) {
			duel, err := d.Connect(nodes.Addrs(started), "duel: "+d.Name())
			require.NoError(t, err)
			defer func() { require.NoError(t, duel.Close()) }()
			ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
			defer cancel()

			require.NoError(t, duel.Sides[0].Take(ctx))
			for i := range 4 {
				giver, taker := duel.Sides[i%2], duel.Sides[1-i%2]
				got := make(chan error, 1)
				go func() { got <- taker.Take(ctx) }()
				require.Never(t, func() bool { return len(got) > 0 }, 2*waitPoll, waitPoll)
				require.NoError(t, giver.Give())
				err := <-got
				skipIfMissed(t, ctx, d.Library, err)
				require.NoError(t, err)
			}
			require.NoError(t, duel.Sides[0].Give())
			require.Eventually(t, func() bool { return len(keys(t, started)) == 0 }, waitLimit, waitPoll)
		})
	}
}

// A section begins with a larger number than all before, whichever process had them.
func TestFencedRefusesNumbersThatDoNotGrow(t *testing.T) {
	started := start(t, 1)
	name := filepath.Join(t.TempDir(), "resource")
	for range 2 {
		fenced, err := Fenced().Connect(nodes.Addrs(started), name)
		require.NoError(t, err)
		unlock, err := fenced.Lock(context.Background())
		require.NoError(t, err)
		require.NoError(t, unlock())
		require.NoError(t, fenced.Close())
	}
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	require.ErrorContains(t, resource{file}.enter(1), "fence 1 after ")
	require.NoError(t, resource{file}.enter(math.MaxInt64))
	require.Error(t, resource{file}.enter(math.MaxInt64), "the same again")

	fenced, err := Fenced().Connect(nodes.Addrs(started), name)
	require.NoError(t, err)
	defer func() { require.NoError(t, fenced.Close()) }()
	_, err = fenced.Lock(context.Background())
	require.ErrorContains(t, err, "after 9223372036854775807")
}

// The floor on several nodes takes back a minority, and nothing else.
func TestWakeTakesAMinorityBack(t *testing.T) {
	started := start(t, 3)
	for _, node := range started[:2] {
		_, err := node.Do("SET", "wake", "stranger")
		require.NoError(t, err)
	}
	for _, d := range FloorDuelists() {
		duel, err := d.Connect(nodes.Addrs(started), "wake")
		require.NoError(t, err)
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		require.ErrorIs(t, duel.Sides[0].Take(ended), context.Canceled)
		require.Len(t, keys(t, started), 2)
		require.NoError(t, duel.Close())
	}
}
