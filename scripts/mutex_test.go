package scripts_test

import (
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// Lifetimes in milliseconds, so far apart that a slow machine confuses none with
// another.
const (
	short = 200_000
	long  = 600_000
	slack = 100_000
)

// Tokens. Redis strings are bytes: nothing in a token may have a meaning.
const (
	mine   = "mine\x00\xff\r\n"
	theirs = "mine\x00\xff\r" // a prefix of mine
	early1 = "early 1"
	early2 = "early 2"
)

// key is what a node has under the lock's name.
type key struct {
	token    string // "" for nothing
	lifetime int    // in milliseconds
}

var nothing key

// The mutex's scripts, case by case.
var mutexCases = []struct {
	name   string
	script *scripts.Script
	before key
	args   []any
	reply  int64
	after  key
	writes bool
}{
	{"acquire a free lock", scripts.Mutex().Acquire,
		nothing, []any{mine, short, "", 0, mine}, 1, key{mine, short}, true},
	{"acquire strictly", scripts.Mutex().Acquire,
		nothing, []any{mine, short, "", 0}, 1, key{mine, short}, true},
	{"acquire with the longer lifetime", scripts.Mutex().Acquire,
		nothing, []any{mine, long, "", 0, mine}, 1, key{mine, long}, true},
	{"acquire a held lock", scripts.Mutex().Acquire,
		key{theirs, long}, []any{mine, short, "", 0, mine}, 0, key{theirs, long}, false},
	{"acquire a held lock strictly", scripts.Mutex().Acquire,
		key{theirs, long}, []any{mine, short, "", 0}, 0, key{theirs, long}, false},
	{"acquire twice", scripts.Mutex().Acquire,
		key{mine, long}, []any{mine, short, "", 0, mine}, 1, key{mine, short}, true},
	{"acquire twice strictly", scripts.Mutex().Acquire,
		key{mine, long}, []any{mine, short, "", 0}, 0, key{mine, long}, false},
	{"acquire over the first earlier token", scripts.Mutex().Acquire,
		key{early1, long}, []any{mine, short, "", 0, mine, early1, early2}, 1, key{mine, short}, true},
	{"acquire over the last earlier token", scripts.Mutex().Acquire,
		key{early2, short}, []any{mine, long, "", 0, mine, early1, early2}, 1, key{mine, long}, true},
	{"acquire with earlier tokens, held by another", scripts.Mutex().Acquire,
		key{theirs, long}, []any{mine, short, "", 0, mine, early1, early2}, 0, key{theirs, long}, false},
	{"the lifetime is no token", scripts.Mutex().Acquire,
		key{"200000", long}, []any{mine, short, "", 0, mine}, 0, key{"200000", long}, false},

	{"extend", scripts.Mutex().Extend,
		key{mine, short}, []any{mine, long}, 1, key{mine, long}, true},
	{"extend to less", scripts.Mutex().Extend,
		key{mine, long}, []any{mine, short}, 1, key{mine, short}, true},
	{"extend another's hold", scripts.Mutex().Extend,
		key{theirs, long}, []any{mine, short}, 0, key{theirs, long}, false},
	{"extend a missing hold", scripts.Mutex().Extend,
		nothing, []any{mine, short}, -1, nothing, false},

	{"extend or set, held", scripts.Mutex().ExtendOrSet,
		key{mine, short}, []any{mine, long}, 1, key{mine, long}, true},
	{"extend or set to less", scripts.Mutex().ExtendOrSet,
		key{mine, long}, []any{mine, short}, 1, key{mine, short}, true},
	{"extend or set another's hold", scripts.Mutex().ExtendOrSet,
		key{theirs, long}, []any{mine, short}, 0, key{theirs, long}, false},
	{"extend or set a missing hold", scripts.Mutex().ExtendOrSet,
		nothing, []any{mine, short}, 1, key{mine, short}, true},

	{"release", scripts.Mutex().Release,
		key{mine, long}, []any{mine, "", 0}, 1, nothing, true},
	{"release another's hold", scripts.Mutex().Release,
		key{theirs, long}, []any{mine, "", 0}, 0, key{theirs, long}, false},
	{"release a missing hold", scripts.Mutex().Release,
		nothing, []any{mine, "", 0}, -1, nothing, false},

	{"pass on", scripts.Mutex().Pass,
		key{mine, short}, []any{mine, long}, 1, key{mine, long}, true},
	{"pass on for less", scripts.Mutex().Pass,
		key{mine, long}, []any{mine, short}, 1, key{mine, short}, true},
	{"pass another's lease on", scripts.Mutex().Pass,
		key{theirs, long}, []any{mine, short}, 0, key{theirs, long}, false},
	{"pass a missing lease on", scripts.Mutex().Pass,
		nothing, []any{mine, short}, -1, nothing, false},

	{"check", scripts.Mutex().Check,
		key{mine, long}, []any{mine}, 1, key{mine, long}, false},
	{"check another's hold", scripts.Mutex().Check,
		key{theirs, long}, []any{mine}, 0, key{theirs, long}, false},
	{"check a missing hold", scripts.Mutex().Check,
		nothing, []any{mine}, -1, nothing, false},
}

func TestMutexScripts(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range mutexCases {
		t.Run(c.name, func(t *testing.T) {
			lock := newLock(t, node)
			lock.set(c.before)
			watch := lock.watch()
			assert.Equal(t, c.reply, lock.run(c.script, c.args...))
			assert.Equal(t, c.writes, watch.touched(), "the key was written")
			lock.requireKey(c.after)
		})
	}
}

func TestMutexScriptsOnAWrongType(t *testing.T) {
	node := redistest.StartOne(t)
	for _, script := range []*scripts.Script{
		scripts.Mutex().Acquire, scripts.Mutex().Extend, scripts.Mutex().ExtendOrSet,
		scripts.Mutex().Pass, scripts.Mutex().Release, scripts.Mutex().Check,
	} {
		t.Run(script.Name(), func(t *testing.T) {
			lock := newLock(t, node)
			node.Do(t, "RPUSH", lock.name, "element")
			node.Do(t, "PEXPIRE", lock.name, long)
			watch := lock.watch()
			_, err := lock.try(script, mine, short, "", 0, mine)
			require.ErrorContains(t, err, "WRONGTYPE")
			assert.False(t, watch.touched(), "the key was written")
			assert.Greater(t, lock.lifetime(), long-slack)
		})
	}
}

// A node's own clock ends a hold; from then on every script finds nothing.
func TestMutexScriptsAfterExpiry(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range []struct {
		script *scripts.Script
		reply  int64
	}{
		{scripts.Mutex().Acquire, 1}, {scripts.Mutex().Extend, -1}, {scripts.Mutex().ExtendOrSet, 1},
		{scripts.Mutex().Pass, -1}, {scripts.Mutex().Release, -1}, {scripts.Mutex().Check, -1},
	} {
		t.Run(c.script.Name(), func(t *testing.T) {
			lock := newLock(t, node)
			require.EqualValues(t, 1, lock.run(scripts.Mutex().Acquire, theirs, 20, "", 0, theirs))
			lock.awaitExpiry()
			args := []any{mine, short, "", 0}
			if c.script == scripts.Mutex().Release {
				args = []any{mine, "", 0}
			}
			assert.Equal(t, c.reply, lock.run(c.script, args...))
		})
	}
}

// A lifetime is in milliseconds, also the shortest one.
func TestMutexScriptsWithTheShortestLifetime(t *testing.T) {
	node := redistest.StartOne(t)
	for _, script := range []*scripts.Script{
		scripts.Mutex().Acquire, scripts.Mutex().Extend, scripts.Mutex().ExtendOrSet, scripts.Mutex().Pass,
	} {
		t.Run(script.Name(), func(t *testing.T) {
			lock := newLock(t, node)
			if script == scripts.Mutex().Extend || script == scripts.Mutex().Pass {
				lock.set(key{mine, long})
			}
			require.EqualValues(t, 1, lock.run(script, mine, 1, "", 0))
			lock.awaitExpiry()
		})
	}
}

func TestMutexScriptsTwice(t *testing.T) {
	node := redistest.StartOne(t)
	lock := newLock(t, node)
	for range 2 {
		assert.EqualValues(t, 1, lock.run(scripts.Mutex().Acquire, mine, long, "", 0, mine))
	}
	for range 2 {
		assert.EqualValues(t, 1, lock.run(scripts.Mutex().Extend, mine, long))
	}
	for range 2 {
		assert.EqualValues(t, 1, lock.run(scripts.Mutex().Pass, mine, long))
	}
	assert.EqualValues(t, 1, lock.run(scripts.Mutex().Release, mine, "", 0))
	assert.EqualValues(t, -1, lock.run(scripts.Mutex().Release, mine, "", 0))
	assert.EqualValues(t, -1, lock.run(scripts.Mutex().Extend, mine, long))
	assert.EqualValues(t, -1, lock.run(scripts.Mutex().Pass, mine, long))
	lock.requireKey(nothing)
}

// lock is one lock's key on a node. Its name is binary, too.
type lock struct {
	t    *testing.T
	node *redistest.Node
	name string
}

func newLock(t *testing.T, node *redistest.Node) *lock {
	l := &lock{t, node, redistest.Name(t) + "\x00\xff {\r\n"}
	t.Cleanup(func() { node.Do(t, "DEL", l.name, l.name+"queue", l.name+"awaited") })
	return l
}

// run runs a script, which must work.
func (l *lock) run(script *scripts.Script, args ...any) any {
	l.t.Helper()
	reply, err := l.try(script, args...)
	require.NoError(l.t, err)
	return reply
}

// try runs a script.
func (l *lock) try(script *scripts.Script, args ...any) (any, error) {
	return l.node.TryDo(append([]any{"EVAL", script.Source(), 3, l.name, l.name + "queue", l.name + "awaited"}, args...)...)
}

// set makes the node have k.
func (l *lock) set(k key) {
	l.t.Helper()
	if k != nothing {
		l.node.Do(l.t, "SET", l.name, k.token, "PX", k.lifetime)
	}
}

// requireKey checks that the node has k, with an expiry.
func (l *lock) requireKey(k key) {
	l.t.Helper()
	if k == nothing {
		require.EqualValues(l.t, 0, l.node.Do(l.t, "EXISTS", l.name))
		return
	}
	require.Equal(l.t, k.token, l.node.Do(l.t, "GET", l.name))
	left := l.lifetime()
	require.LessOrEqual(l.t, left, k.lifetime)
	require.Greater(l.t, left, k.lifetime-slack)
}

// lifetime is the key's remaining lifetime in milliseconds, −1 without expiry.
func (l *lock) lifetime() int {
	l.t.Helper()
	return int(l.node.Do(l.t, "PTTL", l.name).(int64))
}

func (l *lock) awaitExpiry() {
	l.t.Helper()
	require.Eventually(l.t, func() bool { return l.node.Do(l.t, "EXISTS", l.name) == int64(0) },
		10*time.Second, time.Millisecond)
}

// watch notices every write to the lock's key, also one that changes nothing,
// by the server's own means: a transaction that was to depend on it.
type watch struct {
	t    *testing.T
	conn redis.Conn
}

func (l *lock) watch() watch {
	l.t.Helper()
	w := newWatch(l.t, l.node)
	w.do("WATCH", l.name)
	return w
}

func newWatch(t *testing.T, node *redistest.Node) watch {
	t.Helper()
	conn, err := redis.Dial("tcp", node.DirectAddr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return watch{t, conn}
}

// touched reports whether the key was written since the watch began.
func (w watch) touched() bool {
	w.t.Helper()
	w.do("MULTI")
	w.do("PING")
	return w.do("EXEC") == nil
}

func (w watch) do(name string, args ...any) any {
	w.t.Helper()
	reply, err := w.conn.Do(name, args...)
	require.NoError(w.t, err)
	return reply
}
