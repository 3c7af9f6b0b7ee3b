package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// demo is one run of the whole demonstration.
type demo struct {
	*stage.Stage
	dir string // where each run makes a folder for its file; "" is that of temporary files

	workers  int                     // number of processes
	adds     int                     // additions that each of them makes
	lockName func(worker int) string // the same for all, but for a test that breaks the lock
}

// newDemo returns the demonstration with its usual size.
func newDemo(s *stage.Stage) *demo {
	lock := stage.LockName("quickstart")
	return &demo{
		Stage:   s,
		workers: 5, adds: 40,
		lockName: func(int) string { return lock },
	}
}

// total is the number that the counter must reach.
func (d *demo) total() int { return d.workers * d.adds }

// Run counts without the lock and with it, and tells what happened. It returns
// an error when the lock lost an addition or something failed.
func (d *demo) Run(ctx context.Context) error {
	pools, closeAll := connect(d.Nodes.Addrs)
	defer closeAll() // not before the end: the check's Unlock goes on in the background
	check := newMutex(d.lockName(0), pools)
	if err := d.CheckLock(ctx, check.TryLockContext, check.UnlockContext); err != nil {
		return err
	}
	d.introduce()
	if err := d.runWithoutLock(ctx); err != nil {
		return fmt.Errorf("without the lock: %w", err)
	}
	if err := d.runWithLock(ctx); err != nil {
		return fmt.Errorf("with the lock: %w", err)
	}
	return nil
}

// introduce says what is about to happen.
func (d *demo) introduce() {
	d.Printf("Redis: %s", d.Nodes)
	d.Printf("%d processes add 1 to a number in a file, %d times each: read it, add, write it back.", d.workers, d.adds)
	d.Printf("")
}

// runWithoutLock shows what goes wrong. Losing additions is no error here.
func (d *demo) runWithoutLock(ctx context.Context) error {
	count, err := d.count(ctx, func(int) job { return job{} }, func(int) {})
	if err != nil {
		return err
	}
	d.Printf("Without the lock: the number is %d, and should be %d. %s", count, d.total(), lostText(d.total()-count))
	return nil
}

// runWithLock counts under the lock and takes a node away in the middle.
func (d *demo) runWithLock(ctx context.Context) error {
	newJob := func(worker int) job {
		return job{Redis: d.Nodes.Addrs, Lock: d.lockName(worker), Halfway: d.halfway()}
	}
	var once sync.Once // a broken lock may have two workers half way
	takeOne := func(worker int) { once.Do(func() { d.takeOne(worker) }) }
	count, err := d.count(ctx, newJob, takeOne)
	if err != nil {
		return err
	}
	lost := d.total() - count
	d.Printf("With the lock:    the number is %d, and should be %d. %s", count, d.total(), lostText(lost))
	if lost != 0 {
		return fmt.Errorf("%d of %d additions were lost", lost, d.total())
	}
	d.conclude()
	return nil
}

// halfway is the number in the file at which a node is taken away, or 0 when
// the nodes are not ours to stop.
func (d *demo) halfway() int {
	if !d.Nodes.Embedded() {
		return 0
	}
	return d.total() / 2
}

// takeOne takes a node away while the worker holds the lock.
func (d *demo) takeOne(worker int) {
	addr := d.Nodes.StopLast()
	d.Printf("With the lock:    the number is %d, process %d holds the lock, and node %s is taken away.",
		d.halfway(), worker, addr)
}

// conclude says what the result rests on.
func (d *demo) conclude() {
	d.Printf("")
	if !d.Nodes.Embedded() {
		d.Printf("No node was taken away: those given by -redis are not ours to stop.")
		return
	}
	d.Printf("%d additions were made before the node went and %d after: a lock needs only a majority of its nodes.",
		d.halfway(), d.total()-d.halfway())
}

// count has the workers add to a new counter and returns the number they leave.
// newJob gives the part of a worker's job that differs between the two runs.
func (d *demo) count(ctx context.Context, newJob func(worker int) job, onHalfway func(worker int)) (int, error) {
	dir, err := os.MkdirTemp(d.dir, "holdfast-quickstart-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := counter(filepath.Join(dir, "counter"))
	if err := file.write(0); err != nil {
		return 0, err
	}
	jobs := make([]job, d.workers)
	for i := range jobs {
		jobs[i] = newJob(i + 1)
		jobs[i].Counter, jobs[i].Adds = file, d.adds
	}
	if err := crew.TogetherPausing(ctx, jobs, d.Stderr, onHalfway); err != nil {
		return 0, err
	}
	return file.read()
}

// lostText says how many additions were lost.
func lostText(lost int) string {
	switch lost {
	case 0:
		return "Nothing was lost."
	case 1:
		return "1 addition was lost."
	default:
		return fmt.Sprintf("%d additions were lost.", lost)
	}
}
