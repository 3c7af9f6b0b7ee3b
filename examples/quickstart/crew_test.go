package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stagetest"
)

// newCounter returns a counter that stands at zero.
func newCounter(t *testing.T) counter {
	t.Helper()
	c := counter(filepath.Join(t.TempDir(), "counter"))
	require.NoError(t, c.write(0))
	return c
}

func TestOneWorkerLosesNothing(t *testing.T) {
	c := newCounter(t)
	require.NoError(t, crew.Together(t.Context(), []job{{Counter: c, Adds: 12}}, t.Output()))
	n, err := c.read()
	require.NoError(t, err)
	assert.Equal(t, 12, n)
}

func TestAWorkerWaitsHalfway(t *testing.T) {
	c := newCounter(t)
	var seen atomic.Int64
	err := crew.TogetherPausing(t.Context(), []job{{Counter: c, Adds: 12, Halfway: 6}}, t.Output(), func(worker int) {
		assert.Equal(t, 1, worker)
		n, err := c.read()
		assert.NoError(t, err)
		seen.Store(int64(n))
	})
	require.NoError(t, err)
	assert.EqualValues(t, 6, seen.Load())
}

func TestAFailedWorkerStopsTheOthers(t *testing.T) {
	var errs stagetest.Output
	missing := counter(filepath.Join(t.TempDir(), "missing"))
	endless := job{Counter: newCounter(t), Adds: 1 << 30}
	err := crew.Together(t.Context(), []job{endless, {Counter: missing, Adds: 1}}, &errs)
	assert.ErrorContains(t, err, "worker 2: exit status 1")
	assert.Contains(t, errs.String(), "missing")
}

func TestAWorkerThatCannotStartStopsTheOthers(t *testing.T) {
	endless := job{Counter: newCounter(t), Adds: 1 << 30}
	tooLong := job{Counter: counter(strings.Repeat("x", 1<<24))} // for the environment of a process
	err := crew.Together(t.Context(), []job{endless, tooLong}, t.Output())
	assert.ErrorContains(t, err, "start worker 2: ")
}

func TestWorkersEndWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	endless := job{Counter: newCounter(t), Adds: 1 << 30, Halfway: 3}
	err := crew.TogetherPausing(ctx, []job{endless}, t.Output(), func(int) { cancel() })
	assert.ErrorIs(t, err, context.Canceled)
}

func TestAWorkerWithoutAListenerEnds(t *testing.T) {
	c := newCounter(t)
	j := job{Counter: c, Adds: 5}
	assert.Error(t, j.Do(t.Context(), crew.NewTalk(io.Discard, strings.NewReader(""))), "no process asks it to begin")
	n, err := c.read()
	require.NoError(t, err)
	assert.Zero(t, n)
}
