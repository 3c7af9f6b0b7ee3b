package scripts_test

import (
	"strconv"
	"strings"
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
	name                          string
	acquire, pass, repair, extend *scripts.Script
	fence, release, withdraw      *scripts.Script
	key, line                     int // where the counter is, and how many keys those with a queue get
	tickets                       int // where the queue is
}

var fencedKinds = []fencedKind{
	{"mutex", scripts.Mutex().AcquireFenced, scripts.Mutex().PassFenced, scripts.Mutex().RepairFenced,
		scripts.Mutex().ExtendFenced, scripts.Mutex().Fence, scripts.Mutex().Release, scripts.Mutex().Withdraw, 1, 4, 2},
	{"rwmutex", scripts.RWMutex().WriteAcquireFenced, scripts.RWMutex().WritePassFenced, scripts.RWMutex().WriteRepairFenced,
		scripts.RWMutex().WriteExtendFenced, scripts.RWMutex().WriteFence, scripts.RWMutex().WriteRelease, scripts.RWMutex().WriteWithdraw, 5, 6, 2},
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
	return l.takeBlock(1)
}

// takeBlock acquires for mine with so many numbers, and returns the largest.
func (l *counted) takeBlock(size int) any {
	l.t.Helper()
	return l.run(l.kind.acquire, mine, short, "", 0, mine, size)
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

// A block begins with the clock, also for a lease that passes on: what is answered is its
// end. The server's clock is replaced by one that stands still.
func TestFenceOfABlockBeginsWithTheClock(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		for _, size := range []int64{1, 2, 999_999} {
			for script, args := range map[*scripts.Script][]any{
				l.kind.acquire: {mine, short, "", 0, mine, size},
				l.kind.pass:    {mine, short, size},
			} {
				l.node.Do(t, "SET", l.keys[0], mine, "PX", short)
				l.node.Do(t, "DEL", l.keys[l.kind.key])
				source := strings.ReplaceAll(script.Source(), "redis.call('TIME')", "{'1700000000', '123'}")
				words := append([]any{"EVAL", source, len(l.keys)}, l.keys...)
				require.Equal(t, number+size-1, l.node.Do(t, append(words, args...)...), script.Name())
				l.requireCounter(strconv.FormatInt(number+size-1, 10), short)
			}
		}
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

// A lease gets as many numbers as it asks for, by an acquire and by a pass: the next one
// counts from the block's end.
func TestFenceCountsByTheBlock(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		l.setCounter(int64(number))
		last := int64(number)
		for _, size := range []int64{1, 7, 1, 999_999, 12} {
			last += size
			require.Equal(t, last, l.takeBlock(int(size)))
			l.requireCounter(strconv.FormatInt(last, 10), short)
			last += size
			require.Equal(t, last, l.run(l.kind.pass, mine, long, size))
			l.requireCounter(strconv.FormatInt(last, 10), long)
			require.Equal(t, mine, l.holder())
			require.EqualValues(t, 1, l.run(l.kind.release, mine, "", 0))
			require.Equal(t, strconv.FormatInt(last, 10), l.counter(), "a release leaves it")
		}
	})
}

// A lease that passes on lasts for the new lifetime, and its counter a day longer. Run
// twice it gets another block.
func TestFenceOfAPass(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		l.setCounter(int64(number))
		l.take()
		for i := range int64(2) {
			require.Equal(t, number+11+10*i, l.run(l.kind.pass, mine, long, 10))
			require.Equal(t, mine, l.holder())
			requireAbout(t, long, int(l.node.Do(t, "PTTL", l.keys[0]).(int64)))
			l.requireCounter(strconv.FormatInt(number+11+10*i, 10), long)
		}
	})
}

