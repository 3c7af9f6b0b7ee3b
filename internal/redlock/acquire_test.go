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

const ms = time.Millisecond

func TestLockHoldsEveryNodeUntilUnlock(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 7} {
		bubble(t, n, func(b *bench) {
			x := b.object(nil)
			b.lock(x)
			for _, token := range b.holders() {
				require.Equal(t, x.Value(), token)
			}
			b.unlock(x)
			b.nothingLeft()
		})
	}
}

func TestUntilCountsFromBeforeTheFirstRequest(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for i, n := range b.nodes {
			n.Before = always(time.Duration(i+1) * 10 * ms)
		}
		x := b.object(func(c *Config) { c.Expiry, c.DriftFactor = 1000*ms+999*time.Microsecond, 0.1 })
		start := time.Now()
		b.lock(x)
		require.Equal(t, 20*ms, time.Since(start), "two of three nodes decide")
		require.Equal(t, 900*ms, x.Until().Sub(start), "whole milliseconds, less a tenth")
		b.unlock(x)
	})
}

func TestMajorityWonAfterItsValidityFailsAndIsReleased(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.Before = only("mutex_acquire", 100*ms)
		}
		x := b.object(func(c *Config) { c.Expiry, c.TimeoutFactor, c.DriftFactor = 100*ms, 2, 0 })
		err := x.TryLock(context.Background())
		require.ErrorIs(t, err, ErrFailed)
		require.ErrorIs(t, err, errTooLate)
		b.nothingLeft()
		require.Equal(t, 1, b.nodes[0].Ran(scripts.Mutex().Release), "released, not merely expired")
	})
}

func TestWallClockJumpEndsTheValidity(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		var step atomic.Int64
		b.engine.clock.Step = func(now time.Time) time.Time { return now.Add(time.Duration(step.Load())) }
		x := b.object(nil)
		b.lock(x)

		step.Store(-int64(time.Hour)) // set back: no longer valid than the monotonic clock says
		ok, err := x.Valid(context.Background())
		require.NoError(t, err)
		require.True(t, ok)
		time.Sleep(time.Until(x.Until()))
		require.True(t, x.lease.over())

		_, _ = x.Unlock(context.Background())
		step.Store(0)
		b.lock(x)
		step.Store(int64(time.Hour)) // suspended, or set forward
		ok, err = x.Valid(context.Background())
		require.False(t, ok)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		ok, err = x.Extend(context.Background())
		require.False(t, ok)
		require.ErrorIs(t, err, ErrExtendFailed)
		b.unlock(x) // the node has kept it all the while
	})
}

func TestWallClockJumpDuringATryFailsIt(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		var step atomic.Int64
		b.engine.clock.Step = func(now time.Time) time.Time { return now.Add(time.Duration(step.Load())) }
		b.nodes[0].After = func(*driver.Call) time.Duration { step.Store(int64(time.Hour)); return 1 }
		require.ErrorIs(t, b.object(nil).TryLock(context.Background()), errTooLate)
		b.nothingLeft()
	})
}

func TestSuccessDoesNotWaitForAHungMinority(t *testing.T) {
	bubble(t, 5, func(b *bench) {
		b.nodes[1].SetHung(true)
		b.nodes[3].SetHung(true)
		x := b.object(nil)
		start := time.Now()
		b.lock(x)
		ok, err := x.Valid(context.Background())
		require.True(t, ok, err)
		ok, err = x.Extend(context.Background())
		require.True(t, ok, err)
		b.unlock(x)
		require.Zero(t, time.Since(start))
		b.nodes[1].SetHung(false)
		b.nodes[3].SetHung(false)
		b.nothingLeft()
	})
}

func TestRefusalComesAsSoonAsAMajorityIsImpossible(t *testing.T) {
	bubble(t, 5, func(b *bench) {
		b.nodes[0].SetHung(true)
		b.nodes[1].SetHung(true)
		for _, n := range b.nodes[2:] {
			n.Put("name", "theirs", time.Minute)
		}
		start := time.Now()
		err := b.object(nil).TryLock(context.Background())
		require.Zero(t, time.Since(start))
		var taken *ErrTaken
		require.ErrorAs(t, err, &taken)
		require.Equal(t, []int{2, 3, 4}, taken.Nodes)
		b.nodes[0].SetHung(false)
		b.nodes[1].SetHung(false)
		synctest.Wait()
		for i, n := range b.nodes[:2] {
			require.Equal(t, 1, n.Ran(scripts.Mutex().Acquire), "node %d granted late", i)
			require.Empty(t, n.Holder("name"), "node %d: a late grant is released", i)
		}
	})
}

