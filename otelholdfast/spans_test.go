package otelholdfast_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/otelholdfast"
)

// tracing returns hooks, a tracer of the application, and what notes all spans that end.
func tracing(t *testing.T, options ...otelholdfast.Option) (*holdfast.Hooks, trace.Tracer, *tracetest.SpanRecorder) {
	recorder := tracetest.NewSpanRecorder()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	h, err := otelholdfast.New(append(options, otelholdfast.WithTracerProvider(tracers))...)
	require.NoError(t, err)
	return h, tracers.Tracer("application"), recorder
}

// attributes are those of a span.
func attributes(s sdktrace.ReadOnlySpan) map[string]any {
	all := make(map[string]any)
	for _, a := range s.Attributes() {
		all[string(a.Key)] = a.Value.AsInterface()
	}
	return all
}

func TestAcquireIsASpanAroundItsRequests(t *testing.T) {
	h, tracer, recorder := tracing(t, otelholdfast.WithLockName(func(l holdfast.Lock) string { return l.Name }))
	ctx, job := tracer.Start(t.Context(), "job")
	ctx = h.AcquireStart(ctx, slots)
	_, request := tracer.Start(ctx, "EVALSHA")
	request.End()
	h.AcquireDone(ctx, slots, holdfast.Acquired{Tries: 2})
	job.End()

	ended := recorder.Ended()
	require.Len(t, ended, 3)
	acquire := ended[1]
	require.Equal(t, "acquire semaphore", acquire.Name())
	require.Equal(t, acquire.SpanContext().SpanID(), ended[0].Parent().SpanID())
	require.Equal(t, job.SpanContext().SpanID(), acquire.Parent().SpanID())
	require.Equal(t, codes.Unset, acquire.Status().Code)
	require.Equal(t, map[string]any{
		"holdfast.lock.kind": "semaphore", "holdfast.lock.name": "gpu", "holdfast.lock.count": int64(3),
		"holdfast.tries": int64(2), "holdfast.outcome": "acquired",
	}, attributes(acquire))
}

func TestFailedAcquireIsAnErrorWithoutItsText(t *testing.T) {
	h, _, recorder := tracing(t)
	acquire(t.Context(), h, invoice, holdfast.Acquired{Err: errors.Join(holdfast.ErrFailed, errors.New("a token"), &holdfast.ErrTaken{})})
	require.Len(t, recorder.Ended(), 1)
	span := recorder.Ended()[0]
	require.Equal(t, sdktrace.Status{Code: codes.Error, Description: "taken"}, span.Status())
	require.Equal(t, "taken", attributes(span)["error.type"])
	require.Empty(t, span.Events())
}

// A span that a hook joined after these has begun is not taken for their own.
func TestAcquireEndsItsOwnSpan(t *testing.T) {
	h, tracer, recorder := tracing(t)
	begin := &holdfast.Hooks{AcquireStart: func(ctx context.Context, _ holdfast.Lock) context.Context {
		ctx, _ = tracer.Start(ctx, "theirs")
		return ctx
	}}
	acquire(t.Context(), holdfast.JoinHooks(h, begin), invoice, holdfast.Acquired{})
	require.Len(t, recorder.Ended(), 1)
	require.Equal(t, "acquire mutex", recorder.Ended()[0].Name())
}

func TestHoldIsASpanInsideTheCallers(t *testing.T) {
	h, tracer, recorder := tracing(t)
	h.Released(context.Background(), invoice, holdfast.Released{Held: time.Minute})
	require.Empty(t, recorder.Ended(), "a span of its own")

	ctx, job := tracer.Start(t.Context(), "job")
	h.Released(ctx, invoice, holdfast.Released{Held: time.Minute})
	h.Released(ctx, invoice, holdfast.Released{Err: holdfast.ErrLost})
	require.Len(t, recorder.Ended(), 2)
	hold, lost := recorder.Ended()[0], recorder.Ended()[1]
	require.Equal(t, "hold mutex", hold.Name())
	require.Equal(t, job.SpanContext().SpanID(), hold.Parent().SpanID())
	require.InDelta(t, time.Minute, hold.EndTime().Sub(hold.StartTime()), float64(30*time.Second))
	require.Equal(t, "released", attributes(hold)["holdfast.outcome"])
	require.Equal(t, sdktrace.Status{Code: codes.Error, Description: "lost"}, lost.Status())
}
