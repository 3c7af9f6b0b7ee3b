//go:build unix

package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

// needsHeeded skips a test that sends a signal where nohup or a shell has started all of this
// to ignore it.
func needsHeeded(t *testing.T, sig os.Signal) {
	t.Helper()
	if signal.Ignored(sig) {
		// holdfast then ignores it as well, which TestIgnoredSignalsStayIgnored shows.
		t.Skip("this process was started to ignore the signal")
	}
}

func TestSignalsGoToTheCommand(t *testing.T) {
	node := redistest.StartOne(t)
	for name, sig := range map[string]syscall.Signal{
		"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP,
		"QUIT": syscall.SIGQUIT, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needsHeeded(t, sig)
			lock := redistest.Name(t)
			p := start(t, urlOf(node), "run", "-mutex", lock, "--", "sh", "-c", `trap 'echo "got $0"; exit 33' "$0"; echo ready; `+loop, name)
			require.Equal(t, "ready", p.next())
			require.NoError(t, p.Process.Signal(sig))
			require.Equal(t, "got "+name, p.next())
			assert.Equal(t, 33, p.status(), p.errors())
			assert.Zero(t, node.Do(t, "EXISTS", lock), "it was released")
		})
	}
}

// What the command has started gets the signals, too.
func TestSignalsGoToTheWholeGroup(t *testing.T) {
	node := redistest.StartOne(t)
	p := start(t, urlOf(node), "run", "-mutex", redistest.Name(t), "--", "sh", "-c",
		`trap 'wait; echo parent; exit 33' TERM; sh -c 'trap "echo child; exit" TERM; echo ready; `+loop+`' & wait; wait`)
	require.Equal(t, "ready", p.next())
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.Equal(t, "child", p.next())
	require.Equal(t, "parent", p.next())
	assert.Equal(t, 33, p.status(), p.errors())
}

// A holdfast that was killed takes its command with it, and leaves the lock to its expiry.
func TestAKilledHoldfast(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a process with its parent")
	}
	node, name := redistest.StartOne(t), redistest.Name(t)
	p := start(t, urlOf(node), "run", "-mutex", name, "-expiry", "12s", "--", "sh", "-c", `echo ready; exec sleep 60`)
	require.Equal(t, "ready", p.next())
	require.NoError(t, p.Process.Kill())
	p.awaitEnd(patience / 4) // the kernel needs no time
	assert.Positive(t, node.Do(t, "PTTL", name), "nothing has released it")
	next := start(t, urlOf(node), "run", "-mutex", name, "--", "true")
	assert.Zero(t, next.status(), "it has expired, and is free: %s", next.errors())
}

// Two processes want one mutex. When the first one's lease is freed its command gets
// SIGTERM and time to clean up, and the other one runs.
func TestALostLockEndsTheCommand(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	first := start(t, urlOf(node), "run", "-mutex", name, "-expiry", "9s", "-grace", patience.String(), "--", "sh", "-c",
		`trap 'echo term; sleep 0.1; echo "cleaned up"; exit' TERM; echo ready; `+loop)
	require.Equal(t, "ready", first.next())
	second := start(t, urlOf(node), "run", "-mutex", name, "--", "echo", "second")
	in := inspector(t, node)
	require.Eventually(t, func() bool {
		status, err := in.Mutex(t.Context(), name)
		return err == nil && len(status.Waiters) == 1
	}, patience, tick)
	status, err := in.Mutex(t.Context(), name)
	require.NoError(t, err)
	_, err = in.Release(t.Context(), status.Holders[0])
	require.NoError(t, err)
	require.Equal(t, "term", first.next())
	require.Equal(t, "cleaned up", first.next())
	assert.Equal(t, statusLost, first.status(), "whatever the command's own")
	assert.Contains(t, first.errors(), "the lock is lost: SIGTERM to the command")
	assert.Zero(t, second.status(), second.errors())
	assert.Equal(t, "second\n", second.output())
}

