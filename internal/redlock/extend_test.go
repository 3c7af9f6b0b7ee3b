package redlock

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

func (b *bench) extend(x *Exclusive) {
	b.Helper()
	ok, err := x.Extend(context.Background())
	require.NoError(b, err)
	require.True(b, ok)
}

func (b *bench) notExtended(x *Exclusive) error {
	b.Helper()
	ok, err := x.Extend(context.Background())
	require.False(b, ok)
	require.ErrorIs(b, err, ErrExtendFailed)
	return err
}

func TestExtendMovesUntilFromItsOwnStart(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(func(c *Config) { c.Expiry, c.DriftFactor = time.Second, 0.1 })
		b.lock(x)
		for range 10 {
			time.Sleep(800 * ms)
			start := time.Now()
			b.extend(x)
			require.Equal(t, 900*ms, x.Until().Sub(start))
		}
		b.unlock(x)
		b.nothingLeft()
	})
}

func TestExtendNeverWritesAMissingKey(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		until := x.Until()
		b.nodes[0].Restart()
		b.nodes[1].Restart()
		time.Sleep(time.Second)
		err := b.notExtended(x)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		require.Equal(t, until, x.Until(), "the old validity stays")
		require.Equal(t, []string{"", "", x.Value()}, b.holders())
	})
}

func TestExtendAfterUntilIsRefusedUnasked(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(nil)
		b.lock(x)
		time.Sleep(time.Until(x.Until())) // within the drift: the node still has it
		require.NotEmpty(t, b.nodes[0].Holder("name"))
		require.ErrorIs(t, b.notExtended(x), ErrLockAlreadyExpired)
		require.Zero(t, b.nodes[0].Ran(scripts.Mutex().Extend))
	})
}

func TestExtensionDecidedAfterUntilDoesNotReviveTheLease(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(nil)
		b.lock(x)
		until := x.Until()
		b.nodes[0].Set(func() { b.nodes[0].After = always(200 * ms) })
		time.Sleep(time.Until(until) - 100*ms)
		require.ErrorIs(t, b.notExtended(x), errTooLate)
		require.Equal(t, until, x.Until())
	})
}

func TestExtendWithoutALease(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(nil)
		require.ErrorIs(t, b.notExtended(x), ErrLockAlreadyExpired)
		b.lock(x)
		b.unlock(x)
		require.ErrorIs(t, b.notExtended(x), ErrLockAlreadyExpired)
		require.Zero(t, b.nodes[0].Ran(scripts.Mutex().Extend))
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := x.Extend(ctx)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestUnlockDuringAnExtensionWins(t *testing.T) {
	for _, setNX := range []bool{false, true} {
		bubble(t, 3, func(b *bench) {
			x := b.object(func(c *Config) { c.SetNXOnExtend = setNX })
			b.lockAll(x)
			for i, n := range b.nodes {
				n.Set(func() {
					n.Before = func(call *driver.Call) time.Duration {
						if s := call.Script(); s == scripts.Mutex().Extend || s == scripts.Mutex().ExtendOrSet {
							return time.Duration(100+i) * ms
						}
						return 0
					}
				})
			}
			time.AfterFunc(50*ms, func() { _, _ = x.Unlock(context.Background()) })
			b.notExtended(x)
			time.Sleep(time.Second)
			b.nothingLeft()
		})
	}
}

func TestWonExtensionRepairsNodesThatForgot(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		b.nodes[0].Restart()
		b.extend(x)
		require.Equal(t, []string{x.Value(), x.Value(), x.Value()}, b.holders())
		b.unlock(x)
		b.nothingLeft()
	})
}

func TestRepairedNodeVotesOnlyAfterARoundWonWithoutIt(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		b.nodes[0].Restart()
		b.extend(x) // repairs node 0
		b.holders()
		b.nodes[1].Restart()
		require.ErrorIs(t, b.notExtended(x), ErrLockAlreadyExpired, "node 0 has the token, but must not vote yet")
		ok, _ := x.Valid(context.Background())
		require.False(t, ok)

		other := b.object(nil)
		b.nodes[0].Restart()
		require.NoError(t, other.TryLock(context.Background()), "two nodes have forgotten")
	})
}

func TestLeaseSurvivesRestartsOfDifferentNodesBetweenExtensions(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		for i := range 12 {
			b.nodes[i%3].Restart()
			for range 2 { // one repairs, one wins without the repaired node
				time.Sleep(time.Second)
				b.extend(x)
				b.holders()
			}
		}
		b.unlock(x)
		b.nothingLeft()
	})
}

