package contestants

import (
	"context"
	"slices"
)

// Duelist is a kind of lock that two clients pass to and fro.
type Duelist struct {
	Contestant

	// Polls says that the library's waiters look again after a delay instead of
	// being notified.
	Polls bool

	connect func(addrs []string, name string) (*Duel, error)
}

// Connect makes both clients, with clients of their own for the nodes at addrs,
// and the lock of that name. The caller closes the duel.
func (d Duelist) Connect(addrs []string, name string) (*Duel, error) { return d.connect(addrs, name) }

// Duel is a lock and the two clients that pass it on.
type Duel struct {
	closers
	Sides [2]*Side
}

// Side is one client of a duel. Take and Give alternate.
type Side struct {
	// Gets names what the side gets by Take, if the sides are not alike.
	Gets string

	party  Party
	unlock func() error
}

// Take waits for the lock until ctx ends.
func (s *Side) Take(ctx context.Context) (err error) {
	s.unlock, err = s.party.Lock(ctx)
	return err
}

// Give unlocks.
func (s *Side) Give() error { return s.unlock() }

// FloorDuelists are the bare commands that wake a waiter.
func FloorDuelists() []Duelist {
	return []Duelist{
		duelist(Floor, GoRedis, "", connectGoRedisWake),
		duelist(Floor, Redigo, "", connectRedigoWake),
	}
}

// QuorumDuelists are those that can use several nodes.
func QuorumDuelists() []Duelist {
	return slices.Concat(
		primitives(GoRedis, goRedisHoldfast),
		primitives(Redigo, redigoHoldfast),
		[]Duelist{
			duelist(Holdfast, Rueidis, "mutex", alike(mutexParty(rueidisHoldfast))),
			duelist(Holdfast, ValkeyGo, "mutex", alike(mutexParty(valkeyHoldfast))),
			duelist(Holdfast, GoRedis, "rwmutex, readers",
				unlike("writer to readers", readersParty(goRedisHoldfast, readers), "last reader to writer", writerParty(goRedisHoldfast))),
			polling(duelist(Redsync, GoRedis, "", alike(connectRedsyncParty))),
			polling(duelist(Redsync, Redigo, "", alike(connectRedsyncRedigoParty))),
		})
}

// ToReader is what a reader gets that waits for a writer.
const ToReader = "writer to reader"

// primitives are Holdfast's on one client library.
func primitives(client Client, on poolsOf) []Duelist {
	return []Duelist{
		duelist(Holdfast, client, "mutex", alike(mutexParty(on))),
		duelist(Holdfast, client, "rwmutex, writer to writer", alike(writerParty(on))),
		duelist(Holdfast, client, "rwmutex, one reader", unlike(ToReader, readersParty(on, 1), "reader to writer", writerParty(on))),
		duelist(Holdfast, client, "semaphore of 1", alike(semaphoreParty(on))),
	}
}

// SingleDuelists are those that use one server whatever they are given.
func SingleDuelists() []Duelist {
	return []Duelist{
		polling(duelist(Redislock, GoRedis, "", alike(connectRedislockParty))),
		duelist(Rueidislock, Rueidis, "1 key", alike(rueidislockParty(1))),
		duelist(Rueidislock, Rueidis, "2 of 3 keys", alike(rueidislockParty(2))),
	}
}

func duelist(library Library, client Client, note string, connect func([]string, string) (*Duel, error)) Duelist {
	return Duelist{Contestant: Contestant{Library: library, Client: client, Note: note}, connect: connect}
}

func polling(d Duelist) Duelist {
	d.Polls = true
	return d
}

// connectParty makes one side of a duel.
type connectParty func(addrs []string, name string) (Party, error)

func alike(connect connectParty) func(addrs []string, name string) (*Duel, error) {
	return unlike("", connect, "", connect)
}

// unlike makes duels of which each side gets something else.
func unlike(first string, connectFirst connectParty, second string, connectSecond connectParty) func(addrs []string, name string) (*Duel, error) {
	return func(addrs []string, name string) (*Duel, error) {
		a, err := connectFirst(addrs, name)
		if err != nil {
			return nil, err
		}
		b, err := connectSecond(addrs, name)
		if err != nil {
			return nil, closers{a}.closeWith(err)
		}
		return &Duel{
			closers: closers{a, b},
			Sides:   [2]*Side{{Gets: first, party: a}, {Gets: second, party: b}},
		}, nil
	}
}
