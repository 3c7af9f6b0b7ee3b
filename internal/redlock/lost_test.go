package redlock

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/renewer"
	"github.com/holdfast-go/holdfast/scripts"
)

// isLost reports whether a channel is closed, once everything has settled.
func isLost(lost <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-lost:
		return true
	default:
		return false
	}
}

// walls lets a test step the wall clock. It comes before everything else.
func (b *bench) walls() *atomic.Int64 {
	step := new(atomic.Int64)
	b.engine.clock.Step = func(now time.Time) time.Time { return now.Add(time.Duration(step.Load())) }
	return step
}

// restarted makes nodes forget everything.
func (b *bench) restarted(nodes ...int) {
	synctest.Wait()
	for _, i := range nodes {
		b.nodes[i].Restart()
	}
}

// asleep checks that the renewer has nothing to do, and its timer is not set.
func (b *bench) asleep() {
	b.Helper()
	time.Sleep(3 * renewer.Step)
	leases, running := b.engine.renewer.Pending()
	require.False(b, running)
	require.Zero(b, leases)
}

func TestLostWithoutALease(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		require.True(t, isLost(x.Lost()))
		b.lock(x)
		require.False(t, isLost(x.Lost()))
		b.unlock(x)
		require.True(t, isLost(x.Lost()))
		b.asleep()
	})
}

func TestLostAtUntil(t *testing.T) {
	for _, listened := range []bool{true, false} {
		bubble(t, 3, func(b *bench) {
			x := b.object(nil)
			b.lock(x)
			if listened {
				lost := x.Lost()
				<-lost
				require.Zero(t, time.Since(x.Until()), "at the exact moment")
			} else {
				time.Sleep(time.Until(x.Until()) - 1)
				require.False(t, isLost(x.Lost()))
				time.Sleep(time.Nanosecond)
			}
			require.True(t, isLost(x.Lost()))
			_, err := x.Unlock(context.Background())
			require.NoError(t, err, "within the drift the nodes have it")
			b.asleep()
		})
	}
}

func TestUnlockInTimeIsNoLoss(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		for range 3 {
			b.lock(x)
			lost := x.Lost()
			time.Sleep(time.Until(x.Until()) - 1)
			b.unlock(x)
			b.asleep()
			time.Sleep(time.Hour)
			require.False(t, isLost(lost))
		}
	})
}

// The release begins in time and is answered after Until.
func TestSlowUnlockIsNoLoss(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		lost := x.Lost()
		for _, n := range b.nodes {
			n.Set(func() { n.Before = always(100 * ms) })
		}
		time.Sleep(time.Until(x.Until()) - 50*ms)
		b.unlock(x)
		time.Sleep(time.Hour)
		require.False(t, isLost(lost))
	})
}

func TestExtensionPutsTheLossOff(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lock(x)
		lost := x.Lost()
		for range 100 {
			time.Sleep(7 * time.Second)
			b.extend(x)
			require.False(t, isLost(lost))
		}
		<-lost
		require.Zero(t, time.Since(x.Until()))
		b.asleep()
	})
}

// asks are the calls that ask the nodes about a lease.
var asks = map[string]func(*Exclusive){
	"extend": func(x *Exclusive) { _, _ = x.Extend(background) },
	"valid":  func(x *Exclusive) { _, _ = x.Valid(background) },
	"unlock": func(x *Exclusive) { _, _ = x.Unlock(background) },
}

// A call that asks the nodes and is denied by a majority reports the loss at once, also if
// nothing waited for it.
func TestDeniedIsLost(t *testing.T) {
	for name, ask := range asks {
		for _, listened := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				bubble(t, 3, func(b *bench) {
					x := b.object(nil)
					b.lockAll(x)
					var lost <-chan struct{}
					if listened {
						lost = x.Lost()
					}
					b.restarted(0)
					_, _ = x.Valid(background)
					require.False(t, isLost(x.Lost()), "one is no majority")
					b.restarted(1)
					ask(x)
					require.True(t, isLost(x.Lost()))
					if listened {
						require.True(t, isLost(lost))
					}
					require.ErrorIs(t, x.current().lossOf(), ErrLost)
					require.ErrorIs(t, x.current().lossOf(), ErrLockAlreadyExpired)
					_, _ = x.Unlock(background)
					b.asleep()
				})
			})
		}
	}
}

