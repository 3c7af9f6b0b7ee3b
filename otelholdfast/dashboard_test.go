package otelholdfast_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"gopkg.in/yaml.v3"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/otelholdfast"
)

// labels are those of a series.
type labels map[string]bool

// exported makes everything happen that there is a metric for, and returns what the
// Prometheus exporter shows then: the names of the series, and their labels.
func exported(t *testing.T) map[string]labels {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	require.NoError(t, err)
	hooks, err := otelholdfast.New(otelholdfast.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))))
	require.NoError(t, err)
	everything(t, hooks)

	families, err := registry.Gather()
	require.NoError(t, err)
	series := make(map[string]labels)
	for _, family := range families {
		of := make(labels)
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				of[l.GetName()] = true
			}
		}
		for _, suffix := range suffixes[family.GetType()] {
			series[family.GetName()+suffix] = of
		}
		of["le"] = family.GetType() == dto.MetricType_HISTOGRAM
	}
	delete(series, "target_info")
	return series
}

// suffixes are those of the series of one metric.
var suffixes = map[dto.MetricType][]string{
	dto.MetricType_HISTOGRAM: {"_bucket", "_count", "_sum"},
	dto.MetricType_COUNTER:   {""},
	dto.MetricType_GAUGE:     {""},
}

// everything has each hook called, and each attribute set.
func everything(t *testing.T, hooks *holdfast.Hooks) {
	found := make(chan struct{})
	h := holdfast.JoinHooks(holdfast.HolderHooks(0, func(context.Context, holdfast.Lock) string {
		defer close(found)
		return "pod-7"
	}), hooks)
	ctx := h.AcquireStart(t.Context(), invoice)
	<-found
	require.Eventually(t, func() bool { return holdfast.Holder(ctx) != "" }, time.Minute, time.Millisecond)
	h.AcquireDone(ctx, invoice, holdfast.Acquired{Err: holdfast.ErrFailed})
	h.Extended(ctx, invoice, holdfast.ErrExtendFailed)
	h.Released(ctx, invoice, holdfast.Released{Err: holdfast.ErrLost})
	h.Lost(invoice, holdfast.ErrLost)
	h.NodeError(invoice, 1, errors.New("refused"))
}

// queries are all queries of the dashboard, those of its variables too.
func queries(t *testing.T) []string {
	var dashboard struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct {
				Type       string
				Query      any
				Definition string
			}
		}
	}
	text, err := os.ReadFile("grafana/holdfast.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &dashboard))
	var all []string
	for _, panel := range dashboard.Panels {
		require.NotEmpty(t, panel.Targets)
		for _, target := range panel.Targets {
			all = append(all, target.Expr)
		}
	}
	for _, variable := range dashboard.Templating.List {
		if variable.Type == "query" {
			require.Equal(t, variable.Definition, variable.Query.(map[string]any)["query"])
			all = append(all, variable.Definition)
		}
	}
	return all
}

// alerts are the rules' expressions.
func alerts(t *testing.T) []string {
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	text, err := os.ReadFile("prometheus/alerts.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &rules))
	var all []string
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			all = append(all, rule.Expr)
		}
	}
	return all
}

// ofTheScrape are labels that Prometheus adds.
var ofTheScrape = labels{"job": true}

// word finds names of metrics and of labels.
var word = regexp.MustCompile(`\b(holdfast_\w+|error_type|le|job)\b`)

// used checks a query's words against what is exported, and returns the series among them.
func used(t *testing.T, query string, series map[string]labels) []string {
	var names, others []string
	for _, w := range word.FindAllString(query, -1) {
		if series[w] != nil {
			names = append(names, w)
		} else {
			others = append(others, w)
		}
	}
	require.NotEmpty(t, names, "no metric that is exported: %s", query)
	for _, name := range names {
		for _, w := range others {
			require.True(t, series[name][w] || ofTheScrape[w], "%s has no %s: %s", name, w, query)
		}
	}
	return names
}

func TestQueriesAreOfMetricsThatAreExported(t *testing.T) {
	series := exported(t)
	require.Len(t, series, 2*3+5)
	unused := maps.Clone(series)
	for _, query := range slices.Concat(queries(t), alerts(t)) {
		for _, name := range used(t, query, series) {
			delete(unused, name)
		}
	}
	delete(unused, "holdfast_lock_use_time_seconds_sum") // a mean, which no panel shows
	require.Empty(t, unused, "metrics that nothing shows")
}

func TestAlertsAsPrometheusReadsThem(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		// It is no Go module that could be pinned. CI installs it.
		t.Skip("promtool, of Prometheus, is not on the PATH")
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		command := exec.CommandContext(t.Context(), promtool, args...)
		command.Dir = "prometheus"
		said, err := command.CombinedOutput()
		require.NoError(t, err, string(said))
	}
}
