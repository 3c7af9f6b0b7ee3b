package drivertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// batch runs the cases of [driver.Batcher].
func (s suite) batch(t *testing.T) {
	s.run(t, "Replies", s.batchReplies)
	s.run(t, "NoScript", s.batchNoScript)
	s.run(t, "OneConnection", s.batchOneConnection)
	s.run(t, "AnswersAreFinal", s.batchAnswersAreFinal)
	s.run(t, "EndedContext", s.batchEndedContext)
	s.run(t, "PausedServer", s.batchPausedServer)
	s.run(t, "LostReply", s.batchLostReply)
	s.run(t, "LostConnection", s.batchLostConnection)
	s.run(t, "NobodyThere", s.batchNobodyThere)
}

// batcher opens a client whose adapter has batches.
func (s suite) batcher(t testing.TB, addr string, opts Options) driver.Batcher {
	t.Helper()
	return as[driver.Batcher](t, s.pool(t, addr, opts))
}

// batchInTime makes a batch with a deadline, and fails the test if it does not return
// although that has passed.
func batchInTime(t testing.TB, pool driver.Batcher, ctx context.Context, calls ...*driver.Call) []driver.Reply {
	t.Helper()
	done := make(chan []driver.Reply, 1)
	go func() { done <- pool.EvalBatch(ctx, calls) }()
	select {
	case replies := <-done:
		require.Len(t, replies, len(calls))
		return replies
	case <-time.After(patience):
		require.FailNow(t, "the batch did not return after its deadline")
		return nil
	}
}

// batchReplies checks that each call gets its own reply, in order: values, nothing,
// and an error out of the middle of a script.
func (s suite) batchReplies(t *testing.T) {
	node := redistest.StartOne(t)
	pool, key := s.batcher(t, node.Addr(), Options{}), redistest.Name(t)
	node.Do(t, "RPUSH", key+"list", "element")
	calls := []*driver.Call{
		check(key, "token"), acquire(key, "token"), check(key, "token"), check(key, "other"),
		check(key+"list", "token"), check(key, "token"),
		custom(t, node, "return {'bulk', 7, false}", []any{key}),
		custom(t, node, "return redis.status_reply('fine')", []any{key}),
		custom(t, node, "return false", []any{key}),
	}
	for i := range 300 {
		calls = append(calls, custom(t, node, "return ARGV[1]", []any{key}, fmt.Sprint(i)))
	}
	for range 2 {
		replies := batchInTime(t, pool, within(t, patience), calls...)
		for i, want := range []any{keyMissing, int64(1), int64(1), int64(0), nil, int64(1), []any{"bulk", int64(7), nil}, "fine", nil} {
			if i != 4 {
				require.NoError(t, replies[i].Err)
			}
			require.Equal(t, want, replies[i].Value, "call %d", i)
		}
		requireAnswer(t, replies[4].Value, replies[4].Err, "WRONGTYPE")
		for i, reply := range replies[9:] {
			require.Equal(t, driver.Reply{Value: fmt.Sprint(i)}, reply)
		}
		node.Do(t, "DEL", key)
	}
	require.Empty(t, batchInTime(t, pool, within(t, patience)))
}

// batchNoScript has a server forget its scripts.
func (s suite) batchNoScript(t *testing.T) {
	node := redistest.StartOne(t)
	pool, key := s.batcher(t, node.Addr(), Options{}), redistest.Name(t)
	release := driver.NewCall(scripts.Mutex().Release, []any{key, key + "line", key + "waiters"}, "token", "", int64(0))
	for range 2 {
		node.Do(t, "SCRIPT", "FLUSH")
		replies := batchInTime(t, pool, within(t, patience),
			acquire(key, "token"), check(key, "token"), check(key, "other"), &release)
		require.Equal(t, []driver.Reply{{Value: int64(1)}, {Value: int64(1)}, {Value: int64(0)}, {Value: int64(1)}}, replies)
	}
}

// batchOneConnection has batches and single calls share one connection: a client that
// keeps others for its pipelines would have twice as many.
func (s suite) batchOneConnection(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	pool, key := s.batcher(t, node.Addr(), Options{}), redistest.Name(t)
	requireEventually(t, pool.(driver.Pool), key) // connects
	before := node.Proxy().Connections()
	for range 3 {
		requireEventually(t, pool.(driver.Pool), key)
		for _, reply := range batchInTime(t, pool, within(t, patience), check(key, "token"), check(key, "token")) {
			require.NoError(t, reply.Err)
		}
	}
	require.Equal(t, before, node.Proxy().Connections())
}

