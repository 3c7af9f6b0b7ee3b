package scripts_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// runner is a lock of any kind on a node.
type runner interface {
	try(script *scripts.Script, args ...any) (any, error)
}

// What is held before a server is full: by mine, and where others may be, by theirs.
func lockedMutex(t *testing.T, node *redistest.Node) runner {
	l := newLock(t, node)
	l.set(key{mine, short})
	return l
}

func awaitedMutex(t *testing.T, node *redistest.Node) runner {
	l, q := newMutexLine(t, node)
	l.set(key{mine, short})
	q.set(ticket{a, long})
	return l
}

func writtenRWMutex(t *testing.T, node *redistest.Node) runner {
	l := newRWMutex(t, node)
	l.set(held)
	return l
}

func awaitedRWMutex(t *testing.T, node *redistest.Node) runner {
	l := newRWLine(t, node)
	l.set(rwLine{writtenByMe, nil, []rwTicket{reads(a, long), writes(b, long)}})
	return l.rwmutex
}

func readRWMutex(t *testing.T, node *redistest.Node) runner {
	l := newRWMutex(t, node)
	l.set(rw{readers: ends{mine: short, theirs: 2 * long}})
	return l
}

// readers is a read-write lock of which only the readers' key is at hand.
type readers struct{ *rwmutex }

func readersAlone(t *testing.T, node *redistest.Node) runner {
	return readers{readRWMutex(t, node).(*rwmutex)}
}

func (l readers) try(script *scripts.Script, args ...any) (any, error) {
	return l.node.TryDo(append([]any{"EVAL", script.Source(), 1, l.keys[1]}, args...)...)
}

func takenSemaphore(t *testing.T, node *redistest.Node) runner {
	s := newSemaphore(t, node)
	s.set(grants{theirs: "1"}, 2*long)
	s.set(grants{mine: "0,2"}, short)
	return s
}

func numbered(kind fencedKind) func(*testing.T, *redistest.Node) runner {
	return func(t *testing.T, node *redistest.Node) runner {
		l := newCounted(t, node, kind)
		l.run(kind.acquire, mine, short, "", 0, mine, 1)
		return l
	}
}

// numberedFrom is that where it is known from which number the node counts.
func numberedFrom(kind fencedKind) func(*testing.T, *redistest.Node) runner {
	return func(t *testing.T, node *redistest.Node) runner {
		l := numbered(kind)(t, node).(*counted)
		l.setCounter(int64(number))
		return l
	}
}

// awaitedFenced is that where theirs waits.
func awaitedFenced(kind fencedKind) func(*testing.T, *redistest.Node) runner {
	return func(t *testing.T, node *redistest.Node) runner {
		l := numberedFrom(kind)(t, node).(*counted)
		l.queue(newSubscriber(t, node), a, long)
		return l
	}
}

