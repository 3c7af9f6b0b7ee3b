package otelholdfast_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/otelholdfast"
)

var (
	invoice = holdfast.Lock{Kind: "mutex", Name: "invoice:42", Count: 1}
	slots   = holdfast.Lock{Kind: "semaphore", Name: "gpu", Count: 3}
)

// meters is a meter provider that tests read.
type meters struct {
	*sdkmetric.MeterProvider
	reader *sdkmetric.ManualReader
}

func newMeters() meters {
	reader := sdkmetric.NewManualReader()
	return meters{sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), reader}
}

// hooks are some that report to m.
func (m meters) hooks(t *testing.T, options ...otelholdfast.Option) *holdfast.Hooks {
	h, err := otelholdfast.New(append(options, otelholdfast.WithMeterProvider(m))...)
	require.NoError(t, err)
	return h
}

// read lists what one metric has, a line for each set of attributes: their values in the
// order of their keys, and the value, or the number and sum of a histogram.
func (m meters) read(t *testing.T, name string) []string {
	var all metricdata.ResourceMetrics
	require.NoError(t, m.reader.Collect(t.Context(), &all))
	var lines []string
	for _, scope := range all.ScopeMetrics {
		require.Equal(t, "github.com/holdfast-go/holdfast/otelholdfast", scope.Scope.Name)
		for _, metric := range scope.Metrics {
			if metric.Name == name {
				lines = append(lines, points(t, metric.Data)...)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func points(t *testing.T, data metricdata.Aggregation) (lines []string) {
	switch data := data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			lines = append(lines, values(p.Attributes)+fmt.Sprint(p.Value))
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			lines = append(lines, values(p.Attributes)+fmt.Sprintf("%d: %gs", p.Count, p.Sum))
		}
	default:
		t.Fatalf("an unexpected %T", data)
	}
	return lines
}

func values(set attribute.Set) string {
	var b strings.Builder
	for _, a := range set.ToSlice() {
		b.WriteString(a.Value.Emit() + " ")
	}
	return b.String()
}

// acquire is a call that has ended as a says, in the hooks' eyes.
func acquire(ctx context.Context, h *holdfast.Hooks, l holdfast.Lock, a holdfast.Acquired) {
	h.AcquireDone(h.AcquireStart(ctx, l), l, a)
}

func TestWaits(t *testing.T) {
	m := newMeters()
	h := m.hooks(t)
	for err, n := range map[error]int{
		errors.Join(holdfast.ErrFailed, &holdfast.ErrTaken{Nodes: []int{0}}):                            2,
		errors.Join(holdfast.ErrFailed, context.Canceled, &holdfast.ErrTaken{}):                         1,
		errors.Join(holdfast.ErrFailed, context.DeadlineExceeded, &holdfast.ErrTaken{}):                 1,
		errors.Join(holdfast.ErrConfig):                                                                 1,
		errors.Join(holdfast.ErrFailed, &holdfast.RedisError{Node: 0, Err: errors.New("not answered")}): 1,
	} {
		for range n {
			acquire(t.Context(), h, invoice, holdfast.Acquired{Waited: time.Second, Err: err})
		}
	}
	acquire(t.Context(), h, invoice, holdfast.Acquired{Waited: 250 * time.Millisecond})
	acquire(t.Context(), h, invoice, holdfast.Acquired{Passed: true})
	acquire(t.Context(), h, slots, holdfast.Acquired{Granted: true})

	require.Equal(t, []string{
		"canceled mutex canceled 1: 1s",
		"failed mutex failed 1: 1s",
		"misconfigured mutex misconfigured 1: 1s",
		"mutex acquired 1: 0.25s",
		"mutex passed 1: 0s",
		"semaphore granted 1: 0s",
		"taken mutex taken 2: 2s",
		"timeout mutex timeout 1: 1s",
	}, m.read(t, "holdfast.lock.wait_time"))
}

func TestPendingRequests(t *testing.T) {
	m := newMeters()
	h := m.hooks(t)
	ctx := h.AcquireStart(t.Context(), invoice)
	acquire(t.Context(), h, invoice, holdfast.Acquired{Err: holdfast.ErrFailed})
	require.Equal(t, []string{"mutex 1"}, m.read(t, "holdfast.lock.pending_requests"))
	h.AcquireDone(ctx, invoice, holdfast.Acquired{})
	require.Equal(t, []string{"mutex 0"}, m.read(t, "holdfast.lock.pending_requests"))
}

// What is held goes down once for each lock, be it released, lost, or both.
func TestHeldAndLosses(t *testing.T) {
	m := newMeters()
	h := m.hooks(t)
	acquire(t.Context(), h, slots, holdfast.Acquired{Err: holdfast.ErrFailed})
	require.Empty(t, m.read(t, "holdfast.lock.held"))
	for range 4 {
		acquire(t.Context(), h, slots, holdfast.Acquired{})
	}
	require.Equal(t, []string{"semaphore 12"}, m.read(t, "holdfast.lock.held"))
	require.Equal(t, []string{"semaphore 0"}, m.read(t, "holdfast.lock.losses"))

	h.Released(t.Context(), slots, holdfast.Released{Held: time.Minute})
	h.Released(t.Context(), slots, holdfast.Released{Err: errors.New("not answered")})
	require.Equal(t, []string{"semaphore 6"}, m.read(t, "holdfast.lock.held"))

	h.Lost(slots, holdfast.ErrLost)
	require.Equal(t, []string{"semaphore 3"}, m.read(t, "holdfast.lock.held"))
	require.Equal(t, []string{"semaphore 3"}, m.read(t, "holdfast.lock.losses"))
	h.Released(t.Context(), slots, holdfast.Released{Err: errors.Join(holdfast.ErrLockAlreadyExpired, holdfast.ErrLost)})
	h.Released(t.Context(), slots, holdfast.Released{Passed: true})
	require.Equal(t, []string{"semaphore 0"}, m.read(t, "holdfast.lock.held"))

	require.Equal(t, []string{
		"failed semaphore failed 1: 0s",
		"lost semaphore lost 1: 0s",
		"semaphore passed 1: 0s",
		"semaphore released 1: 60s",
	}, m.read(t, "holdfast.lock.use_time"))
}

func TestExtensions(t *testing.T) {
	m := newMeters()
	h := m.hooks(t)
	h.Extended(t.Context(), invoice, nil)
	h.Extended(t.Context(), invoice, nil)
	h.Extended(t.Context(), invoice, errors.New("not answered"))
	h.Extended(t.Context(), invoice, holdfast.ErrLockAlreadyExpired)
	require.Equal(t, []string{"expired mutex expired 1", "failed mutex failed 1", "mutex won 2"},
		m.read(t, "holdfast.lock.extensions"))
}

func TestNodeErrors(t *testing.T) {
	m := newMeters()
	h := m.hooks(t)
	for _, err := range []error{os.ErrDeadlineExceeded, &driver.ReplyError{Err: errors.New("LOADING")}, errors.New("refused")} {
		h.NodeError(invoice, 2, &holdfast.RedisError{Node: 2, Err: fmt.Errorf("wrapped: %w", err)})
	}
	require.Equal(t, []string{"connection mutex 2 1", "reply mutex 2 1", "timeout mutex 2 1"},
		m.read(t, "holdfast.node.errors"))
}

// What the engine reports of a node that hangs, connected or not, and of one that is gone.
func TestNodeErrorsOfNodes(t *testing.T) {
	redistest.Needs(t, redistest.CanPause, redistest.CanKill)
	for _, c := range []struct {
		fault     func(*redistest.Node, testing.TB)
		connected bool
		want      string
	}{
		{(*redistest.Node).Pause, true, "timeout mutex 0 1"},
		{(*redistest.Node).Pause, false, "timeout mutex 0 1"},
		{(*redistest.Node).Kill, true, "connection mutex 0 1"},
		{(*redistest.Node).Kill, false, "connection mutex 0 1"},
	} {
		node, m := redistest.Start(t, 1)[0], newMeters()
		lock := mutex.New(pool(t, node.Addr())).NewMutex(redistest.Name(t), mutex.WithExpiry(10*time.Second), mutex.WithHooks(m.hooks(t)))
		if c.connected {
			require.NoError(t, lock.Lock())
			_, err := lock.Unlock()
			require.NoError(t, err)
		}
		c.fault(node, t)
		require.ErrorIs(t, lock.TryLock(), mutex.ErrFailed)
		require.Equal(t, []string{c.want}, m.read(t, "holdfast.node.errors"))
	}
}

func TestNamesAreTheUsers(t *testing.T) {
	m := newMeters()
	h := m.hooks(t, nil, otelholdfast.WithLockName(func(l holdfast.Lock) string {
		name, _, found := strings.Cut(l.Name, ":")
		if !found {
			return ""
		}
		return name
	}))
	for _, l := range []holdfast.Lock{invoice, slots} {
		acquire(t.Context(), h, l, holdfast.Acquired{})
		h.Extended(t.Context(), l, nil)
		h.Lost(l, holdfast.ErrLost)
		h.NodeError(l, 0, errors.New("refused"))
		h.Released(t.Context(), l, holdfast.Released{})
	}
	for _, name := range []string{"wait_time", "use_time", "held", "pending_requests", "extensions", "losses"} {
		all := strings.Join(m.read(t, "holdfast.lock."+name), "\n")
		require.Contains(t, all, "mutex invoice ", name)
		require.NotContains(t, all, "gpu", name)
	}
	require.Equal(t, []string{"connection mutex invoice 0 1", "connection semaphore 0 1"}, m.read(t, "holdfast.node.errors"))
}

func TestHolderOfALongWait(t *testing.T) {
	m := newMeters()
	found := make(chan struct{})
	find := holdfast.HolderHooks(time.Nanosecond, func(context.Context, holdfast.Lock) string {
		defer close(found)
		return "pod-7"
	})
	h := holdfast.JoinHooks(find, m.hooks(t))
	ctx := h.AcquireStart(t.Context(), invoice)
	<-found
	require.Eventually(t, func() bool { return holdfast.Holder(ctx) != "" }, time.Minute, time.Millisecond)
	h.AcquireDone(ctx, invoice, holdfast.Acquired{Waited: time.Minute})
	require.Equal(t, []string{"pod-7 mutex acquired 1: 60s"}, m.read(t, "holdfast.lock.wait_time"))
	require.Equal(t, []string{"mutex 1"}, m.read(t, "holdfast.lock.held"))
}

// mean is a meter provider that has no counters.
type mean struct{ noop.MeterProvider }

func (mean) Meter(string, ...metric.MeterOption) metric.Meter { return noCounters{} }

type noCounters struct{ noop.Meter }

func (noCounters) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, errors.New("no " + name)
}

func TestNewSaysWhichInstrumentWasRefused(t *testing.T) {
	h, err := otelholdfast.New(otelholdfast.WithMeterProvider(mean{}))
	require.Nil(t, h)
	require.ErrorContains(t, err, "otelholdfast: no holdfast.lock.extensions")
	require.ErrorContains(t, err, "no holdfast.node.errors")
}

func TestNewGoesWithoutProviders(t *testing.T) {
	h, err := otelholdfast.New(otelholdfast.WithMeterProvider(nil), otelholdfast.WithTracerProvider(nil))
	require.NoError(t, err)
	acquire(t.Context(), h, invoice, holdfast.Acquired{})
}
