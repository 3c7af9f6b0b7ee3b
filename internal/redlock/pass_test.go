package redlock

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

// next locks in the background, behind those who have the object's place or wait for it.
func (b *bench) next(ctx context.Context, x *Exclusive) <-chan error { return begins(ctx, x.Lock) }

// token is that of the object's lease, without handing it out as Value does.
func (x *Exclusive) token() string { return x.current().token.value }

// keptBusy has goroutines lock and unlock one object until stop is called, and returns
// how many sections there were.
func (b *bench) keptBusy(x *Exclusive, goroutines int, section time.Duration) (stop func() int) {
	var all sync.WaitGroup
	var mu sync.Mutex
	sections, over := 0, false
	for range goroutines {
		all.Go(func() {
			for {
				require.NoError(b, x.Lock(background))
				time.Sleep(section)
				mu.Lock()
				sections++
				ends := over
				mu.Unlock()
				b.unlock(x)
				if ends {
					return
				}
			}
		})
	}
	return func() int {
		mu.Lock()
		over = true
		mu.Unlock()
		all.Wait()
		return sections
	}
}

func TestLeasePassesOnWithoutARequest(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		notifying(t, n, func(b *bench) {
			x := b.object(nil)
			b.lockAll(x)
			token, until, start := x.token(), x.Until(), time.Now()
			var waiting []<-chan error
			for range 3 {
				waiting = append(waiting, b.next(background, x))
			}
			for _, next := range waiting {
				b.unlock(x)
				require.NoError(t, <-next)
				require.Equal(t, start, time.Now())
				require.Equal(t, token, x.token())
				require.Equal(t, until, x.Until())
			}
			for _, node := range b.nodes {
				require.Equal(t, []string{"mutex_acquire"}, node.History())
			}
			b.unlock(x)
			b.nothingWaits()
		})
	}
}

func TestLeaseIsRenewedBeforeItPassesOnAfterATenure(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		notifying(t, n, func(b *bench) {
			x := b.object(nil)
			b.lockAll(x)
			token, next := x.token(), b.next(background, x)
			time.Sleep(2 * maxTenure)
			start := time.Now()
			b.unlock(x)
			require.NoError(t, <-next)
			require.Equal(t, start.Add(ms), time.Now(), "one round trip")
			require.Equal(t, start.Add(x.spec.lifetime()), x.Until())
			for i, node := range b.nodes {
				require.Equal(t, []string{"mutex_acquire", "mutex_pass"}, node.History())
				require.Equal(t, token, b.holders()[i])
			}
			b.unlock(x)
			b.nothingWaits()
		})
	}
}

// With a short expiry a tenure is a part of that.
func TestTenureOfAShortLease(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		x := b.object(func(c *Config) { c.Expiry = 64 * ms })
		b.lockAll(x)
		next := b.next(background, x)
		time.Sleep(ms + 1)
		b.unlock(x)
		require.NoError(t, <-next)
		require.Equal(t, 1, b.nodes[0].Ran(scripts.Mutex().Pass))
		b.unlock(x)
		b.nothingWaits()
	})
}

// The wall clock runs on while a machine is suspended, and the monotonic one does not.
func TestATenureEndsByEitherClock(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		var step atomic.Int64
		b.engine.clock.Step = func(now time.Time) time.Time { return now.Add(time.Duration(step.Load())) }
		x := b.object(nil)
		b.lockAll(x)
		next := b.next(background, x)
		step.Store(int64(time.Second))
		b.unlock(x)
		require.NoError(t, <-next)
		require.Equal(t, 1, b.nodes[0].Ran(scripts.Mutex().Pass))
		b.unlock(x)
		b.nothingWaits()
	})
}

// Another process waits no longer than for the end of a tenure, and is served in its turn.
func TestCrowdGivesWayToAnotherProcess(t *testing.T) {
	for _, n := range []int{1, 3} {
		notifying(t, n, func(b *bench) {
			x, other := b.client(nil), b.client(nil)
			stop := b.keptBusy(x, 8, ms/10)
			time.Sleep(100 * ms)
			for range 10 {
				start := time.Now()
				b.lock(other)
				require.Less(t, time.Since(start), 25*ms)
				b.unlock(other)
				time.Sleep(7 * ms)
			}
			require.Greater(t, stop(), 500)
			b.nothingWaits()
		})
	}
}

