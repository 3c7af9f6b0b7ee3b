package scripts_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// keyed is a lock whose keys are known.
type keyed interface {
	runner
	all() []any
}

func (l *lock) all() []any    { return []any{l.name, l.name + "queue", l.name + "awaited"} }
func (l *rwmutex) all() []any { return l.words() }
func (l *counted) all() []any { return l.keys }
func (s *semaphore) all() []any {
	return []any{s.key, s.key + "queue"}
}

// runAlone runs a script as it runs without the keys of the queue.
func runAlone(t *testing.T, node *redistest.Node, l keyed, script *scripts.Script, args []any) any {
	t.Helper()
	alone, keys, args, ok := script.WithoutQueue(l.all(), args)
	require.True(t, ok)
	return node.Do(t, append(append([]any{"EVAL", alone.Source(), len(keys)}, keys...), args...)...)
}

// aloneRuns are what is done with the keys of the lock itself, on what may be there.
var aloneRuns = []struct {
	script *scripts.Script
	before func(*testing.T, *redistest.Node) runner
	args   []any
	reply  any // where it is not what all keys give
}{
	{scripts.Mutex().Acquire, freeMutex, []any{mine, short, "a|", short, mine}, nil},
	{scripts.Mutex().Acquire, lockedMutex, []any{theirs, long, "", 0, theirs, mine}, nil},
	{scripts.Mutex().Acquire, lockedMutex, []any{theirs, long, "", 0, theirs}, nil},
	{scripts.Mutex().Release, lockedMutex, []any{mine, "", 0}, nil},
	{scripts.Mutex().Release, lockedMutex, []any{theirs, "", 0}, nil},
	{scripts.Mutex().Release, freeMutex, []any{mine, "", 0}, nil},
	{scripts.Mutex().Withdraw, lockedMutex, []any{"a|"}, nil},
	{scripts.Mutex().Check, lockedMutex, []any{mine}, nil},
	{scripts.Mutex().Check, lockedMutex, []any{theirs}, nil},
	{scripts.Mutex().Pass, lockedMutex, []any{mine, long}, nil},
	{scripts.Mutex().Pass, lockedMutex, []any{theirs, long}, nil},
	{scripts.Mutex().Pass, freeMutex, []any{mine, long}, nil},
	{scripts.Mutex().Pass, awaitedMutex, []any{mine, long}, int64(1)}, // those in line are not seen
	{scripts.Mutex().AcquireFenced, numbered(fencedKinds[0]), []any{theirs, long, "", 0, theirs, 5}, nil},
	{scripts.Mutex().PassFenced, numberedFrom(fencedKinds[0]), []any{mine, long, 5}, nil},
	{scripts.Mutex().PassFenced, numberedFrom(fencedKinds[0]), []any{theirs, long, 5}, nil},
	{scripts.Mutex().PassFenced, freeFenced, []any{mine, long, 5}, nil},
	{scripts.Mutex().PassFenced, awaitedFenced(fencedKinds[0]), []any{mine, long, 5}, int64(number + 5)},
	{scripts.Mutex().RepairFenced, freeFenced, []any{mine, long, "", 0, mine, number}, nil},
	{scripts.Mutex().ExtendFenced, numbered(fencedKinds[0]), []any{mine, long, number}, nil},
	{scripts.Mutex().ExtendFenced, freeFenced, []any{mine, long, number}, nil},
	{scripts.Mutex().ExtendOrSetFenced, numbered(fencedKinds[0]), []any{mine, long, number}, nil},
	{scripts.Mutex().ExtendOrSetFenced, freeFenced, []any{mine, long, number}, int64(-1)}, // without its number it is not set

	{scripts.RWMutex().WriteExtend, writtenRWMutex, []any{mine, long}, nil},
	{scripts.RWMutex().WriteExtend, writtenRWMutex, []any{theirs, long}, nil},
	{scripts.RWMutex().WriteExtend, freeRWMutex, []any{mine, long}, nil},
	{scripts.RWMutex().WriteExtendFenced, numbered(fencedKinds[1]), []any{mine, long, number}, nil},
	{scripts.RWMutex().WritePass, writtenRWMutex, []any{mine, long}, nil},
	{scripts.RWMutex().WritePass, writtenRWMutex, []any{theirs, long}, nil},
	{scripts.RWMutex().WritePass, freeRWMutex, []any{mine, long}, nil},
	{scripts.RWMutex().WritePass, awaitedRWMutex, []any{mine, long}, int64(1)},
	{scripts.RWMutex().WriteRelease, writtenRWMutex, []any{mine, "", 0}, nil},
	{scripts.RWMutex().WriteRelease, writtenRWMutex, []any{theirs, "", 0}, nil},
	{scripts.RWMutex().WriteCheck, writtenRWMutex, []any{mine}, nil},
	{scripts.RWMutex().ReadExtend, readRWMutex, []any{mine, long}, nil},
	{scripts.RWMutex().ReadExtend, readRWMutex, []any{theirs, long}, nil}, // which it had for longer
	{scripts.RWMutex().ReadRelease, readRWMutex, []any{mine, "", 0}, nil},
	{scripts.RWMutex().ReadCheck, readRWMutex, []any{mine}, nil},

	{scripts.Semaphore().Acquire, takenSemaphore, []any{early1, short, 5, 2, "", 0, "a|:2:5", short, early1}, nil},
	{scripts.Semaphore().Acquire, takenSemaphore, []any{early1, short, 3, 2, "", 0, "", 0, early1}, nil},
	{scripts.Semaphore().Release, takenSemaphore, []any{mine, "", 0}, nil},
	{scripts.Semaphore().Release, takenSemaphore, []any{early1, "", 0}, nil},
}

