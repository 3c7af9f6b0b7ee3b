package contestants

import (
	"context"

	"github.com/bsm/redislock"
)

// redislockSession uses one node: the library knows no quorum.
type redislockSession struct {
	closers
	client *redislock.Client
}

func openRedislock(addrs []string) (Session, error) {
	clients, closing := goRedisClients(addrs[:1])
	return &redislockSession{closers: closing, client: redislock.New(clients[0])}, nil
}

func (s *redislockSession) Pair() error {
	lock, err := s.client.Obtain(context.Background(), "bench:redislock", Expiry, nil)
	if err != nil {
		return err
	}
	return lock.Release(context.Background())
}
