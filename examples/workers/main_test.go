package main

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/stagetest"
)

func TestMain(m *testing.M) { stagetest.Main(m, program) }

// smaller makes the demonstration quick under the race detector, and still
// certain to overwhelm the service.
func smaller(d *demo) { d.workers, d.calls, d.capacity = 5, 12, 2 }

func TestOnlyTheSemaphoreProtectsTheService(t *testing.T) {
	status, out, errs := stagetest.Run(t, program, nil, smaller)
	require.Zero(t, status, "%s%s", out, errs)
	assert.Empty(t, errs)
	failed := regexp.MustCompile(`Without the semaphore: (\d+) of 60 requests failed`).FindStringSubmatch(out)
	require.NotNil(t, failed, out)
	n, err := strconv.Atoi(failed[1])
	require.NoError(t, err)
	assert.Positive(t, n)
	assert.Contains(t, out, "With the semaphore:    0 of 60 requests failed.")
}

func TestABrokenSemaphoreEndsNonZero(t *testing.T) {
	for how, name := range map[string]func(int) string{
		"switched off": func(int) string { return "" },
		"one for each": func(worker int) string { return "workers-test:" + strconv.Itoa(worker) },
	} {
		t.Run(how, func(t *testing.T) {
			status, out, errs := stagetest.Run(t, program, nil, smaller, func(d *demo) { d.semaphoreName = name })
			assert.Equal(t, 1, status)
			assert.Regexp(t, `With the semaphore: +[1-9]\d* of 60 requests failed`, out)
			assert.Regexp(t, `workers: with the semaphore: [1-9]\d* requests failed`, errs)
		})
	}
}

func TestAServiceThatIsNeverOverwhelmedEndsNonZero(t *testing.T) {
	status, _, errs := stagetest.Run(t, program, nil, func(d *demo) { d.workers, d.calls = 1, 2 })
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, "workers: without the semaphore: no request failed")
}

func TestUnreachableServersAreReported(t *testing.T) {
	assert.Empty(t, stagetest.RunUnreachable(t, program))
}

func TestArguments(t *testing.T) { stagetest.CheckArguments(t, program) }
