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
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/scripts"
)

// ticketOf is one of the tickets on a node and the time that is left to it.
func (b *bench) ticketOf(i int) (ticket any, left time.Duration) {
	b.nodes[i].Set(func() {
		for id, ends := range b.nodes[i].RW(rwName).WaitingWriters.Tickets {
			ticket, left = id, time.Until(ends)
		}
	})
	return ticket, left
}

func TestWaitingWriterLeavesItsTicketAndRenewsIt(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.set(theirReader, 0, 1, 2)
		waiting := begins(background, x.Writer.Lock)
		first, left := b.ticketOf(0)
		require.Equal(t, []int{1, 1, 1}, b.tickets())
		for range 30 {
			require.GreaterOrEqual(t, left, lookEvery)
			time.Sleep(100 * ms)
			require.Equal(t, []int{1, 1, 1}, b.tickets())
			var now any
			now, left = b.ticketOf(2)
			require.Equal(t, first, now, "one for the whole call")
		}
		b.set(func(l *fakenode.RW) { delete(l.Readers, "theirs") }, 0, 1, 2)
		require.NoError(t, <-waiting)
		require.Equal(t, []int{0, 0, 0}, b.tickets())
		require.Zero(t, b.asked(scripts.RWMutex().WriteWithdraw), "the grant has consumed it")
		b.out(x.Writer)
		b.free()
	})
}

// However long the retry delay is, the ticket stands until after the next try.
func TestTicketOutlastsTheRetryDelay(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x, readers := b.rw(func(c *Config) { c.SetRetryDelay(5 * time.Second) }), b.rw(nil)
		b.set(theirReader, 0, 1, 2)
		waiting := begins(background, x.Writer.Lock)
		for range 25 {
			require.ErrorIs(t, readers.Reader.TryLock(background), ErrFailed)
			time.Sleep(time.Second)
		}
		b.set((*fakenode.RW).Clear, 0, 1, 2)
		require.NoError(t, <-waiting)
		b.out(x.Writer)
	})
}

func TestOnlyTriesThatGoOnWaitingLeaveATicket(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.set(theirReader, 0, 1, 2)
		require.ErrorIs(t, b.rw(nil).Writer.TryLock(background), ErrFailed)
		require.Equal(t, []int{0, 0, 0}, b.tickets())

		one := b.rw(func(c *Config) { c.Unlimited, c.Tries = false, 1 })
		require.ErrorIs(t, one.Writer.Lock(background), ErrFailed)
		require.Equal(t, []int{0, 0, 0}, b.tickets())

		for _, n := range b.nodes {
			n.Set(func() {
				n.Before = func(call *driver.Call) time.Duration {
					return only("rwmutex_write_acquire", 10*ms)(call) + only("rwmutex_write_withdraw", 50*ms)(call)
				}
			})
		}
		two := begins(background, b.rw(func(c *Config) { c.Unlimited, c.Tries = false, 2 }).Writer.Lock)
		time.Sleep(15 * ms)
		require.Equal(t, []int{1, 1, 1}, b.tickets())
		time.Sleep(100 * ms) // the last try is on its way
		b.set(func(l *fakenode.RW) { clear(l.WaitingWriters.Tickets) }, 0, 1, 2)
		time.Sleep(8 * ms)
		require.Equal(t, []int{0, 0, 0}, b.tickets(), "the last try has left none")
		require.ErrorIs(t, <-two, ErrFailed)
		require.Equal(t, 1+1+2, b.asked(scripts.RWMutex().WriteAcquire))
	})
}

func TestReadersLeaveNoTicket(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.set(theirWriter, 0, 1, 2)
		waiting := begins(background, b.rw(nil).Reader.Lock)
		require.Equal(t, []int{0, 0, 0}, b.tickets())
		b.set((*fakenode.RW).Clear, 0, 1, 2)
		require.NoError(t, <-waiting)
	})
}

// A try that wins one node of three gives it back, and with that in one step its
// ticket stands there again.
func TestTicketIsPutBackWhereATryWonAMinority(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.set(theirReader, 0, 1)
		x, readers := b.rw(nil), b.rw(nil)
		b.nodes[2].Set(func() { b.nodes[2].Before = only("rwmutex_write_release", 10*ms) })
		waiting := begins(background, x.Writer.Lock)
		for range 20 {
			require.Equal(t, []int{1, 1}, b.tickets()[:2])
			writer, _, tickets := b.nodes[2].LookRW(rwName)
			require.True(t, (writer != "") != (tickets == 1), "writer or ticket, and no time between")
			require.ErrorIs(t, readers.Reader.TryLock(background), ErrFailed)
			time.Sleep(7 * ms)
		}
		require.Positive(t, b.nodes[2].Ran(scripts.RWMutex().WriteRelease))
		b.set(func(l *fakenode.RW) { delete(l.Readers, "theirs") }, 0, 1)
		require.NoError(t, <-waiting)
		time.Sleep(100 * ms)
		require.Equal(t, []int{0, 0, 0}, b.tickets())
		b.out(x.Writer)
		time.Sleep(100 * ms)
		b.free()
	})
}

