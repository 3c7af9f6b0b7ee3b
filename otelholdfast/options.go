package otelholdfast

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/holdfast-go/holdfast"
)

// Option configures the hooks.
type Option interface {
	apply(*config)
}

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

type config struct {
	meters  metric.MeterProvider
	tracers trace.TracerProvider
	name    func(holdfast.Lock) string
}

func newConfig(options []Option) config {
	c := config{meters: otel.GetMeterProvider(), tracers: otel.GetTracerProvider()}
	for _, option := range options {
		if option != nil {
			option.apply(&c)
		}
	}
	return c
}

// WithMeterProvider sets where metrics go. The default is the global provider; nil is
// ignored.
func WithMeterProvider(p metric.MeterProvider) Option {
	return optionFunc(func(c *config) {
		if p != nil {
			c.meters = p
		}
	})
}

// WithTracerProvider sets where spans go. The default is the global provider; nil is
// ignored.
func WithTracerProvider(p trace.TracerProvider) Option {
	return optionFunc(func(c *config) {
		if p != nil {
			c.tracers = p
		}
	})
}

// WithLockName adds what name returns to each metric and span, as holdfast.lock.name, unless
// it is "". Each value is a time series of its own for as long as the process lives, so return
// few: "invoice" for invoice:42. The same lock must always get the same value. By default there
// is no such attribute.
func WithLockName(name func(holdfast.Lock) string) Option {
	return optionFunc(func(c *config) { c.name = name })
}
