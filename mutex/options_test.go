package mutex_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/scripts"
)

// numbered makes values that end in how many there were.
func numbered(prefix string) (made *atomic.Int32, gen func() (string, error)) {
	made = new(atomic.Int32)
	return made, func() (string, error) { return fmt.Sprint(prefix, made.Add(1)), nil }
}

func TestDefaults(t *testing.T) {
	s := &spy{Pool: stub(granting)}
	m := mutex.New(s).NewMutex("name")
	before := time.Now()
	require.NoError(t, m.Lock())
	requireUntil(t, m.Until(), before, time.Now(), 8*time.Second-80*time.Millisecond)
	assert.EqualValues(t, 8000, s.sent()[0].Args()[1])
	assert.Regexp(t, "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", m.Value(), "a UUID")
}

func TestTheLastOfTwoOptionsCounts(t *testing.T) {
	s := &spy{Pool: stub(granting)}
	m := mutex.New(s).NewMutex("name", mutex.WithExpiry(time.Hour), mutex.WithExpiry(time.Minute))
	require.NoError(t, m.Lock())
	assert.EqualValues(t, 60_000, s.sent()[0].Args()[1])
}

func TestValuesOfTheUsersOwn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		made, gen := numbered("value ")
		f, _ := w.spied() // which are never notified, and so make no tries between
		m := w.on(f, mutex.WithGenValueFunc(gen), mutex.WithTries(3), mutex.WithRetryDelay(0))
		require.NoError(t, m.Lock())
		assert.Equal(t, "value 1", m.Value())
		w.awaitHolder("value 1")
		requireYes(t, m.Extend)
		requireYes(t, m.Unlock)
		w.awaitFree()

		w.put("another client", w.nodes...)
		require.ErrorIs(t, m.Lock(), mutex.ErrFailed)
		assert.EqualValues(t, 4, made.Load(), "one a try")
	})
}

// A value that is not unique does not let two in: it is set where nothing is.
func TestAValueThatIsNotUnique(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		same := mutex.WithGenValueFunc(func() (string, error) { return "same", nil })
		m, other := w.mutex(same), w.mutex(same, mutex.WithTries(3), mutex.WithRetryDelay(0))
		require.NoError(t, m.Lock())
		w.awaitHolder("same")
		require.ErrorIs(t, other.Lock(), mutex.ErrFailed)
		requireYes(t, m.Valid)
	})
}

func TestAValueFunctionThatFails(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f, spies := w.spied()
		reason := errors.New("no values today")
		calls := 0
		m := w.on(f, mutex.WithGenValueFunc(func() (string, error) {
			calls++
			return "unused", reason
		}))
		err := m.Lock()
		require.ErrorIs(t, err, mutex.ErrFailed)
		require.ErrorIs(t, err, reason)
		assert.Equal(t, 1, calls, "it ends Lock")

		m = w.on(f, mutex.WithGenValueFunc(func() (string, error) { return "", nil }))
		require.ErrorIs(t, m.Lock(), mutex.ErrConfig, "an empty value")
		for _, s := range spies {
			assert.Empty(t, s.sent())
		}
	})
}

func TestSetNXOnExtend(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex(mutex.WithSetNXOnExtend())
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		w.lose(w.nodes...)
		requireYes(t, m.Extend)
		w.awaitHolder(m.Value())
		requireYes(t, m.Unlock)
		w.awaitFree()

		assert.ErrorIs(t, requireNo(t, m.Extend), mutex.ErrExtendFailed, "not after Unlock")
		w.awaitFree()
	})
}

func TestSetNXOnExtendTakesNothingFromOthers(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex(mutex.WithSetNXOnExtend())
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		w.put("another client", w.nodes...)
		assert.True(t, isA[*mutex.ErrTaken](requireNo(t, m.Extend)))
		assert.Equal(t, len(w.nodes), w.holders("another client"))
	})
}

// Redsync's users may have these; they change neither outcome nor numbers.
func TestFailFastAndShuffledPools(t *testing.T) {
	onNodes(t, 5, func(t *testing.T, w *world) {
		for _, on := range []bool{true, false} {
			options := []mutex.Option{mutex.WithFailFast(on), mutex.WithShufflePools(on)}
			m, other := w.mutex(options...), w.mutex(options...)
			for range 20 {
				require.NoError(t, m.Lock())
				require.ErrorIs(t, other.TryLock(), mutex.ErrFailed)
				requireYes(t, m.Extend)
				requireYes(t, m.Unlock)
			}
			w.awaitFree()
		}
	})
}

func TestShuffledPoolsKeepTheirNumbers(t *testing.T) {
	broken := errors.New("broken")
	breaking := stub(func(*driver.Call) (any, error) { return nil, broken })
	refusing := stub(func(*driver.Call) (any, error) { return int64(0), nil })
	f := mutex.New(stub(granting), stub(granting), breaking, breaking, refusing)
	for range 50 {
		err := f.NewMutex("name", mutex.WithShufflePools(true)).TryLock()
		require.ErrorIs(t, err, mutex.ErrNodeTaken{Node: 4})
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, "node #2: broken")
		require.ErrorContains(t, err, "node #3: broken")
	}
}

// Redsync's users ask for errors by pointer and by value.
func TestErrorsByPointerAndByValue(t *testing.T) {
	refusing := stub(func(*driver.Call) (any, error) { return int64(0), nil })
	err := mutex.New(refusing).NewMutex("name").TryLock()
	byPointer, _ := find[*mutex.ErrTaken](err)
	byValue, _ := find[mutex.ErrTaken](err)
	require.NotNil(t, byPointer)
	assert.Equal(t, []int{0}, byPointer.Nodes)
	assert.Equal(t, []int{0}, byValue.Nodes)
	assert.ErrorIs(t, err, mutex.ErrTaken{Nodes: []int{0}})
	assert.ErrorIs(t, err, &mutex.ErrTaken{Nodes: []int{0}})
	assert.NotErrorIs(t, err, mutex.ErrTaken{Nodes: []int{1}})

	broken := stub(func(*driver.Call) (any, error) { return nil, errors.New("broken") })
	err = mutex.New(stub(granting), broken, refusing).NewMutex("name").TryLock()
	require.True(t, isA[*mutex.ErrNodeTaken](err), "%v", err)
	nodeTaken, _ := find[mutex.ErrNodeTaken](err)
	assert.Equal(t, 2, nodeTaken.Node)
	assert.ErrorIs(t, err, &mutex.ErrNodeTaken{Node: 2})
	assert.NotErrorIs(t, err, mutex.ErrNodeTaken{Node: 1})
	assert.False(t, isA[*mutex.ErrTaken](err), "one of three is no majority")

	require.True(t, isA[*mutex.RedisError](err), "%v", err)
	redisError, _ := find[mutex.RedisError](err)
	assert.Equal(t, 1, redisError.Node)
	assert.EqualError(t, redisError.Err, "broken")
}

// Something that speaks Redis and answers nonsense is no yes.
func TestAnAnswerThatMeansNothing(t *testing.T) {
	for _, reply := range []any{int64(3), "OK", nil, []any{int64(1)}} {
		m := mutex.New(stub(func(*driver.Call) (any, error) { return reply, nil })).NewMutex("name")
		err := m.TryLock()
		require.ErrorIs(t, err, mutex.ErrFailed, "%v", reply)
		assert.True(t, isA[*mutex.RedisError](err), "%v", err)
		assert.ErrorContains(t, err, "unexpected reply")
		assert.ErrorContains(t, err, scripts.Mutex().Acquire.Name())
	}
}
