//go:build unix

package main

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

// queued is processes that want to write: the first does, and the others wait in their order
// and listen.
func queued(t *testing.T, node *redistest.Node, name string, processes int) (all []*process) {
	t.Helper()
	in := inspector(t, node)
	for i := range processes {
		p := start(t, urlOf(node), "run", "-write", name, "-wait", "-1s", "--", "sh", "-c",
			fmt.Sprintf(`trap 'exit 0' TERM; echo %d writes; `, i)+loop)
		all = append(all, p)
		if i == 0 {
			require.Equal(t, "0 writes", p.next())
			continue
		}
		require.Eventually(t, func() bool {
			status, err := in.RWMutex(t.Context(), name)
			channels := node.Do(t, "PUBSUB", "CHANNELS", "holdfast:*")
			return err == nil && len(status.Waiters) == i && len(channels.([]any)) == i
		}, patience, tick)
	}
	return all
}

// finish ends the command of a process.
func finish(t *testing.T, p *process) {
	t.Helper()
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	p.awaitEnd(patience)
}

// A waiter that was killed is passed by: the release grants the lock to the next one, which
// asks nothing.
func TestAKilledWaiterIsPassedBy(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	all := queued(t, node, name, 3)
	client := redis.NewClient(&redis.Options{Addr: node.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	published := client.PSubscribe(t.Context(), "holdfast:*") // which NUMSUB does not count
	_, err := published.Receive(t.Context())
	require.NoError(t, err)
	require.NoError(t, all[1].Process.Kill())
	all[1].awaitEnd(patience)
	require.Eventually(t, func() bool {
		return len(node.Do(t, "PUBSUB", "CHANNELS", "holdfast:*").([]any)) == 1
	}, patience, tick, "the server has seen the connection end")
	finish(t, all[0])
	require.Equal(t, "2 writes", all[2].next())
	message, err := published.ReceiveMessage(t.Context())
	require.NoError(t, err)
	holder := node.Do(t, "GET", name+"{"+name+"}:rwmutex:writer")
	assert.Contains(t, message.Payload, fmt.Sprintf("|%s=", holder), "what was published has granted it")
	finish(t, all[2])
	assert.Empty(t, all[1].output())
}

// A waiter that is stopped is granted the lock, as its connection is there, and costs the others
// its grant. When it goes on it does not believe the message: it waits for its turn.
func TestAStoppedWaiterDoesNotRunBesideTheNext(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	in, all := inspector(t, node), queued(t, node, name, 3)
	require.NoError(t, all[1].Process.Signal(syscall.SIGSTOP))
	t.Cleanup(func() { _ = all[1].Process.Signal(syscall.SIGCONT) })
	finish(t, all[0])
	require.Equal(t, "2 writes", all[2].next(), "when the grant has expired")
	require.NoError(t, all[1].Process.Signal(syscall.SIGCONT))
	require.Eventually(t, func() bool {
		status, err := in.RWMutex(t.Context(), name)
		return err == nil && len(status.Waiters) == 1
	}, patience, tick, "it waits again")
	assert.Empty(t, all[1].output(), "beside the other one")
	finish(t, all[2])
	require.Equal(t, "1 writes", all[1].next())
	finish(t, all[1])
}