// Also by a release that only a later call gets through.
func TestTicketIsPutBackByAPendingRelease(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.set(theirReader, 0, 1)
		x := b.rw(nil)
		b.nodes[2].Set(func() {
			b.nodes[2].Fault = func(call *driver.Call) error {
				if call.Script() == scripts.RWMutex().WriteRelease {
					return fakenode.ErrLostReply
				}
				return nil
			}
		})
		ctx, cancel := context.WithCancel(background)
		waiting := begins(ctx, x.Writer.Lock)
		require.NotEmpty(t, b.writers()[2])
		b.nodes[2].Set(func() { b.nodes[2].Fault = nil })
		time.Sleep(100 * ms)
		require.Equal(t, []int{1, 1, 1}, b.tickets())
		require.Equal(t, []string{"", "", ""}, b.writers())
		cancel()
		require.ErrorIs(t, <-waiting, context.Canceled)
		require.Equal(t, []int{0, 0, 0}, b.tickets())
	})
}

func TestTicketIsWithdrawnOnGivingUp(t *testing.T) {
	giveUp := errors.New("fake: no more values")
	for name, call := range map[string]func(*bench, *RW) error{
		"cancelled": func(b *bench, x *RW) error {
			ctx, cancel := context.WithTimeout(background, 250*ms)
			defer cancel()
			return x.Writer.Lock(ctx)
		},
		"cancelled during a try": func(b *bench, x *RW) error {
			b.slow("rwmutex_write_acquire", 20*ms)
			ctx, cancel := context.WithTimeout(background, 130*ms)
			defer cancel()
			return x.Writer.Lock(ctx)
		},
		"no tries left": func(_ *bench, x *RW) error {
			x.Writer.spec.Unlimited, x.Writer.spec.Tries = false, 3
			return x.Writer.Lock(background)
		},
		"no value": func(_ *bench, x *RW) error {
			n := 0
			x.Writer.spec.GenValue = func() (string, error) {
				if n++; n < 3 {
					return string(rune('a' + n)), nil
				}
				return "", giveUp
			}
			return x.Writer.Lock(background)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				b.set(theirReader, 0, 1, 2)
				require.ErrorIs(t, call(b, b.rw(nil)), ErrFailed)
				time.Sleep(50 * ms) // the last try's answers, and no expiry
				require.Equal(t, []int{0, 0, 0}, b.tickets())
				require.GreaterOrEqual(t, b.asked(scripts.RWMutex().WriteWithdraw), 1)
			})
		})
	}
}

// A node whose answer is late, or lost, may have the ticket too.
func TestTicketIsWithdrawnFromNodesThatAnswerLate(t *testing.T) {
	for name, fault := range map[string]func(n *fakenode.Node){
		"late": func(n *fakenode.Node) { n.Before = only("rwmutex_write_acquire", 300*ms) },
		"lost": func(n *fakenode.Node) { n.Lose = once("rwmutex_write_acquire") },
	} {
		t.Run(name, func(t *testing.T) {
			for _, granted := range []bool{false, true} {
				bubble(t, 3, func(b *bench) {
					b.set(theirReader, 0, 1, 2)
					b.nodes[2].Set(func() { fault(b.nodes[2]) })
					x := b.rw(nil)
					ctx, cancel := context.WithCancel(background)
					waiting := begins(ctx, x.Writer.Lock)
					if granted {
						b.set(func(l *fakenode.RW) { delete(l.Readers, "theirs") }, 0, 1)
						require.NoError(t, <-waiting)
						b.out(x.Writer)
					} else {
						cancel()
						require.ErrorIs(t, <-waiting, context.Canceled)
					}
					cancel()
					time.Sleep(450 * ms) // less than a ticket's life
					require.Equal(t, []int{0, 0, 0}, b.tickets())
				})
			}
		})
	}
}

