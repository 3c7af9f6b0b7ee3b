package contestants

import (
	"fmt"
	"time"
)

// Mutex is what the mutexes of redsync and of Holdfast have in common.
type Mutex interface {
	Lock() error
	Unlock() (bool, error)
	Extend() (bool, error)
	Valid() (bool, error)
}

// Quorum is a contestant that can ask a majority of several nodes.
type Quorum struct {
	Contestant

	connect func(addrs []string) *Locks
}

// Connect makes new clients for the nodes at addrs. Nothing is sent yet.
func (q Quorum) Connect(addrs []string) *Locks { return q.connect(addrs) }

// Locks makes the mutexes of one process, as it were: one client a node. Its
// mutexes may be used concurrently with one another.
type Locks struct {
	closers

	// New makes a mutex.
	New func(Hold) Mutex
}

// Hold describes a mutex. What is left out is the library's default.
type Hold struct {
	Name   string
	Value  string        // if not "", the mutex adopts the hold with this value
	Expiry time.Duration // if not 0, the lifetime of its holds
}

// quorum makes a contestant of a connect function.
func quorum(library Library, client Client, connect func(addrs []string) *Locks) Quorum {
	open := func(addrs []string) (Session, error) {
		locks := connect(addrs)
		name := fmt.Sprintf("bench:%s:%s", library, client)
		return &pairs{closers: locks.closers, mutex: locks.New(Hold{Name: name})}, nil
	}
	return Quorum{Contestant: Contestant{Library: library, Client: client, open: open}, connect: connect}
}

// pairs locks and unlocks one mutex.
type pairs struct {
	closers
	mutex Mutex
}

func (p *pairs) Pair() error {
	if err := p.mutex.Lock(); err != nil {
		return err
	}
	if ok, err := p.mutex.Unlock(); !ok {
		return fmt.Errorf("contestants: unlock: %w", err)
	}
	return nil
}
