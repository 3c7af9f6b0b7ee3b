package contestants

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast/mutex"
)

// CrewDelay is the retry delay of a crew, which tries again by itself only then.
const CrewDelay = 250 * time.Millisecond

// crewExpiry lets a call take a second, so that a busy machine does not fail one.
const crewExpiry = 20 * time.Second

// Crew is several of Holdfast's clients with one mutex, each with a factory and
// connections of its own, as several processes would have. A call of Lock is made
// by a client that has nothing to do; there is one for as many calls as there are
// clients.
func Crew(clients int, addrs []string, name string) Party {
	c := &crew{idle: make(chan *mutex.Mutex, clients)}
	for range clients {
		pools, closing := goRedisHoldfast(addrs)
		c.closers = append(c.closers, closing)
		c.idle <- mutex.New(pools...).NewMutex(name, mutex.WithUnlimitedTries(), mutex.WithRetryDelay(CrewDelay), mutex.WithExpiry(crewExpiry))
	}
	return c
}

type crew struct {
	closers
	idle chan *mutex.Mutex
}

func (c *crew) Lock(ctx context.Context) (func() error, error) {
	m := <-c.idle
	if err := m.LockContext(ctx); err != nil {
		c.idle <- m
		return nil, err
	}
	return func() error {
		defer func() { c.idle <- m }()
		return confirmed(m.Unlock)()
	}, nil
}
