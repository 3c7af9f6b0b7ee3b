package rwmutex_test

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
	"github.com/holdfast-go/holdfast/rwmutex"
)

const (
	aReader = 1
	aWriter = 10_000 // more than there can be readers
)

// room is what a writer may only be in alone. A visitor counts until the
// end of its lease's validity. A process that was stopped for longer is thus not mistaken
// for a fault of the lock.
type room struct {
	mu      sync.Mutex
	inside  map[*visitor]bool
	most    int // readers at a time
	faults  []string
	writers atomic.Int64 // visits
	readers atomic.Int64
}

// visitor is a reader or a writer in the room.
type visitor struct {
	weight int
	until  time.Time
}

// enter counts a visitor in, and looks whether he may be there.
func (r *room) enter(weight int, until time.Time) *visitor {
	v := &visitor{weight, until}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inside[v] = true
	r.look()
	return v
}

// look adds up the visitors whose holds are valid now. r.mu is held.
func (r *room) look() {
	now, sum := time.Now(), 0
	for v := range r.inside {
		if now.Before(v.until) {
			sum += v.weight
		}
	}
	if sum > aWriter && len(r.faults) < 3 { // enough to see what it is
		r.faults = append(r.faults, fmt.Sprintf("%d writers and %d readers", sum/aWriter, sum%aWriter))
	}
	if sum < aWriter {
		r.most = max(r.most, sum)
	}
}

// become is what a writer does ahead of its downgrade.
func (r *room) become(v *visitor, weight int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v.weight = weight
}

func (r *room) leave(v *visitor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.look()
	delete(r.inside, v)
}

// crowd is processes, with either client library, whose goroutines read and write
// at random until they are stopped.
type crowd struct {
	t       *testing.T
	ctx     context.Context
	objects []*rwmutex.RWMutex
	room    room
	refused atomic.Int64 // tries
	stopped atomic.Bool
	all     sync.WaitGroup
}

const (
	crowdProcesses  = 4
	crowdGoroutines = 3 // of each, on one object
)

// gather starts a crowd.
func (w *world) gather(options ...rwmutex.Option) *crowd {
	c := &crowd{t: w.t, room: room{inside: make(map[*visitor]bool)}}
	var cancel func()
	c.ctx, cancel = context.WithTimeout(context.Background(), 6*patience)
	w.t.Cleanup(cancel)
	options = append(options, rwmutex.WithUnlimitedTries(), rwmutex.WithRetryDelayFunc(c.delay))
	for i := range crowdProcesses {
		rw := w.with(clients[i%len(clients)]).rwmutex(options...)
		c.objects = append(c.objects, rw)
		for range crowdGoroutines {
			c.all.Go(func() { c.use(rw) })
		}
	}
	return c
}

func (c *crowd) delay(int) time.Duration {
	c.refused.Add(1)
	return rand.N(20 * time.Millisecond)
}

// use is one goroutine's. Now and then it does not wait, or gives up soon.
func (c *crowd) use(rw *rwmutex.RWMutex) {
	for !c.stopped.Load() && c.ctx.Err() == nil {
		ctx, cancel := c.ctx, func() {}
		if rand.N(5) == 0 {
			ctx, cancel = context.WithTimeout(ctx, rand.N(20*time.Millisecond))
		}
		switch rand.N(5) {
		case 0:
			c.write(ctx, rw)
		default:
			c.read(ctx, rw)
		}
		cancel()
	}
}

func (c *crowd) read(ctx context.Context, rw *rwmutex.RWMutex) {
	lock := rw.RLockContext
	if rand.N(5) == 0 {
		lock = rw.TryRLockContext
	}
	if lock(ctx) != nil {
		return
	}
	v := c.room.enter(aReader, rw.RUntil())
	c.room.readers.Add(1)
	c.work()
	if rand.N(10) == 0 {
		_, _ = rw.RExtend()
	}
	c.room.leave(v)
	_, _ = rw.RUnlock() // which bad nodes may fail
}

func (c *crowd) write(ctx context.Context, rw *rwmutex.RWMutex) {
	lock := rw.LockContext
	if rand.N(5) == 0 {
		lock = rw.TryLockContext
	}
	if lock(ctx) != nil {
		return
	}
	v := c.room.enter(aWriter, rw.Until())
	c.room.writers.Add(1)
	c.work()
	if rand.N(3) > 0 {
		c.room.leave(v)
		_, _ = rw.Unlock()
		return
	}
	c.room.become(v, aReader)
	_ = rw.Downgrade(ctx) // whatever it says, there is a read hold now, up to the old Until
	c.work()
	c.room.leave(v)
	_, _ = rw.RUnlock()
}

