package mutex

import (
	"context"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock"
	"github.com/holdfast-go/holdfast/scripts"
)

// lineKeys are the kinds of the line's keys.
var lineKeys = []string{":mutex:line", ":mutex:waiters"}

// protocol is the mutex as the engine sees it.
var protocol = &redlock.Protocol{
	Kind:     "mutex",
	Acquire:  scripts.Mutex().Acquire,
	Extend:   scripts.Mutex().Extend,
	Revive:   scripts.Mutex().ExtendOrSet,
	Release:  scripts.Mutex().Release,
	Check:    scripts.Mutex().Check,
	Pass:     scripts.Mutex().Pass,
	Withdraw: scripts.Mutex().Withdraw,
	LineKeys: lineKeys,
	Fenced:   fenced,
}

// Factory makes mutexes that live on one set of nodes. It is safe for
// concurrent use. Make one for each set of nodes and keep it: what is known of
// the nodes' health lives in it.
type Factory struct {
	engine *redlock.Engine
}

// Redsync is Factory, by the name that Redsync's users give the type.
type Redsync = Factory

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

// NewMutex returns the mutex called name, which is its key on every node. It
// sends nothing. Bad options and an empty name are reported as [ErrConfig] by
// the first call on the mutex.
func (f *Factory) NewMutex(name string, options ...Option) *Mutex {
	config := redlock.DefaultConfig()
	for _, option := range options {
		if option != nil {
			option.apply(&config)
		}
	}
	return &Mutex{lock: redlock.NewExclusive(f.on().NewSpec(protocol, name, config))}
}

// Mutex is an exclusive lock with a lease. It is safe for concurrent use by
// goroutines; see the package's documentation for what it promises.
//
// A method without a context is the one with context.Background(). A nil
// context counts as context.Background() too.
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

// Lock acquires the mutex, trying as often as [WithTries] says. See
// [Mutex.LockContext].
func (m *Mutex) Lock() error { return m.LockContext(context.Background()) }

// LockContext acquires the mutex. It waits in line behind other goroutines that
// use the same *Mutex, then tries until a majority grants it, the tries are
// used up, or ctx ends.
//
// Every error but a misconfiguration is an [ErrFailed], together with what each
// node answered to the last try: [*ErrTaken], [*ErrNodeTaken] or [*RedisError].
// When ctx has ended the error is ctx.Err() as well. On error nothing is held;
// what single nodes may have granted is released in the background.
func (m *Mutex) LockContext(ctx context.Context) error {
	return m.made().Lock(redlock.OrBackground(ctx))
}

// TryLock makes one try. See [Mutex.TryLockContext].
func (m *Mutex) TryLock() error { return m.TryLockContext(context.Background()) }

// TryLockContext makes one try and does not wait for a holder. When another
// goroutine holds the same *Mutex it fails at once, without asking a node, with
// an [*ErrTaken] that names none. Its errors are those of LockContext.
func (m *Mutex) TryLockContext(ctx context.Context) error {
	return m.made().TryLock(redlock.OrBackground(ctx))
}

// Unlock releases the mutex. See [Mutex.UnlockContext].
func (m *Mutex) Unlock() (bool, error) { return m.UnlockContext(context.Background()) }

// UnlockContext releases the hold, and reports whether a majority of the nodes
// still had it. If so, nobody else can have held the mutex up to now. Where another
// goroutine waits for the same *Mutex the lease passes to it, within a tenure without asking
// the nodes: see the package's documentation.
//
// It is false with an error otherwise. After the hold's expiry, when no goroutine
// holds this *Mutex, and when it was unlocked already, that is an
// [ErrLockAlreadyExpired]. Whatever the outcome, the hold has ended
// and the next goroutine in line gets its turn. When too few nodes answered, or
// ctx has ended, the release is still carried through in the background; calling
// again asks the nodes once more, as long as no other goroutine has locked the
// same *Mutex meanwhile.
func (m *Mutex) UnlockContext(ctx context.Context) (bool, error) {
	return m.made().Unlock(redlock.OrBackground(ctx))
}

