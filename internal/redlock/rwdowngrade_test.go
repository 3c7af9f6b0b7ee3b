package redlock

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/scripts"
)

// away makes every call to some nodes fail, or none.
func (b *bench) away(fault error, nodes ...int) { b.failing(nil, fault, nodes...) }

func TestDowngradeGivesAFullExpiry(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		bubble(t, n, func(b *bench) {
			x := b.rw(nil)
			b.in(x.Writer)
			value := x.Writer.Value()
			time.Sleep(3 * time.Second)
			start := time.Now()
			require.NoError(t, x.Downgrade(background))
			require.Equal(t, x.Reader.spec.lifetime(), x.Reader.Until().Sub(start))
			synctest.Wait()
			for _, node := range b.nodes {
				node.Set(func() { require.Contains(t, node.RW(rwName).Readers, any(value), "the same token") })
			}
			_, err := x.Writer.Unlock(background)
			require.ErrorIs(t, err, errNotHeld)
			_, err = x.Writer.Extend(background)
			require.ErrorIs(t, err, errNotHeld)
			b.extended(x.Reader)
			b.out(x.Reader)
			b.free()
		})
	}
}

func TestDowngradeLetsWaitingReadersIn(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x, other := b.rw(nil), b.rw(nil)
		b.in(x.Writer)
		near := begins(background, x.Reader.Lock)
		writer := begins(background, x.Writer.Lock)
		behind := begins(background, x.Reader.Lock)
		far := begins(background, other.Reader.Lock)
		b.waits(near, writer, behind, far)
		require.NoError(t, x.Downgrade(background))
		require.NoError(t, <-near)
		require.NoError(t, <-far)
		b.waits(writer, behind)
		b.out(other.Reader)
		b.out(x.Reader)
		b.waits(writer)
		b.out(x.Reader)
		require.NoError(t, <-writer)
		b.out(x.Writer)
		require.NoError(t, <-behind)
		b.out(x.Reader)
		b.free()
	})
}

// A writer of another process tries all the time, and each node runs its calls in
// between those of the downgrade.
func TestNoWriterGetsInDuringADowngrade(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for i, n := range b.nodes {
			n.Before = func(call *driver.Call) time.Duration {
				if call.Script() == scripts.RWMutex().Downgrade {
					return time.Duration(i+1) * 50 * ms
				}
				return 0
			}
		}
		x := b.rw(nil)
		b.in(x.Writer)
		synctest.Wait()
		stop, tried := make(chan struct{}), make(chan int)
		go func() {
			n := 0
			for ; ; n++ {
				select {
				case <-stop:
					tried <- n
					return
				case <-time.After(ms + 1):
				}
				if (b.rw(nil)).Writer.TryLock(background) == nil {
					b.Error("a writer got in")
				}
			}
		}()
		require.NoError(t, x.Downgrade(background))
		time.Sleep(100 * ms)
		require.Equal(t, []int{1, 1, 1}, b.leases())
		close(stop)
		require.Greater(t, <-tried, 100)
		b.out(x.Reader)
		b.free()
	})
}

func TestDowngradeWhereTooFewNodesAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		away      []int
		converted []int
		ok        bool
	}{
		"a minority away": {[]int{2}, []int{1, 1, 0}, true},
		"a majority away": {[]int{1, 2}, []int{1, 0, 0}, false},
		"all away":        {[]int{0, 1, 2}, []int{0, 0, 0}, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				x := b.rw(nil)
				b.in(x.Writer)
				synctest.Wait()
				until, value := x.Writer.Until(), x.Writer.Value()
				time.Sleep(time.Second)
				b.away(fakenode.ErrLostReply, c.away...)
				err := x.Downgrade(background)
				if c.ok {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, errDowngrade)
					require.Equal(t, until, x.Reader.Until(), "what is left lasts no longer than the write lease")
				}
				require.Equal(t, c.converted, b.leases())
				for i, token := range b.writers() {
					require.Equal(t, c.converted[i] == 0, token == value, "write lease on node %d", i)
				}
				_, err = x.Writer.Unlock(background)
				require.ErrorIs(t, err, errNotHeld, "the write lease is gone")
				b.back(c.away...)
				require.ErrorIs(t, b.rw(nil).Writer.TryLock(background), ErrFailed, "nobody else gets in")
				b.extended(x.Reader)
				require.Equal(t, []int{1, 1, 1}, b.leases(), "an extension converts the rest")
				b.out(x.Reader)
				b.free()
			})
		})
	}
}