// batchAnswersAreFinal has the server refuse one call of several, with errors that
// clients like to retry.
func (s suite) batchAnswersAreFinal(t *testing.T) {
	for _, text := range []string{
		"LOADING Redis is loading the dataset in memory", "TRYAGAIN Multiple keys request during rehashing of slot",
		"READONLY You can't write against a read only replica.", "CLUSTERDOWN Hash slot not served",
	} {
		for refused := range 3 {
			server := StartFakeServer(t, func(r Request) string {
				if r.Number == int64(refused)+1 {
					return "-" + text + "\r\n"
				}
				return ":1\r\n"
			})
			pool := s.batcher(t, server.Addr(), Options{})
			replies := batchInTime(t, pool, within(t, patience), check("a", "t"), check("b", "t"), check("c", "t"))
			require.EqualValues(t, 3, server.Requests())
			for i, reply := range replies {
				if i == refused {
					requireAnswer(t, reply.Value, reply.Err, text)
				} else {
					require.Equal(t, driver.Reply{Value: int64(1)}, reply)
				}
			}
		}
	}
}

// batchEndedContext sends nothing.
func (s suite) batchEndedContext(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	pool, key := s.batcher(t, node.Addr(), Options{}), redistest.Name(t)
	for _, connected := range []bool{false, true} {
		if connected {
			require.NoError(t, batchInTime(t, pool, within(t, patience), check(key, "token"))[0].Err)
		}
		sent := node.Proxy().Requests()
		cancelled, cancel := context.WithCancel(within(t, patience))
		cancel()
		for _, reply := range batchInTime(t, pool, cancelled, acquire(key, "token"), check(key, "token")) {
			requireUnknown(t, reply.Value, reply.Err)
			require.ErrorIs(t, reply.Err, context.Canceled)
		}
		require.Equal(t, sent, node.Proxy().Requests())
	}
	require.EqualValues(t, 0, node.Do(t, "EXISTS", key))
}

// batchPausedServer stops a server under a client that has all the time in the world.
func (s suite) batchPausedServer(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	node := redistest.StartOne(t)
	pool, key := s.batcher(t, node.Addr(), Options{ReadTimeout: ages}), redistest.Name(t)
	require.NoError(t, batchInTime(t, pool, within(t, patience), check(key, "token"))[0].Err)
	node.Pause(t)
	for range 3 {
		for _, reply := range batchInTime(t, pool, within(t, soon), check(key, "token"), check(key, "other")) {
			requireUnknown(t, reply.Value, reply.Err)
		}
	}
	node.Resume(t)
	s.requireRecovery(t, node)
	requireEventually(t, pool.(driver.Pool), key)
}

// batchLostReply has the server run scripts whose replies never arrive.
func (s suite) batchLostReply(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	pool, key := s.batcher(t, node.Addr(), Options{}), redistest.Name(t)
	call := custom(t, node, "return redis.call('INCR', KEYS[1])", []any{key})
	require.Equal(t, []driver.Reply{{Value: int64(1)}, {Value: int64(2)}}, batchInTime(t, pool, within(t, patience), call, call))

	node.Proxy().DropReplies(true)
	for _, reply := range batchInTime(t, pool, within(t, soon), call, call) {
		requireUnknown(t, reply.Value, reply.Err)
	}
	require.Positive(t, node.Proxy().DroppedReplies())
	node.Proxy().Heal()
	require.Equal(t, "4", node.Do(t, "GET", key), "each was run once")
	requireEventually(t, pool.(driver.Pool), redistest.Name(t))
	require.Equal(t, "4", node.Do(t, "GET", key))
}

// batchLostConnection breaks the connection in the middle of the replies. What was
// answered before may be known; nothing is sent again.
func (s suite) batchLostConnection(t *testing.T) {
	server := StartFakeServer(t, func(r Request) string {
		if r.Number == 1 {
			return ":1\r\n"
		}
		return HangUp
	})
	pool := s.batcher(t, server.Addr(), Options{})
	replies := batchInTime(t, pool, within(t, patience), check("a", "t"), check("b", "t"), check("c", "t"))
	require.EqualValues(t, 2, server.Requests())
	if replies[0].Err == nil {
		require.Equal(t, int64(1), replies[0].Value)
	}
	for _, reply := range replies[1:] {
		requireUnknown(t, reply.Value, reply.Err)
	}
}

// batchNobodyThere cannot even connect.
func (s suite) batchNobodyThere(t *testing.T) {
	server := StartFakeServer(t, func(Request) string { return HangUp })
	server.close()
	pool := s.batcher(t, server.Addr(), Options{})
	for range 2 {
		for _, reply := range batchInTime(t, pool, within(t, patience), check("a", "t"), check("b", "t")) {
			requireUnknown(t, reply.Value, reply.Err)
		}
	}
}
