package main

import (
	"bytes"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/leaktest"
	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
)

// TestMain makes the test binary one of the processes when the demonstration starts it so.
func TestMain(m *testing.M) {
	performMember()
	leaktest.Main(m)
}

// output collects what a program writes, with its processes' standard errors.
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

func TestTheWaitIsSeenFourTimes(t *testing.T) {
	status, out, errs := program(t, nil)
	require.Zero(t, status, "%s%s", out, errs)
	assert.Empty(t, errs)
	for _, text := range []string{
		`log     level=WARN msg="waiting for a lock" kind=mutex .*holder=report-worker`,
		`metric  holdfast\.lock\.pending_requests\{kind=mutex\} 1\n`,
		`show    mutex example:hiddenwait:\w+: 1 held, 1 waiting, 1 of 1 nodes answered`,
		`show      report-worker  exclusive`,
		`log     level=INFO msg="lock acquired after a wait" .*holder=report-worker`,
		`metric  holdfast\.lock\.wait_time\{.*holder=report-worker.*\} count 1, sum [1-9]\d*\.\d\ds`,
		`metric  holdfast\.lock\.pending_requests\{kind=mutex\} 0\n`,
		`trace   GET /orders/42 [1-9]`,
		`trace     acquire mutex [1-9].*holder=report-worker`,
		`trace     hold mutex `,
		`all name the holder: report-worker`,
	} {
		assert.Regexp(t, text, out)
	}
}

// Without the hooks that look for the holder only holdfast show knows it, and that is found.
func TestAHolderThatIsNotNamedEndsNonZero(t *testing.T) {
	status, out, errs := program(t, nil, func(d *demo) { d.job.Blind = true })
	assert.Equal(t, 1, status)
	assert.NotContains(t, out, "all name the holder")
	for _, where := range []string{"metric", "log", "trace"} {
		assert.Contains(t, errs, "the "+where+" does not say who held the lock")
	}
	assert.NotContains(t, errs, "the show does not")
}

func TestAnUnreachableServerIsReported(t *testing.T) {
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