func (b *bench) back(nodes ...int) {
	for _, i := range nodes {
		b.nodes[i].Set(func() { b.nodes[i].Fault = nil })
	}
}

// RUnlock gives back what is still a write lease, too.
func TestReleaseAfterAFailedDowngradeFreesBothKeys(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Writer)
		synctest.Wait()
		b.away(fakenode.ErrLostReply, 1, 2)
		require.Error(t, x.Downgrade(background))
		b.back(1, 2)
		require.Equal(t, []int{1, 0, 0}, b.leases())
		b.out(x.Reader)
		b.free()
	})
}

// A downgrade whose replies are lost has happened all the same.
func TestDowngradeWithLostReplies(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Writer)
		synctest.Wait()
		for _, n := range b.nodes {
			n.Set(func() { n.Lose = once("rwmutex_downgrade") })
		}
		require.ErrorIs(t, x.Downgrade(background), fakenode.ErrLostReply)
		require.Equal(t, []int{1, 1, 1}, b.leases())
		b.in(x.Reader) // joins what is left
		b.out(x.Reader)
		b.out(x.Reader)
		b.free()
	})
}

// A node that had not answered the acquire yet grants it after the downgrade.
func TestLateGrantsAfterADowngradeAreTheReaders(t *testing.T) {
	for _, released := range []bool{false, true} {
		bubble(t, 3, func(b *bench) {
			b.nodes[2].Before = only("rwmutex_write_acquire", 100*ms)
			x := b.rw(nil)
			b.in(x.Writer)
			require.NoError(t, x.Downgrade(background))
			require.Equal(t, []int{1, 1, 0}, b.leases())
			if released {
				b.out(x.Reader)
			}
			time.Sleep(200 * ms)
			require.Equal(t, []string{"", "", ""}, b.writers())
			if !released {
				require.Equal(t, []int{1, 1, 1}, b.leases(), "and keep no reader out")
				b.out(x.Reader)
			}
			b.free()
		})
	}
}

// The node is asked to downgrade before it has run the acquire, and its answer comes
// after that of the acquire.
func TestLateGrantsBesideADowngradeAreTheReaders(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[2].Before = only("rwmutex_write_acquire", 100*ms)
		b.nodes[2].After = only("rwmutex_downgrade", 200*ms)
		x := b.rw(nil)
		b.in(x.Writer)
		require.NoError(t, x.Downgrade(background))
		time.Sleep(150 * ms)
		require.Equal(t, []string{"", "", x.Writer.Value()}, b.writers())
		time.Sleep(time.Second)
		require.Equal(t, []string{"", "", ""}, b.writers())
		require.Equal(t, []int{1, 1, 1}, b.leases())
		b.out(x.Reader)
		b.free()
	})
}

// A node that forgets what it is being asked to convert is repaired once it has answered.
func TestRepairWaitsForAConversionUnderWay(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[2].Before = only("rwmutex_write_acquire", 100*ms)
		b.nodes[2].After = only("rwmutex_downgrade", 90*ms)
		x := b.rw(nil)
		b.in(x.Writer)
		require.NoError(t, x.Downgrade(background))
		time.Sleep(150 * ms)
		require.Equal(t, []int{1, 1, 1}, b.leases())
		b.nodes[2].Restart()
		b.extended(x.Reader)
		require.Equal(t, 1, b.nodes[2].Inside(), "the conversion is under way")
		time.Sleep(time.Second)
		require.Equal(t, []int{1, 1, 1}, b.leases())
		b.out(x.Reader)
		b.free()
	})
}

