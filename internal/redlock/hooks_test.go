package redlock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// hookNotes note the calls of hooks.
type hookNotes struct {
	mu    sync.Mutex
	calls []string
	held  int // as Hooks says to count it
	waits int
	bad   string
}

type hookKey struct{}

func (r *hookNotes) note(l holdfast.Lock, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, fmt.Sprintf(l.Kind+" %d: "+format, append([]any{l.Count}, args...)...))
	if l.Name != "name" {
		r.bad = l.Name
	}
}

func (r *hookNotes) count(held, waits int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held += held
	r.waits += waits
}

// since returns what was noted since it was called last, once everything has settled.
func (r *hookNotes) since(b *bench) []string {
	b.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Empty(b, r.bad)
	calls := r.calls
	r.calls = nil
	return calls
}

// brief names an error.
func brief(err error) string {
	var taken *ErrTaken
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrConfig):
		return "config"
	case errors.Is(err, ErrLost):
		return "lost"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.As(err, &taken):
		return "taken"
	}
	return "failed"
}

func (r *hookNotes) hooks() *holdfast.Hooks {
	return &holdfast.Hooks{
		AcquireStart: func(ctx context.Context, l holdfast.Lock) context.Context {
			r.count(0, 1)
			r.note(l, "start")
			return context.WithValue(ctx, hookKey{}, "begun")
		},
		AcquireDone: func(ctx context.Context, l holdfast.Lock, a holdfast.Acquired) {
			r.count(0, -1)
			if a.Err == nil {
				r.count(l.Count, 0)
			}
			r.note(l, "done %s %v %d %v %v", ctx.Value(hookKey{}), a.Waited, a.Tries, a.Passed, brief(a.Err))
		},
		Extended: func(ctx context.Context, l holdfast.Lock, err error) {
			r.note(l, "extended %v %v", ctx.Value(hookKey{}), brief(err))
		},
		Released: func(_ context.Context, l holdfast.Lock, d holdfast.Released) {
			if !errors.Is(d.Err, ErrLost) {
				r.count(-l.Count, 0)
			}
			r.note(l, "released %v %v %v", d.Held, d.Passed, brief(d.Err))
		},
		Lost: func(l holdfast.Lock, cause error) {
			r.count(-l.Count, 0)
			r.note(l, "lost %v", brief(cause))
		},
		NodeError: func(l holdfast.Lock, node int, err error) {
			var of *RedisError
			if !errors.As(err, &of) || of.Node != node {
				err = errors.New("no error of that node")
			}
			r.note(l, "node %d %v", node, err)
		},
	}
}

// hooked is a change to a configuration: with hooks that note their calls.
func (r *hookNotes) hooked(changes ...func(*Config)) func(*Config) {
	return func(c *Config) {
		c.SetHooks(r.hooks())
		for _, change := range changes {
			change(c)
		}
	}
}

func renewed(c *Config)   { c.AutoExtend = true }
func unlimited(c *Config) { c.Unlimited = true }

func TestHooksOfOneLease(t *testing.T) {
	for _, n := range []int{1, 3} {
		bubble(t, n, func(b *bench) {
			var r hookNotes
			x := b.object(r.hooked())
			for _, node := range b.nodes {
				node.Before = always(ms)
			}
			b.lock(x)
			require.Equal(b, []string{"test 1: start", "test 1: done begun 1ms 1 false ok"}, r.since(b))
			time.Sleep(2 * time.Second)
			b.extend(x)
			require.Equal(b, []string{"test 1: extended <nil> ok"}, r.since(b))
			b.unlock(x)
			require.Equal(b, []string{"test 1: released 2.002s false ok"}, r.since(b))
			_, err := x.Unlock(background)
			require.Error(b, err)
			require.Empty(b, r.since(b), "a second Unlock gives nothing back")
			_, err = x.Extend(background)
			require.Error(b, err)
			require.Equal(b, []string{"test 1: extended <nil> failed"}, r.since(b))
		})
	}
}

