package redlock

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
)

const seeds = 30

// aWriter is what a writer adds to the count of those who are in; a reader adds 1.
const aWriter = 10_000

// census counts who is in: only leases that are valid by the clock.
type census struct {
	mu     sync.Mutex
	now    int
	wrong  string // what was seen first that must never be, and what led to it
	trace  []string
	begun  time.Time
	writes int
	most   int // readers at once
}

// change counts a holder in or out, or a writer as the reader that it becomes.
func (c *census) change(who string, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += by
	c.trace = append(c.trace, fmt.Sprintf("%12v %s %+d: %d", time.Since(c.begun), who, by, c.now))
	if by == aWriter {
		c.writes++
	}
	if c.now < aWriter {
		c.most = max(c.most, c.now)
	} else if c.now > aWriter && c.wrong == "" {
		c.wrong = fmt.Sprint(c.trace[max(0, len(c.trace)-40):])
	}
}

// client is a goroutine of one process. Those of a process share an object.
type client struct {
	name   string
	lock   *RW
	random *rand.Rand
	census *census
	t      *testing.T
}

// upTo is a random time, different from all others.
func upTo(random *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(most) + 1))
}

// visit has the client in once, or not at all.
func (c *client) visit() {
	of, adds := half(c.lock.Reader), 1
	if c.random.IntN(4) == 0 {
		of, adds = c.lock.Writer, aWriter
	}
	if !c.enters(of) {
		return
	}
	until := c.until(adds)
	c.census.change(c.name, adds)
	c.stay(until)
	if c.random.IntN(3) == 0 {
		if ok, _ := of.Extend(background); ok {
			until = c.until(adds)
			c.stay(until)
		}
	}
	if adds == aWriter && c.random.IntN(3) == 0 {
		c.census.change(c.name, 1-aWriter)
		if c.lock.Downgrade(background) == nil {
			until = c.until(1)
		}
		of, adds = c.lock.Reader, 1
		c.stay(until)
	}
	if !time.Now().Before(until) {
		c.t.Errorf("%s stayed too long", c.name)
	}
	c.census.change(c.name, -adds)
	if c.random.IntN(10) == 0 {
		time.Sleep(upTo(c.random, 3*time.Second)) // it comes back too late
	}
	_, _ = of.Unlock(background)
}

// enters locks, tries to, or gives up after a while.
func (c *client) enters(of half) bool {
	switch c.random.IntN(6) {
	case 0:
		return of.TryLock(background) == nil
	case 1:
		ctx, cancel := context.WithTimeout(background, upTo(c.random, 400*ms))
		defer cancel()
		return of.Lock(ctx) == nil
	default:
		return of.Lock(background) == nil
	}
}

func (c *client) until(adds int) time.Time {
	if adds == aWriter {
		return c.lock.Writer.Until()
	}
	return c.lock.Reader.Until()
}

// stay is inside for a while, and for as long as it is valid at most; what comes
// then may take a call.
func (c *client) stay(until time.Time) {
	left := time.Until(until) - 700*ms
	if left > 0 {
		time.Sleep(upTo(c.random, min(left, 150*ms)))
	}
}

// weather makes nodes slow, loses replies, and takes one node after another away.
// One that comes back has all that it had, or was away for so long that all of
// that would have ended.
type weather struct {
	nodes  []*fakenode.Node
	expiry time.Duration
	ended  chan struct{}
	over   chan struct{}
}

func (b *bench) weather(seed uint64, expiry time.Duration) *weather {
	w := &weather{b.nodes, expiry, make(chan struct{}), make(chan struct{})}
	random := rand.New(rand.NewPCG(seed, 1))
	b.trouble(random)
	go func() {
		defer close(w.over)
		for w.sleep(upTo(random, 2*time.Second)) {
			w.strike(random)
		}
	}()
	return w
}

func (w *weather) sleep(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-w.ended:
		return false
	}
}

func (w *weather) strike(random *rand.Rand) {
	n := w.nodes[random.IntN(len(w.nodes))]
	fault := []error{fakenode.ErrLostReply, &net.OpError{Op: "dial", Err: fakenode.ErrLostReply}}[random.IntN(2)]
	n.Mu.Lock()
	n.Fault = func(*driver.Call) error { return fault }
	n.Mu.Unlock()
	away := upTo(random, w.expiry)
	forgets := random.IntN(3) == 0
	if forgets {
		away += w.expiry + ms
	}
	if !w.sleep(away) {
		return
	}
	if forgets {
		n.Restart()
	}
	n.Mu.Lock()
	n.Fault = nil
	n.Mu.Unlock()
}

