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

	"github.com/holdfast-go/holdfast"
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

	processes = 3 // each with an object of each kind, on one library
)

// crowd is clients of one lock of each kind.
type crowd struct {
	mutexes, rwmutexes, permits *record

	over       chan struct{}
	all        sync.WaitGroup
	numbers    atomic.Int32
	failed     atomic.Int64 // acquires
	extended   atomic.Int64
	downgraded atomic.Int64
	stalled    atomic.Int64 // clients that overslept their lease
	unnotified atomic.Int64 // of these, those whose Lost stayed open
	ways       ways
}

// ways counts how sections began that did not ask the nodes themselves.
type ways struct {
	mutexes, writers, permits atomic.Int64 // on a lease that another goroutine passed on
	joined                    atomic.Int64 // by readers, on the lease of others
	granted                   atomic.Int64 // by a release elsewhere
}

// ofDowngrade marks a context of Downgrade, whose reader did not join others.
type ofDowngrade struct{}

func (w *ways) hooks() *holdfast.Hooks {
	passed := map[string]*atomic.Int64{
		"mutex": &w.mutexes, "rwmutex.write": &w.writers, "semaphore": &w.permits, "rwmutex.read": &w.joined,
	}
	return &holdfast.Hooks{AcquireDone: func(ctx context.Context, l holdfast.Lock, a holdfast.Acquired) {
		if a.Err == nil && a.Passed && ctx.Value(ofDowngrade{}) == nil {
			passed[l.Kind].Add(1)
		}
		if a.Err == nil && a.Granted {
			w.granted.Add(1)
		}
	}}
}

// gather starts a crowd, which goes on until it is stopped. Either writers
// or mutexes have fencing tokens, by the seed.
func gather(t *testing.T, name string, nodes []*redistest.Node, seed uint64) *crowd {
	begun := time.Now()
	c := &crowd{
		mutexes:   &record{name: name + "-mutex", begun: begun, fenced: seed%2 == 0},
		rwmutexes: &record{name: name + "-rwmutex", begun: begun, fenced: seed%2 != 0},
		permits:   &record{name: name + "-semaphore", begun: begun, limit: permits},
		over:      make(chan struct{}),
	}
	random := rand.New(rand.NewPCG(seed, 2))
	for process := range processes {
		pools := poolsOf(t, nodes, process)
		c.share(process, 100, seed, random, c.useMutex(c.newMutex(name+"m", pools)))
		c.share(process, 200, seed, random, c.useRWMutex(c.newRWMutex(name+"rw", pools)))
		c.share(process, 300, seed, random, c.useSemaphore(c.newSemaphore(name+"s", pools)))
	}
	return c
}

// share starts the goroutines that share a process's object: one in the first process,
// which passes nothing, and 2 to 8 in the others.
func (c *crowd) share(process int, kind, seed uint64, random *rand.Rand, visit func(*user, context.Context)) {
	goroutines := 1
	if process > 0 {
		goroutines = 2 + random.IntN(7)
	}
	for g := range goroutines {
		c.start(rand.New(rand.NewPCG(seed, kind+uint64(10*process+g))), visit)
	}
}

func (c *crowd) newMutex(name string, pools []driver.Pool) *mutex.Mutex {
	options := []mutex.Option{mutex.WithExpiry(expiry), mutex.WithTimeoutFactor(0.15), mutex.WithHooks(c.ways.hooks())}
	if c.mutexes.fenced {
		options = append(options, mutex.WithFencing())
	}
	return mutex.New(pools...).NewMutex(name, options...)
}

func (c *crowd) newRWMutex(name string, pools []driver.Pool) *rwmutex.RWMutex {
	options := []rwmutex.Option{rwmutex.WithExpiry(expiry), rwmutex.WithTimeoutFactor(0.15), rwmutex.WithHooks(c.ways.hooks())}
	if c.rwmutexes.fenced {
		options = append(options, rwmutex.WithFencing())
	}
	return rwmutex.New(pools...).NewRWMutex(name, options...)
}

func (c *crowd) newSemaphore(name string, pools []driver.Pool) *semaphore.Semaphore {
	return semaphore.New(pools...).NewSemaphore(name, permits,
		semaphore.WithExpiry(expiry), semaphore.WithTimeoutFactor(0.15), semaphore.WithHooks(c.ways.hooks()))
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
			ctx, cancel := u.giveUp(2 * expiry)
			visit(u, ctx)
			cancel()
			time.Sleep(u.upTo(10 * time.Millisecond))
		}
	})
}

// giveUp is the context of a client that gives up after d at most, and at times so soon
// that it does in the queue or as a lease is being passed to it.
func (u *user) giveUp(d time.Duration) (context.Context, context.CancelFunc) {
	if u.oneIn(6) {
		d = 5 * time.Millisecond
	}
	return context.WithTimeout(context.Background(), u.upTo(d))
}

func (u *user) upTo(d time.Duration) time.Duration {
	return 1 + time.Duration(u.random.Int64N(int64(d)))
}

