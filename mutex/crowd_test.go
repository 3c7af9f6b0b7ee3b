package mutex_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// section is what only one may be in at a time.
type section struct {
	inside atomic.Int32
	visits atomic.Int32
	worst  atomic.Int32
}

func (s *section) visit() {
	if n := s.inside.Add(1); n > 1 {
		s.worst.Store(n)
	}
	runtime.Gosched()
	s.visits.Add(1)
	s.inside.Add(-1)
}

// crowd is a number of processes with each client library, each with some
// objects, each with some goroutines, that want one lock.
type crowd struct {
	t       *testing.T
	section section
	all     sync.WaitGroup
	total   int // visits there will be
}

const (
	crowdGoroutines = 3 // an object
	crowdVisits     = 5 // a goroutine
)

// gather starts a crowd. It disperses by itself.
func gather(t *testing.T, name string, nodes []*redistest.Node, processes, objects int, options ...mutex.Option) *crowd {
	c := &crowd{t: t, total: len(clients) * processes * objects * crowdGoroutines * crowdVisits}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	options = append([]mutex.Option{
		mutex.WithUnlimitedTries(),
		mutex.WithRetryDelayFunc(func(int) time.Duration { return rand.N(40 * time.Millisecond) }),
	}, options...)
	for _, client := range clients {
		w := &world{t: t, client: client, nodes: nodes, name: name}
		for range processes {
			f := w.factory()
			for range objects {
				c.use(ctx, w.on(f, options...))
			}
		}
	}
	return c
}

// use starts the goroutines of an object.
func (c *crowd) use(ctx context.Context, m *mutex.Mutex) {
	for range crowdGoroutines {
		c.all.Go(func() {
			for range crowdVisits {
				if !assert.NoError(c.t, m.LockContext(ctx)) {
					return
				}
				c.section.visit()
				_, _ = m.Unlock() // which bad nodes may fail
			}
		})
	}
}

// await waits until so many parts of a hundred of the visits were made.
func (c *crowd) await(percent int) {
	c.t.Helper()
	require.Eventually(c.t, func() bool { return int(c.section.visits.Load())*100 >= c.total*percent },
		2*patience, tick, "the crowd does not get on")
}

// disperse waits for the crowd, and checks that there was never more than one.
func (c *crowd) disperse() {
	c.t.Helper()
	c.all.Wait()
	assert.EqualValues(c.t, c.total, c.section.visits.Load())
	assert.Zero(c.t, c.section.worst.Load(), "so many were in at once")
}

func TestCrowd(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		w := newWorld(t, clients[0], redistest.Start(t, n))
		gather(t, w.name, w.nodes, 2, 2).disperse()
		w.requireSettled()
	}
}

// Two clients that have a node each, of three, both wait for one that is silent, as
// long as a call may take: not long, with hasty.
func TestCrowdWithNodesThatPause(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	w := newWorld(t, clients[0], redistest.Start(t, 3))
	c := gather(t, w.name, w.nodes, 1, 1, hasty)
	for i := range 6 {
		n := w.nodes[i%len(w.nodes)]
		n.Pause(t)
		c.await(10 * (i + 1))
		n.Resume(t)
	}
	c.disperse()
}

func TestCrowdWithNodesThatDie(t *testing.T) {
	redistest.Needs(t, redistest.CanKill)
	w := newWorld(t, clients[0], redistest.Start(t, 5))
	c := gather(t, w.name, w.nodes, 2, 1, hasty)
	c.await(20)
	w.nodes[0].Kill(t)
	c.await(50)
	w.nodes[3].Kill(t)
	c.disperse()
}
