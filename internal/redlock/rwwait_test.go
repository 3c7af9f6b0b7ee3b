package redlock

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
)

// A call may be cancelled wherever it waits. It then leaves nothing behind, and
// nobody else waits for it.
func TestCancelledCallsStrandNothing(t *testing.T) {
	for name, c := range map[string]struct {
		half func(*RW) half
		prep func(b *bench, x *RW) (after func())
	}{
		"a reader in line": {reader, func(b *bench, x *RW) func() {
			b.in(x.Writer)
			return func() { b.out(x.Writer) }
		}},
		"a writer in line": {writer, func(b *bench, x *RW) func() {
			b.in(x.Reader)
			return func() { b.out(x.Reader) }
		}},
		"a reader that asks": {reader, func(b *bench, _ *RW) func() {
			b.slow("rwmutex_read_acquire", 50*ms)
			return func() { b.slow("", 0) }
		}},
		"a writer that asks": {writer, func(b *bench, _ *RW) func() {
			b.slow("rwmutex_write_acquire", 50*ms)
			return func() { b.slow("", 0) }
		}},
		"a reader that asks to join": {reader, func(b *bench, x *RW) func() {
			b.in(x.Reader)
			time.Sleep(joinWindow)
			b.slow("rwmutex_read_extend", 50*ms)
			return func() {
				b.slow("", 0)
				b.out(x.Reader)
			}
		}},
		"a reader between two tries": {reader, func(b *bench, _ *RW) func() {
			b.set(theirWriter, 0, 1, 2)
			return func() { b.set((*fakenode.RW).Clear, 0, 1, 2) }
		}},
		"a writer between two tries": {writer, func(b *bench, _ *RW) func() {
			b.set(theirReader, 0, 1, 2)
			return func() { b.set(func(l *fakenode.RW) { delete(l.Readers, "theirs") }, 0, 1, 2) }
		}},
		"a reader that awaits the end of a lease": {reader, func(b *bench, x *RW) func() {
			b.in(x.Reader)
			b.slow("rwmutex_read_release", 50*ms)
			ended := begins(background, func(context.Context) error { b.out(x.Reader); return nil })
			return func() { <-ended }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				x := b.rw(nil)
				after := c.prep(b, x)
				ctx, cancel := context.WithCancel(background)
				start := time.Now()
				call := begins(ctx, c.half(x).Lock)
				b.waits(call)
				cancel()
				err := <-call
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorIs(t, err, ErrFailed)
				require.LessOrEqual(t, time.Since(start), 50*ms, "one call that was under way")
				after()
				time.Sleep(100 * ms) // late grants are on their way back
				b.free()
				require.NoError(t, x.Writer.TryLock(background))
				b.out(x.Writer)
				require.NoError(t, x.Reader.TryLock(background))
				b.out(x.Reader)
				b.free()
			})
		})
	}
}

// slow delays one script on every node, and none with no name.
func (b *bench) slow(script string, d time.Duration) {
	for _, n := range b.nodes {
		n.Set(func() { n.Before = only(script, d) })
	}
}

func TestEndedContextSendsNothing(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		ctx, cancel := context.WithCancel(background)
		cancel()
		x := b.rw(nil)
		for _, h := range []half{x.Reader, x.Writer} {
			require.ErrorIs(t, h.Lock(ctx), context.Canceled)
			require.ErrorIs(t, h.TryLock(ctx), ErrFailed)
		}
		require.Empty(t, b.nodes[0].History())
	})
}

// Readers behind a writer that gives up need not wait any longer.
func TestWriterThatLeavesTheLineLetsReadersBy(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Reader)
		ctx, cancel := context.WithCancel(background)
		leaving := begins(ctx, x.Writer.Lock)
		first := begins(background, x.Reader.Lock)
		second := begins(background, x.Reader.Lock)
		b.waits(leaving, first, second)
		cancel()
		require.ErrorIs(t, <-leaving, context.Canceled)
		require.NoError(t, <-first)
		require.NoError(t, <-second)
		for range 3 {
			b.out(x.Reader)
		}
		b.free()
	})
}

// The turn and the cancellation come at the same moment, in either order: the
// turn must never get lost.
func TestTurnIsNotLostToACancelledCall(t *testing.T) {
	for name, c := range map[string]struct{ holds, leaves func(*RW) half }{
		"a writer after a reader": {reader, writer},
		"a reader after a writer": {writer, reader},
		"a writer after a writer": {writer, writer},
	} {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				bubble(t, 1, func(b *bench) { b.racesWithItsTurn(b.rw(nil), c.holds, c.leaves) })
			}
		})
	}
}

func (b *bench) racesWithItsTurn(x *RW, holds, leaves func(*RW) half) {
	b.in(holds(x))
	ctx, cancel := context.WithCancel(background)
	var done sync.WaitGroup
	for range 2 {
		done.Go(func() {
			if leaves(x).Lock(ctx) == nil {
				b.out(leaves(x))
			}
		})
	}
	synctest.Wait()
	behind := begins(background, x.Writer.Lock)
	done.Go(cancel)
	done.Go(func() { b.out(holds(x)) })
	done.Wait()
	require.NoError(b, <-behind)
	b.out(x.Writer)
	b.free()
	require.NoError(b, x.Reader.TryLock(background))
	b.out(x.Reader)
}

