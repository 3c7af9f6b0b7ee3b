package main

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/stagetest"
)

func TestMain(m *testing.M) { stagetest.Main(m, program) }

func TestAnotherReplicaTakesOver(t *testing.T) {
	status, out, errs := stagetest.Run(t, program, nil)
	require.Zero(t, status, "%s%s", out, errs)
	assert.Empty(t, errs)
	for _, text := range []string{
		`Replica \d leads\.\n`,
		`Replica \d is killed`,
		`Replica \d leads, \d+\.\d+s after the kill; the expiry is 2s`,
		`Replica \d is asked to end`,
		`Replica \d leads, \d+\.\d+s later`,
		`No two replicas led at the same time`,
	} {
		assert.Regexp(t, text, out)
	}
}

// Replicas that do not share a mutex lead all at once, and that is found.
func TestABrokenMutexEndsNonZero(t *testing.T) {
	status, out, errs := stagetest.Run(t, program, nil, func(d *demo) {
		d.lockName = func(replica int) string { return "broken" + strconv.Itoa(replica) }
	})
	assert.Equal(t, 1, status)
	assert.NotContains(t, out, "No two replicas")
	assert.Regexp(t, `leader: replica \d began to lead .* before replica \d had ended`, errs)
}

func TestHistorySeesOverlaps(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	for name, c := range map[string]struct {
		from, until int
		clashes     bool
	}{
		"later":        {11, 20, false},
		"earlier":      {-5, -1, false},
		"end overlaps": {9, 20, true},
		"within":       {4, 5, true},
		"around":       {-1, 11, true},
	} {
		h := newHistory()
		h.add(1, step{true, at(0)})
		h.add(1, step{false, at(10)})
		h.add(2, step{true, at(c.from)})
		h.add(2, step{false, at(c.until)})
		assert.Equal(t, c.clashes, h.check() != nil, name)
	}
}

func TestStepsAreReadAsTheyWereWritten(t *testing.T) {
	want := step{true, time.Unix(1, 2)}
	got, err := parseStep(want.String())
	require.NoError(t, err)
	require.Equal(t, want, got)
	_, err = parseStep("true")
	require.Error(t, err)
}

func TestUnreachableServersAreReported(t *testing.T) { stagetest.RunUnreachable(t, program) }

func TestArguments(t *testing.T) { stagetest.CheckArguments(t, program) }
