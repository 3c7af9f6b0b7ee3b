package redlock

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
	"github.com/holdfast-go/holdfast/scripts"
)

// What a Cluster says to scripts with several keys while their slot is being moved, and
// where their keys do not belong together.
var keysRefused = []error{
	&driver.ReplyError{Err: errors.New("TRYAGAIN Multiple keys request during rehashing of slot")},
	&driver.ReplyError{Err: errors.New("CROSSSLOT Keys in request don't hash to the same slot")},
}

// withOneKey runs a test over nodes that refuse scripts with more than one key.
func withOneKey(t *testing.T, test func(b *bench)) {
	t.Helper()
	for _, refusal := range keysRefused {
		for _, n := range []int{1, 3} {
			notifying(t, n, func(b *bench) {
				b.refuseKeys(refusal)
				test(b)
			})
		}
	}
}

func (b *bench) refuseKeys(refusal error) {
	for _, n := range b.nodes {
		n.Bounded = true
		n.Set(func() {
			n.Fault = func(call *driver.Call) error {
				if len(call.Keys()) > 1 {
					return refusal
				}
				return nil
			}
		})
	}
}

// nothingPends checks that no release is sent in vain for what is not there.
func (b *bench) nothingPends() {
	b.Helper()
	b.nothingWaits()
	for i, n := range b.engine.nodes {
		require.Zero(b, n.pending.Len(), "node %d", i)
	}
}

// A mutex needs one key. Without its line it is locked, extended and given back, and
// those who wait poll.
func TestMutexGoesOnWithoutItsLine(t *testing.T) {
	withOneKey(t, func(b *bench) {
		holder, waiter := b.object(nil), b.object(nil)
		b.lock(holder)
		require.ErrorAs(b, waiter.TryLock(background), new(*ErrTaken))
		got := b.lockLater(waiter)
		b.extend(holder)
		ok, err := holder.Valid(background)
		require.NoError(b, err)
		require.True(b, ok)
		start := time.Now()
		b.unlock(holder)
		require.LessOrEqual(b, (<-got).Sub(start), 110*ms, "a retry delay")
		b.unlock(waiter)
		b.nothingPends()
	})
}

// A waiter that is cancelled leaves nothing, and a second call on the same object waits
// as the first did.
func TestWaiterWithoutALineLeavesNothing(t *testing.T) {
	withOneKey(t, func(b *bench) {
		holder, waiter := b.object(nil), b.object(nil)
		b.lock(holder)
		for range 2 {
			ctx, cancel := context.WithTimeout(background, 250*ms)
			require.ErrorIs(b, waiter.Lock(ctx), context.DeadlineExceeded)
			cancel()
		}
		b.unlock(holder)
		b.nothingPends()
	})
}

// Where a waiter was in line before, it is notified when that is over.
func TestLineIsUsedAgain(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		holder, waiter := b.client(nil), b.client(nil)
		b.lock(holder)
		got := b.lockLater(waiter)
		b.refuseKeys(keysRefused[0])
		time.Sleep(time.Second)
		for _, n := range b.nodes {
			n.Set(func() { n.Fault = nil })
		}
		time.Sleep(150 * ms)
		start := time.Now()
		b.unlock(holder)
		require.Equal(b, start.Add(ms/2+ms), <-got)
		b.unlock(waiter)
		b.nothingWaits()
	})
}

// Renewals that go out together are asked again one by one.
func TestBatchGoesOnWithoutTheLine(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.batches()
		objects := make([]*Exclusive, 50)
		for i := range objects {
			objects[i] = b.named(i, func(c *Config) { c.AutoExtend, c.Fencing = true, true })
			b.lock(objects[i])
		}
		b.refuseKeys(keysRefused[0])
		time.Sleep(time.Minute)
		b.noneLost(objects)
		b.unlockAll(objects)
	})
}

// What is asked again may be without an answer, and run.
func TestAskedAgainWithoutAnAnswer(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		b.refuseKeys(keysRefused[0])
		b.nodes[0].Lose = once("mutex_acquire")
		x := b.object(nil)
		err := x.TryLock(background)
		require.ErrorIs(b, err, fakenode.ErrLostReply)
		b.nothingPends()
	})
}

// A call that needs all of its keys is refused with the server's own words.
func TestKeysThatAreNeeded(t *testing.T) {
	for _, refusal := range keysRefused {
		notifying(t, 1, func(b *bench) {
			b.refuseKeys(refusal)
			x := b.rw(nil)
			for _, half := range []half{x.Writer, x.Reader} {
				err := half.TryLock(background)
				require.ErrorIs(b, err, refusal)
				require.ErrorAs(b, err, new(*RedisError))
			}
		})
	}
}

// unsure refuses several keys, and says nothing about one.
type unsure struct{ refusal error }

func (u unsure) Eval(_ context.Context, call *driver.Call) (any, error) {
	if len(call.Keys()) > 1 {
		return nil, u.refusal
	}
	return nil, nil
}

// Where one key is not enough to answer, the refusal is the answer.
func TestOneKeyIsNotEnough(t *testing.T) {
	e := New(unsure{keysRefused[0]})
	s := e.NewSpec(testProtocol, "name", DefaultConfig())
	call := driver.NewCall(scripts.RWMutex().ReadExtend, auxKeys(nil, "name", rwKeys), "token", int64(1000))
	got := make(chan quorum.Answer, 1)
	e.nodes[0].Send(call, s.about(token{}), func(a quorum.Answer) { got <- a })
	a := <-got
	require.Equal(t, quorum.Error, a.Vote)
	require.ErrorIs(t, a.Err, keysRefused[0])
}
