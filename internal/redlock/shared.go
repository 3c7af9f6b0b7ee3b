package redlock

import (
	"context"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast"
)

// Shared is the readers' half of a read-write lock object. The goroutines that
// read through one object share one lease on the nodes and are counted here.
//
// A reader joins the lease without a round trip only within joinWindow of the
// moment at which the nodes last said that no writer waits; else it asks them
// anew, by an extension of the lease for itself and all readers behind it. Once
// an answer says that a writer waits, no reader joins: those that are there
// finish, the lease is given back, and the writer gets its turn.
type Shared struct {
	spec     *Spec
	readers  *readers
	attempts attempts // of the reader that asks

	mu   sync.Mutex
	last *lease // the current one, or the last: nil before the first
}

// Lock acquires a share of the lease with the configured tries, TryLock with one.
func (x *Shared) Lock(ctx context.Context) error {
	return x.lock(ctx, x.spec.newTries())
}

// TryLock makes one try and does not wait for writers.
func (x *Shared) TryLock(ctx context.Context) error {
	return x.lock(ctx, x.spec.triesOf(1))
}

func (x *Shared) lock(ctx context.Context, by *tries) error {
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

func (x *Shared) take(ctx context.Context, by *tries) error {
	if err := x.spec.usable(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return x.spec.fail(ErrFailed, ended(ctx)...)
	}
	defer by.Stop()
	joined, err := x.readers.enter(ctx, by)
	switch {
	case err != nil:
		return x.spec.fail(ErrFailed, x.keptOut(ctx, err)...)
	case joined:
		by.passed = true
		return nil
	}
	return x.ask(ctx, by)
}

// keptOut lists the causes of a reader's wait in the queue that has ended with err.
func (x *Shared) keptOut(ctx context.Context, err error) []error {
	if away, ok := err.(turnedAway); ok {
		return away
	}
	return why(ctx, err, x.readers.inTheWay())
}

// ask gets a share from the nodes, for the reader at the head of the queue.
func (x *Shared) ask(ctx context.Context, by *tries) error {
	tk := x.attempts.begin(by, "")
	for {
		x.readers.begin()
		got, causes, err := x.tryOnce(ctx, by, tk)
		if got != nil {
			x.keep(got.lease)
			tk.end() // before another reader may ask, and use it
			x.attempts.forget()
			if x.readers.admitted(got) {
				return nil
			}
			tk = x.attempts.begin(by, "")
			continue
		}
		if err == nil {
			err = x.pause(ctx, by, tk, causes)
		}
		if err != nil {
			tk.end()
			x.attempts.forget()
			x.readers.giveUp()
			by.linger(ctx)
			return err
		}
	}
}

// pause waits for the next try, or for the end of the lease that is in the way, or until
// another reader wants to know at once.
func (x *Shared) pause(ctx context.Context, by *tries, tk *ticket, causes []error) error {
	var err error
	recall := x.readers.refused(causes)
	if now, _ := x.readers.current(); now != nil {
		// Without the ticket: a try that asks no node does not make it last, and one
		// that would end too soon asks for another try at once. Behind a writer that
		// waits for the lease, the reader is called at the end of that.
		if now.lease.contested() != nil {
			err = by.pauseToLook(ctx, recall)
		} else {
			err = by.pauseOr(ctx, recall)
		}
	} else {
		err = pauseOn(ctx, tk, by, recall)
	}
	if err != nil {
		return x.spec.fail(ErrFailed, why(ctx, err, causes...)...)
	}
	return nil
}

// tryOnce tries to get into the present lease, or to get a new one. Without a
// lease and an error, another try may be made.
func (x *Shared) tryOnce(ctx context.Context, by *tries, tk *ticket) (*sharedLease, []error, error) {
	now, ending := x.readers.current()
	if now != nil && !ending {
		by.asked++
		got, causes, err := x.tryJoin(ctx, now)
		if causes == nil || !x.readers.endedMeanwhile(now) {
			return got, causes, err
		}
	}
	if now != nil {
		select {
		case <-now.over:
		case <-ctx.Done():
			return nil, nil, x.spec.fail(ErrFailed, ended(ctx)...)
		}
	}
	l, causes, err := x.attempts.next(ctx, by, tk)
	if l == nil {
		return nil, causes, err
	}
	return newSharedLease(l), nil, nil
}

// tryJoin asks the nodes whether further readers may join the lease, and extends
// it by that. A lease whose validity has ended lets no reader in, and stays in the
// way until its readers have given it back, as a mutex's lease does.
func (x *Shared) tryJoin(ctx context.Context, now *sharedLease) (*sharedLease, []error, error) {
	l := now.lease
	l.uncontest()
	causes := l.extending().extend(ctx)
	if causes != nil && ctx.Err() != nil {
		return nil, nil, x.spec.fail(ErrFailed, append(ended(ctx), causes...)...)
	}
	if nodes := l.contested(); causes == nil && nodes != nil {
		causes = []error{contested(nodes)}
	}
	if causes != nil {
		return nil, causes, nil
	}
	return now, nil, nil
}

func (x *Shared) keep(l *lease) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.last = l
}

