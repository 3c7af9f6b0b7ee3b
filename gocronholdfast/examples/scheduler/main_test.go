package main

import (
	"bytes"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/leaktest"
	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
)

// TestMain makes the test binary a replica when the demonstration starts it as one.
func TestMain(m *testing.M) {
	performReplica()
	leaktest.Main(m)
}

// output collects what a program writes, with its replicas' standard errors.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// program runs the program in this process and returns all it said.
func program(t *testing.T, args []string, changes ...func(*demo)) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs output
	status = run(t.Context(), args, &out, &errs, changes...)
	return status, out.text.String(), errs.text.String()
}

func TestOneOfTwoRunsEachTickAndAnotherLeadsAfterAKill(t *testing.T) {
	status, out, errs := program(t, nil)
	require.Zero(t, status, "%s%s", out, errs)
	assert.Empty(t, errs)
	for _, text := range []string{
		`Replica \d leads: the other has run no cleanup`,
		`Replica \d is killed`,
		`Replica \d leads, \d+\.\ds later`,
		`Replica \d has run 3 reports since`,
		`No tick was reported twice, and no two replicas led at the same time`,
	} {
		assert.Regexp(t, text, out)
	}
}

// Replicas without a lock in common run all twice, and that is found.
func TestBrokenLocksEndNonZero(t *testing.T) {
	status, out, errs := program(t, nil, func(d *demo) {
		d.name = func(replica int) string { return "broken:" + strconv.Itoa(replica) }
	})
	assert.Equal(t, 1, status)
	assert.NotContains(t, out, "No tick")
	assert.Regexp(t, `lead at the same time|has run the report that`, errs)
}

func TestHistoryFindsWhatMustNotBe(t *testing.T) {
	at := func(job string, replica, ms int) event {
		return event{Job: job, At: time.UnixMilli(int64(ms)), replica: replica}
	}
	for name, c := range map[string]struct {
		events []event
		wrong  string
	}{
		"one a tick":      {[]event{at(reportJob, 1, 1001), at(reportJob, 2, 2001), at(reportJob, 1, 3199)}, ""},
		"a tick twice":    {[]event{at(reportJob, 1, 1001), at(reportJob, 2, 1199)}, "replica 2 has run the report"},
		"late":            {[]event{at(reportJob, 1, 1001), at(reportJob, 2, 1200)}, ""},
		"another leads":   {[]event{at(cleanupJob, 1, 1), at(cleanupJob, 1, 2), at(cleanupJob, 2, 3)}, ""},
		"two lead":        {[]event{at(cleanupJob, 1, 1), at(cleanupJob, 2, 2), at(cleanupJob, 1, 3)}, "replicas 2 and 1 lead"},
		"both of the two": {[]event{at(cleanupJob, 1, 1000), at(reportJob, 2, 1000)}, ""},
	} {
		h := newHistory(time.Second)
		var err error
		for _, e := range c.events {
			require.NoError(t, err, name)
			err = h.add(e)
		}
		if c.wrong == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, c.wrong, name)
		}
	}
}

func TestEventsAreReadAsTheyWereWritten(t *testing.T) {
	want := event{Job: reportJob, At: time.Unix(1, 2), replica: 7}
	got, err := parseEvent(want.String(), 7)
	require.NoError(t, err)
	require.Equal(t, want, got)
	_, err = parseEvent("report", 7)
	require.Error(t, err)
}

func TestUnreachableServersAreReported(t *testing.T) {
	none, err := loopback.Reserve()
	require.NoError(t, err)
	defer none.Release()
	status, _, errs := program(t, []string{"-redis", none.Addr()})
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, none.Addr())
}

func TestArguments(t *testing.T) {
	for arg, want := range map[string]int{"-h": 0, "-nonsense": 2, "surplus": 2} {
		status, out, errs := program(t, []string{arg})
		assert.Equal(t, want, status, arg)
		assert.Empty(t, out, arg)
		assert.Contains(t, errs, "-redis", arg)
	}
}
