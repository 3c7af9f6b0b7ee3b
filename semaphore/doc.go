// Package semaphore limits how many holders there are at a time, across many
// processes, on one Redis or on a majority of several independent ones.
//
// # What it promises
//
// At no time are more than limit permits of a name valid. A permit is valid from
// the return of Acquire until
//
//	Until = start + expiry − expiry·driftFactor
//
// where start is the process's monotonic clock just before the request of the
// deciding try left. What that rests on is what a mutex rests on: see package
// mutex.
//
// # Why slots
//
// It is not enough that each node counts its holders and a majority agrees. With
// a limit of 2 and three nodes, holders on {1,2}, {2,3} and {1,3} are three, each
// has a majority, and no node has more than two.
//
// So each permit is a numbered slot, from 0 to limit−1, and a slot is held when a
// majority of the nodes has granted this very slot to the same token. Two
// majorities share a node, and a node grants a slot once: no slot has two
// holders, and there are no more slots than the limit. A slot is a small mutex.
//
// The numbers are useful in themselves: as worker ids, as indexes of a shard or a
// device. No other valid permit has the same one.
//
// What it costs: nodes choose the lowest free slots, so as long as they know the
// same holders they choose the same, in one round trip. When they differ, because
// a node has missed a grant or two clients raced, the client asks once more for
// slots that are free on a majority, at first the lowest, then at random. What
// nodes granted beside the slots that won is given back.
//
// A call takes a node as long as it has slots to give, about 5 µs for each, and
// otherwise hardly longer when the limit is large or much is held: taking tens of
// thousands of permits in one call keeps a Redis server from other work meanwhile.
//
// # Different limits
//
// Processes may have different limits for one name, as during a rolling change.
// There are never more permits than the largest of them. A process with a smaller
// limit counts the slots that are occupied at or above it, by the word of any
// node of its majority, and gets a permit only when all that are held are fewer
// than its limit. When more than 32 are occupied above a smaller limit, over
// several nodes, it waits for them to go.
//
// # Waiting
//
// An Acquire that is refused takes a place in line on the nodes, and is told by a
// release, as the waiters of a mutex are: see package mutex. A release tells the
// first in line for whom enough slots are free, and the next ones whom the rest
// serves, each by its own limit. One that needs more than is free is not passed by
// those behind it, but for one look of each: a large request is seldom
// overtaken by small ones of other processes, and not by those of its own that come
// later. A TryAcquire does not wait, and passes those who do.
//
// Goroutines with the same *Semaphore ask the nodes at the same time, as long as none
// of them waits. So a crowd has free permits in about the time of one call. Several
// nodes get the calls of a crowd in different orders, and disagree on slots: then each
// goroutine goes on to slots that no other one of its object asks for.
//
// When the next in the queue is another goroutine with the same *Semaphore that asks for as
// many permits, Release passes the very slots on to it in memory: without a request, for a
// tenure after the nodes last answered for them, which is 5 ms, or a 64th of the expiry if
// that is less. Until is then the earlier one's, and the token, too. After a tenure they
// are released, and the first in line is told, of whatever process it is. A permit whose
// [Permit.Value] was asked for is not passed on, as others may act on its token.
//
// # Renewal and loss
//
// The permits of Do and DoN, and those under [WithAutoExtend] are renewed. Renewal
// begins when a third of the validity is spent; after a failure it goes on at once, and then every 32nd part of
// the validity while any is left. A renewal counts from its start, and one that is won
// only after Until does not count. Release waits for one that is under way, for the
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
// A crashed holder's slots are free again after its expiry, by the server's clock,
// whatever others do; of more than a thousand permits that end at once, some only
// in one of the next calls. A permit that is lost, because its process was paused or too
// many nodes forgot it, may belong to somebody else already: work that must not go
// on then has to look at Until, or at what Extend says. Several permits acquired
// together are one lease, taken, extended and released as one, all or nothing.
//
// Callers wait for a majority's word and not for stragglers; what a failed or
// cancelled call leaves undecided is settled in the background, and what is left
// after that ends with its expiry.
//
// # In Redis
//
// The keys of the semaphore called jobs are jobs{jobs}:permits:leases and …:slots, in
// the hash slot of jobs: a sorted set of tokens by the end of their lease in µs, and
// one of occupied slots, whose members say which token has each of them: 0:token is
// the first slot of a token, 1:token its second.
// Two more, …:line and …:waiters, are the line of those who wait: sorted sets of
// waiters by when they came and by when their places end. For names with braces the
// part in braces is a number that leads to the same hash slot; to find it takes
// milliseconds, once an object. The keys expire with the longest lease, or place.
//
// While a Cluster moves the semaphore's slot, its servers refuse scripts whose keys are
// not all at one place (TRYAGAIN). Permits need the first two keys, which are there as
// long as one is held: permits are acquired, extended and released, but for the moment
// when one of the two keys has moved. Where none is held, Acquire goes on trying until
// the move is over.
//
// # What else to know
//
// Permits are not reentrant: code that holds one and acquires another needs a second one,
// and with a limit of 1 it waits for itself, until its tries or its context end. Errors are
// joined: err == ErrFailed is never true, [errors.Is] is. The zero Semaphore and the zero
// Permit are not usable, and each call on them is an [ErrConfig].
//
// # Connections
//
// A factory makes connections of its own, as the client makes them: per node one at first,
// more while many calls come at once, 16 at most, and one for its subscription while it
// has waiters. Those that were not used for half a minute are closed. So the application's
// own commands hold up no call and no renewal, and make one factory for a set of nodes,
// not one for each request.
package semaphore
