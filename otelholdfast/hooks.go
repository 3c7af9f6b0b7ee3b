package otelholdfast

import (
	"context"
	"fmt"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/holdfast-go/holdfast"
)

// scope names the instrumentation to the providers.
const scope = "github.com/holdfast-go/holdfast/otelholdfast"

const (
	kindKey    = attribute.Key("holdfast.lock.kind")
	nameKey    = attribute.Key("holdfast.lock.name")
	holderKey  = attribute.Key("holdfast.lock.holder")
	countKey   = attribute.Key("holdfast.lock.count")
	triesKey   = attribute.Key("holdfast.tries")
	outcomeKey = attribute.Key("holdfast.outcome")
	nodeKey    = attribute.Key("holdfast.node")
)

// New makes the hooks. An error says which instrument the meter provider has refused.
func New(options ...Option) (*holdfast.Hooks, error) {
	c := newConfig(options)
	m, err := newInstruments(c.meters)
	if err != nil {
		return nil, fmt.Errorf("otelholdfast: %w", err)
	}
	t := &telemetry{instruments: m, spans: newSpans(c.tracers), name: c.name}
	return &holdfast.Hooks{
		AcquireStart: t.acquireStart,
		AcquireDone:  t.acquireDone,
		Extended:     t.extended,
		Released:     t.released,
		Lost:         t.lost,
		NodeError:    t.nodeError,
	}, nil
}

type telemetry struct {
	*instruments
	*spans
	name func(holdfast.Lock) string // nil for none
}

// of are the attributes of everything about l.
func (t *telemetry) of(l holdfast.Lock) []attribute.KeyValue {
	all := []attribute.KeyValue{kindKey.String(l.Kind)}
	if t.name == nil {
		return all
	}
	if name := t.name(l); name != "" {
		all = append(all, nameKey.String(name))
	}
	return all
}

func (t *telemetry) acquireStart(ctx context.Context, l holdfast.Lock) context.Context {
	of := t.of(l)
	t.pending.Add(ctx, 1, with(of))
	return t.startAcquire(ctx, l, of)
}

func (t *telemetry) acquireDone(ctx context.Context, l holdfast.Lock, a holdfast.Acquired) {
	of, outcome := t.of(l), acquireOutcome(a)
	if holder := holdfast.Holder(ctx); holder != "" {
		outcome = append(outcome, holderKey.String(holder))
	}
	t.pending.Add(ctx, -1, with(of))
	if a.Err == nil {
		t.held.Add(ctx, int64(l.Count), with(of))
		t.losses.Add(ctx, 0, with(of)) // a first loss is an increase only if there was a 0 before
	}
	t.wait.Record(ctx, a.Waited.Seconds(), with(of, outcome...))
	t.endAcquire(ctx, a, outcome)
}

func (t *telemetry) extended(ctx context.Context, l holdfast.Lock, err error) {
	t.extensions.Add(ctx, 1, with(t.of(l), extendOutcome(err)...))
}

// released leaves alone what lost has counted already.
func (t *telemetry) released(ctx context.Context, l holdfast.Lock, r holdfast.Released) {
	of, outcome := t.of(l), releaseOutcome(r)
	if !isLoss(r.Err) {
		t.held.Add(ctx, -int64(l.Count), with(of))
	}
	t.use.Record(ctx, r.Held.Seconds(), with(of, outcome...))
	t.spanOfHold(ctx, l, r, append(of, outcome...))
}

func (t *telemetry) lost(l holdfast.Lock, _ error) {
	of := with(t.of(l))
	t.held.Add(context.Background(), -int64(l.Count), of)
	t.losses.Add(context.Background(), int64(l.Count), of)
}

func (t *telemetry) nodeError(l holdfast.Lock, node int, err error) {
	t.nodeErrors.Add(context.Background(), 1, with(t.of(l), nodeKey.Int(node), nodeFailure(err)))
}

func with(of []attribute.KeyValue, more ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributes(append(slices.Clip(of), more...)...)
}