func TestHungMajorityFailsAtTheBound(t *testing.T) {
	for _, n := range []int{1, 3} {
		bubble(t, n, func(b *bench) {
			for _, node := range b.nodes {
				node.SetHung(true)
			}
			start := time.Now()
			err := b.object(nil).TryLock(context.Background())
			require.ErrorIs(t, err, ErrFailed)
			require.ErrorIs(t, err, errNoAnswer)
			require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's ctx has not ended")
			require.Equal(t, 400*ms, time.Since(start))
			for _, node := range b.nodes {
				node.SetHung(false)
			}
			b.nothingLeft()
		})
	}
}

func TestBoundedNodeIsAskedInlineAndStillBounded(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		node := b.nodes[0]
		node.Bounded, node.KeepsDeadlines = true, true
		node.SetHung(true)
		start := time.Now()
		err := b.object(nil).TryLock(context.Background())
		require.ErrorIs(t, err, errNoAnswer)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 400*ms, time.Since(start))
		require.Equal(t, 1, node.Inside(), "the release was sent at once, and hangs too")
		node.SetHung(false)
		time.Sleep(time.Second)
		b.nothingLeft()
	})
}

func TestLateGrantAfterUnlockIsReleasedByItsOwnGoroutine(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[2].Before = only("mutex_acquire", 100*ms)
		x := b.object(nil)
		b.lock(x)
		b.unlock(x)
		require.Zero(t, b.nodes[2].Ran(scripts.Mutex().Release), "not before its acquire has returned")
		time.Sleep(200 * ms)
		require.Equal(t, []string{"mutex_acquire", "mutex_release"}, b.nodes[2].History())
		b.nothingLeft()
	})
}

func TestUnlockWaitsForAPendingNodeOnlyWhenItsVoteIsNeeded(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[2].Before = only("mutex_acquire", 100*ms)
		x := b.object(nil)
		b.lock(x)
		b.nodes[0].Restart() // has forgotten: node 2 is needed for a majority
		start := time.Now()
		b.unlock(x)
		require.Equal(t, 100*ms, time.Since(start))
		b.nothingLeft()
	})
}

func TestUnknownOutcomeOfAFailedTryIsReleasedAtOnce(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes[:2] {
			n.Lose = once("mutex_acquire")
		}
		err := b.object(nil).TryLock(context.Background())
		require.ErrorIs(t, err, fakenode.ErrLostReply)
		b.nothingLeft()
	})
}

func TestUnansweredReleaseIsSentAgainWhenTheNodeNextAnswers(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		node := b.nodes[0]
		failing := true
		node.Fault = func(call *driver.Call) error {
			if failing && call.Script() == scripts.Mutex().Release {
				return errors.New("fake: reset before execution")
			}
			return nil
		}
		x := b.object(nil)
		b.lock(x)
		ok, err := x.Unlock(context.Background())
		require.False(t, ok)
		require.ErrorContains(t, err, "reset before execution")
		synctest.Wait()
		require.NotEmpty(t, node.Holder("name"))

		node.Set(func() { failing = false })
		other := NewExclusive(b.engine.NewSpec(testProtocol, "other", DefaultConfig()))
		b.lock(other) // any answer of the node will do
		b.nothingLeft()
		b.unlock(other)
	})
}

func TestUnlockCanBeRepeatedWhenTooFewNodesAnswered(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(nil)
		b.lock(x)
		b.nodes[0].Set(func() { b.nodes[0].Fault = func(*driver.Call) error { return errors.New("fake: down") } })
		ok, err := x.Unlock(context.Background())
		require.False(t, ok)
		require.NotErrorIs(t, err, ErrLockAlreadyExpired)
		b.nodes[0].Set(func() { b.nodes[0].Fault = nil })
		b.unlock(x)
		ok, err = x.Unlock(context.Background())
		require.False(t, ok)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		b.nothingLeft()
	})
}

func TestEveryTryHasItsOwnToken(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		seen := map[string]bool{}
		b.nodes[0].Put("name", "theirs", time.Minute)
		b.nodes[0].Fault = func(call *driver.Call) error {
			if call.Script() == scripts.Mutex().Acquire {
				require.False(t, seen[call.Args()[0].(string)], "token used twice")
				seen[call.Args()[0].(string)] = true
			}
			return nil
		}
		x := b.object(func(c *Config) { c.Tries = 4 })
		require.ErrorIs(t, x.Lock(context.Background()), ErrFailed)
		require.Len(t, seen, 4)
	})
}