// A poller does not stand in line. It finds the lock free for a tenth of the time.
func TestCrowdLeavesGapsForPollers(t *testing.T) {
	for _, n := range []int{1, 3} {
		for _, crowds := range []int{1, 4} {
			notifying(t, n, func(b *bench) {
				var stops []func() int
				for range crowds {
					stops = append(stops, b.keptBusy(b.client(nil), 8, ms/10))
				}
				poller := b.client(nil)
				free := 0
				for range 1000 {
					time.Sleep(1700 * time.Microsecond)
					if poller.TryLock(background) == nil {
						free++
						b.unlock(poller)
					}
				}
				require.Greater(t, free, 20)
				require.Less(t, free, 300)
				for _, stop := range stops {
					stop()
				}
				b.nothingWaits()
			})
		}
	}
}

// The first in line is notified at the end of a gap, also where no goroutine of the process
// waits any more.
func TestAfterAGapTheFirstInLineIsNotified(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		x, other := b.object(nil), b.client(func(c *Config) { c.Unlimited = true; c.SetRetryDelay(time.Hour) })
		b.lockAll(x)
		x.pause.asked = gapEvery - 1
		ctx, cancel := context.WithCancel(background)
		next := b.next(ctx, x)
		theirs := b.next(background, other)
		time.Sleep(20 * ms)
		start := time.Now()
		b.unlock(x)
		cancel()
		require.ErrorIs(t, <-next, context.Canceled)
		require.NoError(t, <-theirs)
		require.Less(t, time.Since(start), 10*ms)
		require.GreaterOrEqual(t, time.Since(start), maxTenure)
		b.unlock(other)
		b.nothingWaits()
	})
}

// A lease that is gone is found out at the end of a tenure: no goroutine begins on it then.
func TestLostLeaseDoesNotPassBeyondATenure(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		for _, node := range b.nodes {
			node.Put("name", "theirs", time.Second)
		}
		first, second := b.next(background, x), b.next(background, x)
		b.unlock(x)
		require.NoError(t, <-first, "within the tenure no node was asked")
		time.Sleep(2 * maxTenure)
		_, err := x.Unlock(background)
		var taken *ErrTaken
		require.ErrorAs(t, err, &taken)
		require.Equal(t, []string{"theirs", "theirs", "theirs"}, b.holders())
		require.NoError(t, <-second, "when theirs has expired")
		b.unlock(x)
		b.nothingWaits()
	})
}

func TestExpiredLeaseDoesNotPassOn(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		x := b.object(func(c *Config) { c.Expiry, c.Unlimited = time.Second, true })
		b.lockAll(x)
		next := b.next(background, x)
		time.Sleep(995 * ms) // the node still has it
		b.unlock(x)          // so the node says that nobody else can have had it
		require.NoError(t, <-next)
		require.Equal(t, 2, b.nodes[0].Ran(scripts.Mutex().Acquire))
		b.unlock(x)
		b.nothingWaits()
	})
}

// A token that others know is released, and the next holder has one of its own.
func TestKnownTokensDoNotPassOn(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		know   func(*Exclusive)
	}{
		"it was handed out": {know: func(x *Exclusive) { _ = x.Value() }},
		"the user made it":  {change: func(c *Config) { c.SetGenValue(func() (string, error) { return "mine", nil }) }},
	} {
		t.Run(name, func(t *testing.T) {
			notifying(t, 1, func(b *bench) {
				x := b.object(c.change)
				b.lockAll(x)
				if c.know != nil {
					c.know(x)
				}
				next := b.next(background, x)
				b.unlock(x)
				require.NoError(t, <-next)
				require.Equal(t, []string{"mutex_acquire", "mutex_release", "mutex_acquire"}, b.nodes[0].History())
				b.unlock(x)
				b.nothingWaits()
			})
		})
	}
}

// What an earlier holder knew is not known of the next lease.
func TestTokenIsKnownForItsLeaseAlone(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		_ = x.Value()
		b.unlock(x)
		b.lockAll(x)
		next := b.next(background, x)
		b.unlock(x)
		require.NoError(t, <-next)
		require.Equal(t, 2, b.nodes[0].Ran(scripts.Mutex().Acquire))
		b.unlock(x)
		b.nothingWaits()
	})
}