// Two tries' requests meet on a node: the later one is granted before the earlier
// one is refused by it and leaves the ticket. Their replies come the other way round.
func TestTicketIsWithdrawnWhenTriesOvertakeEachOther(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.set(theirReader, 0, 1)
		var tries atomic.Int32
		n := b.nodes[2]
		n.Set(func() {
			n.Before = func(call *driver.Call) time.Duration {
				if call.Script() != scripts.RWMutex().WriteAcquire {
					return 0
				}
				if tries.Add(1) == 1 {
					return 110 * ms // executed at 110ms, after the second one
				}
				return 0
			}
			n.After = func(call *driver.Call) time.Duration {
				if call.Script() == scripts.RWMutex().WriteAcquire && n.Ran(call.Script()) == 1 {
					return 30 * ms // answered at 130ms, after the first one
				}
				return 0
			}
		})
		x := b.rw(nil)
		waiting := begins(background, x.Writer.Lock)
		b.set(func(l *fakenode.RW) { delete(l.Readers, "theirs") }, 0, 1)
		require.NoError(t, <-waiting) // by the second try, at 100ms, on nodes 0 and 1
		time.Sleep(15 * ms)
		require.Equal(t, []int{0, 0, 1}, b.tickets(), "the first try's request has left it")
		time.Sleep(50 * ms)
		require.Equal(t, []int{0, 0, 0}, b.tickets())
		b.out(x.Writer)
		b.free()
	})
}

func TestTicketEndsByItselfWhenWithdrawalsAreLost(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.set(theirReader, 0, 1, 2)
		x := b.rw(nil)
		ctx, cancel := context.WithCancel(background)
		waiting := begins(ctx, x.Writer.Lock)
		for _, n := range b.nodes {
			n.Set(func() {
				n.Fault = func(call *driver.Call) error {
					if call.Script() == scripts.RWMutex().WriteWithdraw {
						return fakenode.ErrLostReply
					}
					return nil
				}
			})
		}
		cancel()
		require.ErrorIs(t, <-waiting, context.Canceled)
		require.Equal(t, []int{1, 1, 1}, b.tickets())
		readers := b.rw(nil)
		require.ErrorIs(t, readers.Reader.TryLock(background), ErrFailed)
		_, left := b.ticketOf(0)
		require.LessOrEqual(t, left, 2*time.Second)
		time.Sleep(left)
		require.NoError(t, readers.Reader.TryLock(background))
		b.out(readers.Reader)
	})
}

// A ticket that a node could not be asked to forget is withdrawn when it answers.
func TestWithdrawalIsSentAgainWhenTheNodeAnswers(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.set(theirReader, 0, 1, 2)
		x := b.rw(func(c *Config) { c.SetRetryDelay(10 * time.Second) })
		ctx, cancel := context.WithCancel(background)
		waiting := begins(ctx, x.Writer.Lock)
		b.nodes[1].Set(func() { b.nodes[1].Fault = func(*driver.Call) error { return fakenode.ErrLostReply } })
		cancel()
		require.ErrorIs(t, <-waiting, context.Canceled)
		require.Equal(t, []int{0, 1, 0}, b.tickets())
		b.nodes[1].Set(func() { b.nodes[1].Fault = nil })
		require.NoError(t, b.rw(nil).Reader.TryLock(background))
		synctest.Wait()
		require.Equal(t, []int{0, 0, 0}, b.tickets())
	})
}

// Two writers: the one that gives up takes only its own ticket with it.
func TestTicketOfAnotherWriterStands(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.set(theirReader, 0, 1, 2)
		stays, leaves := b.rw(nil), b.rw(nil)
		ctx, cancel := context.WithCancel(background)
		waiting, leaving := begins(background, stays.Writer.Lock), begins(ctx, leaves.Writer.Lock)
		require.Equal(t, []int{2, 2, 2}, b.tickets())
		cancel()
		require.ErrorIs(t, <-leaving, context.Canceled)
		require.Equal(t, []int{1, 1, 1}, b.tickets())
		b.set(func(l *fakenode.RW) { delete(l.Readers, "theirs") }, 0, 1, 2)
		require.NoError(t, <-waiting)
		b.out(stays.Writer)
		b.free()
	})
}

// An object's next call begins while the withdrawal of the last one is under way.
// The node runs the withdrawal first and answers it last.
func TestTicketOfTheNextCallIsWithdrawnToo(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.set(theirReader, 0, 1, 2)
		n := b.nodes[2]
		n.Set(func() {
			n.After = func(call *driver.Call) time.Duration {
				if call.Script() == scripts.RWMutex().WriteWithdraw {
					return 20 * ms
				}
				return 0
			}
		})
		x := b.rw(nil)
		for range 2 {
			ctx, cancel := context.WithCancel(background)
			waiting := begins(ctx, x.Writer.Lock)
			b.waits(waiting)
			if n.Ran(scripts.RWMutex().WriteWithdraw) > 0 {
				time.Sleep(30 * ms) // the first call's withdrawal is answered
			}
			cancel()
			require.ErrorIs(t, <-waiting, context.Canceled)
		}
		time.Sleep(100 * ms)
		require.Equal(t, []int{0, 0, 0}, b.tickets())
	})
}
