package scripts_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// oddLifetimes are none that a key can have, or so long that a sum with another
// overflows.
var oddLifetimes = []any{0, -1, "9223372036854775807", "9223370000000000000", "1e+19", "1e3", "0x10", "1.5", "", "x", "10000000000000"}

// lastingRun is a run whose lifetimes are short or long.
type lastingRun struct {
	script *scripts.Script
	on     func(*testing.T, *redistest.Node) runner
	args   []any
}

func lastingRuns() (runs []lastingRun) {
	for _, c := range heldRuns {
		runs = append(runs, lastingRun{c.script, c.before, c.args})
	}
	for script, kind := range numberedRuns {
		runs = append(runs, lastingRun{script, numbered(kind), []any{mine, long, 5}})
	}
	for _, c := range newcomers {
		runs = append(runs, lastingRun{c.script, c.on, c.args})
	}
	return append(runs, // and those that leave a ticket
		lastingRun{scripts.Mutex().Acquire, lockedMutex, []any{theirs, 1, "a|", short}},
		lastingRun{scripts.Mutex().AcquireFenced, freeNumbered, []any{mine, long, "", 0, mine, 1}},
		lastingRun{scripts.RWMutex().WriteAcquire, writtenRWMutex, []any{theirs, 1, "a|", short}},
		lastingRun{scripts.RWMutex().WriteAcquire, readRWMutex, []any{theirs, 1, "a|", short}},
		lastingRun{scripts.RWMutex().ReadAcquire, writtenRWMutex, []any{theirs, 1, "a|", short}},
		lastingRun{scripts.Semaphore().Acquire, takenSemaphore, args(3, 2, "", 0, mine)},
		lastingRun{scripts.Semaphore().Acquire, freeSemaphore, args(3, 1, "1", 0)},
		lastingRun{scripts.Semaphore().Acquire, awaitedSemaphore, []any{early1, 1, 3, 3, "", 0, "a|:3:3", short}},
		lastingRun{scripts.Semaphore().Release, awaitedSemaphore, []any{mine, "a|:1:3", short}})
}

// freeNumbered is a free mutex that was numbered before.
func freeNumbered(t *testing.T, node *redistest.Node) runner {
	l := newCounted(t, node, fencedKinds[0])
	l.setCounter(int64(number))
	return l
}

// awaited is a semaphore whose scripts get all their arguments, those of a ticket too.
type awaited struct{ *semaphore }

func awaitedSemaphore(t *testing.T, node *redistest.Node) runner {
	return awaited{takenSemaphore(t, node).(*semaphore)}
}

func (s awaited) try(script *scripts.Script, args ...any) (any, error) {
	words := []any{"EVAL", script.Source(), 2, s.key, s.key + "queue"}
	return s.node.TryDo(append(words, args...)...)
}

// withLifetimes replaces each lifetime.
func withLifetimes(args []any, by any) (odd []any, some bool) {
	for _, arg := range args {
		if arg == short || arg == long {
			arg, some = by, true
		}
		odd = append(odd, arg)
	}
	return odd, some
}

// Whatever lifetime a script gets, it leaves no key that never ends, and where the
// lifetime of a lease is the reason why it fails, it has changed nothing.
func TestNoKeyIsLeftWithoutAnExpiry(t *testing.T) {
	node := redistest.StartOne(t)
	for _, run := range lastingRuns() {
		for _, lifetime := range oddLifetimes {
			args, some := withLifetimes(run.args, lifetime)
			if !some {
				continue
			}
			t.Run(fmt.Sprintf("%s for %q", run.script.Name(), fmt.Sprint(lifetime)), func(t *testing.T) {
				l := run.on(t, node)
				before := dump(t, node)
				_, err := l.try(run.script, args...)
				if err != nil {
					assert.Equal(t, before, dump(t, node), "%v", err)
				} else if run.script != scripts.Mutex().Acquire { // which has the server's limits
					assert.NotEqual(t, args[1], lifetime, "a lease of that lifetime")
				}
				for _, key := range node.Do(t, "KEYS", "*").([]any) {
					assert.NotEqualValues(t, -1, node.Do(t, "PTTL", key), "%q", key)
				}
			})
		}
	}
}

// dump is all that a node has, but for how long.
func dump(t *testing.T, node *redistest.Node) map[string]any {
	t.Helper()
	found := make(map[string]any)
	for _, key := range node.Do(t, "KEYS", "*").([]any) {
		name := key.(string)
		value, err := node.TryDo("GET", name)
		if err != nil {
			value, err = node.TryDo("ZRANGE", name, 0, -1, "WITHSCORES")
		}
		require.NoError(t, err)
		found[name] = value
	}
	return found
}