// A loss is seen by the next renewal, and that comes before the lease would have ended: a
// key that would live as long is still there. On a loaded machine too that renewal is
// answered in time, and not asked for twice.
func TestALossIsSeenByTheNextRenewal(t *testing.T) {
	t.Parallel()
	redistest.Needs(t, redistest.CanCount)
	node, name := redistest.StartOne(t), redistest.Name(t)
	p := start(t, urlOf(node), "run", "-mutex", name, "-expiry", "30s", "-grace", patience.String(), "--", "sh", "-c", `trap 'echo term; exit' TERM; echo ready; `+loop)
	require.Equal(t, "ready", p.next())
	before := node.Calls(t, "evalsha")
	node.Do(t, "RENAME", name, name+":as long")
	require.Equal(t, "term", p.next())
	assert.Equal(t, int64(1), node.Do(t, "EXISTS", name+":as long"))
	assert.LessOrEqual(t, node.Calls(t, "evalsha")-before, 2, "the renewal that was denied, and the release")
	assert.Equal(t, statusLost, p.status())
}

// Where no node answers, the lock is lost when its validity ends.
func TestARedisThatHangsEndsTheCommand(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	node, name := redistest.StartOne(t), redistest.Name(t)
	p := start(t, urlOf(node), "run", "-mutex", name, "-expiry", "2s", "-grace", patience.String(), "--", "sh", "-c", `trap 'echo term; exit' TERM; echo ready; `+loop)
	require.Equal(t, "ready", p.next())
	node.Pause(t)
	require.Equal(t, "term", p.next())
	assert.Equal(t, statusLost, p.status())
	node.Resume(t)
}

// Of two commands that ignore SIGTERM and have lost their locks, the one with little grace
// is killed, while the one with more lives.
func TestTheGraceBoundsACommandThatIgnoresSIGTERM(t *testing.T) {
	node := redistest.StartOne(t)
	var runs []*process
	lost := []any{"DEL"}
	for _, grace := range []time.Duration{300 * time.Millisecond, time.Hour} {
		name := redistest.Name(t)
		p := start(t, urlOf(node), "run", "-mutex", name, "-expiry", "9s", "-grace", grace.String(), "--", "sh", "-c", `trap '' TERM; echo ready; `+loop)
		require.Equal(t, "ready", p.next())
		runs, lost = append(runs, p), append(lost, name)
	}
	require.Equal(t, int64(2), node.Do(t, lost...))
	brief, patient := runs[0], runs[1]
	patient.awaitError("the lock is lost")
	assert.Equal(t, statusLost, brief.status())
	assert.Contains(t, brief.errors(), "SIGKILL in 300ms")
	select {
	case <-patient.exited:
		assert.Fail(t, "it had an hour")
	default:
	}
	require.NoError(t, patient.Process.Signal(syscall.SIGUSR1)) // which it does not ignore
	assert.Equal(t, statusLost, patient.status(), "whatever has ended it")
}

func TestASignalEndsWatching(t *testing.T) {
	node := redistest.StartOne(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		needsHeeded(t, sig)
		p := start(t, urlOf(node), "show", "-watch", redistest.Name(t))
		require.Contains(t, p.next(), ": free: ")
		require.NoError(t, p.Process.Signal(sig))
		assert.Zero(t, p.status(), p.errors())
		assert.Empty(t, p.errors())
	}
}

// What the command has started is killed after the grace, too, when the command itself has
// ended at once.
func TestTheGraceBoundsWhatTheCommandLeaves(t *testing.T) {
	t.Parallel()
	node := redistest.StartOne(t)
	for _, c := range []struct {
		grace, child, last string
	}{
		{"100ms", `trap "" TERM; echo ready; ` + loop, "ready"},
		{"1h", `trap "echo cleaned up; exit" TERM; echo ready; ` + loop, "cleaned up"},
	} {
		name := redistest.Name(t)
		p := start(t, urlOf(node), "run", "-mutex", name, "-expiry", "9s", "-grace", c.grace, "--", "sh", "-c", fmt.Sprintf("sh -c '%s' & wait", c.child))
		require.Equal(t, "ready", p.next())
		require.Equal(t, int64(1), node.Do(t, "DEL", name))
		p.awaitEnd(patience / 2) // sooner than the child ends by itself
		assert.Equal(t, statusLost, p.status(), p.errors())
		assert.True(t, strings.HasSuffix(p.output(), c.last+"\n"), p.output())
	}
}

