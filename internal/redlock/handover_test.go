package redlock

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

// next locks in the background, behind whoever has the object's place.
func (b *bench) next(ctx context.Context, x *Exclusive) <-chan error {
	got := make(chan error, 1)
	go func() { got <- x.Lock(ctx) }()
	synctest.Wait()
	return got
}

func TestHandoverTakesOneRoundTrip(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		hearing(t, n, func(b *bench) {
			x := b.object(nil)
			b.lockAll(x)
			first := x.Value()
			got := b.next(context.Background(), x)
			start := time.Now()
			b.unlock(x)
			require.NoError(t, <-got)
			require.Equal(t, start.Add(ms), time.Now())
			require.NotEqual(t, first, x.Value(), "a token of its own")
			require.Equal(t, start.Add(x.spec.lifetime()), x.Until(), "a full expiry from the hand-over on")
			for _, token := range b.holders() {
				require.Equal(t, x.Value(), token)
			}
			for _, node := range b.nodes {
				require.Equal(t, []string{"mutex_acquire", "mutex_handover"}, node.history())
			}
			b.unlock(x)
			b.nothingWaits()
		})
	}
}

// After so many in a row the lock is free for as long as a request takes.
func TestHandoversLeaveGaps(t *testing.T) {
	hearing(t, 1, func(b *bench) {
		x := b.object(func(c *Config) { c.Unlimited = true })
		const goroutines = 3 * (mostHandovers + 1)
		done := make(chan struct{})
		for range goroutines {
			go func() {
				require.NoError(t, x.Lock(context.Background()))
				time.Sleep(ms)
				b.unlock(x)
				done <- struct{}{}
			}()
		}
		for range goroutines {
			<-done
		}
		require.Equal(t, 3, b.nodes[0].ran(scripts.MutexAcquire))
		require.Equal(t, 3*mostHandovers, b.nodes[0].ran(scripts.MutexHandover))
		require.Equal(t, 3, b.nodes[0].ran(scripts.MutexRelease))
		b.nothingWaits()
	})
}

// Those of another process get their turn: after a chain the first in line is told,
// and this process's next goroutine is a newcomer.
func TestChainGivesWayToAnotherProcess(t *testing.T) {
	for _, n := range []int{1, 3} {
		hearing(t, n, func(b *bench) {
			x, other := b.client(nil), b.client(nil)
			b.lock(x)
			theirs := b.lockLater(other)
			chain, stop := 0, false
			done := make(chan struct{})
			for range 30 {
				go func() {
					require.NoError(t, x.Lock(context.Background()))
					if !stop {
						chain++
					}
					b.unlock(x)
					done <- struct{}{}
				}()
			}
			go func() {
				<-theirs
				stop = true
				b.unlock(other)
				done <- struct{}{}
			}()
			synctest.Wait()
			b.unlock(x)
			for range 31 {
				<-done
			}
			require.Equal(t, mostHandovers, chain)
			b.nothingWaits()
		})
	}
}

// A node that did not take part still has the old token, which is released.
func TestHandoverWithoutAMinority(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		b.nodes[2].set(func() {
			b.nodes[2].fault = func(call *driver.Call) error {
				if call.Script() == scripts.MutexHandover {
					return errLostReply
				}
				return nil
			}
		})
		got := b.next(context.Background(), x)
		b.unlock(x)
		require.NoError(t, <-got)
		time.Sleep(10 * ms)
		require.Equal(t, []string{x.Value(), x.Value(), ""}, b.holders())
		b.unlock(x)
		b.nothingWaits()
	})
}

// A hand-over whose replies are lost has taken place or not: both tokens are
// released, the next one tries by itself, and Unlock counts the nodes that told.
func TestHandoverInDoubtReleasesBoth(t *testing.T) {
	for name, lost := range map[string]int{"majority lost": 2, "all lost": 3} {
		t.Run(name, func(t *testing.T) {
			hearing(t, 3, func(b *bench) {
				x := b.object(nil)
				b.lockAll(x)
				for _, node := range b.nodes[:lost] {
					node.set(func() {
						node.lose = func(call *driver.Call) bool { return call.Script() == scripts.MutexHandover }
					})
				}
				got := b.next(context.Background(), x)
				_, err := x.Unlock(context.Background())
				require.Error(t, err, "too few nodes can tell that they had it until now")
				require.NotErrorIs(t, err, ErrLockAlreadyExpired)
				require.NoError(t, <-got)
				time.Sleep(10 * ms)
				require.Equal(t, []string{x.Value(), x.Value(), x.Value()}, b.holders())
				b.unlock(x)
				b.nothingWaits()
			})
		})
	}
}

