package goredis_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/semaphore"
)

// moving is a lock's name in a Cluster, whose slot is on its way from begin to finish.
// In between the old owner refuses, with TRYAGAIN, scripts of which it has some keys
// only, and the new one those of which it has not all.
type moving struct {
	testing.TB
	cluster *redistest.Cluster
	pool    driver.Pool
	name    string
	finish  func()
}

func (m *moving) begin() {
	m.Helper()
	slot := m.cluster.Slot(m, m.name)
	to := m.cluster.Nodes[0]
	if to == m.cluster.Owner(m, slot) {
		to = m.cluster.Nodes[1]
	}
	m.finish = m.cluster.BeginMove(m, slot, to)
}

func TestClusterMovesASlot(t *testing.T) {
	cluster := redistest.NewCluster(t)
	for name, test := range map[string]func(m *moving){
		"mutex":            movingMutex,
		"mutex, awaited":   movingMutexAwaited,
		"mutex, numbered":  movingMutexNumbered,
		"write":            movingWrite,
		"write, numbered":  movingWriteNumbered,
		"read":             movingRead,
		"semaphore":        movingSemaphore,
		"renewed together": movingRenewals,
	} {
		t.Run(name, func(t *testing.T) {
			pool := goredis.NewPool(openCluster(t, cluster, redis.ClusterOptions{}))
			test(&moving{t, cluster, pool, redistest.Name(t), nil})
		})
	}
}

// yes requires that a call was successful.
func (m *moving) yes(ok bool, err error) {
	m.Helper()
	require.NoError(m, err)
	require.True(m, ok)
}

// Who holds a mutex extends and releases it, and who comes locks it.
func movingMutex(m *moving) {
	held := mutex.New(m.pool).NewMutex(m.name)
	require.NoError(m, held.Lock())
	m.begin()
	m.yes(held.Extend())
	m.yes(held.Valid())
	require.ErrorAs(m, mutex.New(m.pool).NewMutex(m.name).TryLock(), new(*mutex.ErrTaken))
	m.yes(held.Unlock())
	require.NoError(m, held.Lock())
	m.yes(held.Extend())
	m.finish()
	m.yes(held.Extend())
	m.yes(held.Unlock())
	require.NoError(m, held.TryLock())
	m.yes(held.Unlock())
}

// Who waits gets it by polling, whether it began before the move or after.
func movingMutexAwaited(m *moving) {
	held := mutex.New(m.pool).NewMutex(m.name)
	require.NoError(m, held.Lock())
	waiting := make(chan struct{}, 2)
	var all sync.WaitGroup
	wait := func() {
		x := mutex.New(m.pool).NewMutex(m.name, mutex.WithUnlimitedTries(), mutex.WithRetryDelayFunc(func(int) time.Duration {
			select {
			case waiting <- struct{}{}:
			default:
			}
			return 50 * time.Millisecond
		}))
		all.Go(func() {
			if err := x.Lock(); err != nil {
				m.Error(err)
				return
			}
			if ok, err := x.Unlock(); !ok {
				m.Error(err)
			}
		})
		<-waiting
	}
	wait()
	m.begin()
	wait()
	m.yes(held.Unlock())
	all.Wait()
	m.finish()
}

// A counter is needed for a number: who holds goes on, who comes waits for the end of the
// move.
func movingMutexNumbered(m *moving) {
	held := mutex.New(m.pool).NewMutex(m.name, mutex.WithFencing())
	require.NoError(m, held.Lock())
	first := held.Fence()
	m.begin()
	m.yes(held.Extend())
	m.yes(held.Unlock())
	require.ErrorContains(m, held.TryLock(), "TRYAGAIN")
	m.finish()
	require.NoError(m, held.Lock())
	require.Greater(m, held.Fence(), first)
	m.yes(held.Unlock())
}

func movingWrite(m *moving) { m.write() }

func movingWriteNumbered(m *moving) { m.write(rwmutex.WithFencing()) }

// Who writes extends and releases; who comes waits for the end of the move.
func (m *moving) write(options ...rwmutex.Option) {
	held := rwmutex.New(m.pool).NewRWMutex(m.name, options...)
	require.NoError(m, held.Lock())
	m.begin()
	m.yes(held.Extend())
	m.yes(held.Valid())
	m.yes(held.Unlock())
	require.ErrorContains(m, held.TryLock(), "TRYAGAIN")
	m.finish()
	require.NoError(m, held.Lock())
	m.yes(held.Unlock())
}

// So does who reads.
func movingRead(m *moving) {
	held, other := rwmutex.New(m.pool).NewRWMutex(m.name), rwmutex.New(m.pool).NewRWMutex(m.name)
	require.NoError(m, held.RLock())
	require.NoError(m, other.RLock())
	m.begin()
	m.yes(held.RExtend())
	m.yes(held.RUnlock())
	m.yes(other.RUnlock())
	require.ErrorContains(m, held.TryRLock(), "TRYAGAIN")
	m.finish()
	require.NoError(m, held.Lock(), "nobody reads any more")
	m.yes(held.Unlock())
}

