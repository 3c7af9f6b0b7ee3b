package redlock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/internal/redlock/keyslot"
	"github.com/holdfast-go/holdfast/scripts"
)

var errAway = errors.New("fake: away")

// numbered makes a lock object whose leases are numbered.
func (b *bench) numbered() *Exclusive {
	return b.object(func(c *Config) { c.Fencing = true })
}

// countFrom sets the counters of the nodes.
func (b *bench) countFrom(numbers ...int64) {
	for i, n := range numbers {
		b.nodes[i].SetCounter(keyslot.Aux("name", "fence"), n)
	}
}

// counted are the counters of the nodes, once everything has settled.
func (b *bench) counted() (numbers []int64) {
	synctest.Wait()
	for _, f := range b.nodes {
		numbers = append(numbers, f.Counter(fenceKey))
	}
	return numbers
}

// written counts the write-backs on all nodes.
func (b *bench) written() (n int) {
	synctest.Wait()
	for _, f := range b.nodes {
		n += f.Ran(scripts.Mutex().Fence)
	}
	return n
}

const large = 1_700_000_000_000_000 // a number as large as they are

// refuse has a node fail the script, or everything.
func (b *bench) refuse(i int, script *scripts.Script) { b.failing(script, errAway, i) }

func (b *bench) relent(i int) { b.back(i) }

func TestFenceIsZeroBeforeAndWithout(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.numbered()
		assert.Zero(t, x.Fence())
		b.lock(x)
		assert.Positive(t, x.Fence())
		b.unlock(x)
		plain := b.object(nil)
		b.lock(plain)
		assert.Zero(t, plain.Fence())
		b.unlock(plain)
	})
}

// The model's case: {1,2} has 7 and 9; a lease of {2,3}, and then one of {1,3}.
func TestFenceGrowsWhereCountersDiffer(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.countFrom(large+6, large+8, large)
		x := b.numbered()
		b.refuse(2, nil)
		b.lock(x)
		require.Equal(t, int64(large+9), x.Fence())
		b.unlock(x)
		b.relent(2)
		b.refuse(1, nil)
		b.lock(x)
		require.Equal(t, int64(large+10), x.Fence())
		require.Equal(t, []int64{large + 10, large + 9, large + 10}, b.counted())
		b.unlock(x)
		b.relent(1)
	})
}

func TestFenceTakesOneRoundWhereNodesAgree(t *testing.T) {
	bubble(t, 5, func(b *bench) {
		b.countFrom(large, large, large, large, large)
		x := b.numbered()
		for i := range 10 {
			b.lockAll(x)
			require.Equal(t, int64(large+1+i), x.Fence())
			b.unlock(x)
			synctest.Wait()
		}
		require.Zero(t, b.written())
	})
}

// After one write-back nodes agree, whichever of them answer first.
func TestFenceBringsNodesToAgree(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 0, 1}, {1, 2, 0}} {
		bubble(t, 3, func(b *bench) {
			b.countFrom(large, large+100, large+200)
			b.answerIn(order)
			x := b.numbered()
			for range 3 {
				b.lockAll(x)
				time.Sleep(10 * ms)
				b.unlock(x)
				require.Equal(t, 3, b.written(), "the first time only")
			}
		})
	}
}

// One that is late as long as it has the largest number costs a write-back when it is in
// time, and one only.
func TestFenceOfALateNodeBringsNodesToAgree(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.countFrom(large, large+100, large+200)
		x := b.numbered()
		for i, order := range [][]int{{0, 1, 2}, {2, 0, 1}, {1, 2, 0}, {0, 1, 2}} {
			b.answerIn(order)
			b.lockAll(x)
			time.Sleep(10 * ms)
			b.unlock(x)
			require.Equal(t, 3*min(i+1, 2), b.written(), "round %d", i)
		}
	})
}

// answerIn has the nodes run their calls in this order.
func (b *bench) answerIn(order []int) {
	for i, at := range order {
		b.nodes[at].Set(func() { b.nodes[at].Before = always(time.Duration(i+1) * ms) })
	}
}

