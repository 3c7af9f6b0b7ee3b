package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/stagetest"
)

func TestMain(m *testing.M) { stagetest.Main(m, program) }

func TestOneProcessFills(t *testing.T) {
	status, out, errs := stagetest.Run(t, program, nil)
	require.Zero(t, status, "%s%s", out, errs)
	assert.Empty(t, errs)
	assert.Contains(t, out, "No entry, with the mutex: the source was asked 1 times.")
	assert.Contains(t, out, "A stale entry, with the mutex: the source was asked 1 times.")
}

func TestABrokenMutexEndsNonZero(t *testing.T) {
	status, _, errs := stagetest.Run(t, program, nil, func(d *demo) { d.locked = false })
	assert.Equal(t, 1, status)
	assert.Regexp(t, `cache: the source was asked \d times for one fill`, errs)
}

func TestUnreachableServersAreReported(t *testing.T) { stagetest.RunUnreachable(t, program) }

func TestArguments(t *testing.T) { stagetest.CheckArguments(t, program) }
