package drivertest

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// binary is a string that only a client that counts bytes gets through whole.
const binary = "\x00 \r\n$5\r\n\xff\xfe 'ü' \""

// replies sends every type of reply through the client. The engine
// distinguishes them by Go type, so that has to be the same everywhere.
func (s suite) replies(t *testing.T) {
	node := redistest.StartOne(t)
	pool := s.pool(t, node.Addr(), Options{})
	for name, c := range replyCases() {
		t.Run(name, func(t *testing.T) {
			call := custom(t, node, c.lua, []any{redistest.Name(t)}, c.args...)
			reply, err := pool.Eval(within(t, patience), call)
			require.NoError(t, err)
			require.Equal(t, c.want, reply)
		})
	}
}

type replyCase struct {
	lua  string
	args []any
	want any
}

func replyCases() map[string]replyCase {
	long := strings.Repeat("x", 100_000)
	return map[string]replyCase{
		"integer":         {lua: "return 7", want: int64(7)},
		"zero":            {lua: "return 0", want: int64(0)},
		"negative":        {lua: "return -1", want: int64(-1)},
		"largest":         {lua: "return 9007199254740992", want: int64(1 << 53)},
		"smallest":        {lua: "return -9007199254740992", want: int64(-1 << 53)},
		"true":            {lua: "return true", want: int64(1)},
		"bulk":            {lua: "return 'abc'", want: "abc"},
		"empty bulk":      {lua: "return ''", want: ""},
		"digits":          {lua: "return '12'", want: "12"},
		"long bulk":       {lua: "return ARGV[1]", args: []any{long}, want: long},
		"binary":          {lua: "return ARGV[1]", args: []any{binary}, want: binary},
		"integer there":   {lua: "return ARGV[1]", args: []any{int64(1 << 53)}, want: "9007199254740992"},
		"negative there":  {lua: "return ARGV[1]", args: []any{int64(-5)}, want: "-5"},
		"empty there":     {lua: "return #ARGV[1]", args: []any{""}, want: int64(0)},
		"no arguments":    {lua: "return #ARGV", want: int64(0)},
		"status":          {lua: "return redis.status_reply('FINE')", want: "FINE"},
		"OK":              {lua: "return redis.status_reply('OK')", want: "OK"},
		"nil":             {lua: "return false", want: nil},
		"nothing":         {lua: "local x = 1", want: nil},
		"array":           {lua: "return {1, 'a', 2}", want: []any{int64(1), "a", int64(2)}},
		"empty array":     {lua: "return {}", want: []any{}},
		"array with nil":  {lua: "return {1, false, 'a'}", want: []any{int64(1), nil, "a"}},
		"status in array": {lua: "return {redis.status_reply('FINE')}", want: []any{"FINE"}},
		"nested": {
			lua:  "return {1, {'a', {}, {false, {ARGV[1]}}}, 2}",
			args: []any{binary},
			want: []any{int64(1), []any{"a", []any{}, []any{nil, []any{binary}}}, int64(2)},
		},
	}
}

// oddKeys has the key in KEYS arrive byte for byte.
func (s suite) oddKeys(t *testing.T) {
	node := redistest.StartOne(t)
	pool := s.pool(t, node.Addr(), Options{})
	for _, key := range OddKeys {
		key += redistest.Name(t)
		call := custom(t, node, "return {#KEYS, KEYS[1]}", []any{key})
		reply, err := pool.Eval(within(t, patience), call)
		require.NoErrorf(t, err, "key %q", key)
		require.Equal(t, []any{int64(1), key}, reply)
	}
}

// OddKeys are beginnings of names that a careless client or hash-slot function
// gets wrong.
var OddKeys = []string{
	"", " ", "a b", "\n", "\x00", binary, "\xff\xfe\xfd", "ключ", strings.Repeat("k", 4096),
	"{}", "{", "}", "}{", "{}{a}", "{a}", "{{a}}", "x{a}y{b}", "{a", "a}", "a{}b", "x}y", "{}}",
}

// noScript has a server that forgot the script get the source, once.
func (s suite) noScript(t *testing.T) {
	redistest.Needs(t, redistest.CanFlush) // nobody else may flush scripts or send requests
	node := redistest.StartOne(t, redistest.WithProxy())
	pool, key := s.pool(t, node.Addr(), Options{}), redistest.Name(t)
	requests := func() int64 {
		before := node.Proxy().Requests()
		reply, err := pool.Eval(within(t, patience), check(key, "token"))
		require.NoError(t, err)
		require.Equal(t, keyMissing, reply)
		return node.Proxy().Requests() - before
	}

	requests() // connects
	require.EqualValues(t, 1, requests(), "the server knows the script")
	node.Do(t, "SCRIPT", "FLUSH")
	require.EqualValues(t, 2, requests(), "EVALSHA, then EVAL")
	require.EqualValues(t, 1, requests(), "the server knows it again")
}

// commandStaysAsItIs runs one call again and again: other nodes are sent the
// same words at the same time.
func (s suite) commandStaysAsItIs(t *testing.T) {
	redistest.Needs(t, redistest.CanFlush)
	node := redistest.StartOne(t)
	pool, key := s.pool(t, node.Addr(), Options{}), redistest.Name(t)
	call := acquire(key, "token")
	before := append([]any(nil), call.Command()...)

	node.Do(t, "SCRIPT", "FLUSH") // so that the first time takes both commands
	for range 2 {
		_, err := pool.Eval(within(t, patience), call)
		require.NoError(t, err)
		require.Equal(t, before, call.Command())
	}
	require.Equal(t, "token", node.Do(t, "GET", key))
}

// concurrent has many goroutines use one pool and one call's words.
func (s suite) concurrent(t *testing.T) {
	node := redistest.StartOne(t)
	pool := s.pool(t, node.Addr(), Options{MaxConns: 4})
	shared := acquire(redistest.Name(t), "token")
	ctx := within(t, ages) // for all the calls together
	var wg sync.WaitGroup
	for g := range 16 {
		own := driver.NewCall(scripts.Mutex().Acquire, []any{redistest.Name(t)}, "token", int64(60_000+g), "", int64(0))
		wg.Go(func() {
			for range 50 {
				for _, call := range []*driver.Call{&own, shared} {
					reply, err := pool.Eval(ctx, call)
					assert.NoError(t, err)
					assert.Contains(t, []any{int64(0), int64(1)}, reply)
				}
			}
		})
	}
	wg.Wait()
}