func TestTryReplacesWhatEarlierTriesOfTheCallLeft(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		node := b.nodes[0]
		node.Lose = once("mutex_acquire")                   // granted, without an answer
		node.Before = only("mutex_release", 10*time.Second) // its release is slow
		x := b.object(func(c *Config) { c.Tries, c.Expiry = 2, time.Minute })
		b.lock(x)
		require.Equal(t, x.Value(), node.Holder("name"))
		time.Sleep(20 * time.Second) // the late release has come, and spared the new token
		require.Positive(t, node.Ran(scripts.Mutex().Release))
		require.Equal(t, x.Value(), node.Holder("name"))
	})
}

// A release of try 1 that is executed late must not delete the counted vote of
// try 2, as it can where a call's tries share a token.
func TestLateReleaseSparesTheNextTrysVote(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[0].Put("name", "theirs", 50*ms)
		b.nodes[1].Put("name", "theirs", 50*ms)
		b.nodes[2].Before = only("mutex_release", 150*ms)
		x := b.object(nil)
		b.lock(x) // the second try, after 100ms
		time.Sleep(time.Second)
		for i, token := range b.holders() {
			require.Equal(t, x.Value(), token, "node %d", i)
		}
		require.Equal(t, 1, b.nodes[2].Ran(scripts.Mutex().Release))
		b.unlock(x)
	})
}

// The third node's grant comes just as the refusals of the others end the try: what
// that leaves there is released by one of the two that see it, and not by both.
func TestAFailedTryIsReleasedOnce(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[0].Put("name", "theirs", time.Hour)
		b.nodes[1].Put("name", "theirs", time.Hour)
		x := b.object(nil)
		for range 3000 {
			require.ErrorIs(t, x.TryLock(context.Background()), ErrFailed)
			synctest.Wait()
		}
		require.Equal(t, b.nodes[2].Ran(scripts.Mutex().Acquire), b.nodes[2].Ran(scripts.Mutex().Release))
	})
}

func TestRequestThatIsRunTwiceIsGranted(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(nil)
		duplicate := once("mutex_acquire")
		b.nodes[0].Fault = func(call *driver.Call) error {
			if duplicate(call) {
				b.nodes[0].Run(call) // and then once more
			}
			return nil
		}
		require.NoError(t, x.TryLock(context.Background()))
		b.unlock(x)
	})
}

func TestUsersValueIsStrict(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		b.nodes[0].Put("name", "mine", time.Minute)
		x := b.object(func(c *Config) { c.SetGenValue(func() (string, error) { return "mine", nil }) })
		var taken *ErrTaken
		require.ErrorAs(t, x.TryLock(context.Background()), &taken, "an equal value may be another client's")
	})
}

func TestUsersValueStaysAwayFromANodeWithItsPendingRelease(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		node := b.nodes[0]
		node.Lose = once("mutex_acquire")
		node.Before = only("mutex_release", 250*ms)
		x := b.object(func(c *Config) {
			c.SetGenValue(func() (string, error) { return "mine", nil })
			c.Tries = 4
		})
		start := time.Now()
		b.lock(x)
		require.Equal(t, 300*ms, time.Since(start))
		require.Equal(t, []string{"mutex_acquire", "mutex_release", "mutex_acquire", "mutex_withdraw"}, node.History(),
			"tries 2 and 3 would have risked their vote; the ticket that the release put back is given up")
		b.unlock(x)
	})
}

func TestValueFunctionsErrorEndsTheCall(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		broken := errors.New("no entropy")
		x := b.object(func(c *Config) { c.SetGenValue(func() (string, error) { return "", broken }) })
		err := x.Lock(context.Background())
		require.ErrorIs(t, err, broken)
		require.ErrorIs(t, err, ErrFailed)
		require.Empty(t, b.nodes[0].History())
		x = b.object(func(c *Config) { c.SetGenValue(func() (string, error) { return "", nil }) })
		require.ErrorIs(t, x.Lock(context.Background()), ErrConfig)
	})
}

