package scripts_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

const (
	aDay   = 86_400_000            // in milliseconds
	number = 1_700_000_000_000_123 // 16 digits, which Lua would print as 1.7e+15
)

// counted is a lock with a counter: of a mutex, or of writers, whose scripts differ
// in keys only as far as these tests are concerned.
type counted struct {
	t    *testing.T
	node *redistest.Node
	kind fencedKind
	keys []any
}

// fencedKind is a lock whose holds are numbered.
type fencedKind struct {
	name                              string
	acquire, handover, repair, extend *scripts.Script
	fence, release                    *scripts.Script
	key, line                         int // where the counter is, and how many keys those with a line get
}

var fencedKinds = []fencedKind{
	{"mutex", scripts.MutexAcquireFenced, scripts.MutexHandoverFenced, scripts.MutexRepairFenced,
		scripts.MutexExtendFenced, scripts.MutexFence, scripts.MutexRelease, 1, 4},
	{"rwmutex", scripts.RWMutexWriteAcquireFenced, scripts.RWMutexWriteHandoverFenced, scripts.RWMutexWriteRepairFenced,
		scripts.RWMutexWriteExtendFenced, scripts.RWMutexWriteFence, scripts.RWMutexWriteRelease, 6, 7},
}

func eachFenced(t *testing.T, test func(t *testing.T, l *counted)) { eachOf(t, fencedKinds, test) }

func eachOf(t *testing.T, kinds []fencedKind, test func(t *testing.T, l *counted)) {
	node := redistest.StartOne(t)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			test(t, newCounted(t, node, kind))
		})
	}
}

func newCounted(t *testing.T, node *redistest.Node, kind fencedKind) *counted {
	l := &counted{t: t, node: node, kind: kind}
	for i := range kind.line {
		l.keys = append(l.keys, redistest.Name(t)+strconv.Itoa(i))
	}
	t.Cleanup(func() { node.Do(t, append([]any{"DEL"}, l.keys...)...) })
	return l
}

func (l *counted) try(script *scripts.Script, args ...any) (any, error) {
	words := append([]any{"EVAL", script.Source(), len(l.keys)}, l.keys...)
	return l.node.TryDo(append(words, args...)...)
}

func (l *counted) run(script *scripts.Script, args ...any) any {
	l.t.Helper()
	reply, err := l.try(script, args...)
	require.NoError(l.t, err)
	return reply
}

func (l *counted) counter() any { return l.node.Do(l.t, "GET", l.keys[l.kind.key]) }

func (l *counted) holder() any { return l.node.Do(l.t, "GET", l.keys[0]) }

func (l *counted) setCounter(value any) {
	l.node.Do(l.t, "SET", l.keys[l.kind.key], value, "PX", long)
}

// requireCounter checks the number, and that it lives for a day longer than a hold.
func (l *counted) requireCounter(number any, hold int) {
	l.t.Helper()
	require.Equal(l.t, number, l.counter())
	left := l.node.Do(l.t, "PTTL", l.keys[l.kind.key]).(int64)
	require.LessOrEqual(l.t, left, int64(aDay+hold))
	require.Greater(l.t, left, int64(aDay+hold-slack))
}

// take acquires for mine, and returns the number.
func (l *counted) take() any {
	l.t.Helper()
	return l.run(l.kind.acquire, mine, short, "", 0, mine)
}

func TestFenceStartsFromTheClockOfTheServer(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		before := l.micros()
		got := l.take().(int64)
		after := l.micros()
		assert.GreaterOrEqual(t, got, before)
		assert.LessOrEqual(t, got, after)
		l.requireCounter(strconv.FormatInt(got, 10), short)
	})
}

func (l *counted) micros() int64 {
	pair := l.node.Do(l.t, "TIME").([]any)
	seconds, err := strconv.ParseInt(pair[0].(string), 10, 64)
	require.NoError(l.t, err)
	micros, err := strconv.ParseInt(pair[1].(string), 10, 64)
	require.NoError(l.t, err)
	return seconds*int64(time.Second/time.Microsecond) + micros
}

// Numbers are exact to the last digit.
func TestFenceCountsOneByOne(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		l.setCounter(int64(number))
		for i := range int64(20) {
			require.Equal(t, number+1+i, l.take())
			l.requireCounter(strconv.FormatInt(number+1+i, 10), short)
			require.Equal(t, mine, l.holder())
			require.EqualValues(t, 1, l.run(l.kind.release, mine, "", 0))
		}
		require.Equal(t, strconv.FormatInt(number+20, 10), l.counter(), "a release leaves it")
	})
}

// A request that is run twice may be answered by either run.
func TestFenceOfARepeatedAcquire(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		l.setCounter(int64(number))
		require.Equal(t, int64(number+1), l.take())
		require.Equal(t, int64(number+2), l.take())
		require.EqualValues(t, 0, l.run(l.kind.acquire, mine, short, "", 0), "strictly")
		require.Equal(t, strconv.FormatInt(number+2, 10), l.counter())
	})
}

