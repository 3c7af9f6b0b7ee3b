package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// loss is what those who rely on a hold are told when it can not be proven any
// more. The hold's mutex guards it.
//
// A hold is lost as soon as a majority has said that it has nothing of it, or at
// the end of its validity by either clock, whichever comes first; and then it
// stays lost. One that is released in time is not.
type loss struct {
	err   error          // why; nil as long as it is not lost
	told  chan struct{}  // closed then; nil until somebody wants to know
	bound []*heldContext // they end then

	sections []*section // of the holders that hooks were told of
}

// never is the channel of what is not held.
var never = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// lost looks at the clocks, and returns the channel of the holder, if there is one.
func (h holder) lost() <-chan struct{} {
	if h.hold == nil {
		return never
	}
	now := h.spec.engine.now()
	h.mu.Lock()
	defer h.unlock()
	h.expire(now)
	if h.isOver() || h.ended || h.loss.err != nil {
		return never
	}
	if h.loss.told == nil {
		h.loss.told = make(chan struct{})
		h.await(now)
	}
	return h.loss.told
}

// expire tells the loss of a hold whose validity has ended, unless its release is
// under way: that was begun in time. h.mu is held, to be given back by unlock.
func (h *hold) expire(now instant) {
	if !h.claimed && !h.ended && h.valid.ended(now) {
		h.lose(append([]error{ErrLockAlreadyExpired}, h.reasons()...)...)
	}
}

// deny takes the outcome of a round that was not won. If so many nodes have nothing
// of the hold that a majority can not have it, the hold is lost. A round that is
// older than the last one that was won says nothing about the time since, and one
// that ran beside a release proves only that.
func (h *hold) deny(r *quorum.Round) {
	if !denied(r) {
		return
	}
	causes := causesOf(r)
	h.mu.Lock()
	defer h.unlock()
	if h.ended || h.claimed || validFrom(r.Began, &h.spec.Config).until.Before(h.valid.until) {
		return
	}
	h.lose(causes...)
}

// lose tells everybody that the hold is lost: contexts a little later, see unlock. h.mu
// is held, to be given back by that.
func (h *hold) lose(causes ...error) {
	if h.loss.err != nil {
		return
	}
	h.loss.err = h.spec.fail(ErrLost, causes...)
	if h.loss.told != nil {
		close(h.loss.told)
	}
	h.tellLoss()
	h.spec.engine.renewer.Drop(&h.deadline)
}

// unlock gives h.mu back, and then ends the contexts of a hold that was found lost
// meanwhile. To end one is to run code of others: it asks the context that it was made
// of, which may be bound to this very hold, or wait for something. So that is done
// without a lock, and nobody waits for it.
func (h *hold) unlock() {
	err, bound := h.loss.err, h.loss.bound
	if err == nil || len(bound) == 0 {
		h.mu.Unlock()
		return
	}
	h.loss.bound = nil
	h.mu.Unlock()
	go func() {
		for _, c := range bound {
			c.cancel(err)
		}
	}()
}

// revocable reports that a loss may be taken back by an extension that is won later:
// that of an adopted hold, of which only the nodes know, or of one that is extended
// by Redsync's looser rule. h.mu is held.
func (h *hold) revocable() bool { return !h.valid.known() || h.spec.SetNXOnExtend }

// beyondRecall reports that the hold was told to be lost, and must stay so.
func (h *hold) beyondRecall() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.loss.err != nil && !h.revocable()
}

// forget takes a loss back. Who was told stays told.
func (l *loss) forget() {
	if l.err != nil {
		*l = loss{sections: l.sections}
	}
}

// lossOf is why the lease was lost while the holder had it, or nil.
func (h holder) lossOf() error {
	of := h.lockHeld()
	if of == nil {
		return nil
	}
	defer of.mu.Unlock()
	return of.loss.err
}

// listened reports that somebody wants to be told. h.mu is held.
func (l *loss) listened() bool { return l.told != nil || len(l.bound) > 0 || len(l.sections) > 0 }

// heldContext is a context that ends, with ErrLost as its cause, when a hold is
// lost. It looks at the clocks whenever it is asked, so that a process that was
// suspended does not find it intact on waking.
type heldContext struct {
	context.Context // ended by cancel
	holder          holder
	cancel          context.CancelCauseFunc
	at              int // its place among those bound to the hold; the hold's mutex guards it
}

// bind makes a context that ends with ctx, and when the hold is lost, and begins to
// renew the hold.
func (h holder) bind(ctx context.Context) *heldContext {
	c := &heldContext{holder: h}
	c.Context, c.cancel = context.WithCancelCause(ctx)
	if loss := h.follow(c); loss != nil {
		c.cancel(loss)
	}
	return c
}

// follow has c end when the hold is lost. If it is, it returns why.
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
	h.await(now)
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

// look ends the context if the hold is lost, by the clocks too.
func (c *heldContext) look() {
	if c.Context.Err() != nil {
		return
	}
	if loss := c.holder.lookAtClocks(); loss != nil {
		c.cancel(loss)
	}
}

// lookAtClocks tells the loss of a lease that is over by one of them, and returns why the
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
