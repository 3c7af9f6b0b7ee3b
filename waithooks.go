package holdfast

import (
	"context"
	"sync/atomic"
	"time"
)

// HolderHooks finds out who is in the way when a call waits for a lock for longer than
// after. It calls find once, in a goroutine of its own, while the call still waits. [Holder]
// returns the answer to hooks joined with these, and to what works with the context of
// AcquireStart. A call that waits less costs a timer and no request.
//
// find returns who holds l: a text for people, such as what the holder gave to WithOwner,
// which package inspect shows. It is "" where that is not known. A text that labels a
// metric should have few values. find's ctx has the values of the waiting call's and ends
// with that call. find should return then, but is not waited for. A panic in it ends the
// program.
//
// If the log is to have the holder when it first reports a wait, join these before
// [LogHooks], and take less than a second for after.
func HolderHooks(after time.Duration, find func(ctx context.Context, l Lock) string) *Hooks {
	waits := waitHooks(after, func(ctx context.Context, l Lock) {
		owner := find(ctx, l)
		ctx.Value(holderKey{}).(*atomic.Pointer[string]).Store(&owner)
	})
	return JoinHooks(&Hooks{
		AcquireStart: func(ctx context.Context, _ Lock) context.Context {
			return context.WithValue(ctx, holderKey{}, new(atomic.Pointer[string]))
		},
	}, waits)
}

type holderKey struct{}

// Holder is who held the lock while the call of ctx waited for it, as [HolderHooks] has
// found. It is "" without these, after a short wait, and as long as nothing was found.
func Holder(ctx context.Context) string {
	found, ok := ctx.Value(holderKey{}).(*atomic.Pointer[string])
	if !ok {
		return ""
	}
	if owner := found.Load(); owner != nil {
		return *owner
	}
	return ""
}

// wait is one call that waits.
type wait struct {
	context.Context
	cancel context.CancelFunc
	timer  *time.Timer
}

// waitHooks calls waiting once for each call that waits for longer than after, in a
// goroutine of its own. Its ctx ends with the call.
func waitHooks(after time.Duration, waiting func(context.Context, Lock)) *Hooks {
	key := new(byte) // not of size 0, as each has to have its own address
	return &Hooks{
		AcquireStart: func(ctx context.Context, l Lock) context.Context {
			w := new(wait)
			w.Context, w.cancel = context.WithCancel(ctx)
			w.timer = time.AfterFunc(after, func() { waiting(w, l) })
			return context.WithValue(ctx, key, w)
		},
		AcquireDone: func(ctx context.Context, _ Lock, _ Acquired) {
			if w, ok := ctx.Value(key).(*wait); ok {
				w.timer.Stop()
				w.cancel()
			}
		},
	}
}