// clear ends the weather, with all nodes well.
func (w *weather) clear() {
	close(w.ended)
	<-w.over
	for _, n := range w.nodes {
		n.Set(func() { n.Before, n.Lose, n.Fault = nil, nil, nil })
	}
}

const (
	processes  = 3
	goroutines = 3
	visits     = 12
	rwExpiry   = 2 * time.Second
)

// randomly has clients of several processes come and go, and reports what they
// saw once all is quiet.
func (b *bench) randomly(seed uint64) *census {
	seen := &census{begun: time.Now()}
	w := b.weather(seed, rwExpiry)
	var engines []*Engine
	var done sync.WaitGroup
	for p := range processes {
		e := New(pools(b.nodes)...)
		engines = append(engines, e)
		lock := (&bench{b.T, e, b.nodes}).rw(func(c *Config) {
			c.Expiry, c.TimeoutFactor, c.RetryDelay = rwExpiry, 0.1, randomDelay
		})
		for g := range goroutines {
			random := rand.New(rand.NewPCG(seed, uint64(100+10*p+g)))
			c := &client{fmt.Sprintf("%d/%d", p, g), lock, random, seen, b.T}
			done.Go(func() {
				for range visits {
					c.visit()
					time.Sleep(upTo(random, 50*ms))
				}
			})
		}
	}
	done.Wait()
	w.clear()
	b.settle(engines)
	return seen
}

func pools(nodes []*fakenode.Node) []driver.Pool {
	var pools []driver.Pool
	for _, n := range nodes {
		pools = append(pools, n)
	}
	return pools
}

// settle has every process get an answer of every node, so that pending releases are answered.
func (b *bench) settle(engines []*Engine) {
	time.Sleep(rwExpiry / 10) // for calls that are under way
	for _, e := range engines {
		other := NewExclusive(e.NewSpec(testProtocol, "other", DefaultConfig()))
		b.lock(other)
		b.unlock(other)
		synctest.Wait()
	}
}

// Neither a writer beside readers nor two writers, whatever happens; readers
// overlap, writers get in, and at the end nothing is left.
func TestNeverAWriterBesideAnybody(t *testing.T) {
	writes, most := 0, 0
	for _, seed := range redistest.Seeds(t, seeds) {
		for _, n := range []int{1, 3, 5} {
			bubble(t, n, func(b *bench) {
				seen := b.randomly(seed)
				require.Empty(b, seen.wrong, "%s=%d, %d nodes", redistest.SeedVariable, seed, n)
				require.Zero(b, seen.now)
				b.freeAfter(seed)
				writes, most = writes+seen.writes, max(most, seen.most)
			})
		}
	}
	t.Logf("%d writers, up to %d readers at once", writes, most)
	require.Positive(t, writes)
	require.Greater(t, most, goroutines, "readers of several processes at once")
}

// freeAfter checks that nothing is left, without waiting for expiries.
func (b *bench) freeAfter(seed uint64) {
	b.Helper()
	for i, n := range b.nodes {
		writer, readers, tickets := n.LookRW(rwName)
		require.Empty(b, writer, "%s=%d: node %d of %d", redistest.SeedVariable, seed, i, len(b.nodes))
		require.Equal(b, [2]int{}, [2]int{readers, tickets},
			"%s=%d: readers and tickets on node %d of %d", redistest.SeedVariable, seed, i, len(b.nodes))
		n.Set(func() { // under its lock: releases may still be sent again
			l := n.RW(rwName)
			require.Zero(b, len(l.WaitingWriters.Tickets)+len(l.WaitingReaders.Tickets), "%s=%d: line on node %d of %d", redistest.SeedVariable, seed, i, len(b.nodes))
		})
	}
}

// The test of the test: the same clients over nodes that let writers in beside
// readers.
func TestNeverAWriterBesideAnybodyGoesRedOnBlindNodes(t *testing.T) {
	for _, n := range []int{1, 3} {
		bubble(t, n, func(b *bench) {
			b.wrong(func(l *fakenode.RW) { l.WritersPassReaders = true })
			require.NotEmpty(b, b.randomly(0).wrong)
		})
	}
}
