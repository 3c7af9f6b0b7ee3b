// Package rwmutex is a read-write lock for many processes, over one Redis or a majority of
// several. It admits any number of readers, or one writer.
//
//	locks := rwmutex.New(goredis.NewPool(client)) // once in a process
//	rw := locks.NewRWMutex("catalog")
//	err := rw.RDo(ctx, func(ctx context.Context) error {
//		return read(ctx) // ctx ends when the lock is lost
//	})
//
// docs/rwmutex.md is the guide. This text is the contract, where it differs from that of
// package mutex. The sections on waiting, on renewal and loss, on failure and on connections
// there are true here, too.
//
// # What it promises
//
// At no time is a valid writer beside a valid reader or another valid writer. A reader or a
// writer has a lease, which is valid from the return of RLock or Lock to its Until. That is
// computed as for a mutex, and rests on the same assumptions.
//
// A node admits a writer when it has no live lease of a writer or a reader, and a reader when
// it has no writer. A lease needs a majority of the nodes, and two majorities share a node.
//
// # Who waits for which other
//
//	                     | a reader     | a writer     | a waiting writer
//	---------------------+--------------+--------------+-----------------
//	RLock                | passes       | waits        | waits
//	RExtend, renewal     | passes       | –            | passes
//	Lock                 | waits        | waits        | passes
//	TryLock, TryRLock    | as above, but refused where it would wait
//	Downgrade            | –            | –            | passes
//
// A writer that is refused leaves a ticket on the nodes. While it stands, new readers wait,
// and readers that are there may renew and finish. So a stream of readers cannot starve a
// writer. The ticket is put back where a try won a node but no majority. It is withdrawn
// when the writer gets the lock or gives up. It ends two seconds after its writer last
// renewed it, whatever the expiry, and a writer does so once a second at least. On a single
// node they wait once the writer's process listens, some round trips later, or cannot.
//
// On each node, waiters are in the order in which they came. A release notifies all readers
// that came before the first writer, with one message per process. Where none did, it
// notifies that writer, once the last reader has gone. A waiting reader that came before the first
// waiting writer is admitted although that one waits. So a stream of writers cannot starve
// readers either.
//
// On a single node that is no Cluster the release grants them the lock instead. They return
// from RLock or Lock without a request, and their leases count from when they last asked. What
// package mutex says of such grants is so here, too: of processes that are paused or killed, of
// leases longer than 8s, of [WithGenValueFunc] and [WithFencing]. But no waiter is left to be
// notified for the sake of other libraries.
//
// # Goroutines that write through one object
//
// A write lease belongs to the *RWMutex. When a writer is next among the goroutines that
// share it, Unlock passes the lease on in memory, as that of a mutex. When a reader is next,
// the lease is released, and the reader asks the nodes.
//
// # Goroutines that read through one object
//
// Goroutines that read through one *RWMutex share one lease on the nodes, and are counted
// in the process. The last of them to call RUnlock releases it.
//
//   - A reader joins the lease without a request within a millisecond of the nodes' last
//     answer that no writer waits. Later ones ask the nodes again: one of them, by an
//     extension of the lease, for all that came meanwhile.
//   - Once any node has reported a waiting writer, no reader joins, and the lease ends with the
//     readers that it has. So a writer waits only for readers that were there, or that came
//     within that millisecond. Whether the writer gave up is checked as seldom as other
//     waiters ask.
//   - No reader joins a lease that is not valid by both clocks. RUntil and RExtend are about
//     the shared lease, and when it is lost it is lost for all.
//   - A lease that has expired admits no reader. It blocks this object's goroutines until each
//     of its readers has called RUnlock. A late RUnlock would otherwise end the lease of
//     another goroutine.
//   - A dead process's lease ends with its own expiry, by the server's clock, whatever other
//     readers renew.
//
// # Renewal and loss
//
// Do, RDo, Lockers and [WithAutoExtend] renew leases, as those of a mutex. A renewed write
// lease is renewed after its Downgrade too, for reading. Lost is about the write lease, and
// RLost about the shared read lease.
//
// # Fencing
//
// With [WithFencing] each write lease has a number, [RWMutex.Fence], above that of every
// earlier write lease of the name. The resource can refuse by it the changes of a writer that
// was paused: package mutex says how, and what the order rests on. Read leases have no
// number, as readers change nothing, nor has what a writer keeps after Downgrade.
//
// # Keys
//
// The keys of the lock called catalog are, in the hash slot of catalog:
//
//	catalog{catalog}:rwmutex:writer       string: the writer's token, with its expiry
//	catalog{catalog}:rwmutex:readers      sorted set: a token for each reading object,
//	                                      by the end of its lease in µs
//	catalog{catalog}:rwmutex:queue:write  sorted set: the waiting writers, each with two
//	                                      members: id, by the end of its ticket in µs;
//	                                      and -id, by when it came, as a number below 0
//	catalog{catalog}:rwmutex:queue:read   sorted set: the same of the waiting readers
//	catalog{catalog}:rwmutex:awaited      string: it says that there may be waiters. It
//	                                      expires after 8 seconds
//	catalog{catalog}:rwmutex:fence        string: the largest number, with WithFencing
//	                                      only, until 24 hours after the last write lease
//
// For names with braces the part in braces is a number that leads to the same hash slot. To
// find it takes milliseconds, once per object. GET shows the strings, and ZRANGE …
// WITHSCORES the sorted sets. No key is named catalog itself, so a mutex of that name does not
// meet the lock.
//
// While a Cluster moves the lock's slot, its servers refuse scripts with several keys
// (TRYAGAIN). Leases are then extended and released by the one key that has them. To acquire
// takes two keys, so Lock and RLock go on trying until the move is over, and Downgrade fails.
//
// # Shutdown
//
// Before a process ends it should cancel the contexts of its calls, and let them return. A
// cancelled Lock or RLock waits for up to 100ms, until its ticket and what a node may just
// have granted are taken back. Do and RDo release the lock. After a kill, a waiting writer
// keeps readers out for two seconds more, and a lease lasts to its expiry.
//
// # What differs from sync.RWMutex
//
//   - A read-write lock is not reentrant. A Lock by code that reads or writes already waits
//     for itself, until its tries or its context end. So does an RLock by code that reads, once
//     a writer waits.
//   - Lock and RLock return an error. Code that drops it works without the lock; see
//     [RWMutex.Do] and [RWMutex.Locker].
//   - A writer that runs past [RWMutex.Until], or a reader past [RWMutex.RUntil], may have
//     others beside it.
//   - Errors are joined: err == ErrFailed is never true, [errors.Is] is.
//   - The zero RWMutex is not usable: each call on it is an [ErrConfig].
package rwmutex
