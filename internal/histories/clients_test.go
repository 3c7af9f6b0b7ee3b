package histories

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	redigoclient "github.com/gomodule/redigo/redis"
	goredisclient "github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/semaphore"
)

const (
	expiry  = time.Second
	permits = 3

	processes  = 2 // each with clients of its own, of one library
	goroutines = 2 // of a process, for each lock
)

// crowd is clients of one lock of each kind.
type crowd struct {
	mutexes, rwmutexes, permits *record

	over     chan struct{}
	all      sync.WaitGroup
	numbers  atomic.Int32
	failed   atomic.Int64 // acquires
	extended atomic.Int64
	stalled  atomic.Int64 // clients that overslept their hold
}

// gather starts a crowd, which goes on until it is told that it is over.
func gather(t *testing.T, name string, nodes []*redistest.Node, seed uint64) *crowd {
	begun := time.Now()
	c := &crowd{
		mutexes:   &record{name: name + "-mutex", begun: begun},
		rwmutexes: &record{name: name + "-rwmutex", begun: begun},
		permits:   &record{name: name + "-semaphore", begun: begun, limit: permits},
		over:      make(chan struct{}),
	}
	for process := range processes {
		pools := poolsOf(t, nodes, process)
		m := mutex.New(pools...).NewMutex(name+"m", mutex.WithExpiry(expiry), mutex.WithTimeoutFactor(0.15))
		rw := rwmutex.New(pools...).NewRWMutex(name+"rw", rwmutex.WithExpiry(expiry), rwmutex.WithTimeoutFactor(0.15))
		s := semaphore.New(pools...).NewSemaphore(name+"s", permits, semaphore.WithExpiry(expiry), semaphore.WithTimeoutFactor(0.15))
		for g := range goroutines {
			random := func(kind uint64) *rand.Rand {
				return rand.New(rand.NewPCG(seed, kind+uint64(10*process+g)))
			}
			c.start(random(100), c.useMutex(m))
			c.start(random(200), c.useRWMutex(rw))
			c.start(random(300), c.useSemaphore(s))
		}
	}
	return c
}

// poolsOf are clients of every node, of another library for every other process.
func poolsOf(t *testing.T, nodes []*redistest.Node, process int) (pools []driver.Pool) {
	for _, n := range nodes {
		if process%2 == 0 {
			client := goredisclient.NewClient(&goredisclient.Options{Addr: n.Addr()})
			t.Cleanup(func() { _ = client.Close() })
			pools = append(pools, goredis.NewPool(client))
			continue
		}
		pool := &redigoclient.Pool{MaxIdle: 3, Dial: func() (redigoclient.Conn, error) {
			return redigoclient.Dial("tcp", n.Addr())
		}}
		t.Cleanup(func() { _ = pool.Close() })
		pools = append(pools, redigo.NewPool(pool))
	}
	return pools
}

// user is one client.
type user struct {
	crowd  *crowd
	random *rand.Rand
	number int
}

// start has a client visit again and again.
func (c *crowd) start(random *rand.Rand, visit func(*user, context.Context)) {
	u := &user{c, random, int(c.numbers.Add(1))}
	c.all.Go(func() {
		for {
			select {
			case <-c.over:
				return
			default:
			}
			ctx, cancel := context.WithTimeout(context.Background(), u.upTo(2*expiry))
			visit(u, ctx)
			cancel()
			time.Sleep(u.upTo(10 * time.Millisecond))
		}
	})
}

func (u *user) upTo(d time.Duration) time.Duration {
	return 1 + time.Duration(u.random.Int64N(int64(d)))
}

// holding is what a client does with what it has.
type holding struct {
	record  *record
	kind    string
	slots   []int
	until   func() time.Time
	extend  func() (bool, error)
	release func() (bool, error)
}

// stayIn holds, extends at random, sometimes for too long, and releases.
func (u *user) stayIn(called time.Time, h holding) {
	s := h.record.begin(u.number, h.kind, h.slots, called, h.until())
	time.Sleep(u.upTo(20 * time.Millisecond))
	for u.random.IntN(4) == 0 {
		if ok, _ := h.extend(); ok {
			s.until = h.until()
			u.crowd.extended.Add(1)
		}
		time.Sleep(u.upTo(100 * time.Millisecond))
	}
	if u.random.IntN(30) == 0 {
		time.Sleep(expiry + u.upTo(expiry))
		u.crowd.stalled.Add(1)
	}
	released := time.Now()
	_, _ = h.release() // which bad nodes may fail
	h.record.end(s, released)
}

func (c *crowd) useMutex(m *mutex.Mutex) func(*user, context.Context) {
	return func(u *user, ctx context.Context) {
		called := time.Now()
		if m.LockContext(ctx) != nil {
			c.failed.Add(1)
			return
		}
		u.stayIn(called, holding{c.mutexes, "writer", nil, m.Until, m.Extend, m.Unlock})
	}
}

func (c *crowd) useRWMutex(rw *rwmutex.RWMutex) func(*user, context.Context) {
	return func(u *user, ctx context.Context) {
		h := holding{c.rwmutexes, "reader", nil, rw.RUntil, rw.RExtend, rw.RUnlock}
		lock := rw.RLockContext
		if u.random.IntN(3) == 0 {
			h = holding{c.rwmutexes, "writer", nil, rw.Until, rw.Extend, rw.Unlock}
			lock = rw.LockContext
		}
		called := time.Now()
		if lock(ctx) != nil {
			c.failed.Add(1)
			return
		}
		u.stayIn(called, h)
	}
}

func (c *crowd) useSemaphore(s *semaphore.Semaphore) func(*user, context.Context) {
	return func(u *user, ctx context.Context) {
		called := time.Now()
		p, err := s.AcquireN(ctx, 1+u.random.IntN(2))
		if err != nil {
			c.failed.Add(1)
			return
		}
		u.stayIn(called, holding{c.permits, "permit", p.Slots(), p.Until, p.Extend, p.Release})
	}
}

// disperse ends the crowd, and waits for it.
func (c *crowd) disperse() {
	close(c.over)
	c.all.Wait()
}

func (c *crowd) records() []*record { return []*record{c.mutexes, c.rwmutexes, c.permits} }