// heldRuns are what is done with what is held: every script that does not acquire.
var heldRuns = []struct {
	script *scripts.Script
	before func(*testing.T, *redistest.Node) runner
	args   []any
	reply  int64
}{
	{scripts.Mutex().Extend, lockedMutex, []any{mine, long}, 1},
	{scripts.Mutex().ExtendOrSet, lockedMutex, []any{mine, long}, 1},
	{scripts.Mutex().Pass, lockedMutex, []any{mine, long}, 1},
	{scripts.Mutex().Pass, awaitedMutex, []any{mine, long}, 2},
	{scripts.Mutex().Check, lockedMutex, []any{mine}, 1},
	{scripts.Mutex().Release, lockedMutex, []any{mine, "", 0}, 1},
	{scripts.Mutex().Release, lockedMutex, []any{mine, "a|", short}, 1},
	{scripts.Mutex().Withdraw, lockedMutex, []any{"a|"}, -1},

	{scripts.Mutex().PassFenced, awaitedFenced(fencedKinds[0]), []any{mine, long, 5}, 2},
	{scripts.Mutex().ExtendFenced, numbered(fencedKinds[0]), []any{mine, long, number * 2}, 1},
	{scripts.Mutex().ExtendOrSetFenced, numbered(fencedKinds[0]), []any{mine, long, number * 2}, 1},
	{scripts.Mutex().Fence, numbered(fencedKinds[0]), []any{mine, long, number * 2}, 1},

	{scripts.RWMutex().WriteExtend, writtenRWMutex, []any{mine, long}, 1},
	{scripts.RWMutex().WritePass, writtenRWMutex, []any{mine, short}, 1},
	{scripts.RWMutex().WritePass, awaitedRWMutex, []any{mine, short}, 2},
	{scripts.RWMutex().WriteCheck, writtenRWMutex, []any{mine}, 1},
	{scripts.RWMutex().WriteRelease, writtenRWMutex, []any{mine, "", 0}, 1},
	{scripts.RWMutex().WriteRelease, writtenRWMutex, []any{mine, "a|", short}, 1},
	{scripts.RWMutex().WriteWithdraw, writtenRWMutex, []any{"a|"}, -1},
	{scripts.RWMutex().Downgrade, writtenRWMutex, []any{mine, long}, 1},
	{scripts.RWMutex().ReadExtend, writtenRWMutex, []any{mine, long}, 1},

	{scripts.RWMutex().WritePassFenced, awaitedFenced(fencedKinds[1]), []any{mine, long, 5}, 2},
	{scripts.RWMutex().WriteExtendFenced, numbered(fencedKinds[1]), []any{mine, long, number * 2}, 1},
	{scripts.RWMutex().WriteFence, numbered(fencedKinds[1]), []any{mine, long, number * 2}, 1},

	{scripts.RWMutex().ReadExtend, readRWMutex, []any{mine, long}, 1},
	{scripts.RWMutex().ReadRepair, readRWMutex, []any{mine, long}, 1},
	{scripts.RWMutex().Downgrade, readRWMutex, []any{mine, long}, 1},
	{scripts.RWMutex().ReadCheck, readRWMutex, []any{mine}, 1},
	{scripts.RWMutex().ReadRelease, readRWMutex, []any{mine, "", 0}, 1},
	{scripts.RWMutex().ReadRelease, readRWMutex, []any{mine, "a|", short}, 1},
	{scripts.RWMutex().ReadWithdraw, readRWMutex, []any{"a|"}, -1},
	{scripts.ReadExtendAlone, readersAlone, []any{mine, long}, 1},
	{scripts.ReadReleaseAlone, readersAlone, []any{mine}, 1},
	{scripts.ReadCheckAlone, readersAlone, []any{mine}, 1},

	{scripts.Semaphore().Extend, takenSemaphore, []any{mine, long, "0,2"}, 1},
	{scripts.Semaphore().Check, takenSemaphore, []any{mine, "0,2"}, 1},
	{scripts.Semaphore().Release, takenSemaphore, []any{mine}, 1},
	{scripts.Semaphore().Withdraw, takenSemaphore, []any{"a|:1:3"}, -1},
}

// numberedRuns are those that answer a number.
var numberedRuns = map[*scripts.Script]fencedKind{
	scripts.Mutex().PassFenced:        fencedKinds[0],
	scripts.RWMutex().WritePassFenced: fencedKinds[1],
}

// passes are those that renew whatever they answer, 1 or 2, for the lifetime in ARGV[2].
var passes = []*scripts.Script{
	scripts.Mutex().Pass, scripts.Mutex().PassFenced, scripts.RWMutex().WritePass, scripts.RWMutex().WritePassFenced,
}