// The same where the turn always comes after the cancellation, and before the call
// has left the line.
func TestTurnThatComesToACancelledCall(t *testing.T) {
	for name, c := range map[string]struct {
		reads  bool
		shared bool // the turn of a reader is to join a lease
		joins  bool
	}{
		"writer":               {false, false, false},
		"reader that asks":     {true, false, false},
		"reader that joins":    {true, true, true},
		"writer after a lease": {false, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(b *bench) {
				x := b.rw(nil)
				l := x.Reader.readers
				_, err := l.queue.enter(background, x.Writer.spec.triesOf(0))
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(background)
				var joined bool
				left := begins(ctx, func(ctx context.Context) (err error) {
					if c.reads {
						joined, err = l.enter(ctx, x.Reader.spec.triesOf(0))
						return err
					}
					_, err = l.queue.enter(ctx, x.Writer.spec.triesOf(0))
					return err
				})
				next := begins(background, func(ctx context.Context) error {
					_, err := l.queue.enter(ctx, x.Writer.spec.triesOf(0))
					return err
				})
				var got *sharedLease
				if c.shared {
					got = b.leaseOf(x)
				}
				l.mu.Lock()
				cancel()
				l.taken, l.lease = false, got
				l.advance()
				l.mu.Unlock()
				err = <-left
				require.Equal(t, c.joins, joined)
				if c.joins {
					require.NoError(t, err)
					require.Equal(t, 2, got.readers)
				} else {
					require.ErrorIs(t, err, context.Canceled)
				}
				if c.shared {
					b.waits(next)
					l.released(got)
				}
				require.NoError(t, <-next)
				require.True(t, l.taken)
			})
		})
	}
}

// leaseOf makes a lease with one reader, that others may join.
func (b *bench) leaseOf(x *RW) *sharedLease {
	l := new(lease)
	l.init(x.Reader.spec, newToken("lease", false))
	got := newSharedLease(l)
	got.join(1)
	return got
}

// A lease ends while another reader asks to join it: the last RUnlock comes
// before, between and after the nodes' answers.
func TestReaderThatAsksToJoinAnEndingLeaseGetsANewOne(t *testing.T) {
	for _, at := range []time.Duration{0, 5 * ms, 10 * ms, 15 * ms, 20 * ms} {
		bubble(t, 3, func(b *bench) {
			for i, n := range b.nodes {
				n.Before = func(call *driver.Call) time.Duration {
					return only("rwmutex_read_extend", 10*ms)(call) + only("rwmutex_read_release", 5*ms)(call)
				}
				n.After = always(time.Duration(i) * 100)
			}
			x := b.rw(nil)
			b.in(x.Reader)
			time.Sleep(joinWindow)
			start := time.Now()
			joining := begins(background, x.Reader.Lock)
			time.Sleep(at)
			b.out(x.Reader)
			require.NoError(t, <-joining)
			require.Less(t, time.Since(start), 50*ms, "it does not wait for a retry delay")
			b.out(x.Reader)
			time.Sleep(100 * ms)
			b.free()
		})
	}
}

func TestLockersOfBothHalvesRenew(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x, other := b.rw(nil), b.rw(nil)
		for _, l := range []*Locker{x.Writer.Locker(), x.Reader.Locker()} {
			l.Lock()
			for range 360 {
				time.Sleep(10 * time.Second)
				require.ErrorIs(t, other.Writer.TryLock(background), ErrFailed)
			}
			l.Unlock()
			b.free()
			require.PanicsWithError(t, errOf(x, l), l.Unlock)
		}
	})
}

// errOf is the text of an Unlock without a lease.
func errOf(x *RW, l *Locker) string {
	err, _ := l.half.unlock(background)
	return err.Error()
}

// A reader through a Locker shares its lease with one that is not, and renewal
// goes on until the last of them.
func TestReadersLockerRenewsTheLeaseOfAll(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Reader)
		l := x.Reader.Locker()
		l.Lock()
		time.Sleep(time.Hour)
		l.Unlock()
		time.Sleep(time.Hour)
		b.out(x.Reader)
		b.free()
	})
}

func TestLockersPanicWhenTheLeaseWasLost(t *testing.T) {
	for name, of := range map[string]func(*RW) half{"reader": reader, "writer": writer} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				x := b.rw(nil)
				l := map[string]*Locker{"reader": x.Reader.Locker(), "writer": x.Writer.Locker()}[name]
				l.Lock()
				synctest.Wait()
				b.set((*fakenode.RW).Clear, 0, 1)
				require.Panics(t, l.Unlock)
				b.free()
				l.Lock() // and goes on
				b.extended(of(x))
				l.Unlock()
			})
		})
	}
}

func TestLockersDoNotPanicWhenNodesAreAway(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		l := x.Reader.Locker()
		l.Lock()
		for _, n := range b.nodes {
			n.Set(func() { n.Fault = func(*driver.Call) error { return fakenode.ErrLostReply } })
		}
		require.NotPanics(t, l.Unlock)
	})
}

// Objects of one process that wait for the same writer are notified by one message.
func TestReadersOfOneProcessAreNotifiedTogether(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		holder, others := b.rw(nil), b.elsewhere()
		b.in(holder.Writer)
		const readers = 5
		var waiting []*RW
		var got []<-chan error
		for range readers {
			x := others.rw(nil)
			waiting = append(waiting, x)
			got = append(got, begins(background, x.Reader.Lock))
		}
		time.Sleep(20 * ms)
		start := time.Now()
		b.out(holder.Writer)
		for i, err := range got {
			require.NoError(t, <-err)
			require.Less(t, time.Since(start), 10*ms, "long before the retry delay")
			b.out(waiting[i].Reader)
		}
		time.Sleep(time.Second)
		b.free()
	})
}
