package main

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
	"github.com/holdfast-go/holdfast/mutex"
)

// demo is one run of the demonstration.
type demo struct {
	*stage.Stage
	workers, tickets, joins int
	locked                  bool // false in a test that breaks the lock
}

func newDemo(s *stage.Stage) *demo {
	return &demo{Stage: s, workers: 4, tickets: 3, joins: 5, locked: true}
}

// Run lets players join without the mutex and with it.
func (d *demo) Run(ctx context.Context) error {
	pools, closeAll := connect(d.Nodes.Addrs)
	defer closeAll()
	check := newLocks(pools).NewMutex(stage.LockName("matchmaker"), mutex.WithExpiry(time.Minute))
	if err := d.CheckLock(ctx, check.TryLockContext, check.UnlockContext); err != nil {
		return err
	}
	d.Printf("Redis: %s", d.Nodes)
	d.Printf("%d processes let players join %d tickets, %d each.", d.workers, d.tickets, d.joins)
	if _, err := d.round(ctx, "Without the mutex", false); err != nil {
		return err
	}
	lost, err := d.round(ctx, "With the mutex", d.locked)
	if err == nil && lost != 0 {
		err = fmt.Errorf("%d players were lost", lost)
	}
	return err
}

// round lets all players join new tickets, and returns how many are in none.
func (d *demo) round(ctx context.Context, how string, locked bool) (lost int, err error) {
	name, ids := stage.LockName("ticket"), make([]string, d.tickets)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s:%d", name, i)
	}
	jobs := make([]job, d.workers)
	for i := range jobs {
		jobs[i] = job{i + 1, d.Nodes.Addrs, ids, d.joins, d.workers * d.joins, locked}
	}
	if err := crew.Together(ctx, jobs, d.Stderr); err != nil {
		return 0, err
	}
	joined, full, err := d.count(ctx, ids)
	lost = d.workers*d.tickets*d.joins - joined
	d.Printf("%s: %d players were lost, and %d of %d tickets are full.", how, lost, full, d.tickets)
	return lost, err
}

// count reads the tickets.
func (d *demo) count(ctx context.Context, ids []string) (players, full int, err error) {
	pool := newPool(d.Nodes.Addrs[0])
	defer func() { _ = pool.Close() }()
	conn, err := pool.GetContext(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = conn.Close() }()
	for _, id := range ids {
		t, err := read(ctx, conn, id)
		if err != nil {
			return 0, 0, err
		}
		players += len(t.Players)
		if t.State == "full" {
			full++
		}
	}
	return players, full, nil
}
