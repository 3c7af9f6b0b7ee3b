package redlock

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// taken is what a call of Acquire came back with.
type taken struct {
	*Permit
	err error
	at  time.Time
}

// patient makes an object whose calls wait for as long as it takes, with a retry delay
// that no test waits for.
func (b *bench) patient(limit int) *Slots {
	return b.slots(limit, func(c *Config) {
		c.Unlimited = true
		c.SetRetryDelay(time.Hour)
	})
}

// process is the same, in a process of its own.
func (b *bench) process(limit int) *Slots {
	return b.elsewhere().patient(limit)
}

// takeLater acquires in the background, behind those who do already, and returns when
// it waits.
func (b *bench) takeLater(ctx context.Context, x *Slots, n int) <-chan taken {
	got := make(chan taken, 1)
	go func() {
		p, err := x.Acquire(ctx, n)
		got <- taken{p, err, time.Now()}
	}()
	time.Sleep(20 * ms)
	return got
}

func (b *bench) got(from <-chan taken) *Permit {
	b.Helper()
	got := <-from
	require.NoError(b, got.err)
	return got.Permit
}

// noneWaits checks that no ticket, subscription or permit is left.
func (b *bench) noneWaits() {
	b.Helper()
	time.Sleep(time.Second)
	for i, n := range b.nodes {
		require.Zero(b, n.Waiting(), "node %d", i)
		require.Zero(b, n.Subscriptions(), "node %d", i)
		n.Set(func() {
			for token, p := range n.Permits {
				require.False(b, time.Now().Before(p.Ends), "node %d: %s has %v", i, token, p.Slots)
			}
		})
	}
}

func TestPermitPassesOnWithoutARequest(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		notifying(t, n, func(b *bench) {
			x := b.patient(3)
			one := b.take(x, 1)
			three := b.takeLater(background, x, 3) // refused, and so the first in the queue
			one2 := b.takeLater(background, x, 3)
			b.giveBack(one)
			p := b.got(three)
			time.Sleep(2 * ms) // the next one is refused, and stands in line
			asked := len(b.nodes[0].History())
			start, until := time.Now(), p.Until()
			b.giveBack(p)
			got := <-one2
			require.NoError(t, got.err)
			require.Equal(t, start, got.at)
			require.Equal(t, until, got.Until())
			require.Equal(t, []int{0, 1, 2}, got.Slots())
			require.Equal(t, p.token, got.token)
			require.Len(t, b.nodes[0].History(), asked)
			ok, err := got.Extend(background)
			require.True(t, ok, err)
			b.giveBack(got.Permit)
			b.noneWaits()
		})
	}
}

// After a tenure a permit is released, and the first in line is notified: it may be of another
// process.
func TestPermitsGiveWayToAnotherProcess(t *testing.T) {
	for _, n := range []int{1, 3} {
		notifying(t, n, func(b *bench) {
			x, other := b.patient(1), b.process(1)
			p := b.take(x, 1)
			theirs := b.takeLater(background, other, 1)
			mine := b.takeLater(background, x, 1)
			b.giveBack(p)
			q := b.got(theirs)
			require.Empty(t, mine)
			b.giveBack(q)
			b.giveBack(b.got(mine))
			b.noneWaits()
		})
	}
}

// A permit that is given back at once, before the goroutine behind has run, is passed
// on to it all the same; and several at a time to as many.
func TestPermitsInATightLoop(t *testing.T) {
	for _, limit := range []int{1, 4} {
		for _, n := range []int{1, 3} {
			notifying(t, n, func(b *bench) {
				x := b.patient(limit)
				const goroutines, rounds = 16, 20
				done := make(chan struct{})
				for range goroutines {
					go func() {
						for range rounds {
							p, err := x.Acquire(context.Background(), 1)
							require.NoError(t, err)
							b.giveBack(p)
						}
						done <- struct{}{}
					}()
				}
				for range goroutines {
					<-done
				}
				calls := len(b.nodes[0].History())
				require.Less(t, calls, goroutines*rounds/2)
				b.noneWaits()
			})
		}
	}
}

// One that asks for another number is not passed by those behind it.
func TestWaiterThatAPermitDoesNotServeIsNotPassed(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		x := b.patient(2)
		one, another := b.take(x, 1), b.take(x, 1)
		large := b.takeLater(background, x, 2)
		small := b.takeLater(background, x, 1)
		b.giveBack(one)
		time.Sleep(20 * ms)
		require.Empty(t, small)
		b.giveBack(another)
		b.giveBack(b.got(large))
		b.giveBack(b.got(small))
		b.noneWaits()
	})
}

