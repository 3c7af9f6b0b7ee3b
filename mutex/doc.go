// Package mutex is an exclusive lock for many processes, held on one Redis or
// on a majority of several independent ones.
//
// # What it promises
//
// At most one holder of a name is valid at a time. A hold is valid from the
// return of Lock until
//
//	Until = start + expiry − expiry·driftFactor
//
// where start is the process's monotonic clock just before the request of the
// deciding try left. A try that is not decided by then has failed, even with
// every vote won. The wall clock has to agree: Linux stops the monotonic clock
// while a machine is suspended, so a hold is also over once the wall clock has
// passed Until.
//
// This is the Redlock algorithm (https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/),
// and it rests on what Redlock rests on: nodes that fail independently and
// forget no live key, clock rates that differ by less than the drift factor, no
// forward jump of a node's clock. A process that is paused between a check and
// the work that follows cannot be helped by any lease: only a fencing token
// that the resource checks covers that.
//
// # What a hold is
//
// On every node a hold is one string key, named as the lock, whose value is the
// hold's token. Key and value are those of Redsync, so that clients of both
// libraries exclude each other, and either can release the other's hold by its
// value. Every try has a token of its own.
//
// # Waiting
//
// A Lock that is refused takes a place in line on the nodes, in the same step, and
// a release tells the first in line, by PUBLISH on a channel of that process. Each
// process has one subscription a node, whatever the number of mutexes, and only
// while it waits for any. Whoever is told tries at once when a majority of the nodes
// has told it; told by fewer it waits a little for more, a random and growing time,
// as another one may have been told by the rest. A newcomer does not pass those in
// line, but takes a place behind them. TryLock takes no place, and may have what is
// free.
//
// Waiters are served in the order in which they came, with one exception. Those in line
// also look without being first: now and then, and when a subscription has just been
// opened, as a release may have gone unheard before. On several nodes they also
// look when fewer than a majority has told them. A waiter that looks may take a free
// lock before the first in line has come for it, at most once for each of these
// reasons. That uses its place up: when it waits again it stands behind those that came
// meanwhile. To let the first alone pass would cost all who were told another command,
// and a first one that has died, or does not hear, would keep the others waiting until
// its place ends.
//
// On one node, whoever was told asks in its own goroutine, where calls may last up to
// a second: should the node hang in that very moment, the end of its context is noticed
// when the call's time is over. A deadline is always kept.
//
// Nothing rests on being told but speed. Every wait is backed by looks, so that a message
// which was lost costs one and no more. A waiter that will be told looks after a tenth of
// its expiry, or its retry delay if that is longer; once a second at least; and when the
// hold that is in the way ends without having been renewed. The looks of a process come
// together, so that few requests carry them. A waiter that nobody would tell looks after
// each retry delay: behind a client of Redsync or a holder whose value is the user's own,
// without a subscription (or the permission for one, see docs/operations.md), or where nothing
// but others in line are in its way, of which the first may have died.
//
// Neither being told nor a look is a try: tries count elapsed retry delays, whether the
// nodes were asked at their ends or not. A place ends by itself, two seconds after
// a waiter that does not renew it, whatever the expiry is. A call whose context has ended
// waits for up to 100ms until its place is taken back, as its process may be about to end.
//
// # Goroutines that share a mutex
//
// A lease, the token on the nodes and its validity, belongs to the *Mutex. Goroutines that
// share one hold it one after the other, in the order in which they came, and Unlock passes
// it to the next one in memory. That takes no request for a tenure after the nodes last
// answered for the lease: 5 ms, or a 64th of the expiry if that is less. So a crowd in one
// process is bound by its own sections and not by round trips.
//
// After a tenure, Unlock asks the nodes to renew the lease for a full expiry, and passes it
// on. Where waiters of other processes stand in line it is released to them, and the next
// goroutine takes a place behind them. Where a majority has lost it, Unlock says so, and
// nobody begins on it.
//
// What this means for the holders:
//
//   - An Unlock that is true within a tenure goes by the clocks: the lease was valid, and a
//     majority had it a tenure ago at most. A key that was deleted or overwritten from outside
//     is noticed at the end of the tenure.
//   - Until is short of a full validity by at most a tenure and a round trip when Lock returns.
//   - Each holder has its own Lost channel, context in Do, renewal, and fencing token.
//   - The token is the same for all of them. A token that others may act on does not pass on:
//     one that [Mutex.Value] has returned, one of [WithGenValueFunc], one of [WithValue]. Its
//     lease is released at Unlock, and the next goroutine acquires its own.
//
// Clients of Redsync and TryLock do not stand in line: they poll. For them each tenth time
// the lock is left free for a tenure, and those in line are told only after that.
//
// Other processes, and other versions and libraries, see one long lease.
//
// On a node the line of the mutex called invoice:42 is two sorted sets,
// invoice:42{invoice:42}:mutex:line, the waiters by when they came, and
// …:mutex:waiters, the same by when their places end. They expire with the longest
// place.
//
// A mutex needs one key, its name. In a Cluster a server refuses scripts with several
// keys while their slot is being moved (TRYAGAIN), and where a key prefix of the client's
// gives the name another slot than the line (CROSSSLOT). The call is then sent again
// without the line: the mutex is locked, extended and unlocked as ever, and those who
// wait poll. With a prefix that is so for good, and costs a second round trip a call;
// a name or prefix with a hash tag, as {invoice:42}, keeps the keys together. With
// fencing the counter's key is needed too: while the slot is being moved a hold is
// extended and unlocked, and Lock goes on trying.
//
// # Renewal and loss
//
// The holds of Do, of a Locker, and those under [WithAutoExtend] are renewed. Renewal
// begins when a third of the validity is spent; after a failure it goes on at once, and then every 32nd part of
// the validity while any is left. A renewal counts from its start, and one that is won
// only after Until does not count. Unlock waits for one that is under way, for the
// time of one call at most, and none runs after it. However many holds a factory
// renews, one timer serves them all, and those that are due together go to a node
// as one batch.
//
// A hold is lost when a majority of the nodes has said that it has nothing of it, or at
// Until: then the channel of Lost is closed, and the context of Do ends, with
// ErrLost as its cause. Nodes that are silent have not said no. What was lost stays
// lost, and an extension does not revive it. Until needs nobody's word; Lost also sees
// the nodes' no, and a machine that was suspended; a pause after the last look at either
// is seen only by the resource itself, by a fencing token.
//
// # Failure
//
// A caller waits for a majority's word and not for stragglers. Nodes that do
// not answer cost nothing as long as a majority does; each call to a node is
// bounded by expiry·timeoutFactor, whatever the client's own settings are. An
// only node's first connection is waited for as long as the client's dial timeout, but
// at most eight times as long as a call, and not again when that was in vain.
// What a failed or cancelled call leaves undecided is settled in the
// background: grants that arrive late are released, and releases that were not
// answered are sent again, with growing pauses, until they are answered or the
// key has expired. An Unlock whose answer was lost can be repeated: it is true if a
// majority turns out to have had the lock until it was given back, and an error if
// that stays in doubt, as the first one may have run.
//
// # Fencing
//
// With [WithFencing] each hold has a number, [Mutex.Fence], above that of every
// hold of the name before it. It is for the resource that the lock protects: one
// that refuses a change with a number below the largest that it has seen is safe
// from a holder that was paused for longer than its lease, which nothing on the
// side of the lock can be.
//
// Each node counts its grants. The largest number that came with the deciding votes
// is the hold's. If a majority did not say just that one, it is written back to a
// majority of nodes, to those only that still have the hold's token, before Lock
// returns; when that fails, so does the try. Until still counts from the first
// request. A later hold's majority shares a node with this one, and that node's next
// number is larger.
//
// On a node the counter of the mutex called invoice:42 is the string
// invoice:42{invoice:42}:mutex:fence. It lives until 24 hours after the end of the
// last hold, and then the next one starts from the server's clock in µs, as on a node
// that has lost it. So, besides what exclusion rests on, the order rests on nodes'
// clocks that agree within 24 hours, and within the time for which a node stays away
// that comes back empty. A repair carries the number, and an extension keeps the
// counter alive.
//
// The order is that of holds with a number. Those without one, of objects without
// the option or of Redsync, exclude the others and are excluded as ever, but neither
// have a place in the order nor move it on.
//
// # Sharing
//
// A *Mutex is shared freely by goroutines, as a sync.Mutex is. Goroutines that
// wait for it form a line in the order in which they came, and only the first
// of them talks to Redis. A hold keeps its place at the head of the line until
// its own Unlock, even when it has expired meanwhile; else its late Unlock or
// Extend would act on the hold of the next goroutine.
//
// # What differs from sync.Mutex
//
// A mutex is not reentrant: a Lock of a name by code that holds it waits for itself, until
// its tries or its context end. Lock returns an error, which a call that drops it, as one
// of a sync.Mutex does, takes for a lock; see [Mutex.Do] and [Mutex.Locker]. Errors are
// joined: err == ErrFailed is never true, [errors.Is] is. The zero Mutex is not usable, and
// each call on it is an [ErrConfig].
//
// # Connections
//
// A factory makes connections of its own, as the client makes them: per node one at first,
// more while many calls come at once, 16 at most, and one for its subscription while it
// has waiters. Those that were not used for half a minute are closed. So the application's
// own commands hold up no call and no renewal, and make one factory for a set of nodes,
// not one for each request.
package mutex