func TestHooksOfCallsThatGetNothing(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		b.lock(b.object(nil))
		require.Error(b, b.object(r.hooked()).TryLock(background))
		require.Equal(b, []string{"test 1: start", "test 1: done begun 0s 1 false taken"}, r.since(b))

		require.Error(b, b.object(r.hooked(func(c *Config) { c.Tries = 3 })).Lock(background))
		require.Equal(b, []string{"test 1: start", "test 1: done begun 200ms 3 false taken"}, r.since(b))

		gone, cancel := context.WithCancel(background)
		cancel()
		require.Error(b, b.object(r.hooked()).Lock(gone))
		require.Equal(b, []string{"test 1: start", "test 1: done begun 0s 0 false canceled"}, r.since(b))

		require.Error(b, b.object(r.hooked(func(c *Config) { c.Expiry = 0 })).Lock(background))
		require.Equal(b, []string{"test 1: start", "test 1: done begun 0s 0 false config"}, r.since(b))

		_, err := b.slots(3, r.hooked()).Acquire(background, 4)
		require.Error(b, err)
		require.Equal(b, []string{"test 4: start", "test 4: done begun 0s 0 false config"}, r.since(b))
	})
}

func TestHooksOfALeaseThatPasses(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		var r hookNotes
		x := b.object(r.hooked())
		b.lockAll(x)
		next := b.next(background, x)
		r.since(b)
		b.unlock(x)
		require.NoError(b, <-next)
		calls := r.since(b)
		require.ElementsMatch(b, []string{"test 1: released 0s true ok", "test 1: done begun 0s 0 true ok"}, calls)
		time.Sleep(time.Second)
		b.unlock(x)
		require.Equal(b, []string{"test 1: released 1.001s false ok"}, r.since(b))
	})
}

// Nothing listens to Lost, or renews, or asks.
func TestHooksOfALossAtTheEndOfValidity(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		x := b.object(r.hooked())
		b.lock(x)
		r.since(b)
		time.Sleep(time.Until(x.Until()) - time.Nanosecond)
		require.Empty(b, r.since(b))
		time.Sleep(time.Nanosecond)
		require.Equal(b, []string{"test 1: lost lost"}, r.since(b))
		b.unlock(x) // the nodes have it for a little longer
		require.Equal(b, []string{"test 1: released 7.92s false lost"}, r.since(b))

		b.lock(x)
		time.Sleep(time.Minute)
		_, err := x.Unlock(background)
		require.ErrorIs(b, err, ErrLockAlreadyExpired)
		require.NotErrorIs(b, err, ErrLost)
		calls := r.since(b)
		require.Equal(b, []string{"test 1: lost lost", "test 1: released 1m0s false lost"}, calls[2:])
	})
}

func TestHooksOfALossThatTheReleaseFinds(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		x := b.object(r.hooked())
		b.lock(x)
		b.restarted(0, 1, 2)
		r.since(b)
		_, err := x.Unlock(background)
		require.Error(b, err)
		require.Equal(b, []string{"test 1: lost lost", "test 1: released 0s false lost"}, r.since(b))
	})
}

// The last reader has left the lease by then, and the loss is reported all the same.
func TestHooksOfALossThatTheLastReadersReleaseFinds(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		x := b.rw(r.hooked())
		b.in(x.Reader)
		b.restarted(0, 1, 2)
		r.since(b)
		_, err := x.Reader.Unlock(background)
		require.Error(b, err)
		require.Equal(b, []string{"test.read 1: lost lost", "test.read 1: released 0s false lost"}, r.since(b))
	})
}

// No timer knows that the wall clock has gone on while the machine was suspended, and the
// lease has ended on the nodes: the release finds it.
func TestHooksOfALossThatOnlyTheWallClockKnows(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		step := b.walls()
		var r hookNotes
		x := b.object(r.hooked())
		b.lock(x)
		b.restarted(0, 1, 2)
		r.since(b)
		step.Store(int64(time.Hour))
		_, err := x.Unlock(background)
		require.ErrorIs(b, err, ErrLockAlreadyExpired)
		require.Equal(b, []string{"test 1: lost lost", "test 1: released 0s false lost"}, r.since(b))
		require.Zero(b, r.held)
	})
}

// blockDone has the AcquireDone of the nth lock that is acquired wait for the channel.
func (r *hookNotes) blockDone(nth int32, block <-chan struct{}) func(*Config) {
	var locked atomic.Int32
	return func(c *Config) {
		done := c.Hooks.AcquireDone
		c.Hooks.AcquireDone = func(ctx context.Context, l holdfast.Lock, a holdfast.Acquired) {
			done(ctx, l, a)
			if a.Err == nil && locked.Add(1) == nth {
				<-block
			}
		}
	}
}

