package gocronholdfast_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// newScheduler returns a scheduler that has begun.
func newScheduler(t *testing.T, options ...gocron.SchedulerOption) gocron.Scheduler {
	t.Helper()
	s, err := gocron.NewScheduler(options...)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { assert.NoError(t, s.Shutdown()) })
	return s
}

// runOnce lets a scheduler run a task now, as the job of that name.
func runOnce(t *testing.T, s gocron.Scheduler, job string, task any, options ...gocron.JobOption) {
	t.Helper()
	_, err := s.NewJob(gocron.OneTimeJob(gocron.OneTimeJobStartImmediately()), gocron.NewTask(task),
		append(options, gocron.WithName(job))...)
	require.NoError(t, err)
}

func TestASchedulerSkipsWhatAnotherOneRuns(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	one := newScheduler(t, gocron.WithDistributedLocker(newLocker(t, 0, nodes)))
	another := newScheduler(t, gocron.WithDistributedLocker(newLocker(t, 0, nodes)))
	begun, end := make(chan struct{}), make(chan struct{})
	runOnce(t, one, job, func() { close(begun); <-end })
	ends(t, begun)

	refused := make(chan error, 1)
	var ran atomic.Bool
	runOnce(t, another, job, func() { ran.Store(true) }, gocron.WithEventListeners(
		gocron.AfterLockError(func(_ uuid.UUID, name string, err error) {
			assert.Equal(t, job, name)
			refused <- err
		})))
	require.ErrorIs(t, <-refused, mutex.ErrFailed)
	require.False(t, ran.Load())

	close(end)
	require.Eventually(t, func() bool { return isFree(t, nodes[0], job) }, hangs, often)
}

// The job's context ends, and with it the one that gocron has for Unlock.
func TestAShutdownReleasesTheLockOfARunningJob(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	l := newLocker(t, 0, nodes, mutex.WithExpiry(long))
	s, err := gocron.NewScheduler(gocron.WithDistributedLocker(l))
	require.NoError(t, err)
	s.Start()
	begun := make(chan struct{})
	runOnce(t, s, job, func(ctx context.Context) { close(begun); <-ctx.Done() })
	ends(t, begun)
	require.False(t, isFree(t, nodes[0], job))
	require.NoError(t, s.Shutdown())
	require.True(t, isFree(t, nodes[0], job))
}

func TestAJobThatPanicsReleasesItsLock(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	s := newScheduler(t, gocron.WithDistributedLocker(newLocker(t, 0, nodes, mutex.WithExpiry(long))))
	panicked := make(chan struct{})
	runOnce(t, s, job, func() { panic("broken") }, gocron.WithEventListeners(
		gocron.AfterJobRunsWithPanic(func(uuid.UUID, string, any) { close(panicked) })))
	ends(t, panicked)
	require.Eventually(t, func() bool { return isFree(t, nodes[0], job) }, hangs, often)
}

// Many schedulers have the same short job at the same times, and each tick is run once:
// no splay ends here.
func TestAShortJobRunsOnceForManySchedulers(t *testing.T) {
	nodes, job := redistest.Start(t, 1), redistest.Name(t)
	var runs atomic.Int64
	decided := make(chan struct{}, 100)
	for range 5 {
		s := newScheduler(t, gocron.WithDistributedLocker(newLocker(t, long, nodes)))
		runOnce(t, s, job, func() { runs.Add(1) }, gocron.WithEventListeners(
			gocron.AfterJobRuns(func(uuid.UUID, string) { decided <- struct{}{} }),
			gocron.AfterLockError(func(uuid.UUID, string, error) { decided <- struct{}{} })))
	}
	for range 5 {
		<-decided
	}
	require.Equal(t, int64(1), runs.Load())
}

func TestOnlyTheLeadersSchedulerRunsJobs(t *testing.T) {
	nodes, name := redistest.Start(t, 1), redistest.Name(t)
	leader := newElector(t, nodes, name)
	require.NoError(t, leader.IsLeader(t.Context()))
	follower := newElector(t, nodes, name)

	var here, there atomic.Int64
	every := func(s gocron.Scheduler, runs *atomic.Int64) {
		_, err := s.NewJob(gocron.DurationJob(10*time.Millisecond), gocron.NewTask(func() { runs.Add(1) }))
		require.NoError(t, err)
	}
	one := newScheduler(t, gocron.WithDistributedElector(leader))
	another := newScheduler(t, gocron.WithDistributedElector(follower))
	every(one, &here)
	every(another, &there)
	require.Eventually(t, func() bool { return here.Load() >= 10 }, hangs, often)
	require.Zero(t, there.Load())

	require.NoError(t, one.StopJobs())
	require.NoError(t, leader.Close())
	ran := here.Load()
	require.Eventually(t, func() bool { return there.Load() >= 10 }, hangs, often)
	require.Equal(t, ran, here.Load())
}
