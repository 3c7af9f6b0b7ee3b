package otelholdfast_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/otelholdfast"
)

func pool(t *testing.T, addr string) driver.Pool {
	client := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = client.Close() })
	return goredis.NewPool(client)
}

// holderOf asks the nodes who holds a mutex.
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

// A call of one process waits, and says nothing, while another one is slow. The metrics, the
// log and the trace show the wait, and whose fault it is.
func TestHiddenWaitIsSeen(t *testing.T) {
	addr := redistest.Start(t, 1)[0].Addr()
	name := redistest.Name(t)
	slow := mutex.New(pool(t, addr)).NewMutex(name, mutex.WithOwner("pod-7"), mutex.WithExpiry(2*time.Minute))

	var log bytes.Buffer
	m, recorder := newMeters(), tracetest.NewSpanRecorder()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	mine := pool(t, addr)
	found := make(chan struct{})
	find := holderOf(mine)
	hooks := holdfast.JoinHooks(
		holdfast.HolderHooks(100*time.Millisecond, func(ctx context.Context, l holdfast.Lock) string {
			defer time.AfterFunc(time.Second, func() { close(found) }) // so that the log has the wait
			return find(ctx, l)
		}),
		holdfast.LogHooks(slog.New(slog.NewTextHandler(&log, nil))),
		m.hooks(t, otelholdfast.WithTracerProvider(tracers)),
	)
	waiter := mutex.New(mine).NewMutex(name, mutex.WithUnlimitedTries(), mutex.WithExpiry(2*time.Minute), mutex.WithHooks(hooks))

	require.NoError(t, slow.Lock())
	locked := make(chan error)
	go func() { locked <- waiter.Lock() }()
	<-found
	_, err := slow.Unlock()
	require.NoError(t, err)
	require.NoError(t, <-locked)
	_, err = waiter.Unlock()
	require.NoError(t, err)

	require.Regexp(t, `^pod-7 mutex (acquired|granted) 1: [1-9]`, m.read(t, "holdfast.lock.wait_time")[0])
	require.Contains(t, log.String(), "lock acquired after a wait")
	require.Contains(t, log.String(), "holder=pod-7")
	require.NotContains(t, log.String(), waiter.Value())
	require.Equal(t, "pod-7", attributes(recorder.Ended()[0])["holdfast.lock.holder"])
	require.Equal(t, []string{"mutex 0"}, m.read(t, "holdfast.lock.held"))
}
