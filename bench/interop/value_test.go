package interop

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

const (
	settleWithin = 5 * time.Second
	settlePoll   = 5 * time.Millisecond
)

// requireHeldEverywhere waits until every node has value under name: who waits
// for a majority only may return a little earlier.
func requireHeldEverywhere(t *testing.T, nodes []*redistest.Node, name, value string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, node := range nodes {
			if node.Do(t, "GET", name) != value {
				return false
			}
		}
		return true
	}, settleWithin, settlePoll)
}

// requireFreeEverywhere waits until no node has name.
func requireFreeEverywhere(t *testing.T, nodes []*redistest.Node, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, node := range nodes {
			if node.Do(t, "EXISTS", name) != int64(0) {
				return false
			}
		}
		return true
	}, settleWithin, settlePoll)
}

// requireTrue does not ask for a nil error: redsync reports nodes that disagree
// beside a success.
func requireTrue(t *testing.T, method func() (bool, error)) {
	t.Helper()
	ok, err := method()
	require.True(t, ok, "error: %v", err)
}

func requireFalse(t *testing.T, method func() (bool, error)) error {
	t.Helper()
	ok, err := method()
	require.False(t, ok)
	return err
}

// What either library holds is a plain key, named as the lock, whose string
// value is the token and whose lifetime is the expiry.
func TestKeyAndValueFormat(t *testing.T) {
	const expiry = time.Minute
	for _, n := range []int{1, 3, 5} {
		nodes := redistest.Start(t, n)
		for _, lib := range append(ours(), theirs()...) {
			t.Run(caseName(n, lib.name), func(t *testing.T) {
				name := redistest.Name(t)
				m := lib.start(t, nodes).mutex(name, settings{expiry: expiry})
				require.NoError(t, m.Lock())
				requireHeldEverywhere(t, nodes, name, m.Value())
				for _, node := range nodes {
					assert.Equal(t, "string", node.Do(t, "TYPE", name))
					left := time.Duration(node.Do(t, "PTTL", name).(int64)) * time.Millisecond
					assert.LessOrEqual(t, left, expiry)
					assert.Greater(t, left, expiry/2)
				}
				requireTrue(t, m.Unlock)
				requireFreeEverywhere(t, nodes, name)
			})
		}
	}
}

// Either side's hold keeps the other out until it is released.
func TestExclusionBothWays(t *testing.T) {
	eachPair(t, func(t *testing.T, nodes []*redistest.Node, first, second process) {
		name := redistest.Name(t)
		holder, other := first.mutex(name, settings{}), second.mutex(name, settings{})
		require.NoError(t, holder.Lock())
		requireHeldEverywhere(t, nodes, name, holder.Value())
		require.Error(t, other.TryLock())
		requireFalse(t, other.Valid)
		requireTrue(t, holder.Valid)

		requireTrue(t, holder.Unlock)
		requireFreeEverywhere(t, nodes, name)
		require.NoError(t, other.TryLock())
		requireTrue(t, other.Valid)
	})
}

// A hold is handed over by its value: the other library checks it, extends it
// and releases it.
func TestOtherSideAdoptsByValue(t *testing.T) {
	const expiry, longer = 30 * time.Second, 10 * time.Minute
	eachPair(t, func(t *testing.T, nodes []*redistest.Node, first, second process) {
		name := redistest.Name(t)
		holder := first.mutex(name, settings{expiry: expiry})
		require.NoError(t, holder.Lock())
		requireHeldEverywhere(t, nodes, name, holder.Value())

		heir := second.mutex(name, settings{expiry: longer, value: holder.Value()})
		require.Equal(t, holder.Value(), heir.Value())
		requireTrue(t, heir.Valid)
		requireTrue(t, heir.Extend)
		require.True(t, heir.Until().After(holder.Until()))
		requireLifetimeAbove(t, nodes, name, expiry)

		requireTrue(t, heir.Unlock)
		requireFreeEverywhere(t, nodes, name)
		requireFalse(t, holder.Valid)
		requireFalse(t, holder.Extend)
		requireFalse(t, holder.Unlock)
		requireFreeEverywhere(t, nodes, name)
	})
}

// requireLifetimeAbove waits until name lives longer than d on every node.
func requireLifetimeAbove(t *testing.T, nodes []*redistest.Node, name string, d time.Duration) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, node := range nodes {
			if node.Do(t, "PTTL", name).(int64) <= d.Milliseconds() {
				return false
			}
		}
		return true
	}, settleWithin, settlePoll)
}

// A wrong value does nothing to the other side's hold.
func TestWrongValueTouchesNothing(t *testing.T) {
	eachPair(t, func(t *testing.T, nodes []*redistest.Node, first, second process) {
		name := redistest.Name(t)
		holder := first.mutex(name, settings{})
		require.NoError(t, holder.Lock())
		requireHeldEverywhere(t, nodes, name, holder.Value())

		stranger := second.mutex(name, settings{value: "not-" + holder.Value()})
		requireFalse(t, stranger.Valid)
		requireFalse(t, stranger.Extend)
		requireFalse(t, stranger.Unlock)
		requireHeldEverywhere(t, nodes, name, holder.Value())
		requireTrue(t, holder.Unlock)
	})
}

// What one side's crashed process leaves behind ends with its expiry, and the
// other side gets in.
func TestOtherSideGetsInAfterExpiry(t *testing.T) {
	eachPair(t, func(t *testing.T, nodes []*redistest.Node, first, second process) {
		name := redistest.Name(t)
		crashed := first.mutex(name, settings{expiry: time.Second})
		require.NoError(t, crashed.Lock())
		next := second.mutex(name, settings{tries: 1000, delay: brisk})
		require.NoError(t, next.Lock())
		require.False(t, time.Now().Before(crashed.Until()), "no sooner than the hold's end")
		requireFalse(t, crashed.Unlock)
		requireTrue(t, next.Valid)
		requireTrue(t, next.Unlock)
	})
}
