// Package inspect shows who holds a lock and who waits for it, and frees a lock that is
// stuck.
//
//	in := inspect.New(goredis.NewPool(client))
//	status, err := in.Mutex(ctx, "invoice:42")
//	for _, h := range status.Holders {
//		fmt.Println(h.Owner, h.Since, h.Remaining)
//	}
//
// An Inspector needs the pools that the lock's own processes have, all of them: what is a
// majority is counted from their number. It asks every node once, at the same time, and
// waits for each for [Timeout] at most. It keeps nothing, subscribes to nothing, and
// writes nothing but in [Inspector.Release].
//
// # What is seen
//
// Each node answers from its own keys in one atomic step; the nodes' steps are not one.
// So a lock that changes hands meanwhile may show two holders, each on some of the nodes.
// [Holder.Majority] says which lease counts: one that a majority of the nodes has. A
// lease on fewer is what a try leaves for a moment, or what a node missed.
//
// A node costs O(what it shows), and shows at most [MaxShown] holders and [MaxShown]
// waiters of a kind. Of a semaphore it shows those of the lowest [MaxShown] occupied
// slots. [Status.Held] and [Status.Waiting] count all.
//
// Locks of Redsync's clients are shown too: a mutex is the same key with the same kind of
// value. Their values have no owner and no time, and their waiters poll, so that the nodes
// do not know them. The same holds for a value from WithGenValueFunc.
//
// # What cannot be known
//
// The nodes keep when a lease ends, and not when it began. [Holder.Since] is read from the
// token, which has the time when its try was made, by the clock of the process that made it. A
// lease that goroutines of one process pass on keeps its token, and so its time. A
// renewal leaves no trace but [Holder.Remaining], which is full again.
//
// A ticket has the channel of its process and, unless its id says more, no owner: see
// [Waiter.Process].
package inspect