func (u *user) oneIn(n int) bool { return u.random.IntN(n) == 0 }

// holding is what a client does with what it has.
type holding struct {
	record    *record
	kind      string
	slots     []int
	fence     func() int64
	until     func() time.Time
	lost      func() <-chan struct{}
	extend    func() (bool, error)
	release   func(context.Context) (bool, error)
	downgrade func(context.Context) error // nil where there is none
	read      *holding                    // what Downgrade makes of it
}

// stayIn holds, extends at random, sometimes for too long, and releases. Most sections
// are so short that the lease passes to the next goroutine without a request.
func (u *user) stayIn(called time.Time, h holding) {
	s := &stay{client: u.number, kind: h.kind, slots: h.slots, got: time.Now(), until: h.until()}
	if h.fence != nil && h.record.fenced {
		s.fence = h.fence()
	}
	h.record.begin(s, called)
	time.Sleep(u.upTo(time.Millisecond))
	if u.oneIn(3) {
		u.linger(s, h)
	}
	if h.downgrade != nil && u.oneIn(4) {
		u.readOn(s, h)
		return
	}
	u.leave(s, h, time.Now())
}

// linger stays for longer, and at times for longer than the lease lasts.
func (u *user) linger(s *stay, h holding) {
	lost := h.lost()
	time.Sleep(u.upTo(20 * time.Millisecond))
	for u.oneIn(4) {
		if ok, _ := h.extend(); ok {
			u.crowd.extended.Add(1)
		}
		s.relyOn(h)
		time.Sleep(u.upTo(100 * time.Millisecond))
	}
	if u.oneIn(30) {
		u.oversleep(lost)
	}
}

// oversleep waits until the lease is reported lost, and for longer.
func (u *user) oversleep(lost <-chan struct{}) {
	select {
	case <-lost:
	case <-time.After(patience):
		u.crowd.unnotified.Add(1)
	}
	time.Sleep(u.upTo(expiry))
	u.crowd.stalled.Add(1)
}

// relyOn notes up to when the holder may go on: until Until, and for as long as Lost does
// not say otherwise.
func (s *stay) relyOn(h holding) {
	now := time.Now()
	s.until = h.until()
	select {
	case <-h.lost():
	default:
		if s.until.Before(now) {
			s.until = now
		}
	}
}

// readOn downgrades, reads, and releases. After an error nothing is relied upon.
func (u *user) readOn(s *stay, h holding) {
	s.relyOn(h)
	called := time.Now()
	ctx, cancel := u.giveUp(expiry)
	err := h.downgrade(context.WithValue(ctx, ofDowngrade{}, true))
	cancel()
	if err != nil {
		u.leave(s, *h.read, called)
		return
	}
	h.record.downgrade(s, called)
	u.crowd.downgraded.Add(1)
	s.relyOn(*h.read)
	time.Sleep(u.upTo(10 * time.Millisecond))
	u.leave(s, *h.read, time.Now())
}

// leave releases what was held up to called, which bad nodes may fail.
func (u *user) leave(s *stay, h holding, called time.Time) {
	if s.kind == h.kind {
		s.relyOn(h)
	}
	ctx, cancel := u.giveUp(10 * expiry)
	_, _ = h.release(ctx)
	cancel()
	h.record.end(s, called)
}

func (c *crowd) useMutex(m *mutex.Mutex) func(*user, context.Context) {
	h := holding{
		record: c.mutexes, kind: "writer", fence: m.Fence,
		until: m.Until, lost: m.Lost, extend: m.Extend, release: m.UnlockContext,
	}
	return func(u *user, ctx context.Context) {
		called := time.Now()
		if m.LockContext(ctx) != nil {
			c.failed.Add(1)
			return
		}
		u.stayIn(called, h)
	}
}

func (c *crowd) useRWMutex(rw *rwmutex.RWMutex) func(*user, context.Context) {
	reader := holding{
		record: c.rwmutexes, kind: "reader",
		until: rw.RUntil, lost: rw.RLost, extend: rw.RExtend, release: rw.RUnlockContext,
	}
	writer := holding{
		record: c.rwmutexes, kind: "writer", fence: rw.Fence,
		until: rw.Until, lost: rw.Lost, extend: rw.Extend, release: rw.UnlockContext,
		downgrade: rw.Downgrade, read: &reader,
	}
	return func(u *user, ctx context.Context) {
		h, lock := writer, rw.LockContext
		if u.oneIn(2) {
			h, lock = reader, rw.RLockContext
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
		u.stayIn(called, holding{
			record: c.permits, kind: "permit", slots: p.Slots(),
			until: p.Until, lost: p.Lost, extend: p.Extend, release: p.ReleaseContext,
		})
	}
}

// disperse ends the crowd, and waits for it.
func (c *crowd) disperse() {
	close(c.over)
	c.all.Wait()
}

func (c *crowd) records() []*record { return []*record{c.mutexes, c.rwmutexes, c.permits} }