// Where others wait a pass renews the lease, and uses no number. The line is as it was.
func TestFenceIsLeftAloneWhereOthersWait(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		sub := newSubscriber(t, l.node)
		l.take()
		l.setCounter(int64(number))
		l.queue(sub, a, long)
		l.queue(sub, b, long)
		tickets := l.ticketsOf()
		require.Len(t, tickets, 4)
		lease := &lock{t, l.node, l.keys[0].(string)}
		for _, lifetime := range []int{long, short} {
			require.EqualValues(t, 2, l.run(l.kind.pass, mine, lifetime, 10))
			lease.requireKey(key{mine, lifetime})
		}
		require.Equal(t, tickets, l.ticketsOf())
		require.Empty(t, sub.received())
		require.EqualValues(t, 1, l.run(l.kind.release, mine, "", 0))
		require.Equal(t, []id{a}, sub.received())
		require.EqualValues(t, -1, l.run(l.kind.pass, mine, long, 10))
		lease.requireKey(nothing)
		require.Equal(t, strconv.FormatInt(number, 10), l.counter())
		require.LessOrEqual(t, l.node.Do(t, "PTTL", l.keys[l.kind.key]), int64(long))
		require.Empty(t, sub.received())
	})
}

// A ticket that has ended does not count: the lease passes on.
func TestFenceOfAPassWhereNobodyWaitsAnyMore(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		sub := newSubscriber(t, l.node)
		l.take()
		l.setCounter(int64(number))
		l.queue(sub, a, long)
		l.queue(sub, b, 20)
		require.EqualValues(t, 1, l.run(l.kind.withdraw, sub.words([]any{a})...))
		require.Eventually(t, func() bool {
			end, err := strconv.ParseFloat(l.node.Do(t, "ZSCORE", l.keys[l.kind.tickets], sub.home+string(b)).(string), 64)
			require.NoError(t, err)
			return int(end) < serverClock(t, l.node)
		}, 10*time.Second, time.Millisecond)
		require.Equal(t, int64(number+10), l.run(l.kind.pass, mine, long, 10))
		require.Equal(t, mine, l.holder())
		require.Empty(t, sub.received())
	})
}

// ticketsOf are those that wait, each with the end of its ticket.
func (l *counted) ticketsOf() []any {
	l.t.Helper()
	return l.node.Do(l.t, "ZRANGEBYSCORE", l.keys[l.kind.tickets], 0, "+inf", "WITHSCORES").([]any)
}

// queue lets theirs wait in line.
func (l *counted) queue(sub *subscriber, id id, lifetime int) {
	l.t.Helper()
	args := []any{theirs, short, id, lifetime, theirs}
	if l.kind.key > 0 {
		args = append(args, 1)
	}
	require.EqualValues(l.t, 0, l.run(l.kind.acquire, sub.words(args)...))
}

// What is no block is an error before anything is written.
func TestFenceOfAnOddBlock(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		for _, size := range []any{0, -1, "", "x", "1.5", "1e3", "0x10", "01", " 1", 1_000_000, "inf", "nan", mine} {
			_, err := l.try(l.kind.acquire, mine, short, "", 0, mine, size)
			require.ErrorContains(t, err, "a block of", size)
			require.Nil(t, l.holder(), size)
			require.Nil(t, l.counter(), size)
		}
		l.take()
		l.setCounter(int64(number))
		for _, size := range []any{0, "", "1.5", 1_000_000} {
			_, err := l.try(l.kind.pass, mine, long, size)
			require.ErrorContains(t, err, "a block of", size)
			require.LessOrEqual(t, l.node.Do(t, "PTTL", l.keys[0]), int64(short))
			require.Equal(t, strconv.FormatInt(number, 10), l.counter())
		}
	})
}

// A node that has forgotten the counter gets the block's end back, and counts from there.
func TestFenceOfABlockIsBroughtBack(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		l.setCounter(int64(number))
		last := l.takeBlock(100).(int64)
		for _, script := range []*scripts.Script{l.kind.fence, l.kind.extend, l.kind.repair} {
			l.node.Do(t, "DEL", l.keys[l.kind.key])
			args := []any{mine, long, last}
			if script == l.kind.repair {
				args = []any{mine, long, "", 0, mine, last}
			}
			require.EqualValues(t, 1, l.run(script, args...), script.Name())
			l.requireCounter(strconv.FormatInt(last, 10), long)
			require.Equal(t, last+50, l.run(l.kind.pass, mine, long, 50), script.Name())
			last += 50
		}
	})
}

