package mutex

import (
	"context"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock"
	"github.com/holdfast-go/holdfast/scripts"
)

// queueKeys are the kinds of the queue's keys.
var queueKeys = []string{":mutex:queue", ":mutex:awaited"}

// protocol is the mutex as the engine sees it.
var protocol = &redlock.Protocol{
	Kind:      "mutex",
	Acquire:   scripts.Mutex().Acquire,
	Extend:    scripts.Mutex().Extend,
	Revive:    scripts.Mutex().ExtendOrSet,
	Release:   scripts.Mutex().Release,
	Check:     scripts.Mutex().Check,
	Pass:      scripts.Mutex().Pass,
	Withdraw:  scripts.Mutex().Withdraw,
	QueueKeys: queueKeys,
	Fenced:    fenced,
	Plain:     true,
	Grants:    true,
	Polled:    true,
}

// Factory makes mutexes that live on one set of nodes. It is safe for concurrent use. Make
// one for each set of nodes and keep it: it has the connections, and what is known of the
// nodes' health.
type Factory struct {
	engine *redlock.Engine
}

// Redsync is [Factory], by the name that Redsync gives the type.
type Redsync = Factory

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

// NewMutex returns the mutex called name, which is its key on every node. It sends nothing.
// Bad options and an empty name are reported as [ErrConfig] by the first call on the mutex.
func (f *Factory) NewMutex(name string, options ...Option) *Mutex {
	config := redlock.DefaultConfig()
	for _, option := range options {
		if option != nil {
			option.apply(&config)
		}
	}
	return &Mutex{lock: redlock.NewExclusive(f.on().NewSpec(protocol, name, config))}
}

// Mutex is an exclusive lock with a lease. It is safe for concurrent use. The package's
// documentation says what it promises.
//
// A method without a context is the one with [context.Background]. A nil context counts as
// that, too.
type Mutex struct {
	lock *redlock.Exclusive
}

// unmade is what every Mutex is that NewMutex did not make: each call on it is an
// ErrConfig.
var unmade = (&Factory{redlock.Unmade("this Mutex was not made by NewMutex")}).NewMutex("").lock

func (m *Mutex) made() *redlock.Exclusive {
	if m == nil || m.lock == nil {
		return unmade
	}
	return m.lock
}

// Lock acquires the mutex, with as many tries as [WithTries] allows. See
// [Mutex.LockContext].
func (m *Mutex) Lock() error { return m.LockContext(context.Background()) }

// LockContext acquires the mutex. It waits behind other goroutines that use the same
// *Mutex, then tries until a majority grants it, the tries are used up, or ctx ends.
//
// Every error but an [ErrConfig] is an [ErrFailed], joined with what each node answered to
// the last try: [*ErrTaken], [*ErrNodeTaken] or [*RedisError]. When ctx has ended the error
// is ctx.Err() as well. On error the mutex is not held, and what single nodes may have
// granted is released in the background.
func (m *Mutex) LockContext(ctx context.Context) error {
	return m.made().Lock(redlock.OrBackground(ctx))
}

// TryLock makes one try. See [Mutex.TryLockContext].
func (m *Mutex) TryLock() error { return m.TryLockContext(context.Background()) }

// TryLockContext makes one try and does not wait for a holder. When another goroutine holds
// the same *Mutex it fails at once, without a request, with an [*ErrTaken] that names no
// node. Its errors are those of LockContext.
func (m *Mutex) TryLockContext(ctx context.Context) error {
	return m.made().TryLock(redlock.OrBackground(ctx))
}

// Unlock releases the mutex. See [Mutex.UnlockContext].
func (m *Mutex) Unlock() (bool, error) { return m.UnlockContext(context.Background()) }

// UnlockContext releases the lease, and reports whether a majority of the nodes still had
// it. If so, nobody else can have held the mutex up to now. Where another goroutine waits
// for the same *Mutex the lease passes to it: the package's documentation says how.
//
// Otherwise it returns false and an error. That is an [ErrLockAlreadyExpired] after the
// lease's expiry, when no goroutine holds this *Mutex, and when it was unlocked already.
//
// Whatever the outcome, the caller no longer holds the mutex, and the next goroutine is
// served. When too few nodes answered, or ctx has ended, the release goes on in the
// background. Another call asks the nodes once more, as long as no other goroutine has
// locked the same *Mutex meanwhile.
func (m *Mutex) UnlockContext(ctx context.Context) (bool, error) {
	return m.made().Unlock(redlock.OrBackground(ctx))
}

