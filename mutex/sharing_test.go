package mutex_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/scripts"
)

// line is a lock object and the goroutines that wait for it.
type line struct {
	t   *testing.T
	m   *mutex.Mutex
	ctx context.Context
	// joined receives from each goroutine that has begun to wait: a retry delay
	// is what it waits for then.
	joined chan struct{}
	gone   sync.WaitGroup
}

// manyTries is as good as no limit, but counted: who waits without one in the line of
// a process does not count its tries, and asks for no delay.
const manyTries = 1 << 30

func newLine(t *testing.T, w *world, f *mutex.Factory, options ...mutex.Option) *line {
	l := &line{t: t, joined: make(chan struct{})}
	var cancel func()
	l.ctx, cancel = context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(func() {
		cancel()
		l.gone.Wait()
	})
	l.m = w.on(f, append(options, mutex.WithTries(manyTries), mutex.WithRetryDelayFunc(l.delay))...)
	return l
}

// delay is the retry delay, first asked for on joining the line.
func (l *line) delay(made int) time.Duration {
	if made > 1 {
		return time.Millisecond
	}
	select {
	case l.joined <- struct{}{}:
	case <-l.ctx.Done():
	}
	return time.Millisecond
}

// join sends a goroutine into the line, and returns when it stands there. It
// will run section while it holds the mutex.
func (l *line) join(section func()) {
	l.t.Helper()
	l.joinBriefly(func() {
		section()
		_, err := l.m.Unlock()
		assert.NoError(l.t, err)
	})
}

// joinBriefly is join for a section that sees to the end of its hold, if that lasts.
func (l *line) joinBriefly(section func()) {
	l.t.Helper()
	l.gone.Go(func() {
		if assert.NoError(l.t, l.m.LockContext(l.ctx)) {
			section()
		}
	})
	select {
	case <-l.joined:
	case <-l.ctx.Done():
		l.t.Fatal("the goroutine does not wait")
	}
}

func TestGoroutinesAreServedInOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		l := newLine(t, w, w.factory())
		require.NoError(t, l.m.Lock())
		var order, want []int // the mutex guards order
		for i := range 20 {
			want = append(want, i)
			l.join(func() { order = append(order, i) })
		}
		requireYes(t, l.m.Unlock)
		l.gone.Wait()
		assert.Equal(t, want, order)
	})
}

func TestOnlyTheFirstInLineTalksToRedis(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		const crowd = 20
		f, spies := w.spied()
		l := newLine(t, w, f)
		require.NoError(t, l.m.Lock())
		for range crowd {
			l.join(func() {})
		}
		spies.await(t, scripts.Mutex().Acquire, 1)
		requireYes(t, l.m.Unlock)
		l.gone.Wait()
		if len(spies) == 1 { // else a late reply may make a try fail
			require.Eventually(t, func() bool {
				passed := spies[0].count(scripts.Mutex().Pass)
				return spies[0].count(scripts.Mutex().Acquire)+passed <= 1+crowd &&
					spies[0].count(scripts.Mutex().Release) >= 1 && spies[0].count(scripts.Mutex().Release)+passed <= 1+crowd
			}, patience, tick, "more than one request a section to acquire, and one to release, or one for both")
		}
	})
}

// A lease passes from goroutine to goroutine in memory: most sections take no request.
func TestCrowdPassesItsLeaseOn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		const goroutines, sections = 8, 100
		f, spies := w.spied()
		m := w.on(f, mutex.WithUnlimitedTries())
		counter := 0
		var all sync.WaitGroup
		for range goroutines {
			all.Go(func() {
				for range sections {
					if assert.NoError(t, m.Lock()) {
						counter++
						_, err := m.Unlock()
						assert.NoError(t, err)
					}
				}
			})
		}
		all.Wait()
		require.Equal(t, goroutines*sections, counter)
		asked := spies[0].count(scripts.Mutex().Acquire) + spies[0].count(scripts.Mutex().Pass) + spies[0].count(scripts.Mutex().Release)
		require.Less(t, asked, counter/2)
	})
}

// The race detector watches the counter: a hold of the mutex orders memory as
// one of a sync.Mutex does.
func TestSharedByManyGoroutines(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		const goroutines, sections = 16, 10
		m := w.mutex(mutex.WithUnlimitedTries(), mutex.WithRetryDelay(time.Millisecond))
		counter := 0
		var all sync.WaitGroup
		for range goroutines {
			all.Go(func() {
				for range sections {
					if assert.NoError(t, m.Lock()) {
						counter++
						_, err := m.Unlock()
						assert.NoError(t, err)
					}
				}
			})
		}
		all.Wait()
		assert.Equal(t, goroutines*sections, counter)
		w.requireSettled()
	})
}