// A node runs the acquire in time, but its answer comes after a downgrade of which
// nothing was sent: what it has is the readers' all the same.
func TestLateAnswersAfterADowngradeAreTheReaders(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[2].After = only("rwmutex_write_acquire", 100*ms)
		x := b.rw(nil)
		b.in(x.Writer)
		ctx, cancel := context.WithCancel(background)
		cancel()
		require.ErrorIs(t, x.Downgrade(ctx), context.Canceled)
		time.Sleep(200 * ms)
		require.Equal(t, []int{0, 0, 1}, b.leases())
		b.extended(x.Reader)
		require.Equal(t, []int{1, 1, 1}, b.leases())
		b.out(x.Reader)
		b.free()
	})
}

// An extension that comes between a late write grant and its release makes a lease
// of it, which is released.
func TestExtensionBetweenALateGrantAndItsRelease(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[2].Before = only("rwmutex_write_acquire", 100*ms)
		b.nodes[2].After = only("rwmutex_write_acquire", 100*ms)
		x := b.rw(nil)
		b.in(x.Writer)
		require.NoError(t, x.Downgrade(background))
		time.Sleep(150 * ms)
		b.extended(x.Reader)
		b.out(x.Reader)
		time.Sleep(200 * ms)
		b.free()
	})
}

func TestDowngradeAfterExpiry(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Writer)
		until := x.Writer.Until()
		time.Sleep(8 * time.Second)
		err := x.Downgrade(background)
		require.ErrorIs(t, err, errDowngrade)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		require.NotErrorIs(t, err, errNotHeld)
		require.Zero(t, b.asked(scripts.RWMutex().Downgrade))
		require.Equal(t, until, x.Reader.Until())
		waiting := begins(background, x.Writer.Lock)
		b.waits(waiting)
		_, err = x.Reader.Unlock(background)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		require.NoError(t, <-waiting)
		b.out(x.Writer)
		b.free()
	})
}

// The majority's answers come when the read lease would already be over.
func TestDowngradeWonTooLate(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(func(c *Config) { c.Expiry, c.TimeoutFactor = time.Second, 2 })
		b.in(x.Writer)
		time.Sleep(500 * ms)
		for _, n := range b.nodes {
			n.Set(func() { n.After = only("rwmutex_downgrade", 600*ms) })
		}
		require.ErrorIs(t, x.Downgrade(background), errTooLate)
		require.ErrorIs(t, x.Reader.TryLock(background), ErrFailed, "it is over")
		b.out(x.Reader) // the nodes have it still
		b.free()
	})
}

func TestDowngradeWithoutAWriteLease(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		notHeld := func() {
			t.Helper()
			sent := len(b.nodes[0].History())
			err := x.Downgrade(background)
			require.ErrorIs(t, err, ErrLockAlreadyExpired)
			require.ErrorIs(t, err, errNotHeld)
			require.Len(t, b.nodes[0].History(), sent)
		}
		notHeld()
		b.in(x.Reader)
		notHeld()
		b.out(x.Reader)
		b.in(x.Writer)
		require.NoError(t, x.Downgrade(background))
		until := x.Reader.Until()
		notHeld() // twice
		require.Equal(t, until, x.Reader.Until())
		b.out(x.Reader)
		b.in(x.Writer)
		b.out(x.Writer)
		notHeld()
		b.free()
	})
}

func TestAdoptedLeaseIsNotDowngraded(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(func(c *Config) { c.Value = "mine" })
		b.set(func(l *fakenode.RW) { l.Writer = fakenode.Key{Token: "mine", Ends: time.Now().Add(time.Minute)} }, 0, 1, 2)
		require.ErrorIs(t, x.Downgrade(background), errNotHeld)
		require.Equal(t, []string{"mine", "mine", "mine"}, b.writers())
		b.out(x.Writer)
	})
}

func TestDowngradeWithAnEndedContext(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Writer)
		ctx, cancel := context.WithCancel(background)
		b.slow("rwmutex_downgrade", 10*ms)
		converting := begins(ctx, x.Downgrade)
		cancel()
		err := <-converting
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, errDowngrade)
		time.Sleep(20 * ms)
		require.Equal(t, []int{1, 1, 1}, b.leases(), "no node has got it")
		b.out(x.Reader)
		b.free()

		b.in(x.Writer)
		synctest.Wait() // what comes later is converted
		require.ErrorIs(t, x.Downgrade(ctx), context.Canceled)
		require.Equal(t, []int{0, 0, 0}, b.leases())
		b.out(x.Reader)
		b.free()
	})
}

