package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// telemetry is the fast process's metrics, spans and log, which it says in lines. In a
// service exporters have this place.
type telemetry struct {
	out     *lineWriter
	reader  *sdkmetric.ManualReader
	meters  *sdkmetric.MeterProvider
	tracers *sdktrace.TracerProvider
	ended   *spans
}

func newTelemetry(out io.Writer) *telemetry {
	reader, ended := sdkmetric.NewManualReader(), new(spans)
	return &telemetry{
		out: &lineWriter{out: out}, reader: reader, ended: ended,
		meters:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)),
		tracers: sdktrace.NewTracerProvider(sdktrace.WithSyncer(ended)),
	}
}

// logHandler writes the log as lines of their own kind.
func (t *telemetry) logHandler() slog.Handler {
	return slog.NewTextHandler(prefixed{t.out, "log"}, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{} // so that the lines are short
			}
			return a
		},
	})
}

// sayMetrics says what was measured until now.
func (t *telemetry) sayMetrics(ctx context.Context) {
	var all metricdata.ResourceMetrics
	if err := t.reader.Collect(ctx, &all); err != nil {
		t.out.say("metric", err.Error())
		return
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			t.sayMetric(m)
		}
	}
}

// sayMetric says those that this program is about.
func (t *telemetry) sayMetric(m metricdata.Metrics) {
	switch data := m.Data.(type) {
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			t.out.say("metric", fmt.Sprintf("%s{%s} count %d, sum %.2fs", m.Name, text(p.Attributes), p.Count, p.Sum))
		}
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			if m.Name == "holdfast.lock.pending_requests" {
				t.out.say("metric", fmt.Sprintf("%s{%s} %d", m.Name, text(p.Attributes), p.Value))
			}
		}
	}
}

// text is attributes for people, without the names' common beginnings.
func text(set attribute.Set) string {
	var all []string
	for _, a := range set.ToSlice() {
		key := strings.TrimPrefix(strings.TrimPrefix(string(a.Key), "holdfast."), "lock.")
		all = append(all, key+"="+a.Value.Emit())
	}
	return strings.Join(all, " ")
}

// saySpans says the spans that have ended, each below its parent.
func (t *telemetry) saySpans() {
	for _, s := range t.ended.inOrder() {
		indent := ""
		if s.Parent().IsValid() {
			indent = "  "
		}
		took := s.EndTime().Sub(s.StartTime()).Round(time.Millisecond)
		t.out.say("trace", fmt.Sprintf("%s%s %v %s", indent, s.Name(), took, text(attribute.NewSet(s.Attributes()...))))
	}
}

// spans keeps those that have ended.
type spans struct {
	mu  sync.Mutex
	all []sdktrace.ReadOnlySpan // guarded by mu
}

// ExportSpans is called by the SDK.
func (s *spans) ExportSpans(_ context.Context, ended []sdktrace.ReadOnlySpan) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, ended...)
	return nil
}

// Shutdown is called by the SDK.
func (s *spans) Shutdown(context.Context) error { return nil }

// inOrder are the spans in the order in which they began.
func (s *spans) inOrder() []sdktrace.ReadOnlySpan {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedStableFunc(slices.Values(s.all), func(a, b sdktrace.ReadOnlySpan) int {
		return cmp.Compare(a.StartTime().UnixNano(), b.StartTime().UnixNano())
	})
}

// lineWriter says lines, each of a kind. Several goroutines do.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *lineWriter) say(where, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(w.out, "%s\t%s\n", where, text)
}

// prefixed says each write, which is a line, as one of a kind.
type prefixed struct {
	to    *lineWriter
	where string
}

func (p prefixed) Write(line []byte) (int, error) {
	p.to.say(p.where, strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}
