package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
)

// job says what one process has to do.
type job struct {
	Worker  int
	Redis   []string // addresses of the servers
	Tickets []string // to which players join
	Joins   int      // for each ticket, at the same time
	Size    int      // players of a full ticket
	Locked  bool
}

// Do lets the job's players join, together with the other processes.
func (j job) Do(ctx context.Context, talk *crew.Talk) error {
	pools, closeAll := connect(j.Redis)
	defer closeAll()
	s := store{tickets: pools[0], size: j.Size}
	if j.Locked {
		s.locks = newLocks(pools)
	}
	return talk.Join(func() error { return j.joinAll(ctx, s) })
}

func (j job) joinAll(ctx context.Context, s store) error {
	errs := make([]error, len(j.Tickets)*j.Joins)
	var all sync.WaitGroup
	for i := range errs {
		id := j.Tickets[i%len(j.Tickets)]
		all.Go(func() { errs[i] = s.join(ctx, id, fmt.Sprintf("player %d of worker %d", i, j.Worker)) })
	}
	all.Wait()
	return errors.Join(errs...)
}
