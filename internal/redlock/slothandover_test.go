package redlock

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
	"github.com/holdfast-go/holdfast/scripts"
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

// tokensHaving are those that have slots on the nodes, once everything has settled.
func (b *bench) tokensHaving(slots string) []string {
	synctest.Wait()
	tokens := make([]string, len(b.nodes))
	for i, n := range b.nodes {
		n.mu.Lock()
		for token, p := range n.permits {
			if slotset.Format(p.slots) == slots && time.Now().Before(p.ends) {
				tokens[i] = token
			}
		}
		n.mu.Unlock()
	}
	return tokens
}

func (b *bench) handovers() int { return b.nodes[0].ran(scripts.SemaphoreHandover) }

// noneWaits checks that no place, subscription or permit is left.
func (b *bench) noneWaits() {
	b.Helper()
	time.Sleep(time.Second)
	for i, n := range b.nodes {
		require.Zero(b, n.places(), "node %d", i)
		require.Zero(b, n.subscriptions(), "node %d", i)
		n.set(func() {
			for token, p := range n.permits {
				require.False(b, time.Now().Before(p.ends), "node %d: %s has %v", i, token, p.slots)
			}
		})
	}
}

func TestPermitHandoverTakesOneRoundTrip(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		hearing(t, n, func(b *bench) {
			x := b.patient(3)
			one, two := b.take(x, 1), b.take(x, 2)
			next := b.takeLater(context.Background(), x, 2)
			start := time.Now()
			b.giveBack(two)
			got := <-next
			require.NoError(t, got.err)
			require.Equal(t, start.Add(ms), got.at)
			require.Equal(t, []int{1, 2}, got.Slots(), "the very slots")
			require.NotEqual(t, two.Value(), got.Value(), "a token of its own")
			require.Equal(t, start.Add(x.spec.lifetime()), got.Until(), "a full expiry from the hand-over on")
			for i, token := range b.tokensHaving("1-2") {
				require.Equal(t, got.Value(), token, "node %d", i)
			}
			require.Equal(t, 1, b.handovers())
			require.Zero(t, b.nodes[0].ran(scripts.SemaphoreRelease))
			ok, err := got.Extend(context.Background())
			require.True(t, ok, err)
			b.giveBack(one)
			b.giveBack(got.Permit)
			b.noneWaits()
		})
	}
}

// Whoever is behind one that was served takes over its place on the nodes: it sends
// nothing itself.
func TestThoseBehindTakeThePlaceOver(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.patient(1)
		p := b.take(x, 1)
		var waiting []<-chan taken
		for range mostHandovers {
			waiting = append(waiting, b.takeLater(context.Background(), x, 1))
		}
		tries := b.nodes[0].ran(scripts.SemaphoreAcquire)
		for _, next := range waiting {
			b.giveBack(p)
			p = b.got(next)
		}
		require.Equal(t, mostHandovers, b.handovers())
		require.Equal(t, tries, b.nodes[0].ran(scripts.SemaphoreAcquire))
		require.Zero(t, b.nodes[0].ran(scripts.SemaphoreWithdraw))
		time.Sleep(10 * ms)
		require.Equal(t, 1, b.nodes[0].ran(scripts.SemaphoreWithdraw), "nobody is behind any more")
		b.giveBack(p)
		b.noneWaits()
	})
}

// A permit that is given back at once, before the goroutine behind has run, is passed
// on to it all the same; and several at a time to as many.
func TestHandoversInATightLoop(t *testing.T) {
	for _, limit := range []int{1, 4} {
		for _, n := range []int{1, 3} {
			hearing(t, n, func(b *bench) {
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
				calls := len(b.nodes[0].history())
				t.Logf("limit %d, %d nodes: %.2f requests a section, %d of %d handed over", limit, n,
					float64(calls)/(goroutines*rounds), b.handovers(), goroutines*rounds)
				require.Greater(t, b.handovers(), goroutines*rounds/2)
				b.noneWaits()
			})
		}
	}
}

// After so many in a row a permit is free, for those of another process: the first in
// line is told.
func TestPermitsGiveWayToAnotherProcess(t *testing.T) {
	for _, n := range []int{1, 3} {
		hearing(t, n, func(b *bench) {
			x, other := b.patient(1), b.process(1)
			p := b.take(x, 1)
			theirs := b.takeLater(context.Background(), other, 1)
			var waiting []<-chan taken
			for range 3 * mostHandovers {
				waiting = append(waiting, b.takeLater(context.Background(), x, 1))
			}
			for i := range mostHandovers {
				b.giveBack(p)
				p = b.got(waiting[i])
			}
			require.Empty(t, theirs)
			b.giveBack(p)
			q := b.got(theirs)
			require.Equal(t, mostHandovers, b.handovers())
			b.giveBack(q)
			for _, next := range waiting[mostHandovers:] {
				b.giveBack(b.got(next))
			}
			b.noneWaits()
		})
	}
}