// With the lock's own keys alone a script answers the same, and leaves the same in them.
func TestAloneDoesTheSame(t *testing.T) {
	node := redistest.StartOne(t)
	for i, c := range aloneRuns {
		t.Run(fmt.Sprint(i, " ", c.script.Name()), func(t *testing.T) {
			with, without := c.before(t, node).(keyed), c.before(t, node).(keyed)
			full := node.Do(t, append(append([]any{"EVAL", c.script.Source(), len(with.all())}, with.all()...), c.args...)...)
			reply := runAlone(t, node, without, c.script, c.args)
			if c.reply != nil {
				assert.Equal(t, c.reply, reply)
				return
			}
			assert.Equal(t, full, reply)
			_, ofWith, _, _ := c.script.WithoutQueue(with.all(), c.args)
			_, ofWithout, _, _ := c.script.WithoutQueue(without.all(), c.args)
			for j := range ofWithout {
				assert.Equal(t, about(t, node, ofWith[j]), about(t, node, ofWithout[j]), "key %d", j)
			}
		})
	}
}

// Readers whose lease is not there may be the writer yet: without the other keys that is
// not known.
func TestAloneDoesNotGuess(t *testing.T) {
	node := redistest.StartOne(t)
	for _, script := range []*scripts.Script{scripts.RWMutex().ReadExtend, scripts.RWMutex().ReadRelease, scripts.RWMutex().ReadCheck} {
		for _, state := range []rw{{}, held, {readers: ends{theirs: long, mine: over}}} {
			l := newRWMutex(t, node)
			l.set(state)
			assert.Nil(t, runAlone(t, node, l, script, []any{mine, long}), script.Name())
			assert.EqualValues(t, 1, runAlone(t, node, readRWMutex(t, node).(keyed), script, []any{mine, long}), script.Name())
		}
	}
}

// Nobody is notified, and no ticket is touched, also where a line is there.
func TestAloneLeavesTheLine(t *testing.T) {
	node := redistest.StartOne(t)
	for script, args := range map[*scripts.Script][]any{
		scripts.Mutex().Acquire:  stand(mine),
		scripts.Mutex().Release:  {mine, a, short},
		scripts.Mutex().Pass:     {mine, long},
		scripts.Mutex().Withdraw: {b},
	} {
		l, q := newMutexLine(t, node)
		l.set(key{mine, short})
		q.set(ticket{b, long}, ticket{c, over})
		runAlone(t, node, l, script, q.words(args))
		q.require(ticket{b, long}, ticket{c, over})
		assert.Empty(t, q.received())
	}
}

// about is what a key has, and how long it lasts, by the hundred seconds.
func about(t *testing.T, node *redistest.Node, key any) (found []string) {
	t.Helper()
	const unit = slack * 1000 // µs
	found = append(found, fmt.Sprint((node.Do(t, "PTTL", key).(int64)+slack-1)/slack))
	if value, err := node.TryDo("GET", key); err == nil {
		if number, ok := value.(string); ok && len(number) == 16 { // it may be from the clock
			value = number[:6]
		}
		return append(found, fmt.Sprint(value))
	}
	now := serverClock(t, node)
	members := node.Do(t, "ZRANGE", key, 0, -1, "WITHSCORES").([]any)
	for i := 0; i < len(members); i += 2 {
		end, err := strconv.ParseFloat(members[i+1].(string), 64)
		require.NoError(t, err)
		if end > 1e6 { // it is no slot
			end = float64((int(end) - now + unit - 1) / unit)
		}
		found = append(found, fmt.Sprintf("%s %v", members[i], end))
	}
	return found
}
