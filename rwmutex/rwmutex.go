package rwmutex

import (
	"context"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock"
	"github.com/holdfast-go/holdfast/scripts"
)

// keys are the kinds of the lock's keys, in the order of the scripts' KEYS.
var keys = []string{
	":rwmutex:writer", ":rwmutex:readers",
	":rwmutex:intents", ":rwmutex:writers", ":rwmutex:waiters", ":rwmutex:line",
}

// writing and reading are the two halves of the lock as the engine sees them.
var (
	writing = &redlock.Protocol{
		Kind:     "rwmutex",
		Half:     "write",
		Acquire:  scripts.RWMutex().WriteAcquire,
		Extend:   scripts.RWMutex().WriteExtend,
		Release:  scripts.RWMutex().WriteRelease,
		Check:    scripts.RWMutex().WriteCheck,
		Pass:     scripts.RWMutex().WritePass,
		Withdraw: scripts.RWMutex().WriteWithdraw,
		AuxKeys:  keys,
		Fenced:   fenced,
	}
	reading = &redlock.Protocol{
		Kind:     "rwmutex",
		Half:     "read",
		Acquire:  scripts.RWMutex().ReadAcquire,
		Extend:   scripts.RWMutex().ReadExtend,
		Repair:   scripts.RWMutex().ReadRepair,
		Release:  scripts.RWMutex().ReadRelease,
		Check:    scripts.RWMutex().ReadCheck,
		Convert:  scripts.RWMutex().Downgrade,
		Withdraw: scripts.RWMutex().ReadWithdraw,
		AuxKeys:  keys,
	}
)

// Factory makes read-write locks that live on one set of nodes. It is safe for
// concurrent use. Make one for each set of nodes and keep it: what is known of
// the nodes' health lives in it.
type Factory struct {
	engine *redlock.Engine
}

// New returns a factory over pools, one for each independent Redis. A majority
// is len(pools)/2+1 of them, whether they are up or not, and every process has
// to be given the same nodes. Errors number the nodes in the order given here,
// from 0.
//
// New never fails and sends nothing. No pools, or one that cannot be used, are
// reported as [ErrConfig] by the first call that needs them.
func New(pools ...driver.Pool) *Factory {
	return &Factory{engine: redlock.New(pools...)}
}

// on is the factory's engine, or one that nothing can use where New did not make f.
func (f *Factory) on() *redlock.Engine {
	if f == nil || f.engine == nil {
		return redlock.Unmade("this Factory was not made by New")
	}
	return f.engine
}

// NewRWMutex returns the read-write lock called name. It sends nothing. Bad
// options and an empty name are reported as [ErrConfig] by the first call on it.
func (f *Factory) NewRWMutex(name string, options ...Option) *RWMutex {
	config := redlock.DefaultConfig()
	for _, option := range options {
		if option != nil {
			option.apply(&config)
		}
	}
	return &RWMutex{lock: redlock.NewRW(f.on(), writing, reading, name, config)}
}

// RWMutex is a read-write lock with leases: held by one writer, or by any number
// of readers, in all processes together. It is safe for concurrent use by
// goroutines; any number of them read at once, and each RUnlock gives one read
// hold back.
//
// In the terms of the Go memory model it orders goroutines of one process as a
// sync.RWMutex does: what a goroutine did before its Unlock is seen by every
// goroutine that returns from a later Lock or RLock of the same *RWMutex, and what
// it did before its RUnlock by one that returns from a later Lock. Processes share
// no memory; there it orders what they do to a store that is itself consistent,
// as long as each stops when its hold ends.
//
// A hold is a lease, and that is where it differs from its cousin: a writer that
// runs past [RWMutex.Until], or a reader past [RWMutex.RUntil], may have others
// beside it.
//
// There is no way from reader to writer. Two readers that both waited for the
// other to leave would wait until one gives up; and whoever lets go first must
// read again what it had decided on. So give the read lock back, Lock, and look
// again; or Lock at once, and [RWMutex.Downgrade] when the writing is done.
//
// A method without a context is the one with context.Background(). A nil context
// counts as context.Background() too.
type RWMutex struct {
	lock *redlock.RW
}

