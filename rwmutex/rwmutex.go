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
	":rwmutex:queue:write", ":rwmutex:queue:read", ":rwmutex:awaited",
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
		Grants:   true,
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
		Grants:   true,
		AuxKeys:  keys,
	}
)

// Factory makes read-write locks that live on one set of nodes. It is safe for concurrent
// use. Make one for each set of nodes and keep it: it has the connections, and what is known
// of the nodes' health.
type Factory struct {
	engine *redlock.Engine
}

// New returns a factory over pools, one for each independent Redis. A majority is
// len(pools)/2+1 of them, whether they are up or not. Give every process the same nodes.
// Errors number the nodes from 0, in the order of the pools.
//
// New never fails and sends nothing. No pools, or one that cannot be used, are reported as
// [ErrConfig] by the first call that needs them.
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

// NewRWMutex returns the read-write lock called name. It sends nothing. Bad options and an
// empty name are reported as [ErrConfig] by the first call on it.
func (f *Factory) NewRWMutex(name string, options ...Option) *RWMutex {
	config := redlock.DefaultConfig()
	for _, option := range options {
		if option != nil {
			option.apply(&config)
		}
	}
	return &RWMutex{lock: redlock.NewRW(f.on(), writing, reading, name, config)}
}

// RWMutex is a read-write lock with leases, held by one writer, or by any number of readers,
// in all processes together. It is safe for concurrent use: any number of goroutines read at
// once, and each calls RUnlock once.
//
// In the terms of the Go memory model it orders goroutines of one process as a sync.RWMutex
// does. What a goroutine did before its Unlock is seen by every goroutine that returns from
// a later Lock or RLock of the same *RWMutex. What it did before its RUnlock is seen by one
// that returns from a later Lock. Processes share no memory. There it orders what they do to
// a store that is itself consistent, as long as each stops when its lease ends.
//
// There is no way from reader to writer: two readers that both waited for the other to leave
// would wait until one gives up. So RUnlock, Lock, and read again. Or Lock at once, and
// [RWMutex.Downgrade] when the writing is done.
//
// A method without a context is the one with [context.Background]. A nil context counts as
// that, too.
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

// LockContext acquires the lock for writing. It waits behind other goroutines that use the
// same *RWMutex, then tries until a majority grants it, the tries are used up, or ctx ends.
// While it waits on the nodes, new readers wait, and those that are there finish.
//
// Every error but an [ErrConfig] is an [ErrFailed], joined with what each node answered to
// the last try: [*ErrTaken], [*ErrNodeTaken] or [*RedisError]. When ctx has ended the error
// is ctx.Err() as well. On error the lock is not held. The ticket, and what single nodes may
// have granted, is taken back in the background.
func (rw *RWMutex) LockContext(ctx context.Context) error {
	return rw.made().Writer.Lock(redlock.OrBackground(ctx))
}

// TryLock makes one try to lock for writing. See [RWMutex.TryLockContext].
func (rw *RWMutex) TryLock() error { return rw.TryLockContext(context.Background()) }

// TryLockContext makes one try to lock for writing. It does not wait for holders and leaves
// no ticket. When other goroutines hold or wait for the same *RWMutex it fails at once,
// without a request, with an [*ErrTaken] that names no node. Its errors are those of
// LockContext.
func (rw *RWMutex) TryLockContext(ctx context.Context) error {
	return rw.made().Writer.TryLock(redlock.OrBackground(ctx))
}

// Unlock releases the write lease. See [RWMutex.UnlockContext].
func (rw *RWMutex) Unlock() (bool, error) { return rw.UnlockContext(context.Background()) }

// UnlockContext releases the write lease, and reports whether a majority of the nodes still
// had it. If so, nobody else can have held the lock up to now. Where another goroutine waits
// to write through the same *RWMutex the lease passes to it: package mutex says how.
//
// Otherwise it returns false and an error. That is an [ErrLockAlreadyExpired] after the
// lease's expiry, and when no goroutine holds this *RWMutex for writing: it was unlocked or
// downgraded already, or is only read.
//
// Whatever the outcome, the caller no longer holds the lock, and the next goroutines are
// served. When too few nodes answered, or ctx has ended, the release goes on in the
// background. Another call asks the nodes once more, as long as no other goroutine has
// locked the same *RWMutex for writing meanwhile.
func (rw *RWMutex) UnlockContext(ctx context.Context) (bool, error) {
	return rw.made().Writer.Unlock(redlock.OrBackground(ctx))
}