// Two processes with a crowd each take turns of a chain, whoever was there first.
func TestTwoCrowdsTakeTurns(t *testing.T) {
	for _, n := range []int{1, 3} {
		hearing(t, n, func(b *bench) {
			const goroutines, sections = 4, 400
			order := make(chan int, sections)
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			done := make(chan struct{})
			for i, x := range []*Slots{b.patient(1), b.process(1)} {
				for range goroutines {
					go func() {
						defer func() { done <- struct{}{} }()
						for ctx.Err() == nil {
							p, err := x.Acquire(ctx, 1)
							if err != nil {
								return
							}
							time.Sleep(5 * ms)
							select {
							case order <- i:
							default:
								stop()
							}
							b.giveBack(p)
						}
					}()
				}
			}
			for range 2 * goroutines {
				<-done
			}
			longest, run, last := 0, 0, -1
			for range sections {
				if i := <-order; i != last {
					run, last = 0, i
				}
				run++
				longest = max(longest, run)
			}
			require.LessOrEqual(t, longest, 2*(mostHandovers+1), "sections in a row by one process")
			b.noneWaits()
		})
	}
}

// One that asks for another number, or asks the nodes at that moment, is not passed by
// those behind it.
func TestWhomAPermitDoesNotServeIsNotPassed(t *testing.T) {
	hearing(t, 1, func(b *bench) {
		x := b.patient(2)
		one, another := b.take(x, 1), b.take(x, 1)
		large := b.takeLater(context.Background(), x, 2)
		small := b.takeLater(context.Background(), x, 1)
		b.giveBack(one)
		time.Sleep(20 * ms)
		require.Empty(t, small)
		require.Zero(t, b.handovers())
		b.giveBack(another)
		b.giveBack(b.got(large))
		b.giveBack(b.got(small))
		b.noneWaits()
	})
}

// Another process with a larger limit occupies slots from this one's limit on.
func TestNothingIsPassedOnAboveASmallerLimit(t *testing.T) {
	for _, n := range []int{1, 3} {
		hearing(t, n, func(b *bench) {
			large, small := b.process(4), b.patient(2)
			mine := b.take(small, 1)
			theirs := []*Permit{b.take(large, 1), b.take(large, 1), b.take(large, 1)}
			next := b.takeLater(context.Background(), small, 1)
			b.giveBack(mine)
			time.Sleep(20 * ms)
			require.Empty(t, next, "three are held, and two are the limit")
			require.Equal(t, 1, b.handovers(), "the nodes have refused")
			b.giveBack(theirs[0])
			b.giveBack(theirs[1])
			b.giveBack(b.got(next))
			b.giveBack(theirs[2])
			b.noneWaits()
		})
	}
}

// A node that did not take part, or had given other slots, still has the old token:
// that is released.
func TestPermitHandoverWithoutAMinority(t *testing.T) {
	for name, fault := range map[string]func(b *bench, p *Permit){
		"it can not be reached": func(b *bench, _ *Permit) {
			b.nodes[2].set(func() {
				b.nodes[2].fault = func(call *driver.Call) error {
					if call.Script() == scripts.SemaphoreHandover {
						return errLostReply
					}
					return nil
				}
			})
		},
		"it has given others": func(b *bench, p *Permit) {
			b.nodes[2].set(func() {
				clear(b.nodes[2].permits)
				b.nodes[2].permits[p.Value()] = fakePermit{[]int{0}, p.Until()}
			})
		},
		"it has forgotten": func(b *bench, _ *Permit) { b.nodes[2].set(func() { clear(b.nodes[2].permits) }) },
	} {
		t.Run(name, func(t *testing.T) {
			hearing(t, 3, func(b *bench) {
				x := b.patient(2)
				stay, p := b.take(x, 1), b.take(x, 1)
				next := b.takeLater(context.Background(), x, 1)
				fault(b, p)
				b.giveBack(p)
				got := b.got(next)
				time.Sleep(50 * ms)
				require.Equal(t, []string{got.Value(), got.Value(), ""}, b.tokensHaving("1"))
				b.nodes[2].set(func() { require.NotContains(t, b.nodes[2].permits, p.Value()) })
				ok, err := got.Extend(context.Background())
				require.True(t, ok, err)
				b.giveBack(got)
				_, _ = stay.Release(context.Background())
				b.noneWaits()
			})
		})
	}
}

