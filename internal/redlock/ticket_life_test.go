package redlock

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/scripts"
)

// waitingCall is one way to stand in line: what keeps the lock, the call that waits, and how
// long its ticket lasts on a node.
type waitingCall struct {
	held   func(*bench)
	lock   func(*bench, func(*Config)) func(context.Context) error
	ticket func(n *fakenode.Node) (ends time.Time)
}

func latest[K comparable](tickets map[K]time.Time) (ends time.Time) {
	for _, at := range tickets {
		ends = at
	}
	return ends
}

func inLineOf(n *fakenode.Node) (ends time.Time) {
	for _, line := range n.Lines {
		for _, p := range line {
			ends = p.Ends
		}
	}
	return ends
}

var waitingCalls = map[string]waitingCall{
	"mutex": {
		func(b *bench) {
			for _, n := range b.nodes {
				n.Put("name", "theirs", time.Hour)
			}
		},
		func(b *bench, change func(*Config)) func(context.Context) error { return b.object(change).Lock },
		inLineOf,
	},
	"writer": {
		func(b *bench) {
			b.set(func(l *fakenode.RW) { l.Readers["theirs"] = time.Now().Add(time.Hour) }, 0, 1, 2)
		},
		func(b *bench, change func(*Config)) func(context.Context) error { return b.rw(change).Writer.Lock },
		func(n *fakenode.Node) time.Time { return latest(n.RW(rwName).WaitingWriters.Tickets) },
	},
	"reader": {
		func(b *bench) {
			b.set(func(l *fakenode.RW) { l.Writer = fakenode.Key{Token: "theirs", Ends: time.Now().Add(time.Hour)} }, 0, 1, 2)
		},
		func(b *bench, change func(*Config)) func(context.Context) error { return b.rw(change).Reader.Lock },
		func(n *fakenode.Node) time.Time { return latest(n.RW(rwName).WaitingReaders.Tickets) },
	},
	"permits": {
		func(b *bench) {
			b.take(b.elsewhere().slots(1, func(c *Config) { c.Expiry = time.Hour }), 1)
		},
		func(b *bench, change func(*Config)) func(context.Context) error {
			x := b.slots(1, change)
			return func(ctx context.Context) error { _, err := x.Acquire(ctx, 1); return err }
		},
		inLineOf,
	},
}

// ticketsLeft are how long the tickets on the nodes last yet, once everything has settled.
func (b *bench) ticketsLeft(c waitingCall) (left []time.Duration) {
	for _, n := range b.nodes {
		n.Set(func() { left = append(left, time.Until(c.ticket(n))) })
	}
	return left
}

// A ticket lasts for a little longer than to the waiter's next look, whatever the expiry
// and the retry delay are, and never ends while that waits.
func TestTicketsOutliveTheirWaitersByTwoSeconds(t *testing.T) {
	for name, c := range waitingCalls {
		for _, expiry := range []time.Duration{time.Second, 2 * time.Minute, 24 * time.Hour} {
			for _, delay := range []time.Duration{ms, 100 * ms, 5 * time.Second, time.Hour} {
				for _, way := range []time.Duration{ms / 2, 600 * ms, 1100 * ms} {
					if slowest := time.Duration(float64(expiry) * DefaultTimeoutFactor); 2*way > slowest {
						continue
					}
					t.Run(name, func(t *testing.T) {
						bubble(t, 3, func(b *bench) {
							c.held(b)
							for _, n := range b.nodes {
								n.Set(func() { n.Before, n.After = always(way), always(way) })
							}
							ctx, cancel := context.WithCancel(background)
							waiting := begins(ctx, c.lock(b, func(c *Config) {
								c.Expiry, c.Unlimited = expiry, true
								c.SetRetryDelay(delay)
							}))
							time.Sleep(2*way + 10*ms)
							if 2*way > lookEvery {
								time.Sleep(5 * way) // it does not know yet how slow the answers are
							}
							for range 300 {
								for _, left := range b.ticketsLeft(c) {
									require.Positive(t, left, "expiry %v, delay %v, way %v", expiry, delay, way)
									require.LessOrEqual(t, left, 2*time.Second+4*way, "expiry %v, delay %v, way %v", expiry, delay, way)
								}
								time.Sleep(37 * ms)
							}
							cancel()
							require.ErrorIs(t, <-waiting, ErrFailed)
						})
					})
				}
			}
		}
	}
}

// Looks between the retry delays use up no tries.
func TestLooksAreNoTries(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(func(c *Config) { c.Tries = 3; c.SetRetryDelay(10 * time.Second) })
		b.nodes[0].Put("name", "theirs", time.Hour)
		start := time.Now()
		require.ErrorIs(t, x.Lock(background), ErrFailed)
		require.Equal(t, 20*time.Second, time.Since(start))
		require.InDelta(t, 21, b.nodes[0].Ran(scripts.Mutex().Acquire), 2)
	})
}

// A call that is cancelled may be about to end the process: the ticket is gone on return.
func TestCancelledCallWaitsForItsWithdrawal(t *testing.T) {
	for name, c := range waitingCalls {
		t.Run(name, func(t *testing.T) {
			for _, after := range []time.Duration{500 * ms, 510 * ms, 520 * ms, 530 * ms} {
				bubble(t, 3, func(b *bench) {
					c.held(b)
					for _, n := range b.nodes {
						n.Set(func() { n.Before, n.After = always(10*ms), always(10*ms) })
					}
					ctx, cancel := context.WithCancel(background)
					time.AfterFunc(after, cancel)
					start := time.Now()
					err := c.lock(b, func(c *Config) { c.Unlimited = true })(ctx)
					gone := time.Since(start) - after
					require.ErrorIs(t, err, context.Canceled)
					require.LessOrEqual(t, gone, 45*ms, "what was under way, and one round trip")
					for _, n := range b.nodes {
						n.Mu.Lock()
						require.False(t, c.ticket(n).After(time.Now()), "on return")
						n.Mu.Unlock()
					}
				})
			}
		})
	}
}

// It waits briefly: for no node that is silent, and not long for any.
func TestCancelledCallDoesNotWaitLong(t *testing.T) {
	for name, c := range waitingCalls {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				c.held(b)
				ctx, cancel := context.WithCancel(background)
				lock := c.lock(b, func(c *Config) { c.Expiry, c.Unlimited = time.Hour, true })
				waiting := begins(ctx, lock)
				for _, n := range b.nodes {
					n.SetHung(true)
				}
				start := time.Now()
				cancel()
				require.ErrorIs(t, <-waiting, context.Canceled)
				require.Equal(t, maxLinger, time.Since(start))
				for _, n := range b.nodes {
					n.SetHung(false)
				}
			})
		})
	}
}

// A try that is under way when its caller is cancelled may be granted: that goes too.
func TestCancelledCallWaitsForWhatATryGot(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.Before, n.After = always(10*ms), always(10*ms)
		}
		for _, lock := range []func(context.Context) error{b.object(nil).Lock, b.object(nil).TryLock} {
			ctx, cancel := context.WithCancel(background)
			time.AfterFunc(5*ms, cancel)
			require.ErrorIs(t, lock(ctx), context.Canceled)
			for _, n := range b.nodes {
				require.Empty(t, n.Holder("name"), "on return")
			}
		}
		synctest.Wait()
	})
}
