package otelholdfast

import (
	"errors"

	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.39.0"
)

// instruments are the metrics: see the package's documentation.
type instruments struct {
	wait       metric.Float64Histogram
	use        metric.Float64Histogram
	pending    metric.Int64UpDownCounter
	held       metric.Int64UpDownCounter
	extensions metric.Int64Counter
	losses     metric.Int64Counter
	nodeErrors metric.Int64Counter
}

// Bounds of the histograms' buckets, in seconds: from a round trip to a wait that hurts,
// and to work that takes long.
var (
	waitBounds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	useBounds  = []float64{.001, .005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600}
)

func newInstruments(p metric.MeterProvider) (*instruments, error) {
	m := meter{Meter: p.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))}
	i := &instruments{
		wait:       m.seconds("holdfast.lock.wait_time", waitBounds, "The time it took to lock."),
		use:        m.seconds("holdfast.lock.use_time", useBounds, "The time between locking and the release."),
		pending:    m.upDown("holdfast.lock.pending_requests", "{request}", "The number of calls that wait for a lock."),
		held:       m.upDown("holdfast.lock.held", "{lock}", "The number of locks that are held."),
		extensions: m.counter("holdfast.lock.extensions", "{extension}", "The number of extensions, by calls and by renewal."),
		losses:     m.counter("holdfast.lock.losses", "{loss}", "The number of locks that were lost while they were held."),
		nodeErrors: m.counter("holdfast.node.errors", "{error}", "The number of errors of nodes."),
	}
	return i, errors.Join(m.errs...)
}

// meter makes instruments, and keeps what went wrong.
type meter struct {
	metric.Meter
	errs []error
}

func (m *meter) seconds(name string, bounds []float64, text string) metric.Float64Histogram {
	i, err := m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(text),
		metric.WithExplicitBucketBoundaries(bounds...))
	m.note(err)
	return i
}

func (m *meter) upDown(name, unit, text string) metric.Int64UpDownCounter {
	i, err := m.Int64UpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(text))
	m.note(err)
	return i
}

func (m *meter) counter(name, unit, text string) metric.Int64Counter {
	i, err := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(text))
	m.note(err)
	return i
}

func (m *meter) note(err error) {
	if err != nil {
		m.errs = append(m.errs, err)
	}
}
