package gocronholdfast_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/gocronholdfast"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// newElector returns the elector of a process of its own. Unless the options say otherwise a
// loaded machine has seconds for each call.
func newElector(t *testing.T, nodes []*redistest.Node, name string, options ...mutex.Option) *gocronholdfast.Elector {
	t.Helper()
	options = append([]mutex.Option{mutex.WithExpiry(2 * time.Minute)}, options...)
	e, err := gocronholdfast.NewElector(locksOn(t, nodes...), name, options...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func leads(t *testing.T, e *gocronholdfast.Elector) bool {
	t.Helper()
	err := e.IsLeader(t.Context())
	if err != nil {
		require.ErrorIs(t, err, gocronholdfast.ErrNotLeader)
	}
	return err == nil
}

// leader waits for one of the electors to lead, checks that no other one does, and
// returns its index.
func leader(t *testing.T, electors []*gocronholdfast.Elector) (index int) {
	t.Helper()
	require.Eventually(t, func() bool {
		index = slices.IndexFunc(electors, func(e *gocronholdfast.Elector) bool { return leads(t, e) })
		return index >= 0
	}, hangs, often)
	for i, e := range electors {
		require.Equal(t, i == index, leads(t, e), "elector %d, when %d leads", i, index)
	}
	return index
}

// The expiry is an hour: it is not what ends a leader here.
func TestOneLeadsAndAnotherTakesOverAtOnce(t *testing.T) {
	nodes, name := redistest.Start(t, 3), redistest.Name(t)
	var electors []*gocronholdfast.Elector
	for range 4 {
		electors = append(electors, newElector(t, nodes, name, mutex.WithExpiry(long)))
	}
	for len(electors) > 0 {
		i := leader(t, electors)
		require.NoError(t, electors[i].Close())
		err := electors[i].IsLeader(t.Context())
		require.ErrorIs(t, err, gocronholdfast.ErrNotLeader)
		require.ErrorIs(t, err, gocronholdfast.ErrClosed)
		require.NoError(t, electors[i].Close(), "again")
		electors = slices.Delete(electors, i, i+1)
	}
	for _, node := range nodes { // Close has waited for a majority of them
		require.Eventually(t, func() bool { return isFree(t, node, name) }, hangs, often)
	}
}

func TestTheFirstIsLeaderWaitsForTheFirstTry(t *testing.T) {
	nodes, name := redistest.Start(t, 1), redistest.Name(t)
	e := newElector(t, nodes, name)
	require.NoError(t, e.IsLeader(t.Context()))
	err := newElector(t, nodes, name).IsLeader(t.Context())
	var taken *mutex.ErrTaken
	require.ErrorAs(t, err, &taken)
	require.ErrorContains(t, err, "holdfast-test:", "it names the lock")
}

func TestIsLeaderWaitsNoLongerThanItsContext(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	nodes, name := redistest.Start(t, 1), redistest.Name(t)
	nodes[0].Pause(t)
	e := newElector(t, nodes, name, mutex.WithExpiry(long))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := e.IsLeader(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, gocronholdfast.ErrNotLeader)
	nodes[0].Resume(t)
	require.Eventually(t, func() bool { return leads(t, e) }, hangs, often)
}

func TestTheLeadersLeaseIsRenewed(t *testing.T) {
	nodes, name := redistest.Start(t, 1), redistest.Name(t)
	e := newElector(t, nodes, name, mutex.WithExpiry(brief), mutex.WithTimeoutFactor(0.3))
	require.NoError(t, e.IsLeader(t.Context()))
	wasRenewed(t, nodes[0], name, 5)
	require.NoError(t, e.IsLeader(t.Context()))
}

func TestALeaderThatLosesTheLeaseIsNone(t *testing.T) {
	nodes, name := redistest.Start(t, 1), redistest.Name(t)
	options := []mutex.Option{mutex.WithExpiry(brief), mutex.WithTimeoutFactor(0.3), mutex.WithFencing()}
	e := newElector(t, nodes, name, options...)
	require.NoError(t, e.IsLeader(t.Context()))
	first := e.Fence()
	require.Positive(t, first)
	ctx, cancel := e.Context(t.Context())
	defer cancel()
	require.NoError(t, ctx.Err())

	nodes[0].Do(t, "SET", name, "another's")
	ends(t, ctx.Done())
	require.ErrorIs(t, context.Cause(ctx), mutex.ErrLost)
	require.False(t, leads(t, e))
	ctx, cancel = e.Context(t.Context())
	defer cancel()
	ends(t, ctx.Done())

	nodes[0].Do(t, "DEL", name)
	require.Eventually(t, func() bool { return leads(t, e) }, hangs, often, "it campaigns again")
	require.Greater(t, e.Fence(), first)
}

// No node denies the lease of a leader that reaches no majority: it ends by the clocks.
func TestALeaderWithoutAMajorityEndsWithItsLease(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	nodes, name := redistest.Start(t, 3), redistest.Name(t)
	options := []mutex.Option{mutex.WithExpiry(brief), mutex.WithTimeoutFactor(0.3), mutex.WithTries(1)}
	electors := []*gocronholdfast.Elector{newElector(t, nodes, name, options...), newElector(t, nodes, name, options...)}
	i := leader(t, electors)
	nodes[0].Pause(t)
	nodes[1].Pause(t)
	require.Eventually(t, func() bool { return !leads(t, electors[i]) }, hangs, often)
	require.False(t, leads(t, electors[1-i]))
	var broken *mutex.RedisError
	require.Eventually(t, func() bool {
		return errors.As(electors[1-i].IsLeader(t.Context()), &broken)
	}, hangs, often, "why it does not lead")
	nodes[0].Resume(t)
	nodes[1].Resume(t)
	leader(t, electors)
}

func TestTheLeadersContextEndsWithClose(t *testing.T) {
	e := newElector(t, redistest.Start(t, 1), redistest.Name(t))
	require.NoError(t, e.IsLeader(t.Context()))
	ctx, cancel := e.Context(t.Context())
	defer cancel()
	require.NoError(t, e.Close())
	ends(t, ctx.Done())
	require.ErrorIs(t, context.Cause(ctx), gocronholdfast.ErrClosed)
}

func TestAFollowersCloseLeavesTheLeader(t *testing.T) {
	nodes, name := redistest.Start(t, 1), redistest.Name(t)
	electors := []*gocronholdfast.Elector{newElector(t, nodes, name), newElector(t, nodes, name)}
	i := leader(t, electors)
	require.NoError(t, electors[1-i].Close())
	require.NoError(t, electors[i].IsLeader(t.Context()))
	require.False(t, isFree(t, nodes[0], name))
}

func TestTheCampaignGoesOnWhenTriesRunOut(t *testing.T) {
	nodes, name := redistest.Start(t, 1), redistest.Name(t)
	nodes[0].Do(t, "SET", name, "another's", "PX", long.Milliseconds())
	tries := make(chan struct{}, 100)
	e := newElector(t, nodes, name, mutex.WithTries(1), mutex.WithGenValueFunc(func() (string, error) {
		tries <- struct{}{}
		return name, nil
	}))
	for range 3 { // the first, and two after a pause
		<-tries
	}
	require.False(t, leads(t, e))
	nodes[0].Do(t, "DEL", name)
	require.Eventually(t, func() bool { return leads(t, e) }, hangs, often)
}

func TestCloseSaysThatTheLeaseWasNotReleased(t *testing.T) {
	redistest.Needs(t, redistest.CanKill)
	nodes, name := redistest.Start(t, 1), redistest.Name(t)
	e := newElector(t, nodes, name)
	require.NoError(t, e.IsLeader(t.Context()))
	nodes[0].Kill(t)
	err := e.Close()
	var broken *mutex.RedisError
	require.ErrorAs(t, err, &broken)
	require.ErrorContains(t, err, "holdfast-test:", "it names the lock")
	require.Equal(t, err, e.Close(), "again")
}
