// Package mutex is an exclusive lock for many processes, on one Redis or on a majority of
// several independent ones.
//
//	locks := mutex.New(goredis.NewPool(client)) // once in a process
//	m := locks.NewMutex("invoice:42")
//	err := m.Do(ctx, func(ctx context.Context) error {
//		return send(ctx) // ctx ends when the lock is lost
//	})
//
// docs/mutex.md is the guide. This text is the contract.
//
// # What it promises
//
// At most one holder of a name is valid at a time. A holder has a lease: its token is on
// a majority of the nodes, and is good until
//
//	Until = start + expiry − expiry·driftFactor
//
// where start is the process's monotonic clock just before the first of the deciding votes
// was asked for. A try that is decided later than that has failed, even with every vote
// won. The wall clock has to agree, as Linux stops the monotonic clock while a machine is
// suspended. So a lease ends as soon as either clock has passed Until.
//
// This is the Redlock algorithm
// (https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/), and it rests on
// the same assumptions. Nodes fail independently and forget no live key. Clock rates differ by
// less than the drift factor, and no node's clock jumps forward. docs/safety.md has them in
// full. No lease helps a process that is paused between its last check and the work that
// follows. Only a fencing token does, which the resource checks.
//
// # Waiting
//
// A Lock that is refused leaves a ticket in the queue on the nodes. A release grants the lock
// to the head of the queue, or notifies it, and it then tries at once. The message is a
// PUBLISH on a channel of the waiter's process. Each process has one subscription per
// node, whatever the number of its mutexes, and only while it waits.
//
// Releases grant on a single node that is no Cluster. The waiter then returns from Lock without
// a request of its own, and Until counts from when it last asked. The first try of a
// Lock is a bare SET with NX there, as a lock with waiters is seldom free.
//
//   - A release grants only if the waiter's process is subscribed (PUBSUB NUMSUB). One that was
//     killed costs the others nothing. One that is paused, or cut off without notice, costs
//     them its grant: the expiry, and 8s at most.
//   - A lease longer than 8s is renewed before Lock returns, which takes one request. So is one
//     whose waiter last asked more than an eighth of the expiry ago.
//   - One waiter in five is notified only. In the time until it has asked, clients of Redsync
//     can have the lock, which poll.
//   - Waiters with [WithGenValueFunc] are notified only, and so are waiters with [WithFencing]
//     by the release of a mutex without it.
//   - When the holder's lease expires, or its key is deleted from outside, no waiter is granted
//     the lock or notified. The first waiter that asks, or a newcomer, has the lock.
//
// In general:
//
//   - Waiters are served in the order in which they came, and a newcomer does not pass
//     them. TryLock does: it leaves no ticket, and takes what is free.
//   - A waiter polls when its timer ends, when its subscription has just been opened, and when
//     only a minority of several nodes has notified it. It may then take a free lock ahead of
//     the head of the queue, at most once for each of these reasons. That uses its ticket up:
//     when it waits again, it is behind those that came meanwhile.
//   - The alternative, to admit the head alone, costs every waiter another command. A head
//     that has died would keep the others waiting until its ticket ends.
//   - On several nodes a waiter tries at once when a majority has notified it. With fewer it
//     waits for more, a random and growing time, as the rest may have notified another one.
//   - A message that is lost costs a delay and no more, as each wait has a timer. It ends
//     after a tenth of the expiry, or the retry delay if that is longer, and after a second
//     at most. It also ends when the lease in the way does without having been renewed.
//   - A waiter that no release would notify asks after each retry delay. That is so behind a
//     client of Redsync, behind a token of the user's own, and where only other waiters are
//     in the way. It is also so without a subscription or the permission for one.
//   - Tries are counted by time: each elapsed retry delay is one, whether the nodes were
//     asked at its end or not.
//   - A ticket ends two seconds after its waiter last renewed it, whatever the expiry. A call
//     whose context has ended waits for up to 100ms until its ticket is taken back, as its
//     process may be about to end.
//   - On one node, a notified waiter asks in its own goroutine, where a call may last up to a
//     second. If the node hangs at that moment, a cancelled context is noticed only at the
//     end of the call. A deadline is always kept.
//
// # Goroutines that share a mutex
//
// A *Mutex is shared freely by goroutines, as a sync.Mutex is. The lease belongs to the
// *Mutex. Goroutines hold it one after the other, in the order in which they came, and only
// the first of them asks the nodes. Unlock passes the lease to the next one in memory. For
// a tenure after the nodes last answered for the lease that takes no request. A tenure is
// 5ms, or a 64th of the expiry if that is less.
//
// After a tenure, Unlock asks the nodes:
//
//   - If other processes wait, the lease is released to them, and the next goroutine leaves a
//     ticket behind theirs.
//   - If none waits, the lease is renewed for a full expiry and passed on.
//   - If a majority has lost the lease, Unlock reports that, and no goroutine begins on it.
//
// What this means for the holders:
//
//   - An Unlock that is true within a tenure goes by the clocks. The lease was valid, and a
//     majority had it at most a tenure ago. A key that was deleted or overwritten from outside
//     is noticed at the end of the tenure.
//   - Until is short of a full validity by at most a tenure and a round trip when Lock returns.
//   - Each holder has its own Lost channel, context in Do, renewal, and fencing token.
//   - All of them have the same token. One that others may act on is not passed on: one that
//     [Mutex.Value] has returned, one of [WithGenValueFunc], and one of [WithValue]. Unlock
//     releases its lease, and the next goroutine acquires its own.
//   - A holder keeps the *Mutex until its own Unlock, even after its lease has expired. Its
//     late Unlock or Extend would otherwise act on the next goroutine's lease.
//
// Clients of Redsync and TryLock are not in the queue: they poll. For their sake the lock is
// left free for every tenth tenure, and the queue is notified only after that.
//
// # Renewal and loss
//
// [Mutex.Do], [Mutex.Locker] and [WithAutoExtend] renew the lease. Renewal begins when a
// third of the validity has passed. One that fails is repeated at once, and then after
// every 32nd part of the validity while any is left. An extension counts from its start,
// and one that is won only after Until does not count. Unlock waits for a renewal that is
// in flight, for the time of one call at most, and none runs after it. One timer serves all
// leases of a factory, and those that are due together go to a node as one batch.
//
// A lease is lost at Until, or earlier, as soon as a majority of the nodes has answered that
// it does not have the token. The channel of [Mutex.Lost] is closed then, and the context of
// Do ends with [ErrLost] as its cause. A silent node denies nothing. What was lost stays
// lost: no extension revives it.
//
// Until needs no request. Lost also sees the nodes' denials, and a machine that was
// suspended. A pause after the last check of either is seen by the resource alone, by a
// fencing token.
//
// # Failure
//
//   - A call returns with the majority's decision. Nodes that are down or hang delay no call
//     as long as a majority answers.
//   - A request to a node may take expiry·timeoutFactor, whatever the client's settings are.
//     The first connection to an only node may take the client's dial timeout, but at most
//     eight times as long as a request. After a failure it is not waited for again.
//   - What a failed or cancelled call leaves undecided is cleaned up in the background. A
//     grant that arrives late is released. A release without an answer is sent again, with
//     growing pauses, until it has one or the key has expired.
//   - An Unlock whose answer was lost can be repeated. It is true if a majority turns out to
//     have had the lease up to the release. It is an error if that stays in doubt, as the
//     first one may have run.
//
// # Fencing
//
// With [WithFencing] each lease has a number, [Mutex.Fence], above that of every earlier lease
// of the name. Let the resource refuse a change with a number below the largest that it has
// seen. It is then safe from a holder that was paused for longer than its lease. Nothing on
// the lock's side can do that.
//
// Each node counts its grants. The largest number among the deciding votes is the lease's. If
// a majority did not give just that one, Lock writes it back before it returns. It does so on
// a majority, and only on nodes that still have the token. If that fails, so does the try.
// Until still counts from the first request. A later lease's majority shares a node with this
// one, and that node's next number is larger.
//
// A node's counter lives until 24 hours after the end of the last lease. A new one starts
// from the server's clock in µs. So the order rests on two more assumptions. The nodes'
// clocks agree within 24 hours. They also agree within the time for which a node stays away
// that comes back empty. A repair carries the number, and an extension keeps the counter
// alive.
//
// Leases without a number, of objects without the option or of Redsync, exclude others as
// before. They are not in the order and do not move it on.
//
// # Keys
//
// The keys of the mutex called invoice:42 on each node are:
//
//	invoice:42                            string: the holder's token
//	invoice:42{invoice:42}:mutex:queue    sorted set: the waiters, each with two members:
//	                                      id, by the end of its ticket in µs; and -id,
//	                                      by when it came, as a number below 0
//	invoice:42{invoice:42}:mutex:awaited  string: it says that there may be waiters
//	invoice:42{invoice:42}:mutex:fence    string: the largest number, with WithFencing only
//
// The first key and its value are Redsync's. Clients of both libraries exclude each other,
// and either can release the other's lease by its value. Every try has a token of its own.
// The queue expires with its longest ticket. A release deletes awaited together with the first
// key, and writes it again if waiters stay. It expires after 8 seconds.
//
// A Cluster refuses scripts with several keys while it moves their slot (TRYAGAIN). It also
// refuses them where a key prefix of the client's puts them into different slots
// (CROSSSLOT). The call is then sent again with the first key alone: the mutex is locked,
// extended and unlocked, and its waiters poll. Such a prefix costs a second round trip per
// call; a hash tag in prefix or name, as {invoice:42}, avoids that. Fencing needs the
// counter too: during a move Lock goes on trying, and leases are extended and unlocked.
//
// # What differs from sync.Mutex
//
//   - A mutex is not reentrant. A Lock by code that holds the name waits for itself, until
//     its tries or its context end.
//   - Lock returns an error. Code that drops it works without the lock; see [Mutex.Do] and
//     [Mutex.Locker].
//   - Errors are joined: err == ErrFailed is never true, [errors.Is] is.
//   - The zero Mutex is not usable: each call on it is an [ErrConfig].
//
// # Connections
//
// A factory makes connections of its own, with the client's settings. It has one per node at
// first, up to 16 while many calls come at once, and one more while it has waiters. It
// closes those that were not used for half a minute. So the application's own commands
// delay no call and no renewal. Make one factory for each set of nodes, not one per request.
package mutex
