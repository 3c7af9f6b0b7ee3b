//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

const patience, tick = 40 * time.Second, 5 * time.Millisecond

// process is holdfast, as a process of its own.
type process struct {
	*exec.Cmd
	out, err bytes.Buffer
}

func start(t *testing.T, node *redistest.Node, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...)}
	p.Env = append(os.Environ(), asCommand+"=1", "HOLDFAST_REDIS=redis://"+node.Addr())
	p.Stdout, p.Stderr = &p.out, &p.err
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// status waits for the process's end.
func (p *process) status() int {
	_ = p.Wait()
	return p.ProcessState.ExitCode()
}

func inspector(t *testing.T, node *redistest.Node) *inspect.Inspector {
	client := redis.NewClient(&redis.Options{Addr: node.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	return inspect.New(goredis.NewPool(client))
}

func awaitFile(t *testing.T, path string) string {
	t.Helper()
	var content []byte
	require.Eventually(t, func() bool {
		content, _ = os.ReadFile(path)
		return bytes.HasSuffix(content, []byte("\n"))
	}, patience, tick)
	return strings.TrimSpace(string(content))
}

func TestRunGivesTheCommandItsLock(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	p := start(t, node, "run", "-mutex", name, "-fence", "-owner", "me", "--", "sh", "-c",
		`echo "$HOLDFAST_NAME $HOLDFAST_VALUE $HOLDFAST_FENCE"; exit 7`)
	assert.Equal(t, 7, p.status(), p.err.String())
	assert.Regexp(t, "^"+name+" [0-9a-f-]{36}@me [0-9]{16}\n$", p.out.String())
	p = start(t, node, "run", "-semaphore", name, "-limit", "3", "-n", "2", "--", "sh", "-c", `echo $HOLDFAST_SLOTS; kill -KILL $$`)
	assert.Equal(t, 128+9, p.status(), p.err.String())
	assert.Equal(t, "0,1\n", p.out.String())
	for _, mode := range []string{"-read", "-write"} {
		assert.Zero(t, start(t, node, "run", mode, name, "--", "true").status())
	}
	status, err := inspector(t, node).Mutex(t.Context(), name)
	require.NoError(t, err)
	assert.Empty(t, status.Holders)
}

func TestRunWithoutTheLock(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	node.Do(t, "SET", name, "other", "PX", 600_000)
	for _, wait := range []string{"0", "100ms"} {
		p := start(t, node, "run", "-mutex", name, "-wait", wait, "--", "echo", "ran")
		assert.Equal(t, statusUnlocked, p.status())
		assert.Empty(t, p.out.String())
	}
	waits := start(t, node, "run", "-mutex", name, "-wait", "-1s", "--", "echo", "ran")
	in := inspector(t, node)
	require.Eventually(t, func() bool {
		status, err := in.Mutex(t.Context(), name)
		return err == nil && len(status.Waiters) == 1
	}, patience, tick)
	require.NoError(t, waits.Process.Signal(syscall.SIGTERM))
	assert.Equal(t, 128+15, waits.status())
	assert.Equal(t, statusNotFound, start(t, node, "run", "-mutex", name, "--", "no-such-command").status())
	assert.Equal(t, statusUsage, start(t, node, "run", "-mutex", name).status())
	node.Do(t, "DEL", name)
}

func TestSignalsGoToTheCommand(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	ready := filepath.Join(t.TempDir(), "ready")
	p := start(t, node, "run", "-mutex", name, "--", "sh", "-c", `trap 'exit 33' INT; echo > "$0"; while :; do sleep 0.02; done`, ready)
	awaitFile(t, ready)
	require.NoError(t, p.Process.Signal(syscall.SIGINT))
	assert.Equal(t, 33, p.status())
}

// Two processes want one mutex. When the first one's lease is freed its command, which
// ignores SIGTERM, is killed by the next renewal, long before the lease would have
// ended; and the other one runs.
func TestALostLockEndsTheCommand(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	const expiry = 9 * time.Second
	ready, term := filepath.Join(t.TempDir(), "ready"), filepath.Join(t.TempDir(), "term")
	first := start(t, node, "run", "-mutex", name, "-expiry", expiry.String(), "--", "sh", "-c",
		`trap 'echo term > "$1"' TERM; echo $$ > "$0"; while :; do sleep 0.02; done`, ready, term)
	pid, err := strconv.Atoi(awaitFile(t, ready))
	require.NoError(t, err)
	second := start(t, node, "run", "-mutex", name, "--", "echo", "second")
	in := inspector(t, node)
	var status inspect.Status
	require.Eventually(t, func() bool {
		status, err = in.Mutex(t.Context(), name)
		return err == nil && len(status.Waiters) == 1
	}, patience, tick)
	freed := time.Now()
	_, err = in.Release(t.Context(), status.Holders[0])
	require.NoError(t, err)
	assert.Equal(t, statusLost, first.status())
	assert.Less(t, time.Since(freed), expiry)
	assert.Equal(t, "term", awaitFile(t, term), "SIGTERM comes first")
	assert.True(t, gone(pid))
	assert.Contains(t, first.err.String(), "the lock is lost")
	assert.Zero(t, second.status(), second.err.String())
	assert.Equal(t, "second\n", second.out.String())
}

// gone reports whether a process has ended. Its parent may not have noticed yet.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

// A holdfast that was killed takes its command with it, and leaves the lock to its expiry.
func TestAKilledHoldfast(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a process with its parent")
	}
	node, name := redistest.StartOne(t), redistest.Name(t)
	ready := filepath.Join(t.TempDir(), "ready")
	p := start(t, node, "run", "-mutex", name, "-expiry", "4s", "--", "sh", "-c", `echo $$ > "$0"; exec sleep 600`, ready)
	pid, err := strconv.Atoi(awaitFile(t, ready))
	require.NoError(t, err)
	require.NoError(t, p.Process.Kill())
	_ = p.Wait()
	require.Eventually(t, func() bool { return gone(pid) }, patience, tick)
	assert.Zero(t, start(t, node, "run", "-mutex", name, "--", "true").status(), "it has expired, and is free")
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
		p := start(t, node, "run", "-semaphore", name, "-limit", "5", "-wait", "-1s", "--", "sh", "-c", script, dir)
		all.Go(func() {
			assert.Zero(t, p.status(), p.err.String())
			<-beside
		})
	}
	all.Wait()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}