// newcomers are the scripts that ask for what is not held yet, and so for memory.
var newcomers = []struct {
	script *scripts.Script
	on     func(*testing.T, *redistest.Node) runner
	args   []any
}{
	{scripts.Mutex().Acquire, freeMutex, []any{mine, short, "", 0, mine}},
	{scripts.Mutex().AcquireFenced, freeFenced, []any{mine, short, "", 0, mine, 5}},
	{scripts.Mutex().RepairFenced, freeFenced, []any{mine, short, "", 0, mine, number}},
	{scripts.RWMutex().WriteAcquire, freeRWMutex, try(mine)},
	{scripts.RWMutex().WriteAcquireFenced, freeFencedWriter, try(mine, 5)},
	{scripts.RWMutex().WriteRepairFenced, freeFencedWriter, try(mine, number)},
	{scripts.RWMutex().ReadAcquire, freeRWMutex, read(mine)},
	{scripts.Semaphore().Acquire, freeSemaphore, args(3, 1, "", 0, mine)},
}

func freeMutex(t *testing.T, node *redistest.Node) runner   { return newLock(t, node) }
func freeRWMutex(t *testing.T, node *redistest.Node) runner { return newRWMutex(t, node) }
func freeFenced(t *testing.T, node *redistest.Node) runner {
	return newCounted(t, node, fencedKinds[0])
}
func freeFencedWriter(t *testing.T, node *redistest.Node) runner {
	return newCounted(t, node, fencedKinds[1])
}
func freeSemaphore(t *testing.T, node *redistest.Node) runner { return newSemaphore(t, node) }

// full lets a server have no memory to give, for as long as do runs.
func full(t *testing.T, node *redistest.Node, do func()) {
	t.Helper()
	node.Do(t, "CONFIG", "SET", "maxmemory-policy", "noeviction")
	node.Do(t, "CONFIG", "SET", "maxmemory", 1)
	defer node.Do(t, "CONFIG", "SET", "maxmemory", 0)
	do()
}

// What is held is renewed, passed on and given back on a server that is full.
func TestWhatIsHeldNeedsNoMemory(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	node := redistest.StartOne(t)
	for _, c := range heldRuns {
		t.Run(c.script.Name(), func(t *testing.T) {
			l := c.before(t, node)
			full(t, node, func() {
				reply, err := l.try(c.script, c.args...)
				require.NoError(t, err)
				assert.Equal(t, c.reply, reply)
				if slices.Contains(passes, c.script) {
					lease := &lock{t, node, l.(keyed).all()[0].(string)}
					lease.requireKey(key{mine, c.args[1].(int)})
				}
			})
		})
	}
	for script, kind := range numberedRuns {
		t.Run(script.Name(), func(t *testing.T) {
			l := numberedFrom(kind)(t, node).(*counted)
			full(t, node, func() {
				require.EqualValues(t, number+5, l.run(script, mine, long, 5))
				(&lock{t, node, l.keys[0].(string)}).requireKey(key{mine, long})
				node.Do(t, "DEL", l.keys[kind.key])
				require.Greater(t, l.run(script, mine, long, 5), int64(number+5), "without the counter")
			})
		})
	}
}

// What is not held yet is refused there, and nothing was written.
func TestNewcomersNeedMemory(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	node := redistest.StartOne(t)
	for _, c := range newcomers {
		t.Run(c.script.Name(), func(t *testing.T) {
			l := c.on(t, node)
			full(t, node, func() {
				_, err := l.try(c.script, c.args...)
				require.ErrorContains(t, err, "OOM")
				assert.EqualValues(t, 0, node.Do(t, "DBSIZE"))
			})
		})
	}
}

// Every script is one or the other.
func TestMemoryOfEveryScript(t *testing.T) {
	asked := map[*scripts.Script]bool{ // looks at all that is there
		scripts.Semaphore().Held: true, scripts.Mutex().Inspect: true, scripts.RWMutex().Inspect: true, scripts.Semaphore().Inspect: true,
	}
	for _, c := range heldRuns {
		asked[c.script] = true
	}
	for script := range numberedRuns {
		asked[script] = true
	}
	for _, c := range newcomers {
		asked[c.script] = true
	}
	for _, script := range scripts.All() {
		assert.True(t, asked[script], script.Name())
	}
}
