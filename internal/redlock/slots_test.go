package redlock

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/scripts"
)

func (b *bench) slots(limit int, change func(*Config)) *Slots {
	c := DefaultConfig()
	if change != nil {
		change(&c)
	}
	return NewSlots(b.engine.NewSpec(slotsProtocol, "name", c), limit)
}

func (b *bench) take(x *Slots, n int) *Permit {
	b.Helper()
	p, err := x.Acquire(context.Background(), n)
	require.NoError(b, err)
	return p
}

func (b *bench) full(x *Slots, n int) {
	b.Helper()
	_, err := x.TryAcquire(context.Background(), n)
	require.ErrorIs(b, err, ErrFailed)
}

func (b *bench) giveBack(p *Permit) {
	b.Helper()
	ok, err := p.Release(context.Background())
	require.NoError(b, err)
	require.True(b, ok)
}

func (b *bench) held(x *Slots) int {
	b.Helper()
	n, err := x.Held(context.Background(), scripts.Semaphore().Held)
	require.NoError(b, err)
	return n
}

func TestSlotsAreTheLowestFreeOnes(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		bubble(t, n, func(b *bench) {
			x := b.slots(4, nil)
			one, two := b.take(x, 1), b.take(x, 2)
			require.Equal(t, []int{0}, one.Slots())
			require.Equal(t, []int{1, 2}, two.Slots())
			require.Equal(t, 3, b.held(x))
			b.full(x, 2)
			b.giveBack(one)
			synctest.Wait()
			require.Equal(t, []int{0, 3}, b.take(x, 2).Slots())
			b.full(x, 1)
			require.Equal(t, 4, b.held(x))
		})
	}
}

// The history that over-admits where each node counts for itself: three holders
// on {1,2}, {2,3} and {1,3}, each of them a majority, and no node has more than
// two.
func (b *bench) majorityCycle() (admitted int) {
	x := b.slots(2, nil)
	for i := range b.nodes {
		away := b.nodes[i]
		away.Set(func() { away.Fault = func(*driver.Call) error { return fakenode.ErrLostReply } })
		if _, err := x.TryAcquire(context.Background(), 1); err == nil {
			admitted++
		}
		away.Set(func() { away.Fault = nil })
	}
	return admitted
}

func TestMajorityCycleAdmitsTwoAndNotThree(t *testing.T) {
	bubble(t, 3, func(b *bench) { require.Equal(t, 2, b.majorityCycle()) })
}

func TestMajorityCycleGoesRedWhenNodesCount(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.CountsPermits = true
		}
		require.Equal(t, 3, b.majorityCycle(), "the test of the test")
	})
}

func TestFullLimitIsReachedWithAMinorityDown(t *testing.T) {
	bubble(t, 5, func(b *bench) {
		for _, n := range b.nodes[:2] {
			n.Fault = func(*driver.Call) error { return fakenode.ErrLostReply }
		}
		x := b.slots(20, nil)
		seen := map[int]bool{}
		for range 20 {
			seen[b.take(x, 1).Slots()[0]] = true
		}
		require.Len(t, seen, 20)
		b.full(x, 1)
	})
}

func TestDisagreeingNodesAreBroughtToAgree(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for i, strays := range [][]int{{0}, {0, 1}, {1, 2}} {
			b.nodes[i].Permits["stray"] = fakenode.Permit{Slots: strays, Ends: time.Now().Add(time.Hour)}
		}
		x := b.slots(4, func(c *Config) { c.Tries = 1 })
		p := b.take(x, 1) // the nodes choose 1, 2 and 0
		require.Contains(t, []int{2, 3}, p.Slots()[0], "free on a majority")
		synctest.Wait()
		for i := range b.nodes {
			b.nodes[i].Set(func() {
				require.LessOrEqual(t, len(b.nodes[i].Permits), 2, "the first try's grants are given back")
			})
		}
		b.giveBack(p)
	})
}

func TestSurplusGrantsAreMovedToTheSlotsThatWon(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[2].Permits["stray"] = fakenode.Permit{Slots: []int{0}, Ends: time.Now().Add(time.Second)}
		x := b.slots(4, nil)
		p := b.take(x, 1)
		require.Equal(t, []int{0}, p.Slots())
		synctest.Wait()
		require.Empty(t, b.nodes[2].SlotsOf(p.Value()), "slot 0 is the stray's there, and slot 1 is free")
		time.Sleep(2 * time.Second)
		ok, err := p.Extend(context.Background())
		require.True(t, ok, err)
		synctest.Wait()
		require.Equal(t, []int{0}, b.nodes[2].SlotsOf(p.Value()), "and is repaired like any other")
		b.giveBack(p)
		synctest.Wait()
		require.Empty(t, b.nodes[2].SlotsOf(p.Value()))
	})
}