// Two nodes refuse to take part, one has handed over: the first round is lost, and
// the release counts all three.
func TestUnlockAfterAFailedHandoverCountsWhatItDid(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		for _, node := range b.nodes[:2] {
			node.set(func() {
				first := once("mutex_handover")
				node.fault = func(call *driver.Call) error {
					if first(call) {
						return &driver.ReplyError{Err: errLostReply}
					}
					return nil
				}
			})
		}
		b.nodes[1].set(func() {
			b.nodes[1].before = only("mutex_release", time.Hour) // so that its vote is needed
			b.nodes[1].careful = true
		})
		got := b.next(context.Background(), x)
		ok, err := x.Unlock(context.Background())
		require.NoError(t, err)
		require.True(t, ok, "node 0 by the release, node 2 by the hand-over")
		require.NoError(t, <-got)
		b.nodes[1].set(func() { b.nodes[1].before = nil })
		b.unlock(x)
		b.nothingWaits()
	})
}

func TestLostHoldIsNotHandedOver(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		for _, node := range b.nodes {
			node.put("name", "theirs", time.Second)
		}
		got := b.next(context.Background(), x)
		_, err := x.Unlock(context.Background())
		var taken *ErrTaken
		require.ErrorAs(t, err, &taken)
		require.Equal(t, []string{"theirs", "theirs", "theirs"}, b.holders())
		require.NoError(t, <-got, "when theirs has expired")
		b.unlock(x)
		b.nothingWaits()
	})
}

func TestExpiredHoldIsNotHandedOver(t *testing.T) {
	hearing(t, 1, func(b *bench) {
		x := b.object(func(c *Config) { c.Expiry, c.Unlimited = time.Second, true })
		b.lockAll(x)
		got := b.next(context.Background(), x)
		time.Sleep(995 * ms) // the node still has it
		b.unlock(x)          // so the node's word is that nobody else can have had it
		require.NoError(t, <-got)
		require.Zero(t, b.nodes[0].ran(scripts.MutexHandover))
		b.unlock(x)
		b.nothingWaits()
	})
}

// A value of the user's own may be somebody else's too.
func TestUsersValueIsNotHandedOver(t *testing.T) {
	hearing(t, 1, func(b *bench) {
		x := b.object(func(c *Config) { c.SetGenValue(func() (string, error) { return "mine", nil }) })
		b.lockAll(x)
		got := b.next(context.Background(), x)
		b.unlock(x)
		require.NoError(t, <-got)
		require.Zero(t, b.nodes[0].ran(scripts.MutexHandover))
		b.unlock(x)
		b.nothingWaits()
	})
}

// Whoever gives up while the lock is being passed on to it passes it on in turn,
// or releases it if nobody is there.
func TestGivingUpWhileBeingHandedTheLock(t *testing.T) {
	for name, others := range map[string]int{"nobody else": 0, "another one": 1} {
		t.Run(name, func(t *testing.T) {
			for after := range 20 { // from long before to after the hand-over's end
				hearing(t, 3, func(b *bench) {
					x := b.object(nil)
					b.lockAll(x)
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(after+1)*ms/10)
					defer cancel()
					got := b.next(ctx, x)
					var next <-chan error
					if others > 0 {
						next = b.next(context.Background(), x)
					}
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
		})
	}
}

// An Unlock whose ctx ends while it hands over has released all the same.
func TestUnlockEndsWhileHandingOver(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		got := b.next(context.Background(), x)
		ctx, cancel := context.WithTimeout(context.Background(), ms/4)
		defer cancel()
		_, err := x.Unlock(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, <-got)
		b.unlock(x)
		b.nothingWaits()
	})
}

// A grant of the old token that comes in after the hand-over is released.
func TestLateGrantOfAHandedToken(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		late := once("mutex_acquire")
		b.nodes[2].before = func(call *driver.Call) time.Duration {
			if late(call) {
				return 50 * ms
			}
			return ms / 2
		}
		x := b.object(nil)
		b.lock(x)
		got := b.next(context.Background(), x)
		b.unlock(x)
		require.NoError(t, <-got)
		time.Sleep(100 * ms)
		require.Equal(t, []string{x.Value(), x.Value(), ""}, b.holders())
		b.unlock(x)
		b.nothingWaits()
	})
}

// Where the hand-over is still under way the old token is not released before it: it
// would have nothing to pass on.
func TestHandoverThatIsUnderWayIsNotOvertaken(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		b.nodes[2].set(func() { b.nodes[2].before = only("mutex_handover", 50*ms) })
		got := b.next(background, x)
		b.unlock(x)
		require.NoError(t, <-got)
		time.Sleep(100 * ms)
		require.Equal(t, []string{x.Value(), x.Value(), x.Value()}, b.holders())
		require.Zero(t, b.nodes[2].ran(scripts.MutexRelease))
		b.unlock(x)
		b.nothingWaits()
	})
}

// A node that has passed the lock on before the others refused had it until then.
func TestUnlockCountsANodeThatHasPassedTheLockOn(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		for _, i := range []int{0, 1} {
			b.failing(scripts.MutexHandover, &driver.ReplyError{Err: errAway}, i)
			b.nodes[i].set(func() { b.nodes[i].before = only("mutex_handover", 5*ms) })
		}
		b.nodes[1].set(func() { b.nodes[1].lose = once("mutex_release") })
		got := b.next(background, x)
		b.unlock(x) // by node 0's release, and node 2's hand-over
		require.NoError(t, <-got)
		b.back(0, 1)
		b.unlock(x)
		b.nothingWaits()
	})
}