// One that gives up while the lease is passed to it passes it on in turn, or it is
// released if none waits.
func TestGivingUpWhileBeingPassedTheLease(t *testing.T) {
	for _, waits := range []time.Duration{0, 2 * maxTenure} {
		for _, others := range []int{0, 1} {
			for after := range 20 { // from long before to after the answer to the pass
				notifying(t, 3, func(b *bench) {
					x := b.object(nil)
					b.lockAll(x)
					ctx, cancel := context.WithTimeout(background, waits+time.Duration(after+1)*ms/10)
					defer cancel()
					got := b.next(ctx, x)
					var next <-chan error
					if others > 0 {
						next = b.next(background, x)
					}
					time.Sleep(waits)
					b.unlock(x)
					if err := <-got; err == nil {
						b.unlock(x)
					} else {
						require.ErrorIs(t, err, context.DeadlineExceeded)
					}
					if others > 0 {
						require.NoError(t, <-next)
						b.unlock(x)
					}
					b.nothingWaits()
				})
			}
		}
	}
}

// Each holder has its own Lost channel and its own context in Do, which end with its time.
func TestLossIsThePresentHolders(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		first := x.Lost()
		var inner context.Context
		did := begins(background, func(ctx context.Context) error {
			return x.Do(ctx, func(ctx context.Context) error {
				inner = ctx
				return nil
			})
		})
		doing := begins(background, func(ctx context.Context) error {
			return x.Do(ctx, func(ctx context.Context) error {
				for _, node := range b.nodes {
					node.Put("name", "theirs", time.Hour)
				}
				<-ctx.Done()
				return context.Cause(ctx)
			})
		})
		synctest.Wait()
		b.unlock(x)
		require.NoError(t, <-did)
		require.ErrorIs(t, <-doing, ErrLost)
		require.False(t, isLost(first), "that one was given up in time")
		require.ErrorIs(t, context.Cause(inner), context.Canceled)
		require.NotErrorIs(t, context.Cause(inner), ErrLost)
	})
}

// fn gives the lock up itself, and it passes on: the end of Do leaves the next holder its
// lease.
func TestDoThatWasPassedOnReleasesNothing(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		x := b.object(nil)
		var next <-chan error
		err := x.Do(background, func(context.Context) error {
			synctest.Wait()
			next = b.next(background, x)
			b.unlock(x)
			require.NoError(t, <-next)
			return nil
		})
		require.ErrorIs(t, err, errNotHeld)
		require.False(t, isLost(x.Lost()))
		ok, err := x.Valid(background)
		require.NoError(t, err)
		require.True(t, ok)
		b.unlock(x)
		b.nothingWaits()
	})
}

// A lease that is renewed for one holder is not renewed for the next, unless it asks for
// that.
func TestRenewalIsThePresentHolders(t *testing.T) {
	for _, asks := range []bool{false, true} {
		notifying(t, 3, func(b *bench) {
			x := b.object(nil)
			x.Locker().Lock()
			synctest.Wait()
			var next <-chan error
			if asks {
				next = begins(background, func(context.Context) error { x.Locker().Lock(); return nil })
			} else {
				next = b.next(background, x)
			}
			b.unlock(x)
			require.NoError(t, <-next)
			time.Sleep(time.Minute)
			require.Equal(t, !asks, isLost(x.Lost()))
			_, _ = x.Unlock(background)
			b.nothingWaits()
		})
	}
}

// A node that did not take part is repaired.
func TestPassWithoutAMinority(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		b.nodes[2].Set(func() { clear(b.nodes[2].Keys) })
		next := b.next(background, x)
		time.Sleep(2 * maxTenure)
		b.unlock(x)
		require.NoError(t, <-next)
		time.Sleep(10 * ms)
		require.Equal(t, []string{x.token(), x.token(), x.token()}, b.holders())
		b.unlock(x)
		b.nothingWaits()
	})
}

