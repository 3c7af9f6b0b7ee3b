package redlock

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
	"github.com/holdfast-go/holdfast/scripts"
)

// A node that stops answering while it is sent pending releases is sent the rest when it
// next answers.
func TestPendingReleasesAreSentAgainAfterAFailure(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		n := b.engine.nodes[0]
		s := b.engine.NewSpec(testProtocol, "name", DefaultConfig())
		for _, value := range []string{"one", "another"} {
			l := adopt(s, value)
			l.end(time.Now())
			l.at(n).retry()
		}
		failed := once("mutex_release")
		b.nodes[0].Fault = func(call *driver.Call) error {
			if failed(call) {
				return fakenode.ErrLostReply
			}
			return nil
		}
		n.pending.Send()
		synctest.Wait()
		require.Equal(t, 2, n.pending.Len(), "the first is pending again, the second not tried")
		require.Zero(t, b.nodes[0].Ran(scripts.Mutex().Release))

		x := NewExclusive(b.engine.NewSpec(testProtocol, "other", DefaultConfig()))
		b.lock(x)
		synctest.Wait()
		require.Zero(t, n.pending.Len())
		b.unlock(x)
	})
}

// A call may wait in the outbox for longer than its lease could last: what it puts on the node
// then lives from there on, and a release of that is not given up meanwhile.
func TestReleaseOfALateGrantIsNotGivenUp(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		l := adopt(b.engine.NewSpec(testProtocol, "name", DefaultConfig()), "late")
		n, at := b.engine.nodes[0], l.at(b.engine.nodes[0])
		l.mu.Lock()
		at.stake().begin()
		l.mu.Unlock()
		require.Empty(t, l.endIdle(), "the call is under way")
		time.Sleep(2 * DefaultExpiry)
		require.True(t, l.mustHaveExpired(time.Now()))
		require.True(t, at.learn(quorum.Answer{Vote: quorum.Yes}))
		at.retry()
		n.pending.Send()
		synctest.Wait()
		require.Equal(t, 1, b.nodes[0].Ran(scripts.Mutex().Release))
	})
}

// sameValue makes tokens of one value, as a user's function may.
func sameValue(c *Config) { c.SetGenValue(func() (string, error) { return "same", nil }) }

// failsOnce has a node fail the first call of a script, unrun.
func (b *bench) failsOnce(i int, script *scripts.Script, fault error) {
	first := once(script.Name())
	b.nodes[i].Set(func() {
		b.nodes[i].Fault = func(call *driver.Call) error {
			if first(call) {
				return fault
			}
			return nil
		}
	})
}

// unlockInDoubt unlocks where too few nodes can answer for it.
func (b *bench) unlockInDoubt(x *Exclusive) {
	b.Helper()
	ok, err := x.Unlock(background)
	require.False(b, ok)
	require.ErrorIs(b, err, errRelease)
	require.NotErrorIs(b, err, ErrLockAlreadyExpired)
}

// stays checks that a lease of the value is not taken away while late calls come in.
func (b *bench) stays(x *Exclusive) {
	b.Helper()
	time.Sleep(time.Second)
	for i, token := range b.holders() {
		require.Equal(b, "same", token, "node %d", i)
	}
	b.unlock(x)
}

// A release that has had no answer waits to be sent again. Once another one is answered
// it is not sent any more: it would delete the next lease of the same value.
func TestPendingReleaseIsNotSentOnceAnotherIsAnswered(t *testing.T) {
	for _, n := range []int{1, 3} {
		bubble(t, n, func(b *bench) {
			x := b.object(sameValue)
			b.lockAll(x)
			for i, node := range b.nodes {
				b.failsOnce(i, scripts.Mutex().Release, context.DeadlineExceeded)
				node.Before = only("mutex_release", 5*ms)
			}
			b.unlockInDoubt(x)
			b.unlock(x)
			b.lock(x)
			b.stays(x)
		})
	}
}

// The same where it waits behind another one.
func TestPendingReleaseIsStruckOff(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		other := NewExclusive(b.engine.NewSpec(testProtocol, "other", DefaultConfig()))
		x := b.object(sameValue)
		b.lock(other)
		b.lock(x)
		b.away(&driver.ReplyError{Err: errAway}, 0) // not run, so no further release follows
		b.unlockInDoubt(other)
		b.unlockInDoubt(x)
		b.back(0)
		b.nodes[0].Before = func(call *driver.Call) time.Duration {
			if call.Keys()[0] == "other" {
				return 300 * ms
			}
			return 0
		}
		b.unlock(x)
		b.lock(x)
		b.stays(x)
	})
}