// A loss that is noticed while AcquireDone runs is reported when it returns.
func TestHooksOfALossWhileAcquireDoneRuns(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		block := make(chan struct{})
		x := b.object(r.hooked(r.blockDone(1, block)))
		result := begins(background, x.Lock)
		time.Sleep(time.Minute)
		require.True(b, isLost(x.Lost()))
		require.Equal(b, []string{"test 1: start", "test 1: done begun 0s 1 false ok"}, r.since(b))
		close(block)
		require.NoError(b, <-result)
		require.Equal(b, []string{"test 1: lost lost"}, r.since(b))
		_, _ = x.Unlock(background)
		require.Equal(b, []string{"test 1: released 0s false lost"}, r.since(b))
	})
}

// The loss of a shared lease is reported once for each reader, also for one that begins later.
func TestHooksOfALossThatOneReaderMissed(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		block := make(chan struct{})
		x := b.rw(r.hooked(r.blockDone(2, block)))
		b.in(x.Reader)
		second := begins(background, x.Reader.Lock)
		r.since(b)
		time.Sleep(time.Minute)
		require.Equal(b, []string{"test.read 1: lost lost"}, r.since(b))
		close(block)
		require.NoError(b, <-second)
		require.Equal(b, []string{"test.read 1: lost lost"}, r.since(b))
		for range 2 {
			_, _ = x.Reader.Unlock(background)
		}
		r.since(b)
		require.Zero(b, r.held)
	})
}

func TestHooksOfAReleaseWithoutAnswers(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		x := b.object(r.hooked())
		b.lockAll(x)
		b.failing(testProtocol.Release, errAway, 0, 1, 2)
		r.since(b)
		_, err := x.Unlock(background)
		require.Error(b, err)
		require.Contains(b, r.since(b), "test 1: released 0s false failed")
		for _, i := range []int{0, 1, 2} {
			b.back(i)
		}
		_, _ = x.Unlock(background)
		require.Empty(b, r.since(b), "only one release is the holder's")
	})
}

func TestHooksOfRenewal(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		x := b.object(r.hooked(renewed))
		b.lockAll(x)
		r.since(b)
		time.Sleep(3 * time.Second)
		require.Equal(b, []string{"test 1: extended begun ok"}, r.since(b))
		b.failing(testProtocol.Extend, errAway, 0)
		time.Sleep(3 * time.Second)
		require.ElementsMatch(b, []string{"test 1: node 0 node #0: fake: away", "test 1: extended begun ok"}, r.since(b))
		b.failing(testProtocol.Extend, errAway, 1)
		time.Sleep(8 * time.Second)
		calls := r.since(b)
		require.Contains(b, calls, "test 1: node 1 node #1: fake: away")
		require.Contains(b, calls, "test 1: extended begun failed")
		require.Contains(b, calls, "test 1: lost lost")
		_, _ = x.Unlock(background)
		require.Len(b, r.since(b), 1)
	})
}

// A minority that fails is reported, although the calls succeed.
func TestHooksOfAnErrorOfANode(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		x := b.object(r.hooked())
		b.failing(nil, errAway, 2)
		b.lock(x)
		require.ElementsMatch(b, []string{"test 1: start", "test 1: done begun 0s 1 false ok", "test 1: node 2 node #2: fake: away"}, r.since(b))
		b.extend(x)
		require.ElementsMatch(b, []string{"test 1: extended <nil> ok", "test 1: node 2 node #2: fake: away"}, r.since(b))
		b.unlock(x)
		require.Contains(b, r.since(b), "test 1: released 0s false ok")

		b.failing(nil, errAway, 1)
		require.Error(b, b.object(r.hooked()).TryLock(background))
		calls := r.since(b)
		require.Equal(b, "test 1: done begun 0s 1 false failed", calls[len(calls)-1], "errors that decide come before")
		require.Contains(b, calls, "test 1: node 1 node #1: fake: away")
		require.Contains(b, calls, "test 1: node 2 node #2: fake: away")
		require.Len(b, calls, 4)
	})
}

