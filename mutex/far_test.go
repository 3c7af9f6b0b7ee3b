package mutex_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	redigoclient "github.com/gomodule/redigo/redis"
	goredisclient "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

const (
	// conns is how many connections a factory has to a node at a time, at most: one for each
	// call that is under way at a time, and one that listens.
	conns = 16 + 1
	// poolSize is how many the application's pool may have.
	poolSize = 20
)

// farClient is a client library whose connections take as long as the node is far, and
// what takes all connections of its pool.
type farClient struct {
	name string
	pool func(t testing.TB, n *redistest.Node) (pool driver.Pool, occupy func())
}

var farClients = []farClient{{"goredis", farGoredis}, {"redigo", farRedigo}}

func farGoredis(t testing.TB, n *redistest.Node) (driver.Pool, func()) {
	c := goredisclient.NewClient(&goredisclient.Options{
		Addr: n.Addr(), Dialer: n.Proxy().DialContext, PoolSize: poolSize,
	})
	t.Cleanup(func() { _ = c.Close() })
	return goredis.NewPool(c), func() {
		for range poolSize {
			held := c.Conn()
			require.NoError(t, held.Ping(context.Background()).Err())
			t.Cleanup(func() { _ = held.Close() })
		}
	}
}

func farRedigo(t testing.TB, n *redistest.Node) (driver.Pool, func()) {
	p := &redigoclient.Pool{
		MaxIdle: 3, MaxActive: poolSize, Wait: true,
		DialContext: func(ctx context.Context) (redigoclient.Conn, error) {
			return redigoclient.DialContext(ctx, "tcp", n.Addr(), redigoclient.DialContextFunc(n.Proxy().DialContext))
		},
	}
	t.Cleanup(func() { _ = p.Close() })
	return redigo.NewPool(p), func() {
		for range poolSize {
			held := p.Get()
			require.NoError(t, held.Err())
			t.Cleanup(func() { _ = held.Close() })
		}
	}
}

// farWorld is a number of nodes that are far away, which nobody else uses.
type farWorld struct {
	t      *testing.T
	client farClient
	nodes  []*redistest.Node
}

// far runs a test with each client on n nodes behind a link, beside other tests.
func far(t *testing.T, n int, link redistest.Link, test func(t *testing.T, w *farWorld)) {
	for _, c := range farClients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &farWorld{t, c, redistest.Start(t, n, redistest.WithProxy())}
			for _, n := range w.nodes {
				n.Proxy().Far(link)
			}
			test(t, w)
		})
	}
}

func away(roundTrip time.Duration) redistest.Link { return redistest.Link{RoundTrip: roundTrip} }

func (w *farWorld) factory() *mutex.Factory {
	var pools []driver.Pool
	for _, n := range w.nodes {
		pool, _ := w.client.pool(w.t, n)
		pools = append(pools, pool)
	}
	return mutex.New(pools...)
}

// requireConns checks that so many factories have made no more connections than they may.
func (w *farWorld) requireConns(factories int) {
	w.t.Helper()
	for i, n := range w.nodes {
		made, together := n.Proxy().Dialled()
		assert.LessOrEqual(w.t, together, int64(factories*conns), "connections to node %d at a time", i)
		assert.LessOrEqual(w.t, made, int64(factories*conns), "connections to node %d", i)
	}
}

// awaitNothing waits until no node has a key of any kind. Awaited may be the last one: it ends by
// itself where a waiter has withdrawn after the last release.
func (w *farWorld) awaitNothing() {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		for _, n := range w.nodes {
			if size, err := n.TryDo("DBSIZE"); err != nil || size != int64(0) {
				return false
			}
		}
		return true
	}, patience, tick, "a key was left behind")
}

// The life of a lock, at the distance of another process, room, country and continent.
func TestFarLife(t *testing.T) {
	t.Parallel()
	for _, trip := range []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond} {
		t.Run(trip.String(), func(t *testing.T) {
			t.Parallel()
			link := redistest.Link{RoundTrip: trip, Jitter: trip / 10, Bandwidth: 10_000_000}
			far(t, 3, link, func(t *testing.T, w *farWorld) {
				m, other := w.factory().NewMutex("name"), w.factory().NewMutex("name")
				require.NoError(t, m.Lock())
				heldInTheEnd(t, m, m.Valid)
				until := m.Until()
				heldInTheEnd(t, m, m.Extend)
				require.True(t, m.Until().After(until))
				require.ErrorIs(t, other.TryLock(), mutex.ErrFailed)
				waits := make(chan error, 1)
				go func() { waits <- other.Lock() }()
				unlockInTheEnd(t, m)
				require.NoError(t, <-waits)
				unlockInTheEnd(t, other)
				w.awaitNothing()
				w.requireConns(2)
			})
		})
	}
}

// What a node is asked: one command for each call, once it knows the scripts.
func TestFarAsksOnce(t *testing.T) {
	redistest.Needs(t, redistest.CanCount)
	t.Parallel()
	far(t, 1, away(20*time.Millisecond), func(t *testing.T, w *farWorld) {
		m := w.factory().NewMutex("name", steady()...)
		life := func() {
			require.NoError(t, m.Lock())
			requireYes(t, m.Extend)
			requireYes(t, m.Unlock)
		}
		life()
		before := w.commands()
		life()
		assert.Equal(t, before+3, w.commands())
		w.requireConns(1)
	})
}

