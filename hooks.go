package holdfast

import (
	"context"
	"time"
)

// Lock says which lock a hook is called for.
type Lock struct {
	// Kind is "mutex", "rwmutex.write", "rwmutex.read" or "semaphore".
	Kind string
	// Name is the lock's name, as it was given to the constructor. There may be many, so
	// take care before it labels a metric.
	Name string
	// Count is how many slots of a semaphore the call wants, or holds. For other kinds it
	// is 1, but where readers that share a lease lose it together, it is their number.
	Count int
}

// Acquired is how a call that locks has ended.
type Acquired struct {
	// Waited is how long the call took, from the return of AcquireStart.
	Waited time.Duration
	// Tries is how often the call asked the nodes for the lock. It is 0 where it was
	// refused before, or did not need to ask.
	Tries int
	// Passed says that no node was asked for this lock: another goroutine of the same
	// object passed its lease on, or readers shared theirs.
	Passed bool
	// Granted says that a holder's release granted the lock to this call, which returned
	// without asking once more. Releases grant on a single node only.
	Granted bool
	// Err is what the call returns; nil when the lock is held.
	Err error
}

// Released is how the time of a holder has ended.
type Released struct {
	// Held is how long the lock was held, from AcquireDone until it was given back. Readers
	// of one object are not distinguished: Held is that of the one that has read longest, so
	// that the sum over all of them is exact.
	Held time.Duration
	// Passed says that the lease was not given back to the nodes. It went to another
	// goroutine of the same object, stays with its other readers, or is a reader's by
	// Downgrade.
	Passed bool
	// Err is why the call that gave the lock back has failed; nil when it has not. It is an
	// ErrLost if and only if the lock was lost before, and Lost was called.
	Err error
}

// Hooks are functions that are called when something happens to a lock. Each package's
// WithHooks sets them for one lock; any may be nil. [JoinHooks] makes one of several,
// [LogHooks] writes a log, and module otelholdfast makes metrics and spans. They cost a lock
// without hooks nothing.
//
// # Order
//
// Each call that locks begins with AcquireStart and ends with AcquireDone, whatever comes
// of it. That includes a ctx that has ended before, a single try, and ErrConfig. From an
// AcquireDone without an error on the lock is held. That ends with one Released, when the
// holder gives the lock back, whether the nodes could be reached or not; a second Unlock
// has none. A Downgrade ends the writer's time with Released, and begins the reader's with
// AcquireStart and AcquireDone.
//
// Lost comes at most once for a holder, between these two. One that loses its lock and
// never gives it back has Lost and no Released. So what is held now is a difference. Count
// AcquireDone without an error. Subtract Released whose Err is not an ErrLost, and the sum
// of Lost's Count.
//
// A lease that WithValue adopted was not acquired here. Only Extended and NodeError are
// called for it.
//
// # Goroutines
//
// AcquireStart, AcquireDone, Released, and Extended for a call of Extend are called by the
// goroutine that locks, extends or unlocks, in that call. Lost, NodeError, and Extended for
// a renewal are called by a goroutine of the object's own, one after the other and in
// their order. It ends when nothing is left to report. Hooks of different calls run at the
// same time, so they have to be safe for concurrent use.
//
// Lock waits before AcquireDone, and Unlock before Released, until that goroutine has
// reported what has happened by then. So no hook is called for an object after its last call
// has returned, except NodeError. An error may come after the majority's decision, or as an
// answer to a request in the background. NodeError is then called when it comes.
//
// # What a hook must not do
//
// It must not lock, extend or unlock an object that it is called for: that may wait for
// the hook's own end. It should return soon. No lock of Holdfast's is held meanwhile, and
// renewals, releases and other objects go on, but:
//
//   - While AcquireStart blocks, its caller has asked for nothing.
//   - While AcquireDone blocks, its caller holds the lock, but its lease is not renewed yet:
//     it ends with its expiry, or with that of the readers who share it.
//   - While Released or Extended blocks, its caller does not return. What it was to do is
//     done: the lock is free.
//   - While Lost, NodeError or a renewal's Extended blocks, further calls of these wait for
//     it, and so do the object's AcquireDone and Released. Renewal goes on, and a release
//     is done before it waits. Of what waits, NodeError and Extended beyond [MaxPending] are
//     left out.
//
// A panic in the caller's goroutine goes on to the caller. One in AcquireDone first gives
// the lock back, as the caller would not know that it holds the lock. A panic elsewhere ends
// the program, as in any goroutine.
//
// No hook is given a token: who knows one can release the lock. But an error may carry a
// server's words, and a server repeats the arguments of an unknown command. [LogHooks]
// leaves these out.
type Hooks struct {
	// AcquireStart is called when a call begins to lock. What it returns takes the place of
	// ctx for that call: it must come from ctx, so that it ends with it. nil stands for ctx.
	AcquireStart func(ctx context.Context, l Lock) context.Context

	// AcquireDone is called when that call ends, with the context of AcquireStart.
	AcquireDone func(ctx context.Context, l Lock, a Acquired)

	// Extended is called when an extension has ended, by Extend or by renewal; err is nil
	// when it was won. With renewal ctx never ends, and has the values of AcquireDone's: of
	// shared readers, those of the one that has read longest.
	Extended func(ctx context.Context, l Lock, err error)

	// Released is called when a holder has given the lock back.
	Released func(ctx context.Context, l Lock, r Released)

	// Lost is called as soon as the lock is known to be lost, and at the end of its validity
	// at the latest. No channel of Lost need be open. cause is an ErrLost that says why.
	Lost func(l Lock, cause error)

	// NodeError is called for each error of a node, whether a majority made up for it or not.
	// It is called once per node and try, extension or release at most. err is a [*RedisError], as the
	// call's own error would show it. Another client's lock is not an error of a node.
	NodeError func(l Lock, node int, err error)
}

// MaxPending is how many calls of hooks an object keeps while one of them blocks.
const MaxPending = 256
