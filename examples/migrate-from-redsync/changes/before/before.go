// Package before has what a move from Redsync to Holdfast changes beyond imports, as it is
// written with Redsync. Package after has the same with Holdfast, and valkey-go besides, for
// which Redsync wants an adapter like that for rueidis.
package before

import (
	"time"

	redigoclient "github.com/gomodule/redigo/redis"
	redisclient "github.com/redis/go-redis/v9"
	rueidisclient "github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidiscompat"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/go-redsync/redsync/v4/redis/redigo"
	"github.com/go-redsync/redsync/v4/redis/rueidis"
)

// Clients are one of each library.
type Clients struct {
	GoRedis redisclient.UniversalClient
	Redigo  *redigoclient.Pool
	Rueidis rueidisclient.Client
}

// Pools makes a pool of each client.
func (c Clients) Pools() []redis.Pool {
	return []redis.Pool{
		goredis.NewPool(c.GoRedis),
		redigo.NewPool(c.Redigo),
		rueidis.NewPool(rueidiscompat.NewAdapter(c.Rueidis)),
	}
}

// NewMutex makes a mutex with the options that all locks of a service share.
func NewMutex(name string, pool redis.Pool) *redsync.Mutex {
	return redsync.New(pool).NewMutex(name, shared(), redsync.WithRetryDelay(5*time.Millisecond))
}

func shared() redsync.Option {
	return redsync.OptionFunc(func(m *redsync.Mutex) {
		redsync.WithExpiry(4 * time.Second).Apply(m)
		redsync.WithTries(200).Apply(m)
	})
}
