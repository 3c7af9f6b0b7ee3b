package redlock

import (
	"context"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast"
)

// Exclusive is a lock object with one holder at a time: the engine's half of a
// mutex, and of the writer of a read-write lock. It is safe for concurrent use;
// goroutines that share it are served in the order in which they came.
type Exclusive struct {
	spec  *Spec
	queue *queue
	pause pause // of the goroutine that has the place

	readers *Shared // the other half of a read-write lock

	attempts attempts // of the goroutine that has the place

	// What a read-write lock's halves share, and other objects have for themselves.
	ownQueue queue
	ownLeft  leftovers

	mu sync.Mutex
	// hold is the current hold, or the last one: nil before the first. It is
	// replaced, and its turn noted, only by the goroutine that has the place.
	hold *hold
	turn int
}

// NewExclusive makes an object from its specification.
func NewExclusive(s *Spec) *Exclusive { return newExclusive(s, nil, nil) }

func newExclusive(s *Spec, at *queue, left *leftovers) *Exclusive {
	x := &Exclusive{spec: s, queue: at, attempts: attempts{spec: s, left: left}}
	if at == nil {
		x.queue, x.attempts.left = &x.ownQueue, &x.ownLeft
	}
	if s.numbers() {
		x.attempts.crowd = x.queue.awaited
	}
	if s.Value != "" && s.err == nil {
		x.hold = adopt(s, s.Value)
	}
	return x
}

// Lock acquires the lock with the configured tries, TryLock with one.
func (x *Exclusive) Lock(ctx context.Context) error {
	return x.lock(ctx, x.spec.newTries())
}

// TryLock makes one try and does not wait.
func (x *Exclusive) TryLock(ctx context.Context) error {
	return x.lock(ctx, x.spec.triesOf(1))
}

func (x *Exclusive) lock(ctx context.Context, by *tries) error {
	ctx, e := x.spec.observer.enter(ctx, 1)
	err := x.take(ctx, by)
	if e.observer != nil {
		e.end(ctx, x.current(), by, err, x.unlock)
	}
	if err == nil && x.spec.AutoExtend {
		x.current().keepAlive()
	}
	return err
}

func (x *Exclusive) take(ctx context.Context, by *tries) error {
	if err := x.spec.usable(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return x.spec.fail(ErrFailed, ended(ctx)...)
	}
	defer by.Stop()
	h, err := x.queue.enter(ctx, by)
	if err != nil {
		x.discard(h)
		if h != nil {
			by.left[1] = &h.footprint
		}
		by.linger(ctx)
		return x.spec.fail(ErrFailed, why(ctx, err, &ErrTaken{})...)
	}
	by.passed = h != nil
	if h == nil {
		h, err = x.acquire(ctx, by)
	}
	if err != nil {
		x.discard(x.queue.leave(nil))
		by.linger(ctx)
		return err
	}
	x.begin(h)
	return nil
}

// acquire gets a lease from the nodes.
func (x *Exclusive) acquire(ctx context.Context, by *tries) (*hold, error) {
	if x.pause.rest(ctx, by) != nil {
		return nil, x.spec.fail(ErrFailed, ended(ctx)...)
	}
	return x.attempts.acquire(ctx, by)
}

// begin makes h the object's hold.
func (x *Exclusive) begin(h *hold) {
	h.placed = true
	if x.spec.AutoExtend {
		x.attempts.ticket = nil // it has ended, and takes more room than the hold
		h.dropTicket()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.hold, x.turn = h, h.turn
}

// discard gives up a lease that was passed on, but that nobody was there to take.
func (x *Exclusive) discard(h *hold) {
	if h != nil {
		x.attempts.abandon(h)
	}
}

// current returns the current or last holder. Its hold is nil before the first.
func (x *Exclusive) current() holder {
	x.mu.Lock()
	defer x.mu.Unlock()
	return holder{x.hold, x.turn}
}

// Unlock releases the hold, and reports whether a majority still had it.
//
// Whatever the outcome, the hold has ended and the object's place is free. When
// too few nodes answered, the releases go on in the background, and Unlock may
// be called again, for as long as no other goroutine has locked the object, to
// ask once more.
func (x *Exclusive) Unlock(ctx context.Context) (bool, error) {
	err, _ := x.unlock(ctx)
	return err == nil, err
}

// unlock also tells whether the hold is known to have been lost, as opposed to
// nodes that could not be asked.
func (x *Exclusive) unlock(ctx context.Context) (err error, lost bool) {
	if err := x.spec.usable(); err != nil {
		return err, false
	}
	return x.release(ctx, x.current())
}

// release is unlock for one holder.
func (x *Exclusive) release(ctx context.Context, h holder) (err error, lost bool) {
	s := h.section()
	err, lost = x.giveBack(ctx, h)
	x.spec.observer.released(ctx, h, s, holdfast.Released{Err: err}, lost)
	return err, lost
}

func (x *Exclusive) giveBack(ctx context.Context, h holder) (err error, lost bool) {
	switch {
	case h.hold == nil:
		return x.spec.fail(ErrLockAlreadyExpired, errNotHeld), true
	case x.queue.awaited() && h.pass():
		x.discard(x.queue.leave(h.hold))
		return nil, false
	case !h.claim():
		return x.spec.fail(ErrLockAlreadyExpired, errNotHeld), true
	}
	h.awaitRenewal(ctx)
	if x.queue.awaited() && h.renewToPass(ctx, &x.pause) {
		x.discard(x.queue.leave(h.hold))
		return nil, false
	}
	end, causes := h.releaseAll(ctx)
	if h.disclaim(end) {
		x.attempts.left.add(&h.footprint)
		x.attempts.used = h.numbers.count()
		x.queue.leave(nil)
	}
	return h.verdict(ctx, end, causes)
}

// Extend renews the hold for another full expiry, and reports whether it did.
func (x *Exclusive) Extend(ctx context.Context) (bool, error) {
	err := x.spec.extend(ctx, x.current(), 1)
	return err == nil, err
}

// Valid asks the clocks and the nodes whether the hold is still good. It is
// false, without an error, when there is no hold.
func (x *Exclusive) Valid(ctx context.Context) (bool, error) {
	if err := x.spec.usable(); err != nil {
		return false, err
	}
	h := x.current()
	if h.hold == nil || !h.active() {
		return false, nil
	}
	if ctx.Err() != nil {
		return false, x.spec.fail(errInvalid, ended(ctx)...)
	}
	ok, causes := h.check(ctx)
	if ok {
		return true, nil
	}
	if ctx.Err() != nil {
		causes = append(ended(ctx), causes...)
	}
	return false, x.spec.fail(errInvalid, causes...)
}

// Value is the token of the current or last hold, or "" before the first.
func (x *Exclusive) Value() string {
	if h := x.current(); h.hold != nil {
		return h.show()
	}
	return x.spec.Value
}

// Until is the end of the validity of the current or last hold. It is the zero
// time before the first, and for an adopted hold that was not extended.
func (x *Exclusive) Until() time.Time {
	if h := x.current(); h.hold != nil {
		return h.validity().until
	}
	return time.Time{}
}

// Name is the lock's name.
func (x *Exclusive) Name() string { return x.spec.name }

// Lost returns a channel that is closed when the current hold is lost: at once if
// that is known already, or if there is no hold.
func (x *Exclusive) Lost() <-chan struct{} { return x.current().lost() }

// Fence is the fencing token of the current or last hold: 0 before the first, for
// one that was adopted, and without fencing.
func (x *Exclusive) Fence() int64 {
	if h := x.current(); h.hold != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.numbers.used
	}
	return 0
}

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
