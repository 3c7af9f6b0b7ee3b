// Package after is package before, moved from Redsync to Holdfast.
package after

import (
	"time"

	redisclient "github.com/redis/go-redis/v9"
	rueidisclient "github.com/redis/rueidis"
	valkeyclient "github.com/valkey-io/valkey-go"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/driver/rueidis"
	"github.com/holdfast-go/holdfast/driver/valkeygo"
	redsync "github.com/holdfast-go/holdfast/mutex"
)

// Clients are one of each library.
type Clients struct {
	GoRedis redisclient.UniversalClient
	Redigo  redigo.Source // a *redis.Pool, or a type that wraps one
	Rueidis rueidisclient.Client
	Valkey  valkeyclient.Client
}

// Pools makes a pool of each client.
func (c Clients) Pools() []driver.Pool {
	return []driver.Pool{
		goredis.NewPool(c.GoRedis),
		redigo.NewPool(c.Redigo),
		rueidis.NewPool(c.Rueidis),
		valkeygo.NewPool(c.Valkey),
	}
}

// NewMutex makes a mutex with the options that all locks of a service share.
func NewMutex(name string, pool driver.Pool) *redsync.Mutex {
	return redsync.New(pool).NewMutex(name, append(shared(), redsync.WithRetryDelay(5*time.Millisecond))...)
}

func shared() []redsync.Option {
	return []redsync.Option{
		redsync.WithExpiry(4 * time.Second),
		redsync.WithTries(200),
	}
}
