package redlock

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

// far puts the nodes a round trip away. It varies by up to jitter, so that nodes get the
// calls of a crowd in different orders.
func (b *bench) far(trip, jitter time.Duration) {
	for _, n := range b.nodes {
		n.Before = func(*driver.Call) time.Duration { return trip/2 + time.Duration(rand.Int64N(int64(jitter)+1)) }
		n.After = always(trip / 2)
	}
}

// A crowd of one object asks for permits that are free. No one waits for another one's
// answer.
func TestAFreePermitIsHadHoweverManyAsk(t *testing.T) {
	for n, crowd := range map[int]int{1: 1000, 3: 40} {
		bubble(t, n, func(b *bench) {
			b.batches()
			b.far(50*ms, 0)
			x := b.slots(100_000, nil)
			b.giveBack(b.take(x, 1))
			start := time.Now()
			var all sync.WaitGroup
			for range crowd {
				all.Go(func() {
					_, err := x.Acquire(background, 1)
					require.NoError(b, err)
				})
			}
			all.Wait()
			trips := time.Since(start) / (50 * ms)
			t.Logf("%d nodes: %d callers, %d round trips", n, crowd, trips)
			require.LessOrEqual(b, int(trips), 6)
		})
	}
}

// Those who come one after the other, while nodes disagree on slots of those before them,
// find no waiter in line: permits are free.
func TestNoWaiterIsInLineForFreePermits(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.far(20*ms, 20*ms)
		x := b.slots(1000, nil)
		var all sync.WaitGroup
		for range 100 {
			time.Sleep(ms)
			all.Go(func() {
				_, err := x.Acquire(background, 1)
				require.NoError(b, err)
			})
			b.nodes[0].Mu.Lock()
			require.Empty(b, b.nodes[0].Lines)
			b.nodes[0].Mu.Unlock()
		}
		all.Wait()
	})
}

// Goroutines of one object try at the same time, and nearly all permits are free. Where
// nodes disagree the try goes on.
func TestATryIsRefusedByTheNodesOnly(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		bubble(t, n, func(b *bench) {
			b.far(2*ms, ms)
			const goroutines, tries = 20, 100
			x := b.slots(50*goroutines, nil)
			var refused atomic.Int32
			var all sync.WaitGroup
			for range goroutines {
				all.Go(func() {
					for range tries {
						p, err := x.TryAcquire(background, 1)
						if err != nil {
							refused.Add(1)
							continue
						}
						time.Sleep(time.Duration(rand.Int64N(int64(ms))))
						b.giveBack(p)
					}
				})
			}
			all.Wait()
			t.Logf("%d nodes: %d of %d refused, %.1f requests a try", n, refused.Load(), goroutines*tries,
				float64(b.nodes[0].Ran(scripts.Semaphore().Acquire))/(goroutines*tries))
			require.Less(b, int(refused.Load()), goroutines*tries/100)
		})
	}
}

// One that waits for many does not keep a try from what the nodes have. An Acquire goes
// behind it.
func TestOnlyAcquiresGoBehindOneThatWasRefused(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		x := b.patient(4)
		held := b.take(x, 2)
		large := b.takeLater(background, x, 3)
		asked := b.nodes[0].Ran(scripts.Semaphore().Acquire)
		small := b.takeLater(background, x, 1)
		require.Empty(b, small)
		require.Equal(b, asked, b.nodes[0].Ran(scripts.Semaphore().Acquire), "it asks in its turn")
		p, err := x.TryAcquire(background, 2)
		require.NoError(b, err)
		b.full(x, 1)
		b.giveBack(p)
		require.Empty(b, small, "two are free, and three are wanted before it")
		b.giveBack(held)
		got := b.got(large)
		b.giveBack(b.got(small))
		b.giveBack(got)
		b.noneWaits()
	})
}

// A crowd that asks at once for more than there is: as many as the nodes have room for
// get theirs at once, and all others as permits come back.
func TestACrowdThatIsRefusedQueues(t *testing.T) {
	for _, n := range []int{1, 3} {
		notifying(t, n, func(b *bench) {
			x := b.patient(5)
			got := make(chan *Permit, 20)
			for range 20 {
				go func() {
					p, err := x.Acquire(background, 1)
					require.NoError(b, err)
					got <- p
				}()
			}
			for range 20 {
				synctest.Wait()
				require.LessOrEqual(b, len(got), 5)
				b.giveBack(<-got)
			}
			b.noneWaits()
		})
	}
}

// One that was refused while another one was refused, too, and has no more tries, ends
// with what its own try has met.
func TestThoseBehindReportWhatTheirOwnTryHasMet(t *testing.T) {
	notifying(t, 3, func(b *bench) {
		x := b.slots(2, func(c *Config) { c.Tries = 2; c.SetRetryDelay(100 * ms) })
		held := b.take(x, 2)
		failed := make(chan error, 5)
		for range cap(failed) {
			go func() {
				_, err := x.Acquire(background, 1)
				failed <- err
			}()
		}
		for range cap(failed) {
			err := <-failed
			require.ErrorIs(b, err, ErrFailed)
			var taken *ErrTaken
			require.ErrorAs(b, err, &taken)
			require.NotEmpty(b, taken.Nodes)
		}
		b.giveBack(held)
		b.noneWaits()
	})
}
