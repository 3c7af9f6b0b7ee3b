//go:build unix

package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

func TestRunGivesTheCommandItsLock(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	p := start(t, urlOf(node), "run", "-mutex", name, "-fence", "-owner", "me", "--", "sh", "-c",
		`echo "$HOLDFAST_NAME $HOLDFAST_VALUE $HOLDFAST_FENCE"; exit 7`)
	assert.Equal(t, 7, p.status(), p.errors())
	assert.Regexp(t, "^"+name+" [0-9a-f-]{36}@me [0-9]{16}\n$", p.output())
	p = start(t, urlOf(node), "run", "-semaphore", name, "-limit", "3", "-n", "2", "--", "sh", "-c", `echo $HOLDFAST_SLOTS; kill -KILL $$`)
	assert.Equal(t, 128+9, p.status(), p.errors())
	assert.Equal(t, "0,1\n", p.output())
	for _, mode := range []string{"-read", "-write"} {
		assert.Zero(t, start(t, urlOf(node), "run", mode, name, "--", "true").status())
	}
	status, err := inspector(t, node).Mutex(t.Context(), name)
	require.NoError(t, err)
	assert.Empty(t, status.Holders)
}

// A majority has released the lock before the far node does: run ends after that.
func TestRunLeavesNothingOnAFarNode(t *testing.T) {
	var urls []string
	nodes := redistest.Start(t, 3, redistest.WithProxy())
	for _, node := range nodes {
		urls = append(urls, urlOf(node))
	}
	proxy := nodes[2].Proxy()
	proxy.Far(redistest.Link{RoundTrip: 100 * time.Millisecond})
	urls[2] = "redis://" + proxy.Addr()
	for _, kind := range []string{"-mutex", "-write", "-read"} {
		name := redistest.Name(t) + kind
		p := start(t, strings.Join(urls, ","), "run", kind, name, "-expiry", "1m", "--", "sh", "-c", "sleep 0.5")
		assert.Zero(t, p.status(), p.errors())
		assert.Empty(t, nodes[2].Do(t, "KEYS", name+"*"), kind)
	}
}

// A run in the command of another one passes on nothing of that one's lock.
func TestRunInARun(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	p := start(t, urlOf(node), "run", "-mutex", name, "-fence", "--",
		os.Args[0], "run", "-semaphore", name+":inner", "-limit", "1", "--",
		os.Args[0], "run", "-read", name+":innermost", "--", "sh", "-c", `echo "$HOLDFAST_NAME $HOLDFAST_FENCE$HOLDFAST_SLOTS"; env | grep -c ^HOLDFAST_VALUE=`)
	assert.Zero(t, p.status(), p.errors())
	assert.Equal(t, name+":innermost \n1\n", p.output())
}

// Readers share nothing, also where they have one owner: each command has the value of its
// own lease, with which it can be freed.
func TestEachReaderHasItsValue(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	in := inspector(t, node)
	writer := start(t, urlOf(node), "run", "-write", name, "--", "sh", "-c", "echo; "+loop)
	writer.next()
	var readers []*process
	for range 2 {
		readers = append(readers, start(t, urlOf(node), "run", "-read", name, "-owner", "me", "-wait", "-1s", "--", "sh", "-c", "echo $HOLDFAST_VALUE; "+loop))
	}
	require.Eventually(t, func() bool { // they have tried in vain before
		status, err := in.RWMutex(t.Context(), name)
		return err == nil && len(status.Waiters) == 2
	}, patience, tick)
	_, table, _ := call(t, node, "", "show", name)
	assert.Len(t, regexp.MustCompile(`(?m)^  me +read +1 +`).FindAllString(table, -1), 2, "waiters are shown by their owner: %s", table)
	require.NoError(t, writer.Process.Signal(syscall.SIGTERM))
	values := []string{readers[0].next(), readers[1].next()}

	status, err := in.RWMutex(t.Context(), name)
	require.NoError(t, err)
	var shown []string
	for _, h := range status.Holders {
		shown = append(shown, h.Value)
		assert.Equal(t, []any{inspect.Read, "me", false}, []any{h.Mode, h.Owner, h.Since.IsZero()})
	}
	assert.ElementsMatch(t, values, shown)

	release := start(t, urlOf(node), "release", name, "-value", values[0], "-yes")
	assert.Zero(t, release.status(), release.errors())
	assert.Equal(t, statusLost, readers[0].status(), readers[0].errors())
	require.NoError(t, readers[1].Process.Signal(syscall.SIGTERM))
	assert.Equal(t, 128+15, readers[1].status(), readers[1].errors())
}

func TestRunWithoutTheLock(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	node.Do(t, "SET", name, "other", "PX", 600_000)
	for _, wait := range []string{"0", "100ms"} {
		p := start(t, urlOf(node), "run", "-mutex", name, "-wait", wait, "--", "echo", "ran")
		assert.Equal(t, statusUnlocked, p.status())
		assert.Empty(t, p.output())
	}
	waits := start(t, urlOf(node), "run", "-mutex", name, "-wait", "-1s", "--", "echo", "ran")
	in := inspector(t, node)
	require.Eventually(t, func() bool {
		status, err := in.Mutex(t.Context(), name)
		return err == nil && len(status.Waiters) == 1
	}, patience, tick)
	require.NoError(t, waits.Process.Signal(syscall.SIGTERM))
	assert.Equal(t, 128+15, waits.status())
	assert.Empty(t, waits.output())
	assert.Equal(t, statusNotFound, start(t, urlOf(node), "run", "-mutex", name, "--", "no-such-command").status())
	for _, args := range [][]string{
		{"-mutex", name}, {"-mutex", name, "-owner", "two words", "--", "true"}, {"-read", name, "-owner", strings.Repeat("x", 257), "--", "true"},
	} {
		p := start(t, urlOf(node), append([]string{"run"}, args...)...)
		assert.Equal(t, statusUsage, p.status(), args)
	}
	node.Do(t, "DEL", name)
}

// Each run makes a directory for its slot, which fails if another one has it: never more
// than five run. HOLDFAST_TEST_RUNS=1000 has as many.
func TestNeverSixOfFive(t *testing.T) {
	node, name, dir := redistest.StartOne(t), redistest.Name(t), t.TempDir()
	runs := 20
	if text := os.Getenv("HOLDFAST_TEST_RUNS"); text != "" {
		var err error
		runs, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	const script = `mkdir "$0/$HOLDFAST_SLOTS" || exit 9; n=$(ls "$0" | wc -l); [ $n -le 5 ] || exit 10; sleep 0.02; rmdir "$0/$HOLDFAST_SLOTS"`
	beside := make(chan struct{}, 40) // processes at a time
	var all sync.WaitGroup
	for range runs {
		beside <- struct{}{}
		p := start(t, urlOf(node), "run", "-semaphore", name, "-limit", "5", "-wait", "-1s", "--", "sh", "-c", script, dir)
		all.Go(func() {
			defer func() { <-beside }()
			select {
			case <-p.exited:
				assert.Zero(t, p.ProcessState.ExitCode(), p.errors())
			case <-time.After(time.Duration(cap(beside)) * patience):
				assert.Fail(t, "it has not ended")
			}
		})
	}
	all.Wait()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}
