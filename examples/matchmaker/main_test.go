package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/stagetest"
)

func TestMain(m *testing.M) { stagetest.Main(m, program) }

func TestOnlyTheMutexKeepsPlayers(t *testing.T) {
	status, out, errs := stagetest.Run(t, program, nil)
	require.Zero(t, status, "%s%s", out, errs)
	assert.Empty(t, errs)
	assert.Regexp(t, `Without the mutex: [1-9]\d* players were lost`, out)
	assert.Contains(t, out, "With the mutex: 0 players were lost, and 3 of 3 tickets are full.")
}

func TestABrokenMutexEndsNonZero(t *testing.T) {
	status, _, errs := stagetest.Run(t, program, nil, func(d *demo) { d.locked = false })
	assert.Equal(t, 1, status)
	assert.Regexp(t, `matchmaker: [1-9]\d* players were lost`, errs)
}

func TestUnreachableServersAreReported(t *testing.T) { stagetest.RunUnreachable(t, program) }

func TestArguments(t *testing.T) { stagetest.CheckArguments(t, program) }
