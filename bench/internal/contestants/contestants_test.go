package contestants

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/internal/leaktest"
)

const (
	waitLimit = 5 * time.Second
	waitPoll  = 5 * time.Millisecond
)

func TestMain(m *testing.M) {
	Silence()
	// rueidis looks again for servers it has lost, after a sleep of up to a
	// second that closing the client does not end.
	leaktest.Main(m, goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"))
}

func start(t *testing.T, n int) []*nodes.Node {
	t.Helper()
	started, err := nodes.Start(n)
	require.NoError(t, err)
	t.Cleanup(func() { nodes.StopAll(started) })
	return started
}

func keys(t *testing.T, all []*nodes.Node) (found []string) {
	t.Helper()
	for _, node := range all {
		onNode, err := node.Keys()
		require.NoError(t, err)
		found = append(found, onNode...)
	}
	return found
}

func all() []Contestant {
	every := append(Floors(), Singles()...)
	for _, q := range Quorums() {
		every = append(every, q.Contestant)
	}
	return every
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, contestant := range all() {
		require.False(t, seen[contestant.Name()], contestant.Name())
		seen[contestant.Name()] = true
	}
}

// A pair that left its key, or that could not be repeated, would measure
// something else than a lock and its unlock.
func TestEveryPairRepeatsAndGivesBack(t *testing.T) {
	started := start(t, 3)
	for _, contestant := range all() {
		t.Run(contestant.Name(), func(t *testing.T) {
			session, err := contestant.Open(nodes.Addrs(started))
			require.NoError(t, err)
			defer func() { require.NoError(t, session.Close()) }()
			for range 3 {
				require.NoError(t, session.Pair())
			}
			if contestant.Library != FailFast { // which leaves a key now and then
				require.Eventually(t, func() bool { return len(keys(t, started)) == 0 }, waitLimit, waitPoll)
			}
		})
	}
}

func TestFloorFailsWhenTheKeyIsTaken(t *testing.T) {
	started := start(t, 1)
	_, err := started[0].Do("SET", floorKey, "stranger")
	require.NoError(t, err)
	for _, floor := range Floors() {
		session, err := floor.Open(nodes.Addrs(started))
		require.NoError(t, err)
		require.Error(t, session.Pair(), floor.Name())
		require.NoError(t, session.Close())
	}
}

func TestOpenFailsWithoutServer(t *testing.T) {
	for _, floor := range Floors() {
		_, err := floor.Open([]string{"127.0.0.1:1"})
		require.Error(t, err, floor.Name())
	}
}

// The benchmarks with faulty nodes measure Unlock, Extend and Valid as the very
// first call of new clients, on a lease that another client took. Each contestant
// gets a name of its own: one that does not wait for its stragglers may delete
// its lease on the last node when the next one has already begun.
func TestQuorumsAdoptAHoldByValue(t *testing.T) {
	started := start(t, 3)
	for _, q := range Quorums() {
		t.Run(q.Name(), func(t *testing.T) {
			name := "adopted by " + q.Name()
			for _, node := range started {
				_, err := node.Do("SET", name, "token", "PX", Expiry.Milliseconds())
				require.NoError(t, err)
			}
			locks := q.Connect(nodes.Addrs(started))
			defer func() { require.NoError(t, locks.Close()) }()
			m := locks.New(Hold{Name: name, Value: "token"})
			for _, op := range []func() (bool, error){m.Valid, m.Extend, m.Unlock} {
				ok, err := op()
				require.NoError(t, err)
				require.True(t, ok)
			}
		})
	}
}
