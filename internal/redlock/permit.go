package redlock

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
)

// Permit is a lease of slots, and belongs to no goroutine: they may pass it on. It is
// safe for concurrent use.
type Permit struct {
	holder
	slots *Slots // the object that it is of
	n     int    // how many slots
}

// NoPermit makes a permit that was never acquired: see Unmade.
func NoPermit(p *Protocol, text string) *Permit {
	l := new(lease)
	l.ended = true
	l.init(Unmade(text).NewSpec(p, "", DefaultConfig()), token{})
	return &Permit{holder: l.holder()}
}

// Release gives the slots back, or to a goroutine that waits for as many with the same
// object, and reports whether a majority still had them.
// Whatever the outcome, the permit has ended; what the caller does not wait for
// is settled in the background. When too few nodes answered it may be called
// again, to ask once more.
func (p *Permit) Release(ctx context.Context) (bool, error) {
	err, _ := p.release(ctx)
	return err == nil, err
}

// release also reports whether the permit is known to have been lost.
func (p *Permit) release(ctx context.Context) (err error, lost bool) {
	s := p.section()
	err, lost = p.giveBack(ctx)
	p.holder.released(ctx, s, holdfast.Released{Err: err}, lost)
	return err, lost
}

func (p *Permit) giveBack(ctx context.Context) (err error, lost bool) {
	h := p.holder
	if err := h.spec.usable(); err != nil {
		return err, true
	}
	switch {
	case p.slots.queue.awaits(p.n) && h.pass():
		p.slots.discard(p.slots.queue.pass(p.n, h.lease))
		return nil, false
	case !h.claim():
		return h.spec.fail(ErrLockAlreadyExpired, errNotHeld), true
	}
	h.renewing().awaitRenewal(ctx)
	end, causes := h.releasing().releaseAll(ctx)
	h.releasing().disclaim(end)
	return h.releasing().verdict(ctx, end, causes)
}

// Extend renews the permit for another full expiry, and reports whether it did.
func (p *Permit) Extend(ctx context.Context) (bool, error) {
	err := p.spec.extend(ctx, p.holder, p.n)
	return err == nil, err
}

// Until is the end of the permit's validity.
func (p *Permit) Until() time.Time { return p.lease.validity().until }

// Value is the permit's token.
func (p *Permit) Value() string { return p.show() }

// Slots are the numbers of the permit's slots, in ascending order.
func (p *Permit) Slots() []int { return slotset.Parse(p.lease.slots) }

// Lost returns a channel that is closed when the permit is lost.
func (p *Permit) Lost() <-chan struct{} { return p.holder.lost() }