// A move that is not answered is tried again, though the node is asked for nothing else.
func TestSurplusGrantIsMovedThoughTheFirstMoveFails(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		node, acquires := b.nodes[2], 0
		node.Permits["stray"] = fakenode.Permit{Slots: []int{0}, Ends: time.Now().Add(time.Second)}
		node.Fault = func(call *driver.Call) error {
			if call.Script() != scripts.Semaphore().Acquire {
				return nil
			}
			if acquires++; acquires != 2 {
				return nil
			}
			delete(node.Permits, "stray")
			return errAway
		}
		p := b.take(b.slots(4, nil), 1)
		time.Sleep(time.Second)
		require.Equal(t, []int{0}, node.SlotsOf(p.Value()))
		b.giveBack(p)
	})
}

// Node 2 runs two requests in the other order: each permit gets there what the
// other one has won.
func TestPermitsGrantedInTheWrongOrderAreSortedOut(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		var acquires atomic.Int32
		b.nodes[2].Before = func(call *driver.Call) time.Duration {
			if call.Script() != scripts.Semaphore().Acquire {
				return 0
			}
			switch acquires.Add(1) {
			case 1: // the first permit's: comes after the second's
				return 10 * ms
			case 3: // the second permit's move, to what the first has got by then
				return 30 * ms
			}
			return 0
		}
		x := b.slots(4, nil)
		one, two := b.take(x, 1), b.take(x, 1)
		time.Sleep(time.Second)
		for _, n := range b.nodes {
			require.Equal(t, []int{0}, n.SlotsOf(one.Value()))
			require.Equal(t, []int{1}, n.SlotsOf(two.Value()))
		}
		b.giveBack(one)
		b.giveBack(two)
	})
}

func TestSmallerLimitCountsWhatIsAboveIt(t *testing.T) {
	for _, n := range []int{1, 3} {
		bubble(t, n, func(b *bench) {
			large, small := b.slots(6, nil), b.slots(3, nil)
			var held []*Permit
			for range 6 {
				held = append(held, b.take(large, 1))
			}
			for _, p := range held[:3] { // slots 0, 1, 2; those above the small limit stay
				b.full(small, 1)
				b.giveBack(p)
				synctest.Wait()
			}
			b.full(small, 1)
			b.giveBack(held[5])
			synctest.Wait()
			p := b.take(small, 1)
			b.full(small, 1)
			require.Equal(t, []int{0}, p.Slots())
		})
	}
}

// What is above the limit may be known to each node of a majority only in part.
func TestSmallerLimitCountsTheUnionOverAMajority(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		hour := time.Now().Add(time.Hour)
		permit := func(token string, slot int, on ...int) {
			for _, i := range on {
				b.nodes[i].Permits[token] = fakenode.Permit{Slots: []int{slot}, Ends: hour}
			}
		}
		permit("a", 3, 0, 1)
		permit("b", 4, 1, 2)
		permit("c", 5, 0, 2)
		b.full(b.slots(3, func(c *Config) { c.Tries = 1 }), 1)
		synctest.Wait() // what it was granted in vain is given back
		require.Equal(t, 3, b.held(b.slots(6, nil)))
	})
}

func TestExpiredPermitsAreFree(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.slots(1, nil)
		dead := b.take(x, 1)
		b.full(x, 1)
		time.Sleep(8 * time.Second)
		require.Zero(t, b.held(x))
		p := b.take(x, 1)
		ok, err := dead.Release(context.Background())
		require.False(t, ok)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		_, err = dead.Extend(context.Background())
		require.ErrorIs(t, err, ErrExtendFailed)
		b.giveBack(p)
		_, err = p.Release(context.Background())
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
	})
}

func TestLargeRequestIsNotStarvedBySmallOnes(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.slots(4, func(c *Config) { c.Unlimited = true })
		held := []*Permit{b.take(x, 1), b.take(x, 1), b.take(x, 1), b.take(x, 1)}
		var order []string
		var done sync.WaitGroup
		acquire := func(name string, n int) {
			done.Go(func() {
				p := b.take(x, n)
				order = append(order, name)
				b.giveBack(p)
			})
			synctest.Wait()
		}
		acquire("large", 4)
		acquire("small", 1)
		for _, p := range held {
			time.Sleep(time.Second)
			require.Empty(t, order)
			b.giveBack(p)
		}
		done.Wait()
		require.Equal(t, []string{"large", "small"}, order)
	})
}

func TestBadRequestsSendNothing(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for text, c := range map[string]struct{ limit, n int }{
			"limit is 0, from 1 to 1000000 needed":       {0, 1},
			"limit is 1000001, from 1 to 1000000 needed": {MaxSlots + 1, 1},
			"n is 0, from 1 to the limit of 3 needed":    {3, 0},
			"n is -1, from 1 to the limit of 3 needed":   {3, -1},
			"n is 4, from 1 to the limit of 3 needed":    {3, 4},
		} {
			_, err := b.slots(c.limit, nil).Acquire(context.Background(), c.n)
			require.ErrorIs(t, err, ErrConfig)
			require.EqualError(t, err, `test: "name": bad configuration: `+text)
		}
		require.Empty(t, b.nodes[0].History())
	})
}

// guard counts who is in, by the clock of the bubble, as valid permits only.
type guard struct {
	mu    sync.Mutex
	in    map[int]string // slot -> token
	now   int
	most  int
	twice bool // a slot had two holders
}