// A hand-over whose replies are lost has taken place or not: both tokens are released,
// the one that waits asks for itself, and Release counts the nodes that told.
func TestPermitHandoverInDoubtReleasesBoth(t *testing.T) {
	for name, lost := range map[string]int{"majority lost": 2, "all lost": 3} {
		t.Run(name, func(t *testing.T) {
			hearing(t, 3, func(b *bench) {
				x := b.patient(1)
				p := b.take(x, 1)
				next := b.takeLater(context.Background(), x, 1)
				for _, node := range b.nodes[:lost] {
					node.set(func() {
						node.lose = func(call *driver.Call) bool { return call.Script() == scripts.SemaphoreHandover }
					})
				}
				_, err := p.Release(context.Background())
				require.Error(t, err, "too few nodes can tell that they had it until now")
				require.NotErrorIs(t, err, ErrLockAlreadyExpired)
				got := b.got(next)
				time.Sleep(50 * ms)
				require.Equal(t, []string{got.Value(), got.Value(), got.Value()}, b.tokensHaving("0"))
				b.giveBack(got)
				b.noneWaits()
			})
		})
	}
}

// Two nodes are slow: the hand-over runs there when its callers have given up and both
// tokens were released by the others.
func TestLatePermitHandover(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.patient(1)
		p := b.take(x, 1)
		next := b.takeLater(context.Background(), x, 1)
		for _, node := range b.nodes[:2] {
			node.set(func() {
				var ran atomic.Bool
				node.before = func(call *driver.Call) time.Duration {
					if call.Script() == scripts.SemaphoreHandover && ran.CompareAndSwap(false, true) {
						return x.spec.bound + 50*ms
					}
					return ms / 2
				}
			})
		}
		b.giveBack(p) // which waits for them, and learns that they had it until then
		got := b.got(next)
		time.Sleep(x.spec.bound)
		require.Equal(t, got.Value(), b.tokensHaving("0")[2])
		for i, token := range b.tokensHaving("0") {
			require.Contains(t, []string{got.Value(), ""}, token, "node %d", i)
		}
		b.giveBack(got)
		b.noneWaits()
	})
}

func TestLostPermitIsNotHandedOver(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.patient(1)
		p := b.take(x, 1)
		next := b.takeLater(context.Background(), x, 1)
		for _, node := range b.nodes {
			node.set(func() {
				clear(node.permits)
				node.permits["theirs"] = fakePermit{[]int{0}, time.Now().Add(time.Second)}
			})
		}
		_, err := p.Release(context.Background())
		require.Error(t, err)
		require.Empty(t, next)
		for _, node := range b.nodes {
			node.set(func() { require.Len(t, node.permits, 1); delete(node.permits, "theirs") })
		}
		waker := b.process(1)
		b.nodes[0].set(func() { b.nodes[0].wake(b.keyOf(x), "", b.nodes[0].servesThose()) })
		b.nodes[1].set(func() { b.nodes[1].wake(b.keyOf(x), "", b.nodes[1].servesThose()) })
		b.giveBack(b.got(next))
		b.giveBack(b.take(waker, 1))
		b.noneWaits()
	})
}

func (b *bench) keyOf(x *Slots) string { return x.spec.keys[0].(string) }

func TestExpiredPermitIsNotHandedOver(t *testing.T) {
	hearing(t, 1, func(b *bench) {
		x := b.slots(1, func(c *Config) { c.Expiry, c.Unlimited = time.Second, true })
		p := b.take(x, 1)
		next := b.takeLater(context.Background(), x, 1)
		time.Sleep(995*ms - 20*ms) // the node still has it
		b.giveBack(p)
		q := b.got(next)
		require.Zero(t, b.handovers())
		b.giveBack(q)
		b.noneWaits()
	})
}

func TestPermitsOfAUsersValueAreNotHandedOver(t *testing.T) {
	hearing(t, 1, func(b *bench) {
		x := b.slots(1, func(c *Config) { c.SetGenValue(func() (string, error) { return "mine", nil }) })
		p := b.take(x, 1)
		next := b.takeLater(context.Background(), x, 1)
		b.giveBack(p)
		b.giveBack(b.got(next))
		require.Zero(t, b.handovers())
		b.noneWaits()
	})
}

// What was handed over is the next one's: a second Release of the old permit is
// refused, and takes nothing away.
func TestHandedPermitIsReleasedOnce(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.patient(1)
		p := b.take(x, 1)
		next := b.takeLater(context.Background(), x, 1)
		again := make(chan error, 1)
		go func() {
			time.Sleep(ms / 4) // while the hand-over is under way
			_, err := p.Release(context.Background())
			again <- err
		}()
		b.giveBack(p)
		require.ErrorIs(t, <-again, ErrLockAlreadyExpired)
		got := b.got(next)
		for range 2 {
			ok, err := p.Release(context.Background())
			require.False(t, ok)
			require.ErrorIs(t, err, ErrLockAlreadyExpired)
			ok, err = p.Extend(context.Background())
			require.False(t, ok)
			require.ErrorIs(t, err, ErrLockAlreadyExpired)
		}
		time.Sleep(50 * ms)
		require.Equal(t, []string{got.Value(), got.Value(), got.Value()}, b.tokensHaving("0"))
		b.giveBack(got)
		b.noneWaits()
	})
}