// Of a Downgrade and an Unlock at once, one wins.
func TestDowngradeBesideUnlockAndExtend(t *testing.T) {
	downgraded := 0
	for range 100 {
		bubble(t, 3, func(b *bench) {
			x := b.rw(nil)
			b.in(x.Writer)
			b.slow("rwmutex_write_extend", ms)
			unlock := make(chan bool, 1)
			go func() { _, _ = x.Writer.Extend(background) }()
			go func() {
				ok, _ := x.Writer.Unlock(background)
				unlock <- ok
			}()
			converted := begins(background, x.Downgrade)
			err, unlocked := <-converted, <-unlock
			require.NotEqual(t, unlocked, err == nil)
			if err == nil {
				downgraded++
				b.out(x.Reader)
			} else {
				require.ErrorIs(t, err, errNotHeld)
			}
			time.Sleep(100 * ms)
			b.free()
			require.NoError(t, x.Writer.TryLock(background))
			b.out(x.Writer)
		})
	}
	t.Logf("%d of 100 times the downgrade came first", downgraded)
}

// A write extension that is under way when the lease is downgraded revives nothing.
func TestExtensionUnderWayDoesNotOutliveADowngrade(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Writer)
		b.slow("rwmutex_write_extend", 50*ms)
		extending := begins(background, func(ctx context.Context) error {
			_, err := x.Writer.Extend(ctx)
			return err
		})
		require.NoError(t, x.Downgrade(background))
		require.ErrorIs(t, <-extending, ErrExtendFailed)
		require.Equal(t, []string{"", "", ""}, b.writers())
		b.out(x.Reader)
		b.free()
	})
}

// A renewed write lease is a renewed read lease after it, until that is given back.
func TestDowngradeKeepsRenewal(t *testing.T) {
	for name, lock := range map[string]func(*RW){
		"Locker":     func(x *RW) { x.Writer.Locker().Lock() },
		"AutoExtend": func(x *RW) { x.Writer.spec.AutoExtend, x.Reader.spec.AutoExtend = true, true; x.Writer.Locker().Lock() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				x := b.rw(nil)
				lock(x)
				lost := x.Writer.Lost()
				require.NoError(t, x.Downgrade(background))
				time.Sleep(time.Hour)
				require.Zero(t, b.asked(scripts.RWMutex().WriteExtend))
				require.False(t, isLost(lost))
				require.False(t, isLost(x.Reader.Lost()))
				b.out(x.Reader)
				b.free()
				b.asleep()
			})
		})
	}
}

// Those who wait for the loss of the write lease learn of that of the read lease.
func TestLostAcrossADowngrade(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Writer)
		lost := x.Writer.Lost()
		time.Sleep(5 * time.Second)
		require.NoError(t, x.Downgrade(background))
		require.True(t, isLost(x.Writer.Lost()), "there is no write lease")
		<-lost
		require.Zero(t, time.Since(x.Reader.Until()))
		_, _ = x.Reader.Unlock(background)

		b.in(x.Writer)
		lost = x.Writer.Lost()
		require.NoError(t, x.Downgrade(background))
		b.out(x.Reader)
		time.Sleep(time.Hour)
		require.False(t, isLost(lost), "given back in time")
	})
}

// Do goes on with a read lease: renewed, watched, and given back at the end by fn or by Do.
func TestDowngradeInDo(t *testing.T) {
	for _, unlocks := range []bool{true, false} {
		bubble(t, 3, func(b *bench) {
			x := b.rw(nil)
			err := x.Writer.Do(background, func(ctx context.Context) error {
				require.NoError(t, x.Downgrade(ctx))
				time.Sleep(time.Hour)
				require.NoError(t, ctx.Err())
				require.Equal(t, []int{1, 1, 1}, b.leases())
				require.False(t, isLost(x.Reader.Lost()))
				if unlocks {
					b.out(x.Reader)
					time.Sleep(time.Hour)
					require.NoError(t, ctx.Err(), "what was given back is not lost")
				}
				return nil
			})
			require.NoError(t, err)
			b.free()
			b.asleep()
			require.NoError(t, x.Writer.TryLock(background))
			b.out(x.Writer)
		})
	}
}

