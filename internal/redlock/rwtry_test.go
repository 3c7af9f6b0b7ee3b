package redlock

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
)

// slowly has every call take 10ms each way.
func (b *bench) slowly() {
	for _, n := range b.nodes {
		n.Set(func() { n.Before, n.After = always(10*ms), always(10*ms) })
	}
}

// Where no writer is a reader that does not wait is never refused, whatever the others of
// its process are doing: reading, asking, standing in line, or giving the lease back.
func TestReadersAreNoReasonToRefuseAReader(t *testing.T) {
	for _, n := range []int{1, 3} {
		bubble(t, n, func(b *bench) {
			x := b.rw(nil)
			b.slowly()
			ended := make(chan struct{})
			const each = 50
			visit := func(lock func(context.Context) error, every, stay time.Duration) {
				for range each {
					require.NoError(b, lock(background))
					time.Sleep(stay)
					_, err := x.Reader.Unlock(background)
					require.NoError(b, err)
					time.Sleep(every)
				}
				ended <- struct{}{}
			}
			for i := range 5 {
				go visit(x.Reader.Lock, time.Duration(i)*7*ms+1, time.Duration(i)*3*ms+2)
				go visit(x.Reader.TryLock, time.Duration(i)*5*ms+3, time.Duration(i)*4*ms+4)
			}
			for range 10 {
				<-ended
			}
			synctest.Wait()
			time.Sleep(100 * ms)
			b.free()
		})
	}
}

// The reader that asks was refused, and waits for its next try, for hours.
func TestTryDoesNotGoByAnAnswerOfLongAgo(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(func(c *Config) { c.SetRetryDelay(time.Hour) })
		b.slowly()
		b.set(theirWriter, 0, 1, 2)
		asks := begins(background, x.Reader.Lock)
		time.Sleep(30 * ms)
		behind := begins(background, x.Reader.Lock)
		require.ErrorIs(t, x.Reader.TryLock(background), ErrFailed)
		b.set((*fakenode.RW).Clear, 0, 1, 2)
		start := time.Now()
		require.NoError(t, x.Reader.TryLock(background))
		require.Equal(t, 20*ms, time.Since(start), "one question")
		require.NoError(t, <-asks)
		require.NoError(t, <-behind)
		require.Zero(t, time.Since(start)-20*ms)
		for range 3 {
			b.out(x.Reader)
		}
		time.Sleep(100 * ms)
		b.free()
	})
}

// A question that is under way when the call begins may be answered from before it.
func TestTryDoesNotGoByARefusalFromBeforeIt(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.slowly()
		b.set(theirWriter, 0, 1, 2)
		asks := begins(background, x.Reader.Lock)
		time.Sleep(15 * ms) // the nodes have refused, and the answer is on its way
		b.set((*fakenode.RW).Clear, 0, 1, 2)
		require.NoError(t, x.Reader.TryLock(background))
		require.NoError(t, <-asks)
		b.out(x.Reader)
		b.out(x.Reader)
	})
}

// The reader that asks gives up.
func TestTryGoesOnWhenTheOneThatAsksGivesUp(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.slowly()
		ctx, cancel := context.WithCancel(background)
		asks, tries := begins(ctx, x.Reader.Lock), begins(background, x.Reader.TryLock)
		time.Sleep(5 * ms)
		cancel()
		require.ErrorIs(t, <-asks, context.Canceled)
		require.NoError(t, <-tries)
		b.out(x.Reader)
	})
}

// One that is cancelled while it waits for others' answer has nothing, or its share.
func TestCancelledTry(t *testing.T) {
	for _, after := range []time.Duration{5 * ms, 20 * ms, 25 * ms} {
		bubble(t, 3, func(b *bench) {
			x := b.rw(nil)
			b.slowly()
			asks := begins(background, x.Reader.Lock)
			ctx, cancel := context.WithCancel(background)
			time.AfterFunc(after, cancel)
			err := x.Reader.TryLock(ctx)
			require.NoError(t, <-asks)
			if err == nil {
				b.out(x.Reader)
			} else {
				require.ErrorIs(t, err, context.Canceled)
			}
			b.out(x.Reader)
			time.Sleep(100 * ms)
			b.free()
		})
	}
}

// Writers are: one that has the lock, one that waits for it, in the process or elsewhere.
// A reader's error says which.
func TestWhatKeepsAReaderOut(t *testing.T) {
	waiting, taken := "a writer is waiting", "lock already taken"
	for name, c := range map[string]struct {
		prep func(b *bench, x *RW)
		want string
		node int // how many nodes are named
	}{
		"a writer of the process": {func(b *bench, x *RW) { b.in(x.Writer) }, taken, 0},
		"one that waits, in the process": {func(b *bench, x *RW) {
			b.in(x.Reader)
			begins(background, func(ctx context.Context) error {
				defer x.Writer.Unlock(background)
				return x.Writer.Lock(ctx)
			})
		}, waiting, 0},
		"a writer elsewhere":       {func(b *bench, _ *RW) { b.set(theirWriter, 0, 1, 2) }, taken, 3},
		"one that waits elsewhere": {func(b *bench, _ *RW) { b.set(theirTicket, 0, 1, 2) }, waiting, 3},
		"one that waits elsewhere for readers of the process": {func(b *bench, x *RW) {
			b.in(x.Reader)
			b.set(theirTicket, 0, 1, 2)
			time.Sleep(joinWindow)
		}, waiting, 3},
		"one that waits elsewhere, and has one node": {func(b *bench, _ *RW) {
			b.set(theirTicket, 1, 2)
			b.set(theirWriter, 0)
		}, waiting, 3},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				x := b.rw(nil)
				c.prep(b, x)
				for range 2 {
					err := x.Reader.TryLock(background)
					require.ErrorIs(t, err, ErrFailed)
					require.ErrorContains(t, err, c.want)
					if c.want == waiting {
						require.NotContains(t, err.Error(), taken)
						require.ErrorIs(t, err, errContested)
					} else {
						require.NotErrorIs(t, err, errContested)
					}
					byPointer, byValue := new(ErrTaken), ErrTaken{}
					require.ErrorAs(t, err, &byPointer)
					require.ErrorAs(t, err, &byValue)
					require.LessOrEqual(t, len(byPointer.Nodes), c.node)
					require.Equal(t, c.node > 0, len(byPointer.Nodes) > 0)
					require.Equal(t, byPointer.Nodes, byValue.Nodes)
				}
				_, _ = x.Reader.Unlock(background)
				_, _ = x.Writer.Unlock(background)
			})
		})
	}
}