// work is a section of some length: a load, and no wait for anything.
func (c *crowd) work() { time.Sleep(rand.N(3 * time.Millisecond)) }

// awaitVisits waits until readers and writers have got in again, a few times.
func (c *crowd) awaitVisits() {
	c.t.Helper()
	readers, writers := c.room.readers.Load(), c.room.writers.Load()
	require.Eventually(c.t, func() bool {
		return c.room.readers.Load() >= readers+20 && c.room.writers.Load() >= writers+3
	}, 2*patience, tick, "the crowd does not get on")
}

// awaitRefusals waits until some tries have failed.
func (c *crowd) awaitRefusals() {
	c.t.Helper()
	refused := c.refused.Load()
	require.Eventually(c.t, func() bool { return c.refused.Load() >= refused+20 }, 2*patience, tick)
}

// disperse ends the crowd, and reports what was seen.
func (c *crowd) disperse() {
	c.t.Helper()
	c.stopped.Store(true)
	c.all.Wait()
	require.NoError(c.t, c.ctx.Err(), "the crowd has not dispersed in time")
	assert.Empty(c.t, c.room.faults, "inside at once")
	assert.Greater(c.t, c.room.most, 1, "readers at a time")
	c.t.Logf("%d readers, up to %d at a time; %d writers; %d tries refused",
		c.room.readers.Load(), c.room.most, c.room.writers.Load(), c.refused.Load())
}

func TestCrowd(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) {
			w := newWorld(t, clients[0], redistest.Start(t, n))
			c := w.gather()
			for range 10 {
				c.awaitVisits()
			}
			c.disperse()
			w.requireSettled()
		})
	}
}

// faults are what the network does to a node's clients. Each has been met when
// met has grown.
var faults = []struct {
	name  string
	begin func(*redistest.Proxy)
	met   func(*redistest.Proxy) int64
}{
	{"delay", func(p *redistest.Proxy) { p.Delay(30 * time.Millisecond) }, (*redistest.Proxy).DelayedReplies},
	{"cut", (*redistest.Proxy).Cut, (*redistest.Proxy).CutConnections},
	{"lost replies", func(p *redistest.Proxy) { p.DropReplies(true) }, (*redistest.Proxy).DroppedReplies},
	{"lost requests", func(p *redistest.Proxy) { p.DropRequests(true) }, (*redistest.Proxy).DroppedRequests},
}

// A minority has a fault at a time, or the only node.
func TestCrowdWithABadNetwork(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) {
			w := newWorld(t, clients[0], redistest.Start(t, n, redistest.WithProxy()))
			c := w.gather(hasty)
			c.awaitVisits()
			for _, fault := range faults {
				struck := w.someNodes()
				for _, node := range struck {
					before := fault.met(node.Proxy())
					fault.begin(node.Proxy())
					require.Eventually(t, func() bool { return fault.met(node.Proxy()) > before }, patience, tick, fault.name)
				}
				if n > 1 {
					c.awaitVisits()
				} else {
					c.awaitRefusals()
				}
				for _, node := range struck {
					node.Proxy().Heal()
				}
				c.awaitVisits()
			}
			c.disperse()
			w.awaitReleased(c.objects...)
		})
	}
}

// someNodes are a minority, or the only node.
func (w *world) someNodes() []*redistest.Node {
	from := rand.N(len(w.nodes))
	some := []*redistest.Node{w.nodes[from]}
	for i := 1; i < len(w.nodes)-w.quorum(); i++ {
		some = append(some, w.nodes[(from+i)%len(w.nodes)])
	}
	return some
}

// Nodes that restart have forgotten everything. That is safe when they come back
// later than the longest expiry, which another node's clock measures.
func TestCrowdWithNodesThatRestart(t *testing.T) {
	redistest.Needs(t, redistest.CanKill, redistest.CanRestartEmpty)
	const expiry = time.Second
	for _, n := range []int{1, 3, 5} {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) {
			t.Parallel() // as they mostly wait
			clock := redistest.StartOne(t)
			w := newWorld(t, clients[0], redistest.Start(t, n))
			c := w.gather(rwmutex.WithExpiry(expiry), rwmutex.WithTimeoutFactor(0.2))
			c.awaitVisits()
			for range 3 {
				struck := w.someNodes()
				for _, node := range struck {
					node.Kill(t)
				}
				clock.Do(t, "SET", "down", "", "PX", (expiry + expiry/10).Milliseconds())
				if n > 1 {
					c.awaitVisits()
				}
				require.Eventually(t, func() bool { return clock.Do(t, "EXISTS", "down") == int64(0) }, patience, tick)
				for _, node := range struck {
					node.Restart(t)
				}
				c.awaitVisits()
			}
			c.disperse()
		})
	}
}
