package contestants

import (
	"context"
	"time"

	redigo "github.com/gomodule/redigo/redis"
	goredis "github.com/redis/go-redis/v9"
)

// Silence stops go-redis from logging every connection that it cannot make: the
// scenarios with killed nodes would fill the terminal.
func Silence() { goredis.SetLogger(silent{}) }

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// goRedisClients makes a client for each node, with go-redis' defaults.
func goRedisClients(addrs []string) ([]*goredis.Client, closers) {
	clients := make([]*goredis.Client, len(addrs))
	closing := make(closers, len(addrs))
	for i, addr := range addrs {
		clients[i] = goredis.NewClient(&goredis.Options{Addr: addr})
		closing[i] = clients[i]
	}
	return clients, closing
}

// redigoPools makes a pool for each node, as redigo's documentation shows it.
// (redigo has no default for the number of idle connections but zero, which
// would dial for every call.)
func redigoPools(addrs []string) ([]*redigo.Pool, closers) {
	pools := make([]*redigo.Pool, len(addrs))
	closing := make(closers, len(addrs))
	for i, addr := range addrs {
		pools[i] = &redigo.Pool{
			MaxIdle:     3,
			IdleTimeout: 240 * time.Second,
			Dial:        func() (redigo.Conn, error) { return redigo.Dial("tcp", addr) },
		}
		closing[i] = pools[i]
	}
	return pools, closing
}
