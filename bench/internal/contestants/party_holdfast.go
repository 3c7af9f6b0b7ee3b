package contestants

import (
	"context"
	"errors"
	"sync"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/semaphore"
)

// readers is how many goroutines read together in the hand-offs from and to
// readers.
const readers = 4

// poolsOf makes Holdfast's pools on a client library.
type poolsOf func(addrs []string) ([]driver.Pool, closers)

func goRedisHoldfast(addrs []string) ([]driver.Pool, closers) {
	clients, closing := goRedisClients(addrs)
	pools := make([]driver.Pool, len(clients))
	for i, client := range clients {
		pools[i] = goredis.NewPool(client)
	}
	return pools, closing
}

func redigoHoldfast(addrs []string) ([]driver.Pool, closers) {
	delegates, closing := redigoPools(addrs)
	pools := make([]driver.Pool, len(delegates))
	for i, delegate := range delegates {
		pools[i] = redigo.NewPool(delegate)
	}
	return pools, closing
}

// mutexParty shares one mutex.
func mutexParty(on poolsOf) connectParty {
	return func(addrs []string, name string) (Party, error) {
		pools, closing := on(addrs)
		m := mutex.New(pools...).NewMutex(name, mutex.WithUnlimitedTries())
		unlock := confirmed(m.Unlock)
		return &party{closers: closing, lock: func(ctx context.Context) (func() error, error) {
			return unlock, m.LockContext(ctx)
		}}, nil
	}
}

func semaphoreParty(on poolsOf) connectParty {
	return func(addrs []string, name string) (Party, error) {
		pools, closing := on(addrs)
		s := semaphore.New(pools...).NewSemaphore(name, 1, semaphore.WithUnlimitedTries())
		return &party{closers: closing, lock: func(ctx context.Context) (func() error, error) {
			permit, err := s.AcquireContext(ctx)
			if err != nil {
				return nil, err
			}
			return confirmed(permit.Release), nil
		}}, nil
	}
}

func newRWMutex(on poolsOf, addrs []string, name string) (*rwmutex.RWMutex, closers) {
	pools, closing := on(addrs)
	return rwmutex.New(pools...).NewRWMutex(name, rwmutex.WithUnlimitedTries()), closing
}

// fleetParty is a party whose readers share the lock.
type fleetParty struct {
	Party
	rw *rwmutex.RWMutex
}

// RLock is Lock for a reader.
func (p *fleetParty) RLock(ctx context.Context) (unlock func() error, err error) {
	return confirmed(p.rw.RUnlock), p.rw.RLockContext(ctx)
}

func writerParty(on poolsOf) connectParty {
	return func(addrs []string, name string) (Party, error) {
		rw, closing := newRWMutex(on, addrs, name)
		unlock := confirmed(rw.Unlock)
		writers := &party{closers: closing, lock: func(ctx context.Context) (func() error, error) {
			return unlock, rw.LockContext(ctx)
		}}
		return &fleetParty{writers, rw}, nil
	}
}

// readersParty locks when all of its readers have the lock, and unlocks with the
// last of them.
func readersParty(on poolsOf, readers int) connectParty {
	return func(addrs []string, name string) (Party, error) {
		rw, closing := newRWMutex(on, addrs, name)
		unlock := func() (err error) {
			for range readers {
				err = errors.Join(err, confirmed(rw.RUnlock)())
			}
			return err
		}
		return &party{closers: closing, lock: func(ctx context.Context) (func() error, error) {
			return unlock, together(readers, func() error { return rw.RLockContext(ctx) })
		}}, nil
	}
}

// together runs n calls at once.
func together(n int, call func() error) error {
	failures := make([]error, n)
	var calling sync.WaitGroup
	for i := range failures {
		calling.Go(func() { failures[i] = call() })
	}
	calling.Wait()
	return errors.Join(failures...)
}
