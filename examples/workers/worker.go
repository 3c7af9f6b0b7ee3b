package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// job says what one worker process has to do.
type job struct {
	Service   string   // URL of the service to call
	Calls     int      // how often
	Redis     []string // addresses of the nodes that keep the semaphore
	Semaphore string   // the semaphore's name; without one the worker calls unlimited
	Limit     int      // the semaphore's limit
}

// Do makes the job's calls, together with the other workers.
func (j job) Do(ctx context.Context, talk *crew.Talk) error {
	limited, closeAll := j.limiter()
	defer closeAll()
	return talk.Join(func() error {
		for range j.Calls {
			if err := limited(ctx, j.call); err != nil {
				return err
			}
		}
		return nil
	})
}

// limiter returns what makes one call, under the job's semaphore if it has one,
// and what closes it.
func (j job) limiter() (limited func(context.Context, func(context.Context) error) error, closeAll func()) {
	if j.Semaphore == "" {
		return func(ctx context.Context, call func(context.Context) error) error { return call(ctx) }, func() {}
	}
	clients, closeAll := stage.Connect(j.Redis)
	permits := newPermits(j.Semaphore, j.Limit, clients...)
	return func(ctx context.Context, call func(context.Context) error) error {
		return makeThumbnail(ctx, permits, call)
	}, closeAll
}

// call makes one request. That the service refuses it is no error: the service
// counts that.
func (j job) call(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, j.Service, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusServiceUnavailable {
		return fmt.Errorf("the service answers %s", answer.Status)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}
