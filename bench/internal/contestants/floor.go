package contestants

import (
	"context"
	"errors"

	redigo "github.com/gomodule/redigo/redis"
	goredis "github.com/redis/go-redis/v9"
)

// The bare commands: SET NX PX, then a compare-and-delete by EVALSHA, with
// nothing around them. No lock that keeps two round trips can cost less. With
// several nodes they run on one after the other, which makes their time no
// floor, but their allocations are the client library's own for that number of
// nodes.

const (
	floorKey   = "bench:floor"
	floorValue = "0123456789abcdef0123456789abcdef"

	compareAndDelete = `if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0`
)

// redigoMillis is Expiry as a word of a redigo command, converted once, as the
// cheapest program would.
var redigoMillis any = Expiry.Milliseconds()

// errFloor says that the bare commands did not do what they are measured for.
var errFloor = errors.New("contestants: the key was not set or not deleted")

func checkFloor(done bool, err error) error {
	if err == nil && !done {
		return errFloor
	}
	return err
}

type goRedisFloor struct {
	closers
	clients []*goredis.Client
	sha     string
	keys    []string
}

func openGoRedisFloor(addrs []string) (Session, error) {
	clients, closing := goRedisClients(addrs)
	floor := &goRedisFloor{closers: closing, clients: clients, keys: []string{floorKey}}
	for _, client := range clients {
		sha, err := client.ScriptLoad(context.Background(), compareAndDelete).Result()
		if err != nil {
			return nil, errors.Join(err, closing.Close())
		}
		floor.sha = sha
	}
	return floor, nil
}

// Pair sets on every node, then deletes on every node.
func (f *goRedisFloor) Pair() error {
	ctx := context.Background()
	for _, client := range f.clients {
		if err := checkFloor(client.SetNX(ctx, floorKey, floorValue, Expiry).Result()); err != nil {
			return err
		}
	}
	for _, client := range f.clients {
		reply, err := client.EvalSha(ctx, f.sha, f.keys, floorValue).Result()
		if err := checkFloor(reply == int64(1), err); err != nil {
			return err
		}
	}
	return nil
}

type redigoFloor struct {
	closers
	pools []*redigo.Pool
	sha   string
}

func openRedigoFloor(addrs []string) (Session, error) {
	pools, closing := redigoPools(addrs)
	floor := &redigoFloor{closers: closing, pools: pools}
	for _, pool := range pools {
		sha, err := redigo.String(doRedigo(pool, "SCRIPT", "LOAD", compareAndDelete))
		if err != nil {
			return nil, errors.Join(err, closing.Close())
		}
		floor.sha = sha
	}
	return floor, nil
}

func doRedigo(pool *redigo.Pool, command string, args ...any) (any, error) {
	conn := pool.Get()
	defer func() { _ = conn.Close() }()
	return conn.Do(command, args...)
}

// Pair sets on every node, then deletes on every node.
func (f *redigoFloor) Pair() error {
	for _, pool := range f.pools {
		reply, err := doRedigo(pool, "SET", floorKey, floorValue, "NX", "PX", redigoMillis)
		if err := checkFloor(reply == "OK", err); err != nil {
			return err
		}
	}
	for _, pool := range f.pools {
		reply, err := doRedigo(pool, "EVALSHA", f.sha, 1, floorKey, floorValue)
		if err := checkFloor(reply == int64(1), err); err != nil {
			return err
		}
	}
	return nil
}
