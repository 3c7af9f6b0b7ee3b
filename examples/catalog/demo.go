package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// demo is one run of the whole demonstration.
type demo struct {
	*stage.Stage

	workers  int                     // number of processes
	turns    int                     // how often each of them reads: a multiple of rewrite
	rewrite  int                     // one in so many turns begins with a rewrite
	files    int                     // of the catalog
	lockName func(worker int) string // the same for all, but for a test that breaks the lock
}

// newDemo returns the demonstration with its usual size.
func newDemo(s *stage.Stage) *demo {
	name := stage.LockName("catalog")
	return &demo{
		Stage:   s,
		workers: 6, turns: 40, rewrite: 10, files: 6,
		lockName: func(int) string { return name },
	}
}

func (d *demo) reads() int    { return d.workers * d.turns }
func (d *demo) rewrites() int { return d.reads() / d.rewrite }

// Run uses the catalog without the lock and with it, and reports what happened. It
// returns an error when the lock made no difference or a read under it was torn,
// or something failed.
func (d *demo) Run(ctx context.Context) error {
	clients, closeAll := stage.Connect(d.Nodes.Addrs)
	defer closeAll() // not before the end: the check's Unlock goes on in the background
	check := newLock(d.lockName(0)+":check", clients...)
	if err := d.CheckLock(ctx, check.TryLockContext, check.UnlockContext); err != nil {
		return err
	}
	d.Printf("Redis: %s", d.Nodes)
	d.Printf("%d processes read a catalog of %d files, %d times each. One in %d times they rewrite it first.",
		d.workers, d.files, d.turns, d.rewrite)
	d.Printf("A read is torn when the files are not all of one version.")
	d.Printf("")
	if err := d.runWithout(ctx); err != nil {
		return fmt.Errorf("without the lock: %w", err)
	}
	if err := d.runWith(ctx); err != nil {
		return fmt.Errorf("with the lock: %w", err)
	}
	return nil
}

// runWithout shows what goes wrong. It is an error if nothing does: then the
// other run proves nothing.
func (d *demo) runWithout(ctx context.Context) error {
	outcome, err := d.use(ctx, func(int) string { return "" })
	if err != nil {
		return err
	}
	d.Printf("Without the lock: %d of %d reads were torn.", len(outcome.torn), d.reads())
	if len(outcome.torn) == 0 {
		return errors.New("no read was torn, so there is nothing to see")
	}
	d.Printf("                  One of them: %s.", outcome.torn[0])
	return nil
}

// runWith shows that nothing goes wrong.
func (d *demo) runWith(ctx context.Context) error {
	outcome, err := d.use(ctx, d.lockName)
	if err != nil {
		return err
	}
	d.Printf("With the lock:    %d of %d reads were torn.", len(outcome.torn), d.reads())
	if err := d.judge(outcome); err != nil {
		return err
	}
	d.Printf("                  The catalog was rewritten %d times, and no rewrite was lost.", d.rewrites())
	return nil
}

// judge returns an error when the catalog was not protected.
func (d *demo) judge(o outcome) error {
	if len(o.torn) != 0 {
		return fmt.Errorf("%d reads were torn; the first: %s", len(o.torn), o.torn[0])
	}
	if want := 1 + d.rewrites(); !o.last.is(want) {
		return fmt.Errorf("the catalog should be of version %d, and its files are of %v", want, o.last)
	}
	return nil
}

// outcome is what became of a catalog.
type outcome struct {
	torn []string // a complaint for each torn read
	last edition  // what is there in the end
}

// use lets the workers use a new catalog of version 1.
func (d *demo) use(ctx context.Context, lockName func(worker int) string) (o outcome, err error) {
	dir, err := os.MkdirTemp("", "holdfast-catalog-")
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := catalog{Dir: dir, Files: d.files}
	if err := c.write(ctx, 1); err != nil {
		return o, err
	}
	if err := crew.Together(ctx, d.jobs(c, lockName), d.Stderr); err != nil {
		return o, err
	}
	if o.torn, err = c.complained(); err != nil {
		return o, err
	}
	o.last, err = c.read(ctx)
	return o, err
}

// jobs returns the job of each worker.
func (d *demo) jobs(c catalog, lockName func(worker int) string) []job {
	jobs := make([]job, d.workers)
	for i := range jobs {
		jobs[i] = job{
			Worker: i + 1, Catalog: c, Turns: d.turns, Rewrite: d.rewrite,
			Redis: d.Nodes.Addrs, Lock: lockName(i + 1),
		}
	}
	return jobs
}