// As long as any client has a permit, both keys of a semaphore are there: who holds extends
// and releases, and who comes acquires.
func movingSemaphore(m *moving) {
	s := semaphore.New(m.pool).NewSemaphore(m.name, 2)
	first, err := s.Acquire()
	require.NoError(m, err)
	m.begin()
	m.yes(first.Extend())
	second, err := s.Acquire()
	require.NoError(m, err)
	_, err = s.TryAcquire()
	require.ErrorAs(m, err, new(*semaphore.ErrTaken))
	m.yes(second.Release())
	m.yes(first.Release())
	_, err = s.TryAcquire()
	require.ErrorContains(m, err, "TRYAGAIN", "with no permit there is no key")
	m.finish()
	first, err = s.Acquire()
	require.NoError(m, err)
	m.yes(first.Release())
}

// Renewals that are due together go out as one batch, in which each has a way of its own.
func movingRenewals(m *moving) {
	locks := rwmutex.New(m.pool)
	const expiry = 3 * time.Second // soon over, but not by a stall of a loaded machine
	options := []rwmutex.Option{rwmutex.WithExpiry(expiry), rwmutex.WithTimeoutFactor(0.15), rwmutex.WithAutoExtend()}
	read, written := locks.NewRWMutex(m.name, options...), locks.NewRWMutex(m.name+"else", options...)
	require.NoError(m, read.RLock())
	require.NoError(m, written.Lock())
	m.begin()
	before, otherwise := read.RUntil(), written.Until()
	require.Eventually(m, func() bool {
		return read.RUntil().After(before.Add(expiry)) && written.Until().After(otherwise.Add(expiry))
	}, patience, 10*time.Millisecond)
	m.yes(read.RUnlock())
	m.finish()
	m.yes(written.Unlock())
}

// everyKey is a hook that puts a prefix before all keys of a script, as one does that
// gives an application a part of a server for itself.
type everyKey struct{ recorder }

func (p *everyKey) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		args := cmd.Args()
		if name := cmd.Name(); name == "evalsha" || name == "eval" {
			for i := range args[2].(int) {
				args[3+i] = "app:" + args[3+i].(string)
			}
		}
		return next(ctx, cmd)
	}
}

// A prefix without a hash tag moves the name to another slot than the line has: the
// mutex goes on without the line.
func TestClusterWithAPrefix(t *testing.T) {
	cluster := redistest.NewCluster(t)
	t.Run("mutex", func(t *testing.T) { prefixedMutex(t, cluster) })
	t.Run("all else", func(t *testing.T) { prefixedElse(t, cluster) })
}

func prefixedMutex(t *testing.T, cluster *redistest.Cluster) {
	client := openCluster(t, cluster, redis.ClusterOptions{})
	client.AddHook(&everyKey{})
	pool, name := goredis.NewPool(struct{ *redis.ClusterClient }{client}), redistest.Name(t)
	holder, waiter := mutex.New(pool).NewMutex(name), mutex.New(pool).NewMutex(name)
	require.NoError(t, holder.Lock())
	require.ErrorAs(t, waiter.TryLock(), new(*mutex.ErrTaken))
	locked, m := make(chan error), &moving{TB: t}
	go func() { locked <- waiter.Lock() }()
	m.yes(holder.Unlock())
	require.NoError(t, <-locked)
	m.yes(waiter.Unlock())
	require.EqualValues(t, 0, cluster.Owner(t, cluster.Slot(t, "app:"+name)).Do(t, "EXISTS", "app:"+name))
	require.ErrorContains(t, mutex.New(pool).NewMutex(name, mutex.WithFencing()).TryLock(), "CROSSSLOT",
		"the counter's key is needed")
	for _, fenced := range [][]mutex.Option{nil, {mutex.WithFencing()}} { // a name with a tag keeps its slot
		tagged := mutex.New(pool).NewMutex("{"+name+"}", fenced...)
		require.NoError(t, tagged.Lock())
		m.yes(tagged.Unlock())
	}
}

// All keys of the other locks have a hash tag.
func prefixedElse(t *testing.T, cluster *redistest.Cluster) {
	client := openCluster(t, cluster, redis.ClusterOptions{})
	client.AddHook(&everyKey{})
	pool, name := goredis.NewPool(struct{ *redis.ClusterClient }{client}), redistest.Name(t)
	rw, s := rwmutex.New(pool).NewRWMutex(name, rwmutex.WithFencing()), semaphore.New(pool).NewSemaphore(name, 2)
	m := &moving{TB: t}
	require.NoError(t, rw.Lock())
	m.yes(rw.Extend())
	m.yes(rw.Unlock())
	require.NoError(t, rw.RLock())
	m.yes(rw.RExtend())
	m.yes(rw.RUnlock())
	permit, err := s.Acquire()
	require.NoError(t, err)
	m.yes(permit.Extend())
	m.yes(permit.Release())
}