// A release that its caller does not wait for any more is still with the driver.
func TestValueIsNotUsedWhileAReleaseIsUnderWay(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(sameValue)
		b.lock(x)
		slow := once("mutex_release")
		b.nodes[0].Before = func(call *driver.Call) time.Duration {
			if slow(call) {
				return 600 * ms
			}
			return 0
		}
		b.unlockInDoubt(x)
		b.unlock(x)
		require.ErrorIs(t, x.TryLock(background), errUnsettled)
		b.lock(x)
		b.stays(x)
	})
}

// A server that was stopped may run a release that has timed out after one that came
// later, on another connection.
func TestValueIsNotUsedWhileALateReleaseMayRun(t *testing.T) {
	for name, fault := range map[string]error{"timed out": context.DeadlineExceeded, "broken": io.ErrUnexpectedEOF} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(b *bench) {
				x, node := b.object(sameValue), b.nodes[0]
				b.lock(x)
				first := once("mutex_release")
				node.Fault = func(call *driver.Call) error {
					if !first(call) {
						return nil
					}
					time.AfterFunc(20*ms, func() {
						node.Mu.Lock()
						defer node.Mu.Unlock()
						node.Run(call)
					})
					return fault
				}
				b.unlockInDoubt(x)
				b.unlock(x)
				b.lock(x)
				b.stays(x)
			})
		})
	}
}

// A value that may not be used is in nobody else's way, and soon not in its own.
func TestUnansweredReleaseKeepsAValueAwayForAWhile(t *testing.T) {
	for _, slow := range [][]int{{0}, {0, 1}} {
		bubble(t, 2*len(slow)-1, func(b *bench) {
			x := b.object(sameValue)
			for _, i := range slow {
				b.lockAll(x)
				b.failsOnce(i, scripts.Mutex().Release, context.DeadlineExceeded)
				_, _ = x.Unlock(background)
			}
			c := DefaultConfig()
			sameValue(&c)
			other := NewExclusive(b.engine.NewSpec(testProtocol, "other", c))
			require.NoError(t, other.TryLock(background), "another lock")
			b.unlock(other)
			time.Sleep(time.Second)
			require.NoError(t, x.TryLock(background))
			b.unlock(x)
		})
	}
}

// The same where the process makes no other call.
func TestValueCanBeUsedAgainWithoutOtherCalls(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(func(c *Config) { sameValue(c); c.Expiry = time.Hour })
		b.lock(x)
		b.failsOnce(0, scripts.Mutex().Release, context.DeadlineExceeded)
		b.unlockInDoubt(x)
		time.Sleep(time.Second)
		require.NoError(t, x.TryLock(background))
		b.unlock(x)
	})
}

// What was not answered is sent again, without any other call.
func TestReleaseIsSentAgainByItself(t *testing.T) {
	for name, fault := range map[string]error{
		"broken":  io.EOF,
		"refused": &driver.ReplyError{Err: errors.New("MISCONF")},
	} {
		for what, leaves := range map[string]func(b *bench){
			"unlock": func(b *bench) {
				x := b.object(longLived)
				b.lockAll(x)
				b.away(fault, 0, 1, 2)
				b.unlockInDoubt(x)
			},
			"do": func(b *bench) {
				require.NoError(b, b.object(longLived).Do(background, func(context.Context) error {
					b.away(fault, 0, 1, 2)
					return nil
				}))
			},
			"permit": func(b *bench) {
				p := b.take(b.slots(2, longLived), 2)
				b.away(fault, 0, 1, 2)
				_, err := p.Release(background)
				require.ErrorIs(b, err, errRelease)
			},
			"reader": func(b *bench) {
				x := b.rw(longLived)
				b.in(x.Reader)
				b.away(fault, 0, 1, 2)
				_, err := x.Reader.Unlock(background)
				require.ErrorIs(b, err, errRelease)
			},
			"place in line": func(b *bench) {
				for _, node := range b.nodes {
					node.Put("name", "theirs", 150*ms)
				}
				ctx, cancel := context.WithTimeout(background, 150*ms)
				defer cancel()
				time.AfterFunc(120*ms, func() { b.away(fault, 0, 1, 2) })
				require.Error(b, b.object(func(c *Config) { longLived(c); c.SetRetryDelay(time.Hour) }).Lock(ctx))
			},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				bubble(t, 3, func(b *bench) {
					leaves(b)
					time.Sleep(300 * ms)
					b.back(0, 1, 2)
					time.Sleep(time.Second)
					b.nothingLeft()
					b.free()
					for i, node := range b.nodes {
						node.Set(func() { require.Empty(t, node.Permits, "node %d", i) })
						require.Zero(t, node.Waiting(), "node %d", i)
						require.Zero(t, b.engine.nodes[i].pending.Len(), "node %d", i)
					}
				})
			})
		}
	}
}

func longLived(c *Config) { c.Expiry, c.TimeoutFactor = time.Hour, 0.0001 }

