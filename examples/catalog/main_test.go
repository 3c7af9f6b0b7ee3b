package main

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/stagetest"
)

func TestMain(m *testing.M) { stagetest.Main(m, program) }

// smaller makes the demonstration quick under the race detector, and still
// certain to tear.
func smaller(d *demo) { d.workers, d.turns, d.rewrite, d.files = 4, 24, 6, 5 }

func TestOnlyTheLockKeepsTheCatalogWhole(t *testing.T) {
	status, out, errs := stagetest.Run(t, program, nil, smaller)
	require.Zero(t, status, "%s%s", out, errs)
	assert.Empty(t, errs)
	assert.Regexp(t, `Without the lock: [1-9]\d* of 96 reads were torn`, out)
	assert.Contains(t, out, "With the lock:    0 of 96 reads were torn.")
	assert.Contains(t, out, "rewritten 16 times, and no rewrite was lost")
}

func TestABrokenLockEndsNonZero(t *testing.T) {
	for how, name := range map[string]func(int) string{
		"switched off": func(int) string { return "" },
		"one for each": func(worker int) string { return "catalog-test:" + strconv.Itoa(worker) },
	} {
		t.Run(how, func(t *testing.T) {
			status, out, errs := stagetest.Run(t, program, nil, smaller, func(d *demo) { d.lockName = name })
			assert.Equal(t, 1, status)
			assert.Regexp(t, `With the lock: +[1-9]\d* of 96 reads were torn`, out)
			assert.Regexp(t, `catalog: with the lock: [1-9]\d* reads were torn; the first: worker \d`, errs)
		})
	}
}

func TestALostRewriteIsSeen(t *testing.T) {
	d := &demo{workers: 2, turns: 4, rewrite: 4}
	require.NoError(t, d.judge(outcome{last: edition{3, 3}}))
	require.ErrorContains(t, d.judge(outcome{last: edition{2, 2}}), "should be of version 3, and its files are of [2 2]")
	require.ErrorContains(t, d.judge(outcome{last: edition{3, 3}, torn: []string{"a worker"}}), "the first: a worker")
}

func TestACatalogThatIsNeverTornEndsNonZero(t *testing.T) {
	status, _, errs := stagetest.Run(t, program, nil, func(d *demo) { d.workers, d.turns, d.rewrite = 1, 2, 2 })
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, "catalog: without the lock: no read was torn")
}

func TestTornEditions(t *testing.T) {
	assert.False(t, edition{7, 7, 7}.torn())
	for _, e := range []edition{{7, 7, 8}, {8, 7, 7}, {7, 0, 7}, {0, 0, 0}} {
		assert.True(t, e.torn(), e)
	}
}

func TestWritingStopsWithItsContext(t *testing.T) {
	c := catalog{Dir: t.TempDir(), Files: 3}
	require.NoError(t, c.write(t.Context(), 1))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.write(ended, 2), context.Canceled)
	_, err := c.read(ended)
	require.ErrorIs(t, err, context.Canceled)
	found, err := c.read(t.Context())
	require.NoError(t, err)
	assert.True(t, found.is(1), found)
}

func TestComplaintsAreKept(t *testing.T) {
	c := catalog{Dir: t.TempDir(), Files: 1}
	lines, err := c.complained()
	require.NoError(t, err)
	assert.Empty(t, lines)
	require.NoError(t, c.complain("one"))
	require.NoError(t, c.complain("two"))
	lines, err = c.complained()
	require.NoError(t, err)
	assert.Equal(t, []string{"one", "two"}, lines)
}

func TestUnreachableServersAreReported(t *testing.T) {
	assert.Empty(t, stagetest.RunUnreachable(t, program))
}

func TestArguments(t *testing.T) { stagetest.CheckArguments(t, program) }
