// Package slotmove has locks of every kind go on while the slot of their names moves from
// one master of a Cluster to another. The tests of each driver that knows Clusters run it.
package slotmove

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/semaphore"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// expiry of the locks, whose calls have a twentieth of it: a loaded machine answers in
// that, also where a call is redirected on its way.
const expiry = 2 * time.Minute

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

// Run runs the cases, each with a new pool of one Cluster.
func Run(t *testing.T, open func(testing.TB, *redistest.Cluster) driver.Pool) {
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
			test(&moving{t, cluster, open(t, cluster), redistest.Name(t), nil})
		})
	}
}

// mutex is one of a process of its own.
func (m *moving) mutex(options ...mutex.Option) *mutex.Mutex {
	return mutex.New(m.pool).NewMutex(m.name, append(options, mutex.WithExpiry(expiry))...)
}

// rwmutex is one of a process of its own.
func (m *moving) rwmutex(options ...rwmutex.Option) *rwmutex.RWMutex {
	return rwmutex.New(m.pool).NewRWMutex(m.name, append(options, rwmutex.WithExpiry(expiry))...)
}

// yes requires that a call was successful.
func (m *moving) yes(ok bool, err error) {
	m.Helper()
	require.NoError(m, err)
	require.True(m, ok)
}

// Who holds a mutex extends and releases it, and who comes locks it.
func movingMutex(m *moving) {
	held := m.mutex()
	require.NoError(m, held.Lock())
	m.begin()
	m.yes(held.Extend())
	m.yes(held.Valid())
	require.ErrorAs(m, m.mutex().TryLock(), new(*mutex.ErrTaken))
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
	held := m.mutex()
	require.NoError(m, held.Lock())
	waiting := make(chan struct{}, 2)
	var all sync.WaitGroup
	wait := func() {
		x := mutex.New(m.pool).NewMutex(m.name, mutex.WithExpiry(expiry), mutex.WithUnlimitedTries(), mutex.WithRetryDelayFunc(func(int) time.Duration {
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
	held := m.mutex(mutex.WithFencing())
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
	held := m.rwmutex(options...)
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
	held, other := m.rwmutex(), m.rwmutex()
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

// All permits are in one key: who holds extends and releases, and who comes acquires, also
// where no permit is held.
func movingSemaphore(m *moving) {
	s := semaphore.New(m.pool).NewSemaphore(m.name, 2, semaphore.WithExpiry(expiry))
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
	third, err := s.TryAcquire()
	require.NoError(m, err, "with no permit there is no key")
	m.finish()
	m.yes(third.Extend())
	m.yes(third.Release())
}

// Renewals that are due together go out as one batch, in which each has a way of its own.
func movingRenewals(m *moving) {
	locks := rwmutex.New(m.pool)
	const short = 5 * time.Second // soon over, but not by a stall of a loaded machine
	options := []rwmutex.Option{rwmutex.WithExpiry(short), rwmutex.WithTimeoutFactor(0.2), rwmutex.WithAutoExtend()}
	read, written := locks.NewRWMutex(m.name, options...), locks.NewRWMutex(m.name+"else", options...)
	require.NoError(m, read.RLock())
	require.NoError(m, written.Lock())
	m.begin()
	before, otherwise := read.RUntil(), written.Until()
	require.Eventually(m, func() bool {
		return read.RUntil().After(before.Add(short)) && written.Until().After(otherwise.Add(short))
	}, patience, 10*time.Millisecond)
	m.yes(read.RUnlock())
	m.finish()
	m.yes(written.Unlock())
}