// A majority's denial is enough: the answers of the others are not waited for.
func TestDeniedIsLostWhileANodeHangs(t *testing.T) {
	for name, ask := range asks {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				x := b.object(nil)
				b.lockAll(x)
				start, lost := time.Now(), x.Lost()
				b.restarted(0, 1)
				b.nodes[2].SetHung(true)
				ask(x)
				require.True(t, isLost(lost))
				require.Zero(t, time.Since(start), "at once")
				b.nodes[2].SetHung(false)
				_, _ = x.Unlock(background)
				b.asleep()
			})
		})
	}
}

// Nodes that do not answer have not said no.
func TestSilenceIsNoLossBeforeUntil(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		lost := x.Lost()
		b.restarted(0)
		for _, n := range b.nodes[1:] {
			n.Set(func() { n.Fault = func(*driver.Call) error { return errors.New("fake: down") } })
		}
		b.notExtended(x)
		require.False(t, isLost(lost))
		<-lost
		require.Zero(t, time.Since(x.Until()))
	})
}

func TestLateDenialIsLoss(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		lost := x.Lost()
		b.restarted(0, 1)
		b.nodes[1].Set(func() { b.nodes[1].Before = only("mutex_extend", time.Second) })
		b.notExtended(x)
		require.False(t, isLost(lost))
		start := time.Now()
		<-lost
		require.Equal(t, time.Second-x.spec.bound, time.Since(start))
	})
}

// What a round says that is older than the last one won says nothing of the time
// since.
func TestDenialThatIsOverhauledIsNoLoss(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		lost := x.Lost()
		b.restarted(0)
		first := true
		b.nodes[1].Set(func() {
			b.nodes[1].Before = func(*driver.Call) time.Duration {
				if first {
					first = false
					return 300 * ms
				}
				return 0
			}
		})
		b.nodes[2].Set(func() { b.nodes[2].After = always(ms) })
		slow := begins(background, func(ctx context.Context) error { _, err := x.Extend(ctx); return err })
		time.Sleep(50 * ms)
		b.extend(x) // by 1 and 2
		b.restarted(1)
		require.ErrorIs(t, <-slow, ErrExtendFailed)
		require.True(t, time.Until(x.Until()) > 7*time.Second)
		require.False(t, isLost(lost))
	})
}

// A lease that was reported as lost stays lost, whatever the nodes say afterwards: here
// one of them gets a grant that comes very late.
func TestLostStaysLost(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		until := x.Until()
		b.restarted(0, 1)
		_, err := x.Valid(background)
		require.Error(t, err)
		b.nodes[0].Put("name", x.Value(), time.Minute)
		require.ErrorIs(t, b.notExtended(x), ErrLost)
		ok, err := x.Valid(background)
		require.False(t, ok)
		require.ErrorIs(t, err, ErrLost)
		require.Equal(t, until, x.Until())
		_, _ = x.Unlock(background)
		b.nothingLeft()
	})
}

// Redsync's looser rule can have a lease back. A loss that was reported stays reported.
func TestLossIsTakenBackByTheLooserRule(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(func(c *Config) { c.SetNXOnExtend = true })
		b.lockAll(x)
		lost := x.Lost()
		<-lost
		b.extend(x)
		require.True(t, isLost(lost))
		require.False(t, isLost(x.Lost()))
		<-x.Lost()
		require.Zero(t, time.Since(x.Until()))
	})
}

func TestAdoptedLeaseIsLostWhenDenied(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.Put("name", "adopted", 24*time.Hour)
		}
		x := b.object(func(c *Config) { c.Value = "adopted" })
		lost := x.Lost()
		time.Sleep(time.Hour)
		require.False(t, isLost(lost))
		b.extend(x)
		<-lost
		require.Zero(t, time.Since(x.Until()), "known since")

		y := b.object(func(c *Config) { c.Value = "other" })
		lost = y.Lost()
		require.False(t, isLost(lost))
		_, _ = y.Valid(background)
		require.True(t, isLost(lost))
		for _, n := range b.nodes {
			n.Put("name", "other", time.Hour)
		}
		b.extend(y) // by votes alone
		require.False(t, isLost(y.Lost()))
		b.unlock(y)
		b.asleep()
	})
}

