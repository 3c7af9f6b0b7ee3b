package main

import (
	"context"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// demo is one run of the whole demonstration.
type demo struct {
	*stage.Stage

	ids           int // how many there are, and how many workers to begin with
	expiry        time.Duration
	semaphoreName func(worker int) string // the same for all, but for a test that breaks the semaphore

	ledger  *ledger
	readers sync.WaitGroup // one for each worker process
}

// newDemo returns the demonstration with its usual size.
func newDemo(s *stage.Stage) *demo {
	name := stage.LockName("worker-id")
	s.TimeLines(2)
	return &demo{
		Stage: s,
		ids:   3, expiry: 3 * time.Second,
		semaphoreName: func(int) string { return name },
		ledger:        newLedger(),
	}
}

// Run shows workers getting their ids, and one inheriting that of a dead one.
func (d *demo) Run(ctx context.Context) error {
	clients, closeAll := stage.Connect(d.Nodes.Addrs)
	defer closeAll() // not before the end: the check's Release goes on in the background
	// Ten times the expiry: the check has only one try, for which a fifth of one
	// may be short on a busy machine.
	check := newIdentities(d.semaphoreName(0)+":check", d.ids, 10*d.expiry, clients...)
	if err := d.CheckSemaphore(ctx, check); err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	s := &staff{demo: d, ctx: ctx, fail: fail}
	err := d.story(s)
	if err != nil {
		fail(err)
	}
	s.letGo()
	d.readers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	fail(nil)
	d.Printf("All are let go. No two living workers had the same id.")
	return nil
}

// story is what the workers go through.
func (d *demo) story(s *staff) error {
	d.Printf("Redis: %s", d.Nodes)
	d.Printf("There are %d ids. An id that is not extended is free after %v.", d.ids, d.expiry)
	if err := s.hireAll(); err != nil {
		return err
	}
	late, err := s.hire()
	if err != nil {
		return err
	}
	d.Printf("Worker %d starts, and has to wait: all ids are taken.", late)
	return s.replace(1, late)
}
