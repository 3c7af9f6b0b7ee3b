package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/otelholdfast"
)

// job is what one of the processes needs, as JSON in its environment.
type job struct {
	Redis string // the address of the server
	Name  string // of the lock
	Owner string
	Blind bool // without HolderHooks: for a test
}

// jobEnv is the environment variable that makes this program one of the two.
const jobEnv = "HOLDFAST_EXAMPLE_HIDDENWAIT"

// wantMetrics is the line that asks the fast process for its metrics.
const wantMetrics = "metrics"

// performMember does a process's work and ends it, if this is one.
func performMember() {
	logging.Disable() // errors that matter come back from the lock
	text, is := os.LookupEnv(jobEnv)
	if !is {
		return
	}
	var j job
	err := json.Unmarshal([]byte(text), &j)
	if err == nil {
		err = j.do(os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", j.Owner, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (j job) do(stdin io.Reader, stdout io.Writer) error {
	client := redis.NewClient(&redis.Options{Addr: j.Redis})
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if j.Owner == slowOwner {
		return j.workSlowly(ctx, goredis.NewPool(client), stdin, stdout)
	}
	return j.serve(ctx, goredis.NewPool(client), stdin, stdout)
}

// workSlowly holds the lock until the input ends.
func (j job) workSlowly(ctx context.Context, pool driver.Pool, stdin io.Reader, stdout io.Writer) error {
	m := mutex.New(pool).NewMutex(j.Name, mutex.WithOwner(j.Owner))
	return m.Do(ctx, func(context.Context) error {
		fmt.Fprintln(stdout, "locked")
		_, err := io.Copy(io.Discard, stdin)
		return err
	})
}

// serve serves one request. That waits, and its code says nothing of it: the hooks do.
func (j job) serve(ctx context.Context, pool driver.Pool, stdin io.Reader, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := newTelemetry(stdout)
	hooks, err := j.hooks(t, pool)
	if err != nil {
		return err
	}
	go func() {
		defer cancel() // the program that has started this one is gone, or does not want it any more
		for lines := bufio.NewScanner(stdin); lines.Scan(); {
			if lines.Text() == wantMetrics {
				t.sayMetrics(ctx)
			}
		}
	}()
	m := mutex.New(pool).NewMutex(j.Name, mutex.WithOwner(j.Owner), mutex.WithUnlimitedTries(), mutex.WithHooks(hooks))
	if err := request(ctx, t, m); err != nil {
		return err
	}
	t.sayMetrics(ctx)
	t.saySpans()
	fmt.Fprintln(stdout, "served")
	return nil
}

// hooks are those of the fast process's lock.
func (j job) hooks(t *telemetry, pool driver.Pool) (*holdfast.Hooks, error) {
	measured, err := otelholdfast.New(otelholdfast.WithMeterProvider(t.meters), otelholdfast.WithTracerProvider(t.tracers))
	if err != nil {
		return nil, err
	}
	holder := holdfast.HolderHooks(100*time.Millisecond, holderOf(pool))
	if j.Blind {
		holder = nil
	}
	// Those that find the holder come first: the others report it.
	return holdfast.JoinHooks(holder, holdfast.LogHooks(slog.New(t.logHandler())), measured), nil
}

// holderOf asks the servers who holds a mutex.
func holderOf(pools ...driver.Pool) func(context.Context, holdfast.Lock) string {
	in := inspect.New(pools...)
	return func(ctx context.Context, l holdfast.Lock) string {
		status, err := in.Mutex(ctx, l.Name)
		if err != nil || len(status.Holders) == 0 {
			return ""
		}
		return status.Holders[0].Owner
	}
}

// request is what the fast process does for its client: a moment's work under the lock.
func request(ctx context.Context, t *telemetry, m *mutex.Mutex) error {
	ctx, span := t.tracers.Tracer("api").Start(ctx, "GET /orders/42")
	defer span.End()
	if err := m.LockContext(ctx); err != nil {
		return err
	}
	_, err := m.UnlockContext(ctx)
	return err
}