func TestFenceThatCannotBeWrittenFailsTheTry(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.countFrom(large, large+10, large+20)
		for i := range b.nodes {
			b.refuse(i, scripts.Mutex().Fence)
		}
		x := b.numbered()
		err := x.TryLock(background)
		require.ErrorIs(t, err, ErrFailed)
		require.ErrorContains(t, err, errAway.Error())
		require.Zero(t, x.Fence())
		for i := range b.nodes {
			b.relent(i)
		}
		require.Equal(t, []string{"", "", ""}, b.holders())
		b.lock(x)
		require.Greater(t, x.Fence(), int64(large+10))
		b.unlock(x)
	})
}

// The caller's end, and a write-back that comes too late.
func TestFenceEndsWithItsCaller(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.countFrom(large, large+10, large+20)
		for _, f := range b.nodes {
			f.Before = func(call *driver.Call) time.Duration {
				if call.Script() == scripts.Mutex().Fence {
					return time.Second
				}
				return 0
			}
		}
		x := b.numbered()
		ctx, cancel := context.WithTimeout(background, 50*ms)
		defer cancel()
		err := x.Lock(ctx)
		require.ErrorIs(t, err, ErrFailed)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(2 * time.Second)
		require.Equal(t, []string{"", "", ""}, b.holders())
	})
}

// Validity counts from the first request, not from the write-back.
func TestFenceCostsValidity(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.countFrom(large, large+10, large+20)
		for i, f := range b.nodes {
			f.Before = func(*driver.Call) time.Duration { return time.Duration(100+i) * ms }
		}
		x := b.numbered()
		start := time.Now()
		b.lock(x)
		require.Equal(t, start.Add(DefaultExpiry-DefaultExpiry/100), x.Until())
		require.Equal(t, 202*ms, time.Since(start))
		b.unlock(x)
	})
}

func TestFenceIsCarriedByRepairs(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.numbered()
		b.lockAll(x)
		fence := x.Fence()
		time.Sleep(time.Second) // a number of its own would be another one
		b.nodes[0].Restart()
		ok, err := x.Extend(background)
		require.NoError(t, err)
		require.True(t, ok)
		synctest.Wait()
		require.Equal(t, fence, b.counted()[0])
		require.Equal(t, fence, x.Fence())
		b.unlock(x)
	})
}

func TestFenceLivesForADayAfterALeaseThatWasExtended(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		c := DefaultConfig()
		c.Fencing, c.Expiry = true, 10*time.Hour
		x := NewExclusive(b.engine.NewSpec(testProtocol, "name", c))
		b.lockAll(x)
		fence := x.Fence()
		for range 10 {
			time.Sleep(9 * time.Hour)
			ok, err := x.Extend(background)
			require.NoError(t, err)
			require.True(t, ok)
		}
		time.Sleep(24 * time.Hour)
		require.Equal(t, []int64{fence, fence, fence}, b.counted())
		time.Sleep(24 * time.Hour)
		require.Equal(t, []int64{0, 0, 0}, b.counted())
		_, _ = x.Unlock(background)
		b.lock(x)
		require.Greater(t, x.Fence(), fence)
		b.unlock(x)
	})
}

func TestFencesOfACrowd(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.numbered()
		b.lock(x)
		last := x.Fence()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				b.lock(x)
				assert.Greater(t, x.Fence(), last)
				last = x.Fence()
				b.unlock(x)
			})
		}
		synctest.Wait()
		b.unlock(x)
		all.Wait()
		require.Less(t, b.nodes[0].Ran(scripts.Mutex().AcquireFenced), 20)
	})
}

func TestFenceWithValuesOfTheUsers(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		n := 0
		x := b.object(func(c *Config) {
			c.Fencing = true
			c.SetGenValue(func() (string, error) { n++; return fmt.Sprint("value ", n), nil })
		})
		var last int64
		for range 5 {
			b.lockAll(x)
			require.Greater(t, x.Fence(), last)
			last = x.Fence()
			b.unlock(x)
		}
	})
}

