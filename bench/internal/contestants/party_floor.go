package contestants

import (
	"context"

	goredis "github.com/redis/go-redis/v9"
)

// connectLocalFloor is the bare commands, by goroutines that take turns in the
// order in which they came. No lock that keeps two round trips for a section can
// serve one process better.
func connectLocalFloor(addrs []string, name string) (Party, error) {
	clients, closing := goRedisClients(addrs[:1])
	sha, err := loadOn(clients[0])
	if err != nil {
		return nil, closing.closeWith(err)
	}
	floor := &localFloor{client: clients[0], sha: sha, keys: []string{name}, turn: make(chan struct{}, 1)}
	return &party{closers: closing, lock: floor.lock}, nil
}

func loadOn(client *goredis.Client) (sha string, err error) {
	return client.ScriptLoad(context.Background(), compareAndDelete).Result()
}

// localFloor is one process's. The turn is a FIFO mutex: goroutines that wait to
// send are served in order, and each receive lets the first of them in.
type localFloor struct {
	client *goredis.Client
	sha    string
	keys   []string
	turn   chan struct{}
}

func (f *localFloor) lock(ctx context.Context) (func() error, error) {
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := checkFloor(f.client.SetNX(context.Background(), f.keys[0], floorValue, Expiry).Result()); err != nil {
		<-f.turn
		return nil, err
	}
	return f.unlock, nil
}

func (f *localFloor) unlock() error {
	defer func() { <-f.turn }()
	reply, err := f.client.EvalSha(context.Background(), f.sha, f.keys, floorValue).Result()
	return checkFloor(reply == int64(1), err)
}
