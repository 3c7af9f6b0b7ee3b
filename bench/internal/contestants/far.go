package contestants

import (
	"context"
	"net"

	"github.com/bsm/redislock"
	"github.com/go-redsync/redsync/v4"
	redsyncredis "github.com/go-redsync/redsync/v4/redis"
	redsyncgoredis "github.com/go-redsync/redsync/v4/redis/goredis/v9"
	redsyncredigo "github.com/go-redsync/redsync/v4/redis/redigo"
	redigo "github.com/gomodule/redigo/redis"
	goredis "github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	hfgoredis "github.com/holdfast-go/holdfast/driver/goredis"
	hfredigo "github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/mutex"
)

// FarPool is how many connections the pool of a client has in the scenarios with far
// nodes, where that decides how many callers are served at a time.
const FarPool = 20

// Site is where a node is: its address, and how to connect to it as from afar.
type Site struct {
	Addr string
	Dial func(ctx context.Context, network, addr string) (net.Conn, error) // nil: as usual
}

// FarClient makes contestants on one client library, of new clients each time.
type FarClient struct {
	Client

	Ping  func(Site) error // by a new client
	Pools func([]Site) ([]driver.Pool, func() error)
	// Contestants by library, each with what closes it. There is no redislock on redigo.
	Takers map[Library]func([]Site) (Taker, func() error)
}

// Taker takes a lock that has a name, with the library's defaults, and returns what gives
// it back.
type Taker func(name string) (give func() error, err error)

// FarClients are go-redis and redigo, with pools of FarPool connections.
func FarClients() []FarClient { return []FarClient{farGoRedis(), farRedigo()} }

func farGoRedis() FarClient {
	pools := func(sites []Site) ([]driver.Pool, func() error) {
		clients, closing := farGoRedisClients(sites)
		var all []driver.Pool
		for _, c := range clients {
			all = append(all, hfgoredis.NewPool(c))
		}
		return all, closing.Close
	}
	return FarClient{GoRedis, pingGoRedis, pools, map[Library]func([]Site) (Taker, func() error){
		Floor:    goRedisSetTaker,
		Holdfast: holdfastTaker(pools),
		Redsync: func(sites []Site) (Taker, func() error) {
			clients, closing := farGoRedisClients(sites)
			var all []redsyncredis.Pool
			for _, c := range clients {
				all = append(all, redsyncgoredis.NewPool(c))
			}
			return redsyncTaker(all), closing.Close
		},
		Redislock: redislockTaker,
	}}
}

func farGoRedisClients(sites []Site) (clients []*goredis.Client, closing closers) {
	for _, site := range sites {
		c := goredis.NewClient(&goredis.Options{Addr: site.Addr, Dialer: site.Dial, PoolSize: FarPool})
		clients, closing = append(clients, c), append(closing, c)
	}
	return clients, closing
}

func pingGoRedis(site Site) error {
	clients, closing := farGoRedisClients([]Site{site})
	return closing.closeWith(clients[0].Ping(context.Background()).Err())
}

func goRedisSetTaker(sites []Site) (Taker, func() error) {
	clients, closing := farGoRedisClients(sites[:1])
	ctx, script := context.Background(), goredis.NewScript(compareAndDelete)
	return func(name string) (func() error, error) {
		err := checkFloor(clients[0].SetNX(ctx, name, floorValue, Expiry).Result())
		return func() error {
			return script.Run(ctx, clients[0], []string{name}, floorValue).Err()
		}, err
	}, closing.Close
}

func redislockTaker(sites []Site) (Taker, func() error) {
	clients, closing := farGoRedisClients(sites[:1])
	locks, ctx := redislock.New(clients[0]), context.Background()
	return func(name string) (func() error, error) {
		lock, err := locks.Obtain(ctx, name, Expiry, nil)
		return func() error { return lock.Release(ctx) }, err
	}, closing.Close
}

func farRedigo() FarClient {
	pools := func(sites []Site) ([]driver.Pool, func() error) {
		delegates, closing := farRedigoPools(sites)
		var all []driver.Pool
		for _, p := range delegates {
			all = append(all, hfredigo.NewPool(p))
		}
		return all, closing.Close
	}
	return FarClient{Redigo, pingRedigo, pools, map[Library]func([]Site) (Taker, func() error){
		Floor:    redigoSetTaker,
		Holdfast: holdfastTaker(pools),
		Redsync: func(sites []Site) (Taker, func() error) {
			delegates, closing := farRedigoPools(sites)
			var all []redsyncredis.Pool
			for _, p := range delegates {
				all = append(all, redsyncredigo.NewPool(p))
			}
			return redsyncTaker(all), closing.Close
		},
	}}
}

// farRedigoPools keep what they open: a pool with fewer idle connections would dial
// again and again.
func farRedigoPools(sites []Site) (pools []*redigo.Pool, closing closers) {
	for _, site := range sites {
		var options []redigo.DialOption
		if site.Dial != nil {
			options = append(options, redigo.DialContextFunc(site.Dial))
		}
		p := &redigo.Pool{
			MaxIdle: FarPool, MaxActive: FarPool, Wait: true,
			DialContext: func(ctx context.Context) (redigo.Conn, error) {
				return redigo.DialContext(ctx, "tcp", site.Addr, options...)
			},
		}
		pools, closing = append(pools, p), append(closing, p)
	}
	return pools, closing
}

func pingRedigo(site Site) error {
	pools, closing := farRedigoPools([]Site{site})
	_, err := doRedigo(pools[0], "PING")
	return closing.closeWith(err)
}

func redigoSetTaker(sites []Site) (Taker, func() error) {
	pools, closing := farRedigoPools(sites[:1])
	script := redigo.NewScript(1, compareAndDelete)
	return func(name string) (func() error, error) {
		reply, err := doRedigo(pools[0], "SET", name, floorValue, "NX", "PX", redigoMillis)
		return func() error {
			conn := pools[0].Get()
			defer func() { _ = conn.Close() }()
			_, err := script.Do(conn, name, floorValue)
			return err
		}, checkFloor(reply == "OK", err)
	}, closing.Close
}

func holdfastTaker(on func([]Site) ([]driver.Pool, func() error)) func([]Site) (Taker, func() error) {
	return func(sites []Site) (Taker, func() error) {
		pools, closing := on(sites)
		locks := mutex.New(pools...)
		return func(name string) (func() error, error) {
			m := locks.NewMutex(name)
			return confirmed(m.Unlock), m.Lock()
		}, closing
	}
}

func redsyncTaker(pools []redsyncredis.Pool) Taker {
	locks := redsync.New(pools...)
	return func(name string) (func() error, error) {
		m := locks.NewMutex(name)
		return confirmed(m.Unlock), m.Lock()
	}
}