// The wall clock runs on while a machine is suspended, and the monotonic one, which
// timers go by, does not.
func TestSuspendedProcessFindsItsLeaseLost(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		step := b.walls()
		x, y := b.object(nil), b.object(nil)
		b.lock(x)
		lost := x.Lost()
		time.Sleep(time.Second)
		step.Store(int64(time.Hour))
		require.True(t, isLost(x.Lost()), "at once for who asks")
		require.True(t, isLost(lost))
		_, _ = x.Unlock(background)

		b.lock(y)
		lost, slept := y.Lost(), time.Now()
		time.Sleep(time.Second)
		require.False(t, isLost(lost))
		step.Add(int64(y.spec.lifetime()) - int64(2*time.Second)) // a second is left
		time.Sleep(time.Second - renewer.Step - 1)
		require.False(t, isLost(lost))
		<-lost
		require.Equal(t, 2*time.Second, time.Since(slept), "to the moment by the wall clock")

		_, _ = y.Unlock(background)
		b.lock(y)
		lost = y.Lost()
		step.Add(int64(time.Hour))
		start := time.Now()
		<-lost
		require.LessOrEqual(t, time.Since(start), renewer.Step)
		_, _ = y.Unlock(background)

		b.lock(y)
		step.Add(-int64(time.Hour))
		<-y.Lost()
		require.Zero(t, time.Since(y.Until()), "set back it prolongs nothing")
		b.asleep()
	})
}

func TestReadersLeaseIsLost(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		require.True(t, isLost(x.Reader.Lost()))
		b.in(x.Reader)
		b.in(x.Reader)
		lost := x.Reader.Lost()
		b.out(x.Reader)
		require.False(t, isLost(lost))
		<-lost
		require.Zero(t, time.Since(x.Reader.Until()))
		_, _ = x.Reader.Unlock(background)

		b.in(x.Writer)
		written := x.Writer.Lost()
		require.NoError(t, x.Downgrade(background))
		require.False(t, isLost(x.Reader.Lost()))
		b.out(x.Reader)
		time.Sleep(time.Hour)
		require.False(t, isLost(written), "it was passed on, and not lost")
		b.asleep()
	})
}

func TestPermitIsLost(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.slots(3, nil)
		p := b.take(x, 2)
		<-p.Lost()
		require.Zero(t, time.Since(p.Until()))
		_, _ = p.Release(background)
		synctest.Wait() // else a straggler still has the slots, and is brought to agree
		p = b.take(x, 1)
		lost := p.Lost()
		b.restarted(0, 1, 2)
		_, _ = p.Extend(background)
		require.True(t, isLost(lost))
		require.Equal(t, 2, b.nodes[0].Ran(scripts.Semaphore().Acquire))
	})
}

func TestManyListeners(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var losts []<-chan struct{}
		var objects []*Exclusive
		for range 500 {
			x := b.named(len(objects), nil)
			b.lock(x)
			losts, objects = append(losts, x.Lost()), append(objects, x)
			time.Sleep(ms)
		}
		leases, _ := b.engine.renewer.Pending()
		require.Equal(t, 500, leases)
		for i, lost := range losts {
			require.False(t, isLost(lost))
			if i%2 == 0 {
				_, err := objects[i].Unlock(background)
				require.NoError(t, err)
				continue
			}
			<-lost
			require.Zero(t, time.Since(objects[i].Until()))
		}
		b.asleep()
	})
}

// The wall clock is set back, a lease begins by it, and the clock is set right again: that
// lease is over by it, which no timer knows.
func TestLostWhenTheWallClockComesBack(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		step := b.walls()
		watched, x := b.named(1, nil), b.named(2, nil)
		b.lock(watched)
		awaited := watched.Lost() // the clocks are compared from now on
		step.Store(-int64(time.Hour))
		time.Sleep(2 * renewer.Step)
		b.lock(x)
		lost := x.Lost()
		step.Store(0)
		start := time.Now()
		<-lost
		require.LessOrEqual(t, time.Since(start), renewer.Step)
		require.False(t, isLost(awaited))
		b.unlock(watched)
		_, _ = x.Unlock(background)
	})
}