// unmade is what every RWMutex is that NewRWMutex did not make: each call on it is an
// ErrConfig.
var unmade = (&Factory{redlock.Unmade("this RWMutex was not made by NewRWMutex")}).NewRWMutex("").lock

func (rw *RWMutex) made() *redlock.RW {
	if rw == nil || rw.lock == nil {
		return unmade
	}
	return rw.lock
}

// Lock acquires the lock for writing. See [RWMutex.LockContext].
func (rw *RWMutex) Lock() error { return rw.LockContext(context.Background()) }

// LockContext acquires the lock for writing. It waits in line behind other
// goroutines that use the same *RWMutex, then tries until a majority grants it,
// the tries of [WithTries] are used up, or ctx ends. While it waits, it leaves its
// intent on the nodes: new readers then wait, those that are there finish.
//
// Every error but a misconfiguration is an [ErrFailed], together with what each
// node answered to the last try: [*ErrTaken], [*ErrNodeTaken] or [*RedisError].
// When ctx has ended the error is ctx.Err() as well. On error nothing is held;
// the intent, and what single nodes may have granted, is taken back in the
// background.
func (rw *RWMutex) LockContext(ctx context.Context) error {
	return rw.made().Writer.Lock(redlock.OrBackground(ctx))
}

// TryLock makes one try to lock for writing. See [RWMutex.TryLockContext].
func (rw *RWMutex) TryLock() error { return rw.TryLockContext(context.Background()) }

// TryLockContext makes one try to lock for writing. It does not wait for holders
// and leaves no intent. When other goroutines hold or wait for the same *RWMutex
// it fails at once, without asking a node, with an [*ErrTaken] that names none.
// Its errors are those of LockContext.
func (rw *RWMutex) TryLockContext(ctx context.Context) error {
	return rw.made().Writer.TryLock(redlock.OrBackground(ctx))
}

// Unlock releases the write hold. See [RWMutex.UnlockContext].
func (rw *RWMutex) Unlock() (bool, error) { return rw.UnlockContext(context.Background()) }

// UnlockContext releases the write hold, and reports whether a majority of the
// nodes still had it. If so, nobody else can have held the lock up to now.
//
// It is false with an error otherwise: an [ErrLockAlreadyExpired] after the hold's
// expiry, when no goroutine holds this *RWMutex for writing (readers do not
// count), and when it was unlocked or downgraded already. Whatever the outcome,
// the hold has ended and the next goroutines in line get their turn. When too few
// nodes answered, or ctx has ended, the release is still carried through in the
// background; calling again asks the nodes once more, as long as no other goroutine
// has locked the same *RWMutex for writing meanwhile.
func (rw *RWMutex) UnlockContext(ctx context.Context) (bool, error) {
	return rw.made().Writer.Unlock(redlock.OrBackground(ctx))
}

// Extend renews the write hold. See [RWMutex.ExtendContext].
func (rw *RWMutex) Extend() (bool, error) { return rw.ExtendContext(context.Background()) }

// ExtendContext renews the write hold for a full expiry from now, and reports
// whether it did. Only nodes that still have the hold's token count. After a won
// extension, nodes that had lost the token get it back, but do not count until
// another extension was won without them.
//
// On error, which is an [ErrExtendFailed] with what each node answered, Until
// stays as it was, and the call may be repeated while it lies ahead. A hold whose
// Until has passed is not extended any more.
func (rw *RWMutex) ExtendContext(ctx context.Context) (bool, error) {
	return rw.made().Writer.Extend(redlock.OrBackground(ctx))
}

// Valid asks the nodes whether the write hold stands. See
// [RWMutex.ValidContext].
func (rw *RWMutex) Valid() (bool, error) { return rw.ValidContext(context.Background()) }