// commands is how many scripts the first node was asked to run, and how many SETs: of these
// no script has one, where nobody waits.
func (w *farWorld) commands() int {
	return w.nodes[0].Calls(w.t, "evalsha", "set")
}

// Clients that have no connection and a node that knows no script: whatever that takes,
// the first call has it.
func TestFarFirstLock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ trip, expiry time.Duration }{
		{20 * time.Millisecond, time.Second},
		{60 * time.Millisecond, 8 * time.Second}, {120 * time.Millisecond, 8 * time.Second},
		{180 * time.Millisecond, 8 * time.Second}, {250 * time.Millisecond, 8 * time.Second},
	} {
		t.Run(fmt.Sprint(c.trip), func(t *testing.T) {
			t.Parallel()
			far(t, 1, away(c.trip), func(t *testing.T, w *farWorld) {
				m := w.factory().NewMutex("name", mutex.WithExpiry(c.expiry))
				require.NoError(t, m.Lock())
				unlockInTheEnd(t, m)
				w.awaitNothing()
			})
		})
	}
}

// The very first try has a lock, though its connection takes longer than a call may. A
// busy machine may need longer than the distance leaves it: then other clients try.
func TestFarFirstTry(t *testing.T) {
	t.Parallel()
	for _, trip := range []time.Duration{150 * time.Millisecond, 250 * time.Millisecond} {
		t.Run(fmt.Sprint(trip), func(t *testing.T) {
			t.Parallel()
			far(t, 1, away(trip), func(t *testing.T, w *farWorld) {
				var m *mutex.Mutex
				yesInTheEnd(t, func() (bool, error) {
					m = w.factory().NewMutex("name")
					err := m.TryLock()
					return err == nil, err
				})
				unlockInTheEnd(t, m)
				w.awaitNothing()
			})
		})
	}
}

// yesInTheEnd makes a call as often as it takes for enough nodes to answer in time: a
// busy machine may need longer than the distance leaves it.
func yesInTheEnd(t *testing.T, call func() (bool, error)) {
	t.Helper()
	require.Eventually(t, func() bool {
		ok, _ := call()
		return ok
	}, patience, tick)
}

// heldInTheEnd is yesInTheEnd for a call about a lock, which is locked again where it has
// expired before enough nodes have answered in time.
func heldInTheEnd(t *testing.T, m *mutex.Mutex, call func() (bool, error)) {
	t.Helper()
	yesInTheEnd(t, func() (bool, error) {
		if time.Now().After(m.Until()) {
			_, _ = m.Unlock()
			if err := m.Lock(); err != nil {
				return false, err
			}
		}
		return call()
	})
}

// steady options have a lock that lasts, and calls that do: a machine that stands still
// for a while is no server that is far away.
func steady(more ...mutex.Option) []mutex.Option {
	return append(more, mutex.WithExpiry(expiry), mutex.WithTimeoutFactor(0.5))
}

// Many times as many callers as the pool has connections, each with a lock that is free:
// all have it.
func TestFarCrowd(t *testing.T) {
	for _, n := range []int{300, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			far(t, 1, away(50*time.Millisecond), func(t *testing.T, w *farWorld) {
				f := w.factory()
				locks := make([]*mutex.Mutex, n)
				forAll(n, func(i int) {
					locks[i] = f.NewMutex(fmt.Sprint(i), steady()...)
					assert.NoError(t, locks[i].Lock())
				})
				forAll(n, func(i int) {
					ok, err := locks[i].Unlock()
					assert.True(t, ok, "%v", err)
				})
				w.awaitNothing()
				w.requireConns(1)
				assert.Less(t, w.nodes[0].Proxy().Requests(), int64(n), "they share requests")
			})
		})
	}
}

