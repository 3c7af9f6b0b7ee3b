package drivertest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// commands runs the cases of plain commands.
func (s suite) commands(t *testing.T) {
	s.run(t, "Replies", s.commandReplies)
	s.run(t, "OddKeys", s.commandOddKeys)
	s.run(t, "SentOnce", s.commandSentOnce)
	s.run(t, "AnswersAreFinal", s.commandAnswersAreFinal)
	s.run(t, "LostConnection", s.commandLostConnection)
	s.run(t, "Bounded", s.commandBounded)
	s.run(t, "BatchWithScripts", s.commandBatchWithScripts)
	s.run(t, "BatchNoScript", s.commandBatchNoScript)
	s.run(t, "BatchAnswersAreFinal", s.commandBatchAnswersAreFinal)
}

// setNX is the command that takes a free lock.
func setNX(key, token string) *driver.Call {
	return plainCommand("set", []any{key}, token, "NX", "PX", int64(60_000))
}

func plainCommand(name string, keys []any, args ...any) *driver.Call {
	call := driver.NewCommand(name, keys, args...)
	return &call
}

// commandReplies sends commands with every type of reply, in either case.
func (s suite) commandReplies(t *testing.T) {
	node := redistest.StartOne(t)
	pool, key := s.pool(t, node.Addr(), Options{}), redistest.Name(t)
	for _, c := range []struct {
		call *driver.Call
		want any
	}{
		{plainCommand("get", []any{key}), nil},
		{setNX(key, "token"), "OK"},
		{setNX(key, "other"), nil},
		{plainCommand("GET", []any{key}), "token"},
		{plainCommand("exists", []any{key, key + "missing"}), int64(1)},
		{plainCommand("mget", []any{key, key + "missing"}), []any{"token", nil}},
		{plainCommand("del", []any{key}), int64(1)},
		{plainCommand("SET", []any{key}, binary, "PX", int64(60_000)), "OK"},
		{plainCommand("get", []any{key}), binary},
	} {
		reply, err := pool.Eval(within(t, patience), c.call)
		require.NoError(t, err, c.call.Name())
		require.Equal(t, c.want, reply, c.call.Name())
	}
	require.InDelta(t, 60_000, node.Do(t, "PTTL", key), 30_000, "the number arrived as one")

	node.Do(t, "RPUSH", key+"list", "element")
	reply, err := pool.Eval(within(t, patience), plainCommand("get", []any{key + "list"}))
	requireAnswer(t, reply, err, "WRONGTYPE")
}

// commandOddKeys has a command's key arrive byte for byte.
func (s suite) commandOddKeys(t *testing.T) {
	node := redistest.StartOne(t)
	pool := s.pool(t, node.Addr(), Options{})
	for _, key := range OddKeys {
		key += redistest.Name(t)
		reply, err := pool.Eval(within(t, patience), setNX(key, "token"))
		require.NoErrorf(t, err, "key %q", key)
		require.Equal(t, "OK", reply)
		require.Equal(t, "token", node.Do(t, "GET", key))
	}
}

// commandSentOnce counts requests: no script stands behind a command.
func (s suite) commandSentOnce(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	pool, key := s.pool(t, node.Addr(), Options{}), redistest.Name(t)
	call := setNX(key, "token")
	_, err := pool.Eval(within(t, patience), call) // connects
	require.NoError(t, err)
	before, command := node.Proxy().Requests(), append([]any(nil), call.Command()...)
	for range 3 {
		_, err := pool.Eval(within(t, patience), call)
		require.NoError(t, err)
	}
	require.EqualValues(t, 3, node.Proxy().Requests()-before)
	require.Equal(t, command, call.Command())
}

// finalTexts are errors that a client may like to retry. A server that lacks a script
// is none to ask again about a command. A client may cut ERR off, and then two of these are
// the same.
var finalTexts = []string{
	"NOSCRIPT No matching script.", "ERR NOSCRIPT No matching script.",
	"LOADING Redis is loading the dataset in memory", "CLUSTERDOWN Hash slot not served",
	"OOM command not allowed when used memory > 'maxmemory'.",
}

