package redlock

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
)

// Slots is a lock object with numbered slots, the engine's half of a semaphore. A
// slot is held when a majority of the nodes has granted this very slot to the same
// token: two majorities share a node, and a node grants a slot once, so no slot has
// two holders. It is safe for concurrent use. Goroutines that share it ask the nodes at
// the same time. Once the nodes have refused one, those that come later queue behind
// it, a large request before the small ones.
type Slots struct {
	spec  *Spec
	queue slotQueue

	attempts  attempts               // what each call begins with
	spare     atomic.Pointer[ticket] // a call's that has ended, for the next one
	asking    atomic.Int32           // calls that ask the nodes now
	proposals slotset.Proposals
}

// NewSlots makes an object with slots 0 … limit−1.
func NewSlots(s *Spec, limit int) *Slots {
	s.limit, s.limitWord = limit, int64(limit)
	s.oneSlot = ":1:" + strconv.Itoa(limit)
	return &Slots{spec: s, attempts: attempts{spec: s, left: new(leftovers)}}
}

const (
	// minListing is how many free slots beyond the grant a node lists, so that
	// clients that raced can go on to different ones.
	minListing = 16

	// moreListing is by how many times more a node lists when the nodes had nothing
	// in common, and maxListing how many it lists at most: nodes may differ by many
	// slots after one of them was away for long.
	moreListing = 8
	maxListing  = minListing * moreListing * moreListing

	// maxProposals is how many times in a row nodes that disagree are asked for
	// the same slots before the call waits for its next try.
	maxProposals = 4
)

// Acquire takes n slots, all or none, with the configured tries; TryAcquire with
// one.
func (x *Slots) Acquire(ctx context.Context, n int) (*Permit, error) {
	return x.acquire(ctx, n, x.spec.newTries())
}

// TryAcquire makes one try and does not wait.
func (x *Slots) TryAcquire(ctx context.Context, n int) (*Permit, error) {
	return x.acquire(ctx, n, x.spec.triesOf(1))
}

func (x *Slots) acquire(ctx context.Context, n int, by *tries) (*Permit, error) {
	ctx, e := x.spec.observer.enter(ctx, n)
	p, err := x.take(ctx, n, by)
	if e.observer != nil {
		var h holder
		if p != nil {
			h = p.holder
		}
		h.entered(ctx, e, by, err, p.release)
	}
	if err == nil && x.spec.AutoExtend {
		p.renewing().keepAlive()
	}
	return p, err
}

func (x *Slots) take(ctx context.Context, n int, by *tries) (*Permit, error) {
	if err := x.usable(n); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, x.spec.fail(ErrFailed, ended(ctx)...)
	}
	defer by.Stop()
	t := taking{Slots: x, attempts: x.attempts, tries: by, n: n, causes: []error{&ErrTaken{}}}
	l, err := t.take(ctx)
	if err != nil {
		t.giveUp()
		by.linger(ctx)
		return nil, err
	}
	return &Permit{l.holder(), x, n}, nil
}

// discard gives up a lease that was passed on, but not taken.
func (x *Slots) discard(l *lease) {
	if l != nil {
		x.attempts.abandon(l)
	}
}

// MaxSlots is the largest limit: what was tested to stay within the time that a
// Redis server may well spend on one call.
const MaxSlots = slotset.Max

// usable reports what makes a request for n slots fail.
func (x *Slots) usable(n int) error {
	if err := x.spec.usable(); err != nil {
		return err
	}
	limit := x.spec.limit
	switch {
	case limit < 1 || limit > MaxSlots:
		return x.spec.fail(fmt.Errorf("%w: limit is %d, from 1 to %d needed", ErrConfig, limit, MaxSlots))
	case n < 1 || n > limit:
		return x.spec.fail(fmt.Errorf("%w: n is %d, from 1 to the limit of %d needed", ErrConfig, n, limit))
	}
	return nil
}

// listing is how many free slots the nodes list: one node has none to disagree
// with, and of many calls each is to find some of its own.
func (x *Slots) listing() int {
	if len(x.spec.engine.nodes) == 1 {
		return 0
	}
	return min(max(minListing, 2*int(x.asking.Load())), maxListing)
}

// askForMore has the nodes list more free slots, if as many as they were asked for
// were not enough.
func (q *request) askForMore(r *quorum.Round) bool {
	if q.listing == 0 || q.listing == maxListing || !mayHaveMore(r, q.listing) {
		return false
	}
	q.listing = min(q.listing*moreListing, maxListing)
	return true
}

// trySlots makes one attempt.
func (a *attempts) trySlots(ctx context.Context, l *lease, q request, tk *ticket) (*lease, *quorum.Round, []error) {
	id, lifetime := tk.words()
	r := a.ask(ctx, l, slotsCall(a.spec, l.token, a.left.current(), q, id, lifetime), tk)
	if !r.Run(ctx) {
		causes := append(causesOf(r), a.spec.shortage(r, q)...)
		if !tk.waits(ctx, l, r) {
			a.abandon(l)
		}
		return nil, r, causes
	}
	o := r.Outcome()
	l.agreeOn(o.Agreed)
	if cause := surpasses(r, o.Agreed, a.spec.limit); cause != nil {
		a.abandon(l)
		return nil, r, []error{cause}
	}
	if err := l.acquiring().accept(o.Start); err != nil {
		a.abandon(l)
		return nil, r, []error{err}
	}
	l.acquiring().align(r)
	return l, r, nil
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