func TestEndedContextReturnsAtOnceWithTheLastCauses(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		err := x.Lock(ctx)
		require.ErrorIs(t, err, ErrFailed)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, b.nodes[0].History())

		for _, n := range b.nodes {
			n.Put("name", "theirs", time.Minute)
		}
		ctx, cancel = context.WithTimeout(context.Background(), 150*ms)
		defer cancel()
		start := time.Now()
		err = x.Lock(ctx)
		require.Equal(t, 150*ms, time.Since(start))
		require.ErrorIs(t, err, ErrFailed)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var taken *ErrTaken
		require.ErrorAs(t, err, &taken)
	})
}

func TestCancelledCallerStrandsNothing(t *testing.T) {
	for _, n := range []int{1, 3} {
		bubble(t, n, func(b *bench) {
			for i, node := range b.nodes {
				node.Before = only("mutex_acquire", time.Duration(100+i)*ms)
			}
			why := errors.New("the user went away")
			ctx, cancel := context.WithCancelCause(context.Background())
			time.AfterFunc(50*ms, func() { cancel(why) })
			start := time.Now()
			err := b.object(nil).Lock(ctx)
			require.Equal(t, time.Duration(99+n)*ms, time.Since(start), "what comes late is given back by then")
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, why)
			time.Sleep(200 * ms)
			for _, node := range b.nodes {
				require.Equal(t, []string{"mutex_acquire", "mutex_release"}, node.History())
			}
			b.nothingLeft()
		})
	}
}

func TestUnlockWithAnEndedContextStillReleases(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lock(x)
		for _, n := range b.nodes {
			n.Set(func() { n.Before = always(10 * ms) })
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		ok, err := x.Unlock(ctx)
		require.False(t, ok)
		require.ErrorIs(t, err, context.Canceled)
		time.Sleep(20 * ms)
		b.nothingLeft()
	})
}

func TestTriesAreMeteredByRetryDelays(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		b.nodes[0].Put("name", "theirs", time.Hour)
		x := b.object(func(c *Config) { c.Tries = 5 })
		start := time.Now()
		require.ErrorIs(t, x.Lock(context.Background()), ErrFailed)
		require.Equal(t, 400*ms, time.Since(start))
		require.Equal(t, 5, b.nodes[0].Ran(scripts.Mutex().Acquire))
	})
}

func TestUnlimitedTriesWaitUntilTheContextEnds(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		b.nodes[0].Put("name", "theirs", time.Hour)
		x := b.object(func(c *Config) { c.Tries, c.Unlimited = 0, true })
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute+50*ms)
		defer cancel()
		require.ErrorIs(t, x.Lock(ctx), context.DeadlineExceeded)
		require.Equal(t, 601, b.nodes[0].Ran(scripts.Mutex().Acquire))
		require.NoError(t, b.object(func(c *Config) { c.Unlimited = true }).Lock(context.Background()))
	})
}

func TestDelayFunctionIsGivenTheTriesMade(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		b.nodes[0].Put("name", "theirs", time.Hour)
		var got []int
		x := b.object(func(c *Config) {
			c.Tries = 4
			c.RetryDelay = func(tries int) time.Duration { got = append(got, tries); return -1 }
		})
		require.Error(t, x.Lock(context.Background()))
		require.Equal(t, []int{1, 2, 3}, got)
	})
}

func TestDefaultDelayIsRedsyncs(t *testing.T) {
	low, high := time.Hour, time.Duration(0)
	for range 10_000 {
		d := DefaultConfig().RetryDelay(1)
		low, high = min(low, d), max(high, d)
	}
	require.GreaterOrEqual(t, low, 50*ms)
	require.Less(t, high, 250*ms)
	require.Less(t, low, 55*ms)
	require.Greater(t, high, 245*ms)
}

// Late grants of earlier leases of the object are its own leftovers: they must
// not pass for another client's lock.
func TestLeftoversOfEarlierLeasesDoNotRefuseTheNext(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		for i, n := range b.nodes[:2] {
			first := true
			n.Set(func() {
				n.Before = func(call *driver.Call) time.Duration {
					switch {
					case call.Script() == scripts.Mutex().Release:
						return time.Minute // not in time
					case first:
						first = false
						return 100 * ms
					}
					return 0
				}
			})
			b.lock(x)
			ctx, cancel := context.WithTimeout(context.Background(), ms)
			_, _ = x.Unlock(ctx) // its releases are on their way
			cancel()
			if i == 0 {
				time.Sleep(200 * ms)
			}
		}
		time.Sleep(200 * ms)
		require.NoError(t, x.TryLock(context.Background()), "nobody else has ever had the lock")
	})
}
