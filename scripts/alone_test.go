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

func (l *lock) all() []any    { return []any{l.name, l.name + "line", l.name + "waiters"} }
func (l *rwmutex) all() []any { return l.words() }
func (l *counted) all() []any { return l.keys }
func (s *semaphore) all() []any {
	return []any{s.keys[0], s.keys[1], s.keys[0] + "line", s.keys[0] + "waiters"}
}

// runAlone runs a script as it runs without the keys of the line.
func runAlone(t *testing.T, node *redistest.Node, l keyed, script *scripts.Script, args []any) any {
	t.Helper()
	how, ok := script.Alone()
	require.True(t, ok)
	if how.Args > 0 {
		args = args[:how.Args]
	}
	args = append([]any(nil), args...)
	if how.Place > 0 {
		args[how.Place] = ""
	}
	keys := l.all()[how.From:how.To]
	words := append([]any{"EVAL", how.Script.Source(), len(keys)}, keys...)
	return node.Do(t, append(words, args...)...)
}

// aloneRuns are what is done with the keys of the lock itself, on what may be there.
var aloneRuns = []struct {
	script *scripts.Script
	before func(*testing.T, *redistest.Node) runner
	args   []any
	reply  any // where it is not what all keys give
}{
	{scripts.MutexAcquire, freeMutex, []any{mine, short, "a|", short, mine}, nil},
	{scripts.MutexAcquire, lockedMutex, []any{theirs, long, "", 0, theirs, mine}, nil},
	{scripts.MutexAcquire, lockedMutex, []any{theirs, long, "", 0, theirs}, nil},
	{scripts.MutexRelease, lockedMutex, []any{mine, "", 0}, nil},
	{scripts.MutexRelease, lockedMutex, []any{theirs, "", 0}, nil},
	{scripts.MutexRelease, freeMutex, []any{mine, "", 0}, nil},
	{scripts.MutexWithdraw, lockedMutex, []any{"a|"}, nil},
	{scripts.MutexCheck, lockedMutex, []any{mine}, nil},
	{scripts.MutexCheck, lockedMutex, []any{theirs}, nil},
	{scripts.MutexPass, lockedMutex, []any{mine, long}, nil},
	{scripts.MutexPass, lockedMutex, []any{theirs, long}, nil},
	{scripts.MutexPass, freeMutex, []any{mine, long}, nil},
	{scripts.MutexPass, awaitedMutex, []any{mine, long}, int64(1)}, // those in line are not seen
	{scripts.MutexAcquireFenced, numbered(fencedKinds[0]), []any{theirs, long, "", 0, theirs, 5}, nil},
	{scripts.MutexPassFenced, numberedFrom(fencedKinds[0]), []any{mine, long, 5}, nil},
	{scripts.MutexPassFenced, numberedFrom(fencedKinds[0]), []any{theirs, long, 5}, nil},
	{scripts.MutexPassFenced, freeFenced, []any{mine, long, 5}, nil},
	{scripts.MutexPassFenced, awaitedFenced(fencedKinds[0]), []any{mine, long, 5}, int64(number + 5)},
	{scripts.MutexRepairFenced, freeFenced, []any{mine, long, "", 0, mine, number}, nil},
	{scripts.MutexExtendFenced, numbered(fencedKinds[0]), []any{mine, long, number}, nil},
	{scripts.MutexExtendFenced, freeFenced, []any{mine, long, number}, nil},
	{scripts.MutexExtendOrSetFenced, numbered(fencedKinds[0]), []any{mine, long, number}, nil},
	{scripts.MutexExtendOrSetFenced, freeFenced, []any{mine, long, number}, int64(-1)}, // without its number it is not set

	{scripts.RWMutexWriteExtend, writtenRWMutex, []any{mine, long}, nil},
	{scripts.RWMutexWriteExtend, writtenRWMutex, []any{theirs, long}, nil},
	{scripts.RWMutexWriteExtend, freeRWMutex, []any{mine, long}, nil},
	{scripts.RWMutexWriteExtendFenced, numbered(fencedKinds[1]), []any{mine, long, number}, nil},
	{scripts.RWMutexWritePass, writtenRWMutex, []any{mine, long}, nil},
	{scripts.RWMutexWritePass, writtenRWMutex, []any{theirs, long}, nil},
	{scripts.RWMutexWritePass, freeRWMutex, []any{mine, long}, nil},
	{scripts.RWMutexWritePass, awaitedRWMutex, []any{mine, long}, int64(1)},
	{scripts.RWMutexWriteRelease, writtenRWMutex, []any{mine, "", 0}, nil},
	{scripts.RWMutexWriteRelease, writtenRWMutex, []any{theirs, "", 0}, nil},
	{scripts.RWMutexWriteCheck, writtenRWMutex, []any{mine}, nil},
	{scripts.RWMutexReadExtend, readRWMutex, []any{mine, long}, nil},
	{scripts.RWMutexReadExtend, readRWMutex, []any{theirs, long}, nil}, // which it had for longer
	{scripts.RWMutexReadRelease, readRWMutex, []any{mine, "", 0}, nil},
	{scripts.RWMutexReadCheck, readRWMutex, []any{mine}, nil},

	{scripts.SemaphoreAcquire, takenSemaphore, []any{early1, short, 5, 2, "", 0, "a|:2:5", short, early1}, nil},
	{scripts.SemaphoreAcquire, takenSemaphore, []any{early1, short, 3, 2, "", 0, "", 0, early1}, nil},
	{scripts.SemaphoreRelease, takenSemaphore, []any{mine, "", 0}, nil},
	{scripts.SemaphoreRelease, takenSemaphore, []any{early1, "", 0}, nil},
}

