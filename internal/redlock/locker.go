package redlock

import (
	"context"
	"errors"
)

// Locker makes a lock object look like a sync.Locker. It waits without limit
// and keeps its lease alive until it is unlocked.
type Locker struct {
	spec *Spec
	half lockable
}

// lockable is the writers' or the readers' half of an object.
type lockable interface {
	lock(context.Context, *tries) error
	unlock(context.Context) (err error, lost bool)
	current() holder
}

// Locker returns the object as a sync.Locker.
func (x *Exclusive) Locker() *Locker { return &Locker{x.spec, x} }

// Locker returns the readers' half as a sync.Locker.
func (x *Shared) Locker() *Locker { return &Locker{x.spec, x} }

// Lock waits until the lock is held, whatever fails meanwhile. It panics when
// the configuration cannot work, as waiting would never end.
func (l *Locker) Lock() {
	ctx := context.Background()
	for {
		by := l.spec.triesOf(0)
		err := l.half.lock(ctx, by)
		if err == nil {
			l.half.current().renewing().keepAlive()
			return
		}
		if errors.Is(err, ErrConfig) {
			panic(err)
		}
		_ = by.Pause(ctx) // only the user's value function can have failed
		by.Stop()
	}
}

// Unlock releases the lease. It panics when there is none, or when it was lost,
// for then the work since Lock was not protected. Nodes that cannot be reached
// are no reason to: their keys end with their expiry.
func (l *Locker) Unlock() {
	if err, lost := l.half.unlock(context.Background()); lost || errors.Is(err, ErrConfig) {
		panic(err)
	}
}