func TestLossAfterADowngradeInDo(t *testing.T) {
	for name, c := range map[string]struct {
		fault func(*bench)
		fn    error
		by    time.Duration
	}{
		"denied":         {func(b *bench) { b.set((*fakenode.RW).Clear, 0, 1, 2) }, nil, 4 * time.Second},
		"silent":         {func(b *bench) { b.away(fakenode.ErrLostReply, 0, 1, 2) }, errWork, 9 * time.Second},
		"found by clock": {func(b *bench) { time.Sleep(7 * time.Second) }, nil, 16 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				x := b.rw(nil)
				start := time.Now()
				err := x.Writer.Do(background, func(ctx context.Context) error {
					require.NoError(t, x.Downgrade(ctx))
					synctest.Wait()
					c.fault(b)
					if name == "found by clock" {
						b.away(fakenode.ErrLostReply, 0, 1, 2)
					}
					<-ctx.Done()
					require.ErrorIs(t, context.Cause(ctx), ErrLost)
					return c.fn
				})
				require.ErrorIs(t, err, ErrLost)
				require.Less(t, time.Since(start), c.by)
				if c.fn != nil {
					require.ErrorIs(t, err, c.fn)
				}
			})
		})
	}
}

// A Downgrade that fails leaves a read lease to Until, which Do gives back too.
func TestFailedDowngradeInDo(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		err := x.Writer.Do(background, func(ctx context.Context) error {
			b.failing(scripts.RWMutex().Downgrade, fakenode.ErrLostReply, 0, 1, 2)
			require.ErrorIs(t, x.Downgrade(ctx), errDowngrade)
			b.back(0, 1, 2)
			require.NoError(t, ctx.Err())
			return nil
		})
		require.NoError(t, err)
		b.free()
		require.NoError(t, x.Writer.TryLock(background))
		b.out(x.Writer)
	})
}

// Others read by the lease that fn's lease has become. What Do gives back is its own share:
// none, once any reader has called RUnlock, which may have been fn.
func TestDowngradeInDoBesideReaders(t *testing.T) {
	for _, unlocks := range []bool{true, false} {
		bubble(t, 3, func(b *bench) {
			x := b.rw(nil)
			err := x.Writer.Do(background, func(ctx context.Context) error {
				require.NoError(t, x.Downgrade(ctx))
				b.in(x.Reader) // another one, which stays
				if unlocks {
					b.out(x.Reader)
				}
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, []int{1, 1, 1}, b.leases(), "the other one reads")
			require.ErrorIs(t, x.Writer.TryLock(background), ErrFailed)
			time.Sleep(8 * time.Second)
			require.True(t, isLost(x.Reader.Lost()), "it is not renewed after Do")
			_, err = x.Reader.Unlock(background)
			require.ErrorIs(t, err, ErrLockAlreadyExpired)
			require.NoError(t, x.Writer.TryLock(background))
			b.out(x.Writer)
		})
	}
}

// A reader's Do within has the lease renewed for as long as it has readers.
func TestDowngradeInDoBesideAReadersDo(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		reads, ends := make(chan error, 1), make(chan struct{})
		err := x.Writer.Do(background, func(ctx context.Context) error {
			require.NoError(t, x.Downgrade(ctx))
			go func() {
				reads <- x.Reader.Do(background, func(context.Context) error { <-ends; return nil })
			}()
			synctest.Wait()
			return nil
		})
		require.NoError(t, err)
		time.Sleep(time.Hour)
		require.Equal(t, []int{1, 1, 1}, b.leases())
		close(ends)
		require.NoError(t, <-reads)
		b.free()
		b.asleep()
	})
}
