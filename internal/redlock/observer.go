package redlock

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// observer has hooks called for the calls on one lock object, and for its leases. It is nil
// without hooks.
//
// An [entry] is a call that locks, a [section] the time of a holder. Hooks are called by the
// caller's goroutine where there is one, and else by the observer's own: see [hookCalls].
type observer struct {
	hooks holdfast.Hooks
	lock  holdfast.Lock
	calls hookCalls
}

// newObserver returns the observer of an object, if there are hooks.
func newObserver(hooks *holdfast.Hooks, kind, name string) *observer {
	if hooks == nil {
		return nil
	}
	return &observer{hooks: *hooks, lock: holdfast.Lock{Kind: kind, Name: name, Count: 1}}
}

// of is the lock, as hooks get it.
func (o *observer) of(count int) holdfast.Lock {
	l := o.lock
	l.Count = count
	return l
}

// entry is one call that locks.
type entry struct {
	*observer // nil without hooks
	count     int
	began     time.Time
}

// enter begins a call that locks, and returns the context that it goes on with.
func (o *observer) enter(ctx context.Context, count int) (context.Context, entry) {
	if o == nil {
		return ctx, entry{}
	}
	if start := o.hooks.AcquireStart; start != nil {
		if next := start(ctx, o.of(count)); next != nil {
			ctx = next
		}
	}
	return ctx, entry{o, count, time.Now()}
}

// section is the time of one holder, from AcquireDone to Released. Readers that share a
// lease have one each. The lease's mutex guards it once it has begun.
type section struct {
	ctx   context.Context // of AcquireDone, but never ends
	count int
	began time.Time
	lost  error // an ErrLost, once Lost was called
	ended bool  // Released was called
}

func (o *observer) lost(count int, err error) {
	if o.hooks.Lost != nil {
		o.calls.post(func() { o.hooks.Lost(o.of(count), err) })
	}
}

// extended reports an extension by a call.
func (o *observer) extended(ctx context.Context, count int, err error) {
	if o != nil && o.hooks.Extended != nil {
		o.hooks.Extended(ctx, o.of(count), err)
	}
}

// nodeError reports an answer that is an error of a node.
func (o *observer) nodeError(n *node, a quorum.Answer) {
	if o == nil || a.Err == nil || o.hooks.NodeError == nil {
		return
	}
	o.calls.postIfFew(func() { o.hooks.NodeError(o.lock, n.Index, nodeError(n.Node, a.Err)) })
}
