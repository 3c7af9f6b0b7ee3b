package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
	"github.com/holdfast-go/holdfast/semaphore"
)

// job says what one worker process needs.
type job struct {
	Redis     []string // addresses of the nodes that keep the semaphore
	Semaphore string   // the semaphore's name
	Limit     int      // how many ids there are
	Expiry    time.Duration
}

// Do is the life of a worker: it gets an id, and works under it until it is let
// go or loses the id.
func (j job) Do(ctx context.Context, talk *crew.Talk) error {
	clients, closeAll := stage.Connect(j.Redis)
	defer closeAll()
	permit, err := newIdentities(j.Semaphore, j.Limit, j.Expiry, clients...).AcquireContext(ctx)
	if err != nil {
		return err
	}
	l := &life{job: j, permit: permit, talk: talk, id: permit.Slots()[0], since: time.Now()}
	return errors.Join(l.live(ctx), l.end())
}

// life is the time in which a worker has an id.
type life struct {
	job
	permit *semaphore.Permit
	talk   *crew.Talk
	id     int
	since  time.Time
}

// live works, and keeps the id in a goroutine beside it. The work ends when the
// worker is let go, and at once when the id cannot be kept.
func (l *life) live(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	l.claim(l.permit.Until())
	kept := make(chan error, 1)
	go func() {
		err := keep(ctx, l.permit, l.Expiry, func() { l.claim(l.permit.Until()) })
		stop(err)
		kept <- err
	}()
	l.work(ctx)
	stop(nil)
	if err := <-kept; err != nil {
		return fmt.Errorf("stopped work as id %d: %w", l.id, err)
	}
	return nil
}

// work stands for what the worker is there for. It returns when ctx ends, or the
// worker is let go.
func (l *life) work(ctx context.Context) {
	letGo := make(chan struct{})
	go func() { // ends with the program's input at the latest
		_ = l.talk.AwaitEnd()
		close(letGo)
	}()
	select {
	case <-ctx.Done():
	case <-letGo:
	}
}

// claim says up to when the worker has its id.
func (l *life) claim(until time.Time) {
	_ = l.talk.Say(claim{ID: l.id, From: l.since, Until: until}.String())
}

// end gives the id back, so that no process has to wait for it to expire.
func (l *life) end() error {
	l.claim(time.Now())
	if ok, err := l.permit.Release(); !ok {
		return fmt.Errorf("id %d may not have lasted: %w", l.id, err)
	}
	return nil
}
