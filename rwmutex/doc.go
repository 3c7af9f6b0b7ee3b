// Package rwmutex is a read-write lock for many processes: any number of readers,
// or one writer, on one Redis or on a majority of several independent ones.
//
// # What it promises
//
// At no time is a valid writer beside a valid reader or another valid writer. A
// hold is valid from the return of Lock or RLock until
//
//	Until = start + expiry − expiry·driftFactor
//
// where start is the process's monotonic clock just before the request of the
// deciding try left. What that rests on is what a mutex rests on: see package
// mutex.
//
// A node lets a writer in when it has neither a writer nor a reader whose lease
// lasts, and a reader when it has no writer. A hold needs a majority of the nodes,
// and two majorities share a node.
//
// # Who waits for whom
//
//	                     | a reader     | a writer     | a waiting writer
//	---------------------+--------------+--------------+-----------------
//	RLock                | passes       | waits        | waits
//	RExtend, renewal     | passes       | –            | passes
//	Lock                 | waits        | waits        | passes
//	TryLock, TryRLock    | as above, but refused where it would wait
//	Downgrade            | –            | –            | passes
//
// A writer that is refused and goes on waiting leaves its intent on the nodes. An
// intent expires two seconds after the writer's last try, whatever the expiry of holds is,
// and a writer tries once a second at least. It is put back where a
// try had won a node but no majority, and is withdrawn when the writer gets the
// lock or gives up. While it stands new readers wait, and readers that are there
// may renew and finish: a stream of readers cannot starve a writer.
//
// Waiters are told, as those of a mutex are: see package mutex. On each node they
// stand in the order in which they came. A release tells all readers that came
// before the first writer, those of one process by one message, or else that writer
// once no process reads; so a stream of writers cannot starve readers either. A waiting
// reader that came before the first waiting writer is let in although that one waits.
//
// A write lease belongs to the *RWMutex and not to a goroutine. When a writer is next among
// the goroutines that share it, Unlock passes the lease on in memory, as that of a mutex:
// package mutex says for how long, and what a holder gets. A reader that is next stops
// that: the lease is released, and the reader asks the nodes.
//
// # Fencing
//
// With [WithFencing] each write hold has a number, [RWMutex.Fence], above that of
// every write hold of the name before it, for the resource to refuse the changes of a
// writer that was paused: see package mutex, which also says what the order rests
// on. Read holds have none, as they change nothing, and so has what a writer keeps
// after Downgrade. On a node the counter of the lock called catalog is the string
// catalog{catalog}:rwmutex:fence, which lives until 24 hours after the end of the
// last write hold.
//
// # Readers that share an object
//
// Goroutines that read through one *RWMutex share one lease on the nodes, and are
// counted in the process. The lease is released when the last of them has given
// its hold back. So that a process full of readers does not ask the nodes for
// each, a reader joins the lease without a round trip within a millisecond of the
// nodes' last word that no writer waits. Later ones ask again, by an extension of
// the lease, one of them for all that came meanwhile. Once any node has told of a
// waiting writer nobody joins: the lease ends with the readers it has. A writer
// thus waits for the readers that were there, and for those that came within that
// millisecond. Whether the writer has given up is found out by looks, as seldom as those
// of other waiters.
//
// It is safe because nobody joins a lease that is not valid by both clocks, and
// it is one lease in every respect: RUntil and RExtend speak of it, and when it is
// lost it is lost for all. Once it has expired it lets nobody in, and stays in the
// way of this object's goroutines until each of its readers has called RUnlock; a
// late RUnlock would otherwise give back another goroutine's hold.
//
// A dead process's lease ends with its own expiry, by the server's clock, whatever
// other readers renew.
//
// # In Redis
//
// The keys of the lock called catalog are, in the hash slot of catalog:
//
//	catalog{catalog}:rwmutex:writer   string: the writer's token, with its expiry
//	catalog{catalog}:rwmutex:readers  sorted set: a token for each reading object,
//	                                  by the end of its lease in µs
//	catalog{catalog}:rwmutex:intents  sorted set: a place for each waiting writer,
//	                                  by its end in µs
//	catalog{catalog}:rwmutex:writers  sorted set: the same, by when they came
//	catalog{catalog}:rwmutex:waiters  sorted set: a place for each waiting reader,
//	                                  by its end in µs
//	catalog{catalog}:rwmutex:line     sorted set: the same, by when they came
//	catalog{catalog}:rwmutex:fence    string: the largest fencing token, with
//	                                  WithFencing only
//
// For names with braces the part in braces is a number that leads to the same hash
// slot; to find it takes milliseconds, once an object. To see who holds it: GET the
// first, ZRANGE … WITHSCORES the others. None is named catalog itself, so that a mutex
// of the same name does not meet it.
//
// While a Cluster moves the lock's slot, its servers refuse scripts with several keys
// (TRYAGAIN). Holds are extended and given back by the one key that has them. To acquire
// takes the writer's key and the readers', so Lock and RLock go on trying until the move
// is over; Downgrade fails.
//
// # Renewal and loss
//
// The holds of Do and RDo, of Lockers, and those under [WithAutoExtend] are renewed.
// A renewed write hold is renewed after its Downgrade too, for reading.
// Renewal begins when a third of the validity is spent; after a failure it goes on at once, and then every 32nd part of
// the validity while any is left. A renewal counts from its start, and one that is won
// only after Until does not count. Unlock waits for one that is under way, for the
// time of one call at most, and none runs after it. However many holds a factory
// renews, one timer serves them all, and those that are due together go to a node
// as one batch.
//
// A hold is lost when a majority of the nodes has said that it has nothing of it, or at
// Until: then the channel of Lost and RLost is closed, and the context of Do ends, with
// ErrLost as its cause. Nodes that are silent have not said no. What was lost stays
// lost, and an extension does not revive it. Until needs nobody's word; Lost also sees
// the nodes' no, and a machine that was suspended; a pause after the last look at either
// is seen only by the resource itself, by a fencing token.
//
// # Shutdown
//
// A process that is told to end should cancel the contexts of its calls, and let them
// return, before it ends. A cancelled Lock or RLock waits for up to 100ms until its place in line,
// and what a node may just have granted, are taken back; Do and RDo give the lock back. What
// a process leaves that is killed ends by itself: a waiting writer keeps readers out for
// two seconds more, and a hold lasts to its expiry.
//
// # Failure
//
// Callers wait for a majority's word and not for stragglers; what a failed or
// cancelled call leaves undecided is settled in the background, and what is left
// after that ends with its expiry. Work that must not overlap with a writer even
// when its process was paused has to look at Until, or at what Extend says, before
// it trusts what it read or writes.
//
// # What differs from sync.RWMutex
//
// A read-write lock is not reentrant: a Lock by code that reads or writes already waits
// for itself, until its tries or its context end, and so does an RLock by code that reads
// once a writer waits. Lock and RLock return an error, which a call that drops it, as one
// of a sync.RWMutex does, takes for a lock; see [RWMutex.Do] and [RWMutex.Locker]. Errors
// are joined: err == ErrFailed is never true, [errors.Is] is. The zero RWMutex is not
// usable, and each call on it is an [ErrConfig].
//
// # Connections
//
// A factory makes connections of its own, as the client makes them: per node one at first,
// more while many calls come at once, 16 at most, and one for its subscription while it
// has waiters. Those that were not used for half a minute are closed. So the application's
// own commands hold up no call and no renewal, and make one factory for a set of nodes,
// not one for each request.
package rwmutex
