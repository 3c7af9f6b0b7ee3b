package main

import (
	"context"
	"fmt"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
	"github.com/holdfast-go/holdfast/rwmutex"
)

// job says what one worker process has to do.
type job struct {
	Worker  int // its number, for people
	Catalog catalog
	Turns   int      // how often it reads
	Rewrite int      // it rewrites the catalog before it reads in one of so many turns
	Redis   []string // addresses of the nodes that keep the lock
	Lock    string   // the lock's name; without one the worker reads and writes unprotected
}

// Do takes the job's turns, together with the other workers.
func (j job) Do(ctx context.Context, talk *crew.Talk) error {
	w := &worker{job: j}
	if j.Lock != "" {
		clients, closeAll := stage.Connect(j.Redis)
		defer closeAll()
		w.lock = newLock(j.Lock, clients...)
	}
	return talk.Join(func() error {
		for turn := range j.Turns {
			if err := w.take(ctx, turn); err != nil {
				return err
			}
		}
		return nil
	})
}

// worker is a process at work.
type worker struct {
	job
	lock  *rwmutex.RWMutex // nil for one that works unprotected
	wrote int              // the version that it wrote last
}

// take takes one turn. The workers rewrite in different turns.
func (w *worker) take(ctx context.Context, turn int) error {
	if (turn+w.Worker)%w.Rewrite == 0 {
		return w.rewrite(ctx)
	}
	if w.lock == nil {
		return w.read(ctx)
	}
	return readCatalog(ctx, w.lock, w.read)
}

// rewrite writes and verifies the next version.
func (w *worker) rewrite(ctx context.Context) error {
	if w.lock != nil {
		return rewriteCatalog(ctx, w.lock, w.write, w.verify)
	}
	if err := w.write(ctx); err != nil {
		return err
	}
	return w.verify(ctx)
}

// read reads the catalog, and complains when it is torn.
func (w *worker) read(ctx context.Context) error {
	found, err := w.Catalog.read(ctx)
	if err != nil || !found.torn() {
		return err
	}
	return w.Catalog.complain(fmt.Sprintf("worker %d reads versions %v", w.Worker, found))
}

// write writes the version after the one that is there.
func (w *worker) write(ctx context.Context) error {
	found, err := w.Catalog.read(ctx)
	if err != nil {
		return err
	}
	w.wrote = found[0] + 1
	return w.Catalog.write(ctx, w.wrote)
}

// verify reads the catalog, and complains when it is not what the worker has
// written.
func (w *worker) verify(ctx context.Context) error {
	found, err := w.Catalog.read(ctx)
	if err != nil || found.is(w.wrote) {
		return err
	}
	return w.Catalog.complain(fmt.Sprintf("worker %d wrote version %d and reads versions %v", w.Worker, w.wrote, found))
}
