package otelholdfast

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.39.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/holdfast-go/holdfast"
)

// spans makes the spans. Its address is the key of a call's span in its context, where others
// may begin spans of their own.
type spans struct{ tracer trace.Tracer }

func newSpans(p trace.TracerProvider) *spans {
	return &spans{p.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))}
}

func (s *spans) startAcquire(ctx context.Context, l holdfast.Lock, of []attribute.KeyValue) context.Context {
	ctx, span := s.tracer.Start(ctx, "acquire "+l.Kind,
		trace.WithAttributes(of...), trace.WithAttributes(countKey.Int(l.Count)))
	return context.WithValue(ctx, s, span)
}

func (s *spans) endAcquire(ctx context.Context, a holdfast.Acquired, outcome []attribute.KeyValue) {
	span, ok := ctx.Value(s).(trace.Span)
	if !ok {
		return
	}
	span.SetAttributes(triesKey.Int(a.Tries))
	span.SetAttributes(outcome...)
	finish(span, a.Err)
}

// spanOfHold makes the span of what is over.
func (s *spans) spanOfHold(ctx context.Context, l holdfast.Lock, r holdfast.Released, all []attribute.KeyValue) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return
	}
	_, span := s.tracer.Start(ctx, "hold "+l.Kind, trace.WithTimestamp(time.Now().Add(-r.Held)),
		trace.WithAttributes(all...), trace.WithAttributes(countKey.Int(l.Count)))
	finish(span, r.Err)
}

func finish(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, failureOf(err))
	}
	span.End()
}