func TestHooksOfReaders(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		x := b.rw(r.hooked())
		b.in(x.Reader)
		require.Equal(b, []string{"test.read 1: start", "test.read 1: done begun 0s 1 false ok"}, r.since(b))
		b.in(x.Reader)
		require.Equal(b, []string{"test.read 1: start", "test.read 1: done begun 0s 0 true ok"}, r.since(b))
		time.Sleep(time.Second)
		b.in(x.Reader)
		require.Equal(b, []string{"test.read 1: start", "test.read 1: done begun 0s 1 false ok"}, r.since(b))
		time.Sleep(time.Second)
		b.out(x.Reader)
		require.Equal(b, []string{"test.read 1: released 2s true ok"}, r.since(b))

		time.Sleep(time.Minute)
		require.Equal(b, []string{"test.read 2: lost lost"}, r.since(b))
		for range 2 {
			_, err := x.Reader.Unlock(background)
			require.Error(b, err)
		}
		calls := r.since(b)
		require.Equal(b, []string{"test.read 1: released 1m2s false lost", "test.read 1: released 1m1s false lost"}, calls)
		require.Zero(b, r.held)

		b.in(x.Writer)
		b.out(x.Writer)
		require.Equal(b, []string{"test.write 1: start", "test.write 1: done begun 0s 1 false ok", "test.write 1: released 0s false ok"}, r.since(b))
	})
}

func TestHooksOfADowngrade(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		x := b.rw(r.hooked(renewed))
		b.in(x.Writer)
		r.since(b)
		time.Sleep(time.Second)
		require.NoError(b, x.Downgrade(background))
		require.Equal(b, []string{
			"test.write 1: released 1s true ok",
			"test.read 1: start", "test.read 1: done begun 0s 0 true ok",
		}, r.since(b))
		time.Sleep(4 * time.Second)
		require.Equal(b, []string{"test.read 1: extended begun ok"}, r.since(b), "renewal goes on")
		b.out(x.Reader)
		require.Equal(b, []string{"test.read 1: released 4s false ok"}, r.since(b))
		require.Error(b, x.Downgrade(background))
		require.Empty(b, r.since(b), "there was nothing to downgrade")
		require.Zero(b, r.held)
	})
}

func TestHooksOfPermits(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		var r hookNotes
		x := b.slots(3, r.hooked(unlimited))
		p := b.take(x, 3)
		require.Equal(b, []string{"test 3: start", "test 3: done begun 1ms 1 false ok"}, r.since(b))
		next := b.takeLater(background, x, 3)
		r.since(b)
		b.extended(permits{p})
		require.Equal(b, []string{"test 3: extended <nil> ok"}, r.since(b))
		b.giveBack(p)
		q := <-next
		require.NoError(b, q.err)
		calls := r.since(b)
		require.Contains(b, calls, "test 3: done begun 21ms 2 true ok")
		require.Contains(b, calls, "test 3: released 21ms true ok")
		time.Sleep(time.Minute)
		require.Equal(b, []string{"test 3: lost lost"}, r.since(b), "a permit that was forgotten")
		require.Zero(b, r.held)
	})
}

// permits makes a half of a permit.
type permits struct{ *Permit }

func (permits) Lock(context.Context) error                 { panic("not called") }
func (permits) TryLock(context.Context) error              { panic("not called") }
func (p permits) Unlock(ctx context.Context) (bool, error) { return p.Release(ctx) }

func TestHooksOfDoAndLocker(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		x := b.object(r.hooked())
		require.NoError(b, x.Do(background, func(ctx context.Context) error {
			require.Nil(b, ctx.Value(hookKey{}), "fn's context is the caller's")
			return nil
		}))
		l := x.Locker()
		l.Lock()
		require.Len(b, r.since(b), 5)
		l.Unlock()
		require.Equal(b, []string{"test 1: released 0s false ok"}, r.since(b))
	})
}

func TestHooksOfAnAdoptedLease(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		of := b.object(nil)
		b.lock(of)
		x := b.object(r.hooked(func(c *Config) { c.Value = of.Value() }))
		b.extend(x)
		time.Sleep(time.Minute)
		_, _ = x.Unlock(background)
		require.Equal(b, []string{"test 1: extended <nil> ok"}, r.since(b))
	})
}

