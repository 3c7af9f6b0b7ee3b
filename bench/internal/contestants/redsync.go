package contestants

import (
	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis"
	redsyncgoredis "github.com/go-redsync/redsync/v4/redis/goredis/v9"
	redsyncredigo "github.com/go-redsync/redsync/v4/redis/redigo"
)

func redsyncOnGoRedis(wrap redsyncStyle) func(addrs []string) *Locks {
	return func(addrs []string) *Locks {
		clients, closing := goRedisClients(addrs)
		pools := make([]redis.Pool, len(clients))
		for i, client := range clients {
			pools[i] = redsyncgoredis.NewPool(client)
		}
		return &Locks{closers: closing, New: wrap(redsync.New(pools...))}
	}
}

func redsyncOnRedigo(wrap redsyncStyle) func(addrs []string) *Locks {
	return func(addrs []string) *Locks {
		delegates, closing := redigoPools(addrs)
		pools := make([]redis.Pool, len(delegates))
		for i, delegate := range delegates {
			pools[i] = redsyncredigo.NewPool(delegate)
		}
		return &Locks{closers: closing, New: wrap(redsync.New(pools...))}
	}
}

// redsyncStyle is how mutexes are made of a factory.
type redsyncStyle func(*redsync.Redsync) func(Hold) Mutex

// asItComes makes one mutex and keeps it.
func asItComes(factory *redsync.Redsync) func(Hold) Mutex {
	return func(hold Hold) Mutex { return factory.NewMutex(hold.Name, redsyncOptions(hold)...) }
}

// failingFast makes mutexes with FailFast, a new one for each Lock: with that
// option the stragglers of an Unlock read what the next Lock of the same mutex
// writes, which is a data race.
func failingFast(factory *redsync.Redsync) func(Hold) Mutex {
	return func(hold Hold) Mutex {
		options := append(redsyncOptions(hold), redsync.WithFailFast(true))
		renew := func() *redsync.Mutex { return factory.NewMutex(hold.Name, options...) }
		return &renewed{Mutex: renew(), renew: renew}
	}
}

// renewed is a mutex that is replaced by a new one when it is locked again.
type renewed struct {
	*redsync.Mutex
	renew func() *redsync.Mutex
}

func (r *renewed) Lock() error {
	r.Mutex = r.renew()
	return r.Mutex.Lock()
}

func redsyncOptions(hold Hold) (options []redsync.Option) {
	if hold.Value != "" {
		options = append(options, redsync.WithValue(hold.Value))
	}
	if hold.Expiry != 0 {
		options = append(options, redsync.WithExpiry(hold.Expiry))
	}
	return options
}
