package redlock

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/backoff"
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
		by.left[1] = h
		by.linger(ctx)
		return x.spec.fail(ErrFailed, why(ctx, err, &ErrTaken{})...)
	}
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
		h.keepAlive()
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

// acquire tries until a try is won, its tries are used up, or ctx ends.
func (a *attempts) acquire(ctx context.Context, by *tries) (*hold, error) {
	tk := a.begin(by, "")
	defer tk.end()
	defer a.forget()
	for {
		h, causes, err := a.next(ctx, by, tk)
		if h != nil || err != nil {
			return h, err
		}
		if err := pauseOn(ctx, tk, by, nil); err != nil {
			return nil, a.spec.fail(ErrFailed, why(ctx, err, causes...)...)
		}
	}
}

// next makes one try. Without a hold and an error, another one may be made.
func (a *attempts) next(ctx context.Context, by *tries, tk *ticket) (*hold, []error, error) {
	t, err := a.spec.nextToken()
	if err != nil {
		return nil, nil, a.spec.fail(ErrFailed, err)
	}
	h, causes := a.try(ctx, t, tk.forTry(by))
	if h == nil && ctx.Err() != nil {
		by.left[1] = a.left.of(t)
		if a.causes != nil { // this try was cut short, and knows less
			causes = a.causes
		}
		return nil, nil, a.spec.fail(ErrFailed, append(ended(ctx), causes...)...)
	}
	a.causes = causes
	return h, causes, nil
}

// why lists the causes of a failed wait: the end of ctx, if it was that, and
// what was in the way.
func why(ctx context.Context, err error, causes ...error) []error {
	if err == backoff.ErrExhausted {
		return causes
	}
	return append(ended(ctx), causes...)
}

// ended lists ctx's error, and its cause where that says more.
func ended(ctx context.Context) []error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return []error{cause}
	}
	return []error{err, cause}
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
		x.attempts.left.add(h.hold)
		x.attempts.used = h.numbers.count()
		x.queue.leave(nil)
	}
	return h.verdict(ctx, end, causes)
}

// Extend renews the hold for another full expiry, and reports whether it did.
func (x *Exclusive) Extend(ctx context.Context) (bool, error) {
	if err := x.spec.usable(); err != nil {
		return false, err
	}
	h := x.current()
	if h.hold == nil {
		return false, x.spec.fail(ErrExtendFailed, ErrLockAlreadyExpired, errNotHeld)
	}
	err := h.extendFor(ctx)
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
