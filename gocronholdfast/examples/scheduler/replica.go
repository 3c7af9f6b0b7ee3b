package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/redis/go-redis/v9/logging"

	"github.com/holdfast-go/holdfast/gocronholdfast"
	"github.com/holdfast-go/holdfast/mutex"
)

// settings are what one replica needs, as JSON in its environment.
type settings struct {
	Redis  []string      // addresses of the servers that keep the locks
	Name   string        // which the names of the locks begin with
	Tick   time.Duration // from one report to the next
	Expiry time.Duration // of the leases
}

// settingsEnv is the environment variable that makes this program a replica.
const settingsEnv = "HOLDFAST_EXAMPLE_REPLICA"

// performReplica does a replica's work and ends the process, if this is one.
func performReplica() {
	logging.Disable() // errors that matter come back from the locks
	text, is := os.LookupEnv(settingsEnv)
	if !is {
		return
	}
	var s settings
	err := json.Unmarshal([]byte(text), &s)
	if err == nil {
		err = s.live(os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "replica %d: %v\n", os.Getpid(), err)
		os.Exit(1)
	}
	os.Exit(0)
}

// live is a replica's life: it schedules both jobs, and ends when its input does.
func (s settings) live(stdin io.Reader, stdout io.Writer) error {
	locks, closeAll := newLocks(s.Redis)
	defer closeAll()
	endReports, err := s.scheduleReports(locks, stdout)
	if err != nil {
		return err
	}
	endCleanups, err := s.scheduleCleanups(locks, stdout)
	if err != nil {
		return errors.Join(err, endReports())
	}
	_, err = io.Copy(io.Discard, stdin)
	return errors.Join(err, endReports(), endCleanups())
}

// options are those of both locks.
func (s settings) options() []mutex.Option {
	return []mutex.Option{mutex.WithExpiry(s.Expiry), mutex.WithTimeoutFactor(0.2)}
}

// scheduleReports lets one replica run each report, and returns what ends that.
func (s settings) scheduleReports(locks *mutex.Factory, stdout io.Writer) (end func() error, err error) {
	locker, err := gocronholdfast.NewLocker(locks, s.Tick*4/5, s.options()...)
	if err != nil {
		return nil, err
	}
	name := s.Name + ":report"
	report := func(ctx context.Context) {
		ctx, cancel := locker.Context(ctx, name)
		defer cancel()
		work(ctx, reportJob, stdout)
	}
	scheduler, err := schedule(name, s.Tick, report, gocron.WithDistributedLocker(locker))
	if err != nil {
		return nil, err
	}
	return func() error { return errors.Join(scheduler.Shutdown(), locker.Close()) }, nil
}

// scheduleCleanups lets the leader run the cleanups, and returns what ends that.
func (s settings) scheduleCleanups(locks *mutex.Factory, stdout io.Writer) (end func() error, err error) {
	elector, err := gocronholdfast.NewElector(locks, s.Name+":leader", s.options()...)
	if err != nil {
		return nil, err
	}
	cleanup := func(ctx context.Context) {
		ctx, cancel := elector.Context(ctx)
		defer cancel()
		work(ctx, cleanupJob, stdout)
	}
	scheduler, err := schedule(s.Name+":cleanup", s.Tick/4, cleanup, gocron.WithDistributedElector(elector))
	if err != nil {
		return nil, errors.Join(err, elector.Close())
	}
	return func() error { return errors.Join(scheduler.Shutdown(), elector.Close()) }, nil
}

// schedule starts a scheduler with one job, at the same times in every process.
func schedule(name string, every time.Duration, task any, option gocron.SchedulerOption) (gocron.Scheduler, error) {
	s, err := gocron.NewScheduler(option)
	if err != nil {
		return nil, err
	}
	first := time.Now().Truncate(every).Add(2 * every)
	_, err = s.NewJob(gocron.DurationJob(every), gocron.NewTask(task), gocron.WithName(name),
		gocron.WithStartAt(gocron.WithStartDateTime(first)))
	if err != nil {
		return nil, errors.Join(err, s.Shutdown())
	}
	s.Start()
	return s, nil
}

// work stands for what a job does. It does none when its lease was lost.
func work(ctx context.Context, job string, stdout io.Writer) {
	if ctx.Err() == nil {
		fmt.Fprintln(stdout, event{Job: job, At: time.Now()})
	}
}
