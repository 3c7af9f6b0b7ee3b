// Package semaphore limits how many permits are held at a time by many processes, on one
// Redis or on a majority of several independent ones.
//
//	locks := semaphore.New(goredis.NewPool(client)) // once in a process
//	s := locks.NewSemaphore("thumbnails", 10)
//	err := s.Do(ctx, func(ctx context.Context) error {
//		return call(ctx) // at most 10 at a time; ctx ends when the permit is lost
//	})
//
// docs/semaphore.md is the guide, and this text is the contract. What package mutex says of
// waiting, renewal and loss, failure and connections is true here, too.
//
// # What it promises
//
// At no time are more than limit permits of a name valid. A permit is valid from the return
// of Acquire to its Until, as a mutex is, and under the same assumptions.
//
// # Why slots
//
// It is not enough that each node counts its permits and a majority agrees. With a limit of
// 2 and three nodes, holders on {1,2}, {2,3} and {1,3} are three. Each has a majority, and no
// node has more than two.
//
// So each permit is a numbered slot, from 0 to limit−1. A slot is held when a majority of the
// nodes has granted this very slot to the same token. Two majorities share a node, and a
// node grants a slot once. So no slot has two holders, and there are no more slots than the
// limit.
//
// No other valid permit has the same number. So slots serve as ids of workers, or as indexes
// of shards or devices.
//
// Nodes choose the lowest free slots. As long as they know the same holders they choose the
// same ones, and one round trip is enough. They differ when a node has missed a grant, or
// when two clients raced. The client then asks for slots that are free on a majority: at
// first for the lowest, later at random. Slots that were granted beside those that won are
// given back.
//
// A call takes a node about 5 µs for each slot that it grants. A large limit, or many permits
// held, hardly matter. Tens of thousands of permits in one call keep a server from other work.
//
// # Several permits
//
// The permits of AcquireN are one lease: they are acquired, extended and released together,
// all or none. Use it where one piece of work counts as several. Two processes that call
// Acquire several times may each hold a part, and wait for the other's.
//
// # Waiting
//
// A release notifies the head of the queue if enough slots are free for it. It then notifies
// those behind it for which the rest is enough, each by its own limit. A waiter that needs
// more than is free is seldom passed: those behind it pass it only when they poll. Later ones
// of its own process do not pass it. TryAcquire does not wait, and passes those that do.
//
// On a single node that is no Cluster the release grants the slots instead, each waiter its own.
// The waiter then returns from Acquire without a request, and Until counts from when it last
// asked. Such grants are those of package mutex, but every waiter gets one: no other library's
// clients poll for permits.
//
// Goroutines with the same *Semaphore ask the nodes at the same time, as long as none of them
// waits. So a crowd has free permits in about the time of one call. Several nodes may get its
// calls in different orders, and then disagree on slots. Each goroutine then asks for slots
// that no other one of its object asks for.
//
// When the next goroutine in the queue wants as many permits, Release passes the very slots
// on to it in memory. For a tenure after the nodes last answered for them that takes no
// request: 5ms, or a 64th of the expiry if that is less. Until and the token are then those
// of the earlier holder. After a tenure the slots are released, and the head of the queue is
// notified, of whichever process. A permit whose [Permit.Value] was read is not passed on.
//
// # Different limits
//
// Processes may have different limits for one name, as during a rolling change. There are
// never more permits than the largest limit. A process with a smaller one also counts slots
// at or above it that any node of its majority reports as occupied. It gets a permit only
// when all that are held are fewer than its limit. With several nodes, it waits while more
// than 32 slots above its limit are occupied.
//
// # Renewal and loss
//
// [Semaphore.Do], [Semaphore.DoN] and [WithAutoExtend] renew permits, as the lease of a
// mutex. A lost permit's slots may be another process's already. A semaphore has no fencing
// tokens, so work must not go on then: check [Permit.Lost], Until, or the result of Extend.
//
// A crashed holder's slots are free again after its expiry, by the server's clock, whatever
// others do. Where more than a thousand permits end at once, some are free only after one of
// the next calls.
//
// # Keys
//
// The keys of the semaphore called jobs are, in the hash slot of jobs:
//
//	jobs{jobs}:permits:held   sorted set: =token, by the end of its lease in µs; and
//	                          0:token and so on, by the slots that the token has
//	jobs{jobs}:permits:queue  sorted set: the waiters, each with two members: id, by the end
//	                          of its ticket in µs; and -id, by when it came, as a number
//	                          below 0
//
// Names with braces have a number there, as in package rwmutex. The keys expire with their
// longest lease or ticket.
//
// While a Cluster moves the hash slot, its servers refuse scripts whose keys are not all on
// one of them (TRYAGAIN). Permits are then acquired, extended and released by the key that has
// them all, and waiters poll.
//
// # What else to know
//
//   - Permits are not reentrant: code that holds one and acquires another needs a second one.
//     With a limit of 1 it waits for itself, until its tries or its context end.
//   - Errors are joined: err == ErrFailed is never true, [errors.Is] is.
//   - The zero Semaphore and the zero Permit are not usable: each call on them is an
//     [ErrConfig].
package semaphore
