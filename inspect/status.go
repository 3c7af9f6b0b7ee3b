package inspect

import (
	"math"
	"time"
)

// MaxShown is how many holders of a lock a node shows at most, and how many waiters of each
// mode.
const MaxShown = 1000

// Forever is the Remaining of a lease whose key has no expiry. Holdfast makes no such key.
const Forever = time.Duration(math.MaxInt64)

// Mode is what a lease lets its holder do.
type Mode string

// The modes of a mutex, of a read-write lock and of a semaphore.
const (
	Exclusive Mode = "exclusive"
	Write     Mode = "write"
	Read      Mode = "read"
	Permit    Mode = "permit"
)

// Status is who holds a lock and who waits for it.
type Status struct {
	// Kind is "mutex", "rwmutex" or "semaphore".
	Kind string
	// Name is the lock's name.
	Name string
	// Holders are the leases, those that a majority has first.
	Holders []Holder
	// Held is how many leases there are: more than len(Holders) where they are more than
	// [MaxShown].
	Held int
	// Waiters are those in line, in the order in which they came.
	Waiters []Waiter
	// Waiting is how many these are: more than len(Waiters) where they are more than
	// [MaxShown].
	Waiting int
	// Fence is the largest fencing token that a majority of the nodes knows of, or 0. The
	// current holder has this one or, where its process has more of a block, a smaller one.
	// Where fewer answered it is the largest that one of them knows of.
	Fence int64
	// Nodes is what each node answered, in the order of the pools.
	Nodes []Node
}

// Node is what one node answered.
type Node struct {
	// Addr is the node's address, or "" where the pool does not know it.
	Addr string
	// Err is why the node showed nothing, a [*holdfast.RedisError], or nil.
	Err error
	// Unreachable is set when Err is not from the server: it refused the connection, or
	// did not answer in time.
	Unreachable bool
	// Held and Waiting count its leases and tickets, and Fence is its counter.
	Held, Waiting int
	Fence         int64
}

// Holder is a lease. [Inspector.Release] frees it, and needs Kind, Name, Mode and Value.
type Holder struct {
	// Kind and Name are the lock's.
	Kind, Name string
	// Mode is what the lease is for.
	Mode Mode
	// Value is the lease's token.
	Value string
	// Owner is what WithOwner has put into the token, or "".
	Owner string
	// Slots are the slots of a permit, ascending: where a majority has the lease those that a majority
	// gave it, else all.
	Slots []int
	// Since is when the token was made, by the clock of its process, to the millisecond. It
	// is zero for a token that Holdfast did not make.
	Since time.Time
	// Remaining is how long the lease lasts on a majority unless it is renewed. Where no
	// majority has the lease, it is how long it lasts on the node where it lasts longest.
	Remaining time.Duration
	// Nodes are the numbers of the nodes that have the lease, from 0.
	Nodes []int
	// Majority is set when a majority of the nodes has the lease, each slot of a permit
	// included.
	Majority bool
}

// Waiter is a ticket: a call's place in the nodes' line.
type Waiter struct {
	// ID is the ticket's id.
	ID string
	// Process is the channel on which the waiter is notified. Waiters with one channel are
	// of one Factory of one process.
	Process string
	// Owner is what follows the @ of the id, or "" where it has none.
	Owner string
	// Mode is what it waits for.
	Mode Mode
	// Count is how many permits it waits for, and 1 of other locks.
	Count int
	// Limit is the limit of its semaphore, and 0 of other locks.
	Limit int
	// Since is when it came, by this process's clock.
	Since time.Time
	// Nodes are the numbers of the nodes in whose line it stands, from 0.
	Nodes []int
}