func TestHooksMayBeNilAndMayReturnNil(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.failing(nil, errAway, 2)
		for _, h := range []*holdfast.Hooks{nil, {}, {AcquireStart: func(context.Context, holdfast.Lock) context.Context { return nil }}} {
			x := b.object(func(c *Config) { c.SetHooks(h); renewed(c) })
			b.lock(x)
			b.extend(x)
			time.Sleep(time.Minute)
			b.unlock(x)
			b.lock(x)
			b.restarted(0, 1, 2)
			time.Sleep(time.Minute)
			_, err := x.Unlock(background)
			require.Error(b, err)
		}
	})
}

func TestHooksAreCopied(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		var r hookNotes
		h := r.hooks()
		x := b.object(func(c *Config) { c.SetHooks(h) })
		*h = holdfast.Hooks{}
		b.lock(x)
		require.Len(b, r.since(b), 2)
	})
}

// The lock is free after a hook has panicked, and the caller sees the panic.
func TestHooksThatPanic(t *testing.T) {
	fault := func(c *Config) {
		c.Hooks.AcquireDone = func(context.Context, holdfast.Lock, holdfast.Acquired) { panic("hook") }
	}
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		for name, call := range map[string]func(){
			"mutex":     func() { _ = b.object(r.hooked(renewed, fault)).Lock(background) },
			"writer":    func() { _ = b.rw(r.hooked(renewed, fault)).Writer.Lock(background) },
			"reader":    func() { _ = b.rw(r.hooked(renewed, fault)).Reader.Lock(background) },
			"semaphore": func() { _, _ = b.slots(1, r.hooked(renewed, fault)).Acquire(background, 1) },
		} {
			require.PanicsWithValue(b, "hook", call, name)
			require.Contains(b, r.since(b)[1], "released 0s false ok", name)
		}
		b.lock(b.object(nil))
		b.in(b.elsewhere().rw(nil).Writer)
		b.take(b.slots(1, nil), 1)
	})
}

func TestHooksThatPanicLeaveTheObjectUsable(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		panics := true
		fault := func() {
			if panics {
				panic("hook")
			}
		}
		x := b.object(r.hooked(func(c *Config) {
			c.Hooks.AcquireStart = func(ctx context.Context, _ holdfast.Lock) context.Context { fault(); return ctx }
			c.Hooks.Released = func(context.Context, holdfast.Lock, holdfast.Released) { fault() }
			c.Hooks.Extended = func(context.Context, holdfast.Lock, error) { fault() }
		}))
		require.PanicsWithValue(b, "hook", func() { _ = x.Lock(background) })
		panics = false
		b.lock(x)
		panics = true
		require.PanicsWithValue(b, "hook", func() { _, _ = x.Extend(background) })
		require.PanicsWithValue(b, "hook", func() { _, _ = x.Unlock(background) })
		b.nothingLeft()
		panics = false
		b.lock(x)
		b.unlock(x)
	})
}

// A lease is not renewed before AcquireDone has returned.
func TestHookThatBlocksStrandsNoLease(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		block, other := make(chan struct{}), b.elsewhere().object(unlimited)
		for name, lock := range map[string]func(change func(*Config)) error{
			"mutex":     func(change func(*Config)) error { return b.object(change).Lock(background) },
			"reader":    func(change func(*Config)) error { return b.rw(change).Reader.Lock(background) },
			"semaphore": func(change func(*Config)) error { _, err := b.slots(1, change).Acquire(background, 1); return err },
		} {
			var r hookNotes
			result := begins(background, func(context.Context) error {
				return lock(r.hooked(renewed, func(c *Config) {
					c.Hooks.AcquireDone = func(context.Context, holdfast.Lock, holdfast.Acquired) { <-block }
				}))
			})
			if name == "mutex" {
				start := time.Now()
				b.lock(other)
				require.LessOrEqual(b, time.Since(start), DefaultExpiry+time.Second)
				b.unlock(other)
			}
			time.Sleep(time.Minute)
			close(block)
			require.NoError(b, <-result)
			calls := r.since(b)
			require.Contains(b, calls[len(calls)-1], "lost lost", name)
			block = make(chan struct{})
		}
	})
}