func (g *guard) enter(p *Permit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, slot := range p.Slots() {
		g.twice = g.twice || g.in[slot] != ""
		g.in[slot] = p.Value()
	}
	g.now += len(p.Slots())
	g.most = max(g.most, g.now)
}

func (g *guard) leave(p *Permit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, slot := range p.Slots() {
		delete(g.in, slot)
	}
	g.now -= len(p.Slots())
}

// Clients acquire, lease, extend and release at random, over nodes that are slow,
// lose replies and go away; at no time are there more permits than the limit, or
// two with one slot, and in the end all come back.
func TestNeverMoreThanTheLimit(t *testing.T) {
	for seed := range seedsBelow(40) {
		for _, n := range []int{1, 3, 5} {
			bubble(t, n, func(b *bench) {
				limit, g := b.randomClients(seed)
				require.LessOrEqual(b, g.most, limit, "seed %d", seed)
				require.False(b, g.twice, "seed %d: two permits with one slot", seed)
				b.allComeBack(limit)
			})
		}
	}
}

// The test of the test: the same clients over nodes that count, each for itself.
func TestNeverMoreThanTheLimitGoesRedWhenNodesCount(t *testing.T) {
	surpassed := 0
	for seed := range uint64(20) {
		bubble(t, 3, func(b *bench) {
			for _, n := range b.nodes {
				n.CountsPermits = true
			}
			if limit, g := b.randomClients(seed); g.most > limit {
				surpassed++
			}
		})
	}
	require.Positive(t, surpassed)
	t.Logf("%d of 20 schedules had more than the limit", surpassed)
}

func (b *bench) randomClients(seed uint64) (limit int, g *guard) {
	random := rand.New(rand.NewPCG(seed, uint64(len(b.nodes))))
	limit = 1 + random.IntN(50)
	if seed%2 == 0 {
		limit = 1 + random.IntN(6) // tight
	}
	b.trouble(random)
	g = &guard{in: make(map[int]string)}
	var done sync.WaitGroup
	for i := range 8 {
		own := rand.New(rand.NewPCG(seed, uint64(i+100)))
		x := b.slots(limit, func(c *Config) { c.Expiry, c.TimeoutFactor = 2*time.Second, 0.1 })
		done.Go(func() {
			for range 15 {
				b.visit(x, g, own)
			}
		})
	}
	done.Wait()
	return limit, g
}

// allComeBack checks that nothing is held once everything has expired, and that
// the whole limit can be had.
func (b *bench) allComeBack(limit int) {
	b.Helper()
	for _, n := range b.nodes {
		n.Set(func() { n.Before, n.Lose = nil, nil })
	}
	time.Sleep(10 * time.Second)
	x := b.slots(limit, nil)
	require.Zero(b, b.held(x))
	p := b.take(x, limit)
	require.Len(b, p.Slots(), limit)
	b.giveBack(p)
}

// trouble makes each node slow at random, and lose one reply in twenty.
func (b *bench) trouble(random *rand.Rand) {
	for i, n := range b.nodes {
		own := rand.New(rand.NewPCG(random.Uint64(), uint64(i)))
		var mu sync.Mutex
		n.Before = func(*driver.Call) time.Duration {
			mu.Lock()
			defer mu.Unlock()
			return time.Duration(own.Int64N(int64(20 * ms)))
		}
		n.Lose = func(*driver.Call) bool {
			mu.Lock()
			defer mu.Unlock()
			return own.IntN(20) == 0
		}
	}
}

func (b *bench) visit(x *Slots, g *guard, own *rand.Rand) {
	n := 1 + own.IntN(min(3, x.spec.limit))
	p, err := x.Acquire(context.Background(), n)
	if err != nil {
		return
	}
	require.True(b, slices.IsSorted(p.Slots()))
	g.enter(p)
	time.Sleep(time.Duration(own.Int64N(int64(time.Until(p.Until())/2 + 1))))
	if ok, _ := p.Extend(context.Background()); ok {
		time.Sleep(time.Duration(own.Int64N(int64(100 * ms))))
	}
	if time.Now().Before(p.Until()) {
		g.leave(p)
	} else {
		b.Errorf("the test slept too long")
	}
	_, _ = p.Release(context.Background())
}

func TestReadGrant(t *testing.T) {
	for reply, want := range map[string]grant{
		"3":            {slots: "3"},
		"0-2,7":        {slots: "0-2,7"},
		"3 4-19 0-2":   {slots: "3", free: "4-19", above: "0-2"},
		"3  ":          {slots: "3"},
		"  ":           {},
		" 1 98-99,120": {free: "1", above: "98-99,120"},
	} {
		a, ok := readGrant(reply)
		require.True(t, ok, reply)
		require.Equal(t, &want, a.Detail)
	}
	for _, reply := range []any{"", "OK", "3 4", "3 4 5 6", "3 x 5", "1.5", nil, int64(1), []any{"0"}} {
		_, ok := readGrant(reply)
		require.False(t, ok, reply)
	}
}