// commandAnswersAreFinal has a server refuse a command.
func (s suite) commandAnswersAreFinal(t *testing.T) {
	for _, text := range finalTexts {
		server := StartFakeServer(t, func(Request) string { return "-" + text + "\r\n" })
		pool := s.pool(t, server.Addr(), Options{})
		reply, err := pool.Eval(within(t, patience), setNX("key", "token"))
		requireAnswer(t, reply, err, strings.TrimPrefix(text, "ERR "))
		require.EqualValues(t, 1, server.Requests(), text)
	}
}

// commandLostConnection breaks the connection in place of a reply.
func (s suite) commandLostConnection(t *testing.T) {
	server := StartFakeServer(t, func(Request) string { return HangUp })
	pool := s.pool(t, server.Addr(), Options{})
	reply, err := pool.Eval(within(t, patience), setNX("key", "token"))
	requireUnknown(t, reply, err)
	require.EqualValues(t, 1, server.Requests())
}

// commandBounded sends commands by the adapter's EvalBounded, if it has one.
func (s suite) commandBounded(t *testing.T) {
	node := redistest.StartOne(t)
	pool, key := s.pool(t, node.Addr(), Options{}), redistest.Name(t)
	bounded := as[driver.Bounded](t, pool)
	for _, want := range []any{"OK", nil} {
		reply, ok, err := bounded.EvalBounded(within(t, patience), setNX(key, "token"))
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, want, reply)
	}
}

// commandBatchWithScripts mixes commands with scripts that the server knows: all run in
// their order.
func (s suite) commandBatchWithScripts(t *testing.T) {
	node := redistest.StartOne(t)
	pool, key := s.batcher(t, node.Addr(), Options{}), redistest.Name(t)
	batchInTime(t, pool, within(t, patience), check(key, "token")) // the script is there then
	node.Do(t, "RPUSH", key+"list", "element")
	replies := batchInTime(t, pool, within(t, patience),
		check(key, "token"), setNX(key, "token"), check(key, "token"), setNX(key, "other"),
		plainCommand("get", []any{key + "list"}), plainCommand("del", []any{key}), check(key, "token"))
	for i, want := range []any{keyMissing, "OK", int64(1), nil, nil, int64(1), keyMissing} {
		if i != 4 {
			require.NoError(t, replies[i].Err)
		}
		require.Equal(t, want, replies[i].Value, "call %d", i)
	}
	requireAnswer(t, replies[4].Value, replies[4].Err, "WRONGTYPE")
}

// commandBatchNoScript has the server lack the scripts of such a batch: only these are
// sent again.
func (s suite) commandBatchNoScript(t *testing.T) {
	node := redistest.StartOne(t)
	pool, key := s.batcher(t, node.Addr(), Options{}), redistest.Name(t)
	count := plainCommand("incr", []any{key + "count"})
	for n := int64(1); n <= 3; n++ {
		node.Do(t, "SCRIPT", "FLUSH")
		replies := batchInTime(t, pool, within(t, patience), count, check(key, "token"), setNX(key, "token"), check(key, "other"))
		require.Equal(t, n, replies[0].Value)
		require.Equal(t, driver.Reply{Value: []any{"OK", nil, nil}[n-1]}, replies[2])
		for _, at := range []int{1, 3} {
			require.NoError(t, replies[at].Err)
			require.Contains(t, []any{int64(0), int64(1)}, replies[at].Value, "it ran after the SET")
		}
	}
}

// commandBatchAnswersAreFinal has a server refuse the commands of such a batch.
func (s suite) commandBatchAnswersAreFinal(t *testing.T) {
	for _, text := range finalTexts {
		server := StartFakeServer(t, func(r Request) string {
			if r.Command[0] == "set" {
				return "-" + text + "\r\n"
			}
			return ":1\r\n"
		})
		pool := s.batcher(t, server.Addr(), Options{})
		replies := batchInTime(t, pool, within(t, patience), setNX("a", "t"), check("b", "t"), setNX("c", "t"))
		require.EqualValues(t, 3, server.Requests(), text)
		requireAnswer(t, replies[0].Value, replies[0].Err, strings.TrimPrefix(text, "ERR "))
		require.Equal(t, driver.Reply{Value: int64(1)}, replies[1])
		requireAnswer(t, replies[2].Value, replies[2].Err, strings.TrimPrefix(text, "ERR "))
	}
}