// Extend renews the write lease. See [RWMutex.ExtendContext].
func (rw *RWMutex) Extend() (bool, error) { return rw.ExtendContext(context.Background()) }

// ExtendContext renews the write lease for a full expiry from now, and reports whether it
// did. Only nodes that still have the token count. After a won extension, nodes that had
// lost the token get it back, but count only after another extension was won without them.
//
// An error is an [ErrExtendFailed] with what each node answered. Until then stays as it was,
// and the call may be repeated before it. A lease whose Until has passed is not extended.
func (rw *RWMutex) ExtendContext(ctx context.Context) (bool, error) {
	return rw.made().Writer.Extend(redlock.OrBackground(ctx))
}

// Valid asks the nodes whether the write lease stands. See [RWMutex.ValidContext].
func (rw *RWMutex) Valid() (bool, error) { return rw.ValidContext(context.Background()) }

// ValidContext reports whether the write lease stands, by both clocks and a majority of the
// nodes. It returns false without an error when the lock is not held for writing. It returns
// false and what the nodes answered when the lease is gone, or too few of them answered.
func (rw *RWMutex) ValidContext(ctx context.Context) (bool, error) {
	return rw.made().Writer.Valid(redlock.OrBackground(ctx))
}

// Value returns the token of the current write lease, or of the last one, or the value given
// by [WithValue]. It is "" before the first. A lease whose Value was read is released at
// Unlock, and does not pass to another goroutine.
func (rw *RWMutex) Value() string { return rw.made().Writer.Value() }

// Until returns the moment up to which the current write lease is valid, or the last one
// was. It has a monotonic reading. It is the zero time before the first lease, and for a
// value from [WithValue] that was not extended yet.
func (rw *RWMutex) Until() time.Time { return rw.made().Writer.Until() }

// Lost returns a channel that is closed when the current write lease is lost: at Until, or as
// soon as a majority of the nodes has denied it. Nodes can deny it to an Extend, a Valid, an
// Unlock or a renewal. The channel is closed already when that has happened, or when the lock
// is not held for writing. An Unlock in time does not close it, nor does a Downgrade: after
// that it is closed when the read lease is lost. The call costs no round trip.
//
// Each writer has a channel of its own: call Lost anew after each Lock. Both clocks are
// checked in the call, and about every 100ms while a channel is open. So a process whose
// machine was suspended finds its lease lost at the next call, and the channel closed within
// 100ms of waking.
//
// A value from [WithValue] has no Until before it is extended. It is lost only when a
// majority denies it.
func (rw *RWMutex) Lost() <-chan struct{} { return rw.made().Writer.Lost() }

// Do locks for writing, runs fn while it renews the lease, and unlocks when fn returns,
// panics or calls runtime.Goexit.
//
// fn's context ends with ctx, and when the lease is lost; [context.Cause] is an [ErrLost]
// then. From that moment on others may hold the lock. fn should stop what it does under it,
// and return. Do does not stop it.
//
// The error is that of LockContext if fn was not run. Otherwise it is that of fn, joined with
// an ErrLost if the lease was lost before its release, which the release itself may find out.
// A release that too few nodes answer is no error: what fn did was protected to its end. It
// goes on in the background.
func (rw *RWMutex) Do(ctx context.Context, fn func(ctx context.Context) error) error {
	return rw.made().Writer.Do(redlock.OrBackground(ctx), fn)
}

// Name returns the lock's name.
func (rw *RWMutex) Name() string { return rw.made().Writer.Name() }

// Downgrade turns the write lease into a read lease with a full expiry, with no other writer
// in between. Readers that wait are admitted, except those that came after a waiting writer.
// [RWMutex.RUnlock] then gives the lock back.
//
// A writer calls RUnlock after Downgrade, whatever that returned. On error the write lease is
// gone all the same. What the nodes still have of it is a read lease until the write lease's
// Until. RUnlock has to end that even when it has passed. Nothing has changed only when the
// lock was not held for writing, which is an [ErrLockAlreadyExpired] that says so. A lease
// from [WithValue] cannot be downgraded.
//
// A write lease that was renewed becomes a renewed read lease. A channel that Lost had
// returned is closed if that is lost. In [RWMutex.Do] the context of fn lives on, and ends
// when the read lease is lost. Do gives the read lease back, unless RUnlock was called on
// this *RWMutex since the Downgrade. Where other goroutines may do that, fn has to call it
// too. Renewal goes on until RUnlock or the end of Do.
func (rw *RWMutex) Downgrade(ctx context.Context) error {
	return rw.made().Downgrade(redlock.OrBackground(ctx))
}

