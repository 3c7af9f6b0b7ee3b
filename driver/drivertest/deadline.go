package drivertest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

// endedContext sends nothing when the ctx has ended already, neither on a new
// connection nor on one that is there.
func (s suite) endedContext(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	pool, key := s.pool(t, node.Addr(), Options{}), redistest.Name(t)
	for _, connected := range []bool{false, true} {
		if connected {
			_, err := pool.Eval(within(t, patience), check(key, "token"))
			require.NoError(t, err)
		}
		sent := node.Proxy().Requests()
		cancelled, cancel := context.WithCancel(within(t, patience))
		cancel()
		late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
		defer cancel()

		reply, err := pool.Eval(cancelled, acquire(key, "token"))
		requireUnknown(t, reply, err)
		require.ErrorIs(t, err, context.Canceled)
		reply, err = pool.Eval(late, acquire(key, "token"))
		requireUnknown(t, reply, err)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, sent, node.Proxy().Requests())
	}
	require.EqualValues(t, 0, node.Do(t, "EXISTS", key))
}

// pausedServer stops a server under a client that has a connection and, of its
// own, all the time in the world.
func (s suite) pausedServer(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	node := redistest.StartOne(t)
	pool, key := s.pool(t, node.Addr(), Options{ReadTimeout: ages}), redistest.Name(t)
	_, err := pool.Eval(within(t, patience), check(key, "token"))
	require.NoError(t, err)

	node.Pause(t)
	for range 3 {
		reply, err := evalInTime(t, pool, check(key, "token"))
		requireUnknown(t, reply, err)
	}
	node.Resume(t)
	s.requireRecovery(t, node)
	requireEventually(t, pool, key)
}

// hungFromTheStart has a client make its first connection to a server that
// accepts it and then says nothing, not even to a greeting.
func (s suite) hungFromTheStart(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	pool, key := s.pool(t, node.Addr(), Options{ReadTimeout: ages}), redistest.Name(t)
	node.Proxy().DropRequests(true)
	for range 3 {
		reply, err := evalInTime(t, pool, check(key, "token"))
		requireUnknown(t, reply, err)
	}
	require.Eventually(t, func() bool { return node.Proxy().DroppedRequests() > 0 }, patience, time.Millisecond)
	node.Proxy().Heal()
	requireEventually(t, pool, key)
}

// exhausted has a call wait for a connection that another one does not give
// back. It must not wait beyond its own deadline, and it was not sent.
func (s suite) exhausted(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	pool := s.pool(t, node.Addr(), Options{MaxConns: 1, ReadTimeout: ages})
	first, second := redistest.Name(t), redistest.Name(t)
	_, err := pool.Eval(within(t, patience), check(first, "token")) // connects
	require.NoError(t, err)

	node.Proxy().DropReplies(true)
	hung := evalAsync(pool, within(t, ages), acquire(first, "token"))
	require.Eventually(t, func() bool { return node.Proxy().DroppedReplies() > 0 }, patience, time.Millisecond)
	reply, err := evalInTime(t, pool, acquire(second, "token"))
	requireUnknown(t, reply, err)
	require.EqualValues(t, 0, node.Do(t, "EXISTS", second))

	node.Proxy().Heal() // cuts the connection that lost a reply
	reply, err = receive(t, hung)
	requireUnknown(t, reply, err)
	requireEventually(t, pool, first)
}
