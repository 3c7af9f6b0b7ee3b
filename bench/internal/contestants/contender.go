package contestants

import "context"

// Contender is a contestant whose lock is shared by the goroutines of a process,
// and by several processes.
type Contender struct {
	Contestant

	// Connect makes what one process has: clients for the nodes at addrs and the
	// lock of that name. The caller closes it.
	Connect func(addrs []string, name string) (Party, error)
}

// Party is one process's part in a lock. Its goroutines share it.
type Party interface {
	// Lock waits for the lock until ctx ends, however many tries that takes, and
	// returns what unlocks it.
	Lock(ctx context.Context) (unlock func() error, err error)
	Close() error
}

// Crowd lists who contends in one process. The floor needs its local mutex: it
// excludes nobody else.
func Crowd() []Contender {
	floor := contender(Floor, GoRedis, "behind a local FIFO mutex", connectLocalFloor)
	crowd := append([]Contender{floor}, Processes()...)
	return append(crowd,
		contender(Holdfast, Rueidis, "", mutexParty(rueidisHoldfast)),
		contender(Holdfast, ValkeyGo, "", mutexParty(valkeyHoldfast)))
}

// Processes lists who contends in several processes.
func Processes() []Contender {
	return []Contender{
		contender(Holdfast, GoRedis, "", mutexParty(goRedisHoldfast)),
		contender(Redsync, GoRedis, "", connectRedsyncParty),
		contender(Redislock, GoRedis, "", connectRedislockParty),
		contender(Rueidislock, Rueidis, "1 key", rueidislockParty(1)),
	}
}

// Fleet is the read-write lock, whose readers share it, and the mutex, which takes
// them for everybody else.
func Fleet() (shared, excluding Contender) {
	return contender(Holdfast, GoRedis, "read-write lock", writerParty(goRedisHoldfast)),
		contender(Holdfast, GoRedis, "", mutexParty(goRedisHoldfast))
}

// FindContender returns the contender with a name, one of those here or of more.
func FindContender(name string, more ...Contender) (Contender, bool) {
	shared, _ := Fleet()
	for _, c := range append(append(Crowd(), shared, Fenced()), more...) {
		if c.Name() == name {
			return c, true
		}
	}
	return Contender{}, false
}

func contender(library Library, client Client, note string, connect func([]string, string) (Party, error)) Contender {
	return Contender{Contestant: Contestant{Library: library, Client: client, Note: note}, Connect: connect}
}

// party is a Party made of a function.
type party struct {
	closers
	lock func(ctx context.Context) (func() error, error)
}

func (p *party) Lock(ctx context.Context) (func() error, error) { return p.lock(ctx) }

// confirmed makes an error of an unlock that said no.
func confirmed(unlock func() (bool, error)) func() error {
	return func() error {
		if ok, err := unlock(); !ok {
			return errNotUnlocked(err)
		}
		return nil
	}
}
