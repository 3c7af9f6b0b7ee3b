package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/rwmutex"
)

// waitsAtMost is after how long a lock that does not come is an error. Under the
// loads here a wait is a matter of milliseconds to seconds.
const waitsAtMost = 30 * time.Second

// party is what one process has: clients of its own, a mutex and a read-write
// lock on all nodes, and a client for its sections.
type party struct {
	clients []*redis.Client
	mutex   *mutex.Mutex
	rw      *rwmutex.RWMutex
	raw     *redis.Client
}

// newParty connects to the nodes. Nothing is sent yet.
func newParty(addrs []string) *party {
	p := &party{raw: redis.NewClient(&redis.Options{Addr: addrs[0]})}
	p.clients = append(p.clients, p.raw)
	var pools []driver.Pool
	for _, addr := range addrs {
		client := redis.NewClient(&redis.Options{Addr: addr})
		p.clients = append(p.clients, client)
		pools = append(pools, goredis.NewPool(client))
	}
	p.mutex = mutex.New(pools...).NewMutex("bench:mutex", mutex.WithUnlimitedTries())
	p.rw = rwmutex.New(pools...).NewRWMutex("bench:rwmutex", rwmutex.WithUnlimitedTries())
	return p
}

func (p *party) close() error {
	var err error
	for _, client := range p.clients {
		err = errors.Join(err, client.Close())
	}
	return err
}

// runners are the pairs that are raced, the mutex's first.
func (p *party) runners() []measure.Runner {
	idle := func() error { return nil }
	return []measure.Runner{
		{Name: "mutex", Op: func() error { return p.exclude(idle) }},
		{Name: "RLock + RUnlock", Op: func() error { return p.read(idle) }},
		{Name: "Lock + Unlock", Op: func() error { return p.write(idle) }},
	}
}

// exclude runs a section under the mutex.
func (p *party) exclude(section func() error) error {
	return between(p.mutex.LockContext, section, p.mutex.Unlock)
}

// read runs a section under the read lock.
func (p *party) read(section func() error) error {
	return between(p.rw.RLockContext, section, p.rw.RUnlock)
}

// write runs a section under the write lock.
func (p *party) write(section func() error) error {
	return between(p.rw.LockContext, section, p.rw.Unlock)
}

func between(lock func(context.Context) error, section func() error, unlock func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(context.Background(), waitsAtMost)
	defer cancel()
	if err := lock(ctx); err != nil {
		return err
	}
	err := section()
	if ok, unlockErr := unlock(); !ok {
		err = errors.Join(err, fmt.Errorf("unlock: %w", unlockErr))
	}
	return err
}

// get is a reader's section.
func (p *party) get() error {
	err := p.raw.Get(context.Background(), "bench:section").Err()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}