// The loss ends the command also where the message about it has no reader any more, or one
// that does not read.
func TestALossThatCannotBePrinted(t *testing.T) {
	t.Parallel()
	node := redistest.StartOne(t)
	for _, reads := range []bool{false, true} {
		name := redistest.Name(t)
		r, w, err := os.Pipe()
		require.NoError(t, err)
		if reads {
			fill(t, w)
		} else {
			require.NoError(t, r.Close())
		}
		p := startWithErrors(t, urlOf(node), w, "run", "-mutex", name, "-expiry", "9s", "-grace", "1s", "--", "sh", "-c",
			`exec 2>/dev/null; trap 'echo term' TERM; echo $$; `+loop)
		pid, err := strconv.Atoi(p.next())
		require.NoError(t, err)
		require.Equal(t, int64(1), node.Do(t, "DEL", name))
		require.Equal(t, "term", p.next())
		require.Eventually(t, func() bool { return syscall.Kill(pid, 0) != nil }, patience/2, tick, "SIGKILL, when the grace is over")
		if reads {
			require.NoError(t, r.Close()) // holdfast has waited for that
		}
		assert.Equal(t, statusLost, p.status())
	}
}

// fill writes to a pipe until it takes no more.
func fill(t *testing.T, w *os.File) {
	t.Helper()
	require.NoError(t, w.SetWriteDeadline(time.Now().Add(tick)))
	for {
		if _, err := w.Write(make([]byte, 4096)); err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			return
		}
	}
}

// nohup has what it starts ignore SIGHUP, and a shell without job control has its background
// jobs ignore SIGINT: so do holdfast and its command.
func TestIgnoredSignalsStayIgnored(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	script := fmt.Sprintf(`trap '' HUP INT; exec "$0" run -mutex %s -- sh -c 'echo ready; %s'`, name, loop)
	p := startProgram(t, "sh", urlOf(node), "-c", script, os.Args[0])
	require.Equal(t, "ready", p.next())
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		require.NoError(t, p.Process.Signal(sig))
	}
	assert.Equal(t, 128+15, p.status(), p.errors())
}

// stopped reports whether a process is stopped: its state stands behind its name in brackets.
func stopped(t *testing.T, pid string) bool {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	require.NoError(t, err)
	return strings.Contains(string(stat), ") T ")
}

// needsStates skips a test where the states of processes are not to be read.
func needsStates(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		// To ask elsewhere takes a program that need not be there.
		t.Skip("only Linux has /proc/PID/stat")
	}
}

// A terminal stops holdfast alone where the command is not in its group: so holdfast stops
// the command, which would run on without a renewal.
func TestAStoppedHoldfastStopsItsCommand(t *testing.T) {
	needsStates(t)
	t.Parallel()
	node, name := redistest.StartOne(t), redistest.Name(t)
	p := start(t, urlOf(node), "run", "-mutex", name, "-expiry", "10m", "--", "sh", "-c", `echo $$; exec sleep 600`)
	both := []string{p.next(), strconv.Itoa(p.Process.Pid)}
	for range 2 {
		for i, sig := range []syscall.Signal{syscall.SIGTSTP, syscall.SIGCONT} {
			require.NoError(t, p.Process.Signal(sig))
			for _, pid := range both {
				require.Eventually(t, func() bool { return stopped(t, pid) == (i == 0) }, patience, tick)
			}
		}
	}
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	assert.Equal(t, 128+15, p.status(), p.errors())
}

// Where the lease has ended meanwhile the command is ended.
func TestALossWhileStopped(t *testing.T) {
	needsStates(t)
	t.Parallel()
	node, name := redistest.StartOne(t), redistest.Name(t)
	p := start(t, urlOf(node), "run", "-mutex", name, "-expiry", "6s", "-grace", patience.String(), "--", "sh", "-c",
		`trap 'echo term; exit' TERM; while :; do sleep 0.02; echo tick; done`)
	require.Equal(t, "tick", p.next())
	require.NoError(t, p.Process.Signal(syscall.SIGTSTP))
	require.Eventually(t, func() bool { return stopped(t, strconv.Itoa(p.Process.Pid)) }, patience, tick)
	require.Eventually(t, func() bool { return node.Do(t, "EXISTS", name) == int64(0) }, patience, tick)
	require.NoError(t, p.Process.Signal(syscall.SIGCONT))
	assert.Equal(t, statusLost, p.status(), p.errors())
	assert.True(t, strings.HasSuffix(p.output(), "term\n"), p.output())
}
