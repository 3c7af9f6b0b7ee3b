package main

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/demoredis"
	"github.com/holdfast-go/holdfast/internal/leaktest"
	"github.com/holdfast-go/holdfast/mutex"
)

func TestMain(m *testing.M) {
	logging.Disable() // a test uses an address where nobody listens
	leaktest.Main(m)
}

// locksOn returns locks on embedded servers, and what stops the servers.
func locksOn(t *testing.T, n int) (*mutex.Factory, func()) {
	t.Helper()
	nodes, err := demoredis.Open("", n)
	require.NoError(t, err)
	clients := connect(nodes.Addrs)
	t.Cleanup(func() { closeAll(clients); nodes.Close() })
	return newLocks(clients...), nodes.Close
}

func TestOneInvoiceAtATime(t *testing.T) {
	locks, _ := locksOn(t, 3)
	var out bytes.Buffer
	require.NoError(t, show(t.Context(), locks, &out))
	assert.Regexp(t, `Second worker: another process holds it, on nodes \[\d \d`, out.String())
}

func TestTheLockIsFreeAfterAnError(t *testing.T) {
	locks, _ := locksOn(t, 1)
	broken := errors.New("no paper")
	err := sendInvoice(t.Context(), locks, func(context.Context) error { return broken })
	assert.ErrorIs(t, err, broken)
	assert.NoError(t, locks.NewMutex("invoice:42").TryLock())
}

func TestALostLockIsReported(t *testing.T) {
	locks, stop := locksOn(t, 1)
	err := sendInvoice(t.Context(), locks, func(context.Context) error { stop(); return nil })
	assert.ErrorContains(t, err, "the lock may not have lasted")
}

func TestTheNightlyJobRunsOnce(t *testing.T) {
	nodes, err := demoredis.Open("", 1)
	require.NoError(t, err)
	clients := connect(nodes.Addrs)
	defer closeAll(clients)
	runs := 0
	job := func(context.Context) error { runs++; return nil }

	held := newLocks(clients...).NewMutex("job:nightly")
	require.NoError(t, held.Lock())
	require.NoError(t, nightly(t.Context(), clients[0], job))
	require.Zero(t, runs, "another process runs it")
	_, err = held.Unlock()
	require.NoError(t, err)
	require.NoError(t, nightly(t.Context(), clients[0], job))
	require.Equal(t, 1, runs)

	nodes.Close()
	require.ErrorIs(t, nightly(t.Context(), clients[0], job), mutex.ErrFailed, "that no server answers is not that another has it")
	require.Equal(t, 1, runs)
}

func TestEveryReasonIsExplained(t *testing.T) {
	locks, stop := locksOn(t, 3)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	try := func(ctx context.Context, locks *mutex.Factory, name string) string {
		return explain(ctx, locks.NewMutex(name).TryLockContext(ctx))
	}

	assert.Equal(t, "locked", try(t.Context(), locks, "a"))
	assert.Contains(t, try(t.Context(), locks, "a"), "another process holds it, on nodes [")
	assert.Contains(t, try(t.Context(), newLocks(), "a"), "nothing was sent")
	assert.Equal(t, "gave up waiting: context canceled", try(ended, locks, "b"))
	stop()
	assert.Regexp(t, `^no majority, and node \d says: `, try(t.Context(), locks, "b"))
}