// A node that refuses releases, and answers all else, is sent one for each answer and
// one for each pause, until their keys have expired.
func TestRefusedReleaseIsNotSentInALoop(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(nil)
		var refused atomic.Int32
		b.lock(x)
		b.nodes[0].Set(func() {
			b.nodes[0].Fault = func(call *driver.Call) error {
				if call.Script() != scripts.Mutex().Release || call.Keys()[0] != "name" {
					return nil
				}
				if refused.Add(1) > 100 {
					return nil // lest a loop have no end
				}
				return &driver.ReplyError{Err: errAway}
			}
		})
		b.unlockInDoubt(x)
		synctest.Wait()
		require.EqualValues(t, 1, refused.Load())
		b.churn(1, 0) // an acquire and a release
		synctest.Wait()
		require.LessOrEqual(t, refused.Swap(0), int32(3))
		time.Sleep(time.Second)
		require.LessOrEqual(t, refused.Load(), int32(5))
		require.Positive(t, refused.Load())
		time.Sleep(time.Minute)
		require.Zero(t, b.engine.nodes[0].pending.Len())
		refused.Store(0)
		time.Sleep(time.Minute)
		require.Zero(t, refused.Load())
	})
}

// Once the releases that go out by themselves are answered, Unlock knows the outcome.
func TestUnlockReportsWhatALaterReleaseHasFound(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		b.away(io.ErrUnexpectedEOF, 0, 1, 2)
		b.unlockInDoubt(x)
		b.back(0, 1, 2)
		time.Sleep(time.Second)
		b.nothingLeft()
		b.unlock(x)
		ok, err := x.Unlock(background)
		require.False(t, ok)
		require.ErrorIs(t, err, ErrLockAlreadyExpired, "that was the last word")
	})
}

// A release that is repeated for safety's sake finds nothing.
func TestFirstAnswerToAReleaseIsTheLastWord(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[2].Lose = once("mutex_acquire")
		x := b.object(nil)
		b.lockAll(x)
		b.failing(scripts.Mutex().Release, errAway, 0, 1)
		b.unlockInDoubt(x)
		time.Sleep(time.Second)
		require.Equal(t, 1+releasesAgain, b.nodes[2].Ran(scripts.Mutex().Release))
		b.back(0)
		b.unlock(x)
		b.back(1)
	})
}

// A release that finds nothing after one whose answer was lost proves no loss.
func TestReleaseThatMayHaveRunIsInDoubt(t *testing.T) {
	for _, waits := range []time.Duration{0, time.Second} {
		bubble(t, 3, func(b *bench) {
			x := b.object(nil)
			b.lockAll(x)
			for _, node := range b.nodes {
				node.Lose = once("mutex_release")
			}
			b.unlockInDoubt(x)
			synctest.Wait() // for the third node's answer to be lost, too
			time.Sleep(waits)
			err, lost := x.unlock(background)
			require.ErrorIs(t, err, errDoubtful)
			require.NotErrorIs(t, err, ErrLockAlreadyExpired)
			require.False(t, lost)
			_, err = x.Unlock(background)
			require.ErrorIs(t, err, errNotHeld, "there is nothing more to know")
		})
	}
}

// A try that has failed is still under way to a node: until it has come back, and what it
// may have left was released, the node gets no other try of the same value.
func TestValueIsNotUsedWhileATryIsUnderWay(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x, node := b.object(func(c *Config) { sameValue(c); c.Unlimited = true }), b.nodes[0]
		slow, lost := once("mutex_acquire"), once("mutex_acquire")
		node.Before = func(call *driver.Call) time.Duration {
			if slow(call) {
				return 600 * ms
			}
			return 0
		}
		node.Fault = func(call *driver.Call) error {
			if lost(call) {
				return fakenode.ErrLostReply
			}
			return nil
		}
		require.ErrorIs(t, x.TryLock(background), errNoAnswer)
		require.ErrorIs(t, x.TryLock(background), errUnsettled)
		b.lock(x)
		b.stays(x)
	})
}

// Of two releases that are under way the second is answered, and the answer to the first
// is lost after that: the value is kept away from the node for a while, and not for ever.
func TestValueIsFreeAfterTheLossOfAnEarlierRelease(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x, node := b.object(sameValue), b.nodes[0]
		b.lock(x)
		slow, lost := once("mutex_release"), once("mutex_release")
		node.Set(func() {
			node.After = func(call *driver.Call) time.Duration {
				if slow(call) {
					return 200 * ms
				}
				return 0
			}
		})
		ctx, cancel := context.WithTimeout(background, 10*ms)
		defer cancel()
		_, err := x.Unlock(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		node.Set(func() { node.After = nil })
		_, _ = x.Unlock(background)
		node.Set(func() { node.Lose = lost }) // of the first, whose answer is on its way
		time.Sleep(2 * time.Second)
		require.NoError(t, x.TryLock(background))
		b.unlock(x)
	})
}
