package scenarios

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/mutex"
)

// renewalWorkers lock and unlock what is to be renewed. Many holds are not taken at
// the same moment, nor all in one by one.
const renewalWorkers = 16

// holds are mutexes whose holds are renewed.
type holds []*mutex.Mutex

func newHolds(locks *mutex.Factory, name string, n int, expiry time.Duration) holds {
	all := make(holds, n)
	for i := range all {
		all[i] = locks.NewMutex(fmt.Sprintf("bench:%s:%d", name, i), mutex.WithAutoExtend(), mutex.WithExpiry(expiry))
	}
	return all
}

// once locks and unlocks them all. Nodes that are slow to answer an unlock do not
// matter.
func (all holds) once() error {
	return all.each(func(m *mutex.Mutex) error {
		if err := m.Lock(); err != nil {
			return err
		}
		_, _ = m.Unlock()
		return nil
	})
}

func (all holds) lock() error { return all.each((*mutex.Mutex).Lock) }

// unlock counts the holds that were lost, by their own word or by that of the nodes.
func (all holds) unlock() (lost int) {
	var gone atomic.Int64
	_ = all.each(func(m *mutex.Mutex) error {
		if !isKept(m) {
			gone.Add(1)
		}
		_, _ = m.Unlock()
		return nil
	})
	return int(gone.Load())
}

// isKept asks the nodes until they have answered, or the hold is lost.
func isKept(m *mutex.Mutex) bool {
	for !isLost(m) {
		if ok, _ := m.Valid(); ok {
			return true
		}
	}
	return false
}

func isLost(m *mutex.Mutex) bool {
	select {
	case <-m.Lost():
		return true
	default:
		return false
	}
}

// each calls do on every mutex, from several goroutines.
func (all holds) each(do func(*mutex.Mutex) error) error {
	var next atomic.Int64
	failures := make([]error, renewalWorkers)
	var working sync.WaitGroup
	for worker := range failures {
		working.Go(func() {
			for i := next.Add(1); i <= int64(len(all)) && failures[worker] == nil; i = next.Add(1) {
				failures[worker] = do(all[i-1])
			}
		})
	}
	working.Wait()
	return errors.Join(failures...)
}