// One that gives up while it is being served passes that on to the next, or it is
// released if none is there.
func TestGivingUpWhileBeingServed(t *testing.T) {
	for name, others := range map[string]int{"nobody else": 0, "another one": 1, "two more": 2} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 3} {
				for after := range 24 { // from long before to after it was served
					notifying(t, n, func(b *bench) {
						x := b.patient(1)
						p := b.take(x, 1)
						ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+others)*20*ms+time.Duration(after+1)*ms/10)
						defer cancel()
						first := b.takeLater(ctx, x, 1)
						var rest []<-chan taken
						for range others {
							rest = append(rest, b.takeLater(context.Background(), x, 1))
						}
						start := time.Now()
						b.giveBack(p)
						if got := <-first; got.err == nil {
							b.giveBack(got.Permit)
						} else {
							require.ErrorIs(t, got.err, context.DeadlineExceeded)
						}
						for _, next := range rest {
							b.giveBack(b.got(next))
						}
						time.Sleep(20 * ms) // what was not taken is released in the background
						p, err := x.TryAcquire(context.Background(), 1)
						require.NoError(t, err)
						b.giveBack(p)
						require.Less(t, time.Since(start), 100*ms, "none waits for the end of what was served in vain")
						b.noneWaits()
					})
				}
			}
		})
	}
}

// One that has only its last try left gets it when it is the first, after one that was
// served; and its ticket is withdrawn.
func TestALastTryBehindOneThatWasServed(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		x := b.slots(1, func(c *Config) { c.Tries = 2; c.SetRetryDelay(100 * ms) })
		p := b.take(x, 1)
		first := b.takeLater(context.Background(), x, 1)
		second := b.takeLater(context.Background(), x, 1)
		time.Sleep(60 * ms)
		b.giveBack(p)
		p = b.got(first)
		got := <-second
		require.ErrorIs(t, got.err, ErrFailed)
		b.giveBack(p)
		b.noneWaits()
	})
}

// What was served in the very moment in which its taker gave up goes to the next one, or
// is released if none is there.
func TestServedAndGoneAtOnce(t *testing.T) {
	for _, others := range []int{0, 1} {
		notifying(t, 3, func(b *bench) {
			x := b.patient(1)
			held := b.take(x, 1).lease
			first, _ := x.queue.join(1)
			x.queue.sit(first)
			var next <-chan taken
			if others > 0 {
				next = b.takeLater(context.Background(), x, 1)
			}
			require.Nil(t, x.queue.pass(1, held))
			(&taking{Slots: x, claimant: first, n: 1}).giveUp()
			if others > 0 {
				p := b.got(next)
				require.True(t, held == p.lease)
				b.giveBack(p)
			}
			time.Sleep(20 * ms)
			p, err := x.TryAcquire(context.Background(), 1)
			require.NoError(t, err)
			b.giveBack(p)
			b.noneWaits()
		})
	}
}

// A release that was not answered is not followed by passing on: the first answer is
// the last word.
func TestReleasedPermitDoesNotPassOn(t *testing.T) {
	for _, n := range []int{1, 3} {
		notifying(t, n, func(b *bench) {
			x := b.slots(1, func(c *Config) {
				c.Unlimited, c.Expiry = true, time.Hour
				c.SetRetryDelay(time.Hour)
			})
			p := b.take(x, 1)
			for i := range b.nodes { // run, and not answered
				first := once("semaphore_release")
				b.nodes[i].Set(func() { b.nodes[i].Lose = first })
			}
			_, err := p.Release(background)
			require.ErrorIs(t, err, errRelease)
			b.nodes[0].Set(func() {
				for _, node := range b.nodes {
					clear(node.Permits)
				}
			})
			other := b.take(x, 1)
			next := b.takeLater(context.Background(), x, 1)
			_, err = p.Release(background)
			require.ErrorIs(t, err, errDoubtful)
			require.NotErrorIs(t, err, ErrLockAlreadyExpired)
			_, err = p.Release(background)
			require.ErrorIs(t, err, ErrLockAlreadyExpired, "that was the last word")
			for i := range p.lease.stakes {
				require.Zero(t, p.lease.stakes[i].pending)
			}
			b.giveBack(other)
			b.giveBack(b.got(next))
			b.noneWaits()
		})
	}
}

// A permit that was passed on is not released, extended or lost for the one that had it.
func TestPassedPermitIsAnothers(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		x := b.patient(1)
		p := b.take(x, 1)
		first, second := b.takeLater(background, x, 1), b.takeLater(background, x, 1)
		b.giveBack(p)
		p = b.got(first)
		time.Sleep(2 * ms) // the next one is refused, and stands in line
		lost := p.Lost()
		b.giveBack(p)
		got := b.got(second)
		require.Equal(t, p.token, got.token)
		for range 2 {
			ok, err := p.Release(background)
			require.False(t, ok)
			require.ErrorIs(t, err, ErrLockAlreadyExpired)
			ok, err = p.Extend(background)
			require.False(t, ok)
			require.ErrorIs(t, err, ErrLockAlreadyExpired)
		}
		require.False(t, isLost(lost))
		require.True(t, isLost(p.Lost()))
		require.False(t, isLost(got.Lost()))
		b.giveBack(got)
		b.noneWaits()
	})
}

// A token that was handed out is released.
func TestKnownPermitDoesNotPassOn(t *testing.T) {
	notifying(t, 1, func(b *bench) {
		x := b.patient(1)
		p := b.take(x, 1)
		first, second := b.takeLater(background, x, 1), b.takeLater(background, x, 1)
		b.giveBack(p)
		p = b.got(first)
		time.Sleep(2 * ms) // the next one is refused, and stands in line
		value := p.Value()
		b.giveBack(p)
		got := b.got(second)
		require.NotEqual(t, value, got.Value())
		b.giveBack(got)
		b.noneWaits()
	})
}
