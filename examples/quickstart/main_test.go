package main

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/demoredis"
	"github.com/holdfast-go/holdfast/examples/internal/stagetest"
)

func TestMain(m *testing.M) { stagetest.Main(m, program) }

// smaller makes the demonstration so small that it is quick under the race
// detector, and still certain to lose additions without a lock.
func smaller(d *demo) { d.processes, d.adds = 3, 10 }

func TestOnlyTheLockKeepsEveryAddition(t *testing.T) {
	status, out, errs := stagetest.Run(t, program, nil, smaller)
	require.Zero(t, status, "%s%s", out, errs)
	assert.Empty(t, errs)

	assert.NotContains(t, line(t, out, "Without the lock:"), "Nothing was lost")
	assert.Positive(t, number(t, out, `(\d+) additions? (?:was|were) lost\.`))
	assert.Contains(t, out, "With the lock:    the number is 30, and should be 30. Nothing was lost.")
}

func TestANodeIsTakenAwayInTheMiddle(t *testing.T) {
	var middle *observer
	status, out, errs := stagetest.Run(t, program, nil, smaller, func(d *demo) {
		middle = &observer{Writer: d.Out, nodes: d.Nodes}
		d.Out = middle
	})
	require.Zero(t, status, "%s%s", out, errs)

	assert.Equal(t, []bool{true, true, false}, middle.reachable)
	assert.Regexp(t, `the number is 15, process [123] holds the lock, and node [0-9.:]+ is taken away`, out)
	assert.Equal(t, 15, number(t, out, `(\d+) additions were made before the node went`))
	assert.Equal(t, 15, number(t, out, `before the node went and (\d+) after`))
}

// observer looks which nodes can be reached at the moment when the demonstration
// says that one was taken away.
type observer struct {
	io.Writer
	nodes     *demoredis.Nodes
	reachable []bool
}

func (o *observer) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "is taken away") {
		for _, addr := range o.nodes.Addrs {
			o.reachable = append(o.reachable, reachable(addr))
		}
	}
	return o.Writer.Write(p)
}

func reachable(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// All of the demonstration's additions: on a machine that is busy with other
// things, a few could happen to come one after the other.
func TestABrokenLockEndsNonZero(t *testing.T) {
	status, out, errs := stagetest.Run(t, program, nil, func(d *demo) {
		lock := d.lockName(0)
		d.lockName = func(worker int) string { return lock + strconv.Itoa(worker) }
	})
	assert.Equal(t, 1, status)
	assert.Regexp(t, `With the lock: .* [0-9]+ additions were lost\.`, out)
	assert.Regexp(t, `quickstart: with the lock: [0-9]+ of 200 additions were lost`, errs)
}

func TestGivenServersAreLeftAlone(t *testing.T) {
	nodes, err := demoredis.Open("", 3)
	require.NoError(t, err)
	defer nodes.Close()

	status, out, errs := stagetest.Run(t, program, []string{"-redis", strings.Join(nodes.Addrs, ",")}, smaller)
	require.Zero(t, status, "%s%s", out, errs)
	assert.Contains(t, out, "No node was taken away")
	assert.NotContains(t, out, "is taken away")
	assert.Contains(t, line(t, out, "With the lock:"), "Nothing was lost.")

	for _, addr := range nodes.Addrs {
		assert.True(t, reachable(addr))
	}
}

func TestUnreachableServersAreReported(t *testing.T) {
	assert.Empty(t, stagetest.RunUnreachable(t, program))
}

func TestArguments(t *testing.T) { stagetest.CheckArguments(t, program) }

func TestAFailureIsAStatus(t *testing.T) {
	status, _, errs := stagetest.Run(t, program, nil, func(d *demo) { d.dir = t.TempDir() + "/missing" })
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, "missing")
}

// line returns the first line of the text that starts with the prefix.
func line(t *testing.T, text, prefix string) string {
	t.Helper()
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, prefix) {
			return l
		}
	}
	require.Fail(t, fmt.Sprintf("no line starts with %q", prefix), text)
	return ""
}

// number returns the number that the pattern's group finds in the text.
func number(t *testing.T, text, pattern string) int {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	require.NotNil(t, found, "%s in:\n%s", pattern, text)
	n, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	return n
}
