package gocronholdfast_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/gocronholdfast"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// newLocker returns the locker of a process of its own. Unless the options say otherwise a
// loaded machine has seconds for each call.
func newLocker(t *testing.T, splay time.Duration, nodes []*redistest.Node, options ...mutex.Option) *gocronholdfast.Locker {
	t.Helper()
	options = append([]mutex.Option{mutex.WithExpiry(2 * time.Minute)}, options...)
	l, err := gocronholdfast.NewLocker(locksOn(t, nodes...), splay, options...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return l
}

// requireTaken checks that another has the job's lock.
func requireTaken(t *testing.T, l *gocronholdfast.Locker, job string) {
	t.Helper()
	k, err := l.Lock(t.Context(), job)
	require.ErrorIs(t, err, mutex.ErrFailed)
	var taken *mutex.ErrTaken
	require.ErrorAs(t, err, &taken)
	require.Nil(t, k)
	require.ErrorContains(t, err, "holdfast-test:", "it names the lock")
}

func TestOneOfTwoLockersRunsTheJob(t *testing.T) {
	nodes, job := redistest.Start(t, 3), redistest.Name(t)
	one, another := newLocker(t, 0, nodes), newLocker(t, 0, nodes)
	for _, l := range []*gocronholdfast.Locker{one, another} {
		k, err := l.Lock(t.Context(), job)
		require.NoError(t, err)
		requireTaken(t, one, job)
		requireTaken(t, another, job)
		require.NoError(t, k.Unlock(t.Context()))
	}
}

func TestJobsOfOtherNamesAreNotExcluded(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	l := newLocker(t, 0, nodes)
	for _, name := range []string{job + ":a", job + ":b"} {
		k, err := l.Lock(t.Context(), name)
		require.NoError(t, err)
		defer func() { assert.NoError(t, k.Unlock(t.Context())) }()
	}
}

// Redsync's clients set the job's name to a value of theirs, where nothing is.
func TestTheKeyIsTheJobsName(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	require.Equal(t, "OK", nodes[0].Do(t, "SET", job, "a value of Redsync's", "NX", "PX", long.Milliseconds()))
	requireTaken(t, newLocker(t, 0, nodes), job)
}

func TestLockWaitsOnlyByOption(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	var waits atomic.Int64
	delay := mutex.WithRetryDelayFunc(func(int) time.Duration { waits.Add(1); return time.Millisecond })
	k, err := newLocker(t, 0, nodes).Lock(t.Context(), job)
	require.NoError(t, err)

	requireTaken(t, newLocker(t, 0, nodes, delay), job)
	require.Zero(t, waits.Load())
	requireTaken(t, newLocker(t, 0, nodes, delay, mutex.WithTries(3)), job)
	require.Positive(t, waits.Load())
	require.NoError(t, k.Unlock(t.Context()))
}

func TestTheLeaseIsRenewedWhileTheJobRuns(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	short := []mutex.Option{mutex.WithExpiry(brief), mutex.WithTimeoutFactor(0.3)}
	k, err := newLocker(t, 0, nodes, short...).Lock(t.Context(), job)
	require.NoError(t, err)
	wasRenewed(t, nodes[0], job, 5) // more than one expiry
	requireTaken(t, newLocker(t, 0, nodes, short...), job)
	require.NoError(t, k.Unlock(t.Context()))
	require.True(t, isFree(t, nodes[0], job))
}

// gocron unlocks with the context of the job, which a Shutdown ends.
func TestUnlockReleasesAlthoughTheJobsContextHasEnded(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	l := newLocker(t, 0, nodes, mutex.WithExpiry(long))
	ctx, end := context.WithCancel(t.Context())
	k, err := l.Lock(ctx, job)
	require.NoError(t, err)
	end()
	require.NoError(t, k.Unlock(ctx))
	require.True(t, isFree(t, nodes[0], job))
	require.ErrorIs(t, k.Unlock(ctx), mutex.ErrLockAlreadyExpired)
}

func TestALockWithAnEndedContextFails(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	end()
	k, err := newLocker(t, 0, redistest.Start(t, 1)).Lock(ctx, redistest.Name(t))
	require.ErrorIs(t, err, mutex.ErrFailed)
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, k)
}

