package main

import (
	"context"
	"errors"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
)

// job says what one worker process has to do.
type job struct {
	Counter counter  // the file to add to
	Adds    int      // how often
	Redis   []string // addresses of the nodes that keep the lock
	Lock    string   // the lock's name; without one the worker adds unprotected
	Halfway int      // the number in the file at which to pause, lock in hand; 0 for never
}

// Do makes the job's additions, together with the other workers.
func (j job) Do(ctx context.Context, talk *crew.Talk) error {
	g, closeGuard := j.newGuard()
	defer closeGuard()
	return talk.Join(func() error {
		for range j.Adds {
			if err := j.addGuarded(ctx, g, talk); err != nil {
				return err
			}
		}
		return nil
	})
}

// addGuarded makes one addition between lock and unlock.
func (j job) addGuarded(ctx context.Context, g guard, talk *crew.Talk) error {
	if err := g.lock(ctx); err != nil {
		return err
	}
	return errors.Join(j.add(talk), g.unlock(ctx))
}

// add makes one addition. The worker that makes the one in the middle waits
// there, lock in hand, until it is told to go on.
func (j job) add(talk *crew.Talk) error {
	n, err := j.Counter.addOne()
	if err != nil || n != j.Halfway {
		return err
	}
	return talk.Pause()
}
