package redlock

import (
	"context"
	"errors"
	"fmt"
)

// runnable reports that Do cannot run fn, before anything is locked for it.
func (s *Spec) runnable(fn func(context.Context) error) error {
	if fn != nil || s.err != nil {
		return s.usable()
	}
	return s.fail(fmt.Errorf("%w: the function to run is nil, a function needed", ErrConfig))
}

// do runs fn under the lease, and then release.
func (h holder) do(ctx context.Context, fn func(context.Context) error, release func(context.Context) (error, bool)) (err error) {
	c := h.bind(ctx)
	defer func() {
		_ = h.lookAtClocks()
		// A caller that has gone must not leave the lock behind.
		failed, over := release(context.WithoutCancel(ctx))
		c.unbind()
		err = h.withLoss(err, failed, over)
	}()
	return fn(c)
}

// withLoss joins fn's error with the lease's loss. Without one, a lease that was over
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
