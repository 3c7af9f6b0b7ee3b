package contend

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Locker is what is contended for: see contestants.Party.
type Locker interface {
	Lock(ctx context.Context) (unlock func() error, err error)
}

// Sharer is a Locker that readers share, where the load has any.
type Sharer interface {
	RLock(ctx context.Context) (unlock func() error, err error)
}

// Load is what one process does.
type Load struct {
	Goroutines int
	Reads      int           // percent of the sections that read; they share a Sharer
	Held       time.Duration // how long a section lasts; 0 unlocks at once
	Pause      time.Duration // mean of the exponentially distributed time between two sections; 0 for none
	Warmup     time.Duration
	Window     time.Duration
	Patience   time.Duration // how long after the window waits are given up
}

// Result is what one process got.
type Result struct {
	Sections []int   // by goroutine: locked in the window
	Reads    int     // how many of all these sections read
	Waits    []int64 // nanoseconds of each wait that ended after the warm-up; no reader's
	Stuck    int     // waits that were given up; they are in Waits, too
}

// Run loads the lock. An overlap of two sections is an error.
func Run(lock Locker, load Load) (Result, error) {
	start := time.Now()
	r := &run{Load: load, lock: lock, opens: start.Add(load.Warmup)}
	r.closes = r.opens.Add(load.Window)
	ctx, cancel := context.WithDeadline(context.Background(), r.closes.Add(load.Patience))
	defer cancel()

	workers := make([]*worker, load.Goroutines)
	var working sync.WaitGroup
	for i := range workers {
		workers[i] = &worker{run: r}
		working.Go(func() { workers[i].work(ctx) })
	}
	working.Wait()
	return collect(workers)
}

// run is a load that runs.
type run struct {
	Load
	lock   Locker
	opens  time.Time // the window
	closes time.Time
	inside atomic.Int32 // goroutines in a section: a reader counts 1, anybody else exclusive
}

// worker is one goroutine of a run.
type worker struct {
	*run
	sections int
	reads    int
	waits    []int64
	stuck    int
	err      error
}

func (w *worker) work(ctx context.Context) {
	for time.Now().Before(w.closes) && w.err == nil {
		if w.err = w.section(ctx); w.stuck > 0 {
			return
		}
		if w.Pause > 0 {
			time.Sleep(time.Duration(rand.ExpFloat64() * float64(w.Pause)))
		}
	}
}

// section locks and unlocks once.
func (w *worker) section(ctx context.Context) error {
	reads := rand.IntN(100) < w.Reads
	lock, weight := w.means(reads)
	asked := time.Now()
	unlock, err := lock(ctx)
	got := time.Now()
	if !reads || err != nil {
		w.note(asked, got)
	}
	if err != nil && ctx.Err() != nil {
		w.stuck++
		return nil
	}
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if got.After(w.opens) && got.Before(w.closes) {
		w.count(reads)
	}
	return errors.Join(w.occupy(weight), unlock())
}

// means is how a section locks, and what it counts while it lasts.
func (w *worker) means(reads bool) (lock func(context.Context) (func() error, error), weight int32) {
	if sharer, ok := w.lock.(Sharer); ok && reads {
		return sharer.RLock, 1
	}
	return w.lock.Lock, exclusive
}

func (w *worker) count(reads bool) {
	w.sections++
	if reads {
		w.reads++
	}
}

func (w *worker) note(asked, got time.Time) {
	if got.After(w.opens) {
		w.waits = append(w.waits, got.Sub(asked).Nanoseconds())
	}
}

// exclusive is more than all readers together count.
const exclusive = 1 << 20

var errOverlap = errors.New("two sections at once")

func (w *worker) occupy(weight int32) (err error) {
	if inside := w.inside.Add(weight); inside > exclusive || weight == exclusive && inside != exclusive {
		err = errOverlap
	}
	if w.Held > 0 {
		time.Sleep(w.Held)
	}
	w.inside.Add(-weight)
	return err
}

func collect(workers []*worker) (result Result, err error) {
	for _, w := range workers {
		result.Sections = append(result.Sections, w.sections)
		result.Reads += w.reads
		result.Waits = append(result.Waits, w.waits...)
		result.Stuck += w.stuck
		err = errors.Join(err, w.err)
	}
	return result, err
}

// Total is how many sections there were.
func (r Result) Total() (n int) {
	for _, sections := range r.Sections {
		n += sections
	}
	return n
}