// ValidContext reports whether both clocks and a majority of the nodes say that
// the write hold stands. It is false without an error when the lock is not held for
// writing, and false with an error that says what the nodes answered when the hold
// is gone or too few of them answered.
func (rw *RWMutex) ValidContext(ctx context.Context) (bool, error) {
	return rw.made().Writer.Valid(redlock.OrBackground(ctx))
}

// Value is the token of the current write hold, or of the last one, or the value
// given by [WithValue]. It is "" before the first.
func (rw *RWMutex) Value() string { return rw.made().Writer.Value() }

// Until is the moment up to which the current write hold is valid, or the last
// one was. It carries a monotonic reading. It is the zero time before the first,
// and for a value from [WithValue] that was not extended yet.
func (rw *RWMutex) Until() time.Time { return rw.made().Writer.Until() }

// Lost returns a channel that is closed when the current write hold is lost: as soon
// as a majority of the nodes has said, to an Extend, a Valid, an Unlock or a renewal,
// that it has nothing of it, or at Until, whichever comes first. It is closed at once
// when that has happened already, or when the lock is not held for writing, and never
// because of an Unlock in time, or a Downgrade: after that it is closed when the read
// hold is lost. It costs no round trip.
//
// The channel is the current hold's: ask for it anew after each Lock. Both clocks of
// the process are looked at in the call, and about every 100ms while a channel is
// open, as the monotonic one stands still while a machine is suspended. So a process
// that was suspended finds its hold lost at the next call, and the channel closed
// within 100ms of waking.
//
// A value from [WithValue] has no Until before it is extended. It is not lost until a
// majority denies it.
func (rw *RWMutex) Lost() <-chan struct{} { return rw.made().Writer.Lost() }

// Do locks for writing, runs fn while the hold is renewed, and unlocks when fn
// returns, panics or calls runtime.Goexit.
//
// fn's context ends with ctx, and when the hold is lost; [context.Cause] is an
// [ErrLost] then. From that moment on others may have the lock: fn should stop what it
// does under it, and return. Do does not stop it.
//
// The error is that of LockContext, and fn was not run then; or that of fn, joined
// with an ErrLost if the hold was lost before its release. That may be found only by
// the release. When too few nodes answer that, it is no error: what fn did was
// protected to its end, and the release is carried through in the background.
func (rw *RWMutex) Do(ctx context.Context, fn func(ctx context.Context) error) error {
	return rw.made().Writer.Do(redlock.OrBackground(ctx), fn)
}

// Name is the lock's name.
func (rw *RWMutex) Name() string { return rw.made().Writer.Name() }

// Downgrade turns the write hold into a read hold with a full expiry, with no
// writer between. Readers that wait for this hold get in, but for those that came
// after a waiting writer. The read hold is then given back by [RWMutex.RUnlock].
//
// On error the write hold is gone all the same. What the nodes still have of it
// counts for reading: it is a read hold that lasts until the write hold's Until,
// and has to be given back by RUnlock too, even when that has passed. So whoever
// had the lock for writing calls RUnlock after Downgrade, whatever it returned.
// When the lock was not held for writing, which is an [ErrLockAlreadyExpired] that
// says so, nothing has changed. A hold from [WithValue] cannot be downgraded.
//
// A write hold that was renewed is a renewed read hold, and a channel that Lost had
// returned is closed if that is lost. In [RWMutex.Do] the context of fn lives on, and
// ends when the read hold is lost. Renewal goes on until RUnlock or the end of Do.
// Do itself gives the read hold back, unless RUnlock was called on this *RWMutex since
// the Downgrade. Where other goroutines may do that, fn has to call it too.
func (rw *RWMutex) Downgrade(ctx context.Context) error {
	return rw.made().Downgrade(redlock.OrBackground(ctx))
}

// RLock acquires the lock for reading. See [RWMutex.RLockContext].
func (rw *RWMutex) RLock() error { return rw.RLockContext(context.Background()) }