func TestALostLeaseEndsTheJobsContext(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	l := newLocker(t, long, nodes, mutex.WithExpiry(brief), mutex.WithTimeoutFactor(0.3), mutex.WithFencing())
	k, err := l.Lock(t.Context(), job)
	require.NoError(t, err)
	ctx, cancel := l.Context(t.Context(), job)
	defer cancel()
	require.Positive(t, l.Fence(job))
	require.NoError(t, ctx.Err())

	nodes[0].Do(t, "SET", job, "another's")
	ends(t, ctx.Done())
	require.ErrorIs(t, context.Cause(ctx), mutex.ErrLost)
	var taken *mutex.ErrTaken
	require.ErrorAs(t, k.Unlock(t.Context()), &taken, "no splay keeps what is lost")
	require.Equal(t, "another's", nodes[0].Do(t, "GET", job))
}

func TestTheJobsContextEndsWithItsParentAndItsFunction(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	l := newLocker(t, 0, nodes, mutex.WithFencing())
	k, err := l.Lock(t.Context(), job)
	require.NoError(t, err)
	parent, end := context.WithCancel(t.Context())
	ctx, cancel := l.Context(parent, job)
	defer cancel()
	end()
	require.ErrorIs(t, context.Cause(ctx), context.Canceled)

	ctx, cancel = l.Context(t.Context(), job)
	cancel()
	require.ErrorIs(t, context.Cause(ctx), context.Canceled)

	require.NoError(t, k.Unlock(t.Context()))
	ctx, cancel = l.Context(t.Context(), job)
	defer cancel()
	ends(t, ctx.Done())
	require.ErrorIs(t, context.Cause(ctx), mutex.ErrLost, "the job does not run")
	require.Zero(t, l.Fence(job))
}

func TestAShortJobsLockIsKeptForTheSplay(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	const splay = 300 * time.Millisecond
	asked := time.Now()
	k, err := newLocker(t, splay, nodes, mutex.WithExpiry(long)).Lock(t.Context(), job)
	require.NoError(t, err)
	require.NoError(t, k.Unlock(t.Context()))
	require.NoError(t, k.Unlock(t.Context()), "again")

	var granted time.Time
	another := newLocker(t, 0, nodes)
	require.Eventually(t, func() bool {
		k, err := another.Lock(t.Context(), job)
		if err != nil {
			return false
		}
		granted = time.Now()
		return assert.NoError(t, k.Unlock(t.Context()))
	}, hangs, often)
	require.GreaterOrEqual(t, granted.Sub(asked), splay)
}

func TestALeaseIsRenewedWhileItIsKept(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	k, err := newLocker(t, long, nodes, mutex.WithExpiry(brief), mutex.WithTimeoutFactor(0.3)).Lock(t.Context(), job)
	require.NoError(t, err)
	require.NoError(t, k.Unlock(t.Context()))
	wasRenewed(t, nodes[0], job, 5)
	requireTaken(t, newLocker(t, 0, nodes), job)
}

func TestAJobThatIsLongerThanTheSplayIsReleasedAtItsEnd(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	l := newLocker(t, time.Millisecond, nodes, mutex.WithExpiry(long))
	k, err := l.Lock(t.Context(), job)
	require.NoError(t, err)
	over := time.Now().Add(time.Millisecond)
	require.Eventually(t, func() bool { return time.Now().After(over) }, hangs, time.Millisecond)
	require.NoError(t, k.Unlock(t.Context()))
	require.True(t, isFree(t, nodes[0], job))
}

