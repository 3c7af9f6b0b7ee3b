package redlock

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/scripts"
)

// doers are the three kinds of objects that have a Do.
func (b *bench) doers() map[string]func(context.Context, func(context.Context) error) error {
	rw, slots := b.rw(nil), b.slots(3, nil)
	return map[string]func(context.Context, func(context.Context) error) error{
		"exclusive": b.object(nil).Do,
		"writer":    rw.Writer.Do,
		"reader":    rw.Reader.Do,
		"slots": func(ctx context.Context, fn func(context.Context) error) error {
			return slots.Do(ctx, 2, fn)
		},
	}
}

// eachDo runs a test for each of them.
func eachDo(t *testing.T, test func(b *bench, do func(context.Context, func(context.Context) error) error)) {
	for _, name := range []string{"exclusive", "writer", "reader", "slots"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				do := b.doers()[name]
				test(b, do)
				require.NoError(b, do(background, func(context.Context) error { return nil }), "it is free again")
				b.asleep()
			})
		})
	}
}

var errWork = errors.New("the work failed")

func TestDoRenewsAndReleases(t *testing.T) {
	eachDo(t, func(b *bench, do func(context.Context, func(context.Context) error) error) {
		var kept context.Context
		err := do(background, func(ctx context.Context) error {
			kept = ctx
			time.Sleep(time.Hour)
			require.NoError(b, ctx.Err())
			return errWork
		})
		require.Equal(b, errWork, err)
		require.Equal(b, context.Canceled, kept.Err(), "it does not outlive Do")
		require.Equal(b, context.Canceled, context.Cause(kept))
	})
}

func TestDoReleasesOnPanic(t *testing.T) {
	eachDo(t, func(b *bench, do func(context.Context, func(context.Context) error) error) {
		require.PanicsWithValue(b, "oh", func() {
			_ = do(background, func(context.Context) error { panic("oh") })
		})
	})
}

func TestDoReleasesOnGoexit(t *testing.T) {
	eachDo(t, func(b *bench, do func(context.Context, func(context.Context) error) error) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = do(background, func(context.Context) error { runtime.Goexit(); return nil })
		}()
		<-ended
	})
}

func TestDoReleasesWhenItsCallerHasGone(t *testing.T) {
	eachDo(t, func(b *bench, do func(context.Context, func(context.Context) error) error) {
		gone := errors.New("gone")
		type key struct{}
		parent, cancel := context.WithCancelCause(context.WithValue(background, key{}, "value"))
		err := do(parent, func(ctx context.Context) error {
			require.Equal(b, "value", ctx.Value(key{}))
			cancel(gone)
			<-ctx.Done()
			require.Equal(b, gone, context.Cause(ctx))
			return context.Cause(ctx)
		})
		require.Equal(b, gone, err)
		err = do(parent, func(context.Context) error { b.Error("run"); return nil })
		require.ErrorIs(b, err, ErrFailed)
		require.ErrorIs(b, err, gone)
	})
}

// The loss ends ctx and all that was made of it, with ErrLost as the cause.
func TestDoReportsALoss(t *testing.T) {
	for _, works := range []error{nil, errWork, fakenode.ErrLostReply} {
		eachDo(t, func(b *bench, do func(context.Context, func(context.Context) error) error) {
			start := time.Now()
			err := do(background, func(ctx context.Context) error {
				child, cancel := context.WithTimeout(ctx, time.Hour)
				defer cancel()
				b.restarted(0, 1)
				<-child.Done()
				require.ErrorIs(b, context.Cause(child), ErrLost)
				require.ErrorIs(b, context.Cause(ctx), ErrLost)
				require.Equal(b, context.Canceled, ctx.Err())
				if works == fakenode.ErrLostReply {
					return context.Cause(ctx)
				}
				return works
			})
			require.Less(b, time.Since(start), 4*time.Second, "by the first renewal")
			require.ErrorIs(b, err, ErrLost)
			if works == errWork {
				require.ErrorIs(b, err, errWork)
			}
		})
	}
}

// Without an answer from the nodes the context ends at Until.
func TestDoEndsAtUntil(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		err := x.Do(background, func(ctx context.Context) error {
			synctest.Wait()
			for _, n := range b.nodes {
				n.Set(func() { n.Fault = func(*driver.Call) error { return errDown } })
			}
			<-ctx.Done()
			require.Zero(t, time.Since(x.Until()))
			return nil
		})
		require.ErrorIs(t, err, ErrLost)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
	})
}

// What only the release finds out is reported too.
func TestDoReportsALossThatTheReleaseFinds(t *testing.T) {
	eachDo(t, func(b *bench, do func(context.Context, func(context.Context) error) error) {
		err := do(background, func(context.Context) error {
			b.restarted(0, 1, 2)
			return errWork
		})
		require.ErrorIs(b, err, ErrLost)
		require.ErrorIs(b, err, errWork)
	})
}

