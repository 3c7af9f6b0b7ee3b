package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
)

// keep is how long Redis has an entry, fresh or stale.
const keep = 10 * time.Minute

// cache is one entry. Its text on the server is a version and a value: an entry of an
// earlier version than the one that is asked for is stale.
type cache struct {
	entries redis.UniversalClient
	key     string
	fill    func(ctx context.Context) (string, error)
	filling func() *mutex.Mutex // nil lets each process fill
}

// newLocks is called once in a process.
func newLocks(clients []redis.UniversalClient) *mutex.Factory {
	var pools []driver.Pool
	for _, client := range clients {
		pools = append(pools, goredis.NewPool(client))
	}
	return mutex.New(pools...)
}

// get returns the entry of a version, or an older one while another process fills it.
func (c cache) get(ctx context.Context, version string) (string, error) {
	value, fresh, err := c.read(ctx, version)
	if err != nil || fresh {
		return value, err
	}
	if c.filling == nil {
		return c.refill(ctx, version)
	}
	m := c.filling()
	if value == "" {
		err = m.LockContext(ctx) // there is nothing to serve: wait
	} else if err = m.TryLockContext(ctx); errors.Is(err, mutex.ErrFailed) {
		return value, nil // another process fills it, or no lock is available now: the old one will do
	}
	if err != nil {
		return "", err
	}
	defer func() { _, _ = m.Unlock() }() // two fills do no harm
	if value, fresh, err = c.read(ctx, version); err != nil || fresh {
		return value, err // filled while this process waited
	}
	return c.refill(ctx, version)
}

// read returns the entry, "" if there is none, and whether it is of the version.
func (c cache) read(ctx context.Context, version string) (value string, fresh bool, err error) {
	text, err := c.entries.Get(ctx, c.key).Result()
	if errors.Is(err, redis.Nil) {
		return "", false, nil
	}
	has, value, _ := strings.Cut(text, " ")
	return value, has == version, err
}

// refill asks the source.
func (c cache) refill(ctx context.Context, version string) (string, error) {
	value, err := c.fill(ctx)
	if err == nil {
		err = c.entries.Set(ctx, c.key, version+" "+value, keep).Err()
	}
	return value, err
}