// RLock acquires the lock for reading. See [RWMutex.RLockContext].
func (rw *RWMutex) RLock() error { return rw.RLockContext(context.Background()) }

// RLockContext acquires the lock for reading. It waits behind a writer that holds the lock,
// or has begun to wait for it, in this process or another. Goroutines that read through the
// same *RWMutex share one lease. To join it takes no round trip within a millisecond of the
// nodes' last answer that no writer waits. Its errors are those of LockContext.
func (rw *RWMutex) RLockContext(ctx context.Context) error {
	return rw.made().Reader.Lock(redlock.OrBackground(ctx))
}

// TryRLock makes one try to lock for reading. See [RWMutex.TryRLockContext].
func (rw *RWMutex) TryRLock() error { return rw.TryRLockContext(context.Background()) }

// TryRLockContext makes one try to lock for reading and does not wait for writers. Other
// readers are never in its way: while goroutines with the same *RWMutex ask the nodes it
// waits for their answer. A writer that holds the same *RWMutex, or waits for it, is in its
// way.
//
// Its errors are those of LockContext. Where only a waiting writer keeps it out, the error
// says so.
func (rw *RWMutex) TryRLockContext(ctx context.Context) error {
	return rw.made().Reader.TryLock(redlock.OrBackground(ctx))
}

// RUnlock ends one goroutine's reading. See [RWMutex.RUnlockContext].
func (rw *RWMutex) RUnlock() (bool, error) { return rw.RUnlockContext(context.Background()) }

// RUnlockContext ends one goroutine's reading. While other goroutines read through the same
// *RWMutex it takes no round trip, and reports whether the shared lease is valid by both
// clocks. The last one releases the lease, and reports whether a majority of the nodes still
// had it.
//
// Otherwise it returns false and an error, an [ErrLockAlreadyExpired] after the lease's expiry
// and when no goroutine reads. Whatever the outcome, the caller no longer reads. A release
// that is left undecided goes on in the background, and another call asks the nodes once
// more.
func (rw *RWMutex) RUnlockContext(ctx context.Context) (bool, error) {
	return rw.made().Reader.Unlock(redlock.OrBackground(ctx))
}

// RExtend renews the read lease. See [RWMutex.RExtendContext].
func (rw *RWMutex) RExtend() (bool, error) { return rw.RExtendContext(context.Background()) }

// RExtendContext renews the lease of all goroutines that read through this *RWMutex, for a
// full expiry from now, and reports whether it did. A waiting writer does not prevent it. It
// fails as ExtendContext does.
func (rw *RWMutex) RExtendContext(ctx context.Context) (bool, error) {
	return rw.made().Reader.Extend(redlock.OrBackground(ctx))
}

// RValue returns the token of the current read lease, or of the last one. Goroutines that read
// at the same time through this *RWMutex share it. After [RWMutex.Downgrade] it is the
// writer's. It is "" before the first read lease, whatever [WithValue] says.
//
// A lease that was lost or given back keeps its token: RValue returns that until an RLock has
// acquired another lease. Package inspect shows the lease by this value, and frees it.
func (rw *RWMutex) RValue() string { return rw.made().Reader.Value() }

// RUntil returns the moment up to which the current read lease is valid, or the last one was.
// It is the same for all goroutines that read through this *RWMutex. It is the zero time
// before the first.
func (rw *RWMutex) RUntil() time.Time { return rw.made().Reader.Until() }

// RLost is [RWMutex.Lost] for the read lease, which all goroutines that read through this
// *RWMutex share.
func (rw *RWMutex) RLost() <-chan struct{} { return rw.made().Reader.Lost() }

// RDo is [RWMutex.Do] for reading. The shared lease is renewed from then on until its last
// reader calls RUnlock.
func (rw *RWMutex) RDo(ctx context.Context, fn func(ctx context.Context) error) error {
	return rw.made().Reader.Do(redlock.OrBackground(ctx), fn)
}

// Locker returns the write lock as a [sync.Locker], for code that takes one. Its Lock waits
// without limit, whatever [WithTries] says and whatever fails meanwhile. The lease is
// renewed until Unlock.
//
// Lock panics on [ErrConfig] only. Unlock panics when the lock is not held for writing, or
// its lease was lost, and never because nodes cannot be reached.
func (rw *RWMutex) Locker() sync.Locker { return rw.made().Writer.Locker() }

// RLocker is [RWMutex.Locker] for reading. The lease is renewed from the first Lock through
// an RLocker on, until its last reader has unlocked.
func (rw *RWMutex) RLocker() sync.Locker { return rw.made().Reader.Locker() }