// Another process stands in line on a majority, so that one of those that decide says so:
// the lease is released, and the next goroutine stands behind it.
func TestLeaseGivesWayToThoseInLine(t *testing.T) {
	for _, nodes := range [][]int{{0, 1}, {0, 1, 2}} {
		notifying(t, 3, func(b *bench) {
			x := b.object(nil)
			b.lockAll(x)
			first := x.token()
			for _, i := range nodes {
				b.nodes[i].Set(func() { b.nodes[i].Enqueue("name", "c|one", (20 * ms).Milliseconds()) })
			}
			next := b.next(background, x)
			time.Sleep(2 * maxTenure)
			b.unlock(x)
			require.NoError(t, <-next)
			require.NotEqual(t, first, x.token())
			require.Equal(t, 1, b.nodes[0].Ran(scripts.Mutex().Release))
			b.unlock(x)
			b.nothingWaits()
		})
	}
}

// The token is handed out while the nodes are asked: others may act on it from then on.
func TestTokenThatIsHandedOutMeanwhileDoesNotPassOn(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		next := b.next(background, x)
		time.Sleep(2 * maxTenure)
		known := make(chan string, 1)
		time.AfterFunc(ms/2, func() { known <- x.Value() })
		b.unlock(x)
		require.NoError(t, <-next)
		require.NotEqual(t, <-known, x.token())
		b.unlock(x)
		b.nothingWaits()
	})
}

// The answers to a pass are lost: the lease is released, and the next one acquires.
func TestPassWithoutAnswers(t *testing.T) {
	for _, lost := range []int{2, 3} {
		notifying(t, 3, func(b *bench) {
			x := b.object(nil)
			b.lockAll(x)
			next := b.next(background, x)
			time.Sleep(2 * maxTenure)
			for _, node := range b.nodes[:lost] {
				node.Set(func() { node.Lose = all("mutex_pass") })
			}
			b.unlock(x)
			require.NoError(t, <-next)
			require.Equal(t, 2, b.nodes[2].Ran(scripts.Mutex().Acquire))
			b.unlock(x)
			b.nothingWaits()
		})
	}
}

// all is true of every call of a script.
func all(script string) func(*driver.Call) bool {
	return func(call *driver.Call) bool { return call.Name() == script }
}

// An Unlock whose ctx ends while the nodes are asked gives the lease up all the same.
func TestUnlockEndsWhilePassing(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		next := b.next(background, x)
		time.Sleep(2 * maxTenure)
		ctx, cancel := context.WithTimeout(background, ms/4)
		defer cancel()
		_, err := x.Unlock(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, <-next)
		b.unlock(x)
		b.nothingWaits()
	})
}

// A pass that a node runs late, after the release, finds nothing.
func TestLatePass(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		b.nodes[2].Set(func() { b.nodes[2].Before = only("mutex_pass", 100*ms) })
		next := b.next(background, x)
		time.Sleep(2 * maxTenure)
		b.unlock(x)
		require.NoError(t, <-next)
		time.Sleep(50 * ms)
		b.unlock(x)
		time.Sleep(100 * ms)
		b.nothingWaits()
	})
}

func TestNumbersGrowWhereTheLeasePassesOn(t *testing.T) {
	for _, n := range []int{1, 3} {
		notifying(t, n, func(b *bench) {
			var last int64
			sections := 0
			var all sync.WaitGroup
			for range 2 {
				x := b.elsewhere().numbered()
				for range 16 {
					all.Go(func() {
						for range 60 {
							require.NoError(b, x.Lock(background))
							assert.Greater(t, x.Fence(), last)
							last = x.Fence()
							sections++
							time.Sleep(ms / 10)
							b.unlock(x)
						}
					})
				}
			}
			all.Wait()
			require.Equal(t, 2*16*60, sections)
			require.Less(t, len(b.nodes[0].History()), sections/5)
			b.nothingWaits()
		})
	}
}

// A block that is used up is followed by another one, before its tenure is over.
func TestBlockIsUsedUp(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		x := b.numbered()
		b.lock(x) // none waits: a block of one
		first := x.Fence()
		waiting := []<-chan error{b.next(background, x), b.next(background, x)}
		for i, next := range waiting {
			b.unlock(x)
			require.NoError(t, <-next)
			require.Equal(t, first+int64(i)+1, x.Fence())
		}
		require.Equal(t, []string{"mutex_acquire_fenced", "mutex_pass_fenced"}, b.nodes[0].History())
		require.Equal(t, first+4, b.counted()[0], "what the nodes count from is its end")
		b.unlock(x)
		b.nothingWaits()
	})
}