// With the lock's own keys alone a script answers the same, and leaves the same in them.
func TestAloneDoesTheSame(t *testing.T) {
	node := redistest.StartOne(t)
	for i, c := range aloneRuns {
		t.Run(fmt.Sprint(i, " ", c.script.Name()), func(t *testing.T) {
			how, _ := c.script.Alone()
			with, without := c.before(t, node).(keyed), c.before(t, node).(keyed)
			full := node.Do(t, append(append([]any{"EVAL", c.script.Source(), len(with.all())}, with.all()...), c.args...)...)
			reply := runAlone(t, node, without, c.script, c.args)
			if c.reply != nil {
				assert.Equal(t, c.reply, reply)
				return
			}
			assert.Equal(t, full, reply)
			for j := range without.all() {
				if how.From <= j && j < how.To {
					assert.Equal(t, about(t, node, with.all()[j]), about(t, node, without.all()[j]), "key %d", j)
				}
			}
		})
	}
}

// Readers whose lease is not there may be the writer yet: without the other keys that is
// not known.
func TestAloneDoesNotGuess(t *testing.T) {
	node := redistest.StartOne(t)
	for _, script := range []*scripts.Script{scripts.RWMutexReadExtend, scripts.RWMutexReadRelease, scripts.RWMutexReadCheck} {
		for _, state := range []rw{{}, held, {readers: ends{theirs: long, mine: over}}} {
			l := newRWMutex(t, node)
			l.set(state)
			assert.Nil(t, runAlone(t, node, l, script, []any{mine, long}), script.Name())
			assert.EqualValues(t, 1, runAlone(t, node, readRWMutex(t, node).(keyed), script, []any{mine, long}), script.Name())
		}
	}
}

// Nobody is told, and no place is touched, also where a line is there.
func TestAloneLeavesTheLine(t *testing.T) {
	node := redistest.StartOne(t)
	for script, args := range map[*scripts.Script][]any{
		scripts.MutexAcquire:  stand(mine),
		scripts.MutexRelease:  {mine, a, short},
		scripts.MutexPass:     {mine, long},
		scripts.MutexWithdraw: {b},
	} {
		l, q := newMutexLine(t, node)
		l.set(key{mine, short})
		q.set(place{b, long}, place{c, over})
		runAlone(t, node, l, script, q.words(args))
		q.require(place{b, long}, place{c, over})
		assert.Empty(t, q.heard())
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