// RLockContext acquires the lock for reading. Goroutines that read through the
// same *RWMutex share one lease; when it is there and no writer was seen to wait
// within the last millisecond, this takes no round trip. It waits behind a writer
// that holds the lock, or has begun to wait for it, in this process or another.
// Its errors are those of LockContext.
func (rw *RWMutex) RLockContext(ctx context.Context) error {
	return rw.made().Reader.Lock(redlock.OrBackground(ctx))
}

// TryRLock makes one try to lock for reading. See [RWMutex.TryRLockContext].
func (rw *RWMutex) TryRLock() error { return rw.TryRLockContext(context.Background()) }

// TryRLockContext makes one try to lock for reading and does not wait for writers.
// Other readers are never in its way: while goroutines with the same *RWMutex ask the
// nodes it waits for their answer. A writer that has the same *RWMutex, or waits for it, is.
// Its errors are those of LockContext. Where only a waiting writer keeps it out, the error says so.
func (rw *RWMutex) TryRLockContext(ctx context.Context) error {
	return rw.made().Reader.TryLock(redlock.OrBackground(ctx))
}

// RUnlock gives one read hold back. See [RWMutex.RUnlockContext].
func (rw *RWMutex) RUnlock() (bool, error) { return rw.RUnlockContext(context.Background()) }

// RUnlockContext gives one read hold back. While other goroutines still read
// through the same *RWMutex it takes no round trip, and reports whether the shared
// lease is still valid by both clocks. The last one releases the lease, and
// reports whether a majority of the nodes still had it.
//
// It is false with an error otherwise, an [ErrLockAlreadyExpired] after the lease's
// expiry and when no goroutine reads. Whatever the outcome, the read hold is
// given back; what the last one leaves undecided is carried through in the
// background, and calling again asks the nodes once more.
func (rw *RWMutex) RUnlockContext(ctx context.Context) (bool, error) {
	return rw.made().Reader.Unlock(redlock.OrBackground(ctx))
}

// RExtend renews the read lease. See [RWMutex.RExtendContext].
func (rw *RWMutex) RExtend() (bool, error) { return rw.RExtendContext(context.Background()) }

// RExtendContext renews the lease of all goroutines that read through this
// *RWMutex, for a full expiry from now, and reports whether it did. A waiting
// writer does not prevent it. It fails as ExtendContext does.
func (rw *RWMutex) RExtendContext(ctx context.Context) (bool, error) {
	return rw.made().Reader.Extend(redlock.OrBackground(ctx))
}

// RUntil is the moment up to which the current read lease is valid, or the last
// one was: for all goroutines that read through this *RWMutex. It is the zero time
// before the first.
func (rw *RWMutex) RUntil() time.Time { return rw.made().Reader.Until() }

// RLost is [RWMutex.Lost] for the lease that the goroutines which read through this
// *RWMutex share.
func (rw *RWMutex) RLost() <-chan struct{} { return rw.made().Reader.Lost() }

// RDo is [RWMutex.Do] for reading. The shared lease is renewed from then on until its
// last reader gives it back.
func (rw *RWMutex) RDo(ctx context.Context, fn func(ctx context.Context) error) error {
	return rw.made().Reader.Do(redlock.OrBackground(ctx), fn)
}

// Locker returns the write lock as a [sync.Locker], for code that takes one. Its
// Lock waits without limit, whatever WithTries says and whatever fails meanwhile,
// and its hold is renewed until it is unlocked. Lock panics on [ErrConfig] only.
// Unlock panics when the lock is not held for writing, or the hold was lost, and
// never because nodes cannot be reached.
func (rw *RWMutex) Locker() sync.Locker { return rw.made().Writer.Locker() }

// RLocker is Locker for reading. The lease is renewed from the first Lock through
// an RLocker on, until its last reader gives it back.
func (rw *RWMutex) RLocker() sync.Locker { return rw.made().Reader.Locker() }
