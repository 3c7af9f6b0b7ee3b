package contestants

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/bsm/redislock"
	"github.com/go-redsync/redsync/v4"
	redsyncredis "github.com/go-redsync/redsync/v4/redis"
	redsyncgoredis "github.com/go-redsync/redsync/v4/redis/goredis/v9"
	redsyncredigo "github.com/go-redsync/redsync/v4/redis/redigo"
	"github.com/redis/rueidis/rueidislock"
)

// redislockRetry is the retry strategy of redislock's documentation, without its
// limit. The library has no default that waits.
const redislockRetry = 100 * time.Millisecond

func errNotUnlocked(err error) error {
	return errors.Join(errors.New("contestants: not unlocked"), err)
}

// connectRedsyncParty makes a mutex for every section, as redsync's mutexes must
// not be shared by goroutines.
func connectRedsyncParty(addrs []string, name string) (Party, error) {
	clients, closing := goRedisClients(addrs)
	pools := make([]redsyncredis.Pool, len(clients))
	for i, client := range clients {
		pools[i] = redsyncgoredis.NewPool(client)
	}
	return redsyncParty(pools, closing, name), nil
}

func connectRedsyncRedigoParty(addrs []string, name string) (Party, error) {
	delegates, closing := redigoPools(addrs)
	pools := make([]redsyncredis.Pool, len(delegates))
	for i, delegate := range delegates {
		pools[i] = redsyncredigo.NewPool(delegate)
	}
	return redsyncParty(pools, closing, name), nil
}

func redsyncParty(pools []redsyncredis.Pool, closing closers, name string) Party {
	factory := redsync.New(pools...)
	return &party{closers: closing, lock: func(ctx context.Context) (func() error, error) {
		m := factory.NewMutex(name, redsync.WithTries(math.MaxInt32))
		if err := m.LockContext(ctx); err != nil {
			return nil, err
		}
		return confirmed(m.Unlock), nil
	}}
}

func connectRedislockParty(addrs []string, name string) (Party, error) {
	clients, closing := goRedisClients(addrs[:1])
	client := redislock.New(clients[0])
	return &party{closers: closing, lock: func(ctx context.Context) (func() error, error) {
		// Without a deadline the library would give up after an expiry.
		ctx, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		options := &redislock.Options{RetryStrategy: redislock.LinearBackoff(redislockRetry)}
		lock, err := client.Obtain(ctx, name, Expiry, options)
		if err != nil {
			return nil, err
		}
		return func() error { return lock.Release(context.Background()) }, nil
	}}, nil
}

// rueidislockParty makes parties whose locks need majority of 2*majority-1 keys.
func rueidislockParty(majority int32) func(addrs []string, name string) (Party, error) {
	return func(addrs []string, name string) (Party, error) {
		locker, err := newRueidislock(addrs, majority)
		if err != nil {
			return nil, err
		}
		lock := func(ctx context.Context) (func() error, error) { return waitForRueidislock(ctx, locker, name) }
		return &party{closers: closers{closeFunc(locker.Close)}, lock: lock}, nil
	}
}

// waitForRueidislock bounds the wait only: the library unlocks when the context
// that it was given ends.
func waitForRueidislock(ctx context.Context, locker rueidislock.Locker, name string) (func() error, error) {
	holding, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, end)
	defer stop()
	_, unlock, err := locker.WithContext(holding, name)
	if err != nil {
		end()
		return nil, fmt.Errorf("rueidislock: %w", err)
	}
	return func() error {
		unlock() // returns when the keys are deleted
		end()
		return nil
	}, nil
}

// closeFunc is an io.Closer that cannot fail.
type closeFunc func()

func (f closeFunc) Close() error {
	f()
	return nil
}
