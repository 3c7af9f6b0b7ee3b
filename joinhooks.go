package holdfast

import (
	"context"
	"reflect"
	"slices"
)

// JoinHooks makes one of several hooks; nil ones are left out. They are called in their
// order, but AcquireDone in the reverse, so that what one has begun around the others
// ends after them. AcquireStart hands its context on to the next, and AcquireDone gets
// the last one's.
//
// A function that none of them has stays nil, and costs nothing. After one that panics
// the rest is not called.
func JoinHooks(hooks ...*Hooks) *Hooks {
	hooks = slices.DeleteFunc(slices.Clone(hooks), func(h *Hooks) bool { return h == nil })
	if len(hooks) == 1 {
		return hooks[0]
	}
	return &Hooks{
		AcquireStart: joinStart(pick(hooks, func(h *Hooks) start { return h.AcquireStart })),
		AcquireDone:  joinDone(pick(hooks, func(h *Hooks) done { return h.AcquireDone })),
		Extended:     joinExtended(pick(hooks, func(h *Hooks) extended { return h.Extended })),
		Released:     joinReleased(pick(hooks, func(h *Hooks) released { return h.Released })),
		Lost:         joinLost(pick(hooks, func(h *Hooks) lost { return h.Lost })),
		NodeError:    joinNodeError(pick(hooks, func(h *Hooks) nodeError { return h.NodeError })),
	}
}

type (
	start     = func(context.Context, Lock) context.Context
	done      = func(context.Context, Lock, Acquired)
	extended  = func(context.Context, Lock, error)
	released  = func(context.Context, Lock, Released)
	lost      = func(Lock, error)
	nodeError = func(Lock, int, error)
)

// pick lists the functions of one kind that are there.
func pick[F any](hooks []*Hooks, of func(*Hooks) F) []F {
	var all []F
	for _, h := range hooks {
		if f := of(h); !reflect.ValueOf(f).IsNil() {
			all = append(all, f)
		}
	}
	return all
}

func joinStart(all []start) start {
	if all == nil {
		return nil
	}
	return func(ctx context.Context, l Lock) context.Context {
		for _, f := range all {
			if next := f(ctx, l); next != nil {
				ctx = next
			}
		}
		return ctx
	}
}

func joinDone(all []done) done {
	if all == nil {
		return nil
	}
	return func(ctx context.Context, l Lock, a Acquired) {
		for _, f := range slices.Backward(all) {
			f(ctx, l, a)
		}
	}
}

func joinExtended(all []extended) extended {
	if all == nil {
		return nil
	}
	return func(ctx context.Context, l Lock, err error) {
		for _, f := range all {
			f(ctx, l, err)
		}
	}
}

func joinReleased(all []released) released {
	if all == nil {
		return nil
	}
	return func(ctx context.Context, l Lock, r Released) {
		for _, f := range all {
			f(ctx, l, r)
		}
	}
}

func joinLost(all []lost) lost {
	if all == nil {
		return nil
	}
	return func(l Lock, cause error) {
		for _, f := range all {
			f(l, cause)
		}
	}
}

func joinNodeError(all []nodeError) nodeError {
	if all == nil {
		return nil
	}
	return func(l Lock, node int, err error) {
		for _, f := range all {
			f(l, node, err)
		}
	}
}