// A request that is run twice may be answered by either run.
func TestFenceOfARepeatedAcquire(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		l.setCounter(int64(number))
		require.Equal(t, int64(number+1), l.take())
		require.Equal(t, int64(number+2), l.take())
		require.EqualValues(t, 0, l.run(l.kind.acquire, mine, short, "", 0, 1), "strictly")
		require.Equal(t, int64(number+12), l.takeBlock(10))
		require.Equal(t, strconv.FormatInt(number+12, 10), l.counter())
	})
}

func TestFenceIsLeftAloneByARefusal(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		require.Positive(t, l.run(l.kind.acquire, theirs, long, "", 0, theirs, 1))
		l.setCounter(int64(number))
		before := l.node.Do(t, "PTTL", l.keys[l.kind.key]).(int64)
		for name, reply := range map[string]any{
			"acquire":      l.run(l.kind.acquire, mine, long, "", 0, mine, 5),
			"acquire line": l.run(l.kind.acquire, mine, long, "c|one", short, mine, 5),
			"pass":         l.run(l.kind.pass, mine, long, 5),
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
			"pass":   l.run(l.kind.pass, mine, long, 5),
			"extend": l.run(l.kind.extend, mine, long, number),
			"fence":  l.run(l.kind.fence, mine, long, number),
		} {
			require.EqualValues(t, -1, reply, name)
		}
		require.Nil(t, l.counter())
		require.Nil(t, l.holder())
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

// A number is no token that may be replaced, and neither is the size of a block.
func TestFenceIsNoToken(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		text := strconv.FormatInt(number, 10)
		l.node.Do(t, "SET", l.keys[0], text, "PX", long)
		require.EqualValues(t, 0, l.run(l.kind.repair, mine, long, "", 0, mine, number))
		require.Equal(t, text, l.holder())
		l.node.Do(t, "SET", l.keys[0], "7", "PX", long)
		require.EqualValues(t, 0, l.takeBlock(7))
		require.EqualValues(t, 0, l.run(l.kind.acquire, mine, long, "", 0, 7))
		require.Equal(t, "7", l.holder())
		require.Nil(t, l.counter())
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
		require.EqualValues(t, 1, l.run(scripts.Mutex().ExtendOrSetFenced, mine, long, number))
		l.requireCounter(strconv.FormatInt(number, 10), long)
		require.Equal(t, mine, l.holder())
		require.EqualValues(t, 0, l.run(scripts.Mutex().ExtendOrSetFenced, theirs, long, number+1))
		l.requireCounter(strconv.FormatInt(number, 10), long)
	})
}

// A key of another kind fails before anything is written, and what is no number
// counts as none.
func TestFenceOnAWrongType(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		l.node.Do(t, "RPUSH", l.keys[l.kind.key], "element")
		_, err := l.try(l.kind.acquire, mine, short, "", 0, mine, 1)
		require.ErrorContains(t, err, "WRONGTYPE")
		require.Nil(t, l.holder())
		l.node.Do(t, "SET", l.keys[0], mine, "PX", short)
		_, err = l.try(l.kind.pass, mine, long, 1)
		require.ErrorContains(t, err, "WRONGTYPE")
		require.LessOrEqual(t, l.node.Do(t, "PTTL", l.keys[0]), int64(short))
		l.setCounter("what is this")
		before := l.micros()
		require.GreaterOrEqual(t, l.take(), before)
	})
}

// A newcomer with a ticket stands behind waiters, also where the lock is free, and uses up no
// number. One without passes them.
func TestFencedNewcomerBehindWaiters(t *testing.T) {
	eachFenced(t, func(t *testing.T, l *counted) {
		l.take()
		l.setCounter(int64(number))
		require.LessOrEqual(t, l.run(l.kind.acquire, theirs, short, "a|", short, theirs, 1), int64(0))
		l.node.Do(t, "DEL", l.keys[0])
		require.EqualValues(t, 0, l.run(l.kind.acquire, mine, short, "b|", short, mine, 1))
		require.Nil(t, l.holder())
		require.Equal(t, strconv.FormatInt(number, 10), l.counter())
		require.EqualValues(t, number+1, l.run(l.kind.acquire, mine, short, "", 0, mine, 1))
		require.EqualValues(t, mine, l.holder())
	})
}
