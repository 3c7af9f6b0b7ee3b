package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
	"github.com/holdfast-go/holdfast/mutex"
)

// demo is one run of the demonstration.
type demo struct {
	*stage.Stage
	workers int
	locked  bool // false in a test that breaks the lock
}

func newDemo(s *stage.Stage) *demo { return &demo{Stage: s, workers: 6, locked: true} }

// Run fills an entry without the mutex and with it, and then a stale one.
func (d *demo) Run(ctx context.Context) error {
	clients, closeAll := stage.Connect(d.Nodes.Addrs)
	defer closeAll()
	check := newLocks(clients).NewMutex(stage.LockName("cache-check"), mutex.WithExpiry(time.Minute))
	if err := d.CheckLock(ctx, check.TryLockContext, check.UnlockContext); err != nil {
		return err
	}
	d.Printf("Redis: %s", d.Nodes)
	d.Printf("%d processes ask a cache for the same entry.", d.workers)
	if _, err := d.round(ctx, "No entry, without the mutex", stage.LockName("cache"), "1", false); err != nil {
		return err
	}
	key := stage.LockName("cache")
	for _, fill := range []struct{ how, version string }{
		{"No entry, with the mutex", "1"}, {"A stale entry, with the mutex", "2"},
	} {
		asked, err := d.round(ctx, fill.how, key, fill.version, d.locked)
		for again := 0; err == nil && asked == 0 && again < 10; again++ {
			asked, err = d.round(ctx, fill.how, key, fill.version, d.locked)
		}
		if err != nil {
			return err
		} else if asked != 1 {
			return fmt.Errorf("the source was asked %d times for one fill", asked)
		}
	}
	return nil
}

// round lets all processes ask for the entry, and returns how often the source was asked.
func (d *demo) round(ctx context.Context, how, key, version string, locked bool) (int64, error) {
	var asked atomic.Int64
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		time.Sleep(200 * time.Millisecond) // it is slow
		fmt.Fprint(w, "value ", version)
	}))
	defer source.Close()
	jobs := make([]job, d.workers)
	for i := range jobs {
		jobs[i] = job{source.URL, d.Nodes.Addrs, key, version, locked}
	}
	if err := crew.Together(ctx, jobs, d.Stderr); err != nil {
		return 0, fmt.Errorf("%s: %w", how, err)
	}
	d.Printf("%s: the source was asked %d times.", how, asked.Load())
	return asked.Load(), nil
}