// Whoever gives up while it is being served passes that on to the next, or it is
// released if nobody is there.
func TestGivingUpWhileBeingServed(t *testing.T) {
	for name, others := range map[string]int{"nobody else": 0, "another one": 1, "two more": 2} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 3} {
				for after := range 24 { // from long before to after the hand-over's end
					hearing(t, n, func(b *bench) {
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
						time.Sleep(20 * ms) // what nobody took is released in the background
						p, err := x.TryAcquire(context.Background(), 1)
						require.NoError(t, err)
						b.giveBack(p)
						require.Less(t, time.Since(start), 100*ms, "nobody waits for the end of what was served in vain")
						b.noneWaits()
					})
				}
			}
		})
	}
}

// A Release whose ctx ends while it hands over has released all the same.
func TestReleaseEndsWhileHandingOver(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.patient(1)
		p := b.take(x, 1)
		next := b.takeLater(context.Background(), x, 1)
		ctx, cancel := context.WithTimeout(context.Background(), ms/4)
		defer cancel()
		_, err := p.Release(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		b.giveBack(b.got(next))
		b.noneWaits()
	})
}

// The first one's retry delay ends while it is being served: it waits for that, and
// does not ask for more.
func TestRetryDelayEndsWhileBeingServed(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.slots(2, func(c *Config) { c.SetRetryDelay(100 * ms) })
		p, q := b.take(x, 1), b.take(x, 1)
		next := b.takeLater(context.Background(), x, 1) // asks again after 101ms
		time.Sleep(80*ms + ms/2)
		tries := b.nodes[0].ran(scripts.SemaphoreAcquire)
		b.giveBack(p)
		got := b.got(next)
		require.Equal(t, 1, b.handovers())
		require.Equal(t, tries, b.nodes[0].ran(scripts.SemaphoreAcquire))
		b.giveBack(got)
		b.giveBack(q)
		b.noneWaits()
	})
}

// One that has only its last try left gets it when it is the first, after one that was
// served; and its place is withdrawn.
func TestALastTryBehindOneThatWasServed(t *testing.T) {
	hearing(t, 1, func(b *bench) {
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
// is released if nobody is there.
func TestServedAndGoneAtOnce(t *testing.T) {
	for _, others := range []int{0, 1} {
		hearing(t, 3, func(b *bench) {
			x := b.patient(1)
			held := b.take(x, 1).hold
			first, _ := x.queue.join(1)
			x.queue.sit(first)
			var next <-chan taken
			if others > 0 {
				next = b.takeLater(context.Background(), x, 1)
			}
			require.True(t, first == x.queue.claim(1))
			require.Nil(t, x.queue.serve(first, held))
			(&taking{Slots: x, asker: first, n: 1}).giveUp()
			if others > 0 {
				p := b.got(next)
				require.True(t, held == p.hold)
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

// A release that was not answered is not followed by a hand-over: the first answer is
// the last word.
func TestReleasedPermitIsNotHandedOver(t *testing.T) {
	for _, n := range []int{1, 3} {
		hearing(t, n, func(b *bench) {
			x := b.slots(1, func(c *Config) {
				c.Unlimited, c.Expiry = true, time.Hour
				c.SetRetryDelay(time.Hour)
			})
			p := b.take(x, 1)
			for i := range b.nodes { // run, and not answered
				first := once("semaphore_release")
				b.nodes[i].set(func() { b.nodes[i].lose = first })
			}
			_, err := p.Release(background)
			require.ErrorIs(t, err, errRelease)
			b.nodes[0].set(func() {
				for _, node := range b.nodes {
					clear(node.permits)
				}
			})
			other := b.take(x, 1)
			next := b.takeLater(context.Background(), x, 1)
			_, err = p.Release(background)
			require.ErrorIs(t, err, errDoubtful)
			require.NotErrorIs(t, err, ErrLockAlreadyExpired)
			_, err = p.Release(background)
			require.ErrorIs(t, err, ErrLockAlreadyExpired, "that was the last word")
			require.Zero(t, b.handovers())
			for i := range p.hold.stakes {
				require.Zero(t, p.hold.stakes[i].pending)
			}
			b.giveBack(other)
			b.giveBack(b.got(next))
			b.noneWaits()
		})
	}
}