func TestFenceOfAnAdoptedLease(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.numbered()
		b.lockAll(x)
		y := b.object(func(c *Config) { c.Fencing, c.Value = true, x.Value() })
		require.Zero(t, y.Fence())
		before := b.counted()
		ok, err := y.Extend(background)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, before, b.counted())
		b.unlock(y)
		b.lock(y)
		require.Greater(t, y.Fence(), x.Fence())
		b.unlock(y)
	})
}

func TestFenceStaysTheLastLeases(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.numbered()
		b.lockAll(x)
		fence := x.Fence()
		time.Sleep(time.Minute)
		require.Equal(t, fence, x.Fence())
		_, err := x.Unlock(background)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		require.Equal(t, fence, x.Fence())
	})
}

func TestFenceOfAWriter(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		c := DefaultConfig()
		c.Fencing = true
		x := NewRW(b.engine, writeProtocol, readProtocol, "name", c)
		var last int64
		for i := range 6 {
			require.NoError(t, x.Writer.Lock(background))
			require.Greater(t, x.Writer.Fence(), last)
			last = x.Writer.Fence()
			if i%2 == 0 {
				require.NoError(t, x.Downgrade(background))
				require.Equal(t, last, x.Writer.Fence())
				_, err := x.Reader.Unlock(background)
				require.NoError(t, err)
				continue
			}
			_, err := x.Writer.Unlock(background)
			require.NoError(t, err)
		}
	})
}

// register is what fences are for: it has seen the largest one.
type register struct {
	mu     sync.Mutex
	last   int64
	leases int
	wrong  string
	trace  []string
}

func (r *register) see(who string, fence int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leases++
	r.trace = append(r.trace, fmt.Sprintf("%s %v: %d", time.Now().Format(time.DateTime), who, fence))
	if fence <= r.last && r.wrong == "" {
		r.wrong = fmt.Sprint(r.trace[max(0, len(r.trace)-10):])
	}
	r.last = max(r.last, fence)
}

// fenceWeather is what a run meets, all of it within what safety rests on: requests
// and answers are slow or lost, a node that loses everything is away for longer than
// any lease, clocks differ by less than that, and all clients rest for so long now
// and then that every counter has expired.
type fenceWeather struct {
	random *rand.Rand
	mu     sync.Mutex
	until  []time.Time // nodes are away until
}

const (
	fenceExpiry = 2 * time.Second
	fenceAway   = 5 * time.Second
	fenceSkew   = 2 * time.Second // either way
)

func (w *fenceWeather) upTo(most time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return upTo(w.random, most)
}

func (w *fenceWeather) one(in int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.IntN(in) == 0
}

func (w *fenceWeather) over(nodes []*fakenode.Node) {
	w.until = make([]time.Time, len(nodes))
	for i, f := range nodes {
		f.Skew = w.upTo(2*fenceSkew) - fenceSkew
		slow := func(*driver.Call) time.Duration { return w.upTo(70 * ms) }
		f.Before, f.After = slow, slow
		f.Lose = func(*driver.Call) bool { return w.one(20) }
		f.Fault = func(*driver.Call) error {
			if w.isAway(i) || w.one(5) {
				return errAway
			}
			return nil
		}
	}
}

func (w *fenceWeather) isAway(i int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Before(w.until[i])
}

// crash empties a node, which is away from then on.
func (w *fenceWeather) crash(nodes []*fakenode.Node) {
	w.mu.Lock()
	i := w.random.IntN(len(nodes))
	w.until[i] = time.Now().Add(fenceAway)
	w.mu.Unlock()
	nodes[i].Restart()
}

// fencesOf runs clients of one lock through the weather of a seed.
func fencesOf(t *testing.T, n int, seed uint64, change func(*fakenode.Node)) *register {
	seen := new(register)
	bubble(t, n, func(b *bench) {
		w := &fenceWeather{random: rand.New(rand.NewPCG(seed, 7))}
		w.over(b.nodes)
		for _, f := range b.nodes {
			change(f)
		}
		ended := make(chan struct{})
		var clients sync.WaitGroup
		for i := range 3 {
			clients.Go(func() { b.numberer(fmt.Sprint("client ", i), w, seen, ended) })
		}
		for range 3 {
			for range 10 {
				time.Sleep(w.upTo(6 * time.Second))
				w.crash(b.nodes)
			}
			time.Sleep(26 * time.Hour)
		}
		close(ended)
		clients.Wait()
	})
	return seen
}

