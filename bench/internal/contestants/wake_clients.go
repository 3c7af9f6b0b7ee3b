package contestants

import (
	"context"

	redigo "github.com/gomodule/redigo/redis"
	goredis "github.com/redis/go-redis/v9"
)

var (
	connectGoRedisWake = connectWake(openGoRedisWake)
	connectRedigoWake  = connectWake(openRedigoWake)
)

// goRedisWake is the floor of a hand-off on one node, with go-redis.
type goRedisWake struct {
	closers
	client *goredis.Client
	sha    string
}

func openGoRedisWake(addr string) (bareNode, error) {
	clients, closing := goRedisClients([]string{addr})
	sha, err := clients[0].ScriptLoad(context.Background(), deleteAndNotify).Result()
	if err != nil {
		return nil, closing.closeWith(err)
	}
	return &goRedisWake{closers: closing, client: clients[0], sha: sha}, nil
}

func (w *goRedisWake) set(key, value string) (bool, error) {
	return w.client.SetNX(context.Background(), key, value, Expiry).Result()
}

func (w *goRedisWake) release(key, value, channel string) error {
	return w.client.EvalSha(context.Background(), w.sha, []string{key}, value, channel).Err()
}

func (w *goRedisWake) subscribe(channel string, notify func()) error {
	subscription := w.client.Subscribe(context.Background(), channel)
	w.closers = append(closers{subscription}, w.closers...)
	if _, err := subscription.Receive(context.Background()); err != nil {
		return err
	}
	go func() {
		for {
			if _, err := subscription.ReceiveMessage(context.Background()); err != nil {
				return
			}
			notify()
		}
	}()
	return nil
}

// redigoWake is the floor of a hand-off on one node, with redigo.
type redigoWake struct {
	closers
	pool *redigo.Pool
	sha  string
}

func openRedigoWake(addr string) (bareNode, error) {
	pools, closing := redigoPools([]string{addr})
	sha, err := redigo.String(doRedigo(pools[0], "SCRIPT", "LOAD", deleteAndNotify))
	if err != nil {
		return nil, closing.closeWith(err)
	}
	return &redigoWake{closers: closing, pool: pools[0], sha: sha}, nil
}

func (w *redigoWake) set(key, value string) (bool, error) {
	reply, err := doRedigo(w.pool, "SET", key, value, "NX", "PX", redigoMillis)
	return reply == "OK", err
}

func (w *redigoWake) release(key, value, channel string) error {
	_, err := doRedigo(w.pool, "EVALSHA", w.sha, 1, key, value, channel)
	return err
}

func (w *redigoWake) subscribe(channel string, notify func()) error {
	conn, err := w.pool.Dial()
	if err != nil {
		return err
	}
	subscription := redigo.PubSubConn{Conn: conn}
	w.closers = append(closers{conn}, w.closers...)
	if err := subscription.Subscribe(channel); err != nil {
		return err
	}
	if err, failed := subscription.Receive().(error); failed {
		return err
	}
	go func() {
		for {
			if _, failed := subscription.Receive().(error); failed {
				return
			}
			notify()
		}
	}()
	return nil
}