// Extend renews the hold. See [Mutex.ExtendContext].
func (m *Mutex) Extend() (bool, error) { return m.ExtendContext(context.Background()) }

// ExtendContext renews the hold for a full expiry from now, and reports whether
// it did. Only nodes that still have the hold's token count. After a won
// extension, nodes that had lost the token get it back, but do not count until
// another extension was won without them.
//
// On error, which is an [ErrExtendFailed] with what each node answered, Until
// stays as it was, and the call may be repeated while it lies ahead. A hold
// whose Until has passed is not extended any more.
//
// The first extension of a value from [WithValue] is judged by votes alone.
func (m *Mutex) ExtendContext(ctx context.Context) (bool, error) {
	return m.made().Extend(redlock.OrBackground(ctx))
}

// Valid asks the nodes whether the hold stands. See [Mutex.ValidContext].
func (m *Mutex) Valid() (bool, error) { return m.ValidContext(context.Background()) }

// ValidContext reports whether both clocks and a majority of the nodes say that
// the hold stands. It is false without an error when nothing is held, and false
// with an error that says what the nodes answered when the hold is gone or too
// few of them answered. It costs a round trip; comparing Until with the clock
// costs none, and says as much about the next moment.
func (m *Mutex) ValidContext(ctx context.Context) (bool, error) {
	return m.made().Valid(redlock.OrBackground(ctx))
}

// Name is the mutex's name, which is its key on every node.
func (m *Mutex) Name() string { return m.made().Name() }

// Value is the token of the current hold, or of the last one, or the value given
// by [WithValue]. It is "" before the first. Hand it to another process's
// WithValue to let that one extend or release the hold. A lease whose token was asked for
// is released at Unlock, and does not pass to another goroutine.
func (m *Mutex) Value() string { return m.made().Value() }

// Until is the moment up to which the current hold is valid, or the last one
// was. It carries a monotonic reading. It is the zero time before the first
// hold, and for a value from [WithValue] that was not extended yet.
//
// time.Now().Before(m.Until()) does not notice that the machine was suspended;
// Lost, Valid and Extend do.
func (m *Mutex) Until() time.Time { return m.made().Until() }

// Lost returns a channel that is closed when the current hold is lost: as soon as a
// majority of the nodes has said, to an Extend, a Valid, an Unlock or a renewal, that
// it has nothing of it, or at Until, whichever comes first. It is closed at once when
// that has happened already, or when nothing is held, and never because of an Unlock
// in time. It costs no round trip.
//
// The channel is the current hold's: ask for it anew after each Lock. Both clocks of
// the process are looked at in the call, and about every 100ms while a channel is
// open, as the monotonic one stands still while a machine is suspended. So a process
// that was suspended finds its hold lost at the next call, and the channel closed
// within 100ms of waking.
//
// A value from [WithValue] has no Until before it is extended. It is not lost until a
// majority denies it.
func (m *Mutex) Lost() <-chan struct{} { return m.made().Lost() }

// Do locks the mutex, runs fn while its hold is renewed, and unlocks when fn returns,
// panics or calls runtime.Goexit.
//
// fn's context ends with ctx, and when the hold is lost; [context.Cause] is an
// [ErrLost] then. From that moment on another process may have the mutex: fn should
// stop what it does under it, and return. Do does not stop it.
//
// The error is that of LockContext, and fn was not run then; or that of fn, joined
// with an ErrLost if the hold was lost before its release. That may be found only by
// the release. When too few nodes answer that, it is no error: what fn did was
// protected to its end, and the release is carried through in the background.
func (m *Mutex) Do(ctx context.Context, fn func(ctx context.Context) error) error {
	return m.made().Do(redlock.OrBackground(ctx), fn)
}

// Locker returns the mutex as a [sync.Locker], for code that takes one. Its Lock
// waits without limit, whatever WithTries says and whatever fails meanwhile, and
// its hold is renewed until it is unlocked. Lock panics on [ErrConfig] only.
// Unlock panics when the mutex is not held, or the hold was lost, and never
// because nodes cannot be reached.
func (m *Mutex) Locker() sync.Locker { return m.made().Locker() }
