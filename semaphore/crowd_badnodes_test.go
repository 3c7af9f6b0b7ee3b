package semaphore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/semaphore"
)

const (
	crowdLimit = 40
	crowdFree  = 2 // permits that the crowd is left with
	crowdSize  = 8 // processes
)

func TestACrowdWithANodeKilled(t *testing.T) {
	redistest.Needs(t, redistest.CanKill)
	onThreeAndFive(t, func(t *testing.T, w *world) {
		c := newCrowd(w)
		last := len(w.nodes) - 1
		w.nodes[last].Kill(t)
		c.run()
		w.awaitGrants(0, w.nodes[:last]...)
		requireYes(t, acquireNow(t, c.processes[0], crowdLimit).Release)
	})
}

func TestACrowdWithANodePaused(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	onThreeAndFive(t, func(t *testing.T, w *world) {
		c := newCrowdWithin(w, shortCall())
		last := len(w.nodes) - 1
		w.nodes[last].Pause(t)
		c.run()
		w.awaitGrants(0, w.nodes[:last]...)
		requireYes(t, acquireNow(t, c.processes[0], crowdLimit).Release)
		w.nodes[last].Resume(t)
		settle(t) // each process's pending releases go out by themselves
		requireHeld(t, c.processes[0], 0)
		if redistest.Backend() != "embedded" { // which runs what has waited at any time, and in any order
			w.awaitGrants(0)
		}
	})
}

// Each node has slots occupied that the others know nothing of. Every slot is
// free on a majority, so all the limit can be had.
func TestACrowdOnNodesThatDisagree(t *testing.T) {
	onThreeAndFive(t, func(t *testing.T, w *world) {
		var strays []*semaphore.Permit
		for i := range w.nodes {
			strays = append(strays, w.stray(i, 3*i, 3*i+1, 3*i+2)...)
		}
		c := newCrowd(w)
		c.run()
		settle(t)
		w.awaitGrants(3)
		release(t, strays...)
		w.awaitGrants(0)
		requireHeld(t, c.processes[0], 0)
		requireYes(t, acquire(t, c.processes[0], crowdLimit).Release)
	})
}

func onThreeAndFive(t *testing.T, test func(t *testing.T, w *world)) {
	for _, n := range []int{3, 5} {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) {
			test(t, newWorld(t, clients[0], redistest.Start(t, n)))
		})
	}
}

// crowd is processes that go for what is left of a semaphore at 95 % occupancy.
type crowd struct {
	t         *testing.T
	occupant  *semaphore.Semaphore
	processes []*semaphore.Semaphore

	room   room
	hasty  bool // a good node may seem silent, where the machine stalls
	inside atomic.Int64
	full   chan struct{} // closed when as many are inside as may be
	fill   sync.Once
}

// newCrowd makes the processes, half of them with each client library. Permits
// last longer than the test, and calls for longer than they take on a slow machine.
func newCrowd(w *world) *crowd { return newCrowdWithin(w, patience) }

// shortCall is how long a crowd waits for a silent node, once. A good one should not seem
// silent: it would run what waited in any order, and keep an acquire that came last.
func shortCall() time.Duration {
	if redistest.Backend() == "embedded" { // where a script takes a hundred times as long
		return 10 * time.Second
	}
	return 2 * time.Second
}

// newCrowdWithin is newCrowd with calls that last at most as long.
func newCrowdWithin(w *world, call time.Duration) *crowd {
	c := &crowd{t: w.t, hasty: call < patience, full: make(chan struct{})}
	c.room.inside = make(map[int]bool)
	for i := range 1 + crowdSize {
		own := &world{w.t, clients[i%len(clients)], w.nodes, w.name}
		c.processes = append(c.processes, own.semaphore(crowdLimit,
			semaphore.WithUnlimitedTries(),
			semaphore.WithExpiry(lasting),
			semaphore.WithTimeoutFactor(float64(call)/float64(lasting)),
			semaphore.WithRetryDelayFunc(func(int) time.Duration { return rand.N(crowdDelay()) })))
	}
	c.occupant, c.processes = c.processes[0], c.processes[1:]
	return c
}

// crowdVisits is how often each process gets in.
func crowdVisits() int {
	if redistest.Backend() == "embedded" { // where a script takes a hundred times as long
		return 2
	}
	return 6
}

// crowdDelay is the longest delay between two tries. It has to be longer than a
// try takes with all the processes at it, or they always meet.
func crowdDelay() time.Duration {
	if redistest.Backend() == "embedded" {
		return 200 * time.Millisecond
	}
	return 25 * time.Millisecond
}

// run has all processes make their visits, and everything given back.
func (c *crowd) run() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 6*patience)
	defer cancel()
	var occupied []*semaphore.Permit
	for range crowdLimit - crowdFree {
		p, err := c.occupant.AcquireContext(ctx)
		require.NoError(c.t, err)
		c.enter(p)
		occupied = append(occupied, p)
	}
	var all sync.WaitGroup
	for _, s := range c.processes {
		all.Go(func() { c.visit(ctx, s) })
	}
	all.Wait()
	assert.Equal(c.t, crowdLimit-crowdFree+crowdSize*crowdVisits(), c.room.visits, "all got in")
	assert.Equal(c.t, crowdLimit, c.room.most, "slots in use at a time")
	require.EqualValues(c.t, crowdLimit-crowdFree, c.inside.Load())
	for _, p := range occupied {
		c.leave(p)
	}
}

// visit is one process's. Each holder stays until the limit was reached for the first
// time, and later for some random time: that is the load.
func (c *crowd) visit(ctx context.Context, s *semaphore.Semaphore) {
	for range crowdVisits() {
		p, err := s.AcquireContext(ctx)
		if !assert.NoError(c.t, err) {
			return
		}
		c.enter(p)
		select {
		case <-c.full:
			time.Sleep(rand.N(4 * time.Millisecond)) // a section of some length, as in the crowds before
		case <-ctx.Done():
			assert.Fail(c.t, "the limit was never reached")
		}
		c.leave(p)
	}
}

func (c *crowd) enter(p *semaphore.Permit) {
	n := c.inside.Add(1)
	assert.LessOrEqual(c.t, n, int64(crowdLimit))
	assert.True(c.t, c.room.enter(p), "slots %v were given twice", p.Slots())
	if n == crowdLimit {
		c.fill.Do(func() { close(c.full) })
	}
}

func (c *crowd) leave(p *semaphore.Permit) {
	c.room.leave(p)
	c.inside.Add(-1)
	ok, err := p.Release()
	if c.hasty {
		assert.NotErrorIs(c.t, err, semaphore.ErrLockAlreadyExpired)
		return
	}
	assert.NoError(c.t, err)
	assert.True(c.t, ok)
}