// A release without an answer is no loss: the work was done by then.
func TestDoDoesNotMindAnUnansweredRelease(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		err := x.Do(background, func(context.Context) error {
			synctest.Wait()
			for _, n := range b.nodes[:2] {
				n.Set(func() { n.Fault = func(*driver.Call) error { return fakenode.ErrLostReply } })
			}
			return nil
		})
		require.NoError(t, err)
	})
}

// The context is asked after the machine was suspended, and before any timer fired.
func TestDoLooksAtTheClocksWhenAsked(t *testing.T) {
	for name, ended := range map[string]func(context.Context) bool{
		"Err": func(ctx context.Context) bool { return ctx.Err() != nil },
		"Done": func(ctx context.Context) bool {
			select {
			case <-ctx.Done():
				return true
			default:
				return false
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				step := b.walls()
				err := b.object(nil).Do(background, func(ctx context.Context) error {
					time.Sleep(time.Second)
					require.False(t, ended(ctx))
					step.Store(int64(time.Minute))
					require.True(t, ended(ctx))
					return nil
				})
				require.ErrorIs(t, err, ErrLost)
			})
		})
	}
}

func TestDoWhoseFunctionUnlocks(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		err := x.Do(background, func(context.Context) error {
			b.unlock(x)
			b.lock(x) // this one is not Do's to release
			return nil
		})
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		require.NotErrorIs(t, err, ErrLost)
		b.unlock(x)
	})
}

func TestManyReadersDo(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		ended := make(chan error)
		for i := range 50 {
			go func() {
				ended <- x.Reader.Do(background, func(ctx context.Context) error {
					select {
					case <-ctx.Done():
					case <-time.After(time.Duration((i+1)*(i+1)) * 100 * ms):
					}
					return nil
				})
			}()
		}
		time.Sleep(60 * time.Second)
		require.Equal(t, 1, b.nodes[0].Ran(scripts.RWMutex().ReadAcquire), "one lease")
		b.set((*fakenode.RW).Clear, 0, 1, 2)
		lost := 0
		for range 50 {
			if err := <-ended; err != nil {
				require.ErrorIs(t, err, ErrLost)
				lost++
			}
		}
		require.Equal(t, 26, lost)
		b.asleep()
	})
}

func TestDoReportsAMisconfiguration(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(func(c *Config) { c.Expiry = 0 })
		err := x.Do(background, func(context.Context) error { t.Error("run"); return nil })
		require.ErrorIs(t, err, ErrConfig)
		require.ErrorIs(t, b.slots(3, nil).Do(background, 4, nil), ErrConfig)
		require.True(t, isLost(x.Lost()))
	})
}

// The caller has gone, and Do still waits until the nodes have given the lock back: when it
// returns the next one can have it.
func TestDoHasReleasedOnReturnWhenItsCallerHasGone(t *testing.T) {
	eachDo(t, func(b *bench, do func(context.Context, func(context.Context) error) error) {
		for _, n := range b.nodes {
			n.Set(func() { n.Before, n.After = always(10*ms), always(10*ms) })
		}
		parent, cancel := context.WithCancel(background)
		require.NoError(b, do(parent, func(context.Context) error {
			time.Sleep(100 * ms) // the last node's grant is there
			cancel()
			return nil
		}))
		for i, n := range b.nodes {
			n.Mu.Lock()
			left := len(n.Keys) + len(n.Permits)
			for _, l := range n.RWs {
				left += len(l.Readers) + len(l.Writer.Token)
			}
			n.Mu.Unlock()
			require.Zero(b, left, "node %d", i)
		}
	})
}

// A release that was begun in time is no loss, however late its answer is, and whatever
// asks the clocks meanwhile. Here it passes the lock on.
func TestUntilPassesWhileDoReleases(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(func(c *Config) { c.TimeoutFactor, c.Unlimited = 0.5, true })
		var held context.Context
		var lost <-chan struct{}
		ended := make(chan error, 1)
		go func() {
			ended <- x.Do(background, func(ctx context.Context) error {
				held, lost = ctx, x.Lost()
				time.Sleep(time.Until(x.Until()) - 50*ms)
				return nil
			})
		}()
		time.Sleep(ms)
		b.failing(scripts.Mutex().Extend, errDown, b.all()...)
		for _, n := range b.nodes {
			n.Set(func() { n.After = only("mutex_pass", 100*ms) })
		}
		next := begins(background, x.Lock)
		time.Sleep(time.Until(x.Until()) + 1)
		b.waits(ended)
		require.NoError(t, held.Err())
		require.False(t, isLost(lost))
		require.NoError(t, <-ended)
		require.False(t, isLost(lost))
		require.NotErrorIs(t, context.Cause(held), ErrLost)
		require.NoError(t, <-next)
		b.unlock(x)
	})
}
