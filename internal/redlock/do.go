package redlock

import (
	"context"
	"errors"
	"fmt"
)

// Do runs fn while the lock is held, and keeps the hold alive meanwhile. fn's context
// ends with ctx, and with ErrLost as its cause when the hold is lost.
//
// The hold is released when fn returns, panics or ends its goroutine. Do returns why
// it could not lock, or else fn's error joined with the hold's loss. A release that
// too few nodes have answered is no error: what fn did was protected to its end, and
// the release is carried through in the background.
func (x *Exclusive) Do(ctx context.Context, fn func(context.Context) error) error {
	if err := x.spec.runnable(fn); err != nil {
		return err
	}
	if err := x.Lock(ctx); err != nil {
		return err
	}
	h := x.current()
	return h.do(ctx, fn, func(ctx context.Context) (error, bool) { return x.releaseAfter(ctx, h) })
}

// releaseAfter is release at the end of Do: of what fn has made of the hold.
func (x *Exclusive) releaseAfter(ctx context.Context, h holder) (err error, lost bool) {
	if to := h.converted(); to != nil {
		return x.readers.releaseAfter(ctx, to)
	}
	return x.release(ctx, h)
}

// Do is Exclusive.Do for a share of the lease, which is renewed for as long as it has
// readers.
func (x *Shared) Do(ctx context.Context, fn func(context.Context) error) error {
	if err := x.spec.runnable(fn); err != nil {
		return err
	}
	if err := x.Lock(ctx); err != nil {
		return err
	}
	return x.current().do(ctx, fn, x.unlock)
}

// Do is Exclusive.Do for a permit of n slots.
func (x *Slots) Do(ctx context.Context, n int, fn func(context.Context) error) error {
	if err := x.spec.runnable(fn); err != nil {
		return err
	}
	p, err := x.Acquire(ctx, n)
	if err != nil {
		return err
	}
	return p.holder.do(ctx, fn, p.release)
}

// runnable reports that Do cannot run fn, before anything is locked for it.
func (s *Spec) runnable(fn func(context.Context) error) error {
	if fn != nil || s.err != nil {
		return s.usable()
	}
	return s.fail(fmt.Errorf("%w: the function to run is nil, a function needed", ErrConfig))
}

// do runs fn under the hold, and then release.
func (h holder) do(ctx context.Context, fn func(context.Context) error, release func(context.Context) (error, bool)) (err error) {
	c := h.bind(ctx)
	defer func() {
		h.lookAtClocks()
		// A caller that has gone must not leave the lock behind.
		failed, over := release(context.WithoutCancel(ctx))
		c.unbind()
		err = h.withLoss(err, failed, over)
	}()
	return fn(c)
}

// withLoss joins fn's error with the hold's loss. Without one, a hold that was over
// all the same was released by fn itself.
func (h holder) withLoss(err, failed error, over bool) error {
	loss := h.lossOf()
	if loss == nil && over {
		loss = failed
	}
	switch {
	case loss == nil || errors.Is(err, loss):
		return err
	case err == nil:
		return loss
	default:
		return errors.Join(err, loss)
	}
}

// OrBackground is ctx, or the background where a user gave nil.
func OrBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