// What waits for a hook that blocks is in order, is bounded, and is released meanwhile.
func TestHookThatBlocksHoldsUpHooksAlone(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		block, errs := make(chan struct{}), 0
		x := b.object(r.hooked(renewed, func(c *Config) {
			c.Hooks.NodeError = func(holdfast.Lock, int, error) { <-block; errs++ }
		}))
		b.failing(testProtocol.Extend, errAway, 2)
		b.lock(x)
		r.since(b)
		time.Sleep(time.Hour)
		require.LessOrEqual(b, len(r.since(b)), 1, "the first extension may be reported before")
		require.False(b, isLost(x.Lost()), "renewal goes on")
		result := begins(background, func(ctx context.Context) error { _, err := x.Unlock(ctx); return err })
		b.waits(result)
		require.NoError(b, b.elsewhere().object(nil).TryLock(background), "the lease was released")
		close(block)
		require.NoError(b, <-result)
		calls := r.since(b)
		require.Equal(b, "test 1: released 1h0m0s false ok", calls[len(calls)-1])
		require.Equal(b, 1+holdfast.MaxPending, len(calls)-1+errs)
	})
}

// A hook that ends its goroutine, as a test's FailNow does, does not end the others.
func TestHookThatEndsItsGoroutine(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var r hookNotes
		x := b.object(r.hooked(func(c *Config) {
			c.Hooks.NodeError = func(holdfast.Lock, int, error) { runtime.Goexit() }
		}))
		b.failing(testProtocol.Acquire, errAway, 0, 1, 2)
		require.Error(b, x.TryLock(background))
		b.back(0)
		b.back(1)
		b.back(2)
		b.lock(x)
		time.Sleep(time.Minute)
		calls := r.since(b)
		require.Equal(b, "test 1: lost lost", calls[len(calls)-1])
	})
}

// As one may count by Hooks: in the end nothing waits and nothing is held, whatever
// happened to the nodes and leases.
func TestHooksAddUp(t *testing.T) {
	var lost atomic.Int64
	for seed := range seedsBelow(60) {
		bubble(t, 3, func(b *bench) {
			var r hookNotes
			random := rand.New(rand.NewPCG(seed, 0))
			b.trouble(random)
			change := r.hooked(func(c *Config) {
				c.Expiry, c.TimeoutFactor = 2*time.Second, 0.1
				c.AutoExtend = seed%3 == 0
				gone := c.Hooks.Lost
				c.Hooks.Lost = func(l holdfast.Lock, cause error) { gone(l, cause); lost.Add(1) }
			})
			x, rw, slots := b.object(change), b.rw(change), b.slots(3, change)
			var all sync.WaitGroup
			for i := range 9 {
				own := rand.New(rand.NewPCG(seed, uint64(i+1)))
				all.Go(func() {
					for range 8 {
						b.sectionOf([]half{x, rw.Writer, rw.Reader}[own.IntN(3)], rw, slots, own)
					}
				})
			}
			all.Wait()
			time.Sleep(time.Minute)
			r.since(b)
			require.Zero(b, r.waits, "seed %d", seed)
			require.Zero(b, r.held, "seed %d", seed)
		})
	}
	require.Positive(t, lost.Load())
}

// sectionOf locks, sleeps and unlocks, at random; nodes forget now and then.
func (b *bench) sectionOf(x half, rw *RW, slots *Slots, own *rand.Rand) {
	ctx, cancel := context.WithTimeout(background, time.Duration(own.Int64N(int64(4*time.Second))))
	defer cancel()
	pause := time.Duration(own.Int64N(int64(3 * time.Second)))
	if own.IntN(4) == 0 {
		p, err := slots.Acquire(ctx, 1+own.IntN(3))
		time.Sleep(pause)
		if err == nil && (slots.spec.AutoExtend || own.IntN(4) > 0) { // else it is forgotten
			_, _ = p.Release(ctx)
		}
		return
	}
	if x.Lock(ctx) != nil {
		return
	}
	time.Sleep(pause)
	switch own.IntN(8) {
	case 0:
		b.nodes[own.IntN(3)].Restart()
	case 1:
		_, _ = x.Extend(ctx)
	case 2:
		if x == half(rw.Writer) && rw.Downgrade(ctx) == nil {
			x = rw.Reader
		} else if x == half(rw.Writer) {
			x = rw.Reader // what remains is a read lease
		}
	}
	_, _ = x.Unlock(ctx)
}