func TestLateRepairIsReleasedAfterUnlock(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		b.nodes[0].Restart()
		b.nodes[0].Set(func() { b.nodes[0].Before = only("mutex_acquire", 100*ms) })
		b.extend(x)
		require.Equal(t, 1, b.nodes[0].Inside(), "the repair is under way")
		b.unlock(x)
		time.Sleep(time.Second)
		require.Equal(t, []string{"mutex_acquire", "mutex_extend", "mutex_acquire", "mutex_release"}, b.nodes[0].History())
		b.nothingLeft()
	})
}

func TestLateRefusalOfAnExtensionIsRepairedToo(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		b.nodes[0].Restart()
		b.nodes[0].Set(func() { b.nodes[0].Before = only("mutex_extend", 100*ms) })
		b.extend(x)
		time.Sleep(time.Second)
		require.Equal(t, x.Value(), b.holders()[0])
		b.unlock(x)
	})
}

// A node whose grant is under way, and has been forgotten there meanwhile, is repaired as soon
// as the answer is there: the next extension may be long in coming.
func TestRepairWaitsForAGrantUnderWay(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[0].Set(func() { b.nodes[0].After = only("mutex_acquire", 100*ms) })
		x := b.object(nil)
		b.lock(x)
		synctest.Wait() // until the node has granted
		b.nodes[0].Restart()
		b.extend(x)
		require.Equal(t, 1, b.nodes[0].Inside(), "the grant is under way")
		require.Empty(t, b.holders()[0])
		time.Sleep(time.Second)
		require.Equal(t, []string{"mutex_acquire", "mutex_extend", "mutex_acquire"}, b.nodes[0].History())
		require.Equal(t, x.Value(), b.holders()[0])
		b.unlock(x)
		time.Sleep(time.Second)
		b.nothingLeft()
	})
}

// An extension finds nothing while the repair is on its way, and another one finds the token
// before the repair is answered. Then the node votes, and is not repaired once more, which would
// take the vote from it: were another node to forget the token, the lease could not be extended.
func TestRepairThatWasSeenIsNotRepeated(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		n := b.nodes[0]
		n.Restart()
		n.Set(func() { n.Before, n.After = only("mutex_acquire", 20*ms), only("mutex_acquire", 100*ms) })
		b.extend(x)
		time.Sleep(10 * ms)
		b.extend(x)
		require.Empty(t, b.holders()[0], "the repair is on its way")
		time.Sleep(20 * ms)
		require.Equal(t, x.Value(), b.holders()[0])
		b.extend(x)
		b.repairedOnce(x)
	})
}

// So it is with an extension that found nothing, and whose answer comes later than that of one
// begun after it, which has found the token.
func TestOlderExtensionThatFoundNothingHasNothingRepaired(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		n := b.nodes[0]
		n.Restart()
		n.Set(func() { n.After = only("mutex_extend", 100*ms) })
		b.extend(x) // has found nothing
		synctest.Wait()
		n.Set(func() { n.After = nil })
		time.Sleep(ms)
		b.extend(x)
		synctest.Wait() // until the node is repaired
		require.Equal(t, x.Value(), b.holders()[0])
		time.Sleep(ms)
		b.extend(x)
		require.Equal(t, 1, n.Inside(), "the oldest extension is under way")
		b.repairedOnce(x)
	})
}

// repairedOnce checks that the first node was repaired once, and votes: another node's is not
// needed.
func (b *bench) repairedOnce(x *Exclusive) {
	b.Helper()
	time.Sleep(time.Second)
	require.Equal(b, 2, b.nodes[0].Ran(scripts.Mutex().Acquire), "the try's, and the repair")
	b.nodes[1].Restart()
	b.extend(x)
	b.unlock(x)
	time.Sleep(time.Second)
	b.nothingLeft()
}

func TestRepairLeavesAnothersTokenAlone(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		b.nodes[0].Restart()
		b.nodes[0].Put("name", "theirs", time.Minute)
		b.extend(x)
		require.Equal(t, "theirs", b.holders()[0])
		b.unlock(x)
		require.Equal(t, "theirs", b.holders()[0])
	})
}

func TestSetNXOnExtendRevivesAsRedsyncDoes(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(func(c *Config) { c.SetNXOnExtend = true })
		b.lockAll(x)
		for _, n := range b.nodes {
			n.Restart()
		}
		b.extend(x)
		require.Equal(t, []string{x.Value(), x.Value(), x.Value()}, b.holders())
		time.Sleep(time.Minute) // long expired
		b.extend(x)
		b.unlock(x)
		b.nothingLeft()
	})
}