func forAll(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// What the application does with its connections is no matter: it has them all.
func TestFarWithoutAConnectionInThePool(t *testing.T) {
	t.Parallel()
	far(t, 1, away(10*time.Millisecond), func(t *testing.T, w *farWorld) {
		pool, occupy := w.client.pool(t, w.nodes[0])
		f := mutex.New(pool)
		held := f.NewMutex("before", renewed...)
		require.NoError(t, held.Lock())
		occupy()
		until := held.Until()
		m := f.NewMutex("name", steady(mutex.WithTries(1))...)
		require.NoError(t, m.Lock())
		requireYes(t, m.Unlock)
		require.Eventually(t, func() bool { return held.Until().After(until) }, patience, tick, "it is renewed")
		select {
		case <-held.Lost():
			t.Error("lost")
		default:
		}
		unlockInTheEnd(t, held)
		w.awaitNothing()
	})
}

// fleeting options have a lock that lasts, so that what is gone was released, with calls
// that give up soon.
func fleeting(bound time.Duration) []mutex.Option {
	return []mutex.Option{
		mutex.WithExpiry(expiry), mutex.WithTimeoutFactor(float64(bound) / float64(expiry)), mutex.WithTries(2),
		mutex.WithRetryDelay(20 * time.Millisecond),
	}
}

// A node that accepts connections and answers nothing, not even a greeting, from before
// the client's first connection on.
func TestFarNodeThatNeverGreets(t *testing.T) {
	t.Parallel()
	redistest.Needs(t, redistest.CanPause)
	far(t, 1, away(5*time.Millisecond), func(t *testing.T, w *farWorld) {
		w.nodes[0].Pause(t)
		f := w.factory()
		forAll(5, func(i int) {
			err := f.NewMutex(fmt.Sprint(i), fleeting(200*time.Millisecond)...).Lock()
			assert.ErrorIs(t, err, mutex.ErrFailed)
			requireNodeErrors(t, err, 0)
		})
		w.nodes[0].Resume(t)
		m := f.NewMutex("name")
		require.NoError(t, m.Lock())
		unlockInTheEnd(t, m)
		w.awaitNothing()
	})
}

// badDay has callers come and go while a fault is on, and then looks at what is left.
func (w *farWorld) badDay(m func(*mutex.Factory, string) *mutex.Mutex, begin, end func(), visits int) int64 {
	f := w.factory()
	begin()
	var locked, failed atomic.Int64
	forAll(10, func(i int) {
		for visit := range visits {
			m := m(f, fmt.Sprint(i, visit))
			err := m.Lock()
			if err == nil {
				locked.Add(1)
				_, _ = m.Unlock() // which is settled later if there is no answer
				continue
			}
			if failed.Add(1) == 1 {
				w.t.Log(err)
			}
			assert.ErrorIs(w.t, err, mutex.ErrFailed)
			requireNodeErrors(w.t, err, 0)
		}
	})
	end()
	w.t.Logf("%d locked, %d failed", locked.Load(), failed.Load())
	last := f.NewMutex("name")
	require.NoError(w.t, last.Lock())
	unlockInTheEnd(w.t, last)
	w.awaitNothing()
	return locked.Load()
}

// A node whose connections are cut all the time.
func TestFarNodeWhoseConnectionsAreCut(t *testing.T) {
	t.Parallel()
	far(t, 1, away(5*time.Millisecond), func(t *testing.T, w *farWorld) {
		stop, ended := make(chan struct{}), make(chan struct{})
		proxy := w.nodes[0].Proxy()
		begin := func() {
			go func() {
				defer close(ended)
				for {
					select {
					case <-time.After(100 * time.Millisecond):
						proxy.Cut()
						proxy.Heal()
					case <-stop:
						return
					}
				}
			}()
		}
		end := func() { close(stop); <-ended }
		locked := w.badDay(func(f *mutex.Factory, name string) *mutex.Mutex {
			return f.NewMutex(name, fleeting(200*time.Millisecond)...)
		}, begin, end, 50) // two tries each: fewer than the releases that a node's queue holds
		assert.Positive(t, locked)
		assert.Positive(t, proxy.CutConnections())
	})
}

// A node of whose answers one in ten comes.
func TestFarNodeThatAnswersOneInTen(t *testing.T) {
	t.Parallel()
	far(t, 1, away(5*time.Millisecond), func(t *testing.T, w *farWorld) {
		proxy := w.nodes[0].Proxy()
		for start := time.Now(); proxy.DroppedReplies() == 0 && time.Since(start) < patience; {
			w.badDay(func(f *mutex.Factory, name string) *mutex.Mutex {
				return f.NewMutex(name, fleeting(100*time.Millisecond)...)
			}, func() { proxy.AnswerOneIn(10) }, func() { proxy.AnswerOneIn(0) }, 3)
		}
		assert.Positive(t, proxy.DroppedReplies())
	})
}

// Contexts that end while calls wait, are being sent, and are answered.
func TestFarCancelled(t *testing.T) {
	t.Parallel()
	far(t, 1, redistest.Link{RoundTrip: 40 * time.Millisecond, Jitter: 20 * time.Millisecond}, func(t *testing.T, w *farWorld) {
		f := w.factory()
		var locked, ended atomic.Int64
		step := time.Millisecond
		for round := 0; round < 3 || locked.Load() == 0; round++ { // without connections, and with them
			forAll(300, func(i int) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*step)
				defer cancel()
				m := f.NewMutex(fmt.Sprint(i), steady()...)
				switch err := m.LockContext(ctx); {
				case err == nil:
					locked.Add(1)
					ok, err := m.Unlock()
					assert.True(t, ok, "%v", err)
				default:
					ended.Add(1)
					assert.ErrorIs(t, err, mutex.ErrFailed)
					assert.ErrorIs(t, err, context.DeadlineExceeded)
				}
			})
			m := f.NewMutex("name", steady(mutex.WithTries(1))...)
			require.NoError(t, m.Lock())
			requireYes(t, m.Unlock)
			w.awaitNothing()
			step *= 2 // for a machine that is slow
		}
		assert.Positive(t, ended.Load())
		w.requireConns(1)
	})
}