// numberer locks again and again, and rests when all do.
func (b *bench) numberer(name string, w *fenceWeather, seen *register, ended chan struct{}) {
	pools := make([]driver.Pool, len(b.nodes))
	for i := range b.nodes {
		pools[i] = b.nodes[i]
	}
	c := DefaultConfig()
	c.Fencing, c.Expiry, c.TimeoutFactor = true, fenceExpiry, 0.1
	x := NewExclusive(New(pools...).NewSpec(testProtocol, "name", c))
	for {
		for begun := time.Now(); time.Since(begun) < 40*time.Second; time.Sleep(w.upTo(300 * ms)) {
			if x.Lock(background) != nil {
				continue
			}
			seen.see(name, x.Fence())
			time.Sleep(w.upTo(300 * ms))
			for w.one(2) {
				_, _ = x.Extend(background)
				time.Sleep(w.upTo(900 * ms))
			}
			_, _ = x.Unlock(background)
		}
		select {
		case <-ended:
			return
		case <-time.After(25 * time.Hour):
		}
	}
}

func TestFencesGrow(t *testing.T) {
	leases, schedules := 0, 0
	for _, n := range []int{1, 3, 5} {
		for seed := range seedsBelow(6) {
			seen := fencesOf(t, n, seed, func(*fakenode.Node) {})
			require.Empty(t, seen.wrong, "%d nodes, seed %d", n, seed)
			leases += seen.leases
			schedules++
		}
	}
	t.Logf("%d leases", leases)
	require.Greater(t, leases, 500*schedules/18)
}

// The tests of the test: nodes that count by themselves, and clocks that differ by
// more than a node is away.
func TestFencesGoBackWithoutAgreement(t *testing.T) {
	requireWrong(t, func(f *fakenode.Node) { f.NoWriteBack = true })
}

func TestFencesGoBackWhereClocksDiffer(t *testing.T) {
	requireWrong(t, func(f *fakenode.Node) { f.Skew *= 50 })
}

func requireWrong(t *testing.T, change func(*fakenode.Node)) {
	for seed := range uint64(200) { // most need a few: goroutines that wake together run in varying order
		if seen := fencesOf(t, 3, seed, change); seen.wrong != "" {
			t.Log(seen.wrong)
			return
		}
	}
	t.Fatal("no fence went back")
}

// What puts a lease back on a node that has forgotten it brings that node's counter up to
// the lease's number, which is above what its clock says there.
func TestNumberComesBackWithTheLease(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"repair": func(*Config) {}, "looser rule": func(c *Config) { c.SetNXOnExtend = true },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				b.countFrom(large, large, large)
				x := b.object(func(c *Config) { c.Fencing = true; change(c) })
				b.lockAll(x)
				require.Equal(t, int64(large+1), x.Fence())
				b.nodes[0].Restart()
				b.extend(x)
				require.Equal(t, x.Value(), b.holders()[0])
				require.Equal(t, []int64{large + 1, large + 1, large + 1}, b.counted())
				b.unlock(x)
			})
		})
	}
}

// By the looser rule a lease comes back where a majority has forgotten it, with its number.
func TestLooserRuleKeepsNumbersGrowing(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		later := time.Now().Add(time.Hour).UnixMicro()
		b.countFrom(later, later, later)
		x := b.object(func(c *Config) { c.Fencing, c.SetNXOnExtend = true, true })
		b.lockAll(x)
		first := x.Fence()
		for _, node := range b.nodes {
			node.Restart()
		}
		b.extend(x)
		require.Equal(t, first, x.Fence())
		b.unlock(x)
		b.lockAll(x)
		require.Greater(t, x.Fence(), first)
		b.unlock(x)
	})
}
