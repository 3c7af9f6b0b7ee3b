package redlock

import (
	"context"
)

// never is the channel of what is not held.
var never = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// lost looks at the clocks, and returns the channel of the holder, if there is one.
func (h holder) lost() <-chan struct{} {
	if h.lease == nil {
		return never
	}
	now := h.spec.engine.now()
	h.mu.Lock()
	defer h.unlock()
	h.expire(now)
	if h.isOver() || h.ended || h.loss.err != nil {
		return never
	}
	if h.loss.signal == nil {
		h.loss.signal = make(chan struct{})
		h.renewing().await(now)
	}
	return h.loss.signal
}

// bind makes a context that ends with ctx, and when the lease is lost, and begins to
// renew the lease.
func (h holder) bind(ctx context.Context) *heldContext {
	c := &heldContext{holder: h}
	c.Context, c.cancel = context.WithCancelCause(ctx)
	if loss := h.follow(c); loss != nil {
		c.cancel(loss)
	}
	return c
}

// follow has c end when the lease is lost. If it is, it returns why.
func (h holder) follow(c *heldContext) error {
	now := h.spec.engine.now()
	h.mu.Lock()
	defer h.unlock()
	h.expire(now)
	switch {
	case h.isOver():
		return nil
	case h.loss.err != nil:
		return h.loss.err
	}
	h.renewal.on, h.renewal.forDo = !h.claimed, false
	h.inDo = true
	c.at = len(h.loss.bound)
	h.loss.bound = append(h.loss.bound, c)
	h.renewing().await(now)
	return nil
}

// unbind ends the context.
func (c *heldContext) unbind() { c.cancel(c.holder.unfollow(c)) }

// unfollow takes c from those that end when the lease is lost. If it was, it returns why.
func (h holder) unfollow(c *heldContext) error {
	of := h.lockHeld()
	if of == nil {
		return nil
	}
	defer of.mu.Unlock()
	if of.renewal.forDo {
		of.renewal.on, of.renewal.forDo = false, false
	}
	bound := of.loss.bound
	if c.at >= len(bound) || bound[c.at] != c {
		return of.loss.err
	}
	last := bound[len(bound)-1]
	bound[c.at], last.at = last, c.at
	bound[len(bound)-1] = nil
	of.loss.bound = bound[:len(bound)-1]
	return nil
}

// Done implements context.Context.
func (c *heldContext) Done() <-chan struct{} {
	c.look()
	return c.Context.Done()
}

// Err implements context.Context.
func (c *heldContext) Err() error {
	c.look()
	return c.Context.Err()
}

// look ends the context if the lease is lost, by the clocks too.
func (c *heldContext) look() {
	if c.Context.Err() != nil {
		return
	}
	if loss := c.holder.lookAtClocks(); loss != nil {
		c.cancel(loss)
	}
}

// lookAtClocks reports the loss of a lease that is over by one of them, and returns why the
// holder's was lost, or nil.
func (h holder) lookAtClocks() error {
	now := h.spec.engine.now()
	of := h.lockHeld()
	if of == nil {
		return nil
	}
	defer of.unlock()
	of.expire(now)
	return of.loss.err
}
