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
	// lease is the current lease, or the last one: nil before the first. It is
	// replaced, and its passings noted, only by the goroutine that has the place.
	lease    *lease
	passings int
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
		x.lease = adopt(s, s.Value)
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
		x.current().entered(ctx, e, by, err, x.unlock)
	}
	if err == nil && x.spec.AutoExtend {
		x.current().renewing().keepAlive()
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
	l, err := x.queue.enter(ctx, by)
	if err != nil {
		x.discard(l)
		if l != nil {
			by.left[1] = &l.footprint
		}
		by.linger(ctx)
		return x.spec.fail(ErrFailed, why(ctx, err, &ErrTaken{})...)
	}
	by.passed = l != nil
	if l == nil {
		l, err = x.acquire(ctx, by)
	}
	if err != nil {
		x.discard(x.queue.leave(nil))
		by.linger(ctx)
		return err
	}
	x.begin(l)
	return nil
}

// acquire gets a lease from the nodes.
func (x *Exclusive) acquire(ctx context.Context, by *tries) (*lease, error) {
	if x.pause.rest(ctx, by) != nil {
		return nil, x.spec.fail(ErrFailed, ended(ctx)...)
	}
	return x.attempts.acquire(ctx, by)
}

// begin makes h the object's lease.
func (x *Exclusive) begin(l *lease) {
	l.placed = true
	if x.spec.AutoExtend {
		x.attempts.ticket = nil // it has ended, and takes more room than the lease
		l.dropTicket()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lease, x.passings = l, l.passings
}

// discard gives up a lease that was passed on, but not taken.
func (x *Exclusive) discard(l *lease) {
	if l != nil {
		x.attempts.abandon(l)
	}
}

// current returns the current or last holder. Its lease is nil before the first.
func (x *Exclusive) current() holder {
	x.mu.Lock()
	defer x.mu.Unlock()
	return holder{x.lease, x.passings}
}

// Unlock releases the lease, and reports whether a majority still had it.
//
// Whatever the outcome, the lease has ended and the object's place is free. When
// too few nodes answered, the releases go on in the background, and Unlock may
// be called again, for as long as no other goroutine has locked the object, to
// ask once more.
func (x *Exclusive) Unlock(ctx context.Context) (bool, error) {
	err, _ := x.unlock(ctx)
	return err == nil, err
}

// unlock also reports whether the lease is known to have been lost, as opposed to
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
	h.released(ctx, s, holdfast.Released{Err: err}, lost)
	return err, lost
}

func (x *Exclusive) giveBack(ctx context.Context, h holder) (err error, lost bool) {
	switch {
	case h.lease == nil:
		return x.spec.fail(ErrLockAlreadyExpired, errNotHeld), true
	case x.queue.awaited() && h.pass():
		x.discard(x.queue.leave(h.lease))
		return nil, false
	case !h.claim():
		return x.spec.fail(ErrLockAlreadyExpired, errNotHeld), true
	}
	h.renewing().awaitRenewal(ctx)
	if x.queue.awaited() && h.renewToPass(ctx, &x.pause) {
		x.discard(x.queue.leave(h.lease))
		return nil, false
	}
	end, causes := h.releasing().releaseAll(ctx)
	if h.releasing().disclaim(end) {
		x.attempts.left.add(&h.footprint)
		x.attempts.used = h.numbers.count()
		x.queue.leave(nil)
	}
	return h.releasing().verdict(ctx, end, causes)
}

// Extend renews the lease for another full expiry, and reports whether it did.
func (x *Exclusive) Extend(ctx context.Context) (bool, error) {
	err := x.spec.extend(ctx, x.current(), 1)
	return err == nil, err
}

// Valid asks the clocks and the nodes whether the lease is still good. It is
// false, without an error, when there is no lease.
func (x *Exclusive) Valid(ctx context.Context) (bool, error) {
	if err := x.spec.usable(); err != nil {
		return false, err
	}
	h := x.current()
	if h.lease == nil || !h.active() {
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

// Value is the token of the current or last lease, or "" before the first.
func (x *Exclusive) Value() string {
	if h := x.current(); h.lease != nil {
		return h.show()
	}
	return x.spec.Value
}

// Until is the end of the validity of the current or last lease. It is the zero
// time before the first, and for an adopted lease that was not extended.
func (x *Exclusive) Until() time.Time {
	if h := x.current(); h.lease != nil {
		return h.validity().until
	}
	return time.Time{}
}

// Name is the lock's name.
func (x *Exclusive) Name() string { return x.spec.name }

// Lost returns a channel that is closed when the current lease is lost: at once if
// that is known already, or if there is no lease.
func (x *Exclusive) Lost() <-chan struct{} { return x.current().lost() }

// Fence is the fencing token of the current or last lease: 0 before the first, for
// one that was adopted, and without fencing.
func (x *Exclusive) Fence() int64 {
	if h := x.current(); h.lease != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.numbers.used
	}
	return 0
}

// Do runs fn while the lock is held, and keeps the lease alive meanwhile. fn's context
// ends with ctx, and with ErrLost as its cause when the lease is lost.
//
// The lease is released when fn returns, panics or ends its goroutine. Do returns why
// it could not lock, or else fn's error joined with the lease's loss. A release that
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

// releaseAfter is release at the end of Do: of what fn has made of the lease.
func (x *Exclusive) releaseAfter(ctx context.Context, h holder) (err error, lost bool) {
	if to := h.converted(); to != nil {
		return x.readers.releaseAfter(ctx, to)
	}
	return x.release(ctx, h)
}