func TestFenceIsLeftAloneByARefusal(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		require.Positive(t, l.run(l.kind.acquire, theirs, long, "", 0, theirs))
		l.setCounter(int64(number))
		before := l.node.Do(t, "PTTL", l.keys[l.kind.key]).(int64)
		for name, reply := range map[string]any{
			"acquire":      l.run(l.kind.acquire, mine, long, "", 0, mine),
			"acquire line": l.run(l.kind.acquire, mine, long, "c|one", short, mine),
			"handover":     l.run(l.kind.handover, early1, long, mine),
			"repair":       l.run(l.kind.repair, mine, long, "", 0, mine, number+5),
			"extend":       l.run(l.kind.extend, mine, long, number+5),
			"fence":        l.run(l.kind.fence, mine, long, number+5),
		} {
			require.EqualValues(t, 0, reply, name)
		}
		require.Equal(t, strconv.FormatInt(number, 10), l.counter())
		require.LessOrEqual(t, l.node.Do(t, "PTTL", l.keys[l.kind.key]).(int64), before)
		require.Equal(t, theirs, l.holder())
	})
}

func TestFenceIsLeftAloneWhereNothingIs(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		for name, reply := range map[string]any{
			"handover": l.run(l.kind.handover, early1, long, mine),
			"extend":   l.run(l.kind.extend, mine, long, number),
			"fence":    l.run(l.kind.fence, mine, long, number),
		} {
			require.EqualValues(t, -1, reply, name)
		}
		require.Nil(t, l.counter())
		require.Nil(t, l.holder())
	})
}

func TestFenceGrowsByAHandover(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		l.setCounter(int64(number))
		l.take()
		require.Equal(t, int64(number+2), l.run(l.kind.handover, early1, long, mine))
		require.Equal(t, early1, l.holder())
		l.requireCounter(strconv.FormatInt(number+2, 10), long)
	})
}

// What carries a number raises the counter, and never brings it down. A number that
// is not known makes no counter, and no counter end.
func TestFenceIsRaised(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		for _, script := range []*scripts.Script{l.kind.fence, l.kind.extend, l.kind.repair} {
			carry := func(n int64) {
				t.Helper()
				args := []any{mine, long}
				if script == l.kind.repair {
					args = append(args, "", 0, mine)
				}
				require.EqualValues(t, 1, l.run(script, append(args, n)...), script.Name())
			}
			l.take()
			l.node.Do(t, "DEL", l.keys[l.kind.key])
			carry(0)
			require.Nil(t, l.counter(), script.Name())
			carry(number)
			l.requireCounter(strconv.FormatInt(number, 10), long)
			carry(number - 5)
			l.requireCounter(strconv.FormatInt(number, 10), long)
			l.setCounter(int64(number))
			carry(0)
			l.requireCounter(strconv.FormatInt(number, 10), long)
			carry(number + 7)
			l.requireCounter(strconv.FormatInt(number+7, 10), long)
			require.EqualValues(t, number+8, l.take())
			require.EqualValues(t, 1, l.run(l.kind.release, mine, "", 0))
		}
	})
}

// A number is no token that may be replaced.
func TestFenceIsNoToken(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		text := strconv.FormatInt(number, 10)
		l.node.Do(t, "SET", l.keys[0], text, "PX", long)
		require.EqualValues(t, 0, l.run(l.kind.repair, mine, long, "", 0, mine, number))
		require.Equal(t, text, l.holder())
	})
}

func TestFenceLeavesTheLifetimeOfTheHold(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		l.take()
		l.run(l.kind.fence, mine, long, number)
		require.LessOrEqual(t, l.node.Do(t, "PTTL", l.keys[0]), int64(short))
		l.run(l.kind.extend, mine, long, number)
		require.Greater(t, l.node.Do(t, "PTTL", l.keys[0]), int64(short))
	})
}

func TestFenceExtendOrSet(t *testing.T) {
	eachOf(t, fencedKinds[:1], func(t *testing.T, l *counted) { // writers have no such script
		require.EqualValues(t, 1, l.run(scripts.MutexExtendOrSetFenced, mine, long, number))
		l.requireCounter(strconv.FormatInt(number, 10), long)
		require.Equal(t, mine, l.holder())
		require.EqualValues(t, 0, l.run(scripts.MutexExtendOrSetFenced, theirs, long, number+1))
		l.requireCounter(strconv.FormatInt(number, 10), long)
	})
}

// A key of another kind fails before anything is written, and what is no number
// counts as none.
func TestFenceOnAWrongType(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		l.node.Do(t, "RPUSH", l.keys[l.kind.key], "element")
		_, err := l.try(l.kind.acquire, mine, short, "", 0, mine)
		require.ErrorContains(t, err, "WRONGTYPE")
		require.Nil(t, l.holder())
		l.setCounter("what is this")
		before := l.micros()
		require.GreaterOrEqual(t, l.take(), before)
	})
}
