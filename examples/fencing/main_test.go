package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/stagetest"
)

func TestMain(m *testing.M) { stagetest.Main(m, program) }

func TestTheLateWriteIsRefused(t *testing.T) {
	status, out, errs := stagetest.Run(t, program, nil)
	require.Zero(t, status, "%s%s", out, errs)
	assert.Empty(t, errs)
	for _, text := range []string{
		`Process 1 has read 100, still has the lock \(true\), and is paused`,
		`Process 2 writes 50: stored`,
		`Process 1 writes 70: stored`,
		`It has 70, and should have 20\.`,
		`Process 1 writes 70: REFUSED, its token \d{16} is smaller than \d{16}`,
		`Process 1 unlocks, and learns that its hold had ended`,
		`Process 1 writes 20: stored`,
		`It has 20, and should have 20\. Nothing was lost`,
	} {
		assert.Regexp(t, text, out)
	}
}

func TestAnAccountThatDoesNotCheckEndsNonZero(t *testing.T) {
	status, out, errs := stagetest.Run(t, program, nil, func(d *demo) { d.checks = false })
	assert.Equal(t, 1, status)
	assert.NotContains(t, out, "Nothing was lost")
	assert.Contains(t, errs, "fencing: the account has 70, and should have 20")
}

func TestAnAccountKnowsLateTokens(t *testing.T) {
	a := account{checks: true, balance: 1}
	require.NoError(t, a.write(2, 7))
	require.NoError(t, a.write(3, 7)) // the same hold writes again
	require.NoError(t, a.write(4, 9))
	require.Error(t, a.write(5, 8))
	assert.Equal(t, 4, a.balance)
}

func TestUnreachableServersAreReported(t *testing.T) {
	assert.Empty(t, stagetest.RunUnreachable(t, program))
}

func TestArguments(t *testing.T) { stagetest.CheckArguments(t, program) }
