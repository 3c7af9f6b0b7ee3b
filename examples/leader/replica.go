package main

import (
	"context"
	"errors"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
	"github.com/holdfast-go/holdfast/mutex"
)

// job says what one replica needs.
type job struct {
	Redis  []string // addresses of the nodes that keep the mutex
	Lock   string   // the mutex's name
	Expiry time.Duration
}

// newLocks connects to the nodes. The caller closes the connections.
func newLocks(addrs []string) (locks *mutex.Factory, closeAll func()) {
	clients, closeAll := stage.Connect(addrs)
	var pools []driver.Pool
	for _, client := range clients {
		pools = append(pools, goredis.NewPool(client))
	}
	return mutex.New(pools...), closeAll
}

// Do is the life of a replica: it leads, or waits until it may, until it is let go. A
// leader that has lost the mutex stands down and waits again.
func (j job) Do(ctx context.Context, talk *crew.Talk) error {
	locks, closeAll := newLocks(j.Redis)
	defer closeAll()
	election := locks.NewMutex(j.Lock, mutex.WithExpiry(j.Expiry),
		mutex.WithTimeoutFactor(0.2), mutex.WithUnlimitedTries())

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // ends with the program's input at the latest
		_ = talk.AwaitEnd()
		stop()
	}()
	for {
		err := election.Do(ctx, func(ctx context.Context) error { return lead(ctx, talk) })
		if ctx.Err() != nil {
			return nil // let go
		}
		if !errors.Is(err, mutex.ErrLost) {
			return err
		}
	}
}

// lead stands for the work. It does a little at a time, and looks before each step
// whether it still leads. It returns when ctx ends: because the replica was let go, or
// because the mutex was lost.
func lead(ctx context.Context, talk *crew.Talk) error {
	first := true
	for ctx.Err() == nil {
		if err := talk.Say(step{First: first, At: time.Now()}.String()); err != nil {
			return err
		}
		first = false
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	return context.Cause(ctx)
}