// current returns the current or last lease as that of its readers. Its lease is nil before
// the first.
func (x *Shared) current() holder {
	x.mu.Lock()
	defer x.mu.Unlock()
	return holder{lease: x.last}
}

// Unlock gives one share back. The last one releases the lease, and reports
// whether a majority still had it; the others go by the clocks alone.
func (x *Shared) Unlock(ctx context.Context) (bool, error) {
	x.readers.takeFromDo()
	err, _ := x.unlock(ctx)
	return err == nil, err
}

func (x *Shared) unlock(ctx context.Context) (err error, lost bool) {
	if err := x.spec.usable(); err != nil {
		return err, false
	}
	from, last := x.readers.leave()
	if from == nil {
		return x.releaseAgain(ctx)
	}
	return x.left(ctx, from, last)
}

// releaseAfter gives back, at the end of the writer's Do, the share that fn's Downgrade
// has made of the lease, unless fn has.
func (x *Shared) releaseAfter(ctx context.Context, l *lease) (err error, lost bool) {
	from, last := x.readers.leaveDo(l)
	if from == nil {
		return nil, false
	}
	return x.left(ctx, from, last)
}

// left sees to a lease that a reader has left.
func (x *Shared) left(ctx context.Context, from *sharedLease, last bool) (err error, lost bool) {
	h := holder{lease: from.lease}
	s := h.leave()
	switch {
	case last:
		err, lost = x.release(ctx, from)
	case from.lease.over():
		err, lost = x.spec.fail(ErrLockAlreadyExpired, from.lease.reasonsOfLoss()...), true
	}
	h.released(ctx, s, holdfast.Released{Passed: !last, Err: err}, lost)
	return err, lost
}

// release ends the lease after its last reader.
func (x *Shared) release(ctx context.Context, from *sharedLease) (err error, lost bool) {
	l := from.lease
	if !(holder{lease: l}).claim() {
		x.readers.released(from)
		return x.spec.fail(ErrLockAlreadyExpired, errNotHeld), true
	}
	l.renewing().awaitRenewal(ctx)
	end, causes := l.releasing().releaseAll(ctx)
	l.releasing().disclaim(end)
	x.attempts.left.add(&l.footprint)
	x.readers.released(from)
	return l.releasing().verdict(ctx, end, causes)
}

// releaseAgain asks once more for the release of the last lease, if too few nodes
// have answered so far.
func (x *Shared) releaseAgain(ctx context.Context) (err error, lost bool) {
	h := x.current()
	if h.lease == nil || h.active() || !h.claim() {
		return x.spec.fail(ErrLockAlreadyExpired, errNotHeld), true
	}
	end, causes := h.releasing().releaseAll(ctx)
	h.releasing().disclaim(end)
	return h.releasing().verdict(ctx, end, causes)
}

// Extend renews the lease for another full expiry, for all its readers.
func (x *Shared) Extend(ctx context.Context) (bool, error) {
	err := x.spec.extend(ctx, x.current(), 1)
	return err == nil, err
}

// Value is the token of the current or last lease, or "" before the first.
func (x *Shared) Value() string {
	if h := x.current(); h.lease != nil {
		return h.show()
	}
	return ""
}

// Until is the end of the validity of the current or last lease, or the zero time
// before the first.
func (x *Shared) Until() time.Time {
	if h := x.current(); h.lease != nil {
		return h.validity().until
	}
	return time.Time{}
}

// Lost is Exclusive.Lost for the lease that the object's readers share.
func (x *Shared) Lost() <-chan struct{} { return x.current().lost() }

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
