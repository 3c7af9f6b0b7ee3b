package main

import (
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/demoredis"
	"github.com/holdfast-go/holdfast/examples/internal/stagetest"
)

func TestMain(m *testing.M) { stagetest.Main(m, program) }

// patient gives calls and extensions time enough under the race detector, on a
// machine that is busy with other things.
func patient(d *demo) { d.expiry = 5 * time.Second }

func TestTheIdOfADeadWorkerIsInherited(t *testing.T) {
	status, out, errs := stagetest.Run(t, program, nil, patient)
	require.Zero(t, status, "%s%s", out, errs)
	assert.Empty(t, errs)
	for _, text := range []string{
		`Worker 4 starts, and has to wait`,
		`Worker 1 is killed. It cannot give id \d back`,
		`Worker 4 has id \d, \d`,
		`Worker 2 still has id`,
		`Worker 4 still has id`,
		`No two living workers had the same id`,
	} {
		assert.Regexp(t, text, out)
	}
}

func TestABrokenSemaphoreEndsNonZero(t *testing.T) {
	status, out, errs := stagetest.Run(t, program, nil, patient, func(d *demo) {
		name := d.semaphoreName(0)
		d.semaphoreName = func(worker int) string { return name + strconv.Itoa(worker) }
	})
	assert.Equal(t, 1, status)
	assert.NotContains(t, out, "No two living workers")
	assert.Regexp(t, `worker-id: workers \d and \d have id 0 at the same time`, errs)
}

func TestWorkStopsWhenTheIdIsLost(t *testing.T) {
	status, _, errs := stagetest.Run(t, program, nil, patient, func(d *demo) {
		d.Out = &stopper{Writer: d.Out, nodes: d.Nodes}
	})
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, "stopped work as id ")
	assert.Contains(t, errs, "ended by itself")
}

// stopper stops all nodes as soon as worker 4 waits.
type stopper struct {
	io.Writer
	nodes *demoredis.Nodes
}

func (s *stopper) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "has to wait") {
		s.nodes.Close()
	}
	return s.Writer.Write(p)
}

func TestTheLedgerSeesOverlaps(t *testing.T) {
	start := time.Now()
	span := func(id, from, until int) claim {
		return claim{ID: id, From: start.Add(time.Duration(from)), Until: start.Add(time.Duration(until))}
	}
	for name, c := range map[string]struct {
		second  claim
		clashes bool
	}{
		"later":        {span(7, 10, 20), false},
		"earlier":      {span(7, -10, 0), false},
		"other id":     {span(8, 0, 10), false},
		"end overlaps": {span(7, 9, 20), true},
		"within":       {span(7, 4, 5), true},
		"around":       {span(7, -1, 11), true},
	} {
		l := newLedger()
		require.NoError(t, l.add(1, span(7, 0, 10)))
		err := l.add(2, c.second)
		assert.Equal(t, c.clashes, err != nil, name)
	}
}

func TestUnreachableServersAreReported(t *testing.T) {
	assert.Empty(t, stagetest.RunUnreachable(t, program))
}

func TestArguments(t *testing.T) { stagetest.CheckArguments(t, program) }
