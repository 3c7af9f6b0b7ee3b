package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// worker is what the old and the new code have in common.
type worker interface {
	Run(ctx context.Context, task func()) error
}

// contest lets workers of several kinds add to one number.
type contest struct {
	addsEach int // additions that every worker makes
	workers  []entrant

	// number is read, kept for a moment and written back. It is atomic so that
	// the race detector is content; that does not protect the addition.
	number atomic.Int64
}

// entrant is one worker and what it did.
type entrant struct {
	kind string
	worker
	adds int
}

// enter adds a worker of the given kind.
func (c *contest) enter(kind string, w worker) {
	c.workers = append(c.workers, entrant{kind: kind, worker: w})
}

// run has all workers make their additions, all at the same time.
func (c *contest) run(ctx context.Context) error {
	errs := make([]error, len(c.workers))
	var all sync.WaitGroup
	for i := range c.workers {
		all.Go(func() { errs[i] = c.work(ctx, &c.workers[i]) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// work makes one worker's additions.
func (c *contest) work(ctx context.Context, e *entrant) error {
	for range c.addsEach {
		if err := e.Run(ctx, c.addOne); err != nil {
			return fmt.Errorf("%s: %w", e.kind, err)
		}
		e.adds++
	}
	return nil
}

// addOne is not safe: two at the same time count for one.
func (c *contest) addOne() {
	n := c.number.Load()
	time.Sleep(time.Millisecond)
	c.number.Store(n + 1)
}

// report says which worker added how often, and returns an error if the number is not
// the sum.
func (c *contest) report(out io.Writer) error {
	sum := 0
	for _, e := range c.workers {
		fmt.Fprintf(out, "A worker with %-8s added %d times.\n", e.kind, e.adds)
		sum += e.adds
	}
	number := int(c.number.Load())
	fmt.Fprintf(out, "The number is %d, and should be %d.\n", number, sum)
	if number != sum {
		return fmt.Errorf("%d of %d additions were lost", sum-number, sum)
	}
	fmt.Fprintln(out, "Nothing was lost: old and new code exclude each other.")
	return nil
}