// Extend renews the lease. See [Mutex.ExtendContext].
func (m *Mutex) Extend() (bool, error) { return m.ExtendContext(context.Background()) }

// ExtendContext renews the lease for a full expiry from now, and reports whether it did.
// Only nodes that still have the token count. After a won extension, nodes that had lost
// the token get it back, but count only after another extension was won without them.
//
// An error is an [ErrExtendFailed] with what each node answered. Until then stays as it was,
// and the call may be repeated before it. A lease whose Until has passed is not extended.
//
// The first extension of a value from [WithValue] is decided by votes alone.
func (m *Mutex) ExtendContext(ctx context.Context) (bool, error) {
	return m.made().Extend(redlock.OrBackground(ctx))
}

// Valid asks the nodes whether the lease stands. See [Mutex.ValidContext].
func (m *Mutex) Valid() (bool, error) { return m.ValidContext(context.Background()) }

// ValidContext reports whether the lease stands, by both clocks and a majority of the nodes.
// It returns false without an error when the mutex is not held. It returns false and what
// the nodes answered when the lease is gone, or too few of them answered.
//
// It costs a round trip. To compare Until with the clock costs none, and is worth as much
// for the next moment.
func (m *Mutex) ValidContext(ctx context.Context) (bool, error) {
	return m.made().Valid(redlock.OrBackground(ctx))
}

// Name returns the mutex's name, which is its key on every node.
func (m *Mutex) Name() string { return m.made().Name() }

// Value returns the token of the current lease, or of the last one, or the value given by
// [WithValue]. It is "" before the first. Give it to another process's WithValue to let
// that one extend or release the lease. A lease whose Value was read is released at Unlock,
// and does not pass to another goroutine.
func (m *Mutex) Value() string { return m.made().Value() }

// Until returns the moment up to which the current lease is valid, or the last one was. It
// has a monotonic reading. It is the zero time before the first lease, and for a value from
// [WithValue] that was not extended yet.
//
// time.Now().Before(m.Until()) does not notice that the machine was suspended. Lost, Valid
// and Extend do.
func (m *Mutex) Until() time.Time { return m.made().Until() }

// Lost returns a channel that is closed when the current lease is lost: at Until, or as soon
// as a majority of the nodes has denied it. Nodes can deny it to an Extend, a Valid, an Unlock
// or a renewal. The channel is closed already when that has happened, or when the mutex is not
// held. An Unlock in time does not close it. The call costs no round trip.
//
// Each holder has a channel of its own: call Lost anew after each Lock. Both clocks are
// checked in the call, and about every 100ms while a channel is open. So a process whose
// machine was suspended finds its lease lost at the next call, and the channel closed within
// 100ms of waking.
//
// A value from [WithValue] has no Until before it is extended. It is lost only when a
// majority denies it.
func (m *Mutex) Lost() <-chan struct{} { return m.made().Lost() }

// Do locks the mutex, runs fn while it renews the lease, and unlocks when fn returns, panics
// or calls runtime.Goexit.
//
// fn's context ends with ctx, and when the lease is lost; [context.Cause] is an [ErrLost]
// then. From that moment on another process may hold the mutex. fn should stop what it does
// under it, and return. Do does not stop it.
//
// The error is that of LockContext if fn was not run. Otherwise it is that of fn, joined with
// an ErrLost if the lease was lost before its release, which the release itself may find out.
// A release that too few nodes answer is no error: what fn did was protected to its end. It
// goes on in the background.
func (m *Mutex) Do(ctx context.Context, fn func(ctx context.Context) error) error {
	return m.made().Do(redlock.OrBackground(ctx), fn)
}

// Locker returns the mutex as a [sync.Locker], for code that takes one. Its Lock waits
// without limit, whatever [WithTries] says and whatever fails meanwhile. The lease is
// renewed until Unlock.
//
// Lock panics on [ErrConfig] only. Unlock panics when the mutex is not held, or its lease was
// lost, and never because nodes cannot be reached.
func (m *Mutex) Locker() sync.Locker { return m.made().Locker() }