// What is known to be lost does not pass on, however lately the nodes had answered for it.
func TestLeaseThatIsKnownToBeLostDoesNotPassOn(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		next := b.next(background, x)
		for _, node := range b.nodes {
			node.Put("name", "theirs", time.Second)
		}
		require.Error(t, b.notExtended(x))
		require.True(t, isLost(x.Lost()))
		_, err := x.Unlock(background)
		require.Error(t, err)
		b.waits(next)
		require.NoError(t, <-next, "when theirs has expired")
		b.unlock(x)
		b.nothingWaits()
	})
}

// A grant that took most of the validity to come may end within a tenure.
func TestLeaseThatEndsWithinItsTenureDoesNotPassOn(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		x := b.object(func(c *Config) { c.Expiry, c.TimeoutFactor, c.Unlimited = time.Second, 0.999, true })
		b.nodes[0].Set(func() { b.nodes[0].After = only("mutex_acquire", 987*ms) })
		b.lock(x)
		b.nodes[0].Set(func() { b.nodes[0].After = nil })
		next := b.next(background, x)
		time.Sleep(time.Until(x.Until()))
		_, err := x.Unlock(background)
		require.NoError(t, err, "the node still has it")
		require.NoError(t, <-next)
		require.Equal(t, 2, b.nodes[0].Ran(scripts.Mutex().Acquire))
		b.unlock(x)
		b.nothingWaits()
	})
}

// The loss of a lease that was passed on is not that of an earlier holder, whose function
// may go on.
func TestContextOfAnEarlierHolderIsNotLost(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		x := b.object(nil)
		var ctx, late context.Context
		_ = x.Do(background, func(within context.Context) error {
			ctx = within
			synctest.Wait()
			before := x.current()
			next := b.next(background, x)
			b.unlock(x)
			require.NoError(t, <-next)
			late = before.bind(background)
			for _, node := range b.nodes {
				node.Put("name", "theirs", time.Minute)
			}
			require.Error(t, b.notExtended(x))
			require.True(t, isLost(x.Lost()))
			synctest.Wait()
			require.NoError(t, ctx.Err())
			require.NoError(t, late.Err())
			require.NoError(t, before.lossOf())
			return nil
		})
		require.NotErrorIs(t, context.Cause(ctx), ErrLost)
	})
}

// fn of the first Do gives the lock up itself, and the next writer has downgraded in its
// own Do: the end of the first one does not give that one's share back.
func TestDoThatWasPassedOnLeavesADowngrade(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		x := b.rw(nil)
		reads, ends := make(chan struct{}), make(chan struct{})
		var next <-chan error
		err := x.Writer.Do(background, func(context.Context) error {
			synctest.Wait()
			next = begins(background, func(ctx context.Context) error {
				return x.Writer.Do(ctx, func(ctx context.Context) error {
					require.NoError(t, x.Downgrade(ctx))
					close(reads)
					<-ends
					return nil
				})
			})
			b.out(x.Writer)
			<-reads
			return nil
		})
		require.ErrorIs(t, err, errNotHeld)
		time.Sleep(time.Minute)
		require.Equal(t, []int{1, 1, 1}, b.leases())
		close(ends)
		require.NoError(t, <-next)
		b.free()
	})
}

// In a gap a call that waits rests, and one that makes a single try does not: the lock is
// left free for such calls.
func TestOnlyThoseWhoWaitRestInAGap(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		x := b.object(nil)
		x.pause.ends = time.Now().Add(maxTenure)
		start := time.Now()
		require.NoError(t, x.TryLock(background))
		require.Less(t, time.Since(start), maxTenure)
		b.unlock(x)
		x.pause.ends = time.Now().Add(maxTenure)
		start = time.Now()
		b.lock(x)
		require.GreaterOrEqual(t, time.Since(start), maxTenure)
		b.unlock(x)
		b.nothingWaits()
	})
}
