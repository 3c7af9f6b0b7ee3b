//go:build unix

package main

import (
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

func TestSignalsGoToTheCommand(t *testing.T) {
	node := redistest.StartOne(t)
	for name, sig := range map[string]syscall.Signal{
		"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP,
		"QUIT": syscall.SIGQUIT, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		p := start(t, urlOf(node), "show", "-watch", redistest.Name(t))
		require.Contains(t, p.next(), ": free: ")
		require.NoError(t, p.Process.Signal(sig))
		assert.Zero(t, p.status(), p.errors())
		assert.Empty(t, p.errors())
	}
}