func TestLateRevivalIsReleasedAfterUnlock(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(func(c *Config) { c.SetNXOnExtend = true })
		b.lockAll(x)
		b.nodes[0].Restart()
		b.nodes[0].Set(func() { b.nodes[0].Before = only("mutex_extend_or_set", 100*ms) })
		b.extend(x)
		b.unlock(x)
		time.Sleep(time.Second)
		require.Equal(t, []string{"mutex_acquire", "mutex_extend_or_set", "mutex_release"}, b.nodes[0].History())
		b.nothingLeft()
	})
}

func TestAdoptedLease(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x) // as a grant that comes later is not known to who adopts it
		y := b.object(func(c *Config) { c.Value = x.Value() })
		require.Equal(t, x.Value(), y.Value())
		require.True(t, y.Until().IsZero())
		ok, err := y.Valid(context.Background())
		require.True(t, ok, err)
		start := time.Now()
		b.extend(y)
		require.Equal(t, y.spec.lifetime(), y.Until().Sub(start))
		b.unlock(y)
		b.nothingLeft()
		_, err = x.Unlock(context.Background())
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		b.lock(y) // takes the place of what it had adopted
		require.NotEqual(t, x.Value(), y.Value())
		b.unlock(y)
	})
}

func TestAdoptedLeaseIsJudgedByVotesAlone(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[0].Put("name", "adopted", time.Minute)
		y := b.object(func(c *Config) { c.Value = "adopted" })
		ok, err := y.Valid(context.Background())
		require.False(t, ok)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		b.notExtended(y)
		b.nodes[1].Put("name", "adopted", time.Minute)
		b.extend(y)
	})
}

func TestValid(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		ctx := context.Background()
		x := b.object(nil)
		ok, err := x.Valid(ctx)
		require.NoError(t, err)
		require.False(t, ok, "nothing is held")

		b.lockAll(x)
		ok, err = x.Valid(ctx)
		require.True(t, ok, err)

		b.nodes[0].Put("name", "theirs", time.Minute)
		b.nodes[1].Put("name", "theirs", time.Minute)
		ok, err = x.Valid(ctx)
		require.False(t, ok)
		var taken ErrTaken
		require.ErrorAs(t, err, &taken)
		require.Equal(t, []int{0, 1}, taken.Nodes)

		for _, n := range b.nodes {
			n.Set(func() { n.Fault = func(*driver.Call) error { return errors.New("fake: down") } })
		}
		ok, err = x.Valid(ctx)
		require.False(t, ok)
		require.ErrorContains(t, err, `test: "name": lock is not valid: node #`)
		require.ErrorContains(t, err, "fake: down")

		time.Sleep(8 * time.Second)
		_, err = x.Valid(ctx)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		_, err = x.Valid(cancelled)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestValidThatEndsAfterUntilIsFalse(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(nil)
		b.lock(x)
		b.nodes[0].Set(func() { b.nodes[0].After = always(100 * ms) })
		time.Sleep(time.Until(x.Until()) - 50*ms)
		ok, err := x.Valid(context.Background())
		require.False(t, ok)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
	})
}

// A yes that comes late, from before the node forgot the token and got it back, says
// nothing about the time since.
func TestLateYesDoesNotEndAProbation(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		first := once("mutex_extend")
		b.nodes[1].Set(func() {
			b.nodes[1].After = func(call *driver.Call) time.Duration {
				if first(call) {
					return 50 * ms
				}
				return 0
			}
		})
		b.extend(x)
		synctest.Wait() // node 1 has run it
		b.nodes[1].Restart()
		b.extend(x) // repairs it
		require.Equal(t, x.Value(), b.holders()[1])
		time.Sleep(100 * ms)
		require.Zero(t, b.nodes[1].Inside(), "the first extension's yes has come")
		b.nodes[2].Restart()
		require.ErrorIs(t, b.notExtended(x), ErrLockAlreadyExpired, "node 1 must not vote yet")
		ok, _ := x.Valid(background)
		require.False(t, ok)
	})
}

// A node that has extended a token has it, whatever was concluded from answers before.
func TestWhatWasExtendedIsReleased(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		x.lease.mu.Lock()
		x.lease.stakes[2].maybe = false
		x.lease.mu.Unlock()
		b.extend(x)
		synctest.Wait() // for the third node's answer
		b.unlock(x)
		synctest.Wait() // for its release
		require.Empty(t, b.nodes[2].Holder("name"))
	})
}