// Whatever goroutines do at once, nothing is left behind and nothing races.
func TestEveryMethodAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex(mutex.WithRetryDelay(time.Millisecond), mutex.WithTries(3))
		var all sync.WaitGroup
		for range 4 {
			for _, call := range []func(){
				func() { _ = m.Lock() },
				func() { _ = m.TryLock() },
				func() { _, _ = m.Unlock() },
				func() { _, _ = m.Extend() },
				func() { _, _ = m.Valid() },
				func() { _, _, _ = m.Name(), m.Value(), m.Until() },
			} {
				all.Go(func() {
					for range 20 {
						call()
					}
				})
			}
		}
		all.Wait()
		_, _ = m.Unlock()
		w.requireSettled()
		require.NoError(t, m.Lock())
		requireYes(t, m.Unlock)
	})
}

func TestTryLockDoesNotWaitInLine(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f, spies := w.spied()
		m := w.on(f)
		require.NoError(t, m.Lock())
		err := m.TryLock()
		require.ErrorIs(t, err, mutex.ErrFailed)
		taken, ok := find[*mutex.ErrTaken](err)
		require.True(t, ok, "%v", err)
		assert.Empty(t, taken.Nodes, "no node was asked")
		spies.await(t, scripts.Mutex().Acquire, 1)
		requireYes(t, m.Unlock)
	})
}

// A holder that never unlocks does not make its neighbours wait for ever.
func TestTriesRunOutInLine(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f, spies := w.spied()
		const tries = 4
		delays := 0
		m := w.on(f, mutex.WithTries(tries), mutex.WithRetryDelayFunc(func(made int) time.Duration {
			delays++
			assert.Equal(t, delays, made)
			return time.Millisecond
		}))
		require.NoError(t, m.Lock())
		err := m.Lock()
		require.ErrorIs(t, err, mutex.ErrFailed)
		assert.True(t, isA[*mutex.ErrTaken](err), "%v", err)
		assert.Equal(t, tries-1, delays)
		spies.await(t, scripts.Mutex().Acquire, 1)
		requireYes(t, m.Unlock)
		require.NoError(t, m.Lock())
		requireYes(t, m.Unlock)
	})
}

func TestLeavingTheLine(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		l := newLine(t, w, w.factory())
		require.NoError(t, l.m.Lock())
		ctx, cancel := context.WithCancel(context.Background())
		left := make(chan error, 1)
		go func() { left <- l.m.LockContext(ctx) }()
		<-l.joined
		served := false
		l.join(func() { served = true })

		cancel()
		err := <-left
		require.ErrorIs(t, err, mutex.ErrFailed)
		require.ErrorIs(t, err, context.Canceled)
		requireYes(t, l.m.Unlock)
		l.gone.Wait()
		assert.True(t, served, "the next one got the place")
	})
}

// A hold keeps its place when it has expired, so that its late Unlock does not
// touch the next goroutine's hold.
func TestLateUnlockOfAnExpiredHold(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		var l *line
		w.lockBriefly(func(short ...mutex.Option) *mutex.Mutex {
			l = newLine(t, w, w.factory(), short...)
			return l.m
		})
		value := l.m.Value()
		next := make(chan string, 1)
		l.joinBriefly(func() {
			next <- l.m.Value()
			_, _ = l.m.Unlock() // it may have expired again
		})
		w.awaitFree()
		assert.Empty(t, next, "the place is still the expired hold's")
		assert.Equal(t, value, l.m.Value())
		assert.ErrorIs(t, requireNo(t, l.m.Extend), mutex.ErrLockAlreadyExpired)
		assert.ErrorIs(t, requireNo(t, l.m.Unlock), mutex.ErrLockAlreadyExpired)
		l.gone.Wait()
		require.NotEmpty(t, next)
		assert.NotEqual(t, value, <-next, "a hold of its own, only now")
	})
}

// A goroutine whose context ends at the very moment when its turn comes passes
// the turn on.
func TestLeavingTheLineWhenTheTurnComes(t *testing.T) {
	m := mutex.New(stub(granting)).NewMutex("name", mutex.WithUnlimitedTries())
	for range 500 {
		require.NoError(t, m.TryLock(), "the place is lost")
		ctx, cancel := context.WithCancel(context.Background())
		waiting := make(chan error)
		go func() { waiting <- m.LockContext(ctx) }()
		runtime.Gosched()
		go cancel()
		requireYes(t, m.Unlock)
		if <-waiting == nil {
			requireYes(t, m.Unlock)
		}
	}
}
