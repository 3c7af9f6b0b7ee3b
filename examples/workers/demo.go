package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// demo is one run of the whole demonstration.
type demo struct {
	*stage.Stage

	workers       int                     // number of processes
	calls         int                     // requests that each of them makes
	capacity      int                     // requests that the service can do at once
	semaphoreName func(worker int) string // the same for all, but for a test that breaks the semaphore
}

// newDemo returns the demonstration with its usual size.
func newDemo(s *stage.Stage) *demo {
	name := stage.LockName("workers")
	return &demo{
		Stage:   s,
		workers: 8, calls: 25, capacity: 3,
		semaphoreName: func(int) string { return name },
	}
}

// Run calls the service without the semaphore and with it, and reports what
// happened. It returns an error when the semaphore made no difference or let
// through too many, or something failed.
func (d *demo) Run(ctx context.Context) error {
	clients, closeAll := stage.Connect(d.Nodes.Addrs)
	defer closeAll() // not before the end: the check's Release goes on in the background
	if err := d.CheckSemaphore(ctx, newPermits(d.semaphoreName(0)+":check", d.capacity, clients...)); err != nil {
		return err
	}
	d.Printf("Redis: %s", d.Nodes)
	d.Printf("%d processes call a service, %d times each. It fails when more than %d requests are inside.",
		d.workers, d.calls, d.capacity)
	d.Printf("")
	if err := d.runWithout(ctx); err != nil {
		return fmt.Errorf("without the semaphore: %w", err)
	}
	if err := d.runWith(ctx); err != nil {
		return fmt.Errorf("with the semaphore: %w", err)
	}
	return nil
}

// runWithout shows what goes wrong. It is an error if nothing does: then the
// other run proves nothing.
func (d *demo) runWithout(ctx context.Context) error {
	failed, err := d.callAll(ctx, func(int) string { return "" })
	if err != nil {
		return err
	}
	d.Printf("Without the semaphore: %d of %d requests failed.", failed, d.workers*d.calls)
	if failed == 0 {
		return errors.New("no request failed, so there is nothing to see")
	}
	return nil
}

// runWith shows that nothing goes wrong.
func (d *demo) runWith(ctx context.Context) error {
	failed, err := d.callAll(ctx, d.semaphoreName)
	if err != nil {
		return err
	}
	d.Printf("With the semaphore:    %d of %d requests failed.", failed, d.workers*d.calls)
	if failed != 0 {
		return fmt.Errorf("%d requests failed", failed)
	}
	return nil
}

// callAll lets the workers call a new service and returns how many requests it
// could not do. It is an error when the service has not got all of them.
func (d *demo) callAll(ctx context.Context, semaphoreName func(worker int) string) (failed int64, err error) {
	s := startService(d.capacity)
	defer s.Close()
	jobs := make([]job, d.workers)
	for i := range jobs {
		jobs[i] = job{
			Service: s.URL, Calls: d.calls,
			Redis: d.Nodes.Addrs, Semaphore: semaphoreName(i + 1), Limit: d.capacity,
		}
	}
	if err := crew.Together(ctx, jobs, d.Stderr); err != nil {
		return 0, err
	}
	failed = s.failed.Load()
	if got, want := s.served.Load()+failed, int64(d.workers*d.calls); got != want {
		return 0, fmt.Errorf("the service got %d requests of %d", got, want)
	}
	return failed, nil
}