func TestCloseReleasesWhatIsKept(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	l := newLocker(t, long, nodes, mutex.WithExpiry(long))
	runs, err := l.Lock(t.Context(), job+":runs")
	require.NoError(t, err)
	k, err := l.Lock(t.Context(), job)
	require.NoError(t, err)
	require.NoError(t, k.Unlock(t.Context()))
	require.False(t, isFree(t, nodes[0], job))

	require.NoError(t, l.Close())
	require.True(t, isFree(t, nodes[0], job))
	require.False(t, isFree(t, nodes[0], job+":runs"), "the job still runs")
	require.NoError(t, runs.Unlock(t.Context()))
	require.True(t, isFree(t, nodes[0], job+":runs"))
	require.NoError(t, l.Close(), "again")

	_, err = l.Lock(t.Context(), job)
	require.ErrorIs(t, err, gocronholdfast.ErrClosed)
	require.ErrorIs(t, err, mutex.ErrFailed)
}

func TestCloseSaysWhatItCouldNotRelease(t *testing.T) {
	redistest.Needs(t, redistest.CanKill)
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	l, err := gocronholdfast.NewLocker(locksOn(t, nodes...), long, mutex.WithExpiry(long))
	require.NoError(t, err)
	k, err := l.Lock(t.Context(), job)
	require.NoError(t, err)
	require.NoError(t, k.Unlock(t.Context()))
	nodes[0].Kill(t)
	var broken *mutex.RedisError
	err = l.Close()
	require.ErrorAs(t, err, &broken)
	require.ErrorContains(t, err, "holdfast-test:", "it names the lock")
}

func TestAMajorityIsEnough(t *testing.T) {
	redistest.Needs(t, redistest.CanKill)
	nodes, job := redistest.Start(t, 3), redistest.Name(t)
	one, another := newLocker(t, 0, nodes), newLocker(t, 0, nodes)
	nodes[0].Kill(t)
	k, err := one.Lock(t.Context(), job)
	require.NoError(t, err)
	_, err = another.Lock(t.Context(), job)
	var taken *mutex.ErrNodeTaken
	require.ErrorAs(t, err, &taken)
	require.NoError(t, k.Unlock(t.Context()))
}

func TestUnreachableNodesAreNoRefusal(t *testing.T) {
	redistest.Needs(t, redistest.CanKill)
	nodes := redistest.Start(t, 1)
	nodes[0].Kill(t)
	_, err := newLocker(t, 0, nodes).Lock(t.Context(), redistest.Name(t))
	require.ErrorIs(t, err, mutex.ErrFailed)
	var broken *mutex.RedisError
	require.ErrorAs(t, err, &broken)
	var taken *mutex.ErrTaken
	require.NotErrorAs(t, err, &taken)
}

func TestWhatCannotWorkIsSaidAtOnce(t *testing.T) {
	locks := locksOn(t, redistest.Start(t, 1)...)
	for text, make := range map[string]func() error{
		"splay is -1s, at least 0s needed":                 func() error { return newLockerError(locks, -time.Second) },
		"expiry is 0s, at least 1ms needed":                func() error { return newLockerError(locks, 0, mutex.WithExpiry(0)) },
		"this Factory was not made by New":                 func() error { return newLockerError(nil, 0) },
		"no pools: 0 given":                                func() error { return newLockerError(mutex.New(), 0) },
		"empty name":                                       func() error { return newElectorError(locks, "") },
		`"leader": bad configuration: timeout factor is 0`: func() error { return newElectorError(locks, "leader", mutex.WithTimeoutFactor(0)) },
	} {
		err := make()
		require.ErrorIs(t, err, mutex.ErrConfig, text)
		require.ErrorContains(t, err, text)
		require.ErrorContains(t, err, "gocronholdfast: ")
	}
	_, err := newLocker(t, 0, redistest.Start(t, 1)).Lock(t.Context(), "")
	require.ErrorIs(t, err, mutex.ErrConfig)
}

func newLockerError(locks *mutex.Factory, splay time.Duration, options ...mutex.Option) error {
	_, err := gocronholdfast.NewLocker(locks, splay, options...)
	return err
}

func newElectorError(locks *mutex.Factory, name string, options ...mutex.Option) error {
	_, err := gocronholdfast.NewElector(locks, name, options...)
	return err
}
